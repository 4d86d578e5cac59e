/* SPDX-License-Identifier: Apache-2.0 */
/* Packet-rate pools: the installation's, the zone's and the profile's limit hold over all runs together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "job/run.h"

/* Shards side by side when the plan does not say. */
#define DEFAULT_PARALLEL 4u

static struct mst_pool *join(struct mst_engine *engine, const char *kind, const char *name, int64_t total)
{
	char key[sizeof(((struct mst_pool *)NULL)->key)];
	struct mst_pool *pool;

	snprintf(key, sizeof(key), "%s:%s", kind, name);
	for (pool = engine->pools; pool; pool = pool->next)
		if (strcmp(pool->key, key) == 0)
			break;
	if (!pool) {
		pool = calloc(1, sizeof(*pool));
		if (!pool)
			return NULL;
		memcpy(pool->key, key, sizeof(key));
		pool->next = engine->pools;
		engine->pools = pool;
	}
	pool->limit.total = total;
	pool->users++;
	return pool;
}

static void leave(struct mst_engine *engine, struct mst_pool *pool)
{
	if (--pool->users > 0)
		return;
	for (struct mst_pool **at = &engine->pools; *at; at = &(*at)->next) {
		if (*at == pool) {
			*at = pool->next;
			free(pool);
			return;
		}
	}
}

int mst_run_pools(struct mst_run *run)
{
	const struct mst_settings *settings = run->engine->settings;
	int64_t own = mst_option_set_number(&run->options, "max_rate");
	bool named = mst_settings_profile(settings, run->profile) != NULL;

	if (run->pools[0])
		return MST_OK;
	run->pools[0] = join(run->engine, "all", "", settings->max_rate);
	run->pools[1] = join(run->engine, "zone", run->zone_name, run->zone ? run->zone->max_rate : 0);
	run->pools[2] = join(run->engine, named ? "profile" : "run", named ? run->profile : run->id, own > 0 ? own : 0);
	if (run->pools[0] && run->pools[1] && run->pools[2])
		return MST_OK;
	mst_run_leave_pools(run);
	return MST_E_NO_MEMORY;
}

void mst_run_leave_pools(struct mst_run *run)
{
	for (size_t i = 0; i < MST_POOLS; i++) {
		if (run->pools[i])
			leave(run->engine, run->pools[i]);
		run->pools[i] = NULL;
	}
}

static void limits_of(const struct mst_run *run, struct mst_rate_limit *limits[MST_POOLS])
{
	for (size_t i = 0; i < MST_POOLS; i++)
		limits[i] = &run->pools[i]->limit;
}

/* Shards that run or wait to: the last ones of a run share what the others had. */
static size_t shards_left(const struct mst_run *run)
{
	size_t n = run->running;

	for (size_t i = 0; i < run->shard_count; i++)
		n += run->shards[i]->state == MST_SHARD_WAITING;
	return n;
}

void mst_run_pace(struct mst_run *run)
{
	const struct mst_engine *engine = run->engine;
	unsigned operators = run->parallel ? run->parallel : DEFAULT_PARALLEL;

	mst_pace_init(&run->pace, mst_pace_ceiling(operators, engine->cores, engine->max_workers), engine->cores);
}

unsigned mst_run_slots(const struct mst_run *run)
{
	struct mst_rate_limit *limits[MST_POOLS];
	unsigned wanted = mst_pace_slots(&run->pace);
	size_t left = shards_left(run);

	if (left > 0 && wanted > left)
		wanted = (unsigned)left;
	limits_of(run, limits);
	return mst_rate_slots((const struct mst_rate_limit *const *)limits, MST_POOLS, wanted);
}

int64_t mst_run_limit(const struct mst_run *run)
{
	int64_t all = run->engine->settings->max_rate, zone = run->zone ? run->zone->max_rate : 0;

	return all > 0 && (zone <= 0 || all < zone) ? all : zone > 0 ? zone : 0;
}

int64_t mst_run_share(const struct mst_run *run)
{
	struct mst_rate_limit *limits[MST_POOLS];

	limits_of(run, limits);
	return mst_rate_share((const struct mst_rate_limit *const *)limits, MST_POOLS, mst_run_slots(run));
}

void mst_run_book(struct mst_run *run, int64_t share, int sign)
{
	struct mst_rate_limit *limits[MST_POOLS];

	limits_of(run, limits);
	mst_rate_book(limits, MST_POOLS, share, sign);
}
