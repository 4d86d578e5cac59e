/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host names into addresses. getaddrinfo knows no time limit and cannot be interrupted, so a process of its own asks, and
 * is killed when an answer takes too long.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "plugin/control.h"
#include "plugin/host_internal.h"

#define NAME_MS     10000
#define SERVER_PORT 53

/* What the child answers per name: `status` is 0 or an EAI_ number, then `count` addresses. */
struct answer {
	int32_t status;
	uint32_t count;
	struct mst_addr addresses[MST_MAX_RESOLVED];
};

/* Puts `list` in place of the servers of resolv.conf; IPv4 only, as many as the resolver takes. False: none was usable. */
static bool use_servers(const char *list)
{
	struct mst_buf item;
	int count = 0;
	if (res_init() != 0)
		return false;
	mst_buf_init(&item, MST_ADDR_TEXT);
	while (count < MAXNS && mst_str_next_item(&list, ',', &item)) {
		struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(SERVER_PORT)};
		if (inet_pton(AF_INET, mst_buf_text(&item), &server.sin_addr) != 1)
			continue;
		_res.nsaddr_list[count++] = server;
	}
	mst_buf_free(&item);
	_res.nscount = count;
	return count > 0;
}

static void ask(const char *name, struct answer *out)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list = NULL;
	memset(out, 0, sizeof *out);
	out->status = getaddrinfo(name, NULL, &hints, &list);
	if (out->status != 0)
		return;
	for (struct addrinfo *at = list; at && out->count < MST_MAX_RESOLVED; at = at->ai_next) {
		char text[MST_ADDR_TEXT];
		const void *raw = at->ai_family == AF_INET
		                          ? (const void *)&((struct sockaddr_in *)(void *)at->ai_addr)->sin_addr
		                          : (const void *)&((struct sockaddr_in6 *)(void *)at->ai_addr)->sin6_addr;
		if (inet_ntop(at->ai_family, raw, text, sizeof text) &&
		    mst_addr_parse(text, &out->addresses[out->count]))
			out->count++;
	}
	freeaddrinfo(list);
}

__attribute__((noreturn)) static void resolver(int fd, char *const *names, size_t count, const char *servers,
                                               pid_t parent)
{
	struct answer answer;
	mst_control_reset_child();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It needs nothing of the worker's: not its segment, whose lock it would hold, nor its pipes. */
	if (getppid() != parent || dup2(fd, 3) < 0 || close_range(4, ~0U, 0) != 0)
		_exit(1);
	fd = 3;
	if (servers && *servers && !use_servers(servers))
		_exit(1);
	for (size_t i = 0; i < count; i++) {
		ask(names[i], &answer);
		if (mst_file_write_all(fd, &answer, sizeof answer, "answer", NULL) != MST_OK)
			_exit(1);
	}
	_exit(0);
}

/* One answer, whole. */
static int receive(int fd, struct answer *answer, const char *name, struct mst_err *err)
{
	int64_t until = mst_time_monotonic() + NAME_MS;
	size_t have = 0;
	while (have < sizeof *answer) {
		int64_t left = until - mst_time_monotonic();
		int stopped = host_stopped();
		if (stopped != MST_OK)
			return mst_err_set(err, stopped, "stopped while resolving \"%s\"", name);
		if (left <= 0)
			return mst_err_set(err, MST_E_TIMEOUT,
			                   "the host name \"%s\" was not resolved within %d s; check the name servers",
			                   name, NAME_MS / 1000);
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		if (poll(&ready, 1, left < 100 ? (int)left : 100) <= 0)
			continue;
		ssize_t n = read(fd, (char *)answer + have, sizeof *answer - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return mst_err_set(err, MST_E_FAILED,
			                   "resolving \"%s\" failed: no name server of the zone could be used (IPv4 "
			                   "addresses are needed)",
			                   name);
		have += (size_t)n;
	}
	return MST_OK;
}

static int take(const struct answer *answer, const char *name, struct mst_addr_set *set, struct mst_err *err)
{
	if (answer->status != 0 || answer->count == 0)
		return mst_err_set(err, answer->status == EAI_AGAIN ? MST_E_UNAVAILABLE : MST_E_NOT_FOUND,
		                   "the host name \"%s\" cannot be resolved: %s; correct or remove it", name,
		                   answer->status ? gai_strerror(answer->status) : "it has no address");
	for (uint32_t i = 0; i < answer->count && i < MST_MAX_RESOLVED; i++) {
		struct mst_range one = {answer->addresses[i], answer->addresses[i]};
		if (mst_addr_set_add(set, &one) != MST_OK)
			return mst_err_no_memory(err);
	}
	return MST_OK;
}

static int collect(int fd, char *const *names, size_t count, struct mst_addr_set *set, struct mst_err *err)
{
	struct answer answer;
	int status = MST_OK;
	for (size_t i = 0; i < count && status == MST_OK; i++) {
		status = receive(fd, &answer, names[i], err);
		if (status == MST_OK)
			status = take(&answer, names[i], set, err);
	}
	return status;
}

int host_resolve(struct muster_call_state *host, char *const *names, size_t count, const char *servers,
                 struct mst_addr_set *set, struct mst_err *err)
{
	int fds[2];
	pid_t parent = getpid();
	(void)host;
	if (count == 0)
		return MST_OK;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return mst_err_errno(err, errno, "making a pipe");
	pid_t pid = fork();
	if (pid == 0)
		resolver(fds[1], names, count, servers, parent);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return mst_err_errno(err, errno, "starting the resolver process");
	}
	if (mst_control_child_add(pid) != MST_OK)
		kill(pid, SIGKILL);
	int status = collect(fds[0], names, count, set, err);
	close(fds[0]);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	mst_control_child_remove(pid);
	return status;
}
