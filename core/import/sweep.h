/* SPDX-License-Identifier: Apache-2.0 */
/* Going over stored interfaces again, in batches. */
#ifndef MST_IMPORT_SWEEP_H
#define MST_IMPORT_SWEEP_H

#include "import/room.h"

/* Looks at a stored interface; true when it is to be worked on. May be NULL: all. */
typedef bool (*mst_sweep_wants_fn)(void *data, struct mst_import *import, const bson_t *doc);
/* Changes a loaded interface before it is merged and written. May be NULL. 0 or an error. */
typedef int (*mst_sweep_change_fn)(void *data, struct mst_work *work, struct mst_iface *iface, struct mst_err *err);

struct mst_sweep_calls {
	mst_sweep_wants_fn wants;
	mst_sweep_change_fn change;
	void *data;
};

/* Merges and writes anew all interfaces that match `filter` (NULL: all) and that `calls` (may be NULL) wants. `run` "" outside of
 * a run. *matched and *changed (may be NULL): how many matched the filter, how many were wanted. Interfaces that a purge rule
 * matches are removed. */
int mst_sweep(struct mst_import *import, const char *run, const bson_t *filter, const struct mst_sweep_calls *calls,
              int64_t *matched, int64_t *changed, struct mst_err *err);
/* The same figures without any change. */
int mst_sweep_count(struct mst_import *import, const bson_t *filter, const struct mst_sweep_calls *calls,
                    int64_t *matched, int64_t *wanted, struct mst_err *err);
/* Interfaces whose labels, state or place are no longer what the rules say; only when a rule can change its mind by itself or
 * purges. */
int mst_sweep_rules(struct mst_import *import, const char *run, struct mst_err *err);

/* Ids as BSON arrays of at most 200, in the order they came. */
struct mst_id_list {
	bson_t **parts;
	size_t count;
	uint32_t in_last;
};
int mst_id_list_add(struct mst_id_list *list, const char *id); /* 0 or MST_E_NO_MEMORY */
void mst_id_list_free(struct mst_id_list *list);

#endif
