/* SPDX-License-Identifier: Apache-2.0 */
/* Runs and shards as documents. Changes are field updates, since the importer writes other fields of the same documents. */
#include <bson/bson.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "job/run.h"

#define SHARDS_PER_BATCH 500
/* A run of thousands of broken shards is told by its first ones; all of them are in `shards`. */
#define PARTS_MAX 200

static const char *const kinds[] = {"", "scan", "import", "plan"};

static void add_text(bson_t *doc, const char *key, const char *text)
{
	BSON_APPEND_UTF8(doc, key, text ? text : "");
}

static void add_json_texts(bson_t *doc, const char *key, struct json_object *object)
{
	bson_t child;

	BSON_APPEND_DOCUMENT_BEGIN(doc, key, &child);
	if (object) {
		json_object_object_foreach(object, name, value)
		{
			add_text(&child, name, json_object_get_string(value));
		}
	}
	bson_append_document_end(doc, &child);
}

static void add_refused_one(bson_t *list, size_t index, struct json_object *item)
{
	char number[16];
	const char *key;
	bson_t child;

	bson_uint32_to_string((uint32_t)index, &key, number, sizeof(number));
	bson_append_document_begin(list, key, -1, &child);
	add_text(&child, "addresses", mst_json_text(item, "addresses", ""));
	BSON_APPEND_INT64(&child, "count", mst_json_int(item, "count", 0));
	add_text(&child, "rule", mst_json_text(item, "rule", ""));
	add_text(&child, "entry", mst_json_text(item, "entry", ""));
	add_text(&child, "at", mst_json_text(item, "at", ""));
	bson_append_document_end(list, &child);
}

static void add_refused(bson_t *doc, struct json_object *refused)
{
	bson_t list;

	BSON_APPEND_ARRAY_BEGIN(doc, "refused", &list);
	for (size_t i = 0; refused && i < json_object_array_length(refused) && i < PARTS_MAX; i++)
		add_refused_one(&list, i, json_object_array_get_idx(refused, i));
	bson_append_array_end(doc, &list);
}

static void add_part(bson_t *list, size_t index, const struct mst_shard *shard)
{
	char number[16], cure[64];
	const char *key;
	bson_t child;

	bson_uint32_to_string((uint32_t)index, &key, number, sizeof(number));
	bson_append_document_begin(list, key, -1, &child);
	add_text(&child, "shard", shard->id);
	add_text(&child, "scope", shard->scope.addresses ? shard->scope.addresses : shard->scope.namespace_key);
	add_text(&child, "reason", shard->reason ? shard->reason : "not done");
	if (shard->run->kind == MST_RUN_IMPORT)
		snprintf(cure, sizeof(cure), "import a whole file");
	else
		snprintf(cure, sizeof(cure), "muster runs retry %lld", (long long)shard->run->number);
	add_text(&child, "cure", cure);
	bson_append_document_end(list, &child);
}

static void add_parts(bson_t *doc, const struct mst_run *run)
{
	size_t n = 0;
	bson_t list;

	BSON_APPEND_ARRAY_BEGIN(doc, "parts", &list);
	for (size_t i = 0; run->outcome != MST_OUTCOME_NONE && i < run->shard_count && n < PARTS_MAX; i++)
		if (run->shards[i]->outcome != MST_OUTCOME_COMPLETE)
			add_part(&list, n++, run->shards[i]);
	bson_append_array_end(doc, &list);
}

static void add_warnings(bson_t *doc, struct json_object *warnings)
{
	bson_t list;

	BSON_APPEND_ARRAY_BEGIN(doc, "warnings", &list);
	for (size_t i = 0; warnings && i < json_object_array_length(warnings); i++) {
		char number[16];
		const char *key;

		bson_uint32_to_string((uint32_t)i, &key, number, sizeof(number));
		add_text(&list, key, json_object_get_string(json_object_array_get_idx(warnings, i)));
	}
	bson_append_array_end(doc, &list);
}

static size_t shards_done(const struct mst_run *run)
{
	struct mst_run_sum sum;

	mst_run_sum(run, &sum);
	return sum.complete + sum.partial + sum.failed;
}

/* What changes in a run's life. */
static void add_changing(bson_t *doc, const struct mst_run *run)
{
	add_text(doc, "state", mst_run_state_name(run->state));
	add_text(doc, "outcome", mst_outcome_name(run->outcome));
	add_text(doc, "text", run->text);
	add_text(doc, "error", run->plan_error.code != MST_OK ? mst_code_name(run->plan_error.code) : "");
	BSON_APPEND_INT64(doc, "started", run->started);
	BSON_APPEND_INT64(doc, "ended", run->ended);
	BSON_APPEND_INT64(doc, "addresses", run->addresses);
	BSON_APPEND_INT64(doc, "excluded", run->excluded);
	BSON_APPEND_INT64(doc, "shards", (int64_t)run->shard_count);
	BSON_APPEND_INT64(doc, "shards_done", (int64_t)shards_done(run));
	BSON_APPEND_INT64(doc, "parallel", run->parallel);
	add_text(doc, "command", run->command);
	add_parts(doc, run);
	add_refused(doc, run->refused);
	add_warnings(doc, run->warnings);
}

int mst_run_document(const struct mst_run *run, bson_t *out)
{
	struct json_object *options = mst_option_set_json(&run->options);

	add_text(out, "_id", run->id);
	if (run->number)
		BSON_APPEND_INT64(out, "number", run->number);
	add_text(out, "profile", run->profile);
	add_text(out, "method", run->method->def.name);
	add_text(out, "zone", run->zone_name);
	add_text(out, "kind", kinds[run->kind]);
	add_text(out, "by", run->by);
	add_text(out, "name", run->name);
	BSON_APPEND_INT64(out, "created", run->created);
	add_json_texts(out, "options", options);
	json_object_put(options);
	add_changing(out, run);
	return MST_OK;
}

/* { $set: { ... } } around what `fill` appends. */
static void save(struct mst_engine *engine, const char *collection, const char *id,
                 void (*fill)(bson_t *, const void *), const void *data)
{
	struct mst_batch *batch = NULL;
	bson_t update = BSON_INITIALIZER, set;

	BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
	fill(&set, data);
	bson_append_document_end(&update, &set);
	if (mst_batch_new(&batch, NULL) == MST_OK && mst_batch_update_id(batch, collection, id, &update, true) >= 0)
		mst_jobdb_write(engine->db, batch);
	else
		mst_batch_free(batch);
	bson_destroy(&update);
}

static void fill_run(bson_t *set, const void *data)
{
	add_changing(set, data);
}

void mst_run_save(struct mst_run *run)
{
	run->stale = false;
	if (run->kind != MST_RUN_PLAN)
		save(run->engine, "runs", run->id, fill_run, run);
}

static void add_scope(bson_t *doc, const struct mst_shard *shard)
{
	bson_t scope;

	BSON_APPEND_DOCUMENT_BEGIN(doc, "scope", &scope);
	if (shard->has_scope)
		(void)mst_scope_to_bson(&shard->scope, &scope);
	bson_append_document_end(doc, &scope);
}

/* `records` and `offset` are the importer's, except at the start of an attempt. */
static void fill_shard(bson_t *set, const void *data)
{
	const struct mst_shard *shard = data;

	add_text(set, "run", shard->run->id);
	add_text(set, "shard", shard->id);
	add_text(set, "state", mst_shard_state_name(shard->state));
	add_text(set, "outcome", mst_outcome_name(shard->outcome));
	add_text(set, "reason", shard->reason);
	BSON_APPEND_INT64(set, "attempt", shard->attempt);
	BSON_APPEND_INT64(set, "started", shard->started);
	BSON_APPEND_INT64(set, "ended", shard->ended);
	add_text(set, "checkpoint", shard->checkpoint);
	if (shard->state == MST_SHARD_RUNNING || shard->state == MST_SHARD_WAITING)
		BSON_APPEND_INT64(set, "offset", 0);
}

static void fill_whole_shard(bson_t *set, const void *data)
{
	const struct mst_shard *shard = data;

	fill_shard(set, shard);
	add_text(set, "spec", shard->spec);
	add_text(set, "command", shard->command);
	BSON_APPEND_INT64(set, "addresses", shard->addresses);
	BSON_APPEND_INT64(set, "expected_bytes", shard->expected_bytes);
	BSON_APPEND_INT64(set, "expected_ms", shard->expected_ms);
	add_scope(set, shard);
}

static void shard_key(const struct mst_shard *shard, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", shard->run->id, shard->id);
}

static void save_shard(struct mst_shard *shard, void (*fill)(bson_t *, const void *))
{
	char key[MST_ID_SIZE + MST_SHARD_ID];

	if (shard->run->kind == MST_RUN_PLAN)
		return;
	shard_key(shard, key, sizeof(key));
	save(shard->run->engine, "shards", key, fill, shard);
}

void mst_shard_save(struct mst_shard *shard)
{
	save_shard(shard, fill_shard);
}

void mst_shard_save_whole(struct mst_shard *shard)
{
	save_shard(shard, fill_whole_shard);
}

static bool add_to_batch(struct mst_batch *batch, const struct mst_shard *shard, bool whole)
{
	char key[MST_ID_SIZE + MST_SHARD_ID];
	bson_t update = BSON_INITIALIZER, set;
	bool ok;

	shard_key(shard, key, sizeof(key));
	BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
	if (whole)
		fill_whole_shard(&set, shard);
	else
		fill_shard(&set, shard);
	bson_append_document_end(&update, &set);
	ok = mst_batch_update_id(batch, "shards", key, &update, true) >= 0;
	bson_destroy(&update);
	return ok;
}

void mst_shards_save(struct mst_run *run, bool whole)
{
	struct mst_batch *batch = NULL;
	bool ok = true;

	for (size_t i = 0; ok && run->kind != MST_RUN_PLAN && i < run->shard_count; i++) {
		ok = batch || mst_batch_new(&batch, NULL) == MST_OK;
		ok = ok && add_to_batch(batch, run->shards[i], whole);
		if (ok && ((i + 1) % SHARDS_PER_BATCH == 0 || mst_batch_bytes(batch) > MST_MAX_DOC)) {
			mst_jobdb_write(run->engine->db, batch);
			batch = NULL;
		}
	}
	if (!ok)
		mst_log(MST_LOG_ERROR, "job", "the shards of run %lld could not be stored: no memory",
		        (long long)run->number);
	if (ok && batch)
		mst_jobdb_write(run->engine->db, batch);
	else
		mst_batch_free(batch);
}

void mst_run_save_again(struct mst_run *run)
{
	mst_shards_save(run, true);
	mst_run_save(run);
}
