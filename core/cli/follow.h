/* SPDX-License-Identifier: Apache-2.0 */
/* A run from outside: its plan, its progress on one live line, how it ended. */
#ifndef MST_CLI_FOLLOW_H
#define MST_CLI_FOLLOW_H

#include <stdio.h>

#include "cli/cli.h"

/* GET /v1/runs/KEY. Caller puts *out. */
int mst_run_get(struct mst_cli *cli, const char *key, struct json_object **out, struct mst_err *err);
/* Number of shards, whether the answer has their list or their count. */
int64_t mst_run_shards(struct json_object *run);
/* Addresses of all its shards. */
int64_t mst_run_addresses(struct json_object *run);
/* Addresses of the shards that are complete. */
int64_t mst_run_covered(struct json_object *run);
/* What the operator would have to set right: exit status of a run that is done. */
int mst_run_exit_status(struct json_object *run);

/*
 * Follows until the run is done and prints its summary; sets cli->exit_status. `own`: Ctrl-C cancels the run and waits until
 * it has settled, a second one leaves at once; otherwise Ctrl-C leaves and the run goes on. `settings` (may be NULL) is added
 * to the Plan line.
 */
int mst_follow(struct mst_cli *cli, int64_t number, bool own, const char *settings, struct mst_err *err);
/* Waits for a dry run's plan and prints it on stdout. */
int mst_follow_plan(struct mst_cli *cli, const char *key, const char *settings, struct mst_err *err);
/* Takes Ctrl-C from now on; the number of them so far. */
void mst_interrupts_take(void);
int mst_interrupts(void);

/* follow_text.c: the lines. */
void mst_run_plan_line(FILE *file, struct json_object *run, struct json_object *plan, const char *settings);
void mst_run_refusals(FILE *file, struct json_object *run, const char *label);
/* What was not covered, why, and the cure; at most `most` parts. */
void mst_run_missing(FILE *file, struct json_object *run, size_t most);
/* What the run warns of, a line each; nothing when there is nothing. */
void mst_run_warnings(FILE *file, struct json_object *run);
void mst_run_progress_line(struct mst_buf *out, struct json_object *run, bool hint);
/* NEW, CHANGED and LOST lines, at most `most` of each. */
void mst_run_changes(const struct mst_cli *cli, struct json_object *run, size_t most);
void mst_run_summary(const struct mst_cli *cli, struct json_object *run);

#endif
