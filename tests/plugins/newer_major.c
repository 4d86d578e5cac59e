/* SPDX-License-Identifier: Apache-2.0 */
/* Built for a host that does not exist yet. */
#include "hostile.h"

static const struct muster_discovery_ops ops = {
        .open = good_open, .plan = good_plan, .run = good_run, .close = good_close};
DESCRIPTOR("newer_major", MUSTER_PLUGIN_MAGIC, sizeof(struct muster_plugin), MUSTER_ABI(MUSTER_ABI_MAJOR + 1, 0), ops);
