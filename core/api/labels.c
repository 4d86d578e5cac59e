/* SPDX-License-Identifier: Apache-2.0 */
/* Label rules: those of files are read-only here; shipped ones may be changed, and are then the store's. */
#include <bson/bson.h>
#include <string.h>

#include "api/call.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "import/import.h"
#include "store/filter.h"

#define SAMPLE 10u

int mst_api_labels(struct mst_call *call, struct mst_err *err)
{
	struct mst_page page = {.collection = "labels", .kind = MST_DOC_PLAIN};

	return mst_page_answer(call, &page, err);
}

static bool action_known(const char *action)
{
	static const char *const actions[] = {"label", "ignore", "unmanageable", "managed", "notify", "purge"};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i], action) == 0)
			return true;
	return false;
}

static int check_name(const char *name, struct mst_err *err)
{
	size_t len = strlen(name);

	if (len > 0 && len <= MST_MAX_LABEL_NAME && mst_str_utf8_valid(name, len) && !strpbrk(name, ",\"\t\n"))
		return MST_OK;
	return mst_err_set(err, MST_E_USAGE, "a label's name is 1 to %u bytes without commas and quotes",
	                   MST_MAX_LABEL_NAME);
}

/* The stored rule, or NULL; a rule of a file is refused with its place. */
static int stored(struct mst_call *call, const char *name, struct json_object **out, struct mst_err *err)
{
	struct mst_err local = {.code = MST_OK};
	bson_t doc;
	int rc = mst_store_get(call->store, "labels", name, &doc, &local);

	*out = NULL;
	if (rc == MST_E_NOT_FOUND)
		return MST_OK;
	if (rc != MST_OK) {
		*err = local;
		return rc;
	}
	*out = mst_api_object(&doc, MST_DOC_PLAIN);
	bson_destroy(&doc);
	if (*out && strcmp(mst_json_text(*out, "origin", ""), "file") == 0) {
		rc = mst_err_set(err, MST_E_REFUSED, "label \"%s\" is defined in %s: change it there", name,
		                 mst_json_text(*out, "at", "a file"));
		json_object_put(*out);
		*out = NULL;
		return rc;
	}
	return MST_OK;
}

/* New rules hold for what is stored already and for every import from now on. */
static int apply(struct mst_call *call, struct mst_err *err)
{
	struct mst_call_import room = {NULL, NULL};
	struct json_object *labels = NULL, *wish, *answer = NULL;
	int rc = mst_job_labels(call->store, &labels, err);

	if (rc != MST_OK)
		return rc;
	wish = json_object_new_object();
	mst_json_put(wish, "labels", labels);
	rc = mst_engine_call(call->api->setup.engine, MST_ENGINE_LABELS, wish, 15000, &answer, err);
	json_object_put(answer);
	if (rc == MST_OK)
		rc = mst_call_import_open(call, &room, err);
	if (rc == MST_OK)
		rc = mst_import_reclassify(room.import, NULL, err);
	mst_call_import_close(&room);
	return rc;
}

static int write_rule(struct mst_call *call, const char *name, const char *when, const char *action, bool enabled,
                      struct mst_err *err)
{
	struct mst_batch *batch = NULL;
	bson_t *doc = BCON_NEW("_id", BCON_UTF8(name), "name", BCON_UTF8(name), "when", BCON_UTF8(when), "action",
	                       BCON_UTF8(action), "enabled", BCON_BOOL(enabled), "origin", BCON_UTF8("store"), "at",
	                       BCON_UTF8(""));
	int rc = mst_batch_new(&batch, err);

	if (rc == MST_OK && mst_batch_put(batch, "labels", doc) < 0)
		rc = mst_err_no_memory(err);
	if (rc == MST_OK)
		rc = mst_store_write(call->store, batch, err);
	mst_batch_free(batch);
	bson_destroy(doc);
	return rc;
}

static int count_matches(struct mst_call *call, const char *when, int64_t *matched, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	int rc = when[0] ? mst_filter_parse(when, columns, count, mst_time_now(), &filter, err) : MST_OK;

	*matched = 0;
	if (rc == MST_OK && when[0])
		rc = mst_store_count(call->store, "interfaces", &filter, matched, err);
	bson_destroy(&filter);
	return rc;
}

static int check_rule(const char *when, const char *action, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	int rc = MST_OK;

	if (!action_known(action))
		return mst_err_set(err, MST_E_USAGE,
		                   "\"%.64s\" is no action: label, ignore, unmanageable, managed, notify or purge",
		                   action);
	if (when[0])
		rc = mst_filter_parse(when, columns, count, mst_time_now(), &filter, err);
	bson_destroy(&filter);
	return rc;
}

int mst_api_label_put(struct mst_call *call, struct mst_err *err)
{
	const char *name = call->captures[0], *when, *action;
	struct json_object *wish = NULL, *old = NULL;
	int64_t matched = 0;
	int rc = mst_call_json(call, &wish, err);

	if (rc == MST_OK)
		rc = check_name(name, err);
	if (rc == MST_OK)
		rc = stored(call, name, &old, err);
	when = mst_json_text(wish, "when", mst_json_text(old, "when", ""));
	action = mst_json_text(wish, "action", mst_json_text(wish, "set", mst_json_text(old, "action", "label")));
	if (rc == MST_OK)
		rc = check_rule(when, action, err);
	if (rc == MST_OK)
		rc = write_rule(call, name, when, action, mst_json_bool(wish, "enabled", true), err);
	if (rc == MST_OK)
		rc = apply(call, err);
	if (rc == MST_OK)
		rc = count_matches(call, when, &matched, err);
	if (rc == MST_OK) {
		call->answer = json_object_new_object();
		mst_json_add_text(call->answer, "name", name);
		mst_json_add_text(call->answer, "when", when);
		mst_json_add_text(call->answer, "action", action);
		mst_json_add_bool(call->answer, "created", old == NULL);
		mst_json_add_int(call->answer, "matched", matched);
	}
	json_object_put(old);
	json_object_put(wish);
	return rc;
}

static int remove_rule(struct mst_call *call, const char *name, struct mst_err *err)
{
	struct mst_batch *batch = NULL;
	bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
	int rc = mst_batch_new(&batch, err);

	if (rc == MST_OK && mst_batch_remove(batch, "labels", filter) < 0)
		rc = mst_err_no_memory(err);
	if (rc == MST_OK)
		rc = mst_store_write(call->store, batch, err);
	mst_batch_free(batch);
	bson_destroy(filter);
	return rc;
}

static bool is_shipped(const struct mst_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->label_count; i++)
		if (strcmp(settings->labels[i].name, name) == 0)
			return true;
	return false;
}

/* A shipped rule would come back with the next start, so it is kept and switched off. */
int mst_api_label_delete(struct mst_call *call, struct mst_err *err)
{
	const char *name = call->captures[0];
	struct json_object *old = NULL;
	int rc = stored(call, name, &old, err);

	if (rc == MST_OK && !old)
		return mst_err_set(err, MST_E_NOT_FOUND, "no label rule \"%.64s\": 'muster labels' lists them", name);
	if (rc == MST_OK && is_shipped(call->settings, name))
		rc = write_rule(call, name, mst_json_text(old, "when", ""), mst_json_text(old, "action", "label"),
		                false, err);
	else if (rc == MST_OK)
		rc = remove_rule(call, name, err);
	if (rc == MST_OK)
		rc = apply(call, err);
	if (rc == MST_OK) {
		call->answer = json_object_new_object();
		mst_json_add_text(call->answer, "removed", name);
	}
	json_object_put(old);
	return rc;
}

static int test_answer(struct mst_call *call, const char *when, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	struct mst_find find = {.collection = "interfaces", .filter = &filter, .limit = SAMPLE};
	struct json_object *sample = NULL;
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	int64_t matched = 0;
	int rc = count_matches(call, when, &matched, err);

	if (rc == MST_OK && when[0])
		rc = mst_filter_parse(when, columns, count, mst_time_now(), &filter, err);
	if (rc == MST_OK && when[0])
		rc = mst_page_array(call, &find, MST_DOC_INTERFACE, &sample, err);
	if (rc == MST_OK) {
		call->answer = json_object_new_object();
		mst_json_add_text(call->answer, "when", when);
		mst_json_add_int(call->answer, "matched", matched);
		mst_json_put(call->answer, "sample", sample ? sample : json_object_new_array());
	}
	bson_destroy(&filter);
	return rc;
}

/* What a rule matches now: the one in the body, else the stored one. Nothing is changed. */
int mst_api_label_test(struct mst_call *call, struct mst_err *err)
{
	const char *name = call->captures[0], *when;
	struct json_object *wish = NULL, *old = NULL;
	struct mst_err local = {.code = MST_OK};
	bson_t doc;
	int rc = mst_call_json(call, &wish, err);

	if (rc != MST_OK)
		return rc;
	when = mst_json_text(wish, "when", NULL);
	if (!when && mst_store_get(call->store, "labels", name, &doc, &local) == MST_OK) {
		old = mst_api_object(&doc, MST_DOC_PLAIN);
		bson_destroy(&doc);
		when = mst_json_text(old, "when", "");
	}
	if (when)
		rc = test_answer(call, when, err);
	else
		rc = mst_err_set(err, MST_E_NOT_FOUND, "no label rule \"%.64s\": give \"when\", or see 'muster labels'",
		                 name);
	json_object_put(old);
	json_object_put(wish);
	return rc;
}
