/* SPDX-License-Identifier: Apache-2.0 */
/* Becoming a daemon: hardening, the background, the ready line. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "daemon/daemon.h"
#include "job/caps.h"

#define READY_LIMIT_MS 60000

int mst_daemon_harden(bool *net_raw, struct mst_err *err)
{
	const struct rlimit none = {0, 0};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)umask(077);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return mst_err_errno(err, errno, "cannot switch core dumps off");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return mst_err_errno(err, errno, "cannot make this process undumpable");
	return mst_caps_start(net_raw, err);
}

static struct json_object *holder_json(const struct mst_daemon_lock *lock)
{
	struct json_object *holder = json_object_new_object();

	mst_json_add_int(holder, "pid", lock->holder_pid);
	mst_json_add_text(holder, "socket", lock->holder_socket);
	return holder;
}

void mst_daemon_ready(struct mst_daemon_options *options, const struct mst_daemon_places *places,
                      const struct mst_daemon_lock *lock, const struct mst_err *failure)
{
	struct json_object *object;
	struct mst_buf line;

	if (options->ready_fd < 0)
		return;
	object = json_object_new_object();
	mst_json_add_bool(object, "ready", failure == NULL);
	if (failure) {
		mst_json_add_text(object, "error", mst_code_name(failure->code));
		mst_json_add_text(object, "text", failure->text);
		if (lock->holder_pid > 0)
			mst_json_put(object, "holder", holder_json(lock));
	} else {
		mst_json_add_text(object, "socket", places->socket);
		mst_json_add_int(object, "pid", getpid());
	}
	mst_json_add_text(object, "store", places->store);
	mst_buf_init(&line, 32768);
	const char *text = mst_json_string(object, NULL);
	mst_buf_str(&line, text ? text : "{\"ready\":false,\"error\":\"failed\",\"text\":\"out of memory\"}");
	mst_buf_char(&line, '\n');
	(void)mst_file_write_all(options->ready_fd, mst_buf_text(&line), line.len, "the ready line", NULL);
	mst_buf_free(&line);
	json_object_put(object);
	close(options->ready_fd);
	options->ready_fd = -1;
}

/* The parent's end: the child's first line decides. */
static int await_child(int fd, struct mst_err *err)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	struct json_object *object = NULL;
	char line[32768];
	ssize_t n = -1;

	if (poll(&wait, 1, READY_LIMIT_MS) == 1)
		n = read(fd, line, sizeof(line));
	close(fd);
	if (n <= 0 || mst_json_parse(line, (size_t)n, "musterd's first line", &object, NULL) != MST_OK)
		return mst_err_set(err, MST_E_FAILED, "musterd did not start: run it with --foreground to see why");
	if (!mst_json_bool(object, "ready", false))
		mst_err_set(err, mst_code_from_name(mst_json_text(object, "error", "failed")), "%s",
		            mst_json_text(object, "text", "musterd did not start"));
	json_object_put(object);
	return err->code;
}

int mst_daemon_detach(struct mst_daemon_options *options, struct mst_err *err)
{
	int fds[2], null;
	pid_t pid;

	if (options->foreground)
		return MST_OK;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return mst_err_errno(err, errno, "cannot make a pipe");
	pid = fork();
	if (pid < 0)
		return mst_err_errno(err, errno, "cannot start a background process");
	if (pid > 0) {
		close(fds[1]);
		err->code = MST_OK;
		if (await_child(fds[0], err) != MST_OK)
			fprintf(stderr, "musterd: %s\n", err->text);
		_exit(mst_code_exit(err->code));
	}
	close(fds[0]);
	(void)setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, 0);
		(void)dup2(null, 1);
		close(null);
	}
	if (options->ready_fd < 0)
		options->ready_fd = fds[1];
	return MST_OK;
}
