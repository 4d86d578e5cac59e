/* SPDX-License-Identifier: Apache-2.0 */
/* Whole segments into a store: identity, absence, states, counts, and that a cut-off import loses and doubles nothing. */
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
#define MAC2        "3c:22:fb:10:20:31"
#define PORTS(list) "'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':64,'ports':[" list "]}]"

static void a_scan_makes_interfaces(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22,80,443",
	           "{'ip':'10.0.0.1','mac':'" MAC1 "','vendor':'Apple','names':[{'name':'nas','type':'PTR'}],"
	           "'os':{'platform':'Linux','generation':'5.X','accuracy':96}," PORTS("22,80") "}",
	           "{'ip':'10.0.0.2'}", NULL);
	assert_field(&s, "10.0.0.1", "mac", MAC1);
	assert_field(&s, "10.0.0.1", "identity", "mac");
	assert_field(&s, "10.0.0.1", "hostname", "nas");
	assert_field(&s, "10.0.0.1", "os_platform", "linux");
	assert_field(&s, "10.0.0.1", "os_generation", "5.x");
	assert_list(&s, "10.0.0.1", "ports", "22,80");
	assert_list(&s, "10.0.0.1", "methods", "nmap");
	assert_field(&s, "10.0.0.1", "state", "unmanaged");
	assert_field(&s, "10.0.0.2", "identity", "ip");
	assert_int_equal(scene_run_count(&s, s.run, "new"), 2);
	assert_int_equal(scene_run_count(&s, s.run, "up"), 2);
	assert_int_equal(scene_run_count(&s, s.run, "with_os"), 1);
	assert_int_equal(scene_run_count(&s, s.run, "changed"), 0);
}

static void the_same_again_is_unchanged(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		scene_scan(&s, "10.0.0.0/24", "22,80",
		           "{'ip':'10.0.0.1','mac':'" MAC1 "','distance':1," PORTS("22") "}", NULL);
	assert_int_equal(scene_run_count(&s, s.run, "new"), 0);
	assert_int_equal(scene_run_count(&s, s.run, "changed"), 0);
	assert_int_equal(scene_run_count(&s, s.run, "unchanged"), 1);
	assert_int_equal(test_store_size(s.store, "observation_history"), 0);
	assert_int_equal(test_store_size(s.store, "observations"), 1);
}

static void changes_are_told_and_kept(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "1-65535",
	           "{'ip':'10.0.0.1','mac':'" MAC1 "','names':[{'name':'a'}],"
	           "'os':{'platform':'Linux','generation':'4.X'}," PORTS("22,8080") "}",
	           NULL);
	scene_scan(&s, "10.0.0.0/24", "1-65535",
	           "{'ip':'10.0.0.1','mac':'" MAC1 "','names':[{'name':'b'}],"
	           "'os':{'platform':'Linux','generation':'5.X'}," PORTS("22,8443") "}",
	           NULL);
	assert_field(&s, "10.0.0.1", "change", "name a -> b; ports +8443 -8080; os linux 4.x -> 5.x");
	assert_field(&s, "10.0.0.1", "changed_run", s.run);
	assert_int_equal(scene_run_count(&s, s.run, "changed"), 1);
	assert_int_equal(scene_run_count(&s, s.run, "unchanged"), 0);
	assert_int_equal(test_store_size(s.store, "observation_history"), 1);
}

static void lost_after_three_complete_runs_and_back(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", "{'ip':'10.0.0.2'}", NULL);
	for (int i = 0; i < 2; i++) {
		scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2'}", NULL);
		assert_field(&s, "10.0.0.1", "state", "unmanaged");
	}
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2'}", NULL);
	assert_field(&s, "10.0.0.1", "state", "lost");
	assert_field(&s, "10.0.0.1", "state_reason", "3 complete runs without it");
	assert_field(&s, "10.0.0.1", "lost_run", s.run);
	assert_int_equal(scene_run_count(&s, s.run, "lost"), 1);
	assert_field(&s, "10.0.0.2", "state", "unmanaged");
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2'}", NULL);
	assert_int_equal(scene_run_count(&s, s.run, "lost"), 0);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", "{'ip':'10.0.0.2'}", NULL);
	assert_field(&s, "10.0.0.1", "state", "unmanaged");
	assert_field(&s, "10.0.0.1", "change", "back");
	assert_int_equal(scene_run_count(&s, s.run, "changed"), 1);
}

static void the_same_look_again_is_no_second_absence(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", NULL);
	/* A file that is imported again and again: its records say when it looked. */
	int64_t when = s.now + 60 * 1000;
	for (int i = 0; i < 5; i++) {
		char record[96];
		snprintf(record, sizeof record, "{'ip':'10.0.0.2','seen':%lld}", (long long)when);
		scene_scan(&s, "10.0.0.0/24", "22", record, NULL);
		assert_field(&s, "10.0.0.1", "state", "unmanaged");
	}
	for (int i = 0; i < 2; i++)
		scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2'}", NULL);
	assert_field(&s, "10.0.0.1", "state", "lost");
}

static void a_partial_run_makes_nothing_lost(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", NULL);
	for (int i = 0; i < 5; i++) {
		scene_run(&s);
		scene_shard(&s, 63, "10.0.0.0/24", "22", NULL);
		scene_record(&s, "{'ip':'10.0.0.2'}");
		scene_end(&s, MUSTER_OUTCOME_PARTIAL);
		scene_import(&s);
	}
	assert_field(&s, "10.0.0.1", "state", "unmanaged");
	/* Neither do runs that looked elsewhere. */
	for (int i = 0; i < 5; i++)
		scene_scan(&s, "10.0.1.0/24", "22", "{'ip':'10.0.1.2'}", NULL);
	assert_field(&s, "10.0.0.1", "state", "unmanaged");
}

static void a_partial_scope_withdraws_no_fact(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.1','os':{'platform':'Linux'}," PORTS("22,80") "}", NULL);
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/24", "22,80", NULL);
	scene_record(&s, "{'ip':'10.0.0.1'," PORTS("22") "}");
	scene_end(&s, MUSTER_OUTCOME_PARTIAL);
	scene_import(&s);
	assert_list(&s, "10.0.0.1", "ports", "22,80");
	assert_field(&s, "10.0.0.1", "os_platform", "linux");
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.1'," PORTS("22") "}", NULL);
	assert_list(&s, "10.0.0.1", "ports", "22");
	assert_field(&s, "10.0.0.1", "os_platform", "");
}

static void every_source_must_miss_it(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", NULL);
	s.profile = "second";
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", NULL);
	assert_list(&s, "10.0.0.1", "profiles", "hq,second");
	for (int i = 0; i < 4; i++)
		scene_scan(&s, "10.0.0.0/24", "22", NULL);
	assert_field(&s, "10.0.0.1", "state", "unmanaged");
	s.profile = "hq";
	for (int i = 0; i < 3; i++)
		scene_scan(&s, "10.0.0.0/24", "22", NULL);
	assert_field(&s, "10.0.0.1", "state", "lost");
}

static void assumed_online_is_no_interface(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','answered':false}", "{'ip':'10.0.0.2','answered':true}",
	           NULL);
	assert_int_equal(scene_count_at(&s, "10.0.0.1"), 0);
	assert_int_equal(scene_count_at(&s, "10.0.0.2"), 1);
	assert_int_equal(scene_run_count(&s, s.run, "up"), 1);
	for (int i = 0; i < 3; i++)
		scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2','answered':false}", NULL);
	assert_field(&s, "10.0.0.2", "state", "lost");
}

static void a_timed_out_record_withdraws_nothing(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.1','os':{'platform':'Linux'}," PORTS("22") "}", NULL);
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.1','timed_out':true}", NULL);
	assert_list(&s, "10.0.0.1", "ports", "22");
	assert_field(&s, "10.0.0.1", "os_platform", "linux");
	assert_int_equal(scene_run_count(&s, s.run, "timed_out"), 1);
	assert_int_equal(scene_run_count(&s, s.run, "changed"), 0);
}

static void an_address_change_keeps_the_interface(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" MAC1 "'}", NULL);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.9','mac':'" MAC1 "'}", NULL);
	assert_field(&s, "10.0.0.9", "change", "address 10.0.0.5 -> 10.0.0.9");
	assert_list(&s, "10.0.0.9", "ips", "10.0.0.9");
	assert_int_equal(test_store_size(s.store, "interfaces"), 1);
	assert_int_equal(scene_run_count(&s, s.run, "changed"), 1);
	assert_int_equal(scene_run_count(&s, s.run, "new"), 0);
}

static void two_addresses_do_not_take_turns(void **state)
{
	(void)state;
	const char *a = "{'ip':'10.0.0.5','mac':'" MAC1 "'}", *b = "{'ip':'10.0.0.9','mac':'" MAC1 "'}";
	scene_scan(&s, "10.0.0.0/24", "22", a, b, NULL);
	assert_list(&s, "10.0.0.5", "ips", "10.0.0.5,10.0.0.9");
	for (int i = 0; i < 2; i++) {
		scene_scan(&s, "10.0.0.0/24", "22", i ? a : b, i ? b : a, NULL);
		assert_int_equal(scene_run_count(&s, s.run, "changed"), 0);
		assert_int_equal(scene_run_count(&s, s.run, "unchanged"), 1);
	}
}

static void another_mac_at_the_address_is_another_interface(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" MAC1 "'}", NULL);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" MAC2 "'}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	assert_int_equal(scene_run_count(&s, s.run, "new"), 1);
	/* The first one is not forgotten: it becomes lost, or turns up somewhere. */
	for (int i = 0; i < 2; i++)
		scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" MAC2 "'}", NULL);
	assert_int_equal(scene_run_count(&s, s.run, "lost"), 1);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" MAC2 "'}", "{'ip':'10.0.0.7','mac':'" MAC1 "'}",
	           NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	assert_field(&s, "10.0.0.7", "state", "unmanaged");
	assert_field(&s, "10.0.0.7", "mac", MAC1);
}

static void a_mac_joins_what_was_known_by_address(void **state)
{
	(void)state;
	s.profile = "remote";
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	s.profile = "local";
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" MAC1 "'}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 1);
	assert_field(&s, "10.0.0.5", "change", "mac - -> " MAC1);
	assert_field(&s, "10.0.0.5", "identity", "mac");
	/* And the other way round: the address leads to the MAC's interface. */
	s.profile = "third";
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 1);
}

static void an_address_is_an_identity_for_a_time_only(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	s.now += INT64_C(31) * 86400000;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	assert_int_equal(scene_run_count(&s, s.run, "new"), 1);
	s.now += INT64_C(29) * 86400000;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
}

static void what_is_shown_cut_says_so(void **state)
{
	(void)state;
	char name[301], record[512];
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	snprintf(record, sizeof record, "{'ip':'10.0.0.5','names':[{'name':'%s'}]}", name);
	scene_scan(&s, "10.0.0.0/24", "22", record, "{'ip':'10.0.0.6','cut':true}", "{'ip':'10.0.0.7'}", NULL);
	name[255] = '\0';
	assert_field(&s, "10.0.0.5", "hostname", name);
	assert_field(&s, "10.0.0.5", "note", "cut");
	assert_field(&s, "10.0.0.6", "note", "cut");
	assert_field(&s, "10.0.0.7", "note", "");
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','names':[{'name':'short'}]}", NULL);
	assert_field(&s, "10.0.0.5", "note", "");
}

static void zones_are_apart(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	s.zone = "plant7";
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	assert_int_equal(scene_count_at(&s, "10.0.0.5"), 2);
}

static void a_virtual_router_mac_is_no_identity(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'00:00:5e:00:01:07'}",
	           "{'ip':'10.0.0.2','mac':'00:00:5e:00:01:07'}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	assert_field(&s, "10.0.0.1", "identity", "ip");
	assert_field(&s, "10.0.0.1", "note", "shared MAC");
	assert_field(&s, "10.0.0.1", "mac", "00:00:5e:00:01:07");
}

static void add_many(const char *mac, int count)
{
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/24", "22", NULL);
	for (int i = 1; i <= count; i++) {
		char record[96];
		snprintf(record, sizeof record, "{'ip':'10.0.0.%d','mac':'%s'}", i, mac);
		scene_record(&s, record);
	}
	scene_end(&s, 0);
	scene_import(&s);
}

static void a_mac_of_many_addresses_is_no_identity(void **state)
{
	(void)state;
	add_many(MAC1, 8);
	assert_int_equal(test_store_size(s.store, "interfaces"), 1);
	scene_new_store(&s);
	add_many(MAC1, 9);
	assert_int_equal(test_store_size(s.store, "interfaces"), 9);
	assert_field(&s, "10.0.0.4", "note", "shared MAC");
	add_many(MAC1, 9);
	assert_int_equal(test_store_size(s.store, "interfaces"), 9);
	assert_int_equal(scene_run_count(&s, s.run, "unchanged"), 9);
	/* Known to be shared, it joins no two addresses even when few are seen. */
	add_many(MAC1, 2);
	assert_int_equal(test_store_size(s.store, "interfaces"), 9);
}

static void what_a_shared_mac_joined_is_taken_apart(void **state)
{
	(void)state;
	add_many(MAC1, 3);
	assert_int_equal(test_store_size(s.store, "interfaces"), 1);
	bson_t *before = scene_at(&s, "10.0.0.1");
	add_many(MAC1, 12);
	assert_int_equal(test_store_size(s.store, "interfaces"), 12);
	bson_t *after = scene_at(&s, "10.0.0.1");
	assert_string_equal(mst_doc_text(before, "_id"), mst_doc_text(after, "_id"));
	assert_list(&s, "10.0.0.1", "ips", "10.0.0.1");
	assert_field(&s, "10.0.0.2", "note", "shared MAC");
	assert_field(&s, "10.0.0.2", "identity", "ip");
	add_many(MAC1, 12);
	assert_int_equal(test_store_size(s.store, "interfaces"), 12);
	assert_int_equal(scene_run_count(&s, s.run, "unchanged"), 12);
	assert_int_equal(scene_run_count(&s, s.run, "changed"), 0);
	bson_destroy(before);
	bson_destroy(after);
}

static void a_shared_key_merges_what_each_side_knows(void **state)
{
	(void)state;
	s.profile = "aws";
	s.method = "ec2";
	scene_run(&s);
	scene_shard(&s, 1, "10.0.0.0/24", NULL, NULL);
	scene_record_key(&s, "eni-1", "{'ip':'10.0.0.5','mac':'" MAC1 "','eni':'eni-1','names':[{'name':'web'}]}");
	scene_record_key(&s, "eni-2", "{'ip':'10.0.0.6','eni':'eni-2','names':[{'name':'db'}]}");
	scene_end(&s, 0);
	scene_import(&s);
	s.profile = "local";
	s.method = "nmap";
	/* MAC 2 at another address first, then at that of eni-2. */
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" MAC1 "'," PORTS("22") "}",
	           "{'ip':'10.0.0.8','mac':'" MAC2 "'}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 3);
	assert_list(&s, "10.0.0.5", "methods", "ec2,nmap");
	assert_field(&s, "10.0.0.5", "identity", "eni");
	assert_list(&s, "10.0.0.5", "ports", "22");
	s.profile = "aws";
	s.method = "ec2";
	scene_run(&s);
	scene_shard(&s, 1, "10.0.0.0/24", NULL, NULL);
	scene_record_key(&s, "eni-2", "{'ip':'10.0.0.6','mac':'" MAC2 "','eni':'eni-2','names':[{'name':'db'}]}");
	scene_end(&s, 0);
	scene_import(&s);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	assert_list(&s, "10.0.0.6", "methods", "ec2,nmap");
}

static void two_enis_never_merge(void **state)
{
	(void)state;
	scene_run(&s);
	scene_shard(&s, 1, "10.0.0.0/24", NULL, NULL);
	scene_record_key(&s, "eni-1", "{'ip':'10.0.0.5','mac':'" MAC1 "','eni':'eni-1'}");
	scene_record_key(&s, "eni-2", "{'ip':'10.0.0.6','mac':'" MAC1 "','eni':'eni-2'}");
	scene_end(&s, 0);
	scene_import(&s);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
}

static void an_older_record_changes_no_merged_value(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "1-100", "{'ip':'10.0.0.5'," PORTS("22") "}", NULL);
	bson_t *before = scene_at(&s, "10.0.0.5");
	scene_scan(&s, "10.0.0.0/24", "1-100", "{'ip':'10.0.0.5','seen':1700000000000," PORTS("23") "}", NULL);
	bson_t *after = scene_at(&s, "10.0.0.5");
	assert_list(&s, "10.0.0.5", "ports", "22");
	assert_int_equal(mst_doc_int(after, "first_seen", 0), INT64_C(1700000000000));
	assert_int_equal(mst_doc_int(after, "last_seen", 0), mst_doc_int(before, "last_seen", 1));
	assert_int_equal(test_store_size(s.store, "observation_history"), 1);
	assert_int_equal(scene_run_count(&s, s.run, "changed"), 0);
	bson_destroy(before);
	bson_destroy(after);
}

static void an_old_file_makes_nothing_lost(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	for (int i = 0; i < 4; i++)
		scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.6','seen':1700000000000}", NULL);
	assert_field(&s, "10.0.0.5", "state", "unmanaged");
}

static void hostile_records_are_skipped(void **state)
{
	(void)state;
	char key[1024];
	memset(key, 'k', sizeof key - 1);
	key[sizeof key - 1] = '\0';
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/24", "22", NULL);
	scene_record_key(&s, key, "{'ip':'10.0.0.1'}");
	scene_record_key(&s, "a", "{'ip':'not an address'}");
	scene_record_key(&s, "b", "{'ip':7}");
	scene_record_key(&s, "c", "{'ip':'10.0.0.2','seen':'yesterday'}");
	scene_record_key(&s, "d", "{'ip':'10.0.0.3','seen':-5}");
	scene_record_key(&s, "e", "{'ip':'10.0.0.4','seen':9000000000000000}");
	scene_record_key(&s, "f", "{'ip':'10.0.0.5'}");
	scene_end(&s, 0);
	scene_import(&s);
	assert_int_equal(test_store_size(s.store, "interfaces"), 1);
}

static void importing_again_changes_nothing(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" MAC1 "'}", "{'ip':'10.0.0.6'}", NULL);
	char *before = scene_dump(&s);
	long written = test_store_written(s.store);
	struct mst_import_result result;
	struct mst_err err;
	assert_int_equal(mst_import_segment(s.import, s.spool, s.run, "s0001", &result, &err), 0);
	assert_int_equal(result.records, 2);
	assert_true(result.ended);
	assert_int_equal(test_store_written(s.store), written);
	assert_int_equal(scene_import_run(&s, s.run, 1), 0);
	char *after = scene_dump(&s);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

/* Three runs with everything that can happen: new, changed, moved, displaced, merged, missed. */
static void write_story(void)
{
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/28", "22,80", NULL);
	scene_record(&s, "{'ip':'10.0.0.1','mac':'" MAC1 "','names':[{'name':'a'}]," PORTS("22") "}");
	scene_record(&s, "{'ip':'10.0.0.2'," PORTS("22,80") "}");
	scene_record(&s, "{'ip':'10.0.0.3','mac':'" MAC2 "'}");
	scene_record_key(&s, "x", "{'ip':'10.0.0.4','eni':'eni-1'}");
	scene_end(&s, 0);
	scene_shard(&s, 63, "10.0.0.16/28", "22,80", NULL);
	scene_record(&s, "{'ip':'10.0.0.17','mac':'02:00:00:00:00:01'}");
	scene_record(&s, "{'ip':'10.0.0.18','mac':'3c:22:fb:10:20:99'}");
	scene_record(&s, "{'ip':'10.0.0.19','mac':'02:00:00:00:00:01'}");
	scene_end(&s, 0);
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/28", "22,80", NULL);
	scene_record(&s, "{'ip':'10.0.0.1','mac':'" MAC2 "','names':[{'name':'b'}]," PORTS("80") "}");
	scene_record(&s, "{'ip':'10.0.0.2'," PORTS("22") "}");
	scene_record_key(&s, "x", "{'ip':'10.0.0.4','eni':'eni-1','mac':'3c:22:fb:10:20:99'}");
	scene_record(&s, "{'ip':'10.0.0.9','mac':'" MAC1 "'}");
	scene_end(&s, 0);
	scene_shard(&s, 63, "10.0.0.16/28", "22,80", NULL);
	scene_end(&s, 0);
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/28", "22,80", NULL);
	scene_record(&s, "{'ip':'10.0.0.1','mac':'" MAC1 "'}");
	scene_record(&s, "{'ip':'10.0.0.2','timed_out':true}");
	scene_end(&s, 0);
	scene_shard(&s, 63, "10.0.0.16/28", "22,80", NULL);
	for (int i = 17; i < 27; i++) {
		char record[96];
		snprintf(record, sizeof record, "{'ip':'10.0.0.%d','mac':'02:00:00:00:00:01'}", i);
		scene_record(&s, record);
	}
	scene_end(&s, 0);
}

/* From the run that was not yet settled: `first` is 1 for a new store. */
static int import_story(int *first)
{
	int code = 0;
	for (int run = *first; run <= 3 && code == 0; run++) {
		*first = run;
		char id[MST_ID_SIZE];
		snprintf(id, sizeof id, "01900000-0000-7000-8000-%012d", run);
		code = scene_import_run(&s, id, 2);
	}
	return code;
}

static void put_story_runs(void)
{
	struct mst_batch *batch;
	struct mst_err err;
	mst_batch_new(&batch, &err);
	for (int run = 1; run <= 3; run++) {
		bson_t document = BSON_INITIALIZER;
		char id[MST_ID_SIZE];
		snprintf(id, sizeof id, "01900000-0000-7000-8000-%012d", run);
		bson_append_utf8(&document, "_id", -1, id, -1);
		mst_batch_put(batch, "runs", &document);
		bson_destroy(&document);
	}
	assert_int_equal(mst_store_write(s.store, batch, &err), 0);
	mst_batch_free(batch);
}

/* Cut off behind every single written item, then done again from the spool: always the same store. */
static void a_cut_anywhere_leaves_the_same_store(void **state)
{
	(void)state;
	write_story();
	scene_new_store(&s);
	put_story_runs();
	int first = 1;
	assert_int_equal(import_story(&first), 0);
	char *whole = scene_dump(&s);
	long items = test_store_written(s.store) - 3;
	assert_true(items > 40);
	for (long cut = 0; cut < items; cut++) {
		scene_new_store(&s);
		put_story_runs();
		test_store_cut(s.store, cut);
		first = 1;
		assert_int_not_equal(import_story(&first), 0);
		test_store_cut(s.store, -1);
		scene_new_import(&s);
		assert_int_equal(import_story(&first), 0);
		char *again = scene_dump(&s);
		if (strcmp(whole, again) != 0) {
			printf("cut after %ld of %ld items:\n--- undisturbed\n%s--- cut\n%s", cut, items, whole, again);
			fail();
		}
		free(again);
	}
	free(whole);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
	        SCENE(a_scan_makes_interfaces),
	        SCENE(the_same_again_is_unchanged),
	        SCENE(changes_are_told_and_kept),
	        SCENE(lost_after_three_complete_runs_and_back),
	        SCENE(the_same_look_again_is_no_second_absence),
	        SCENE(a_partial_run_makes_nothing_lost),
	        SCENE(a_partial_scope_withdraws_no_fact),
	        SCENE(every_source_must_miss_it),
	        SCENE(assumed_online_is_no_interface),
	        SCENE(a_timed_out_record_withdraws_nothing),
	        SCENE(an_address_change_keeps_the_interface),
	        SCENE(two_addresses_do_not_take_turns),
	        SCENE(another_mac_at_the_address_is_another_interface),
	        SCENE(a_mac_joins_what_was_known_by_address),
	        SCENE(an_address_is_an_identity_for_a_time_only),
	        SCENE(what_is_shown_cut_says_so),
	        SCENE(zones_are_apart),
	        SCENE(a_virtual_router_mac_is_no_identity),
	        SCENE(a_mac_of_many_addresses_is_no_identity),
	        SCENE(what_a_shared_mac_joined_is_taken_apart),
	        SCENE(a_shared_key_merges_what_each_side_knows),
	        SCENE(two_enis_never_merge),
	        SCENE(an_older_record_changes_no_merged_value),
	        SCENE(an_old_file_makes_nothing_lost),
	        SCENE(hostile_records_are_skipped),
	        SCENE(importing_again_changes_nothing),
	        SCENE(a_cut_anywhere_leaves_the_same_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
