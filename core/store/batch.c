/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: items that own their bytes, in one block that is reused from batch to batch. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/store_internal.h"

/* Offsets into `block`: it moves when it grows. */
struct item {
	uint32_t kind;
	bool upsert;
	int64_t rev;
	size_t collection, document, document_length, filter, filter_length;
};

struct mst_batch {
	struct item *items;
	struct muster_write *writes;
	struct muster_write_result *results;
	size_t count, cap, written;
	uint8_t *block;
	size_t length, block_cap;
};

int mst_batch_new(struct mst_batch **out, struct mst_err *err)
{
	*out = calloc(1, sizeof **out);
	return *out ? MST_OK : mst_err_no_memory(err);
}

void mst_batch_free(struct mst_batch *batch)
{
	if (!batch)
		return;
	free(batch->items);
	free(batch->writes);
	free(batch->results);
	free(batch->block);
	free(batch);
}

void mst_batch_reset(struct mst_batch *batch)
{
	batch->count = batch->written = batch->length = 0;
}

size_t mst_batch_count(const struct mst_batch *batch)
{
	return batch->count;
}

size_t mst_batch_bytes(const struct mst_batch *batch)
{
	return batch->length;
}

static int grow_items(struct mst_batch *batch)
{
	size_t cap = batch->cap ? batch->cap * 2 : 64;

	if (batch->count < batch->cap)
		return MST_OK;
	struct item *items = realloc(batch->items, cap * sizeof *items);
	if (items)
		batch->items = items;
	struct muster_write *writes = realloc(batch->writes, cap * sizeof *writes);
	if (writes)
		batch->writes = writes;
	struct muster_write_result *results = realloc(batch->results, cap * sizeof *results);
	if (results)
		batch->results = results;
	if (!items || !writes || !results)
		return MST_E_NO_MEMORY;
	batch->cap = cap;
	return MST_OK;
}

static int keep(struct mst_batch *batch, const void *data, size_t length, size_t *offset)
{
	if (batch->length + length > batch->block_cap) {
		size_t cap = (batch->length + length) * 2;
		uint8_t *block = realloc(batch->block, cap);
		if (!block)
			return MST_E_NO_MEMORY;
		batch->block = block;
		batch->block_cap = cap;
	}
	*offset = batch->length;
	if (data)
		memcpy(batch->block + batch->length, data, length);
	batch->length += length;
	return MST_OK;
}

static int add(struct mst_batch *batch, uint32_t kind, const char *collection, const bson_t *document,
               const bson_t *filter)
{
	size_t before = batch->length;
	struct item item = {.kind = kind};

	if ((document && document->len > MST_MAX_DOC) || (filter && filter->len > MST_MAX_DOC) ||
	    batch->count >= INT32_MAX)
		return MST_E_LIMIT;
	item.document_length = document ? document->len : 0;
	item.filter_length = filter ? filter->len : 0;
	if (grow_items(batch) != MST_OK ||
	    keep(batch, collection, strlen(collection) + 1, &item.collection) != MST_OK ||
	    keep(batch, document ? bson_get_data(document) : NULL, item.document_length, &item.document) != MST_OK ||
	    keep(batch, filter ? bson_get_data(filter) : NULL, item.filter_length, &item.filter) != MST_OK) {
		batch->length = before;
		return MST_E_NO_MEMORY;
	}
	batch->items[batch->count] = item;
	return (int)batch->count++;
}

int mst_batch_insert(struct mst_batch *batch, const char *collection, const bson_t *doc)
{
	return add(batch, MUSTER_WRITE_INSERT, collection, doc, NULL);
}

int mst_batch_put(struct mst_batch *batch, const char *collection, const bson_t *doc)
{
	return add(batch, MUSTER_WRITE_PUT, collection, doc, NULL);
}

int mst_batch_replace_if(struct mst_batch *batch, const char *collection, const bson_t *doc, int64_t rev)
{
	int at = add(batch, MUSTER_WRITE_REPLACE_IF, collection, doc, NULL);

	if (at >= 0)
		batch->items[at].rev = rev;
	return at;
}

int mst_batch_update(struct mst_batch *batch, const char *collection, const bson_t *filter, const bson_t *update,
                     bool upsert)
{
	int at = add(batch, MUSTER_WRITE_UPDATE, collection, update, filter);

	if (at >= 0)
		batch->items[at].upsert = upsert;
	return at;
}

int mst_batch_update_id(struct mst_batch *batch, const char *collection, const char *id, const bson_t *update,
                        bool upsert)
{
	bson_t filter = BSON_INITIALIZER;

	if (!bson_append_utf8(&filter, "_id", 3, id, -1))
		return MST_E_LIMIT;
	int at = mst_batch_update(batch, collection, &filter, update, upsert);
	bson_destroy(&filter);
	return at;
}

int mst_batch_remove(struct mst_batch *batch, const char *collection, const bson_t *filter)
{
	return add(batch, MUSTER_WRITE_REMOVE, collection, NULL, filter);
}

static void lay_out(struct mst_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct item *item = &batch->items[i];
		batch->writes[i] = (struct muster_write){
		        .size = sizeof(struct muster_write),
		        .kind = item->kind,
		        .collection = (const char *)batch->block + item->collection,
		        .document = {batch->block + item->document, item->document_length},
		        .filter = {batch->block + item->filter, item->filter_length},
		        .rev = item->rev,
		        .upsert = item->upsert,
		};
		batch->results[i] = (struct muster_write_result){.size = sizeof(struct muster_write_result),
		                                                 .status = MST_E_CANCELLED};
	}
}

int mst_store_write(struct mst_store *store, struct mst_batch *batch, struct mst_err *err)
{
	if (batch->count == 0)
		return MST_OK;
	lay_out(batch);
	batch->written = batch->count;
	int status =
	        store->ops->write(store->instance, mst_store_call(store), batch->writes, batch->count, batch->results);
	return status == MST_OK ? MST_OK : mst_store_failed(store, status, err);
}

int mst_batch_status(const struct mst_batch *batch, size_t index)
{
	return index < batch->written ? batch->results[index].status : MST_E_CANCELLED;
}

int64_t mst_batch_changed(const struct mst_batch *batch, size_t index)
{
	return index < batch->written ? batch->results[index].changed : 0;
}

int64_t mst_batch_matched(const struct mst_batch *batch, size_t index)
{
	return index < batch->written ? batch->results[index].matched : 0;
}
