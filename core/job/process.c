/* SPDX-License-Identifier: Apache-2.0 */
#include "job/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "secret/envelope.h"

/* After the worker is gone its pipe should be at its end; something else may hold it open, which must not hold us. */
#define EOF_GUARD_MS 1000

struct mst_processes {
	uv_loop_t *loop;
	uv_signal_t child;
	struct mst_process *first;
	size_t count;
};

struct mst_process {
	struct mst_processes *set;
	struct mst_process *next;
	const struct mst_process_ops *ops;
	void *data;
	char plugin[32];
	pid_t pid;
	uv_pipe_t control, lines;
	uv_timer_t timer;
	uv_write_t job_write, cancel_write;
	struct mst_secret *job; /* until it is written */
	struct mst_buf in;
	char block[16384];
	int open_handles, wait_status, status;
	bool exited, at_end, cancelled, timed_out, killed, has_end, finished;
	int64_t records;
	char text[MST_ERR_TEXT];
};

static void on_timer(uv_timer_t *timer);

static void on_closed(uv_handle_t *handle)
{
	struct mst_process *process = handle->data;

	if (--process->open_handles > 0)
		return;
	mst_secret_free(process->job);
	mst_buf_free(&process->in);
	free(process);
}

/* The loop's clock stands still while a callback runs: a grace counted from it would be shorter by that time. */
static void set_timer(struct mst_process *process, uint64_t ms)
{
	uv_update_time(process->set->loop);
	uv_timer_start(&process->timer, on_timer, ms, 0);
}

static void unlink_process(struct mst_process *process)
{
	for (struct mst_process **at = &process->set->first; *at; at = &(*at)->next) {
		if (*at == process) {
			*at = process->next;
			process->set->count--;
			return;
		}
	}
}

static void describe_death(struct mst_process *process, struct mst_process_end *end, char *text, size_t size)
{
	end->status = MST_E_FAILED;
	end->crashed = true;
	if (WIFSIGNALED(process->wait_status))
		snprintf(text, size, "plugin %s crashed (signal %d)", process->plugin, WTERMSIG(process->wait_status));
	else
		snprintf(text, size, "plugin %s ended without a result (exit status %d)%s%s", process->plugin,
		         WEXITSTATUS(process->wait_status), process->text[0] ? ": " : "", process->text);
}

static void finish(struct mst_process *process)
{
	struct mst_process_end end = {.status = process->status, .text = process->text, .records = process->records};
	char text[MST_ERR_TEXT + 128];

	if (process->finished)
		return;
	process->finished = true;
	if (process->timed_out && (!process->has_end || process->killed)) {
		end.status = MST_E_TIMEOUT;
		end.text = "worker killed at its deadline";
	} else if (!process->has_end && process->cancelled) {
		end.status = MST_E_CANCELLED;
		end.text = "stopped";
	} else if (!process->has_end) {
		describe_death(process, &end, text, sizeof(text));
		end.text = text;
	}
	unlink_process(process);
	uv_close((uv_handle_t *)&process->control, on_closed);
	uv_close((uv_handle_t *)&process->lines, on_closed);
	uv_close((uv_handle_t *)&process->timer, on_closed);
	process->ops->ended(process->data, &end);
}

static void maybe_finish(struct mst_process *process)
{
	if (process->exited && process->at_end)
		finish(process);
}

static void broken_line(struct mst_process *process, const char *why)
{
	mst_log(MST_LOG_WARNING, "job", "worker of plugin %s (pid %ld) %s", process->plugin, (long)process->pid, why);
	snprintf(process->text, sizeof(process->text), "it %s", why);
	mst_process_kill(process);
}

static void take_line(struct mst_process *process, const char *text, size_t len)
{
	struct json_object *line = NULL;
	const char *type;

	if (len == 0 || process->has_end)
		return;
	if (mst_json_parse(text, len, "a worker's line", &line, NULL) != MST_OK ||
	    !json_object_is_type(line, json_type_object)) {
		json_object_put(line);
		broken_line(process, "sent a line that is no JSON object");
		return;
	}
	type = mst_json_text(line, "type", "");
	if (strcmp(type, "end") == 0) {
		const char *status = mst_json_text(line, "status", "failed");

		process->has_end = true;
		process->status = mst_code_from_name(status);
		process->records = mst_json_int(line, "records", 0);
		snprintf(process->text, sizeof(process->text), "%s", mst_json_text(line, "text", ""));
	} else {
		process->ops->line(process->data, line, type);
	}
	json_object_put(line);
}

static void take_lines(struct mst_process *process)
{
	char *end;

	while (process->in.len > 0 && (end = memchr(process->in.data, '\n', process->in.len)) != NULL) {
		size_t len = (size_t)(end - process->in.data);

		take_line(process, process->in.data, len);
		mst_buf_consume(&process->in, len + 1);
	}
	if (process->in.len > MST_MAX_LINE) {
		mst_buf_reset(&process->in);
		broken_line(process, "sent a line over 256 KiB");
	}
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct mst_process *process = handle->data;

	(void)size;
	*buf = uv_buf_init(process->block, sizeof(process->block));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct mst_process *process = stream->data;

	if (n > 0) {
		(void)mst_buf_add(&process->in, buf->base, (size_t)n);
		take_lines(process);
	} else if (n < 0) {
		uv_read_stop(stream);
		process->at_end = true;
		maybe_finish(process);
	}
}

/* A group that we created keeps its number while its leader is a zombie, so it is killed before the leader is reaped. */
static void look_after(struct mst_process *process)
{
	siginfo_t info = {0};

	if (process->exited || waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	    info.si_pid == 0)
		return;
	(void)kill(-process->pid, SIGKILL);
	while (waitpid(process->pid, &process->wait_status, 0) < 0 && errno == EINTR)
		continue;
	process->exited = true;
	set_timer(process, EOF_GUARD_MS);
	maybe_finish(process);
}

static void on_child(uv_signal_t *handle, int number)
{
	struct mst_processes *set = handle->data;
	struct mst_process *process = set->first, *next;

	(void)number;
	for (; process; process = next) {
		next = process->next;
		look_after(process);
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct mst_process *process = timer->data;

	if (process->exited) {
		finish(process);
	} else if (!process->cancelled) {
		process->timed_out = true;
		mst_process_cancel(process);
	} else {
		mst_process_kill(process);
	}
}

static void on_job_written(uv_write_t *request, int status)
{
	struct mst_process *process = request->handle->data;

	(void)status;
	mst_secret_free(process->job);
	process->job = NULL;
}

static void on_written(uv_write_t *request, int status)
{
	(void)request; /* a worker that reads no more is noticed by its end */
	(void)status;
}

void mst_process_cancel(struct mst_process *process)
{
	uv_buf_t word = uv_buf_init((char *)"cancel\n", 7);

	if (process->cancelled || process->exited)
		return;
	process->cancelled = true;
	(void)uv_write(&process->cancel_write, (uv_stream_t *)&process->control, &word, 1, on_written);
	set_timer(process, MST_CANCEL_GRACE_MS);
}

void mst_process_kill(struct mst_process *process)
{
	if (process->exited || process->killed)
		return;
	process->killed = true;
	(void)kill(-process->pid, SIGKILL);
}

static int open_pipes(int fds[4], struct mst_err *err)
{
	for (int i = 0; i < 4; i++)
		fds[i] = -1;
	if (pipe2(fds, O_CLOEXEC) != 0 || pipe2(fds + 2, O_CLOEXEC) != 0)
		return mst_err_errno(err, errno, "cannot make a worker's pipes");
	return MST_OK;
}

static void close_fds(int fds[4])
{
	for (int i = 0; i < 4; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void start_handles(struct mst_process *process, int control, int lines, int64_t deadline_ms)
{
	uv_buf_t job = uv_buf_init((char *)(uintptr_t)mst_secret_data(process->job),
	                           (unsigned)mst_secret_length(process->job));

	uv_pipe_init(process->set->loop, &process->control, 0);
	uv_pipe_init(process->set->loop, &process->lines, 0);
	uv_timer_init(process->set->loop, &process->timer);
	process->control.data = process->lines.data = process->timer.data = process;
	process->open_handles = 3;
	uv_pipe_open(&process->control, control);
	uv_pipe_open(&process->lines, lines);
	uv_write(&process->job_write, (uv_stream_t *)&process->control, &job, 1, on_job_written);
	uv_read_start((uv_stream_t *)&process->lines, on_alloc, on_read);
	set_timer(process, (uint64_t)(deadline_ms + MST_CANCEL_GRACE_MS));
}

static int add_text(struct mst_secret *job, const char *text, struct mst_err *err)
{
	return mst_secret_add(job, text, strlen(text), "the job", err);
}

/* json-c leaves copies of all that it writes in freed memory, so secrets never go through it. */
static int add_secrets(struct mst_secret *job, const struct mst_process_start *start, struct mst_err *err)
{
	int rc = add_text(job, ",\"secrets\":{", err);

	for (size_t i = 0; rc == MST_OK && i < start->secret_count; i++) {
		rc = add_text(job, i > 0 ? ",\"" : "\"", err);
		if (rc == MST_OK)
			rc = add_text(job, start->secrets[i].option, err);
		if (rc == MST_OK)
			rc = add_text(job, "\":\"", err);
		if (rc == MST_OK)
			rc = mst_secret_add_base64(job, start->secrets[i].value, err);
		if (rc == MST_OK)
			rc = add_text(job, "\"", err);
	}
	return rc == MST_OK ? add_text(job, "}}", err) : rc;
}

static int copy_job(struct mst_process *process, const struct mst_process_start *start, struct mst_err *err)
{
	size_t len = 0, room;
	const char *text = mst_json_string(start->job, &len);
	int rc;

	if (!text)
		return mst_err_no_memory(err);
	room = len + 64;
	for (size_t i = 0; i < start->secret_count; i++)
		room += strlen(start->secrets[i].option) + mst_secret_length(start->secrets[i].value) * 4 / 3 + 16;
	if (room >= MST_MAX_JOB)
		return mst_err_set(err, MST_E_LIMIT,
		                   "the job for plugin %s is larger than %u bytes: name fewer targets", process->plugin,
		                   MST_MAX_JOB);
	process->job = mst_secret_new(room);
	if (!process->job)
		return mst_err_no_memory(err);
	rc = mst_secret_add(process->job, text, start->secret_count > 0 ? len - 1 : len, "the job", err);
	if (rc == MST_OK && start->secret_count > 0)
		rc = add_secrets(process->job, start, err);
	return rc == MST_OK ? add_text(process->job, "\n", err) : rc;
}

int mst_process_start(struct mst_process **out, struct mst_processes *set, const struct mst_process_start *start,
                      const struct mst_process_ops *ops, void *data, struct mst_err *err)
{
	struct mst_process *process = calloc(1, sizeof(*process));
	int fds[4], rc;

	*out = NULL;
	if (!process)
		return mst_err_no_memory(err);
	process->set = set;
	process->ops = ops;
	process->data = data;
	snprintf(process->plugin, sizeof(process->plugin), "%s", start->plugin);
	mst_buf_init(&process->in, MST_MAX_LINE + sizeof(process->block) + 1);
	rc = copy_job(process, start, err);
	if (rc == MST_OK) {
		rc = open_pipes(fds, err);
		if (rc == MST_OK)
			rc = mst_process_spawn(start, fds[0], fds[3], &process->pid, err);
		if (rc != MST_OK)
			close_fds(fds);
	}
	if (rc != MST_OK) {
		mst_secret_free(process->job);
		mst_buf_free(&process->in);
		free(process);
		return rc;
	}
	close(fds[0]);
	close(fds[3]);
	process->next = set->first;
	set->first = process;
	set->count++;
	start_handles(process, fds[1], fds[2], start->deadline_ms);
	mst_log(MST_LOG_DEBUG, "job", "worker %s of plugin %s has pid %ld", start->verb, start->plugin,
	        (long)process->pid);
	*out = process;
	return MST_OK;
}

int mst_processes_new(struct mst_processes **out, uv_loop_t *loop, struct mst_err *err)
{
	struct mst_processes *set = calloc(1, sizeof(*set));

	*out = set;
	if (!set)
		return mst_err_no_memory(err);
	set->loop = loop;
	uv_signal_init(loop, &set->child);
	set->child.data = set;
	uv_signal_start(&set->child, on_child, SIGCHLD);
	return MST_OK;
}

static void on_set_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void mst_processes_close(struct mst_processes *set)
{
	uv_signal_stop(&set->child);
	uv_close((uv_handle_t *)&set->child, on_set_closed);
}

size_t mst_processes_count(const struct mst_processes *set)
{
	return set->count;
}
