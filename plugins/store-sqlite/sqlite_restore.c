/* SPDX-License-Identifier: Apache-2.0 */
/* A backup in the place of the store. The old file is put aside first, so that nothing is lost wherever this is cut off. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sqlite.h"

#define BLOCK (1u << 20)

static int io_fail(const char *path, const char *what, struct sq_err *err)
{
	int code = errno;
	return sq_err_set(err,
	                  code == ENOSPC || code == EDQUOT                   ? MUSTER_E_FULL
	                  : code == ENOENT                                   ? MUSTER_E_NOT_FOUND
	                  : code == EACCES || code == EPERM || code == EROFS ? MUSTER_E_REFUSED
	                                                                     : MUSTER_E_FAILED,
	                  "%s: cannot %s: %s", path, what, strerror(code));
}

static char *beside(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *made = malloc(size);
	if (made)
		sqlite3_snprintf((int)size, made, "%s%s", path, suffix);
	return made;
}

/* Without its log a file that was copied by hand while in use lacks the newest changes, and nobody would notice. */
static int open_source(const char *path, int *fd, int64_t *size, struct sq_err *err)
{
	struct stat st;
	char *log = beside(path, "-wal");
	if (!log)
		return sq_err_set(err, MUSTER_E_NO_MEMORY, "there is not enough memory");
	bool has_log = stat(log, &st) == 0 && st.st_size > 0;
	free(log);
	if (has_log)
		return sq_err_set(
		        err, MUSTER_E_REFUSED,
		        "%s: a log lies beside it (-wal), so it is no backup but a store that was in use: make a backup of it with "
		        "muster store backup --store %s",
		        path, path);
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return io_fail(path, "open the backup", err);
	if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode))
		return sq_err_set(err, MUSTER_E_REFUSED, "%s: it is no regular file", path);
	*size = st.st_size;
	return MUSTER_OK;
}

static int copy_bytes(int from, int to, const char *path, struct sq_ticker *ticker, struct sq_err *err)
{
	char *block = malloc(BLOCK);
	int status = block ? MUSTER_OK : sq_err_set(err, MUSTER_E_NO_MEMORY, "there is not enough memory");
	while (status == MUSTER_OK) {
		ssize_t n = read(from, block, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			status = io_fail("the backup", "read it", err);
		for (ssize_t at = 0; at < n && status == MUSTER_OK;) {
			ssize_t put = write(to, block + at, (size_t)(n - at));
			if (put < 0 && errno != EINTR)
				status = io_fail(path, "write the copy", err);
			at += put > 0 ? put : 0;
		}
		ticker->done += n > 0 ? n : 0;
		ticker->stopped |= ticker->watch->progress(ticker->watch->data, ticker->done, ticker->total) != 0;
		if (ticker->stopped && status == MUSTER_OK)
			status = sq_cancelled(err);
		if (n == 0)
			break;
	}
	if (status == MUSTER_OK && fsync(to) != 0)
		status = io_fail(path, "sync the copy", err);
	free(block);
	return status;
}

static int newer_definition(struct sq_store *store, struct sq_conn *conn, const char *source,
                            const struct muster_array *collections, struct sq_err *err)
{
	int status = MUSTER_OK;
	for (uint32_t i = 0; i < collections->count && status == MUSTER_OK; i++) {
		const struct muster_collection *def =
		        (const struct muster_collection *)(const void *)((const char *)collections->items +
		                                                         (size_t)i * collections->item_size);
		int64_t version = 0;
		if (!sq_name_valid(def->name, strlen(def->name)))
			continue;
		sq_sql_reset(&store->sql);
		sq_sql_add(&store->sql, "SELECT version FROM muster_collections WHERE name = '%s'", def->name);
		status = sq_query_int(store, conn, store->sql.text, &version, err);
		if (status == MUSTER_OK && version > def->version)
			status = sq_err_set(
			        err, MUSTER_E_REFUSED,
			        "%s: collection %s was made by a newer Muster (version %lld, this one knows %u): "
			        "upgrade Muster, then restore",
			        source, def->name, (long long)version, def->version);
	}
	return status;
}

/* The copy says whose file it is; all of it is read before anything is touched. */
static int judge(struct sq_store *store, const char *source, const char *copy, const struct muster_array *collections,
                 struct sq_ticker *ticker, struct sq_err *err)
{
	struct sq_conn conn = {0};
	int64_t id = 0, layout = 0;
	int rc = sqlite3_open_v2(copy, &conn.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	                         NULL);
	int status = rc == SQLITE_OK ? sq_query_int(store, &conn, "PRAGMA application_id", &id, err)
	                             : sq_fail(store, &conn, rc, "open the copy", err);
	if (status == MUSTER_OK)
		status = sq_query_int(store, &conn, "PRAGMA user_version", &layout, err);
	if (status == MUSTER_OK && id != SQ_APPLICATION_ID)
		status = sq_err_set(err, MUSTER_E_REFUSED, "%s: it is no Muster store; nothing was changed", source);
	else if (status == MUSTER_E_CORRUPT)
		sq_err_set(err, MUSTER_E_CORRUPT,
		           "%s: it is no Muster store, or its first page is damaged; nothing was changed", source);
	if (status == MUSTER_OK && layout > SQ_LAYOUT)
		status = sq_err_set(
		        err, MUSTER_E_REFUSED,
		        "%s: it was made by a newer Muster (layout %lld, this one knows %d): upgrade Muster, "
		        "then restore",
		        source, (long long)layout, SQ_LAYOUT);
	if (status == MUSTER_OK)
		status = newer_definition(store, &conn, source, collections, err);
	if (status == MUSTER_OK)
		status = sq_check_copy(store, &conn, ticker, source, err);
	sq_conn_close(&conn);
	return status;
}

/* What is still in the old store's log goes into its file, so that the file alone is the old store. Best effort: a damaged
 * one keeps its log beside it. */
static void fold_log(const char *path)
{
	sqlite3 *db = NULL;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
		sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	sqlite3_close(db);
}

/* A second name first, and only then is the first one given to the new file: at every moment the old store has a name. */
static int link_aside(const char *path, const char *suffix, const char *aside, bool *there, struct sq_err *err)
{
	char *from = beside(path, suffix), *to = beside(aside, suffix);
	int status = from && to ? MUSTER_OK : sq_err_set(err, MUSTER_E_NO_MEMORY, "there is not enough memory");
	*there = false;
	if (status == MUSTER_OK && link(from, to) == 0)
		*there = true;
	else if (status == MUSTER_OK && errno != ENOENT)
		status = io_fail(to, "put the old store aside", err);
	free(from);
	free(to);
	return status;
}

static void unlink_beside(const char *path, const char *suffix)
{
	char *log = beside(path, suffix);
	if (log)
		(void)unlink(log);
	free(log);
}

static void sync_directory(const char *path)
{
	char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
	int fd;
	if (slash) {
		slash[slash == copy] = '\0';
		fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0) {
			(void)fsync(fd);
			close(fd);
		}
	}
	free(copy);
}

static int change_places(const char *path, const char *copy, const struct muster_store_watch *watch, struct sq_err *err)
{
	char stamp[40];
	time_t now = time(NULL);
	struct tm tm;
	bool old = false, log = false;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, ".before-%Y%m%dT%H%M%SZ", &tm);
	char *aside = beside(path, stamp);
	if (!aside)
		return sq_err_set(err, MUSTER_E_NO_MEMORY, "there is not enough memory");
	fold_log(path);
	int status = link_aside(path, "", aside, &old, err);
	if (status == MUSTER_OK)
		status = link_aside(path, "-wal", aside, &log, err);
	sync_directory(path);
	if (status == MUSTER_OK) {
		unlink_beside(path, "-wal");
		unlink_beside(path, "-shm");
		if (rename(copy, path) != 0)
			status = io_fail(path, "put the copy in its place", err);
		sync_directory(path);
	}
	if (status == MUSTER_OK && old)
		watch->report(watch->data, MUSTER_OK, aside, "the old store was put aside");
	free(aside);
	return status;
}

/* Root restores a store that another user runs: the file stays that user's. */
static void keep_owner(int fd, const char *path)
{
	struct stat st;
	char *directory = strdup(path), *slash = directory ? strrchr(directory, '/') : NULL;
	if (slash)
		slash[slash == directory] = '\0';
	if (geteuid() == 0 && (stat(path, &st) == 0 || (slash && stat(directory, &st) == 0)) &&
	    fchown(fd, st.st_uid, st.st_gid) != 0)
		(void)0; /* the service says that it cannot open it */
	free(directory);
}

int sq_restore(struct sq_store *store, const char *source, const struct muster_array *collections,
               const struct muster_store_watch *watch, struct sq_err *err)
{
	struct sq_ticker ticker = {.watch = watch};
	int64_t size = 0;
	int from = -1, to = -1, status;
	char *copy = beside(store->path, ".restoring");
	if (!copy)
		return sq_err_set(err, MUSTER_E_NO_MEMORY, "there is not enough memory");
	status = open_source(source, &from, &size, err);
	ticker.total = 2 * size;
	if (status == MUSTER_OK)
		status = sq_room_for(store->path, size, err);
	if (status == MUSTER_OK) {
		(void)unlink(copy); /* of a restore that was killed */
		if ((to = sq_new_file(copy, err)) < 0)
			status = err->status;
	}
	if (status == MUSTER_OK)
		status = copy_bytes(from, to, copy, &ticker, err);
	if (status == MUSTER_OK)
		status = judge(store, source, copy, collections, &ticker, err);
	if (status == MUSTER_OK) {
		keep_owner(to, store->path);
		status = change_places(store->path, copy, watch, err);
	}
	if (to >= 0) {
		close(to);
		if (status != MUSTER_OK)
			(void)unlink(copy);
	}
	if (from >= 0)
		close(from);
	free(copy);
	return status;
}
