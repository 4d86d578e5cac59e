/* SPDX-License-Identifier: Apache-2.0 */
/* First look at a segment: its scopes, how they ended, and MACs that many share. */
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/str.h"
#include "import/doc.h"
#include "import/keys.h"
#include "import/segment.h"
#include "record/record.h"

/* How far to look ahead at least: a short segment is known whole before its first record is folded. */
#define LOOK_BYTES (16 << 20)

static int read_ports(struct mst_ports **out, const char *text, struct mst_err *err)
{
	*out = NULL;
	if (!text || !text[0])
		return 0;
	*out = calloc(1, sizeof **out);
	return *out ? mst_ports_parse(*out, text, err) : mst_err_no_memory(err);
}

static int add_scope(struct mst_segment *segment, const bson_t *doc, struct mst_err *err)
{
	if (segment->scope_count >= MST_MAX_SHARDS)
		return mst_err_set(err, MST_E_LIMIT, "%s: more than %u scopes in one segment", segment->path,
		                   MST_MAX_SHARDS);
	struct mst_segment_scope *scopes = reallocarray(segment->scopes, segment->scope_count + 1, sizeof *scopes);
	if (!scopes)
		return mst_err_no_memory(err);
	segment->scopes = scopes;
	struct mst_segment_scope *scope = &scopes[segment->scope_count];
	memset(scope, 0, sizeof *scope);
	int code = mst_scope_from_bson(&scope->scope, doc, err);
	if (code != 0)
		return code;
	segment->scope_count++;
	code = read_ports(&scope->tcp, scope->scope.tcp_ports, err);
	return code == 0 ? read_ports(&scope->udp, scope->scope.udp_ports, err) : code;
}

/* `sharers` counts the addresses of each MAC within the scope at hand; source keys are unique there. */
static int count_sharer(struct mst_segment *segment, struct mst_sharers *sharers, const bson_t *record,
                        struct mst_err *err)
{
	char mac[MST_MAC_SIZE];
	if (!mst_doc_text(record, "ip") || !mst_mac_parse(mst_doc_text(record, "mac"), mac))
		return 0;
	int count = mst_sharers_count(sharers, mac);
	if (count < 0 ||
	    (count == (int)MST_SHARED_MAC_ADDRESSES + 1 && json_object_object_add(segment->shared, mac, NULL) != 0))
		return mst_err_no_memory(err);
	return 0;
}

static int look_at_record(struct mst_segment *segment, struct mst_sharers *sharers, const bson_t *record,
                          struct mst_err *err)
{
	int64_t seen = mst_doc_int(record, "seen", 0);
	segment->ahead_records++;
	if (seen > 0 && seen < segment->seen_from)
		segment->seen_from = seen;
	if (mst_alike_count(&segment->alike, record) != 0)
		return mst_err_no_memory(err);
	return count_sharer(segment, sharers, record, err);
}

static int look_at_frame(struct mst_segment *segment, struct mst_sharers *sharers, const struct mst_frame *frame,
                         struct mst_err *err)
{
	bson_t doc;
	if (frame->type == MST_FRAME_CHECKPOINT)
		return 0;
	if (!bson_init_static(&doc, frame->data, frame->len) || !mst_record_sound(&doc))
		return mst_err_set(err, MST_E_CORRUPT,
		                   "%s: the frame at byte %lld is no BSON document; what stands before it is "
		                   "imported, scan the shard again for the rest",
		                   segment->path, (long long)frame->offset);
	if (frame->type == MST_FRAME_RECORD)
		return look_at_record(segment, sharers, &doc, err);
	if (frame->type == MST_FRAME_SCOPE_BEGIN) {
		mst_sharers_clear(sharers);
		return add_scope(segment, &doc, err);
	}
	if (frame->type == MST_FRAME_SCOPE_END && segment->scope_count > 0)
		segment->scopes[segment->scope_count - 1].outcome = (int)mst_doc_int(&doc, "outcome", 0);
	if (frame->type == MST_FRAME_END)
		segment->ended = true;
	return 0;
}

/* Records up to here may be folded. */
static void set_good(struct mst_segment *segment, int64_t offset)
{
	segment->good = offset;
	segment->records = segment->ahead_records;
	segment->closed = segment->scope_count;
}

/* Sets of ports take 16 KiB for each scope, and a long segment has thousands of scopes. */
static void forget_closed(struct mst_segment *segment)
{
	for (size_t i = segment->closed; i > 0; i--) {
		struct mst_segment_scope *scope = &segment->scopes[i - 1];
		if (!scope->tcp && !scope->udp && i < segment->closed)
			break;
		free(scope->tcp);
		free(scope->udp);
		scope->tcp = scope->udp = NULL;
	}
}

/* A scope is over where it ends, and where the segment ends: only there is it known what its records may withdraw. */
static int look_on(struct mst_segment *segment, bool *stop, struct mst_err *err)
{
	struct mst_frame frame;
	int64_t from = segment->good;
	int code = 0;
	*stop = false;
	while (code == 0 && !*stop) {
		code = mst_spool_read(segment->ahead, &frame, err);
		if (code == 0)
			code = look_at_frame(segment, &segment->sharers, &frame, err);
		if (code != 0)
			break;
		if (frame.type == MST_FRAME_SCOPE_END || frame.type == MST_FRAME_END)
			set_good(segment, frame.next);
		segment->ahead_next = frame.next;
		*stop = frame.type == MST_FRAME_SCOPE_END && frame.next - from >= segment->look_bytes;
	}
	return code;
}

/* The daemon renames a segment once its worker is gone, and a worker that ends well says so in the last frame. */
static bool is_growing(const struct mst_segment *segment)
{
	return segment->follow && !segment->ended && access(segment->path, F_OK) == 0;
}

int mst_segment_look(struct mst_segment *segment, enum mst_segment_rest *rest, struct mst_err *err)
{
	bool stop = false;
	forget_closed(segment);
	/* Asked before the last read: what is written before the worker ends is then seen. */
	bool growing = is_growing(segment);
	int code = look_on(segment, &stop, err);
	*rest = stop ? MST_REST_MORE : MST_REST_NONE;
	if (code != MST_E_END)
		return code;
	if (growing && !segment->ended)
		*rest = MST_REST_LATER;
	else if (segment->ahead_next > 0)
		set_good(segment, segment->ahead_next);
	return 0;
}

static int find_files(struct mst_segment *segment, const char *spool, const char *run, const char *shard,
                      struct mst_err *err)
{
	char *manifest = mst_str_printf("%s/%s/%s.json", spool, run, shard);
	segment->path = mst_str_printf("%s/%s/%s.seg", spool, run, shard);
	int code = manifest && segment->path ? mst_spool_manifest_read(manifest, &segment->manifest, err)
	                                     : mst_err_no_memory(err);
	segment->follow &= code == 0 && access(segment->path, F_OK) != 0;
	if (code == 0 && access(segment->path, F_OK) != 0) {
		free(segment->path);
		segment->path = mst_str_printf("%s/%s/%s.part", spool, run, shard);
		if (!segment->path)
			code = mst_err_no_memory(err);
	}
	free(manifest);
	return code;
}

int mst_segment_open(struct mst_segment *out, const char *spool, const char *run, const char *shard, bool follow,
                     struct mst_err *err)
{
	memset(out, 0, sizeof *out);
	out->follow = follow;
	out->look_bytes = LOOK_BYTES;
	out->shared = json_object_new_object();
	mst_sharers_init(&out->sharers);
	mst_alike_init(&out->alike);
	int code = out->shared ? find_files(out, spool, run, shard, err) : mst_err_no_memory(err);
	if (code == 0)
		code = mst_spool_reader_open(&out->ahead, out->path, 0, err);
	/* It was renamed between the look for it and the opening. */
	if (code == MST_E_NOT_FOUND && out->follow && out->path) {
		free(out->path);
		mst_spool_manifest_free(&out->manifest);
		code = find_files(out, spool, run, shard, err);
		if (code == 0)
			code = mst_spool_reader_open(&out->ahead, out->path, 0, err);
	}
	if (code == 0) {
		const char *profile = out->manifest.profile;
		out->profile = profile && profile[0] ? profile : out->manifest.method;
		out->seen_from = out->manifest.created > 0 ? out->manifest.created : INT64_MAX;
	}
	if (code == 0)
		code = mst_printer_new(&out->printer, err);
	if (code != 0)
		mst_segment_close(out);
	return code;
}

void mst_segment_close(struct mst_segment *segment)
{
	for (size_t i = 0; i < segment->scope_count; i++) {
		mst_scope_free(&segment->scopes[i].scope);
		free(segment->scopes[i].tcp);
		free(segment->scopes[i].udp);
	}
	mst_spool_reader_close(segment->ahead);
	mst_spool_reader_close(segment->reader);
	mst_sharers_clear(&segment->sharers);
	mst_alike_free(&segment->alike);
	free(segment->scopes);
	free(segment->path);
	mst_printer_free(segment->printer);
	json_object_put(segment->shared);
	mst_spool_manifest_free(&segment->manifest);
	memset(segment, 0, sizeof *segment);
}
