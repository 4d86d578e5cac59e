/* SPDX-License-Identifier: Apache-2.0 */
/* "Test connection": one `muster-worker check`, its verdicts are the answer. */
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "job/run.h"

#define CHECK_DEADLINE_MS 30000

struct check {
	struct mst_engine *engine;
	struct mst_run *run; /* never listed: only holds method, zone and options */
	struct mst_request *request;
	struct json_object *verdicts;
	struct mst_process *process;
};

static void on_line(void *data, struct json_object *line, const char *type)
{
	struct check *check = data;
	struct json_object *verdict;

	if (strcmp(type, "verdict") != 0 || json_object_array_length(check->verdicts) >= 256)
		return;
	verdict = json_object_new_object();
	mst_json_add_text(verdict, "part", mst_json_text(line, "part", ""));
	mst_json_add_text(verdict, "status", mst_json_text(line, "status", "failed"));
	mst_json_add_text(verdict, "text", mst_json_text(line, "text", ""));
	mst_json_push(check->verdicts, verdict);
}

static void check_free(struct check *check)
{
	json_object_put(check->verdicts);
	mst_run_free(check->run);
	free(check);
}

static void on_ended(void *data, const struct mst_process_end *end)
{
	struct check *check = data;
	struct mst_engine *engine = check->engine;
	struct json_object *answer = json_object_new_object();

	mst_json_put(answer, "verdicts", check->verdicts);
	check->verdicts = NULL;
	mst_json_add_text(answer, "status", mst_code_name(end->status));
	mst_json_add_text(answer, "text", end->text);
	mst_request_answer(check->request, answer);
	check_free(check);
	engine->checks--;
	mst_engine_pump(engine);
}

static const struct mst_process_ops check_ops = {on_line, on_ended};

static int start(struct check *check, struct mst_err *err)
{
	struct mst_run *run = check->run;
	struct mst_process_start how = {.worker = check->engine->setup.worker,
	                                .verb = "check",
	                                .plugin = run->plugin->name,
	                                .fd4 = -1,
	                                .fd6 = -1,
	                                .deadline_ms = CHECK_DEADLINE_MS};

	how.net_raw = check->engine->setup.net_raw && (run->method->def.wants & MUSTER_WANTS_NET_RAW) != 0;
	return mst_run_process(run, NULL, &how, &check_ops, check, &check->process, err);
}

void mst_engine_check(struct mst_engine *engine, struct mst_request *request)
{
	struct check *check = calloc(1, sizeof(*check));
	struct mst_err err = {.code = MST_OK};
	int rc = MST_OK;

	if (check) {
		check->engine = engine;
		check->request = request;
		check->verdicts = json_object_new_array();
		check->run = mst_run_new(engine);
	}
	if (!check || !check->run || !check->verdicts)
		rc = mst_err_no_memory(&err);
	if (rc == MST_OK) {
		mst_json_add_bool(request->arguments, "dry_run", true);
		rc = mst_run_from_json(check->run, request->arguments, &err);
	}
	if (rc == MST_OK)
		rc = start(check, &err);
	if (rc == MST_OK) {
		engine->checks++;
		return;
	}
	mst_request_refuse(request, &err);
	if (check)
		check_free(check);
}
