/* SPDX-License-Identifier: Apache-2.0 */
/* Runs and imports: lists, one with its shards and changes, starting, stopping, trying again. */
#include <bson/bson.h>
#include <string.h>
#include <unistd.h>

#include "api/call.h"
#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "store/filter.h"

#define CHANGES_MAX 200u

int mst_api_runs(struct mst_call *call, struct mst_err *err)
{
	struct mst_page page = {.collection = "runs", .default_sort = "-number", .kind = MST_DOC_PLAIN};

	page.columns = mst_run_columns(&page.column_count);
	return mst_page_answer(call, &page, err);
}

/* The stored run of a number or uuid. Caller destroys. */
static int find_run(struct mst_call *call, const char *key, bson_t *out, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	struct mst_find find = {.collection = "runs", .filter = &filter, .limit = 1};
	struct mst_err local = {.code = MST_OK};
	int64_t number;
	int rc;

	if (mst_id_valid(key))
		BSON_APPEND_UTF8(&filter, "_id", key);
	else if (mst_str_int64(key, &number) && number > 0)
		BSON_APPEND_INT64(&filter, "number", number);
	else {
		bson_destroy(&filter);
		return mst_err_set(err, MST_E_NOT_FOUND, "no run \"%.64s\": a run has a number, see 'muster runs'",
		                   key);
	}
	rc = mst_store_find_one(call->store, &find, out, &local);
	bson_destroy(&filter);
	if (rc == MST_E_NOT_FOUND || rc == MST_E_END)
		return mst_err_set(err, MST_E_NOT_FOUND, "no run %.64s: 'muster runs' lists them", key);
	if (rc != MST_OK && err)
		*err = local;
	return rc;
}

static struct json_object *key_json(const char *key)
{
	struct json_object *object = json_object_new_object();

	mst_json_add_text(object, "key", key);
	return object;
}

/* What the engine knows of a run now; NULL when it has none in memory. */
static struct json_object *live(struct mst_call *call, const char *key)
{
	struct json_object *answer = NULL;
	struct mst_err err = {.code = MST_OK};

	if (mst_engine_call(call->api->setup.engine, MST_ENGINE_PROGRESS, key_json(key), 5000, &answer, &err) != MST_OK)
		return NULL;
	return answer;
}

static void merge(struct json_object *into, struct json_object *from)
{
	json_object_object_foreach(from, name, value)
	{
		mst_json_put(into, name, json_object_get(value));
	}
}

static int add_changes(struct mst_call *call, struct json_object *run, const char *id, struct mst_err *err)
{
	static const char *const kinds[][2] = {
	        {"new", "created_run"}, {"changed", "changed_run"}, {"lost", "lost_run"}};
	struct json_object *changes = json_object_new_object();
	int rc = MST_OK;

	for (size_t i = 0; rc == MST_OK && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct json_object *list = NULL;
		bson_t filter = BSON_INITIALIZER, sort = BSON_INITIALIZER;
		struct mst_find find = {
		        .collection = "interfaces", .filter = &filter, .sort = &sort, .limit = CHANGES_MAX};

		BSON_APPEND_UTF8(&filter, kinds[i][1], id);
		BSON_APPEND_INT32(&sort, "ip_key", 1);
		rc = mst_page_array(call, &find, MST_DOC_INTERFACE, &list, err);
		if (rc == MST_OK)
			mst_json_put(changes, kinds[i][0], list);
		bson_destroy(&filter);
		bson_destroy(&sort);
	}
	mst_json_put(run, "changes", changes);
	return rc;
}

static int add_shards(struct mst_call *call, struct json_object *run, const char *id, struct mst_err *err)
{
	struct json_object *list = NULL;
	bson_t filter = BSON_INITIALIZER;
	struct mst_find find = {.collection = "shards", .filter = &filter, .limit = MST_MAX_SHARDS};
	int rc;

	BSON_APPEND_UTF8(&filter, "run", id);
	rc = mst_page_array(call, &find, MST_DOC_SHARD, &list, err);
	if (rc == MST_OK)
		mst_json_put(run, "shards", list);
	bson_destroy(&filter);
	return rc;
}

/* A plan is in the engine only; a run is what is stored, with what the engine knows laid over it while it runs. */
int mst_api_run(struct mst_call *call, struct mst_err *err)
{
	struct json_object *now = live(call, call->captures[0]), *run;
	const char *id;
	bson_t doc;
	int rc;

	if (now && strcmp(mst_json_text(mst_json_object(now, "run"), "kind", ""), "plan") == 0) {
		call->answer = json_object_get(mst_json_object(now, "run"));
		json_object_object_del(now, "run");
		merge(call->answer, now);
		json_object_put(now);
		return MST_OK;
	}
	rc = find_run(call, call->captures[0], &doc, err);
	if (rc != MST_OK) {
		json_object_put(now);
		return rc;
	}
	run = mst_api_object(&doc, MST_DOC_PLAIN);
	bson_destroy(&doc);
	if (!run) {
		json_object_put(now);
		return mst_err_no_memory(err);
	}
	id = mst_json_text(run, "_id", "");
	rc = add_changes(call, run, id, err);
	if (rc == MST_OK && !now)
		rc = add_shards(call, run, id, err);
	if (rc == MST_OK && now) {
		merge(run, mst_json_object(now, "run"));
		mst_json_put(run, "progress", json_object_get(mst_json_object(now, "progress")));
		mst_json_put(run, "shards", json_object_get(mst_json_array(now, "shards")));
	}
	json_object_put(now);
	if (rc == MST_OK)
		call->answer = run;
	else
		json_object_put(run);
	return rc;
}

int mst_api_run_start(struct mst_call *call, struct mst_err *err)
{
	static const char *const texts[] = {"profile", "method", "zone"};
	struct json_object *wish = NULL, *clean, *options;
	int rc = mst_call_json(call, &wish, err);

	if (rc != MST_OK)
		return rc;
	clean = json_object_new_object();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		mst_json_add_text(clean, texts[i], mst_json_text(wish, texts[i], NULL));
	options = mst_json_object(wish, "options");
	if (options)
		mst_json_put(clean, "options", json_object_get(options));
	mst_json_add_bool(clean, "dry_run", mst_json_bool(wish, "dry_run", false));
	mst_json_add_text(clean, "by", call->by);
	json_object_put(wish);
	return mst_call_engine(call, MST_ENGINE_START, clean, 202, err);
}

/* By uuid from here on, so that a number means the stored run. */
static int run_verb(struct mst_call *call, int verb, struct mst_err *err)
{
	struct json_object *arguments, *run;
	bson_t doc;
	int rc = find_run(call, call->captures[0], &doc, err);

	if (rc != MST_OK)
		return rc;
	run = mst_api_object(&doc, MST_DOC_PLAIN);
	bson_destroy(&doc);
	if (!run)
		return mst_err_no_memory(err);
	arguments = key_json(mst_json_text(run, "_id", ""));
	mst_json_add_text(arguments, "by", call->by);
	rc = mst_call_engine(call, verb, arguments, 202, err);
	if (rc == MST_E_NOT_FOUND && verb == MST_ENGINE_CANCEL)
		rc = mst_err_set(err, MST_E_CONFLICT, "run %lld is not running: it ended %s",
		                 (long long)mst_json_int(run, "number", 0), mst_json_text(run, "outcome", "already"));
	json_object_put(run);
	return rc;
}

int mst_api_run_cancel(struct mst_call *call, struct mst_err *err)
{
	return run_verb(call, MST_ENGINE_CANCEL, err);
}

int mst_api_run_retry(struct mst_call *call, struct mst_err *err)
{
	return run_verb(call, MST_ENGINE_RETRY, err);
}

/* The file now belongs to the engine, which removes it with the run's spool. It may still be growing. */
int mst_api_import(struct mst_call *call, struct mst_err *err)
{
	static const char *const texts[][2] = {
	        {"zone", "zone"}, {"profile", "import_profile"}, {"covers", "covers"}, {"name", "name"}};
	struct json_object *wish;
	int rc;

	if (call->upload_bytes == 0)
		return mst_err_set(err, MST_E_USAGE, "the file is empty: nothing to import");
	wish = json_object_new_object();
	mst_json_add_text(wish, "kind", "import");
	mst_json_add_text(wish, "method", call->captures[0]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *value = mst_call_query(call, texts[i][0]);
		struct mst_buf clean;

		mst_buf_init(&clean, MST_MAX_SCOPE_TEXT);
		if (value)
			(void)mst_str_utf8_repair(&clean, value, strlen(value), i == 3 ? 255 : MST_MAX_SCOPE_TEXT);
		mst_json_add_text(wish, texts[i][1], value ? mst_buf_text(&clean) : NULL);
		mst_buf_free(&clean);
	}
	mst_json_add_text(wish, "upload", call->upload);
	mst_json_add_text(wish, "by", call->by);
	rc = mst_call_engine(call, MST_ENGINE_START, wish, 202, err);
	if (rc == MST_OK || rc == MST_E_TIMEOUT)
		call->upload[0] = '\0';
	return rc;
}
