/* SPDX-License-Identifier: Apache-2.0 */
/* The start ritual: what a process gives up before somebody else's code runs in it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "worker/landlock.h"
#include "worker/worker.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifndef HAVE_ASAN
#define HAVE_ASAN 0
#endif

#define KEPT_FDS             7u
#define OPEN_FILES           256u
#define OPEN_FILES_HARD      1024u /* Nmap raises its own limit to the hard one and opens a socket per probe */
#define ADDRESS_SPACE        (1ull << 30)
#define ADDRESS_SPACE_IMPORT (4ull << 30)

int mst_worker_stdout = -1, mst_worker_stderr = -1;
static int output_fd = -1; /* reading end of what plugins print */

/* stdout and stderr end in a pipe that never blocks: what does not fit is lost, nothing is corrupted, nobody waits. */
static void redirect(const struct mst_ritual *ritual)
{
	int fds[2];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		_exit(1);
	dup2(null, 0);
	if (ritual->keep_output) {
		mst_worker_stdout = fcntl(1, F_DUPFD_CLOEXEC, 10);
		mst_worker_stderr = fcntl(2, F_DUPFD_CLOEXEC, 10);
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0) {
		output_fd = fcntl(fds[0], F_DUPFD_CLOEXEC, 10);
		dup2(fds[1], 1);
		if (!HAVE_ASAN) /* a sanitizer's last words must reach somebody */
			dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
	} else {
		dup2(null, 1);
		dup2(null, 2);
	}
	close(null);
}

size_t mst_ritual_output(char *out, size_t size)
{
	size_t have = 0;
	while (output_fd >= 0 && have + 1 < size) {
		ssize_t n = read(output_fd, out + have, size - 1 - have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	out[have] = '\0';
	char rest[512];
	while (output_fd >= 0 && read(output_fd, rest, sizeof rest) > 0)
		continue;
	for (size_t i = 0; i < have; i++)
		if (out[i] == '\0')
			out[i] = ' ';
	return have;
}

static void fixed_environment(void)
{
	clearenv();
	setenv("PATH", "/usr/local/bin:/usr/bin:/usr/local/sbin:/usr/sbin", 1);
	setenv("LC_ALL", "C", 1);
}

/* The death signal is asked for first and the parent looked at second, so that neither order of events is missed. */
static void tie_to_parent(const struct mst_ritual *ritual)
{
	pid_t parent = getppid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (!ritual->pipes)
		return;
	if (getpgrp() != getpid())
		setpgid(0, 0);
	struct pollfd job = {.fd = MST_WORKER_JOB_FD};
	if (poll(&job, 1, 0) == 1 && (job.revents & POLLHUP) && !(job.revents & POLLIN))
		_exit(1);
}

void mst_ritual_first(const struct mst_ritual *ritual)
{
	umask(077);
	close_range(ritual->pipes ? KEPT_FDS : 3, ~0U, 0);
	for (int fd = 3; ritual->pipes && fd < (int)KEPT_FDS; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (int fd = 0; fd < 3; fd++) /* a closed one would be filled by the next open */
		while (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) >= 0)
			continue;
	tie_to_parent(ritual);
	redirect(ritual);
	fixed_environment();
	prctl(PR_SET_DUMPABLE, 0);
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
}

/* Lowers both limits; never raises what the parent set. */
static int limit(int resource, rlim_t soft, rlim_t hard, const char *name, struct mst_err *err)
{
	struct rlimit now;
	if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
		return mst_err_errno(err, errno, "reading the limit %s", name);
	if (hard < now.rlim_max)
		now.rlim_max = hard;
	now.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &now) != 0)
		return mst_err_errno(err, errno, "setting the limit %s", name);
	return MST_OK;
}

static int set_limits(const struct mst_ritual *ritual, struct mst_err *err)
{
	rlim_t seconds =
	        (rlim_t)((ritual->deadline_ms > 0 ? ritual->deadline_ms : MST_SHARD_DEADLINE_MS) / 1000) * 2 + 60;
	int status = limit(RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES_HARD, "RLIMIT_NOFILE", err);
	if (status == MST_OK)
		status = limit(RLIMIT_CPU, seconds, seconds + 30, "RLIMIT_CPU", err);
	if (status == MST_OK && !ritual->big_files)
		status = limit(RLIMIT_FSIZE, MST_MAX_SEGMENT, MST_MAX_SEGMENT, "RLIMIT_FSIZE", err);
	rlim_t space = ritual->big_files ? ADDRESS_SPACE_IMPORT : ADDRESS_SPACE;
	if (status == MST_OK && !HAVE_ASAN) /* the sanitizer maps terabytes of shadow */
		status = limit(RLIMIT_AS, space, space, "RLIMIT_AS", err);
	return status;
}

/* Root's children get what the bounding set leaves; an ordinary user's what is ambient. Both end up with CAP_NET_RAW or nothing. */
int mst_ritual_capabilities(bool net_raw, struct mst_err *err)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) != 0)
		return mst_err_errno(err, errno, "reading capabilities");
	bool had = data[0].permitted & (1u << CAP_NET_RAW);
	bool may_bound = data[0].effective & (1u << CAP_SETPCAP);
	for (int cap = 0; may_bound && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap != CAP_NET_RAW || !net_raw)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	memset(data, 0, sizeof data);
	if (net_raw && had)
		data[0].permitted = data[0].effective = data[0].inheritable = 1u << CAP_NET_RAW;
	if (syscall(SYS_capset, &header, data) != 0)
		return mst_err_errno(err, errno, "dropping capabilities");
	if (net_raw && had)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0);
	return MST_OK;
}

int mst_ritual_second(const struct mst_ritual *ritual, struct mst_err *err)
{
	struct mst_err landlock = {0};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return mst_err_errno(err, errno, "setting no_new_privs");
	int status = mst_landlock_enter(ritual->write_dirs, &landlock);
	if (status == MST_E_UNSUPPORTED)
		mst_log(MST_LOG_INFO, "worker", "%s", landlock.text);
	else if (status != MST_OK)
		return mst_err_set(err, status, "%s", landlock.text);
	if (!ritual->keep_caps) {
		status = mst_ritual_capabilities(ritual->net_raw, err);
		if (status != MST_OK)
			return status;
	}
	/* Changing capabilities may have cleared both. */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return set_limits(ritual, err);
}
