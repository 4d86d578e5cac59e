/* SPDX-License-Identifier: Apache-2.0 */
/* Cursors. Each holds a reader connection of its own, so that it sees one state of the store whatever is written meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

struct muster_cursor {
	struct sq_conn *conn;
	const struct sq_collection *coll;
	sqlite3_stmt *stmt;
	struct sq_projection projection;
	bool projected, ahead; /* ahead: find has stepped, and the row waits */
	void *held;            /* copies of what the query lent: values are bound by reference */
	bson_t *doc;
};

/* filter, sort, after and fields outlive the find. */
static int hold(struct muster_cursor *cursor, struct muster_query *query)
{
	size_t fields = query->fields ? strlen(query->fields) + 1 : 0;
	size_t f = query->filter.length, s = query->sort.length, a = query->after.length;
	char *at = malloc(f + s + a + fields + 1);
	if (!at)
		return MUSTER_E_NO_MEMORY;
	cursor->held = at;
	if (f)
		query->filter.data = memcpy(at, query->filter.data, f);
	if (s)
		query->sort.data = memcpy(at + f, query->sort.data, s);
	if (a)
		query->after.data = memcpy(at + f + s, query->after.data, a);
	if (fields)
		query->fields = memcpy(at + f + s + a, query->fields, fields);
	return MUSTER_OK;
}

void sq_cursor_close(struct muster_cursor *cursor)
{
	if (!cursor)
		return;
	if (cursor->conn) {
		sq_stmt_done(cursor->conn, cursor->stmt);
		cursor->conn->busy = false;
	}
	sq_projection_free(&cursor->projection);
	bson_destroy(cursor->doc);
	free(cursor->held);
	free(cursor);
}

static int step(struct sq_store *store, struct muster_cursor *cursor, struct sq_err *err)
{
	int rc = sqlite3_step(cursor->stmt);
	if (rc == SQLITE_ROW)
		return MUSTER_OK;
	if (rc != SQLITE_DONE)
		return sq_fail(store, cursor->conn, rc, "read it", err);
	/* The snapshot ends with the last row, so that the log can be folded back even while the cursor is still open. */
	sq_stmt_done(cursor->conn, cursor->stmt);
	cursor->stmt = NULL;
	return sq_err_set(err, MUSTER_E_END, "no more documents");
}

static int start(struct sq_store *store, struct muster_cursor *cursor, const struct muster_query *query,
                 struct sq_err *err)
{
	struct sq_collection *coll;
	struct sq_binds *binds = &store->binds;
	int status = sq_collection_get(store, query->collection, &coll, err);
	if (status != MUSTER_OK)
		return status;
	cursor->coll = coll;
	cursor->projected = query->fields != NULL;
	sq_sql_reset(&store->sql);
	binds->count = 0;
	status = sq_query_compile(store, coll, query, &cursor->projection, &store->sql, binds, err);
	if (status == MUSTER_OK && (store->sql.failed || binds->failed))
		status = sq_err_set(err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", store->path);
	if (status == MUSTER_OK)
		status = sq_reader_take(store, &cursor->conn, err);
	if (status == MUSTER_OK)
		status = sq_prepare(store, cursor->conn, store->sql.text, &cursor->stmt, err);
	if (status != MUSTER_OK)
		return status;
	int rc = sq_binds_apply(binds, cursor->stmt, 1);
	if (rc != SQLITE_OK)
		return sq_fail(store, cursor->conn, rc, "bind the values of a query", err);
	status = step(store, cursor, err);
	cursor->ahead = status == MUSTER_OK;
	return status == MUSTER_E_END ? MUSTER_OK : status;
}

int sq_find(struct sq_store *store, const struct muster_query *query, struct muster_cursor **out, struct sq_err *err)
{
	struct muster_query held = *query;
	struct muster_cursor *cursor = calloc(1, sizeof *cursor);
	if (!cursor)
		return sq_err_set(err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", store->path);
	cursor->doc = bson_new();
	int status = hold(cursor, &held);
	if (status != MUSTER_OK)
		sq_err_set(err, status, "%s: there is not enough memory", store->path);
	else
		status = start(store, cursor, &held, err);
	if (status == MUSTER_OK)
		*out = cursor;
	else
		sq_cursor_close(cursor);
	return status;
}

int sq_next(struct sq_store *store, struct muster_cursor *cursor, struct muster_bytes *out, struct sq_err *err)
{
	if (!cursor->stmt)
		return sq_err_set(err, MUSTER_E_END, "no more documents");
	if (!cursor->ahead) {
		int status = step(store, cursor, err);
		if (status != MUSTER_OK)
			return status;
	}
	cursor->ahead = false;
	int status = sq_doc_read(cursor->coll, cursor->projected ? &cursor->projection : NULL, cursor->stmt,
	                         cursor->doc, err);
	out->data = bson_get_data(cursor->doc);
	out->length = cursor->doc->len;
	return status;
}
