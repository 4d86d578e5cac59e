/* SPDX-License-Identifier: Apache-2.0 */
/* Backup, restore and verify: what a store can do for its operator, when its plugin can. */
#include "store/collections.h"
#include "store/store_internal.h"

static int cannot(const struct mst_store_class *store_class, const char *what, struct mst_err *err)
{
	return mst_err_set(err, MST_E_UNSUPPORTED, "this store (%s) cannot %s: use the tools that come with it",
	                   store_class->method->def.name, what);
}

static int answer(struct mst_store *store, int status, const char *what, struct mst_err *err)
{
	if (status == MST_OK)
		return MST_OK;
	if (status == MST_E_UNSUPPORTED)
		return cannot(store->store_class, what, err);
	return mst_store_failed(store, status, err);
}

int mst_store_backup(struct mst_store *store, const char *path, const struct muster_store_watch *watch,
                     struct mst_err *err)
{
	return answer(store, store->ops->backup(store->instance, mst_store_call(store), path, watch),
	              "make a backup of itself", err);
}

int mst_store_verify(struct mst_store *store, const struct muster_store_watch *watch, struct mst_err *err)
{
	return answer(store, store->ops->verify(store->instance, mst_store_call(store), watch), "verify itself", err);
}

int mst_store_restore(struct mst_store_class *store_class, const char *path, const struct muster_store_watch *watch,
                      struct mst_err *err)
{
	struct mst_store store = {.store_class = store_class, .ops = &store_class->tables.store};
	struct muster_array all = {.item_size = sizeof(struct muster_collection)};
	size_t count;
	int code = mst_store_host_new(&store.host, store_class, err);

	if (code != MST_OK)
		return code;
	all.items = mst_collections(&count);
	all.count = (uint32_t)count;
	code = answer(&store, store.ops->restore(mst_store_call(&store), path, all, watch), "restore a backup", err);
	mst_host_free(store.host);
	return code;
}
