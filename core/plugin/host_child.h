/* SPDX-License-Identifier: Apache-2.0 */
/* A child program, between host_child.c (services) and host_spawn.c (starting one). */
#ifndef MST_PLUGIN_HOST_CHILD_H
#define MST_PLUGIN_HOST_CHILD_H

#include <sys/types.h>

#include "base/limits.h"
#include "plugin/host_internal.h"

struct muster_child {
	struct muster_child *next;
	pid_t pid;         /* 0: reaped */
	int wait_status;   /* of waitpid, once reaped */
	int in, out, errs; /* our ends of its standard streams; -1: closed */
	char *input;       /* what is still to be written, owned */
	size_t input_len, input_done;
	char *errors; /* MST_MAX_CHILD_ERRORS + 1 bytes: the tail of standard error */
	size_t errors_len;
	int64_t deadline; /* monotonic; 0: none */
	bool killed;      /* by the plugin */
	bool killed_late; /* by its own deadline */
};

/* Finds the program of a tool of the method, starts it with three pipes. Fills pid, in, out, errs. */
int host_spawn_start(struct muster_call_state *host, const char *program, const char *const *argv,
                     struct muster_child *child, struct mst_err *err);

#endif
