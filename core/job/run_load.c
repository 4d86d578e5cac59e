/* SPDX-License-Identifier: Apache-2.0 */
/* Stored runs back into memory: for a retry, and after a kill. Runs on whichever thread owns `store`. */
#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "job/run.h"

static const char *text_of(const bson_t *doc, const char *key)
{
	bson_iter_t at;

	if (bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_UTF8(&at))
		return bson_iter_utf8(&at, NULL);
	return "";
}

static int64_t int_of(const bson_t *doc, const char *key)
{
	bson_iter_t at;

	return bson_iter_init_find(&at, doc, key) ? bson_iter_as_int64(&at) : 0;
}

static int load_options(struct mst_run *run, const bson_t *doc, struct mst_err *err)
{
	bson_iter_t at, child;
	int rc = MST_OK;

	if (!bson_iter_init_find(&at, doc, "options") || !BSON_ITER_HOLDS_DOCUMENT(&at) ||
	    !bson_iter_recurse(&at, &child))
		return MST_OK;
	while (rc == MST_OK && bson_iter_next(&child))
		if (BSON_ITER_HOLDS_UTF8(&child))
			rc = mst_option_set_put(&run->options, bson_iter_key(&child), bson_iter_utf8(&child, NULL),
			                        err);
	return rc;
}

static void load_warnings(struct mst_run *run, const bson_t *doc)
{
	bson_iter_t at, child;

	if (bson_iter_init_find(&at, doc, "warnings") && BSON_ITER_HOLDS_ARRAY(&at) && bson_iter_recurse(&at, &child))
		while (bson_iter_next(&child))
			if (BSON_ITER_HOLDS_UTF8(&child))
				mst_run_warn(run, bson_iter_utf8(&child, NULL));
}

static int load_scope(struct mst_shard *shard, const bson_t *doc, struct mst_err *err)
{
	bson_iter_t at;
	const uint8_t *data;
	uint32_t len;
	bson_t scope;

	if (!bson_iter_init_find(&at, doc, "scope") || !BSON_ITER_HOLDS_DOCUMENT(&at))
		return MST_OK;
	bson_iter_document(&at, &len, &data);
	if (!bson_init_static(&scope, data, len) || bson_empty(&scope))
		return MST_OK;
	shard->has_scope = true;
	return mst_scope_from_bson(&shard->scope, &scope, err);
}

static int load_shard(struct mst_run *run, const bson_t *doc, struct mst_err *err)
{
	struct mst_shard *shard = mst_run_add_shard(run, text_of(doc, "shard"));

	if (!shard)
		return mst_err_no_memory(err);
	shard->state = mst_shard_state_from_name(text_of(doc, "state"));
	shard->outcome = mst_outcome_from_name(text_of(doc, "outcome"));
	mst_text_set(&shard->spec, text_of(doc, "spec"));
	mst_text_set(&shard->checkpoint, text_of(doc, "checkpoint"));
	mst_text_set(&shard->command, text_of(doc, "command"));
	mst_text_set(&shard->reason, text_of(doc, "reason"));
	shard->addresses = int_of(doc, "addresses");
	shard->expected_bytes = int_of(doc, "expected_bytes");
	shard->expected_ms = int_of(doc, "expected_ms");
	shard->attempt = int_of(doc, "attempt");
	shard->records = int_of(doc, "records");
	shard->started = int_of(doc, "started");
	shard->ended = int_of(doc, "ended");
	return load_scope(shard, doc, err);
}

static int load_shards(struct mst_run *run, struct mst_store *store, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, doc;
	struct mst_find find = {.collection = "shards", .filter = &filter};
	struct mst_cursor *cursor = NULL;
	int rc;

	BSON_APPEND_UTF8(&filter, "run", run->id);
	rc = mst_store_find(store, &find, &cursor, err);
	while (rc == MST_OK) {
		rc = mst_cursor_next(cursor, &doc, err);
		if (rc == MST_OK)
			rc = load_shard(run, &doc, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return rc == MST_E_END ? MST_OK : rc;
}

int mst_run_load(struct mst_run *run, struct mst_store *store, const bson_t *doc, struct mst_err *err)
{
	const char *kind = text_of(doc, "kind");
	int rc;

	snprintf(run->id, sizeof(run->id), "%s", text_of(doc, "_id"));
	run->number = int_of(doc, "number");
	run->kind = strcmp(kind, "import") == 0 ? MST_RUN_IMPORT : MST_RUN_SCAN;
	run->state = mst_run_state_from_name(text_of(doc, "state"));
	run->outcome = mst_outcome_from_name(text_of(doc, "outcome"));
	snprintf(run->profile, sizeof(run->profile), "%s", text_of(doc, "profile"));
	snprintf(run->by, sizeof(run->by), "%s", text_of(doc, "by"));
	mst_text_set(&run->text, text_of(doc, "text"));
	mst_text_set(&run->command, text_of(doc, "command"));
	mst_text_set(&run->name, text_of(doc, "name"));
	load_warnings(run, doc);
	run->created = int_of(doc, "created");
	run->started = int_of(doc, "started");
	run->ended = int_of(doc, "ended");
	run->addresses = int_of(doc, "addresses");
	run->excluded = int_of(doc, "excluded");
	run->parallel = (unsigned)int_of(doc, "parallel");
	rc = mst_run_set_method(run, text_of(doc, "method"), err);
	if (rc == MST_OK)
		rc = mst_run_set_zone(run, text_of(doc, "zone"), err);
	if (rc == MST_OK)
		rc = load_options(run, doc, err);
	if (rc == MST_OK)
		rc = load_shards(run, store, err);
	return rc;
}
