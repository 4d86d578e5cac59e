/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may end a worker: the control pipe, SIGTERM, the deadline. One per process, run by signal handlers, so that it
 * works while a plugin computes and never calls the host.
 *
 * Cancelled: "cancel\n" on the control pipe, SIGTERM, or the deadline. MST_CANCEL_GRACE_MS later the process kills its
 * children and itself. End of file on the control pipe does that at once.
 */
#ifndef MST_PLUGIN_CONTROL_H
#define MST_PLUGIN_CONTROL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define MST_CONTROL_CHILDREN 16  /* children alive at once */
#define MST_CONTROL_KILLED   124 /* exit status of a worker that was told to stop and did not */
#define MST_CONTROL_ORPHAN   125 /* exit status of a worker whose control pipe was closed */

/* Takes over SIGTERM, SIGIO, SIGALRM, SIGCHLD, ignores SIGPIPE and SIGXFSZ. `control_fd` (borrowed, kept for life; -1: none)
 * must be a pipe or socket and is made non-blocking. `line_fd` (-1: none) gets one last line when the process kills
 * itself. `deadline_ms` from now; 0: none. Call once, in a process with one thread. */
int mst_control_start(int control_fd, int line_fd, int64_t deadline_ms, struct mst_err *err);

enum mst_control_state { MST_CONTROL_RUN = 0, MST_CONTROL_CANCELLED, MST_CONTROL_DEADLINE };
/* What happened first; MST_CONTROL_RUN when nothing did or control was not started. */
enum mst_control_state mst_control_state(void);
/* Milliseconds left; INT64_MAX without a deadline; negative when past it. */
int64_t mst_control_remaining(void);

/* Children to be killed with the process. MST_E_LIMIT when MST_CONTROL_CHILDREN are alive. */
int mst_control_child_add(pid_t pid);
void mst_control_child_remove(pid_t pid);

/* Between hold and release handlers do not run; `old` is the mask for ppoll, so that a signal that came between looking at
 * the state and waiting ends the wait. */
void mst_control_hold(sigset_t *old);
void mst_control_release(const sigset_t *old);
/* In a new child: default handlers, empty mask. Async-signal-safe. */
void mst_control_reset_child(void);
/* The line writer marks a line in progress, so that the last line of a killed process never lands inside another. */
void mst_control_writing(bool on);

#endif
