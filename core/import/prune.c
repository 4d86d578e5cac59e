/* SPDX-License-Identifier: Apache-2.0 */
/* Retention: what is too old goes, in batches that hold the store up for a moment each. Cut off anywhere and called again, it
 * goes on where it was. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import/doc.h"
#include "import/room.h"
#include "import/sweep.h"
#include "store/collections.h"

#define PART_ROWS    500u /* rows of a collection that one batch removes */
#define PART_IFACES  50u  /* interfaces with all that hangs on them */
#define PROFILES_MAX 256u /* of one interface; more than that are left alone */

struct pruning {
	struct mst_import *import;
	const char *spool;
	struct mst_import_pruned *out;
	struct mst_err *err;
	int64_t cutoff;
};

static int stopped(const struct pruning *p)
{
	if (p->import->stop && p->import->stop(p->import->stop_data) != 0)
		return mst_err_set(p->err, MST_E_CANCELLED, "it was stopped; the rest is removed next time");
	return 0;
}

static void add_before(bson_t *filter, const char *field, int64_t cutoff)
{
	bson_t part;
	bson_append_document_begin(filter, field, -1, &part);
	mst_doc_add_int(&part, "$lt", cutoff);
	bson_append_document_end(filter, &part);
}

/* The next ids that match, as a BSON array. */
static int next_ids(struct pruning *p, const char *collection, const bson_t *filter, const bson_t *sort, uint32_t limit,
                    bson_t *ids, uint32_t *count)
{
	struct mst_find find = {
	        .collection = collection, .filter = filter, .sort = sort, .limit = limit, .fields = "_id"};
	struct mst_cursor *cursor = NULL;
	int code = mst_store_find(p->import->store, &find, &cursor, p->err);
	*count = 0;
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, p->err);
		if (code == 0)
			mst_doc_push_text(ids, count, mst_doc_text(&doc, "_id"));
	}
	if (cursor)
		mst_cursor_close(cursor);
	return code == MST_E_END ? 0 : code;
}

static int add_removal(struct mst_batch *batch, const char *collection, const char *field, const bson_t *ids)
{
	bson_t filter = BSON_INITIALIZER, in;
	bson_append_document_begin(&filter, field, -1, &in);
	bson_append_array(&in, "$in", 3, ids);
	bson_append_document_end(&filter, &in);
	int index = mst_batch_remove(batch, collection, &filter);
	bson_destroy(&filter);
	return index;
}

static int write_batch(struct pruning *p, struct mst_batch *batch, bool good)
{
	return good ? mst_store_write(p->import->store, batch, p->err) : mst_err_no_memory(p->err);
}

/* From when on the history is whole: what was removed once is gone also when the settings keep more later. */
static int note_cutoff(struct pruning *p)
{
	bson_t update = BSON_INITIALIZER, max;
	struct mst_batch *batch = NULL;
	bson_append_document_begin(&update, "$max", -1, &max);
	mst_doc_add_int(&max, "value", p->cutoff);
	bson_append_document_end(&update, &max);
	int code = mst_batch_new(&batch, p->err);
	if (code == 0)
		code = write_batch(
		        p, batch, mst_batch_update_id(batch, "counters", MST_COUNTER_HISTORY_FROM, &update, true) >= 0);
	mst_batch_free(batch);
	bson_destroy(&update);
	return code;
}

static int prune_history(struct pruning *p)
{
	bson_t filter = BSON_INITIALIZER, sort = BSON_INITIALIZER;
	uint32_t count = PART_ROWS;
	int code = note_cutoff(p);
	add_before(&filter, "to", p->cutoff);
	mst_doc_add_int(&sort, "to", 1);
	while (code == 0 && count == PART_ROWS) {
		bson_t ids = BSON_INITIALIZER;
		struct mst_batch *batch = NULL;
		code = stopped(p);
		if (code == 0)
			code = next_ids(p, "observation_history", &filter, &sort, PART_ROWS, &ids, &count);
		if (code == 0 && count > 0)
			code = mst_batch_new(&batch, p->err);
		if (code == 0 && count > 0)
			code = write_batch(p, batch, add_removal(batch, "observation_history", "_id", &ids) >= 0);
		if (code == 0)
			p->out->history += count;
		mst_batch_free(batch);
		bson_destroy(&ids);
	}
	bson_destroy(&filter);
	bson_destroy(&sort);
	return code;
}

/* One interface's observations as they come by: the newest per profile, and whether an older one may go. */
struct newest {
	char interface[MST_ID_SIZE];
	char *profiles[PROFILES_MAX];
	int64_t seen[PROFILES_MAX];
	size_t count;
	bool old; /* one is older than the cutoff and not the newest of its profile */
};

static void newest_clear(struct newest *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->profiles[i]);
	n->count = 0;
	n->old = false;
}

static int newest_add(struct newest *n, const char *profile, int64_t seen, int64_t cutoff)
{
	size_t i = 0;
	while (i < n->count && strcmp(n->profiles[i], profile) != 0)
		i++;
	if (i < n->count) {
		n->old |= (seen < n->seen[i] ? seen : n->seen[i]) < cutoff;
		n->seen[i] = seen > n->seen[i] ? seen : n->seen[i];
		return 0;
	}
	if (n->count == PROFILES_MAX)
		return 0;
	n->profiles[i] = strdup(profile);
	if (!n->profiles[i])
		return MST_E_NO_MEMORY;
	n->seen[i] = seen;
	n->count++;
	return 0;
}

static int take_group(struct newest *n, struct mst_id_list *list)
{
	int code = n->old && n->interface[0] ? mst_id_list_add(list, n->interface) : 0;
	newest_clear(n);
	return code;
}

/* All observations once, interface by interface, without their documents. */
static int find_superseded(struct pruning *p, struct mst_id_list *list)
{
	bson_t sort = BSON_INITIALIZER;
	struct mst_find find = {.collection = "observations", .fields = "interface,profile,last_seen"};
	struct newest *n = calloc(1, sizeof *n);
	struct mst_cursor *cursor = NULL;
	if (!n)
		return mst_err_no_memory(p->err);
	mst_doc_add_int(&sort, "interface", 1);
	find.sort = &sort;
	int code = mst_store_find(p->import->store, &find, &cursor, p->err), memory = 0;
	while (code == 0 && memory == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, p->err);
		if (code != 0)
			break;
		const char *interface = mst_doc_text(&doc, "interface"), *profile = mst_doc_text(&doc, "profile");
		if (!interface || !profile)
			continue;
		if (strcmp(n->interface, interface) != 0) {
			memory = take_group(n, list);
			mst_doc_cut(n->interface, sizeof n->interface, interface);
		}
		if (memory == 0)
			memory = newest_add(n, profile, mst_doc_int(&doc, "last_seen", 0), p->cutoff);
	}
	if (memory == 0 && code == MST_E_END)
		memory = take_group(n, list);
	if (cursor)
		mst_cursor_close(cursor);
	newest_clear(n);
	free(n);
	bson_destroy(&sort);
	if (memory != 0)
		return mst_err_no_memory(p->err);
	return code == MST_E_END ? 0 : code;
}

static bool is_superseded(const struct mst_iface *iface, const struct mst_obs *obs)
{
	for (size_t i = 0; i < iface->obs_count; i++) {
		const struct mst_obs *other = iface->obs[i];
		if (other != obs && strcmp(other->profile, obs->profile) == 0 &&
		    (other->last_seen > obs->last_seen ||
		     (other->last_seen == obs->last_seen && strcmp(other->id, obs->id) > 0)))
			return true;
	}
	return false;
}

static int drop_superseded(void *data, struct mst_work *work, struct mst_iface *iface, struct mst_err *err)
{
	struct pruning *p = data;
	(void)work;
	(void)err;
	for (size_t i = 0; i < iface->obs_count;) {
		struct mst_obs *obs = iface->obs[i];
		if (obs->last_seen >= p->cutoff || !is_superseded(iface, obs)) {
			i++;
			continue;
		}
		obs->gone = true;
		mst_iface_detach(iface, obs);
		p->out->observations++;
	}
	return 0;
}

/* Places where an interface no longer is: the merged view is made anew without them. */
static int prune_observations(struct pruning *p)
{
	const struct mst_sweep_calls calls = {.change = drop_superseded, .data = p};
	struct mst_id_list list = {0};
	int code = find_superseded(p, &list);
	for (size_t i = 0; i < list.count && code == 0; i++) {
		bson_t filter = BSON_INITIALIZER, in;
		bson_append_document_begin(&filter, "_id", -1, &in);
		bson_append_array(&in, "$in", 3, list.parts[i]);
		bson_append_document_end(&filter, &in);
		code = stopped(p);
		if (code == 0)
			code = mst_sweep(p->import, "", &filter, &calls, NULL, NULL, p->err);
		bson_destroy(&filter);
	}
	mst_id_list_free(&list);
	return code;
}

/* The interface last: cut off before it, it is found again. Never-pairs name no interface of their own and stay. */
static int remove_interfaces(struct pruning *p, const bson_t *ids)
{
	struct mst_batch *batch = NULL;
	int code = mst_batch_new(&batch, p->err);
	if (code == 0)
		code = write_batch(p, batch,
		                   add_removal(batch, "observation_history", "interface", ids) >= 0 &&
		                           add_removal(batch, "identities", "interface", ids) >= 0 &&
		                           add_removal(batch, "observations", "interface", ids) >= 0 &&
		                           add_removal(batch, "interfaces", "_id", ids) >= 0);
	mst_batch_free(batch);
	return code;
}

static int prune_lost(struct pruning *p)
{
	bson_t filter = BSON_INITIALIZER;
	uint32_t count = PART_IFACES;
	int code = 0;
	mst_doc_add_text(&filter, "state", "lost");
	add_before(&filter, "last_seen", p->cutoff);
	while (code == 0 && count == PART_IFACES) {
		bson_t ids = BSON_INITIALIZER;
		code = stopped(p);
		if (code == 0)
			code = next_ids(p, "interfaces", &filter, NULL, PART_IFACES, &ids, &count);
		if (code == 0 && count > 0)
			code = remove_interfaces(p, &ids);
		if (code == 0)
			p->out->interfaces += count;
		bson_destroy(&ids);
	}
	bson_destroy(&filter);
	return code;
}

/* Results that could not be imported are there for a retry; they go by a time of their own. */
static bool has_results(const struct pruning *p, const char *run)
{
	char path[4200];
	return p->spool && snprintf(path, sizeof path, "%s/%s", p->spool, run) < (int)sizeof path &&
	       access(path, F_OK) == 0;
}

static int remove_run(struct pruning *p, const char *run)
{
	struct mst_batch *batch = NULL;
	bson_t ids = BSON_INITIALIZER;
	uint32_t count = 0;
	mst_doc_push_text(&ids, &count, run);
	int code = mst_batch_new(&batch, p->err), shards = -1;
	if (code == 0)
		shards = add_removal(batch, "shards", "run", &ids);
	if (code == 0)
		code = write_batch(p, batch, shards >= 0 && add_removal(batch, "runs", "_id", &ids) >= 0);
	if (code == 0) {
		p->out->runs++;
		p->out->shards += mst_batch_changed(batch, (size_t)shards);
	}
	mst_batch_free(batch);
	bson_destroy(&ids);
	return code;
}

static int prune_runs(struct pruning *p)
{
	bson_t filter = BSON_INITIALIZER;
	struct mst_find find = {.collection = "runs", .filter = &filter, .fields = "_id"};
	struct mst_cursor *cursor = NULL;
	mst_doc_add_text(&filter, "state", "done");
	add_before(&filter, "ended", p->cutoff);
	int code = mst_store_find(p->import->store, &find, &cursor, p->err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, p->err);
		if (code == 0)
			code = stopped(p);
		if (code == 0 && mst_doc_text(&doc, "_id") && !has_results(p, mst_doc_text(&doc, "_id")))
			code = remove_run(p, mst_doc_text(&doc, "_id"));
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return code == MST_E_END ? 0 : code;
}

int mst_import_prune(struct mst_import *import, const char *spool, struct mst_import_pruned *out, struct mst_err *err)
{
	const struct mst_import_settings *settings = import->settings;
	struct pruning p = {.import = import, .spool = spool, .out = out, .err = err};
	int64_t now = mst_import_now(import);
	int code = 0;
	memset(out, 0, sizeof *out);
	if (settings->history_ms > 0) {
		p.cutoff = now - settings->history_ms;
		code = prune_history(&p);
		if (code == 0)
			code = prune_observations(&p);
	}
	if (code == 0 && settings->lost_ms > 0) {
		p.cutoff = now - settings->lost_ms;
		code = prune_lost(&p);
	}
	if (code == 0 && settings->runs_ms > 0) {
		p.cutoff = now - settings->runs_ms;
		code = prune_runs(&p);
	}
	return code;
}
