/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long work on the store: a copy of it, or a look at all of it. One task at a time, on a thread and a store instance of its own, so
 * that no request waits. A copy lies in the spool without a name: when its descriptor goes, so does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/call.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "import/import.h"
#include "store/collections.h"

#define FINDINGS_MAX 300u
/* A finished task that nobody asks for any more is forgotten after this long. */
#define KEPT_SECONDS 600

enum task_kind { TASK_BACKUP = 1, TASK_VERIFY };
enum task_state { TASK_RUNNING = 1, TASK_DONE, TASK_FAILED };

struct mst_task {
	struct mst_api *api;
	pthread_t thread;
	pthread_cond_t wake;
	char id[MST_ID_SIZE], by[64];
	int kind;
	/* under api->task_lock */
	int state, fd; /* fd: of the copy, -1: none */
	bool stop, ended;
	int64_t done, total, bytes, started;
	const char *part; /* what it is at; static */
	struct json_object *findings, *documents;
	size_t left_out;
	struct mst_err err;
};

static int on_progress(void *data, int64_t done, int64_t total)
{
	struct mst_task *task = data;
	bool stop;

	pthread_mutex_lock(&task->api->task_lock);
	task->done = done;
	task->total = total;
	stop = task->stop;
	pthread_mutex_unlock(&task->api->task_lock);
	return stop;
}

static void on_report(void *data, int status, const char *where, const char *text)
{
	struct mst_task *task = data;

	pthread_mutex_lock(&task->api->task_lock);
	if (json_object_array_length(task->findings) < FINDINGS_MAX) {
		struct json_object *item = json_object_new_object();

		mst_json_add_text(item, "status", mst_code_name(status));
		mst_json_add_text(item, "where", where);
		mst_json_add_text(item, "text", text);
		mst_json_push(task->findings, item);
	} else {
		task->left_out++;
	}
	pthread_mutex_unlock(&task->api->task_lock);
}

static void enter_part(struct mst_task *task, const char *part)
{
	pthread_mutex_lock(&task->api->task_lock);
	task->part = part;
	task->done = task->total = 0;
	pthread_mutex_unlock(&task->api->task_lock);
}

/* The copy keeps its descriptor and loses its name. */
static int take_copy(struct mst_task *task, const char *path, struct mst_err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), code = errno;

	(void)unlink(path);
	if (fd < 0 || fstat(fd, &st) != 0) {
		if (fd >= 0)
			close(fd);
		return mst_err_errno(err, code, "cannot open the copy %s", path);
	}
	pthread_mutex_lock(&task->api->task_lock);
	task->fd = fd;
	task->bytes = st.st_size;
	pthread_mutex_unlock(&task->api->task_lock);
	return MST_OK;
}

static int backup(struct mst_task *task, struct mst_store *store, const struct muster_store_watch *watch,
                  struct mst_err *err)
{
	char path[4300];
	int rc;

	snprintf(path, sizeof(path), "%s/uploads/%s.backup", task->api->setup.spool, task->id);
	enter_part(task, "copy");
	rc = mst_store_backup(store, path, watch, err);
	return rc == MST_OK ? take_copy(task, path, err) : rc;
}

static int count_all(struct mst_task *task, struct mst_store *store, struct mst_err *err)
{
	struct json_object *documents = json_object_new_object();
	size_t count;
	const struct muster_collection *all = mst_collections(&count);
	int rc = MST_OK;

	for (size_t i = 0; i < count && rc == MST_OK; i++) {
		int64_t number = 0;

		rc = mst_store_count(store, all[i].name, NULL, &number, err);
		if (rc == MST_E_CORRUPT) { /* a finding, not the end */
			on_report(task, rc, all[i].name, err->text);
			rc = MST_OK;
			continue;
		}
		mst_json_add_int(documents, all[i].name, number);
	}
	pthread_mutex_lock(&task->api->task_lock);
	task->documents = documents;
	pthread_mutex_unlock(&task->api->task_lock);
	return rc;
}

/* Documents of a store whose pages are damaged cannot be compared: then the damage is the answer. */
static int verify(struct mst_task *task, struct mst_store *store, const struct muster_store_watch *watch,
                  struct mst_err *err)
{
	int rc;

	enter_part(task, "pages");
	rc = mst_store_verify(store, watch, err);
	if (rc == MST_OK) {
		enter_part(task, "documents");
		rc = mst_import_verify(store, watch, err);
		if (rc == MST_E_CORRUPT) {
			on_report(task, rc, "documents", err->text);
			rc = MST_OK;
		}
	}
	return rc == MST_OK ? count_all(task, store, err) : rc;
}

/* Under the lock. */
static void linger(struct mst_task *task)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += KEPT_SECONDS;
	while (!task->stop && pthread_cond_timedwait(&task->wake, &task->api->task_lock, &until) != ETIMEDOUT)
		continue;
}

static void *run(void *data)
{
	struct mst_task *task = data;
	const struct muster_store_watch watch = {
	        .size = sizeof(watch), .data = task, .progress = on_progress, .report = on_report};
	struct mst_store *store = NULL;
	struct mst_err err = {.code = MST_OK};
	int rc = mst_store_open(&store, task->api->setup.store_class, false, &err);

	if (rc == MST_OK)
		rc = task->kind == TASK_BACKUP ? backup(task, store, &watch, &err) : verify(task, store, &watch, &err);
	if (store)
		mst_store_close(store);
	if (rc != MST_OK && rc != MST_E_CANCELLED)
		mst_log(MST_LOG_WARNING, "api", "%s of the store: %s", task->kind == TASK_BACKUP ? "backup" : "check",
		        err.text);
	pthread_mutex_lock(&task->api->task_lock);
	task->err = err;
	task->state = rc == MST_OK ? TASK_DONE : TASK_FAILED;
	linger(task);
	if (task->fd >= 0)
		close(task->fd);
	task->fd = -1;
	task->ended = true;
	pthread_mutex_unlock(&task->api->task_lock);
	return NULL;
}

static void task_free(struct mst_task *task)
{
	pthread_join(task->thread, NULL);
	pthread_cond_destroy(&task->wake);
	json_object_put(task->findings);
	json_object_put(task->documents);
	free(task);
}

void mst_tasks_end(struct mst_api *api)
{
	struct mst_task *task;

	pthread_mutex_lock(&api->task_lock);
	task = api->task;
	api->task = NULL;
	if (task) {
		task->stop = true;
		pthread_cond_signal(&task->wake);
	}
	pthread_mutex_unlock(&api->task_lock);
	if (task)
		task_free(task);
}

static const char *kind_word(const struct mst_task *task)
{
	return task->kind == TASK_BACKUP ? "backup" : "verify";
}

static struct json_object *task_json(const struct mst_task *task)
{
	static const char *const states[] = {"", "running", "done", "failed"};
	struct json_object *out = json_object_new_object();

	mst_json_add_text(out, "task", task->id);
	mst_json_add_text(out, "kind", kind_word(task));
	mst_json_add_text(out, "state", states[task->state]);
	mst_json_add_text(out, "part", task->part);
	mst_json_add_text(out, "by", task->by);
	mst_json_add_int(out, "started", task->started);
	mst_json_add_int(out, "done", task->done);
	mst_json_add_int(out, "total", task->total);
	if (task->state == TASK_FAILED) {
		mst_json_add_text(out, "error", mst_code_name(task->err.code));
		mst_json_add_text(out, "text", task->err.text);
	}
	if (task->fd >= 0)
		mst_json_add_int(out, "bytes", task->bytes);
	if (task->kind == TASK_VERIFY) {
		struct json_object *findings = NULL, *documents = NULL;

		/* Copies: the answer is written by another thread. */
		if (json_object_deep_copy(task->findings, &findings, NULL) == 0)
			mst_json_put(out, "findings", findings);
		mst_json_add_int(out, "left_out", (int64_t)task->left_out);
		if (task->documents && json_object_deep_copy(task->documents, &documents, NULL) == 0)
			mst_json_put(out, "documents", documents);
	}
	return out;
}

/* Under the lock: room for a new task, once the one before it is through. */
static int make_room(struct mst_api *api, struct mst_err *err)
{
	struct mst_task *task = api->task;

	/* One that was told to stop does so within a second: it is waited for. */
	if (task && task->state == TASK_RUNNING && !task->stop)
		return mst_err_set(err, MST_E_CONFLICT,
		                   "a %s of the store is going on, started by %s: try again when it is done",
		                   kind_word(task), task->by);
	if (task) {
		task->stop = true;
		pthread_cond_signal(&task->wake);
		api->task = NULL;
		pthread_mutex_unlock(&api->task_lock);
		task_free(task);
		pthread_mutex_lock(&api->task_lock);
	}
	return api->task ? mst_err_set(err, MST_E_CONFLICT, "another task was quicker: try again when it is done")
	                 : MST_OK;
}

static int start_task(struct mst_call *call, int kind, struct mst_err *err)
{
	struct mst_api *api = call->api;
	struct mst_task *task = calloc(1, sizeof(*task));
	int rc;

	if (!task)
		return mst_err_no_memory(err);
	task->api = api;
	task->kind = kind;
	task->state = TASK_RUNNING;
	task->fd = -1;
	task->part = "";
	task->started = mst_time_now();
	task->findings = json_object_new_array();
	pthread_cond_init(&task->wake, NULL);
	mst_id_new(task->id);
	snprintf(task->by, sizeof(task->by), "%s", call->by);
	pthread_mutex_lock(&api->task_lock);
	rc = make_room(api, err);
	if (rc == MST_OK && pthread_create(&task->thread, NULL, run, task) != 0)
		rc = mst_err_no_memory(err);
	if (rc == MST_OK) {
		api->task = task;
		call->answer = task_json(task);
		call->status = 202;
	}
	pthread_mutex_unlock(&api->task_lock);
	if (rc != MST_OK) {
		pthread_cond_destroy(&task->wake);
		json_object_put(task->findings);
		free(task);
	}
	return rc;
}

int mst_api_backup(struct mst_call *call, struct mst_err *err)
{
	return start_task(call, TASK_BACKUP, err);
}

int mst_api_verify(struct mst_call *call, struct mst_err *err)
{
	return start_task(call, TASK_VERIFY, err);
}

/* Under the lock. */
static struct mst_task *find_task(struct mst_call *call, struct mst_err *err)
{
	struct mst_task *task = call->api->task;

	if (task && !task->ended && strcmp(task->id, call->captures[0]) == 0)
		return task;
	mst_err_set(err, MST_E_NOT_FOUND, "there is no such task, or it is over: start it again");
	return NULL;
}

int mst_api_task(struct mst_call *call, struct mst_err *err)
{
	struct mst_task *task;

	pthread_mutex_lock(&call->api->task_lock);
	task = find_task(call, err);
	if (task)
		call->answer = task_json(task);
	pthread_mutex_unlock(&call->api->task_lock);
	return task ? MST_OK : MST_E_NOT_FOUND;
}

int mst_api_task_drop(struct mst_call *call, struct mst_err *err)
{
	struct mst_task *task;

	pthread_mutex_lock(&call->api->task_lock);
	task = find_task(call, err);
	if (task) {
		task->stop = true;
		pthread_cond_signal(&task->wake);
		call->answer = json_object_new_object();
	}
	pthread_mutex_unlock(&call->api->task_lock);
	return task ? MST_OK : MST_E_NOT_FOUND;
}

struct content {
	int fd;
	off_t at;
};

static int content_next(void *data, struct mst_buf *out, struct mst_err *err)
{
	struct content *content = data;
	char block[65536];
	ssize_t n;

	do
		n = pread(content->fd, block, sizeof(block), content->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return mst_err_errno(err, errno, "cannot read the copy");
	if (n == 0)
		return MST_E_END;
	content->at += n;
	return mst_buf_add(out, block, (size_t)n) == 0 ? MST_OK : mst_err_no_memory(err);
}

static void content_free(void *data)
{
	struct content *content = data;

	close(content->fd);
	free(content);
}

int mst_api_task_content(struct mst_call *call, struct mst_err *err)
{
	struct content *content = calloc(1, sizeof(*content));
	struct mst_task *task;
	int rc = MST_OK;

	if (!content)
		return mst_err_no_memory(err);
	content->fd = -1;
	pthread_mutex_lock(&call->api->task_lock);
	task = find_task(call, err);
	if (!task)
		rc = MST_E_NOT_FOUND;
	else if (task->fd < 0)
		rc = mst_err_set(err, MST_E_CONFLICT, "the copy is not there: wait until the task's state is done");
	else if ((content->fd = fcntl(task->fd, F_DUPFD_CLOEXEC, 10)) < 0)
		rc = mst_err_errno(err, errno, "cannot open the copy");
	pthread_mutex_unlock(&call->api->task_lock);
	if (rc != MST_OK) {
		free(content);
		return rc;
	}
	rc = mst_call_stream(call, content_next, content_free, content, err);
	call->content_type = "application/octet-stream";
	return rc;
}
