/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of an observation, and the decision which interface it is. */
#include "import_help.h"

#include "import/identity.h"
#include "import/keys.h"

static struct mst_keys keys_of(const char *json, const char *zone)
{
	bson_t *document = doc(json);
	struct mst_keys keys;
	mst_keys_of(document, zone, false, &keys);
	bson_destroy(document);
	return keys;
}

static void expect_keys(const char *json, const char *zone, const char *expected)
{
	struct mst_keys keys = keys_of(json, zone);
	char all[4 * MST_KEY_SIZE] = "";
	size_t used = 0;
	for (size_t i = 0; i < keys.count; i++)
		used += (size_t)snprintf(all + used, sizeof all - used, "%s%s%s", i ? " " : "", keys.items[i].text,
		                         keys.items[i].kind < MST_KEY_STRONG ? "!" : "");
	assert_string_equal(all, expected);
}

static void macs_are_read_strictly(void **state)
{
	char mac[MST_MAC_SIZE];
	(void)state;
	assert_true(mst_mac_parse("3C-22-FB-10-20-30", mac));
	assert_string_equal(mac, "3c:22:fb:10:20:30");
	const char *const bad[] = {"",
	                           "3c:22:fb:10:20",
	                           "3c:22:fb:10:20:3g",
	                           "3c:22:fb:10:20:300",
	                           "00:00:00:00:00:00",
	                           "ff:ff:ff:ff:ff:ff",
	                           "01:00:5e:00:00:01",
	                           "3c.22.fb.10.20.30"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(mst_mac_parse(bad[i], mac));
	assert_false(mst_mac_parse(NULL, mac));
}

static void virtual_routers(void **state)
{
	(void)state;
	const char *const yes[] = {"00:00:5e:00:01:01", "00:00:5e:00:02:ff", "00:00:0c:07:ac:0a",
	                           "00:00:0c:9f:f1:23", "00:05:73:a0:00:01", "00:07:b4:00:01:02"};
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(mst_mac_is_virtual_router(yes[i]));
	assert_false(mst_mac_is_virtual_router("00:00:5e:00:03:01"));
	assert_false(mst_mac_is_virtual_router("3c:22:fb:10:20:30"));
}

static void keys_strongest_first(void **state)
{
	(void)state;
	expect_keys("{'ip':'10.0.0.1'}", "hq", "ip:hq:10.0.0.1");
	expect_keys("{'ip':'10.0.0.1','mac':'3c:22:fb:10:20:30'}", "hq", "mac:hq:3c:22:fb:10:20:30! ip:hq:10.0.0.1");
	expect_keys("{'ip':'10.0.0.1','mac':'02:22:fb:10:20:30'}", "hq", "mac:hq:02:22:fb:10:20:30 ip:hq:10.0.0.1");
	expect_keys("{'mac':'0a:4f:11:22:33:44','eni':'eni-1','instance_id':'i-1','computer_id':'7'}", "aws:vpc",
	            "eni:eni-1! inst:i-1/0a:4f:11:22:33:44! agent:7/0a:4f:11:22:33:44! mac:aws:vpc:0a:4f:11:22:33:44");
	expect_keys("{'ip':'10.0.0.1','mac':'00:00:5e:00:01:01','computer_id':'7'}", "hq", "ip:hq:10.0.0.1");
	expect_keys("{'computer_id':'7'}", "hq", "");
}

static void too_long_an_id_is_no_key(void **state)
{
	char json[1200];
	(void)state;
	snprintf(json, sizeof json, "{'ip':'10.0.0.1','eni':'%0*d'}", 1000, 1);
	expect_keys(json, "hq", "ip:hq:10.0.0.1");
}

/* ---- the decision ---- */

static struct mst_candidate candidates[MST_CANDIDATES_MAX];
static size_t count;
static const char *never_a, *never_b;

static bool is_never(void *data, const char *a, const char *b)
{
	(void)data;
	return never_a && ((strcmp(a, never_a) == 0 && strcmp(b, never_b) == 0) ||
	                   (strcmp(b, never_a) == 0 && strcmp(a, never_b) == 0));
}

static struct mst_candidate *candidate(const char *id, int kind, int64_t created, const char *json)
{
	struct mst_candidate *out = &candidates[count++];
	memset(out, 0, sizeof *out);
	snprintf(out->id, sizeof out->id, "%s", id);
	out->kind = kind;
	out->created = created;
	out->fresh = true;
	out->keys = keys_of(json, "hq");
	return out;
}

static struct mst_decision decide(const char *json)
{
	struct mst_keys keys = keys_of(json, "hq");
	struct mst_decision out;
	mst_identity_decide(&keys, candidates, count, is_never, NULL, &out);
	return out;
}

static int start(void **state)
{
	(void)state;
	count = 0;
	never_a = never_b = NULL;
	return 0;
}

#define WITH_MAC "{'ip':'10.0.0.1','mac':'3c:22:fb:10:20:30'}"
#define BY_IP    "{'ip':'10.0.0.1'}"

static void nobody_is_new(void **state)
{
	(void)state;
	assert_int_equal(decide(WITH_MAC).target, -1);
}

static void a_strong_key_beats_a_weak_one(void **state)
{
	(void)state;
	candidate("weak", MST_KEY_IP, 1, "{}");
	candidate("strong", MST_KEY_MAC, 2, WITH_MAC);
	struct mst_decision out = decide(WITH_MAC);
	assert_int_equal(out.target, 1);
	assert_int_equal(out.merge_count, 0);
}

static void a_weak_key_does_not_join_what_has_another_mac(void **state)
{
	(void)state;
	candidate("other", MST_KEY_IP, 1, "{'mac':'3c:22:fb:10:20:99'}");
	assert_int_equal(decide(WITH_MAC).target, -1);
	assert_int_equal(decide(BY_IP).target, 0);
	candidates[0].keys = keys_of("{'mac':'02:22:fb:10:20:99'}", "hq");
	assert_int_equal(decide("{'ip':'10.0.0.1','mac':'02:22:fb:10:20:11'}").target, -1);
}

static void an_address_must_be_fresh(void **state)
{
	(void)state;
	candidate("old", MST_KEY_IP, 1, "{}")->fresh = false;
	assert_int_equal(decide(BY_IP).target, -1);
}

static void strong_keys_merge_into_the_oldest(void **state)
{
	(void)state;
	candidate("b", MST_KEY_MAC, 2, WITH_MAC);
	candidate("a", MST_KEY_ENI, 1, "{'eni':'eni-1'}");
	struct mst_decision out = decide("{'mac':'3c:22:fb:10:20:30','eni':'eni-1'}");
	assert_int_equal(out.target, 1);
	assert_int_equal(out.merge_count, 1);
	assert_int_equal(out.merges[0], 0);
}

static void two_values_of_one_kind_never_merge(void **state)
{
	(void)state;
	candidate("a", MST_KEY_ENI, 1, "{'eni':'eni-1'}");
	candidate("b", MST_KEY_MAC, 2, "{'eni':'eni-2','mac':'3c:22:fb:10:20:30'}");
	struct mst_decision out = decide("{'mac':'3c:22:fb:10:20:30','eni':'eni-1'}");
	assert_int_equal(out.target, 0);
	assert_int_equal(out.merge_count, 0);
}

static void never_pairs_are_honoured(void **state)
{
	(void)state;
	never_a = "a";
	never_b = "b";
	candidate("a", MST_KEY_ENI, 1, "{'eni':'eni-1'}");
	candidate("b", MST_KEY_MAC, 2, WITH_MAC);
	assert_int_equal(decide("{'mac':'3c:22:fb:10:20:30','eni':'eni-1'}").merge_count, 0);
	/* The observation that was split off to b is not led back to a. */
	count = 0;
	candidate("a", MST_KEY_MAC, 1, WITH_MAC);
	candidate("b", MST_KEY_IP, 2, WITH_MAC)->current = true;
	assert_int_equal(decide(WITH_MAC).target, 1);
}

static void home_before_a_stranger_of_the_same_rank(void **state)
{
	(void)state;
	candidate("stranger", MST_KEY_IP, 1, "{}");
	candidate("home", MST_KEY_IP, 2, "{}")->current = true;
	assert_int_equal(decide(BY_IP).target, 1);
}

static void the_same_mac_in_two_zones_is_no_conflict(void **state)
{
	(void)state;
	struct mst_keys a = keys_of("{'mac':'3c:22:fb:10:20:30'}", "hq"),
	                b = keys_of("{'mac':'3c:22:fb:10:20:30'}", "aws:vpc");
	assert_false(mst_keys_conflict(&a, &b));
	b = keys_of("{'mac':'3c:22:fb:10:20:31'}", "hq");
	assert_true(mst_keys_conflict(&a, &b));
}

int main(void)
{
#define DECISION(test) cmocka_unit_test_setup(test, start)
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(macs_are_read_strictly),
	        cmocka_unit_test(virtual_routers),
	        cmocka_unit_test(keys_strongest_first),
	        cmocka_unit_test(too_long_an_id_is_no_key),
	        DECISION(nobody_is_new),
	        DECISION(a_strong_key_beats_a_weak_one),
	        DECISION(a_weak_key_does_not_join_what_has_another_mac),
	        DECISION(an_address_must_be_fresh),
	        DECISION(strong_keys_merge_into_the_oldest),
	        DECISION(two_values_of_one_kind_never_merge),
	        DECISION(never_pairs_are_honoured),
	        DECISION(home_before_a_stranger_of_the_same_rank),
	        cmocka_unit_test(the_same_mac_in_two_zones_is_no_conflict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
