/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/listing.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/filter_words.h"
#include "cli/format.h"
#include "cli/output.h"
#include "conf/word.h"

#define SORT_KEYS 8u

bool mst_list_takes(const char *next)
{
	return next[0] != '-' && !mst_filter_is_term(next);
}

static const struct mst_list_column *find_column(const struct mst_listing *listing, const char *name)
{
	for (const struct mst_list_column *column = listing->columns; column->name; column++)
		if (strcmp(column->name, name) == 0)
			return column;
	return NULL;
}

static int no_column(const struct mst_listing *listing, const char *name, struct mst_err *err)
{
	struct mst_nearest nearest;
	struct mst_buf all;
	char shown[MST_SHOWN];
	int rc;

	mst_nearest_init(&nearest, name);
	mst_buf_init(&all, 4096);
	for (const struct mst_list_column *column = listing->columns; column->name; column++) {
		mst_nearest_try(&nearest, column->name);
		mst_buf_printf(&all, "%s%s", all.len ? ", " : "", column->name);
	}
	mst_conf_show(name, shown);
	if (mst_nearest_best(&nearest))
		rc = mst_err_set(err, MST_E_USAGE, "no column \"%s\": did you mean %s?", shown,
		                 mst_nearest_best(&nearest));
	else
		rc = mst_err_set(err, MST_E_USAGE, "no column \"%s\": there are %s", shown, mst_buf_text(&all));
	mst_buf_free(&all);
	return rc;
}

static int named(const struct mst_listing *listing, const char *list, bool tables, const struct mst_list_column **out,
                 size_t *count, struct mst_err *err)
{
	const char *cursor = list;
	struct mst_buf item;
	int rc = MST_OK;

	mst_buf_init(&item, 256);
	while (rc == MST_OK && mst_str_next_item(&cursor, ',', &item)) {
		out[*count] = find_column(listing, mst_buf_text(&item));
		if (!out[*count])
			rc = no_column(listing, mst_buf_text(&item), err);
		else if (!tables && out[*count]->drawn)
			rc = mst_err_set(err, MST_E_USAGE, "the column %s is made for tables", out[*count]->name);
		else if (++*count == MST_TABLE_COLUMNS)
			rc = mst_err_set(err, MST_E_USAGE, "at most %d columns can be shown", MST_TABLE_COLUMNS - 1);
	}
	mst_buf_free(&item);
	return rc;
}

/* Those of --columns, else the shown ones, or all of them. */
static int chosen(struct mst_cli *cli, const struct mst_listing *listing, bool all, const struct mst_list_column **out,
                  size_t *count, struct mst_err *err)
{
	const char *list = mst_cli_option(cli, "columns");

	*count = 0;
	if (list && list[0])
		return named(listing, list, cli->format == MST_CLI_TABLE, out, count, err);
	for (const struct mst_list_column *column = listing->columns; column->name; column++)
		if ((all ? !column->drawn : column->shown) && *count < MST_TABLE_COLUMNS)
			out[(*count)++] = column;
	return MST_OK;
}

int mst_list_names(struct mst_cli *cli, const struct mst_listing *listing, const char **names, size_t *count,
                   struct mst_err *err)
{
	const struct mst_list_column *columns[MST_TABLE_COLUMNS];
	int rc = chosen(cli, listing, true, columns, count, err);

	for (size_t i = 0; rc == MST_OK && i < *count; i++)
		names[i] = columns[i]->name;
	return rc;
}

bool mst_list_columns(struct mst_cli *cli, const struct mst_listing *listing, int *rc, struct mst_err *err)
{
	const char *list = mst_cli_option(cli, "columns");
	struct mst_table table;

	if (!list || list[0])
		return false;
	mst_table_init(&table);
	table.wrap = true;
	mst_table_add_column(&table, "column", 0, 8, false);
	mst_table_add_column(&table, "shown", 1, 5, false);
	mst_table_add_column(&table, "meaning", 2, 20, false);
	for (const struct mst_list_column *column = listing->columns; column->name; column++) {
		mst_table_add(&table, column->name, MST_STYLE_NONE);
		mst_table_add(&table, column->shown ? "yes" : "", MST_STYLE_NONE);
		mst_table_add(&table, column->help, MST_STYLE_NONE);
	}
	*rc = mst_out_table(cli, &table, err);
	return true;
}

struct sort_key {
	const char *name;
	bool down;
};
static struct sort_key sort_keys[SORT_KEYS];
static size_t sort_count;

static int compare_values(struct json_object *a, struct json_object *b)
{
	if (json_object_is_type(a, json_type_int) && json_object_is_type(b, json_type_int)) {
		int64_t x = json_object_get_int64(a), y = json_object_get_int64(b);

		return x < y ? -1 : x > y;
	}
	/* What is not there comes first. */
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(json_object_get_string(a), json_object_get_string(b));
}

struct sort_row {
	struct json_object *item;
	size_t place; /* equal rows stay in their order */
};

static int compare_rows(const void *a, const void *b)
{
	const struct sort_row *x = a, *y = b;

	for (size_t i = 0; i < sort_count; i++) {
		struct json_object *p = NULL, *q = NULL;
		int c;

		json_object_object_get_ex(x->item, sort_keys[i].name, &p);
		json_object_object_get_ex(y->item, sort_keys[i].name, &q);
		c = compare_values(p, q);
		if (c != 0)
			return sort_keys[i].down ? -c : c;
	}
	return x->place < y->place ? -1 : 1;
}

static int read_sort(const struct mst_listing *listing, const char *text, struct mst_err *err)
{
	const char *cursor = text;
	struct mst_buf item;
	int rc = MST_OK;

	sort_count = 0;
	mst_buf_init(&item, 256);
	while (rc == MST_OK && mst_str_next_item(&cursor, ',', &item)) {
		const char *name = mst_buf_text(&item);
		bool down = name[0] == '-';
		const struct mst_list_column *column = find_column(listing, name + (down || name[0] == '+'));

		if (!column)
			rc = no_column(listing, name + down, err);
		else if (sort_count == SORT_KEYS)
			rc = mst_err_set(err, MST_E_USAGE, "--sort: more than %u columns", SORT_KEYS);
		else
			sort_keys[sort_count++] = (struct sort_key){column->name, down};
	}
	mst_buf_free(&item);
	return rc;
}

/* A new array in the wanted order, no longer than wanted. */
static int arranged(struct mst_cli *cli, const struct mst_listing *listing, struct json_object *items,
                    struct json_object **out, struct mst_err *err)
{
	const char *sort = mst_cli_option(cli, "sort"), *limit_text = mst_cli_option(cli, "limit");
	size_t count = items ? json_object_array_length(items) : 0;
	struct sort_row *rows;
	uint64_t limit = count;

	if (limit_text && (!mst_str_uint(limit_text, 100000000, &limit) || limit == 0))
		return mst_err_set(err, MST_E_USAGE, "--limit is a number of rows, 1 or more");
	if (sort && !listing->sorted && read_sort(listing, sort, err) != MST_OK)
		return err->code;
	rows = calloc(count + 1, sizeof(*rows));
	*out = json_object_new_array();
	if (!rows || !*out) {
		free(rows);
		return mst_err_no_memory(err);
	}
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct sort_row){json_object_array_get_idx(items, i), i};
	if (sort && !listing->sorted)
		qsort(rows, count, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < count && i < limit; i++)
		mst_json_push(*out, json_object_get(rows[i].item));
	free(rows);
	return MST_OK;
}

static void add_cell(struct mst_table *table, const struct mst_listing *listing, const struct mst_list_column *column,
                     struct json_object *item, int64_t now)
{
	struct json_object *value = NULL;
	enum mst_style style = listing->dim && listing->dim(item) ? MST_STYLE_DIM : MST_STYLE_NONE;
	char text[MST_FORMAT_SIZE];
	struct mst_buf cell;

	mst_buf_init(&cell, MST_MAX_DOC);
	json_object_object_get_ex(item, column->name, &value);
	if (column->cell)
		column->cell(&cell, item, now);
	else if (json_object_is_type(value, json_type_int) && mst_out_is_time(column->name))
		mst_buf_str(&cell, mst_format_time(json_object_get_int64(value), text));
	else if (json_object_is_type(value, json_type_int))
		mst_buf_str(&cell, mst_format_number(json_object_get_int64(value), text));
	else if (json_object_is_type(value, json_type_boolean))
		mst_buf_str(&cell, json_object_get_boolean(value) ? "yes" : "no");
	else
		mst_out_cell(&cell, value, ", ");
	if (listing->state && strcmp(listing->state, column->name) == 0)
		style = mst_format_state_style(mst_buf_text(&cell));
	mst_table_add(table, mst_buf_text(&cell), style);
	mst_buf_free(&cell);
}

static int draw(struct mst_cli *cli, const struct mst_listing *listing, struct json_object *items, struct mst_err *err)
{
	const struct mst_list_column *columns[MST_TABLE_COLUMNS];
	struct mst_table table;
	int64_t now = mst_time_now();
	size_t count = 0;
	int rc = chosen(cli, listing, false, columns, &count, err);

	if (rc != MST_OK)
		return rc;
	mst_table_init(&table);
	for (size_t i = 0; i < count; i++)
		mst_table_add_column(&table, columns[i]->title ? columns[i]->title : columns[i]->name, columns[i]->give,
		                     columns[i]->least, columns[i]->right);
	for (size_t r = 0; r < json_object_array_length(items); r++)
		for (size_t i = 0; i < count; i++)
			add_cell(&table, listing, columns[i], json_object_array_get_idx(items, r), now);
	return mst_out_table(cli, &table, err);
}

int mst_list_items(struct mst_cli *cli, const struct mst_listing *listing, struct json_object *items,
                   struct mst_err *err)
{
	const char *names[MST_TABLE_COLUMNS];
	struct json_object *list = NULL;
	size_t count = 0;
	int rc = arranged(cli, listing, items, &list, err);

	if (rc == MST_OK)
		rc = mst_list_names(cli, listing, names, &count, err);
	if (rc == MST_OK && cli->format != MST_CLI_TABLE)
		mst_out_array(cli, list, names, count);
	else if (rc == MST_OK && json_object_array_length(list) == 0)
		mst_cli_note(cli, "%s", listing->empty);
	else if (rc == MST_OK)
		rc = draw(cli, listing, list, err);
	json_object_put(list);
	return rc;
}

int mst_list_print(struct mst_cli *cli, const struct mst_listing *listing, const char *path, struct mst_err *err)
{
	struct json_object *items = NULL;
	int rc = MST_OK;

	if (mst_list_columns(cli, listing, &rc, err))
		return rc;
	rc = mst_cli_list(cli, path, MST_MAX_LOCATIONS, &items, err);
	if (rc == MST_OK)
		rc = mst_list_items(cli, listing, items, err);
	json_object_put(items);
	return rc;
}
