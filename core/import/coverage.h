/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was covered when. The collection `coverage` holds, per zone, a partition of the addresses by the run that covered them last:
 * a new run takes its addresses away from all older ones, and a run with nothing left goes. So it stays as small as the network is
 * simple, and does not need the runs and shards themselves.
 */
#ifndef MST_IMPORT_COVERAGE_H
#define MST_IMPORT_COVERAGE_H

#include "base/addr.h"
#include "store/store.h"

struct mst_import;
struct mst_coverage;

/* Puts what the complete scopes of a run covered on top. Repeatable. */
int mst_coverage_note(struct mst_import *import, const char *run, const struct mst_coverage *coverage,
                      struct mst_err *err);

/* All of it, in memory, for questions. */
struct mst_cover;
int mst_cover_load(struct mst_cover **out, struct mst_store *store, struct mst_err *err);
void mst_cover_free(struct mst_cover *cover);

struct mst_cover_answer {
	double addresses, covered, fresh; /* in the network; ever covered; covered at or after `since` */
	int64_t last;                     /* when some of it was covered last; 0: never */
	int64_t whole;       /* all of it was covered at or after this time; 0: it never was, as far as is known */
	int64_t number;      /* of the run of `last` */
	const char *profile; /* of that run; borrowed from `cover`; "" when never */
};
void mst_cover_ask(const struct mst_cover *cover, const char *zone, const struct mst_range *network, int64_t since,
                   struct mst_cover_answer *out);
/* The zones in which something of the network was covered, one after the other: `index` from 0, NULL behind the last. */
const char *mst_cover_zone(const struct mst_cover *cover, const struct mst_range *network, size_t index);

#endif
