/* SPDX-License-Identifier: Apache-2.0 */
/* What a run looks like from outside while it is in memory. */
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "job/run.h"

/* A shard that has taken its planned time may end at any moment. */
#define LEAST_LEFT_MS 1000
#define COMMANDS_MAX  4096u

/* Answers are read and freed by other threads, and json-c counts references without locks: nothing is shared with them. */
static struct json_object *copy_of(struct json_object *list)
{
	struct json_object *copy = NULL;

	if (!list || json_object_deep_copy(list, &copy, NULL) != 0)
		return json_object_new_array();
	return copy;
}

static void count_work(const struct mst_run *run, int64_t *done, int64_t *total, int64_t *found)
{
	*done = *found = *total = 0;
	for (size_t i = 0; i < run->shard_count; i++) {
		const struct mst_shard *shard = run->shards[i];
		bool ended = shard->outcome != MST_OUTCOME_NONE;

		*total += shard->addresses;
		*found += shard->found;
		*done += ended || shard->done > shard->addresses ? shard->addresses : shard->done;
	}
}

/* What was measured, as long as shards wait; then, and before the first figures, the planned time of those that go on. */
static int64_t time_left(const struct mst_run *run, int64_t done, int64_t total, int64_t elapsed)
{
	int64_t planned = 0, longest = 0, now = mst_time_now();
	size_t open = 0, slots = mst_pace_slots(&run->pace);

	for (size_t i = 0; i < run->shard_count; i++) {
		const struct mst_shard *shard = run->shards[i];
		int64_t left = shard->expected_ms;

		if (shard->outcome != MST_OUTCOME_NONE)
			continue;
		if (shard->state == MST_SHARD_RUNNING && shard->started > 0)
			left -= now - shard->started;
		left = left > LEAST_LEFT_MS ? left : LEAST_LEFT_MS;
		planned += left;
		longest = left > longest ? left : longest;
		open++;
	}
	if (open > slots && done > 0 && elapsed > 500 && total > done)
		return elapsed * (total - done) / done;
	return open > slots && slots > 0 ? planned / (int64_t)slots : longest;
}

static struct json_object *figures(struct mst_run *run)
{
	struct json_object *out = json_object_new_object();
	int64_t done, total, found, share = 0, elapsed = run->started ? mst_time_now() - run->started : 0;
	struct mst_run_sum sum;

	mst_run_sum(run, &sum);
	count_work(run, &done, &total, &found);
	for (size_t i = 0; i < run->shard_count; i++)
		if (run->shards[i]->state == MST_SHARD_RUNNING && run->shards[i]->share > 0)
			share += run->shards[i]->share;
	mst_json_add_int(out, "shards", (int64_t)run->shard_count);
	mst_json_add_int(out, "shards_done", (int64_t)(sum.complete + sum.partial + sum.failed));
	mst_json_add_int(out, "shards_running", (int64_t)run->running);
	mst_json_add_int(out, "addresses", total);
	mst_json_add_int(out, "addresses_done", done);
	mst_json_add_int(out, "up", found);
	mst_json_add_int(out, "rate", elapsed > 0 ? done * 1000 / elapsed : 0);
	mst_json_add_int(out, "max_rate", share);
	mst_json_add_int(out, "elapsed_ms", elapsed);
	mst_json_add_int(out, "left_ms", time_left(run, done, total, elapsed));
	return out;
}

/* A plan may use this many packets per second side by side; what operators see as the time it takes. */
static struct json_object *plan_json(const struct mst_run *run)
{
	struct json_object *plan = json_object_new_object(), *commands = json_object_new_array();
	int64_t bytes = 0, ms = 0;
	unsigned side = mst_pace_slots(&run->pace);

	for (size_t i = 0; i < run->shard_count; i++) {
		const struct mst_shard *shard = run->shards[i];

		bytes += shard->expected_bytes;
		ms += shard->expected_ms;
		if (shard->command && i < COMMANDS_MAX)
			mst_json_push(commands, json_object_new_string(shard->command));
	}
	if (side > run->shard_count && run->shard_count > 0)
		side = (unsigned)run->shard_count;
	mst_json_add_int(plan, "addresses", run->addresses);
	mst_json_add_int(plan, "excluded", run->excluded);
	mst_json_put(plan, "refused", copy_of(run->refused));
	mst_json_add_int(plan, "shards", (int64_t)run->shard_count);
	mst_json_add_int(plan, "parallel", side);
	mst_json_add_int(plan, "expected_bytes", bytes);
	mst_json_add_int(plan, "expected_ms", side ? ms / side : ms);
	mst_json_put(plan, "commands", commands);
	return plan;
}

static struct json_object *shards_json(const struct mst_run *run)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < run->shard_count; i++) {
		const struct mst_shard *shard = run->shards[i];
		struct json_object *item = json_object_new_object();

		mst_json_add_text(item, "shard", shard->id);
		mst_json_add_text(item, "state", mst_shard_state_name(shard->state));
		mst_json_add_text(item, "outcome", mst_outcome_name(shard->outcome));
		mst_json_add_text(item, "reason", shard->reason ? shard->reason : "");
		mst_json_add_text(item, "scope", shard->scope.addresses ? shard->scope.addresses : "");
		mst_json_add_int(item, "addresses", shard->addresses);
		mst_json_add_int(item, "done", shard->done);
		mst_json_add_int(item, "found", shard->found);
		mst_json_add_int(item, "attempt", shard->attempt);
		mst_json_add_int(item, "records", shard->records);
		mst_json_add_int(item, "expected_bytes", shard->expected_bytes);
		mst_json_add_int(item, "expected_ms", shard->expected_ms);
		mst_json_add_text(item, "command", shard->command ? shard->command : "");
		mst_json_push(list, item);
	}
	return list;
}

static struct json_object *run_json(const struct mst_run *run)
{
	struct mst_run_sum sum;
	static const char *const kinds[] = {"", "scan", "import", "plan"};
	struct json_object *out = json_object_new_object();

	mst_run_sum(run, &sum);
	mst_json_add_text(out, "_id", run->id);
	mst_json_add_int(out, "number", run->number);
	mst_json_add_text(out, "kind", kinds[run->kind]);
	mst_json_add_text(out, "profile", run->profile);
	mst_json_add_text(out, "method", run->method->def.name);
	mst_json_add_text(out, "zone", run->zone_name);
	mst_json_add_text(out, "state", mst_run_state_name(run->state));
	mst_json_add_text(out, "outcome", mst_outcome_name(run->outcome));
	mst_json_add_text(out, "text", run->text ? run->text : "");
	mst_json_add_text(out, "by", run->by);
	mst_json_add_int(out, "created", run->created);
	mst_json_add_int(out, "started", run->started);
	mst_json_add_int(out, "ended", run->ended);
	mst_json_add_int(out, "addresses", run->addresses);
	mst_json_add_int(out, "shards_done", (int64_t)(sum.complete + sum.partial + sum.failed));
	mst_json_add_text(out, "command", run->command ? run->command : "");
	mst_json_put(out, "refused", copy_of(run->refused));
	mst_json_put(out, "warnings", copy_of(run->warnings));
	if (run->plan_error.code != MST_OK)
		mst_json_add_text(out, "error", mst_code_name(run->plan_error.code));
	return out;
}

struct json_object *mst_run_progress(struct mst_run *run)
{
	struct json_object *out = json_object_new_object();

	mst_json_put(out, "run", run_json(run));
	mst_json_put(out, "progress", figures(run));
	mst_json_put(out, "shards", shards_json(run));
	if (run->kind == MST_RUN_PLAN && run->state == MST_RUN_DONE)
		mst_json_put(out, "plan", plan_json(run));
	return out;
}
