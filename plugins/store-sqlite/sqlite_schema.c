/* SPDX-License-Identifier: Apache-2.0 */
/* A collection in memory: its fields and the SQL texts that follow from them. */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

bool sq_name_valid(const char *name, size_t length)
{
	if (length == 0 || length > 64 || name[0] < 'a' || name[0] > 'z')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
			return false;
	return true;
}

int sq_field_find(const struct sq_collection *coll, const char *name, size_t length, int hint)
{
	if (hint >= 0 && (size_t)hint < coll->count && coll->fields[hint].length == length &&
	    memcmp(coll->fields[hint].name, name, length) == 0)
		return hint;
	size_t low = 0, high = coll->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct sq_field *field = &coll->fields[coll->sorted[middle]];
		size_t shorter = field->length < length ? field->length : length;
		int c = memcmp(field->name, name, shorter);
		if (c == 0 && field->length == length)
			return coll->sorted[middle];
		if (c < 0 || (c == 0 && field->length < length))
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

static int sort_fields(struct sq_collection *coll)
{
	coll->sorted = calloc(coll->count + 1, sizeof *coll->sorted);
	if (!coll->sorted)
		return MUSTER_E_NO_MEMORY;
	for (size_t i = 0; i < coll->count; i++) {
		size_t at = i;
		for (; at > 0 && strcmp(coll->fields[coll->sorted[at - 1]].name, coll->fields[i].name) > 0; at--)
			coll->sorted[at] = coll->sorted[at - 1];
		coll->sorted[at] = (uint16_t)i;
	}
	return MUSTER_OK;
}

enum text { DOC, SELECT, INSERT, PUT, REPLACE, GET, ROW, REST_PUT, REST_DROP, REST_APPLY, REST_UNSET, TEXTS };

static void rest_texts(const char *name, struct sq_sql sql[TEXTS])
{
	sq_sql_add(&sql[DOC], "(SELECT doc FROM \"%s_rest\" WHERE row = \"%s\".rowid)", name, name);
	sq_sql_add(&sql[ROW], "SELECT rowid FROM \"%s\" WHERE _id = ?1", name);
	sq_sql_add(&sql[REST_PUT], "INSERT INTO \"%s_rest\" VALUES (?1, ?2) ON CONFLICT (row) DO UPDATE SET doc = ?2",
	           name);
	sq_sql_add(&sql[REST_DROP], "DELETE FROM \"%s_rest\" WHERE row = ?1", name);
	sq_sql_add(&sql[REST_APPLY],
	           "INSERT INTO \"%s_rest\" VALUES (?1, muster_apply(NULL, ?2)) ON CONFLICT (row) DO UPDATE SET "
	           "doc = muster_apply(doc, ?2)",
	           name);
	sq_sql_add(&sql[REST_UNSET], "UPDATE \"%s_rest\" SET doc = muster_apply(doc, ?2) WHERE row = ?1", name);
}

static void texts_build(struct sq_collection *coll, struct sq_sql sql[TEXTS])
{
	const char *doc;

	rest_texts(coll->name, sql);
	doc = sql[DOC].text ? sql[DOC].text : "NULL";
	sq_sql_add(&sql[SELECT], "_id, rev");
	sq_sql_add(&sql[INSERT], "INSERT INTO \"%s\" (_id, rev", coll->name);
	sq_sql_add(&sql[REPLACE], "UPDATE \"%s\" SET rev = rev + 1", coll->name);
	int n = 2;
	for (size_t i = 0; i < coll->count; i++) {
		if (!coll->fields[i].column)
			continue;
		sq_sql_add(&sql[SELECT], ", \"%s\"", coll->fields[i].name);
		sq_sql_add(&sql[INSERT], ", \"%s\"", coll->fields[i].name);
		sq_sql_add(&sql[REPLACE], ", \"%s\" = ?%d", coll->fields[i].name, n++);
	}
	sq_sql_add(&sql[SELECT], ", %s", doc);
	sq_sql_add(&sql[INSERT], ") VALUES (?1, 1");
	for (int i = 2; i < n; i++)
		sq_sql_add(&sql[INSERT], ", ?%d", i);
	sq_sql_add(&sql[INSERT], ")");
	sq_sql_add(&sql[PUT], "%s ON CONFLICT (_id) DO UPDATE SET rev = rev + 1",
	           sql[INSERT].text ? sql[INSERT].text : "");
	for (size_t i = 0; i < coll->count; i++)
		if (coll->fields[i].column)
			sq_sql_add(&sql[PUT], ", \"%s\" = excluded.\"%s\"", coll->fields[i].name, coll->fields[i].name);
	sq_sql_add(&sql[REPLACE], " WHERE _id = ?1 AND rev = ?%d", n);
	sq_sql_add(&sql[GET], "SELECT %s FROM \"%s\" WHERE _id = ?", sql[SELECT].text ? sql[SELECT].text : "",
	           coll->name);
}

/* Fills what follows from name and fields. */
static int finish(struct sq_collection *coll)
{
	struct sq_sql sql[TEXTS] = {0};
	char **texts[TEXTS] = {&coll->doc,       &coll->select,     &coll->insert,    &coll->put,
	                       &coll->replace,   &coll->get,        &coll->row,       &coll->rest_put,
	                       &coll->rest_drop, &coll->rest_apply, &coll->rest_unset};
	texts_build(coll, sql);
	int status = sort_fields(coll);
	for (int i = 0; i < TEXTS; i++) {
		if (sql[i].failed || !sql[i].text)
			status = MUSTER_E_NO_MEMORY;
		*texts[i] = sql[i].text;
	}
	return status;
}

void sq_collection_free(struct sq_collection *coll)
{
	if (!coll)
		return;
	for (size_t i = 0; i < coll->count; i++)
		free(coll->fields[i].name);
	free(coll->fields);
	free(coll->sorted);
	sq_touches_free(coll);
	free(coll->name);
	free(coll->doc);
	free(coll->select);
	free(coll->insert);
	free(coll->put);
	free(coll->replace);
	free(coll->get);
	free(coll->row);
	free(coll->rest_put);
	free(coll->rest_drop);
	free(coll->rest_apply);
	free(coll->rest_unset);
	free(coll);
}

static int field_add(struct sq_collection *coll, const char *name, uint32_t type)
{
	struct sq_field *field = &coll->fields[coll->count];
	field->name = strdup(name);
	if (!field->name)
		return MUSTER_E_NO_MEMORY;
	field->length = strlen(name);
	field->type = type;
	field->column = type != MUSTER_FIELD_OBJECT;
	if (field->column)
		field->parameter = 2 + (int)coll->columns++;
	coll->count++;
	return MUSTER_OK;
}

static int read_fields(struct sq_store *store, struct sq_collection *coll, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	int rc, status = sq_prepare(store, &store->writer,
	                            "SELECT field, type FROM muster_fields WHERE collection = ? ORDER BY position",
	                            &stmt, err);
	if (status != MUSTER_OK)
		return status;
	sqlite3_bind_text(stmt, 1, coll->name, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && status == MUSTER_OK) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		if (!name || !sq_name_valid(name, strlen(name)) || coll->count == SQ_MAX_FIELDS)
			status = sq_err_set(err, MUSTER_E_CORRUPT,
			                    "%s: the catalogue (muster_fields) of %s is damaged: restore a backup",
			                    store->path, coll->name);
		else if (field_add(coll, name, (uint32_t)sqlite3_column_int(stmt, 1)) != MUSTER_OK)
			status = sq_err_set(err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", store->path);
	}
	if (status == MUSTER_OK && rc != SQLITE_DONE)
		status = sq_fail(store, &store->writer, rc, "read its catalogue", err);
	sq_stmt_done(&store->writer, stmt);
	return status;
}

static int read_version(struct sq_store *store, struct sq_collection *coll, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	int status =
	        sq_prepare(store, &store->writer, "SELECT version FROM muster_collections WHERE name = ?", &stmt, err);
	if (status != MUSTER_OK)
		return status;
	sqlite3_bind_text(stmt, 1, coll->name, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		coll->version = (uint32_t)sqlite3_column_int64(stmt, 0);
	else if (rc == SQLITE_DONE)
		status = sq_err_set(err, MUSTER_E_NOT_FOUND, "%s: there is no collection %s in this store", store->path,
		                    coll->name);
	else
		status = sq_fail(store, &store->writer, rc, "read its catalogue", err);
	sq_stmt_done(&store->writer, stmt);
	return status;
}

int sq_collection_load(struct sq_store *store, const char *name, struct sq_collection **out, struct sq_err *err)
{
	struct sq_collection *coll = calloc(1, sizeof *coll);
	int status = MUSTER_E_NO_MEMORY;
	if (coll) {
		coll->name = strdup(name);
		coll->fields = calloc(SQ_MAX_FIELDS, sizeof *coll->fields);
	}
	if (!coll || !coll->name || !coll->fields)
		sq_err_set(err, status, "%s: there is not enough memory", store->path);
	else if ((status = read_version(store, coll, err)) == MUSTER_OK &&
	         (status = read_fields(store, coll, err)) == MUSTER_OK && (status = finish(coll)) != MUSTER_OK)
		sq_err_set(err, status, "%s: there is not enough memory", store->path);
	if (status == MUSTER_OK)
		*out = coll;
	else
		sq_collection_free(coll);
	return status;
}

int sq_collection_get(struct sq_store *store, const char *name, struct sq_collection **out, struct sq_err *err)
{
	for (size_t i = 0; i < store->collection_count; i++) {
		if (strcmp(store->collections[i]->name, name) == 0) {
			*out = store->collections[i];
			return MUSTER_OK;
		}
	}
	if (!sq_name_valid(name, strlen(name)))
		return sq_err_set(err, MUSTER_E_USAGE, "a collection's name is [a-z][a-z0-9_]{0,63}");
	if (store->collection_count == SQ_MAX_COLLECTIONS)
		return sq_err_set(err, MUSTER_E_LIMIT, "%s: more than %d collections", store->path, SQ_MAX_COLLECTIONS);
	int status = sq_collection_load(store, name, out, err);
	if (status == MUSTER_OK)
		store->collections[store->collection_count++] = *out;
	else if (status == MUSTER_E_NOT_FOUND)
		status = err->status = MUSTER_E_USAGE;
	return status;
}
