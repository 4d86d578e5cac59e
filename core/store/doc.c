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

static int one_value(bson_iter_t *iter, int depth, struct json_object **out, struct mst_err *err)
{
	bson_iter_t child;
	bool array = BSON_ITER_HOLDS_ARRAY(iter);

	if (!array && !BSON_ITER_HOLDS_DOCUMENT(iter)) {
		*out = scalar(iter);
		return MST_OK;
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

static bool from_value(bson_t *out, const char *key, int length, struct json_object *value, int depth);

static bool from_array(bson_t *out, struct json_object *array, int depth)
{
	char digits[16];
	const char *key;

	for (size_t i = 0; i < json_object_array_length(array); i++) {
		size_t length = bson_uint32_to_string((uint32_t)i, &key, digits, sizeof digits);
		if (!from_value(out, key, (int)length, json_object_array_get_idx(array, i), depth))
			return false;
	}
	return true;
}

static bool from_object(bson_t *out, struct json_object *object, int depth)
{
	json_object_object_foreach(object, key, value) if (!from_value(out, key, -1, value, depth)) return false;
	return true;
}

static bool from_value(bson_t *out, const char *key, int length, struct json_object *value, int depth)
{
	bson_t child;
	bool ok;

	switch (json_object_get_type(value)) {
	case json_type_boolean:
		return bson_append_bool(out, key, length, json_object_get_boolean(value));
	case json_type_int:
		return bson_append_int64(out, key, length, json_object_get_int64(value));
	case json_type_double:
		return bson_append_double(out, key, length, json_object_get_double(value));
	case json_type_string:
		return bson_append_utf8(out, key, length, json_object_get_string(value),
		                        json_object_get_string_len(value));
	case json_type_array:
		if (depth >= MST_MAX_JSON_DEPTH || !bson_append_array_begin(out, key, length, &child))
			return false;
		ok = from_array(&child, value, depth + 1);
		return bson_append_array_end(out, &child) && ok;
	case json_type_object:
		if (depth >= MST_MAX_JSON_DEPTH || !bson_append_document_begin(out, key, length, &child))
			return false;
		ok = from_object(&child, value, depth + 1);
		return bson_append_document_end(out, &child) && ok;
	default:
		return bson_append_null(out, key, length);
	}
}

int mst_store_doc_from_json(struct json_object *object, bson_t *out, struct mst_err *err)
{
	if (!json_object_is_type(object, json_type_object))
		return mst_err_set(err, MST_E_USAGE, "a JSON object is needed here");
	bson_init(out);
	if (from_object(out, object, 1))
		return MST_OK;
	bson_destroy(out);
	return mst_err_set(err, MST_E_LIMIT, "a document is nested deeper than %d or too large", MST_MAX_JSON_DEPTH);
}
