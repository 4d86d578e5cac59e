/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an interface was at an earlier time, and what changed when. Made of the observations and of what they were before: each
 * source's knowledge is a row of states, and the view of a moment is the merge of the states that held then. Labels and the rest of
 * what an operator says are those of today.
 */
#ifndef MST_IMPORT_HISTORY_H
#define MST_IMPORT_HISTORY_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/error.h"
#include "base/id.h"
#include "store/store.h"

struct mst_import;

/* From when on the history is whole: what ended before it may have been removed. *first: when anything was seen first; 0: nothing
 * is stored. Either may be NULL. */
int mst_history_kept(struct mst_store *store, int64_t *whole, int64_t *first, struct mst_err *err);
/* MST_E_NOT_FOUND, and why, for a time before that; MST_E_USAGE for one that has not come yet. */
int mst_history_check(struct mst_store *store, int64_t at, int64_t now, struct mst_err *err);

/* One change. Texts are borrowed during the call. */
struct mst_history_event {
	int64_t at, until; /* when this state was seen first and last */
	const char *run;   /* id of the run that found it; "" when that is not known */
	const char *observation, *profile, *zone, *ip;
	const char *change; /* in words: "first seen", "ports +443", "address 10.0.0.5 -> 10.0.0.9" */
};
typedef int (*mst_history_fn)(void *data, const struct mst_history_event *event);
/* All changes of one interface, oldest first, at most some thousand (the newest). `interface`: its document. */
int mst_history_read(struct mst_import *import, const bson_t *interface, mst_history_fn fn, void *data,
                     struct mst_err *err);

/* The view of one interface at a time, as an `interfaces` document with `at`; MST_E_NOT_FOUND when it was not yet seen, or what it
 * was is no longer kept. Caller destroys. */
int mst_history_view(struct mst_import *import, const bson_t *interface, int64_t at, bson_t *out, struct mst_err *err);
/* Interfaces that may have had this address at some time: their documents' ids as an array of text, at most 1000. */
int mst_history_holders(struct mst_store *store, const struct mst_addr *addr, bson_t *ids, struct mst_err *err);

/* All views of a time that match a filter over `interfaces`, in the order of their ids, at flat memory. */
struct mst_history_scan;
int mst_history_scan_open(struct mst_history_scan **out, struct mst_import *import, const bson_t *filter, int64_t at,
                          struct mst_err *err);
/* MST_E_END after the last. `out` is the caller's to destroy. */
int mst_history_scan_next(struct mst_history_scan *scan, bson_t *out, struct mst_err *err);
void mst_history_scan_close(struct mst_history_scan *scan);

#endif
