/* SPDX-License-Identifier: Apache-2.0 */
/* The record builder: flat calls in, one capped BSON document out. */
#ifndef MST_RECORD_RECORD_H
#define MST_RECORD_RECORD_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct mst_record; /* opaque; reused for record after record */

int mst_record_new(struct mst_record **out, struct mst_err *err);
void mst_record_free(struct mst_record *record);
/* Starts over with `_key`. */
int mst_record_begin(struct mst_record *record, const char *source_key, struct mst_err *err);
/* A call that fails leaves the record open and marked: mst_record_finish then refuses it, so that nothing half is stored.
 * `key` NULL inside arrays. Text is repaired to valid UTF-8 (sets `_repaired`). MST_E_LIMIT beyond size or depth,
 * MST_E_REFUSED for a key that starts with '_' or '$' or holds '.' or NUL, or for calls out of order. */
int mst_record_text(struct mst_record *record, const char *key, const char *value, struct mst_err *err);
int mst_record_int(struct mst_record *record, const char *key, int64_t value, struct mst_err *err);
int mst_record_bool(struct mst_record *record, const char *key, bool value, struct mst_err *err);
int mst_record_object(struct mst_record *record, const char *key, struct mst_err *err);
int mst_record_array(struct mst_record *record, const char *key, struct mst_err *err);
int mst_record_end(struct mst_record *record, struct mst_err *err);
/* Closes: all objects must be ended. *out is borrowed until the next begin. `scope` is written as `_scope`. */
int mst_record_finish(struct mst_record *record, int32_t scope, const bson_t **out, struct mst_err *err);
bool mst_record_is_open(const struct mst_record *record);
void mst_record_drop(struct mst_record *record);

/* The same as bson_validate with BSON_VALIDATE_UTF8, and twice as fast on documents of the types that records have. */
bool mst_record_sound(const bson_t *doc);

#endif
