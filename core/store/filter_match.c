/* SPDX-License-Identifier: Apache-2.0 */
/* A store filter against a document in memory, by the rules of muster/plugin.h, FILTERS. */
#include <math.h>
#include <string.h>

#include "store/filter.h"

#define MAX_DEPTH 32

enum kind { NUMBER, BOOLEAN, TEXT, NULL_VALUE, OTHER };

static enum kind kind_of(const bson_iter_t *iter)
{
	switch (bson_iter_type(iter)) {
	case BSON_TYPE_UTF8:
		return TEXT;
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
		return NUMBER;
	case BSON_TYPE_DOUBLE:
		return isnan(bson_iter_double(iter)) ? OTHER : NUMBER;
	case BSON_TYPE_BOOL:
		return BOOLEAN;
	case BSON_TYPE_NULL:
		return NULL_VALUE;
	default:
		return OTHER;
	}
}

/* An int64 against a double without rounding the int64. */
static int compare_mixed(int64_t a, double b)
{
	if (b >= 9223372036854775808.0)
		return -1;
	if (b < -9223372036854775808.0)
		return 1;
	int64_t whole = (int64_t)b;
	double rest = b - (double)whole;
	if (a != whole)
		return a < whole ? -1 : 1;
	return rest > 0 ? -1 : rest < 0;
}

static int compare_numbers(const bson_iter_t *a, const bson_iter_t *b)
{
	bool a_real = BSON_ITER_HOLDS_DOUBLE(a), b_real = BSON_ITER_HOLDS_DOUBLE(b);

	if (a_real && b_real) {
		double x = bson_iter_double(a), y = bson_iter_double(b);
		return x < y ? -1 : x > y;
	}
	if (a_real)
		return -compare_mixed(bson_iter_as_int64(b), bson_iter_double(a));
	if (b_real)
		return compare_mixed(bson_iter_as_int64(a), bson_iter_double(b));
	int64_t x = bson_iter_as_int64(a), y = bson_iter_as_int64(b);
	return x < y ? -1 : x > y;
}

static int compare_texts(const bson_iter_t *a, const bson_iter_t *b)
{
	uint32_t a_length, b_length;
	const char *x = bson_iter_utf8(a, &a_length), *y = bson_iter_utf8(b, &b_length);
	int c = memcmp(x, y, a_length < b_length ? a_length : b_length);

	if (c == 0 && a_length != b_length)
		c = a_length < b_length ? -1 : 1;
	return c;
}

/* False when the two are not of one comparable kind. */
static bool compare(const bson_iter_t *a, const bson_iter_t *b, int *out)
{
	enum kind kind = kind_of(a);

	if (kind != kind_of(b) || kind == OTHER)
		return false;
	*out = kind == NUMBER    ? compare_numbers(a, b)
	       : kind == TEXT    ? compare_texts(a, b)
	       : kind == BOOLEAN ? (int)bson_iter_bool(a) - (int)bson_iter_bool(b)
	                         : 0;
	return true;
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool contains(const bson_iter_t *text, const bson_iter_t *part)
{
	uint32_t length, part_length;

	if (kind_of(text) != TEXT || kind_of(part) != TEXT)
		return false;
	const char *haystack = bson_iter_utf8(text, &length), *needle = bson_iter_utf8(part, &part_length);
	for (uint32_t i = 0; i + part_length <= length; i++) {
		uint32_t k = 0;
		while (k < part_length && lower(haystack[i + k]) == lower(needle[k]))
			k++;
		if (k == part_length)
			return true;
	}
	return false;
}

static bool one_of(const bson_iter_t *value, const bson_iter_t *list)
{
	bson_iter_t item;
	int c;

	if (!BSON_ITER_HOLDS_ARRAY(list) || !bson_iter_recurse(list, &item))
		return false;
	while (bson_iter_next(&item))
		if (compare(value, &item, &c) && c == 0)
			return true;
	return false;
}

static bool match_scalar(const bson_iter_t *value, const char *op, const bson_iter_t *wanted)
{
	int c;

	if (strcmp(op, "$has") == 0)
		return contains(value, wanted);
	if (strcmp(op, "$in") == 0)
		return one_of(value, wanted);
	if (!compare(value, wanted, &c))
		return false;
	return strcmp(op, "$eq") == 0    ? c == 0
	       : strcmp(op, "$lt") == 0  ? c < 0
	       : strcmp(op, "$lte") == 0 ? c <= 0
	       : strcmp(op, "$gt") == 0  ? c > 0
	                                 : strcmp(op, "$gte") == 0 && c >= 0;
}

/* Dots reach into objects. */
static bool find_path(const bson_t *doc, const char *path, bson_iter_t *out)
{
	bson_iter_t iter, child;

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
		if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &child))
			return false;
		iter = child;
		path += length + 1;
	}
}

static bool match_operator(const bson_iter_t *found, const char *op, const bson_iter_t *wanted)
{
	bson_iter_t item;

	if (strcmp(op, "$exists") == 0)
		return bson_iter_as_bool(wanted) == (found != NULL);
	if (strcmp(op, "$ne") == 0)
		return !match_operator(found, "$eq", wanted);
	if (strcmp(op, "$nin") == 0)
		return !match_operator(found, "$in", wanted);
	if (!found)
		return false;
	if (!BSON_ITER_HOLDS_ARRAY(found))
		return match_scalar(found, op, wanted);
	for (bool ok = bson_iter_recurse(found, &item); ok && bson_iter_next(&item);)
		if (match_scalar(&item, op, wanted))
			return true;
	return false;
}

static bool match_field(const bson_t *doc, const char *path, const bson_iter_t *condition)
{
	bson_iter_t found, op;
	bool there = find_path(doc, path, &found);

	if (!BSON_ITER_HOLDS_DOCUMENT(condition))
		return match_operator(there ? &found : NULL, "$eq", condition);
	if (!bson_iter_recurse(condition, &op))
		return false;
	while (bson_iter_next(&op))
		if (!match_operator(there ? &found : NULL, bson_iter_key(&op), &op))
			return false;
	return true;
}

static bool match_children(const bson_iter_t *filter, const bson_t *doc, int depth);

static bool match_nested(const bson_iter_t *filter, const bson_t *doc, int depth)
{
	bson_iter_t children;

	return BSON_ITER_HOLDS_DOCUMENT(filter) && bson_iter_recurse(filter, &children) &&
	       match_children(&children, doc, depth + 1);
}

/* $and: no item may fail; $or: one must hold. */
static bool match_list(const bson_iter_t *list, const bson_t *doc, bool all, int depth)
{
	bson_iter_t item;

	if (!BSON_ITER_HOLDS_ARRAY(list) || !bson_iter_recurse(list, &item))
		return false;
	while (bson_iter_next(&item))
		if (match_nested(&item, doc, depth) != all)
			return !all;
	return all;
}

static bool match_children(const bson_iter_t *filter, const bson_t *doc, int depth)
{
	bson_iter_t iter = *filter;

	if (depth > MAX_DEPTH)
		return false;
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		bool ok;
		if (strcmp(key, "$and") == 0 || strcmp(key, "$or") == 0)
			ok = match_list(&iter, doc, key[1] == 'a', depth);
		else if (strcmp(key, "$not") == 0)
			ok = BSON_ITER_HOLDS_DOCUMENT(&iter) && !match_nested(&iter, doc, depth);
		else
			ok = match_field(doc, key, &iter);
		if (!ok)
			return false;
	}
	return true;
}

bool mst_filter_match(const bson_t *filter, const bson_t *doc)
{
	bson_iter_t iter;

	return bson_iter_init(&iter, filter) && match_children(&iter, doc, 0);
}
