/* SPDX-License-Identifier: Apache-2.0 */
/* The merged view as a table, and whole as JSON, lines or CSV. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/filter_words.h"
#include "cli/format.h"
#include "cli/interfaces.h"
#include "cli/output.h"

#define TABLE_ROWS  100
#define NOTES_SHOWN 5u

int mst_interfaces_columns(struct mst_cli *cli, struct mst_err *err)
{
	static const char *const names[] = {"name", "label", "type", "default", "help"};
	struct json_object *columns = NULL;
	struct mst_table table;
	int rc = mst_cli_call(cli, "GET", "/v1/columns", NULL, &columns, err);

	if (rc != MST_OK)
		return rc;
	if (cli->format != MST_CLI_TABLE) {
		mst_out_array(cli, columns, names, 5);
		json_object_put(columns);
		return MST_OK;
	}
	mst_table_init(&table);
	table.wrap = true;
	mst_table_add_column(&table, "column", 0, 8, false);
	mst_table_add_column(&table, "shown", 2, 5, false);
	mst_table_add_column(&table, "type", 1, 4, false);
	mst_table_add_column(&table, "meaning", 3, 20, false);
	for (size_t i = 0; columns && i < json_object_array_length(columns); i++) {
		struct json_object *column = json_object_array_get_idx(columns, i);

		mst_table_add(&table, mst_json_text(column, "name", ""), MST_STYLE_NONE);
		mst_table_add(&table, mst_json_bool(column, "default", false) ? "yes" : "", MST_STYLE_NONE);
		mst_table_add(&table, mst_json_text(column, "type", ""), MST_STYLE_NONE);
		mst_table_add(&table, mst_json_text(column, "help", ""), MST_STYLE_NONE);
	}
	rc = mst_out_table(cli, &table, err);
	json_object_put(columns);
	return rc;
}

/* Only what is shown is asked for; what the default view draws inside other columns, and notes, come along. */
static void add_fields(const struct mst_views *views, bool table, struct mst_buf *path)
{
	for (size_t i = 0; i < views->count; i++)
		mst_buf_printf(path, "%s%s", i ? "," : "&fields=", views->names[i]);
	if (table)
		mst_buf_str(path, ",ip,zone,identity,os_generation,os_accuracy,note,os_note");
}

static int list_path(struct mst_cli *cli, const struct mst_views *views, int64_t limit, const char *after,
                     struct mst_buf *path, struct mst_err *err)
{
	const char *sort = mst_cli_option(cli, "sort");
	int64_t at = 0;
	struct mst_buf filter;
	int rc;

	mst_buf_init(&filter, MST_MAX_FILTER);
	rc = mst_filter_from_words(cli->words, cli->word_count, &filter, err);
	mst_buf_reset(path);
	mst_buf_str(path, "/v1/interfaces?filter=");
	mst_http_encode(path, mst_buf_text(&filter));
	if (sort) {
		mst_buf_str(path, "&sort=");
		mst_http_encode(path, sort);
	}
	if (views && views->count > 0)
		add_fields(views, cli->format == MST_CLI_TABLE, path);
	if (limit > 0)
		mst_buf_printf(path, "&limit=%" PRId64, limit);
	if (rc == MST_OK && mst_interfaces_at(cli, &at, err) != MST_OK)
		rc = err->code;
	if (at > 0)
		mst_buf_printf(path, "&at=%" PRId64, at);
	if (after && after[0]) {
		mst_buf_str(path, "&after=");
		mst_http_encode(path, after);
	}
	mst_buf_free(&filter);
	return rc == MST_OK && path->failed ? mst_err_set(err, MST_E_LIMIT, "the filter is too long") : rc;
}

struct stream {
	struct mst_out_list list;
	int64_t limit;
};

static int stream_item(void *data, struct json_object *item)
{
	struct stream *stream = data;

	mst_out_list_item(&stream->list, item);
	return stream->limit > 0 && (int64_t)stream->list.count >= stream->limit ? MST_E_END : MST_OK;
}

/* Whole, at flat memory. */
static int stream_all(struct mst_cli *cli, int64_t limit, struct mst_err *err)
{
	struct stream stream = {.list = {.format = cli->format}, .limit = limit};
	struct mst_views views = {0};
	struct mst_buf path;
	int rc = MST_OK;

	mst_buf_init(&path, 32768);
	if (cli->format == MST_CLI_CSV) {
		rc = mst_views_load(cli, mst_cli_option(cli, "columns"), true, &views, err);
		stream.list.columns = views.names;
		stream.list.column_count = views.count;
	}
	if (rc == MST_OK)
		rc = list_path(cli, &views, limit <= (int64_t)MST_MAX_PAGE ? limit : 0, NULL, &path, err);
	if (rc == MST_OK)
		rc = mst_cli_connect(cli, err);
	if (rc == MST_OK) {
		mst_out_list_begin(&stream.list);
		rc = mst_client_lines(&cli->client, mst_buf_text(&path), stream_item, &stream, err);
		if (rc == MST_OK || rc == MST_E_END)
			mst_out_list_end(&stream.list);
		rc = rc == MST_E_END ? MST_OK : rc;
	}
	mst_buf_free(&path);
	mst_views_free(&views);
	return rc;
}

struct page {
	struct mst_views views;
	struct mst_table table;
	struct mst_buf notes;
	int64_t shown, total, now;
	size_t note_count;
	bool zones;      /* some are in a zone that somebody named */
	bool exact;      /* total is all there are, not only a part that was counted */
	bool determined; /* something can say which are managed */
	char store[4096];
};

/* Why a cell is empty. */
static void add_note(struct page *page, struct json_object *item)
{
	static const char *const kinds[][2] = {{"os_note", "OS"}, {"note", "note"}};

	for (size_t i = 0; i < 2; i++) {
		const char *text = mst_json_text(item, kinds[i][0], "");

		if (!text[0] || page->note_count++ >= NOTES_SHOWN)
			continue;
		mst_buf_printf(&page->notes, "%s of ", kinds[i][1]);
		mst_str_escape_terminal(&page->notes, mst_json_text(item, "ip", mst_json_text(item, "id", "")));
		mst_buf_str(&page->notes, ": ");
		mst_str_escape_terminal(&page->notes, text);
		mst_buf_char(&page->notes, '\n');
	}
}

static int fill_page(struct mst_cli *cli, struct page *page, int64_t limit, struct mst_err *err)
{
	struct json_object *answer = NULL;
	struct mst_buf path;
	char after[8192] = "";
	int rc = MST_OK;

	mst_buf_init(&path, 32768);
	while (rc == MST_OK && page->shown < limit) {
		int64_t want =
		        limit - page->shown < (int64_t)MST_MAX_PAGE ? limit - page->shown : (int64_t)MST_MAX_PAGE;
		struct json_object *items;

		rc = list_path(cli, &page->views, want, after, &path, err);
		if (rc == MST_OK)
			rc = mst_cli_call(cli, "GET", mst_buf_text(&path), NULL, &answer, err);
		if (rc != MST_OK)
			break;
		items = mst_json_array(answer, "items");
		page->total = mst_json_int(answer, "total", page->total);
		page->exact = mst_json_bool(answer, "total_exact", true);
		page->determined = mst_json_bool(answer, "managed_determined", true);
		snprintf(page->store, sizeof(page->store), "%s",
		         mst_json_text(answer, "store", cli->client.store_path));
		for (size_t i = 0; items && i < json_object_array_length(items) && page->shown < limit; i++) {
			struct json_object *item = json_object_array_get_idx(items, i);

			mst_views_row(&page->views, item, page->now, &page->table);
			add_note(page, item);
			page->zones |= strcmp(mst_json_text(item, "zone", "default"), "default") != 0;
			page->shown++;
		}
		snprintf(after, sizeof(after), "%s", mst_json_text(answer, "next", ""));
		json_object_put(answer);
		if (!after[0] || !items)
			break;
	}
	mst_buf_free(&path);
	return rc;
}

/* Where there is one zone only, its column says nothing. */
static void hide_the_only_zone(struct page *page)
{
	for (size_t i = 0; i < page->views.count && page->views.composite && !page->zones; i++)
		if (strcmp(page->views.names[i], "zone") == 0)
			page->table.columns[i].hidden = true;
}

static void empty_listing(struct mst_cli *cli, const struct page *page)
{
	fputs(cli->word_count ? "no interface matches; read " : "no interface is stored yet; read ", stderr);
	mst_out_text(stderr, page->store);
	fputs(cli->word_count
	              ? "\nNext: muster interfaces | muster interfaces columns\n"
	              : "\nNext: muster (shows this machine's network) | muster scan nmap 192.0.2.0/24 --dry-run\n",
	      stderr);
}

static void footer(struct mst_cli *cli, struct page *page)
{
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE];

	fflush(stdout);
	if (cli->quiet)
		return;
	if (page->shown == 0)
		empty_listing(cli, page);
	else if (page->shown < page->total || !page->exact)
		fprintf(stderr, "%s of %s%s shown.  --limit, --csv, --json, --columns%s\n",
		        mst_format_number(page->shown, a), page->exact ? "" : "more than ",
		        mst_format_number(page->total, b), page->views.guesses ? "; ? = OS guess below 90 %" : "");
	else if (page->views.guesses)
		fputs("? = OS guess below 90 %\n", stderr);
	fputs(mst_buf_text(&page->notes), stderr);
	if (page->note_count > NOTES_SHOWN)
		fprintf(stderr, "and %zu more notes: muster interfaces show IP\n", page->note_count - NOTES_SHOWN);
	if (!page->determined)
		mst_cli_note(cli, "managed: not determined (no method or label says so yet)");
}

static int draw_table(struct mst_cli *cli, int64_t limit, struct mst_err *err)
{
	struct page page = {.now = mst_time_now(), .exact = true, .determined = true};
	int rc;

	int64_t at = 0;

	rc = mst_interfaces_at(cli, &at, err);
	if (rc != MST_OK)
		return rc;
	page.now = at ? at : page.now;
	mst_table_init(&page.table);
	mst_buf_init(&page.notes, 65536);
	rc = mst_views_load(cli, mst_cli_option(cli, "columns"), false, &page.views, err);
	if (rc == MST_OK) {
		mst_views_head(&page.views, &page.table);
		rc = fill_page(cli, &page, limit, err);
	}
	hide_the_only_zone(&page);
	if (rc == MST_OK && page.shown > 0)
		rc = mst_out_table(cli, &page.table, err);
	if (rc == MST_OK)
		footer(cli, &page);
	mst_table_free(&page.table);
	mst_views_free(&page.views);
	mst_buf_free(&page.notes);
	return rc;
}

int mst_interfaces_list(struct mst_cli *cli, struct mst_err *err)
{
	const char *columns = mst_cli_option(cli, "columns"), *limit_text = mst_cli_option(cli, "limit");
	uint64_t limit = 0;

	if (columns && !columns[0])
		return mst_interfaces_columns(cli, err);
	if (limit_text && (!mst_str_uint(limit_text, 100000000, &limit) || limit == 0))
		return mst_err_set(
		        err, MST_E_USAGE,
		        "--limit is a number of rows, 1 or more; without it --csv, --json and --ndjson are whole");
	for (size_t i = 0; i < cli->word_count; i++)
		if (!mst_filter_is_term(cli->words[i]) && cli->verb == &cli->command->verbs[0])
			return mst_command_no_verb(cli->command, cli->words[i], err);
	if (cli->format == MST_CLI_TABLE)
		return draw_table(cli, limit ? (int64_t)limit : TABLE_ROWS, err);
	return stream_all(cli, (int64_t)limit, err);
}
