/* SPDX-License-Identifier: Apache-2.0 */
#include "store/doc.h"

#include <math.h>
#include <stdlib.h>

#include "base/limits.h"

static int to_json(bson_iter_t *iter, bool array, int depth, struct json_object **out, struct mst_err *err);

static struct json_object *hex(const uint8_t *data, uint32_t length)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc((size_t)length * 2 + 1);
	struct json_object *made;

	if (!text)
		return NULL;
	for (uint32_t i = 0; i < length; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	made = json_object_new_string_len(text, (int)length * 2);
	free(text);
	return made;
}

/* NULL is JSON's null. */
static struct json_object *scalar(const bson_iter_t *iter)
{
	uint32_t length;
	const uint8_t *data;
	const char *text;

	switch (bson_iter_type(iter)) {
	case BSON_TYPE_UTF8:
		text = bson_iter_utf8(iter, &length);
		return json_object_new_string_len(text, (int)length);
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
		return json_object_new_int64(bson_iter_as_int64(iter));
	case BSON_TYPE_DATE_TIME:
		return json_object_new_int64(bson_iter_date_time(iter));
	case BSON_TYPE_BOOL:
		return json_object_new_boolean(bson_iter_bool(iter));
	case BSON_TYPE_DOUBLE:
		return isfinite(bson_iter_double(iter)) ? json_object_new_double(bson_iter_double(iter)) : NULL;
	case BSON_TYPE_BINARY:
		bson_iter_binary(iter, NULL, &length, &data);
		return hex(data, length);
	case BSON_TYPE_OID:
		return hex((const uint8_t *)bson_iter_oid(iter), 12);
	default:
		return NULL;
	}
}

/* Is NULL what scalar makes of it, and no want of memory? */
static bool has_no_json(const bson_iter_t *iter)
{
	switch (bson_iter_type(iter)) {
	case BSON_TYPE_UTF8:
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
	case BSON_TYPE_DATE_TIME:
	case BSON_TYPE_BOOL:
	case BSON_TYPE_BINARY:
	case BSON_TYPE_OID:
		return false;
	case BSON_TYPE_DOUBLE:
		return !isfinite(bson_iter_double(iter));
	default:
		return true;
	}
}

static int one_value(bson_iter_t *iter, int depth, struct json_object **out, struct mst_err *err)
{
	bson_iter_t child;
	bool array = BSON_ITER_HOLDS_ARRAY(iter);

	if (!array && !BSON_ITER_HOLDS_DOCUMENT(iter)) {
		*out = scalar(iter);
		return *out || has_no_json(iter) ? MST_OK : mst_err_no_memory(err);
	}
	if (!bson_iter_recurse(iter, &child))
		return mst_err_set(err, MST_E_CORRUPT, "a document is damaged at field \"%s\"", bson_iter_key(iter));
	return to_json(&child, array, depth + 1, out, err);
}

static int to_json(bson_iter_t *iter, bool array, int depth, struct json_object **out, struct mst_err *err)
{
	if (depth > MST_MAX_JSON_DEPTH)
		return mst_err_set(err, MST_E_LIMIT, "a document is nested deeper than %d", MST_MAX_JSON_DEPTH);
	struct json_object *made = array ? json_object_new_array() : json_object_new_object();
	int code = made ? MST_OK : mst_err_no_memory(err);
	while (code == MST_OK && bson_iter_next(iter)) {
		struct json_object *value = NULL;
		code = one_value(iter, depth, &value, err);
		if (code != MST_OK)
			break;
		int rc = array ? json_object_array_add(made, value)
		               : json_object_object_add(made, bson_iter_key(iter), value);
		if (rc != 0) {
			json_object_put(value);
			code = mst_err_no_memory(err);
		}
	}
	if (code == MST_OK && iter->err_off)
		code = mst_err_set(err, MST_E_CORRUPT, "a document is damaged at byte %u", iter->err_off);
	if (code == MST_OK)
		*out = made;
	else
		json_object_put(made);
	return code;
}

int mst_store_doc_json(const bson_t *doc, struct json_object **out, struct mst_err *err)
{
	bson_iter_t iter;

	if (!bson_iter_init(&iter, doc))
		return mst_err_set(err, MST_E_CORRUPT, "a document is damaged");
	return to_json(&iter, false, 1, out, err);
}
