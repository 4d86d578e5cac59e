/* SPDX-License-Identifier: Apache-2.0 */
/* Packet rates: what one shard gets of the limits above it. Pure. */
#ifndef MST_JOB_RATE_H
#define MST_JOB_RATE_H

#include <stddef.h>
#include <stdint.h>

/* One limit: of the installation, a zone or a profile. */
struct mst_rate_limit {
	int64_t total; /* packets per second; 0: none */
	int64_t used;  /* handed to shards that run now */
};

#define MST_RATE_NONE (-1) /* no limit applies */
#define MST_RATE_WAIT 0    /* nothing to hand out until another shard ends */

/* At most this many shards can run side by side when each is to have at least one packet per second. At least 1. */
unsigned mst_rate_slots(const struct mst_rate_limit *const *limits, size_t count, unsigned wanted);
/*
 * The share of one of `slots` shards that run side by side: the smallest limit divided by slots, never more than is free in any.
 * MST_RATE_WAIT while less than half of that is free, so that shares do not crumble. Packets per second, or MST_RATE_NONE.
 */
int64_t mst_rate_share(const struct mst_rate_limit *const *limits, size_t count, unsigned slots);
/* Books a share in (sign 1) or out (sign -1) of every limit. Nothing for MST_RATE_NONE and MST_RATE_WAIT. */
void mst_rate_book(struct mst_rate_limit *const *limits, size_t count, int64_t share, int sign);

#endif
