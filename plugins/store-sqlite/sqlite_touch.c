/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updates of one document, named by its _id, that change columns alone: the bulk of an import that sees again what is known. Their
 * statement follows from their shape, operators and fields in their order, and is put together once per shape. Whatever is not
 * so plain, and whatever is wrong, is left to sq_update.
 */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

#define FIELDS_MAX 24 /* changed by one update */
#define SHAPES_MAX 32 /* kept per collection */

struct sq_touch {
	uint8_t shape[FIELDS_MAX * 2]; /* operator and field by turns */
	size_t count;                  /* of fields */
	char *sql;
};

struct plain {
	const struct sq_collection *coll;
	uint8_t shape[FIELDS_MAX * 2];
	struct sq_value values[FIELDS_MAX];
	size_t count;
	int hint;
};

static const char *const verbs[] = {"$set", "$inc", "$min", "$max"};
#define VERBS (sizeof verbs / sizeof verbs[0])

static bool add_field(struct plain *plain, uint8_t verb, const bson_iter_t *iter)
{
	const struct sq_collection *coll = plain->coll;
	struct sq_value *value = &plain->values[plain->count];
	int at = sq_field_find(coll, bson_iter_key(iter), bson_iter_key_len(iter), plain->hint);
	if (at < 0 || at > UINT8_MAX || plain->count == FIELDS_MAX || !coll->fields[at].column ||
	    coll->fields[at].type == MUSTER_FIELD_LIST)
		return false;
	for (size_t i = 0; i < plain->count; i++)
		if (plain->shape[i * 2 + 1] == at)
			return false;
	sq_value_from_iter(iter, value);
	bool is_bool = coll->fields[at].type == MUSTER_FIELD_BOOL;
	if (value->class == SQ_OTHER || (is_bool && value->class == SQ_NUMBER) ||
	    (verb > 0 && (is_bool || !BSON_ITER_HOLDS_INT(iter))) ||
	    (value->class == SQ_TEXT_CLASS && !sq_text_sound(value->text, value->length)))
		return false;
	plain->shape[plain->count * 2] = verb;
	plain->shape[plain->count * 2 + 1] = (uint8_t)at;
	plain->count++;
	plain->hint = at + 1;
	return true;
}

static bool read_update(struct plain *plain, struct muster_bytes bytes)
{
	bson_t doc;
	bson_iter_t iter, field;
	if (!bytes.length || !bson_init_static(&doc, bytes.data, bytes.length) || !bson_iter_init(&iter, &doc))
		return false;
	while (bson_iter_next(&iter)) {
		uint8_t verb = 0;
		while (verb < VERBS && strcmp(verbs[verb], bson_iter_key(&iter)) != 0)
			verb++;
		if (verb == VERBS || !BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &field))
			return false;
		while (bson_iter_next(&field))
			if (!add_field(plain, verb, &field))
				return false;
		if (field.err_off != 0)
			return false;
	}
	return iter.err_off == 0 && plain->count > 0;
}

static bool read_id(struct muster_bytes bytes, struct sq_value *id)
{
	bson_t doc;
	bson_iter_t iter;
	if (!bytes.length || !bson_init_static(&doc, bytes.data, bytes.length) || !bson_iter_init(&iter, &doc) ||
	    !bson_iter_next(&iter) || strcmp(bson_iter_key(&iter), "_id") != 0 || !BSON_ITER_HOLDS_UTF8(&iter))
		return false;
	sq_value_from_iter(&iter, id);
	return !bson_iter_next(&iter) && iter.err_off == 0 && sq_text_sound(id->text, id->length);
}

static char *make_sql(const struct plain *plain)
{
	struct sq_sql sql = {0};
	sq_sql_add(&sql, "UPDATE \"%s\" SET rev = rev + 1", plain->coll->name);
	for (size_t i = 0; i < plain->count; i++) {
		const char *verb = verbs[plain->shape[i * 2]] + 1;
		const char *name = plain->coll->fields[plain->shape[i * 2 + 1]].name;
		if (plain->shape[i * 2] == 0)
			sq_sql_add(&sql, ", \"%s\" = ?", name);
		else
			sq_sql_add(&sql, ", \"%s\" = muster_change(\"%s\", '%s', ?)", name, name, verb);
	}
	sq_sql_add(&sql, " WHERE _id = ?");
	if (!sql.failed)
		return sql.text;
	sq_sql_free(&sql);
	return NULL;
}

/* NULL: no memory, or too many shapes; the long way will do. */
static const char *find_sql(struct sq_collection *coll, const struct plain *plain)
{
	for (size_t i = 0; i < coll->touch_count; i++)
		if (coll->touches[i].count == plain->count &&
		    memcmp(coll->touches[i].shape, plain->shape, plain->count * 2) == 0)
			return coll->touches[i].sql;
	if (!coll->touches)
		coll->touches = calloc(SHAPES_MAX, sizeof *coll->touches);
	if (!coll->touches || coll->touch_count == SHAPES_MAX)
		return NULL;
	struct sq_touch *touch = &coll->touches[coll->touch_count];
	memcpy(touch->shape, plain->shape, sizeof touch->shape);
	touch->count = plain->count;
	touch->sql = make_sql(plain);
	coll->touch_count += touch->sql != NULL;
	return touch->sql;
}

void sq_touches_free(struct sq_collection *coll)
{
	for (size_t i = 0; i < coll->touch_count; i++)
		free(coll->touches[i].sql);
	free(coll->touches);
}

int sq_touch(struct sq_store *store, struct sq_collection *coll, const struct muster_write *item,
             struct muster_write_result *result, bool *done, struct sq_err *err)
{
	struct plain plain;
	struct sq_value id;
	sqlite3_stmt *stmt;
	plain.coll = coll;
	plain.count = 0;
	plain.hint = 0;
	*done = !item->upsert && read_id(item->filter, &id) && read_update(&plain, item->document);
	const char *sql = *done ? find_sql(coll, &plain) : NULL;
	*done = sql != NULL;
	if (!sql)
		return MUSTER_OK;
	int status = sq_prepare(store, &store->writer, sql, &stmt, err);
	if (status != MUSTER_OK)
		return status;
	for (size_t i = 0; i < plain.count; i++)
		sq_bind_value(stmt, (int)i + 1, &plain.values[i],
		              coll->fields[plain.shape[i * 2 + 1]].type == MUSTER_FIELD_BOOL);
	sq_bind_value(stmt, (int)plain.count + 1, &id, false);
	status = sq_step_done(store, &store->writer, stmt, "change documents", err);
	if (status == MUSTER_OK)
		result->changed = result->matched = sqlite3_changes64(store->writer.db);
	sq_stmt_done(&store->writer, stmt);
	return status;
}
