/* SPDX-License-Identifier: Apache-2.0 */
/* Every way a store's file can fail: a clear text with the cure, the right code, and nothing lost. */
#include "sqlite_common.h"

static void test_not_a_database(void **state)
{
	struct fixture *f = *state;
	FILE *file = fopen(f->path, "w");

	for (int i = 0; i < 1000; i++)
		fprintf(file, "this is a text file\n");
	fclose(file);
	assert_open_fails(f, MST_E_CORRUPT, "it is not an SQLite file");
}

static void test_a_directory(void **state)
{
	struct fixture *f = *state;

	mkdir(f->path, 0700);
	assert_open_fails(f, MST_E_REFUSED, "not a regular file");
}

static void test_foreign_and_newer(void **state)
{
	struct fixture *f = *state;

	raw_sql(f->path, "CREATE TABLE precious (x); INSERT INTO precious VALUES ('kept')");
	assert_open_fails(f, MST_E_REFUSED, "not a Muster store");
	assert_raw(f->path, "SELECT x FROM precious", "kept");
	assert_raw(f->path, "SELECT count(*) FROM sqlite_master", "1");
	unlink(f->path);
	open_store(f);
	close_store(f);
	raw_sql(f->path, "PRAGMA user_version=2");
	assert_open_fails(f, MST_E_REFUSED, "made by a newer Muster");
	raw_sql(f->path, "PRAGMA user_version=1; UPDATE muster_collections SET version = 9 WHERE name = 'runs'");
	assert_open_fails(f, MST_E_REFUSED, "collection runs was made by a newer Muster");
}

/* A page in the middle of a table is overwritten: reads and writes that meet it say so. */
static void test_corrupt_page(void **state)
{
	struct fixture *f = *state;
	char path[160], big[3000], json[3200], ids[8192];
	unsigned char junk[4096];
	struct stat st;

	open_store(f);
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	for (int i = 0; i < 100; i++) {
		snprintf(json, sizeof json, "{'_id':'%03d','k':'%s'}", i, big);
		put_doc(f, "labels", json);
	}
	close_store(f);
	snprintf(path, sizeof path, "%s-wal", f->path);
	unlink(path);
	memset(junk, 0xa5, sizeof junk);
	int fd = open(f->path, O_RDWR);
	fstat(fd, &st);
	for (off_t at = st.st_size - 40 * 4096; at < st.st_size - 20 * 4096; at += 4096)
		assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
	close(fd);
	open_store(f);
	struct mst_find find = {.collection = "labels"};
	struct mst_cursor *cursor;
	struct mst_err err = {0};
	bson_t got;
	int code = mst_store_find(f->store, &find, &cursor, &err);
	if (code == MST_OK) {
		while ((code = mst_cursor_next(cursor, &got, &err)) == MST_OK)
			;
		mst_cursor_close(cursor);
	}
	assert_int_equal(code, MST_E_CORRUPT);
	assert_non_null(strstr(err.text, "restore a backup"));
	assert_non_null(strstr(err.text, f->path));
	assert_int_equal(find_ids(f, "labels", "{'_id':'000'}", NULL, NULL, 0, ids, sizeof ids), MST_OK);
	assert_string_equal(ids, "000");
}

static void test_damaged_columns(void **state)
{
	struct fixture *f = *state;
	struct mst_err err = {0};
	bson_t got;

	open_store(f);
	put_doc(f, "interfaces", "{'_id':'1','ports':['22'],'x':1}");
	put_doc(f, "interfaces", "{'_id':'2','ports':['22'],'x':1}");
	put_doc(f, "interfaces", "{'_id':'3','ports':['22'],'x':1}");
	raw_sql(f->path, "UPDATE interfaces SET ports = 'not json' WHERE _id = '1';"
	                 "UPDATE interfaces_rest SET doc = x'0102' WHERE row = 2;"
	                 "UPDATE interfaces SET ports = '[ \"22\" , 1.5, \"\\u00e4\" ]' WHERE _id = '3'");
	assert_int_equal(mst_store_get(f->store, "interfaces", "1", &got, &err), MST_E_CORRUPT);
	assert_non_null(strstr(err.text, "column ports"));
	assert_int_equal(mst_store_get(f->store, "interfaces", "2", &got, &err), MST_E_CORRUPT);
	assert_non_null(strstr(err.text, "doc column"));
	assert_doc(f, "interfaces", "3", "{'_id':'3','rev':1,'ports':['22',1.5,'\u00e4'],'x':1}");
}

/* Another program that keeps the file locked is waited for, then named. Takes the 10 s of the wait. */
static void test_locked(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;
	struct mst_err err = {0};
	struct mst_batch *batch;
	bson_t *one = doc("{'_id':'x'}");

	open_store(f);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	mst_batch_new(&batch, &err);
	mst_batch_insert(batch, "labels", one);
	assert_int_equal(mst_store_write(f->store, batch, &err), MST_E_UNAVAILABLE);
	assert_non_null(strstr(err.text, "another program has kept it locked"));
	assert_int_equal(mst_batch_status(batch, 0), MST_E_UNAVAILABLE);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(db);
	assert_int_equal(mst_store_write(f->store, batch, &err), MST_OK);
	bson_destroy(one);
	mst_batch_free(batch);
}

static void test_moved_away(void **state)
{
	struct fixture *f = *state;
	char path[160];
	struct mst_err err = {0};

	open_store(f);
	snprintf(path, sizeof path, "%s.old", f->path);
	rename(f->path, path);
	assert_int_equal(mst_store_check(f->store, &err), MST_E_UNAVAILABLE);
	assert_non_null(strstr(err.text, "moved, removed or replaced"));
}

static void expect_refused(struct fixture *f, const char *part)
{
	struct mst_store *store;
	struct mst_err err = {0};
	int code = mst_store_open(&store, f->store_class, true, &err);

	if (code != MST_E_REFUSED || !strstr(err.text, part)) {
		fprintf(stderr, "got %s \"%s\", wanted \"%s\"\n", mst_code_name(code), err.text, part);
		_exit(1);
	}
}

static void as_nobody(struct fixture *f)
{
	chmod(f->dir, 0755);
	if (geteuid() == 0)
		CHILD_ASSERT(setgid(65534) == 0 && setuid(65534) == 0);
	expect_refused(f, "check the owner and mode");
}

static void test_file_not_writable(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	close_store(f);
	chmod(f->path, 0444);
	in_child(f, as_nobody);
}

/* The file may be written, but not the directory: SQLite cannot make its log. */
static void test_directory_not_writable(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	close_store(f);
	chmod(f->path, 0666);
	chmod(f->dir, 0555);
	in_child(f, as_nobody);
	chmod(f->dir, 0755);
}

static void test_no_store_in_unwritable_directory(void **state)
{
	chmod(((struct fixture *)*state)->dir, 0555);
	in_child(*state, as_nobody);
	chmod(((struct fixture *)*state)->dir, 0755);
}

static void mounted_read_only(struct fixture *f)
{
	private_mounts();
	CHILD_ASSERT(mount(f->dir, f->dir, "none", MS_BIND, NULL) == 0);
	CHILD_ASSERT(mount("none", f->dir, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
	expect_refused(f, "mounted read-only");
}

static void test_read_only_mount(void **state)
{
	struct fixture *f = *state;

	open_store(f);
	close_store(f);
	in_child(f, mounted_read_only);
	assert_sound(f->path);
}

/* Writes until the disk is full; gives the number of documents that were acknowledged. */
static int fill(struct fixture *f, struct mst_store *store, int first, struct mst_err *err, int *code)
{
	struct mst_batch *batch;
	static char big[8000];
	int n = first;

	(void)f;
	memset(big, 'x', sizeof big - 1);
	CHILD_ASSERT(mst_batch_new(&batch, err) == MST_OK);
	for (;; n += 3) {
		mst_batch_reset(batch);
		for (int i = 0; i < 3; i++) {
			bson_t one = BSON_INITIALIZER;
			char id[16];
			snprintf(id, sizeof id, "%06d", n + i);
			BSON_APPEND_UTF8(&one, "_id", id);
			BSON_APPEND_UTF8(&one, "k", big);
			mst_batch_insert(batch, "labels", &one);
			bson_destroy(&one);
		}
		*code = mst_store_write(store, batch, err);
		if (*code != MST_OK)
			break;
		CHILD_ASSERT(n < 3000);
	}
	for (size_t i = 0; i < 3; i++)
		CHILD_ASSERT(mst_batch_status(batch, i) == MST_E_FULL || mst_batch_status(batch, i) == MST_E_CANCELLED);
	mst_batch_free(batch);
	return n;
}

static int64_t count_labels(struct mst_store *store)
{
	struct mst_err err = {0};
	int64_t count = -1;

	if (mst_store_count(store, "labels", NULL, &count, &err) != MST_OK)
		fprintf(stderr, "%s\n", err.text);
	return count;
}

static void full_disk(struct fixture *f)
{
	struct mst_store *store;
	struct mst_err err = {0};
	char ballast[160];
	int code;

	private_mounts();
	if (mount("none", f->dir, "tmpfs", 0, "size=1m") != 0)
		_exit(77);
	snprintf(ballast, sizeof ballast, "%s/ballast", f->dir);
	int fd = open(ballast, O_RDWR | O_CREAT, 0600);
	CHILD_ASSERT(posix_fallocate(fd, 0, 256 << 10) == 0);
	close(fd);
	CHILD_ASSERT(mst_store_open(&store, f->store_class, true, &err) == MST_OK);
	int kept = fill(f, store, 0, &err, &code);
	CHILD_ASSERT(code == MST_E_FULL && strstr(err.text, "disk is full") && strstr(err.text, "free space"));
	CHILD_ASSERT(kept > 0 && count_labels(store) == kept);
	unlink(ballast);
	int more = fill(f, store, kept, &err, &code);
	CHILD_ASSERT(more > kept && code == MST_E_FULL);
	mst_store_close(store);
	/* Nothing acknowledged is lost, nothing refused is there. */
	CHILD_ASSERT(mst_store_open(&store, f->store_class, true, &err) == MST_OK);
	CHILD_ASSERT(count_labels(store) == more);
	mst_store_close(store);
	char text[64];
	raw_text(f->path, "PRAGMA integrity_check", text, sizeof text);
	CHILD_ASSERT(strcmp(text, "ok") == 0);
}

static void test_full_disk(void **state)
{
	in_child(*state, full_disk);
}

/* A new store on a disk without any space. */
static void full_from_the_start(struct fixture *f)
{
	struct mst_store *store;
	struct mst_err err = {0};
	char ballast[160];

	private_mounts();
	if (mount("none", f->dir, "tmpfs", 0, "size=64k") != 0)
		_exit(77);
	snprintf(ballast, sizeof ballast, "%s/ballast", f->dir);
	int fd = open(ballast, O_RDWR | O_CREAT, 0600);
	CHILD_ASSERT(posix_fallocate(fd, 0, 48 << 10) == 0);
	close(fd);
	int code = mst_store_open(&store, f->store_class, true, &err);
	if (code != MST_E_FULL || !strstr(err.text, "full")) {
		fprintf(stderr, "got %s \"%s\"\n", mst_code_name(code), err.text);
		_exit(1);
	}
	unlink(ballast);
}

static void test_no_space_for_a_new_store(void **state)
{
	in_child(*state, full_from_the_start);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, bare_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_not_a_database),
	        TEST(test_a_directory),
	        TEST(test_foreign_and_newer),
	        TEST(test_corrupt_page),
	        TEST(test_damaged_columns),
	        TEST(test_locked),
	        TEST(test_moved_away),
	        TEST(test_file_not_writable),
	        TEST(test_directory_not_writable),
	        TEST(test_no_store_in_unwritable_directory),
	        TEST(test_read_only_mount),
	        TEST(test_full_disk),
	        TEST(test_no_space_for_a_new_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
