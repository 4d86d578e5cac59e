/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that a local command runs: no shell, a fixed environment, a time limit. */
#ifndef MST_CLI_CHILD_H
#define MST_CLI_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Runs argv[0] (an absolute path). With `line`, its standard output comes line by line (without the newline; lines over
 * MST_MAX_LINE are cut); without, it shares ours. *status receives its exit status, 128 + signal when it was killed.
 * MST_E_TIMEOUT: it was killed at the deadline, with what it started.
 */
int mst_child_run(const char *const *argv, int64_t deadline_ms, void (*line)(void *data, const char *text), void *data,
                  int *status, struct mst_err *err);

/* The same; its standard error comes with it. */
int mst_child_run_all(const char *const *argv, int64_t deadline_ms, void (*line)(void *data, const char *text),
                      void *data, int *status, struct mst_err *err);

/* Where a method's tool is, in the four folders that the service searches; false when it is not installed. */
bool mst_tool_find(const char *program, char out[4096]);

#endif
