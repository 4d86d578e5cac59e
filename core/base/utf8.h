/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of UTF-8, one character at a time. */
#ifndef MST_BASE_UTF8_H
#define MST_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MST_UTF8_BAD UINT32_MAX

/* Reads one character from the `len` (at least 1) bytes at `text` and returns how many bytes it took. A sequence that is
 * overlong, a surrogate, above U+10FFFF or cut gives MST_UTF8_BAD and takes its longest plausible start (1 to 3 bytes). */
size_t mst_utf8_next(const char *text, size_t len, uint32_t *out);
/* Bytes written to out: 1 to 4. */
size_t mst_utf8_put(uint32_t point, char out[4]);
/* C0, DEL, C1. */
bool mst_utf8_is_control(uint32_t point);
/* Invisible or reordering: bidi controls, zero-width characters, line separators, tags. */
bool mst_utf8_is_hidden(uint32_t point);
/* Columns on a terminal: 0, 1 or 2. */
unsigned mst_utf8_width(uint32_t point);

#endif
