/* SPDX-License-Identifier: Apache-2.0 */
/* The state of things on one screen: where the store is, counts, what needs attention. */
#include <bson/bson.h>
#include <string.h>
#include <unistd.h>

#include "api/call.h"
#include "base/json.h"
#include "base/time.h"
#include "store/days.h"

#define DAY_MS         (24ll * 3600 * 1000)
#define RUNS_LOOKED_AT 200u
#define ATTENTION_MAX  10u
#define LOW_DISK_BYTES (512ll << 20)

static int take_count(void *data, const bson_t *key, int64_t count)
{
	struct json_object *out = data;
	bson_iter_t at;

	if (bson_iter_init(&at, key) && bson_iter_next(&at) && BSON_ITER_HOLDS_UTF8(&at) &&
	    bson_iter_utf8(&at, NULL)[0])
		mst_json_add_int(out, bson_iter_utf8(&at, NULL), count);
	return MST_OK;
}

/* Some source can tell managed from unmanaged: a method that sees the agent, or a rule that says so. */
static bool managed_determined(struct mst_call *call, struct json_object *labels)
{
	const struct mst_plugin_list *list = call->api->setup.plugins;

	for (size_t i = 0; labels && i < json_object_array_length(labels); i++)
		if (strcmp(mst_json_text(json_object_array_get_idx(labels, i), "action", ""), "managed") == 0)
			return true;
	for (size_t i = 0; i < list->count; i++) {
		for (size_t m = 0; m < list->plugins[i].method_count; m++) {
			const struct mst_method *method = &list->plugins[i].methods[m];

			for (size_t f = 0; f < method->field_count; f++)
				if (strcmp(method->fields[f].name, "managed") == 0 ||
				    strcmp(method->fields[f].name, "computer_id") == 0)
					return true;
		}
	}
	return false;
}

int mst_api_managed_determined(struct mst_call *call, bool *out, struct mst_err *err)
{
	struct json_object *labels = NULL;
	int rc = mst_job_labels(call->store, &labels, err);

	*out = rc == MST_OK && managed_determined(call, labels);
	json_object_put(labels);
	return rc;
}

static int add_interfaces(struct mst_call *call, struct json_object *out, struct mst_err *err)
{
	static const char *const states[] = {"managed", "unmanaged", "unmanageable", "ignored", "lost"};
	struct json_object *counts = json_object_new_object();
	bool determined = false;
	int rc;

	mst_json_put(out, "interfaces", counts);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		mst_json_add_int(counts, states[i], 0);
	rc = mst_store_group(call->store, "interfaces", NULL, "state", take_count, counts, err);
	if (rc == MST_OK)
		rc = mst_api_managed_determined(call, &determined, err);
	mst_json_add_bool(counts, "managed_determined", determined);
	return rc;
}

static int count_where(struct mst_call *call, const char *collection, bson_t *filter, int64_t *out, struct mst_err *err)
{
	int rc = mst_store_count(call->store, collection, filter, out, err);

	bson_destroy(filter);
	return rc;
}

/* Lost ones are counted by the runs that found them missing: an interface has no time of loss of its own. */
static int add_lost(struct mst_call *call, struct json_object *day, int64_t since, struct mst_err *err)
{
	bson_t *filter = BCON_NEW("ended", "{", "$gte", BCON_INT64(since), "}", "lost", "{", "$gt", BCON_INT64(0), "}");
	struct mst_find find = {.collection = "runs", .filter = filter, .limit = 1000, .fields = "lost"};
	struct json_object *list = NULL;
	int64_t lost = 0;
	int rc = mst_page_array(call, &find, MST_DOC_PLAIN, &list, err);

	for (size_t i = 0; rc == MST_OK && i < json_object_array_length(list); i++)
		lost += mst_json_int(json_object_array_get_idx(list, i), "lost", 0);
	mst_json_add_int(day, "lost", lost);
	json_object_put(list);
	bson_destroy(filter);
	return rc;
}

static int add_day(struct mst_call *call, struct json_object *out, struct mst_err *err)
{
	struct json_object *day = json_object_new_object();
	int64_t since = mst_time_now() - DAY_MS, fresh = 0, changed = 0;
	int rc;

	mst_json_put(out, "last_24h", day);
	rc = count_where(call, "interfaces", BCON_NEW("first_seen", "{", "$gte", BCON_INT64(since), "}"), &fresh, err);
	if (rc == MST_OK)
		rc = count_where(call, "interfaces",
		                 BCON_NEW("updated", "{", "$gte", BCON_INT64(since), "}", "changed_run", "{", "$gt",
		                          BCON_UTF8(""), "}"),
		                 &changed, err);
	mst_json_add_int(day, "new", fresh);
	mst_json_add_int(day, "changed", changed);
	return rc == MST_OK ? add_lost(call, day, since, err) : rc;
}

static void attend(struct json_object *list, const char *subject, const char *text, const char *next)
{
	struct json_object *item;

	if (json_object_array_length(list) >= ATTENTION_MAX)
		return;
	item = json_object_new_object();
	mst_json_add_text(item, "subject", subject);
	mst_json_add_text(item, "text", text);
	mst_json_add_text(item, "next", next);
	mst_json_push(list, item);
}

static void attend_uncovered(void *data, const char *subject, const char *text, const char *next)
{
	attend(data, subject, text, next);
}

static bool seen_before(struct json_object *seen, const char *profile)
{
	if (json_object_object_get_ex(seen, profile, NULL))
		return true;
	mst_json_put(seen, profile, json_object_new_boolean(true));
	return false;
}

static const char *first_warning(struct json_object *run)
{
	struct json_object *warnings = mst_json_array(run, "warnings");

	return warnings && json_object_array_length(warnings) > 0
	               ? json_object_get_string(json_object_array_get_idx(warnings, 0))
	               : NULL;
}

/* The last ended run of each profile, when it was not complete or warns of something. */
static int attend_runs(struct mst_call *call, struct json_object *list, struct mst_err *err)
{
	bson_t *filter = BCON_NEW("state", BCON_UTF8("done")), *sort = BCON_NEW("number", BCON_INT32(-1));
	struct mst_find find = {.collection = "runs",
	                        .filter = filter,
	                        .sort = sort,
	                        .limit = RUNS_LOOKED_AT,
	                        .fields = "number,profile,outcome,text,kind,warnings"};
	struct json_object *runs = NULL, *seen = json_object_new_object();
	int rc = mst_page_array(call, &find, MST_DOC_PLAIN, &runs, err);

	for (size_t i = 0; rc == MST_OK && i < json_object_array_length(runs); i++) {
		struct json_object *run = json_object_array_get_idx(runs, i);
		const char *outcome = mst_json_text(run, "outcome", ""), *warning = first_warning(run);
		bool complete = strcmp(outcome, "complete") == 0;
		char text[600], next[64];

		if (seen_before(seen, mst_json_text(run, "profile", "")) || (complete && !warning))
			continue;
		snprintf(text, sizeof(text), "run %lld %s: %.500s", (long long)mst_json_int(run, "number", 0), outcome,
		         complete ? warning : mst_json_text(run, "text", "not all was done"));
		snprintf(next, sizeof(next), "muster runs show %lld", (long long)mst_json_int(run, "number", 0));
		attend(list, mst_json_text(run, "profile", ""), text, next);
	}
	json_object_put(runs);
	json_object_put(seen);
	bson_destroy(filter);
	bson_destroy(sort);
	return rc;
}

static void attend_plugins(struct mst_call *call, struct json_object *list)
{
	const struct mst_plugin_list *plugins = call->api->setup.plugins;

	for (size_t i = 0; i < plugins->fault_count; i++) {
		const char *slash = strrchr(plugins->faults[i].path, '/');
		char next[512];

		snprintf(next, sizeof(next), "muster plugins check %.480s", plugins->faults[i].path);
		attend(list, slash ? slash + 1 : plugins->faults[i].path, plugins->faults[i].text, next);
	}
}

static int add_runs(struct mst_call *call, struct json_object *out, struct json_object *attention, struct mst_err *err)
{
	struct json_object *counts = json_object_new_object(), *engine = NULL;
	int rc;

	mst_json_put(out, "runs", counts);
	mst_json_add_int(counts, "complete", 0);
	mst_json_add_int(counts, "partial", 0);
	mst_json_add_int(counts, "failed", 0);
	rc = mst_store_group(call->store, "runs", NULL, "outcome", take_count, counts, err);
	if (rc == MST_OK)
		rc = mst_engine_call(call->api->setup.engine, MST_ENGINE_STATUS, json_object_new_object(), 5000,
		                     &engine, err);
	mst_json_add_int(counts, "running", mst_json_int(engine, "running", 0));
	if (mst_json_text(engine, "fault", "")[0])
		attend(attention, "store", mst_json_text(engine, "fault", ""), "df -h");
	json_object_put(engine);
	return rc;
}

static void add_store(struct mst_call *call, struct json_object *out, struct json_object *attention)
{
	struct json_object *store = json_object_new_object();
	struct mst_store_growth growth;
	struct mst_store_stats stats;

	(void)mst_store_stats(call->store, &stats, NULL);
	if (mst_store_growth(call->store, &stats, mst_time_now(), &growth, NULL) == MST_OK)
		mst_json_put(store, "growth", mst_store_growth_json(&growth));
	mst_json_add_text(store, "kind", call->api->setup.store_kind);
	mst_json_add_text(store, "path", call->api->setup.store_path);
	mst_json_add_int(store, "bytes", stats.bytes);
	mst_json_add_int(store, "free", stats.free_bytes);
	mst_json_put(out, "store", store);
	if (stats.free_bytes >= 0 && stats.free_bytes < LOW_DISK_BYTES)
		attend(attention, "store", "less than 512 MiB are free on its disk", "df -h");
}

int mst_api_status(struct mst_call *call, struct mst_err *err)
{
	struct json_object *out = json_object_new_object(), *attention = json_object_new_array();
	const char *config = call->settings->config_path;
	int rc;

	mst_json_add_text(out, "version", MST_VERSION);
	mst_json_add_bool(out, "private", call->api->setup.is_private);
	mst_json_add_int(out, "pid", getpid());
	mst_json_add_int(out, "uptime", mst_time_monotonic() - call->api->started);
	mst_json_add_text(out, "socket", call->api->setup.socket_path);
	mst_json_add_text(out, "config", config ? config : "");
	add_store(call, out, attention);
	rc = add_interfaces(call, out, err);
	if (rc == MST_OK)
		rc = add_day(call, out, err);
	if (rc == MST_OK)
		rc = add_runs(call, out, attention, err);
	if (rc == MST_OK)
		rc = attend_runs(call, attention, err);
	/* A hint: without it the rest of the screen is still right. */
	if (rc == MST_OK)
		(void)mst_coverage_attend(call, attend_uncovered, attention, NULL);
	attend_plugins(call, attention);
	mst_json_put(out, "attention", attention);
	mst_json_put(out, "local_networks", mst_local_networks());
	if (rc == MST_OK)
		call->answer = out;
	else
		json_object_put(out);
	return rc;
}
