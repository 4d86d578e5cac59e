/* SPDX-License-Identifier: Apache-2.0 */
/* muster-worker restore: a backup in the place of a store that nobody has open. Holds the store's lock meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "plugin/control.h"
#include "store/store.h"
#include "worker/worker.h"

#define RESTORE_DEADLINE_MS (2 * 3600 * 1000)
#define PROGRESS_EVERY_MS   200

static int64_t said_at;

static void say(struct json_object *line)
{
	const char *text = mst_json_string(line, NULL);

	if (text && mst_file_write_all(mst_worker_stdout, text, strlen(text), "standard output", NULL) == MST_OK)
		(void)mst_file_write_all(mst_worker_stdout, "\n", 1, "standard output", NULL);
	json_object_put(line);
}

static int on_progress(void *data, int64_t done, int64_t total)
{
	int64_t now = mst_time_monotonic();
	struct json_object *line;

	(void)data;
	if (now - said_at < PROGRESS_EVERY_MS)
		return 0;
	said_at = now;
	line = json_object_new_object();
	mst_json_add_text(line, "type", "progress");
	mst_json_add_int(line, "done", done);
	mst_json_add_int(line, "total", total);
	say(line);
	return 0;
}

static void on_report(void *data, int status, const char *where, const char *text)
{
	struct json_object *line = json_object_new_object();

	(void)data;
	mst_json_add_text(line, "type", "report");
	mst_json_add_text(line, "status", mst_code_name(status));
	mst_json_add_text(line, "where", where);
	mst_json_add_text(line, "text", text);
	say(line);
}

/* No daemon may open the store while its file changes places. */
static int lock_store(const char *store, struct mst_err *err)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s.lock", store);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return mst_err_errno(err, errno, "cannot open the lock %s: make its folder writable", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return MST_OK; /* until this process ends */
	close(fd);
	return mst_err_set(err, MST_E_REFUSED, "%s is in use: end the musterd that has it, then restore", store);
}

static int folder_of(const char *path, char *out, size_t size, struct mst_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash == path ? 1 : (size_t)(slash - path);

	if (path[0] != '/' || length >= size)
		return mst_err_set(err, MST_E_USAGE, "the store's path must be absolute");
	memcpy(out, path, length);
	out[length] = '\0';
	return MST_OK;
}

static int restore(char **argv, struct mst_err *err)
{
	const struct muster_store_watch watch = {.size = sizeof(watch), .progress = on_progress, .report = on_report};
	struct json_object *options = json_object_new_object();
	struct mst_store_class *store_class = NULL;
	int rc = lock_store(argv[3], err);

	mst_json_add_text(options, "path", argv[3]);
	if (rc == MST_OK)
		rc = mst_store_class_new(&store_class, argv[1], options, err);
	if (rc == MST_OK)
		rc = mst_store_restore(store_class, argv[2], &watch, err);
	if (store_class)
		mst_store_class_free(store_class);
	json_object_put(options);
	return rc;
}

int mst_worker_restore(int argc, char **argv)
{
	/* A restored file keeps the owner of the old one, which takes a capability. */
	struct mst_ritual ritual = {
	        .keep_output = true, .keep_caps = true, .big_files = true, .deadline_ms = RESTORE_DEADLINE_MS};
	struct mst_err err = {.code = MST_OK};
	struct json_object *line;
	char folder[4096];
	int rc = folder_of(argv[3], folder, sizeof(folder), &err);

	(void)argc;
	mst_ritual_first(&ritual);
	ritual.write_dirs[0] = folder;
	if (rc == MST_OK)
		rc = mst_file_mkdirs(folder, 0700, &err);
	if (rc == MST_OK)
		rc = mst_control_start(-1, -1, RESTORE_DEADLINE_MS, &err);
	if (rc == MST_OK)
		rc = mst_ritual_second(&ritual, &err);
	if (rc == MST_OK)
		rc = restore(argv, &err);
	line = json_object_new_object();
	mst_json_add_text(line, "type", "end");
	mst_json_add_text(line, "status", mst_code_name(rc));
	mst_json_add_text(line, "text", rc == MST_OK ? "" : err.text);
	say(line);
	return rc;
}
