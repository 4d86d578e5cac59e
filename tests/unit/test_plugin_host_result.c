/* SPDX-License-Identifier: Apache-2.0 */
/* Host services: scopes, records, checkpoints, the end of a callback. */
#include "host_fixture.h"

#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "record/spool.h"

static const struct muster_scope small = {
        .size = sizeof(struct muster_scope), .facts = MUSTER_FACT_PRESENCE, .addresses = "10.0.0.0/30"};

static void emit(struct fixture *f, const char *key)
{
	assert_int_equal(f->services->record_begin(f->call, key), MUSTER_OK);
	assert_int_equal(f->services->record_text(f->call, "ip", key), MUSTER_OK);
	assert_int_equal(f->services->record_array(f->call, "names"), MUSTER_OK);
	assert_int_equal(f->services->record_object(f->call, NULL), MUSTER_OK);
	assert_int_equal(f->services->record_text(f->call, "name", "h"), MUSTER_OK);
	assert_int_equal(f->services->record_end(f->call), MUSTER_OK);
	assert_int_equal(f->services->record_end(f->call), MUSTER_OK);
	assert_int_equal(f->services->record_int(f->call, "seen", 5), MUSTER_OK);
	assert_int_equal(f->services->record_bool(f->call, "answered", 1), MUSTER_OK);
	assert_int_equal(f->services->record_emit(f->call), MUSTER_OK);
}

/* Types of the frames in the segment, as digits. */
static const char *frame_types(const char *path)
{
	static char types[64];
	struct mst_spool_reader *reader;
	struct mst_frame frame;
	size_t n = 0;
	assert_int_equal(mst_spool_reader_open(&reader, path, 0, NULL), MST_OK);
	while (n + 1 < sizeof types && mst_spool_read(reader, &frame, NULL) == MST_OK)
		types[n++] = (char)('0' + frame.type);
	assert_false(mst_spool_reader_torn(reader));
	mst_spool_reader_close(reader);
	types[n] = '\0';
	return types;
}

static void test_complete(void **state)
{
	struct fixture f;
	struct mst_err end;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(f.services->scope_begin(f.call, &small), MUSTER_OK);
	emit(&f, "10.0.0.1");
	emit(&f, "10.0.0.2");
	assert_int_equal(f.services->scope_end(f.call, MUSTER_OUTCOME_COMPLETE, NULL), MUSTER_OK);
	assert_string_equal(frame_types(f.segment),
	                    "1223"); /* in the file already: a crash from here on costs nothing */
	assert_int_equal(mst_host_finish(f.host, MUSTER_OK, &end), MST_OK);
	assert_int_equal(mst_host_records(f.host), 2);
	assert_string_equal(frame_types(f.segment), "12235");
	fixture_free(&f);
}

/* A file whose plugin says that it covers 10.0.0.0/30; `stated` is what the operator says of it. */
static const char *read_file(struct fixture *f, const char *stated, int outcome, int records)
{
	struct mst_scope planned = {.facts = MUSTER_FACT_PRESENCE, .addresses = (char *)(uintptr_t)stated};
	struct mst_err end;
	fixture_make(f);
	f->config.context = MST_HOST_READ;
	f->config.scope = stated ? &planned : NULL;
	fixture_open(f);
	assert_int_equal(f->services->scope_begin(f->call, &small), MUSTER_OK);
	if (records > 0)
		emit(f, "10.0.0.1");
	assert_int_equal(f->services->scope_end(f->call, outcome, NULL), MUSTER_OK);
	mst_host_finish(f->host, MUSTER_OK, &end);
	return frame_types(f->segment);
}

/* The n-th scope of a segment. Caller frees. */
static struct mst_scope scope_at(const char *path, int n)
{
	struct mst_spool_reader *reader;
	struct mst_frame frame;
	struct mst_scope scope = {0};
	bson_t doc;
	assert_int_equal(mst_spool_reader_open(&reader, path, 0, NULL), MST_OK);
	while (n >= 0 && mst_spool_read(reader, &frame, NULL) == MST_OK)
		if (frame.type == MST_FRAME_SCOPE_BEGIN && n-- == 0) {
			assert_true(bson_init_static(&doc, frame.data, frame.len));
			assert_int_equal(mst_scope_from_bson(&scope, &doc, NULL), MST_OK);
		}
	mst_spool_reader_close(reader);
	return scope;
}

static void test_a_file_covers_presence_only_when_stated(void **state)
{
	struct fixture f;
	(void)state;
	assert_string_equal(read_file(&f, NULL, MUSTER_OUTCOME_COMPLETE, 1), "1235");
	struct mst_scope scope = scope_at(f.segment, 0);
	assert_int_equal(scope.facts, 0);
	assert_string_equal(scope.addresses, "10.0.0.0/30");
	mst_scope_free(&scope);
	fixture_free(&f);
	assert_string_equal(read_file(&f, "10.0.0.0/24", MUSTER_OUTCOME_COMPLETE, 1), "123135");
	scope = scope_at(f.segment, 1);
	assert_int_equal(scope.facts, MUSTER_FACT_PRESENCE);
	assert_string_equal(scope.addresses, "10.0.0.0/24");
	mst_scope_free(&scope);
	fixture_free(&f);
	assert_string_equal(read_file(&f, "10.0.0.0/24", MUSTER_OUTCOME_PARTIAL, 1), "1235");
	fixture_free(&f);
	assert_string_equal(read_file(&f, "10.0.0.0/24", MUSTER_OUTCOME_COMPLETE, 0), "135");
	assert_non_null(strstr(fixture_lines(&f), "tells no time"));
	fixture_free(&f);
}

static void test_order_is_enforced(void **state)
{
	struct fixture f;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(f.services->record_begin(f.call, "k"), MUSTER_E_REFUSED);
	assert_int_equal(f.services->record_emit(f.call), MUSTER_E_REFUSED);
	assert_int_equal(f.services->record_drop(f.call), MUSTER_E_REFUSED);
	assert_int_equal(f.services->scope_end(f.call, MUSTER_OUTCOME_COMPLETE, NULL), MUSTER_E_REFUSED);
	assert_int_equal(f.services->scope_begin(f.call, &small), MUSTER_OK);
	assert_int_equal(f.services->scope_begin(f.call, &small), MUSTER_E_REFUSED);
	assert_int_equal(f.services->scope_end(f.call, 0, NULL), MUSTER_E_USAGE);
	assert_int_equal(f.services->scope_end(f.call, 99, NULL), MUSTER_E_USAGE);
	assert_int_equal(f.services->record_begin(f.call, "k"), MUSTER_OK);
	assert_int_equal(f.services->record_drop(f.call), MUSTER_OK);
	assert_int_equal(f.services->record_begin(f.call, "k"), MUSTER_OK);
	assert_int_equal(f.services->record_object(f.call, "os"), MUSTER_OK);
	assert_int_not_equal(f.services->record_emit(f.call), MUSTER_OK); /* an object is open */
	/* A record that is open when its scope ends is no result. */
	assert_int_equal(f.services->scope_end(f.call, MUSTER_OUTCOME_COMPLETE, NULL), MUSTER_OK);
	assert_int_equal(f.services->record_text(f.call, "ip", "x"), MUSTER_E_REFUSED);
	assert_string_equal(frame_types(f.segment), "13");
	fixture_free(&f);
}

static void test_left_open(void **state)
{
	struct fixture f;
	struct mst_err end;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(f.services->scope_begin(f.call, &small), MUSTER_OK);
	emit(&f, "10.0.0.1");
	assert_int_equal(mst_host_finish(f.host, MUSTER_OK, &end), MST_E_PARTIAL);
	assert_non_null(strstr(end.text, "open"));
	assert_string_equal(frame_types(f.segment), "1235");
	fixture_free(&f);
}

static void test_partial_reason(void **state)
{
	struct fixture f;
	struct mst_err end;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	f.services->scope_begin(f.call, &small);
	f.services->scope_end(f.call, MUSTER_OUTCOME_PARTIAL, "half");
	f.services->scope_begin(f.call, &small);
	f.services->scope_end(f.call, MUSTER_OUTCOME_COMPLETE, "fine");
	assert_int_equal(mst_host_finish(f.host, MUSTER_OK, &end), MST_E_PARTIAL);
	assert_string_equal(end.text, "half");
	fixture_free(&f);
}

static void test_scopes_are_checked(void **state)
{
	struct fixture f;
	struct mst_scope planned = {.facts = 1, .addresses = (char *)(uintptr_t) "10.0.0.0/29"};
	struct mst_rules rules = {0};
	struct muster_scope scope = small;
	(void)state;
	fixture_make(&f);
	assert_int_equal(mst_rules_add(&rules, true, "10.0.0.7", "conf:1", NULL), MST_OK);
	f.config.scope = NULL;
	f.config.rules = &rules;
	fixture_open(&f);
	scope.addresses = "10.0.0.0/29";
	assert_int_equal(f.services->scope_begin(f.call, &scope), MUSTER_E_REFUSED);
	assert_non_null(strstr(fixture_lines(&f), "conf:1"));
	scope.addresses = "not an address";
	assert_int_not_equal(f.services->scope_begin(f.call, &scope), MUSTER_OK);
	mst_host_free(f.host);
	f.host = NULL;

	f.config.scope = &planned;
	struct mst_err err = {0};
	assert_int_equal(mst_host_new(&f.host, &f.config, &err),
	                 MST_E_REFUSED); /* the planned scope itself is forbidden */
	f.config.rules = NULL;
	fixture_open(&f);
	scope.addresses = "10.0.0.0/28";
	assert_int_equal(f.services->scope_begin(f.call, &scope), MUSTER_E_REFUSED);
	scope.addresses = "10.0.0.6";
	assert_int_equal(f.services->scope_begin(f.call, &scope), MUSTER_OK);
	mst_rules_free(&rules);
	fixture_free(&f);
}

static void test_checkpoint(void **state)
{
	struct fixture f;
	void *data = NULL;
	size_t len = 0;
	char *big = calloc(1, MST_MAX_CHECKPOINT + 1);
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(f.services->checkpoint(f.call, (struct muster_bytes){big, MST_MAX_CHECKPOINT + 1}),
	                 MUSTER_E_LIMIT);
	assert_int_equal(f.services->checkpoint(f.call, (struct muster_bytes){"at 7", 4}), MUSTER_OK);
	assert_int_equal(mst_spool_last_checkpoint(f.segment, &data, &len, NULL), MST_OK);
	assert_int_equal(len, 4);
	assert_memory_equal(data, "at 7", 4);
	free(data);
	free(big);
	fixture_free(&f);
}

static void test_second_try_counts_its_own(void **state)
{
	struct fixture f;
	struct mst_err end;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	f.services->scope_begin(f.call, &small);
	emit(&f, "10.0.0.1");
	f.services->scope_end(f.call, MUSTER_OUTCOME_COMPLETE, NULL);
	mst_host_free(f.host);
	fixture_open(&f);
	f.services->scope_begin(f.call, &small);
	emit(&f, "10.0.0.2");
	f.services->scope_end(f.call, MUSTER_OUTCOME_COMPLETE, NULL);
	mst_host_finish(f.host, MUSTER_OK, &end);
	assert_int_equal(mst_host_records(f.host), 1);
	assert_string_equal(frame_types(f.segment), "1231235");
	fixture_free(&f);
}

/* Outside run and read, and before and after the main callback, there are no results. */
static void test_contexts(void **state)
{
	static const enum mst_host_context without[] = {MST_HOST_PLAN, MST_HOST_CHECK, MST_HOST_STORE};
	struct muster_verdict verdict = {.size = sizeof verdict, .part = "p", .text = "t"};
	struct fixture f;
	(void)state;
	for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
		fixture_make(&f);
		f.config.context = without[i];
		f.config.segment_fd = -1;
		fixture_open(&f);
		assert_int_equal(f.services->scope_begin(f.call, &small), MUSTER_E_REFUSED);
		assert_int_equal(f.services->checkpoint(f.call, (struct muster_bytes){"x", 1}), MUSTER_E_REFUSED);
		assert_int_equal(f.services->record_text(f.call, "ip", "x"), MUSTER_E_REFUSED);
		assert_int_equal(f.services->verdict(f.call, &verdict),
		                 without[i] == MST_HOST_CHECK ? MUSTER_OK : MUSTER_E_REFUSED);
		fixture_free(&f);
	}
	fixture_make(&f);
	fixture_open(&f);
	f.call = mst_host_enter(f.host, MST_HOST_OPEN);
	assert_int_equal(f.services->scope_begin(f.call, &small), MUSTER_E_REFUSED);
	assert_non_null(strstr(fixture_lines(&f), "scope_begin in open"));
	f.call = mst_host_enter(f.host, MST_HOST_CLOSE);
	assert_int_equal(f.services->scope_begin(f.call, &small), MUSTER_E_REFUSED);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_complete),
	        cmocka_unit_test(test_a_file_covers_presence_only_when_stated),
	        cmocka_unit_test(test_order_is_enforced),
	        cmocka_unit_test(test_left_open),
	        cmocka_unit_test(test_partial_reason),
	        cmocka_unit_test(test_scopes_are_checked),
	        cmocka_unit_test(test_checkpoint),
	        cmocka_unit_test(test_second_try_counts_its_own),
	        cmocka_unit_test(test_contexts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
