/* SPDX-License-Identifier: Apache-2.0 */
/* A table of text that fits a terminal. Pure: cells in, text out. */
#ifndef MST_CLI_TABLE_H
#define MST_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

enum mst_style { MST_STYLE_NONE, MST_STYLE_GOOD, MST_STYLE_WARN, MST_STYLE_BAD, MST_STYLE_DIM, MST_STYLE_BOLD };

#define MST_TABLE_COLUMNS 64

struct mst_table_column {
	char *title;   /* upper case is made here */
	unsigned give; /* 0: never shortened; the column with the highest number gives way first */
	size_t least;  /* columns on the terminal that it keeps as long as it is shown */
	bool right;    /* numbers */
	size_t width;  /* set by the layout */
	bool left_out; /* set by the layout */
	bool hidden;   /* never shown: it says nothing here */
};

struct mst_table_cell {
	char *text; /* escaped for a terminal, owned */
	enum mst_style style;
};

struct mst_table {
	struct mst_table_column columns[MST_TABLE_COLUMNS];
	size_t column_count;
	struct mst_table_cell *cells; /* row by row */
	size_t cell_count, cell_cap;
	bool blanks; /* empty cells stay blank instead of "-" */
	bool headless;
	bool wrap;   /* the last column goes on in further lines instead of being cut */
	bool failed; /* no memory */
};

void mst_table_init(struct mst_table *table);
void mst_table_free(struct mst_table *table);
/* All columns come before the first cell. */
void mst_table_add_column(struct mst_table *table, const char *title, unsigned give, size_t least, bool right);
/* The next cell of the row at hand, from left to right; any text, it is made harmless. NULL and "" show as "-". */
void mst_table_add(struct mst_table *table, const char *text, enum mst_style style);
size_t mst_table_rows(const struct mst_table *table);
/* Sets width and left_out of the columns so that a row takes at most `width` columns; 0: no limit. */
void mst_table_layout(struct mst_table *table, size_t width);
/* Lays out and appends header and rows. MST_E_NO_MEMORY. */
int mst_table_render(struct mst_table *table, size_t width, bool colour, struct mst_buf *out, struct mst_err *err);
/* Appends `text`, cut to `width` terminal columns with an ellipsis. */
void mst_table_cut(struct mst_buf *out, const char *text, size_t width);
/* Escape sequence that switches a style on; "" for none. Static. */
const char *mst_style_on(enum mst_style style);

#endif
