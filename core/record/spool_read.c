/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "record/record.h"
#include "record/spool.h"
#include "record/spool_format.h"

#define WINDOW_SIZE (SPOOL_FRAME_HEADER + MST_MAX_FRAME + 65536u)

/* A window over the file: `have` bytes from offset `start`; the next frame begins at `pos`. */
struct mst_spool_reader {
	int fd;
	uint8_t *window;
	size_t have;
	int64_t start, pos;
	bool torn;
};

static int read_at(int fd, void *out, size_t len, int64_t offset, size_t *got, struct mst_err *err)
{
	*got = 0;
	while (*got < len) {
		ssize_t n = pread(fd, (uint8_t *)out + *got, len - *got, offset + (int64_t)*got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mst_err_errno(err, errno, "reading a spool segment at byte %lld",
			                     (long long)(offset + (int64_t)*got));
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return MST_OK;
}

static int check_header(int fd, struct mst_err *err)
{
	uint8_t header[SPOOL_HEADER];
	size_t got;
	int status = read_at(fd, header, sizeof header, 0, &got, err);
	if (status != MST_OK)
		return status;
	/* A writer that died within its first 16 bytes left nothing to read, which is no damage. */
	if (got < SPOOL_HEADER)
		return MST_OK;
	if (memcmp(header, SPOOL_MAGIC, 8) != 0)
		return mst_err_set(err, MST_E_CORRUPT,
		                   "this is no spool segment: it does not start with " SPOOL_MAGIC
		                   "; move it out of the spool");
	if (spool_get_u32(header + 8) != SPOOL_VERSION)
		return mst_err_set(err, MST_E_CORRUPT,
		                   "spool segment of version %u, this program reads version %u; import it with "
		                   "the version that wrote it",
		                   spool_get_u32(header + 8), SPOOL_VERSION);
	return MST_OK;
}

int mst_spool_reader_open_fd(struct mst_spool_reader **out, int fd, int64_t offset, struct mst_err *err)
{
	struct stat st;
	int status = fstat(fd, &st) == 0 ? check_header(fd, err) : mst_err_errno(err, errno, "spool segment");
	if (status == MST_OK && offset > SPOOL_HEADER && offset > st.st_size)
		status = mst_err_set(err, MST_E_CORRUPT,
		                     "the spool segment has %lld bytes, but %lld were imported before: it was cut "
		                     "since; import it again from its start",
		                     (long long)st.st_size, (long long)offset);
	struct mst_spool_reader *reader = status == MST_OK ? calloc(1, sizeof *reader) : NULL;
	if (reader)
		reader->window = malloc(WINDOW_SIZE);
	if (!reader || !reader->window) {
		free(reader);
		close(fd);
		return status != MST_OK ? status : mst_err_no_memory(err);
	}
	reader->fd = fd;
	reader->pos = offset > SPOOL_HEADER ? offset : SPOOL_HEADER;
	*out = reader;
	return MST_OK;
}

int mst_spool_reader_open(struct mst_spool_reader **out, const char *path, int64_t offset, struct mst_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return mst_err_errno(err, errno, "opening the spool segment %s", path);
	return mst_spool_reader_open_fd(out, fd, offset, err);
}

int mst_spool_reader_open_again(struct mst_spool_reader **out, const struct mst_spool_reader *first, int64_t offset,
                                struct mst_err *err)
{
	int fd = fcntl(first->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return mst_err_errno(err, errno, "spool segment");
	return mst_spool_reader_open_fd(out, fd, offset, err);
}

void mst_spool_reader_close(struct mst_spool_reader *reader)
{
	if (!reader)
		return;
	close(reader->fd);
	free(reader->window);
	free(reader);
}

/* Gives `len` bytes at the reader's position, or as many as the file has there. */
static int look(struct mst_spool_reader *reader, size_t len, const uint8_t **data, size_t *got, struct mst_err *err)
{
	int64_t end = reader->start + (int64_t)reader->have;
	if (reader->pos < reader->start || reader->pos + (int64_t)len > end) {
		reader->start = reader->pos;
		int status = read_at(reader->fd, reader->window, WINDOW_SIZE, reader->pos, &reader->have, err);
		if (status != MST_OK) {
			reader->have = 0;
			return status;
		}
		end = reader->start + (int64_t)reader->have;
	}
	*data = reader->window + (reader->pos - reader->start);
	*got = (size_t)(end - reader->pos);
	return MST_OK;
}

int mst_spool_read(struct mst_spool_reader *reader, struct mst_frame *frame, struct mst_err *err)
{
	const uint8_t *data;
	size_t got;
	int status = look(reader, SPOOL_FRAME_HEADER, &data, &got, err);
	if (status != MST_OK)
		return status;
	reader->torn = got > 0;
	if (got < SPOOL_FRAME_HEADER)
		return MST_E_END;
	uint32_t len = spool_get_u32(data);
	if (len > MST_MAX_FRAME)
		return MST_E_END;
	status = look(reader, SPOOL_FRAME_HEADER + len, &data, &got, err);
	if (status != MST_OK)
		return status;
	if (got < SPOOL_FRAME_HEADER + len)
		return MST_E_END;
	uint8_t type = data[8];
	if (spool_checksum(type, data + SPOOL_FRAME_HEADER, len) != spool_get_u32(data + 4))
		return MST_E_END;
	reader->torn = false;
	*frame = (struct mst_frame){.type = type,
	                            .data = data + SPOOL_FRAME_HEADER,
	                            .len = len,
	                            .offset = reader->pos,
	                            .next = reader->pos + (int64_t)SPOOL_FRAME_HEADER + len};
	reader->pos = frame->next;
	return MST_OK;
}

bool mst_spool_reader_torn(const struct mst_spool_reader *reader)
{
	return reader->torn;
}

int mst_frame_bson(const struct mst_frame *frame, bson_t *out, struct mst_err *err)
{
	if (!bson_init_static(out, frame->data, frame->len) || !mst_record_sound(out))
		return mst_err_set(err, MST_E_CORRUPT,
		                   "the spool frame at byte %lld has a good checksum but holds no valid document",
		                   (long long)frame->offset);
	return MST_OK;
}

int mst_spool_last_checkpoint(const char *path, void **data, size_t *len, struct mst_err *err)
{
	struct mst_spool_reader *reader = NULL;
	struct mst_frame frame;
	*data = NULL;
	*len = 0;
	int status = mst_spool_reader_open(&reader, path, 0, err);
	if (status != MST_OK)
		return status;
	while ((status = mst_spool_read(reader, &frame, err)) == MST_OK) {
		if (frame.type != MST_FRAME_CHECKPOINT)
			continue;
		void *copy = malloc(frame.len + 1);
		if (!copy) {
			status = mst_err_no_memory(err);
			break;
		}
		memcpy(copy, frame.data, frame.len);
		free(*data);
		*data = copy;
		*len = frame.len;
	}
	mst_spool_reader_close(reader);
	if (status == MST_E_END)
		return MST_OK;
	free(*data);
	*data = NULL;
	*len = 0;
	return status;
}
