/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of the store: how large, what is in it, how it grows, what it keeps. */
#include <bson/bson.h>
#include <muster/plugin.h>

#include "api/call.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "store/collections.h"
#include "store/days.h"

struct json_object *mst_store_growth_json(const struct mst_store_growth *growth)
{
	struct json_object *out = json_object_new_object();

	mst_json_add_bool(out, "known", growth->known);
	if (growth->known) {
		mst_json_add_int(out, "per_day", growth->per_day);
		mst_json_add_int(out, "days", growth->days);
	}
	if (growth->left >= 0)
		mst_json_add_int(out, "days_left", growth->left);
	mst_json_add_int(out, "since", growth->since);
	return out;
}

static int add_collections(struct mst_call *call, struct json_object *out, struct mst_err *err)
{
	struct json_object *list = json_object_new_array();
	size_t count;
	const struct muster_collection *all = mst_collections(&count);
	int rc = MST_OK;

	mst_json_put(out, "collections", list);
	for (size_t i = 0; i < count && rc == MST_OK; i++) {
		struct json_object *item = json_object_new_object();
		int64_t documents = 0;

		rc = mst_store_count(call->store, all[i].name, NULL, &documents, err);
		mst_json_add_text(item, "name", all[i].name);
		mst_json_add_int(item, "documents", documents);
		mst_json_push(list, item);
	}
	return rc;
}

/* The time of a counter; 0 when it was never set. */
static int64_t noted(struct mst_call *call, const char *name)
{
	int64_t value = 0;
	bson_iter_t at;
	bson_t doc;

	if (mst_store_get(call->store, "counters", name, &doc, NULL) != MST_OK)
		return 0;
	if (bson_iter_init_find(&at, &doc, "value"))
		value = bson_iter_as_int64(&at);
	bson_destroy(&doc);
	return value;
}

static void add_retention(struct mst_call *call, struct json_object *out)
{
	const struct mst_settings *settings = call->settings;
	struct json_object *retention = json_object_new_object();

	mst_json_add_int(retention, "observations", settings->retention_observations);
	mst_json_add_int(retention, "lost", settings->retention_lost);
	mst_json_add_int(retention, "runs", settings->retention_runs);
	mst_json_add_int(retention, "spool", settings->retention_spool);
	mst_json_put(out, "retention", retention);
	mst_json_add_int(out, "history_from", noted(call, MST_COUNTER_HISTORY_FROM));
	mst_json_add_int(out, "pruned", noted(call, MST_COUNTER_PRUNED));
}

static int add_spool(struct mst_call *call, struct json_object *out, struct mst_err *err)
{
	struct json_object *engine = NULL, *spool = json_object_new_object();
	int rc = mst_engine_call(call->api->setup.engine, MST_ENGINE_STATUS, json_object_new_object(), 5000, &engine,
	                         err);

	mst_json_add_text(spool, "path", call->api->setup.spool);
	mst_json_add_int(spool, "bytes", mst_json_int(engine, "spool_bytes", 0));
	mst_json_add_int(spool, "limit", (int64_t)MST_MAX_SPOOL);
	mst_json_put(out, "spool", spool);
	json_object_put(engine);
	return rc;
}

int mst_api_store(struct mst_call *call, struct mst_err *err)
{
	struct json_object *out = json_object_new_object();
	struct mst_store_growth growth;
	struct mst_store_stats stats;
	int rc = mst_store_stats(call->store, &stats, err);

	mst_json_add_text(out, "kind", call->api->setup.store_kind);
	mst_json_add_text(out, "path", call->api->setup.store_path);
	mst_json_add_int(out, "bytes", stats.bytes);
	mst_json_add_int(out, "free", stats.free_bytes);
	mst_json_add_int(out, "reusable", stats.reusable_bytes);
	if (rc == MST_OK)
		rc = mst_store_growth(call->store, &stats, mst_time_now(), &growth, err);
	if (rc == MST_OK)
		mst_json_put(out, "growth", mst_store_growth_json(&growth));
	if (rc == MST_OK)
		rc = add_spool(call, out, err);
	if (rc == MST_OK)
		rc = add_collections(call, out, err);
	add_retention(call, out);
	if (rc == MST_OK)
		call->answer = out;
	else
		json_object_put(out);
	return rc;
}
