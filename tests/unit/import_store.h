/* SPDX-License-Identifier: Apache-2.0 */
/* A store in memory behind store/store.h, for tests of the import: it can be cut off after any number of written items. */
#ifndef MST_TEST_IMPORT_STORE_H
#define MST_TEST_IMPORT_STORE_H

#include <bson/bson.h>

#include "store/store.h"

struct mst_store *test_store_new(void);
void test_store_free(struct mst_store *store);
/* From now on only so many items are written; then every write fails. -1: no limit. */
void test_store_cut(struct mst_store *store, long items);
/* Items written since the store was made. */
long test_store_written(const struct mst_store *store);
/* All documents of a collection, one relaxed-JSON line each in the order of ids, rev left out. Caller frees. */
char *test_store_dump(struct mst_store *store, const char *collection);
size_t test_store_size(const struct mst_store *store, const char *collection);

#endif
