/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a program without a shell. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "plugin/control.h"
#include "plugin/host_child.h"

static const char *const directories[] = {"/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"};
static const char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin", "LC_ALL=C", NULL};

static int find_program(const struct mst_method *method, const char *program, char path[PATH_MAX], struct mst_err *err)
{
	const struct mst_tool_def *tool = NULL;
	struct stat st;
	for (size_t i = 0; program && i < method->tool_count; i++)
		if (strcmp(method->tools[i].program, program) == 0)
			tool = &method->tools[i];
	if (!tool || strchr(program, '/'))
		return mst_err_set(err, MST_E_REFUSED, "the program \"%.64s\" is not one of the tools of the method %s",
		                   program ? program : "", method->def.name);
	for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
		snprintf(path, PATH_MAX, "%s/%s", directories[i], program);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
			return MST_OK;
	}
	return mst_err_set(err, MST_E_NOT_FOUND,
	                   "the program %s is not installed in /usr/local/bin, /usr/bin, /usr/local/sbin or "
	                   "/usr/sbin; on Debian and Ubuntu: sudo apt install %s",
	                   program, tool->package && *tool->package ? tool->package : program);
}

struct ends {
	int in[2], out[2], errs[2], status[2];
};

static void close_ends(struct ends *ends)
{
	int *all = (int *)ends;
	for (size_t i = 0; i < sizeof *ends / sizeof *all; i++)
		if (all[i] >= 0)
			close(all[i]);
}

static int open_ends(struct ends *ends, struct mst_err *err)
{
	memset(ends, 0xff, sizeof *ends);
	if (pipe2(ends->in, O_CLOEXEC) == 0 && pipe2(ends->out, O_CLOEXEC) == 0 && pipe2(ends->errs, O_CLOEXEC) == 0 &&
	    pipe2(ends->status, O_CLOEXEC) == 0)
		return MST_OK;
	mst_err_errno(err, errno, "making pipes");
	close_ends(ends);
	return err ? err->code : MST_E_FAILED;
}

/* Between fork and exec: only calls that are safe there. The status pipe moves to 3, all else above is closed. */
__attribute__((noreturn)) static void become(struct ends *ends, const char *path, const char *const *argv, pid_t parent)
{
	int failed = 0;
	mst_control_reset_child();
	int status = fcntl(ends->status[1], F_DUPFD_CLOEXEC, 10);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || status < 0)
		_exit(127);
	if (dup2(ends->in[0], 0) < 0 || dup2(ends->out[1], 1) < 0 || dup2(ends->errs[1], 2) < 0 ||
	    dup2(status, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0 || close_range(4, ~0U, 0) != 0 || chdir("/") != 0)
		failed = errno;
	if (!failed) {
		execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
		failed = errno;
	}
	ssize_t n = write(3, &failed, sizeof failed);
	_exit(n < 0 ? 126 : 127);
}

/* Waits until the child has become the program or says why not. */
static int confirm(int fd, pid_t pid, const char *path, struct mst_err *err)
{
	int failed = 0;
	ssize_t n;
	do
		n = read(fd, &failed, sizeof failed);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return MST_OK;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	return mst_err_errno(err, n == (ssize_t)sizeof failed ? failed : EIO, "starting %s", path);
}

static void keep_ends(struct ends *ends, pid_t pid, struct muster_child *child)
{
	child->pid = pid;
	child->in = ends->in[1];
	child->out = ends->out[0];
	child->errs = ends->errs[0];
	ends->in[1] = ends->out[0] = ends->errs[0] = -1;
	fcntl(child->in, F_SETFL, O_NONBLOCK);
	fcntl(child->out, F_SETFL, O_NONBLOCK);
	fcntl(child->errs, F_SETFL, O_NONBLOCK);
}

int host_spawn_start(struct muster_call_state *host, const char *program, const char *const *argv,
                     struct muster_child *child, struct mst_err *err)
{
	struct ends ends;
	char path[PATH_MAX];
	sigset_t old;
	pid_t parent = getpid();
	int status = find_program(host->method, program, path, err);
	if (status == MST_OK)
		status = open_ends(&ends, err);
	if (status != MST_OK)
		return status;
	/* No handler runs between the fork and the list that a handler kills from. */
	mst_control_hold(&old);
	pid_t pid = fork();
	if (pid == 0)
		become(&ends, path, argv, parent);
	if (pid > 0 && mst_control_child_add(pid) != MST_OK) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		status = mst_err_set(err, MST_E_LIMIT, "at most %d child programs may run at once",
		                     MST_CONTROL_CHILDREN);
	}
	mst_control_release(&old);
	if (pid < 0)
		status = mst_err_errno(err, errno, "starting %s", path);
	close(ends.status[1]);
	ends.status[1] = -1;
	if (status == MST_OK) {
		status = confirm(ends.status[0], pid, path, err);
		if (status != MST_OK)
			mst_control_child_remove(pid);
	}
	if (status == MST_OK)
		keep_ends(&ends, pid, child);
	close_ends(&ends);
	return status;
}

/* Ambient capabilities reach an ordinary user's child. Root's child gets what the bounding set allows, and under
 * no_new_privs no more than the worker has itself. */
int host_has_net_raw(const struct muster_call *call)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	if (host_of(call)->context == MST_HOST_PLAN && host_of(call)->net_raw_promised)
		return 1;
	if (syscall(SYS_capget, &header, data) != 0 || !(data[0].permitted & (1u << CAP_NET_RAW)))
		return 0;
	if (geteuid() == 0)
		return prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0) == 1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0) == 1;
}
