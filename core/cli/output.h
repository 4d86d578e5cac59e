/* SPDX-License-Identifier: Apache-2.0 */
/* Data on stdout: JSON with readable times, lines, CSV, tables, harmless text. */
#ifndef MST_CLI_OUTPUT_H
#define MST_CLI_OUTPUT_H

#include <json-c/json.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/table.h"

/* Is this key of a document a time in milliseconds? */
bool mst_out_is_time(const char *key);
/* A copy in which times are RFC 3339 text in UTC and times that are 0 are null. Caller puts it. NULL without memory. */
struct json_object *mst_out_readable(struct json_object *value);
/* One value, indented, on stdout. */
void mst_out_json(struct json_object *value);
/* One value on one line. */
void mst_out_line(struct json_object *value);
/* Text from anywhere, made harmless, on `file`. */
void mst_out_text(FILE *file, const char *text);
/* Text of many lines from a plugin: each line made harmless, the line ends kept. */
void mst_out_lines(FILE *file, const char *text);
/* Draws the table for this terminal; columns that did not fit are named on stderr. Frees the table. */
int mst_out_table(const struct mst_cli *cli, struct mst_table *table, struct mst_err *err);

/* A listing of documents in any format but a table: begin, each item, end. */
struct mst_out_list {
	enum mst_cli_format format;
	size_t count;
	const char *const *columns; /* CSV: keys and heads */
	size_t column_count;
};
void mst_out_list_begin(struct mst_out_list *list);
void mst_out_list_item(struct mst_out_list *list, struct json_object *item);
void mst_out_list_end(struct mst_out_list *list);
/* The items of a listing: the answer itself or its "items". Borrowed; NULL when there are none. */
struct json_object *mst_out_items(struct json_object *answer);
/* Prints an array in cli's format (JSON, NDJSON, CSV with these columns). */
void mst_out_array(const struct mst_cli *cli, struct json_object *array, const char *const *columns,
                   size_t column_count);

/* A value as one cell: lists joined by `separator`, objects as JSON, true and false as words, null as "". Appends. */
void mst_out_cell(struct mst_buf *out, struct json_object *value, const char *separator);
/* Colour on and off for notes on stderr or lines on stdout; "" when colours are off. */
const char *mst_out_on(bool colour, enum mst_style style);
const char *mst_out_off(bool colour);

#endif
