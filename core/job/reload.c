/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration read again: first checked whole, then mirrored into the store, then put in force. What cannot be done leaves
 * the old one in force. Runs that are under way keep their options, zone and profile; rules and the rates of zones and of the
 * installation hold for them at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "job/run.h"

struct reload {
	struct mst_engine *engine;
	struct mst_request *request; /* NULL: a signal asked */
	struct mst_shared_settings *next;
	struct json_object *labels;
	bool labels_changed, locations_new;
};

static void reload_free(struct reload *reload)
{
	mst_settings_drop(reload->next);
	json_object_put(reload->labels);
	free(reload);
}

static void failed(struct mst_engine *engine, struct mst_request *request, const struct mst_err *err)
{
	mst_log(MST_LOG_ERROR, "job", "the old configuration stays in force: %s", err->text);
	if (request) {
		struct mst_err told = *err;

		mst_err_set(&told, err->code, "the old configuration stays in force: %s", err->text);
		mst_request_refuse(request, &told);
	}
	engine->reloading = false;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void add_count(struct json_object *out, const char *name, size_t count)
{
	mst_json_add_int(out, name, (int64_t)count);
}

/* What took effect, and what waits for a new start. */
static struct json_object *summary(const struct mst_settings *old, const struct mst_settings *now)
{
	struct json_object *out = json_object_new_object(), *later = json_object_new_array();

	mst_json_add_text(out, "config", now->config_path ? now->config_path : "");
	add_count(out, "profiles", now->profile_count);
	add_count(out, "zones", now->zone_count);
	add_count(out, "labels", now->label_count);
	add_count(out, "never_scan", now->rules.never_count);
	add_count(out, "scan_only", now->rules.only_count);
	if (!same_text(old->store_kind, now->store_kind) || !same_text(old->store_path, now->store_path))
		mst_json_push(later, json_object_new_string("store"));
	if (old->listen_count != now->listen_count)
		mst_json_push(later, json_object_new_string("listen"));
	for (size_t i = 0; i < old->listen_count && i < now->listen_count; i++)
		if (!same_text(old->listen[i], now->listen[i])) {
			mst_json_push(later, json_object_new_string("listen"));
			break;
		}
	mst_json_put(out, "after_restart", later);
	return out;
}

static void set_rates(struct mst_engine *engine)
{
	const struct mst_settings *settings = engine->settings;

	for (struct mst_pool *pool = engine->pools; pool; pool = pool->next) {
		const struct mst_zone *zone =
		        strncmp(pool->key, "zone:", 5) == 0 ? mst_settings_zone(settings, pool->key + 5) : NULL;

		if (strncmp(pool->key, "all:", 4) == 0)
			pool->limit.total = settings->max_rate;
		else if (zone)
			pool->limit.total = zone->max_rate;
	}
}

static void put_in_force(struct reload *reload)
{
	struct mst_engine *engine = reload->engine;
	const struct mst_settings *now = mst_settings_of(reload->next);
	struct json_object *settings = mst_engine_import_settings(now);

	mst_json_put(settings, "labels", json_object_get(reload->labels));
	json_object_put(engine->import_settings);
	engine->import_settings = settings;
	mst_settings_drop(engine->shared);
	engine->shared = mst_settings_use(reload->next);
	engine->settings = now;
	mst_settings_box_put(engine->setup.box, mst_settings_use(reload->next));
	set_rates(engine);
	if (reload->labels_changed || reload->locations_new)
		mst_engine_arrange(engine, reload->locations_new);
}

static int store_work(struct mst_store *store, void *data, struct mst_err *err)
{
	struct reload *reload = data;
	int rc = mst_job_mirror(store, mst_settings_of(reload->next), &reload->labels_changed, err);

	reload->locations_new = mst_job_locations_new(store, mst_settings_of(reload->next));
	return rc == MST_OK ? mst_job_labels(store, &reload->labels, err) : rc;
}

static void store_done(void *data, int rc, const struct mst_err *err)
{
	struct reload *reload = data;
	struct mst_engine *engine = reload->engine;
	struct json_object *answer;

	engine->pending--;
	if (rc != MST_OK) {
		failed(engine, reload->request, err);
	} else {
		answer = summary(engine->settings, mst_settings_of(reload->next));
		put_in_force(reload);
		mst_log(MST_LOG_INFO, "job",
		        "the configuration was read again: %zu profiles, %zu zones, %zu label rules",
		        engine->settings->profile_count, engine->settings->zone_count, engine->settings->label_count);
		if (reload->request)
			mst_request_answer(reload->request, answer);
		else
			json_object_put(answer);
		if (!reload->request)
			engine->setup.signalled(engine->setup.data);
		engine->reloading = false;
	}
	reload_free(reload);
	if (engine->reload_again) {
		engine->reload_again = false;
		mst_engine_reload(engine, NULL);
	}
	mst_engine_pump(engine);
}

static int start(struct mst_engine *engine, struct reload *reload, struct mst_err *err)
{
	struct mst_settings settings;
	int rc = engine->setup.load(engine->setup.data, &settings, err);

	if (rc != MST_OK)
		return rc;
	reload->next = mst_settings_share(&settings);
	if (!reload->next) {
		mst_settings_free(&settings);
		return mst_err_no_memory(err);
	}
	rc = mst_jobdb_do(engine->db, store_work, store_done, reload, err);
	engine->pending += rc == MST_OK;
	return rc;
}

void mst_engine_reload(struct mst_engine *engine, struct mst_request *request)
{
	struct mst_err err = {.code = MST_OK};
	struct reload *reload;
	int rc;

	if (engine->reloading || engine->stopping) {
		mst_err_set(&err, MST_E_CONFLICT, "the configuration is being read already: ask again in a moment");
		if (request)
			mst_request_refuse(request, &err);
		else
			engine->reload_again = !engine->stopping;
		return;
	}
	reload = calloc(1, sizeof(*reload));
	engine->reloading = true;
	if (!reload) {
		mst_err_no_memory(&err);
		failed(engine, request, &err);
		return;
	}
	reload->engine = engine;
	reload->request = request;
	rc = start(engine, reload, &err);
	if (rc != MST_OK) {
		failed(engine, request, &err);
		reload_free(reload);
	}
}

void mst_engine_hup(struct mst_engine *engine)
{
	mst_engine_reload(engine, NULL);
}
