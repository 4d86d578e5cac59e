/* SPDX-License-Identifier: Apache-2.0 */
#include "job/state.h"

#include <string.h>

static const char *const run_states[] = {"", "planning", "running", "importing", "done"};
static const char *const shard_states[] = {"", "waiting", "running", "spooled", "imported", "failed"};
static const char *const outcomes[] = {"", "complete", "partial", "failed"};

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const char *word(const char *const *words, int count, int value)
{
	return value > 0 && value < count ? words[value] : "";
}

static int find(const char *const *words, int count, const char *name)
{
	for (int i = 1; name && i < count; i++)
		if (strcmp(words[i], name) == 0)
			return i;
	return 0;
}

const char *mst_run_state_name(int state)
{
	return word(run_states, COUNT(run_states), state);
}

const char *mst_shard_state_name(int state)
{
	return word(shard_states, COUNT(shard_states), state);
}

const char *mst_outcome_name(int outcome)
{
	return word(outcomes, COUNT(outcomes), outcome);
}

int mst_run_state_from_name(const char *name)
{
	return find(run_states, COUNT(run_states), name);
}

int mst_shard_state_from_name(const char *name)
{
	return find(shard_states, COUNT(shard_states), name);
}

int mst_outcome_from_name(const char *name)
{
	return find(outcomes, COUNT(outcomes), name);
}

bool mst_run_may_step(int from, int to)
{
	switch (from) {
	case MST_RUN_PLANNING:
		return to == MST_RUN_RUNNING || to == MST_RUN_IMPORTING || to == MST_RUN_DONE;
	case MST_RUN_RUNNING:
		return to == MST_RUN_IMPORTING;
	case MST_RUN_IMPORTING:
		return to == MST_RUN_DONE;
	case MST_RUN_DONE:
		return to == MST_RUN_PLANNING || to == MST_RUN_RUNNING;
	default:
		return false;
	}
}

int mst_run_outcome(const struct mst_run_sum *sum)
{
	if (sum->complete == sum->shards)
		return sum->stopped ? MST_OUTCOME_PARTIAL : MST_OUTCOME_COMPLETE;
	if (!sum->stopped && sum->complete == 0 && sum->partial == 0)
		return MST_OUTCOME_FAILED;
	return MST_OUTCOME_PARTIAL;
}

bool mst_shard_needs_retry(int state, int outcome)
{
	return state == MST_SHARD_WAITING || state == MST_SHARD_RUNNING || state == MST_SHARD_FAILED ||
	       outcome != MST_OUTCOME_COMPLETE;
}
