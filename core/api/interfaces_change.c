/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator changes by hand: labels, ignoring, splitting a wrong merge. */
#include <bson/bson.h>
#include <string.h>

#include "api/call.h"
#include "base/json.h"
#include "base/time.h"
#include "import/import.h"
#include "store/filter.h"

static struct json_object *change_json(const struct mst_import_change *change, bool dry_run)
{
	struct json_object *out = json_object_new_object(), *sample = json_object_new_array();

	mst_json_add_int(out, "matched", change->matched);
	mst_json_add_int(out, "changed", change->changed);
	mst_json_add_bool(out, "dry_run", dry_run);
	for (size_t i = 0; i < change->sample_count; i++) {
		struct json_object *item = json_object_new_object();
		char id[16];

		mst_id_short((uint64_t)change->sample[i].number, id, sizeof(id));
		mst_json_add_text(item, "id", id);
		mst_json_add_text(item, "ip", change->sample[i].ip);
		mst_json_add_text(item, "hostname", change->sample[i].name);
		mst_json_add_text(item, "state", change->sample[i].state);
		mst_json_push(sample, item);
	}
	mst_json_put(out, "sample", sample);
	return out;
}

/* An operator who forgets the filter would change everything, so it must be there; "" asks for all on purpose. */
static int wish_filter(struct mst_call *call, struct json_object *wish, bson_t *out, struct mst_err *err)
{
	const char *text = mst_json_text(wish, "filter", NULL);
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);

	if (!text)
		return mst_err_set(err, MST_E_USAGE, "give \"filter\"; an empty one means all interfaces");
	return text[0] ? mst_call_filter(call, text, columns, count, out, err) : MST_OK;
}

typedef int (*change_fn)(struct mst_import *import, const bson_t *filter, struct json_object *wish, bool dry_run,
                         struct mst_import_change *out, struct mst_err *err);

static int change(struct mst_call *call, change_fn fn, struct mst_err *err)
{
	struct mst_call_import room = {NULL, NULL};
	struct mst_import_change result = {.matched = 0};
	struct json_object *wish = NULL;
	bson_t filter = BSON_INITIALIZER;
	bool dry_run;
	int rc = mst_call_json(call, &wish, err);

	if (rc == MST_OK)
		rc = wish_filter(call, wish, &filter, err);
	if (rc == MST_OK)
		rc = mst_call_import_open(call, &room, err);
	dry_run = mst_json_bool(wish, "dry_run", false);
	if (rc == MST_OK)
		rc = fn(room.import, &filter, wish, dry_run, &result, err);
	if (rc == MST_OK)
		call->answer = change_json(&result, dry_run);
	mst_call_import_close(&room);
	bson_destroy(&filter);
	json_object_put(wish);
	return rc;
}

static int do_label(struct mst_import *import, const bson_t *filter, struct json_object *wish, bool dry_run,
                    struct mst_import_change *out, struct mst_err *err)
{
	const char *add = mst_json_text(wish, "add", NULL), *remove = mst_json_text(wish, "remove", NULL);

	if ((!add || !add[0]) && (!remove || !remove[0]))
		return mst_err_set(err, MST_E_USAGE, "give labels to \"add\" or to \"remove\"");
	return mst_import_label(import, filter, add, remove, dry_run, out, err);
}

static int do_ignore(struct mst_import *import, const bson_t *filter, struct json_object *wish, bool dry_run,
                     struct mst_import_change *out, struct mst_err *err)
{
	return mst_import_ignore(import, filter, mst_json_bool(wish, "undo", false), dry_run, out, err);
}

int mst_api_label(struct mst_call *call, struct mst_err *err)
{
	return change(call, do_label, err);
}

int mst_api_ignore(struct mst_call *call, struct mst_err *err)
{
	return change(call, do_ignore, err);
}

static void add_interface(struct mst_call *call, struct json_object *list, const char *id)
{
	bson_t doc;

	if (mst_store_get(call->store, "interfaces", id, &doc, NULL) != MST_OK)
		return;
	mst_json_push(list, mst_api_object(&doc, MST_DOC_INTERFACE));
	bson_destroy(&doc);
}

int mst_api_unmerge(struct mst_call *call, struct mst_err *err)
{
	struct mst_call_import room = {NULL, NULL};
	struct json_object *wish = NULL, *interface = NULL, *list;
	char made[MST_ID_SIZE] = "";
	int rc = mst_call_json(call, &wish, err);

	if (rc == MST_OK)
		rc = mst_interface_find(call, call->captures[0], &interface, err);
	if (rc == MST_OK)
		rc = mst_call_import_open(call, &room, err);
	if (rc == MST_OK)
		rc = mst_import_unmerge(room.import, mst_json_text(interface, "_id", ""),
		                        mst_json_text(wish, "observation", NULL), made, err);
	if (rc == MST_OK) {
		list = json_object_new_array();
		add_interface(call, list, mst_json_text(interface, "_id", ""));
		add_interface(call, list, made);
		call->answer = json_object_new_object();
		mst_json_put(call->answer, "interfaces", list);
	}
	mst_call_import_close(&room);
	json_object_put(interface);
	json_object_put(wish);
	return rc;
}
