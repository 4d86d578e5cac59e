/* SPDX-License-Identifier: Apache-2.0 */
/* Documents as plain JSON for the API. */
#ifndef MST_STORE_DOC_H
#define MST_STORE_DOC_H

#include <bson/bson.h>
#include <json-c/json.h>

#include "base/error.h"

/*
 * Plain JSON: int32, int64 and dates (milliseconds) are numbers, doubles numbers (null when not finite), binary base-16 text,
 * object ids text; types that Muster never writes are null. Caller puts *out. MST_E_NO_MEMORY, MST_E_CORRUPT, MST_E_LIMIT
 * (deeper than MST_MAX_JSON_DEPTH).
 */
int mst_store_doc_json(const bson_t *doc, struct json_object **out, struct mst_err *err);

#endif
