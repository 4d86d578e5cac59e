/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "job/rate.h"

static int64_t share_of(struct mst_rate_limit *a, struct mst_rate_limit *b, struct mst_rate_limit *c, unsigned slots)
{
	const struct mst_rate_limit *limits[] = {a, b, c};

	return mst_rate_share(limits, 3, slots);
}

static void no_limit_at_all(void **state)
{
	struct mst_rate_limit none = {0, 0};

	(void)state;
	assert_int_equal(share_of(&none, &none, &none, 8), MST_RATE_NONE);
}

static void smallest_limit_is_divided(void **state)
{
	struct mst_rate_limit all = {5000, 0}, zone = {200, 0}, profile = {1000, 0};

	(void)state;
	assert_int_equal(share_of(&all, &zone, &profile, 4), 50);
	zone.total = 0;
	assert_int_equal(share_of(&all, &zone, &profile, 4), 250);
}

/* Whatever starts and ends in whatever order, no limit is ever exceeded, and everything gets its turn. */
static void limits_hold_over_all_runs(void **state)
{
	struct mst_rate_limit all = {1000, 0}, none = {0, 0}, first = {900, 0}, second = {0, 0};
	struct mst_rate_limit *a[] = {&all, &none, &first}, *b[] = {&all, &none, &second};
	int64_t shares[64];
	int started = 0;

	(void)state;
	for (int i = 0; i < 64; i++) {
		struct mst_rate_limit **limits = i % 2 ? a : b;
		int64_t share = mst_rate_share((const struct mst_rate_limit *const *)limits, 3, i % 2 ? 3 : 4);

		shares[i] = share;
		mst_rate_book(limits, 3, share, 1);
		started += share > 0;
		assert_true(all.used <= all.total);
		assert_true(first.used <= first.total);
	}
	assert_in_range(started, 4, 8);
	for (int i = 0; i < 64; i++)
		mst_rate_book(i % 2 ? a : b, 3, shares[i], -1);
	assert_int_equal(all.used, 0);
	assert_int_equal(first.used, 0);
}

static void waits_rather_than_crumbles(void **state)
{
	struct mst_rate_limit all = {1000, 900}, none = {0, 0};

	(void)state;
	assert_int_equal(share_of(&all, &none, &none, 4), MST_RATE_WAIT); /* 250 wanted, 100 free */
	all.used = 870;
	assert_int_equal(share_of(&all, &none, &none, 4), 130);
	all.used = 1000;
	assert_int_equal(share_of(&all, &none, &none, 4), MST_RATE_WAIT);
}

static void never_less_than_one_packet(void **state)
{
	struct mst_rate_limit slow = {3, 0}, none = {0, 0};
	const struct mst_rate_limit *limits[] = {&slow, &none};

	(void)state;
	assert_int_equal(mst_rate_slots(limits, 2, 64), 3);
	assert_int_equal(mst_rate_slots(limits, 2, 0), 1);
	assert_int_equal(mst_rate_share(limits, 2, 64), 1);
	slow.used = 3;
	assert_int_equal(mst_rate_share(limits, 2, 64), MST_RATE_WAIT);
}

static void booking_ignores_what_is_no_share(void **state)
{
	struct mst_rate_limit limit = {10, 0};
	struct mst_rate_limit *limits[] = {&limit};

	(void)state;
	mst_rate_book(limits, 1, MST_RATE_NONE, 1);
	mst_rate_book(limits, 1, MST_RATE_WAIT, 1);
	assert_int_equal(limit.used, 0);
	mst_rate_book(limits, 1, 5, -1);
	assert_int_equal(limit.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(no_limit_at_all),
	        cmocka_unit_test(smallest_limit_is_divided),
	        cmocka_unit_test(limits_hold_over_all_runs),
	        cmocka_unit_test(waits_rather_than_crumbles),
	        cmocka_unit_test(never_less_than_one_packet),
	        cmocka_unit_test(booking_ignores_what_is_no_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
