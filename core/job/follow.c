/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments that are imported while their worker still writes them. A worker says how far its segment may be imported
 * whenever a scope has ended; when that is worth a process, the importer follows the segment. A segment that was
 * followed to its last frame is in the store when its worker is gone: it is neither synced nor read again.
 */
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "job/run.h"

/* So much waits, or something has waited for so long. */
#define FOLLOW_BYTES (1 << 20)
#define FOLLOW_MS    2000

void mst_follow_reset(struct mst_shard *shard)
{
	shard->ready = shard->followed = shard->ready_at = 0;
	shard->folded = shard->held = shard->unfit = false;
}

static bool is_worth_it(const struct mst_shard *shard)
{
	return shard->state == MST_SHARD_RUNNING && shard->process && !shard->folded && !shard->unfit &&
	       shard->ready > shard->followed &&
	       (shard->ready - shard->followed >= FOLLOW_BYTES || mst_time_monotonic() - shard->ready_at >= FOLLOW_MS);
}

struct mst_shard *mst_follow_next(const struct mst_run *run)
{
	if (run->state != MST_RUN_RUNNING || run->kind == MST_RUN_PLAN || run->import_failed)
		return NULL;
	for (size_t i = 0; i < run->shard_count; i++)
		if (is_worth_it(run->shards[i]))
			return run->shards[i];
	return NULL;
}

void mst_follow_told(struct mst_shard *shard, int64_t offset)
{
	if (shard->ready <= shard->followed && offset > shard->followed)
		shard->ready_at = mst_time_monotonic();
	if (offset > shard->ready)
		shard->ready = offset;
	if (!shard->run->engine->importer && is_worth_it(shard))
		mst_importer_pump(shard->run->engine);
}

void mst_follow_line(struct mst_shard *shard, struct json_object *line, const char *state)
{
	shard->records = mst_json_int(line, "records", shard->records);
	shard->followed = mst_json_int(line, "offset", shard->followed);
	if (strcmp(state, "done") == 0)
		shard->folded = true;
	else if (strcmp(state, "open") != 0)
		shard->unfit = true; /* told again, and judged, when its worker has ended */
}

bool mst_follow_holds(struct mst_shard *shard)
{
	const struct mst_engine *engine = shard->run->engine;

	/* What did not end well needs its checkpoint, and is read to the end that the daemon gave it. */
	if (shard->outcome != MST_OUTCOME_COMPLETE)
		return false;
	shard->held = !shard->folded && engine->importer && engine->following == shard;
	return shard->held || shard->folded;
}

void mst_follow_ended(struct mst_shard *shard)
{
	struct mst_err err = {.code = MST_OK};

	if (!shard->held)
		return;
	shard->held = false;
	if (shard->folded)
		mst_shard_ended(shard, &err);
	else
		mst_shard_to_segment(shard);
}
