/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator reads with sqlite3, growth of definitions, killed writers, several writers at once. */
#include "sqlite_common.h"

#include <muster/plugin.h>

#include "store/store_internal.h"

static void test_readable_columns(void **state)
{
	struct fixture *f = *state;

	put_doc(f, "interfaces",
	        "{'_id':'1','ip':'10.0.0.1','ports':['22','53/udp'],'ignored':true,'last_seen':5,'services':[{'port':22}],'x':1}");
	assert_raw(f->path, "SELECT ip || '|' || ports || '|' || ignored || '|' || last_seen FROM interfaces",
	           "10.0.0.1|[\"22\",\"53/udp\"]|1|5");
	assert_raw(f->path, "SELECT count(*) FROM interfaces, json_each(ports) WHERE json_each.value = '53/udp'", "1");
	assert_raw(f->path, "SELECT services FROM interfaces", "");
	/* A declared field stands in its column alone. */
	assert_raw(f->path, "SELECT instr(hex(doc), hex('last_seen')) FROM interfaces_rest", "0");
	put_doc(f, "identities", "{'_id':'k','interface':'1','seen':1,'strong':true}");
	assert_raw(f->path, "SELECT count(*) FROM identities_rest", "0");
	assert_raw(f->path, "PRAGMA application_id", "1297306706");
}

/* The statements that matter use their indexes. */
static void test_indexes_are_used(void **state)
{
	static const char *const wanted[][2] = {
	        {"ip_key >= '4:0a' AND ip_key <= '4:0b'", "interfaces_ip_key"},
	        {"zone = 'a' AND ip_key = 'b'", "interfaces_address"},
	        {"number = 5", "interfaces_number"},
	        {"state IN ('a', 'b')", "interfaces_state"},
	        {"(last_seen > 5 AND last_seen < '')", "interfaces_last_seen"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
		char sql[256], plan[512];
		sqlite3 *db;
		sqlite3_stmt *stmt;
		snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN SELECT * FROM interfaces WHERE %s", wanted[i][0]);
		assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
		snprintf(plan, sizeof plan, "%s", (const char *)sqlite3_column_text(stmt, 3));
		sqlite3_finalize(stmt);
		sqlite3_close(db);
		if (!strstr(plan, wanted[i][1]))
			fail_msg("%s: %s", wanted[i][0], plan);
	}
}

static int define(struct fixture *f, const struct muster_collection *collection, struct mst_err *err)
{
	int status = f->store->ops->define(f->store->instance, mst_store_call(f->store), collection);

	return status == MST_OK ? MST_OK : mst_store_failed(f->store, status, err);
}

static void test_definitions_grow(void **state)
{
	static const struct muster_field first[] = {{"a", NULL, MUSTER_FIELD_TEXT, 0, NULL}};
	static const struct muster_field second[] = {{"a", NULL, MUSTER_FIELD_TEXT, 0, NULL},
	                                             {"n", NULL, MUSTER_FIELD_INT, 0, NULL},
	                                             {"l", NULL, MUSTER_FIELD_LIST, 0, NULL}};
	static const struct muster_field changed[] = {{"a", NULL, MUSTER_FIELD_INT, 0, NULL}};
	static const struct muster_field bad[] = {{"a\"; DROP", NULL, MUSTER_FIELD_INT, 0, NULL}};
	static const struct muster_index by_n[] = {{"n", "-n,a", 0, 0}}, no_field[] = {{"z", "z", 0, 0}};
	const struct muster_collection v1 = {sizeof v1, 1, "things", MUSTER_ARRAY(first), MUSTER_NO_ARRAY};
	const struct muster_collection v2 = {sizeof v2, 2, "things", MUSTER_ARRAY(second), MUSTER_ARRAY(by_n)};
	const struct muster_collection v3 = {sizeof v3, 3, "things", MUSTER_ARRAY(changed), MUSTER_NO_ARRAY};
	const struct muster_collection v4 = {sizeof v4, 4, "things", MUSTER_ARRAY(first), MUSTER_ARRAY(no_field)};
	const struct muster_collection named = {sizeof named, 1, "x; y", MUSTER_ARRAY(first), MUSTER_NO_ARRAY};
	const struct muster_collection fields = {sizeof fields, 1, "y", MUSTER_ARRAY(bad), MUSTER_NO_ARRAY};
	struct fixture *f = *state;
	struct mst_err err = {0};

	assert_int_equal(define(f, &v1, &err), MST_OK);
	put_doc(f, "things", "{'_id':'1','a':'x','n':5,'l':['p','q'],'o':1}");
	put_doc(f, "things", "{'_id':'2','n':7,'l':[{'p':1}]}");
	assert_raw(f->path, "SELECT count(*) FROM pragma_table_info('things')", "3");
	assert_int_equal(define(f, &v2, &err), MST_OK);
	assert_raw(f->path, "SELECT group_concat(n || coalesce(l, '-'), ' ') FROM things", "5[\"p\",\"q\"] 7-");
	assert_doc(f, "things", "1", "{'_id':'1','rev':1,'a':'x','n':5,'l':['p','q'],'o':1}");
	assert_doc(f, "things", "2", "{'_id':'2','rev':1,'n':7,'l':[{'p':1}]}");
	assert_ids(f, "things", "{'n':{'$gt':6}}", NULL, "2");
	assert_int_equal(define(f, &v2, &err), MST_OK);
	assert_int_equal(define(f, &v1, &err), MST_E_REFUSED);
	assert_int_equal(define(f, &v3, &err), MST_E_USAGE);
	assert_non_null(strstr(err.text, "field a is text in the store and int"));
	assert_int_equal(define(f, &v4, &err), MST_E_USAGE);
	assert_int_equal(define(f, &named, &err), MST_E_USAGE);
	assert_int_equal(define(f, &fields, &err), MST_E_USAGE);
	assert_raw(f->path, "SELECT version FROM muster_collections WHERE name = 'things'", "2");
	assert_sound(f->path);
}

#define BATCH 20

/* Writes batches for ever; tells each acknowledged one through the pipe. */
static void write_for_ever(struct fixture *f, int out, int first)
{
	struct mst_store *store;
	struct mst_batch *batch;
	struct mst_err err;

	CHILD_ASSERT(mst_store_open(&store, f->store_class, false, &err) == MST_OK);
	CHILD_ASSERT(mst_batch_new(&batch, &err) == MST_OK);
	for (int n = first;; n++) {
		mst_batch_reset(batch);
		for (int i = 0; i < BATCH; i++) {
			bson_t one = BSON_INITIALIZER;
			char id[32];
			snprintf(id, sizeof id, "%08d-%02d", n, i);
			BSON_APPEND_UTF8(&one, "_id", id);
			BSON_APPEND_INT64(&one, "first_seen", n);
			BSON_APPEND_UTF8(&one, "extra", "something beside the columns");
			mst_batch_insert(batch, "interfaces", &one);
			bson_destroy(&one);
		}
		CHILD_ASSERT(mst_store_write(store, batch, &err) == MST_OK);
		CHILD_ASSERT(write(out, &n, sizeof n) == sizeof n);
	}
}

static int kill_a_writer(struct fixture *f, int first, int round)
{
	int fds[2], last = first - 1, n;
	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();

	if (pid == 0) {
		close(fds[0]);
		write_for_ever(f, fds[1], first);
	}
	close(fds[1]);
	for (int i = 0; i < 3 && read(fds[0], &n, sizeof n) == sizeof n; i++)
		last = n;
	usleep((useconds_t)(1000 + round * 7919 % 20000));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(fds[0], &n, sizeof n) == sizeof n)
		last = n;
	close(fds[0]);
	return last;
}

static void test_killed_writer(void **state)
{
	struct fixture *f = *state;
	int last = 0;

	close_store(f);
	for (int round = 0; round < 8; round++) {
		int64_t count;
		struct mst_err err;
		int acknowledged = kill_a_writer(f, last + 1, round);
		open_store(f);
		assert_int_equal(mst_store_count(f->store, "interfaces", NULL, &count, &err), MST_OK);
		/* A batch is there whole or not at all; the one after the last acknowledged may be there. */
		assert_int_equal(count % BATCH, 0);
		assert_in_range(count / BATCH, acknowledged, acknowledged + 1);
		last = (int)(count / BATCH);
		close_store(f);
		assert_sound(f->path);
	}
	assert_true(last >= 24);
}

/* Two processes: numbers are never given twice, batches never mix. */
static void number_and_pairs(struct fixture *f, int who)
{
	struct mst_store *store;
	struct mst_batch *batch;
	struct mst_err err = {0};

	CHILD_ASSERT(mst_store_open(&store, f->store_class, false, &err) == MST_OK);
	CHILD_ASSERT(mst_batch_new(&batch, &err) == MST_OK);
	for (int i = 0; i < 100; i++) {
		int64_t number;
		bson_t set, inner, one = BSON_INITIALIZER;
		char id[32];
		CHILD_ASSERT(mst_store_next_number(store, "runs", &number, &err) == MST_OK);
		mst_batch_reset(batch);
		snprintf(id, sizeof id, "%d-%d", who, i);
		BSON_APPEND_UTF8(&one, "_id", id);
		BSON_APPEND_INT64(&one, "number", number);
		mst_batch_insert(batch, "runs", &one);
		bson_init(&set);
		BSON_APPEND_DOCUMENT_BEGIN(&set, "$set", &inner);
		BSON_APPEND_INT64(&inner, "updated", number);
		bson_append_document_end(&set, &inner);
		mst_batch_update_id(batch, "labels", "left", &set, true);
		mst_batch_update_id(batch, "labels", "right", &set, true);
		CHILD_ASSERT(mst_store_write(store, batch, &err) == MST_OK);
		CHILD_ASSERT(mst_batch_status(batch, 0) == MST_OK);
		bson_destroy(&one);
		bson_destroy(&set);
	}
	mst_batch_free(batch);
	mst_store_close(store);
	_exit(0);
}

static int64_t updated_of(const bson_t *got)
{
	bson_iter_t iter;

	return bson_iter_init_find(&iter, got, "updated") ? bson_iter_as_int64(&iter) : -1;
}

/* One cursor sees both documents of a pair as one batch left them. */
static void read_pairs(struct fixture *f)
{
	struct mst_find find = {.collection = "labels"};
	struct mst_cursor *cursor;
	struct mst_err err;
	bson_t got;
	int64_t left = -1, right = -1;

	assert_int_equal(mst_store_find(f->store, &find, &cursor, &err), MST_OK);
	if (mst_cursor_next(cursor, &got, &err) == MST_OK)
		left = updated_of(&got);
	usleep(2000);
	if (mst_cursor_next(cursor, &got, &err) == MST_OK)
		right = updated_of(&got);
	assert_int_equal(left, right);
	mst_cursor_close(cursor);
}

static void test_two_writers_and_a_reader(void **state)
{
	struct fixture *f = *state;
	pid_t pids[2];
	int status, reads = 0;
	int64_t count;
	struct mst_err err;

	for (int who = 0; who < 2; who++) {
		pids[who] = fork();
		if (pids[who] == 0)
			number_and_pairs(f, who);
	}
	for (int left = 2; left > 0; reads++) {
		read_pairs(f);
		for (int who = 0; who < 2; who++) {
			if (pids[who] && waitpid(pids[who], &status, WNOHANG) == pids[who]) {
				assert_int_equal(status, 0);
				pids[who] = 0;
				left--;
			}
		}
	}
	assert_true(reads > 3);
	assert_int_equal(mst_store_count(f->store, "runs", NULL, &count, &err), MST_OK);
	assert_int_equal(count, 200);
	assert_raw(f->path, "SELECT max(number) FROM runs", "200");
	assert_sound(f->path);
}

/* Two processes find no file and both make it. */
static void test_two_makers(void **state)
{
	struct fixture *f = *state;
	pid_t pids[4];
	int status;

	close_store(f);
	mst_file_remove_tree(f->dir, NULL);
	mkdir(f->dir, 0700);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct mst_store *store;
			struct mst_err err = {0};
			if (mst_store_open(&store, f->store_class, true, &err) != MST_OK) {
				fprintf(stderr, "%s\n", err.text);
				_exit(1);
			}
			mst_store_close(store);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	open_store(f);
	assert_sound(f->path);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_readable_columns), TEST(test_indexes_are_used),         TEST(test_definitions_grow),
	        TEST(test_killed_writer),    TEST(test_two_writers_and_a_reader), TEST(test_two_makers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
