/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run: who was not there, which address is the first one, what the rules say now, and the counts. */
#include <stdlib.h>
#include <string.h>

#include "import/absence.h"
#include "import/blocks.h"
#include "import/doc.h"
#include "import/room.h"
#include "import/sweep.h"

static int count_some(struct mst_import *import, const char *collection, const bson_t *filter, const char *key,
                      bson_t *set, struct mst_err *err)
{
	int64_t count = 0;
	int code = mst_store_count(import->store, collection, filter, &count, err);
	if (code == 0)
		mst_doc_add_int(set, key, count);
	return code;
}

/* How many interfaces the run saw, in the order of an index, so that no one keeps them in memory. */
static int count_seen(struct mst_import *import, const char *run, int64_t *out, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, sort = BSON_INITIALIZER;
	struct mst_find find = {.collection = "observations", .filter = &filter, .sort = &sort, .fields = "interface"};
	struct mst_cursor *cursor = NULL;
	char last[MST_ID_SIZE] = "";
	mst_doc_add_text(&filter, "last_run", run);
	bson_append_int32(&sort, "interface", -1, 1);
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		const char *id = code == 0 ? mst_doc_text(&doc, "interface") : NULL;
		if (!id || strcmp(id, last) == 0)
			continue;
		++*out;
		mst_doc_cut(last, sizeof last, id);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	bson_destroy(&sort);
	return code == MST_E_END ? 0 : code;
}

static void add_not(bson_t *filter, const char *field, const char *value)
{
	bson_t not_equal;
	bson_append_document_begin(filter, field, -1, &not_equal);
	mst_doc_add_text(&not_equal, "$ne", value);
	bson_append_document_end(filter, &not_equal);
}

static int count_interfaces(struct mst_import *import, const char *run, bson_t *set, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	int64_t fresh = 0, changed = 0, seen = 0;
	mst_doc_add_text(&filter, "created_run", run);
	int code = mst_store_count(import->store, "interfaces", &filter, &fresh, err);
	bson_reinit(&filter);
	mst_doc_add_text(&filter, "changed_run", run);
	add_not(&filter, "created_run", run);
	if (code == 0)
		code = mst_store_count(import->store, "interfaces", &filter, &changed, err);
	bson_reinit(&filter);
	mst_doc_add_text(&filter, "lost_run", run);
	if (code == 0)
		code = count_some(import, "interfaces", &filter, "lost", set, err);
	if (code == 0)
		code = count_seen(import, run, &seen, err);
	bson_destroy(&filter);
	mst_doc_add_int(set, "new", fresh);
	mst_doc_add_int(set, "changed", changed);
	mst_doc_add_int(set, "unchanged", seen > fresh + changed ? seen - fresh - changed : 0);
	return code;
}

static int count_observations(struct mst_import *import, const char *run, bson_t *set, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, exists;
	mst_doc_add_text(&filter, "last_run", run);
	int code = count_some(import, "observations", &filter, "up", set, err);
	bson_append_bool(&filter, "timed_out", -1, true);
	if (code == 0)
		code = count_some(import, "observations", &filter, "timed_out", set, err);
	bson_reinit(&filter);
	mst_doc_add_text(&filter, "last_run", run);
	bson_append_document_begin(&filter, "os_platform", -1, &exists);
	bson_append_bool(&exists, "$exists", -1, true);
	bson_append_document_end(&filter, &exists);
	if (code == 0)
		code = count_some(import, "observations", &filter, "with_os", set, err);
	bson_destroy(&filter);
	return code;
}

/* All counts follow from what is stored, so that a repeated finish gives the same. */
static int write_counts(struct mst_import *import, const char *run, struct mst_err *err)
{
	bson_t update = BSON_INITIALIZER, set = BSON_INITIALIZER;
	struct mst_batch *batch = NULL;
	int code = mst_batch_new(&batch, err);
	if (code == 0)
		code = count_interfaces(import, run, &set, err);
	if (code == 0)
		code = count_observations(import, run, &set, err);
	bson_append_document(&update, "$set", -1, &set);
	if (code == 0 && mst_batch_update_id(batch, "runs", run, &update, false) < 0)
		code = mst_err_no_memory(err);
	if (code == 0)
		code = mst_store_write(import->store, batch, err);
	if (batch)
		mst_batch_free(batch);
	bson_destroy(&update);
	bson_destroy(&set);
	return code;
}

static int settle_addresses(struct mst_import *import, const char *run, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	mst_doc_add_text(&filter, "unsettled_run", run);
	int code = mst_sweep(import, run, &filter, NULL, NULL, NULL, err);
	bson_destroy(&filter);
	return code;
}

int mst_import_finish(struct mst_import *import, const char *run, struct mst_err *err)
{
	int code = mst_absence_count(import, run, err);
	if (code == 0)
		code = settle_addresses(import, run, err);
	if (code == 0)
		code = mst_blocks_flag(import, run, err);
	if (code == 0)
		code = mst_sweep_rules(import, run, err);
	return code == 0 ? write_counts(import, run, err) : code;
}
