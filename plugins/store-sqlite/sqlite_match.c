/* SPDX-License-Identifier: Apache-2.0 */
/* Operators on fields of the BSON rest. The rules are those of plugin.h, FILTERS. */
#include <string.h>

#include "sqlite.h"

bool sq_find_path(const bson_t *doc, const char *path, bson_iter_t *out)
{
	bson_iter_t iter;
	if (!bson_iter_init(&iter, doc))
		return false;
	for (;;) {
		size_t length = strcspn(path, ".");
		if (!bson_iter_find_w_len(&iter, path, (int)length))
			return false;
		if (path[length] == '\0') {
			*out = iter;
			return true;
		}
		bson_iter_t child;
		if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &child))
			return false;
		iter = child;
		path += length + 1;
	}
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool contains(const struct sq_value *text, const struct sq_value *part)
{
	if (text->class != SQ_TEXT_CLASS || part->class != SQ_TEXT_CLASS)
		return false;
	for (size_t i = 0; i + part->length <= text->length; i++) {
		size_t k = 0;
		while (k < part->length && lower(text->text[i + k]) == lower(part->text[k]))
			k++;
		if (k == part->length)
			return true;
	}
	return false;
}

/* `wanted` of SQ_IN is a BSON array. */
static bool one_of(const struct sq_value *value, const struct sq_value *wanted)
{
	bson_t array;
	bson_iter_t iter;
	if (!wanted->blob || !bson_init_static(&array, (const uint8_t *)wanted->text, wanted->length) ||
	    !bson_iter_init(&iter, &array))
		return false;
	while (bson_iter_next(&iter)) {
		struct sq_value item;
		sq_value_from_iter(&iter, &item);
		if (item.class == value->class && item.class != SQ_OTHER && sq_value_compare(value, &item) == 0)
			return true;
	}
	return false;
}

static bool match_scalar(const struct sq_value *value, enum sq_op op, const struct sq_value *wanted)
{
	if (op == SQ_HAS)
		return contains(value, wanted);
	if (op == SQ_IN)
		return one_of(value, wanted);
	if (value->class != wanted->class || value->class == SQ_OTHER)
		return false;
	int c = sq_value_compare(value, wanted);
	switch (op) {
	case SQ_EQ:
		return c == 0;
	case SQ_LT:
		return c < 0;
	case SQ_LTE:
		return c <= 0;
	case SQ_GT:
		return c > 0;
	case SQ_GTE:
		return c >= 0;
	default:
		return false;
	}
}

bool sq_match_path(const bson_t *doc, const char *path, enum sq_op op, const struct sq_value *value)
{
	bson_iter_t iter, item;
	struct sq_value found;
	if (!sq_find_path(doc, path, &iter))
		return false;
	if (op == SQ_EXISTS)
		return true;
	if (!BSON_ITER_HOLDS_ARRAY(&iter)) {
		sq_value_from_iter(&iter, &found);
		return match_scalar(&found, op, value);
	}
	if (!bson_iter_recurse(&iter, &item))
		return false;
	while (bson_iter_next(&item)) {
		sq_value_from_iter(&item, &found);
		if (match_scalar(&found, op, value))
			return true;
	}
	return false;
}
