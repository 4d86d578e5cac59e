/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `muster store` share. */
#ifndef MST_CLI_STORE_H
#define MST_CLI_STORE_H

#include "cli/cli.h"

int mst_store_backup_run(struct mst_cli *cli, struct mst_err *err);
int mst_store_restore_run(struct mst_cli *cli, struct mst_err *err);

/* A line on a terminal that is written over: "copying 43 %". Nothing elsewhere, or with --quiet. `word` NULL: wipes it. */
void mst_store_progress(const struct mst_cli *cli, const char *word, int64_t done, int64_t total);
/* Starts a task ("backup", "verify") and asks for it until it is over. *task is its last answer, also when it failed; caller
 * puts it. Ctrl-C stops it: MST_E_CANCELLED. */
int mst_store_task(struct mst_cli *cli, const char *kind, struct json_object **task, struct mst_err *err);
/* Forgets the task; its copy goes. */
void mst_store_task_drop(struct mst_cli *cli, struct json_object *task);

#endif
