/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator changes by hand, and rules that are looked at again. */
#include "import_scene.h"

#include "import/doc.h"

static struct scene s;

#define MAC1 "3c:22:fb:10:20:30"

static int open_scene(void **state)
{
	(void)state;
	scene_open(&s, "{'labels':[{'name':'Router','when':'ip=10.0.0.1','action':'unmanageable'},"
	               "{'name':'Rogue','when':'vendor~evil','action':'purge'},"
	               "{'name':'Watch','when':'vendor~watch','action':'notify'}]}");
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	scene_close(&s);
	return 0;
}

static bson_t *at(const char *ip)
{
	bson_t *filter = bson_new();
	bson_append_utf8(filter, "ip", -1, ip, -1);
	return filter;
}

static void label(const char *ip, const char *add, const char *remove, bool dry_run, int64_t matched, int64_t changed)
{
	struct mst_import_change out;
	struct mst_err err;
	bson_t *filter = ip ? at(ip) : NULL;
	assert_int_equal(mst_import_label(s.import, filter, add, remove, dry_run, &out, &err), 0);
	assert_int_equal(out.matched, matched);
	assert_int_equal(out.changed, changed);
	assert_int_equal(out.sample_count, changed);
	if (changed > 0)
		assert_string_equal(out.sample[0].ip, ip ? ip : "10.0.0.1");
	if (filter)
		bson_destroy(filter);
}

static void labels_come_and_go(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", "{'ip':'10.0.0.2'}", NULL);
	assert_list(&s, "10.0.0.1", "labels", "Router");
	assert_field(&s, "10.0.0.1", "state", "unmanageable");
	label("10.0.0.1", "mine, yours", NULL, true, 1, 1);
	assert_list(&s, "10.0.0.1", "labels", "Router");
	label("10.0.0.1", "mine, yours", NULL, false, 1, 1);
	assert_list(&s, "10.0.0.1", "labels", "Router,mine,yours");
	label("10.0.0.1", "mine", NULL, false, 1, 0);
	label(NULL, NULL, "mine", false, 2, 1);
	assert_list(&s, "10.0.0.1", "labels", "Router,yours");
	/* They outlive imports. */
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','names':[{'name':'r1'}]}", NULL);
	assert_list(&s, "10.0.0.1", "labels", "Router,yours");
	assert_list(&s, "10.0.0.1", "manual_labels", "yours");
}

static void label_names_are_checked(void **state)
{
	struct mst_import_change out;
	struct mst_err err;
	(void)state;
	assert_int_equal(mst_import_label(s.import, NULL, "a\"b", NULL, false, &out, &err), MST_E_USAGE);
	assert_int_equal(mst_import_label(s.import, NULL,
	                                  "0123456789012345678901234567890123456789012345678901234567890123", NULL,
	                                  false, &out, &err),
	                 MST_E_USAGE);
}

static void ignoring_by_hand(void **state)
{
	struct mst_import_change out;
	struct mst_err err;
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", "{'ip':'10.0.0.2'}", NULL);
	bson_t *filter = at("10.0.0.2");
	assert_int_equal(mst_import_ignore(s.import, filter, false, false, &out, &err), 0);
	assert_int_equal(out.changed, 1);
	assert_field(&s, "10.0.0.2", "state", "ignored");
	assert_field(&s, "10.0.0.2", "state_reason", "ignored by hand");
	assert_int_equal(mst_import_ignore(s.import, filter, false, false, &out, &err), 0);
	assert_int_equal(out.changed, 0);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2','names':[{'name':'x'}]}", NULL);
	assert_field(&s, "10.0.0.2", "state", "ignored");
	assert_int_equal(mst_import_ignore(s.import, filter, true, false, &out, &err), 0);
	assert_field(&s, "10.0.0.2", "state", "unmanaged");
	bson_destroy(filter);
}

static void an_unmerge_holds(void **state)
{
	char made[MST_ID_SIZE];
	struct mst_err err;
	(void)state;
	const char *a = "{'ip':'10.0.0.5','mac':'" MAC1 "'}", *b = "{'ip':'10.0.0.9','mac':'" MAC1 "'}";
	scene_scan(&s, "10.0.0.0/24", "22", a, b, NULL);
	bson_t *whole = scene_at(&s, "10.0.0.5");
	const char *id = mst_doc_text(whole, "_id");
	assert_int_equal(mst_import_unmerge(s.import, id, "hq/default/10.0.0.9", made, &err), 0);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	assert_field(&s, "10.0.0.9", "_id", made);
	assert_list(&s, "10.0.0.5", "ips", "10.0.0.5");
	/* Later imports, also with changed facts and from other sources, do not join them again. */
	scene_scan(&s, "10.0.0.0/24", "22", a, "{'ip':'10.0.0.9','mac':'" MAC1 "','names':[{'name':'n'}]}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	scene_scan(&s, "10.0.0.0/24", "22", a, "{'ip':'10.0.0.9','mac':'" MAC1 "','eni':'eni-1'}", NULL);
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	assert_field(&s, "10.0.0.9", "_id", made);
	assert_field(&s, "10.0.0.5", "_id", id);
	assert_list(&s, "10.0.0.5", "ips", "10.0.0.5");
	assert_field(&s, "10.0.0.9", "identity", "eni");
	assert_int_equal(test_store_size(s.store, "observations"), 2);
	bson_destroy(whole);
}

static void unmerge_says_what_is_wrong(void **state)
{
	char made[MST_ID_SIZE];
	struct mst_err err;
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.5'}", NULL);
	bson_t *one = scene_at(&s, "10.0.0.5");
	assert_int_equal(mst_import_unmerge(s.import, "nobody", NULL, made, &err), MST_E_NOT_FOUND);
	assert_int_equal(mst_import_unmerge(s.import, mst_doc_text(one, "_id"), "x", made, &err), MST_E_NOT_FOUND);
	assert_int_equal(mst_import_unmerge(s.import, mst_doc_text(one, "_id"), NULL, made, &err), MST_E_REFUSED);
	bson_destroy(one);
}

static void an_unmerge_that_is_cut_off_harms_nothing(void **state)
{
	char made[MST_ID_SIZE];
	struct mst_err err;
	(void)state;
	const char *a = "{'ip':'10.0.0.5','mac':'" MAC1 "'}", *b = "{'ip':'10.0.0.9','mac':'" MAC1 "'}";
	for (long cut = 0; cut < 6; cut++) {
		scene_new_store(&s);
		scene_scan(&s, "10.0.0.0/24", "22", a, b, NULL);
		bson_t *whole = scene_at(&s, "10.0.0.5");
		test_store_cut(s.store, cut);
		int code = mst_import_unmerge(s.import, mst_doc_text(whole, "_id"), "hq/default/10.0.0.9", made, &err);
		test_store_cut(s.store, -1);
		scene_new_import(&s);
		if (code != 0)
			assert_int_equal(mst_import_unmerge(s.import, mst_doc_text(whole, "_id"), "hq/default/10.0.0.9",
			                                    made, &err),
			                 0);
		assert_field(&s, "10.0.0.9", "_id", made);
		bson_destroy(whole);
	}
}

static void locations_place_interfaces(void **state)
{
	static const char first[] = "Network,NAT,Region,Site\n10.0.0.0/24,,EU,Berlin\n",
	                  second[] = "Network,NAT,Region\n10.0.0.2,,US\n";
	struct mst_err err;
	int64_t rows;
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", "{'ip':'10.0.0.2'}", NULL);
	assert_int_equal(mst_import_locations(s.import, first, sizeof first - 1, &rows, &err), 0);
	assert_int_equal(rows, 1);
	assert_field(&s, "10.0.0.1", "location", "EU / Berlin");
	assert_int_equal(mst_import_locations(s.import, "bad", 3, &rows, &err), MST_E_USAGE);
	assert_int_equal(test_store_size(s.store, "locations"), 1);
	assert_int_equal(mst_import_locations(s.import, second, sizeof second - 1, &rows, &err), 0);
	assert_field(&s, "10.0.0.1", "location", "");
	assert_field(&s, "10.0.0.2", "location", "US");
	/* A later import knows the table too. */
	scene_new_import(&s);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2','names':[{'name':'x'}]}", NULL);
	assert_field(&s, "10.0.0.2", "location", "US");
}

static void purge_and_notify(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','vendor':'Evil Corp'}",
	           "{'ip':'10.0.0.2','vendor':'Watchmakers'}", "{'ip':'10.0.0.3'}", NULL);
	assert_int_equal(scene_count_at(&s, "10.0.0.1"), 0);
	assert_field(&s, "10.0.0.2", "note", "notify: Watch");
	assert_int_equal(test_store_size(s.store, "interfaces"), 2);
	assert_int_equal(test_store_size(s.store, "observations"), 2);
	assert_int_equal(test_store_size(s.store, "identities"), 2);
}

static void rules_that_changed_are_applied(void **state)
{
	struct mst_import_settings none = s.settings;
	struct mst_import *import;
	struct mst_err err;
	int64_t changed;
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", NULL);
	none.rule_count = 0;
	assert_int_equal(mst_import_new(&import, s.store, &none, &err), 0);
	assert_int_equal(mst_import_reclassify(import, &changed, &err), 0);
	mst_import_free(import);
	assert_list(&s, "10.0.0.1", "labels", "");
	assert_field(&s, "10.0.0.1", "state", "unmanaged");
	assert_int_equal(mst_import_reclassify(s.import, &changed, &err), 0);
	assert_field(&s, "10.0.0.1", "state", "unmanageable");
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
	        SCENE(labels_come_and_go),
	        SCENE(label_names_are_checked),
	        SCENE(ignoring_by_hand),
	        SCENE(an_unmerge_holds),
	        SCENE(unmerge_says_what_is_wrong),
	        SCENE(an_unmerge_that_is_cut_off_harms_nothing),
	        SCENE(locations_place_interfaces),
	        SCENE(purge_and_notify),
	        SCENE(rules_that_changed_are_applied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
