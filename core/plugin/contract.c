/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "plugin/contract.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "plugin/line.h"

#define CHILD_DEADLINE_MS 60000
#define REPORT_MAX        (1u << 20)
#define RETURNED          77 /* exit status of a child that came to its end, which no plugin has by accident */

struct counting {
	mst_contract_fn fn;
	void *data;
	bool failed;
	char last[128]; /* the last check that was reported: a crash came behind it */
};

static void count(void *data, const char *check, bool ok, const char *text)
{
	struct counting *counting = data;
	counting->failed |= !ok;
	snprintf(counting->last, sizeof counting->last, "%s", check);
	counting->fn(counting->data, check, ok, text);
}

/* In the child: findings travel to the parent as lines. */
static void send_finding(void *data, const char *check, bool ok, const char *text)
{
	struct json_object *line = json_object_new_object();
	mst_json_add_text(line, "check", check);
	mst_json_add_bool(line, "ok", ok);
	mst_json_add_text(line, "text", text);
	mst_line_send(*(int *)data, line, NULL);
}

static void check_manifest(const struct mst_manifest *manifest, int fd)
{
	struct mst_manifest again;
	struct mst_err err;
	struct json_object *json = mst_manifest_to_json(manifest);
	size_t len = 0;
	mst_err_clear(&err);
	bool ok = mst_json_string(json, &len) && len <= MST_MAX_MANIFEST;
	if (!ok)
		mst_err_set(&err, MST_E_LIMIT,
		            "as JSON the manifest has %zu bytes, at most %u are taken; shorten its texts", len,
		            MST_MAX_MANIFEST);
	else if (mst_manifest_from_json(&again, json, &err) == MST_OK)
		mst_manifest_free(&again);
	else
		ok = false;
	send_finding(&fd, "manifest", ok, ok ? "the manifest is whole" : err.text);
	json_object_put(json);
}

__attribute__((noreturn)) static void child(const char *path, int fd)
{
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	struct mst_err err;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	mst_err_clear(&err);
	int status = mst_plugin_load(path, &tables, &manifest, &err);
	send_finding(&fd, "descriptor", status == MST_OK, status == MST_OK ? "the descriptor is accepted" : err.text);
	if (status == MST_OK) {
		check_manifest(&manifest, fd);
		for (size_t i = 0; tables.has_discovery && i < manifest.method_count; i++)
			mst_contract_method(&tables, &manifest.methods[i], send_finding, &fd);
		mst_manifest_free(&manifest);
	}
	_exit(RETURNED);
}

static void take_line(const char *text, size_t len, struct counting *counting)
{
	struct json_object *line = NULL;
	if (mst_json_parse(text, len, "a finding", &line, NULL) == MST_OK && mst_json_text(line, "check", NULL))
		count(counting, mst_json_text(line, "check", ""), mst_json_bool(line, "ok", false),
		      mst_json_text(line, "text", ""));
	json_object_put(line);
}

/* Passes findings on as they come. False when the child did not end in time. */
static bool relay(int fd, struct counting *counting)
{
	struct mst_buf buf;
	int64_t deadline = mst_time_monotonic() + CHILD_DEADLINE_MS;
	bool ended = false;
	mst_buf_init(&buf, REPORT_MAX);
	while (!ended && !buf.failed && mst_time_monotonic() < deadline) {
		char chunk[4096];
		struct pollfd poll_fd = {fd, POLLIN, 0};
		if (poll(&poll_fd, 1, (int)(deadline - mst_time_monotonic())) <= 0)
			continue;
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		ended = n <= 0;
		if (!ended)
			mst_buf_add(&buf, chunk, (size_t)n);
		const char *end;
		while (buf.len > 0 && (end = memchr(buf.data, '\n', buf.len)) != NULL) {
			size_t len = (size_t)(end - buf.data);
			take_line(buf.data, len, counting);
			mst_buf_consume(&buf, len + 1);
		}
	}
	mst_buf_free(&buf);
	return ended;
}

static void report_end(int status, bool in_time, struct counting *counting)
{
	char text[256];
	const char *before = *counting->last ? counting->last : "the start";
	if (!in_time)
		snprintf(text, sizeof text, "it did not come back within %d s, after %.80s; give every wait a limit",
		         CHILD_DEADLINE_MS / 1000, before);
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof text, "it crashed after %.80s: %s; run it under a debugger", before,
		         strsignal(WTERMSIG(status)));
	else
		snprintf(text, sizeof text,
		         "it ended its process after %.80s with status %d; a plugin never calls exit()", before,
		         WEXITSTATUS(status));
	bool ok = in_time && WIFEXITED(status) && WEXITSTATUS(status) == RETURNED;
	count(counting, "process", ok, ok ? "it neither crashed nor hung" : text);
}

int mst_contract_run(const char *path, mst_contract_fn fn, void *data, struct mst_err *err)
{
	struct counting counting = {.fn = fn, .data = data};
	int fds[2], status = 0;
	mst_contract_file(path, count, &counting);
	if (pipe2(fds, O_CLOEXEC) != 0)
		return mst_err_errno(err, errno, "the contract suite: pipe");
	pid_t pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return mst_err_errno(err, errno, "the contract suite: fork");
	}
	if (pid == 0) {
		close(fds[0]);
		child(path, fds[1]);
	}
	close(fds[1]);
	bool in_time = relay(fds[0], &counting);
	if (!in_time)
		kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(fds[0]);
	report_end(status, in_time, &counting);
	return counting.failed ? MST_E_PARTIAL : MST_OK;
}
