/* SPDX-License-Identifier: Apache-2.0 */
/* A query into one SELECT: projection, filter, order, and the place where the page before ended. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

#define MAX_KEYS 16

struct key {
	const char *path;
	const struct sq_field *field; /* NULL: a field of the rest */
	bool down, own;               /* own: _id or rev */
	struct sq_value after;
};
struct plan {
	struct sq_store *store;
	const struct sq_collection *coll;
	struct sq_sql *sql;
	struct sq_binds *binds;
	struct sq_err *err;
	struct key keys[MAX_KEYS];
	size_t count;
	bool paged;
};

static int keep_name(struct sq_projection *projection, const char *name, size_t length)
{
	char **names = reallocarray(projection->names, projection->name_count + 1, sizeof *names);
	if (!names)
		return MUSTER_E_NO_MEMORY;
	projection->names = names;
	char *copy = strndup(name, length);
	if (!copy)
		return MUSTER_E_NO_MEMORY;
	names[projection->name_count] = copy;
	projection->name_count++;
	projection->rest = true;
	return MUSTER_OK;
}

static int projection_add(const struct sq_collection *coll, struct sq_projection *projection, const char *name,
                          size_t length, struct sq_err *err)
{
	int at = sq_field_find(coll, name, length, -1);
	if (!sq_name_valid(name, length) && !(length == 3 && memcmp(name, "_id", 3) == 0))
		return sq_err_set(err, MUSTER_E_USAGE, "fields: \"%.*s\" is no name of a top-level field",
		                  (int)(length > 64 ? 64 : length), name);
	if (length == 3 && (memcmp(name, "_id", 3) == 0 || memcmp(name, "rev", 3) == 0))
		return MUSTER_OK;
	bool column = at >= 0 && coll->fields[at].column;
	if (column) {
		for (size_t i = 0; i < projection->field_count; i++)
			if (projection->fields[i] == at)
				return MUSTER_OK;
		projection->fields[projection->field_count++] = at;
	}
	if ((!column || coll->fields[at].type == MUSTER_FIELD_LIST) && keep_name(projection, name, length) != MUSTER_OK)
		return sq_err_set(err, MUSTER_E_NO_MEMORY, "there is not enough memory");
	return MUSTER_OK;
}

static int projection_parse(const struct sq_collection *coll, const char *fields, struct sq_projection *projection,
                            struct sq_err *err)
{
	projection->fields = calloc(coll->count + 1, sizeof *projection->fields);
	if (!projection->fields)
		return sq_err_set(err, MUSTER_E_NO_MEMORY, "there is not enough memory");
	int status = MUSTER_OK;
	while (status == MUSTER_OK && *fields) {
		fields += strspn(fields, ", ");
		size_t length = strcspn(fields, ", ");
		if (length)
			status = projection_add(coll, projection, fields, length, err);
		fields += length;
	}
	return status;
}

static void select_columns(struct plan *plan, const char *fields, const struct sq_projection *projection)
{
	if (!fields) {
		sq_sql_add(plan->sql, "SELECT %s", plan->coll->select);
		return;
	}
	sq_sql_add(plan->sql, "SELECT _id, rev");
	for (size_t i = 0; i < projection->field_count; i++)
		sq_sql_add(plan->sql, ", \"%s\"", plan->coll->fields[projection->fields[i]].name);
	if (projection->rest)
		sq_sql_add(plan->sql, ", %s", plan->coll->doc);
}

static int add_key(struct plan *plan, const char *path, bool down)
{
	struct key *key = &plan->keys[plan->count];
	size_t length = strlen(path);
	if (plan->count == MAX_KEYS || length == 0 || length > 256 || path[0] == '$')
		return sq_err_set(plan->err, MUSTER_E_USAGE, "sort: at most %d fields, each with a name", MAX_KEYS - 1);
	int at = sq_field_find(plan->coll, path, length, -1);
	*key = (struct key){.path = path, .down = down};
	key->own = strcmp(path, "_id") == 0 || strcmp(path, "rev") == 0;
	key->field = at >= 0 && plan->coll->fields[at].column ? &plan->coll->fields[at] : NULL;
	plan->count++;
	return MUSTER_OK;
}

static int read_sort(struct plan *plan, const bson_t *sort)
{
	bson_iter_t iter;
	int status = MUSTER_OK;
	bool has_id = false;
	if (!bson_iter_init(&iter, sort))
		return sq_err_set(plan->err, MUSTER_E_USAGE, "sort: not readable BSON");
	while (status == MUSTER_OK && bson_iter_next(&iter)) {
		int64_t direction = bson_iter_as_int64(&iter);
		if ((direction != 1 && direction != -1) || has_id)
			return sq_err_set(plan->err, MUSTER_E_USAGE,
			                  "sort: %.64s: a direction is 1 or -1, and nothing comes after _id",
			                  bson_iter_key(&iter));
		has_id = strcmp(bson_iter_key(&iter), "_id") == 0;
		if (plan->count == MAX_KEYS - 1 && !has_id)
			return sq_err_set(plan->err, MUSTER_E_USAGE, "sort: at most %d fields", MAX_KEYS - 1);
		status = add_key(plan, bson_iter_key(&iter), direction < 0);
	}
	return status == MUSTER_OK && !has_id ? add_key(plan, "_id", false) : status;
}

/* Values of the last document of the page before, in the encoding of their columns. */
static int read_after(struct plan *plan, const bson_t *after)
{
	bson_iter_t iter;
	for (size_t i = 0; i < plan->count; i++) {
		struct key *key = &plan->keys[i];
		key->after = (struct sq_value){.class = SQ_MISSING};
		if (!bson_iter_init_find(&iter, after, key->path) && !sq_find_path(after, key->path, &iter))
			continue;
		if (key->field && key->field->type == MUSTER_FIELD_LIST) {
			sq_sql_reset(&plan->store->lists);
			if (!BSON_ITER_HOLDS_ARRAY(&iter) || !sq_list_to_json(&iter, &plan->store->lists))
				continue;
			return sq_err_set(plan->err, MUSTER_E_UNSUPPORTED,
			                  "after: %.64s is a list, and pages by a list have no order: sort by "
			                  "another field",
			                  key->path);
		}
		sq_value_from_iter(&iter, &key->after);
		if (key->after.class == SQ_OTHER)
			key->after.class = SQ_MISSING;
	}
	if (plan->keys[plan->count - 1].after.class != SQ_TEXT_CLASS)
		return sq_err_set(plan->err, MUSTER_E_USAGE, "after: it must hold the _id of the last document");
	return MUSTER_OK;
}

static void key_text(struct plan *plan, const struct key *key)
{
	if (key->own || key->field) {
		sq_sql_add(plan->sql, "\"%s\"", key->path);
	} else {
		sq_sql_add(plan->sql, "muster_get(%s, ?)", plan->coll->doc);
		sq_binds_text(plan->binds, key->path);
	}
}

static void key_value(struct plan *plan, const struct key *key, const char *sign)
{
	sq_sql_add(plan->sql, " %s ?", sign);
	sq_binds_add(plan->binds, &key->after, key->field && key->field->type == MUSTER_FIELD_BOOL);
}

/* "Beyond" one key: missing stands before everything. */
static void key_beyond(struct plan *plan, const struct key *key)
{
	if (key->after.class == SQ_MISSING) {
		if (key->down) {
			sq_sql_add(plan->sql, "0");
			return;
		}
		key_text(plan, key);
		sq_sql_add(plan->sql, " IS NOT NULL");
		return;
	}
	sq_sql_add(plan->sql, "(");
	key_text(plan, key);
	key_value(plan, key, key->down ? "<" : ">");
	if (key->down && !key->own) {
		sq_sql_add(plan->sql, " OR ");
		key_text(plan, key);
		sq_sql_add(plan->sql, " IS NULL");
	}
	sq_sql_add(plan->sql, ")");
}

/* (k1 beyond v1 OR (k1 IS v1 AND (k2 beyond v2 OR ...))), with a plain bound on k1 that an index can use. */
static void compile_after(struct plan *plan)
{
	const struct key *first = &plan->keys[0];
	if (!first->down && first->after.class != SQ_MISSING && (first->own || first->field)) {
		sq_sql_add(plan->sql, " AND ");
		key_text(plan, first);
		key_value(plan, first, ">=");
	}
	sq_sql_add(plan->sql, " AND ");
	for (size_t i = 0; i < plan->count; i++) {
		sq_sql_add(plan->sql, "(");
		key_beyond(plan, &plan->keys[i]);
		if (i + 1 == plan->count)
			break;
		sq_sql_add(plan->sql, " OR (");
		key_text(plan, &plan->keys[i]);
		key_value(plan, &plan->keys[i], "IS");
		sq_sql_add(plan->sql, " AND ");
	}
	sq_sql_add(plan->sql, ")");
	for (size_t i = 0; i + 1 < plan->count; i++)
		sq_sql_add(plan->sql, "))");
}

static int compile_rows(struct plan *plan, const bson_t *filter, uint32_t limit)
{
	sq_sql_add(plan->sql, " FROM \"%s\" WHERE ", plan->coll->name);
	int status = sq_filter_compile(plan->coll, filter, plan->sql, plan->binds, plan->err);
	if (status != MUSTER_OK)
		return status;
	if (plan->paged)
		compile_after(plan);
	for (size_t i = 0; i < plan->count; i++) {
		sq_sql_add(plan->sql, i ? ", " : " ORDER BY ");
		key_text(plan, &plan->keys[i]);
		sq_sql_add(plan->sql, plan->keys[i].down ? " DESC" : "");
	}
	sq_sql_add(plan->sql, " LIMIT ?");
	sq_binds_int(plan->binds, limit ? (int64_t)limit : -1);
	return MUSTER_OK;
}

int sq_query_compile(struct sq_store *store, const struct sq_collection *coll, const struct muster_query *query,
                     struct sq_projection *projection, struct sq_sql *sql, struct sq_binds *binds, struct sq_err *err)
{
	bson_t filter, sort, after;
	struct plan plan = {store, coll, sql, binds, err, .count = 0, .paged = query->after.length != 0};
	int status = sq_bson_open(query->filter, "filter", &filter, err);
	if (status == MUSTER_OK)
		status = sq_bson_open(query->sort, "sort", &sort, err);
	if (status == MUSTER_OK)
		status = sq_bson_open(query->after, "after", &after, err);
	if (status == MUSTER_OK && query->fields)
		status = projection_parse(coll, query->fields, projection, err);
	if (status == MUSTER_OK)
		status = read_sort(&plan, &sort);
	if (status == MUSTER_OK && plan.paged)
		status = read_after(&plan, &after);
	if (status != MUSTER_OK)
		return status;
	select_columns(&plan, query->fields, projection);
	if (plan.count == 1 && bson_empty(&filter))
		return compile_rows(&plan, &filter, query->limit);
	/* What must be sorted is sorted by row number and key alone; whole documents in a sorter would cost their size in
	 * memory. That goes for _id as well, once another index finds the rows. The inner LIMIT keeps SQLite from dissolving the subquery, CROSS JOIN keeps it the outer loop. */
	sq_sql_add(sql, " FROM (SELECT rowid AS muster_row");
	status = compile_rows(&plan, &filter, query->limit);
	sq_sql_add(sql, ") AS muster_page CROSS JOIN \"%s\" ON \"%s\".rowid = muster_page.muster_row", coll->name,
	           coll->name);
	return status;
}
