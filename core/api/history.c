/* SPDX-License-Identifier: Apache-2.0 */
/* Earlier times: what changed when, and what was where. */
#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "import/history.h"
#include "store/filter.h"

#define DEFAULT_PAGE 100
#define KEY_MAX      128u
#define EVENTS_MAX   5000u

int mst_call_at(struct mst_call *call, int64_t *at, struct mst_err *err)
{
	const char *text = mst_call_query(call, "at");
	int64_t now = mst_time_now();

	*at = 0;
	if (!text || !text[0])
		return MST_OK;
	if (text[strspn(text, "0123456789")] == '\0' && strlen(text) > 10)
		return mst_call_query_int(call, "at", 1, INT64_MAX, 0, at, err);
	if (!mst_time_parse_past(text, now, at))
		return mst_err_set(err, MST_E_USAGE,
		                   "at=%.64s: milliseconds, RFC 3339, 2026-03-01, \"2026-03-01 14:00\" or 7d is wanted",
		                   text);
	return MST_OK;
}

struct gathering {
	struct mst_call *call;
	struct json_object *items;
	char run[64]; /* the last one that was looked up */
	int64_t number;
};

static int64_t number_of(struct gathering *gathering, const char *run)
{
	bson_iter_t at;
	bson_t doc;

	if (!run[0] || strcmp(gathering->run, run) == 0)
		return run[0] ? gathering->number : 0;
	snprintf(gathering->run, sizeof(gathering->run), "%s", run);
	gathering->number = 0;
	if (mst_store_get(gathering->call->store, "runs", run, &doc, NULL) == MST_OK) {
		if (bson_iter_init_find(&at, &doc, "number"))
			gathering->number = bson_iter_as_int64(&at);
		bson_destroy(&doc);
	}
	return gathering->number;
}

static int on_event(void *data, const struct mst_history_event *event)
{
	struct gathering *gathering = data;
	struct json_object *item = json_object_new_object();

	mst_json_add_int(item, "at", event->at);
	mst_json_add_int(item, "until", event->until);
	mst_json_add_text(item, "profile", event->profile);
	mst_json_add_int(item, "run", number_of(gathering, event->run));
	mst_json_add_text(item, "ip", event->ip);
	mst_json_add_text(item, "change", event->change);
	mst_json_add_text(item, "zone", event->zone);
	mst_json_add_text(item, "observation", event->observation);
	json_object_array_add(gathering->items, item);
	return MST_OK;
}

/* Being lost is no state of an observation: it is the end of all of them. */
static void add_lost(struct gathering *gathering, const bson_t *interface)
{
	struct json_object *item;
	bson_iter_t at;
	bson_t run;
	int64_t when = 0;
	const char *state = bson_iter_init_find(&at, interface, "state") ? bson_iter_utf8(&at, NULL) : "",
	           *id = bson_iter_init_find(&at, interface, "lost_run") ? bson_iter_utf8(&at, NULL) : "";

	if (strcmp(state, "lost") != 0 || !id[0])
		return;
	if (mst_store_get(gathering->call->store, "runs", id, &run, NULL) == MST_OK) {
		if (bson_iter_init_find(&at, &run, "started"))
			when = bson_iter_as_int64(&at);
		bson_destroy(&run);
	}
	item = json_object_new_object();
	mst_json_add_int(item, "at", when);
	mst_json_add_int(item, "run", number_of(gathering, id));
	mst_json_add_text(item, "change", "lost");
	json_object_array_add(gathering->items, item);
}

/* The stored document of the interface that a key names now. */
static int find_document(struct mst_call *call, const char *key, bson_t *out, struct mst_err *err)
{
	struct json_object *interface = NULL;
	int rc = mst_interface_find(call, key, &interface, err);

	if (rc == MST_OK)
		rc = mst_store_get(call->store, "interfaces", mst_json_text(interface, "_id", ""), out, err);
	json_object_put(interface);
	return rc;
}

static void add_kept(struct mst_call *call, struct json_object *answer)
{
	int64_t whole = 0, first = 0;

	(void)mst_history_kept(call->store, &whole, &first, NULL);
	mst_json_add_int(answer, "kept_from", whole > first ? whole : first);
}

int mst_api_history(struct mst_call *call, struct mst_err *err)
{
	struct gathering gathering = {.call = call};
	struct mst_call_import room = {NULL, NULL};
	struct json_object *object;
	bson_t interface;
	int rc = find_document(call, call->captures[0], &interface, err);

	if (rc != MST_OK)
		return rc;
	gathering.items = json_object_new_array();
	rc = mst_call_import_open(call, &room, err);
	if (rc == MST_OK)
		rc = mst_history_read(room.import, &interface, on_event, &gathering, err);
	if (rc == MST_OK)
		add_lost(&gathering, &interface);
	mst_call_import_close(&room);
	object = rc == MST_OK ? mst_api_object(&interface, MST_DOC_INTERFACE) : NULL;
	bson_destroy(&interface);
	if (rc != MST_OK || !object) {
		json_object_put(gathering.items);
		json_object_put(object);
		return rc != MST_OK ? rc : mst_err_no_memory(err);
	}
	call->answer = json_object_new_object();
	json_object_object_add(call->answer, "interface", object);
	json_object_object_add(call->answer, "items", gathering.items);
	add_kept(call, call->answer);
	return MST_OK;
}

/* ---- one, at a time ---- */

static bool holds_address(const bson_t *view, const char *ip)
{
	bson_iter_t at, item;

	if (bson_iter_init_find(&at, view, "ip") && BSON_ITER_HOLDS_UTF8(&at) &&
	    strcmp(bson_iter_utf8(&at, NULL), ip) == 0)
		return true;
	if (!bson_iter_init_find(&at, view, "ips") || !BSON_ITER_HOLDS_ARRAY(&at) || !bson_iter_recurse(&at, &item))
		return false;
	while (bson_iter_next(&item))
		if (BSON_ITER_HOLDS_UTF8(&item) && strcmp(bson_iter_utf8(&item, NULL), ip) == 0)
			return true;
	return false;
}

/* Of two that had the address in one zone, the one that was seen there later had taken it over. */
static void add_view(struct json_object *views, struct json_object *view)
{
	for (size_t i = 0; i < json_object_array_length(views); i++) {
		struct json_object *other = json_object_array_get_idx(views, i);

		if (strcmp(mst_json_text(other, "zone", ""), mst_json_text(view, "zone", "")) != 0)
			continue;
		if (mst_json_int(view, "last_seen", 0) > mst_json_int(other, "last_seen", 0))
			json_object_array_put_idx(views, i, view);
		else
			json_object_put(view);
		return;
	}
	json_object_array_add(views, view);
}

/* Who had the address then? Not who has it now. */
static int views_of_address(struct mst_call *call, struct mst_import *import, const struct mst_addr *addr, int64_t at,
                            struct json_object *views, struct mst_err *err)
{
	char ip[MST_ADDR_TEXT];
	bson_t ids = BSON_INITIALIZER;
	bson_iter_t id;
	int rc = mst_history_holders(call->store, addr, &ids, err);

	mst_addr_text(addr, ip);
	if (rc == MST_OK && bson_iter_init(&id, &ids)) {
		while (rc == MST_OK && bson_iter_next(&id)) {
			bson_t interface, view;

			if (mst_store_get(call->store, "interfaces", bson_iter_utf8(&id, NULL), &interface, NULL) !=
			    MST_OK)
				continue;
			rc = mst_history_view(import, &interface, at, &view, err);
			bson_destroy(&interface);
			if (rc == MST_OK && holds_address(&view, ip))
				add_view(views, mst_api_object(&view, MST_DOC_INTERFACE));
			if (rc == MST_OK)
				bson_destroy(&view);
			rc = rc == MST_E_NOT_FOUND ? MST_OK : rc;
		}
	}
	bson_destroy(&ids);
	return rc;
}

static int answer_address(struct mst_call *call, struct json_object *views, const char *key, int64_t at,
                          struct json_object **out, struct mst_err *err)
{
	char when[32];

	mst_time_local(at, when, sizeof(when));
	if (json_object_array_length(views) == 0)
		return mst_err_set(err, MST_E_NOT_FOUND, "nothing was known on %.64s at %s", key, when);
	if (json_object_array_length(views) == 1) {
		*out = json_object_get(json_object_array_get_idx(views, 0));
		return MST_OK;
	}
	call->answer = json_object_new_object();
	mst_err_set(err, MST_E_CONFLICT, "%.64s was the address of %zu interfaces at %s: give the id of one", key,
	            json_object_array_length(views), when);
	mst_json_add_text(call->answer, "error", mst_code_name(MST_E_CONFLICT));
	mst_json_add_text(call->answer, "text", err->text);
	json_object_object_add(call->answer, "candidates", json_object_get(views));
	return MST_E_CONFLICT;
}

static int find_view(struct mst_call *call, struct mst_import *import, int64_t at, struct json_object **out,
                     struct mst_err *err)
{
	const char *key = call->captures[0];
	struct mst_addr addr;
	bson_t interface, view;
	int rc;

	if (mst_addr_parse(key, &addr)) {
		struct json_object *views = json_object_new_array();

		rc = views_of_address(call, import, &addr, at, views, err);
		if (rc == MST_OK)
			rc = answer_address(call, views, key, at, out, err);
		json_object_put(views);
		return rc;
	}
	rc = find_document(call, key, &interface, err);
	if (rc != MST_OK)
		return rc;
	rc = mst_history_view(import, &interface, at, &view, err);
	bson_destroy(&interface);
	if (rc == MST_OK) {
		*out = mst_api_object(&view, MST_DOC_INTERFACE);
		bson_destroy(&view);
	}
	return rc;
}

int mst_api_interface_at(struct mst_call *call, int64_t at, struct mst_err *err)
{
	struct mst_call_import room = {NULL, NULL};
	struct json_object *view = NULL;
	struct mst_err kept = {.code = MST_OK};
	int rc = mst_call_import_open(call, &room, err);

	if (rc == MST_OK)
		rc = find_view(call, room.import, at, &view, err);
	mst_call_import_close(&room);
	/* Nothing found at a time of which not all is kept: that is the better reason. */
	if (rc == MST_E_NOT_FOUND && mst_history_check(call->store, at, mst_time_now(), &kept) != MST_OK)
		rc = mst_err_set(err, kept.code, "%s", kept.text);
	if (rc != MST_OK)
		return rc;
	call->answer = json_object_new_object();
	json_object_object_add(call->answer, "interface", view);
	mst_json_add_int(call->answer, "at", at);
	add_kept(call, call->answer);
	return MST_OK;
}

/* ---- all of them, at a time ---- */

struct listing {
	struct mst_call_import room;
	struct mst_history_scan *scan;
};

static void listing_free(void *data)
{
	struct listing *listing = data;

	mst_history_scan_close(listing->scan);
	mst_call_import_close(&listing->room);
	free(listing);
}

static int listing_next(void *data, struct mst_buf *out, struct mst_err *err)
{
	struct listing *listing = data;
	bson_t view;
	int rc = mst_history_scan_next(listing->scan, &view, err);

	if (rc != MST_OK)
		return rc;
	mst_api_json(&view, MST_DOC_INTERFACE, out);
	mst_buf_char(out, '\n');
	bson_destroy(&view);
	return MST_OK;
}

static int listing_open(struct mst_call *call, int64_t at, struct listing **out, struct mst_err *err)
{
	const char *text = mst_call_query(call, "filter"), *sort = mst_call_query(call, "sort");
	struct listing *listing = calloc(1, sizeof(*listing));
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	bson_t filter;
	bool has_filter = text && text[0];
	int rc = listing ? mst_history_check(call->store, at, mst_time_now(), err) : mst_err_no_memory(err);

	if (rc == MST_OK && sort && sort[0] && strcmp(sort, "ip") != 0)
		rc = mst_err_set(err, MST_E_USAGE, "a listing of an earlier time is sorted by ip and nothing else");
	if (rc == MST_OK && has_filter)
		rc = mst_filter_parse(text, columns, count, at, &filter, err);
	has_filter = has_filter && rc == MST_OK;
	if (rc == MST_OK)
		rc = mst_call_import_open(call, &listing->room, err);
	if (rc == MST_OK)
		rc = mst_history_scan_open(&listing->scan, listing->room.import, has_filter ? &filter : NULL, at, err);
	if (has_filter)
		bson_destroy(&filter);
	if (rc == MST_OK)
		*out = listing;
	else if (listing)
		listing_free(listing);
	return rc;
}

/* The lowest addresses of all that come by, and no more than a page of them. */
struct page {
	bson_t **views;
	char (*keys)[KEY_MAX];
	size_t count, most;
	int64_t total;
	char after[KEY_MAX];
};

static void sort_key(const bson_t *view, char out[KEY_MAX])
{
	bson_iter_t at;
	const char *ip = bson_iter_init_find(&at, view, "ip_key") ? bson_iter_utf8(&at, NULL) : "",
	           *id = bson_iter_init_find(&at, view, "_id") ? bson_iter_utf8(&at, NULL) : "";

	snprintf(out, KEY_MAX, "%.64s/%.40s", ip, id);
}

static void page_put(struct page *page, const bson_t *view)
{
	char key[KEY_MAX];
	size_t at = page->count;

	sort_key(view, key);
	page->total++;
	if (page->after[0] && strcmp(key, page->after) <= 0)
		return;
	while (at > 0 && strcmp(page->keys[at - 1], key) > 0)
		at--;
	if (at == page->most)
		return;
	if (page->count == page->most)
		bson_destroy(page->views[--page->count]);
	memmove(&page->views[at + 1], &page->views[at], (page->count - at) * sizeof(bson_t *));
	memmove(&page->keys[at + 1], &page->keys[at], (page->count - at) * sizeof(*page->keys));
	page->views[at] = bson_copy(view);
	memcpy(page->keys[at], key, KEY_MAX);
	page->count++;
}

static int page_fill(struct page *page, struct mst_history_scan *scan, struct mst_err *err)
{
	int rc;

	do {
		bson_t view;

		rc = mst_history_scan_next(scan, &view, err);
		if (rc == MST_OK) {
			page_put(page, &view);
			bson_destroy(&view);
		}
	} while (rc == MST_OK);
	return rc == MST_E_END ? MST_OK : rc;
}

static void page_write(struct mst_call *call, const struct page *page, size_t limit, int64_t at)
{
	int64_t whole = 0, first = 0;
	bool more = page->count > limit;

	(void)mst_history_kept(call->store, &whole, &first, NULL);
	mst_buf_str(&call->text, "{\"items\":[");
	for (size_t i = 0; i < page->count && i < limit; i++) {
		if (i > 0)
			mst_buf_char(&call->text, ',');
		mst_api_json(page->views[i], MST_DOC_INTERFACE, &call->text);
	}
	mst_buf_printf(&call->text, "],\"total\":%lld,\"next\":\"%s\",\"at\":%lld,\"kept_from\":%lld}",
	               (long long)page->total, more ? page->keys[limit - 1] : "", (long long)at,
	               (long long)(whole > first ? whole : first));
}

static int answer_page(struct mst_call *call, struct mst_history_scan *scan, int64_t at, struct mst_err *err)
{
	const char *after = mst_call_query(call, "after");
	struct page page = {.views = NULL};
	int64_t limit;
	int rc = mst_call_query_int(call, "limit", 1, MST_MAX_PAGE, DEFAULT_PAGE, &limit, err);

	if (rc != MST_OK)
		return rc;
	page.most = (size_t)limit + 1;
	page.views = calloc(page.most + 1, sizeof(bson_t *));
	page.keys = calloc(page.most + 1, sizeof(*page.keys));
	snprintf(page.after, sizeof(page.after), "%s", after ? after : "");
	rc = page.views && page.keys ? page_fill(&page, scan, err) : mst_err_no_memory(err);
	if (rc == MST_OK)
		page_write(call, &page, (size_t)limit, at);
	for (size_t i = 0; page.views && i < page.count; i++)
		bson_destroy(page.views[i]);
	free(page.views);
	free(page.keys);
	if (rc == MST_OK && call->text.failed)
		rc = mst_err_set(err, MST_E_LIMIT, "this page is too large: ask for fewer with limit=");
	return rc;
}

int mst_api_interfaces_at(struct mst_call *call, int64_t at, struct mst_err *err)
{
	struct listing *listing = NULL;
	int rc = listing_open(call, at, &listing, err);

	if (rc != MST_OK)
		return rc;
	if (call->ndjson)
		return mst_call_stream(call, listing_next, listing_free, listing, err);
	rc = answer_page(call, listing->scan, at, err);
	listing_free(listing);
	return rc;
}
