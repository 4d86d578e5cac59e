/* SPDX-License-Identifier: Apache-2.0 */
/* Planning: the known stream, one `muster-worker plan`, and the daemon's own check of what came out. */
#include <errno.h>
#include <fcntl.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "job/known.h"
#include "job/run.h"

static void plan_failed(struct mst_run *run, const struct mst_err *err)
{
	run->plan_error = *err;
	mst_run_end(run, run->cancelled ? MST_OUTCOME_PARTIAL : MST_OUTCOME_FAILED, run->cancelled ? NULL : err->text);
}

static bool shard_id_ok(const char *id)
{
	size_t len = strlen(id);

	return len > 0 && len < MST_SHARD_ID && id[0] != '.' &&
	       strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

int mst_shard_from_line(struct mst_run *run, struct json_object *line, struct mst_shard **out, struct mst_err *err)
{
	const char *id = mst_json_text(line, "id", "");
	struct json_object *scope = mst_json_object(line, "scope");
	struct mst_shard *shard;

	if (!shard_id_ok(id) || mst_run_shard(run, id))
		return mst_err_set(err, MST_E_FAILED, "plugin %s planned a shard with a bad or repeated id \"%.64s\"",
		                   run->plugin->name, id);
	if (strlen(mst_json_text(line, "spec", "")) > (MST_MAX_SHARD_SPEC + 2) / 3 * 4)
		return mst_err_set(err, MST_E_LIMIT, "plugin %s planned shard %s with a spec of more than 64 KiB",
		                   run->plugin->name, id);
	shard = mst_run_add_shard(run, id);
	if (!shard)
		return mst_err_set(err, MST_E_LIMIT, "plugin %s planned more than %u shards: name fewer targets",
		                   run->plugin->name, MST_MAX_SHARDS);
	*out = shard;
	mst_text_set(&shard->spec, mst_json_text(line, "spec", ""));
	mst_text_set(&shard->command, mst_json_text(line, "command", ""));
	shard->addresses = mst_json_int(line, "addresses", 0);
	shard->expected_bytes = mst_json_int(line, "expected_bytes", 0);
	shard->expected_ms = mst_json_int(line, "expected_ms", 0);
	shard->has_scope = scope != NULL;
	return scope ? mst_scope_from_json(&shard->scope, scope, err) : MST_OK;
}

static int take_shard(struct mst_run *run, struct json_object *line, struct mst_err *err)
{
	int64_t parallel = mst_json_int(line, "parallel", 0);
	struct mst_shard *shard = NULL;

	run->parallel = parallel > 0 && parallel < MST_MAX_WORKERS ? (unsigned)parallel
	                : parallel > 0                             ? MST_MAX_WORKERS
	                                                           : 0;
	return mst_shard_from_line(run, line, &shard, err);
}

static void take_targets(struct mst_run *run, struct json_object *line)
{
	struct json_object *refused = mst_json_array(line, "refused");

	run->excluded = mst_json_int(line, "excluded", 0);
	json_object_put(run->refused);
	run->refused = json_object_get(refused);
}

static void on_line(void *data, struct json_object *line, const char *type)
{
	struct mst_run *run = data;

	if (strcmp(type, "targets") == 0)
		take_targets(run, line);
	else if (strcmp(type, "shard") == 0 && run->plan_error.code == MST_OK &&
	         take_shard(run, line, &run->plan_error) != MST_OK)
		mst_process_cancel(run->process);
}

/* All addresses that a rule took away, for the text of a run that has none left. */
static void refused_text(struct mst_run *run, struct mst_err *err)
{
	struct json_object *first = json_object_array_get_idx(run->refused, 0);
	const char *rule = mst_json_text(first, "rule", "never_scan"), *entry = mst_json_text(first, "entry", "");
	size_t more = json_object_array_length(run->refused) - 1;
	char others[40] = "";

	if (more > 0)
		snprintf(others, sizeof(others), " and %zu more", more);
	if (entry[0])
		mst_err_set(err, MST_E_REFUSED, "refused: every address is ruled out: %s by %s entry %s (%s)%s",
		            mst_json_text(first, "addresses", ""), rule, entry,
		            mst_json_text(first, "at", "configuration"), others);
	else
		mst_err_set(err, MST_E_REFUSED, "refused: every address is ruled out: %s lies outside scan_only (%s)%s",
		            mst_json_text(first, "addresses", ""), mst_json_text(first, "at", "configuration"), others);
}

static void planned(struct mst_run *run)
{
	struct mst_err err = {.code = MST_OK};

	mst_run_pace(run);
	/* What will be covered: after exclusions and rules, which only the shards know. */
	run->addresses = 0;
	for (size_t i = 0; i < run->shard_count; i++)
		run->addresses += run->shards[i]->addresses;
	if (run->shard_count > 0)
		mst_text_set(&run->command, run->shards[0]->command);
	if (run->shard_count == 0 && run->refused && json_object_array_length(run->refused) > 0) {
		refused_text(run, &err);
		plan_failed(run, &err);
	} else if (run->shard_count == 0) {
		mst_run_end(run, MST_OUTCOME_COMPLETE, "nothing to do: no address is left after exclusions");
	} else if (run->kind == MST_RUN_PLAN) {
		mst_run_end(run, MST_OUTCOME_COMPLETE, NULL);
	} else {
		mst_shards_save(run, true);
		mst_run_begin(run);
	}
}

static void on_ended(void *data, const struct mst_process_end *end)
{
	struct mst_run *run = data;
	struct mst_err err = run->plan_error;

	run->process = NULL;
	run->plan_error.code = MST_OK;
	if (run->cancelled)
		mst_err_set(&err, MST_E_CANCELLED, "stopped");
	else if (err.code == MST_OK && end->status != MST_OK)
		mst_err_set(&err, end->status, "%s", end->text[0] ? end->text : "planning failed");
	if (err.code == MST_OK)
		planned(run);
	else if (end->status == MST_E_REFUSED && run->refused && json_object_array_length(run->refused) > 0 &&
	         run->shard_count == 0)
		planned(run);
	else
		plan_failed(run, &err);
	mst_engine_pump(run->engine);
}

static const struct mst_process_ops planner_ops = {on_line, on_ended};

static void start_planner(struct mst_run *run)
{
	struct mst_process_start start = {.worker = run->engine->setup.worker,
	                                  .verb = "plan",
	                                  .plugin = run->plugin->name,
	                                  .fd6 = -1,
	                                  .deadline_ms = MST_PLAN_DEADLINE_MS};
	struct mst_err err = {.code = MST_OK};
	char path[4200] = "/dev/null";

	if (run->method->def.wants & MUSTER_WANTS_KNOWN)
		(void)mst_run_path(run, "known", "", path, sizeof(path), NULL);
	start.fd4 = open(path, O_RDONLY | O_CLOEXEC);
	if (start.fd4 < 0) {
		mst_err_errno(&err, errno, "cannot read %s", path);
		plan_failed(run, &err);
		return;
	}
	start.net_raw = false; /* planning touches no target */
	if (mst_run_process(run, NULL, &start, &planner_ops, run, &run->process, &err) != MST_OK)
		plan_failed(run, &err);
	close(start.fd4);
}

struct known_work {
	struct mst_run *run;
	char zone[64], path[4200];
};

static int known_work(struct mst_store *store, void *data, struct mst_err *err)
{
	struct known_work *work = data;

	return mst_known_write(store, work->zone, work->path, err);
}

static void known_done(void *data, int rc, const struct mst_err *err)
{
	struct known_work *work = data;
	struct mst_run *run = work->run;

	free(work);
	run->engine->pending--;
	if (rc != MST_OK || run->cancelled) {
		struct mst_err stopped = *err;

		if (rc == MST_OK)
			mst_err_set(&stopped, MST_E_CANCELLED, "stopped");
		plan_failed(run, &stopped);
	} else {
		start_planner(run);
	}
	mst_engine_pump(run->engine);
}

void mst_run_plan(struct mst_run *run)
{
	struct known_work *work = NULL;
	struct mst_err err = {.code = MST_OK};
	char path[4200];
	int rc = mst_run_path(run, NULL, "", path, sizeof(path), &err);

	if (rc == MST_OK)
		rc = mst_file_mkdirs(path, 0700, &err);
	if (rc == MST_OK && (run->method->def.wants & MUSTER_WANTS_KNOWN) == 0) {
		start_planner(run);
		return;
	}
	if (rc == MST_OK) {
		work = calloc(1, sizeof(*work));
		rc = work ? MST_OK : mst_err_no_memory(&err);
	}
	if (rc == MST_OK) {
		work->run = run;
		snprintf(work->zone, sizeof(work->zone), "%s", run->zone_name);
		rc = mst_run_path(run, "known", "", work->path, sizeof(work->path), &err);
	}
	if (rc == MST_OK)
		rc = mst_jobdb_do(run->engine->db, known_work, known_done, work, &err);
	if (rc != MST_OK) {
		free(work);
		plan_failed(run, &err);
		return;
	}
	run->engine->pending++;
}
