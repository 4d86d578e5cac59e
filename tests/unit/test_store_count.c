/* SPDX-License-Identifier: Apache-2.0 */
/* Counting for listings, which goes only so far; and ranges, which an index must serve from both ends. */
#include "store_common.h"

#define ROWS 3000

static void fill(struct fixture *f)
{
	struct mst_batch *batch;
	struct mst_err err = {0};

	mst_batch_new(&batch, NULL);
	for (int i = 0; i < ROWS; i++) {
		char json[256];
		snprintf(json, sizeof json,
		         "{'_id':'i%05d','number':%d,'state':'%s','ip_key':'4:0a%06x','os_accuracy':%d}", i, i,
		         i % 3 ? "lost" : "managed", (unsigned)i, i % 100);
		bson_t *made = doc(json);
		assert_true(mst_batch_put(batch, "interfaces", made) >= 0);
		bson_destroy(made);
	}
	assert_int_equal(mst_store_write(f->store, batch, &err), MST_OK);
	mst_batch_free(batch);
}

static int64_t count_some(struct fixture *f, const char *filter, int64_t most, int64_t budget_ms)
{
	struct mst_err err = {0};
	bson_t *made = doc(filter);
	int64_t count = -2;

	if (mst_store_count_some(f->store, "interfaces", made, most, budget_ms, &count, &err) != MST_OK)
		fail_msg("%s: %s", filter, err.text);
	bson_destroy(made);
	return count;
}

static void test_counts_go_as_far_as_wanted(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_int_equal(count_some(f, "{}", 10000, 10000), ROWS);
	assert_int_equal(count_some(f, "{}", 500, 10000), 500);
	assert_int_equal(count_some(f, "{'state':'managed'}", 10000, 10000), ROWS / 3);
	assert_int_equal(count_some(f, "{'state':'managed'}", ROWS / 3, 10000), ROWS / 3);
	assert_int_equal(count_some(f, "{'state':'ignored'}", 10, 10000), 0);
	assert_int_equal(count_some(f, "{'number':{'$gte':10,'$lt':20}}", 100, 10000), 10);
}

static void test_a_count_that_takes_too_long_is_not_known(void **state)
{
	struct fixture *f = *state;

	fill(f);
	assert_int_equal(count_some(f, "{'hostname':{'$has':'x'}}", 10000, 0), -1);
	assert_int_equal(count_some(f, "{'hostname':{'$has':'x'}}", 10000, 10000),
	                 0); /* the connection is as good as before */
}

static void test_faults_are_told(void **state)
{
	struct fixture *f = *state;
	struct mst_err err = {0};
	bson_t *bad = doc("{'state':{'$near':1}}");
	int64_t count = 0;

	assert_int_equal(mst_store_count_some(f->store, "interfaces", bad, 10, 10, &count, &err), MST_E_USAGE);
	assert_int_equal(count, -1);
	assert_int_equal(mst_store_count_some(f->store, "no_such", NULL, 10, 10, &count, &err), MST_E_USAGE);
	bson_destroy(bad);
}

static int64_t count_all(struct fixture *f, const char *filter)
{
	struct mst_err err = {0};
	bson_t *made = doc(filter);
	int64_t count = -1;

	assert_int_equal(mst_store_count(f->store, "interfaces", made, &count, &err), MST_OK);
	bson_destroy(made);
	return count;
}

/* Both bounds of one class need no guard; bounds of two classes match nothing, and each alone keeps to its class. */
static void test_ranges(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put_doc(f, "interfaces", "{'_id':'a','number':1,'mac':'b','os_accuracy':5}"), MST_OK);
	assert_int_equal(put_doc(f, "interfaces", "{'_id':'b','number':2,'mac':7,'os_accuracy':'5'}"), MST_OK);
	assert_int_equal(put_doc(f, "interfaces", "{'_id':'c','number':3,'mac':null,'os_accuracy':null}"), MST_OK);
	assert_int_equal(put_doc(f, "interfaces", "{'_id':'d','number':4}"), MST_OK);
	assert_int_equal(count_all(f, "{'mac':{'$gte':'a','$lte':'c'}}"), 1);
	assert_int_equal(count_all(f, "{'mac':{'$gt':'b','$lte':'c'}}"), 0);
	assert_int_equal(count_all(f, "{'mac':{'$gte':1,'$lte':9}}"), 1);
	assert_int_equal(count_all(f, "{'mac':{'$gte':1,'$lte':'z'}}"), 0);
	assert_int_equal(count_all(f, "{'mac':{'$gte':'a','$lt':9}}"), 0);
	assert_int_equal(count_all(f, "{'mac':{'$gte':''}}"), 1);
	assert_int_equal(count_all(f, "{'mac':{'$lte':'z'}}"), 1);
	assert_int_equal(count_all(f, "{'os_accuracy':{'$gt':1,'$lt':9}}"), 1);
	assert_int_equal(count_all(f, "{'os_accuracy':{'$gt':1,'$lt':9,'$ne':5}}"), 0);
	assert_int_equal(count_all(f, "{'$not':{'mac':{'$gte':'a','$lte':'c'}}}"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_counts_go_as_far_as_wanted, fixture_setup, fixture_teardown),
	        cmocka_unit_test_setup_teardown(test_a_count_that_takes_too_long_is_not_known, fixture_setup,
	                                        fixture_teardown),
	        cmocka_unit_test_setup_teardown(test_faults_are_told, fixture_setup, fixture_teardown),
	        cmocka_unit_test_setup_teardown(test_ranges, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
