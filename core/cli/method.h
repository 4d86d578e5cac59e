/* SPDX-License-Identifier: Apache-2.0 */
/* A discovery method on the command line: its manifest's options become options here. */
#ifndef MST_CLI_METHOD_H
#define MST_CLI_METHOD_H

#include "cli/cli.h"

/* Is there a method of this name? Loads the manifests. */
const struct mst_method *mst_method_find(struct mst_cli *cli, const char *name, struct mst_err *err);
/* Sets cli->method and adds its options to the words that are being read. MST_E_NOT_FOUND names the nearest. */
int mst_method_use(struct mst_cli *cli, const char *name, struct mst_err *err);
/* MST_E_NOT_FOUND that names the nearest method. */
int mst_method_unknown(struct mst_cli *cli, const char *name, struct mst_err *err);
/* { option: text } of the options that were given, `targets` included, all checked against the manifest. Caller puts it. */
int mst_method_options_json(struct mst_cli *cli, const char *const *targets, size_t target_count,
                            struct json_object **out, struct mst_err *err);
/* The option that plain words fill: "include", else the first one of targets; NULL: none. */
const struct mst_option_def *mst_method_target_option(const struct mst_method *method);
/* Prints the options of cli->method with type, default and help. */
void mst_method_help(const struct mst_cli *cli);
/* Prints which methods there are and how to see their options. */
int mst_method_help_list(struct mst_cli *cli, const char *command, struct mst_err *err);
/* Prints text wrapped to the screen, from column `left` on; ends the line. */
void mst_help_wrap(const struct mst_cli *cli, const char *text, size_t left);

#endif
