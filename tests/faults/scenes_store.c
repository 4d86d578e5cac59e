/* SPDX-License-Identifier: Apache-2.0 */
/* The facade over the real SQLite plugin, filters, and documents as JSON. */
#include "faults.h"

#include <bson/bson.h>
#include <string.h>
#include <unistd.h>

#include <muster/plugin.h>

#include "base/file.h"
#include "store/doc.h"
#include "store/filter.h"
#include "store/store.h"

static struct mst_store_class *store_class;
static struct mst_store *store;

static int make_class(struct mst_store_class **out, struct mst_err *err)
{
	struct json_object *options = json_object_new_object();
	struct json_object *path = json_object_new_string(scene_path("db/muster.db"));
	if (!options || !path || json_object_object_add(options, "path", path) != 0) {
		json_object_put(options);
		json_object_put(path);
		return mst_err_no_memory(err);
	}
	int code = mst_store_class_new(out, scene_plugin("store-sqlite"), options, err);
	json_object_put(options);
	return code;
}

static void no_store(void)
{
	mst_store_close(store);
	store = NULL;
	mst_file_remove_tree(scene_path("db"), NULL);
}

static int open_new(struct mst_err *err)
{
	struct mst_store_class *made = NULL;
	struct mst_store *opened = NULL;
	int code = make_class(&made, err);
	if (code == 0)
		code = mst_store_open(&opened, made, true, err);
	if (code == 0)
		code = mst_store_check(opened, err);
	mst_store_close(opened);
	mst_store_class_free(made);
	return code;
}

/* After a failure the store can be opened as if nothing had been. */
static bool opens(int code, struct mst_err *err)
{
	(void)code;
	return open_new(err) == 0;
}

/* An open store with ten interfaces in it. */
static void with_store(void)
{
	struct mst_err err = {0};
	struct mst_batch *batch;
	if (!store_class && make_class(&store_class, &err) != 0)
		return;
	no_store();
	mst_store_open(&store, store_class, true, &err);
	mst_batch_new(&batch, &err);
	for (int i = 0; i < 10; i++) {
		char id[16], ip[16];
		bson_t doc = BSON_INITIALIZER;
		snprintf(id, sizeof id, "i%d", i);
		snprintf(ip, sizeof ip, "10.0.0.%d", i);
		BSON_APPEND_UTF8(&doc, "_id", id);
		BSON_APPEND_UTF8(&doc, "ip", ip);
		BSON_APPEND_UTF8(&doc, "state", i % 2 ? "managed" : "unmanaged");
		mst_batch_put(batch, "interfaces", &doc);
		bson_destroy(&doc);
	}
	mst_store_write(store, batch, &err);
	mst_batch_free(batch);
}

/* What a store keeps until it is closed is not lost, so each try opens and closes its own. */
static int opened(int (*work)(struct mst_err *), struct mst_err *err)
{
	mst_store_close(store);
	store = NULL;
	int code = mst_store_open(&store, store_class, false, err);
	if (code == 0)
		code = work(err);
	mst_store_close(store);
	store = NULL;
	return code;
}

static int fill(struct mst_batch *batch, const bson_t *doc, const bson_t *filter, const bson_t *update)
{
	int code = mst_batch_insert(batch, "interfaces", doc);
	if (code >= 0)
		code = mst_batch_update(batch, "interfaces", filter, update, false);
	if (code >= 0)
		code = mst_batch_update_id(batch, "interfaces", "i3", update, false);
	return code >= 0 ? mst_batch_remove(batch, "interfaces", filter) : code;
}

static int write_batch_in(struct mst_err *err)
{
	bson_t doc = BSON_INITIALIZER, filter = BSON_INITIALIZER, update = BSON_INITIALIZER, set;
	struct mst_batch *batch = NULL;
	BSON_APPEND_UTF8(&doc, "_id", "new");
	BSON_APPEND_UTF8(&doc, "ip", "10.0.1.1");
	BSON_APPEND_UTF8(&filter, "_id", "i2");
	BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
	BSON_APPEND_UTF8(&set, "hostname", "nas");
	bson_append_document_end(&update, &set);
	int code = mst_batch_new(&batch, err);
	if (code == 0 && fill(batch, &doc, &filter, &update) < 0)
		code = mst_err_no_memory(err);
	if (code == 0)
		code = mst_store_write(store, batch, err);
	mst_batch_free(batch);
	bson_destroy(&doc);
	bson_destroy(&filter);
	bson_destroy(&update);
	return code;
}

/* Ordered, not atomic: an item that is there has all before it there. The instance goes on working. */
static bool batch_in_order(int code, struct mst_err *err)
{
	bson_t got;
	if (mst_store_open(&store, store_class, false, err) != 0)
		return false;
	bool inserted = mst_store_get(store, "interfaces", "new", &got, err) == 0;
	if (inserted)
		bson_destroy(&got);
	bool removed = mst_store_get(store, "interfaces", "i2", &got, err) == MST_E_NOT_FOUND;
	if (!removed)
		bson_destroy(&got);
	if (code == 0)
		return inserted && removed;
	return (inserted || !removed) && mst_store_check(store, err) == 0;
}

static int find_in(struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, sort = BSON_INITIALIZER, doc;
	struct mst_cursor *cursor = NULL;
	int rows = 0;
	BSON_APPEND_UTF8(&filter, "state", "managed");
	BSON_APPEND_INT32(&sort, "ip_key", 1);
	struct mst_find wish = {.collection = "interfaces", .filter = &filter, .sort = &sort, .limit = 100};
	int code = mst_store_find(store, &wish, &cursor, err);
	if (code == 0) {
		while ((code = mst_cursor_next(cursor, &doc, err)) == 0)
			rows++;
		mst_cursor_close(cursor);
		code = code == MST_E_END ? 0 : code;
	}
	/* A listing that is short without saying so would be believed. */
	if (code == 0 && rows != 5)
		code = -1000;
	bson_destroy(&filter);
	bson_destroy(&sort);
	return code;
}

static int add(void *data, const bson_t *key, int64_t count)
{
	(void)key;
	*(int64_t *)data += count;
	return 0;
}

static int group_in(struct mst_err *err)
{
	int64_t total = 0, counted = 0;
	int code = mst_store_group(store, "interfaces", NULL, "state", add, &total, err);
	if (code == 0)
		code = mst_store_count(store, "interfaces", NULL, &counted, err);
	return code == 0 && (total != 10 || counted != 10) ? -1000 : code;
}

static int lease_in(struct mst_err *err)
{
	struct mst_store_lease held = {0};
	int code = mst_store_lease(store, MUSTER_LEASE_ACQUIRE, "schedule", "me", 1000, &held, err);
	if (code == 0)
		code = mst_store_lease(store, MUSTER_LEASE_RELEASE, "schedule", "me", 1000, &held, err);
	return code;
}

static int number_in(struct mst_err *err)
{
	int64_t n = 0;
	int code = mst_store_next_number(store, "runs", &n, err);
	return code == 0 && n < 1 ? -1000 : code;
}

static int filter(struct mst_err *err)
{
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	bson_t out;
	int code = mst_filter_parse("state=unmanaged,lost ip=10.0.0.0/8 port=22,80-90 hostname~\"a b\" last_seen<7d",
	                            columns, count, 1763000000000, &out, err);
	if (code == 0)
		bson_destroy(&out);
	if (code == 0)
		code = mst_sort_parse("-last_seen,ip", columns, count, &out, err);
	if (code == 0)
		bson_destroy(&out);
	return code;
}

static int document(struct mst_err *err)
{
	struct json_object *json = NULL;
	bson_t doc = BSON_INITIALIZER, list;
	BSON_APPEND_UTF8(&doc, "_id", "x");
	BSON_APPEND_ARRAY_BEGIN(&doc, "ports", &list);
	BSON_APPEND_UTF8(&list, "0", "22");
	bson_append_array_end(&doc, &list);
	int code = mst_store_doc_json(&doc, &json, err);
	if (code == 0 && json_object_object_length(json) != 2)
		code = -1000;
	json_object_put(json);
	bson_destroy(&doc);
	return code;
}

static int write_batch(struct mst_err *err)
{
	return opened(write_batch_in, err);
}

static int find(struct mst_err *err)
{
	return opened(find_in, err);
}

static int group(struct mst_err *err)
{
	return opened(group_in, err);
}

static int lease(struct mst_err *err)
{
	return opened(lease_in, err);
}

static int number(struct mst_err *err)
{
	return opened(number_in, err);
}

const struct scene store_scenes[] = {
        {"store made", open_new, no_store, opens, true},
        {"store written", write_batch, with_store, batch_in_order, true},
        {"store listed", find, with_store, NULL, true},
        {"store counted", group, with_store, NULL, true},
        {"store lease", lease, with_store, NULL, true},
        {"store number", number, with_store, NULL, true},
        {"filter and sort", filter, NULL, NULL, false},
        {"document as JSON", document, NULL, NULL, false},
        {NULL, NULL, NULL, NULL, false},
};
