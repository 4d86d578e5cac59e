/* SPDX-License-Identifier: Apache-2.0 */
/* Segments that are imported while a worker writes them, or in several looks: the store is what one look at the whole gives. */
#include "import_scene.h"

#include <muster/plugin.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "import/room.h"

#define TCP(list) "'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':64,'ports':[" list "]}]"

static struct scene s;
static struct mst_import_result result;
static struct mst_err err;

static int open_scene(void **state)
{
	(void)state;
	scene_open(&s, "{'history_ms':0}");
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	scene_close(&s);
	return 0;
}

static void rename_segment(const char *from, const char *to)
{
	char old[160], fresh[160];
	snprintf(old, sizeof old, "%s/%s/s%04d.%s", s.spool, s.run, s.shards, from);
	snprintf(fresh, sizeof fresh, "%s/%s/s%04d.%s", s.spool, s.run, s.shards, to);
	assert_int_equal(rename(old, fresh), 0);
}

static void begin_scope(uint32_t facts, const char *tcp)
{
	char addresses[] = "10.0.0.0/24", ports[64];
	snprintf(ports, sizeof ports, "%s", tcp);
	struct mst_scope scope = {facts, addresses, ports, NULL, NULL};
	int32_t number;
	assert_int_equal(mst_spool_write_scope_begin(s.writer, &scope, &number, &err), 0);
}

static void end_scope(int outcome)
{
	assert_int_equal(mst_spool_write_scope_end(s.writer, outcome, "", &err), 0);
	assert_int_equal(mst_spool_flush(s.writer, false, &err), 0);
}

static void put(int scope, const char *ip, const char *ports)
{
	bson_t record = BSON_INITIALIZER;
	char json[200];
	snprintf(json, sizeof json, "{'ip':'%s'," TCP("%s") "}", ip, ports);
	bson_t *fields = doc(json);
	bson_append_utf8(&record, "_key", -1, ip, -1);
	bson_append_int32(&record, "_scope", -1, scope);
	bson_append_int64(&record, "seen", -1, s.now++);
	bson_concat(&record, fields);
	assert_int_equal(mst_spool_write_record(s.writer, &record, &err), 0);
	bson_destroy(fields);
	bson_destroy(&record);
}

/* A segment that a worker still has, with one scope open. */
static void start_growing(void)
{
	scene_shard(&s, 63, "10.0.0.0/24", "22,80", NULL);
	rename_segment("seg", "part");
	put(0, "10.0.0.1", "22");
}

static int follow(void)
{
	char shard[16];
	snprintf(shard, sizeof shard, "s%04d", s.shards);
	return mst_import_follow(s.import, s.spool, s.run, shard, &result, &err);
}

static void leave(void)
{
	mst_spool_writer_free(s.writer);
	close(s.fd);
}

static void assert_same(const char *is, const char *should)
{
	if (strcmp(is, should) == 0)
		return;
	printf("--- should be\n%s--- is\n%s", should, is);
	fail();
}

static void fresh_store(void)
{
	bson_t document = BSON_INITIALIZER;
	struct mst_batch *batch;
	scene_new_store(&s);
	bson_append_utf8(&document, "_id", -1, s.run, -1);
	assert_int_equal(mst_batch_new(&batch, &err), 0);
	mst_batch_put(batch, "runs", &document);
	assert_int_equal(mst_store_write(s.store, batch, &err), 0);
	mst_batch_free(batch);
	bson_destroy(&document);
}

/* What is in a scope without end waits: it cannot be known what it withdraws. */
static void an_open_scope_waits(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.1'," TCP("22,80") "}", NULL);
	scene_run(&s);
	start_growing();
	assert_int_equal(mst_spool_flush(s.writer, false, &err), 0);
	assert_int_equal(follow(), 0);
	assert_true(result.open);
	assert_int_equal(result.records, 0);
	assert_list(&s, "10.0.0.1", "ports", "22,80");
	end_scope(MUSTER_OUTCOME_COMPLETE);
	begin_scope(63, "22,80");
	put(1, "10.0.0.2", "80");
	assert_int_equal(mst_spool_flush(s.writer, false, &err), 0);
	assert_int_equal(follow(), 0);
	assert_true(result.open);
	assert_false(result.ended);
	assert_int_equal(result.records, 1);
	assert_list(&s, "10.0.0.1", "ports", "22");
	assert_int_equal(scene_count_at(&s, "10.0.0.2"), 0);
	leave();
}

/* A killed worker leaves a scope without end: its records add and withdraw nothing. */
static void a_worker_that_dies_leaves_a_partial_scope(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.1'," TCP("22,80") "}", NULL);
	scene_run(&s);
	start_growing();
	assert_int_equal(mst_spool_flush(s.writer, false, &err), 0);
	assert_int_equal(follow(), 0);
	assert_true(result.open);
	rename_segment("part", "seg");
	assert_int_equal(follow(), 0);
	assert_false(result.open);
	assert_int_equal(result.records, 1);
	assert_list(&s, "10.0.0.1", "ports", "22,80");
	leave();
}

static void *write_the_rest(void *data)
{
	const char *end = data;
	for (int scope = 1; scope < 4; scope++) {
		usleep(60000);
		begin_scope(63, "22,80");
		put(scope, scope == 1 ? "10.0.0.2" : scope == 2 ? "10.0.0.3" : "10.0.0.4", "80");
		assert_int_equal(mst_spool_flush(s.writer, false, &err), 0);
		usleep(60000);
		end_scope(MUSTER_OUTCOME_COMPLETE);
	}
	if (strcmp(end, "well") == 0)
		assert_int_equal(mst_spool_write_end(s.writer, 0, "", &err), 0);
	assert_int_equal(mst_spool_flush(s.writer, false, &err), 0);
	if (strcmp(end, "renamed") == 0)
		rename_segment("part", "seg");
	return NULL;
}

static void follows_to_the_end(const char *end)
{
	pthread_t writer;
	scene_run(&s);
	start_growing();
	end_scope(MUSTER_OUTCOME_COMPLETE);
	assert_int_equal(pthread_create(&writer, NULL, write_the_rest, (void *)(uintptr_t)end), 0);
	struct mst_err mine;
	assert_int_equal(mst_import_follow(s.import, s.spool, s.run, "s0001", &result, &mine), 0);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_false(result.open);
	assert_int_equal(result.records, 4);
	assert_int_equal(mst_import_finish(s.import, s.run, &mine), 0);
	leave();
	char *followed = scene_dump(&s);
	fresh_store();
	scene_import(&s);
	char *whole = scene_dump(&s);
	assert_same(followed, whole);
	free(followed);
	free(whole);
}

static void it_follows_to_the_last_frame(void **state)
{
	(void)state;
	follows_to_the_end("well");
}

static void it_follows_to_the_sealing(void **state)
{
	(void)state;
	follows_to_the_end("renamed");
}

/* Many short looks, cut off after each write, give what one look gives. */
static void many_looks_are_one(void **state)
{
	(void)state;
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/24", "22,80", NULL);
	put(0, "10.0.0.1", "22");
	end_scope(MUSTER_OUTCOME_COMPLETE);
	for (int scope = 1; scope < 12; scope++) {
		char ip[32];
		begin_scope(63, "22,80");
		snprintf(ip, sizeof ip, "10.0.0.%d", 1 + scope);
		put(scope, ip, scope % 2 ? "22,80" : "80");
		end_scope(scope % 3 ? MUSTER_OUTCOME_COMPLETE : MUSTER_OUTCOME_PARTIAL);
	}
	assert_int_equal(mst_spool_write_end(s.writer, 0, "", &err), 0);
	assert_int_equal(mst_spool_flush(s.writer, false, &err), 0);
	leave();
	fresh_store();
	scene_import(&s);
	char *whole = scene_dump(&s);
	for (int cut = 0; cut < 30; cut++) {
		fresh_store();
		s.import->look_bytes = 1;
		if (cut > 0)
			test_store_cut(s.store, cut);
		int code = scene_import_run(&s, s.run, 1);
		assert_true(code == 0 || code == MST_E_UNAVAILABLE);
		scene_new_import(&s);
		s.import->look_bytes = cut % 2 ? 1 : 0;
		test_store_cut(s.store, -1);
		assert_int_equal(scene_import_run(&s, s.run, 1), 0);
		char *looks = scene_dump(&s);
		assert_same(looks, whole);
		free(looks);
	}
	free(whole);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
	        SCENE(an_open_scope_waits),          SCENE(a_worker_that_dies_leaves_a_partial_scope),
	        SCENE(it_follows_to_the_last_frame), SCENE(it_follows_to_the_sealing),
	        SCENE(many_looks_are_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
