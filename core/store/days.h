/* SPDX-License-Identifier: Apache-2.0 */
/* How the store grows: one sample a day, kept in the store itself. */
#ifndef MST_STORE_DAYS_H
#define MST_STORE_DAYS_H

#include "store/store.h"

/* Writes today's sample, over an earlier one of the day that is at least an hour old, and forgets those of more than 400 days ago. */
int mst_store_day(struct mst_store *store, int64_t now, struct mst_err *err);

struct mst_store_growth {
	bool known;      /* there are samples of at least a day apart */
	int64_t per_day; /* bytes; negative: it shrinks */
	int64_t days;    /* that the samples span */
	int64_t left;    /* days until the disk is full; -1: it does not grow */
	int64_t since;   /* the first sample looked at; 0: none */
};
/* From the samples of the last 30 days: the slope of the best line through them, so that one large day does not count twice. */
int mst_store_growth(struct mst_store *store, const struct mst_store_stats *stats, int64_t now,
                     struct mst_store_growth *out, struct mst_err *err);

#endif
