/* SPDX-License-Identifier: Apache-2.0 */
/* define: makes a collection, or adds the columns and indexes that are new. Nothing is ever dropped. */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

static const char *type_word(uint32_t type)
{
	static const char *const words[] = {"?", "text", "int", "bool", "time", "address", "list", "object"};
	return type <= MUSTER_FIELD_OBJECT ? words[type] : words[0];
}

static const struct muster_field *field_at(const struct muster_array *fields, uint32_t i)
{
	return (const struct muster_field *)(const void *)((const char *)fields->items + (size_t)i * fields->item_size);
}

static const struct muster_index *index_at(const struct muster_array *indexes, uint32_t i)
{
	return (const struct muster_index *)(const void *)((const char *)indexes->items +
	                                                   (size_t)i * indexes->item_size);
}

static int check_definition(const struct muster_collection *def, struct sq_err *err)
{
	if (!def->name || !sq_name_valid(def->name, strlen(def->name)) || strncmp(def->name, "muster_", 7) == 0 ||
	    strncmp(def->name, "sqlite_", 7) == 0 ||
	    (strlen(def->name) > 5 && strcmp(def->name + strlen(def->name) - 5, "_rest") == 0))
		return sq_err_set(
		        err, MUSTER_E_USAGE,
		        "a collection's name is [a-z][a-z0-9_]{0,63}, does not start with muster_ or sqlite_ and "
		        "does not end in _rest");
	if (def->fields.count > SQ_MAX_FIELDS || def->indexes.count > SQ_MAX_FIELDS)
		return sq_err_set(err, MUSTER_E_LIMIT, "collection %s: more than %d fields or indexes", def->name,
		                  SQ_MAX_FIELDS);
	for (uint32_t i = 0; i < def->fields.count; i++) {
		const struct muster_field *field = field_at(&def->fields, i);
		if (!field->name || !sq_name_valid(field->name, strlen(field->name)) ||
		    strcmp(field->name, "rev") == 0 || strcmp(field->name, "rowid") == 0 ||
		    field->type < MUSTER_FIELD_TEXT || field->type > MUSTER_FIELD_OBJECT)
			return sq_err_set(
			        err, MUSTER_E_USAGE,
			        "collection %s: field %u: a declared field's name is [a-z][a-z0-9_]*, not rev or rowid, "
			        "and its type a known one",
			        def->name, i);
	}
	return MUSTER_OK;
}

/* Moves a field that was undeclared until now from the documents into its new column. */
static int move_in(struct sq_store *store, const char *collection, const char *field, struct sq_err *err)
{
	struct sq_collection *coll = NULL;
	sqlite3_stmt *read = NULL, *write = NULL;
	struct sq_conn *conn = &store->writer;
	struct sq_sql sql = {0};
	int rc, status = sq_collection_load(store, collection, &coll, err);
	if (status != MUSTER_OK)
		return status;
	sq_sql_add(&sql, "SELECT %s FROM \"%s\" WHERE muster_match(%s, '%s', %d, 1)", coll->select, collection,
	           coll->doc, field, SQ_EXISTS);
	status = sq_prepare(store, conn, sql.text, &read, err);
	sq_sql_reset(&sql);
	/* No document changes by this, so no rev does. */
	sq_sql_add(&sql, "UPDATE \"%s\" SET rev = rev%s", collection,
	           strstr(coll->replace, "rev + 1") + strlen("rev + 1"));
	if (status == MUSTER_OK)
		status = sq_prepare(store, conn, sql.text, &write, err);
	while (status == MUSTER_OK && (rc = sqlite3_step(read)) != SQLITE_DONE) {
		bson_t doc = BSON_INITIALIZER;
		const char *id;
		if (rc != SQLITE_ROW)
			status = sq_fail(store, conn, rc, "move a field into its column", err);
		else if ((status = sq_doc_read(coll, NULL, read, &doc, err)) == MUSTER_OK &&
		         (status = sq_doc_bind(store, coll, &doc, write, &id, err)) == MUSTER_OK) {
			sqlite3_bind_int64(write, sqlite3_bind_parameter_count(write), sqlite3_column_int64(read, 1));
			status = sq_step_done(store, conn, write, "move a field into its column", err);
			sqlite3_reset(write);
			if (status == MUSTER_OK)
				status = sq_rest_store(store, coll, id, err);
		}
		bson_destroy(&doc);
	}
	sq_stmt_done(conn, read);
	sq_stmt_done(conn, write);
	sq_sql_free(&sql);
	sq_collection_free(coll);
	return status;
}

static int run(struct sq_store *store, struct sq_sql *sql, struct sq_err *err)
{
	int status = sql->failed ? sq_err_set(err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", store->path)
	                         : sq_exec(store, &store->writer, sql->text, err);
	sq_sql_reset(sql);
	return status;
}

static int add_field(struct sq_store *store, const struct muster_collection *def, const struct muster_field *field,
                     size_t position, bool fresh, struct sq_err *err)
{
	struct sq_sql *sql = &store->sql;
	sq_sql_reset(sql);
	if (!fresh && field->type != MUSTER_FIELD_OBJECT)
		sq_sql_add(sql, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" /* %s */;", def->name, field->name,
		           type_word(field->type));
	sq_sql_add(sql, "INSERT INTO muster_fields VALUES ('%s', %zu, '%s', %u)", def->name, position, field->name,
	           field->type);
	int status = run(store, sql, err);
	if (status == MUSTER_OK && !fresh && field->type != MUSTER_FIELD_OBJECT)
		status = move_in(store, def->name, field->name, err);
	return status;
}

/* A declared field keeps the type of its first definition: its column's content would be read differently. */
static int add_fields(struct sq_store *store, const struct muster_collection *def, const struct sq_collection *old,
                      struct sq_err *err)
{
	int status = MUSTER_OK;
	size_t position = old ? old->count : 0;
	for (uint32_t i = 0; i < def->fields.count && status == MUSTER_OK; i++) {
		const struct muster_field *field = field_at(&def->fields, i);
		int at = old ? sq_field_find(old, field->name, strlen(field->name), (int)i) : -1;
		if (strcmp(field->name, "_id") == 0)
			continue;
		if (at >= 0 && old->fields[at].type != field->type)
			status = sq_err_set(
			        err, MUSTER_E_USAGE,
			        "collection %s: field %s is %s in the store and %s in the new definition: give the new "
			        "one another name",
			        def->name, field->name, type_word(old->fields[at].type), type_word(field->type));
		else if (at < 0)
			status = add_field(store, def, field, position++, old == NULL, err);
	}
	return status;
}

static int make_table(struct sq_store *store, const struct muster_collection *def, struct sq_err *err)
{
	struct sq_sql *sql = &store->sql;
	sq_sql_reset(sql);
	sq_sql_add(sql, "CREATE TABLE \"%s\" (\n\t_id TEXT PRIMARY KEY NOT NULL,\n\trev INTEGER NOT NULL", def->name);
	for (uint32_t i = 0; i < def->fields.count; i++) {
		const struct muster_field *field = field_at(&def->fields, i);
		if (field->type != MUSTER_FIELD_OBJECT && strcmp(field->name, "_id") != 0)
			sq_sql_add(sql, ",\n\t\"%s\" /* %s */", field->name, type_word(field->type));
	}
	sq_sql_add(sql,
	           "\n);\nCREATE TABLE \"%s_rest\" (row INTEGER PRIMARY KEY, doc BLOB /* BSON of all other fields */)",
	           def->name);
	return run(store, sql, err);
}

/* One part of "zone,-ip_key" as SQL. */
static int index_part(const struct sq_collection *coll, const char *part, size_t length, struct sq_sql *sql,
                      struct sq_err *err)
{
	bool down = length > 0 && part[0] == '-';
	part += down;
	length -= down;
	int at = sq_field_find(coll, part, length, -1);
	bool known = (at >= 0 && coll->fields[at].column && coll->fields[at].type != MUSTER_FIELD_LIST) ||
	             (length == 3 && (memcmp(part, "_id", 3) == 0 || memcmp(part, "rev", 3) == 0));
	if (!known)
		return sq_err_set(err, MUSTER_E_USAGE,
		                  "collection %s: an index names \"%.*s\", which is no declared field with one value",
		                  coll->name, (int)(length > 64 ? 64 : length), part);
	sq_sql_add(sql, "\"%.*s\"%s", (int)length, part, down ? " DESC" : "");
	return MUSTER_OK;
}

static int add_index(struct sq_store *store, const struct sq_collection *coll, const struct muster_index *index,
                     struct sq_err *err)
{
	struct sq_sql *sql = &store->sql;
	int64_t there = 0;
	if (!index->name || !index->fields || !sq_name_valid(index->name, strlen(index->name)) ||
	    strcmp(index->name, "rest") == 0)
		return sq_err_set(err, MUSTER_E_USAGE,
		                  "collection %s: an index needs a name ([a-z][a-z0-9_]{0,63}, not rest) and fields",
		                  coll->name);
	sq_sql_reset(sql);
	sq_sql_add(sql, "SELECT count(*) FROM muster_indexes WHERE name = '%s_%s'", coll->name, index->name);
	int status = sq_query_int(store, &store->writer, sql->text, &there, err);
	if (status != MUSTER_OK || there)
		return status;
	sq_sql_reset(sql);
	sq_sql_add(sql, "CREATE %sINDEX \"%s_%s\" ON \"%s\" (", index->flags & MUSTER_INDEX_UNIQUE ? "UNIQUE " : "",
	           coll->name, index->name, coll->name);
	for (const char *at = index->fields; status == MUSTER_OK; at++) {
		size_t length = strcspn(at, ",");
		status = index_part(coll, at, length, sql, err);
		at += length;
		if (*at == '\0')
			break;
		sq_sql_add(sql, ", ");
	}
	/* index_part has admitted nothing but names and commas. */
	sq_sql_add(sql, "); INSERT INTO muster_indexes VALUES ('%s_%s', '%s', '%s', %u)", coll->name, index->name,
	           coll->name, index->fields, index->flags);
	return status == MUSTER_OK ? run(store, sql, err) : status;
}

static int define_inside(struct sq_store *store, const struct muster_collection *def, struct sq_err *err)
{
	struct sq_collection *old = NULL, *coll = NULL;
	int status = sq_collection_load(store, def->name, &old, err);
	if (status == MUSTER_E_NOT_FOUND)
		status = make_table(store, def, err);
	if (status == MUSTER_OK)
		status = add_fields(store, def, old, err);
	if (status == MUSTER_OK) {
		sq_sql_reset(&store->sql);
		sq_sql_add(
		        &store->sql,
		        "INSERT INTO muster_collections VALUES ('%s', %u) ON CONFLICT (name) DO UPDATE SET version = "
		        "excluded.version",
		        def->name, def->version);
		status = run(store, &store->sql, err);
	}
	if (status == MUSTER_OK)
		status = sq_collection_load(store, def->name, &coll, err);
	for (uint32_t i = 0; i < def->indexes.count && status == MUSTER_OK; i++)
		status = add_index(store, coll, index_at(&def->indexes, i), err);
	sq_collection_free(old);
	sq_collection_free(coll);
	return status;
}

/* Is there anything to add? Keeps an ordinary start free of writes. */
static int is_current(struct sq_store *store, const struct muster_collection *def, bool *current, struct sq_err *err)
{
	struct sq_collection *old = NULL;
	int status = sq_collection_load(store, def->name, &old, err);
	*current = false;
	if (status == MUSTER_E_NOT_FOUND)
		return MUSTER_OK;
	if (status != MUSTER_OK)
		return status;
	*current = old->version == def->version;
	if (old->version > def->version)
		status = sq_err_set(
		        err, MUSTER_E_REFUSED,
		        "%s: collection %s was made by a newer Muster (version %u, this one knows %u): upgrade "
		        "Muster, or restore a backup made before the upgrade",
		        store->path, def->name, old->version, def->version);
	for (uint32_t i = 0; i < def->fields.count && *current; i++) {
		const struct muster_field *field = field_at(&def->fields, i);
		int at = sq_field_find(old, field->name, strlen(field->name), (int)i);
		*current = strcmp(field->name, "_id") == 0 || (at >= 0 && old->fields[at].type == field->type);
	}
	for (uint32_t i = 0; i < def->indexes.count && *current && status == MUSTER_OK; i++) {
		int64_t there = 0;
		const char *name = index_at(&def->indexes, i)->name;
		sq_sql_reset(&store->sql);
		if (name && sq_name_valid(name, strlen(name)))
			sq_sql_add(&store->sql, "SELECT count(*) FROM muster_indexes WHERE name = '%s_%s'", def->name,
			           name);
		else
			sq_sql_add(&store->sql, "SELECT 0");
		status = sq_query_int(store, &store->writer, store->sql.text, &there, err);
		*current = there != 0;
	}
	sq_collection_free(old);
	return status;
}

static void forget(struct sq_store *store, const char *name)
{
	for (size_t i = 0; i < store->collection_count; i++) {
		if (strcmp(store->collections[i]->name, name) == 0) {
			sq_collection_free(store->collections[i]);
			store->collections[i] = store->collections[--store->collection_count];
			return;
		}
	}
}

int sq_define(struct sq_store *store, const struct muster_collection *def, struct sq_err *err)
{
	bool current = false;
	struct sq_collection *coll;
	int status = check_definition(def, err);
	if (status == MUSTER_OK)
		status = is_current(store, def, &current, err);
	if (status != MUSTER_OK)
		return status;
	if (!current) {
		int rc = sqlite3_exec(store->writer.db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return sq_fail(store, &store->writer, rc, "change its layout", err);
		status = define_inside(store, def, err);
		if (status == MUSTER_OK)
			status = sq_exec(store, &store->writer, "COMMIT", err);
		if (status != MUSTER_OK) {
			sqlite3_exec(store->writer.db, "ROLLBACK", NULL, NULL, NULL);
			return status;
		}
		forget(store, def->name);
	}
	return sq_collection_get(store, def->name, &coll, err);
}
