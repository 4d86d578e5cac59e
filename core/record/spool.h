/* SPDX-License-Identifier: Apache-2.0 */
/* Spool segments: an append-only, checksummed stream of frames from one worker (see doc/architecture.md, Spool). */
#ifndef MST_RECORD_SPOOL_H
#define MST_RECORD_SPOOL_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "record/scope.h"

enum mst_frame_type {
	MST_FRAME_SCOPE_BEGIN = 1,
	MST_FRAME_RECORD,
	MST_FRAME_SCOPE_END,
	MST_FRAME_CHECKPOINT,
	MST_FRAME_END
};

/* Writer: worker side, over an inherited descriptor. */
struct mst_spool_writer;
/* Takes a lock on `fd` (borrowed, kept for life; open for reading and writing), writes the segment header when the file is empty. An existing file is
 * read to its last good frame and cut there, so a later try appends; a scope that an earlier try left open is ended as
 * partial. MST_E_UNAVAILABLE: another process holds the lock. After a write that failed (MST_E_FULL without space) every
 * later call fails with the same error, and the segment ends with a whole frame. */
int mst_spool_writer_new(struct mst_spool_writer **out, int fd, struct mst_err *err);
void mst_spool_writer_free(struct mst_spool_writer *writer);
/* *number counts the scopes of the segment from 0, earlier tries included: what records carry as `_scope`. MST_E_REFUSED
 * when one is open. Records and ends outside a scope are MST_E_REFUSED too. */
int mst_spool_write_scope_begin(struct mst_spool_writer *writer, const struct mst_scope *scope, int32_t *number,
                                struct mst_err *err);
int mst_spool_write_record(struct mst_spool_writer *writer, const bson_t *record, struct mst_err *err);
int mst_spool_write_scope_end(struct mst_spool_writer *writer, int outcome, const char *reason, struct mst_err *err);
int mst_spool_write_checkpoint(struct mst_spool_writer *writer, const void *data, size_t len, struct mst_err *err);
int mst_spool_write_end(struct mst_spool_writer *writer, int status, const char *text, struct mst_err *err);
/* Buffered bytes out, and to the disk. */
int mst_spool_flush(struct mst_spool_writer *writer, bool sync, struct mst_err *err);
/* Bytes of whole frames, those that are still buffered included. */
int64_t mst_spool_size(const struct mst_spool_writer *writer);
/* Records in the segment, earlier tries included. */
int64_t mst_spool_records(const struct mst_spool_writer *writer);

/* Reader: importer side. */
struct mst_frame {
	uint8_t type;
	const uint8_t *data; /* borrowed until the next read */
	size_t len;
	int64_t offset; /* of the frame's start */
	int64_t next;   /* offset behind it */
};
struct mst_spool_reader;
/* `offset` 0 or where to go on (a frame's `next`). MST_E_CORRUPT for a wrong header or an offset behind the end. A segment shorter than its header has no frames. */
int mst_spool_reader_open(struct mst_spool_reader **out, const char *path, int64_t offset, struct mst_err *err);
/* The same over an open descriptor, which the reader owns from now on (also when this fails). */
int mst_spool_reader_open_fd(struct mst_spool_reader **out, int fd, int64_t offset, struct mst_err *err);
/* A second reader of the same file, wherever that has been renamed to meanwhile. */
int mst_spool_reader_open_again(struct mst_spool_reader **out, const struct mst_spool_reader *first, int64_t offset,
                                struct mst_err *err);
void mst_spool_reader_close(struct mst_spool_reader *reader);
/* MST_OK, MST_E_END at the end of good data (then mst_spool_reader_torn tells whether bytes were left over). */
int mst_spool_read(struct mst_spool_reader *reader, struct mst_frame *frame, struct mst_err *err);
bool mst_spool_reader_torn(const struct mst_spool_reader *reader);
/* The payload as a checked document, borrowed like frame->data; needs no bson_destroy. MST_E_CORRUPT. */
int mst_frame_bson(const struct mst_frame *frame, bson_t *out, struct mst_err *err);
/* The payload of the last checkpoint frame; *len 0 when there is none. Caller frees. */
int mst_spool_last_checkpoint(const char *path, void **data, size_t *len, struct mst_err *err);

/* The manifest beside a segment. All text owned. */
struct mst_manifest_shard {
	char *run, *shard, *profile, *method, *zone;
	int64_t fence, attempt, created;
	struct mst_scope scope; /* as planned */
};
void mst_spool_manifest_free(struct mst_manifest_shard *manifest);
/* Whole or not at all for whoever reads it, but not synced: that is done with its segment (mst_segment_take_over). */
int mst_spool_manifest_write(const char *path, const struct mst_manifest_shard *manifest, struct mst_err *err);
int mst_spool_manifest_read(const char *path, struct mst_manifest_shard *out, struct mst_err *err);

#endif
