/* SPDX-License-Identifier: Apache-2.0 */
/* Shards: which may start, their workers, and what a worker's end means. */
#include <errno.h>
#include <fcntl.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "job/run.h"
#include "record/spool.h"

#define LOG_LINES_MAX 200u

void mst_shard_fail(struct mst_shard *shard, const char *reason)
{
	shard->state = MST_SHARD_FAILED;
	shard->outcome = MST_OUTCOME_FAILED;
	shard->ended = mst_time_now();
	mst_text_set(&shard->reason, reason);
	mst_shard_save(shard);
	shard->run->stale = true;
}

static void give_back(struct mst_shard *shard)
{
	mst_run_book(shard->run, shard->share, -1);
	shard->share = MST_RATE_NONE;
	if (shard->fd >= 0)
		close(shard->fd);
	shard->fd = -1;
}

static int outcome_of(int status)
{
	switch (status) {
	case MST_OK:
		return MST_OUTCOME_COMPLETE;
	case MST_E_PARTIAL:
	case MST_E_CANCELLED:
		return MST_OUTCOME_PARTIAL;
	default:
		return MST_OUTCOME_FAILED;
	}
}

static void take_follow_ups(struct mst_shard *shard)
{
	struct json_object *list = shard->follow_ups;

	for (size_t i = 0; list && shard->outcome != MST_OUTCOME_FAILED && i < json_object_array_length(list); i++) {
		struct mst_shard *next = NULL;
		struct mst_err err = {.code = MST_OK};
		struct json_object *line = json_object_array_get_idx(list, i);

		if (mst_run_shard(shard->run, mst_json_text(line, "id", "")))
			continue; /* a second try announces it again */
		if (mst_shard_from_line(shard->run, line, &next, &err) != MST_OK)
			mst_log(MST_LOG_WARNING, "job", "run %lld, shard %s: %s", (long long)shard->run->number,
			        shard->id, err.text);
		if (next && err.code != MST_OK)
			mst_shard_fail(next, err.text);
		else if (next)
			mst_shard_save_whole(next);
	}
	json_object_put(list);
	shard->follow_ups = NULL;
}

void mst_shard_ended(struct mst_shard *shard, const struct mst_err *err)
{
	struct mst_run *run = shard->run;

	run->running--;
	if (err->code == MST_OK) {
		shard->state = shard->folded ? MST_SHARD_IMPORTED : MST_SHARD_SPOOLED;
	} else {
		shard->state = MST_SHARD_FAILED;
		shard->outcome = MST_OUTCOME_FAILED;
		mst_text_set(&shard->reason, err->text);
	}
	take_follow_ups(shard);
	mst_shard_save(shard);
	run->stale = true;
	mst_engine_pump(run->engine);
}

/* One that was stopped tells nothing of the network. */
static void pace(struct mst_shard *shard)
{
	static const char *const words[] = {"", "shards take much longer than planned", "hosts stop answering",
	                                    "fewer systems can be told than before"};
	struct mst_run *run = shard->run;
	unsigned before = mst_pace_slots(&run->pace);
	const struct mst_pace_report report = {.started = shard->started,
	                                       .ended = shard->ended,
	                                       .expected = shard->share > 0 ? 0 : shard->expected_ms,
	                                       .asked = shard->asked,
	                                       .lost = shard->lost,
	                                       .unsure = shard->unsure};
	enum mst_pace_verdict verdict;

	if (run->kind != MST_RUN_SCAN || run->cancelled || shard->quota || shard->outcome == MST_OUTCOME_FAILED)
		return;
	verdict = mst_pace_ended(&run->pace, &report);
	if (mst_pace_slots(&run->pace) < before)
		mst_log(MST_LOG_INFO, "job", "run %lld, shard %s: %s, so at most %u shards go side by side",
		        (long long)run->number, shard->id, words[verdict], mst_pace_slots(&run->pace));
}

/* A shard that was stopped and one that failed half-way may both have records that are worth keeping. */
static void on_ended(void *data, const struct mst_process_end *end)
{
	struct mst_shard *shard = data;
	struct mst_run *run = shard->run;
	struct mst_err err = {.code = MST_OK};

	shard->process = NULL;
	shard->ended = mst_time_now();
	shard->records = end->records;
	shard->outcome = outcome_of(end->status);
	pace(shard);
	give_back(shard);
	if (shard->outcome != MST_OUTCOME_COMPLETE) {
		const char *why =
		        shard->quota ? "the spool is full: free space or wait for the importer, then retry" : end->text;

		if (!shard->quota && run->cancelled && end->status == MST_E_CANCELLED && run->text)
			why = run->text;
		mst_text_set(&shard->reason, why[0] ? why : mst_code_name(end->status));
		mst_log(MST_LOG_WARNING, "job", "run %lld, shard %s: %s", (long long)run->number, shard->id,
		        shard->reason);
	}
	if (!mst_follow_holds(shard))
		mst_shard_to_segment(shard);
	else if (!shard->held)
		mst_shard_ended(shard, &err);
}

/* A plugin that talks without end fills no disk of ours. */
static void log_line(struct mst_shard *shard, const char *text)
{
	if (shard->log_lines++ > LOG_LINES_MAX)
		return;
	mst_log(MST_LOG_INFO, "job", "run %lld, shard %s: %s", (long long)shard->run->number, shard->id,
	        shard->log_lines > LOG_LINES_MAX ? "(it says more, which is not logged)" : text);
}

static void take_follow_up(struct mst_shard *shard, struct json_object *line)
{
	if (!shard->follow_ups)
		shard->follow_ups = json_object_new_array();
	if (json_object_array_length(shard->follow_ups) < MST_MAX_SHARDS)
		mst_json_push(shard->follow_ups, json_object_get(line));
}

static void on_line(void *data, struct json_object *line, const char *type)
{
	struct mst_shard *shard = data;

	if (strcmp(type, "progress") == 0) {
		shard->done = mst_json_int(line, "done", shard->done);
		shard->found = mst_json_int(line, "found", shard->found);
	} else if (strcmp(type, "strain") == 0) {
		shard->asked = mst_json_int(line, "asked", 0);
		shard->lost = mst_json_int(line, "lost", 0);
		shard->unsure = mst_json_int(line, "unsure", 0);
	} else if (strcmp(type, "scope") == 0) {
		mst_follow_told(shard, mst_json_int(line, "offset", 0));
	} else if (strcmp(type, "shard") == 0) {
		take_follow_up(shard, line);
	} else if (strcmp(type, "log") == 0) {
		log_line(shard, mst_json_text(line, "text", ""));
		if (strcmp(mst_json_text(line, "level", ""), "warning") == 0)
			mst_run_warn(shard->run, mst_json_text(line, "text", ""));
	}
}

static const struct mst_process_ops shard_ops = {on_line, on_ended};

struct refusal {
	char text[1024];
};

static void on_refused(void *data, const struct mst_rule *rule, const struct mst_addr_set *taken)
{
	struct refusal *refusal = data;
	struct mst_buf addresses;

	if (refusal->text[0])
		return;
	mst_buf_init(&addresses, 400);
	(void)mst_addr_set_text(taken, &addresses);
	if (rule)
		snprintf(refusal->text, sizeof(refusal->text), "refused: %s is in never_scan entry %s (%s)",
		         mst_buf_text(&addresses), rule->text, rule->at);
	else
		snprintf(refusal->text, sizeof(refusal->text), "refused: %s is outside every scan_only entry",
		         mst_buf_text(&addresses));
	mst_buf_free(&addresses);
}

/* The planner has applied the rules; a planner is a plugin's process, so what it says is checked where it cannot reach. */
static int check_rules(const struct mst_shard *shard, struct mst_err *err)
{
	struct refusal refusal = {.text = ""};
	struct mst_addr_set set;
	int rc;

	if (!shard->has_scope || !shard->scope.addresses)
		return MST_OK;
	mst_addr_set_init(&set);
	rc = mst_addr_set_parse(&set, shard->scope.addresses, err);
	if (rc == MST_OK)
		rc = mst_rules_apply(&shard->run->engine->settings->rules, &set, on_refused, &refusal, err);
	mst_addr_set_free(&set);
	if (rc == MST_OK && refusal.text[0])
		rc = mst_err_set(err, MST_E_REFUSED, "%s", refusal.text);
	return rc;
}

static int write_manifest(struct mst_shard *shard, struct mst_err *err)
{
	struct mst_run *run = shard->run;
	struct mst_manifest_shard manifest = {.run = run->id,
	                                      .shard = shard->id,
	                                      .profile = run->profile,
	                                      .method = run->method->def.name,
	                                      .zone = run->zone_name,
	                                      .fence = run->engine->fence,
	                                      .attempt = shard->attempt,
	                                      .created = mst_time_now(),
	                                      .scope = shard->scope};
	char path[4200];
	int rc = mst_run_path(run, shard->id, ".json", path, sizeof(path), err);

	return rc == MST_OK ? mst_spool_manifest_write(path, &manifest, err) : rc;
}

static int open_segment(struct mst_shard *shard, struct mst_err *err)
{
	char path[4200];
	int rc = mst_run_path(shard->run, NULL, "", path, sizeof(path), err);

	if (rc == MST_OK)
		rc = mst_file_mkdirs(path, 0700, err);
	if (rc == MST_OK)
		rc = write_manifest(shard, err);
	if (rc == MST_OK)
		rc = mst_run_path(shard->run, shard->id, ".part", path, sizeof(path), err);
	if (rc != MST_OK)
		return rc;
	shard->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (shard->fd < 0)
		return mst_err_errno(err, errno, "cannot make the spool segment %s", path);
	return MST_OK;
}

static int start_worker(struct mst_shard *shard, struct mst_err *err)
{
	struct mst_run *run = shard->run;
	struct mst_process_start start = {.worker = run->engine->setup.worker,
	                                  .verb = run->kind == MST_RUN_IMPORT ? "read" : "run",
	                                  .plugin = run->plugin->name,
	                                  .fd4 = shard->fd,
	                                  .fd6 = -1,
	                                  .deadline_ms = MST_SHARD_DEADLINE_MS};
	int rc;

	if (run->kind == MST_RUN_IMPORT) {
		start.fd6 = open(run->upload ? run->upload : "", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (start.fd6 < 0)
			return mst_err_errno(err, errno, "cannot read the uploaded file");
	} else {
		start.net_raw = run->engine->setup.net_raw && (run->method->def.wants & MUSTER_WANTS_NET_RAW) != 0;
	}
	rc = mst_run_process(run, shard, &start, &shard_ops, shard, &shard->process, err);
	if (start.fd6 >= 0)
		close(start.fd6);
	return rc;
}

static void fail_start(struct mst_shard *shard, const struct mst_err *err)
{
	char text[MST_ERR_TEXT + 64];

	snprintf(text, sizeof(text), "%s%s", err->text,
	         err->code == MST_E_FULL ? "; free space there, then retry the run" : "");
	mst_shard_fail(shard, text);
}

static void start_shard(struct mst_shard *shard, int64_t share)
{
	struct mst_run *run = shard->run;
	struct mst_err err = {.code = MST_OK};
	int rc = check_rules(shard, &err);

	shard->attempt++;
	shard->share = share;
	shard->outcome = MST_OUTCOME_NONE;
	shard->done = shard->found = 0;
	shard->asked = shard->lost = shard->unsure = 0;
	shard->quota = false;
	mst_follow_reset(shard);
	shard->log_lines = 0;
	shard->started = mst_time_now();
	mst_text_set(&shard->reason, NULL);
	if (rc == MST_OK)
		rc = open_segment(shard, &err);
	if (rc == MST_OK)
		rc = start_worker(shard, &err);
	if (rc != MST_OK) {
		if (shard->fd >= 0)
			close(shard->fd);
		shard->fd = -1;
		fail_start(shard, &err);
		return;
	}
	shard->state = MST_SHARD_RUNNING;
	run->running++;
	mst_run_book(run, share, 1);
	mst_shard_save(shard);
}

/* Bytes in the spool with what running shards have written so far. */
static int64_t spool_used(const struct mst_engine *engine)
{
	int64_t used = engine->spooled;
	struct stat st;

	for (const struct mst_run *run = engine->runs; run; run = run->next)
		for (size_t i = 0; run->running > 0 && i < run->shard_count; i++)
			if (run->shards[i]->fd >= 0 && fstat(run->shards[i]->fd, &st) == 0)
				used += st.st_size;
	return used;
}

static struct mst_shard *next_waiting(struct mst_run *run)
{
	for (size_t i = 0; i < run->shard_count; i++)
		if (run->shards[i]->state == MST_SHARD_WAITING)
			return run->shards[i];
	return NULL;
}

static void fail_waiting(struct mst_run *run, const char *reason)
{
	for (size_t i = 0; i < run->shard_count; i++)
		if (run->shards[i]->state == MST_SHARD_WAITING)
			mst_shard_fail(run->shards[i], reason);
}

/* True when a shard was started (or refused), so that other runs get their turn before this one gets a second. */
static bool pump_run(struct mst_run *run)
{
	struct mst_engine *engine = run->engine;
	struct mst_shard *shard;
	int64_t share;

	if (run->state != MST_RUN_RUNNING || run->cancelled)
		return false;
	shard = next_waiting(run);
	if (!shard || run->running >= mst_run_slots(run) ||
	    mst_processes_count(engine->processes) >= engine->max_workers)
		return false;
	if (spool_used(engine) >= engine->setup.max_spool)
		engine->spooled = mst_spool_usage(engine->setup.spool); /* somebody may have made room */
	if (spool_used(engine) >= engine->setup.max_spool) {
		if (run->running == 0 && !engine->importer && !mst_importer_wants(run))
			fail_waiting(run, "the spool is full: free space or wait for the importer, then retry");
		return false;
	}
	share = mst_run_share(run);
	if (share == MST_RATE_WAIT)
		return false;
	start_shard(shard, share);
	return true;
}

static bool will_run_again(const struct mst_run *run)
{
	for (size_t i = 0; i < run->shard_count && !run->import_failed; i++)
		if (run->shards[i]->again)
			return true;
	return false;
}

static void check_running_end(struct mst_run *run)
{
	if (run->state != MST_RUN_RUNNING || run->running > 0 ||
	    (!run->cancelled && (next_waiting(run) || will_run_again(run))))
		return;
	run->state = MST_RUN_IMPORTING;
	run->import_tries = 0;
	mst_run_save(run);
}

void mst_engine_pump(struct mst_engine *engine)
{
	bool again = true;

	while (again) {
		again = false;
		for (struct mst_run *run = engine->runs; run; run = run->next)
			again = pump_run(run) || again;
	}
	for (struct mst_run *run = engine->runs; run; run = run->next)
		check_running_end(run);
	mst_importer_pump(engine);
	mst_arrange_pump(engine);
	if (engine->setup.changed)
		engine->setup.changed(engine->setup.data);
}

void mst_run_begin(struct mst_run *run)
{
	if (mst_run_pools(run) != MST_OK) {
		mst_run_end(run, MST_OUTCOME_FAILED, "out of memory");
		return;
	}
	run->state = MST_RUN_RUNNING;
	mst_run_pace(run);
	if (!run->started)
		run->started = mst_time_now();
	run->rate_since = mst_time_monotonic();
	mst_run_save(run);
	mst_engine_pump(run->engine);
}

void mst_run_cancel(struct mst_run *run, const char *why)
{
	if (run->cancelled || (run->state != MST_RUN_PLANNING && run->state != MST_RUN_RUNNING))
		return;
	run->cancelled = true;
	mst_text_set(&run->text, why);
	if (run->process)
		mst_process_cancel(run->process);
	for (size_t i = 0; i < run->shard_count; i++)
		if (run->shards[i]->process)
			mst_process_cancel(run->shards[i]->process);
	mst_engine_pump(run->engine);
}
