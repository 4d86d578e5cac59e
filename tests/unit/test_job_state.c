/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "job/run.h"
#include "job/state.h"

static void words_go_both_ways(void **state)
{
	(void)state;
	for (int i = MST_RUN_PLANNING; i <= MST_RUN_DONE; i++)
		assert_int_equal(mst_run_state_from_name(mst_run_state_name(i)), i);
	for (int i = MST_SHARD_WAITING; i <= MST_SHARD_FAILED; i++)
		assert_int_equal(mst_shard_state_from_name(mst_shard_state_name(i)), i);
	for (int i = MST_OUTCOME_COMPLETE; i <= MST_OUTCOME_FAILED; i++)
		assert_int_equal(mst_outcome_from_name(mst_outcome_name(i)), i);
	assert_string_equal(mst_outcome_name(MST_OUTCOME_NONE), "");
	assert_string_equal(mst_run_state_name(99), "");
	assert_string_equal(mst_run_state_name(-1), "");
	assert_int_equal(mst_run_state_from_name("nonsense"), 0);
	assert_int_equal(mst_run_state_from_name(""), 0);
	assert_int_equal(mst_run_state_from_name(NULL), 0);
}

static void steps(void **state)
{
	(void)state;
	assert_true(mst_run_may_step(MST_RUN_PLANNING, MST_RUN_RUNNING));
	assert_true(mst_run_may_step(MST_RUN_PLANNING, MST_RUN_DONE));
	assert_true(mst_run_may_step(MST_RUN_RUNNING, MST_RUN_IMPORTING));
	assert_true(mst_run_may_step(MST_RUN_IMPORTING, MST_RUN_DONE));
	assert_true(mst_run_may_step(MST_RUN_DONE, MST_RUN_RUNNING));
	assert_false(mst_run_may_step(MST_RUN_RUNNING, MST_RUN_DONE));
	assert_false(mst_run_may_step(MST_RUN_DONE, MST_RUN_IMPORTING));
	assert_false(mst_run_may_step(MST_RUN_IMPORTING, MST_RUN_RUNNING));
	assert_false(mst_run_may_step(0, MST_RUN_RUNNING));
}

static int outcome(size_t shards, size_t complete, size_t partial, size_t failed, bool stopped)
{
	const struct mst_run_sum sum = {shards, complete, partial, failed, stopped};

	return mst_run_outcome(&sum);
}

static void outcomes(void **state)
{
	(void)state;
	assert_int_equal(outcome(4, 4, 0, 0, false), MST_OUTCOME_COMPLETE);
	assert_int_equal(outcome(4, 3, 0, 1, false), MST_OUTCOME_PARTIAL);
	assert_int_equal(outcome(4, 0, 1, 3, false), MST_OUTCOME_PARTIAL);
	assert_int_equal(outcome(4, 0, 0, 4, false), MST_OUTCOME_FAILED);
	assert_int_equal(outcome(4, 0, 0, 0, false), MST_OUTCOME_FAILED);
	/* A run that somebody stopped is partial, whatever it had by then. */
	assert_int_equal(outcome(4, 0, 0, 0, true), MST_OUTCOME_PARTIAL);
	assert_int_equal(outcome(4, 4, 0, 0, true), MST_OUTCOME_PARTIAL);
	assert_int_equal(outcome(4, 0, 0, 4, true), MST_OUTCOME_PARTIAL);
}

static void retry_takes_all_but_complete(void **state)
{
	(void)state;
	assert_false(mst_shard_needs_retry(MST_SHARD_IMPORTED, MST_OUTCOME_COMPLETE));
	assert_true(mst_shard_needs_retry(MST_SHARD_IMPORTED, MST_OUTCOME_PARTIAL));
	assert_true(mst_shard_needs_retry(MST_SHARD_FAILED, MST_OUTCOME_FAILED));
	assert_true(mst_shard_needs_retry(MST_SHARD_WAITING, MST_OUTCOME_NONE));
	assert_true(mst_shard_needs_retry(MST_SHARD_RUNNING, MST_OUTCOME_NONE));
}

static const char *warning(const struct mst_run *run, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(run->warnings, i));
}

static void warnings_are_kept_once_each_and_not_without_end(void **state)
{
	(void)state;
	struct mst_run run = {.number = 1};
	char text[2 * MST_MAX_WARNING];
	mst_run_warn(&run, "one");
	mst_run_warn(&run, "one");
	mst_run_warn(&run, "");
	assert_int_equal(json_object_array_length(run.warnings), 1);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	mst_run_warn(&run, text);
	assert_int_equal(strlen(warning(&run, 1)), MST_MAX_WARNING);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		mst_run_warn(&run, text);
	}
	assert_int_equal(json_object_array_length(run.warnings), MST_MAX_WARNINGS);
	assert_string_equal(warning(&run, MST_MAX_WARNINGS - 2), "number 16");
	assert_non_null(strstr(warning(&run, MST_MAX_WARNINGS - 1), "more warnings"));
	json_object_put(run.warnings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(words_go_both_ways),
	        cmocka_unit_test(steps),
	        cmocka_unit_test(outcomes),
	        cmocka_unit_test(retry_takes_all_but_complete),
	        cmocka_unit_test(warnings_are_kept_once_each_and_not_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
