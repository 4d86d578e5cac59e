/* SPDX-License-Identifier: Apache-2.0 */
#include "import/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "import/absence.h"
#include "import/doc.h"

#define LAYERS_MAX 2000u      /* per zone; the oldest goes first */
#define TEXT_MAX   (1u << 20) /* of one layer's ranges */

struct layer {
	char id[MST_ID_SIZE];
	int64_t at;
	struct mst_addr_set set;
};

static int read_layer(const bson_t *doc, struct layer *out, struct mst_err *err)
{
	const char *addresses = mst_doc_text(doc, "addresses");
	mst_doc_cut(out->id, sizeof out->id, mst_doc_text(doc, "_id") ? mst_doc_text(doc, "_id") : "");
	out->at = mst_doc_int(doc, "at", 0);
	mst_addr_set_init(&out->set);
	return addresses ? mst_addr_set_parse(&out->set, addresses, err) : 0;
}

static int64_t count_of(const struct mst_addr_set *set)
{
	uint64_t count = mst_addr_set_count(set);
	return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

/* What is left of an older layer; nothing: it goes. */
static int shrink(struct mst_batch *batch, const struct layer *layer, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, set;
	struct mst_buf text;
	int index;
	mst_buf_init(&text, TEXT_MAX);
	mst_doc_add_text(&filter, "_id", layer->id);
	if (layer->set.count == 0 || mst_addr_set_text(&layer->set, &text) != 0) {
		index = mst_batch_remove(batch, "coverage", &filter);
	} else {
		bson_append_document_begin(&update, "$set", -1, &set);
		mst_doc_add_text(&set, "addresses", mst_buf_text(&text));
		mst_doc_add_int(&set, "count", count_of(&layer->set));
		bson_append_document_end(&update, &set);
		index = mst_batch_update(batch, "coverage", &filter, &update, false);
	}
	mst_buf_free(&text);
	bson_destroy(&filter);
	bson_destroy(&update);
	return index < 0 ? mst_err_no_memory(err) : 0;
}

struct noting {
	const char *run;
	int64_t at;
	const struct mst_addr_set *all; /* what the run covered */
	struct mst_addr_set left;       /* of it, what no newer run covered */
	struct mst_batch *batch;
	size_t layers;
};

static int settle_with(struct noting *n, struct layer *other, struct mst_err *err)
{
	int64_t before = count_of(&other->set);
	if (strcmp(other->id, n->run) == 0)
		return 0;
	if (other->at > n->at || (other->at == n->at && strcmp(other->id, n->run) > 0))
		return mst_addr_set_subtract(&n->left, &other->set) == 0 ? 0 : mst_err_no_memory(err);
	if (mst_addr_set_subtract(&other->set, n->all) != 0)
		return mst_err_no_memory(err);
	/* Newest first: what is beyond the cap is the oldest. */
	if (++n->layers >= LAYERS_MAX) {
		mst_addr_set_free(&other->set);
		mst_addr_set_init(&other->set);
	}
	return count_of(&other->set) == before && other->set.count > 0 ? 0 : shrink(n->batch, other, err);
}

static int settle_all(struct mst_import *import, struct noting *n, const char *zone, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, sort = BSON_INITIALIZER;
	struct mst_find find = {.collection = "coverage", .filter = &filter, .sort = &sort};
	struct mst_cursor *cursor = NULL;
	mst_doc_add_text(&filter, "zone", zone);
	mst_doc_add_int(&sort, "at", -1);
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0) {
		struct layer other;
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code != 0)
			break;
		code = read_layer(&doc, &other, err);
		if (code == 0)
			code = settle_with(n, &other, err);
		mst_addr_set_free(&other.set);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	bson_destroy(&sort);
	return code == MST_E_END ? 0 : code;
}

static int64_t run_number(struct mst_import *import, const char *run)
{
	int64_t number = 0;
	bson_t doc;
	if (mst_store_get(import->store, "runs", run, &doc, NULL) != 0)
		return 0;
	number = mst_doc_int(&doc, "number", 0);
	bson_destroy(&doc);
	return number;
}

static int put_layer(struct mst_import *import, struct noting *n, const struct mst_coverage *coverage,
                     struct mst_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	struct mst_buf text;
	int index = 0;
	mst_buf_init(&text, TEXT_MAX);
	if (mst_addr_set_text(&n->left, &text) != 0) {
		mst_log(MST_LOG_WARNING, "import", "run %s covers too many separate ranges to keep its coverage",
		        n->run);
	} else if (text.len > 0) {
		mst_doc_add_text(&doc, "_id", n->run);
		mst_doc_add_text(&doc, "profile", coverage->profile);
		mst_doc_add_text(&doc, "zone", coverage->zone);
		mst_doc_add_int(&doc, "number", run_number(import, n->run));
		mst_doc_add_int(&doc, "at", n->at);
		mst_doc_add_int(&doc, "count", count_of(&n->left));
		mst_doc_add_text(&doc, "addresses", mst_buf_text(&text));
		index = mst_batch_put(n->batch, "coverage", &doc);
	}
	mst_buf_free(&text);
	bson_destroy(&doc);
	return index < 0 ? mst_err_no_memory(err) : 0;
}

int mst_coverage_note(struct mst_import *import, const char *run, const struct mst_coverage *coverage,
                      struct mst_err *err)
{
	struct noting n = {.run = run, .at = coverage->seen_from, .all = &coverage->addresses};
	if (!coverage->profile || coverage->addresses.count == 0 || coverage->seen_from == INT64_MAX)
		return 0;
	mst_addr_set_init(&n.left);
	int code = mst_batch_new(&n.batch, err);
	if (code == 0 && mst_addr_set_copy(&n.left, &coverage->addresses) != 0)
		code = mst_err_no_memory(err);
	if (code == 0)
		code = settle_all(import, &n, coverage->zone, err);
	if (code == 0)
		code = put_layer(import, &n, coverage, err);
	if (code == 0 && mst_batch_count(n.batch) > 0)
		code = mst_store_write(import->store, n.batch, err);
	mst_batch_free(n.batch);
	mst_addr_set_free(&n.left);
	return code;
}
