/* SPDX-License-Identifier: Apache-2.0 */
/* What may be asked of the engine: start, cancel, retry, progress, status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/time.h"
#include "job/run.h"

static void refuse(struct mst_request *request, int code, const char *text)
{
	struct mst_err err = {.code = MST_OK};

	mst_err_set(&err, code, "%s", text);
	mst_request_refuse(request, &err);
}

static struct json_object *run_answer(const struct mst_run *run)
{
	struct json_object *answer = json_object_new_object();

	mst_json_add_text(answer, "run", run->id);
	mst_json_add_int(answer, "number", run->number);
	return answer;
}

struct starting {
	struct mst_run *run;
	int64_t number;
	bson_t *doc; /* a pointer: bson_t wants an alignment that calloc does not give */
};

/* The number and the document are made in one go, so that a number is never given to a run that is not stored. */
static int insert_work(struct mst_store *store, void *data, struct mst_err *err)
{
	struct starting *starting = data;
	struct mst_batch *batch = NULL;
	int rc = mst_store_next_number(store, "runs", &starting->number, err);

	if (rc != MST_OK)
		return rc;
	BSON_APPEND_INT64(starting->doc, "number", starting->number);
	rc = mst_batch_new(&batch, err);
	if (rc == MST_OK && mst_batch_insert(batch, "runs", starting->doc) < 0)
		rc = mst_err_no_memory(err);
	if (rc == MST_OK)
		rc = mst_store_write(store, batch, err);
	mst_batch_free(batch);
	return rc;
}

static void go(struct mst_run *run)
{
	if (run->cancelled)
		mst_run_end(run, MST_OUTCOME_PARTIAL, NULL);
	else if (run->kind == MST_RUN_IMPORT)
		mst_shards_save(run, true), mst_run_begin(run);
	else
		mst_run_plan(run);
}

static void insert_done(void *data, int rc, const struct mst_err *err)
{
	struct starting *starting = data;
	struct mst_run *run = starting->run;
	struct mst_request *request = run->starter;

	run->engine->pending--;
	run->starter = NULL;
	run->number = starting->number;
	bson_destroy(starting->doc);
	free(starting);
	if (rc != MST_OK) {
		struct mst_engine *engine = run->engine;

		mst_request_refuse(request, err);
		mst_run_drop(run);
		mst_engine_pump(engine);
		return;
	}
	mst_request_answer(request, run_answer(run));
	go(run);
}

static int insert(struct mst_run *run, struct mst_request *request, struct mst_err *err)
{
	struct starting *starting = calloc(1, sizeof(*starting));
	int rc;

	if (!starting)
		return mst_err_no_memory(err);
	starting->run = run;
	starting->doc = bson_new();
	(void)mst_run_document(run, starting->doc);
	run->starter = request;
	rc = mst_jobdb_do(run->engine->db, insert_work, insert_done, starting, err);
	if (rc != MST_OK) {
		bson_destroy(starting->doc);
		free(starting);
		return rc;
	}
	run->engine->pending++;
	mst_run_add(run);
	return MST_OK;
}

static void start(struct mst_engine *engine, struct mst_request *request)
{
	struct mst_run *run = mst_run_new(engine);
	struct mst_err err = {.code = MST_OK};
	int rc = run ? mst_run_from_json(run, request->arguments, &err) : mst_err_no_memory(&err);

	if (rc == MST_OK && run->kind != MST_RUN_PLAN)
		rc = insert(run, request, &err);
	if (rc != MST_OK) {
		mst_run_free(run);
		mst_request_refuse(request, &err);
		return;
	}
	if (run->kind == MST_RUN_PLAN) {
		mst_run_add(run);
		mst_request_answer(request, run_answer(run));
		mst_run_plan(run);
	}
}

static void cancel(struct mst_engine *engine, struct mst_request *request)
{
	struct mst_run *run = mst_run_find(engine, mst_json_text(request->arguments, "key", ""));

	if (!run || !mst_run_active(run)) {
		refuse(request, MST_E_NOT_FOUND, "this run is not running");
		return;
	}
	mst_request_answer(request, run_answer(run));
	mst_run_cancel(run, "stopped by the operator");
}

struct retrying {
	struct mst_run *run;
	struct mst_request *request;
	char id[MST_ID_SIZE];
};

static int retry_work(struct mst_store *store, void *data, struct mst_err *err)
{
	struct retrying *retrying = data;
	bson_t doc;
	int rc = mst_store_get(store, "runs", retrying->id, &doc, err);

	if (rc != MST_OK)
		return rc;
	rc = mst_run_load(retrying->run, store, &doc, err);
	bson_destroy(&doc);
	return rc;
}

/* Its results are there and only the store did not take them. */
static bool is_kept(const struct mst_shard *shard)
{
	char path[4200];

	return shard->state == MST_SHARD_SPOOLED &&
	       mst_run_path(shard->run, shard->id, ".seg", path, sizeof(path), NULL) == MST_OK &&
	       access(path, R_OK) == 0;
}

static size_t reset_shards(struct mst_run *run)
{
	size_t n = 0;

	for (size_t i = 0; i < run->shard_count; i++) {
		struct mst_shard *shard = run->shards[i];
		bool kept = is_kept(shard);

		/* What it found before it was stopped is imported, and that is not all of it. */
		shard->again = kept && shard->outcome != MST_OUTCOME_COMPLETE;
		n += kept;
		if (kept || (shard->state != MST_SHARD_SPOOLED && !mst_shard_needs_retry(shard->state, shard->outcome)))
			continue;
		shard->state = MST_SHARD_WAITING;
		shard->outcome = MST_OUTCOME_NONE;
		mst_text_set(&shard->reason, NULL);
		mst_shard_save(shard);
		n++;
	}
	return n;
}

static int prepare_retry(struct mst_run *run, struct mst_err *err)
{
	size_t n;

	/* The file itself is gone once it was read. */
	if (run->kind == MST_RUN_IMPORT && (run->shard_count != 1 || !is_kept(run->shards[0])))
		return mst_err_set(err, MST_E_USAGE, "run %lld is an import: import the file again",
		                   (long long)run->number);
	if (run->state != MST_RUN_DONE)
		return mst_err_set(err, MST_E_EXISTS, "run %lld has not ended yet", (long long)run->number);
	n = reset_shards(run);
	if (n == 0 && run->shard_count > 0)
		return mst_err_set(err, MST_E_USAGE, "run %lld has nothing to retry: every shard is complete",
		                   (long long)run->number);
	run->outcome = MST_OUTCOME_NONE;
	run->ended = 0;
	mst_text_set(&run->text, NULL);
	run->state = run->shard_count > 0 ? MST_RUN_RUNNING : MST_RUN_PLANNING;
	return MST_OK;
}

static void retry_done(void *data, int rc, const struct mst_err *err)
{
	struct retrying *retrying = data;
	struct mst_run *run = retrying->run;
	struct mst_engine *engine = run->engine;
	struct mst_err failed = *err;

	engine->pending--;
	if (rc == MST_OK && (engine->stopping || mst_run_find(engine, run->id)))
		rc = mst_err_set(&failed, MST_E_EXISTS, "run %lld is running", (long long)run->number);
	if (rc == MST_OK)
		rc = prepare_retry(run, &failed);
	if (rc != MST_OK) {
		mst_request_refuse(retrying->request, &failed);
		mst_run_free(run);
		free(retrying);
		mst_engine_pump(engine);
		return;
	}
	mst_run_add(run);
	mst_run_save(run);
	mst_request_answer(retrying->request, run_answer(run));
	free(retrying);
	if (run->state == MST_RUN_RUNNING)
		mst_run_begin(run);
	else
		mst_run_plan(run);
}

static void retry(struct mst_engine *engine, struct mst_request *request)
{
	const char *key = mst_json_text(request->arguments, "key", "");
	struct mst_run *run = mst_run_find(engine, key);
	struct retrying *retrying;
	struct mst_err err = {.code = MST_OK};

	if (run && mst_run_active(run)) {
		refuse(request, MST_E_EXISTS, "this run is still running: wait, or cancel it first");
		return;
	}
	if (run && run->unsaved)
		mst_run_save_again(run); /* before it is read below */
	if (run)
		mst_run_drop(run);
	retrying = calloc(1, sizeof(*retrying));
	if (retrying)
		retrying->run = mst_run_new(engine);
	if (!retrying || !retrying->run) {
		free(retrying);
		refuse(request, MST_E_NO_MEMORY, "out of memory");
		return;
	}
	retrying->request = request;
	snprintf(retrying->id, sizeof(retrying->id), "%s", key);
	if (mst_jobdb_do(engine->db, retry_work, retry_done, retrying, &err) == MST_OK) {
		engine->pending++;
		return;
	}
	mst_run_free(retrying->run);
	free(retrying);
	mst_request_refuse(request, &err);
}

struct asking {
	struct mst_engine *engine;
	struct mst_request *request;
};

static int stored_work(struct mst_store *store, void *data, struct mst_err *err)
{
	(void)store;
	(void)data;
	(void)err;
	return MST_OK;
}

static void stored_done(void *data, int rc, const struct mst_err *err)
{
	struct asking *asking = data;

	(void)rc;
	(void)err;
	asking->engine->pending--;
	refuse(asking->request, MST_E_NOT_FOUND, "this run is not running");
	free(asking);
}

/* A run that has just ended is told from the store, once the store thread has written its end. */
static void answer_when_stored(struct mst_engine *engine, struct mst_request *request)
{
	struct asking *asking = calloc(1, sizeof(*asking));

	if (asking) {
		asking->engine = engine;
		asking->request = request;
		if (mst_jobdb_do(engine->db, stored_work, stored_done, asking, NULL) == MST_OK) {
			engine->pending++;
			return;
		}
		free(asking);
	}
	refuse(request, MST_E_NOT_FOUND, "this run is not running");
}

static void progress(struct mst_engine *engine, struct mst_request *request)
{
	struct mst_run *run = mst_run_find(engine, mst_json_text(request->arguments, "key", ""));

	if (run && (mst_run_active(run) || run->unsaved || run->kind == MST_RUN_PLAN))
		mst_request_answer(request, mst_run_progress(run));
	else if (run)
		answer_when_stored(engine, request);
	else
		refuse(request, MST_E_NOT_FOUND, "this run is not running");
}

static void status(struct mst_engine *engine, struct mst_request *request)
{
	struct json_object *answer = json_object_new_object();
	int64_t running = 0;

	for (const struct mst_run *run = engine->runs; run; run = run->next)
		running += mst_run_active(run) && run->kind != MST_RUN_PLAN;
	mst_json_add_int(answer, "running", running);
	mst_json_add_text(answer, "fault", mst_jobdb_fault(engine->db));
	mst_json_add_int(answer, "spool_bytes", engine->spooled);
	mst_request_answer(request, answer);
}

/* Copies, since the caller's thread frees its arguments and a worker's job may still hold the old settings. */
static void labels(struct mst_engine *engine, struct mst_request *request)
{
	struct json_object *list = mst_json_array(request->arguments, "labels");
	struct json_object *settings = NULL, *rules = NULL;

	if (!list || json_object_deep_copy(engine->import_settings, &settings, NULL) != 0 ||
	    json_object_deep_copy(list, &rules, NULL) != 0) {
		json_object_put(settings);
		refuse(request, MST_E_NO_MEMORY, "the label rules could not be taken over");
		return;
	}
	mst_json_put(settings, "labels", rules);
	json_object_put(engine->import_settings);
	engine->import_settings = settings;
	mst_request_answer(request, json_object_new_object());
}

static void handle(struct mst_engine *engine, struct mst_request *request)
{
	bool works = request->verb == MST_ENGINE_START || request->verb == MST_ENGINE_RETRY ||
	             request->verb == MST_ENGINE_CHECK;

	if (engine->stopping && works) {
		refuse(request, MST_E_UNAVAILABLE, "musterd is about to end: try again in a moment");
		return;
	}
	switch (request->verb) {
	case MST_ENGINE_START:
		start(engine, request);
		break;
	case MST_ENGINE_CANCEL:
		cancel(engine, request);
		break;
	case MST_ENGINE_RETRY:
		retry(engine, request);
		break;
	case MST_ENGINE_PROGRESS:
		progress(engine, request);
		break;
	case MST_ENGINE_CHECK:
		mst_engine_check(engine, request);
		break;
	case MST_ENGINE_STATUS:
		status(engine, request);
		break;
	case MST_ENGINE_LABELS:
		labels(engine, request);
		break;
	case MST_ENGINE_RELOAD:
		mst_engine_reload(engine, request);
		break;
	default:
		refuse(request, MST_E_UNSUPPORTED, "the job engine has no such verb");
	}
}

void mst_engine_mail(struct mst_engine *engine)
{
	struct mst_request *request;

	while ((request = mst_request_next(engine)) != NULL)
		handle(engine, request);
	if (engine->setup.changed)
		engine->setup.changed(engine->setup.data);
}
