/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "store/store_internal.h"

struct mst_cursor {
	struct mst_store *store;
	struct muster_cursor *cursor;
};

int mst_store_find(struct mst_store *store, const struct mst_find *find, struct mst_cursor **out, struct mst_err *err)
{
	struct mst_cursor *cursor = calloc(1, sizeof *cursor);
	struct muster_query query = {
	        .size = sizeof query,
	        .limit = find->limit,
	        .collection = find->collection,
	        .filter = mst_store_bytes(find->filter),
	        .sort = mst_store_bytes(find->sort),
	        .after = mst_store_bytes(find->after),
	        .fields = find->fields,
	};

	if (!cursor)
		return mst_err_no_memory(err);
	cursor->store = store;
	int status = store->ops->find(store->instance, mst_store_call(store), &query, &cursor->cursor);
	if (status != MST_OK) {
		free(cursor);
		return mst_store_failed(store, status, err);
	}
	*out = cursor;
	return MST_OK;
}

int mst_cursor_next(struct mst_cursor *cursor, bson_t *out, struct mst_err *err)
{
	struct mst_store *store = cursor->store;
	struct muster_bytes bytes = {NULL, 0};
	int status = store->ops->next(store->instance, mst_store_call(store), cursor->cursor, &bytes);

	if (status != MST_OK)
		return mst_store_failed(store, status, err);
	if (!bytes.data || !bson_init_static(out, bytes.data, bytes.length))
		return mst_err_set(err, MST_E_CORRUPT,
		                   "the store answered with something that is no document; restore a backup");
	return MST_OK;
}

void mst_cursor_close(struct mst_cursor *cursor)
{
	if (!cursor)
		return;
	struct mst_store *store = cursor->store;
	store->ops->cursor_close(store->instance, mst_store_call(store), cursor->cursor);
	free(cursor);
}

int mst_store_find_one(struct mst_store *store, const struct mst_find *find, bson_t *out, struct mst_err *err)
{
	struct mst_find first = *find;
	struct mst_cursor *cursor;
	bson_t doc;

	first.limit = 1;
	int code = mst_store_find(store, &first, &cursor, err);
	if (code != MST_OK)
		return code;
	code = mst_cursor_next(cursor, &doc, err);
	if (code == MST_OK)
		bson_copy_to(&doc, out);
	else if (code == MST_E_END)
		code = mst_err_set(err, MST_E_NOT_FOUND, "%s: nothing matches", find->collection);
	mst_cursor_close(cursor);
	return code;
}
