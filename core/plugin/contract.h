/* SPDX-License-Identifier: Apache-2.0 */
/* The contract suite: what every plugin must pass before it is trusted with a run. Nothing is scanned. */
#ifndef MST_PLUGIN_CONTRACT_H
#define MST_PLUGIN_CONTRACT_H

#include <stdbool.h>

#include "base/error.h"
#include "plugin/gate.h"

/* One finding. `check` is "symbols" or "METHOD.plan"; `text` says what was found and, when not ok, the cure. */
typedef void (*mst_contract_fn)(void *data, const char *check, bool ok, const char *text);

/* Checks the file, its symbols, its descriptor, and each discovery method: options, open and close, planning twice, a run
 * that is cancelled before it starts. The plugin's code runs in a child of its own, which may crash or hang (60 s).
 * MST_OK: all good; MST_E_PARTIAL: at least one check failed; else the checks could not be made. */
int mst_contract_run(const char *path, mst_contract_fn fn, void *data, struct mst_err *err);

/* The parts, in files of their own. They call `fn` once per check. */
void mst_contract_file(const char *path, mst_contract_fn fn, void *data);
void mst_contract_method(const struct mst_plugin_tables *tables, const struct mst_method *method, mst_contract_fn fn,
                         void *data);

#endif
