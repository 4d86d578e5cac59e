/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_time_text(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {{0, "1970-01-01T00:00:00.000Z"},
	            {-1, "1969-12-31T23:59:59.999Z"},
	            {INT64_C(1795377600007), "2026-11-22T20:00:00.007Z"},
	            {INT64_MAX, "9999-12-31T23:59:59.999Z"},
	            {INT64_MIN, "0000-01-01T00:00:00.000Z"},
	            {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[25];
		int64_t back;

		mst_time_rfc3339(rows[i].ms, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
		assert_true(mst_time_parse(text, &back));
		if (rows[i].ms != INT64_MAX && rows[i].ms != INT64_MIN)
			assert_true(back == rows[i].ms);
	}
}

static void test_time_parse(void **state)
{
	static const struct {
		const char *text, *utc;
	} rows[] = {{"2026-11-22T22:00:00+02:00", "2026-11-22T20:00:00.000Z"},
	            {"2026-11-22t14:30:00.5-05:30", "2026-11-22T20:00:00.500Z"},
	            {"2026-11-22 20:00:00.123999z", "2026-11-22T20:00:00.123Z"},
	            {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"},
	            {"2026-11-22", "2026-11-21T23:00:00.000Z"},
	            {"2026-11-22 20:00", "2026-11-22T19:00:00.000Z"},
	            {"2026-07-22 20:00:07", "2026-07-22T18:00:07.000Z"}};
	static const char *const bad[] = {"",
	                                  "2026",
	                                  "2026-13-01",
	                                  "2026-00-10",
	                                  "2026-02-29",
	                                  "2026-11-31",
	                                  "2026-11-22T20:00:00",
	                                  "2026-11-22T20:00Z",
	                                  "2026-11-22T24:00:00Z",
	                                  "2026-11-22T20:60:00Z",
	                                  "2026-11-22T20:00:61Z",
	                                  "2026-11-22T20:00:00+24:00",
	                                  "2026-11-22T20:00:00+0200",
	                                  "2026-11-22T20:00:00.Z",
	                                  "2026-11-22T20:00:00Zx",
	                                  "2026-11-22 ",
	                                  "26-11-22",
	                                  "2026-11-22 20:00 ",
	                                  " 2026-11-22",
	                                  "2026/11/22",
	                                  "2026-1-2",
	                                  NULL};
	char text[32];
	int64_t ms;

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(mst_time_parse(rows[i].text, &ms));
		mst_time_rfc3339(ms, text, sizeof(text));
		assert_string_equal(text, rows[i].utc);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (mst_time_parse(bad[i], &ms))
			fail_msg("\"%s\" was accepted", bad[i]);
	}
	mst_time_local(0, text, sizeof(text));
	assert_string_equal(text, "1970-01-01 01:00:00");
}

static void test_time_parse_past(void **state)
{
	static const struct {
		const char *text, *utc;
	} rows[] = {
	        {"7d", "2026-11-15T12:00:00.000Z"},
	        {"90m ago", "2026-11-22T10:30:00.000Z"},
	        {"2026-03-01", "2026-03-01T22:59:59.999Z"}, /* the end of that day, here */
	        {"2026-07-01", "2026-07-01T21:59:59.999Z"},
	        {"2026-11-22", "2026-11-22T12:00:00.000Z"}, /* today is not over */
	        {"2026-03-01 14:00", "2026-03-01T13:00:00.000Z"},
	        {"2026-03-01T14:00:00Z", "2026-03-01T14:00:00.000Z"},
	};
	static const char *const bad[] = {"", "ago", " ago", "7", "soon", "7d 3h", "2026-13-01", "-7d", "100000y"};
	int64_t now, ms;
	char text[32];

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_true(mst_time_parse("2026-11-22T12:00:00Z", &now));
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!mst_time_parse_past(rows[i].text, now, &ms))
			fail_msg("\"%s\" was refused", rows[i].text);
		mst_time_rfc3339(ms, text, sizeof(text));
		assert_string_equal(text, rows[i].utc);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (mst_time_parse_past(bad[i], now, &ms))
			fail_msg("\"%s\" was accepted", bad[i]);
	assert_true(mst_time_parse_past("2999-01-01", now, &ms) && ms > now); /* for the caller to refuse */
}

static void test_time_ago(void **state)
{
	static const struct {
		int64_t age_s;
		const char *text;
	} rows[] = {{0, "now"},   {59, "now"},    {60, "1m"},     {720, "12m"},     {3599, "59m"},
	            {7200, "2h"}, {86399, "23h"}, {432000, "5d"}, {-7200, "in 2h"}, {-5, "now"}};
	char text[32];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		mst_time_ago(1000000000, 1000000000 + rows[i].age_s * 1000, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
	assert_true(mst_time_now() > INT64_C(1700000000000));
	assert_true(mst_time_monotonic() <= mst_time_monotonic());
}

#define IDS 20000

static void *make_ids(void *data)
{
	char(*ids)[MST_ID_SIZE] = data;

	for (int i = 0; i < IDS; i++)
		mst_id_new(ids[i]);
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_id(void **state)
{
	char(*ids)[MST_ID_SIZE] = calloc(3 * IDS, MST_ID_SIZE);
	char stamp[13] = "";
	pthread_t other[2];

	(void)state;
	assert_non_null(ids);
	assert_int_equal(pthread_create(&other[0], NULL, make_ids, ids + IDS), 0);
	assert_int_equal(pthread_create(&other[1], NULL, make_ids, ids + 2 * IDS), 0);
	make_ids(ids);
	pthread_join(other[0], NULL);
	pthread_join(other[1], NULL);
	for (int i = 0; i < 3 * IDS; i++) {
		assert_true(mst_id_valid(ids[i]));
		assert_true(i % IDS == 0 || strcmp(ids[i - 1], ids[i]) < 0);
	}
	qsort(ids, 3 * IDS, MST_ID_SIZE, compare_ids);
	for (int i = 1; i < 3 * IDS; i++)
		assert_string_not_equal(ids[i - 1], ids[i]);
	memcpy(stamp, ids[0], 8);
	memcpy(stamp + 8, ids[0] + 9, 4);
	assert_true(llabs(strtoll(stamp, NULL, 16) - mst_time_now()) < 60000);
	free(ids);
}

static void test_id_valid(void **state)
{
	static const char *const bad[] = {"",
	                                  "0198c0de-0000-7000-8000-00000000000",
	                                  "0198c0de-0000-7000-8000-0000000000000",
	                                  "0198C0DE-0000-7000-8000-000000000000",
	                                  "0198c0de-0000-4000-8000-000000000000",
	                                  "0198c0de-0000-7000-c000-000000000000",
	                                  "0198c0de00000-7000-8000-000000000000",
	                                  "0198c0dg-0000-7000-8000-000000000000",
	                                  NULL};

	(void)state;
	assert_true(mst_id_valid("0198c0de-0000-7000-8000-000000000000"));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(mst_id_valid(bad[i]));
}

static void test_id_short(void **state)
{
	static const struct {
		uint64_t number;
		const char *text;
	} rows[] = {{0, "0"}, {31, "z"}, {32, "10"}, {123456, "3rj0"}, {UINT64_MAX, "fzzzzzzzzzzzz"}};
	static const char *const bad[] = {"", "u", "3rj-", " 1", "g000000000000", "00000000000001", "\xc3\xa9", NULL};
	char text[14];
	uint64_t number;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		mst_id_short(rows[i].number, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
		assert_true(mst_id_short_parse(text, &number) && number == rows[i].number);
	}
	assert_true(mst_id_short_parse("3RJO", &number) && number == 123456);
	assert_true(mst_id_short_parse("iLI", &number) && number == 32 * 32 + 32 + 1);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(mst_id_short_parse(bad[i], &number));
	mst_id_short(123456, text, 4);
	assert_string_equal(text, "");
}

struct heard {
	int calls, level;
	char room[32];
	char line[MST_MAX_LOG_TEXT * 4 + 100];
};

static void hear(void *data, int level, const char *room, const char *line)
{
	struct heard *heard = data;

	heard->calls++;
	heard->level = level;
	memcpy(heard->room, room, strlen(room) + 1);
	memcpy(heard->line, line, strlen(line) + 1);
}

static void test_log_sink(void **state)
{
	static char big[MST_MAX_LOG_TEXT * 2];
	static struct heard heard;

	(void)state;
	mst_log_setup("test", MST_LOG_INFO);
	mst_log_set_sink(hear, &heard);
	mst_log(MST_LOG_DEBUG, "job", "not heard");
	assert_int_equal(heard.calls, 0);
	mst_log(MST_LOG_INFO, "job", "a\x1b[31m\nfake line\xff %d\n", 5);
	assert_int_equal(heard.calls, 1);
	assert_int_equal(heard.level, MST_LOG_INFO);
	assert_string_equal(heard.room, "job");
	assert_string_equal(heard.line, "a\\x1b[31m\\x0afake line\\xff 5");
	memset(big, 1, sizeof(big) - 1);
	mst_log(MST_LOG_ERROR, "job", "%s", big);
	assert_int_equal(heard.calls, 2);
	assert_string_equal(heard.line + strlen(heard.line) - 7, "\\x01...");
	mst_log_set_sink(NULL, NULL);
}

static void test_log_stderr(void **state)
{
	int saved = dup(STDERR_FILENO), ends[2];
	char line[200];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	mst_log_setup("test", MST_LOG_WARNING);
	mst_log(MST_LOG_INFO, "store", "not written");
	mst_log(MST_LOG_WARNING, "store", "slow: %s", "x\ty");
	dup2(saved, STDERR_FILENO);
	n = read(ends[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_string_equal(line, "test: warning: store: slow: x\\x09y\n");
	close(saved);
	close(ends[0]);
	close(ends[1]);
}

static void test_json_parse(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		bool good;
	} rows[] = {
	        {"{}", 2, true},     {" {\"a\":[1,2]} \n", 14, true},
	        {"12", 2, true},     {"\"x\"", 3, true},
	        {"null", 4, true},   {"", 0, false},
	        {"{", 1, false},     {"{}x", 3, false},
	        {"{} {}", 5, false}, {"[1,]", 4, false},
	        {"{}\0", 3, false},  {"\"\xff\"", 3, false},
	        {"01", 2, false},    {"/*x*/{}", 7, false},
	        {"[1", 2, false},    {"nul", 3, false},
	};
	struct mst_err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json_object *object = NULL;
		char *copy = mst_str_dupn(rows[i].text, rows[i].len);
		int status = mst_json_parse(copy, rows[i].len, "the reply", &object, &err);

		if ((status == 0) != rows[i].good)
			fail_msg("\"%s\": status %d", rows[i].text, status);
		if (!rows[i].good) {
			assert_null(object);
			assert_non_null(strstr(err.text, "the reply"));
		}
		json_object_put(object);
		free(copy);
	}
}

static void test_json_depth(void **state)
{
	struct json_object *object;
	struct mst_err err;
	char text[2000];

	(void)state;
	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	assert_int_not_equal(mst_json_parse(text, sizeof(text), "x", &object, &err), 0);
	assert_null(object);
	assert_int_equal(mst_json_parse(text + 1000 - 20, 40, "x", &object, &err), 0);
	json_object_put(object);
}

static void test_json_access(void **state)
{
	static const char text[] =
	        "{\"t\":\"x\",\"n\":-5,\"b\":true,\"o\":{},\"a\":[],\"z\":null,\"nul\":\"a\\u0000b\",\"d\":1.5}";
	struct json_object *object;
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_json_parse(text, sizeof(text) - 1, "x", &object, &err), 0);
	assert_string_equal(mst_json_text(object, "t", "f"), "x");
	assert_string_equal(mst_json_text(object, "n", "f"), "f");
	assert_string_equal(mst_json_text(object, "missing", "f"), "f");
	assert_string_equal(mst_json_text(object, "nul", "f"), "f");
	assert_null(mst_json_text(object, "z", NULL));
	assert_int_equal(mst_json_int(object, "n", 7), -5);
	assert_int_equal(mst_json_int(object, "t", 7), 7);
	assert_int_equal(mst_json_int(object, "d", 7), 7);
	assert_true(mst_json_bool(object, "b", false));
	assert_true(mst_json_bool(object, "n", true));
	assert_false(mst_json_bool(object, "n", false));
	assert_non_null(mst_json_object(object, "o"));
	assert_null(mst_json_object(object, "a"));
	assert_non_null(mst_json_array(object, "a"));
	assert_null(mst_json_array(object, "o"));
	assert_int_equal(mst_json_int(NULL, "n", 7), 7);
	assert_int_equal(mst_json_int(mst_json_array(object, "a"), "n", 7), 7);
	json_object_put(object);
}

static void test_json_add(void **state)
{
	struct json_object *object = json_object_new_object();

	(void)state;
	mst_json_add_text(object, "a", "caf\xc3\xa9");
	mst_json_add_text(object, "b", NULL);
	mst_json_add_text(object, "c", "x\xff");
	mst_json_add_int(object, "d", INT64_MIN);
	mst_json_add_bool(object, "e", false);
	assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
	                    "{\"a\":\"caf\xc3\xa9\",\"c\":\"x\xef\xbf\xbd\",\"d\":-9223372036854775808,\"e\":false}");
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_time_text),
	        cmocka_unit_test(test_time_parse),
	        cmocka_unit_test(test_time_parse_past),
	        cmocka_unit_test(test_time_ago),
	        cmocka_unit_test(test_id),
	        cmocka_unit_test(test_id_valid),
	        cmocka_unit_test(test_id_short),
	        cmocka_unit_test(test_log_sink),
	        cmocka_unit_test(test_log_stderr),
	        cmocka_unit_test(test_json_parse),
	        cmocka_unit_test(test_json_depth),
	        cmocka_unit_test(test_json_access),
	        cmocka_unit_test(test_json_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
