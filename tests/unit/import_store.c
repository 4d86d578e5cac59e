/* SPDX-License-Identifier: Apache-2.0 */
#include "import_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/filter.h"

#define COLLECTIONS 16
#define FIELDS_MAX  512

struct table {
	char name[32];
	bson_t **docs; /* by _id */
	size_t count, cap;
};
struct mst_store {
	struct table tables[COLLECTIONS];
	size_t table_count;
	long left, written;
};

static const char *id_of(const bson_t *doc)
{
	bson_iter_t iter;
	return bson_iter_init_find(&iter, doc, "_id") ? bson_iter_utf8(&iter, NULL) : "";
}

static struct table *table_of(const struct mst_store *store, const char *name)
{
	struct mst_store *own = (struct mst_store *)(uintptr_t)store;
	for (size_t i = 0; i < own->table_count; i++)
		if (strcmp(own->tables[i].name, name) == 0)
			return &own->tables[i];
	if (own->table_count == COLLECTIONS)
		abort();
	struct table *table = &own->tables[own->table_count++];
	snprintf(table->name, sizeof table->name, "%s", name);
	return table;
}

/* Where the id is or would be. */
static size_t place_of(const struct table *table, const char *id, bool *found)
{
	size_t low = 0, high = table->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(id_of(table->docs[middle]), id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < table->count && strcmp(id_of(table->docs[low]), id) == 0;
	return low;
}

static void put(struct table *table, bson_t *doc)
{
	bool found;
	size_t at = place_of(table, id_of(doc), &found);
	if (found) {
		bson_destroy(table->docs[at]);
		table->docs[at] = doc;
		return;
	}
	if (table->count == table->cap) {
		table->cap = table->cap ? table->cap * 2 : 64;
		table->docs = realloc(table->docs, table->cap * sizeof(bson_t *));
	}
	memmove(&table->docs[at + 1], &table->docs[at], (table->count - at) * sizeof(bson_t *));
	table->docs[at] = doc;
	table->count++;
}

static void drop(struct table *table, size_t at)
{
	bson_destroy(table->docs[at]);
	memmove(&table->docs[at], &table->docs[at + 1], (table->count - at - 1) * sizeof(bson_t *));
	table->count--;
}

struct mst_store *test_store_new(void)
{
	struct mst_store *store = calloc(1, sizeof *store);
	store->left = -1;
	return store;
}

void test_store_free(struct mst_store *store)
{
	for (size_t i = 0; i < store->table_count; i++) {
		while (store->tables[i].count > 0)
			drop(&store->tables[i], store->tables[i].count - 1);
		free(store->tables[i].docs);
	}
	free(store);
}

void test_store_cut(struct mst_store *store, long items)
{
	store->left = items;
}

long test_store_written(const struct mst_store *store)
{
	return store->written;
}

size_t test_store_size(const struct mst_store *store, const char *collection)
{
	return table_of(store, collection)->count;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Fields in the order of their names: the order of writing is no part of a document's meaning here. */
static bson_t *sorted(const bson_t *doc)
{
	const char *names[FIELDS_MAX];
	size_t count = 0;
	bson_iter_t iter;
	bson_t *out = bson_new();
	bson_iter_init(&iter, doc);
	while (count < FIELDS_MAX && bson_iter_next(&iter))
		if (strcmp(bson_iter_key(&iter), "rev") != 0)
			names[count++] = bson_iter_key(&iter);
	qsort(names, count, sizeof names[0], by_name);
	for (size_t i = 0; i < count; i++) {
		bson_iter_init_find(&iter, doc, names[i]);
		bson_append_iter(out, names[i], -1, &iter);
	}
	return out;
}

char *test_store_dump(struct mst_store *store, const char *collection)
{
	struct table *table = table_of(store, collection);
	struct mst_buf out;
	mst_buf_init(&out, 64u << 20);
	mst_buf_str(&out, "");
	for (size_t i = 0; i < table->count; i++) {
		bson_t *doc = sorted(table->docs[i]);
		char *text = bson_as_relaxed_extended_json(doc, NULL);
		mst_buf_printf(&out, "%s\n", text);
		bson_free(text);
		bson_destroy(doc);
	}
	char *text = mst_buf_take(&out);
	return text ? text : calloc(1, 1);
}

int mst_store_get(struct mst_store *store, const char *collection, const char *id, bson_t *out, struct mst_err *err)
{
	bool found;
	struct table *table = table_of(store, collection);
	size_t at = place_of(table, id, &found);
	if (!found)
		return mst_err_set(err, MST_E_NOT_FOUND, "no %s", id);
	bson_copy_to(table->docs[at], out);
	return 0;
}

struct mst_cursor {
	bson_t **docs;
	size_t count, at;
};

/* By the first field of a sort alone: text or integers, missing first. */
static const bson_t *sorting;

static int by_sort(const void *left, const void *right)
{
	const bson_t *a = *(bson_t *const *)left, *b = *(bson_t *const *)right;
	bson_iter_t key, x, y;
	bson_iter_init(&key, sorting);
	bson_iter_next(&key);
	bool has_x = bson_iter_init_find(&x, a, bson_iter_key(&key)),
	     has_y = bson_iter_init_find(&y, b, bson_iter_key(&key));
	int order = has_x != has_y ? (has_x ? 1 : -1)
	            : !has_x       ? 0
	            : BSON_ITER_HOLDS_UTF8(&x) && BSON_ITER_HOLDS_UTF8(&y)
	                    ? strcmp(bson_iter_utf8(&x, NULL), bson_iter_utf8(&y, NULL))
	                    : (bson_iter_as_int64(&x) > bson_iter_as_int64(&y)) -
	                              (bson_iter_as_int64(&x) < bson_iter_as_int64(&y));
	order *= bson_iter_as_int64(&key) < 0 ? -1 : 1;
	return order ? order : strcmp(id_of(a), id_of(b));
}

int mst_store_find(struct mst_store *store, const struct mst_find *find, struct mst_cursor **out, struct mst_err *err)
{
	struct table *table = table_of(store, find->collection);
	struct mst_cursor *cursor = calloc(1, sizeof *cursor);
	bson_t all = BSON_INITIALIZER;
	(void)err;
	cursor->docs = calloc(table->count + 1, sizeof(bson_t *));
	for (size_t i = 0; i < table->count; i++)
		if (mst_filter_match(find->filter ? find->filter : &all, table->docs[i]))
			cursor->docs[cursor->count++] = bson_copy(table->docs[i]);
	bson_destroy(&all);
	sorting = find->sort;
	if (sorting && cursor->count > 1)
		qsort(cursor->docs, cursor->count, sizeof(bson_t *), by_sort);
	while (find->limit > 0 && cursor->count > find->limit)
		bson_destroy(cursor->docs[--cursor->count]);
	*out = cursor;
	return 0;
}

int mst_cursor_next(struct mst_cursor *cursor, bson_t *out, struct mst_err *err)
{
	(void)err;
	if (cursor->at == cursor->count)
		return MST_E_END;
	bson_t *doc = cursor->docs[cursor->at++];
	return bson_init_static(out, bson_get_data(doc), doc->len) ? 0 : MST_E_CORRUPT;
}

void mst_cursor_close(struct mst_cursor *cursor)
{
	for (size_t i = 0; i < cursor->count; i++)
		bson_destroy(cursor->docs[i]);
	free(cursor->docs);
	free(cursor);
}

int mst_store_find_one(struct mst_store *store, const struct mst_find *find, bson_t *out, struct mst_err *err)
{
	struct mst_find first = *find;
	struct mst_cursor *cursor;
	bson_t doc;
	first.limit = 1;
	mst_store_find(store, &first, &cursor, err);
	int code = mst_cursor_next(cursor, &doc, err);
	if (code == 0)
		bson_copy_to(&doc, out);
	mst_cursor_close(cursor);
	return code == 0 ? 0 : mst_err_set(err, MST_E_NOT_FOUND, "nothing matches");
}

int mst_store_count(struct mst_store *store, const char *collection, const bson_t *filter, int64_t *out,
                    struct mst_err *err)
{
	struct table *table = table_of(store, collection);
	(void)err;
	*out = 0;
	for (size_t i = 0; i < table->count; i++)
		*out += mst_filter_match(filter, table->docs[i]);
	return 0;
}

int mst_store_group(struct mst_store *store, const char *collection, const bson_t *filter, const char *field,
                    mst_group_fn fn, void *data, struct mst_err *err)
{
	struct table *table = table_of(store, collection);
	char **seen = calloc(table->count + 1, sizeof(char *));
	size_t count = 0;
	(void)err;
	for (size_t i = 0; i < table->count; i++) {
		bson_iter_t iter;
		bool known = false;
		if (!mst_filter_match(filter, table->docs[i]) || !bson_iter_init_find(&iter, table->docs[i], field))
			continue;
		const char *text = bson_iter_utf8(&iter, NULL);
		for (size_t j = 0; j < count; j++)
			known |= strcmp(seen[j], text) == 0;
		if (!known)
			seen[count++] = strdup(text);
	}
	for (size_t j = 0; j < count; j++) {
		bson_t key = BSON_INITIALIZER;
		fn(data, &key, 1);
		bson_destroy(&key);
		free(seen[j]);
	}
	free(seen);
	return 0;
}

struct item {
	int kind;
	char collection[32];
	bson_t *doc, *filter;
	int64_t rev;
	bool upsert;
	int status;
	int64_t changed; /* of a removal */
};
struct mst_batch {
	struct item *items;
	size_t count, cap;
};
enum { INSERT, PUT, REPLACE_IF, UPDATE, REMOVE };

int mst_batch_new(struct mst_batch **out, struct mst_err *err)
{
	(void)err;
	*out = calloc(1, sizeof **out);
	return 0;
}

void mst_batch_reset(struct mst_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		bson_destroy(batch->items[i].doc);
		bson_destroy(batch->items[i].filter);
	}
	batch->count = 0;
}

void mst_batch_free(struct mst_batch *batch)
{
	if (!batch)
		return;
	mst_batch_reset(batch);
	free(batch->items);
	free(batch);
}

size_t mst_batch_count(const struct mst_batch *batch)
{
	return batch->count;
}

static int add(struct mst_batch *batch, int kind, const char *collection, const bson_t *doc, const bson_t *filter)
{
	if (batch->count == batch->cap) {
		batch->cap = batch->cap ? batch->cap * 2 : 64;
		batch->items = realloc(batch->items, batch->cap * sizeof *batch->items);
	}
	struct item *item = &batch->items[batch->count];
	memset(item, 0, sizeof *item);
	item->kind = kind;
	snprintf(item->collection, sizeof item->collection, "%s", collection);
	item->doc = doc ? bson_copy(doc) : bson_new();
	item->filter = filter ? bson_copy(filter) : bson_new();
	return (int)batch->count++;
}

int mst_batch_insert(struct mst_batch *batch, const char *collection, const bson_t *doc)
{
	return add(batch, INSERT, collection, doc, NULL);
}

int mst_batch_put(struct mst_batch *batch, const char *collection, const bson_t *doc)
{
	return add(batch, PUT, collection, doc, NULL);
}

int mst_batch_replace_if(struct mst_batch *batch, const char *collection, const bson_t *doc, int64_t rev)
{
	int index = add(batch, REPLACE_IF, collection, doc, NULL);
	batch->items[index].rev = rev;
	return index;
}

int mst_batch_update(struct mst_batch *batch, const char *collection, const bson_t *filter, const bson_t *update,
                     bool upsert)
{
	int index = add(batch, UPDATE, collection, update, filter);
	batch->items[index].upsert = upsert;
	return index;
}

int mst_batch_update_id(struct mst_batch *batch, const char *collection, const char *id, const bson_t *update,
                        bool upsert)
{
	bson_t filter = BSON_INITIALIZER;
	bson_append_utf8(&filter, "_id", -1, id, -1);
	int index = mst_batch_update(batch, collection, &filter, update, upsert);
	bson_destroy(&filter);
	return index;
}

int mst_batch_remove(struct mst_batch *batch, const char *collection, const bson_t *filter)
{
	return add(batch, REMOVE, collection, NULL, filter);
}

int mst_batch_status(const struct mst_batch *batch, size_t index)
{
	return batch->items[index].status;
}

int64_t mst_batch_changed(const struct mst_batch *batch, size_t index)
{
	return batch->items[index].changed;
}

static bool part(const bson_t *update, const char *name, bson_iter_t *out)
{
	bson_iter_t iter;
	return bson_iter_init_find(&iter, update, name) && bson_iter_recurse(&iter, out);
}

static bool in_part(const bson_t *update, const char *name, const char *key, bson_iter_t *out)
{
	return part(update, name, out) && bson_iter_find(out, key);
}

/* $set, $unset, $max and, for new documents, $set_on_insert, on top-level fields. */
static bson_t *updated(const bson_t *old, const bson_t *update, bool fresh)
{
	bson_t *out = bson_new();
	bson_iter_t iter, other;
	bson_iter_init(&iter, old);
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		if (in_part(update, "$unset", key, &other) || in_part(update, "$set", key, &other))
			continue;
		if (in_part(update, "$max", key, &other) && bson_iter_as_int64(&other) > bson_iter_as_int64(&iter))
			continue;
		bson_append_iter(out, key, -1, &iter);
	}
	const char *const parts[] = {"$set", "$max", "$set_on_insert"};
	for (size_t i = 0; i < (fresh ? 3u : 2u); i++)
		if (part(update, parts[i], &iter))
			while (bson_iter_next(&iter))
				if (!bson_has_field(out, bson_iter_key(&iter)))
					bson_append_iter(out, bson_iter_key(&iter), -1, &iter);
	return out;
}

static bson_t *with_rev(const bson_t *doc, const bson_t *old)
{
	bson_t *out = bson_new();
	bson_iter_t iter;
	int64_t rev = old && bson_iter_init_find(&iter, old, "rev") ? bson_iter_int64(&iter) : 0;
	bson_copy_to_excluding_noinit(doc, out, "rev", NULL);
	bson_append_int64(out, "rev", -1, rev + 1);
	return out;
}

static void run_update(struct table *table, const struct item *item)
{
	bool any = false;
	for (size_t i = 0; i < table->count; i++) {
		if (!mst_filter_match(item->filter, table->docs[i]))
			continue;
		bson_t *doc = updated(table->docs[i], item->doc, false);
		any = true;
		put(table, with_rev(doc, table->docs[i]));
		bson_destroy(doc);
	}
	if (any || !item->upsert)
		return;
	bson_t *doc = updated(item->filter, item->doc, true);
	put(table, with_rev(doc, NULL));
	bson_destroy(doc);
}

static void run(struct mst_store *store, struct item *item)
{
	struct table *table = table_of(store, item->collection);
	bool found = false;
	size_t at = item->kind <= REPLACE_IF ? place_of(table, id_of(item->doc), &found) : 0;
	bson_iter_t iter;
	item->status = 0;
	if (item->kind == UPDATE) {
		run_update(table, item);
	} else if (item->kind == REMOVE) {
		for (size_t i = table->count; i > 0; i--)
			if (mst_filter_match(item->filter, table->docs[i - 1])) {
				drop(table, i - 1);
				item->changed++;
			}
	} else if (item->kind == INSERT && found) {
		item->status = MST_E_EXISTS;
	} else if (item->kind == REPLACE_IF && !found) {
		item->status = MST_E_NOT_FOUND;
	} else if (item->kind == REPLACE_IF &&
	           (!bson_iter_init_find(&iter, table->docs[at], "rev") || bson_iter_int64(&iter) != item->rev)) {
		item->status = MST_E_CONFLICT;
	} else {
		put(table, with_rev(item->doc, found ? table->docs[at] : NULL));
	}
}

int mst_store_write(struct mst_store *store, struct mst_batch *batch, struct mst_err *err)
{
	for (size_t i = 0; i < batch->count; i++) {
		if (store->left == 0)
			return mst_err_set(err, MST_E_UNAVAILABLE, "the test cut the store off");
		store->left -= store->left > 0;
		store->written++;
		run(store, &batch->items[i]);
	}
	return 0;
}
