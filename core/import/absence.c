/* SPDX-License-Identifier: Apache-2.0 */
#include "import/absence.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "import/coverage.h"
#include "import/doc.h"
#include "import/sweep.h"

/* Listed at a time: a network that falls silent must not take memory for each of its addresses. */
#define MISSED_MAX 20000u

bool mst_absence_is_missed(const struct mst_coverage *coverage, const char *run, const struct mst_obs *obs)
{
	struct mst_addr addr;
	const char *ip = mst_doc_text(&obs->doc, "ip");
	bool reported = strcmp(obs->last_run, run) == 0 && !obs->displaced;
	if (reported || strcmp(obs->missed_run, run) == 0 || obs->last_seen >= coverage->seen_from)
		return false;
	/* The same look again, such as a file that is imported twice, is no second absence. */
	if (obs->missed_at >= coverage->seen_from)
		return false;
	if (obs->namespace_key)
		return mst_doc_holds(&coverage->namespaces, obs->namespace_key);
	return ip && mst_addr_parse(ip, &addr) && mst_addr_set_contains(&coverage->addresses, &addr);
}

static void coverage_free(struct mst_coverage *coverage)
{
	free(coverage->profile);
	free(coverage->zone);
	mst_addr_set_free(&coverage->addresses);
	bson_destroy(&coverage->namespaces);
}

static int take_shard(struct mst_coverage *coverage, const bson_t *doc, uint32_t *count, struct mst_err *err)
{
	const char *covered = mst_doc_text(doc, "covered");
	int64_t from = mst_doc_int(doc, "seen_from", INT64_MAX);
	bson_t namespaces;
	bson_iter_t iter;
	int code = 0;
	/* A worker that lost its shard to another one may have looked at something else than what is known to be covered. */
	if (mst_doc_int(doc, "fence", 0) > mst_doc_int(doc, "imported_fence", 0))
		return 0;
	if (from < coverage->seen_from)
		coverage->seen_from = from;
	if (!coverage->profile && (!mst_obs_set(&coverage->profile, mst_doc_text(doc, "profile")) ||
	                           !mst_obs_set(&coverage->zone, mst_doc_text(doc, "zone"))))
		return mst_err_no_memory(err);
	if (covered)
		code = mst_addr_set_parse(&coverage->addresses, covered, err);
	if (code == 0 && mst_doc_array(doc, "covered_namespaces", &namespaces) && bson_iter_init(&iter, &namespaces))
		while (bson_iter_next(&iter))
			if (BSON_ITER_HOLDS_UTF8(&iter))
				mst_doc_push_text(&coverage->namespaces, count, bson_iter_utf8(&iter, NULL));
	return code;
}

static int read_coverage(struct mst_import *import, const char *run, struct mst_coverage *coverage, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	struct mst_find find = {.collection = "shards", .filter = &filter};
	struct mst_cursor *cursor = NULL;
	uint32_t count = 0;
	memset(coverage, 0, sizeof *coverage);
	mst_addr_set_init(&coverage->addresses);
	bson_init(&coverage->namespaces);
	coverage->seen_from = INT64_MAX;
	mst_doc_add_text(&filter, "run", run);
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code == 0)
			code = take_shard(coverage, &doc, &count, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return code == MST_E_END ? 0 : code;
}

/* Of the profile's observations in the zone those that this run did not see, or that gave way. An _id begins with both, so
 * that they come in order without a sort. */
static void missed_filter(const struct mst_coverage *coverage, const char *run, const char *after, bson_t *filter)
{
	bson_t part, any, one;
	struct mst_buf id;
	mst_buf_init(&id, MST_KEY_SIZE + MST_KEY_SIZE);
	bson_append_document_begin(filter, "_id", -1, &part);
	mst_buf_printf(&id, "%s/%s/", coverage->profile, coverage->zone);
	mst_doc_add_text(&part, "$gt", after[0] ? after : mst_buf_text(&id));
	mst_buf_reset(&id);
	mst_buf_printf(&id, "%s/%s0", coverage->profile, coverage->zone); /* '0' follows '/' */
	mst_doc_add_text(&part, "$lt", mst_buf_text(&id));
	bson_append_document_end(filter, &part);
	mst_buf_free(&id);
	bson_append_array_begin(filter, "$or", -1, &any);
	bson_append_document_begin(&any, "0", 1, &one);
	bson_append_document_begin(&one, "last_run", -1, &part);
	mst_doc_add_text(&part, "$ne", run);
	bson_append_document_end(&one, &part);
	bson_append_document_end(&any, &one);
	bson_append_document_begin(&any, "1", 1, &one);
	bson_append_bool(&one, "displaced", -1, true);
	bson_append_document_end(&any, &one);
	bson_append_array_end(filter, &any);
}

/* Some of them, behind the _id `after`, which moves on; *more: there may be others. */
static int find_missed(struct mst_import *import, const char *run, const struct mst_coverage *coverage,
                       struct mst_id_list *list, char after[MST_MAX_ID + 1], bool *more, struct mst_err *err)
{
	size_t listed = 0;
	bson_t filter = BSON_INITIALIZER;
	struct mst_find find = {.collection = "observations", .filter = &filter};
	struct mst_cursor *cursor = NULL;
	missed_filter(coverage, run, after, &filter);
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0 && listed < MISSED_MAX) {
		bson_t doc;
		struct mst_obs *obs = NULL;
		code = mst_cursor_next(cursor, &doc, err);
		if (code != 0)
			break;
		code = mst_obs_from_bson(&doc, &obs, err);
		if (code == 0)
			mst_doc_cut(after, MST_MAX_ID + 1, obs->id);
		if (code == 0 && strcmp(obs->profile, coverage->profile) == 0 &&
		    strcmp(obs->zone, coverage->zone) == 0 && obs->missed < import->settings->lost_after &&
		    mst_absence_is_missed(coverage, run, obs)) {
			listed++;
			code = mst_id_list_add(list, obs->id) == 0 ? 0 : mst_err_no_memory(err);
		}
		mst_obs_free(obs);
	}
	*more = code == 0;
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return code == MST_E_END ? 0 : code;
}

/* The interface before the observation: cut off between the two, the next finish counts it again. */
static int count_part(struct mst_import *import, const char *run, int64_t seen_from, const bson_t *ids,
                      struct mst_err *err)
{
	struct mst_work work;
	struct lh_entry *entry;
	int code = mst_work_open(&work, import, run, err);
	if (code != 0)
		return code;
	work.settle_run = run;
	code = mst_work_load_obs(&work, ids, err);
	lh_foreach(work.obs, entry)
	{
		struct mst_obs *obs = (struct mst_obs *)(uintptr_t)lh_entry_v(entry);
		struct mst_iface *iface = obs->interface[0] ? mst_work_iface_make(&work, obs->interface) : NULL;
		obs->missed++; /* it loses its print by that: whoever is back has something to tell */
		obs->missed_at = seen_from;
		mst_doc_cut(obs->missed_run, MST_ID_SIZE, run);
		obs->dirty = true;
		if (iface)
			iface->dirty = true;
	}
	if (code == 0)
		code = mst_work_load_dirty(&work, err);
	if (code == 0)
		code = mst_work_fill(&work, err);
	if (code == 0)
		code = mst_store_write(import->store, work.batch, err);
	mst_work_close(&work);
	return code;
}

int mst_absence_count(struct mst_import *import, const char *run, struct mst_err *err)
{
	struct mst_coverage coverage;
	char after[MST_MAX_ID + 1] = "";
	int code = read_coverage(import, run, &coverage, err);
	bool more =
	        code == 0 && coverage.profile && (coverage.addresses.count > 0 || !bson_empty(&coverage.namespaces));
	while (code == 0 && more) {
		struct mst_id_list list = {0};
		code = find_missed(import, run, &coverage, &list, after, &more, err);
		for (size_t i = 0; i < list.count && code == 0; i++)
			code = count_part(import, run, coverage.seen_from, list.parts[i], err);
		mst_id_list_free(&list);
	}
	if (code == 0)
		code = mst_coverage_note(import, run, &coverage, err);
	coverage_free(&coverage);
	return code;
}
