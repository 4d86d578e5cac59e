/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen again as it was: only times are written, and nothing else differs from looking at every record whole. */
#include "import_scene.h"

#include <muster/plugin.h>

#include "import/doc.h"

static struct scene s;

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

#define MAC1        "3c:22:fb:10:20:30"
#define PORTS(list) "'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':64,'ports':[" list "]}]"
#define HOST        "'ip':'10.0.0.1','mac':'" MAC1 "','vendor':'Apple','names':[{'name':'nas','type':'PTR'}],"
#define LINUX       "'os':{'platform':'Linux','generation':'5.X','accuracy':96},"

static void scan_shards(const char *record)
{
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/24", "22,80", NULL);
	scene_record(&s, record);
	scene_end(&s, 0);
}

/* Items written by the import of the run at hand, its end left out. */
static long written(void)
{
	struct mst_import_result result;
	struct mst_err err;
	long before = test_store_written(s.store);
	assert_int_equal(mst_import_segment(s.import, s.spool, s.run, "s0001", &result, &err), 0);
	return test_store_written(s.store) - before;
}

static bson_t *observation(const char *key)
{
	char id[128];
	struct mst_err err;
	bson_t found;
	snprintf(id, sizeof id, "%s/%s/%s", s.profile, s.zone, key);
	assert_int_equal(mst_store_get(s.store, "observations", id, &found, &err), 0);
	bson_t *out = bson_copy(&found);
	bson_destroy(&found);
	return out;
}

static int64_t number(const char *key, const char *field)
{
	bson_t *obs = observation(key);
	int64_t out = mst_doc_int(obs, field, -1);
	bson_destroy(obs);
	return out;
}

static int64_t shown(const char *ip, const char *field)
{
	bson_t *iface = scene_at(&s, ip);
	int64_t out = mst_doc_int(iface, field, -1);
	bson_destroy(iface);
	return out;
}

static void only_times_are_written(void **state)
{
	(void)state;
	static const char record[] = "{" HOST LINUX "'distance':1," PORTS("22") "}";
	scan_shards(record);
	scene_import(&s);
	int64_t first = number("10.0.0.1", "first_seen");
	for (int i = 0; i < 2; i++) {
		scan_shards(record);
		int64_t seen = s.now - 1;
		assert_int_equal(written(), 3); /* observation, interface, shard */
		static const char *const times[] = {"last_seen", "os_seen", "ports_seen", "names_seen", "mac_seen"};
		for (size_t t = 0; t < 5; t++)
			assert_int_equal(number("10.0.0.1", times[t]), seen);
		assert_int_equal(number("10.0.0.1", "first_seen"), first);
		assert_int_equal(shown("10.0.0.1", "last_seen"), seen);
		assert_int_equal(shown("10.0.0.1", "last_discovered"), seen);
		assert_int_equal(shown("10.0.0.1", "last_managed"), -1);
		bson_t *obs = observation("10.0.0.1");
		assert_string_equal(mst_doc_text(obs, "last_run"), s.run);
		bson_destroy(obs);
		scene_import(&s);
		assert_int_equal(scene_run_count(&s, s.run, "unchanged"), 1);
		assert_int_equal(scene_run_count(&s, s.run, "changed"), 0);
	}
	assert_int_equal(test_store_size(s.store, "observation_history"), 0);
	assert_int_equal(test_store_size(s.store, "observations"), 1);
}

static void what_differs_at_each_scan_is_no_change(void **state)
{
	(void)state;
	scan_shards("{" HOST
	            "'os':{'platform':'Linux','generation':'5.X','accuracy':96},'distance':1,'reason':'echo-reply',"
	            "'uptime':{'seconds':100}," PORTS("22") "}");
	scene_import(&s);
	scan_shards("{" HOST
	            "'os':{'platform':'Linux','generation':'5.X','accuracy':98},'distance':3,'reason':'arp-response',"
	            "'uptime':{'seconds':200},"
	            "'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':61,'ports':[22]}]}");
	assert_int_equal(written(), 3);
	assert_int_equal(number("10.0.0.1", "doc.distance"), 1);
}

static void a_change_is_never_skipped(void **state)
{
	(void)state;
	static const char *const others[] = {
	        "{" HOST LINUX PORTS("22,80") "}",
	        "{" HOST LINUX "'ports':[{'proto':'tcp','state':'closed','ports':[22]}]}",
	        "{" HOST LINUX "'ports':[{'proto':'udp','state':'open','ports':[22]}]}",
	        "{" HOST "'os':{'platform':'Linux','generation':'6.X','accuracy':96}," PORTS("22") "}",
	        "{" HOST "'os':{'platform':'Linux','generation':'5.X','accuracy':80}," PORTS("22") "}",
	        "{" HOST LINUX "'services':[{'proto':'tcp','port':22,'product':'OpenSSH'}]," PORTS("22") "}",
	        "{" HOST LINUX "'computer_id':'7'," PORTS("22") "}",
	        "{" HOST LINUX "'managed':true," PORTS("22") "}",
	        "{" HOST LINUX "'nat_ip':'192.0.2.1'," PORTS("22") "}",
	        "{" HOST LINUX "'ips':['10.0.0.9']," PORTS("22") "}",
	        "{" HOST LINUX "'timed_out':true," PORTS("22") "}",
	        "{'ip':'10.0.0.1','mac':'" MAC1 "','names':[{'name':'other'}]," LINUX PORTS("22") "}",
	        "{'ip':'10.0.0.1','mac':'3c:22:fb:10:20:31','names':[{'name':'nas','type':'PTR'}]," LINUX PORTS(
	                "22") "}",
	};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		scene_new_store(&s);
		scan_shards("{" HOST LINUX PORTS("22") "}");
		scene_import(&s);
		bson_t *before = observation("10.0.0.1");
		scan_shards(others[i]);
		written();
		bson_t *after = observation("10.0.0.1");
		if (strcmp(mst_doc_text(before, "print"), mst_doc_text(after, "print")) == 0)
			fail_msg("skipped: %s", others[i]);
		bson_destroy(before);
		bson_destroy(after);
	}
}

/* The same answer under another coverage may withdraw what was known. */
static void a_wider_scope_is_looked_at(void **state)
{
	(void)state;
	static const char record[] = "{" HOST PORTS("22") "}";
	scene_scan(&s, "10.0.0.0/24", "22,8080", "{" HOST PORTS("22,8080") "}", NULL);
	scene_scan(&s, "10.0.0.0/24", "22", record, NULL);
	scene_scan(&s, "10.0.0.0/24", "22", record, NULL);
	assert_list(&s, "10.0.0.1", "ports", "22,8080");
	scene_scan(&s, "10.0.0.0/24", "22,8080", record, NULL);
	assert_list(&s, "10.0.0.1", "ports", "22");
}

static void who_was_missed_and_is_back_counts_as_there(void **state)
{
	(void)state;
	static const char record[] = "{" HOST PORTS("22") "}";
	scene_scan(&s, "10.0.0.0/24", "22,80", record, NULL);
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.2'}", NULL);
	assert_int_equal(number("10.0.0.1", "missed"), 1);
	scene_scan(&s, "10.0.0.0/24", "22,80", record, NULL);
	assert_int_equal(number("10.0.0.1", "missed"), 0);
	bson_t *obs = observation("10.0.0.1");
	assert_null(mst_doc_text(obs, "missed_run"));
	bson_destroy(obs);
	assert_int_equal(test_store_size(s.store, "observation_history"), 0);
}

static void an_agent_seen_again_is_managed_until_then(void **state)
{
	(void)state;
	static const char record[] = "{" HOST "'computer_id':'7'}";
	scan_shards(record);
	scene_import(&s);
	scan_shards(record);
	assert_int_equal(written(), 3);
	assert_int_equal(shown("10.0.0.1", "last_managed"), s.now - 1);
	assert_int_equal(shown("10.0.0.1", "last_discovered"), -1);
}

/* One of its addresses changes and the other, seen later, does not: the merge needs the time of both. */
static void what_was_noted_is_part_of_a_merge(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.1','mac':'" MAC1 "'}",
	           "{'ip':'10.0.0.2','mac':'" MAC1 "'}", NULL);
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/24", "22,80", NULL);
	scene_record(&s, "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("22") "}");
	scene_record(&s, "{'ip':'10.0.0.2','mac':'" MAC1 "'}");
	scene_end(&s, 0);
	scene_import(&s);
	assert_int_equal(shown("10.0.0.1", "last_seen"), s.now - 1);
	assert_int_equal(number("10.0.0.2", "last_seen"), s.now - 1);
}

/* Records of one key in one batch are taken in their order. */
static void a_key_twice_is_folded_in_order(void **state)
{
	(void)state;
	static const char record[] = "{" HOST PORTS("22") "}", other[] = "{" HOST PORTS("80") "}";
	for (int turn = 0; turn < 2; turn++) {
		scene_new_store(&s);
		scan_shards(record);
		scene_import(&s);
		scene_run(&s);
		scene_shard(&s, 63, "10.0.0.0/24", "22,80", NULL);
		scene_record(&s, turn ? other : record);
		scene_record(&s, turn ? record : other);
		scene_end(&s, 0);
		scene_import(&s);
		assert_list(&s, "10.0.0.1", "ports", turn ? "22" : "80");
		assert_int_equal(test_store_size(s.store, "observation_history"), turn ? 2 : 1);
		assert_int_equal(number("10.0.0.1", "last_seen"), s.now - 1);
	}
}

/* Takes the prints out of the store, so that the next import looks at every record whole. */
static void forget_prints(void)
{
	static const char *const fields[] = {"print", "agent"};
	bson_t update = BSON_INITIALIZER, unset, all = BSON_INITIALIZER;
	struct mst_batch *batch;
	struct mst_err err;
	bson_append_document_begin(&update, "$unset", -1, &unset);
	for (size_t i = 0; i < 2; i++)
		bson_append_int32(&unset, fields[i], -1, 1);
	bson_append_document_end(&update, &unset);
	mst_batch_new(&batch, &err);
	assert_true(mst_batch_update(batch, "observations", &all, &update, false) >= 0);
	assert_int_equal(mst_store_write(s.store, batch, &err), 0);
	mst_batch_free(batch);
	bson_destroy(&update);
	bson_destroy(&all);
}

static const char *pick(const char *const *from, size_t count)
{
	return from[(size_t)rand() % count];
}
#define PICK(list) pick(list, sizeof(list) / sizeof((list)[0]))

static void random_record(void)
{
	static const char *const macs[] = {"", "", "'mac':'3c:22:fb:10:20:31',", "'mac':'3c:22:fb:10:20:32',",
	                                   "'mac':'02:22:fb:10:20:33',"};
	static const char *const names[] = {"", "", "'names':[{'name':'a'}],", "'names':[{'name':'b'},{'name':'a'}],"};
	static const char *const systems[] = {"", LINUX, LINUX,
	                                      "'os':{'platform':'Linux','generation':'5.X','accuracy':50},",
	                                      "'os':{'note':'none'},"};
	static const char *const ports[] = {
	        "", PORTS("22") ",", PORTS("22") ",", PORTS("22,80") ",",
	        "'ports':[{'proto':'tcp','state':'closed','reason':'reset','ports':[22,80]}],"};
	static const char *const rest[] = {"",
	                                   "",
	                                   "",
	                                   "'timed_out':true,",
	                                   "'distance':4,",
	                                   "'computer_id':'9',",
	                                   "'managed':true,",
	                                   "'answered':false,"};
	char record[1024];
	snprintf(record, sizeof record, "{'ip':'10.0.0.%d',%s%s%s%s%s'reason':'%d'}", 1 + rand() % 4, PICK(macs),
	         PICK(names), PICK(systems), PICK(ports), PICK(rest), rand() % 1000);
	scene_record(&s, record);
}

/* A story of random scans; `whole`: no record is skipped in it. Returns the store. */
static char *story(unsigned seed, bool whole)
{
	static const char *const tcp[] = {"22,80", "22,80", "22", "80,443"};
	scene_close(&s);
	open_scene(NULL);
	srand(seed);
	for (int run = 0; run < 12; run++) {
		unsigned again = (unsigned)rand();
		scene_run(&s);
		if (rand() % 8 == 0)
			s.now += INT64_C(40) * 24 * 3600 * 1000;
		for (int shard = 0; shard < 2; shard++) {
			/* Most scans say what the one before said. */
			if (rand() % 3)
				srand(seed);
			scene_shard(&s, rand() % 4 ? 63 : 1, "10.0.0.0/24", rand() % 6 ? PICK(tcp) : NULL, NULL);
			for (int i = rand() % 5; i > 0; i--)
				random_record();
			scene_end(&s, rand() % 5 ? 0 : MUSTER_OUTCOME_PARTIAL);
			srand(again + (unsigned)shard);
		}
		if (whole)
			forget_prints();
		scene_import(&s);
	}
	forget_prints();
	return scene_dump(&s);
}

static void skipping_is_the_same_as_looking(void **state)
{
	unsigned stories = getenv("MST_UNDER_VALGRIND") ? 5 : 150; /* there they take a hundred times as long */

	(void)state;
	for (unsigned seed = 1; seed <= stories; seed++) {
		char *with = story(seed, false), *without = story(seed, true);
		if (strcmp(with, without) != 0) {
			printf("seed %u\n--- prints\n%s--- whole\n%s", seed, with, without);
			fail();
		}
		free(with);
		free(without);
	}
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
	        SCENE(only_times_are_written),
	        SCENE(what_differs_at_each_scan_is_no_change),
	        SCENE(a_change_is_never_skipped),
	        SCENE(a_wider_scope_is_looked_at),
	        SCENE(who_was_missed_and_is_back_counts_as_there),
	        SCENE(an_agent_seen_again_is_managed_until_then),
	        SCENE(what_was_noted_is_part_of_a_merge),
	        SCENE(a_key_twice_is_folded_in_order),
	        SCENE(skipping_is_the_same_as_looking),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
