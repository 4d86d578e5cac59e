/* SPDX-License-Identifier: Apache-2.0 */
/* A document into a row and back: declared fields in their columns, the rest as BSON in `doc`. */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

int sq_bson_open(struct muster_bytes bytes, const char *what, bson_t *out, struct sq_err *err)
{
	static const uint8_t empty[5] = {5, 0, 0, 0, 0};
	size_t error = 0;
	const uint8_t *data = bytes.length ? bytes.data : empty;
	size_t length = bytes.length ? bytes.length : sizeof empty;
	if (length > SQ_MAX_DOC)
		return sq_err_set(err, MUSTER_E_LIMIT, "%s: %zu bytes, at most %u are kept", what, length, SQ_MAX_DOC);
	if (!bson_init_static(out, data, length) || !sq_bson_sound(out, &error))
		return sq_err_set(err, MUSTER_E_USAGE, "%s: not one whole BSON document (fault at byte %zu)", what,
		                  error);
	return MUSTER_OK;
}

static int bind_id(const bson_iter_t *iter, sqlite3_stmt *stmt, const char **id, struct sq_err *err)
{
	uint32_t length = 0;
	const char *text = BSON_ITER_HOLDS_UTF8(iter) ? bson_iter_utf8(iter, &length) : NULL;
	if (!text || length == 0 || length > SQ_MAX_ID || memchr(text, '\0', length))
		return sq_err_set(err, MUSTER_E_USAGE, "a document's _id is a text of 1 to %d bytes", SQ_MAX_ID);
	*id = text;
	sqlite3_bind_text(stmt, 1, text, (int)length, SQLITE_STATIC);
	return MUSTER_OK;
}

static int bind_list(struct sq_store *store, const bson_iter_t *iter, sqlite3_stmt *stmt, int at, bool *kept)
{
	size_t start = store->lists.len;
	*kept = sq_list_to_json(iter, &store->lists) && !store->lists.failed;
	if (!*kept)
		return SQLITE_OK;
	/* The text moves when the buffer grows, so SQLite gets a copy. */
	return sqlite3_bind_text64(stmt, at, store->lists.text + start, store->lists.len - start, SQLITE_TRANSIENT,
	                           SQLITE_UTF8);
}

/* A value that is not bound would be written as NULL, and so be lost. */
static int bind_failed(const struct sq_collection *coll, const struct sq_field *def, int rc, struct sq_err *err)
{
	return sq_err_set(err, rc == SQLITE_NOMEM ? MUSTER_E_NO_MEMORY : MUSTER_E_LIMIT,
	                  "collection %s: field %s of a document cannot be written: %s", coll->name, def->name,
	                  sqlite3_errstr(rc));
}

/* Binds one declared field; *kept false: it belongs into the rest after all. */
static int bind_field(struct sq_store *store, const struct sq_collection *coll, int field, const bson_iter_t *iter,
                      sqlite3_stmt *stmt, int at, bool *kept, struct sq_err *err)
{
	struct sq_value value;
	const struct sq_field *def = &coll->fields[field];
	*kept = true;
	if (def->type == MUSTER_FIELD_LIST) {
		int rc = bind_list(store, iter, stmt, at, kept);
		return rc == SQLITE_OK ? MUSTER_OK : bind_failed(coll, def, rc, err);
	}
	sq_value_from_iter(iter, &value);
	if (value.class == SQ_OTHER || (def->type == MUSTER_FIELD_BOOL && value.class == SQ_NUMBER))
		return sq_err_set(
		        err, MUSTER_E_USAGE,
		        "collection %s: field %s is declared with one value (text, number, bool or null) and got "
		        "something else",
		        coll->name, def->name);
	int rc = sq_bind_value(stmt, at, &value, def->type == MUSTER_FIELD_BOOL);
	return rc == SQLITE_OK ? MUSTER_OK : bind_failed(coll, def, rc, err);
}

int sq_doc_bind(struct sq_store *store, struct sq_collection *coll, const bson_t *doc, sqlite3_stmt *stmt,
                const char **id, struct sq_err *err)
{
	bson_iter_t iter;
	int status = MUSTER_OK;
	size_t n = 0;
	*id = NULL;
	bson_reinit(store->rest);
	sq_sql_reset(&store->lists);
	sqlite3_clear_bindings(stmt);
	if (!bson_iter_init(&iter, doc))
		return sq_err_set(err, MUSTER_E_USAGE, "a document is not readable BSON");
	while (status == MUSTER_OK && bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		bool kept = false;
		if (strcmp(key, "_id") == 0) {
			status = bind_id(&iter, stmt, id, err);
			continue;
		}
		if (strcmp(key, "rev") == 0)
			continue;
		uint16_t *guess = &coll->guess[n++ % SQ_GUESSES];
		int field = sq_field_find(coll, key, bson_iter_key_len(&iter), *guess);
		if (field >= 0)
			*guess = (uint16_t)field;
		if (field >= 0 && coll->fields[field].column)
			status = bind_field(store, coll, field, &iter, stmt, coll->fields[field].parameter, &kept, err);
		if (status == MUSTER_OK && !kept && !bson_append_iter(store->rest, NULL, 0, &iter))
			status = sq_err_set(err, MUSTER_E_LIMIT, "collection %s: a document is too large", coll->name);
	}
	if (status == MUSTER_OK && !*id)
		status = sq_err_set(err, MUSTER_E_USAGE, "collection %s: a document without _id", coll->name);
	if (status == MUSTER_OK && store->lists.failed)
		status = sq_err_set(err, MUSTER_E_LIMIT, "collection %s: a list of document %s is too large",
		                    coll->name, *id);
	return status;
}

void sq_projection_free(struct sq_projection *projection)
{
	for (size_t i = 0; i < projection->name_count; i++)
		free(projection->names[i]);
	free(projection->names);
	free(projection->fields);
	memset(projection, 0, sizeof *projection);
}

static int read_field(const struct sq_collection *coll, int field, sqlite3_stmt *stmt, int column, bson_t *out,
                      struct sq_err *err)
{
	struct sq_value value;
	const struct sq_field *def = &coll->fields[field];
	sq_value_from_sqlite(sqlite3_column_value(stmt, column), def->type == MUSTER_FIELD_BOOL, &value);
	if (value.class == SQ_MISSING)
		return MUSTER_OK;
	bool ok;
	if (def->type == MUSTER_FIELD_LIST)
		ok = value.class == SQ_TEXT_CLASS &&
		     sq_list_append(out, def->name, (int)def->length, value.text, value.length);
	else
		ok = sq_value_append(out, def->name, (int)def->length, &value);
	if (ok)
		return MUSTER_OK;
	const char *id = (const char *)sqlite3_column_text(stmt, 0);
	return sq_err_set(err, MUSTER_E_CORRUPT,
	                  "collection %s: document %.100s: column %s does not hold what Muster writes there (a %s): "
	                  "correct it with sqlite3 or restore a backup",
	                  coll->name, id ? id : "?", def->name,
	                  def->type == MUSTER_FIELD_LIST ? "JSON array" : "text or number");
}

static bool wanted(const struct sq_projection *projection, const char *key)
{
	if (!projection || !projection->names)
		return true;
	for (size_t i = 0; i < projection->name_count; i++)
		if (strcmp(projection->names[i], key) == 0)
			return true;
	return false;
}

static int read_rest(const struct sq_collection *coll, const struct sq_projection *projection, sqlite3_stmt *stmt,
                     int column, bson_t *out, struct sq_err *err)
{
	bson_t rest;
	bson_iter_t iter;
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
		return MUSTER_OK;
	const void *data = sqlite3_column_blob(stmt, column);
	size_t length = (size_t)sqlite3_column_bytes(stmt, column);
	bool ok = data && bson_init_static(&rest, data, length) && bson_iter_init(&iter, &rest);
	if (ok && (!projection || !projection->names)) {
		ok = bson_concat(out, &rest);
	} else if (ok) {
		while (ok && bson_iter_next(&iter))
			if (wanted(projection, bson_iter_key(&iter)))
				ok = bson_append_iter(out, NULL, 0, &iter);
		ok = ok && iter.err_off == 0;
	}
	if (ok)
		return MUSTER_OK;
	const char *id = (const char *)sqlite3_column_text(stmt, 0);
	return sq_err_set(err, MUSTER_E_CORRUPT,
	                  "collection %s: document %.100s: its doc column is damaged: restore a backup", coll->name,
	                  id ? id : "?");
}

int sq_doc_read(const struct sq_collection *coll, const struct sq_projection *projection, sqlite3_stmt *stmt,
                bson_t *out, struct sq_err *err)
{
	int status = MUSTER_OK, column = 2;
	bson_reinit(out);
	const char *id = (const char *)sqlite3_column_text(stmt, 0);
	bson_append_utf8(out, "_id", 3, id ? id : "", sqlite3_column_bytes(stmt, 0));
	bson_append_int64(out, "rev", 3, sqlite3_column_int64(stmt, 1));
	if (projection) {
		for (size_t i = 0; i < projection->field_count && status == MUSTER_OK; i++)
			status = read_field(coll, projection->fields[i], stmt, column++, out, err);
		if (status == MUSTER_OK && projection->rest)
			status = read_rest(coll, projection, stmt, column, out, err);
		return status;
	}
	for (size_t i = 0; i < coll->count && status == MUSTER_OK; i++)
		if (coll->fields[i].column)
			status = read_field(coll, (int)i, stmt, column++, out, err);
	return status == MUSTER_OK ? read_rest(coll, NULL, stmt, column, out, err) : status;
}
