/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "job/pace.h"

static enum mst_pace_verdict ended(struct mst_pace *pace, int64_t started, int64_t asked, int64_t lost, int64_t unsure)
{
	const struct mst_pace_report report = {.started = started,
	                                       .ended = started + 20,
	                                       .expected = 20,
	                                       .asked = asked,
	                                       .lost = lost,
	                                       .unsure = unsure};

	return mst_pace_ended(pace, &report);
}

static void the_smallest_ceiling_counts(void **state)
{
	(void)state;
	assert_int_equal(mst_pace_ceiling(16, 2, 64), 16);
	assert_int_equal(mst_pace_ceiling(64, 2, 64), 32);
	assert_int_equal(mst_pace_ceiling(64, 64, 7), 7);
	assert_int_equal(mst_pace_ceiling(0, 1, 64), 1);
	assert_true(mst_pace_cores() >= 1);
}

static void starts_by_cores_below_the_ceiling(void **state)
{
	struct mst_pace pace;

	(void)state;
	mst_pace_init(&pace, 64, 2);
	assert_int_equal(mst_pace_slots(&pace), 16);
	mst_pace_init(&pace, 3, 8);
	assert_int_equal(mst_pace_slots(&pace), 3);
	mst_pace_init(&pace, 0, 0);
	assert_int_equal(mst_pace_slots(&pace), 1);
}

static void grows_to_the_ceiling_while_all_is_well(void **state)
{
	struct mst_pace pace;

	(void)state;
	mst_pace_init(&pace, 32, 2);
	for (int i = 0; i < 8; i++)
		assert_int_equal(ended(&pace, i, 16, 0, 3), MST_PACE_GOOD);
	assert_int_equal(mst_pace_slots(&pace), 24);
	for (int i = 0; i < 100; i++)
		ended(&pace, i, 16, 0, 3);
	assert_int_equal(mst_pace_slots(&pace), 32);
}

/* 16 shards that suffered together are one step back, and the way up again is slow. */
static void one_step_back_for_one_crowd(void **state)
{
	struct mst_pace pace;

	(void)state;
	mst_pace_init(&pace, 16, 2);
	for (int i = 0; i < 16; i++)
		assert_int_equal(ended(&pace, 100 + i / 8, 16, 4, 0), MST_PACE_LOSS);
	assert_int_equal(mst_pace_slots(&pace), 11);
	for (int i = 0; i < 5; i++)
		ended(&pace, 200, 16, 0, 0);
	assert_int_equal(mst_pace_slots(&pace), 11);
	for (int i = 0; i < 10; i++)
		ended(&pace, 200, 16, 0, 0);
	assert_int_equal(mst_pace_slots(&pace), 12);
	ended(&pace, 200, 16, 16, 0);
	assert_int_equal(mst_pace_slots(&pace), 8);
}

static void a_tarpit_is_no_loss(void **state)
{
	struct mst_pace pace;
	const struct mst_pace_report tarpit = {.started = 1, .ended = 900001, .expected = 20, .asked = 16, .lost = 1};

	(void)state;
	mst_pace_init(&pace, 16, 2);
	assert_int_equal(mst_pace_ended(&pace, &tarpit), MST_PACE_GOOD);
	assert_int_equal(ended(&pace, 1, 200, 3, 0), MST_PACE_GOOD);
	assert_int_equal(mst_pace_slots(&pace), 16);
}

/* A network of devices that nobody can name runs at full pace; one where names fade away does not. */
static void only_fewer_systems_than_before_count(void **state)
{
	struct mst_pace pace;
	int fell = 0;

	(void)state;
	mst_pace_init(&pace, 16, 2);
	for (int i = 0; i < 50; i++)
		assert_int_equal(ended(&pace, i, 16, 0, 12), MST_PACE_GOOD);
	mst_pace_init(&pace, 16, 2);
	for (int i = 0; i < 10; i++)
		assert_int_equal(ended(&pace, i, 16, 0, 1), MST_PACE_GOOD);
	for (int i = 0; i < 4; i++)
		fell += ended(&pace, 100 + i, 16, 0, 9) == MST_PACE_DOUBT;
	assert_in_range(fell, 1, 4);
	assert_true(mst_pace_slots(&pace) < 16);
}

static void slowness_steps_back_to_four_and_loss_to_two(void **state)
{
	struct mst_pace pace;
	struct mst_pace_report slow = {.expected = 10, .asked = 3};

	(void)state;
	mst_pace_init(&pace, 16, 2);
	for (int i = 0; i < 20; i++) {
		slow.started = 1000 * i;
		slow.ended = slow.started + 51;
		assert_int_equal(mst_pace_ended(&pace, &slow), MST_PACE_SLOW);
	}
	assert_int_equal(mst_pace_slots(&pace), 4);
	for (int i = 0; i < 20; i++)
		ended(&pace, 100000 * (i + 1), 16, 8, 0);
	assert_int_equal(mst_pace_slots(&pace), 2);
	slow.started = 90000000;
	slow.ended = slow.started + 51;
	mst_pace_ended(&pace, &slow);
	assert_int_equal(mst_pace_slots(&pace), 2);
	mst_pace_init(&pace, 1, 1);
	ended(&pace, 5, 16, 16, 0);
	assert_int_equal(mst_pace_slots(&pace), 1);
}

/* Hosts behind firewalls make a shard slow on any wire. */
static void three_times_the_expected_is_not_slow(void **state)
{
	struct mst_pace pace;
	const struct mst_pace_report report = {.started = 0, .ended = 68000, .expected = 22700, .asked = 16};

	(void)state;
	mst_pace_init(&pace, 16, 2);
	assert_int_equal(mst_pace_ended(&pace, &report), MST_PACE_GOOD);
}

static void without_an_expectation_nothing_is_slow(void **state)
{
	struct mst_pace pace;
	const struct mst_pace_report report = {.started = 0, .ended = 10000000, .asked = 16};

	(void)state;
	mst_pace_init(&pace, 16, 2);
	assert_int_equal(mst_pace_ended(&pace, &report), MST_PACE_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_smallest_ceiling_counts),
	        cmocka_unit_test(starts_by_cores_below_the_ceiling),
	        cmocka_unit_test(grows_to_the_ceiling_while_all_is_well),
	        cmocka_unit_test(one_step_back_for_one_crowd),
	        cmocka_unit_test(a_tarpit_is_no_loss),
	        cmocka_unit_test(only_fewer_systems_than_before_count),
	        cmocka_unit_test(slowness_steps_back_to_four_and_loss_to_two),
	        cmocka_unit_test(three_times_the_expected_is_not_slow),
	        cmocka_unit_test(without_an_expectation_nothing_is_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
