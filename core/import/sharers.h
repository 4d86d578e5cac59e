/* SPDX-License-Identifier: Apache-2.0 */
/* How many records of a scope carry each MAC: eight bytes for one, since a scope may have millions. */
#ifndef MST_IMPORT_SHARERS_H
#define MST_IMPORT_SHARERS_H

#include <stddef.h>
#include <stdint.h>

struct mst_sharers {
	uint64_t *slots; /* MAC << 8 | count; 0: free */
	size_t used, cap;
	uint64_t seed; /* odd; a peer that chooses MACs must not choose where they go */
};

/* Owns nothing until the first count. */
void mst_sharers_init(struct mst_sharers *sharers);
/* Frees, and starts over. */
void mst_sharers_clear(struct mst_sharers *sharers);
/* Counts a MAC as mst_mac_parse leaves it. The new count, 255 at most; MST_E_NO_MEMORY. */
int mst_sharers_count(struct mst_sharers *sharers, const char *mac);

#endif
