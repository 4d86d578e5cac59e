/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: a small code and a text written once, where it happens. */
#ifndef MST_BASE_ERROR_H
#define MST_BASE_ERROR_H

#include <stdarg.h>

/* Same values as enum muster_status in muster/plugin.h (asserted in plugin/gate.c). */
enum mst_code {
	MST_OK = 0,
	MST_E_FAILED = -1,
	MST_E_USAGE = -2,
	MST_E_PARTIAL = -3,
	MST_E_NOT_FOUND = -4,
	MST_E_REFUSED = -5,
	MST_E_EXISTS = -6,
	MST_E_CONFLICT = -7,
	MST_E_UNAVAILABLE = -8,
	MST_E_NO_MEMORY = -9,
	MST_E_CANCELLED = -10,
	MST_E_TIMEOUT = -11,
	MST_E_UNKNOWN = -12,
	MST_E_CORRUPT = -13,
	MST_E_FULL = -14,
	MST_E_UNSUPPORTED = -15,
	MST_E_LIMIT = -16,
	MST_E_END = -17
};

#define MST_ERR_TEXT 2048

/* Filled by the function that fails first; callers pass it up unchanged. Caller allocates, may be on the stack. */
struct mst_err {
	int code; /* enum mst_code */
	char text[MST_ERR_TEXT];
};

/* Writes code and text (what, where, what to do) and returns code; a code that is no failure becomes MST_E_FAILED.
 * `err` may be NULL. Cut text ends in "...". */
int mst_err_set(struct mst_err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, with any code. */
int mst_err_vset(struct mst_err *err, int code, const char *format, va_list args) __attribute__((format(printf, 3, 0)));
/* As mst_err_set, with ": strerror(errnum)" appended; ENOSPC and EDQUOT give MST_E_FULL, ENOENT MST_E_NOT_FOUND,
 * ENOMEM MST_E_NO_MEMORY, EROFS MST_E_REFUSED, all others MST_E_FAILED. Returns the code. */
int mst_err_errno(struct mst_err *err, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));
int mst_err_no_memory(struct mst_err *err);
void mst_err_clear(struct mst_err *err);

/* What reports a failure never answers MST_OK: error.c sees to it. Said here again, so that compilers and analyzers know in
 * every file that a function which returns mst_err_set() has failed. One straight line: clang's analyzer follows nothing
 * else into any depth of calls. */
static inline int mst_err_failure(int code)
{
#ifdef __clang__
	__builtin_assume(code < MST_OK);
#else
	if (code >= MST_OK)
		__builtin_unreachable();
#endif
	return code;
}
#define mst_err_set(...)     mst_err_failure(mst_err_set(__VA_ARGS__))
#define mst_err_errno(...)   mst_err_failure(mst_err_errno(__VA_ARGS__))
#define mst_err_no_memory(e) mst_err_failure(mst_err_no_memory(e))

/* "failed", "usage", "not_found" ...: the word used in JSON. Static. */
const char *mst_code_name(int code);
/* Inverse; MST_E_FAILED for an unknown word. */
int mst_code_from_name(const char *name);
/* Process exit status of a code: 0 complete, 1 failed, 2 usage, 3 partial, 4 not found, 5 refused, 130 cancelled. */
int mst_code_exit(int code);
/* HTTP status of a code: 200, 400, 403, 404, 409, 500, 503, 504, 507. */
int mst_code_http(int code);

#endif
