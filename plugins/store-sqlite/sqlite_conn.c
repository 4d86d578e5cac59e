/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: pragmas, a cache of prepared statements, and what SQLite's errors mean to an operator. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sqlite.h"

static int status_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return MUSTER_E_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return MUSTER_E_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return MUSTER_E_UNAVAILABLE;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return MUSTER_E_REFUSED;
	case SQLITE_NOMEM:
		return MUSTER_E_NO_MEMORY;
	case SQLITE_TOOBIG:
		return MUSTER_E_LIMIT;
	default:
		return MUSTER_E_FAILED;
	}
}

static const char *cure_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_FULL:
		return "its disk is full: free space there, then try again; everything committed before is kept";
	case SQLITE_CORRUPT:
		return "the file is damaged: stop Muster and restore a backup; sqlite3 FILE 'PRAGMA integrity_check' tells how far it goes";
	case SQLITE_NOTADB:
		return "it is not an SQLite file, or its first page is damaged: name another path or restore a backup";
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return "another program has kept it locked for 10 s: close what has it open (sqlite3, a backup, an editor), then try again";
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return "it cannot be written: check the owner and mode of the file and its directory, and that the file system is not "
		       "mounted read-only";
	case SQLITE_CANTOPEN:
		return "it or the files beside it (-wal, -shm) cannot be opened: check the owner and mode of the file and its directory, "
		       "and that the file system is not mounted read-only";
	case SQLITE_IOERR:
		return "reading or writing its disk failed: look at the system log for disk errors, then check the file with "
		       "sqlite3 FILE 'PRAGMA integrity_check'";
	case SQLITE_NOMEM:
		return "there is not enough memory";
	default:
		return "this should not happen: report it with this text";
	}
}

int sq_fail(struct sq_store *store, struct sq_conn *conn, int code, const char *what, struct sq_err *err)
{
	const char *said = conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(code);
	int extended = conn->db ? sqlite3_extended_errcode(conn->db) : code;
	if (conn->func.status) { /* one of our SQL functions complained, and knows better */
		*err = conn->func;
		conn->func.status = 0;
		return err->status;
	}
	if ((extended & 0xff) != (code & 0xff))
		extended = code;
	/* A disk that fills while the shared-memory file grows is reported as an I/O error of its own. */
	if (extended == SQLITE_IOERR_SHMSIZE)
		code = SQLITE_FULL;
	return sq_err_set(err, status_of(code), "%s: cannot %s: %s (SQLite: %s, %d)", store->path, what, cure_of(code),
	                  said, extended);
}

/*
 * synchronous=FULL: a batch that was answered must survive a power cut, and NORMAL syncs the log at checkpoints only. With
 * batches of 100 ms the sync costs a few percent (figures in README.md). The page cache is large because writing is index
 * maintenance: with SQLite's 2 MB, a store of a million rows writes at a quarter of the speed.
 */
static const char *const pragmas = "PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                   "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864;"
                                   "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                                   "PRAGMA foreign_keys=OFF; PRAGMA recursive_triggers=OFF;";

/* Where two processes turn a new file to WAL at once, SQLite answers "busy" to one of them without waiting. */
static int set_pragmas(sqlite3 *db)
{
	struct timespec start, now, pause = {0, 5000000};
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		rc = sqlite3_exec(db, pragmas, NULL, NULL, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((rc & 0xff) != SQLITE_BUSY || (now.tv_sec - start.tv_sec) * 1000 >= SQ_BUSY_MS)
			return rc;
		nanosleep(&pause, NULL);
	}
}

int sq_conn_open(struct sq_store *store, struct sq_conn *conn, bool writer, struct sq_err *err)
{
	memset(conn, 0, sizeof *conn);
	int rc = sqlite3_open_v2(store->path, &conn->db,
	                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(conn->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
		sqlite3_limit(conn->db, SQLITE_LIMIT_LENGTH, (int)(SQ_MAX_DOC * 2));
		sqlite3_busy_timeout(conn->db, SQ_BUSY_MS);
		rc = set_pragmas(conn->db);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(conn->db,
		                  writer ? "PRAGMA cache_size=-24576" : "PRAGMA cache_size=-8192; PRAGMA query_only=ON",
		                  NULL, NULL, NULL);
	if (rc == SQLITE_OK && writer && sqlite3_db_readonly(conn->db, "main") == 1)
		rc = SQLITE_READONLY;
	if (rc == SQLITE_OK)
		rc = sq_functions_register(conn->db, conn);
	if (rc == SQLITE_OK)
		return MUSTER_OK;
	sq_fail(store, conn, rc, "open the store", err);
	sq_conn_close(conn);
	return err->status;
}

void sq_conn_close(struct sq_conn *conn)
{
	for (size_t i = 0; i < conn->stmt_count; i++) {
		sqlite3_finalize(conn->stmts[i].stmt);
		free(conn->stmts[i].sql);
	}
	free(conn->stmts);
	sqlite3_close_v2(conn->db);
	memset(conn, 0, sizeof *conn);
}

/* A slot for a new statement: a free one, or that of the idle statement unused for longest. */
static struct sq_stmt *stmt_slot(struct sq_conn *conn)
{
	struct sq_stmt *oldest = NULL;
	if (!conn->stmts)
		conn->stmts = calloc(SQ_MAX_STMTS, sizeof *conn->stmts);
	if (!conn->stmts)
		return NULL;
	if (conn->stmt_count < SQ_MAX_STMTS)
		return &conn->stmts[conn->stmt_count++];
	for (size_t i = 0; i < conn->stmt_count; i++)
		if (!conn->stmts[i].busy && (!oldest || conn->stmts[i].used < oldest->used))
			oldest = &conn->stmts[i];
	if (oldest) {
		sqlite3_finalize(oldest->stmt);
		free(oldest->sql);
		memset(oldest, 0, sizeof *oldest);
	}
	return oldest;
}

/* SQLite has no code of its own for statements beyond its limits. */
static bool beyond_sqlite(const char *said)
{
	return strstr(said, "too large") || strstr(said, "too many") || strstr(said, "stack overflow");
}

/* Texts that callers keep are found by their place; the text decides, since another may stand there now. */
static struct sq_stmt *find_stmt(struct sq_conn *conn, const char *sql)
{
	for (size_t i = 0; i < conn->stmt_count; i++) {
		struct sq_stmt *stmt = &conn->stmts[i];
		if (stmt->asked == sql && !stmt->busy && stmt->sql && strcmp(stmt->sql, sql) == 0)
			return stmt;
	}
	for (size_t i = 0; i < conn->stmt_count; i++) {
		struct sq_stmt *stmt = &conn->stmts[i];
		if (stmt->sql && !stmt->busy && strcmp(stmt->sql, sql) == 0)
			return stmt;
	}
	return NULL;
}

int sq_prepare(struct sq_store *store, struct sq_conn *conn, const char *sql, sqlite3_stmt **out, struct sq_err *err)
{
	struct sq_stmt *known = find_stmt(conn, sql);
	if (known) {
		known->asked = sql;
		known->used = ++conn->clock;
		known->busy = true;
		*out = known->stmt;
		return MUSTER_OK;
	}
	sqlite3_stmt *made = NULL;
	int rc = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, NULL);
	if (rc == SQLITE_ERROR && beyond_sqlite(sqlite3_errmsg(conn->db)))
		return sq_err_set(err, MUSTER_E_LIMIT, "filter: too complex for SQLite (%s): use fewer terms",
		                  sqlite3_errmsg(conn->db));
	if (rc != SQLITE_OK)
		return sq_fail(store, conn, rc, "prepare a statement", err);
	struct sq_stmt *slot = stmt_slot(conn);
	char *copy = slot ? malloc(strlen(sql) + 1) : NULL;
	if (!copy) {
		sqlite3_finalize(made);
		return sq_err_set(err, slot ? MUSTER_E_NO_MEMORY : MUSTER_E_LIMIT, "%s: %s", store->path,
		                  slot ? "there is not enough memory" : "too many statements are in use at once");
	}
	memcpy(copy, sql, strlen(sql) + 1);
	slot->sql = copy;
	slot->asked = sql;
	slot->stmt = made;
	slot->used = ++conn->clock;
	slot->busy = true;
	*out = made;
	return MUSTER_OK;
}

void sq_stmt_done(struct sq_conn *conn, sqlite3_stmt *stmt)
{
	if (!stmt)
		return;
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt); /* bound memory is the caller's and goes away */
	for (size_t i = 0; i < conn->stmt_count; i++)
		if (conn->stmts[i].stmt == stmt)
			conn->stmts[i].busy = false;
}

int sq_step_done(struct sq_store *store, struct sq_conn *conn, sqlite3_stmt *stmt, const char *what, struct sq_err *err)
{
	int rc;
	do
		rc = sqlite3_step(stmt);
	while (rc == SQLITE_ROW);
	return rc == SQLITE_DONE ? MUSTER_OK : sq_step_failed(store, conn, rc, what, err);
}

int sq_step_failed(struct sq_store *store, struct sq_conn *conn, int rc, const char *what, struct sq_err *err)
{
	int extended = sqlite3_extended_errcode(conn->db);
	if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    extended == SQLITE_CONSTRAINT_ROWID)
		return sq_err_set(err, MUSTER_E_EXISTS, "%s: %s: already taken", store->path, sqlite3_errmsg(conn->db));
	return sq_fail(store, conn, rc, what, err);
}

int sq_exec(struct sq_store *store, struct sq_conn *conn, const char *sql, struct sq_err *err)
{
	int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? MUSTER_OK : sq_fail(store, conn, rc, "change its layout", err);
}

int sq_query_int(struct sq_store *store, struct sq_conn *conn, const char *sql, int64_t *out, struct sq_err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	else if (rc != SQLITE_DONE)
		sq_fail(store, conn, rc, "read it", err);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? MUSTER_OK : err->status;
}

int sq_reader_take(struct sq_store *store, struct sq_conn **out, struct sq_err *err)
{
	for (size_t i = 0; i < store->reader_count; i++) {
		if (!store->readers[i]->busy) {
			store->readers[i]->busy = true;
			*out = store->readers[i];
			return MUSTER_OK;
		}
	}
	if (store->reader_count == SQ_MAX_READERS)
		return sq_err_set(err, MUSTER_E_LIMIT, "%s: more than %d cursors are open at once", store->path,
		                  SQ_MAX_READERS);
	struct sq_conn *conn = malloc(sizeof *conn);
	if (!conn)
		return sq_err_set(err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", store->path);
	if (sq_conn_open(store, conn, false, err) != MUSTER_OK) {
		free(conn);
		return err->status;
	}
	conn->busy = true;
	store->readers[store->reader_count++] = conn;
	*out = conn;
	return MUSTER_OK;
}
