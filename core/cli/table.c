/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

#define GAP      2u
#define MAX_CELL 4096u

void mst_table_init(struct mst_table *table)
{
	memset(table, 0, sizeof(*table));
}

void mst_table_free(struct mst_table *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		free(table->columns[i].title);
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	mst_table_init(table);
}

/* Allocated, harmless, `nothing` when there is none; NULL without memory. */
static char *harmless(const char *text, const char *nothing)
{
	struct mst_buf out;

	if (!text || !text[0])
		return mst_str_dup(nothing);
	mst_buf_init(&out, MAX_CELL * 4);
	if (strlen(text) > MAX_CELL) {
		char *cut = mst_str_dupn(text, MAX_CELL);

		mst_str_escape_terminal(&out, cut ? cut : "");
		free(cut);
	} else {
		mst_str_escape_terminal(&out, text);
	}
	return mst_buf_take(&out);
}

void mst_table_add_column(struct mst_table *table, const char *title, unsigned give, size_t least, bool right)
{
	struct mst_table_column *column;

	if (table->column_count == MST_TABLE_COLUMNS)
		return;
	column = &table->columns[table->column_count++];
	column->title = harmless(title, "");
	column->give = give;
	column->least = least;
	column->right = right;
	if (!column->title)
		table->failed = true;
	for (char *at = column->title; at && *at; at++)
		*at = (char)toupper((unsigned char)*at);
}

void mst_table_add(struct mst_table *table, const char *text, enum mst_style style)
{
	struct mst_table_cell *cell;

	if (table->cell_count == table->cell_cap) {
		size_t cap = table->cell_cap ? table->cell_cap * 2 : 256;
		struct mst_table_cell *grown = reallocarray(table->cells, cap, sizeof(*grown));

		if (!grown) {
			table->failed = true;
			return;
		}
		table->cells = grown;
		table->cell_cap = cap;
	}
	cell = &table->cells[table->cell_count++];
	cell->style = style;
	cell->text = harmless(text, table->blanks ? "" : "-");
	if (!cell->text)
		table->failed = true;
}

size_t mst_table_rows(const struct mst_table *table)
{
	return table->column_count ? table->cell_count / table->column_count : 0;
}

const char *mst_style_on(enum mst_style style)
{
	static const char *const codes[] = {"", "\033[32m", "\033[33m", "\033[31m", "\033[2m", "\033[1m"};

	return codes[style];
}

static size_t total_width(const struct mst_table *table)
{
	size_t total = 0, shown = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		if (table->columns[i].left_out || table->columns[i].hidden)
			continue;
		total += table->columns[i].width;
		shown++;
	}
	return total + (shown ? (shown - 1) * GAP : 0);
}

static size_t natural_widths(struct mst_table *table, size_t natural[MST_TABLE_COLUMNS])
{
	for (size_t i = 0; i < table->column_count; i++)
		natural[i] = table->headless ? table->columns[i].least : mst_str_width(table->columns[i].title);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t w = table->cells[i].text ? mst_str_width(table->cells[i].text) : 0,
		       column = i % table->column_count;

		natural[column] = w > natural[column] ? w : natural[column];
	}
	return table->column_count;
}

/* The shown column with the highest or, without `highest`, the lowest `give` that is above `floor`; NULL: none. */
static struct mst_table_column *by_give(struct mst_table *table, bool highest, unsigned floor)
{
	struct mst_table_column *found = NULL;

	for (size_t i = 0; i < table->column_count; i++) {
		struct mst_table_column *column = &table->columns[i];

		if (column->left_out || column->hidden || column->give <= floor)
			continue;
		if (!found || (highest ? column->give > found->give : column->give < found->give))
			found = column;
	}
	return found;
}

/* Room that is left goes to the columns that matter most. */
static void share_out(struct mst_table *table, const size_t natural[MST_TABLE_COLUMNS], size_t width)
{
	for (struct mst_table_column *at = by_give(table, false, 0); at; at = by_give(table, false, at->give)) {
		for (size_t i = 0; i < table->column_count; i++) {
			struct mst_table_column *column = &table->columns[i];
			size_t used = total_width(table), room = width > used ? width - used : 0;
			size_t wish = natural[i] > column->width ? natural[i] - column->width : 0;

			if (column->give == at->give && !column->left_out && !column->hidden)
				column->width += wish < room ? wish : room;
		}
	}
}

void mst_table_layout(struct mst_table *table, size_t width)
{
	size_t natural[MST_TABLE_COLUMNS], count = natural_widths(table, natural);
	struct mst_table_column *column;

	for (size_t i = 0; i < count; i++) {
		column = &table->columns[i];
		column->left_out = false;
		column->width =
		        width == 0 || column->give == 0 || natural[i] < column->least ? natural[i] : column->least;
	}
	if (width == 0)
		return;
	while (total_width(table) > width && (column = by_give(table, true, 0)) != NULL)
		column->left_out = true;
	share_out(table, natural, width);
}

void mst_table_cut(struct mst_buf *out, const char *text, size_t width)
{
	size_t len = strlen(text), used = 0;

	if (mst_str_width(text) <= width) {
		mst_buf_add(out, text, len);
		return;
	}
	while (width > 0 && len > 0) {
		uint32_t point;
		size_t n = mst_utf8_next(text, len, &point);
		size_t w = point == MST_UTF8_BAD ? 1 : mst_utf8_width(point);

		if (used + w > width - 1)
			break;
		mst_buf_add(out, text, n);
		used += w;
		text += n;
		len -= n;
	}
	if (width > 0)
		mst_buf_str(out, "\u2026");
}

static void pad(struct mst_buf *out, size_t count)
{
	while (count-- > 0)
		mst_buf_char(out, ' ');
}

/* `last`: no blanks at the end of a line. */
static void draw(struct mst_buf *out, const struct mst_table_column *column, const char *text, const char *on,
                 bool last)
{
	size_t width = mst_str_width(text), blanks = width < column->width ? column->width - width : 0;

	if (column->right)
		pad(out, blanks);
	mst_buf_str(out, on);
	mst_table_cut(out, text, column->width);
	if (on[0])
		mst_buf_str(out, "\033[0m");
	if (width > column->width) {
		/* A wide character at the cut may leave one column free. */
		struct mst_buf cut;

		mst_buf_init(&cut, MAX_CELL * 4);
		mst_table_cut(&cut, text, column->width);
		width = mst_str_width(mst_buf_text(&cut));
		blanks = column->width - (width < column->width ? width : column->width);
		mst_buf_free(&cut);
	}
	if (!column->right && !last)
		pad(out, blanks);
}

/* The words of `text` in lines of the column's width, the further ones indented. */
static void wrap(struct mst_buf *out, const char *text, size_t width, size_t indent)
{
	size_t at = 0;

	while (*text) {
		size_t n = strcspn(text, " "), w;
		char *word = mst_str_dupn(text, n);

		w = word ? mst_str_width(word) : 0;
		if (at > 0 && at + 1 + w > width) {
			mst_buf_char(out, '\n');
			pad(out, indent);
			at = 0;
		} else if (at > 0) {
			mst_buf_char(out, ' ');
			at++;
		}
		mst_table_cut(out, word ? word : "", width);
		at += w;
		free(word);
		text += n;
		text += strspn(text, " ");
	}
}

int mst_table_render(struct mst_table *table, size_t width, bool colour, struct mst_buf *out, struct mst_err *err)
{
	size_t last = 0, rows = mst_table_rows(table);

	if (table->failed)
		return mst_err_no_memory(err);
	mst_table_layout(table, width);
	for (size_t i = 0; i < table->column_count; i++)
		last = table->columns[i].left_out || table->columns[i].hidden ? last : i;
	for (size_t row = table->headless ? 1 : 0; row <= rows; row++) {
		for (size_t i = 0; i < table->column_count; i++) {
			const struct mst_table_column *column = &table->columns[i];
			const struct mst_table_cell *cell =
			        row ? &table->cells[(row - 1) * table->column_count + i] : NULL;
			const char *on = !colour ? "" : mst_style_on(cell ? cell->style : MST_STYLE_BOLD);

			if (column->left_out || column->hidden)
				continue;
			if (i == last && table->wrap && cell && !on[0])
				wrap(out, cell->text, column->width, total_width(table) - column->width);
			else
				draw(out, column, cell ? cell->text : column->title, on, i == last);
			if (i != last)
				pad(out, GAP);
		}
		while (out->len > 0 && out->data[out->len - 1] == ' ')
			out->data[--out->len] = '\0';
		mst_buf_char(out, '\n');
	}
	return out->failed ? mst_err_no_memory(err) : MST_OK;
}
