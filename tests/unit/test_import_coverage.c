/* SPDX-License-Identifier: Apache-2.0 */
/* What was covered when: layers that do not overlap, newest on top, in any order of arrival. */
#include "import_scene.h"

#include <math.h>
#include <muster/plugin.h>

#include "import/absence.h"
#include "import/coverage.h"
#include "import/doc.h"

static struct scene s;

static int open_scene(void **state)
{
	(void)state;
	scene_open(&s, NULL);
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	scene_close(&s);
	return 0;
}

static struct mst_cover_answer ask(const char *zone, const char *network, int64_t since)
{
	struct mst_cover *cover;
	struct mst_cover_answer answer;
	struct mst_range range;
	struct mst_err err;

	assert_true(mst_range_parse(network, &range));
	assert_int_equal(mst_cover_load(&cover, s.store, &err), 0);
	mst_cover_ask(cover, zone, &range, since, &answer);
	answer.profile = NULL; /* goes with the cover */
	mst_cover_free(cover);
	return answer;
}

static void assert_share(const char *network, double covered, double of)
{
	struct mst_cover_answer answer = ask("default", network, 0);

	assert_true(fabs(answer.covered - covered) < 0.5);
	assert_true(fabs(answer.addresses - of) < 0.5);
}

static void note(const char *run, int64_t at, const char *addresses)
{
	struct mst_coverage coverage = {.profile = "p", .zone = "default", .seen_from = at};
	struct mst_err err;

	mst_addr_set_init(&coverage.addresses);
	assert_int_equal(mst_addr_set_parse(&coverage.addresses, addresses, &err), 0);
	assert_int_equal(mst_coverage_note(s.import, run, &coverage, &err), 0);
	mst_addr_set_free(&coverage.addresses);
}

static void scans_are_layered(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", NULL);
	int64_t first = s.now;
	assert_share("10.0.0.0/24", 256, 256);
	assert_share("10.0.0.0/16", 256, 65536);
	assert_share("10.9.0.0/24", 0, 256);
	scene_scan(&s, "10.0.0.0/25", "22", "{'ip':'10.0.0.1'}", NULL);
	struct mst_cover_answer answer = ask("default", "10.0.0.0/24", first + 1);
	assert_true(fabs(answer.covered - 256) < 0.5);
	assert_true(fabs(answer.fresh - 128) < 0.5);
	assert_true(answer.last > answer.whole && answer.whole > 0);
	assert_true(ask("other", "10.0.0.0/24", 0).last == 0);
	answer = ask("default", "10.0.0.0/23", 0);
	assert_true(answer.last > 0);
	assert_int_equal(answer.whole, 0);
	/* The second one covered all of the first: one layer is left. */
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'}", NULL);
	assert_int_equal(test_store_size(s.store, "coverage"), 1);
}

static void partial_scopes_cover_nothing(void **state)
{
	(void)state;
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/25", "22", NULL);
	scene_end(&s, 0);
	scene_shard(&s, 63, "10.0.0.128/25", "22", NULL);
	scene_end(&s, MUSTER_OUTCOME_PARTIAL);
	scene_import(&s);
	assert_share("10.0.0.0/24", 128, 256);
}

/* An older run that comes later, a run told again: the picture is the same. */
static void any_order_gives_the_same(void **state)
{
	(void)state;
	const struct {
		const char *run, *addresses;
		int64_t at;
	} runs[] = {{"a", "10.0.0.0/24", 100},
	            {"b", "10.0.0.64/26,10.1.0.0/28", 200},
	            {"c", "10.0.0.0/26,10.0.0.100", 300}};
	static const int orders[][5] = {{0, 1, 2, 2, 0}, {2, 1, 0, 1, 2}, {1, 0, 2, 0, 1}, {2, 0, 1, 1, 0}};
	char *wanted = NULL;

	for (size_t o = 0; o < 4; o++) {
		scene_new_store(&s);
		for (int i = 0; i < 5; i++)
			note(runs[orders[o][i]].run, runs[orders[o][i]].at, runs[orders[o][i]].addresses);
		char *dump = test_store_dump(s.store, "coverage");
		if (!wanted)
			wanted = dump;
		else
			assert_string_equal(dump, wanted);
		if (wanted != dump)
			free(dump);
		struct mst_cover_answer answer = ask("default", "10.0.0.0/24", 250);
		assert_true(fabs(answer.covered - 256) < 0.5);
		assert_true(fabs(answer.fresh - 65) < 0.5);
		assert_int_equal(answer.last, 300);
		assert_int_equal(answer.whole, 100);
	}
	free(wanted);
}

static void it_stays_small(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		char run[32], addresses[64];
		snprintf(run, sizeof run, "r%04d", i);
		snprintf(addresses, sizeof addresses, "10.0.%d.0/24", i % 4);
		note(run, 1000 + i, addresses);
	}
	assert_int_equal(test_store_size(s.store, "coverage"), 4);
	for (int i = 0; i < 2100; i++) {
		char run[32], addresses[64];
		snprintf(run, sizeof run, "s%04d", i);
		snprintf(addresses, sizeof addresses, "10.%d.%d.0/24", 1 + i / 256, i % 256);
		note(run, 2000 + i, addresses);
	}
	assert_true(test_store_size(s.store, "coverage") <= 2000);
	assert_share("10.0.0.0/22", 0, 1024); /* the oldest went */
	assert_share("10.8.0.0/16", 65536, 65536);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
	        TEST(scans_are_layered),
	        TEST(partial_scopes_cover_nothing),
	        TEST(any_order_gives_the_same),
	        TEST(it_stays_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
