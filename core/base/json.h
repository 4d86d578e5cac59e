/* SPDX-License-Identifier: Apache-2.0 */
/* Type-checked access to json-c: every node is checked before it is believed. */
#ifndef MST_BASE_JSON_H
#define MST_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* MST_E_CORRUPT when it is not one whole JSON text; the text "null" gives 0 and NULL. Parses a whole text, depth at most MST_MAX_JSON_DEPTH. Caller puts the object. `what` names it in the error. */
int mst_json_parse(const char *text, size_t len, const char *what, struct json_object **out, struct mst_err *err);
/* The same; what the parser held of the text is overwritten, so that only *out and the caller have it. */
int mst_json_parse_wiped(const char *text, size_t len, const char *what, struct json_object **out, struct mst_err *err);
/* Borrowed; `fallback` when missing or of another type. */
const char *mst_json_text(struct json_object *object, const char *key, const char *fallback);
int64_t mst_json_int(struct json_object *object, const char *key, int64_t fallback);
bool mst_json_bool(struct json_object *object, const char *key, bool fallback);
struct json_object *mst_json_object(struct json_object *object, const char *key); /* NULL unless an object */
struct json_object *mst_json_array(struct json_object *object, const char *key);  /* NULL unless an array */
/*
 * Building. What cannot be added for want of memory is noted for this thread, and the next mst_json_string gives NULL: a
 * job without its never_scan list must not look like a job that has none.
 */
/* A member or element that was made for this; owned by `object` from now on. NULL, for one or the other, is want of memory. */
void mst_json_put(struct json_object *object, const char *key, struct json_object *value);
void mst_json_push(struct json_object *array, struct json_object *value);
/* Was everything added that was to be, on this thread, since this or mst_json_string was last asked? */
bool mst_json_whole(void);
/* The text, borrowed from `object`; NULL for want of memory, also when building lost something. `len` may be NULL. */
const char *mst_json_string(struct json_object *object, size_t *len);
/* Adders; a NULL text adds nothing. */
void mst_json_add_text(struct json_object *object, const char *key, const char *value);
void mst_json_add_int(struct json_object *object, const char *key, int64_t value);
void mst_json_add_bool(struct json_object *object, const char *key, bool value);

#endif
