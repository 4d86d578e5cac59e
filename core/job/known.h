/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MST_JOB_KNOWN_H
#define MST_JOB_KNOWN_H

#include "base/error.h"
#include "store/store.h"

/* Writes `path` (0600): {"address","last_seen","os_seen"} of every observed address of the zone, ascending by address, each once. */
int mst_known_write(struct mst_store *store, const char *zone, const char *path, struct mst_err *err);

#endif
