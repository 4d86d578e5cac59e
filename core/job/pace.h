/* SPDX-License-Identifier: Apache-2.0 */
/* How many shards of a run go side by side: grows while the network bears it, gives way when answers get lost. Pure. */
#ifndef MST_JOB_PACE_H
#define MST_JOB_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* How one shard ended, as far as it tells of the network. Times in milliseconds. */
struct mst_pace_report {
	int64_t started, ended;
	int64_t expected; /* of the plan; 0: nobody knows */
	int64_t asked, lost,
	        unsure; /* of its plugin: items that answered; of these with losses; of these told with doubt */
};

struct mst_pace {
	unsigned ceiling;
	double window, threshold; /* below the threshold a good shard adds one, above it a round of them does */
	int64_t since;            /* shards started before the last step back say nothing new */
	double asked, unsure;     /* of the run so far */
	double recent_asked, recent_unsure;
};

enum mst_pace_verdict { MST_PACE_GOOD = 0, MST_PACE_SLOW, MST_PACE_LOSS, MST_PACE_DOUBT };

/*
 * What this machine bears at all: `operators` is the profile's `parallel` (at least 1), `cores` what the process may use,
 * `descriptors` the shards that its open files allow.
 */
unsigned mst_pace_ceiling(unsigned operators, unsigned cores, unsigned descriptors);
/* Starts at 8 for each core, at least 4, at most the ceiling. */
void mst_pace_init(struct mst_pace *pace, unsigned ceiling, unsigned cores);
unsigned mst_pace_slots(const struct mst_pace *pace); /* 1 to the ceiling */
/* Takes in how a shard ended. What is not MST_PACE_GOOD has made the window smaller, or kept it when it was so already. */
enum mst_pace_verdict mst_pace_ended(struct mst_pace *pace, const struct mst_pace_report *report);
unsigned mst_pace_cores(void); /* that this process may run on; at least 1 */

#endif
