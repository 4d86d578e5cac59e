/* SPDX-License-Identifier: Apache-2.0 */
/* A backup in the place of the store. No service may have it: an idle private one is asked to end, any other is named. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/child.h"
#include "cli/output.h"
#include "cli/store.h"
#include "conf/settings.h"

#define RESTORE_LIMIT_MS (2 * 3600 * 1000)
#define END_LIMIT_MS     15000

struct restoring {
	struct mst_cli *cli;
	char source[PATH_MAX], store[PATH_MAX], plugin[PATH_MAX];
	bool is_private;
	char aside[PATH_MAX];
	char status[32], text[MST_ERR_TEXT]; /* of the worker's last line */
};

static int private_default(char out[PATH_MAX], struct mst_err *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n;

	if (data && data[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/muster/muster.db", data);
	else if (home && home[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/.local/share/muster/muster.db", home);
	else
		n = -1;
	return n > 0 && n < PATH_MAX ? MST_OK
	                             : mst_err_set(err, MST_E_USAGE,
	                                           "it is not clear which store is meant: name it with --store FILE");
}

static int absolute(const char *path, char out[PATH_MAX], struct mst_err *err)
{
	char here[PATH_MAX];

	if (path[0] == '/' && strlen(path) < PATH_MAX) {
		snprintf(out, PATH_MAX, "%s", path);
		return MST_OK;
	}
	if (!getcwd(here, sizeof(here)) || (size_t)snprintf(out, PATH_MAX, "%s/%s", here, path) >= PATH_MAX)
		return mst_err_set(err, MST_E_USAGE, "the path %.200s is too long", path);
	return MST_OK;
}

/* The store that the service here would open, and the plugin that knows it. */
static int find_store(struct restoring *r, struct mst_err *err)
{
	struct mst_cli *cli = r->cli;
	struct mst_settings settings = {0};
	struct mst_faults faults = {0};
	const struct mst_manifest *plugin = NULL;
	char *config = mst_cli_config_path(cli);
	bool system_config = config && (strcmp(config, MST_SYSCONFDIR "/muster.conf") == 0 ||
	                                strcmp(config, "/etc/muster/muster.conf") == 0);
	int rc = mst_cli_settings(cli, config, &settings, &faults, err);

	r->is_private = cli->target.store || cli->target.private_store || !system_config;
	if (rc == MST_OK && cli->target.store)
		rc = absolute(cli->target.store, r->store, err);
	else if (rc == MST_OK && settings.store_path)
		rc = absolute(settings.store_path, r->store, err);
	else if (rc == MST_OK && !r->is_private)
		rc = absolute(MST_STATEDIR "/muster.db", r->store, err);
	else if (rc == MST_OK)
		rc = private_default(r->store, err);
	if (rc == MST_OK && (!mst_plugin_list_method(&cli->plugins, settings.store_kind, &plugin) || !plugin->store))
		rc = mst_err_set(err, MST_E_NOT_FOUND, "no plugin offers the store \"%s\": 'muster plugins' says why",
		                 settings.store_kind);
	if (rc == MST_OK)
		snprintf(r->plugin, sizeof(r->plugin), "%s", plugin->path);
	mst_settings_free(&settings);
	mst_faults_free(&faults);
	free(config);
	return rc;
}

/* -1: nobody has the store. Else the lock's content is the holder's. */
static bool is_held(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool held;

	if (fd < 0)
		return false; /* the worker says why it cannot be opened */
	held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

static int held_by(const struct restoring *r, struct json_object *holder, const char *why, struct mst_err *err)
{
	return mst_err_set(err, MST_E_REFUSED, "%s is in use by musterd with pid %lld%s: %s", r->store,
	                   (long long)mst_json_int(holder, "pid", 0), why,
	                   mst_json_bool(holder, "private", false) ? "wait for it, or end it, then restore"
	                                                           : "systemctl stop muster, then restore");
}

/* Does a run go on there? A service that does not answer is taken as busy. */
static bool is_idle(struct json_object *holder)
{
	struct mst_client client = {.http.fd = -1};
	struct json_object *status = NULL;
	bool idle = false;

	snprintf(client.socket_path, sizeof(client.socket_path), "%s", mst_json_text(holder, "socket", ""));
	if (mst_http_connect(&client.http, client.socket_path, NULL) != MST_OK)
		return false;
	client.connected = true;
	if (mst_client_call(&client, "GET", "/v1/status", NULL, &status, NULL) == MST_OK)
		idle = mst_json_bool(status, "private", false) &&
		       mst_json_int(mst_json_object(status, "runs"), "running", 1) == 0;
	json_object_put(status);
	mst_client_close(&client);
	return idle;
}

static int end_holder(const struct restoring *r, struct json_object *holder, const char *lock, struct mst_err *err)
{
	int64_t until = mst_time_monotonic() + END_LIMIT_MS;
	pid_t pid = (pid_t)mst_json_int(holder, "pid", 0);

	if (!mst_json_bool(holder, "private", false))
		return held_by(r, holder, "", err);
	if (!is_idle(holder))
		return held_by(r, holder, ", and a run is going on", err);
	if (pid <= 1 || kill(pid, SIGTERM) != 0)
		return held_by(r, holder, ", which could not be ended", err);
	while (is_held(lock)) {
		if (mst_time_monotonic() > until)
			return held_by(r, holder, ", which does not end", err);
		(void)poll(NULL, 0, 50);
	}
	return MST_OK;
}

static int make_free(const struct restoring *r, struct mst_err *err)
{
	struct json_object *holder = NULL;
	struct mst_buf text;
	char lock[PATH_MAX + 8];
	int rc = MST_OK;

	snprintf(lock, sizeof(lock), "%s.lock", r->store);
	if (!is_held(lock))
		return MST_OK;
	mst_buf_init(&text, 65536);
	if (mst_file_read(lock, 65536, &text, NULL) == MST_OK && text.len > 0)
		(void)mst_json_parse(text.data, text.len, lock, &holder, NULL);
	rc = end_holder(r, holder, lock, err);
	json_object_put(holder);
	mst_buf_free(&text);
	return rc;
}

static void on_line(void *data, const char *line)
{
	struct restoring *r = data;
	struct json_object *object = NULL;
	const char *type;

	if (mst_json_parse(line, strlen(line), "the worker's answer", &object, NULL) != MST_OK || !object)
		return;
	type = mst_json_text(object, "type", "");
	if (strcmp(type, "progress") == 0) {
		mst_store_progress(r->cli, "copying and checking the backup", mst_json_int(object, "done", 0),
		                   mst_json_int(object, "total", 0));
	} else if (strcmp(type, "report") == 0) {
		snprintf(r->aside, sizeof(r->aside), "%s", mst_json_text(object, "where", ""));
	} else if (strcmp(type, "end") == 0) {
		snprintf(r->status, sizeof(r->status), "%s", mst_json_text(object, "status", ""));
		snprintf(r->text, sizeof(r->text), "%s", mst_json_text(object, "text", ""));
	}
	json_object_put(object);
}

static int run_worker(struct restoring *r, struct mst_err *err)
{
	struct mst_paths paths;
	int status = 0, rc = mst_paths_find(&paths, err);
	const char *const argv[] = {paths.worker, "restore", r->plugin, r->source, r->store, NULL};

	if (rc == MST_OK)
		rc = mst_child_run(argv, RESTORE_LIMIT_MS, on_line, r, &status, err);
	mst_store_progress(r->cli, NULL, 0, 0);
	if (rc != MST_OK || (status == 0 && strcmp(r->status, "ok") == 0))
		return rc;
	return mst_err_set(err, r->status[0] ? mst_code_from_name(r->status) : MST_E_FAILED, "%s",
	                   r->text[0] ? r->text : "the worker ended without a word; nothing was changed");
}

static void say_done(const struct restoring *r)
{
	struct json_object *answer;

	if (r->cli->format != MST_CLI_TABLE) {
		answer = json_object_new_object();
		mst_json_add_text(answer, "store", r->store);
		mst_json_add_text(answer, "old_store", r->aside);
		(r->cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(answer);
		json_object_put(answer);
		return;
	}
	mst_out_text(stdout, r->store);
	puts(" is restored");
	if (!r->aside[0])
		return;
	fputs("the old store is kept: ", stdout);
	mst_out_text(stdout, r->aside);
	putchar('\n');
}

int mst_store_restore_run(struct mst_cli *cli, struct mst_err *err)
{
	struct restoring *r = calloc(1, sizeof(*r));
	int rc = r ? MST_OK : mst_err_no_memory(err);

	if (rc == MST_OK && cli->target.server)
		rc = mst_err_set(err, MST_E_USAGE,
		                 "a running service cannot be restored: stop it, and restore on its own machine");
	if (rc == MST_OK && cli->format == MST_CLI_CSV)
		rc = mst_err_set(err, MST_E_USAGE, "a restore is no table: use --json");
	if (rc == MST_OK) {
		r->cli = cli;
		rc = absolute(cli->words[0], r->source, err);
	}
	if (rc == MST_OK && access(r->source, R_OK) != 0)
		rc = mst_err_errno(err, errno, "cannot read %s", r->source);
	if (rc == MST_OK)
		rc = find_store(r, err);
	if (rc == MST_OK)
		rc = make_free(r, err);
	if (rc == MST_OK)
		rc = run_worker(r, err);
	if (rc == MST_OK)
		say_done(r);
	free(r);
	return rc;
}
