/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in for functions that a plugin leaves out, so that callers never test for NULL. */
#include <string.h>

#include "plugin/gate_internal.h"

#define UNUSED __attribute__((unused))

static int no_open(UNUSED const struct muster_call *call, void **instance)
{
	*instance = NULL;
	return MUSTER_E_UNSUPPORTED;
}

static int no_call(UNUSED void *instance, UNUSED const struct muster_call *call)
{
	return MUSTER_E_UNSUPPORTED;
}

static void no_close(UNUSED void *instance, UNUSED const struct muster_call *call)
{
}

static int no_run(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED const struct muster_shard *shard)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_submit(UNUSED void *instance, UNUSED const struct muster_call *call,
                     UNUSED const struct muster_operation *operation, UNUSED char *handle, UNUSED size_t handle_size)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_find_operation(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED const char *op_id,
                             UNUSED char *handle, UNUSED size_t handle_size)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_collect(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED const char *handle,
                      UNUSED muster_result_fn fn, UNUSED void *data)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_cancel(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED const char *handle)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_define(UNUSED void *instance, UNUSED const struct muster_call *call,
                     UNUSED const struct muster_collection *collection)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_get(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED const char *collection,
                  UNUSED const char *id, UNUSED struct muster_bytes *out)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_find(UNUSED void *instance, UNUSED const struct muster_call *call,
                   UNUSED const struct muster_query *query, UNUSED struct muster_cursor **out)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_next(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED struct muster_cursor *cursor,
                   UNUSED struct muster_bytes *out)
{
	return MUSTER_E_UNSUPPORTED;
}

static void no_cursor_close(UNUSED void *instance, UNUSED const struct muster_call *call,
                            UNUSED struct muster_cursor *cursor)
{
}

static int no_count(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED const char *collection,
                    UNUSED struct muster_bytes filter, UNUSED const char *field, UNUSED muster_group_fn fn,
                    UNUSED void *data)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_write(UNUSED void *instance, UNUSED const struct muster_call *call,
                    UNUSED const struct muster_write *items, UNUSED size_t count,
                    UNUSED struct muster_write_result *results)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_lease(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED int verb,
                    UNUSED const char *name, UNUSED const char *owner, UNUSED int64_t ttl_ms,
                    UNUSED struct muster_lease *lease)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_stats(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED struct muster_store_stats *out)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_backup(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED const char *path,
                     UNUSED const struct muster_store_watch *watch)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_restore(UNUSED const struct muster_call *call, UNUSED const char *path,
                      UNUSED struct muster_array collections, UNUSED const struct muster_store_watch *watch)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_verify(UNUSED void *instance, UNUSED const struct muster_call *call,
                     UNUSED const struct muster_store_watch *watch)
{
	return MUSTER_E_UNSUPPORTED;
}

static int no_count_some(UNUSED void *instance, UNUSED const struct muster_call *call, UNUSED const char *collection,
                         UNUSED struct muster_bytes filter, UNUSED int64_t most, UNUSED int64_t budget_ms,
                         UNUSED int64_t *out)
{
	return MUSTER_E_UNSUPPORTED;
}

static const struct muster_discovery_ops no_discovery = {no_open, no_call, no_call, no_run, no_close, no_call};
static const struct muster_execute_ops no_execute = {no_open,    no_call,   no_submit, no_find_operation,
                                                     no_collect, no_cancel, no_close};
static const struct muster_store_ops no_store = {
        no_open,  no_call,  no_define, no_get,   no_find,   no_next,    no_cursor_close, no_count,
        no_write, no_lease, no_stats,  no_close, no_backup, no_restore, no_verify,       no_count_some};

/* Every member of an ops table must be filled by the lists above: a new one makes these fail. */
_Static_assert(sizeof(struct muster_discovery_ops) == 6 * sizeof(void (*)(void)), "a discovery op has no stand-in");
_Static_assert(sizeof(struct muster_execute_ops) == 7 * sizeof(void (*)(void)), "an execute op has no stand-in");
_Static_assert(sizeof(struct muster_store_ops) == 16 * sizeof(void (*)(void)), "a store op has no stand-in");

void mst_gate_no_ops(struct mst_plugin_tables *tables)
{
	tables->discovery = no_discovery;
	tables->execute = no_execute;
	tables->store = no_store;
}

static int missing(const char *interface, const char *op, struct mst_err *err)
{
	return mst_err_set(err, MST_E_USAGE, "the %s ops table lacks the required function \"%s\" (NULL); implement it",
	                   interface, op);
}

#define REQUIRED(interface, op)                                                                                        \
	do {                                                                                                           \
		if (!ops->op)                                                                                          \
			return missing(interface, #op, err);                                                           \
	} while (0)
#define OPTIONAL(op, stand_in)                                                                                         \
	do {                                                                                                           \
		if (!ops->op)                                                                                          \
			ops->op = (stand_in).op;                                                                       \
	} while (0)

int mst_gate_discovery(struct muster_discovery_ops *ops, struct mst_err *err)
{
	REQUIRED("discovery", open);
	REQUIRED("discovery", plan);
	REQUIRED("discovery", run);
	REQUIRED("discovery", close);
	OPTIONAL(check, no_discovery);
	OPTIONAL(import, no_discovery);
	return MST_OK;
}

int mst_gate_execute(struct muster_execute_ops *ops, struct mst_err *err)
{
	REQUIRED("execute", open);
	REQUIRED("execute", submit);
	REQUIRED("execute", find);
	REQUIRED("execute", collect);
	REQUIRED("execute", close);
	OPTIONAL(check, no_execute);
	OPTIONAL(cancel, no_execute);
	return MST_OK;
}

int mst_gate_store(struct muster_store_ops *ops, struct mst_err *err)
{
	REQUIRED("store", open);
	REQUIRED("store", define);
	REQUIRED("store", get);
	REQUIRED("store", find);
	REQUIRED("store", next);
	REQUIRED("store", cursor_close);
	REQUIRED("store", count);
	REQUIRED("store", write);
	REQUIRED("store", close);
	OPTIONAL(check, no_store);
	OPTIONAL(lease, no_store);
	OPTIONAL(stats, no_store);
	OPTIONAL(backup, no_store);
	OPTIONAL(restore, no_store);
	OPTIONAL(verify, no_store);
	OPTIONAL(count_some, no_store);
	return MST_OK;
}
