/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor that starts with something else. */
#include "hostile.h"

static const struct muster_discovery_ops ops = {
        .open = good_open, .plan = good_plan, .run = good_run, .close = good_close};
DESCRIPTOR("wrong_magic", 0x4d535453, sizeof(struct muster_plugin), MUSTER_ABI_CURRENT, ops);
