/* SPDX-License-Identifier: Apache-2.0 */
/* Worker processes on the daemon's loop: one JSON job in, JSON lines out, a deadline, and a process group that never outlives it. */
#ifndef MST_JOB_PROCESS_H
#define MST_JOB_PROCESS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "secret/secret.h"

struct mst_process;   /* one worker; freed by itself after `ended` */
struct mst_processes; /* all of a loop */

/* How a worker ended. */
struct mst_process_end {
	int status; /* enum mst_code: of its end line; MST_E_FAILED when it died without one, MST_E_TIMEOUT, MST_E_CANCELLED */
	const char *text; /* why; never NULL; borrowed during the callback */
	int64_t records;  /* of its end line */
	bool crashed;     /* ended by a signal that we did not send, or without an end line */
};

/* Called on the loop. `line` for every JSON line but the last; `ended` exactly once, and the process is gone then. */
struct mst_process_ops {
	void (*line)(void *data, struct json_object *line, const char *type);
	void (*ended)(void *data, const struct mst_process_end *end);
};

/* A secret that the job takes along under the option's name. */
struct mst_process_secret {
	const char *option;
	struct mst_secret *value;
};

struct mst_process_start {
	const char *worker, *verb; /* absolute path; "plan", "run", "read", "check", "import" */
	const char *plugin;        /* its name, for texts */
	struct json_object *job;   /* borrowed; has no member "secrets" when some are given here */
	/* Borrowed until the start returns; they reach the pipe through locked memory that is zeroed once it is written. */
	const struct mst_process_secret *secrets;
	size_t secret_count;
	int fd4, fd6;        /* what the child gets there; borrowed; -1: nothing */
	bool net_raw;        /* lend CAP_NET_RAW */
	int64_t deadline_ms; /* from now; the worker knows it too, so it is killed MST_CANCEL_GRACE_MS later */
};

int mst_processes_new(struct mst_processes **out, uv_loop_t *loop, struct mst_err *err);
/* None may run. Frees once its handles are closed: run the loop once more. */
void mst_processes_close(struct mst_processes *set);
size_t mst_processes_count(const struct mst_processes *set);

int mst_process_start(struct mst_process **out, struct mst_processes *set, const struct mst_process_start *start,
                      const struct mst_process_ops *ops, void *data, struct mst_err *err);
/* Asks it to stop, kills its group MST_CANCEL_GRACE_MS later. May be called again. */
void mst_process_cancel(struct mst_process *process);
/* SIGKILL to its group at once. */
void mst_process_kill(struct mst_process *process);

/* The child's half, pure of loop and state: starts `worker verb` with fds 3 and 5 (and 4, 6), its own group, a fixed environment. */
int mst_process_spawn(const struct mst_process_start *start, int fd3, int fd5, pid_t *pid, struct mst_err *err);

#endif
