/* SPDX-License-Identifier: Apache-2.0 */
/* The facade over a store plugin: BSON in and out, one error style, one instance per thread. */
#ifndef MST_STORE_STORE_H
#define MST_STORE_STORE_H

#include <bson/bson.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct mst_store_class; /* a loaded store plugin with its options; shared by threads */
struct mst_store;       /* one instance; one thread at a time */

/* Loads the plugin. `options` is { path: ... } for sqlite. Call once, from the main thread. */
int mst_store_class_new(struct mst_store_class **out, const char *plugin_path, struct json_object *options,
                        struct mst_err *err);
void mst_store_class_free(struct mst_store_class *store_class);
/* Opens an instance; the first caller of a process passes define = true: all collections of collections.c are defined. */
int mst_store_open(struct mst_store **out, struct mst_store_class *store_class, bool define, struct mst_err *err);
void mst_store_close(struct mst_store *store);

/* *out is owned by the caller (bson_destroy). MST_E_NOT_FOUND. */
int mst_store_get(struct mst_store *store, const char *collection, const char *id, bson_t *out, struct mst_err *err);

struct mst_find {
	const char *collection;
	const bson_t *filter; /* NULL: all */
	const bson_t *sort;   /* NULL: by _id */
	const bson_t *after;  /* NULL: from the start */
	uint32_t limit;       /* 0: all */
	const char *fields;   /* NULL: whole */
};
struct mst_cursor;
int mst_store_find(struct mst_store *store, const struct mst_find *find, struct mst_cursor **out, struct mst_err *err);
/* Borrowed until the next call on this cursor; MST_E_END after the last. `out` is initialised as a static bson. */
int mst_cursor_next(struct mst_cursor *cursor, bson_t *out, struct mst_err *err);
void mst_cursor_close(struct mst_cursor *cursor);
/* First match; MST_E_NOT_FOUND. Caller destroys. */
int mst_store_find_one(struct mst_store *store, const struct mst_find *find, bson_t *out, struct mst_err *err);

int mst_store_count(struct mst_store *store, const char *collection, const bson_t *filter, int64_t *out,
                    struct mst_err *err);
/* No further than `most` and for about budget_ms: below `most` all that match, `most` at least so many, -1: not known. */
int mst_store_count_some(struct mst_store *store, const char *collection, const bson_t *filter, int64_t most,
                         int64_t budget_ms, int64_t *out, struct mst_err *err);
typedef int (*mst_group_fn)(void *data, const bson_t *key, int64_t count); /* key: { FIELD: value } */
int mst_store_group(struct mst_store *store, const char *collection, const bson_t *filter, const char *field,
                    mst_group_fn fn, void *data, struct mst_err *err);

/* Batches. Items copy their documents, so the caller's may go. */
struct mst_batch;
int mst_batch_new(struct mst_batch **out, struct mst_err *err);
void mst_batch_free(struct mst_batch *batch);
void mst_batch_reset(struct mst_batch *batch);
size_t mst_batch_count(const struct mst_batch *batch);
size_t mst_batch_bytes(const struct mst_batch *batch);
/* Each returns the item's index or a negative code. */
int mst_batch_insert(struct mst_batch *batch, const char *collection, const bson_t *doc);
int mst_batch_put(struct mst_batch *batch, const char *collection, const bson_t *doc);
int mst_batch_replace_if(struct mst_batch *batch, const char *collection, const bson_t *doc, int64_t rev);
int mst_batch_update(struct mst_batch *batch, const char *collection, const bson_t *filter, const bson_t *update,
                     bool upsert);
int mst_batch_update_id(struct mst_batch *batch, const char *collection, const char *id, const bson_t *update,
                        bool upsert);
int mst_batch_remove(struct mst_batch *batch, const char *collection, const bson_t *filter);
/* Runs it. 0 when no item failed (EXISTS, CONFLICT, NOT_FOUND of an item do not count; look at its result). */
int mst_store_write(struct mst_store *store, struct mst_batch *batch, struct mst_err *err);
/* After a write. */
int mst_batch_status(const struct mst_batch *batch, size_t index);
int64_t mst_batch_changed(const struct mst_batch *batch, size_t index);
int64_t mst_batch_matched(const struct mst_batch *batch, size_t index);

struct mst_store_lease {
	int64_t fence, now, until;
};
int mst_store_lease(struct mst_store *store, int verb, const char *name, const char *owner, int64_t ttl_ms,
                    struct mst_store_lease *lease, struct mst_err *err);
/* Cheap proof that the store answers. */
int mst_store_check(struct mst_store *store, struct mst_err *err);
/* Bytes on disk, bytes left on that disk, and bytes of the first that are free for new documents; -1: not known. */
struct mst_store_stats {
	int64_t bytes, free_bytes, reusable_bytes;
};
int mst_store_stats(struct mst_store *store, struct mst_store_stats *out, struct mst_err *err);

/* Long operations; `watch` is told and asked as plugin.h says. MST_E_UNSUPPORTED names the store that cannot do it. */
struct muster_store_watch;
/* A checked copy of one moment's state in the new file `path`; others go on. No file is left on failure. */
int mst_store_backup(struct mst_store *store, const char *path, const struct muster_store_watch *watch,
                     struct mst_err *err);
/* The copy `path` in place of the store that the class's options name. Nobody may have it open: the caller holds its lock. */
int mst_store_restore(struct mst_store_class *store_class, const char *path, const struct muster_store_watch *watch,
                      struct mst_err *err);
/* Reads everything that the store has and reports what is damaged. Whether the documents agree is for mst_import_verify. */
int mst_store_verify(struct mst_store *store, const struct muster_store_watch *watch, struct mst_err *err);

/* Atomic running number per name ("runs", "interfaces"): the next value, from 1. */
int mst_store_next_number(struct mst_store *store, const char *name, int64_t *out, struct mst_err *err);

#endif
