/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: one transaction each. */
#include <string.h>

#include "sqlite.h"

static int savepoint_verb(struct sq_store *store, const char *verb, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	int status = sq_prepare(store, &store->writer, verb, &stmt, err);
	if (status != MUSTER_OK)
		return status;
	status = sq_step_done(store, &store->writer, stmt, "write", err);
	sq_stmt_done(&store->writer, stmt);
	return status;
}

int sq_rest_run(struct sq_store *store, const struct sq_collection *coll, const char *sql, int64_t row,
                const bson_t *doc, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	int status = sq_prepare(store, &store->writer, sql, &stmt, err);
	(void)coll;
	if (status != MUSTER_OK)
		return status;
	sqlite3_bind_int64(stmt, 1, row);
	if (doc)
		sqlite3_bind_blob64(stmt, 2, bson_get_data(doc), doc->len, SQLITE_STATIC);
	status = sq_step_done(store, &store->writer, stmt, "write a document", err);
	sq_stmt_done(&store->writer, stmt);
	return status;
}

int sq_rest_store(struct sq_store *store, const struct sq_collection *coll, const char *id, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	int64_t row = 0;
	int status = sq_prepare(store, &store->writer, coll->row, &stmt, err);
	if (status != MUSTER_OK)
		return status;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		row = sqlite3_column_int64(stmt, 0);
	else
		status = sq_fail(store, &store->writer, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc,
		                 "find a row just written", err);
	sq_stmt_done(&store->writer, stmt);
	if (status != MUSTER_OK)
		return status;
	if (bson_empty(store->rest))
		return sq_rest_run(store, coll, coll->rest_drop, row, NULL, err);
	return sq_rest_run(store, coll, coll->rest_put, row, store->rest, err);
}

/* A document without its rest must not stay: a failure here takes the whole batch back. */
static int give_up(struct sq_store *store, int status)
{
	if (status != MUSTER_OK && !sqlite3_get_autocommit(store->writer.db))
		sqlite3_exec(store->writer.db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}

int sq_insert(struct sq_store *store, struct sq_collection *coll, const bson_t *doc, const char *sql,
              struct sq_err *err)
{
	sqlite3_stmt *stmt;
	const char *id;
	int status = sq_prepare(store, &store->writer, sql, &stmt, err);
	if (status != MUSTER_OK)
		return status;
	sqlite3_set_last_insert_rowid(store->writer.db, 0);
	status = sq_doc_bind(store, coll, doc, stmt, &id, err);
	if (status == MUSTER_OK)
		status = sq_step_done(store, &store->writer, stmt, "write a document", err);
	sq_stmt_done(&store->writer, stmt);
	if (status != MUSTER_OK)
		return status;
	/* A put that found its document sets no row number, and only such a one can have a rest already. */
	int64_t row = sqlite3_last_insert_rowid(store->writer.db);
	if (row == 0)
		return give_up(store, sq_rest_store(store, coll, id, err));
	if (bson_empty(store->rest))
		return MUSTER_OK;
	return give_up(store, sq_rest_run(store, coll, coll->rest_put, row, store->rest, err));
}

static int each_row(struct sq_store *store, const struct sq_collection *coll, sqlite3_stmt *stmt, const char *sql,
                    const bson_t *doc, int64_t *rows, struct sq_err *err)
{
	int rc, status = MUSTER_OK;
	/* RETURNING gives its first row when all rows are changed. */
	while (status == MUSTER_OK && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
		if (rc != SQLITE_ROW)
			return sq_step_failed(store, &store->writer, rc, "change documents", err);
		++*rows;
		status = sq_rest_run(store, coll, sql, sqlite3_column_int64(stmt, 0), doc, err);
	}
	return status;
}

int sq_rest_each(struct sq_store *store, const struct sq_collection *coll, sqlite3_stmt *stmt, const char *sql,
                 const bson_t *doc, int64_t *rows, struct sq_err *err)
{
	struct sq_err ignored;
	*rows = 0;
	int status = savepoint_verb(store, "SAVEPOINT item", err);
	if (status != MUSTER_OK)
		return status;
	status = each_row(store, coll, stmt, sql, doc, rows, err);
	sqlite3_reset(stmt);
	if (sqlite3_get_autocommit(store->writer.db)) /* SQLite took it all back by itself */
		return status;
	if (status != MUSTER_OK) {
		*rows = 0;
		if (savepoint_verb(store, "ROLLBACK TO item", &ignored) != MUSTER_OK)
			return give_up(store, status);
	}
	if (savepoint_verb(store, "RELEASE item", &ignored) != MUSTER_OK)
		return give_up(store, status == MUSTER_OK ? ignored.status : status);
	return status;
}

static int exists(struct sq_store *store, const struct sq_collection *coll, const char *id, bool *there,
                  struct sq_err *err)
{
	sqlite3_stmt *stmt;
	sq_sql_reset(&store->sql);
	sq_sql_add(&store->sql, "SELECT 1 FROM \"%s\" WHERE _id = ?", coll->name);
	int status = sq_prepare(store, &store->writer, store->sql.text, &stmt, err);
	if (status != MUSTER_OK)
		return status;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	*there = rc == SQLITE_ROW;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		status = sq_fail(store, &store->writer, rc, "read it", err);
	sq_stmt_done(&store->writer, stmt);
	return status;
}

static int replace_if(struct sq_store *store, struct sq_collection *coll, const bson_t *doc, int64_t rev,
                      struct muster_write_result *result, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	const char *id;
	bool there = false;
	int status = sq_prepare(store, &store->writer, coll->replace, &stmt, err);
	if (status != MUSTER_OK)
		return status;
	status = sq_doc_bind(store, coll, doc, stmt, &id, err);
	sqlite3_bind_int64(stmt, sqlite3_bind_parameter_count(stmt), rev);
	if (status == MUSTER_OK)
		status = sq_step_done(store, &store->writer, stmt, "replace a document", err);
	if (status == MUSTER_OK)
		result->changed = result->matched = sqlite3_changes64(store->writer.db);
	sq_stmt_done(&store->writer, stmt);
	if (status == MUSTER_OK && result->changed)
		return give_up(store, sq_rest_store(store, coll, id, err));
	if (status != MUSTER_OK)
		return status;
	if ((status = exists(store, coll, id, &there, err)) != MUSTER_OK)
		return status;
	result->matched = there;
	return there ? sq_err_set(err, MUSTER_E_CONFLICT, "%s %.100s: its rev is no longer %lld", coll->name, id,
	                          (long long)rev)
	             : sq_err_set(err, MUSTER_E_NOT_FOUND, "%s %.100s: no such document", coll->name, id);
}

static int remove_all(struct sq_store *store, const struct sq_collection *coll, const struct muster_write *item,
                      struct muster_write_result *result, struct sq_err *err)
{
	bson_t filter;
	sqlite3_stmt *stmt;
	int status = sq_bson_open(item->filter, "filter", &filter, err);
	sq_sql_reset(&store->sql);
	store->binds.count = 0;
	sq_sql_add(&store->sql, "DELETE FROM \"%s\" WHERE ", coll->name);
	if (status == MUSTER_OK)
		status = sq_filter_compile(coll, &filter, &store->sql, &store->binds, err);
	sq_sql_add(&store->sql, " RETURNING rowid");
	if (status == MUSTER_OK)
		status = sq_prepare(store, &store->writer, store->sql.text, &stmt, err);
	if (status != MUSTER_OK)
		return status;
	sq_binds_apply(&store->binds, stmt, 1);
	status = sq_rest_each(store, coll, stmt, coll->rest_drop, NULL, &result->matched, err);
	result->changed = result->matched;
	sq_stmt_done(&store->writer, stmt);
	return status;
}

static int one_item(struct sq_store *store, const struct muster_write *item, struct muster_write_result *result,
                    struct sq_err *err)
{
	struct sq_collection *coll;
	bson_t doc;
	int status = sq_collection_get(store, item->collection ? item->collection : "", &coll, err);
	if (status != MUSTER_OK)
		return status;
	bool done = false;
	if (item->kind == MUSTER_WRITE_UPDATE)
		status = sq_touch(store, coll, item, result, &done, err);
	if (done)
		return status;
	if (item->kind == MUSTER_WRITE_UPDATE)
		return sq_update(store, coll, item, result, err);
	if (item->kind == MUSTER_WRITE_REMOVE)
		return remove_all(store, coll, item, result, err);
	if (item->kind != MUSTER_WRITE_INSERT && item->kind != MUSTER_WRITE_PUT &&
	    item->kind != MUSTER_WRITE_REPLACE_IF)
		return sq_err_set(err, MUSTER_E_UNSUPPORTED, "write: unknown kind %u", item->kind);
	if ((status = sq_bson_open(item->document, "document", &doc, err)) != MUSTER_OK)
		return status;
	if (item->kind == MUSTER_WRITE_REPLACE_IF)
		return replace_if(store, coll, &doc, item->rev, result, err);
	status = sq_insert(store, coll, &doc, item->kind == MUSTER_WRITE_INSERT ? coll->insert : coll->put, err);
	result->changed = status == MUSTER_OK;
	return status;
}

static bool goes_on(int status)
{
	return status == MUSTER_OK || status == MUSTER_E_EXISTS || status == MUSTER_E_CONFLICT ||
	       status == MUSTER_E_NOT_FOUND;
}

static int transaction(struct sq_store *store, const char *verb, const char *what, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	int status = sq_prepare(store, &store->writer, verb, &stmt, err);
	if (status != MUSTER_OK)
		return status;
	int rc = sqlite3_step(stmt);
	if (rc != SQLITE_DONE)
		status = sq_fail(store, &store->writer, rc, what, err);
	/* The log may have reached the disk although the sync failed: only a reader after a restart can tell. */
	int extended = sqlite3_extended_errcode(store->writer.db);
	if (rc != SQLITE_DONE && (extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC))
		status = err->status = MUSTER_E_UNKNOWN;
	sq_stmt_done(&store->writer, stmt);
	return status;
}

/* Nothing of the batch is in the store: every item says so, and why. */
static void undo(struct sq_store *store, struct muster_write_result *results, size_t count, int status)
{
	if (!sqlite3_get_autocommit(store->writer.db))
		sqlite3_exec(store->writer.db, "ROLLBACK", NULL, NULL, NULL);
	for (size_t i = 0; i < count; i++) {
		if (results[i].status != MUSTER_E_CANCELLED)
			results[i].status = status;
		results[i].matched = results[i].changed = 0;
	}
}

int sq_write(struct sq_store *store, const struct muster_write *items, size_t count,
             struct muster_write_result *results, struct sq_err *err)
{
	struct sq_err item_err = {0};
	int first = MUSTER_OK;
	if (count == 0)
		return MUSTER_OK;
	for (size_t i = 0; i < count; i++) {
		results[i].status = MUSTER_E_CANCELLED;
		results[i].matched = results[i].changed = 0;
	}
	if (count > SQ_MAX_ITEMS)
		return sq_err_set(err, MUSTER_E_LIMIT, "write: more than %u items", SQ_MAX_ITEMS);
	int status = transaction(store, "BEGIN IMMEDIATE", "begin to write", err);
	if (status != MUSTER_OK)
		return results[0].status = status;
	for (size_t i = 0; i < count && first == MUSTER_OK; i++) {
		results[i].status = one_item(store, &items[i], &results[i], &item_err);
		if (!goes_on(results[i].status)) {
			first = results[i].status;
			*err = item_err;
		}
	}
	/* SQLite takes a whole transaction back on some errors (disk full, I/O, memory). */
	if (sqlite3_get_autocommit(store->writer.db)) {
		undo(store, results, count, first);
		return first;
	}
	status = transaction(store, "COMMIT", "commit", &item_err);
	if (status != MUSTER_OK) {
		undo(store, results, count, status);
		*err = item_err;
		return status;
	}
	return first;
}
