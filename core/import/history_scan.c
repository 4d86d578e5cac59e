/* SPDX-License-Identifier: Apache-2.0 */
/* The view of a moment over everything: interfaces, their observations and their history side by side, in one order. */
#include <stdlib.h>
#include <string.h>

#include "import/doc.h"
#include "import/history.h"
#include "import/states.h"
#include "store/filter.h"

/* A cursor in the order of `interface`, and the document that it stands on. */
struct feed {
	struct mst_cursor *cursor;
	bson_t *doc; /* by pointer: a bson_t wants more alignment than malloc gives */
	bool ended;
};

struct mst_history_scan {
	struct mst_import *import;
	bson_t *filter;
	int64_t at;
	struct mst_cursor *interfaces;
	struct feed observations, rows;
};

static int feed_step(struct feed *feed, struct mst_err *err)
{
	bson_t doc;
	int code = mst_cursor_next(feed->cursor, &doc, err);
	bson_destroy(feed->doc);
	feed->doc = NULL;
	if (code == MST_E_END) {
		feed->ended = true;
		return 0;
	}
	if (code == 0) {
		feed->doc = bson_copy(&doc);
		code = feed->doc ? 0 : mst_err_no_memory(err);
	}
	return code;
}

static int feed_open(struct mst_history_scan *scan, const char *collection, const bson_t *filter, struct feed *feed,
                     struct mst_err *err)
{
	bson_t sort = BSON_INITIALIZER;
	struct mst_find find = {.collection = collection, .filter = filter, .sort = &sort};
	mst_doc_add_int(&sort, "interface", 1);
	int code = mst_store_find(scan->import->store, &find, &feed->cursor, err);
	bson_destroy(&sort);
	return code == 0 ? feed_step(feed, err) : code;
}

/* Everything of one interface; what belongs to interfaces that are gone is passed over. */
static int feed_take(struct feed *feed, const char *interface, struct mst_states *states,
                     int (*add)(struct mst_states *, const bson_t *, struct mst_err *), struct mst_err *err)
{
	int code = 0;
	while (code == 0 && !feed->ended) {
		const char *id = mst_doc_text(feed->doc, "interface");
		int order = strcmp(id ? id : "", interface);
		if (order > 0)
			break;
		if (order == 0)
			code = add(states, feed->doc, err);
		if (code == 0)
			code = feed_step(feed, err);
	}
	return code;
}

static void add_until(bson_t *filter, const char *field, int64_t at)
{
	bson_t part;
	bson_append_document_begin(filter, field, -1, &part);
	mst_doc_add_int(&part, "$lte", at);
	bson_append_document_end(filter, &part);
}

int mst_history_scan_open(struct mst_history_scan **out, struct mst_import *import, const bson_t *filter, int64_t at,
                          struct mst_err *err)
{
	struct mst_history_scan *scan = calloc(1, sizeof *scan);
	bson_t known = BSON_INITIALIZER, earlier = BSON_INITIALIZER;
	struct mst_find find = {.collection = "interfaces", .filter = &known};
	*out = NULL;
	if (!scan)
		return mst_err_no_memory(err);
	scan->import = import;
	scan->at = at;
	scan->filter = filter ? bson_copy(filter) : NULL;
	add_until(&known, "first_seen", at);
	add_until(&earlier, "from", at);
	int code = mst_store_find(import->store, &find, &scan->interfaces, err);
	if (code == 0)
		code = feed_open(scan, "observations", NULL, &scan->observations, err);
	if (code == 0)
		code = feed_open(scan, "observation_history", &earlier, &scan->rows, err);
	bson_destroy(&known);
	bson_destroy(&earlier);
	if (code == 0)
		*out = scan;
	else
		mst_history_scan_close(scan);
	return code;
}

void mst_history_scan_close(struct mst_history_scan *scan)
{
	if (!scan)
		return;
	struct mst_cursor *cursors[] = {scan->interfaces, scan->observations.cursor, scan->rows.cursor};
	for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++)
		if (cursors[i])
			mst_cursor_close(cursors[i]);
	bson_destroy(scan->observations.doc);
	bson_destroy(scan->rows.doc);
	bson_destroy(scan->filter);
	free(scan);
}

/* One interface; MST_E_NOT_FOUND: it has no view of that time. */
static int one(struct mst_history_scan *scan, const bson_t *interface, bson_t *out, struct mst_err *err)
{
	struct mst_states states = {.items = NULL};
	const char *id = mst_doc_text(interface, "_id");
	int code = feed_take(&scan->observations, id ? id : "", &states, mst_states_add_current, err);
	bool later = false;
	if (code == 0)
		code = feed_take(&scan->rows, id ? id : "", &states, mst_states_add_past, err);
	for (size_t i = 0; i < states.count; i++)
		later |= states.items[i].current && states.items[i].from > scan->at;
	if (code == 0 && later)
		code = mst_states_load_merged(scan->import, id ? id : "", &states, err);
	if (code == 0)
		code = mst_history_merge(scan->import, interface, &states, scan->at, out, err);
	mst_states_free(&states);
	return code;
}

int mst_history_scan_next(struct mst_history_scan *scan, bson_t *out, struct mst_err *err)
{
	for (;;) {
		bson_t interface;
		int code = mst_cursor_next(scan->interfaces, &interface, err);
		if (code != 0)
			return code;
		code = one(scan, &interface, out, err);
		if (code == MST_E_NOT_FOUND)
			continue;
		if (code != 0)
			return code;
		if (!scan->filter || mst_filter_match(scan->filter, out))
			return 0;
		bson_destroy(out);
	}
}
