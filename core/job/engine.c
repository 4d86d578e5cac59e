/* SPDX-License-Identifier: Apache-2.0 */
#include "job/engine.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "job/run.h"

#define TICK_MS      1000
#define PLAN_KEPT_MS (10 * 60 * 1000)
#define RUN_KEPT_MS  5000
#define PLANS_KEPT   32u
/* Descriptors of one worker (segment, two pipes, what spawning parks), and what the rest of the daemon needs. */
#define FDS_PER_WORKER 8u
#define FDS_KEPT       (2u * MST_MAX_CONNECTIONS + 64u)

static unsigned worker_cap(void)
{
	struct rlimit limit;
	rlim_t cap;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return MST_MAX_WORKERS;
	cap = limit.rlim_cur > FDS_KEPT ? (limit.rlim_cur - FDS_KEPT) / FDS_PER_WORKER : 1;
	return cap < 2 ? 2 : cap > MST_MAX_WORKERS ? MST_MAX_WORKERS : (unsigned)cap;
}

struct json_object *mst_engine_import_settings(const struct mst_settings *settings)
{
	struct json_object *out = json_object_new_object();

	mst_json_add_int(out, "lost_after", settings->lost_after);
	mst_json_add_int(out, "ip_identity_ttl_ms", settings->ip_identity_ttl);
	mst_json_add_int(out, "history_ms", settings->retention_observations);
	mst_json_add_int(out, "lost_ms", settings->retention_lost);
	mst_json_add_int(out, "runs_ms", settings->retention_runs);
	return out;
}

/* A run whose spool outgrew the quota keeps what its shards have so far. */
static void guard_spool(struct mst_engine *engine)
{
	if (engine->spooled < engine->setup.max_spool)
		return;
	for (struct mst_run *run = engine->runs; run; run = run->next) {
		for (size_t i = 0; i < run->shard_count; i++) {
			if (!run->shards[i]->process)
				continue;
			run->shards[i]->quota = true;
			mst_process_cancel(run->shards[i]->process);
		}
	}
}

static void forget_ended(struct mst_engine *engine)
{
	int64_t now = mst_time_now();
	struct mst_run *run, *next;
	size_t plans = 0;

	for (run = engine->runs; run; run = run->next)
		plans += run->kind == MST_RUN_PLAN;
	for (run = engine->runs; run; run = next) {
		int64_t kept = run->kind == MST_RUN_PLAN && plans <= PLANS_KEPT ? PLAN_KEPT_MS : RUN_KEPT_MS;

		next = run->next;
		if (!mst_run_active(run) && (!run->unsaved || engine->stopping) &&
		    (now - run->ended > kept || engine->stopping))
			mst_run_drop(run);
	}
}

/* Listings read the stored run: it keeps up with its shards once a second, not with each of thousands. */
static void save_stale(struct mst_engine *engine)
{
	for (struct mst_run *run = engine->runs; run; run = run->next)
		if (run->stale && mst_run_active(run))
			mst_run_save(run);
}

static void mark_unsaved(struct mst_engine *engine, bool unsaved)
{
	for (struct mst_run *run = engine->runs; run; run = run->next)
		run->unsaved = unsaved && run->kind != MST_RUN_PLAN;
}

/* A store that could not be written, its disk being full: which write it was does not matter, all is written again until that
 * went well. Until then a run that has ended is kept, so that it is seen as what it is and can be retried. */
static void save_again(struct mst_engine *engine)
{
	bool failed = mst_jobdb_failures(engine->db) != engine->write_failures;

	engine->write_failures = mst_jobdb_failures(engine->db);
	if (failed)
		mark_unsaved(engine, true);
	if (mst_jobdb_pending(engine->db) > 0)
		return;
	if (engine->saves_again && !failed)
		mark_unsaved(engine, false);
	engine->saves_again = false;
	for (struct mst_run *run = engine->runs; run; run = run->next) {
		if (!run->unsaved)
			continue;
		mst_run_save_again(run);
		engine->saves_again = true;
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct mst_engine *engine = timer->data;

	guard_spool(engine);
	mst_keep_tick(engine);
	mst_engine_pump(engine);
	save_stale(engine);
	save_again(engine);
	forget_ended(engine);
}

static void on_mail(uv_async_t *handle)
{
	mst_engine_mail(handle->data);
}

static int first_numbers(struct mst_engine *engine, struct mst_err *err)
{
	struct json_object *labels = NULL;
	int rc = mst_store_next_number(engine->setup.store, "fence", &engine->fence, err);

	if (rc == MST_OK)
		rc = mst_job_labels(engine->setup.store, &labels, err);
	if (rc == MST_OK)
		mst_json_put(engine->import_settings, "labels", labels);
	return rc;
}

int mst_engine_new(struct mst_engine **out, const struct mst_engine_setup *setup, struct mst_err *err)
{
	struct mst_engine *engine = calloc(1, sizeof(*engine));
	int rc;

	*out = NULL;
	if (!engine)
		return mst_err_no_memory(err);
	engine->setup = *setup;
	engine->mail_last = &engine->mail_first;
	engine->max_workers = worker_cap();
	engine->cores = mst_pace_cores();
	engine->shared = mst_settings_box_use(setup->box);
	engine->settings = mst_settings_of(engine->shared);
	engine->import_settings = mst_engine_import_settings(engine->settings);
	engine->spooled = mst_spool_usage(setup->spool);
	pthread_mutex_init(&engine->mail_lock, NULL);
	rc = first_numbers(engine, err);
	if (rc == MST_OK)
		rc = mst_jobdb_new(&engine->db, setup->loop, setup->store_class, err);
	if (rc == MST_OK)
		rc = mst_processes_new(&engine->processes, setup->loop, err);
	if (rc != MST_OK) {
		mst_settings_drop(engine->shared);
		json_object_put(engine->import_settings);
		free(engine); /* the daemon ends: handles of the loop die with it */
		return rc;
	}
	uv_async_init(setup->loop, &engine->mail, on_mail);
	uv_timer_init(setup->loop, &engine->tick);
	engine->mail.data = engine->tick.data = engine;
	uv_timer_start(&engine->tick, on_tick, TICK_MS, TICK_MS);
	rc = mst_engine_recover(engine, err);
	mst_keep_start(engine);
	mst_keep_tick(engine);
	engine->setup.store = NULL;
	*out = engine;
	mst_engine_pump(engine);
	return rc;
}

void mst_engine_stop(struct mst_engine *engine, const char *why)
{
	engine->stopping = true;
	for (struct mst_run *run = engine->runs; run; run = run->next)
		mst_run_cancel(run, why);
	mst_engine_pump(engine);
}

bool mst_engine_busy(const struct mst_engine *engine)
{
	if (engine->pending > 0 || (engine->arrange && !engine->stopping) || engine->checks > 0 || engine->importer ||
	    mst_jobdb_pending(engine->db) > 0 || mst_processes_count(engine->processes) > 0)
		return true;
	for (const struct mst_run *run = engine->runs; run; run = run->next)
		if (mst_run_active(run))
			return true;
	return false;
}

static void on_closed(uv_handle_t *handle)
{
	struct mst_engine *engine = handle->data;

	if (uv_is_closing((uv_handle_t *)&engine->mail) && handle == (uv_handle_t *)&engine->mail) {
		pthread_mutex_destroy(&engine->mail_lock);
		free(engine);
	}
}

void mst_engine_free(struct mst_engine *engine)
{
	struct mst_request *request;
	struct mst_err err = {.code = MST_OK};

	mst_err_set(&err, MST_E_UNAVAILABLE, "musterd is about to end: try again in a moment");
	while ((request = mst_request_next(engine)) != NULL)
		mst_request_refuse(request, &err);
	while (engine->runs)
		mst_run_drop(engine->runs);
	mst_jobdb_close(engine->db);
	mst_processes_close(engine->processes);
	json_object_put(engine->import_settings);
	mst_settings_drop(engine->shared);
	uv_timer_stop(&engine->tick);
	uv_close((uv_handle_t *)&engine->tick, NULL);
	uv_close((uv_handle_t *)&engine->mail, on_closed);
}
