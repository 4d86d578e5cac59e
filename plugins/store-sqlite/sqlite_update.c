/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MUSTER_WRITE_UPDATE: one UPDATE statement whatever the filter. Declared fields become assignments to their columns; what
 * concerns the rest is gathered into an update that muster_apply carries out on the rest of each row that the statement returns.
 */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

struct update {
	struct sq_store *store;
	struct sq_collection *coll;
	struct sq_err *err;
	bson_t rest; /* the update of the rest, as $operator: { path: value } in the order met */
	bson_t rest_part;
	size_t paths, columns, rest_paths;
	uint8_t seen[SQ_MAX_FIELDS];
	bson_t unset; /* list fields whose copy in the rest must go */
};

static int usage(struct update *u, const char *path, const char *text)
{
	return sq_err_set(u->err, MUSTER_E_USAGE, "update: %.64s: %s", path, text);
}

static int column_set(struct update *u, const struct sq_field *field, const bson_iter_t *value)
{
	struct sq_value bound;
	sq_value_from_iter(value, &bound);
	if (bound.class == SQ_OTHER || (field->type == MUSTER_FIELD_BOOL && bound.class == SQ_NUMBER))
		return usage(u, field->name,
		             "declared with one value (text, number, bool or null) and given something else");
	sq_sql_add(&u->store->sql, ", \"%s\" = ?", field->name);
	sq_binds_add(&u->store->binds, &bound, field->type == MUSTER_FIELD_BOOL);
	return MUSTER_OK;
}

/* JSON text in the column, or the whole array in the rest; never in both. The text's place is settled by fix_lists. */
static int list_set(struct update *u, const struct sq_field *field, const bson_iter_t *value)
{
	struct sq_sql *lists = &u->store->lists;
	size_t start = lists->len;
	if (sq_list_to_json(value, lists)) {
		struct sq_value text = {.class = SQ_TEXT_CLASS, .number = (int64_t)start, .length = lists->len - start};
		sq_sql_add(&u->store->sql, ", \"%s\" = ?", field->name);
		sq_binds_add(&u->store->binds, &text, false);
		bson_append_int32(&u->unset, field->name, (int)field->length, 1);
		return MUSTER_OK;
	}
	sq_sql_add(&u->store->sql, ", \"%s\" = NULL", field->name);
	u->rest_paths++;
	return bson_append_iter(&u->rest_part, NULL, 0, value) ? MUSTER_OK : usage(u, field->name, "too large");
}

static void fix_lists(struct update *u)
{
	for (size_t i = 0; i < u->store->binds.count; i++) {
		struct sq_value *value = &u->store->binds.items[i].value;
		if (value->class == SQ_TEXT_CLASS && !value->text)
			value->text = u->store->lists.text + value->number;
	}
}

static int column_change(struct update *u, const struct sq_field *field, const char *verb, const bson_iter_t *value)
{
	if (strcmp(verb, "$unset") == 0) {
		sq_sql_add(&u->store->sql, ", \"%s\" = NULL", field->name);
		if (field->type == MUSTER_FIELD_LIST)
			bson_append_int32(&u->unset, field->name, (int)field->length, 1);
		return MUSTER_OK;
	}
	if (strcmp(verb, "$set") == 0)
		return field->type == MUSTER_FIELD_LIST ? list_set(u, field, value) : column_set(u, field, value);
	if (field->type == MUSTER_FIELD_LIST || field->type == MUSTER_FIELD_BOOL)
		return usage(u, field->name, "$inc, $min and $max need a field that holds an integer");
	sq_sql_add(&u->store->sql, ", \"%s\" = muster_change(\"%s\", '%s', ?)", field->name, field->name, verb + 1);
	sq_binds_int(&u->store->binds, bson_iter_as_int64(value));
	return MUSTER_OK;
}

static bool path_valid(const char *path)
{
	size_t length = strlen(path);
	if (length == 0 || length > 256 || path[0] == '.' || path[length - 1] == '.' || strstr(path, ".."))
		return false;
	for (const char *at = path; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL)
		if (*at == '$')
			return false;
	return strcmp(path, "_id") != 0 && strcmp(path, "rev") != 0 && strncmp(path, "_id.", 4) != 0 &&
	       strncmp(path, "rev.", 4) != 0;
}

static int one_path(struct update *u, const char *verb, const bson_iter_t *value)
{
	const char *path = bson_iter_key(value);
	size_t length = strcspn(path, ".");
	bool number = strcmp(verb, "$inc") == 0 || strcmp(verb, "$min") == 0 || strcmp(verb, "$max") == 0;
	if (!path_valid(path))
		return usage(u, path, "no path that an update may change (_id and rev are the store's)");
	if (number && !BSON_ITER_HOLDS_INT(value))
		return usage(u, path, "$inc, $min and $max take an integer");
	u->paths++;
	if (strcmp(verb, "$set_on_insert") == 0)
		return MUSTER_OK;
	int at = sq_field_find(u->coll, path, length, -1);
	if (at < 0 || !u->coll->fields[at].column) {
		u->rest_paths++;
		return bson_append_iter(&u->rest_part, NULL, 0, value) ? MUSTER_OK : usage(u, path, "too large");
	}
	if (path[length] == '.')
		return usage(u, path, "its first part is declared and no object");
	if (u->seen[at]++)
		return usage(u, path, "named twice");
	u->columns++;
	return column_change(u, &u->coll->fields[at], verb, value);
}

static int one_operator(struct update *u, const bson_iter_t *operator)
{
	static const char *const known[] = {"$set", "$unset", "$inc", "$min", "$max", "$set_on_insert"};
	const char *verb = bson_iter_key(operator);
	bson_iter_t value;
	bool ok = false;
	int status = MUSTER_OK;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		ok = ok || strcmp(verb, known[i]) == 0;
	if (!ok)
		return usage(u, verb, "unknown operator; known are $set $unset $inc $min $max $set_on_insert");
	if (!BSON_ITER_HOLDS_DOCUMENT(operator) || !bson_iter_recurse(operator, & value))
		return usage(u, verb, "takes an object of paths");
	bson_reinit(&u->rest_part);
	while (status == MUSTER_OK && bson_iter_next(&value))
		status = one_path(u, verb, &value);
	if (status == MUSTER_OK && !bson_empty(&u->rest_part))
		bson_append_document(&u->rest, verb, -1, &u->rest_part);
	return status;
}

/* List fields that now stand in their column leave the rest: added to what is unset there anyway. */
static void gather_unset(struct update *u)
{
	bson_iter_t iter;
	bson_t others = BSON_INITIALIZER, child;
	uint32_t length;
	const uint8_t *data;
	if (bson_empty(&u->unset)) {
		bson_destroy(&others);
		return;
	}
	if (bson_iter_init_find(&iter, &u->rest, "$unset")) {
		bson_iter_document(&iter, &length, &data);
		if (bson_init_static(&child, data, length))
			bson_concat(&u->unset, &child);
		bson_copy_to_excluding_noinit(&u->rest, &others, "$unset", NULL);
		bson_destroy(&u->rest);
		bson_steal(&u->rest, &others);
	} else {
		bson_destroy(&others);
	}
	bson_append_document(&u->rest, "$unset", -1, &u->unset);
}

static int compile(struct update *u, const bson_t *update)
{
	bson_iter_t iter;
	int status = MUSTER_OK;
	sq_sql_reset(&u->store->sql);
	sq_sql_reset(&u->store->lists);
	u->store->binds.count = 0;
	sq_sql_add(&u->store->sql, "UPDATE \"%s\" SET rev = rev + 1", u->coll->name);
	if (!bson_iter_init(&iter, update))
		return usage(u, "", "not readable BSON");
	while (status == MUSTER_OK && bson_iter_next(&iter))
		status = one_operator(u, &iter);
	if (status == MUSTER_OK && u->paths == 0)
		status = usage(u, "{}", "an empty update changes nothing");
	gather_unset(u);
	return status;
}

/* Runs the UPDATE; without any change to make (only $set_on_insert) it counts what matches. */
static int run(struct update *u, const bson_t *filter, int64_t *matched)
{
	struct sq_store *store = u->store;
	sqlite3_stmt *stmt;
	bool counting = u->columns == 0 && u->rest_paths == 0;
	if (counting) {
		sq_sql_reset(&store->sql);
		store->binds.count = 0;
		sq_sql_add(&store->sql, "SELECT count(*) FROM \"%s\"", u->coll->name);
	}
	sq_sql_add(&store->sql, " WHERE ");
	int status = sq_filter_compile(u->coll, filter, &store->sql, &store->binds, u->err);
	if (status != MUSTER_OK)
		return status;
	if (store->sql.failed || store->lists.failed || store->binds.failed)
		return sq_err_set(u->err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", store->path);
	fix_lists(u);
	bool rest = !counting && !bson_empty(&u->rest);
	if (rest)
		sq_sql_add(&store->sql, " RETURNING rowid");
	if ((status = sq_prepare(store, &store->writer, store->sql.text, &stmt, u->err)) != MUSTER_OK)
		return status;
	sq_binds_apply(&store->binds, stmt, 1);
	if (counting) {
		if (sqlite3_step(stmt) == SQLITE_ROW)
			*matched = sqlite3_column_int64(stmt, 0);
		else
			status = sq_fail(store, &store->writer, sqlite3_errcode(store->writer.db), "count", u->err);
	} else if (rest) {
		/* Without paths of the rest only copies of lists are dropped, and a row without a rest has none. */
		status = sq_rest_each(store, u->coll, stmt, u->rest_paths ? u->coll->rest_apply : u->coll->rest_unset,
		                      &u->rest, matched, u->err);
	} else {
		status = sq_step_done(store, &store->writer, stmt, "change documents", u->err);
		*matched = status == MUSTER_OK ? sqlite3_changes64(store->writer.db) : 0;
	}
	sq_stmt_done(&store->writer, stmt);
	return status;
}

/* The document an upsert starts from: the _id and whatever else the filter says by equality at its top. */
static int seed(struct update *u, const bson_t *filter, bson_t *doc)
{
	bson_iter_t iter, inner;
	bool ok = bson_iter_init(&iter, filter), has_id = false;
	while (ok && bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		bson_iter_t value = iter;
		struct sq_value scalar;
		if (BSON_ITER_HOLDS_DOCUMENT(&iter)) {
			if (!bson_iter_recurse(&iter, &inner) || !bson_iter_find(&inner, "$eq"))
				continue;
			value = inner;
		}
		sq_value_from_iter(&value, &scalar);
		if (*key == '$' || strchr(key, '.') || strcmp(key, "rev") == 0 || scalar.class == SQ_OTHER)
			continue;
		has_id = has_id || (strcmp(key, "_id") == 0 && scalar.class == SQ_TEXT_CLASS);
		ok = sq_value_append(doc, key, -1, &scalar);
	}
	return has_id ? MUSTER_OK : usage(u, "upsert", "the filter must name the _id by equality");
}

static int upsert(struct update *u, const bson_t *filter, const bson_t *update)
{
	bson_t start = BSON_INITIALIZER, doc = BSON_INITIALIZER;
	int status = seed(u, filter, &start);
	if (status == MUSTER_OK)
		status = sq_apply(&start, update, true, &doc, u->err);
	if (status == MUSTER_OK)
		status = sq_insert(u->store, u->coll, &doc, u->coll->insert, u->err);
	bson_destroy(&start);
	bson_destroy(&doc);
	return status;
}

int sq_update(struct sq_store *store, struct sq_collection *coll, const struct muster_write *item,
              struct muster_write_result *result, struct sq_err *err)
{
	bson_t filter, update;
	struct update u = {.store = store, .coll = coll, .err = err};
	int status = sq_bson_open(item->filter, "filter", &filter, err);
	if (status == MUSTER_OK)
		status = sq_bson_open(item->document, "update", &update, err);
	if (status != MUSTER_OK)
		return status;
	bson_init(&u.rest);
	bson_init(&u.rest_part);
	bson_init(&u.unset);
	status = compile(&u, &update);
	if (status == MUSTER_OK)
		status = run(&u, &filter, &result->matched);
	if (status == MUSTER_OK)
		result->changed = u.columns || u.rest_paths ? result->matched : 0;
	if (status == MUSTER_OK && result->matched == 0 && item->upsert &&
	    (status = upsert(&u, &filter, &update)) == MUSTER_OK)
		result->changed = 1;
	bson_destroy(&u.rest);
	bson_destroy(&u.rest_part);
	bson_destroy(&u.unset);
	return status;
}
