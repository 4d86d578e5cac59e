/* SPDX-License-Identifier: Apache-2.0 */
/* One MAC in many places, and coverage by namespace: what must not be taken for one interface, or for a loss. */
#include "import_scene.h"

#include <muster/plugin.h>

#include "base/buf.h"
#include "import/doc.h"
#include "import/keys.h"
#include "import/sharers.h"

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

#define ROUTER "3c:22:fb:10:20:30"
#define HOST   "3c:22:fb:10:20:31"

static void counting_is_exact_however_many_there_are(void **state)
{
	(void)state;
	struct mst_sharers sharers;
	char mac[MST_MAC_SIZE];
	mst_sharers_init(&sharers);
	for (int round = 1; round <= 3; round++)
		for (int i = 0; i < 5000; i++) {
			snprintf(mac, sizeof mac, "00:16:3e:00:%02x:%02x", (unsigned)i >> 8 & 255, (unsigned)i & 255);
			assert_int_equal(mst_sharers_count(&sharers, mac), round);
		}
	for (int i = 4; i <= 300; i++)
		assert_int_equal(mst_sharers_count(&sharers, "00:16:3e:00:00:07"), i < 255 ? i : 255);
	assert_int_equal(mst_sharers_count(&sharers, "00:16:3e:00:00:08"), 4);
	assert_int_equal(mst_sharers_count(&sharers, "ff:16:3e:00:00:08"), 1);
	mst_sharers_clear(&sharers);
	assert_int_equal(mst_sharers_count(&sharers, "00:16:3e:00:00:07"), 1);
	mst_sharers_clear(&sharers);
}

static void virtual_routers_are_known_by_their_prefix(void **state)
{
	static const char *const routers[] = {"00:00:5e:00:01:07", "00:00:5e:00:02:ff", "00:00:0c:07:ac:01",
	                                      "00:00:0c:9f:f0:01", "00:05:73:a0:00:01", "00:07:b4:00:01:01",
	                                      "00:07:b4:03:ff:01"};
	static const char *const others[] = {"00:00:5e:00:03:07",
	                                     "00:00:5e:01:01:07",
	                                     "00:00:0c:07:ad:01",
	                                     "00:00:0c:9f:e0:01",
	                                     "00:05:73:a1:00:01",
	                                     "00:07:b4:04:01:01",
	                                     ROUTER};
	(void)state;
	for (size_t i = 0; i < sizeof routers / sizeof routers[0]; i++) {
		assert_true(mst_mac_is_virtual_router(routers[i]));
		assert_false(mst_mac_is_virtual_router(others[i]));
	}
}

/* `count` addresses of 10.0.0.0/24 from `first` on, all with this MAC, in a scope of their own. */
static void add_scope(const char *mac, int first, int count)
{
	scene_shard(&s, 63, "10.0.0.0/24", "22", NULL);
	for (int i = first; i < first + count; i++) {
		char record[96];
		snprintf(record, sizeof record, "{'ip':'10.0.0.%d','mac':'%s'}", i, mac);
		scene_record(&s, record);
	}
	scene_end(&s, 0);
}

static void the_limit_is_eight_addresses_of_one_scope(void **state)
{
	(void)state;
	scene_run(&s);
	add_scope(ROUTER, 1, 8);
	scene_import(&s);
	assert_int_equal(test_store_size(s.store, "interfaces"), 1);
	assert_field(&s, "10.0.0.1", "identity", "mac");
	assert_field(&s, "10.0.0.1", "note", "");
	scene_new_store(&s);
	scene_run(&s);
	add_scope(ROUTER, 1, 9);
	scene_import(&s);
	assert_int_equal(test_store_size(s.store, "interfaces"), 9);
	for (int i = 1; i <= 9; i++) {
		char ip[24];
		snprintf(ip, sizeof ip, "10.0.0.%d", i);
		assert_field(&s, ip, "identity", "ip");
		assert_field(&s, ip, "note", "shared MAC");
		assert_field(&s, ip, "mac", ROUTER);
	}
}

static char *ids(void)
{
	struct mst_buf out;
	mst_buf_init(&out, 65536);
	for (int i = 1; i < 255; i++) {
		char ip[24];
		snprintf(ip, sizeof ip, "10.0.0.%d", i);
		bson_t *document = scene_at(&s, ip);
		mst_buf_printf(&out, "%s %s\n", ip, mst_doc_text(document, "_id"));
		bson_destroy(document);
	}
	return mst_buf_take(&out);
}

/* A router with proxy ARP on a wire whose hosts 10.0.0.20 and .21 answer for themselves. */
static void proxy_arp(void)
{
	scene_run(&s);
	for (int first = 0; first < 256; first += 16) {
		scene_shard(&s, 63, "10.0.0.0/24", "22", NULL);
		for (int i = first; i < first + 16; i++) {
			char record[96];
			if (i == 0 || i == 255)
				continue;
			snprintf(record, sizeof record, "{'ip':'10.0.0.%d','mac':'%s','reason':'arp-response'}", i,
			         i == 20   ? HOST
			         : i == 21 ? "3c:22:fb:10:20:32"
			                   : ROUTER);
			scene_record(&s, record);
		}
		scene_end(&s, 0);
	}
	scene_import(&s);
}

static void proxy_arp_makes_no_subnet_one_interface(void **state)
{
	(void)state;
	/* The host was there before: it stays what it was. */
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.20','mac':'" HOST "','reason':'arp-response'}", NULL);
	bson_t *before = scene_at(&s, "10.0.0.20");
	proxy_arp();
	assert_int_equal(test_store_size(s.store, "interfaces"), 254);
	assert_field(&s, "10.0.0.20", "identity", "mac");
	assert_field(&s, "10.0.0.20", "note", "");
	assert_field(&s, "10.0.0.21", "block_answer", "");
	assert_field(&s, "10.0.0.22", "block_answer", "10.0.0.0/24");
	assert_string_equal(s.warned, "something answers for the whole block 10.0.0.0/24");
	char *first = ids();
	for (int i = 0; i < 3; i++)
		proxy_arp();
	char *later = ids();
	assert_string_equal(first, later);
	assert_int_equal(scene_run_count(&s, s.run, "unchanged"), 254);
	assert_int_equal(scene_run_count(&s, s.run, "new"), 0);
	bson_t *after = scene_at(&s, "10.0.0.20");
	assert_string_equal(mst_doc_text(before, "_id"), mst_doc_text(after, "_id"));
	free(first);
	free(later);
	bson_destroy(before);
	bson_destroy(after);
}

/* The host is silent when the router takes its address over, and turns up elsewhere. */
static void a_proxy_does_not_swallow_a_silent_host(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5','mac':'" HOST "'}", NULL);
	bson_t *host = scene_at(&s, "10.0.0.5");
	scene_run(&s);
	add_scope(ROUTER, 1, 12);
	scene_import(&s);
	assert_int_equal(scene_count_at(&s, "10.0.0.5"), 2);
	assert_int_equal(test_store_size(s.store, "interfaces"), 13);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.50','mac':'" HOST "'}", NULL);
	bson_t *moved = scene_at(&s, "10.0.0.50"), *router = scene_at(&s, "10.0.0.5");
	assert_string_equal(mst_doc_text(moved, "_id"), mst_doc_text(host, "_id"));
	assert_list(&s, "10.0.0.50", "ips", "10.0.0.50");
	assert_string_equal(mst_doc_text(router, "mac"), ROUTER);
	assert_string_equal(mst_doc_text(router, "identity"), "ip");
	assert_int_equal(test_store_size(s.store, "interfaces"), 13);
	bson_destroy(host);
	bson_destroy(moved);
	bson_destroy(router);
}

/* The host moves into a place for which the router answered before. */
static void a_host_keeps_its_mac_beside_a_proxy(void **state)
{
	(void)state;
	proxy_arp();
	bson_t *host = scene_at(&s, "10.0.0.20");
	scene_run(&s);
	add_scope(HOST, 30, 1);
	scene_import(&s);
	size_t at_30 = scene_count_at(&s, "10.0.0.30");
	assert_true(at_30 >= 1);
	assert_int_equal(test_store_size(s.store, "interfaces"), 254);
	struct mst_err err;
	bson_t found;
	assert_int_equal(mst_store_get(s.store, "interfaces", mst_doc_text(host, "_id"), &found, &err), 0);
	assert_string_equal(mst_doc_text(&found, "ip"), "10.0.0.30");
	bson_destroy(&found);
	bson_destroy(host);
}

static void cloud(const char *scope, const char *record)
{
	scene_run(&s);
	scene_shard(&s, MUSTER_FACT_PRESENCE, scope, NULL, NULL);
	if (record)
		scene_record_key(&s, "eni-1", record);
	scene_end(&s, 0);
	scene_import(&s);
}

static void absence_counts_inside_its_namespace_only(void **state)
{
	static const char *const here = "ns:aws/aws/123456789012/eu-west-1",
	                         *const there = "ns:aws/aws/123456789012/eu-west-2";
	static const char *const record = "{'ip':'10.0.0.5','eni':'eni-1'}";
	(void)state;
	s.profile = "aws";
	s.method = "ec2";
	cloud(here, record);
	for (int i = 0; i < 4; i++) {
		cloud(there, NULL);
		cloud("10.0.0.0/24", NULL);
		assert_field(&s, "10.0.0.5", "state", "unmanaged");
	}
	cloud(here, NULL);
	cloud(here, NULL);
	assert_field(&s, "10.0.0.5", "state", "unmanaged");
	cloud(here, record);
	for (int i = 0; i < 3; i++) {
		assert_field(&s, "10.0.0.5", "state", "unmanaged");
		cloud(here, NULL);
	}
	assert_field(&s, "10.0.0.5", "state", "lost");
	assert_field(&s, "10.0.0.5", "state_reason", "3 complete runs without it");
}

static void what_an_address_scope_saw_no_namespace_takes_away(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	for (int i = 0; i < 4; i++)
		cloud("ns:aws/aws/123456789012/eu-west-1", NULL);
	assert_field(&s, "10.0.0.5", "state", "unmanaged");
	for (int i = 0; i < 3; i++)
		cloud("10.0.0.0/24", NULL);
	assert_field(&s, "10.0.0.5", "state", "lost");
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(counting_is_exact_however_many_there_are),
	        cmocka_unit_test(virtual_routers_are_known_by_their_prefix),
	        WITH_SCENE(the_limit_is_eight_addresses_of_one_scope),
	        WITH_SCENE(proxy_arp_makes_no_subnet_one_interface),
	        WITH_SCENE(a_proxy_does_not_swallow_a_silent_host),
	        WITH_SCENE(a_host_keeps_its_mac_beside_a_proxy),
	        WITH_SCENE(absence_counts_inside_its_namespace_only),
	        WITH_SCENE(what_an_address_scope_saw_no_namespace_takes_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
