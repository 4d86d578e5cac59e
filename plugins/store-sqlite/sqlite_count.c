/* SPDX-License-Identifier: Apache-2.0 */
/* Counting, in all or by the values of one field. */
#include <string.h>
#include <time.h>

#include "sqlite.h"

/*
 * By a plain column: its values. By a list: its elements; muster_list gives those of the rest, so that both kinds go through
 * json_each. The filter stays in a subquery: json_each has columns of its own with common names.
 */
static void group_text(const struct sq_collection *coll, const char *field, struct sq_sql *sql, struct sq_binds *binds,
                       bool *plain, bool *as_bool)
{
	int at = sq_field_find(coll, field, strlen(field), -1);
	const struct sq_field *def = at >= 0 ? &coll->fields[at] : NULL;
	bool own = strcmp(field, "_id") == 0 || strcmp(field, "rev") == 0;
	*plain = own || (def && def->column && def->type != MUSTER_FIELD_LIST);
	*as_bool = *plain && def && def->type == MUSTER_FIELD_BOOL;
	if (*plain) {
		sq_sql_add(sql, "SELECT value, count(*), 'plain' FROM (SELECT \"%s\" AS value FROM \"%s\" WHERE ",
		           field, coll->name);
		return;
	}
	sq_sql_add(sql, "SELECT item.value, count(*), item.type FROM (SELECT ");
	if (def && def->column)
		sq_sql_add(sql, "coalesce(\"%s\", muster_list(%s, ?))", field, coll->doc);
	else
		sq_sql_add(sql, "muster_list(%s, ?)", coll->doc);
	sq_binds_text(binds, field);
	sq_sql_add(sql, " AS list FROM \"%s\" WHERE ", coll->name);
}

static int compile(struct sq_store *store, const struct sq_collection *coll, const bson_t *filter, const char *field,
                   bool *plain, bool *as_bool, struct sq_err *err)
{
	struct sq_sql *sql = &store->sql;
	sq_sql_reset(sql);
	store->binds.count = 0;
	if (!field)
		sq_sql_add(sql, "SELECT NULL, count(*), 'all' FROM \"%s\" WHERE ", coll->name);
	else
		group_text(coll, field, sql, &store->binds, plain, as_bool);
	int status = sq_filter_compile(coll, filter, sql, &store->binds, err);
	if (field && *plain)
		sq_sql_add(sql, ") WHERE value IS NOT NULL GROUP BY value ORDER BY 2 DESC, 1");
	else if (field)
		sq_sql_add(sql,
		           ") AS row, json_each(row.list) AS item GROUP BY item.type, item.value ORDER BY 2 DESC, 1");
	if (status == MUSTER_OK && sql->failed)
		status = sq_err_set(err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", store->path);
	return status;
}

/* The value of one group; json_each tells true, false and null by their type. */
static void group_value(sqlite3_stmt *stmt, bool plain, bool as_bool, struct sq_value *out)
{
	const char *type = (const char *)sqlite3_column_text(stmt, 2);
	sq_value_from_sqlite(sqlite3_column_value(stmt, 0), as_bool, out);
	if (plain || !type)
		return;
	if (strcmp(type, "null") == 0)
		out->class = SQ_NULL;
	else if (strcmp(type, "true") == 0 || strcmp(type, "false") == 0)
		out->class = SQ_BOOL;
}

static int deliver(struct sq_store *store, struct sq_conn *conn, sqlite3_stmt *stmt, const char *field, bool plain,
                   bool as_bool, muster_group_fn fn, void *data, struct sq_err *err)
{
	int rc, status = MUSTER_OK;
	bson_t key = BSON_INITIALIZER;
	while (status == MUSTER_OK && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
		if (rc != SQLITE_ROW) {
			status = sq_fail(store, conn, rc, "count", err);
			break;
		}
		bson_reinit(&key);
		if (field) {
			struct sq_value value;
			group_value(stmt, plain, as_bool, &value);
			if (!sq_value_append(&key, field, -1, &value))
				continue;
		}
		struct muster_bytes bytes = {bson_get_data(&key), key.len};
		int answer = fn(data, bytes, sqlite3_column_int64(stmt, 1));
		if (answer != 0)
			status =
			        sq_err_set(err, answer < 0 ? answer : MUSTER_E_CANCELLED, "the caller ended the count");
	}
	bson_destroy(&key);
	return status;
}

int sq_count(struct sq_store *store, const char *collection, struct muster_bytes filter, const char *field,
             muster_group_fn fn, void *data, struct sq_err *err)
{
	bson_t doc;
	struct sq_collection *coll;
	struct sq_conn *conn = NULL;
	sqlite3_stmt *stmt = NULL;
	bool plain = false, as_bool = false;
	int status = sq_collection_get(store, collection, &coll, err);
	if (status == MUSTER_OK)
		status = sq_bson_open(filter, "filter", &doc, err);
	if (status == MUSTER_OK && field && (strlen(field) == 0 || strlen(field) > 256))
		status = sq_err_set(err, MUSTER_E_USAGE, "count: a field's name has 1 to 256 bytes");
	if (status == MUSTER_OK)
		status = compile(store, coll, &doc, field, &plain, &as_bool, err);
	if (status == MUSTER_OK)
		status = sq_reader_take(store, &conn, err);
	if (status == MUSTER_OK)
		status = sq_prepare(store, conn, store->sql.text, &stmt, err);
	if (status == MUSTER_OK && sq_binds_apply(&store->binds, stmt, 1) != SQLITE_OK)
		status = sq_fail(store, conn, SQLITE_NOMEM, "bind the values of a filter", err);
	if (status == MUSTER_OK)
		status = deliver(store, conn, stmt, field, plain, as_bool, fn, data, err);
	if (conn) {
		sq_stmt_done(conn, stmt);
		conn->busy = false;
	}
	return status;
}

#define BUDGET_STEPS 500 /* of SQLite's machine between two looks at the clock: some ten microseconds */

#define WALL_PER_WORK                                                                                                  \
	25 /* a disk that must be waited for, and other processes, may take so much more than the work itself */

static int64_t clock_us(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

struct budget {
	int64_t work, wall; /* us: until then */
};

static int is_over(void *data)
{
	const struct budget *until = data;
	return clock_us(CLOCK_THREAD_CPUTIME_ID) > until->work || clock_us(CLOCK_MONOTONIC) > until->wall;
}

/* Steps the one row of a prepared count while the time lasts. */
static int count_until(struct sq_store *store, struct sq_conn *conn, sqlite3_stmt *stmt, int64_t budget_ms,
                       int64_t *out, struct sq_err *err)
{
	struct budget until = {clock_us(CLOCK_THREAD_CPUTIME_ID) + budget_ms * 1000,
	                       clock_us(CLOCK_MONOTONIC) + budget_ms * 1000 * WALL_PER_WORK};
	sqlite3_progress_handler(conn->db, BUDGET_STEPS, is_over, &until);
	int rc = sqlite3_step(stmt);
	sqlite3_progress_handler(conn->db, 0, NULL, NULL);
	*out = -1;
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	return rc == SQLITE_ROW || rc == SQLITE_INTERRUPT ? MUSTER_OK : sq_fail(store, conn, rc, "count", err);
}

int sq_count_some(struct sq_store *store, const char *collection, struct muster_bytes filter, int64_t most,
                  int64_t budget_ms, int64_t *out, struct sq_err *err)
{
	bson_t doc;
	struct sq_collection *coll;
	struct sq_conn *conn = NULL;
	sqlite3_stmt *stmt = NULL;
	struct sq_sql *sql = &store->sql;
	int status = sq_collection_get(store, collection, &coll, err);
	if (status == MUSTER_OK)
		status = sq_bson_open(filter, "filter", &doc, err);
	if (status != MUSTER_OK)
		return status;
	sq_sql_reset(sql);
	store->binds.count = 0;
	sq_sql_add(sql, "SELECT count(*) FROM (SELECT 1 FROM \"%s\" WHERE ", coll->name);
	status = sq_filter_compile(coll, &doc, sql, &store->binds, err);
	sq_sql_add(sql, " LIMIT ?)");
	sq_binds_int(&store->binds, most > 0 ? most : 0);
	if (status == MUSTER_OK && sql->failed)
		status = sq_err_set(err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", store->path);
	if (status == MUSTER_OK)
		status = sq_reader_take(store, &conn, err);
	if (status == MUSTER_OK)
		status = sq_prepare(store, conn, sql->text, &stmt, err);
	if (status == MUSTER_OK && sq_binds_apply(&store->binds, stmt, 1) != SQLITE_OK)
		status = sq_fail(store, conn, SQLITE_NOMEM, "bind the values of a filter", err);
	if (status == MUSTER_OK)
		status = count_until(store, conn, stmt, budget_ms, out, err);
	if (conn) {
		sq_stmt_done(conn, stmt);
		conn->busy = false;
	}
	return status;
}
