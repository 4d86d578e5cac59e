/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities of this process: CAP_NET_RAW is lent to one child at a time and never kept as ambient. */
#ifndef MST_JOB_CAPS_H
#define MST_JOB_CAPS_H

#include <stdbool.h>

#include "base/error.h"

/* Clears the ambient set of this thread (call before threads start) and tells whether CAP_NET_RAW is permitted. */
int mst_caps_start(bool *net_raw, struct mst_err *err);
/* Makes CAP_NET_RAW ambient on the calling thread alone, for a spawn that follows at once. */
int mst_caps_lend_net_raw(struct mst_err *err);
void mst_caps_take_back(void);

#endif
