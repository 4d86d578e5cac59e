/* SPDX-License-Identifier: Apache-2.0 */
/* The importer: one `muster-worker import` at a time, one run's ready segments each, so that a bad segment harms its run alone. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "job/run.h"

#define SEGMENTS_PER_IMPORT 64u
#define IMPORT_DEADLINE_MS  (2 * 3600 * 1000)
/* A failed import is tried again after 1, 4 and 9 s, then the run ends and keeps its segments. */
#define IMPORT_TRIES 4u

static size_t count_state(const struct mst_run *run, int state)
{
	size_t n = 0;

	for (size_t i = 0; i < run->shard_count; i++)
		n += run->shards[i]->state == state;
	return n;
}

bool mst_importer_wants(const struct mst_run *run)
{
	if (run->kind == MST_RUN_PLAN || run->import_failed)
		return false;
	if (run->state == MST_RUN_IMPORTING)
		return true;
	return run->state == MST_RUN_RUNNING && count_state(run, MST_SHARD_SPOOLED) > 0;
}

static struct json_object *segment_json(const struct mst_shard *shard)
{
	struct json_object *segment = json_object_new_object();

	mst_json_add_text(segment, "run", shard->run->id);
	mst_json_add_text(segment, "shard", shard->id);
	if (shard->state == MST_SHARD_RUNNING)
		mst_json_add_bool(segment, "follow", true);
	return segment;
}

static struct json_object *segments_json(const struct mst_run *run, const struct mst_shard *follow)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < run->shard_count && json_object_array_length(list) < SEGMENTS_PER_IMPORT; i++)
		if (follow ? run->shards[i] == follow : run->shards[i]->state == MST_SHARD_SPOOLED)
			mst_json_push(list, segment_json(run->shards[i]));
	return list;
}

static struct json_object *import_job(const struct mst_run *run, const struct mst_shard *follow, bool finish)
{
	const struct mst_engine *engine = run->engine;
	struct json_object *job = json_object_new_object(), *runs = json_object_new_array();

	mst_json_add_int(job, "worker", 1);
	mst_json_add_text(job, "plugin", engine->setup.store_plugin);
	mst_json_put(job, "store", json_object_get(engine->setup.store_options));
	mst_json_add_text(job, "spool", engine->setup.spool);
	mst_json_put(job, "segments", segments_json(run, follow));
	mst_json_put(job, "settings", json_object_get(engine->import_settings));
	if (finish)
		mst_json_push(runs, json_object_new_string(run->id));
	mst_json_put(job, "finish", runs);
	mst_json_add_int(job, "deadline_ms", IMPORT_DEADLINE_MS);
	return job;
}

/* A part of a retried shard is in the store, or cannot be read: now the whole of it. */
static void run_again(struct mst_shard *shard)
{
	shard->again = false;
	shard->state = MST_SHARD_WAITING;
	shard->outcome = MST_OUTCOME_NONE;
	mst_text_set(&shard->reason, NULL);
	mst_shard_save(shard);
}

static void on_line(void *data, struct json_object *line, const char *type)
{
	struct mst_engine *engine = data;
	struct mst_shard *shard;

	if (strcmp(type, "log") == 0)
		mst_log(MST_LOG_INFO, "job", "importer: %s", mst_json_text(line, "text", ""));
	if (strcmp(type, "warning") == 0)
		mst_run_warn(engine->importing, mst_json_text(line, "text", ""));
	if (strcmp(type, "import") != 0)
		return;
	shard = mst_run_shard(engine->importing, mst_json_text(line, "segment", ""));
	if (shard && shard == engine->following) {
		mst_follow_line(shard, line, mst_json_text(line, "state", ""));
		return;
	}
	if (!shard || shard->state != MST_SHARD_SPOOLED)
		return;
	if (shard->again) {
		run_again(shard);
		return;
	}
	if (strcmp(mst_json_text(line, "state", ""), "done") != 0) {
		mst_shard_fail(shard, mst_json_text(line, "text", "its results could not be read"));
		return;
	}
	shard->state = MST_SHARD_IMPORTED;
	shard->records = mst_json_int(line, "records", shard->records);
	mst_shard_save(shard);
}

static void import_failed(struct mst_run *run, const struct mst_process_end *end)
{
	char text[1200];

	run->import_tries++;
	run->import_after = mst_time_monotonic() + 1000 * (int64_t)run->import_tries * run->import_tries;
	snprintf(run->import_why, sizeof(run->import_why), "%s", end->text[0] ? end->text : mst_code_name(end->status));
	mst_log(MST_LOG_ERROR, "job", "importing run %lld failed: %s", (long long)run->number, run->import_why);
	if (run->import_tries < IMPORT_TRIES && !run->engine->stopping)
		return;
	run->import_failed = true;
	snprintf(text, sizeof(text), "not all could be imported: %s; the results are kept: muster runs retry %lld",
	         run->import_why, (long long)run->number);
	mst_text_set(&run->text, text);
}

static void on_ended(void *data, const struct mst_process_end *end)
{
	struct mst_engine *engine = data;
	struct mst_run *run = engine->importing;
	struct mst_shard *followed = engine->following;
	bool finish = engine->import_finish;

	engine->importer = NULL;
	engine->importing = NULL;
	engine->following = NULL;
	/* partial: some segments cannot be read; their shards have failed, the rest is in */
	if (end->status != MST_OK && end->status != MST_E_PARTIAL)
		import_failed(run, end);
	else
		run->import_tries = 0;
	if (run->import_tries == 0 && finish)
		run->finish_done = true;
	if (followed)
		mst_follow_ended(followed);
	mst_engine_pump(engine);
}

static const struct mst_process_ops import_ops = {on_line, on_ended};

static void start_import(struct mst_run *run, struct mst_shard *follow, bool finish)
{
	struct mst_engine *engine = run->engine;
	struct mst_process_start start = {.worker = engine->setup.worker,
	                                  .verb = "import",
	                                  .plugin = "store",
	                                  .fd4 = -1,
	                                  .fd6 = -1,
	                                  .deadline_ms = IMPORT_DEADLINE_MS};
	struct mst_process_end end = {.status = MST_E_FAILED};
	struct mst_err err = {.code = MST_OK};
	struct json_object *job = import_job(run, follow, finish);

	start.job = job;
	engine->importing = run;
	engine->following = follow;
	engine->import_finish = finish;
	if (mst_process_start(&engine->importer, engine->processes, &start, &import_ops, engine, &err) != MST_OK) {
		engine->importing = NULL;
		engine->following = NULL;
		end.text = err.text;
		import_failed(run, &end);
	}
	json_object_put(job);
}

/* One step for a run that wants the importer; true when a worker was started. */
static bool step(struct mst_run *run)
{
	size_t spooled = count_state(run, MST_SHARD_SPOOLED);
	bool last = run->state == MST_RUN_IMPORTING && spooled <= SEGMENTS_PER_IMPORT;

	if (run->finish_done || (last && spooled == 0 && count_state(run, MST_SHARD_IMPORTED) == 0)) {
		mst_run_settle(run);
		return false;
	}
	if (mst_time_monotonic() < run->import_after)
		return false;
	start_import(run, NULL, last);
	return run->engine->importer != NULL;
}

/* Running shards come last: whoever has ended must not wait for one that goes on. */
static void follow(struct mst_engine *engine)
{
	for (struct mst_run *run = engine->runs; run && !engine->importer; run = run->next) {
		struct mst_shard *shard = mst_follow_next(run);

		if (shard && mst_time_monotonic() >= run->import_after)
			start_import(run, shard, false);
	}
}

void mst_importer_pump(struct mst_engine *engine)
{
	bool wanted = false;

	for (struct mst_run *run = engine->runs; run; run = run->next)
		wanted |= mst_importer_wants(run);
	for (struct mst_run *run = engine->runs; run && !engine->importer; run = run->next) {
		if (run->state == MST_RUN_IMPORTING && run->import_failed)
			mst_run_settle(run);
		else if (mst_importer_wants(run) && step(run))
			return;
	}
	if (!engine->importer)
		follow(engine);
	mst_keep_pump(engine, wanted);
}
