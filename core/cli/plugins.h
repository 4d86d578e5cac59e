/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `muster plugins` share. */
#ifndef MST_CLI_PLUGINS_H
#define MST_CLI_PLUGINS_H

#include "cli/cli.h"

int mst_plugins_show(struct mst_cli *cli, struct mst_err *err);
int mst_plugins_check(struct mst_cli *cli, struct mst_err *err);
int mst_plugins_setup(struct mst_cli *cli, struct mst_err *err);
/* Loads the manifests and finds the plugin of this name or of a method of this name. */
int mst_plugins_named(struct mst_cli *cli, const char *name, const struct mst_manifest **plugin, struct mst_err *err);
/* "sudo muster plugins setup nmap", with the whole path of this program where sudo would not find it. Caller frees. */
char *mst_plugins_setup_command(const char *method, bool remove);

#endif
