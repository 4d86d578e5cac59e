/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer that must be given a maximum at birth. A failed append leaves the content as it was and makes
 * the buffer sticky-failed, so a chain of appends needs one check at its end. */
#ifndef MST_BASE_BUF_H
#define MST_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mst_buf {
	char *data; /* NUL-terminated once anything was appended; NULL before */
	size_t len;
	size_t cap;
	size_t max; /* most bytes that may be held, NUL excluded */
	bool failed;
	int code; /* of the first failure: MST_E_LIMIT or MST_E_NO_MEMORY; 0 while nothing failed */
};

void mst_buf_init(struct mst_buf *buf, size_t max);
void mst_buf_free(struct mst_buf *buf);
/* Empties, keeps the memory, clears `failed`. */
void mst_buf_reset(struct mst_buf *buf);
/* 0, or MST_E_NO_MEMORY / MST_E_LIMIT. */
int mst_buf_add(struct mst_buf *buf, const void *data, size_t len);
int mst_buf_str(struct mst_buf *buf, const char *text);
int mst_buf_char(struct mst_buf *buf, char c);
int mst_buf_printf(struct mst_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first `len` bytes. */
void mst_buf_consume(struct mst_buf *buf, size_t len);
/* Content as a string, "" when empty; owned by the buffer. */
const char *mst_buf_text(const struct mst_buf *buf);
/* Hands the memory over (caller frees); NULL if empty and failed. The buffer is as after init. */
char *mst_buf_take(struct mst_buf *buf);

#endif
