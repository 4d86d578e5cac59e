/* SPDX-License-Identifier: Apache-2.0 */
/* Retention with a clock that is moved: what goes, what stays, and that a cut-off removal is taken up again. */
#include "import_scene.h"

#include <sys/stat.h>

#include "import/doc.h"
#include "store/collections.h"

#define DAY         (INT64_C(24) * 3600 * 1000)
#define MAC1        "3c:22:fb:10:20:30"
#define PORTS(list) "'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':64,'ports':[" list "]}]"

static struct scene s;

/* observations 90 d, lost 180 d, runs 365 d */
static int open_scene(void **state)
{
	(void)state;
	scene_open(&s, "{'history_ms':7776000000,'lost_ms':15552000000,'runs_ms':31536000000}");
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	scene_close(&s);
	return 0;
}

/* Prunes at `days` after the last record. */
static struct mst_import_pruned prune(int64_t days)
{
	struct mst_import_pruned out;
	struct mst_err err;

	mst_import_set_clock(s.import, s.now + days * DAY);
	if (mst_import_prune(s.import, s.spool, &out, &err) != 0)
		fail_msg("%s", err.text);
	return out;
}

static void earlier_observations_go_and_the_newest_stays(void **state)
{
	(void)state;
	for (int port = 1; port <= 4; port++) {
		char record[200];
		snprintf(record, sizeof record, "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("%d") "}", port);
		scene_scan(&s, "10.0.0.0/24", "1-100", record, NULL);
	}
	assert_int_equal(test_store_size(s.store, "observation_history"), 3);
	struct mst_import_pruned out = prune(80);
	assert_int_equal(out.history, 0);
	out = prune(91);
	assert_int_equal(out.history, 3);
	assert_int_equal(test_store_size(s.store, "observation_history"), 0);
	/* However old it is. */
	out = prune(5000);
	assert_int_equal(out.observations, 0);
	assert_int_equal(test_store_size(s.store, "observations"), 1);
	assert_list(&s, "10.0.0.1", "ports", "4");
}

static void from_when_on_it_is_whole_is_noted(void **state)
{
	(void)state;
	bson_t doc;
	struct mst_err err;

	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", NULL);
	prune(100);
	prune(50); /* a clock that went back does not give back what is gone */
	assert_int_equal(mst_store_get(s.store, "counters", MST_COUNTER_HISTORY_FROM, &doc, &err), 0);
	assert_int_equal(mst_doc_int(&doc, "value", 0), s.now + 10 * DAY);
	bson_destroy(&doc);
}

/* A card that moved leaves an observation at its old address; the new one of the same profile outlives it. */
static void superseded_places_go(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", NULL);
	for (int i = 0; i < 4; i++)
		scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.9','mac':'" MAC1 "'}", NULL);
	assert_int_equal(test_store_size(s.store, "observations"), 2);
	struct mst_import_pruned out = prune(80);
	assert_int_equal(out.observations, 0);
	out = prune(91);
	assert_int_equal(out.observations, 1);
	assert_int_equal(test_store_size(s.store, "observations"), 1);
	assert_int_equal(test_store_size(s.store, "interfaces"), 1);
	assert_field(&s, "10.0.0.9", "mac", MAC1);
	assert_field(&s, "10.0.0.9", "state", "unmanaged");
	assert_list(&s, "10.0.0.9", "ips", "10.0.0.9");
}

/* Another profile's newest one stays, as old as it is. */
static void each_profile_keeps_its_newest(void **state)
{
	(void)state;
	s.profile = "other";
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", NULL);
	s.profile = "hq";
	s.now += 200 * DAY;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", NULL);
	struct mst_import_pruned out = prune(0);
	assert_int_equal(out.observations, 0);
	assert_int_equal(test_store_size(s.store, "observations"), 2);
}

static void lose(const char *other)
{
	for (int i = 0; i < 3; i++)
		scene_scan(&s, "10.0.0.0/24", "22", other, NULL);
}

static void lost_interfaces_go_with_all_that_was_known(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("22") "}", "{'ip':'10.0.0.2'}",
	           NULL);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", "{'ip':'10.0.0.2'}", NULL);
	lose("{'ip':'10.0.0.2'}");
	assert_field(&s, "10.0.0.1", "state", "lost");
	struct mst_import_pruned out = prune(170);
	assert_int_equal(out.interfaces, 0);
	out = prune(181);
	assert_int_equal(out.interfaces, 1);
	assert_int_equal(scene_count_at(&s, "10.0.0.1"), 0);
	assert_int_equal(scene_count_at(&s, "10.0.0.2"), 1);
	assert_int_equal(test_store_size(s.store, "observations"), 1);
	assert_int_equal(test_store_size(s.store, "observation_history"), 0);
	char *identities = test_store_dump(s.store, "identities");
	assert_null(strstr(identities, MAC1));
	assert_non_null(strstr(identities, "10.0.0.2"));
	free(identities);
	/* It comes back as a new one. */
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", "{'ip':'10.0.0.2'}", NULL);
	assert_int_equal(scene_run_count(&s, s.run, "new"), 1);
}

static void never_pairs_stay(void **state)
{
	(void)state;
	struct mst_err err;
	char made[MST_ID_SIZE];

	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", "{'ip':'10.0.0.3','mac':'" MAC1 "'}",
	           "{'ip':'10.0.0.2'}", NULL);
	bson_t *found = scene_at(&s, "10.0.0.1");
	assert_int_equal(mst_import_unmerge(s.import, mst_doc_text(found, "_id"), NULL, made, &err), 0);
	bson_destroy(found);
	lose("{'ip':'10.0.0.2'}");
	struct mst_import_pruned out = prune(181);
	assert_int_equal(out.interfaces, 2);
	char *identities = test_store_dump(s.store, "identities");
	assert_non_null(strstr(identities, "never:"));
	free(identities);
}

static void put(const char *collection, const char *json)
{
	struct mst_batch *batch;
	struct mst_err err;
	bson_error_t error;
	bson_t *doc = bson_new_from_json((const uint8_t *)json, -1, &error);

	assert_non_null(doc);
	mst_batch_new(&batch, &err);
	mst_batch_put(batch, collection, doc);
	assert_int_equal(mst_store_write(s.store, batch, &err), 0);
	mst_batch_free(batch);
	bson_destroy(doc);
}

static void put_run(const char *id, const char *run_state, int64_t ended)
{
	char json[300];

	snprintf(json, sizeof json, "{\"_id\":\"%s\",\"state\":\"%s\",\"ended\":{\"$numberLong\":\"%lld\"}}", id,
	         run_state, (long long)ended);
	put("runs", json);
	for (int i = 0; i < 3; i++) {
		snprintf(json, sizeof json, "{\"_id\":\"%s/s%d\",\"run\":\"%s\"}", id, i, id);
		put("shards", json);
	}
}

static void old_runs_go_with_their_shards(void **state)
{
	(void)state;
	char path[160];
	struct mst_err err;

	put_run("old", "done", s.now - 400 * DAY);
	put_run("young", "done", s.now - 300 * DAY);
	put_run("open", "running", 0);
	put_run("kept", "done", s.now - 400 * DAY);
	snprintf(path, sizeof path, "%s/kept", s.spool); /* not imported yet */
	assert_int_equal(mkdir(path, 0700), 0);
	struct mst_import_pruned out = prune(0);
	assert_int_equal(out.runs, 1);
	assert_int_equal(out.shards, 3);
	assert_int_equal(test_store_size(s.store, "runs"), 3);
	assert_int_equal(test_store_size(s.store, "shards"), 9);
	bson_t doc;
	assert_int_equal(mst_store_get(s.store, "runs", "old", &doc, &err), MST_E_NOT_FOUND);
}

static void without_retention_all_stays(void **state)
{
	(void)state;
	scene_close(&s);
	scene_open(&s, "{'history_ms':0}");
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'," PORTS("22") "}", NULL);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2'}", NULL);
	char *before = scene_dump(&s);
	struct mst_import_pruned out = prune(10000);
	char *after = scene_dump(&s);
	assert_string_equal(before, after);
	assert_int_equal(out.history + out.observations + out.interfaces + out.runs, 0);
	free(before);
	free(after);
}

static int stop_at(void *data)
{
	return --*(int *)data < 0;
}

static void stopped_anywhere_the_next_one_goes_on(void **state)
{
	(void)state;
	struct mst_import_pruned out;
	struct mst_err err;
	int looks = 1;

	for (int i = 0; i < 1300; i++) {
		char json[200];
		snprintf(
		        json, sizeof json,
		        "{\"_id\":\"h%05d\",\"observation\":\"o\",\"interface\":\"i\",\"to\":{\"$numberLong\":\"%d\"}}",
		        i, i + 1);
		put("observation_history", json);
	}
	mst_import_set_stop(s.import, stop_at, &looks);
	mst_import_set_clock(s.import, s.now);
	assert_int_equal(mst_import_prune(s.import, s.spool, &out, &err), MST_E_CANCELLED);
	assert_int_equal(out.history, 500);
	assert_int_equal(test_store_size(s.store, "observation_history"), 800);
	mst_import_set_stop(s.import, NULL, NULL);
	out = prune(0);
	assert_int_equal(out.history, 800);
}

/* Cut off after any number of items and done again, the outcome is that of an undisturbed one. */
static void cut_off_anywhere(void **state)
{
	(void)state;
	char *whole = NULL;

	for (long items = -1; items < 12; items++) {
		struct mst_import_pruned out;
		struct mst_err err;

		scene_close(&s);
		open_scene(state);
		scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("22") "}",
		           "{'ip':'10.0.0.2'}", NULL);
		lose("{'ip':'10.0.0.2','mac':'3c:22:fb:10:20:99'}");
		mst_import_set_clock(s.import, s.now + 200 * DAY);
		if (items >= 0) {
			test_store_cut(s.store, items);
			(void)mst_import_prune(s.import, s.spool, &out, &err);
			test_store_cut(s.store, -1);
			scene_new_import(&s);
			mst_import_set_clock(s.import, s.now + 200 * DAY);
		}
		assert_int_equal(mst_import_prune(s.import, s.spool, &out, &err), 0);
		char *dump = scene_dump(&s);
		if (!whole) {
			whole = dump;
			continue;
		}
		assert_string_equal(dump, whole);
		free(dump);
	}
	free(whole);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
	        TEST(earlier_observations_go_and_the_newest_stays),
	        TEST(from_when_on_it_is_whole_is_noted),
	        TEST(superseded_places_go),
	        TEST(each_profile_keeps_its_newest),
	        TEST(lost_interfaces_go_with_all_that_was_known),
	        TEST(never_pairs_stay),
	        TEST(old_runs_go_with_their_shards),
	        TEST(without_retention_all_stays),
	        TEST(stopped_anywhere_the_next_one_goes_on),
	        TEST(cut_off_anywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
