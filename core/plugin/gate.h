/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: one pure function that turns any accepted descriptor into the host's newest tables. */
#ifndef MST_PLUGIN_GATE_H
#define MST_PLUGIN_GATE_H

#include <muster/plugin.h>

#include "base/error.h"
#include "plugin/manifest.h"

/* Copies, complete: absent ops are functions that answer MUSTER_E_UNSUPPORTED. */
struct mst_plugin_tables {
	char name[32], version[64];
	uint32_t abi_built;
	struct muster_discovery_ops discovery;
	struct muster_execute_ops execute;
	struct muster_store_ops store;
	bool has_discovery, has_execute, has_store;
};
/* Reads magic and sizes before anything else; touches nothing beyond the sizes that the plugin states; runs no plugin code.
 * The refusal names what is wrong and what both sides speak. `file_name` (without directory and .so) must equal the
 * plugin's name. On failure *out is zero and *manifest is empty. */
int mst_gate_accept(const struct muster_plugin *plugin, const char *file_name, struct mst_plugin_tables *out,
                    struct mst_manifest *manifest, struct mst_err *err);

/* Load: checks the path (mst_file_trusted), libltdl local and resident, finds muster_plugin_v1, runs the gate. On failure the
 * true reason (a second dlopen) is in err. Call from the main thread before threads start, once per process and plugin. */
int mst_plugin_load(const char *path, struct mst_plugin_tables *out, struct mst_manifest *manifest,
                    struct mst_err *err);

#endif
