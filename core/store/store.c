/* SPDX-License-Identifier: Apache-2.0 */
/* One document, counts, leases, figures and running numbers. */
#include <string.h>

#include "store/store_internal.h"

/* A plugin's answer is checked before it is believed. */
static int copy_doc(struct muster_bytes bytes, bson_t *out, struct mst_err *err)
{
	bson_t borrowed;

	if (!bytes.data || !bson_init_static(&borrowed, bytes.data, bytes.length))
		return mst_err_set(err, MST_E_CORRUPT,
		                   "the store answered with something that is no document; restore a backup");
	bson_copy_to(&borrowed, out);
	return MST_OK;
}

int mst_store_get(struct mst_store *store, const char *collection, const char *id, bson_t *out, struct mst_err *err)
{
	struct muster_bytes bytes = {NULL, 0};
	int status = store->ops->get(store->instance, mst_store_call(store), collection, id, &bytes);

	if (status != MST_OK)
		return mst_store_failed(store, status, err);
	return copy_doc(bytes, out, err);
}

struct group {
	mst_group_fn fn;
	void *data;
	int64_t total;
	int answer;
};

static int on_total(void *data, struct muster_bytes key, int64_t count)
{
	struct group *group = data;

	(void)key;
	group->total = count;
	return 0;
}

static int on_group(void *data, struct muster_bytes key, int64_t count)
{
	struct group *group = data;
	bson_t doc;

	if (!bson_init_static(&doc, key.data, key.length))
		return MUSTER_E_CORRUPT;
	group->answer = group->fn(group->data, &doc, count);
	return group->answer;
}

int mst_store_count(struct mst_store *store, const char *collection, const bson_t *filter, int64_t *out,
                    struct mst_err *err)
{
	struct group group = {0};
	int status = store->ops->count(store->instance, mst_store_call(store), collection, mst_store_bytes(filter),
	                               NULL, on_total, &group);

	*out = group.total;
	return status == MST_OK ? MST_OK : mst_store_failed(store, status, err);
}

int mst_store_count_some(struct mst_store *store, const char *collection, const bson_t *filter, int64_t most,
                         int64_t budget_ms, int64_t *out, struct mst_err *err)
{
	int status = store->ops->count_some(store->instance, mst_store_call(store), collection, mst_store_bytes(filter),
	                                    most, budget_ms, out);

	if (status == MST_OK)
		return MST_OK;
	*out = -1;
	return status == MST_E_UNSUPPORTED ? MST_OK : mst_store_failed(store, status, err);
}

int mst_store_group(struct mst_store *store, const char *collection, const bson_t *filter, const char *field,
                    mst_group_fn fn, void *data, struct mst_err *err)
{
	struct group group = {.fn = fn, .data = data};
	int status = store->ops->count(store->instance, mst_store_call(store), collection, mst_store_bytes(filter),
	                               field, on_group, &group);

	return status == MST_OK ? MST_OK : mst_store_failed(store, status, err);
}

int mst_store_lease(struct mst_store *store, int verb, const char *name, const char *owner, int64_t ttl_ms,
                    struct mst_store_lease *lease, struct mst_err *err)
{
	struct muster_lease raw = {.size = sizeof raw, .fence = lease->fence};
	int status = store->ops->lease(store->instance, mst_store_call(store), verb, name, owner, ttl_ms, &raw);

	if (status != MST_OK)
		return mst_store_failed(store, status, err);
	lease->fence = raw.fence;
	lease->now = raw.now;
	lease->until = raw.until;
	return MST_OK;
}

int mst_store_stats(struct mst_store *store, struct mst_store_stats *out, struct mst_err *err)
{
	struct muster_store_stats stats = {.size = sizeof stats, .bytes = -1, .free_bytes = -1, .reusable_bytes = -1};
	int status = store->ops->stats(store->instance, mst_store_call(store), &stats);

	*out = (struct mst_store_stats){stats.bytes, stats.free_bytes, stats.reusable_bytes};
	return status == MST_OK ? MST_OK : mst_store_failed(store, status, err);
}

int mst_store_check(struct mst_store *store, struct mst_err *err)
{
	int status = store->ops->check(store->instance, mst_store_call(store));

	return status == MST_OK ? MST_OK : mst_store_failed(store, status, err);
}

/* Compare-and-set on the counter's document: two writers never get one number, and a crash only leaves a gap. */
static int try_number(struct mst_store *store, struct mst_batch *batch, const char *name, int64_t *out,
                      struct mst_err *err)
{
	bson_t doc, next = BSON_INITIALIZER;
	bson_iter_t iter;
	int64_t value = 0, rev = 0;
	int code = mst_store_get(store, "counters", name, &doc, err);

	if (code == MST_OK) {
		if (bson_iter_init_find(&iter, &doc, "value"))
			value = bson_iter_as_int64(&iter);
		if (bson_iter_init_find(&iter, &doc, "rev"))
			rev = bson_iter_as_int64(&iter);
		bson_destroy(&doc);
	} else if (code != MST_E_NOT_FOUND) {
		bson_destroy(&next);
		return code;
	}
	bson_append_utf8(&next, "_id", -1, name, -1);
	bson_append_int64(&next, "value", -1, value + 1);
	mst_batch_reset(batch);
	int at = rev ? mst_batch_replace_if(batch, "counters", &next, rev) : mst_batch_insert(batch, "counters", &next);
	bson_destroy(&next);
	if (at < 0)
		return mst_err_no_memory(err);
	code = mst_store_write(store, batch, err);
	*out = value + 1;
	return code == MST_OK ? mst_batch_status(batch, 0) : code;
}

int mst_store_next_number(struct mst_store *store, const char *name, int64_t *out, struct mst_err *err)
{
	struct mst_batch *batch;
	int code = mst_batch_new(&batch, err);

	if (code != MST_OK)
		return code;
	for (int tries = 0; tries < 1000; tries++) {
		code = try_number(store, batch, name, out, err);
		if (code != MST_E_CONFLICT && code != MST_E_EXISTS && code != MST_E_NOT_FOUND)
			break;
	}
	mst_batch_free(batch);
	if (code == MST_E_CONFLICT || code == MST_E_EXISTS || code == MST_E_NOT_FOUND)
		return mst_err_set(err, MST_E_UNAVAILABLE, "the counter \"%s\" is busy; try again", name);
	return code;
}
