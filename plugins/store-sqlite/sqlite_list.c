/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of scalars as JSON text in a column, and back. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

static void json_text(struct sq_sql *out, const char *text, size_t length)
{
	size_t start = 0;
	sq_sql_put(out, "\"", 1);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		sq_sql_put(out, text + start, i - start);
		if (c < 0x20)
			sq_sql_add(out, "\\u%04x", c);
		else
			sq_sql_add(out, "\\%c", c);
		start = i + 1;
	}
	sq_sql_put(out, text + start, length - start);
	sq_sql_put(out, "\"", 1);
}

/* A NUL inside a text would end it for SQLite's JSON functions; such lists stay in the document. */
static bool json_element(struct sq_sql *out, const bson_iter_t *item)
{
	struct sq_value value;
	sq_value_from_iter(item, &value);
	switch (value.class) {
	case SQ_TEXT_CLASS:
		if (memchr(value.text, '\0', value.length))
			return false;
		json_text(out, value.text, value.length);
		return true;
	case SQ_NUMBER:
		if (value.real)
			return false; /* decimal text is not exact in every SQLite */
		sq_sql_add(out, "%" PRId64, value.number);
		return true;
	case SQ_BOOL:
		sq_sql_add(out, value.number ? "true" : "false");
		return true;
	case SQ_NULL:
		sq_sql_add(out, "null");
		return true;
	default:
		return false;
	}
}

bool sq_list_to_json(const bson_iter_t *array, struct sq_sql *out)
{
	bson_iter_t item;
	size_t start = out->len;
	bool first = true;
	if (!BSON_ITER_HOLDS_ARRAY(array) || !bson_iter_recurse(array, &item))
		return false;
	sq_sql_put(out, "[", 1);
	while (bson_iter_next(&item)) {
		if (!first)
			sq_sql_put(out, ",", 1);
		if (!json_element(out, &item)) {
			out->len = start;
			return false;
		}
		first = false;
	}
	sq_sql_put(out, "]", 1);
	return true;
}

/* Scanner over what json_text and json_element write; anything else is left to libbson. */
struct scan {
	const char *at, *end;
	char *buffer; /* unescaped text, as long as the input at most */
};

static int hex_value(const char *digits)
{
	int value = 0;
	for (int i = 0; i < 4; i++) {
		char c = digits[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The text after an opening quote; false when it holds an escape that we never write. */
static bool scan_text(struct scan *scan, size_t *length)
{
	size_t n = 0;
	while (scan->at < scan->end && *scan->at != '"') {
		char c = *scan->at++;
		if (c == '\\') {
			if (scan->at >= scan->end)
				return false;
			c = *scan->at++;
			if (c == 'u') {
				int code = scan->end - scan->at >= 4 ? hex_value(scan->at) : -1;
				if (code <= 0 || code >= 0x80)
					return false;
				scan->at += 4;
				c = (char)code;
			} else if (c != '"' && c != '\\') {
				return false;
			}
		}
		scan->buffer[n++] = c;
	}
	*length = n;
	return scan->at++ < scan->end;
}

static bool scan_word(struct scan *scan, const char *word)
{
	size_t length = strlen(word);
	if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
		return false;
	scan->at += length;
	return true;
}

static bool scan_int(struct scan *scan, int64_t *out)
{
	const char *start = scan->at;
	bool negative = start < scan->end && *start == '-';
	uint64_t value = 0;
	if (negative)
		scan->at++;
	const char *digits = scan->at;
	for (; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++) {
		if (value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(*scan->at - '0');
	}
	if (scan->at == digits || value > (uint64_t)INT64_MAX + negative)
		return false;
	*out = (int64_t)(negative ? 0 - value : value);
	return true;
}

static bool scan_element(struct scan *scan, struct sq_value *value)
{
	memset(value, 0, sizeof *value);
	if (scan->at < scan->end && *scan->at == '"') {
		scan->at++;
		value->class = SQ_TEXT_CLASS;
		value->text = scan->buffer;
		return scan_text(scan, &value->length);
	}
	if (scan_word(scan, "null")) {
		value->class = SQ_NULL;
		return true;
	}
	if (scan_word(scan, "true") || scan_word(scan, "false")) {
		value->class = SQ_BOOL;
		value->number = scan->at[-2] == 'u';
		return true;
	}
	value->class = SQ_NUMBER;
	return scan_int(scan, &value->number);
}

static bool scan_list(struct scan *scan, bson_t *array)
{
	uint32_t index = 0;
	char digits[16];
	const char *key;
	if (!scan_word(scan, "["))
		return false;
	if (scan_word(scan, "]"))
		return scan->at == scan->end;
	for (;;) {
		struct sq_value value;
		size_t length = bson_uint32_to_string(index++, &key, digits, sizeof digits);
		if (!scan_element(scan, &value) || !sq_value_append(array, key, (int)length, &value))
			return false;
		if (scan_word(scan, "]"))
			return scan->at == scan->end;
		if (!scan_word(scan, ","))
			return false;
	}
}

/* What an operator wrote by hand: blanks, fractions, other escapes. */
static bool append_foreign(bson_t *doc, const char *key, int key_length, const char *json, size_t length)
{
	struct sq_sql text = {0};
	bson_t parsed;
	bson_iter_t iter;
	bson_error_t error;
	sq_sql_add(&text, "{\"v\":%.*s}", (int)length, json);
	bool ok = !text.failed && bson_init_from_json(&parsed, text.text, (ssize_t)text.len, &error);
	if (ok) {
		ok = bson_iter_init_find(&iter, &parsed, "v") && BSON_ITER_HOLDS_ARRAY(&iter) &&
		     bson_append_iter(doc, key, key_length, &iter);
		bson_destroy(&parsed);
	}
	sq_sql_free(&text);
	return ok;
}

bool sq_list_append(bson_t *doc, const char *key, int key_length, const char *json, size_t length)
{
	char small[512];
	bson_t array = BSON_INITIALIZER;
	struct scan scan = {json, json + length, length <= sizeof small ? small : malloc(length)};
	bool ok = scan.buffer && scan_list(&scan, &array) && bson_append_array(doc, key, key_length, &array);
	if (scan.buffer != small)
		free(scan.buffer);
	bson_destroy(&array);
	return ok || append_foreign(doc, key, key_length, json, length);
}
