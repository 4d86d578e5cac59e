/* SPDX-License-Identifier: Apache-2.0 */
/* A segment into the store, batch by batch. The place reached is written last, in the same batch. */
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"
#include "import/doc.h"
#include "import/segment.h"

#define BATCH_RECORDS 2000u
#define BATCH_BYTES   (3u << 20)
#define COVERED_MAX   (2u << 20)

struct batch {
	bson_t **records;
	size_t count, size; /* size: how many to take; adapts to what a commit costs */
	size_t bytes;
	int64_t next; /* offset behind the last frame taken */
	bool end;     /* no more frames */
};

static void batch_empty(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		bson_destroy(batch->records[i]);
	batch->count = batch->bytes = 0;
}

static int batch_read(struct batch *batch, struct mst_spool_reader *reader, struct mst_err *err)
{
	struct mst_frame frame;
	bson_t doc;
	batch_empty(batch);
	while (batch->count < batch->size && batch->bytes < BATCH_BYTES) {
		int code = mst_spool_read(reader, &frame, err);
		if (code == MST_E_END) {
			batch->end = true;
			return 0;
		}
		if (code != 0)
			return code;
		batch->next = frame.next;
		if (frame.type != MST_FRAME_RECORD || !bson_init_static(&doc, frame.data, frame.len))
			continue;
		bson_t *copy = bson_copy(&doc);
		if (!copy)
			return mst_err_no_memory(err);
		batch->records[batch->count++] = copy;
		batch->bytes += frame.len;
	}
	return 0;
}

static int load(struct mst_work *work, const struct mst_segment *segment, const struct batch *batch,
                struct mst_err *err)
{
	bson_t ids = BSON_INITIALIZER;
	struct mst_buf id;
	uint32_t count = 0;
	mst_buf_init(&id, MST_KEY_SIZE + MST_KEY_SIZE);
	for (size_t i = 0; i < batch->count; i++)
		if (mst_segment_obs_id(segment, batch->records[i], &id))
			mst_doc_push_text(&ids, &count, mst_buf_text(&id));
	int code = mst_work_load_obs(work, &ids, err);
	mst_buf_free(&id);
	bson_destroy(&ids);
	return code;
}

/* What complete scopes covered, for the run's end. A late worker's segment adds sightings but no coverage. */
static void add_coverage(const struct mst_segment *segment, bson_t *set, struct mst_err *err)
{
	struct mst_addr_set addresses;
	struct mst_buf text;
	bson_t namespaces = BSON_INITIALIZER;
	uint32_t count = 0;
	mst_addr_set_init(&addresses);
	mst_buf_init(&text, COVERED_MAX);
	for (size_t i = 0; i < segment->scope_count; i++) {
		const struct mst_segment_scope *scope = &segment->scopes[i];
		if (scope->outcome != MUSTER_OUTCOME_COMPLETE || !(scope->scope.facts & MUSTER_FACT_PRESENCE))
			continue;
		if (scope->scope.addresses)
			mst_addr_set_parse(&addresses, scope->scope.addresses, err);
		if (scope->scope.namespace_key)
			mst_doc_push_text(&namespaces, &count, scope->scope.namespace_key);
	}
	if (mst_addr_set_text(&addresses, &text) != 0)
		mst_log(MST_LOG_WARNING, "import",
		        "%s: covers too many separate ranges to keep; nothing becomes lost by it", segment->path);
	else
		mst_doc_add_text(set, "covered", mst_buf_text(&text));
	if (count > 0)
		bson_append_array(set, "covered_namespaces", -1, &namespaces);
	bson_destroy(&namespaces);
	mst_buf_free(&text);
	mst_addr_set_free(&addresses);
}

static int add_shard(struct mst_work *work, const struct mst_segment *segment, const struct batch *batch,
                     int64_t skipped, struct mst_err *err)
{
	bson_t update = BSON_INITIALIZER, set, insert;
	struct mst_buf id;
	mst_buf_init(&id, 256);
	mst_buf_printf(&id, "%s/%s", segment->manifest.run, segment->manifest.shard);
	bson_append_document_begin(&update, "$set", -1, &set);
	mst_doc_add_int(&set, "offset", batch->next);
	mst_doc_add_int(&set, "skipped", skipped);
	if (batch->end) {
		mst_doc_add_int(&set, "records", segment->records);
		mst_doc_add_text(&set, "profile", segment->profile);
		mst_doc_add_text(&set, "zone", segment->manifest.zone);
		mst_doc_add_int(&set, "seen_from", segment->seen_from);
		mst_doc_add_int(&set, "imported_fence", segment->manifest.fence);
		add_coverage(segment, &set, err);
	}
	bson_append_document_end(&update, &set);
	bson_append_document_begin(&update, "$set_on_insert", -1, &insert);
	mst_doc_add_text(&insert, "run", segment->manifest.run);
	mst_doc_add_text(&insert, "shard", segment->manifest.shard);
	bson_append_document_end(&update, &insert);
	int index = mst_batch_update_id(work->batch, "shards", mst_buf_text(&id), &update, true);
	bson_destroy(&update);
	mst_buf_free(&id);
	return index < 0 ? mst_err_no_memory(err) : 0;
}

static int import_batch(struct mst_import *import, const struct mst_segment *segment, const struct batch *batch,
                        int64_t *skipped, int64_t *held_ms, struct mst_err *err)
{
	struct mst_work work;
	int code = mst_work_open(&work, import, segment->manifest.run, err);
	if (code != 0)
		return code;
	code = load(&work, segment, batch, err);
	for (size_t i = 0; i < batch->count && code == 0; i++) {
		bool skip = false;
		code = mst_segment_fold(&work, segment, batch->records[i], &skip, err);
		*skipped += skip;
	}
	if (code == 0)
		code = mst_segment_share(&work, segment, err);
	if (code == 0)
		code = mst_work_resolve(&work, err);
	if (code == 0)
		code = mst_work_load_dirty(&work, err);
	if (code == 0)
		code = mst_work_fill(&work, err);
	if (code == 0)
		code = add_shard(&work, segment, batch, *skipped, err);
	int64_t started = mst_time_monotonic();
	if (code == 0)
		code = mst_store_write(import->store, work.batch, err);
	*held_ms = mst_time_monotonic() - started;
	mst_work_close(&work);
	return code;
}

/* Where an earlier import stopped. A segment that is shorter than that is another one: it is read from its start. */
static int read_shard(struct mst_import *import, const struct mst_segment *segment, int64_t *offset, int64_t *skipped,
                      bool *done, struct mst_err *err)
{
	bson_t doc;
	struct mst_buf id;
	mst_buf_init(&id, 256);
	mst_buf_printf(&id, "%s/%s", segment->manifest.run, segment->manifest.shard);
	int code = mst_store_get(import->store, "shards", mst_buf_text(&id), &doc, err);
	mst_buf_free(&id);
	*offset = *skipped = 0;
	*done = false;
	if (code == MST_E_NOT_FOUND)
		return 0;
	if (code != 0)
		return code;
	*offset = mst_doc_int(&doc, "offset", 0);
	*skipped = mst_doc_int(&doc, "skipped", 0);
	if (*offset < 0 || *offset > segment->good)
		*offset = *skipped = 0;
	*done = *offset == segment->good && *offset > 0 && mst_doc_int(&doc, "records", -1) == segment->records;
	bson_destroy(&doc);
	return 0;
}

static bool should_stop(const struct mst_import *import)
{
	return import->stop && import->stop(import->stop_data) != 0;
}

/* A commit may hold up the store's other users for MST_COMMIT_EVERY_MS at most; they are free while a batch is put together. */
static void adapt(struct batch *batch, int64_t held_ms)
{
	if (held_ms > MST_COMMIT_EVERY_MS && batch->size > 16)
		batch->size /= 2;
	else if (held_ms < MST_COMMIT_EVERY_MS / 3 && batch->size < BATCH_RECORDS)
		batch->size *= 2;
	if (batch->size > BATCH_RECORDS)
		batch->size = BATCH_RECORDS;
}

static int import_all(struct mst_import *import, const struct mst_segment *segment, struct mst_import_result *out,
                      struct mst_err *err)
{
	struct batch batch = {.records = calloc(BATCH_RECORDS, sizeof(bson_t *)), .size = 128};
	struct mst_spool_reader *reader = NULL;
	int64_t skipped = 0;
	if (!batch.records)
		return mst_err_no_memory(err);
	int code = read_shard(import, segment, &batch.next, &skipped, &batch.end, err);
	if (code == 0 && !batch.end)
		code = mst_spool_reader_open(&reader, segment->path, batch.next, err);
	while (code == 0 && !batch.end) {
		int64_t held_ms = 0;
		if (should_stop(import)) {
			code = mst_err_set(
			        err, MST_E_CANCELLED,
			        "the import was stopped; what is committed stays, the rest follows next time");
			break;
		}
		code = batch_read(&batch, reader, err);
		if (code == 0)
			code = import_batch(import, segment, &batch, &skipped, &held_ms, err);
		if (code == 0)
			adapt(&batch, held_ms);
	}
	out->records = segment->records;
	out->skipped = skipped;
	out->offset = batch.next;
	out->ended = segment->ended;
	batch_empty(&batch);
	if (reader)
		mst_spool_reader_close(reader);
	free(batch.records);
	return code;
}

int mst_import_segment(struct mst_import *import, const char *spool, const char *run, const char *shard,
                       struct mst_import_result *out, struct mst_err *err)
{
	struct mst_segment segment;
	memset(out, 0, sizeof *out);
	int code = mst_segment_open(&segment, spool, run, shard, err);
	if (code != 0)
		return code;
	code = import_all(import, &segment, out, err);
	mst_segment_close(&segment);
	return code;
}
