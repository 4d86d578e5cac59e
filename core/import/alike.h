/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does one thing answer for a whole block? Proxy ARP, a SYN proxy, a firewall that plays host: hundreds of addresses then
 * answer to the letter alike. A block is what agrees in all but the last byte of the address.
 *
 * Counting is exact where it matters: an answer that more than 90 % of a block's addresses share leaves room for 25 others.
 */
#ifndef MST_IMPORT_ALIKE_H
#define MST_IMPORT_ALIKE_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define MST_BLOCK_LEAST 64u /* addresses that were looked at in a block; fewer prove nothing */

struct mst_alike_block;
struct mst_alike {
	struct mst_alike_block *blocks;
	size_t used, cap;
};

void mst_alike_init(struct mst_alike *alike);
void mst_alike_free(struct mst_alike *alike);

/*
 * What a record or an observation's document answered with, as a number: its MAC, else the reason for which it counts as up
 * together with its open ports. Real hosts that answer alike have MACs of their own. 0: it says neither.
 */
uint64_t mst_alike_answer(const bson_t *doc);
/* Counts one record. 0 or MST_E_NO_MEMORY. Beyond MST_MAX_BLOCKS blocks no further one is watched. */
int mst_alike_count(struct mst_alike *alike, const bson_t *record);

/* Appends `alike` to `doc`: of each block its most frequent answer, unless that was a rare one; and takes it in again. */
void mst_alike_write(const struct mst_alike *alike, bson_t *doc);
int mst_alike_read(struct mst_alike *alike, const bson_t *doc);

/* A block that answers as one. `range`: the smallest CIDR that holds what was looked at of it. */
struct mst_alike_found {
	struct mst_range range;
	uint64_t answer;
};
/* All such blocks in order of address, `looked` being what the run looked at (empty: taken as whole blocks). Caller frees. */
int mst_alike_find(const struct mst_alike *alike, const struct mst_addr_set *looked, struct mst_alike_found **out,
                   size_t *count);

#endif
