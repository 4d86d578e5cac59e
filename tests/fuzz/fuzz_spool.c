/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a segment: the reader ends at the last good frame, and a writer that takes over leaves a segment that is whole. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/scope.h"
#include "record/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

static int read_all(int fd, int *torn)
{
	struct mst_spool_reader *reader;
	struct mst_frame frame;
	struct mst_err err;
	int frames = 0, status, copy = dup(fd);
	must(copy >= 0);
	if (mst_spool_reader_open_fd(&reader, copy, 0, &err) != MST_OK)
		return -1;
	while ((status = mst_spool_read(reader, &frame, &err)) == MST_OK) {
		bson_t doc;
		struct mst_scope scope;
		must(frame.next > frame.offset);
		if (mst_frame_bson(&frame, &doc, &err) == MST_OK && mst_scope_from_bson(&scope, &doc, &err) == MST_OK)
			mst_scope_free(&scope);
		frames++;
	}
	must(status == MST_E_END);
	*torn = mst_spool_reader_torn(reader);
	mst_spool_reader_close(reader);
	return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mst_spool_writer *writer;
	struct mst_err err;
	int torn, fd = memfd_create("segment", MFD_CLOEXEC);
	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	int before = read_all(fd, &torn);
	int status = mst_spool_writer_new(&writer, fd, &err);
	must((status == MST_OK) == (before >= 0));
	if (status == MST_OK) {
		must(mst_spool_write_end(writer, MST_OK, "", &err) == MST_OK &&
		     mst_spool_flush(writer, false, &err) == MST_OK);
		mst_spool_writer_free(writer);
		int after = read_all(fd, &torn);
		must(!torn && (after == before + 1 || after == before + 2));
	}
	close(fd);
	return 0;
}
