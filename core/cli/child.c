/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/time.h"

#define REAP_STEP_MS 10

static const char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                          "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", NULL};

static int start(const char *const *argv, int out, bool errors, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (out >= 0)
		posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (out >= 0 && errors)
		posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGMASK | (out >= 0 ? POSIX_SPAWN_SETPGROUP : 0)));
	rc = posix_spawn(pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv,
	                 (char *const *)(uintptr_t)environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return rc;
}

static void give_lines(struct mst_buf *buf, const char *block, size_t len, void (*line)(void *, const char *),
                       void *data)
{
	while (len > 0) {
		const char *end = memchr(block, '\n', len);
		size_t n = end ? (size_t)(end - block) : len, room = buf->max - buf->len;

		mst_buf_add(buf, block, n < room ? n : room);
		if (!end)
			return;
		line(data, mst_buf_text(buf));
		mst_buf_reset(buf);
		block += n + 1;
		len -= n + 1;
	}
}

/* Until the end of output or the deadline; true at the end. */
static bool read_lines(int fd, int64_t until, void (*line)(void *, const char *), void *data)
{
	struct mst_buf buf;
	bool ended = false;
	char block[8192];

	mst_buf_init(&buf, MST_MAX_LINE);
	while (!ended) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = until - mst_time_monotonic();
		ssize_t n;

		if (left <= 0)
			break;
		if (poll(&wait, 1, (int)(left < 60000 ? left : 60000)) <= 0)
			continue;
		n = read(fd, block, sizeof(block));
		if (n > 0)
			give_lines(&buf, block, (size_t)n, line, data);
		ended = n == 0 || (n < 0 && errno != EINTR);
	}
	if (buf.len > 0)
		line(data, mst_buf_text(&buf));
	mst_buf_free(&buf);
	return ended;
}

/* The exit status; -1 when it had to be killed. */
static int reap(pid_t pid, int64_t until, bool group)
{
	int status;

	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		if (got < 0 && errno != EINTR)
			return 1;
		if (mst_time_monotonic() >= until) {
			(void)kill(group ? -pid : pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
			return -1;
		}
		(void)poll(NULL, 0, REAP_STEP_MS);
	}
}

static int run(const char *const *argv, int64_t deadline_ms, bool errors, void (*line)(void *data, const char *text),
               void *data, int *status, struct mst_err *err)
{
	int64_t until = mst_time_monotonic() + deadline_ms;
	int fds[2] = {-1, -1}, rc;
	bool late = false;
	pid_t pid;

	if (line && pipe2(fds, O_CLOEXEC) != 0)
		return mst_err_errno(err, errno, "cannot make a pipe");
	rc = start(argv, fds[1], errors, &pid);
	if (fds[1] >= 0)
		close(fds[1]);
	if (rc == 0 && line)
		late = !read_lines(fds[0], until, line, data);
	if (fds[0] >= 0)
		close(fds[0]);
	if (rc != 0)
		return mst_err_set(err, MST_E_FAILED, "cannot start %s: %s", argv[0], strerror(rc));
	*status = reap(pid, late ? 0 : until, line != NULL);
	if (*status < 0)
		return mst_err_set(err, MST_E_TIMEOUT, "%s was stopped after %lld s", argv[0],
		                   (long long)(deadline_ms / 1000));
	return MST_OK;
}

int mst_child_run(const char *const *argv, int64_t deadline_ms, void (*line)(void *data, const char *text), void *data,
                  int *status, struct mst_err *err)
{
	return run(argv, deadline_ms, false, line, data, status, err);
}

int mst_child_run_all(const char *const *argv, int64_t deadline_ms, void (*line)(void *data, const char *text),
                      void *data, int *status, struct mst_err *err)
{
	return run(argv, deadline_ms, true, line, data, status, err);
}

bool mst_tool_find(const char *program, char out[4096])
{
	static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]) && !strchr(program, '/'); i++)
		if (snprintf(out, 4096, "%s/%s", folders[i], program) < 4096 && access(out, X_OK) == 0)
			return true;
	return false;
}
