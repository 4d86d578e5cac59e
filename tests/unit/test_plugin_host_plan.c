/* SPDX-License-Identifier: Apache-2.0 */
/* Host services: targets, the known stream, shards. */
#include "host_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

struct seen {
	char text[512];
	int64_t count;
	int chunks, stop_after;
};

static int on_chunk(void *data, const struct muster_target_chunk *chunk)
{
	struct seen *seen = data;
	size_t len = strlen(seen->text);
	snprintf(seen->text + len, sizeof seen->text - len, "%u:%s;", chunk->family, chunk->addresses);
	seen->count += chunk->count;
	return ++seen->chunks == seen->stop_after ? -99 : 0;
}

static void open_plan(struct fixture *f, struct mst_rules *rules, const char *options)
{
	fixture_make(f);
	f->config.context = MST_HOST_PLAN;
	f->config.segment_fd = -1;
	f->config.rules = rules;
	f->config.options = options ? fixture_json(options) : NULL;
	fixture_open(f);
}

static int ask(struct fixture *f, const char *include, const char *exclude, const char *only, uint32_t per_chunk,
               struct seen *seen)
{
	struct muster_target_query query = {
	        .size = sizeof query, .per_chunk = per_chunk, .include = include, .exclude = exclude, .only = only};
	int stop_after = seen->stop_after;
	*seen = (struct seen){.stop_after = stop_after};
	return f->services->targets(f->call, &query, on_chunk, seen);
}

static void test_targets(void **state)
{
	struct fixture f;
	struct seen seen = {0};
	(void)state;
	open_plan(&f, NULL, NULL);
	assert_int_equal(ask(&f, "10.0.0.0/29,10.0.0.2,2001:db8::1", "10.0.0.0/31", NULL, 4, &seen), MUSTER_OK);
	assert_string_equal(seen.text, "4:10.0.0.2/31;4:10.0.0.4/30;6:2001:db8::1;");
	assert_int_equal(seen.count, 7);
	assert_non_null(
	        strstr(fixture_lines(&f), "{\"type\":\"targets\",\"included\":9,\"excluded\":2,\"refused\":[]}\n"));
	assert_int_equal(ask(&f, "10.0.0.0/29", NULL, "10.0.0.7,10.9.9.9", 16, &seen), MUSTER_OK);
	assert_string_equal(seen.text, "4:10.0.0.7;");
	assert_int_equal(ask(&f, "10.0.0.0/29", NULL, "", 16, &seen), MUSTER_OK); /* only these: none */
	assert_int_equal(seen.chunks, 0);
	seen.stop_after = 1;
	assert_int_equal(ask(&f, "10.0.0.0/29", NULL, NULL, 1, &seen), -99);
	assert_int_equal(seen.chunks, 1);
	fixture_free(&f);
}

static void test_targets_refuses(void **state)
{
	struct fixture f;
	struct seen seen = {0};
	(void)state;
	open_plan(&f, NULL, "{\"include\":\"10.0.0.0/26\",\"most\":\"64\"}");
	assert_int_equal(ask(&f, NULL, NULL, NULL, 16, &seen), MUSTER_E_USAGE);
	assert_int_equal(ask(&f, "", NULL, NULL, 16, &seen), MUSTER_E_USAGE);
	assert_int_equal(ask(&f, "10.0.0.1", NULL, NULL, 0, &seen), MUSTER_E_USAGE);
	assert_int_equal(ask(&f, "10.0.0.1", NULL, NULL, 65537, &seen), MUSTER_E_USAGE);
	assert_int_equal(ask(&f, "-oN/x", NULL, NULL, 16, &seen), MUSTER_E_USAGE);
	assert_int_equal(ask(&f, "10.0.0.1", "-oN/x", NULL, 16, &seen), MUSTER_E_USAGE);
	assert_int_equal(ask(&f, "10.0.0.1", NULL, "a-name", 16, &seen), MUSTER_E_USAGE);
	assert_int_equal(seen.chunks, 0);
	assert_int_equal(ask(&f, "10.0.0.0/26", NULL, NULL, 64, &seen), MUSTER_OK); /* exactly as many as allowed */
	fixture_free(&f);
}

static void test_rules(void **state)
{
	struct fixture f;
	struct mst_rules rules = {0};
	struct seen seen = {0};
	(void)state;
	mst_rules_add(&rules, true, "10.0.0.4/30", "a.conf:5", NULL);
	mst_rules_add(&rules, false, "10.0.0.0/28", "b.conf:6", NULL);
	mst_rules_add(&rules, false, "127.0.0.0/8", "b.conf:7", NULL);
	open_plan(&f, &rules, NULL);
	assert_int_equal(ask(&f, "10.0.0.0/27,localhost", NULL, NULL, 32, &seen), MUSTER_OK);
	assert_string_equal(seen.text, "4:10.0.0.0/30,10.0.0.8/29,127.0.0.1;");
	fixture_lines(&f);
	assert_non_null(strstr(
	        f.lines,
	        "{\"addresses\":\"10.0.0.4/30\",\"count\":4,\"rule\":\"never_scan\",\"entry\":\"10.0.0.4/30\",\"at\":\"a.conf:5\"}"));
	assert_non_null(strstr(f.lines, "\"rule\":\"scan_only\""));
	mst_rules_free(&rules);
	fixture_free(&f);
}

static void test_names(void **state)
{
	struct fixture f;
	struct seen seen = {0};
	(void)state;
	open_plan(&f, NULL, NULL);
	assert_int_equal(ask(&f, "localhost", NULL, "127.0.0.1", 16, &seen), MUSTER_OK);
	assert_string_equal(seen.text, "4:127.0.0.1;");
	assert_int_equal(ask(&f, "127.0.0.0/30", "localhost", "127.0.0.1", 16, &seen), MUSTER_OK);
	assert_int_equal(seen.chunks, 0);
	assert_int_not_equal(ask(&f, "no-such-name.invalid", NULL, NULL, 16, &seen), MUSTER_OK);
	assert_non_null(strstr(mst_host_failure(f.host), "no-such-name.invalid"));
	fixture_free(&f);
}

static void give_known(struct fixture *f, const char *text)
{
	char path[96];
	snprintf(path, sizeof path, "%s/known", f->dir);
	f->config.known_fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(f->config.known_fd, text, strlen(text), 0), strlen(text));
}

static void test_known(void **state)
{
	struct fixture f;
	struct muster_known known = {.size = sizeof known};
	(void)state;
	fixture_make(&f);
	f.config.context = MST_HOST_PLAN;
	f.config.segment_fd = -1;
	give_known(
	        &f,
	        "{\"address\":\"10.0.0.1\",\"last_seen\":5,\"os_seen\":7}\n{\"address\":\"2001:DB8::1\",\"last_seen\":6}\n");
	fixture_open(&f);
	assert_int_equal(f.services->known_next(f.call, &known), MUSTER_OK);
	assert_string_equal(known.address, "10.0.0.1");
	assert_int_equal(known.last_seen, 5);
	assert_int_equal(known.os_seen, 7);
	assert_int_equal(f.services->known_next(f.call, &known), MUSTER_OK);
	assert_string_equal(known.address, "2001:db8::1");
	assert_int_equal(known.os_seen, 0);
	assert_int_equal(f.services->known_next(f.call, &known), MUSTER_E_END);
	assert_int_equal(f.services->known_next(f.call, &known), MUSTER_E_END);
	close(f.config.known_fd);
	fixture_free(&f);
}

static void test_bad_known(void **state)
{
	static const char *const bad[] = {"{\"address\":\"10.0.0.1\"}", "nonsense\n", "{\"address\":\"here\"}\n",
	                                  "[]\n", "{}\n"};
	struct muster_known known = {.size = sizeof known};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct fixture f;
		fixture_make(&f);
		f.config.context = MST_HOST_PLAN;
		f.config.segment_fd = -1;
		give_known(&f, bad[i]);
		fixture_open(&f);
		int status = f.services->known_next(f.call, &known);
		assert_true(status < 0 && status != MUSTER_E_END);
		close(f.config.known_fd);
		fixture_free(&f);
	}
}

static int shard(struct fixture *f, const char *id, const char *addresses, size_t spec)
{
	static char bytes[MST_MAX_SHARD_SPEC + 1];
	struct muster_shard made = {.size = sizeof made, .id = id, .spec = {bytes, spec}, .addresses = 4};
	made.scope =
	        (struct muster_scope){.size = sizeof made.scope, .facts = MUSTER_FACT_PRESENCE, .addresses = addresses};
	return f->services->shard(f->call, &made);
}

static void test_shards(void **state)
{
	struct fixture f;
	struct mst_rules rules = {0};
	char id[66];
	(void)state;
	mst_rules_add(&rules, true, "10.0.0.9", "a.conf:5", NULL);
	open_plan(&f, &rules, NULL);
	memset(id, 'a', 65);
	id[65] = '\0';
	assert_int_equal(shard(&f, id, "10.0.0.1", 0), MUSTER_E_USAGE);
	id[64] = '\0';
	assert_int_equal(shard(&f, id, "10.0.0.1", 0), MUSTER_OK);
	assert_int_equal(shard(&f, id, "10.0.0.1", 0), MUSTER_E_EXISTS);
	assert_int_equal(shard(&f, "../x", "10.0.0.1", 0), MUSTER_E_USAGE);
	assert_int_equal(shard(&f, "..", "10.0.0.1", 0), MUSTER_E_USAGE);
	assert_int_equal(shard(&f, "", "10.0.0.1", 0), MUSTER_E_USAGE);
	assert_int_equal(shard(&f, NULL, "10.0.0.1", 0), MUSTER_E_USAGE);
	assert_int_equal(shard(&f, "a", "10.0.0.0/28", 0), MUSTER_E_REFUSED);
	assert_non_null(strstr(mst_host_failure(f.host), "a.conf:5") ?: strstr(fixture_lines(&f), "a.conf:5"));
	assert_int_equal(shard(&f, "a", "10.0.0.1", MST_MAX_SHARD_SPEC + 1), MUSTER_E_LIMIT);
	assert_int_equal(shard(&f, "a", "10.0.0.0/30", MST_MAX_SHARD_SPEC), MUSTER_OK);
	for (char *line = (char *)(uintptr_t)fixture_lines(&f), *end; (end = strchr(line, '\n')); line = end + 1)
		assert_true(end - line < MST_MAX_LINE);
	mst_rules_free(&rules);
	fixture_free(&f);
}

static void test_contexts(void **state)
{
	struct fixture f;
	struct seen seen = {0};
	struct muster_known known = {.size = sizeof known};
	(void)state;
	fixture_make(&f);
	fixture_open(&f); /* run */
	assert_int_equal(f.services->known_next(f.call, &known), MUSTER_E_REFUSED);
	assert_int_equal(shard(&f, "follow-up", "10.0.0.1", 0), MUSTER_OK);
	mst_host_free(f.host);
	f.config.context = MST_HOST_READ;
	fixture_open(&f);
	assert_int_equal(shard(&f, "x", "10.0.0.1", 0), MUSTER_E_REFUSED);
	assert_int_equal(ask(&f, "10.0.0.1", NULL, NULL, 1, &seen), MUSTER_E_REFUSED);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_targets), cmocka_unit_test(test_targets_refuses),
	        cmocka_unit_test(test_rules),   cmocka_unit_test(test_names),
	        cmocka_unit_test(test_known),   cmocka_unit_test(test_bad_known),
	        cmocka_unit_test(test_shards),  cmocka_unit_test(test_contexts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
