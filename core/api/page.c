/* SPDX-License-Identifier: Apache-2.0 */
/* Lists: one JSON page with a total and a cursor, or all of it as one object a line. */
#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "store/filter.h"

#define DEFAULT_PAGE 100
#define MAX_AFTER    4096u
#define MAX_FIELDS   4096u

/* The cursor of a page is the store's own after-document in hex: opaque to clients, checked when it comes back. */
static void hex_encode(const uint8_t *data, size_t len, struct mst_buf *out)
{
	for (size_t i = 0; i < len; i++)
		mst_buf_printf(out, "%02x", data[i]);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_decode(const char *text, bson_t **out, struct mst_err *err)
{
	size_t len = strlen(text);
	uint8_t data[MAX_AFTER];
	bson_t view;

	if (len == 0 || len % 2 != 0 || len / 2 > sizeof(data))
		return mst_err_set(err, MST_E_USAGE, "after: give back the \"next\" of the page before, unchanged");
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return mst_err_set(err, MST_E_USAGE,
			                   "after: give back the \"next\" of the page before, unchanged");
		data[i / 2] = (uint8_t)(high * 16 + low);
	}
	if (!bson_init_static(&view, data, len / 2) || !bson_validate(&view, BSON_VALIDATE_UTF8, NULL))
		return mst_err_set(err, MST_E_USAGE, "after: give back the \"next\" of the page before, unchanged");
	*out = bson_copy(&view);
	return MST_OK;
}

/* { sort fields..., _id } of the last document. */
static void make_next(const bson_t *sort, const bson_t *last, struct mst_buf *out)
{
	bson_t after = BSON_INITIALIZER;
	bson_iter_t key, value;

	if (bson_iter_init(&key, sort)) {
		while (bson_iter_next(&key)) {
			if (bson_iter_init_find(&value, last, bson_iter_key(&key)))
				bson_append_iter(&after, bson_iter_key(&key), -1, &value);
			else
				BSON_APPEND_NULL(&after, bson_iter_key(&key));
		}
	}
	if (bson_iter_init_find(&value, last, "_id") && !bson_has_field(&after, "_id"))
		bson_append_iter(&after, "_id", -1, &value);
	hex_encode(bson_get_data(&after), after.len, out);
	bson_destroy(&after);
}

struct query {
	bson_t *filter, *sort,
	        *after; /* pointers: bson_t wants an alignment that calloc does not give; after NULL: from the start */
	struct mst_buf fields; /* of the documents, with commas; empty: whole documents */
	int64_t limit;
};

static void query_free(struct query *query)
{
	bson_destroy(query->filter);
	bson_destroy(query->sort);
	bson_destroy(query->after);
	mst_buf_free(&query->fields);
}

/* The parsers start their document anew: one from the heap would forget that it is, and never be freed. */
static void take(bson_t **to, bson_t *from)
{
	bson_destroy(*to);
	*to = bson_copy(from);
	bson_destroy(from);
}

/* "fields=ip,state": columns, of which the documents' fields are read; what pages and rows are made of comes along. */
static int read_fields(struct mst_call *call, const struct mst_page *page, struct query *query, struct mst_err *err)
{
	const char *cursor = mst_call_query(call, "fields");
	bson_iter_t key;
	struct mst_buf word;
	int rc = MST_OK;

	if (!cursor || !cursor[0] || !page->columns)
		return MST_OK;
	mst_buf_init(&word, 256);
	mst_buf_str(&query->fields, page->kind == MST_DOC_INTERFACE ? "number,state" : "_id");
	while (rc == MST_OK && mst_str_next_item(&cursor, ',', &word)) {
		const struct mst_column *column =
		        mst_column_named(page->columns, page->column_count, mst_buf_text(&word), "fields", err);

		if (column)
			mst_buf_printf(&query->fields, ",%s", column->field);
		else
			rc = MST_E_USAGE;
	}
	if (bson_iter_init(&key, query->sort))
		while (bson_iter_next(&key))
			mst_buf_printf(&query->fields, ",%s", bson_iter_key(&key));
	mst_buf_free(&word);
	return rc == MST_OK && query->fields.failed ? mst_err_set(err, MST_E_USAGE, "fields: too many columns") : rc;
}

static int query_read(struct mst_call *call, const struct mst_page *page, struct query *query, struct mst_err *err)
{
	const char *filter = mst_call_query(call, "filter"), *sort = mst_call_query(call, "sort"),
	           *after = mst_call_query(call, "after");
	bson_t parsed;
	int rc = MST_OK;

	query->filter = bson_new();
	query->sort = bson_new();
	query->after = NULL;
	mst_buf_init(&query->fields, MAX_FIELDS);
	if (!sort || !sort[0])
		sort = page->default_sort;
	if (filter && filter[0] && page->columns) {
		rc = mst_call_filter(call, filter, page->columns, page->column_count, &parsed, err);
		if (rc == MST_OK)
			take(&query->filter, &parsed);
	}
	if (rc == MST_OK && sort && page->columns) {
		rc = mst_sort_parse(sort, page->columns, page->column_count, &parsed, err);
		if (rc == MST_OK)
			take(&query->sort, &parsed);
	}
	if (rc == MST_OK)
		rc = read_fields(call, page, query, err);
	if (rc == MST_OK && after && after[0])
		rc = hex_decode(after, &query->after, err);
	if (rc == MST_OK)
		rc = mst_call_query_int(call, "limit", 1, MST_MAX_PAGE, DEFAULT_PAGE, &query->limit, err);
	if (rc != MST_OK)
		query_free(query);
	return rc;
}

struct listing {
	struct query query;
	struct mst_cursor *cursor;
	int kind;
};

static int listing_next(void *data, struct mst_buf *out, struct mst_err *err)
{
	struct listing *listing = data;
	bson_t doc;
	int rc = mst_cursor_next(listing->cursor, &doc, err);

	if (rc != MST_OK)
		return rc;
	mst_api_json(&doc, listing->kind, out);
	mst_buf_char(out, '\n');
	return MST_OK;
}

static void listing_free(void *data)
{
	struct listing *listing = data;

	if (listing->cursor)
		mst_cursor_close(listing->cursor);
	query_free(&listing->query);
	free(listing);
}

static int answer_stream(struct mst_call *call, const struct mst_page *page, struct mst_err *err)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	struct mst_find find = {.collection = page->collection};
	int rc;

	if (!listing)
		return mst_err_no_memory(err);
	listing->kind = page->kind;
	rc = query_read(call, page, &listing->query, err);
	if (rc != MST_OK) {
		free(listing);
		return rc;
	}
	find.filter = listing->query.filter;
	find.sort = listing->query.sort;
	find.fields = listing->query.fields.len ? mst_buf_text(&listing->query.fields) : NULL;
	if (mst_call_query(call, "limit"))
		find.limit = (uint32_t)listing->query.limit;
	rc = mst_store_find(call->store, &find, &listing->cursor, err);
	if (rc != MST_OK) {
		listing_free(listing);
		return rc;
	}
	return mst_call_stream(call, listing_next, listing_free, listing, err);
}

#define COUNT_AT_LEAST_MS 2

/* How many there are in all: known where the first page holds them all, else counted while that costs no more than finding did. */
static int add_total(struct mst_call *call, const struct mst_page *page, const struct query *query, int64_t shown,
                     bool more, int64_t took_ms, struct mst_err *err)
{
	int64_t total = shown, counted = -1;
	bool exact = !more && !query->after;
	int rc = MST_OK;

	if (!exact)
		rc = mst_store_count_some(call->store, page->collection, query->filter, MST_COUNT_MOST + 1,
		                          took_ms > COUNT_AT_LEAST_MS ? took_ms : COUNT_AT_LEAST_MS, &counted, err);
	if (counted > MST_COUNT_MOST)
		total = MST_COUNT_MOST;
	else if (counted >= 0)
		total = counted, exact = true;
	mst_buf_printf(&call->text, ",\"total\":%lld,\"total_exact\":%s", (long long)total, exact ? "true" : "false");
	return rc;
}

/* One more than a page is read, to know whether there is a next one. */
static int read_items(struct mst_call *call, const struct mst_page *page, const struct query *query, int64_t *shown,
                      struct mst_buf *next, struct mst_err *err)
{
	struct mst_find find = {.collection = page->collection,
	                        .filter = query->filter,
	                        .sort = query->sort,
	                        .after = query->after,
	                        .fields = query->fields.len ? mst_buf_text(&query->fields) : NULL,
	                        .limit = (uint32_t)query->limit + 1};
	struct mst_cursor *cursor = NULL;
	bson_t doc;
	int rc = mst_store_find(call->store, &find, &cursor, err);

	mst_buf_str(&call->text, "{\"items\":[");
	while (rc == MST_OK && (rc = mst_cursor_next(cursor, &doc, err)) == MST_OK && *shown < query->limit) {
		if ((*shown)++ > 0)
			mst_buf_char(&call->text, ',');
		mst_api_json(&doc, page->kind, &call->text);
		if (*shown == query->limit)
			make_next(query->sort, &doc, next);
	}
	mst_buf_char(&call->text, ']');
	if (cursor)
		mst_cursor_close(cursor);
	if (rc == MST_E_END)
		mst_buf_reset(next);
	return rc == MST_E_END ? MST_OK : rc;
}

static int read_page(struct mst_call *call, const struct mst_page *page, const struct query *query, struct mst_err *err)
{
	int64_t start = mst_time_monotonic(), shown = 0;
	struct mst_buf next;
	int rc;

	mst_buf_init(&next, 4 * MAX_AFTER);
	rc = read_items(call, page, query, &shown, &next, err);
	if (rc == MST_OK)
		rc = add_total(call, page, query, shown, next.len > 0, mst_time_monotonic() - start, err);
	if (rc == MST_OK && page->extra)
		rc = page->extra(call, &call->text, err);
	mst_buf_printf(&call->text, ",\"next\":\"%s\"}", mst_buf_text(&next));
	if (rc == MST_OK && call->text.failed)
		rc = mst_err_set(err, MST_E_LIMIT, "this page is too large: ask for fewer with limit=");
	mst_buf_free(&next);
	return rc;
}

int mst_page_answer(struct mst_call *call, const struct mst_page *page, struct mst_err *err)
{
	struct query query;
	int rc;

	if (call->ndjson)
		return answer_stream(call, page, err);
	rc = query_read(call, page, &query, err);
	if (rc != MST_OK)
		return rc;
	rc = read_page(call, page, &query, err);
	query_free(&query);
	return rc;
}

int mst_page_array(struct mst_call *call, const struct mst_find *find, int kind, struct json_object **out,
                   struct mst_err *err)
{
	struct mst_cursor *cursor = NULL;
	struct json_object *list = json_object_new_array();
	bson_t doc;
	int rc = mst_store_find(call->store, find, &cursor, err);

	while (rc == MST_OK) {
		struct json_object *item;

		rc = mst_cursor_next(cursor, &doc, err);
		item = rc == MST_OK ? mst_api_object(&doc, kind) : NULL;
		if (item)
			mst_json_push(list, item);
	}
	if (cursor)
		mst_cursor_close(cursor);
	if (rc == MST_E_END) {
		*out = list;
		return MST_OK;
	}
	json_object_put(list);
	return rc;
}
