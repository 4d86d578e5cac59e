/* SPDX-License-Identifier: Apache-2.0 */
/* Children: their streams are moved in one poll loop, so that no side waits for the other. Also the operator's file. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "plugin/control.h"
#include "plugin/host_child.h"

#define CHILD_CONTEXTS                                                                                                 \
	(HOST_IN(MST_HOST_PLAN) | HOST_IN(MST_HOST_RUN) | HOST_IN(MST_HOST_READ) | HOST_IN(MST_HOST_CHECK))
#define WAIT_MS 1000 /* longest single wait: deadlines of children are looked at this often */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool try_again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void feed(struct muster_child *child)
{
	while (child->in >= 0 && child->input_done < child->input_len) {
		ssize_t n = write(child->in, child->input + child->input_done, child->input_len - child->input_done);
		if (n < 0 && try_again())
			return;
		if (n < 0)
			break; /* it does not want the rest: its own affair */
		child->input_done += (size_t)n;
	}
	close_fd(&child->in);
	free(child->input);
	child->input = NULL;
	child->input_len = child->input_done = 0;
}

static void keep_tail(struct muster_child *child, const char *bytes, size_t len)
{
	if (len > MST_MAX_CHILD_ERRORS) {
		bytes += len - MST_MAX_CHILD_ERRORS;
		len = MST_MAX_CHILD_ERRORS;
	}
	size_t over =
	        child->errors_len + len > MST_MAX_CHILD_ERRORS ? child->errors_len + len - MST_MAX_CHILD_ERRORS : 0;
	memmove(child->errors, child->errors + over, child->errors_len - over);
	child->errors_len -= over;
	for (size_t i = 0; i < len; i++) /* text for a C reader: no NUL inside */
		child->errors[child->errors_len++] = bytes[i] ? bytes[i] : ' ';
	child->errors[child->errors_len] = '\0';
}

static void drain_errors(struct muster_child *child)
{
	char bytes[4096];
	for (int i = 0; child->errs >= 0 && i < 64; i++) {
		ssize_t n = read(child->errs, bytes, sizeof bytes);
		if (n < 0 && try_again())
			return;
		if (n <= 0)
			close_fd(&child->errs);
		else
			keep_tail(child, bytes, (size_t)n);
	}
}

/* True once it has ended. */
static bool reap(struct muster_child *child)
{
	sigset_t old;
	if (child->pid == 0)
		return true;
	mst_control_hold(&old); /* a handler must not kill a number that is free again */
	pid_t got = waitpid(child->pid, &child->wait_status, WNOHANG);
	if (got == child->pid || (got < 0 && errno == ECHILD)) {
		mst_control_child_remove(child->pid);
		child->pid = 0;
	}
	mst_control_release(&old);
	return child->pid == 0;
}

static void end_child(struct muster_child *child)
{
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
	while (!reap(child)) {
		struct timespec pause = {.tv_nsec = 1000000};
		nanosleep(&pause, NULL);
	}
	close_fd(&child->in);
	close_fd(&child->out);
	drain_errors(child);
	close_fd(&child->errs);
}

void host_children_end(struct muster_call_state *host)
{
	while (host->children) {
		struct muster_child *child = host->children;
		host->children = child->next;
		end_child(child);
		free(child->input);
		free(child->errors);
		free(child);
	}
	host->child_count = 0;
}

/* Waits for what any of its streams offers; ends early for a signal, so also when it exits or the call is cancelled. */
static void wait_streams(struct muster_child *child, bool until_exit)
{
	struct pollfd fds[3];
	nfds_t count = 0;
	sigset_t old;
	int64_t wait = WAIT_MS;
	if (child->in >= 0)
		fds[count++] = (struct pollfd){.fd = child->in, .events = POLLOUT};
	if (child->out >= 0)
		fds[count++] = (struct pollfd){.fd = child->out, .events = POLLIN};
	if (child->errs >= 0)
		fds[count++] = (struct pollfd){.fd = child->errs, .events = POLLIN};
	if (child->deadline && child->deadline - mst_time_monotonic() < wait)
		wait = child->deadline - mst_time_monotonic();
	if (wait < 0)
		wait = 0;
	struct timespec limit = {.tv_sec = wait / 1000, .tv_nsec = (wait % 1000) * 1000000};
	mst_control_hold(&old);
	siginfo_t info = {0};
	bool ended = until_exit &&
	             (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0);
	if (host_stopped() == MST_OK && !ended)
		ppoll(fds, count, &limit, &old);
	mst_control_release(&old);
}

static bool past_deadline(struct muster_child *child)
{
	if (!child->deadline || mst_time_monotonic() < child->deadline)
		return false;
	if (child->pid > 0 && !child->killed_late) {
		child->killed_late = true;
		kill(child->pid, SIGKILL);
	}
	return true;
}

static struct muster_child *find_child(struct muster_call_state *host, const struct muster_child *child,
                                       const char *service)
{
	for (struct muster_child *at = host->children; at; at = at->next)
		if (at == child)
			return at;
	host_log(host, MST_LOG_ERROR, "%s: this is no child of the running callback", service);
	return NULL;
}

static int prepare(struct muster_call_state *host, const struct muster_spawn *spawn, struct muster_child *child,
                   struct mst_err *err)
{
	child->in = child->out = child->errs = -1;
	child->errors = calloc(1, MST_MAX_CHILD_ERRORS + 1);
	child->input = malloc(spawn->input.length + 1);
	if (!child->errors || !child->input)
		return mst_err_no_memory(err);
	if (spawn->input.length)
		memcpy(child->input, spawn->input.data, spawn->input.length);
	child->input_len = spawn->input.length;
	if (spawn->deadline_ms > 0)
		child->deadline = mst_time_monotonic() + spawn->deadline_ms;
	return host_spawn_start(host, spawn->program, spawn->argv, child, err);
}

int host_child_spawn(const struct muster_call *call, const struct muster_spawn *in, struct muster_child **out)
{
	struct muster_call_state *host = host_of(call);
	struct muster_spawn spawn;
	struct mst_err err = {0};
	*out = NULL;
	if (host_allow(host, CHILD_CONTEXTS, "child_spawn") != MST_OK)
		return MUSTER_E_REFUSED;
	host_copy_struct(&spawn, sizeof spawn, in, in->size);
	if (!(host->method->def.wants & MUSTER_WANTS_SPAWN)) {
		mst_err_set(&err, MST_E_REFUSED, "the method %s does not say MUSTER_WANTS_SPAWN in its manifest",
		            call->method);
		return host_give(host, "child_spawn", &err);
	}
	if (!spawn.argv || !spawn.argv[0] || host->child_count >= HOST_CHILDREN_CALL)
		return MUSTER_E_USAGE;
	if (host_stopped() != MST_OK)
		return host_stopped();
	struct muster_child *child = calloc(1, sizeof *child);
	if (!child)
		return MUSTER_E_NO_MEMORY;
	int status = prepare(host, &spawn, child, &err);
	if (status != MST_OK) {
		free(child->input);
		free(child->errors);
		free(child);
		return host_give(host, "child_spawn", &err);
	}
	child->next = host->children;
	host->children = child;
	host->child_count++;
	feed(child);
	*out = child;
	return MUSTER_OK;
}

int64_t host_child_read(const struct muster_call *call, struct muster_child *which, void *buffer, size_t size)
{
	struct muster_child *child = find_child(host_of(call), which, "child_read");
	if (!child || size == 0)
		return child ? MUSTER_E_USAGE : MUSTER_E_REFUSED;
	for (;;) {
		int stopped = host_stopped();
		if (stopped != MST_OK)
			return MUSTER_E_CANCELLED;
		if (past_deadline(child))
			return MUSTER_E_TIMEOUT;
		feed(child);
		drain_errors(child);
		if (child->out < 0)
			return 0;
		ssize_t n = read(child->out, buffer, size);
		if (n > 0)
			return n;
		if (n == 0 || !try_again()) {
			close_fd(&child->out);
			return 0;
		}
		wait_streams(child, false);
	}
}

static void discard_output(struct muster_child *child)
{
	char bytes[4096];
	ssize_t n = 1;
	while (child->out >= 0 && (n = read(child->out, bytes, sizeof bytes)) > 0)
		continue;
	if (child->out >= 0 && (n == 0 || !try_again()))
		close_fd(&child->out);
}

int host_child_wait(const struct muster_call *call, struct muster_child *which, int *exit_status, const char **errors)
{
	struct muster_child *child = find_child(host_of(call), which, "child_wait");
	int status = MUSTER_OK;
	if (!child)
		return MUSTER_E_REFUSED;
	while (!child->killed && !reap(child) && !past_deadline(child)) {
		if (host_stopped() != MST_OK) {
			status = MUSTER_E_CANCELLED;
			break;
		}
		feed(child);
		drain_errors(child);
		discard_output(child);
		if (!reap(child))
			wait_streams(child, true);
	}
	end_child(child);
	if (child->killed_late)
		status = MUSTER_E_TIMEOUT;
	if (exit_status)
		*exit_status = WIFEXITED(child->wait_status) ? WEXITSTATUS(child->wait_status)
		                                             : 256 + WTERMSIG(child->wait_status);
	if (errors)
		*errors = child->errors;
	return status;
}

int host_child_kill(const struct muster_call *call, struct muster_child *which)
{
	struct muster_child *child = find_child(host_of(call), which, "child_kill");
	if (!child)
		return MUSTER_E_REFUSED;
	child->killed = true;
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
	return MUSTER_OK;
}

/* Whoever still writes the file holds a lock on it. What came between the last read and the look is read once more. */
static bool input_ended(struct muster_call_state *host)
{
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = 10 * 1000000L};
	if (host->input_whole)
		return true;
	if (flock(host->input_fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		nanosleep(&pause, NULL);
		return false;
	}
	(void)flock(host->input_fd, LOCK_UN);
	host->input_whole = true;
	return false;
}

int64_t host_input_read(const struct muster_call *call, void *buffer, size_t size)
{
	struct muster_call_state *host = host_of(call);
	if (host_allow(host, HOST_IN(MST_HOST_READ), "input_read") != MST_OK || host->input_fd < 0)
		return MUSTER_E_REFUSED;
	for (;;) {
		struct pollfd ready = {.fd = host->input_fd, .events = POLLIN};
		if (host_stopped() != MST_OK)
			return MUSTER_E_CANCELLED;
		if (poll(&ready, 1, 200) <= 0)
			continue;
		ssize_t n = read(host->input_fd, buffer, size);
		if (n == 0 && !input_ended(host))
			continue;
		if (n >= 0 || !try_again())
			return n >= 0 ? n : MUSTER_E_FAILED;
	}
}
