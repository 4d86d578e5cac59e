/* SPDX-License-Identifier: Apache-2.0 */
/* muster-worker import: spool segments into the store. Opens the store, and nothing of the network. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "import/import.h"
#include "plugin/control.h"
#include "plugin/line.h"
#include "store/store.h"
#include "worker/worker.h"

struct session {
	struct mst_store_class *store_class;
	struct mst_store *store;
	struct mst_import_settings settings;
	struct mst_import *import;
	int64_t records;
};

static int should_stop(void *data)
{
	(void)data;
	return mst_control_state() != MST_CONTROL_RUN;
}

static void on_warning(void *data, const char *text)
{
	struct json_object *line = json_object_new_object();
	struct mst_err ignored;
	(void)data;
	mst_json_add_text(line, "type", "warning");
	mst_json_add_text(line, "text", text);
	(void)mst_line_send(MST_WORKER_LINE_FD, line, &ignored);
}

static int session_open(struct session *session, struct json_object *job, struct mst_err *err)
{
	const char *plugin = mst_json_text(job, "plugin", NULL);
	if (!plugin)
		return mst_err_set(err, MST_E_USAGE, "the import job names no store plugin");
	int code = mst_import_settings_from_json(&session->settings, mst_json_object(job, "settings"), err);
	if (code == 0)
		code = mst_store_class_new(&session->store_class, plugin, mst_json_object(job, "store"), err);
	if (code == 0)
		code = mst_store_open(&session->store, session->store_class, true, err);
	if (code == 0)
		code = mst_import_new(&session->import, session->store, &session->settings, err);
	if (code == 0)
		mst_import_set_stop(session->import, should_stop, NULL);
	if (code == 0)
		mst_import_set_warn(session->import, on_warning, NULL);
	return code;
}

static void session_close(struct session *session)
{
	mst_import_free(session->import);
	if (session->store)
		mst_store_close(session->store);
	if (session->store_class)
		mst_store_class_free(session->store_class);
	mst_import_settings_free(&session->settings);
}

static int send_segment(const char *run, const char *shard, const char *state, const struct mst_import_result *result,
                        const char *text, struct mst_err *err)
{
	struct json_object *line = json_object_new_object();
	if (!line)
		return mst_err_no_memory(err);
	mst_json_add_text(line, "type", "import");
	mst_json_add_text(line, "run", run);
	mst_json_add_text(line, "segment", shard);
	mst_json_add_text(line, "state", state);
	mst_json_add_int(line, "records", result->records);
	mst_json_add_int(line, "skipped", result->skipped);
	mst_json_add_int(line, "offset", result->offset);
	mst_json_add_text(line, "text", text);
	return mst_line_send(MST_WORKER_LINE_FD, line, err);
}

/* A segment that cannot be read is reported and does not keep the others waiting; a store that fails ends the work. */
static int import_one(struct session *session, const char *spool, struct json_object *segment, bool *bad,
                      struct mst_err *err)
{
	const char *run = mst_json_text(segment, "run", ""), *shard = mst_json_text(segment, "shard", "");
	struct mst_import_result result;
	bool follow = mst_json_bool(segment, "follow", false);
	int code = follow ? mst_import_follow(session->import, spool, run, shard, &result, err)
	                  : mst_import_segment(session->import, spool, run, shard, &result, err);
	session->records += result.records;
	if (code == 0)
		return send_segment(run, shard, result.open ? "open" : "done", &result, NULL, err);
	if (code != MST_E_CORRUPT && code != MST_E_NOT_FOUND)
		return code;
	*bad = true;
	mst_line_log(MST_WORKER_LINE_FD, 1, err->text);
	struct mst_err ignored;
	return send_segment(run, shard, "failed", &result, err->text, &ignored);
}

static int import_all(struct session *session, struct json_object *job, bool *bad, struct mst_err *err)
{
	const char *spool = mst_json_text(job, "spool", NULL);
	struct json_object *segments = mst_json_array(job, "segments");
	size_t count = segments ? json_object_array_length(segments) : 0;
	int code = 0;
	if (count > 0 && !spool)
		return mst_err_set(err, MST_E_USAGE, "the import job names no spool directory");
	for (size_t i = 0; i < count && code == 0; i++) {
		code = import_one(session, spool, json_object_array_get_idx(segments, i), bad, err);
		if (code == 0)
			mst_line_progress(MST_WORKER_LINE_FD, (int64_t)i + 1, (int64_t)count, session->records, NULL);
	}
	return code;
}

static int finish_all(struct session *session, struct json_object *job, struct mst_err *err)
{
	struct json_object *runs = mst_json_array(job, "finish");
	size_t count = runs ? json_object_array_length(runs) : 0;
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++) {
		struct json_object *run = json_object_array_get_idx(runs, i);
		if (should_stop(NULL))
			return mst_err_set(err, MST_E_CANCELLED, "the import was stopped before all runs were settled");
		if (!json_object_is_type(run, json_type_string))
			return mst_err_set(err, MST_E_USAGE,
			                   "the import job's \"finish\" holds something that is no run id");
		code = mst_import_finish(session->import, json_object_get_string(run), err);
	}
	return code;
}

/* Time for what is old to go. A job may say which time it is. */
static int prune(struct session *session, struct json_object *job, struct mst_err *err)
{
	struct json_object *wanted = mst_json_object(job, "prune"), *line;
	struct mst_import_pruned pruned;
	int code;

	if (!wanted)
		return 0;
	mst_import_set_clock(session->import, mst_json_int(wanted, "now", 0));
	code = mst_import_prune(session->import, mst_json_text(job, "spool", NULL), &pruned, err);
	line = json_object_new_object();
	mst_json_add_text(line, "type", "prune");
	mst_json_add_int(line, "history", pruned.history);
	mst_json_add_int(line, "observations", pruned.observations);
	mst_json_add_int(line, "interfaces", pruned.interfaces);
	mst_json_add_int(line, "runs", pruned.runs);
	mst_json_add_int(line, "shards", pruned.shards);
	struct mst_err ignored;
	int sent = mst_line_send(MST_WORKER_LINE_FD, line, &ignored);
	return code == 0 ? sent : code;
}

/* The operator's table of locations comes on a descriptor: this process may not open files of the configuration. */
static int take_locations(struct session *session, struct mst_err *err)
{
	struct mst_buf csv;
	int code;
	mst_buf_init(&csv, MST_MAX_LOCATIONS_FILE);
	code = mst_file_read_fd(MST_WORKER_INPUT_FD, "the file of locations", MST_MAX_LOCATIONS_FILE, &csv, err);
	if (code == 0)
		code = mst_import_locations(session->import, mst_buf_text(&csv), csv.len, NULL, err);
	mst_buf_free(&csv);
	return code;
}

/* Rules or locations changed: everything that is stored is looked at again. */
static int arrange(struct session *session, struct json_object *job, struct mst_err *err)
{
	int code = 0;
	if (!mst_json_bool(job, "arrange", false))
		return 0;
	if (mst_json_bool(job, "locations", false))
		code = take_locations(session, err);
	return code == 0 ? mst_import_reclassify(session->import, NULL, err) : code;
}

int mst_worker_import(int argc, char **argv)
{
	struct session session = {0};
	struct mst_err err;
	bool bad = false;
	(void)argc;
	(void)argv;
	mst_err_clear(&err);
	int code = session_open(&session, mst_worker_job(), &err);
	if (code == 0)
		code = import_all(&session, mst_worker_job(), &bad, &err);
	if (code == 0)
		code = finish_all(&session, mst_worker_job(), &err);
	if (code == 0)
		code = prune(&session, mst_worker_job(), &err);
	if (code == 0)
		code = arrange(&session, mst_worker_job(), &err);
	if (code == 0 && bad)
		code = MST_E_PARTIAL;
	mst_line_end(MST_WORKER_LINE_FD, code,
	             code == 0               ? ""
	             : code == MST_E_PARTIAL ? "some segments could not be read"
	                                     : err.text,
	             session.records);
	session_close(&session);
	return code;
}
