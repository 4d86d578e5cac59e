/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and times for people; documents as JSON lines and CSV; a run in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/output.h"

static void test_numbers(void **state)
{
	char out[MST_FORMAT_SIZE];

	(void)state;
	assert_string_equal(mst_format_number(0, out), "0");
	assert_string_equal(mst_format_number(999, out), "999");
	assert_string_equal(mst_format_number(1204, out), "1 204");
	assert_string_equal(mst_format_number(-171020, out), "-171 020");
	assert_string_equal(mst_format_number(INT64_MIN, out), "-9 223 372 036 854 775 808");
	assert_string_equal(mst_format_bytes(512, out), "512 B");
	assert_string_equal(mst_format_bytes(31110000, out), "31 MB");
	assert_string_equal(mst_format_bytes(9400000000, out), "9.4 GB");
	assert_string_equal(mst_format_bytes(999600, out), "1.0 MB");
	assert_string_equal(mst_format_clock(64000, out), "1:04");
	assert_string_equal(mst_format_clock(7439000, out), "2:03:59");
	assert_string_equal(mst_format_about(118000, out), "2 min");
	assert_string_equal(mst_format_about(20000, out), "20 s");
	assert_string_equal(mst_format_about(INT64_C(1036800000), out), "12 d");
	assert_string_equal(mst_format_ago(0, 1, out), "");
}

/* What `draw` prints on stdout. */
static char *printed(void (*draw)(struct json_object *value), struct json_object *value)
{
	int saved = dup(STDOUT_FILENO), pipe_fds[2];
	char *text = calloc(1, 65536);
	ssize_t n;

	assert_int_equal(pipe(pipe_fds), 0);
	fflush(stdout);
	dup2(pipe_fds[1], STDOUT_FILENO);
	close(pipe_fds[1]);
	draw(value);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	n = read(pipe_fds[0], text, 65535);
	assert_true(n >= 0);
	close(pipe_fds[0]);
	return text;
}

static struct json_object *json(const char *text)
{
	struct json_object *value = NULL;

	assert_int_equal(mst_json_parse(text, strlen(text), "a test", &value, NULL), MST_OK);
	return value;
}

static void prints(const char *wanted, void (*draw)(struct json_object *value), const char *text)
{
	struct json_object *value = json(text);
	char *got = printed(draw, value);

	assert_string_equal(got, wanted);
	free(got);
	json_object_put(value);
}

static void test_times_become_rfc3339(void **state)
{
	(void)state;
	prints("{\"last_seen\":\"2026-11-22T20:00:00.000Z\",\"ended\":null,\"count\":7,\"a\":[{\"created\":\"1970-01-01T00:00:00.001Z\"}]}\n",
	       mst_out_line, "{\"last_seen\":1795377600000,\"ended\":0,\"count\":7,\"a\":[{\"created\":1}]}");
}

static void test_json_hides_nothing(void **state)
{
	(void)state;
	prints("{\"a\":\"x\\u202ey\\u001b[2J\"}\n", mst_out_line, "{\"a\":\"x\\u202ey\\u001b[2J\"}");
}

static const char *const columns[] = {"ip", "hostname", "ports", "last_seen", "gone"};

static void as_csv(struct json_object *value)
{
	struct mst_cli cli = {.format = MST_CLI_CSV};

	mst_out_array(&cli, value, columns, 5);
}

static void test_csv_is_defused(void **state)
{
	(void)state;
	prints("ip,hostname,ports,last_seen,gone\r\n"
	       "192.0.2.1,\"'=cmd|'' /C calc'!A1, x\",22;80,2026-11-22T20:00:00.000Z,\r\n",
	       as_csv,
	       "[{\"ip\":\"192.0.2.1\",\"hostname\":\"=cmd|'' /C calc'!A1, x\",\"ports\":[\"22\",\"80\"],\"last_seen\":1795377600000}]");
}

static void as_json(struct json_object *value)
{
	struct mst_cli cli = {.format = MST_CLI_JSON};

	mst_out_array(&cli, value, NULL, 0);
}

static void test_a_listing_is_one_array(void **state)
{
	struct json_object *value = json("[{\"a\":1},{\"a\":2}]"), *back;
	char *got = printed(as_json, value);

	(void)state;
	back = json(got);
	assert_int_equal(json_object_array_length(back), 2);
	json_object_put(back);
	json_object_put(value);
	free(got);
	prints("[]\n", as_json, "[]");
}

static void exits(int wanted, const char *text)
{
	struct json_object *run = json(text);

	assert_int_equal(mst_run_exit_status(run), wanted);
	json_object_put(run);
}

static void test_exit_status_of_a_run(void **state)
{
	(void)state;
	exits(0, "{\"outcome\":\"complete\",\"addresses\":5,\"refused\":[{\"count\":1}]}");
	exits(3, "{\"outcome\":\"partial\",\"addresses\":5}");
	exits(1, "{\"outcome\":\"failed\",\"addresses\":5}");
	exits(5, "{\"outcome\":\"failed\",\"addresses\":0,\"refused\":[{\"count\":1}]}");
	exits(2, "{\"outcome\":\"failed\",\"error\":\"usage\"}");
}

static void test_progress_line(void **state)
{
	struct json_object *run = json(
	        "{\"number\":7,\"state\":\"running\",\"progress\":{\"shards\":16,\"shards_done\":9,\"addresses\":256,"
	        "\"addresses_done\":144,\"up\":61,\"rate\":840,\"left_ms\":64000}}");
	struct mst_buf out;

	(void)state;
	mst_buf_init(&out, 4096);
	mst_run_progress_line(&out, run, true);
	assert_string_equal(mst_buf_text(&out),
	                    "Run 7   [#########-------]  9/16 shards   61 up   840 addresses/s   1:04 left"
	                    "      (Ctrl-C stops, keeps finished shards)");
	mst_buf_free(&out);
	json_object_put(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_numbers),
	        cmocka_unit_test(test_times_become_rfc3339),
	        cmocka_unit_test(test_json_hides_nothing),
	        cmocka_unit_test(test_csv_is_defused),
	        cmocka_unit_test(test_a_listing_is_one_array),
	        cmocka_unit_test(test_exit_status_of_a_run),
	        cmocka_unit_test(test_progress_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
