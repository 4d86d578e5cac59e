/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a store for years: the removal of what is old, once a day; leftovers of the spool; a sample of the store's size. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "job/run.h"
#include "store/collections.h"
#include "store/days.h"

#define HOUR_MS           (INT64_C(3600) * 1000)
#define PRUNE_EVERY_MS    (24 * HOUR_MS)
#define PRUNE_AGAIN_MS    60000 /* when an import was more urgent, or it failed */
#define PRUNE_DEADLINE_MS (30 * 60 * 1000)

static bool keeps_all(const struct mst_settings *settings)
{
	return settings->retention_observations == 0 && settings->retention_lost == 0 && settings->retention_runs == 0;
}

void mst_keep_start(struct mst_engine *engine)
{
	bson_t doc;
	bson_iter_t at;
	int64_t last = 0, age;

	if (mst_store_get(engine->setup.store, "counters", MST_COUNTER_PRUNED, &doc, NULL) == MST_OK) {
		if (bson_iter_init_find(&at, &doc, "value"))
			last = bson_iter_as_int64(&at);
		bson_destroy(&doc);
	}
	age = mst_time_now() - last;
	/* A clock that went back must not put the next removal off for years. */
	engine->prune_at = mst_time_monotonic();
	if (age >= 0 && age < PRUNE_EVERY_MS)
		engine->prune_at += PRUNE_EVERY_MS - age;
}

static void note_pruned(struct mst_engine *engine)
{
	struct mst_batch *batch = NULL;
	bson_t *doc = BCON_NEW("_id", BCON_UTF8(MST_COUNTER_PRUNED), "value", BCON_INT64(mst_time_now()));

	if (mst_batch_new(&batch, NULL) == MST_OK && mst_batch_put(batch, "counters", doc) >= 0)
		mst_jobdb_write(engine->db, batch);
	else
		mst_batch_free(batch);
	bson_destroy(doc);
}

static void on_line(void *data, struct json_object *line, const char *type)
{
	static const char *const kinds[] = {"history", "observations", "interfaces", "runs", "shards"};
	int64_t sum = 0;

	(void)data;
	if (strcmp(type, "log") == 0)
		mst_log(MST_LOG_INFO, "job", "retention: %s", mst_json_text(line, "text", ""));
	if (strcmp(type, "prune") != 0)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		sum += mst_json_int(line, kinds[i], 0);
	if (sum > 0)
		mst_log(MST_LOG_INFO, "job",
		        "retention: removed %lld earlier and %lld superseded observations, %lld lost interfaces, %lld runs with "
		        "%lld shards",
		        (long long)mst_json_int(line, kinds[0], 0), (long long)mst_json_int(line, kinds[1], 0),
		        (long long)mst_json_int(line, kinds[2], 0), (long long)mst_json_int(line, kinds[3], 0),
		        (long long)mst_json_int(line, kinds[4], 0));
}

static void on_ended(void *data, const struct mst_process_end *end)
{
	struct mst_engine *engine = data;

	engine->importer = NULL;
	engine->pruning = false;
	if (end->status == MST_OK) {
		note_pruned(engine);
		engine->prune_at = mst_time_monotonic() + PRUNE_EVERY_MS;
	} else {
		engine->prune_at = mst_time_monotonic() + PRUNE_AGAIN_MS;
		if (end->status != MST_E_CANCELLED)
			mst_log(MST_LOG_WARNING, "job", "retention: what is old could not be removed: %s", end->text);
	}
	mst_engine_pump(engine);
}

static void start_prune(struct mst_engine *engine)
{
	static const struct mst_process_ops ops = {on_line, on_ended};
	struct mst_process_start start = {.worker = engine->setup.worker,
	                                  .verb = "import",
	                                  .plugin = "store",
	                                  .fd4 = -1,
	                                  .fd6 = -1,
	                                  .deadline_ms = PRUNE_DEADLINE_MS};
	struct json_object *job = json_object_new_object();
	struct mst_err err = {.code = MST_OK};

	mst_json_add_int(job, "worker", 1);
	mst_json_add_text(job, "plugin", engine->setup.store_plugin);
	mst_json_put(job, "store", json_object_get(engine->setup.store_options));
	mst_json_add_text(job, "spool", engine->setup.spool);
	mst_json_put(job, "settings", json_object_get(engine->import_settings));
	mst_json_put(job, "prune", json_object_new_object());
	mst_json_add_int(job, "deadline_ms", PRUNE_DEADLINE_MS);
	start.job = job;
	if (mst_process_start(&engine->importer, engine->processes, &start, &ops, engine, &err) == MST_OK) {
		engine->pruning = true;
	} else {
		engine->prune_at = mst_time_monotonic() + PRUNE_AGAIN_MS;
		mst_log(MST_LOG_WARNING, "job", "retention: %s", err.text);
	}
	json_object_put(job);
}

void mst_keep_pump(struct mst_engine *engine, bool wanted)
{
	if (engine->pruning && (wanted || engine->stopping)) {
		/* It stops between two small batches; what it has removed is removed. */
		mst_process_cancel(engine->importer);
		return;
	}
	if (!engine->importer && !wanted && !engine->stopping && mst_time_monotonic() >= engine->prune_at &&
	    !keeps_all(engine->settings))
		start_prune(engine);
}

struct removing {
	uv_work_t work;
	struct mst_engine *engine;
	char path[4200];
};

static void remove_tree(uv_work_t *work)
{
	struct removing *removing = work->data;
	struct mst_err err = {.code = MST_OK};

	if (mst_file_remove_tree(removing->path, &err) != MST_OK)
		mst_log(MST_LOG_WARNING, "job", "retention: %s", err.text);
}

static void removed(uv_work_t *work, int status)
{
	struct removing *removing = work->data;
	struct mst_engine *engine = removing->engine;

	(void)status;
	engine->pending--;
	engine->spooled = mst_spool_usage(engine->setup.spool);
	if (engine->setup.changed)
		engine->setup.changed(engine->setup.data);
	free(removing);
}

/* The name goes at once, here on the loop, where runs begin: no retry can find half of a directory. Its content takes time. */
static void drop_leftover(struct mst_engine *engine, const char *run)
{
	struct removing *removing = calloc(1, sizeof(*removing));
	char path[4200], folder[4200];

	if (!removing)
		return;
	removing->engine = engine;
	removing->work.data = removing;
	if (snprintf(path, sizeof(path), "%s/%s", engine->setup.spool, run) >= (int)sizeof(path) ||
	    snprintf(folder, sizeof(folder), "%s/removed", engine->setup.spool) >= (int)sizeof(folder) ||
	    snprintf(removing->path, sizeof(removing->path), "%s/removed/%s", engine->setup.spool, run) >=
	            (int)sizeof(removing->path) ||
	    mst_file_mkdirs(folder, 0700, NULL) != MST_OK || rename(path, removing->path) != 0) {
		mst_log(MST_LOG_WARNING, "job", "retention: the leftover %s cannot be removed: %s", path,
		        strerror(errno));
		free(removing);
		return;
	}
	mst_log(MST_LOG_INFO, "job", "retention: results that were never imported are removed: run %s", run);
	engine->pending++;
	if (uv_queue_work(engine->setup.loop, &removing->work, remove_tree, removed) != 0) {
		remove_tree(&removing->work);
		removed(&removing->work, 0);
	}
}

void mst_keep_spool(struct mst_engine *engine, int64_t now)
{
	int64_t kept = engine->settings->retention_spool;
	DIR *folder = kept > 0 ? opendir(engine->setup.spool) : NULL;
	struct dirent *entry;
	struct stat st;

	while (folder && (entry = readdir(folder)) != NULL) {
		if (!mst_id_valid(entry->d_name) || mst_run_find(engine, entry->d_name) ||
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
			continue;
		if ((int64_t)st.st_mtime * 1000 < now - kept)
			drop_leftover(engine, entry->d_name);
	}
	if (folder)
		closedir(folder);
}

static int sample(struct mst_store *store, void *data, struct mst_err *err)
{
	(void)data;
	return mst_store_day(store, mst_time_now(), err);
}

static void sampled(void *data, int rc, const struct mst_err *err)
{
	(void)data;
	if (rc != MST_OK)
		mst_log(MST_LOG_INFO, "job", "the store's size was not noted: %s", err->text);
}

void mst_keep_tick(struct mst_engine *engine)
{
	int64_t now = mst_time_monotonic();

	if (engine->stopping || now < engine->hourly_at)
		return;
	engine->hourly_at = now + HOUR_MS;
	mst_keep_spool(engine, mst_time_now());
	(void)mst_jobdb_do(engine->db, sample, sampled, NULL, NULL);
}
