/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operator on one field as SQL. Three forms: a plain column (can use an index), a list column (json_each, and the rest for
 * lists that JSON cannot hold exactly), and a field of the rest (muster_match).
 *
 * SQLite orders numbers < text < blobs, so a comparison within one type carries the bounds of its type's class.
 */
#include <string.h>

#include "sqlite.h"

struct term {
	const struct sq_collection *coll;
	const char *path;
	enum sq_op op;
	bool closed; /* another condition on the same field closes the range: its bounds need no guard, which SQLite would take for
	              * the end of an index range */
	struct sq_sql *sql;
	struct sq_binds *binds;
	struct sq_err *err;
};

static const char *sign_of(enum sq_op op)
{
	switch (op) {
	case SQ_LT:
		return "<";
	case SQ_LTE:
		return "<=";
	case SQ_GT:
		return ">";
	case SQ_GTE:
		return ">=";
	default:
		return "=";
	}
}

static int literal(struct term *t, const bson_iter_t *iter, struct sq_value *out)
{
	sq_value_from_iter(iter, out);
	if (out->class != SQ_OTHER)
		return MUSTER_OK;
	return sq_err_set(t->err, MUSTER_E_USAGE, "filter: %.64s: a value is text, int64, bool, double or null",
	                  t->path);
}

/* ---- plain columns ---- */

/* Null and, outside bool columns, booleans are one-byte blobs: an order of their own, f before t. */
static void column_tagged(struct term *t, const char *column, const struct sq_value *value)
{
	bool equal_too = t->op != SQ_LT && t->op != SQ_GT;
	if (t->op == SQ_EQ || (value->class == SQ_NULL && equal_too)) {
		sq_sql_add(t->sql, "\"%s\" = ?", column);
		sq_binds_add(t->binds, value, false);
	} else if (value->class == SQ_NULL) {
		sq_sql_add(t->sql, "0");
	} else {
		sq_sql_add(t->sql, "(\"%s\" IN (x'66', x'74') AND \"%s\" %s ?)", column, column, sign_of(t->op));
		sq_binds_add(t->binds, value, false);
	}
}

/* What a column can hold at all; asking for anything else must not reach SQLite, since _id and rev have an affinity. */
static bool storable(const struct sq_field *field, enum sq_class class)
{
	if (strcmp(field->name, "_id") == 0)
		return class == SQ_TEXT_CLASS;
	if (strcmp(field->name, "rev") == 0)
		return class == SQ_NUMBER;
	return !(field->type == MUSTER_FIELD_BOOL && class == SQ_NUMBER);
}

static void column_compare(struct term *t, const struct sq_field *field, const struct sq_value *value)
{
	const char *column = field->name;
	bool bool_column = field->type == MUSTER_FIELD_BOOL;
	if (!storable(field, value->class)) {
		sq_sql_add(t->sql, "0");
		return;
	}
	if (value->class == SQ_NULL || (value->class == SQ_BOOL && !bool_column)) {
		column_tagged(t, column, value);
		return;
	}
	sq_sql_add(t->sql, "(\"%s\" %s ?", column, sign_of(t->op));
	sq_binds_add(t->binds, value, bool_column);
	if (t->closed) {
		sq_sql_add(t->sql, ")");
		return;
	}
	if (value->class == SQ_TEXT_CLASS && (t->op == SQ_LT || t->op == SQ_LTE))
		sq_sql_add(t->sql, " AND \"%s\" >= ''", column);
	if (value->class == SQ_TEXT_CLASS && (t->op == SQ_GT || t->op == SQ_GTE))
		sq_sql_add(t->sql, " AND \"%s\" < x''", column);
	if (value->class != SQ_TEXT_CLASS && (t->op == SQ_GT || t->op == SQ_GTE))
		sq_sql_add(t->sql, " AND \"%s\" < ''", column);
	sq_sql_add(t->sql, ")");
}

static int in_values(struct term *t, const bson_iter_t *list, bool bool_column,
                     bool (*take)(const struct sq_value *, const struct sq_field *), const struct sq_field *field)
{
	bson_iter_t item;
	struct sq_value value = {.class = SQ_MISSING};
	size_t count = 0, padded = 1;
	if (!bson_iter_recurse(list, &item))
		return MUSTER_OK;
	while (bson_iter_next(&item)) {
		struct sq_value next;
		if (literal(t, &item, &next) != MUSTER_OK)
			return t->err->status;
		if (!take(&next, field))
			continue;
		if (count++ == SQ_MAX_VALUES)
			return sq_err_set(t->err, MUSTER_E_LIMIT, "filter: %.64s: more than %d values", t->path,
			                  SQ_MAX_VALUES);
		value = next;
		sq_sql_add(t->sql, count > 1 ? ",?" : "?");
		sq_binds_add(t->binds, &value, bool_column);
	}
	/* Repeating the last one up to a power of two keeps the number of different statements small. */
	while (padded < count)
		padded *= 2;
	for (; count && count < padded; count++) {
		sq_sql_add(t->sql, ",?");
		sq_binds_add(t->binds, &value, bool_column);
	}
	return MUSTER_OK;
}

static bool take_storable(const struct sq_value *value, const struct sq_field *field)
{
	return storable(field, value->class);
}

static int plain_column(struct term *t, const struct sq_field *field, const bson_iter_t *value)
{
	struct sq_value wanted;
	int status = MUSTER_OK;
	bool bool_column = field->type == MUSTER_FIELD_BOOL;
	if (t->op == SQ_EXISTS) {
		sq_sql_add(t->sql, "\"%s\" IS NOT NULL", field->name);
	} else if (t->op == SQ_IN) {
		sq_sql_add(t->sql, "\"%s\" IN (", field->name);
		status = in_values(t, value, bool_column, take_storable, field);
		sq_sql_add(t->sql, ")");
	} else if ((status = literal(t, value, &wanted)) == MUSTER_OK && t->op == SQ_HAS) {
		sq_sql_add(t->sql, "(typeof(\"%s\") = 'text' AND instr(lower(\"%s\"), lower(?)) > 0)", field->name,
		           field->name);
		sq_binds_add(t->binds, &wanted, false);
	} else if (status == MUSTER_OK) {
		column_compare(t, field, &wanted);
	}
	return status;
}

/* ---- the rest ---- */

static int in_rest(struct term *t, const bson_iter_t *value)
{
	struct sq_value wanted = {.class = SQ_OTHER, .blob = true};
	bson_iter_t item;
	sq_sql_add(t->sql, "muster_match(%s, ?, %d, ?)", t->coll->doc, t->op);
	sq_binds_text(t->binds, t->path);
	if (t->op == SQ_IN) {
		uint32_t length;
		const uint8_t *data;
		bson_iter_array(value, &length, &data);
		wanted.text = (const char *)data;
		wanted.length = length;
		for (bool ok = bson_iter_recurse(value, &item); ok && bson_iter_next(&item);) {
			struct sq_value one;
			if (literal(t, &item, &one) != MUSTER_OK)
				return t->err->status;
		}
	} else if (t->op == SQ_EXISTS) {
		wanted = (struct sq_value){.class = SQ_NULL};
	} else if (literal(t, value, &wanted) != MUSTER_OK) {
		return t->err->status;
	}
	sq_binds_add(t->binds, &wanted, false);
	return MUSTER_OK;
}

/* ---- list columns ---- */

static bool take_text(const struct sq_value *value, const struct sq_field *field)
{
	(void)field;
	return value->class == SQ_TEXT_CLASS;
}

static bool take_number(const struct sq_value *value, const struct sq_field *field)
{
	(void)field;
	return value->class == SQ_NUMBER;
}

static bool in_has(const bson_iter_t *list, enum sq_class class, int64_t number)
{
	bson_iter_t item;
	struct sq_value value;
	for (bool ok = bson_iter_recurse(list, &item); ok && bson_iter_next(&item);) {
		sq_value_from_iter(&item, &value);
		if (value.class == class && (class == SQ_NULL || value.number == number))
			return true;
	}
	return false;
}

static int element_in(struct term *t, const bson_iter_t *list)
{
	sq_sql_add(t->sql, "(type = 'text' AND value IN (");
	int status = in_values(t, list, false, take_text, NULL);
	sq_sql_add(t->sql, ")) OR (type = 'integer' AND value IN (");
	if (status == MUSTER_OK)
		status = in_values(t, list, false, take_number, NULL);
	sq_sql_add(t->sql, "))%s%s%s", in_has(list, SQ_NULL, 0) ? " OR type = 'null'" : "",
	           in_has(list, SQ_BOOL, 1) ? " OR type = 'true'" : "",
	           in_has(list, SQ_BOOL, 0) ? " OR type = 'false'" : "");
	return status;
}

static void element_bool(struct term *t, const struct sq_value *wanted)
{
	bool low = t->op == SQ_LT || t->op == SQ_LTE, high = t->op == SQ_GT || t->op == SQ_GTE;
	bool strict = t->op == SQ_LT || t->op == SQ_GT, is_true = wanted->number != 0;
	bool takes_true = (is_true && !strict) || (!is_true && high);
	bool takes_false = (!is_true && !strict) || (is_true && low);
	sq_sql_add(t->sql, "type IN (%s%s%s)", takes_true ? "'true'" : "", takes_true && takes_false ? "," : "",
	           takes_false ? "'false'" : "");
}

static void element_compare(struct term *t, const struct sq_value *wanted)
{
	if (wanted->class == SQ_NULL) {
		sq_sql_add(t->sql, t->op == SQ_LT || t->op == SQ_GT ? "0" : "type = 'null'");
	} else if (wanted->class == SQ_BOOL) {
		element_bool(t, wanted);
	} else {
		sq_sql_add(t->sql, "type = '%s' AND value %s ?", wanted->class == SQ_TEXT_CLASS ? "text" : "integer",
		           sign_of(t->op));
		sq_binds_add(t->binds, wanted, false);
	}
}

static int list_column(struct term *t, const struct sq_field *field, const bson_iter_t *value)
{
	struct sq_value wanted;
	int status = MUSTER_OK;
	if (t->op == SQ_EXISTS) {
		sq_sql_add(t->sql, "(\"%s\" IS NOT NULL OR ", field->name);
		status = in_rest(t, value);
		sq_sql_add(t->sql, ")");
		return status;
	}
	sq_sql_add(t->sql, "(EXISTS (SELECT 1 FROM json_each(\"%s\".\"%s\") WHERE ", t->coll->name, field->name);
	if (t->op == SQ_IN) {
		status = element_in(t, value);
	} else if ((status = literal(t, value, &wanted)) == MUSTER_OK && t->op == SQ_HAS) {
		sq_sql_add(t->sql, "type = 'text' AND instr(lower(value), lower(?)) > 0");
		sq_binds_add(t->binds, &wanted, false);
	} else if (status == MUSTER_OK) {
		element_compare(t, &wanted);
	}
	sq_sql_add(t->sql, ") OR (\"%s\".\"%s\" IS NULL AND ", t->coll->name, field->name);
	if (status == MUSTER_OK)
		status = in_rest(t, value);
	sq_sql_add(t->sql, "))");
	return status;
}

/* _id and rev stand in every table. */
static const struct sq_field *field_of(const struct sq_collection *coll, const char *path, bool *blocked)
{
	static const struct sq_field own[] = {{(char *)"_id", 3, MUSTER_FIELD_TEXT, true, 0},
	                                      {(char *)"rev", 3, MUSTER_FIELD_INT, true, 0}};
	size_t length = strcspn(path, ".");
	int at = sq_field_find(coll, path, length, -1);
	const struct sq_field *field = at >= 0 ? &coll->fields[at] : NULL;
	for (int i = 0; i < 2; i++)
		if (length == 3 && memcmp(path, own[i].name, 3) == 0)
			field = &own[i];
	/* Nothing lies below a field with one value. */
	*blocked = path[length] == '.' && field && field->column && field->type != MUSTER_FIELD_LIST;
	return path[length] == '.' ? NULL : field;
}

int sq_term_compile(const struct sq_collection *coll, const char *path, enum sq_op op, bool negate, bool closed,
                    const bson_iter_t *value, struct sq_sql *sql, struct sq_binds *binds, struct sq_err *err)
{
	bool blocked;
	struct term t = {coll, path, op, closed, sql, binds, err};
	const struct sq_field *field = field_of(coll, path, &blocked);
	int status;
	if (op == SQ_HAS && !BSON_ITER_HOLDS_UTF8(value))
		return sq_err_set(err, MUSTER_E_USAGE, "filter: %.64s: $has takes a text", path);
	if (op == SQ_IN && !BSON_ITER_HOLDS_ARRAY(value))
		return sq_err_set(err, MUSTER_E_USAGE, "filter: %.64s: $in and $nin take an array of values", path);
	if (negate)
		sq_sql_add(sql, "(");
	if (blocked)
		sq_sql_add(sql, "0");
	if (blocked)
		status = MUSTER_OK;
	else if (field && field->column)
		status = field->type == MUSTER_FIELD_LIST ? list_column(&t, field, value)
		                                          : plain_column(&t, field, value);
	else
		status = in_rest(&t, value);
	if (negate)
		sq_sql_add(sql, " IS NOT TRUE)");
	return status;
}
