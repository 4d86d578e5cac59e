/* SPDX-License-Identifier: Apache-2.0 */
/* A segment into the store, batch by batch. The place reached is written last, in the same batch. */
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "import/doc.h"
#include "import/segment.h"

#define BATCH_RECORDS 2000u
#define BATCH_BYTES   (3u << 20)
#define COVERED_MAX   (2u << 20)
/* A segment that a worker still writes is looked at this often, and left when nothing came for so long. */
#define FOLLOW_POLL_MS 10
#define FOLLOW_IDLE_MS 1000

/* Records one behind the other in one block. */
struct batch {
	uint8_t *data;
	struct place {
		size_t at, len;
	} * records;
	size_t count, size; /* size: how many to take; adapts to what a commit costs */
	size_t bytes, cap;
	int64_t next; /* offset behind the last frame taken */
	bool end;     /* no more frames */
};

/* How far a segment has been imported. */
struct reach {
	int64_t offset, skipped, records;
};

static void batch_free(struct batch *batch)
{
	free(batch->data);
	free(batch->records);
}

static int batch_add(struct batch *batch, const struct mst_frame *frame, struct mst_err *err)
{
	if (!batch->data || batch->bytes + frame->len > batch->cap) {
		size_t cap = (batch->bytes + frame->len) * 2 + 64;
		uint8_t *data = realloc(batch->data, cap);
		if (!data)
			return mst_err_no_memory(err);
		batch->data = data;
		batch->cap = cap;
	}
	memcpy(batch->data + batch->bytes, frame->data, frame->len);
	batch->records[batch->count++] = (struct place){batch->bytes, frame->len};
	batch->bytes += frame->len;
	return 0;
}

/* A view of one record. */
static bool batch_record(const struct batch *batch, size_t i, bson_t *out)
{
	return bson_init_static(out, batch->data + batch->records[i].at, batch->records[i].len);
}

/* Up to `good`: what lies behind has not been looked at. */
static int batch_read(struct batch *batch, struct mst_spool_reader *reader, int64_t good, struct mst_err *err)
{
	struct mst_frame frame;
	bson_t doc;
	batch->count = batch->bytes = 0;
	while (batch->count < batch->size && batch->bytes < BATCH_BYTES) {
		int code = batch->next < good ? mst_spool_read(reader, &frame, err) : MST_E_END;
		if (code == MST_E_END) {
			batch->end = true;
			return 0;
		}
		if (code != 0)
			return code;
		batch->next = frame.next;
		if (frame.type == MST_FRAME_RECORD && bson_init_static(&doc, frame.data, frame.len))
			code = batch_add(batch, &frame, err);
		if (code != 0)
			return code;
	}
	return 0;
}

/* Looks at each record, and loads of what is known only as much as tells whether it changes anything. */
static int look(struct mst_work *work, struct mst_segment *segment, const struct batch *batch, struct mst_look *looks,
                struct mst_err *err)
{
	bson_t ids = BSON_INITIALIZER, record;
	char id[MST_OBS_ID_SIZE];
	uint32_t count = 0;
	int code = 0;
	for (size_t i = 0; i < batch->count && code == 0; i++) {
		if (batch_record(batch, i, &record))
			code = mst_look(segment, &record, &looks[i], err);
		if (mst_segment_obs_id(segment, looks[i].key, id))
			mst_doc_push_text(&ids, &count, id);
	}
	if (code == 0)
		code = mst_work_load_briefs(work, &ids, err);
	bson_destroy(&ids);
	return code;
}

/* Notes what is seen again as it was, and loads the observations of the others. `again` has a flag per record. */
static int load(struct mst_work *work, const struct mst_segment *segment, const struct batch *batch,
                const struct mst_look *looks, bool *again, struct mst_err *err)
{
	bson_t ids = BSON_INITIALIZER;
	char id[MST_OBS_ID_SIZE];
	uint32_t count = 0;
	for (size_t i = 0; i < batch->count; i++) {
		struct mst_brief *brief =
		        mst_segment_obs_id(segment, looks[i].key, id) ? mst_work_brief(work, id) : NULL;
		again[i] = brief && mst_again(work, segment, &looks[i], brief);
		if (brief && !again[i])
			mst_doc_push_text(&ids, &count, id);
	}
	int code = mst_work_load_obs(work, &ids, err);
	bson_destroy(&ids);
	return code;
}

static int fold(struct mst_work *work, struct mst_segment *segment, const struct batch *batch, int64_t *skipped,
                struct mst_err *err)
{
	struct mst_look *looks = calloc(batch->count + 1, sizeof *looks);
	bool *again = calloc(batch->count + 1, sizeof *again);
	bson_t record;
	int code = looks && again ? look(work, segment, batch, looks, err) : mst_err_no_memory(err);
	if (code == 0)
		code = load(work, segment, batch, looks, again, err);
	for (size_t i = 0; i < batch->count && code == 0; i++) {
		bool skip = false;
		if (!again[i] && batch_record(batch, i, &record))
			code = mst_segment_fold(work, segment, &record, &looks[i], &skip, err);
		*skipped += skip;
	}
	free(looks);
	free(again);
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

/* What was looked at at all, answers or not; "" where that is what was covered. */
static void add_looked(const struct mst_segment *segment, bson_t *set, struct mst_err *err)
{
	struct mst_addr_set addresses;
	struct mst_buf text;
	bool same = true;
	mst_addr_set_init(&addresses);
	mst_buf_init(&text, COVERED_MAX);
	for (size_t i = 0; i < segment->scope_count; i++) {
		const struct mst_segment_scope *scope = &segment->scopes[i];
		same &= scope->outcome == MUSTER_OUTCOME_COMPLETE && (scope->scope.facts & MUSTER_FACT_PRESENCE);
		if (scope->scope.addresses)
			mst_addr_set_parse(&addresses, scope->scope.addresses, err);
	}
	if (same || mst_addr_set_text(&addresses, &text) != 0)
		mst_buf_reset(&text);
	bson_append_utf8(set, "looked", -1, mst_buf_text(&text), -1);
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
		add_looked(segment, &set, err);
		mst_alike_write(&segment->alike, &set);
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

static int import_batch(struct mst_import *import, struct mst_segment *segment, const struct batch *batch,
                        int64_t *skipped, int64_t *held_ms, struct mst_err *err)
{
	struct mst_work work;
	int code = mst_work_open(&work, import, segment->manifest.run, err);
	if (code != 0)
		return code;
	code = fold(&work, segment, batch, skipped, err);
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

/* Where an earlier import stopped; `records`: of a segment that was imported to its end, else -1. */
static int read_shard(struct mst_import *import, const struct mst_segment *segment, struct reach *out,
                      struct mst_err *err)
{
	bson_t doc;
	struct mst_buf id;
	mst_buf_init(&id, 256);
	mst_buf_printf(&id, "%s/%s", segment->manifest.run, segment->manifest.shard);
	int code = mst_store_get(import->store, "shards", mst_buf_text(&id), &doc, err);
	mst_buf_free(&id);
	*out = (struct reach){.records = -1};
	if (code != 0)
		return code == MST_E_NOT_FOUND ? 0 : code;
	out->offset = mst_doc_int(&doc, "offset", 0);
	out->skipped = mst_doc_int(&doc, "skipped", 0);
	out->records = mst_doc_int(&doc, "records", -1);
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

/* What was looked at so far: from the place that is reached to `good`. */
static int import_good(struct mst_import *import, struct mst_segment *segment, struct reach *reach, size_t *size,
                       struct mst_err *err)
{
	struct batch batch = {
	        .records = calloc(BATCH_RECORDS, sizeof(struct place)), .size = *size, .next = reach->offset};
	if (!batch.records)
		return mst_err_no_memory(err);
	int code = segment->reader ? 0 : mst_spool_reader_open_again(&segment->reader, segment->ahead, batch.next, err);
	while (code == 0 && !batch.end) {
		int64_t held_ms = 0;
		if (should_stop(import)) {
			code = mst_err_set(
			        err, MST_E_CANCELLED,
			        "the import was stopped; what is committed stays, the rest follows next time");
			break;
		}
		code = batch_read(&batch, segment->reader, segment->good, err);
		if (code == 0)
			code = import_batch(import, segment, &batch, &reach->skipped, &held_ms, err);
		if (code != 0)
			break;
		adapt(&batch, held_ms);
		reach->offset = batch.next;
	}
	*size = batch.size;
	batch_free(&batch);
	return code;
}

/* Looks at what an earlier import has done. A segment that is shorter than that is another one: it is read from its start. */
static int skip(struct mst_segment *segment, const char *spool, struct reach *reach, enum mst_segment_rest *rest,
                struct mst_err *err)
{
	char *run, *shard;
	bool follow = segment->follow;
	int64_t look_bytes = segment->look_bytes;
	int code = mst_segment_look(segment, rest, err);
	while (code == 0 && segment->good < reach->offset && *rest == MST_REST_MORE)
		code = mst_segment_look(segment, rest, err);
	if (code != 0 || (reach->offset >= 0 && reach->offset <= segment->good))
		return code;
	run = mst_str_dup(segment->manifest.run);
	shard = mst_str_dup(segment->manifest.shard);
	mst_segment_close(segment);
	*reach = (struct reach){.records = -1};
	code = run && shard ? mst_segment_open(segment, spool, run, shard, follow, err) : mst_err_no_memory(err);
	free(run);
	free(shard);
	segment->look_bytes = look_bytes;
	return code == 0 ? mst_segment_look(segment, rest, err) : code;
}

/* Waits for the worker to write more; false when it has not for too long. */
static bool wait_for_more(struct mst_import *import, int64_t since)
{
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = FOLLOW_POLL_MS * 1000000L};
	if (should_stop(import) || mst_time_monotonic() - since > FOLLOW_IDLE_MS)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

static int import_all(struct mst_import *import, struct mst_segment *segment, const char *spool,
                      struct mst_import_result *out, struct mst_err *err)
{
	enum mst_segment_rest rest = MST_REST_NONE;
	size_t size = 128;
	struct reach reach;
	int64_t since = mst_time_monotonic();
	int code = read_shard(import, segment, &reach, err);
	if (code == 0)
		code = skip(segment, spool, &reach, &rest, err);
	while (code == 0) {
		bool done = rest == MST_REST_NONE && reach.offset > 0 && reach.offset == segment->good &&
		            reach.records == segment->records;
		if (!done && (rest == MST_REST_NONE || reach.offset < segment->good)) {
			code = import_good(import, segment, &reach, &size, err);
			since = mst_time_monotonic();
		}
		out->records = segment->records;
		out->skipped = reach.skipped;
		out->offset = reach.offset;
		out->ended = segment->ended;
		out->open = rest == MST_REST_LATER;
		if (code != 0 || rest == MST_REST_NONE || (out->open && !wait_for_more(import, since)))
			break;
		code = mst_segment_look(segment, &rest, err);
	}
	return code;
}

static int import_segment(struct mst_import *import, const char *spool, const char *run, const char *shard, bool follow,
                          struct mst_import_result *out, struct mst_err *err)
{
	struct mst_segment segment;
	memset(out, 0, sizeof *out);
	int code = mst_segment_open(&segment, spool, run, shard, follow, err);
	if (code != 0)
		return code;
	if (import->look_bytes > 0)
		segment.look_bytes = import->look_bytes;
	code = import_all(import, &segment, spool, out, err);
	mst_segment_close(&segment);
	return code;
}

int mst_import_segment(struct mst_import *import, const char *spool, const char *run, const char *shard,
                       struct mst_import_result *out, struct mst_err *err)
{
	return import_segment(import, spool, run, shard, false, out, err);
}

int mst_import_follow(struct mst_import *import, const char *spool, const char *run, const char *shard,
                      struct mst_import_result *out, struct mst_err *err)
{
	return import_segment(import, spool, run, shard, true, out, err);
}
