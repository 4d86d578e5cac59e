/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a store for years: a copy while it is in use, and a look at every page. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "sqlite.h"

#define STEP_PAGES   512    /* of a backup, between two looks at the caller */
#define TICK_STEPS   200000 /* of SQLite's machine while it checks; well under a second */
#define FINDINGS_MAX "100"  /* lines of one integrity_check */
/* What a copy leaves of its disk to everybody else. */
#define KEEP_FREE (16ll << 20)

int sq_cancelled(struct sq_err *err)
{
	return sq_err_set(err, MUSTER_E_CANCELLED, "it was stopped");
}

static int tick(void *data)
{
	struct sq_ticker *ticker = data;
	ticker->stopped |= ticker->watch->progress(ticker->watch->data, ticker->done, ticker->total) != 0;
	return ticker->stopped;
}

/* Reads all pages, all indexes, all constraints; each fault is a line. SQLITE_OK also when there are faults. */
static int integrity(sqlite3 *db, struct sq_ticker *ticker, void (*line)(void *data, const char *text), void *data)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(" FINDINGS_MAX ")", -1, &stmt, NULL);
	sqlite3_progress_handler(db, TICK_STEPS, tick, ticker);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);
		if (text && strcmp(text, "ok") != 0)
			line(data, text);
		rc = SQLITE_OK;
	}
	sqlite3_progress_handler(db, 0, NULL, NULL);
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void first_line(void *data, const char *text)
{
	struct sq_err *err = data;
	if (err->status == MUSTER_OK)
		sq_err_set(err, MUSTER_E_CORRUPT, "%s", text);
}

int sq_check_copy(struct sq_store *store, struct sq_conn *conn, struct sq_ticker *ticker, const char *path,
                  struct sq_err *err)
{
	struct sq_err found = {0};
	int rc = tick(ticker) ? SQLITE_INTERRUPT : integrity(conn->db, ticker, first_line, &found);
	if (ticker->stopped)
		return sq_cancelled(err);
	if (rc != SQLITE_OK)
		return sq_fail(store, conn, rc, "check the copy", err);
	ticker->done = ticker->total;
	(void)tick(ticker);
	if (found.status != MUSTER_OK)
		return sq_err_set(err, MUSTER_E_CORRUPT,
		                  "%s: the copy is damaged: %.400s; 'muster store verify' looks at the store itself",
		                  path, found.text);
	return MUSTER_OK;
}

int sq_room_for(const char *directory_of, int64_t bytes, struct sq_err *err)
{
	char directory[4096];
	const char *slash = strrchr(directory_of, '/');
	struct statvfs disk;
	size_t length = slash ? (size_t)(slash - directory_of) : 0;
	if (slash == directory_of)
		length = 1;
	if (!slash || length >= sizeof directory)
		return sq_err_set(err, MUSTER_E_USAGE, "%s: an absolute path is wanted", directory_of);
	memcpy(directory, directory_of, length);
	directory[length] = '\0';
	if (statvfs(directory, &disk) != 0)
		return sq_err_set(err, MUSTER_E_NOT_FOUND, "%s: cannot use the directory: %s", directory,
		                  strerror(errno));
	int64_t left = (int64_t)(disk.f_bavail * disk.f_frsize);
	if (left >= bytes + KEEP_FREE)
		return MUSTER_OK;
	return sq_err_set(
	        err, MUSTER_E_FULL,
	        "%s: the copy takes %lld MiB and %lld MiB are free on this disk: free some space, then try again",
	        directory, (long long)((bytes + KEEP_FREE) >> 20), (long long)(left >> 20));
}

int sq_new_file(const char *path, struct sq_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int code = errno;
	if (fd >= 0)
		return fd;
	sq_err_set(err,
	           code == ENOSPC || code == EDQUOT ? MUSTER_E_FULL
	           : code == EEXIST                 ? MUSTER_E_EXISTS
	                                            : MUSTER_E_REFUSED,
	           "%s: cannot make the file: %s", path, strerror(code));
	return -1;
}

/* The pages of one snapshot: a read transaction on the source keeps it the same however others write. */
static int copy_pages(struct sq_store *store, struct sq_conn *from, struct sq_conn *to, struct sq_ticker *ticker,
                      struct sq_err *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
	int rc = backup ? SQLITE_OK : sqlite3_errcode(to->db), status = MUSTER_OK;
	while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
		rc = sqlite3_backup_step(backup, STEP_PAGES);
		ticker->total = 2 * (int64_t)sqlite3_backup_pagecount(backup); /* the check reads them again */
		ticker->done = sqlite3_backup_pagecount(backup) - sqlite3_backup_remaining(backup);
		if (tick(ticker))
			break;
	}
	if (backup)
		sqlite3_backup_finish(backup);
	if (ticker->stopped)
		status = sq_cancelled(err);
	else if (rc != SQLITE_DONE)
		status = sq_fail(store, (rc & 0xff) == SQLITE_CORRUPT ? from : to, rc, "copy it", err);
	return status;
}

/* The copy is one file: no log beside it, whatever the store uses. It was made for us, so it needs no syncs until its end. */
static int copy(struct sq_store *store, struct sq_conn *from, const char *path, struct sq_ticker *ticker,
                struct sq_err *err)
{
	struct sq_conn to = {0};
	int rc = sqlite3_open_v2(path, &to.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	                         NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to.db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF", NULL, NULL, NULL);
	int status = rc == SQLITE_OK ? MUSTER_OK : sq_fail(store, &to, rc, "open the copy", err);
	if (status == MUSTER_OK)
		status = copy_pages(store, from, &to, ticker, err);
	if (status == MUSTER_OK &&
	    (rc = sqlite3_exec(to.db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL)) != SQLITE_OK)
		status = sq_fail(store, &to, rc, "make the copy one file", err);
	if (status == MUSTER_OK)
		status = sq_check_copy(store, &to, ticker, path, err);
	sq_conn_close(&to);
	return status;
}

int sq_backup(struct sq_store *store, const char *path, const struct muster_store_watch *watch, struct sq_err *err)
{
	struct sq_ticker ticker = {.watch = watch};
	struct sq_conn *from = NULL;
	int64_t pages = 0, page_size = 0;
	int fd = -1, status = sq_reader_take(store, &from, err);
	if (status == MUSTER_OK)
		status = sq_exec(store, from, "BEGIN; SELECT count(*) FROM muster_collections", err);
	if (status == MUSTER_OK)
		status = sq_query_int(store, from, "PRAGMA page_count", &pages, err);
	if (status == MUSTER_OK)
		status = sq_query_int(store, from, "PRAGMA page_size", &page_size, err);
	if (status == MUSTER_OK)
		status = sq_room_for(path, pages * page_size, err);
	if (status == MUSTER_OK && (fd = sq_new_file(path, err)) < 0)
		status = err->status;
	if (status == MUSTER_OK)
		status = copy(store, from, path, &ticker, err);
	if (status == MUSTER_OK && fsync(fd) != 0)
		status = sq_err_set(err, errno == ENOSPC || errno == EDQUOT ? MUSTER_E_FULL : MUSTER_E_FAILED,
		                    "%s: cannot sync the copy: %s", path, strerror(errno));
	if (from) {
		sqlite3_exec(from->db, "ROLLBACK", NULL, NULL, NULL);
		from->busy = false;
	}
	if (fd >= 0) {
		close(fd);
		if (status != MUSTER_OK)
			(void)unlink(path);
	}
	return status;
}

static void report_line(void *data, const char *text)
{
	struct sq_report *report = data;
	report->count++;
	report->watch->report(report->watch->data, MUSTER_E_CORRUPT, report->where, text);
}

/* Rows that hang in the air, and documents that are none: what SQLite cannot know. */
static int verify_rest(struct sq_store *store, struct sq_conn *conn, const char *name, struct sq_report *report,
                       struct sq_ticker *ticker, struct sq_err *err)
{
	sqlite3_stmt *stmt = NULL;
	struct sq_sql sql = {0};
	int rc, found = 0;
	sq_sql_add(
	        &sql,
	        "SELECT rest.row, rest.doc, main.rowid FROM \"%s_rest\" AS rest LEFT JOIN \"%s\" AS main ON main.rowid = rest.row",
	        name, name);
	rc = sql.failed ? SQLITE_NOMEM : sqlite3_prepare_v2(conn->db, sql.text, -1, &stmt, NULL);
	sqlite3_progress_handler(conn->db, TICK_STEPS, tick, ticker);
	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW && found < 20) {
		bson_t doc;
		char text[200];
		const void *data = sqlite3_column_blob(stmt, 1);
		bool whole = data && bson_init_static(&doc, data, (size_t)sqlite3_column_bytes(stmt, 1)) &&
		             bson_validate(&doc, BSON_VALIDATE_NONE, NULL);
		bool orphan = sqlite3_column_type(stmt, 2) == SQLITE_NULL;
		rc = SQLITE_OK;
		if (whole && !orphan)
			continue;
		found++;
		sqlite3_snprintf(sizeof text, text, "%s_rest: row %lld %s", name, sqlite3_column_int64(stmt, 0),
		                 orphan ? "belongs to no document" : "holds something that is no document");
		report_line(report, text);
	}
	sqlite3_progress_handler(conn->db, 0, NULL, NULL);
	int status = MUSTER_OK;
	if (ticker->stopped)
		status = sq_cancelled(err);
	else if ((rc & 0xff) == SQLITE_CORRUPT)
		report_line(report, sqlite3_errmsg(conn->db));
	else if (rc != SQLITE_DONE && rc != SQLITE_OK && rc != SQLITE_ROW)
		status = sq_fail(store, conn, rc, "read all of it", err);
	sqlite3_finalize(stmt);
	sq_sql_free(&sql);
	return status;
}

int sq_verify(struct sq_store *store, const struct muster_store_watch *watch, struct sq_err *err)
{
	struct sq_ticker ticker = {.watch = watch, .total = (int64_t)store->collection_count + 1};
	struct sq_report report = {watch, store->path, 0};
	struct sq_conn *conn = NULL;
	int status = sq_reader_take(store, &conn, err);
	if (status != MUSTER_OK)
		return status;
	int rc = tick(&ticker) ? SQLITE_INTERRUPT : integrity(conn->db, &ticker, report_line, &report);
	if (ticker.stopped)
		status = sq_cancelled(err);
	else if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
		report_line(&report, sqlite3_errmsg(conn->db));
	else if (rc != SQLITE_OK)
		status = sq_fail(store, conn, rc, "check it", err);
	for (size_t i = 0; i < store->collection_count && status == MUSTER_OK; i++) {
		ticker.done++;
		status = verify_rest(store, conn, store->collections[i]->name, &report, &ticker, err);
	}
	conn->busy = false;
	return status;
}
