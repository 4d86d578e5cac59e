/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_valid(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool valid;
	} rows[] = {
	        {"", 0, true},
	        {"a\0b", 3, true},
	        {"\xc3\xa9", 2, true},
	        {"\xe2\x82\xac", 3, true},
	        {"\xf0\x9f\x98\x80", 4, true},
	        {"\xf4\x8f\xbf\xbf", 4, true},
	        {"\xf4\x90\x80\x80", 4, false},
	        {"\xc0\x80", 2, false},
	        {"\xc1\xbf", 2, false},
	        {"\xe0\x9f\xbf", 3, false},
	        {"\xed\xa0\x80", 3, false},
	        {"\xed\x9f\xbf", 3, true},
	        {"\xf0\x8f\xbf\xbf", 4, false},
	        {"\xe2\x82", 2, false},
	        {"\x80", 1, false},
	        {"\xff", 1, false},
	        {"\xf5\x80\x80\x80", 4, false},
	        {"\xc3", 1, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(mst_str_utf8_valid(rows[i].bytes, rows[i].len), rows[i].valid);
}

#define BAD "\xef\xbf\xbd"

static void test_repair(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, max;
		const char *expected;
		bool changed;
	} rows[] = {
	        {"plain", 5, 100, "plain", false},
	        {"a\tb\nc", 5, 100, "a b c", true},
	        {"a\0b", 3, 100, "a" BAD "b", true},
	        {"\x1b[0m", 4, 100, BAD "[0m", true},
	        {"a\rb", 3, 100, "a" BAD "b", true},
	        {"\x7f", 1, 100, BAD, true},
	        {"\xc2\x9b", 2, 100, BAD, true},
	        {"\xff\xfe", 2, 100, BAD BAD, true},
	        {"\xe2\x82(", 3, 100, BAD "(", true},
	        {"\xe2\x80\xae", 3, 100, "\xe2\x80\xae", false},
	        {"abcdef", 6, 3, "abc", true},
	        {"ab\xc3\xa9", 4, 3, "ab", true},
	        {"ab\xc3\xa9", 4, 4, "ab\xc3\xa9", false},
	        {"\xff", 1, 2, "", true},
	        {"", 0, 0, "", false},
	        {"x", 1, 0, "", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mst_buf out;

		mst_buf_init(&out, 100);
		assert_int_equal(mst_str_utf8_repair(&out, rows[i].bytes, rows[i].len, rows[i].max), rows[i].changed);
		assert_string_equal(mst_buf_text(&out), rows[i].expected);
		mst_buf_free(&out);
	}
}

static void check_text(void (*fn)(struct mst_buf *, const char *), const char *text, const char *expected)
{
	struct mst_buf out;

	mst_buf_init(&out, 1000);
	fn(&out, text);
	assert_string_equal(mst_buf_text(&out), expected);
	assert_false(out.failed);
	mst_buf_free(&out);
}

static void test_terminal(void **state)
{
	(void)state;
	check_text(mst_str_escape_terminal, "", "");
	check_text(mst_str_escape_terminal, "caf\xc3\xa9 C:\\x", "caf\xc3\xa9 C:\\x");
	check_text(mst_str_escape_terminal, "\x1b]0;x\x07", "\\x1b]0;x\\x07");
	check_text(mst_str_escape_terminal, "a\nb\r\t\x7f", "a\\x0ab\\x0d\\x09\\x7f");
	check_text(mst_str_escape_terminal,
	           "\xc2\x9b"
	           "31m",
	           "\\u{009b}31m");
	check_text(mst_str_escape_terminal,
	           "\x9b"
	           "31m\xe2\x82",
	           "\\x9b31m\\xe2\\x82");
	check_text(mst_str_escape_terminal,
	           "a\xe2\x80\xae"
	           "b\xe2\x81\xa6\xe2\x80\x8b",
	           "a\\u{202e}b\\u{2066}\\u{200b}");
	check_text(mst_str_escape_terminal, "\xef\xbb\xbf\xf3\xa0\x81\x81", "\\u{feff}\\u{e0041}");
}

static void test_csv(void **state)
{
	(void)state;
	check_text(mst_str_csv_cell, "plain", "plain");
	check_text(mst_str_csv_cell, "", "");
	check_text(mst_str_csv_cell, NULL, "");
	check_text(mst_str_csv_cell, "a,b", "\"a,b\"");
	check_text(mst_str_csv_cell, "a\"b", "\"a\"\"b\"");
	check_text(mst_str_csv_cell, "a\r\nb", "\"a\r\nb\"");
	check_text(mst_str_csv_cell, " a", "\" a\"");
	check_text(mst_str_csv_cell, "=1+1", "'=1+1");
	check_text(mst_str_csv_cell, "+1", "'+1");
	check_text(mst_str_csv_cell, "-1", "'-1");
	check_text(mst_str_csv_cell,
	           "a\xe2\x80\xae"
	           "b",
	           "a\\u{202e}b");
	check_text(mst_str_csv_cell, "\xef\xbb\xbf=1", "\\u{feff}=1");
	check_text(mst_str_csv_cell, "@x", "'@x");
	check_text(mst_str_csv_cell, "\tx", "'\tx");
	check_text(mst_str_csv_cell, "\rx", "\"'\rx\"");
	check_text(mst_str_csv_cell, "=cmd|'/C calc'!A0,\"", "\"'=cmd|'/C calc'!A0,\"\"\"");
	check_text(mst_str_csv_cell, "a=b", "a=b");
	check_text(mst_str_csv_cell, "\x1b[1m\xff", BAD "[1m" BAD);
}

static void test_json(void **state)
{
	(void)state;
	check_text(mst_str_json, "", "\"\"");
	check_text(mst_str_json, "a\"b\\c/", "\"a\\\"b\\\\c/\"");
	check_text(mst_str_json, "\b\f\n\r\t\x01\x1f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\"");
	check_text(mst_str_json, "\x7f\xc2\x85", "\"\\u007f\\u0085\"");
	check_text(mst_str_json, "\xe2\x80\xae\xe2\x80\xa8", "\"\\u202e\\u2028\"");
	check_text(mst_str_json, "\xf3\xa0\x81\x81", "\"\\udb40\\udc41\"");
	check_text(mst_str_json, "\xff\xc3\xa9\xf0\x9f\x98\x80", "\"" BAD "\xc3\xa9\xf0\x9f\x98\x80\"");
}

static void test_full_buffer(void **state)
{
	struct mst_buf out;

	(void)state;
	mst_buf_init(&out, 4);
	mst_str_json(&out, "abcdefgh");
	assert_true(out.failed);
	mst_buf_reset(&out);
	assert_true(mst_str_utf8_repair(&out, "abcdefgh", 8, 100));
	assert_string_equal(mst_buf_text(&out), "abcd");
	mst_buf_free(&out);
}

static void test_width(void **state)
{
	static const struct {
		const char *text;
		size_t width;
	} rows[] = {{"", 0},
	            {"abc", 3},
	            {"caf\xc3\xa9", 4},
	            {"e\xcc\x81", 1},
	            {"\xe6\x97\xa5\xe6\x9c\xac", 4},
	            {"\xf0\x9f\x98\x80", 2},
	            {"\xe2\x80\x8b", 0},
	            {"\xff", 1},
	            {"\xed\x95\x9c", 2},
	            {"\xef\xbc\xa1", 2},
	            {"\xe2\x94\x80", 1},
	            {"\xe2\x80\xa6", 1},
	            {"\x01", 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(mst_str_width(rows[i].text), rows[i].width);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_valid), cmocka_unit_test(test_repair), cmocka_unit_test(test_terminal),
	        cmocka_unit_test(test_csv),   cmocka_unit_test(test_json),   cmocka_unit_test(test_full_buffer),
	        cmocka_unit_test(test_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
