/* SPDX-License-Identifier: Apache-2.0 */
/* The job engine's store thread: work is done there in order, completions come back on the loop. */
#ifndef MST_JOB_JOBDB_H
#define MST_JOB_JOBDB_H

#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "store/store.h"

struct mst_jobdb;

/* On the store thread. */
typedef int (*mst_jobdb_work)(struct mst_store *store, void *data, struct mst_err *err);
/* On the loop, always called once. */
typedef void (*mst_jobdb_done)(void *data, int rc, const struct mst_err *err);

int mst_jobdb_new(struct mst_jobdb **out, uv_loop_t *loop, struct mst_store_class *store_class, struct mst_err *err);
/* All work must be done (mst_jobdb_pending). Joins the thread; frees once its handle is closed. */
void mst_jobdb_close(struct mst_jobdb *db);
size_t mst_jobdb_pending(const struct mst_jobdb *db);
/* MST_E_NO_MEMORY: nothing will be called. `done` may be NULL. */
int mst_jobdb_do(struct mst_jobdb *db, mst_jobdb_work work, mst_jobdb_done done, void *data, struct mst_err *err);
/* Writes a batch and frees it. A full or unreachable store is tried again for a while, unless the write before has waited in vain;
 * what cannot be written is counted, and logged once. The order with other work holds. */
void mst_jobdb_write(struct mst_jobdb *db, struct mst_batch *batch);
/* Writes that failed so far. Loop thread. */
uint64_t mst_jobdb_failures(const struct mst_jobdb *db);
/* Why the last write failed, "" when it did not. Loop thread. */
const char *mst_jobdb_fault(const struct mst_jobdb *db);

#endif
