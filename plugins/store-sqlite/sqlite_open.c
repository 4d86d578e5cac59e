/* SPDX-License-Identifier: Apache-2.0 */
/* The file: made for its owner alone, recognised as a Muster store, brought up to the layout. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite.h"

static int path_fail(const char *path, int errnum, const char *what, struct sq_err *err)
{
	const char *cure = errnum == EROFS    ? "the file system is mounted read-only: remount it or name another path"
	                   : errnum == EACCES ? "check the owner and mode of the directory, or name another path"
	                   : errnum == ENOSPC || errnum == EDQUOT ? "the disk is full: free space there"
	                   : errnum == ENOTDIR                    ? "a part of the path is a file: name another path"
	                                                          : "name another path";
	int status = errnum == ENOSPC || errnum == EDQUOT ? MUSTER_E_FULL
	             : errnum == ENOMEM                   ? MUSTER_E_NO_MEMORY
	                                                  : MUSTER_E_REFUSED;
	return sq_err_set(err, status, "%s: cannot %s: %s; %s", path, what, strerror(errnum), cure);
}

/* The directories above `path` that are missing, for the owner alone. */
static int make_directories(const char *path, struct sq_err *err)
{
	char *copy = strdup(path);
	int status = MUSTER_OK;
	if (!copy)
		return sq_err_set(err, MUSTER_E_NO_MEMORY, "%s: there is not enough memory", path);
	for (char *slash = strchr(copy + 1, '/'); slash && status == MUSTER_OK; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0700) != 0 && errno != EEXIST)
			status = errno == EACCES && faccessat(AT_FDCWD, copy, X_OK, AT_EACCESS) == 0
			                 ? MUSTER_OK
			                 : path_fail(copy, errno, "make the directory", err);
		*slash = '/';
	}
	free(copy);
	return status;
}

/* SQLite gives -wal and -shm the mode of the file, so the file is made here with its final one. */
static int make_file(struct sq_store *store, struct sq_err *err)
{
	struct stat st;
	if (stat(store->path, &st) != 0) {
		if (errno != ENOENT)
			return path_fail(store->path, errno, "open the store", err);
		if (make_directories(store->path, err) != MUSTER_OK)
			return err->status;
		int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && errno != EEXIST)
			return path_fail(store->path, errno, "make the store", err);
		if (fd >= 0)
			close(fd);
		if (stat(store->path, &st) != 0)
			return path_fail(store->path, errno, "open the store", err);
	}
	if (!S_ISREG(st.st_mode))
		return sq_err_set(err, MUSTER_E_REFUSED,
		                  "%s: cannot open the store: it is not a regular file; name another path",
		                  store->path);
	if (faccessat(AT_FDCWD, store->path, R_OK | W_OK, AT_EACCESS) != 0)
		return path_fail(store->path, errno, "write the store", err);
	store->device = st.st_dev;
	store->inode = st.st_ino;
	return MUSTER_OK;
}

static const char *const layout =
        "CREATE TABLE muster_collections (name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE muster_fields (collection TEXT, position INTEGER, field TEXT, type INTEGER NOT NULL,"
        " PRIMARY KEY (collection, position)) WITHOUT ROWID;"
        "CREATE TABLE muster_indexes (name TEXT PRIMARY KEY, collection TEXT NOT NULL, fields TEXT NOT NULL, flags INTEGER NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE TABLE muster_leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL, fence INTEGER NOT NULL,"
        " touched INTEGER NOT NULL) WITHOUT ROWID;"
        "PRAGMA application_id=1297306706; PRAGMA user_version=1;";
_Static_assert(SQ_APPLICATION_ID == 1297306706 && SQ_LAYOUT == 1, "the layout text states both");

/* Whose file is it? Sets *fresh for one without any content. */
static int recognise(struct sq_store *store, bool *fresh, struct sq_err *err)
{
	int64_t id = 0, version = 0, tables = 0;
	struct sq_conn probe = {0};
	int rc = sqlite3_open_v2(store->path, &probe.db,
	                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK)
		sq_fail(store, &probe, rc, "open the store", err);
	else
		sqlite3_busy_timeout(probe.db, SQ_BUSY_MS);
	/* One state of the file for all three: another process may be laying it out at this moment. */
	int status = rc != SQLITE_OK ? err->status : sq_exec(store, &probe, "BEGIN", err);
	if (status == MUSTER_OK)
		status = sq_query_int(store, &probe, "PRAGMA application_id", &id, err);
	if (status == MUSTER_OK)
		status = sq_query_int(store, &probe, "PRAGMA user_version", &version, err);
	if (status == MUSTER_OK)
		status = sq_query_int(store, &probe, "SELECT count(*) FROM sqlite_master", &tables, err);
	sq_conn_close(&probe);
	if (status != MUSTER_OK)
		return status;
	*fresh = id == 0 && version == 0 && tables == 0;
	if (!*fresh && id != SQ_APPLICATION_ID)
		return sq_err_set(
		        err, MUSTER_E_REFUSED,
		        "%s: this is an SQLite file but not a Muster store; nothing was changed: name another path",
		        store->path);
	if (version > SQ_LAYOUT)
		return sq_err_set(
		        err, MUSTER_E_REFUSED,
		        "%s: the store was made by a newer Muster (layout %lld, this one knows %d): upgrade Muster, or restore a "
		        "backup made before the upgrade",
		        store->path, (long long)version, SQ_LAYOUT);
	return MUSTER_OK;
}

/* Two processes may both find the file empty; the second one sees the first one's work inside the transaction. */
static int lay_out(struct sq_store *store, struct sq_err *err)
{
	int64_t id = 0;
	struct sq_conn *conn = &store->writer;
	int rc = sqlite3_exec(conn->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return sq_fail(store, conn, rc, "lay out the new store", err);
	int status = sq_query_int(store, conn, "PRAGMA application_id", &id, err);
	if (status == MUSTER_OK && id == 0)
		status = sq_exec(store, conn, layout, err);
	if (status == MUSTER_OK)
		status = sq_exec(store, conn, "COMMIT", err);
	if (status != MUSTER_OK)
		sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
	return status;
}

int sq_store_prepare(struct sq_store *store, struct sq_err *err)
{
	bool fresh = false;
	if (make_file(store, err) != MUSTER_OK || recognise(store, &fresh, err) != MUSTER_OK)
		return err->status;
	if (sq_conn_open(store, &store->writer, true, err) != MUSTER_OK)
		return err->status;
	return fresh ? lay_out(store, err) : MUSTER_OK;
}
