/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests as untrusted JSON, and listing with workers that misbehave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/time.h"
#include "plugin/manifest.h"

#define GOOD                                                                                                                          \
	"{\"name\":\"sample\",\"version\":\"1\",\"summary\":\"S\",\"abi\":1,\"interfaces\":[\"discovery\",\"later\"],\"methods\":["   \
	"{\"name\":\"one\",\"summary\":\"One\",\"wants\":[\"spawn\",\"net_raw\"],\"options\":["                                       \
	"{\"name\":\"include\",\"type\":\"targets\",\"flags\":[\"required\"],\"help\":\"H\",\"limited_by\":\"most\"},"                \
	"{\"name\":\"most\",\"type\":\"int\",\"default\":\"5\",\"help\":\"H\",\"minimum\":1,\"maximum\":9},"                          \
	"{\"name\":\"mode\",\"type\":\"choice\",\"choices\":\"a|b\",\"default\":\"a\",\"help\":\"H\",\"flags\":[\"risky\"]}],"        \
	"\"fields\":[{\"name\":\"ports\",\"label\":\"Ports\",\"type\":\"list\",\"flags\":[\"indexed\",\"default\"],\"help\":\"H\"}]," \
	"\"texts\":[{\"name\":\"a-text\",\"title\":\"T\",\"body\":\"B\\n\"}],"                                                        \
	"\"tools\":[{\"program\":\"nmap\",\"package\":\"nmap\",\"help\":\"H\"}]}]}"

static char dir[64];

static const char *path_of(const char *name)
{
	static char paths[4][256];
	static int next;
	next = (next + 1) % 4;
	snprintf(paths[next], sizeof paths[next], "%s/%s", dir, name);
	return paths[next];
}

static int parse(const char *text, struct mst_manifest *out, struct mst_err *err)
{
	struct json_object *object = json_tokener_parse(text);
	mst_err_clear(err);
	int status = mst_manifest_from_json(out, object, err);
	json_object_put(object);
	return status;
}

static void test_round_trip(void **state)
{
	(void)state;
	struct mst_manifest first, second;
	struct mst_err err;
	assert_int_equal(parse(GOOD, &first, &err), MST_OK);
	struct json_object *json = mst_manifest_to_json(&first);
	assert_int_equal(mst_manifest_from_json(&second, json, &err), MST_OK);
	struct json_object *again = mst_manifest_to_json(&second);
	assert_string_equal(json_object_to_json_string(json), json_object_to_json_string(again));
	assert_true(second.discovery && !second.store);
	assert_int_equal(second.methods[0].def.wants, 3);
	assert_int_equal(second.methods[0].def.options[0].flags, 1);
	assert_int_equal(second.methods[0].def.options[2].flags, 2);
	assert_int_equal(second.methods[0].fields[0].flags, 3);
	assert_string_equal(second.methods[0].texts[0].body, "B\n");
	assert_string_equal(second.methods[0].def.plugin, "sample");
	json_object_put(json);
	json_object_put(again);
	mst_manifest_free(&first);
	mst_manifest_free(&second);
}

/* GOOD with one piece replaced. */
static void refuse(const char *piece, const char *by)
{
	struct mst_manifest manifest;
	struct mst_err err;
	const char *at = strstr(GOOD, piece);
	assert_non_null(at);
	char text[8192];
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - GOOD), GOOD, by, at + strlen(piece));
	int status = parse(text, &manifest, &err);
	if (status == MST_OK)
		print_error("%s -> %s was taken\n", piece, by);
	assert_int_not_equal(status, MST_OK);
	assert_true(strlen(err.text) > 0);
	assert_null(manifest.name);
}

static void test_refuses(void **state)
{
	(void)state;
	struct mst_manifest manifest;
	struct mst_err err;
	assert_int_equal(parse("null", &manifest, &err), MST_E_CORRUPT);
	assert_int_equal(parse("[]", &manifest, &err), MST_E_CORRUPT);
	assert_int_equal(parse("{}", &manifest, &err), MST_E_CORRUPT);
	refuse("\"abi\":1", "\"abi\":-7");
	refuse("\"name\":\"sample\"", "\"name\":\"../x\"");
	refuse("\"name\":\"sample\"", "\"name\":7");
	refuse("\"wants\":[\"spawn\"", "\"wants\":[\"root\"");
	refuse("\"flags\":[\"required\"]", "\"flags\":[\"hidden\"]");
	refuse("\"type\":\"targets\"", "\"type\":\"everything\"");
	refuse("\"default\":\"5\"", "\"default\":\"50\"");
	refuse("\"limited_by\":\"most\"", "\"limited_by\":\"mode\"");
	refuse("\"name\":\"mode\"", "\"name\":\"most\"");
	refuse("\"help\":\"H\"", "\"help\":null");
	refuse("\"summary\":\"One\"", "\"summary\":\"\\u001b[2J\"");
	refuse("\"type\":\"list\"", "\"type\":\"blob\"");
	refuse("\"program\":\"nmap\"", "\"program\":\"../../bin/sh\"");
	refuse("\"options\":[", "\"options\":[7,");
	refuse("\"methods\":[", "\"methods\":[[],");
	refuse("\"methods\":[", "\"methods\":[],\"x\":[");
}

static void test_too_many(void **state)
{
	(void)state;
	struct mst_manifest manifest;
	struct mst_err err;
	struct mst_buf text;
	mst_buf_init(&text, 1 << 20);
	mst_buf_str(
	        &text,
	        "{\"name\":\"s\",\"version\":\"1\",\"summary\":\"S\",\"abi\":1,\"methods\":[{\"name\":\"m\",\"summary\":\"\","
	        "\"options\":[");
	for (unsigned i = 0; i <= MST_MAX_PLUGIN_OPTIONS; i++)
		mst_buf_printf(&text, "%s{\"name\":\"o%u\",\"type\":\"text\",\"help\":\"\"}", i ? "," : "", i);
	mst_buf_str(&text, "]}]}");
	assert_int_equal(parse(mst_buf_text(&text), &manifest, &err), MST_E_LIMIT);
	mst_buf_free(&text);
}

static void write_script(const char *name, const char *body)
{
	struct mst_err err;
	char text[8192];
	int len = snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
	assert_int_equal(mst_file_write_atomic(path_of(name), text, (size_t)len, 0700, &err), MST_OK);
}

static int describe(const char *body, struct mst_err *err)
{
	struct mst_manifest manifest;
	mst_err_clear(err);
	write_script("worker", body);
	int status = mst_plugin_describe(&manifest, "/x/sample.so", path_of("worker"), err);
	if (status == MST_OK) {
		assert_string_equal(manifest.path, "/x/sample.so");
		mst_manifest_free(&manifest);
	}
	return status;
}

static void test_describe(void **state)
{
	(void)state;
	struct mst_err err;
	assert_int_equal(describe("test \"$1 $2\" = 'describe /x/sample.so' && cat <<'E'\n" GOOD "\nE", &err), MST_OK);
	assert_int_equal(describe("echo 'sample.so: ABI mismatch; rebuild it' >&2; exit 1", &err), MST_E_FAILED);
	assert_string_equal(err.text, "sample.so: ABI mismatch; rebuild it");
	assert_int_equal(describe("kill -SEGV $$", &err), MST_E_FAILED);
	assert_non_null(strstr(err.text, "crashed"));
	assert_int_equal(describe("exit 3", &err), MST_E_FAILED);
	assert_non_null(strstr(err.text, "status 3"));
	assert_int_not_equal(describe("echo not json", &err), MST_OK);
	assert_non_null(strstr(err.text, "/x/sample.so"));
	int64_t before = mst_time_monotonic();
	assert_int_equal(describe("cat /dev/zero", &err), MST_E_LIMIT);
	assert_true(mst_time_monotonic() - before < 8000);
	if (getenv("MST_UNDER_VALGRIND"))
		return; /* where vfork is a fork, so that nobody hears that a program could not be started */
	struct mst_manifest manifest;
	assert_int_equal(mst_plugin_describe(&manifest, "/x/sample.so", path_of("nothing"), &err), MST_E_NOT_FOUND);
}

/* Hangs with its output open, and with it closed: both end at the deadline, and so does what it started. */
static void test_describe_deadline(void **state)
{
	(void)state;
	struct mst_err err;
	int64_t before = mst_time_monotonic();
	assert_int_equal(describe("sleep 100 & sleep 100", &err), MST_E_TIMEOUT);
	int64_t took = mst_time_monotonic() - before;
	assert_true(took >= MST_DESCRIBE_DEADLINE_MS - 100 && took < MST_DESCRIBE_DEADLINE_MS + 5000);
}

static const char *counting_worker =
        "echo x >> \"$(dirname \"$0\")/calls\"\n"
        "case $2 in *bad.so) echo 'bad.so: it is bad' >&2; exit 1;; esac\n"
        "name=$(basename \"$2\" .so)\n"
        "echo \"{\\\"name\\\":\\\"$name\\\",\\\"version\\\":\\\"1\\\",\\\"summary\\\":\\\"\\\",\\\"abi\\\":1,\\\"interfaces\\\":[\\\"discovery\\\"],"
        "\\\"methods\\\":[{\\\"name\\\":\\\"$(cat \"$2\")\\\",\\\"summary\\\":\\\"\\\"}]}\"";

static off_t calls(void)
{
	struct stat st;
	return stat(path_of("calls"), &st) == 0 ? st.st_size / 2 : 0;
}

static void write_file(const char *name, const char *text)
{
	struct mst_err err;
	assert_int_equal(mst_file_write_atomic(path_of(name), text, strlen(text), 0644, &err), MST_OK);
}

static void load(struct mst_plugin_list *list, size_t count, size_t faults)
{
	struct mst_err err;
	assert_int_equal(mst_plugin_list_load(list, path_of("plugins"), path_of("worker"), path_of("cache.json"), &err),
	                 MST_OK);
	assert_int_equal(list->count, count);
	assert_int_equal(list->fault_count, faults);
}

static void test_list_and_cache(void **state)
{
	(void)state;
	struct mst_plugin_list list;
	const struct mst_manifest *plugin;
	struct stat st;
	write_script("worker", counting_worker);
	assert_int_equal(mkdir(path_of("plugins"), 0755), 0);
	write_file("plugins/a.so", "alpha");
	write_file("plugins/b.so", "beta");
	write_file("plugins/bad.so", "");
	write_file("plugins/notes.txt", "no plugin");
	write_file("plugins/z.so", "alpha"); /* the same method as a.so */
	load(&list, 2, 2);
	assert_int_equal(calls(), 4);
	assert_string_equal(list.faults[0].text, "bad.so: it is bad");
	assert_non_null(strstr(list.faults[1].text, "already belongs to"));
	assert_string_equal(mst_plugin_list_method(&list, "beta", &plugin)->def.plugin, "b");
	assert_string_equal(plugin->name, "b");
	assert_null(mst_plugin_list_method(&list, "gamma", NULL));
	mst_plugin_list_free(&list);
	assert_int_equal(stat(path_of("cache.json"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* Only the fault is asked again. */
	load(&list, 2, 2);
	assert_int_equal(calls(), 5);
	mst_plugin_list_free(&list);
	/* A changed file is asked again, a removed one is forgotten. */
	write_file("plugins/b.so", "gamma");
	assert_int_equal(unlink(path_of("plugins/bad.so")), 0);
	assert_int_equal(unlink(path_of("plugins/z.so")), 0);
	load(&list, 2, 0);
	assert_int_equal(calls(), 6);
	assert_non_null(mst_plugin_list_method(&list, "gamma", NULL));
	mst_plugin_list_free(&list);
	/* A cache that is damaged or that others may write is none. */
	assert_int_equal(chmod(path_of("cache.json"), 0666), 0);
	load(&list, 2, 0);
	assert_int_equal(calls(), 8);
	mst_plugin_list_free(&list);
	write_file("cache.json", "{\"version\":1,\"plugins\":[");
	load(&list, 2, 0);
	assert_int_equal(calls(), 10);
	mst_plugin_list_free(&list);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/test-manifest-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	struct mst_err err;
	return mst_file_remove_tree(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_refuses),
	        cmocka_unit_test(test_too_many),          cmocka_unit_test(test_describe),
	        cmocka_unit_test(test_describe_deadline), cmocka_unit_test(test_list_and_cache),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
