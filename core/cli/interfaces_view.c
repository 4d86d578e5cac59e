/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of interfaces: which are shown, and how a document fills them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/format.h"
#include "cli/interfaces.h"
#include "cli/output.h"
#include "conf/word.h"

#define SURE 90

/* How a column of this name looks: its head in the default view, and how it gives way on a narrow screen. */
struct mst_column_view {
	const char *name, *head;
	unsigned give;
	size_t least;
	bool right;
};
static const struct mst_column_view known_views[] = {
        {"id", "id", 0, 4, false},
        {"state", "state", 2, 9, false},
        {"ip", "ip", 0, 15, false},
        {"zone", "zone", 5, 6, false},
        {"hostname", "name", 8, 8, false},
        {"mac", "mac", 3, 17, false},
        {"vendor", "vendor", 11, 6, false},
        {"os_platform", "os", 6, 9, false},
        {"ports", "ports", 9, 8, false},
        {"last_seen", "seen", 4, 4, false},
        {"methods", "by", 10, 4, false},
        {"distance", "distance", 12, 8, true},
        {"os_accuracy", "os_accuracy", 12, 8, true},
};
static const struct mst_column_view other_view = {NULL, NULL, 7, 6, false};

static const struct mst_column_view *view_of(const char *name)
{
	for (size_t i = 0; i < sizeof(known_views) / sizeof(known_views[0]); i++)
		if (strcmp(known_views[i].name, name) == 0)
			return &known_views[i];
	return &other_view;
}

static bool add_view(struct mst_views *views, struct json_object *column)
{
	size_t n = views->count;

	views->names[n] = mst_json_text(column, "name", "");
	views->items[n] = view_of(views->names[n]);
	views->labels[n] = views->composite && views->items[n]->head ? views->items[n]->head : views->names[n];
	views->count++;
	return true;
}

static struct json_object *find_column(const struct mst_views *views, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(views->columns); i++) {
		struct json_object *column = json_object_array_get_idx(views->columns, i);

		if (strcmp(mst_json_text(column, "name", ""), name) == 0)
			return column;
	}
	return NULL;
}

static int no_column(const struct mst_views *views, const char *name, struct mst_err *err)
{
	struct mst_nearest nearest;
	char shown[MST_SHOWN];

	mst_nearest_init(&nearest, name);
	for (size_t i = 0; i < json_object_array_length(views->columns); i++)
		mst_nearest_try(&nearest, mst_json_text(json_object_array_get_idx(views->columns, i), "name", ""));
	mst_conf_show(name, shown);
	if (mst_nearest_best(&nearest))
		return mst_err_set(err, MST_E_USAGE, "no column \"%s\": did you mean %s?", shown,
		                   mst_nearest_best(&nearest));
	return mst_err_set(err, MST_E_USAGE, "no column \"%s\": muster interfaces columns lists them", shown);
}

static int add_named(struct mst_views *views, const char *list, size_t room, struct mst_err *err)
{
	const char *cursor = list;
	struct mst_buf item;
	int rc = MST_OK;

	mst_buf_init(&item, 256);
	while (rc == MST_OK && mst_str_next_item(&cursor, ',', &item)) {
		struct json_object *column = find_column(views, mst_buf_text(&item));

		if (!column)
			rc = no_column(views, mst_buf_text(&item), err);
		else if (views->count == room)
			rc = mst_err_set(err, MST_E_USAGE, "at most %zu columns can be shown", room);
		else
			add_view(views, column);
	}
	mst_buf_free(&item);
	if (rc == MST_OK && views->count == 0)
		rc = mst_err_set(err, MST_E_USAGE, "no column is named: muster interfaces columns lists them");
	return rc;
}

/* In the default view these are drawn inside other columns. */
static bool is_part(const char *name)
{
	return strcmp(name, "os_generation") == 0 || strcmp(name, "os_accuracy") == 0;
}

/* Documents name runs by uuid, people by number: the newest runs are asked for once, when such a column is shown. */
static bool is_run(const char *name)
{
	size_t n = name ? strlen(name) : 0; /* a service of another version may give a column none */

	return n > 4 && strcmp(name + n - 4, "_run") == 0;
}

static int load_runs(struct mst_cli *cli, struct mst_views *views, struct mst_err *err)
{
	struct json_object *answer = NULL, *items;
	bool wanted = false;
	int rc = MST_OK;

	for (size_t i = 0; i < views->count; i++)
		wanted |= is_run(views->names[i]);
	if (wanted)
		rc = mst_cli_call(cli, "GET", "/v1/runs?fields=number&limit=1000", NULL, &answer, err);
	items = mst_json_array(answer, "items");
	views->runs = json_object_new_object();
	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		struct json_object *run = json_object_array_get_idx(items, i);

		mst_json_add_int(views->runs, mst_json_text(run, "_id", ""), mst_json_int(run, "number", 0));
	}
	json_object_put(answer);
	return rc;
}

int mst_views_load(struct mst_cli *cli, const char *list, bool all, struct mst_views *views, struct mst_err *err)
{
	int rc = mst_cli_call(cli, "GET", "/v1/columns", NULL, &views->columns, err);

	if (rc != MST_OK)
		return rc;
	if (!json_object_is_type(views->columns, json_type_array))
		return mst_err_set(err, MST_E_FAILED, "the service gave no list of columns: is it of another version?");
	views->items = calloc(MST_TABLE_COLUMNS, sizeof(const struct mst_column_view *));
	views->names = calloc(MST_TABLE_COLUMNS, sizeof(*views->names));
	views->labels = calloc(MST_TABLE_COLUMNS, sizeof(*views->labels));
	if (!views->items || !views->names || !views->labels)
		return mst_err_no_memory(err);
	if (list && list[0]) {
		rc = add_named(views, list, MST_TABLE_COLUMNS, err);
		return rc == MST_OK && !all ? load_runs(cli, views, err) : rc;
	}
	views->composite = !all;
	for (size_t i = 0; i < json_object_array_length(views->columns) && views->count < MST_TABLE_COLUMNS; i++) {
		struct json_object *column = json_object_array_get_idx(views->columns, i);

		if (all || (mst_json_bool(column, "default", false) && !is_part(mst_json_text(column, "name", ""))))
			add_view(views, column);
	}
	return MST_OK;
}

void mst_views_free(struct mst_views *views)
{
	json_object_put(views->columns);
	json_object_put(views->runs);
	free(views->items);
	free(views->names);
	free(views->labels);
	memset(views, 0, sizeof(*views));
}

void mst_views_head(const struct mst_views *views, struct mst_table *table)
{
	for (size_t i = 0; i < views->count; i++)
		mst_table_add_column(table, views->labels[i], views->items[i]->give, views->items[i]->least,
		                     views->items[i]->right);
}

bool mst_views_os(struct mst_buf *out, struct json_object *item)
{
	const char *platform = mst_json_text(item, "os_platform", ""),
	           *generation = mst_json_text(item, "os_generation", "");
	int64_t accuracy = mst_json_int(item, "os_accuracy", 0);
	bool guess = platform[0] && accuracy > 0 && accuracy < SURE;

	mst_buf_printf(out, "%s%s%s%s", platform, generation[0] ? " " : "", generation, guess ? " ?" : "");
	return guess;
}

/* True when the default view draws this column in its own way. */
static bool composite_cell(struct mst_views *views, const char *name, struct json_object *item, int64_t now,
                           struct mst_buf *out)
{
	char text[MST_FORMAT_SIZE];

	if (strcmp(name, "os_platform") == 0) {
		views->guesses |= mst_views_os(out, item);
	} else if (strcmp(name, "last_seen") == 0) {
		mst_buf_str(out, mst_format_ago(mst_json_int(item, name, 0), now, text));
	} else if (strcmp(name, "mac") == 0 && !mst_json_text(item, "mac", "")[0]) {
		mst_buf_str(out, strcmp(mst_json_text(item, "identity", ""), "ip") == 0 ? "- (by IP)" : "-");
	} else if (strcmp(name, "methods") == 0) {
		mst_out_cell(out, mst_json_array(item, name), " ");
	} else {
		return false;
	}
	return true;
}

void mst_views_row(struct mst_views *views, struct json_object *item, int64_t now, struct mst_table *table)
{
	struct mst_buf cell;

	mst_buf_init(&cell, MST_MAX_DOC);
	for (size_t i = 0; i < views->count; i++) {
		const char *name = views->names[i];
		enum mst_style style = MST_STYLE_NONE;
		struct json_object *value = NULL;
		char text[MST_FORMAT_SIZE];

		mst_buf_reset(&cell);
		if (!views->composite || !composite_cell(views, name, item, now, &cell)) {
			json_object_object_get_ex(item, name, &value);
			if (json_object_is_type(value, json_type_int) && mst_out_is_time(name))
				mst_buf_str(&cell, mst_format_time(json_object_get_int64(value), text));
			else if (is_run(name) && json_object_is_type(value, json_type_string) &&
			         mst_json_int(views->runs, json_object_get_string(value), 0) > 0)
				mst_buf_str(&cell,
				            mst_format_number(
				                    mst_json_int(views->runs, json_object_get_string(value), 0), text));
			else
				mst_out_cell(&cell, value, ",");
		}
		if (strcmp(name, "state") == 0)
			style = mst_format_state_style(mst_buf_text(&cell));
		mst_table_add(table, mst_buf_text(&cell), style);
	}
	mst_buf_free(&cell);
}
