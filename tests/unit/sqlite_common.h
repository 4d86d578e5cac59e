/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the SQLite store do behind its back. */
#ifndef SQLITE_COMMON_H
#define SQLITE_COMMON_H

#include "store_common.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Runs SQL with SQLite itself. */
static inline void raw_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	char *text = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", sql, text);
	sqlite3_close(db);
}

/* First column of the first row. */
static inline void raw_text(const char *path, const char *sql, char *out, size_t size)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;

	out[0] = '\0';
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_text(stmt, 0))
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static inline void assert_raw(const char *path, const char *sql, const char *wanted)
{
	char got[512];

	raw_text(path, sql, got, sizeof got);
	assert_string_equal(got, wanted);
}

static inline void assert_sound(const char *path)
{
	assert_raw(path, "PRAGMA integrity_check", "ok");
}

/* Opens the fixture's store and expects a refusal whose text holds `part`. */
static inline void assert_open_fails(struct fixture *f, int code, const char *part)
{
	struct mst_store *store = NULL;
	struct mst_err err = {0};
	int got = mst_store_open(&store, f->store_class, true, &err);

	if (got == MST_OK)
		mst_store_close(store);
	if (got != code || !strstr(err.text, part))
		fail_msg("got %s \"%s\", wanted %s with \"%s\"", mst_code_name(got), err.text, mst_code_name(code),
		         part);
}

/* Only directory and class: the test makes the file. */
static inline int bare_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	strcpy(f->dir, "/tmp/muster-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/muster.db", f->dir);
	fixture_class(f, f->path);
	*state = f;
	return 0;
}

static inline void open_store(struct fixture *f)
{
	struct mst_err err = {0};

	if (mst_store_open(&f->store, f->store_class, true, &err) != MST_OK)
		fail_msg("%s", err.text);
}

static inline void close_store(struct fixture *f)
{
	mst_store_close(f->store);
	f->store = NULL;
}

/* Runs `body` in a child process; it ends with _exit(0) when all is well, 77 to skip, else what it prints is shown. */
static inline void in_child(struct fixture *f, void (*body)(struct fixture *f))
{
	int status;
	fflush(NULL);
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		body(f);
		fflush(NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: mounting needs root or user namespaces\n");
		skip();
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with status 0x%x", (unsigned)status);
}

/* cmocka's assertions do not leave a forked child properly. */
#define CHILD_ASSERT(condition)                                                                                        \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static inline void private_mounts(void)
{
	if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		_exit(77);
	if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)
		_exit(77);
}

#endif
