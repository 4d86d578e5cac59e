/* SPDX-License-Identifier: Apache-2.0 */
/* All collections with their declared fields and indexes: what doc/architecture.md, "Documents", says of them. */
#ifndef MST_STORE_COLLECTIONS_H
#define MST_STORE_COLLECTIONS_H

#include <muster/plugin.h>
#include <stddef.h>

/* Raised when a definition changes; a store defined by a newer version is refused. */
#define MST_COLLECTIONS_VERSION 2u

/* Documents of `counters` that hold a time: what is older than the first was removed from the history; when the last removal of
 * old documents was through. */
#define MST_COUNTER_HISTORY_FROM "history_from"
#define MST_COUNTER_PRUNED       "pruned"

/* Constant data, ready for the plugin's `define`. */
const struct muster_collection *mst_collections(size_t *count);

#endif
