/* SPDX-License-Identifier: Apache-2.0 */
/* The plugin's face: descriptor, and the operations of struct muster_store_ops over the parts beside this file. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "sqlite.h"

/* Passes a failure to the host. The end of a cursor is no failure and needs no text. */
static int answer(const struct muster_call *call, const struct sq_store *store, int status)
{
	if (status != MUSTER_OK && status != MUSTER_E_END)
		call->host->fail(call, status, store->err.text);
	return status;
}

static void store_free(struct sq_store *store)
{
	for (size_t i = 0; i < store->reader_count; i++) {
		sq_conn_close(store->readers[i]);
		free(store->readers[i]);
	}
	sq_conn_close(&store->writer);
	for (size_t i = 0; i < store->collection_count; i++)
		sq_collection_free(store->collections[i]);
	bson_destroy(store->doc);
	bson_destroy(store->rest);
	sq_sql_free(&store->sql);
	sq_sql_free(&store->lists);
	sq_binds_free(&store->binds);
	free(store->path);
	free(store);
}

static int op_open(const struct muster_call *call, void **instance)
{
	const char *path = call->host->option_text(call, "path");
	if (!path || path[0] != '/')
		return call->host->fail(call, MUSTER_E_USAGE,
		                        "store sqlite: set path to the absolute path of the store's file");
	struct sq_store *store = calloc(1, sizeof *store);
	if (store)
		store->path = strdup(path);
	if (!store || !store->path) {
		free(store);
		return call->host->fail(call, MUSTER_E_NO_MEMORY, "there is not enough memory");
	}
	store->doc = bson_new();
	store->rest = bson_new();
	int status = sq_store_prepare(store, &store->err);
	if (status == MUSTER_OK)
		*instance = store;
	else
		answer(call, store, status);
	if (status != MUSTER_OK)
		store_free(store);
	return status;
}

static int op_check(void *instance, const struct muster_call *call)
{
	struct sq_store *store = instance;
	int64_t count = 0;
	struct stat st;
	int status =
	        sq_query_int(store, &store->writer, "SELECT count(*) FROM muster_collections", &count, &store->err);
	if (status == MUSTER_OK &&
	    (stat(store->path, &st) != 0 || st.st_dev != store->device || st.st_ino != store->inode))
		status = sq_err_set(&store->err, MUSTER_E_UNAVAILABLE,
		                    "%s: the file was moved, removed or replaced while in use: put it back or "
		                    "restart Muster",
		                    store->path);
	return answer(call, store, status);
}

static int op_define(void *instance, const struct muster_call *call, const struct muster_collection *collection)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_define(store, collection, &store->err));
}

static int get(struct sq_store *store, const char *collection, const char *id, struct muster_bytes *out)
{
	struct sq_collection *coll;
	sqlite3_stmt *stmt;
	int status = sq_collection_get(store, collection, &coll, &store->err);
	if (status == MUSTER_OK)
		status = sq_prepare(store, &store->writer, coll->get, &stmt, &store->err);
	if (status != MUSTER_OK)
		return status;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		status = sq_doc_read(coll, NULL, stmt, store->doc, &store->err);
	else if (rc == SQLITE_DONE)
		status = sq_err_set(&store->err, MUSTER_E_NOT_FOUND, "%s: no document %.200s", collection, id);
	else
		status = sq_fail(store, &store->writer, rc, "read it", &store->err);
	sq_stmt_done(&store->writer, stmt);
	out->data = bson_get_data(store->doc);
	out->length = store->doc->len;
	return status;
}

static int op_get(void *instance, const struct muster_call *call, const char *collection, const char *id,
                  struct muster_bytes *out)
{
	return answer(call, instance, get(instance, collection, id, out));
}

static int op_find(void *instance, const struct muster_call *call, const struct muster_query *query,
                   struct muster_cursor **out)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_find(store, query, out, &store->err));
}

static int op_next(void *instance, const struct muster_call *call, struct muster_cursor *cursor,
                   struct muster_bytes *out)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_next(store, cursor, out, &store->err));
}

static void op_cursor_close(void *instance, const struct muster_call *call, struct muster_cursor *cursor)
{
	(void)instance;
	(void)call;
	sq_cursor_close(cursor);
}

static int op_count(void *instance, const struct muster_call *call, const char *collection, struct muster_bytes filter,
                    const char *field, muster_group_fn fn, void *data)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_count(store, collection, filter, field, fn, data, &store->err));
}

static int op_write(void *instance, const struct muster_call *call, const struct muster_write *items, size_t count,
                    struct muster_write_result *results)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_write(store, items, count, results, &store->err));
}

static int op_lease(void *instance, const struct muster_call *call, int verb, const char *name, const char *owner,
                    int64_t ttl_ms, struct muster_lease *lease)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_lease(store, verb, name, owner, ttl_ms, lease, &store->err));
}

static int op_stats(void *instance, const struct muster_call *call, struct muster_store_stats *out)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	struct sq_store *store = instance;
	struct statvfs disk;
	(void)call;
	out->bytes = 0;
	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		struct stat st;
		sq_sql_reset(&store->sql);
		sq_sql_add(&store->sql, "%s%s", store->path, suffixes[i]);
		if (!store->sql.failed && stat(store->sql.text, &st) == 0)
			out->bytes += st.st_size;
	}
	out->free_bytes = statvfs(store->path, &disk) == 0 ? (int64_t)(disk.f_bavail * disk.f_frsize) : -1;
	int64_t pages = 0, page_size = 0;
	out->reusable_bytes = -1;
	if (sq_query_int(store, &store->writer, "PRAGMA freelist_count", &pages, &store->err) == MUSTER_OK &&
	    sq_query_int(store, &store->writer, "PRAGMA page_size", &page_size, &store->err) == MUSTER_OK)
		out->reusable_bytes = pages * page_size;
	return MUSTER_OK;
}

static int op_backup(void *instance, const struct muster_call *call, const char *path,
                     const struct muster_store_watch *watch)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_backup(store, path, watch, &store->err));
}

static int op_verify(void *instance, const struct muster_call *call, const struct muster_store_watch *watch)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_verify(store, watch, &store->err));
}

static int op_restore(const struct muster_call *call, const char *path, struct muster_array collections,
                      const struct muster_store_watch *watch)
{
	const char *target = call->host->option_text(call, "path");
	struct sq_store store = {0};
	if (!target || target[0] != '/' || !path || path[0] != '/')
		return call->host->fail(call, MUSTER_E_USAGE, "store sqlite: restore wants two absolute paths");
	store.path = strdup(target);
	int status = store.path ? sq_restore(&store, path, &collections, watch, &store.err)
	                        : sq_err_set(&store.err, MUSTER_E_NO_MEMORY, "there is not enough memory");
	answer(call, &store, status);
	sq_sql_free(&store.sql);
	free(store.path);
	return status;
}

static int op_count_some(void *instance, const struct muster_call *call, const char *collection,
                         struct muster_bytes filter, int64_t most, int64_t budget_ms, int64_t *out)
{
	struct sq_store *store = instance;
	return answer(call, store, sq_count_some(store, collection, filter, most, budget_ms, out, &store->err));
}

static void op_close(void *instance, const struct muster_call *call)
{
	(void)call;
	store_free(instance);
}

static const struct muster_store_ops ops = {
        .open = op_open,
        .check = op_check,
        .define = op_define,
        .get = op_get,
        .find = op_find,
        .next = op_next,
        .cursor_close = op_cursor_close,
        .count = op_count,
        .write = op_write,
        .lease = op_lease,
        .stats = op_stats,
        .close = op_close,
        .backup = op_backup,
        .restore = op_restore,
        .verify = op_verify,
        .count_some = op_count_some,
};

static const struct muster_option options[] = {
        {"path", MUSTER_OPTION_TEXT, MUSTER_OPTION_REQUIRED, NULL,
         "The store's file, an absolute path. It and its directory are made when missing, readable by their owner alone.",
         NULL, 0, 0, NULL},
};

static const struct muster_method methods[] = {{
        .name = "sqlite",
        .summary = "Keeps everything in one SQLite file on this machine",
        .options = MUSTER_ARRAY(options),
}};

static const struct muster_interface interfaces[] = {{MUSTER_INTERFACE_STORE, 1, sizeof ops, 0, &ops}};

__attribute__((visibility("default"))) extern const struct muster_plugin muster_plugin_v1;
const struct muster_plugin muster_plugin_v1 = {
        .magic = MUSTER_PLUGIN_MAGIC,
        .size = sizeof muster_plugin_v1,
        .abi_built = MUSTER_ABI_CURRENT,
        .abi_needed = MUSTER_ABI_CURRENT,
        .name = "store-sqlite",
        .version = PLUGIN_VERSION,
        .summary = "Store: one SQLite file, readable with the sqlite3 program",
        .interfaces = MUSTER_ARRAY(interfaces),
        .methods = MUSTER_ARRAY(methods),
};
