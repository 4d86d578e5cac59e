/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a worker of its own what a plugin says of itself: a plugin that crashes or hangs there costs one line. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "plugin/manifest.h"

#define REAP_STEP_MS 5

struct stream {
	int fd; /* -1: ended */
	struct mst_buf text;
	bool overflow;
};

static int spawn(const char *worker_path, const char *path, const int out[2], const int errors[2], pid_t *pid)
{
	char *const argv[] = {(char *)(uintptr_t)worker_path, (char *)(uintptr_t) "describe", (char *)(uintptr_t)path,
	                      NULL};
	char *const env[] = {(char *)(uintptr_t) "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	                     (char *)(uintptr_t) "LC_ALL=C.UTF-8", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	/* A group of its own, so that the deadline ends whatever the plugin started. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, errors[1], STDERR_FILENO);
	int failure = posix_spawn(pid, worker_path, &actions, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return failure;
}

static void take(struct stream *stream)
{
	char chunk[8192];
	ssize_t n = read(stream->fd, chunk, sizeof chunk);
	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(stream->fd);
		stream->fd = -1;
	} else if (mst_buf_add(&stream->text, chunk, (size_t)n) != MST_OK) {
		stream->overflow = true;
	}
}

/* False when the deadline passed or the output is too long before both streams ended. */
static bool collect(struct stream streams[2], int64_t deadline)
{
	while (streams[0].fd >= 0 || streams[1].fd >= 0) {
		int64_t left = deadline - mst_time_monotonic();
		if (left <= 0 || streams[0].overflow)
			return false;
		struct pollfd polls[2] = {{streams[0].fd, POLLIN, 0}, {streams[1].fd, POLLIN, 0}};
		if (poll(polls, 2, (int)left) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (polls[i].revents)
				take(&streams[i]);
	}
	return true;
}

/* Reaps the worker; one that closed its streams and stays is given until the deadline. */
static int reap(pid_t pid, int64_t deadline, bool *late)
{
	int status = 0;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (*late || mst_time_monotonic() >= deadline) {
			*late = true;
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			return status;
		}
		nanosleep(&(struct timespec){0, REAP_STEP_MS * 1000000L}, NULL);
	}
	/* What the worker left behind in its group. */
	kill(-pid, SIGKILL);
	return status;
}

static int explain(const char *path, int status, bool late, const struct stream streams[2], struct mst_err *err)
{
	struct mst_buf said;
	if (streams[0].overflow)
		return mst_err_set(err, MST_E_LIMIT, "%s: its description has more than %u bytes; shorten its texts",
		                   path, MST_MAX_MANIFEST);
	if (late)
		return mst_err_set(err, MST_E_TIMEOUT,
		                   "%s: it did not describe itself within %d s; look for code that runs at load", path,
		                   MST_DESCRIBE_DEADLINE_MS / 1000);
	if (WIFSIGNALED(status))
		return mst_err_set(err, MST_E_FAILED,
		                   "%s: it crashed while it was read (%s); rebuild it or remove the file", path,
		                   strsignal(WTERMSIG(status)));
	mst_buf_init(&said, MST_MAX_CHILD_ERRORS);
	size_t len = streams[1].text.len;
	while (len > 0 && mst_buf_text(&streams[1].text)[len - 1] == '\n')
		len--;
	mst_str_utf8_repair(&said, mst_buf_text(&streams[1].text), len, 1500);
	if (said.len > 0)
		mst_err_set(err, MST_E_FAILED, "%s", mst_buf_text(&said));
	else
		mst_err_set(err, MST_E_FAILED,
		            "%s: the worker ended with status %d and no word; run: muster-worker describe %s", path,
		            WEXITSTATUS(status), path);
	mst_buf_free(&said);
	return MST_E_FAILED;
}

static int parse(struct mst_manifest *out, const char *path, const struct mst_buf *text, struct mst_err *err)
{
	struct json_object *object = NULL;
	struct mst_err why;
	mst_err_clear(&why);
	int status = mst_json_parse(mst_buf_text(text), text->len, "the plugin's description", &object, &why);
	if (status == MST_OK)
		status = mst_manifest_from_json(out, object, &why);
	json_object_put(object);
	if (status != MST_OK)
		return mst_err_set(err, status, "%s: %s", path, why.text);
	char *copy = mst_str_dup(path);
	if (!copy) {
		mst_manifest_free(out);
		return mst_err_no_memory(err);
	}
	free(out->path);
	out->path = copy;
	return MST_OK;
}

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

int mst_plugin_describe(struct mst_manifest *out, const char *path, const char *worker_path, struct mst_err *err)
{
	int pipe_out[2], pipe_errors[2];
	pid_t pid;
	memset(out, 0, sizeof *out);
	if (pipe2(pipe_out, O_CLOEXEC) != 0)
		return mst_err_errno(err, errno, "describing %s: pipe", path);
	if (pipe2(pipe_errors, O_CLOEXEC) != 0) {
		close_pair(pipe_out);
		return mst_err_errno(err, errno, "describing %s: pipe", path);
	}
	int failure = spawn(worker_path, path, pipe_out, pipe_errors, &pid);
	if (failure != 0) {
		close_pair(pipe_out);
		close_pair(pipe_errors);
		return mst_err_errno(err, failure, "starting %s", worker_path);
	}
	close(pipe_out[1]);
	close(pipe_errors[1]);
	struct stream streams[2] = {{.fd = pipe_out[0]}, {.fd = pipe_errors[0]}};
	mst_buf_init(&streams[0].text, MST_MAX_MANIFEST);
	mst_buf_init(&streams[1].text, MST_MAX_CHILD_ERRORS);
	int64_t deadline = mst_time_monotonic() + MST_DESCRIBE_DEADLINE_MS;
	bool late = !collect(streams, deadline);
	int exit_status = reap(pid, deadline, &late);
	int status = late || !WIFEXITED(exit_status) || WEXITSTATUS(exit_status) != 0
	                     ? explain(path, exit_status, late, streams, err)
	                     : parse(out, path, &streams[0].text, err);
	for (int i = 0; i < 2; i++) {
		if (streams[i].fd >= 0)
			close(streams[i].fd);
		mst_buf_free(&streams[i].text);
	}
	return status;
}
