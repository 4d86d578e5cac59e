/* SPDX-License-Identifier: Apache-2.0 */
/* States a size that ends before its tables. */
#include "hostile.h"

static const struct muster_discovery_ops ops = {
        .open = good_open, .plan = good_plan, .run = good_run, .close = good_close};
DESCRIPTOR("short_size", MUSTER_PLUGIN_MAGIC, 24, MUSTER_ABI_CURRENT, ops);
