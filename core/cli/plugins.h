/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `muster plugins` share. */
#ifndef MST_CLI_PLUGINS_H
#define MST_CLI_PLUGINS_H

#include "cli/cli.h"
#include "conf/settings.h"

int mst_plugins_show(struct mst_cli *cli, struct mst_err *err);
int mst_plugins_check(struct mst_cli *cli, struct mst_err *err);
int mst_plugins_setup(struct mst_cli *cli, struct mst_err *err);
/* Loads the manifests and finds the plugin of this name or of a method of this name. */
int mst_plugins_named(struct mst_cli *cli, const char *name, const struct mst_manifest **plugin, struct mst_err *err);
/* "sudo muster plugins setup nmap", with the whole path of this program where sudo would not find it. Caller frees. */
char *mst_plugins_setup_command(const char *method, bool remove);
/* Installs the tool's package when the tool is missing (MST_E_REFUSED for all but root), and writes down what came with it. */
int mst_plugins_install(const struct mst_method *method, const struct mst_tool_def *tool, struct mst_err *err);
/* Removes what was written down, but for what other packages have come to need. */
int mst_plugins_uninstall(const struct mst_method *method, const struct mst_tool_def *tool, struct mst_err *err);
/* Is something there that setup installed for the method? */
bool mst_plugins_was_set_up(const char *method);
/*
 * provision.c: says, for each method, what its profiles need and is missing, or what setup installed and no profile needs, with the
 * command to type. With `act`, provision = "auto" and root rights it does that at once.
 */
int mst_plugins_provision(const struct mst_cli *cli, const struct mst_settings *settings, bool act,
                          struct mst_err *err);

#endif
