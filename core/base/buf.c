/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define FIRST_CAP 64u

void mst_buf_init(struct mst_buf *buf, size_t max)
{
	*buf = (struct mst_buf){.max = max > SIZE_MAX / 4 ? SIZE_MAX / 4 : max};
}

void mst_buf_free(struct mst_buf *buf)
{
	free(buf->data);
	mst_buf_init(buf, buf->max);
}

void mst_buf_reset(struct mst_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	buf->code = MST_OK;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

static int fail(struct mst_buf *buf, int code)
{
	if (!buf->failed)
		buf->code = code;
	buf->failed = true;
	return code;
}

/* Room for `len` more bytes and the NUL. */
static int reserve(struct mst_buf *buf, size_t len)
{
	size_t need, cap;
	char *data;

	if (buf->failed || len > buf->max - buf->len)
		return fail(buf, MST_E_LIMIT);
	need = buf->len + len + 1;
	if (need <= buf->cap)
		return MST_OK;
	cap = buf->cap == 0 ? FIRST_CAP : buf->cap;
	while (cap < need)
		cap *= 2;
	if (cap > buf->max + 1)
		cap = buf->max + 1;
	data = realloc(buf->data, cap);
	if (data == NULL)
		return fail(buf, MST_E_NO_MEMORY);
	buf->data = data;
	buf->cap = cap;
	return MST_OK;
}

int mst_buf_add(struct mst_buf *buf, const void *data, size_t len)
{
	int status = reserve(buf, len);

	if (status != MST_OK)
		return status;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
	return MST_OK;
}

int mst_buf_str(struct mst_buf *buf, const char *text)
{
	return mst_buf_add(buf, text, strlen(text));
}

int mst_buf_char(struct mst_buf *buf, char c)
{
	return mst_buf_add(buf, &c, 1);
}

int mst_buf_printf(struct mst_buf *buf, const char *format, ...)
{
	va_list args, again;
	int n, status;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	status = n < 0 ? fail(buf, MST_E_FAILED) : reserve(buf, (size_t)n);
	if (status == MST_OK) {
		vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
		buf->len += (size_t)n;
	}
	va_end(again);
	va_end(args);
	return status;
}

void mst_buf_consume(struct mst_buf *buf, size_t len)
{
	if (buf->data == NULL)
		return;
	if (len > buf->len)
		len = buf->len;
	memmove(buf->data, buf->data + len, buf->len - len + 1);
	buf->len -= len;
}

const char *mst_buf_text(const struct mst_buf *buf)
{
	return buf->data == NULL ? "" : buf->data;
}

char *mst_buf_take(struct mst_buf *buf)
{
	char *data = buf->data;

	if (data == NULL || (buf->len == 0 && buf->failed)) {
		free(data);
		data = buf->failed ? NULL : calloc(1, 1);
	}
	mst_buf_init(buf, buf->max);
	return data;
}
