/* SPDX-License-Identifier: Apache-2.0 */
/* Is this one whole BSON document with valid text? */
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "record/record.h"

static bool plain(const uint8_t *data, uint32_t len, unsigned depth);

/* The types that a record is built of. */
static bool plain_value(const bson_iter_t *iter, unsigned depth)
{
	const uint8_t *data = NULL;
	uint32_t len = 0;
	const char *text;
	switch (bson_iter_type(iter)) {
	case BSON_TYPE_UTF8:
		text = bson_iter_utf8(iter, &len);
		return mst_str_utf8_valid(text, len) && !memchr(text, '\0', len);
	case BSON_TYPE_DOCUMENT:
		bson_iter_document(iter, &len, &data);
		return plain(data, len, depth + 1);
	case BSON_TYPE_ARRAY:
		bson_iter_array(iter, &len, &data);
		return plain(data, len, depth + 1);
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
	case BSON_TYPE_BOOL:
		return true;
	default:
		return false;
	}
}

static bool plain(const uint8_t *data, uint32_t len, unsigned depth)
{
	bson_t doc;
	bson_iter_t iter;
	if (depth > MST_MAX_RECORD_DEPTH + 1 || !data || !bson_init_static(&doc, data, len) ||
	    !bson_iter_init(&iter, &doc))
		return false;
	while (bson_iter_next(&iter))
		if (!mst_str_utf8_valid(bson_iter_key(&iter), bson_iter_key_len(&iter)) || !plain_value(&iter, depth))
			return false;
	return iter.err_off == 0;
}

bool mst_record_sound(const bson_t *doc)
{
	return plain(bson_get_data(doc), doc->len, 0) || bson_validate(doc, BSON_VALIDATE_UTF8, NULL);
}
