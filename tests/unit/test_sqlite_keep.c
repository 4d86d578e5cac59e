/* SPDX-License-Identifier: Apache-2.0 */
/* Backup, restore and verify of the SQLite store, with really damaged files and a really full disk. */
#include "sqlite_common.h"

#include <muster/plugin.h>

struct seen {
	int64_t done, total, calls, stop_after; /* stop_after 0: never */
	char where[600], text[600];
	int status, reports;
};

static int on_progress(void *data, int64_t done, int64_t total)
{
	struct seen *seen = data;

	seen->done = done;
	seen->total = total;
	return seen->stop_after && ++seen->calls >= seen->stop_after;
}

static void on_report(void *data, int status, const char *where, const char *text)
{
	struct seen *seen = data;

	seen->reports++;
	seen->status = status;
	snprintf(seen->where, sizeof seen->where, "%s", where);
	snprintf(seen->text, sizeof seen->text, "%s", text);
}

static struct muster_store_watch watch_of(struct seen *seen)
{
	return (struct muster_store_watch){
	        .size = sizeof(struct muster_store_watch), .data = seen, .progress = on_progress, .report = on_report};
}

static void beside(const struct fixture *f, const char *name, char out[200])
{
	snprintf(out, 200, "%s/%s", f->dir, name);
}

/* Rows with a rest of half a page each, so that the tables have pages of their own. */
static void fill(struct fixture *f, int from, int to)
{
	char json[3000], ballast[2001];

	memset(ballast, 'x', sizeof ballast - 1);
	ballast[sizeof ballast - 1] = '\0';
	for (int i = from; i < to; i++) {
		snprintf(json, sizeof json,
		         "{'_id': 'o%06d', 'interface': 'i%d', 'profile': 'p', 'doc': {'ballast': '%s'}}", i, i,
		         ballast);
		assert_int_equal(put_doc(f, "observations", json), MST_OK);
	}
}

static void backup(struct fixture *f, const char *path)
{
	struct seen seen = {0};
	struct muster_store_watch watch = watch_of(&seen);
	struct mst_err err = {0};

	if (mst_store_backup(f->store, path, &watch, &err) != MST_OK)
		fail_msg("%s", err.text);
	assert_true(seen.total > 0 && seen.done > 0 && seen.done <= seen.total);
}

static void test_backup_is_one_sound_file(void **state)
{
	struct fixture *f = *state;
	char path[200], log[210];
	struct stat st;

	beside(f, "copy.db", path);
	snprintf(log, sizeof log, "%s-wal", path);
	fill(f, 0, 300);
	backup(f, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_not_equal(access(log, F_OK), 0);
	assert_raw(path, "PRAGMA journal_mode", "delete");
	assert_raw(path, "SELECT count(*) FROM observations", "300");
	assert_sound(path);
}

struct writer {
	struct fixture *f;
	int at;
};

/* Another connection writes at every look: the copy must be of one moment, and must not start over for ever. */
static int write_meanwhile(void *data, int64_t done, int64_t total)
{
	struct writer *writer = data;
	char sql[200];

	(void)done;
	(void)total;
	if (writer->at++ < 50) {
		snprintf(sql, sizeof sql, "INSERT INTO counters (_id, rev, value) VALUES ('late%d', 1, %d)", writer->at,
		         writer->at);
		raw_sql(writer->f->path, sql);
	}
	return 0;
}

static void test_backup_while_others_write(void **state)
{
	struct fixture *f = *state;
	struct writer writer = {.f = f};
	struct muster_store_watch watch = {
	        .size = sizeof watch, .data = &writer, .progress = write_meanwhile, .report = on_report};
	struct mst_err err = {0};
	char path[200];

	beside(f, "copy.db", path);
	fill(f, 0, 2000);
	assert_int_equal(mst_store_backup(f->store, path, &watch, &err), MST_OK);
	assert_true(writer.at > 1);
	assert_raw(path, "SELECT count(*) FROM observations", "2000");
	assert_raw(path, "SELECT count(*) FROM counters", "0");
	assert_sound(path);
}

static void test_backup_refuses(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {.stop_after = 1};
	struct muster_store_watch watch = watch_of(&seen);
	struct mst_err err = {0};
	char path[200];

	fill(f, 0, 100);
	beside(f, "stopped.db", path);
	assert_int_equal(mst_store_backup(f->store, path, &watch, &err), MST_E_CANCELLED);
	assert_int_not_equal(access(path, F_OK), 0);
	seen.stop_after = 0;
	beside(f, "there.db", path);
	assert_int_equal(mst_file_write_atomic(path, "mine", 4, 0600, &err), MST_OK);
	assert_int_equal(mst_store_backup(f->store, path, &watch, &err), MST_E_EXISTS);
	assert_int_equal(access(path, F_OK), 0);
	beside(f, "no/such/folder.db", path);
	assert_int_equal(mst_store_backup(f->store, path, &watch, &err), MST_E_NOT_FOUND);
}

static void full_disk(struct fixture *f)
{
	struct seen seen = {0};
	struct muster_store_watch watch = watch_of(&seen);
	struct mst_err err = {0};
	char folder[200], path[220];

	private_mounts();
	beside(f, "small", folder);
	snprintf(path, sizeof path, "%s/copy.db", folder);
	CHILD_ASSERT(mkdir(folder, 0700) == 0);
	if (mount("tmpfs", folder, "tmpfs", 0, "size=200k") != 0)
		_exit(77);
	CHILD_ASSERT(mst_store_backup(f->store, path, &watch, &err) == MST_E_FULL);
	CHILD_ASSERT(strstr(err.text, "free some space"));
	CHILD_ASSERT(access(path, F_OK) != 0);
	CHILD_ASSERT(mount("tmpfs", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0);
	CHILD_ASSERT(mst_store_backup(f->store, path, &watch, &err) != MST_OK);
}

static void test_backup_to_a_full_disk(void **state)
{
	fill(*state, 0, 300);
	in_child(*state, full_disk);
}

static void test_restore_puts_the_old_one_aside(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	struct muster_store_watch watch = watch_of(&seen);
	struct mst_err err = {0};
	char path[200];

	beside(f, "copy.db", path);
	fill(f, 0, 50);
	backup(f, path);
	fill(f, 50, 80);
	close_store(f);
	if (mst_store_restore(f->store_class, path, &watch, &err) != MST_OK)
		fail_msg("%s", err.text);
	assert_int_equal(seen.status, MST_OK);
	assert_non_null(strstr(seen.where, ".before-"));
	assert_raw(seen.where, "SELECT count(*) FROM observations", "80");
	open_store(f);
	assert_raw(f->path, "SELECT count(*) FROM observations", "50");
	fill(f, 50, 60);
	assert_sound(f->path);
}

static void restore_fails(struct fixture *f, const char *path, int code, const char *part)
{
	struct seen seen = {0};
	struct muster_store_watch watch = watch_of(&seen);
	struct mst_err err = {0};
	char left[300];

	int got = mst_store_restore(f->store_class, path, &watch, &err);
	if (got != code || !strstr(err.text, part))
		fail_msg("got %s \"%s\", wanted %s with \"%s\"", mst_code_name(got), err.text, mst_code_name(code),
		         part);
	assert_int_equal(seen.reports, 0);
	snprintf(left, sizeof left, "%s.restoring", f->path);
	assert_int_not_equal(access(left, F_OK), 0);
	assert_raw(f->path, "SELECT count(*) FROM observations", "300");
}

/* Writes over the middle of a page deep in the file. */
static void damage(const char *path, off_t at)
{
	char junk[2048];
	int fd = open(path, O_RDWR | O_CLOEXEC);

	memset(junk, 0xa5, sizeof junk);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
	close(fd);
}

static void test_restore_refuses(void **state)
{
	struct fixture *f = *state;
	char path[200], log[210];
	struct mst_err err = {0};

	fill(f, 0, 300);
	close_store(f);
	open_store(f);
	beside(f, "text.db", path);
	assert_int_equal(mst_file_write_atomic(path, "not a database at all, only text", 32, 0600, &err), MST_OK);
	restore_fails(f, path, MST_E_CORRUPT, "no Muster store");
	beside(f, "other.db", path);
	raw_sql(path, "CREATE TABLE notes (text)");
	restore_fails(f, path, MST_E_REFUSED, "no Muster store");
	beside(f, "newer.db", path);
	backup(f, path);
	raw_sql(path, "PRAGMA user_version=99");
	restore_fails(f, path, MST_E_REFUSED, "newer Muster");
	raw_sql(path, "PRAGMA user_version=1; UPDATE muster_collections SET version = 99 WHERE name = 'runs'");
	restore_fails(f, path, MST_E_REFUSED, "newer Muster");
	beside(f, "damaged.db", path);
	backup(f, path);
	damage(path, 500 * 1024);
	restore_fails(f, path, MST_E_CORRUPT, "damaged");
	beside(f, "live.db", path);
	backup(f, path);
	snprintf(log, sizeof log, "%s-wal", path);
	assert_int_equal(mst_file_write_atomic(log, "log", 3, 0600, &err), MST_OK);
	restore_fails(f, path, MST_E_REFUSED, "-wal");
	beside(f, "none.db", path);
	restore_fails(f, path, MST_E_NOT_FOUND, "open the backup");
}

static void test_verify(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	struct muster_store_watch watch = watch_of(&seen);
	struct mst_err err = {0};

	fill(f, 0, 300);
	assert_int_equal(mst_store_verify(f->store, &watch, &err), MST_OK);
	assert_int_equal(seen.reports, 0);
	raw_sql(f->path, "INSERT INTO observations_rest VALUES (999999, x'05000000')");
	raw_sql(f->path, "UPDATE observations_rest SET doc = x'0102' WHERE row = 3");
	assert_int_equal(mst_store_verify(f->store, &watch, &err), MST_OK);
	assert_int_equal(seen.reports, 2);
	assert_int_equal(seen.status, MST_E_CORRUPT);
	assert_non_null(strstr(seen.text, "observations_rest"));
}

static void test_verify_a_damaged_page(void **state)
{
	struct fixture *f = *state;
	struct seen seen = {0};
	struct muster_store_watch watch = watch_of(&seen);
	struct mst_err err = {0};

	fill(f, 0, 300);
	close_store(f);
	raw_sql(f->path, "PRAGMA wal_checkpoint(TRUNCATE)");
	damage(f->path, 500 * 1024);
	open_store(f);
	assert_int_equal(mst_store_verify(f->store, &watch, &err), MST_OK);
	assert_true(seen.reports > 0);
	assert_int_equal(seen.status, MST_E_CORRUPT);
	seen = (struct seen){.stop_after = 1};
	assert_int_equal(mst_store_verify(f->store, &watch, &err), MST_E_CANCELLED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
	        TEST(test_backup_is_one_sound_file),
	        TEST(test_backup_while_others_write),
	        TEST(test_backup_refuses),
	        TEST(test_backup_to_a_full_disk),
	        TEST(test_restore_puts_the_old_one_aside),
	        TEST(test_restore_refuses),
	        TEST(test_verify),
	        TEST(test_verify_a_damaged_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
