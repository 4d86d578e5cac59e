/* SPDX-License-Identifier: Apache-2.0 */
#include "job/pace.h"

#include <sched.h>

/* Sixteen Nmap processes with OS detection take three quarters of a core; the figures are in doc/architecture.md. */
#define START_PER_CORE 8u
#define MOST_PER_CORE  16u
#define START_LEAST    4u
/* Never fewer because of what the network does: a strange network is not to make a run crawl, and slowness alone harms no result. */
#define FLOOR      2.0
#define FLOOR_SLOW 4.0
#define BACK       0.7
/* One host that never answers in time is a tarpit, not a congested link. */
#define LOST_LEAST 2
#define LOST_SHARE 0.1
/* Systems that nobody knows are everywhere: only more of them than before tells of the network. */
#define DOUBT_KNOWN  32.0
#define DOUBT_FACTOR 2.0
#define DOUBT_MORE   0.1
#define DOUBT_MEMORY 0.75
/* A block of hosts behind firewalls takes three times what the plan expects, a wire on which hosts get missed ten times. */
#define SLOW_FACTOR 5

unsigned mst_pace_cores(void)
{
	cpu_set_t set;
	int count = 0;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = CPU_COUNT(&set);
	return count > 0 ? (unsigned)count : 1;
}

unsigned mst_pace_ceiling(unsigned operators, unsigned cores, unsigned descriptors)
{
	unsigned ceiling = operators;

	if (ceiling > MOST_PER_CORE * cores)
		ceiling = MOST_PER_CORE * cores;
	if (ceiling > descriptors)
		ceiling = descriptors;
	return ceiling ? ceiling : 1;
}

void mst_pace_init(struct mst_pace *pace, unsigned ceiling, unsigned cores)
{
	unsigned start = START_PER_CORE * cores;

	*pace = (struct mst_pace){.ceiling = ceiling ? ceiling : 1};
	if (start < START_LEAST)
		start = START_LEAST;
	pace->window = start < pace->ceiling ? start : pace->ceiling;
	pace->threshold = pace->ceiling;
}

unsigned mst_pace_slots(const struct mst_pace *pace)
{
	return pace->window >= 1.0 ? (unsigned)pace->window : 1; /* a run that is being planned has none */
}

/* More than twice the share of the run before these shards, and a tenth on top. */
static bool doubts_rise(const struct mst_pace *pace)
{
	double before = pace->asked - pace->recent_asked;

	if (before < DOUBT_KNOWN || pace->recent_asked < 1.0)
		return false;
	return pace->recent_unsure / pace->recent_asked >
	       DOUBT_FACTOR * (pace->unsure - pace->recent_unsure) / before + DOUBT_MORE;
}

static enum mst_pace_verdict judge(const struct mst_pace *pace, const struct mst_pace_report *report)
{
	int64_t took = report->ended - report->started;

	if (report->lost >= LOST_LEAST && (double)report->lost > LOST_SHARE * (double)report->asked)
		return MST_PACE_LOSS;
	if (doubts_rise(pace))
		return MST_PACE_DOUBT;
	/* A host that was given up has held up its whole shard. */
	if (report->lost == 0 && report->expected > 0 && took > SLOW_FACTOR * report->expected)
		return MST_PACE_SLOW;
	return MST_PACE_GOOD;
}

static void remember(struct mst_pace *pace, const struct mst_pace_report *report)
{
	pace->asked += (double)report->asked;
	pace->unsure += (double)report->unsure;
	pace->recent_asked = DOUBT_MEMORY * pace->recent_asked + (double)report->asked;
	pace->recent_unsure = DOUBT_MEMORY * pace->recent_unsure + (double)report->unsure;
}

static void step_back(struct mst_pace *pace, enum mst_pace_verdict why, int64_t now)
{
	double floor = why == MST_PACE_SLOW ? FLOOR_SLOW : FLOOR, window = pace->window * BACK;

	pace->since = now;
	if (window < floor)
		window = floor;
	if (window < pace->window)
		pace->window = window;
	pace->threshold = pace->window;
}

enum mst_pace_verdict mst_pace_ended(struct mst_pace *pace, const struct mst_pace_report *report)
{
	enum mst_pace_verdict verdict;

	remember(pace, report);
	verdict = judge(pace, report);
	if (verdict != MST_PACE_GOOD) {
		/* Those that ran beside the one that made us step back suffered from the same crowd. */
		if (report->started >= pace->since)
			step_back(pace, verdict, report->ended);
		return verdict;
	}
	pace->window += pace->window < pace->threshold ? 1.0 : 1.0 / pace->window;
	if (pace->window > pace->ceiling)
		pace->window = pace->ceiling;
	return verdict;
}
