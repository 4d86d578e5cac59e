/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "base/utf8.h"

bool mst_out_is_time(const char *key)
{
	static const char *const keys[] = {
	        "created",     "due_at",    "ended",           "first_managed", "first_seen",
	        "from",        "generated", "last_discovered", "last_managed",  "last_seen",
	        "os_seen",     "seen",      "since",           "started",       "to",
	        "at",          "until",     "kept_from",       "history_from",  "last_covered",
	        "whole_since", "pruned",    "updated",         "last_imported", "imported_at",
	        "last_boot",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	/* An observation's "ports_seen" and its like. */
	return strlen(key) > 5 && strcmp(key + strlen(key) - 5, "_seen") == 0;
}

static struct json_object *readable_time(int64_t ms)
{
	char text[32];

	if (ms == 0)
		return NULL;
	mst_time_rfc3339(ms, text, sizeof(text));
	return json_object_new_string(text);
}

struct json_object *mst_out_readable(struct json_object *value)
{
	struct json_object *copy;

	if (json_object_is_type(value, json_type_array)) {
		copy = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(value); i++)
			json_object_array_add(copy, mst_out_readable(json_object_array_get_idx(value, i)));
		return copy;
	}
	if (!json_object_is_type(value, json_type_object))
		return json_object_get(value);
	copy = json_object_new_object();
	json_object_object_foreach(value, key, item)
	{
		bool is_time = json_object_is_type(item, json_type_int) && mst_out_is_time(key);

		json_object_object_add(copy, key,
		                       is_time ? readable_time(json_object_get_int64(item)) : mst_out_readable(item));
	}
	return copy;
}

/* Text from a network stays escaped: json-c escapes C0, this also what reorders or hides on a terminal. */
static void put_json(struct json_object *value, int flags)
{
	struct json_object *copy = mst_out_readable(value);
	const char *text = json_object_to_json_string_ext(copy, flags | JSON_C_TO_STRING_NOSLASHESCAPE);
	size_t len = text ? strlen(text) : 0;

	while (len > 0) {
		uint32_t point;
		size_t n = mst_utf8_next(text, len, &point);

		if (point == MST_UTF8_BAD)
			fputs("\\ufffd", stdout);
		else if (point > 0x7e && point < 0x10000 && (mst_utf8_is_control(point) || mst_utf8_is_hidden(point)))
			printf("\\u%04x", (unsigned)point);
		else
			fwrite(text, 1, n, stdout);
		text += n;
		len -= n;
	}
	json_object_put(copy);
}

void mst_out_json(struct json_object *value)
{
	put_json(value, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	putchar('\n');
}

void mst_out_line(struct json_object *value)
{
	put_json(value, JSON_C_TO_STRING_PLAIN);
	putchar('\n');
}

void mst_out_text(FILE *file, const char *text)
{
	struct mst_buf out;

	mst_buf_init(&out, MST_MAX_DOC);
	mst_str_escape_terminal(&out, text ? text : "");
	fputs(mst_buf_text(&out), file);
	mst_buf_free(&out);
}

void mst_out_lines(FILE *file, const char *text)
{
	while (*text) {
		const char *end = strchr(text, '\n');
		char *line = end ? mst_str_dupn(text, (size_t)(end - text)) : mst_str_dup(text);

		/* A tab is layout in a text of many lines. */
		for (char *at = line; at && *at;) {
			size_t n = strcspn(at, "\t");
			char *part = mst_str_dupn(at, n);

			mst_out_text(file, part);
			free(part);
			at += n;
			if (*at) {
				fputc('\t', file);
				at++;
			}
		}
		free(line);
		fputc('\n', file);
		text += end ? (size_t)(end - text) + 1 : strlen(text);
	}
}

int mst_out_table(const struct mst_cli *cli, struct mst_table *table, struct mst_err *err)
{
	struct mst_buf text, left;
	int rc;

	mst_buf_init(&text, 256u << 20);
	rc = mst_table_render(table, cli->width, cli->colour, &text, err);
	if (rc == MST_OK && text.len > 0)
		fwrite(text.data, 1, text.len, stdout);
	mst_buf_free(&text);
	mst_buf_init(&left, 4096);
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].left_out)
			mst_buf_printf(&left, "%s%s", left.len ? ", " : "", table->columns[i].title);
	if (rc == MST_OK && left.len > 0) {
		fflush(stdout);
		mst_cli_note(cli, "left out at width %zu: %s   (--columns, --csv)", cli->width, mst_buf_text(&left));
	}
	mst_buf_free(&left);
	mst_table_free(table);
	return rc;
}

void mst_out_cell(struct mst_buf *out, struct json_object *value, const char *separator)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return;
	case json_type_boolean:
		mst_buf_str(out, json_object_get_boolean(value) ? "true" : "false");
		return;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (i > 0)
				mst_buf_str(out, separator);
			mst_out_cell(out, json_object_array_get_idx(value, i), separator);
		}
		return;
	case json_type_object:
		mst_buf_str(out, json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
		                                                               JSON_C_TO_STRING_NOSLASHESCAPE));
		return;
	default:
		mst_buf_str(out, json_object_get_string(value));
	}
}

/* As mst_out_readable and mst_out_cell, without a copy of what holds no time: most cells of millions of rows. */
static void csv_cell(struct mst_buf *cell, const char *name, struct json_object *value)
{
	bool nested = json_object_is_type(value, json_type_object) ||
	              (json_object_is_type(value, json_type_array) && json_object_array_length(value) > 0 &&
	               json_object_is_type(json_object_array_get_idx(value, 0), json_type_object));
	struct json_object *copy = NULL;
	char text[32];

	if (json_object_is_type(value, json_type_int) && mst_out_is_time(name)) {
		if (json_object_get_int64(value) == 0)
			return;
		mst_time_rfc3339(json_object_get_int64(value), text, sizeof(text));
		mst_buf_str(cell, text);
		return;
	}
	if (nested)
		value = copy = mst_out_readable(value);
	mst_out_cell(cell, value, ";");
	json_object_put(copy);
}

/* `item` NULL: the head. */
static void csv_line(struct mst_out_list *list, struct json_object *item)
{
	static struct mst_buf line, cell;

	if (line.max == 0) {
		mst_buf_init(&line, MST_MAX_DOC);
		mst_buf_init(&cell, MST_MAX_DOC);
	}
	mst_buf_reset(&line);
	for (size_t i = 0; i < list->column_count; i++) {
		struct json_object *value = NULL;

		mst_buf_reset(&cell);
		if (item && json_object_object_get_ex(item, list->columns[i], &value))
			csv_cell(&cell, list->columns[i], value);
		if (i > 0)
			mst_buf_char(&line, ',');
		mst_str_csv_cell(&line, item ? mst_buf_text(&cell) : list->columns[i]);
	}
	mst_buf_str(&line, "\r\n");
	fwrite(line.data, 1, line.len, stdout);
}

void mst_out_list_begin(struct mst_out_list *list)
{
	list->count = 0;
	if (list->format == MST_CLI_CSV)
		csv_line(list, NULL);
	else if (list->format == MST_CLI_JSON)
		putchar('[');
}

void mst_out_list_item(struct mst_out_list *list, struct json_object *item)
{
	if (list->format == MST_CLI_CSV) {
		csv_line(list, item);
	} else if (list->format == MST_CLI_JSON) {
		fputs(list->count ? ",\n" : "\n", stdout);
		put_json(item, JSON_C_TO_STRING_SPACED);
	} else {
		mst_out_line(item);
	}
	list->count++;
}

void mst_out_list_end(struct mst_out_list *list)
{
	if (list->format == MST_CLI_JSON)
		fputs(list->count ? "\n]\n" : "]\n", stdout);
}

struct json_object *mst_out_items(struct json_object *answer)
{
	return json_object_is_type(answer, json_type_array) ? answer : mst_json_array(answer, "items");
}

void mst_out_array(const struct mst_cli *cli, struct json_object *array, const char *const *columns,
                   size_t column_count)
{
	struct mst_out_list list = {.format = cli->format, .columns = columns, .column_count = column_count};

	mst_out_list_begin(&list);
	for (size_t i = 0; array && i < json_object_array_length(array); i++)
		mst_out_list_item(&list, json_object_array_get_idx(array, i));
	mst_out_list_end(&list);
}

const char *mst_out_on(bool colour, enum mst_style style)
{
	return colour ? mst_style_on(style) : "";
}

const char *mst_out_off(bool colour)
{
	return colour ? "\033[0m" : "";
}
