/* SPDX-License-Identifier: Apache-2.0 */
/* Ids: UUIDv7 text for documents, Crockford base 32 of a running number for what people type. */
#ifndef MST_BASE_ID_H
#define MST_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MST_ID_SIZE 37 /* with NUL */

/* A new id; ascending within a process even inside one millisecond. Thread-safe. */
void mst_id_new(char out[MST_ID_SIZE]);
bool mst_id_valid(const char *text);

/* Short form: number 123456 -> "3rj0". Lower case, no leading zero, at most 13 digits. */
void mst_id_short(uint64_t number, char *out, size_t size);
/* Accepts either case and o/i/l for 0/1/1. */
bool mst_id_short_parse(const char *text, uint64_t *out);

#endif
