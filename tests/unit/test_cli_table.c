/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: widths, what gives way first, wide characters, hostile text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "cli/table.h"

static struct mst_err err;

static struct mst_table three(void)
{
	struct mst_table table;

	mst_table_init(&table);
	mst_table_add_column(&table, "id", 0, 2, false);
	mst_table_add_column(&table, "name", 1, 6, false);
	mst_table_add_column(&table, "vendor", 2, 6, false);
	mst_table_add_column(&table, "up", 0, 2, true);
	return table;
}

static void row(struct mst_table *table, const char *a, const char *b, const char *c, const char *d)
{
	mst_table_add(table, a, MST_STYLE_NONE);
	mst_table_add(table, b, MST_STYLE_NONE);
	mst_table_add(table, c, MST_STYLE_NONE);
	mst_table_add(table, d, MST_STYLE_GOOD);
}

/* Renders and frees. */
static char *drawn(struct mst_table *table, size_t width, bool colour)
{
	struct mst_buf out;

	mst_buf_init(&out, 100000);
	assert_int_equal(mst_table_render(table, width, colour, &out, &err), MST_OK);
	mst_table_free(table);
	return mst_buf_take(&out);
}

static void draws(const char *wanted, struct mst_table *table, size_t width)
{
	char *text = drawn(table, width, false);

	assert_string_equal(text, wanted);
	free(text);
}

static void test_without_a_limit(void **state)
{
	struct mst_table table = three();

	(void)state;
	row(&table, "8f", "build-9", "", "3");
	row(&table, "8e", "x", "Apple", "12");
	draws("ID  NAME     VENDOR  UP\n"
	      "8f  build-9  -        3\n"
	      "8e  x        Apple   12\n",
	      &table, 0);
}

static void test_the_least_important_gives_way_first(void **state)
{
	struct mst_table table = three();

	(void)state;
	row(&table, "8f", "a-long-name", "A long vendor", "3");
	draws("ID  NAME         VENDOR     UP\n"
	      "8f  a-long-name  A long v\u2026   3\n",
	      &table, 30);
}

static void test_then_the_next_then_whole_columns(void **state)
{
	struct mst_table table = three();
	char *text;

	(void)state;
	row(&table, "8f", "a-long-name", "A long vendor", "3");
	mst_table_layout(&table, 22);
	assert_int_equal(table.columns[2].width, 6);
	assert_int_equal(table.columns[1].width, 6);
	assert_false(table.columns[2].left_out);
	mst_table_layout(&table, 21);
	assert_true(table.columns[2].left_out);
	assert_false(table.columns[1].left_out);
	mst_table_layout(&table, 8);
	assert_true(table.columns[1].left_out);
	/* What is never shortened stays, even when it does not fit. */
	text = drawn(&table, 3, false);
	assert_string_equal(text, "ID  UP\n8f   3\n");
	free(text);
}

static void test_every_line_fits(void **state)
{
	(void)state;
	for (size_t width = 20; width < 60; width++) {
		struct mst_table table = three();
		char *text, *at;

		row(&table, "8f", "\u65e5\u672c\u8a9e\u306e\u540d\u524d", "Verm\u00f6gensverwaltung", "3");
		text = drawn(&table, width, false);
		for (at = text; *at; at += strcspn(at, "\n") + 1) {
			char *line = mst_str_dupn(at, strcspn(at, "\n"));

			assert_true(mst_str_width(line) <= width);
			free(line);
		}
		free(text);
	}
}

static void test_cut_at_a_wide_character(void **state)
{
	struct mst_buf out;

	(void)state;
	mst_buf_init(&out, 100);
	mst_table_cut(&out, "\u65e5\u672c\u8a9e", 4);
	assert_string_equal(mst_buf_text(&out), "\u65e5\u2026");
	mst_buf_reset(&out);
	mst_table_cut(&out, "\u65e5\u672c", 4);
	assert_string_equal(mst_buf_text(&out), "\u65e5\u672c");
	mst_buf_reset(&out);
	mst_table_cut(&out, "abc", 1);
	assert_string_equal(mst_buf_text(&out), "\u2026");
	mst_buf_reset(&out);
	mst_table_cut(&out, "abc", 0);
	assert_string_equal(mst_buf_text(&out), "");
	mst_buf_free(&out);
}

static void test_hostile_text_is_harmless(void **state)
{
	struct mst_table table = three();
	char *text;

	(void)state;
	row(&table, "8f", "\033[2J\033]0;x\a", "a\nb\u202ec", "\xff\xfe");
	text = drawn(&table, 0, false);
	for (const char *at = text; *at; at++)
		assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
	assert_null(strstr(text, "\u202e"));
	assert_null(strstr(text, "\xff"));
	/* A line break inside a cell would break the row. */
	assert_ptr_equal(strchr(strchr(text, '\n') + 1, '\n') + 1, text + strlen(text));
	free(text);
}

static void test_colour_only_when_asked(void **state)
{
	struct mst_table table = three();
	char *text;

	(void)state;
	row(&table, "8f", "n", "v", "3");
	text = drawn(&table, 0, true);
	assert_non_null(strstr(text, "\033[32m3\033[0m"));
	free(text);
	table = three();
	row(&table, "8f", "n", "v", "3");
	text = drawn(&table, 0, false);
	assert_null(strchr(text, '\033'));
	free(text);
}

static void test_a_giant_cell_is_cut(void **state)
{
	struct mst_table table = three();
	char *giant = calloc(1, 200001), *text;

	(void)state;
	memset(giant, 'x', 200000);
	row(&table, "8f", giant, "v", "3");
	text = drawn(&table, 0, false);
	assert_true(strlen(text) < 20000);
	free(text);
	free(giant);
}

static void test_the_last_column_may_wrap(void **state)
{
	struct mst_table table;

	(void)state;
	mst_table_init(&table);
	table.wrap = true;
	table.headless = true;
	mst_table_add_column(&table, "", 0, 0, false);
	mst_table_add_column(&table, "", 1, 10, false);
	mst_table_add(&table, "ab", MST_STYLE_NONE);
	mst_table_add(&table, "one two three averyverylongword end", MST_STYLE_NONE);
	draws("ab  one two\n"
	      "    three\n"
	      "    averyvery\u2026\n"
	      "    end\n",
	      &table, 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_without_a_limit),
	        cmocka_unit_test(test_the_least_important_gives_way_first),
	        cmocka_unit_test(test_then_the_next_then_whole_columns),
	        cmocka_unit_test(test_every_line_fits),
	        cmocka_unit_test(test_cut_at_a_wide_character),
	        cmocka_unit_test(test_hostile_text_is_harmless),
	        cmocka_unit_test(test_colour_only_when_asked),
	        cmocka_unit_test(test_a_giant_cell_is_cut),
	        cmocka_unit_test(test_the_last_column_may_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
