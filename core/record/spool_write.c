/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "record/spool.h"
#include "record/spool_format.h"

#define BUFFER_SIZE 65536u

struct mst_spool_writer {
	int fd;
	uint8_t *buffer;
	size_t used;
	int64_t written; /* bytes of whole frames in the file */
	int32_t scopes;  /* scope begins so far, earlier tries included */
	int64_t records; /* records so far, earlier tries included */
	bool scope_open;
	struct mst_err
	        failed; /* first failure: what is in the file afterwards cannot be told, so all later calls fail too */
};

static int give_failure(const struct mst_spool_writer *writer, struct mst_err *err)
{
	if (err)
		*err = writer->failed;
	return writer->failed.code;
}

static int write_error(struct mst_spool_writer *writer, int errnum, struct mst_err *err)
{
	long long at = writer->written;
	/* A frame that went out in part is cut off, so that the segment ends with a whole one. Readers cope if this fails. */
	bool cut = ftruncate(writer->fd, writer->written) == 0;
	if (errnum == EFBIG || errnum == ENOSPC || errnum == EDQUOT)
		mst_err_set(&writer->failed, MST_E_FULL,
		            "writing the spool segment at byte %lld: %s; free space in the state "
		            "directory, then retry the run",
		            at, strerror(errnum));
	else
		mst_err_errno(&writer->failed, errnum, "writing the spool segment at byte %lld%s", at,
		              cut ? "" : " (its end stays torn)");
	return give_failure(writer, err);
}

static int put(struct mst_spool_writer *writer, const void *data, size_t len, struct mst_err *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n =
		        pwrite(writer->fd, (const uint8_t *)data + done, len - done, writer->written + (int64_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return write_error(writer, n < 0 ? errno : ENOSPC, err);
		done += (size_t)n;
	}
	writer->written += (int64_t)len;
	return MST_OK;
}

int mst_spool_flush(struct mst_spool_writer *writer, bool sync, struct mst_err *err)
{
	if (writer->failed.code != MST_OK)
		return give_failure(writer, err);
	int status = put(writer, writer->buffer, writer->used, err);
	if (status != MST_OK)
		return status;
	writer->used = 0;
	if (!sync || fdatasync(writer->fd) == 0)
		return MST_OK;
	mst_err_errno(&writer->failed, errno, "syncing the spool segment");
	return give_failure(writer, err);
}

static int append(struct mst_spool_writer *writer, uint8_t type, const void *data, size_t len, struct mst_err *err)
{
	if (len > MST_MAX_FRAME)
		return mst_err_set(err, MST_E_LIMIT, "a spool frame may have at most %u bytes, this one has %zu",
		                   MST_MAX_FRAME, len);
	int64_t size = writer->written + (int64_t)writer->used + (int64_t)SPOOL_FRAME_HEADER + (int64_t)len;
	if (size > (int64_t)MST_MAX_SEGMENT)
		return mst_err_set(err, MST_E_FULL, "a spool segment may have at most %llu bytes; make smaller shards",
		                   (unsigned long long)MST_MAX_SEGMENT);
	if (writer->failed.code != MST_OK || writer->used + SPOOL_FRAME_HEADER + len > BUFFER_SIZE) {
		int status = mst_spool_flush(writer, false, err);
		if (status != MST_OK)
			return status;
	}
	uint8_t *at = writer->buffer + writer->used;
	spool_put_u32(at, (uint32_t)len);
	spool_put_u32(at + 4, spool_checksum(type, data, len));
	at[8] = type;
	if (len)
		memcpy(at + SPOOL_FRAME_HEADER, data, len);
	writer->used += SPOOL_FRAME_HEADER + len;
	return writer->used > BUFFER_SIZE ? mst_spool_flush(writer, false, err) : MST_OK;
}

/* Reads what an earlier try left: counts, and cuts behind the last whole frame. */
static int take_over(struct mst_spool_writer *writer, struct mst_err *err)
{
	struct mst_spool_reader *reader;
	struct mst_frame frame;
	int fd = dup(writer->fd);
	if (fd < 0)
		return mst_err_errno(err, errno, "spool segment");
	int status = mst_spool_reader_open_fd(&reader, fd, 0, err);
	if (status != MST_OK)
		return status;
	writer->written = SPOOL_HEADER;
	while ((status = mst_spool_read(reader, &frame, err)) == MST_OK) {
		writer->written = frame.next;
		writer->scopes += frame.type == MST_FRAME_SCOPE_BEGIN;
		writer->records += frame.type == MST_FRAME_RECORD;
		if (frame.type == MST_FRAME_SCOPE_BEGIN)
			writer->scope_open = true;
		else if (frame.type == MST_FRAME_SCOPE_END)
			writer->scope_open = false;
	}
	bool torn = mst_spool_reader_torn(reader);
	mst_spool_reader_close(reader);
	if (status != MST_E_END)
		return status;
	if (torn && ftruncate(writer->fd, writer->written) != 0)
		return mst_err_errno(err, errno, "cutting the torn end of a spool segment at byte %lld",
		                     (long long)writer->written);
	return MST_OK;
}

static int start(struct mst_spool_writer *writer, struct mst_err *err)
{
	struct stat st;
	if (flock(writer->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return mst_err_set(err, MST_E_UNAVAILABLE,
		                   "the spool segment is locked by another worker; wait for it or end it first");
	if (fstat(writer->fd, &st) != 0)
		return mst_err_errno(err, errno, "spool segment");
	if (!S_ISREG(st.st_mode))
		return mst_err_set(err, MST_E_USAGE, "the spool segment is not a regular file");
	if (st.st_size >= SPOOL_HEADER) {
		int status = take_over(writer, err);
		if (status != MST_OK || !writer->scope_open)
			return status;
		return mst_spool_write_scope_end(writer, MUSTER_OUTCOME_PARTIAL, "the worker ended inside this scope",
		                                 err);
	}
	uint8_t header[SPOOL_HEADER] = SPOOL_MAGIC;
	spool_put_u32(header + 8, SPOOL_VERSION);
	if (ftruncate(writer->fd, 0) != 0)
		return mst_err_errno(err, errno, "spool segment (it must be open for reading and writing)");
	return put(writer, header, sizeof header, err);
}

int mst_spool_writer_new(struct mst_spool_writer **out, int fd, struct mst_err *err)
{
	struct mst_spool_writer *writer = calloc(1, sizeof *writer);
	if (!writer)
		return mst_err_no_memory(err);
	writer->fd = fd;
	/* One whole frame beyond the limit at which the buffer goes out. */
	writer->buffer = malloc(BUFFER_SIZE + SPOOL_FRAME_HEADER + MST_MAX_FRAME);
	int status = writer->buffer ? start(writer, err) : mst_err_no_memory(err);
	if (status != MST_OK) {
		mst_spool_writer_free(writer);
		return status;
	}
	*out = writer;
	return MST_OK;
}

void mst_spool_writer_free(struct mst_spool_writer *writer)
{
	if (!writer)
		return;
	free(writer->buffer);
	free(writer);
}

static int append_bson(struct mst_spool_writer *writer, uint8_t type, bson_t *doc, bool built, struct mst_err *err)
{
	int status = built ? append(writer, type, bson_get_data(doc), doc->len, err) : mst_err_no_memory(err);
	bson_destroy(doc);
	return status;
}

int mst_spool_write_scope_begin(struct mst_spool_writer *writer, const struct mst_scope *scope, int32_t *number,
                                struct mst_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	if (writer->scope_open) {
		bson_destroy(&doc);
		return mst_err_set(err, MST_E_REFUSED, "a scope is already open; end it first");
	}
	bool built = mst_scope_to_bson(scope, &doc) == MST_OK;
	int status = append_bson(writer, MST_FRAME_SCOPE_BEGIN, &doc, built, err);
	if (status != MST_OK)
		return status;
	writer->scope_open = true;
	*number = writer->scopes++;
	return MST_OK;
}

int mst_spool_write_record(struct mst_spool_writer *writer, const bson_t *record, struct mst_err *err)
{
	if (!writer->scope_open)
		return mst_err_set(err, MST_E_REFUSED,
		                   "records are emitted inside an open scope; call scope_begin first");
	int status = append(writer, MST_FRAME_RECORD, bson_get_data(record), record->len, err);
	if (status == MST_OK)
		writer->records++;
	return status;
}

int mst_spool_write_scope_end(struct mst_spool_writer *writer, int outcome, const char *reason, struct mst_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	if (!writer->scope_open) {
		bson_destroy(&doc);
		return mst_err_set(err, MST_E_REFUSED, "no scope is open");
	}
	bool built = bson_append_int32(&doc, "outcome", -1, outcome) &&
	             bson_append_utf8(&doc, "reason", -1, reason ? reason : "", -1);
	int status = append_bson(writer, MST_FRAME_SCOPE_END, &doc, built, err);
	if (status == MST_OK)
		writer->scope_open = false;
	return status;
}

int mst_spool_write_checkpoint(struct mst_spool_writer *writer, const void *data, size_t len, struct mst_err *err)
{
	if (len > MST_MAX_CHECKPOINT)
		return mst_err_set(err, MST_E_LIMIT, "a checkpoint may have at most %u bytes", MST_MAX_CHECKPOINT);
	return append(writer, MST_FRAME_CHECKPOINT, data, len, err);
}

int mst_spool_write_end(struct mst_spool_writer *writer, int status, const char *text, struct mst_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	bool built = bson_append_int32(&doc, "status", -1, status) &&
	             bson_append_utf8(&doc, "text", -1, text ? text : "", -1);
	return append_bson(writer, MST_FRAME_END, &doc, built, err);
}

int64_t mst_spool_size(const struct mst_spool_writer *writer)
{
	return writer->written + (int64_t)writer->used;
}

int64_t mst_spool_records(const struct mst_spool_writer *writer)
{
	return writer->records;
}
