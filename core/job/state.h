/* SPDX-License-Identifier: Apache-2.0 */
/* The run state machine: words, allowed steps, and what a run's outcome is. Pure. */
#ifndef MST_JOB_STATE_H
#define MST_JOB_STATE_H

#include <stdbool.h>
#include <stddef.h>

enum mst_run_state { MST_RUN_PLANNING = 1, MST_RUN_RUNNING, MST_RUN_IMPORTING, MST_RUN_DONE };
enum mst_shard_state {
	MST_SHARD_WAITING = 1,
	MST_SHARD_RUNNING,
	MST_SHARD_SPOOLED,
	MST_SHARD_IMPORTED,
	MST_SHARD_FAILED
};
/* Same values as enum muster_outcome; NONE while running. */
enum mst_outcome { MST_OUTCOME_NONE = 0, MST_OUTCOME_COMPLETE, MST_OUTCOME_PARTIAL, MST_OUTCOME_FAILED };

const char *mst_run_state_name(int state);     /* "planning", ...; "" for none. Static. */
const char *mst_shard_state_name(int state);   /* "waiting", ... */
const char *mst_outcome_name(int outcome);     /* "complete", ...; "" for none */
int mst_run_state_from_name(const char *name); /* 0 when unknown */
int mst_shard_state_from_name(const char *name);
int mst_outcome_from_name(const char *name);

/* planning -> running -> importing -> done; planning -> done; done -> planning or running (retry). */
bool mst_run_may_step(int from, int to);

struct mst_run_sum {
	size_t shards, complete, partial, failed; /* shards by outcome; the rest never ran */
	bool stopped;                             /* by the operator, at the daemon's end, by a kill */
};
/* complete: every shard is. failed: not stopped and no shard is complete or partial. Else partial. */
int mst_run_outcome(const struct mst_run_sum *sum);
/* May this shard be run again by `retry`? Everything but a complete one. */
bool mst_shard_needs_retry(int state, int outcome);

#endif
