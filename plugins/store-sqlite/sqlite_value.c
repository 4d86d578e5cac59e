/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars between BSON, SQLite's storage classes and SQL text. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

int sq_err_set(struct sq_err *err, int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	err->status = status;
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	return status;
}

static bool sql_room(struct sq_sql *sql, size_t more)
{
	if (sql->failed)
		return false;
	if (sql->len + more + 1 <= sql->cap)
		return true;
	size_t cap = (sql->len + more + 1) * 2;
	char *text = cap > SQ_MAX_DOC * 2 ? NULL : realloc(sql->text, cap);
	if (!text) {
		sql->failed = true;
		return false;
	}
	sql->text = text;
	sql->cap = cap;
	return true;
}

void sq_sql_add(struct sq_sql *sql, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n >= 0 && sql_room(sql, (size_t)n)) {
		vsnprintf(sql->text + sql->len, (size_t)n + 1, format, again);
		sql->len += (size_t)n;
	}
	va_end(again);
}

void sq_sql_put(struct sq_sql *sql, const char *text, size_t length)
{
	if (!sql_room(sql, length))
		return;
	memcpy(sql->text + sql->len, text, length);
	sql->len += length;
	sql->text[sql->len] = '\0';
}

void sq_sql_reset(struct sq_sql *sql)
{
	sql->len = 0;
	sql->failed = false;
	if (sql->text)
		sql->text[0] = '\0';
}

void sq_sql_free(struct sq_sql *sql)
{
	free(sql->text);
	memset(sql, 0, sizeof *sql);
}

void sq_value_from_iter(const bson_iter_t *iter, struct sq_value *out)
{
	uint32_t length = 0;
	memset(out, 0, sizeof *out);
	switch (bson_iter_type(iter)) {
	case BSON_TYPE_UTF8:
		out->class = SQ_TEXT_CLASS;
		out->text = bson_iter_utf8(iter, &length);
		out->length = length;
		break;
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
		out->class = SQ_NUMBER;
		out->number = bson_iter_as_int64(iter);
		break;
	case BSON_TYPE_DOUBLE:
		out->fraction = bson_iter_double(iter);
		out->real = true;
		out->class = isnan(out->fraction) ? SQ_OTHER : SQ_NUMBER; /* not comparable, and NULL to SQLite */
		break;
	case BSON_TYPE_BOOL:
		out->class = SQ_BOOL;
		out->number = bson_iter_bool(iter);
		break;
	case BSON_TYPE_NULL:
		out->class = SQ_NULL;
		break;
	default:
		out->class = SQ_OTHER;
	}
}

bool sq_value_append(bson_t *doc, const char *key, int key_length, const struct sq_value *value)
{
	switch (value->class) {
	case SQ_TEXT_CLASS:
		return bson_append_utf8(doc, key, key_length, value->text, (int)value->length);
	case SQ_NUMBER:
		return value->real ? bson_append_double(doc, key, key_length, value->fraction)
		                   : bson_append_int64(doc, key, key_length, value->number);
	case SQ_BOOL:
		return bson_append_bool(doc, key, key_length, value->number != 0);
	case SQ_NULL:
		return bson_append_null(doc, key, key_length);
	default:
		return false;
	}
}

/* An int64 against a double without losing the int64's low bits. */
static int compare_mixed(int64_t a, double b)
{
	if (b >= 9223372036854775808.0)
		return -1;
	if (b < -9223372036854775808.0)
		return 1;
	int64_t whole = (int64_t)b;
	if (a != whole)
		return a < whole ? -1 : 1;
	double rest = b - (double)whole;
	return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

static int compare_numbers(const struct sq_value *a, const struct sq_value *b)
{
	if (a->real && b->real)
		return a->fraction < b->fraction ? -1 : a->fraction > b->fraction;
	if (a->real)
		return -compare_mixed(b->number, a->fraction);
	if (b->real)
		return compare_mixed(a->number, b->fraction);
	return a->number < b->number ? -1 : a->number > b->number;
}

int sq_value_compare(const struct sq_value *a, const struct sq_value *b)
{
	if (a->class == SQ_NUMBER)
		return compare_numbers(a, b);
	if (a->class == SQ_BOOL)
		return (int)(a->number - b->number);
	if (a->class != SQ_TEXT_CLASS)
		return 0;
	int c = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
	if (c == 0 && a->length != b->length)
		c = a->length < b->length ? -1 : 1;
	return c;
}

void sq_binds_add(struct sq_binds *binds, const struct sq_value *value, bool as_bool)
{
	if (binds->count == binds->cap) {
		size_t cap = binds->cap ? binds->cap * 2 : 32;
		struct sq_bind *items = realloc(binds->items, cap * sizeof *items);
		if (!items) {
			binds->failed = true;
			return;
		}
		binds->items = items;
		binds->cap = cap;
	}
	binds->items[binds->count].value = *value;
	binds->items[binds->count++].as_bool = as_bool;
}

void sq_binds_text(struct sq_binds *binds, const char *text)
{
	struct sq_value value = {.class = SQ_TEXT_CLASS, .text = text, .length = strlen(text)};
	sq_binds_add(binds, &value, false);
}

void sq_binds_int(struct sq_binds *binds, int64_t number)
{
	struct sq_value value = {.class = SQ_NUMBER, .number = number};
	sq_binds_add(binds, &value, false);
}

void sq_binds_free(struct sq_binds *binds)
{
	free(binds->items);
	memset(binds, 0, sizeof *binds);
}

int sq_bind_value(sqlite3_stmt *stmt, int index, const struct sq_value *value, bool as_bool)
{
	switch (value->class) {
	case SQ_TEXT_CLASS:
		return sqlite3_bind_text64(stmt, index, value->text, value->length, SQLITE_STATIC, SQLITE_UTF8);
	case SQ_NUMBER:
		return value->real ? sqlite3_bind_double(stmt, index, value->fraction)
		                   : sqlite3_bind_int64(stmt, index, value->number);
	case SQ_BOOL:
		if (as_bool)
			return sqlite3_bind_int64(stmt, index, value->number);
		return sqlite3_bind_blob(stmt, index, value->number ? "t" : "f", 1, SQLITE_STATIC);
	case SQ_NULL:
		return sqlite3_bind_blob(stmt, index, "n", 1, SQLITE_STATIC);
	default:
		if (value->blob)
			return sqlite3_bind_blob64(stmt, index, value->text, value->length, SQLITE_STATIC);
		return sqlite3_bind_null(stmt, index);
	}
}

int sq_binds_apply(const struct sq_binds *binds, sqlite3_stmt *stmt, int first)
{
	for (size_t i = 0; i < binds->count; i++) {
		int rc = sq_bind_value(stmt, first + (int)i, &binds->items[i].value, binds->items[i].as_bool);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

void sq_value_from_sqlite(sqlite3_value *in, bool as_bool, struct sq_value *out)
{
	memset(out, 0, sizeof *out);
	switch (sqlite3_value_type(in)) {
	case SQLITE_TEXT:
		out->class = SQ_TEXT_CLASS;
		out->text = (const char *)sqlite3_value_text(in);
		out->length = (size_t)sqlite3_value_bytes(in);
		break;
	case SQLITE_INTEGER:
		out->class = as_bool ? SQ_BOOL : SQ_NUMBER;
		out->number = sqlite3_value_int64(in);
		break;
	case SQLITE_FLOAT:
		out->class = SQ_NUMBER;
		out->real = true;
		out->fraction = sqlite3_value_double(in);
		break;
	case SQLITE_BLOB:
		out->class = SQ_OTHER;
		out->text = sqlite3_value_blob(in);
		out->length = (size_t)sqlite3_value_bytes(in);
		out->blob = true;
		if (out->length == 1) {
			char tag = out->text[0];
			out->class = tag == 'n' ? SQ_NULL : tag == 't' || tag == 'f' ? SQ_BOOL : SQ_OTHER;
			out->number = tag == 't';
		}
		break;
	default:
		out->class = SQ_MISSING;
	}
}
