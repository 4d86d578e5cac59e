/* SPDX-License-Identifier: Apache-2.0 */
/* Which interface an observation belongs to. Pure: what is known comes in, a decision goes out. */
#ifndef MST_IMPORT_IDENTITY_H
#define MST_IMPORT_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"
#include "import/keys.h"

#define MST_CANDIDATES_MAX (MST_KEYS_MAX + 1)

/* An interface that one of the observation's keys leads to. */
struct mst_candidate {
	char id[MST_ID_SIZE];
	int kind;     /* strongest kind of key that led here */
	bool fresh;   /* for MST_KEY_IP: it was seen at that address within ip_identity_ttl */
	bool current; /* the observation belongs to it now */
	int64_t created;
	struct mst_keys keys; /* what its observations say it is: strong keys and MACs */
};

/* Are the two kept apart by an unmerge? */
typedef bool (*mst_never_fn)(void *data, const char *a, const char *b);

struct mst_decision {
	int target;                     /* index of a candidate; -1: a new interface */
	int merges[MST_CANDIDATES_MAX]; /* candidates that are the same as the target */
	size_t merge_count;
};

/*
 * A shared strong key attaches, and joins all interfaces that share one with the observation, unless two of them have
 * different values of one strong kind or are kept apart. Without one, a weak key attaches to the interface it leads to
 * if nothing strong speaks against it, an address only while it is fresh and not when both have MACs that differ. A candidate with `current` set that nothing
 * speaks against is preferred to one that only a weak key leads to.
 */
void mst_identity_decide(const struct mst_keys *keys, const struct mst_candidate *candidates, size_t count,
                         mst_never_fn never, void *data, struct mst_decision *out);

#endif
