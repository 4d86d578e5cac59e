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
/* Adders; a NULL text adds nothing. */
void mst_json_add_text(struct json_object *object, const char *key, const char *value);
void mst_json_add_int(struct json_object *object, const char *key, int64_t value);
void mst_json_add_bool(struct json_object *object, const char *key, bool value);

#endif
