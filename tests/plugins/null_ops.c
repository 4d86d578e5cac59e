/* SPDX-License-Identifier: Apache-2.0 */
/* Lacks required functions. */
#include "hostile.h"

static const struct muster_discovery_ops ops = {.open = good_open, .close = good_close};
DESCRIPTOR("null_ops", MUSTER_PLUGIN_MAGIC, sizeof(struct muster_plugin), MUSTER_ABI_CURRENT, ops);
