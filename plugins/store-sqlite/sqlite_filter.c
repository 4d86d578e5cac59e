/* SPDX-License-Identifier: Apache-2.0 */
/* A filter document into an SQL condition. All values are bound; all names come from the collection's own fields. */
#include <string.h>

#include "sqlite.h"

struct compile {
	const struct sq_collection *coll;
	struct sq_sql *sql;
	struct sq_binds *binds;
	struct sq_err *err;
	int terms;
};

static int compile_doc(struct compile *c, const bson_iter_t *children, int depth);

static int usage(struct compile *c, const char *text, const char *word)
{
	return sq_err_set(c->err, MUSTER_E_USAGE, "filter: %s: \"%.64s\"", text, word);
}

static bool too_many(struct compile *c)
{
	if (++c->terms <= SQ_MAX_TERMS)
		return false;
	sq_err_set(c->err, MUSTER_E_LIMIT, "filter: more than %d terms", SQ_MAX_TERMS);
	return true;
}

/* Paths are bound, not written into the text; still only sensible ones are taken. */
static bool path_valid(const char *path)
{
	size_t length = strlen(path);
	if (length == 0 || length > 256 || path[0] == '.' || path[length - 1] == '.' || path[0] == '$')
		return false;
	for (; *path; path++)
		if ((unsigned char)*path < 0x20 || (path[0] == '.' && path[1] == '.'))
			return false;
	return true;
}

static const struct {
	const char *name;
	enum sq_op op;
	bool negate;
} operators[] = {{"$eq", SQ_EQ, false},   {"$ne", SQ_EQ, true},         {"$lt", SQ_LT, false}, {"$lte", SQ_LTE, false},
                 {"$gt", SQ_GT, false},   {"$gte", SQ_GTE, false},      {"$in", SQ_IN, false}, {"$nin", SQ_IN, true},
                 {"$has", SQ_HAS, false}, {"$exists", SQ_EXISTS, false}};

/* Has the condition a lower and an upper bound of one class? What lies between them is of that class, too. */
static bool is_closed(const bson_iter_t *condition)
{
	enum sq_class low = SQ_MISSING, high = SQ_MISSING;
	bson_iter_t item;
	struct sq_value value;
	for (bool ok = bson_iter_recurse(condition, &item); ok && bson_iter_next(&item);) {
		const char *key = bson_iter_key(&item);
		sq_value_from_iter(&item, &value);
		if (strncmp(key, "$gt", 3) == 0)
			low = value.class;
		else if (strncmp(key, "$lt", 3) == 0)
			high = value.class;
	}
	return low == high && (low == SQ_TEXT_CLASS || low == SQ_NUMBER);
}

static int compile_operator(struct compile *c, const char *path, bool closed, const bson_iter_t *item)
{
	for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
		if (strcmp(operators[i].name, bson_iter_key(item)) != 0)
			continue;
		if (too_many(c))
			return c->err->status;
		bool negate = operators[i].negate;
		if (operators[i].op == SQ_EXISTS) {
			if (!BSON_ITER_HOLDS_BOOL(item))
				return usage(c, "$exists takes true or false", path);
			negate = !bson_iter_bool(item);
		}
		return sq_term_compile(c->coll, path, operators[i].op, negate, closed, item, c->sql, c->binds, c->err);
	}
	return usage(c, "unknown operator; known are $eq $ne $lt $lte $gt $gte $in $nin $exists $has",
	             bson_iter_key(item));
}

static int compile_field(struct compile *c, const char *path, const bson_iter_t *value)
{
	bson_iter_t item;
	int status = MUSTER_OK;
	if (!path_valid(path))
		return usage(c, "no field and no operator ($and, $or, $not)", path);
	if (!BSON_ITER_HOLDS_DOCUMENT(value)) {
		if (too_many(c))
			return c->err->status;
		return sq_term_compile(c->coll, path, SQ_EQ, false, false, value, c->sql, c->binds, c->err);
	}
	if (!bson_iter_recurse(value, &item) || !bson_iter_next(&item))
		return usage(c, "an empty object is no condition", path);
	const char *joint = "(";
	bool closed = is_closed(value);
	do {
		sq_sql_add(c->sql, "%s", joint);
		status = compile_operator(c, path, closed, &item);
		joint = " AND ";
	} while (status == MUSTER_OK && bson_iter_next(&item));
	sq_sql_add(c->sql, ")");
	return status;
}

/* $and and $or: an array of filters, not empty. */
static int compile_group(struct compile *c, const bson_iter_t *list, const char *joint, int depth)
{
	bson_iter_t item, children;
	int status = MUSTER_OK;
	if (!BSON_ITER_HOLDS_ARRAY(list) || !bson_iter_recurse(list, &item) || !bson_iter_next(&item))
		return usage(c, "takes an array of at least one filter", bson_iter_key(list));
	const char *open = "(";
	do {
		sq_sql_add(c->sql, "%s", open);
		if (too_many(c))
			status = c->err->status;
		else if (!BSON_ITER_HOLDS_DOCUMENT(&item) || !bson_iter_recurse(&item, &children))
			status = usage(c, "takes an array of filters", bson_iter_key(list));
		else
			status = compile_doc(c, &children, depth + 1);
		open = joint;
	} while (status == MUSTER_OK && bson_iter_next(&item));
	sq_sql_add(c->sql, ")");
	return status;
}

static int compile_not(struct compile *c, const bson_iter_t *value, int depth)
{
	bson_iter_t children;
	if (!BSON_ITER_HOLDS_DOCUMENT(value) || !bson_iter_recurse(value, &children))
		return usage(c, "takes a filter", "$not");
	/* A comparison with a missing field is NULL in SQL; IS NOT TRUE makes that "does not match" before it is turned round. */
	sq_sql_add(c->sql, "((");
	int status = compile_doc(c, &children, depth + 1);
	sq_sql_add(c->sql, ") IS NOT TRUE)");
	return status;
}

static int compile_doc(struct compile *c, const bson_iter_t *children, int depth)
{
	bson_iter_t iter = *children;
	const char *joint = "";
	int status = MUSTER_OK;
	if (depth > SQ_MAX_DEPTH)
		return sq_err_set(c->err, MUSTER_E_LIMIT, "filter: nested deeper than %d", SQ_MAX_DEPTH);
	while (status == MUSTER_OK && bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		sq_sql_add(c->sql, "%s", joint);
		joint = " AND ";
		if (too_many(c))
			status = c->err->status;
		else if (strcmp(key, "$and") == 0)
			status = compile_group(c, &iter, " AND ", depth);
		else if (strcmp(key, "$or") == 0)
			status = compile_group(c, &iter, " OR ", depth);
		else if (strcmp(key, "$not") == 0)
			status = compile_not(c, &iter, depth);
		else
			status = compile_field(c, key, &iter);
	}
	if (*joint == '\0')
		sq_sql_add(c->sql, "1");
	return status;
}

int sq_filter_compile(const struct sq_collection *coll, const bson_t *filter, struct sq_sql *sql,
                      struct sq_binds *binds, struct sq_err *err)
{
	bson_iter_t iter;
	struct compile c = {coll, sql, binds, err, 0};
	if (!bson_iter_init(&iter, filter))
		return sq_err_set(err, MUSTER_E_USAGE, "filter: not readable BSON");
	int status = compile_doc(&c, &iter, 0);
	if (status == MUSTER_OK && (sql->failed || binds->failed))
		status = sq_err_set(err, MUSTER_E_NO_MEMORY, "filter: there is not enough memory");
	if (status == MUSTER_OK && binds->count > SQ_MAX_VALUES)
		status = sq_err_set(err, MUSTER_E_LIMIT, "filter: more than %d values", SQ_MAX_VALUES);
	return status;
}
