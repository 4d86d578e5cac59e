/* SPDX-License-Identifier: Apache-2.0 */
/* Is what came in one whole BSON document? */
#include <string.h>

#include "sqlite.h"

bool sq_text_sound(const char *text, size_t length)
{
	uint64_t word, any = 0;
	size_t at = 0;
	for (; at + sizeof word <= length; at += sizeof word) {
		memcpy(&word, text + at, sizeof word);
		any |= word;
	}
	for (; at < length; at++)
		any |= (uint64_t)(unsigned char)text[at];
	return !(any & UINT64_C(0x8080808080808080)) || bson_utf8_validate(text, length, true);
}

static bool plain(const uint8_t *data, uint32_t length, int depth);

/* The types that Muster writes. */
static bool plain_value(const bson_iter_t *iter, int depth)
{
	const uint8_t *data = NULL;
	uint32_t length = 0;
	const char *text;
	switch (bson_iter_type(iter)) {
	case BSON_TYPE_UTF8:
		text = bson_iter_utf8(iter, &length);
		return sq_text_sound(text, length);
	case BSON_TYPE_DOCUMENT:
		bson_iter_document(iter, &length, &data);
		return plain(data, length, depth + 1);
	case BSON_TYPE_ARRAY:
		bson_iter_array(iter, &length, &data);
		return plain(data, length, depth + 1);
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
	case BSON_TYPE_DOUBLE:
	case BSON_TYPE_BOOL:
	case BSON_TYPE_NULL:
		return true;
	default:
		return false;
	}
}

static bool plain(const uint8_t *data, uint32_t length, int depth)
{
	bson_t doc;
	bson_iter_t iter;
	if (depth > SQ_MAX_DEPTH || !data || !bson_init_static(&doc, data, length) || !bson_iter_init(&iter, &doc))
		return false;
	while (bson_iter_next(&iter))
		if (!sq_text_sound(bson_iter_key(&iter), bson_iter_key_len(&iter)) || !plain_value(&iter, depth))
			return false;
	return iter.err_off == 0;
}

/* What is not plain may still be sound, and what is not sound has a place where that shows: both are libbson's to say. */
bool sq_bson_sound(const bson_t *doc, size_t *error)
{
	return plain(bson_get_data(doc), doc->len, 0) || bson_validate(doc, BSON_VALIDATE_NONE, error);
}
