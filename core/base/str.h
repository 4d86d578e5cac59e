/* SPDX-License-Identifier: Apache-2.0 */
/* Text: numbers, UTF-8, escaping of what came from a network. */
#ifndef MST_BASE_STR_H
#define MST_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Whole-string decimal; false on anything else, overflow included. */
bool mst_str_int64(const char *text, int64_t *out);
bool mst_str_uint(const char *text, uint64_t max, uint64_t *out);
/* One grammar everywhere. Durations "250ms|90s|15m|6h|7d|2w|1y" and "0" in ms; rates "1000|5k|1M" in 1/s; sizes
 * "4096|64k|2M|1G" (1024) in bytes. Whole-string; MST_E_USAGE with a text that shows the grammar. */
int mst_str_duration(const char *text, int64_t *out_ms, struct mst_err *err);
int mst_str_rate(const char *text, int64_t *out, struct mst_err *err);
int mst_str_size(const char *text, int64_t *out, struct mst_err *err);
/* on|yes|true|1, off|no|false|0. */
int mst_str_bool(const char *text, bool *out, struct mst_err *err);
/* Shortest exact form of a duration: 5400000 -> "90m". */
void mst_str_format_duration(int64_t ms, char *out, size_t size);

/* [a-z][a-z0-9_-]{0,max-1} */
bool mst_str_is_name(const char *text, size_t max);

/* Appends `text` as valid UTF-8: bad sequences, NUL and C0/C1 controls become U+FFFD (tab, newline become a space).
 * Returns true when something was changed. At most `max` bytes are appended, cut at a character. */
bool mst_str_utf8_repair(struct mst_buf *out, const char *text, size_t len, size_t max);
bool mst_str_utf8_valid(const char *text, size_t len);
/* Appends text for a terminal or a log line: controls, bidi and zero-width characters and invalid bytes as \xNN or \u{NNNN}. */
void mst_str_escape_terminal(struct mst_buf *out, const char *text);
/* Appends one CSV cell (RFC 4180); cells that a spreadsheet would run (= + - @ tab CR first) get a leading '; what
 * turns or hides text (bidi, zero-width) as \u{NNNN}. */
void mst_str_csv_cell(struct mst_buf *out, const char *text);
/* Appends a JSON string with its quotes; controls and bidi escaped. Input is repaired first. */
void mst_str_json(struct mst_buf *out, const char *text);
/* Columns that `text` takes on a terminal (wcwidth-like for UTF-8; wide East Asian count 2). */
size_t mst_str_width(const char *text);

/* Allocated copy; NULL without memory. */
char *mst_str_dup(const char *text);
char *mst_str_dupn(const char *text, size_t len);
char *mst_str_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Walks a separated list: the next trimmed item is copied into the buffer `item`, false at the
 * end. An empty item between two separators is given as ""; a blank text has none, and a trailing separator adds none.
 * Check item->failed: an item longer than its maximum is left out. */
bool mst_str_next_item(const char **cursor, char separator, struct mst_buf *item);

#endif
