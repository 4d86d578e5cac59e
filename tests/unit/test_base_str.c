/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
	        {"0", true, 0},
	        {"-1", true, -1},
	        {"9223372036854775807", true, INT64_MAX},
	        {"-9223372036854775808", true, INT64_MIN},
	        {"9223372036854775808", false, 0},
	        {"-9223372036854775809", false, 0},
	        {"18446744073709551616", false, 0},
	        {"", false, 0},
	        {"-", false, 0},
	        {"+1", false, 0},
	        {" 1", false, 0},
	        {"1 ", false, 0},
	        {"0x10", false, 0},
	        {"--1", false, 0},
	        {"1.0", false, 0},
	        {NULL, false, 0},
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t got = 77;

		assert_int_equal(mst_str_int64(rows[i].text, &got), rows[i].good);
		assert_true(got == (rows[i].good ? rows[i].value : 77));
	}
	assert_true(mst_str_uint("18446744073709551615", UINT64_MAX, &value) && value == UINT64_MAX);
	assert_false(mst_str_uint("18446744073709551616", UINT64_MAX, &value));
	assert_true(mst_str_uint("255", 255, &value));
	assert_false(mst_str_uint("256", 255, &value));
	assert_true(mst_str_uint("3", 3, &value));
	assert_false(mst_str_uint("4", 3, &value));
	assert_false(mst_str_uint("9", 0, &value));
	assert_false(mst_str_uint("-0", 10, &value));
}

static void test_units(void **state)
{
	static const struct {
		int (*parse)(const char *, int64_t *, struct mst_err *);
		const char *text;
		int status;
		int64_t value;
	} rows[] = {
	        {mst_str_duration, "0", 0, 0},
	        {mst_str_duration, "90s", 0, 90000},
	        {mst_str_duration, "15m", 0, 900000},
	        {mst_str_duration, "6h", 0, 21600000},
	        {mst_str_duration, "7d", 0, 604800000},
	        {mst_str_duration, "2w", 0, 1209600000},
	        {mst_str_duration, "1y", 0, INT64_C(31536000000)},
	        {mst_str_duration, "250ms", 0, 250},
	        {mst_str_duration, "90", MST_E_USAGE, 0},
	        {mst_str_duration, "s", MST_E_USAGE, 0},
	        {mst_str_duration, "-1s", MST_E_USAGE, 0},
	        {mst_str_duration, "1 s", MST_E_USAGE, 0},
	        {mst_str_duration, "1h30m", MST_E_USAGE, 0},
	        {mst_str_duration, "1S", MST_E_USAGE, 0},
	        {mst_str_duration, "300000000y", MST_E_USAGE, 0},
	        {mst_str_duration, "", MST_E_USAGE, 0},
	        {mst_str_duration, NULL, MST_E_USAGE, 0},
	        {mst_str_rate, "1000", 0, 1000},
	        {mst_str_rate, "5k", 0, 5000},
	        {mst_str_rate, "1M", 0, 1000000},
	        {mst_str_rate, "1m", MST_E_USAGE, 0},
	        {mst_str_rate, "1.5k", MST_E_USAGE, 0},
	        {mst_str_size, "4096", 0, 4096},
	        {mst_str_size, "64k", 0, 65536},
	        {mst_str_size, "2M", 0, 2097152},
	        {mst_str_size, "16G", 0, INT64_C(17179869184)},
	        {mst_str_size, "9223372036854775807G", MST_E_USAGE, 0},
	        {mst_str_size, "8589934592G", MST_E_USAGE, 0},
	};
	struct mst_err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t got = 77;

		mst_err_clear(&err);
		assert_int_equal(rows[i].parse(rows[i].text, &got, &err), rows[i].status);
		assert_true(got == (rows[i].status == 0 ? rows[i].value : 77));
		assert_int_equal(err.code, rows[i].status);
	}
	assert_int_equal(mst_str_duration("1\x1b[31m", &(int64_t){0}, &err), MST_E_USAGE);
	assert_null(strchr(err.text, 0x1b));
	assert_non_null(strstr(err.text, "90s"));
	assert_int_equal(mst_str_rate("x", &(int64_t){0}, NULL), MST_E_USAGE);
}

static void test_format_duration(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {{5400000, "90m"},  {0, "0"},          {1, "1ms"},
	            {1500, "1500ms"},  {60000, "1m"},     {86400000, "1d"},
	            {172800000, "2d"}, {604800000, "1w"}, {INT64_C(31536000000), "1y"},
	            {90000, "90s"}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[32];
		int64_t back;

		mst_str_format_duration(rows[i].ms, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
		assert_int_equal(mst_str_duration(text, &back, NULL), 0);
		assert_true(back == rows[i].ms);
	}
}

static void test_bool_and_name(void **state)
{
	static const char *const yes[] = {"on", "yes", "true", "1"}, *const no[] = {"off", "no", "false", "0"},
	                         *const bad[] = {"", "On", "2", "y", "on ", NULL},
	                         *const bad_names[] = {"", "A", "1a", "-a", "a b", "aé", "a/b", "a.b", "toolong", NULL};
	struct mst_err err;
	bool value;

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++) {
		assert_int_equal(mst_str_bool(yes[i], &value, &err), 0);
		assert_true(value);
		assert_int_equal(mst_str_bool(no[i], &value, &err), 0);
		assert_false(value);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(mst_str_bool(bad[i], &value, &err), MST_E_USAGE);
	for (size_t i = 0; i < COUNT(bad_names); i++)
		assert_false(mst_str_is_name(bad_names[i], 6));
	assert_true(mst_str_is_name("a", 1));
	assert_true(mst_str_is_name("a-_9zz", 6));
}

static void check_items(const char *text, char separator, const char *expected)
{
	struct mst_buf item, joined;

	mst_buf_init(&item, 100);
	mst_buf_init(&joined, 100);
	while (mst_str_next_item(&text, separator, &item)) {
		mst_buf_printf(&joined, "[%s]", mst_buf_text(&item));
		assert_false(item.failed);
	}
	assert_string_equal(mst_buf_text(&joined), expected);
	mst_buf_free(&item);
	mst_buf_free(&joined);
}

static void test_items(void **state)
{
	const char *text = "abcdef,g";
	struct mst_buf item;

	(void)state;
	check_items("", ',', "");
	check_items("  \t", ',', "");
	check_items("a", ',', "[a]");
	check_items(" a b , c\n", ',', "[a b][c]");
	check_items("a,,b", ',', "[a][][b]");
	check_items(",a", ',', "[][a]");
	check_items("a,", ',', "[a]");
	check_items("a  b", ' ', "[a][][b]");
	mst_buf_init(&item, 3);
	assert_true(mst_str_next_item(&text, ',', &item));
	assert_true(item.failed);
	assert_true(mst_str_next_item(&text, ',', &item));
	assert_string_equal(mst_buf_text(&item), "g");
	assert_false(mst_str_next_item(&text, ',', &item));
	assert_false(mst_str_next_item(&text, ',', &item));
	mst_buf_free(&item);
}

static void test_copies(void **state)
{
	char *a = mst_str_dup("x"), *b = mst_str_dupn("abc", 2), *c = mst_str_printf("%d-%s", 4, "y"),
	     *d = mst_str_dupn("", 0);

	(void)state;
	assert_string_equal(a, "x");
	assert_string_equal(b, "ab");
	assert_string_equal(c, "4-y");
	assert_string_equal(d, "");
	free(a);
	free(b);
	free(c);
	free(d);
}

static void test_buf_limits(void **state)
{
	struct mst_buf buf;

	(void)state;
	mst_buf_init(&buf, 5);
	assert_string_equal(mst_buf_text(&buf), "");
	assert_int_equal(mst_buf_str(&buf, "abc"), 0);
	assert_int_equal(mst_buf_str(&buf, "def"), MST_E_LIMIT);
	assert_string_equal(mst_buf_text(&buf), "abc");
	assert_true(buf.failed);
	assert_int_not_equal(mst_buf_char(&buf, 'x'), 0); /* sticky, though it would fit */
	assert_int_not_equal(mst_buf_printf(&buf, "%d", 1), 0);
	assert_string_equal(mst_buf_text(&buf), "abc");
	mst_buf_reset(&buf);
	assert_false(buf.failed);
	assert_int_equal(mst_buf_printf(&buf, "%s%d", "ab", 123), 0);
	assert_string_equal(mst_buf_text(&buf), "ab123");
	assert_int_equal(mst_buf_printf(&buf, "%s", ""), 0);
	assert_int_equal(mst_buf_printf(&buf, "%s", "x"), MST_E_LIMIT);
	mst_buf_free(&buf);
	assert_int_equal(mst_buf_add(&buf, "a\0b", 3), 0);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.data, "a\0b", 4);
	mst_buf_free(&buf);
	mst_buf_init(&buf, SIZE_MAX);
	assert_int_equal(mst_buf_add(&buf, "x", 1), 0);
	assert_int_equal(mst_buf_add(&buf, "x", SIZE_MAX), MST_E_LIMIT);
	mst_buf_free(&buf);
}

static void test_buf_moves(void **state)
{
	struct mst_buf buf;
	char *taken;

	(void)state;
	mst_buf_init(&buf, 100000);
	mst_buf_consume(&buf, 3);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(mst_buf_printf(&buf, "%04d", i), 0);
	assert_int_equal(buf.len, 40000);
	mst_buf_consume(&buf, 39992);
	assert_string_equal(mst_buf_text(&buf), "99989999");
	mst_buf_consume(&buf, 100);
	assert_string_equal(mst_buf_text(&buf), "");
	mst_buf_str(&buf, "kept");
	taken = mst_buf_take(&buf);
	assert_string_equal(taken, "kept");
	free(taken);
	assert_null(buf.data);
	assert_int_equal(buf.max, 100000);
	taken = mst_buf_take(&buf);
	assert_string_equal(taken, "");
	free(taken);
	buf.max = 2;
	mst_buf_str(&buf, "abc");
	assert_null(mst_buf_take(&buf));
	assert_false(buf.failed);
	mst_buf_free(&buf);
}

static void test_err_text(void **state)
{
	char big[MST_ERR_TEXT * 2];
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_err_set(&err, MST_E_CORRUPT, "file %s", "x"), MST_E_CORRUPT);
	assert_string_equal(err.text, "file x");
	assert_int_equal(mst_err_set(&err, MST_E_FAILED, "while reading: %s", err.text), MST_E_FAILED);
	assert_string_equal(err.text, "while reading: file x");
	assert_int_equal(mst_err_set(NULL, MST_E_USAGE, "x"), MST_E_USAGE);
	for (size_t i = 0; i < sizeof(big) - 1; i++)
		big[i] = i % 2 == 0 ? '\xc3' : '\xa9';
	big[sizeof(big) - 1] = '\0';
	mst_err_set(&err, MST_E_FAILED, "x%s", big);
	assert_true(strlen(err.text) < MST_ERR_TEXT && strlen(err.text) > MST_ERR_TEXT - 8);
	assert_string_equal(err.text + strlen(err.text) - 3, "...");
	assert_true(mst_str_utf8_valid(err.text, strlen(err.text)));
	mst_err_set(&err, MST_E_FAILED, "%s", big);
	assert_true(mst_str_utf8_valid(err.text, strlen(err.text)));
	mst_err_clear(&err);
	assert_int_equal(err.code, 0);
	assert_string_equal(err.text, "");
	assert_int_equal(mst_err_no_memory(&err), MST_E_NO_MEMORY);
	mst_err_clear(NULL);
}

static void test_err_errno(void **state)
{
	static const struct {
		int errnum, code;
	} rows[] = {{ENOSPC, MST_E_FULL},
	            {EDQUOT, MST_E_FULL},
	            {ENOENT, MST_E_NOT_FOUND},
	            {ENOMEM, MST_E_NO_MEMORY},
	            {EACCES, MST_E_FAILED}};
	struct mst_err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(mst_err_errno(&err, rows[i].errnum, "cannot open %s", "/x"), rows[i].code);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(mst_err_errno(NULL, rows[i].errnum, "x"), rows[i].code);
	}
	assert_string_equal(err.text, "cannot open /x: Permission denied");
}

static void test_codes(void **state)
{
	static const struct {
		int code, exit_status, http;
		const char *name;
	} rows[] = {
	        {MST_OK, 0, 200, "ok"},
	        {MST_E_FAILED, 1, 500, "failed"},
	        {MST_E_USAGE, 2, 400, "usage"},
	        {MST_E_PARTIAL, 3, 200, "partial"},
	        {MST_E_NOT_FOUND, 4, 404, "not_found"},
	        {MST_E_REFUSED, 5, 403, "refused"},
	        {MST_E_CONFLICT, 1, 409, "conflict"},
	        {MST_E_EXISTS, 1, 409, "exists"},
	        {MST_E_CANCELLED, 130, 503, "cancelled"},
	        {MST_E_TIMEOUT, 1, 504, "timeout"},
	        {MST_E_FULL, 1, 507, "full"},
	        {MST_E_UNAVAILABLE, 1, 503, "unavailable"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(mst_code_exit(rows[i].code), rows[i].exit_status);
		assert_int_equal(mst_code_http(rows[i].code), rows[i].http);
		assert_string_equal(mst_code_name(rows[i].code), rows[i].name);
	}
	for (int code = 0; code >= MST_E_END; code--)
		assert_int_equal(mst_code_from_name(mst_code_name(code)), code);
	assert_int_equal(mst_code_from_name("nonsense"), MST_E_FAILED);
	assert_int_equal(mst_code_from_name(NULL), MST_E_FAILED);
	assert_string_equal(mst_code_name(-1000), "failed");
	assert_int_equal(mst_code_exit(-1000), 1);
	assert_int_equal(mst_code_http(7), 500);
}

/* Many callers return what mst_err_set gave and expect it to mean that they failed. */
static void test_error_is_never_ok(void **state)
{
	static const int no_failures[] = {MST_OK, 1, 1000};
	struct mst_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(no_failures) / sizeof(no_failures[0]); i++) {
		assert_int_equal((mst_err_set)(&err, no_failures[i], "x"), MST_E_FAILED);
		assert_int_equal(err.code, MST_E_FAILED);
		assert_int_equal(mst_err_set(NULL, no_failures[i], "x"), MST_E_FAILED);
	}
	assert_int_equal(mst_err_set(&err, MST_E_END, "x"), MST_E_END);
	assert_int_equal(mst_err_set(&err, -1000, "x"), -1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_numbers),         cmocka_unit_test(test_units),
	        cmocka_unit_test(test_format_duration), cmocka_unit_test(test_bool_and_name),
	        cmocka_unit_test(test_items),           cmocka_unit_test(test_copies),
	        cmocka_unit_test(test_buf_limits),      cmocka_unit_test(test_buf_moves),
	        cmocka_unit_test(test_err_text),        cmocka_unit_test(test_err_errno),
	        cmocka_unit_test(test_codes),           cmocka_unit_test(test_error_is_never_ok),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
