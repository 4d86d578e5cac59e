/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct code_row {
	int code;
	const char *name;
	int exit_status;
	int http;
};

static const struct code_row code_rows[] = {
        {MST_OK, "ok", 0, 200},
        {MST_E_FAILED, "failed", 1, 500},
        {MST_E_USAGE, "usage", 2, 400},
        {MST_E_PARTIAL, "partial", 3, 200},
        {MST_E_NOT_FOUND, "not_found", 4, 404},
        {MST_E_REFUSED, "refused", 5, 403},
        {MST_E_EXISTS, "exists", 1, 409},
        {MST_E_CONFLICT, "conflict", 1, 409},
        {MST_E_UNAVAILABLE, "unavailable", 1, 503},
        {MST_E_NO_MEMORY, "no_memory", 1, 500},
        {MST_E_CANCELLED, "cancelled", 130, 503},
        {MST_E_TIMEOUT, "timeout", 1, 504},
        {MST_E_UNKNOWN, "unknown", 1, 500},
        {MST_E_CORRUPT, "corrupt", 1, 500},
        {MST_E_FULL, "full", 1, 507},
        {MST_E_UNSUPPORTED, "unsupported", 1, 400},
        {MST_E_LIMIT, "limit", 1, 400},
        {MST_E_END, "end", 0, 200},
};

#define CODE_ROWS (sizeof(code_rows) / sizeof(code_rows[0]))

/* Ends a full buffer in "..." without leaving half of a UTF-8 character before it. */
static void mark_cut(char *text, size_t size)
{
	size_t end = size - 4;

	while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	memcpy(text + end, "...", 4);
}

int mst_err_vset(struct mst_err *err, int code, const char *format, va_list args)
{
	/* Formatted aside: an argument may be err->text itself. */
	char text[MST_ERR_TEXT];
	int n;

	if (err == NULL)
		return code;
	n = vsnprintf(text, sizeof(text), format, args);
	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= sizeof(text))
		mark_cut(text, sizeof(text));
	memcpy(err->text, text, strlen(text) + 1);
	err->code = code;
	return code;
}

/* The names in parentheses: the header has macros of the same names. */
int(mst_err_set)(struct mst_err *err, int code, const char *format, ...)
{
	va_list args;

	if (code >= MST_OK)
		code = MST_E_FAILED;
	va_start(args, format);
	mst_err_vset(err, code, format, args);
	va_end(args);
	return code;
}

static int code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return MST_E_FULL;
	case ENOENT:
		return MST_E_NOT_FOUND;
	case ENOMEM:
		return MST_E_NO_MEMORY;
	case EROFS:
		return MST_E_REFUSED;
	default:
		return MST_E_FAILED;
	}
}

int(mst_err_errno)(struct mst_err *err, int errnum, const char *format, ...)
{
	char text[MST_ERR_TEXT], reason[128];
	int code = code_of_errno(errnum);
	va_list args;

	if (err == NULL)
		return code;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	return mst_err_set(err, code, "%s: %s", text, strerror_r(errnum, reason, sizeof(reason)));
}

int(mst_err_no_memory)(struct mst_err *err)
{
	return mst_err_set(err, MST_E_NO_MEMORY, "out of memory");
}

void mst_err_clear(struct mst_err *err)
{
	if (err == NULL)
		return;
	err->code = MST_OK;
	err->text[0] = '\0';
}

static const struct code_row *find_code(int code)
{
	for (size_t i = 0; i < CODE_ROWS; i++) {
		if (code_rows[i].code == code)
			return &code_rows[i];
	}
	return &code_rows[1]; /* the header promises: unknown means failed */
}

const char *mst_code_name(int code)
{
	return find_code(code)->name;
}

int mst_code_from_name(const char *name)
{
	for (size_t i = 0; name != NULL && i < CODE_ROWS; i++) {
		if (strcmp(code_rows[i].name, name) == 0)
			return code_rows[i].code;
	}
	return MST_E_FAILED;
}

int mst_code_exit(int code)
{
	return find_code(code)->exit_status;
}

int mst_code_http(int code)
{
	return find_code(code)->http;
}
