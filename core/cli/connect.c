/* SPDX-License-Identifier: Apache-2.0 */
/* Which service: the one named, the system's, the owner of the private store, or a private musterd started for it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/client.h"

extern char **environ;

#define START_LIMIT_MS 30000
#define JOIN_TRIES     8

static int join(struct mst_client *client, const char *socket_path, struct mst_err *err)
{
	int rc = mst_http_connect(&client->http, socket_path, err);

	if (rc == MST_OK)
		snprintf(client->socket_path, sizeof(client->socket_path), "%s", socket_path);
	return rc;
}

/* The private store's default path: where XDG says data lives. */
static int default_store(char *out, size_t size, struct mst_err *err)
{
	const char *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	int n;

	if (data && data[0] == '/')
		n = snprintf(out, size, "%s/muster/muster.db", data);
	else if (home && home[0] == '/')
		n = snprintf(out, size, "%s/.local/share/muster/muster.db", home);
	else
		return mst_err_set(err, MST_E_USAGE,
		                   "neither XDG_DATA_HOME nor HOME is set: name the store with --store FILE");
	if (n < 0 || (size_t)n >= size)
		return mst_err_set(err, MST_E_USAGE,
		                   "the path of the data folder is too long: name the store with --store FILE");
	return MST_OK;
}

/* The socket that the store's owner wrote into its lock file; false when there is none. */
static bool owner_socket(const char *store, char *out, size_t size)
{
	struct json_object *lock = NULL;
	struct mst_buf text;
	char path[4200];
	bool found = false;

	snprintf(path, sizeof(path), "%s.lock", store);
	mst_buf_init(&text, 65536);
	if (mst_file_read(path, 65536, &text, NULL) == MST_OK && text.len > 0 &&
	    mst_json_parse(text.data, text.len, path, &lock, NULL) == MST_OK) {
		const char *socket_path = mst_json_text(lock, "socket", "");

		found = socket_path[0] == '/' && strlen(socket_path) < size;
		if (found)
			snprintf(out, size, "%s", socket_path);
	}
	json_object_put(lock);
	mst_buf_free(&text);
	return found;
}

/* Starts musterd in a session of its own, so that a Ctrl-C here does not reach it; gives the end of its ready pipe. */
static int start_daemon(const struct mst_target *target, const char *store, int *ready_fd, struct mst_err *err)
{
	struct mst_paths paths;
	const char *argv[16];
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int pipe_fds[2], n = 0, rc;
	pid_t pid;

	rc = mst_paths_find(&paths, err);
	if (rc != MST_OK)
		return rc;
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return mst_err_errno(err, errno, "cannot make a pipe");
	argv[n++] = paths.musterd;
	argv[n++] = "--private";
	argv[n++] = "--foreground";
	argv[n++] = "--ready-fd";
	argv[n++] = "3";
	if (target->store) {
		argv[n++] = "--store";
		argv[n++] = store;
	}
	if (target->config) {
		argv[n++] = "--config";
		argv[n++] = target->config;
	}
	if (target->plugin_dir) {
		argv[n++] = "--plugin-dir";
		argv[n++] = target->plugin_dir;
	}
	argv[n] = NULL;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], 3);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawn(&pid, paths.musterd, &actions, &attributes, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	close(pipe_fds[1]);
	if (rc != 0) {
		close(pipe_fds[0]);
		/* A program that is missing is a broken installation, not a thing that was asked for and is not there. */
		return mst_err_set(err, MST_E_FAILED, "cannot start %s: %s; is Muster installed whole?", paths.musterd,
		                   strerror(rc));
	}
	*ready_fd = pipe_fds[0];
	return MST_OK;
}

/* The one line that musterd writes once it listens, or why it does not. */
static int read_ready(int fd, struct json_object **out, struct mst_err *err)
{
	int64_t until = mst_time_monotonic() + START_LIMIT_MS;
	struct mst_buf line;
	char block[4096];
	int rc = MST_OK;

	mst_buf_init(&line, MST_MAX_LINE);
	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = until - mst_time_monotonic();
		ssize_t n;

		if (left <= 0 || poll(&wait, 1, (int)left) == 0) {
			rc = mst_err_set(err, MST_E_TIMEOUT,
			                 "musterd did not start within %d s: see musterd.log beside the store",
			                 START_LIMIT_MS / 1000);
			break;
		}
		n = read(fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || mst_buf_add(&line, block, (size_t)n) != 0)
			break;
		if (memchr(block, '\n', (size_t)n))
			break;
	}
	if (rc == MST_OK && line.len == 0)
		rc = mst_err_set(
		        err, MST_E_UNAVAILABLE,
		        "musterd ended before it was ready: run it by hand to see why: musterd --private --foreground");
	if (rc == MST_OK)
		rc = mst_json_parse(line.data, line.len, "musterd's first line", out, err);
	mst_buf_free(&line);
	return rc;
}

/* Starts a private musterd and joins it, or joins the one that was quicker. */
static int start_and_join(struct mst_client *client, const struct mst_target *target, struct mst_err *err)
{
	struct json_object *ready = NULL, *holder;
	const char *socket_path;
	int fd = -1, rc;

	rc = start_daemon(target, client->store_path, &fd, err);
	if (rc != MST_OK)
		return rc;
	rc = read_ready(fd, &ready, err);
	close(fd);
	if (rc != MST_OK)
		return rc;
	holder = mst_json_object(ready, "holder");
	socket_path = mst_json_text(holder ? holder : ready, "socket", "");
	if (mst_json_bool(ready, "ready", false) || holder) {
		snprintf(client->store_path, sizeof(client->store_path), "%s",
		         mst_json_text(ready, "store", client->store_path));
		rc = join(client, socket_path, err);
	} else {
		rc = mst_err_set(err, mst_code_from_name(mst_json_text(ready, "error", "failed")), "%s",
		                 mst_json_text(ready, "text", "musterd did not start"));
	}
	json_object_put(ready);
	return rc;
}

/* A holder that is just about to end may refuse us: look again, a few times. */
static int private_service(struct mst_client *client, const struct mst_target *target, struct mst_err *err)
{
	char socket_path[sizeof(client->socket_path)];
	int rc = MST_OK;

	client->is_private = true;
	if (target->store) {
		if (target->store[0] == '/') {
			snprintf(client->store_path, sizeof(client->store_path), "%s", target->store);
		} else {
			char here[2048];

			if (!getcwd(here, sizeof(here)))
				return mst_err_errno(err, errno, "cannot tell the current folder");
			snprintf(client->store_path, sizeof(client->store_path), "%s/%s", here, target->store);
		}
	} else if ((rc = default_store(client->store_path, sizeof(client->store_path), err)) != MST_OK) {
		return rc;
	}
	for (int i = 0; i < JOIN_TRIES; i++) {
		if (owner_socket(client->store_path, socket_path, sizeof(socket_path)) &&
		    join(client, socket_path, err) == MST_OK)
			return MST_OK;
		rc = start_and_join(client, target, err);
		if (rc != MST_E_UNAVAILABLE)
			return rc;
		(void)poll(NULL, 0, 100 << (i < 4 ? i : 4));
	}
	return rc;
}

int mst_client_find(struct mst_client *client, const struct mst_target *target, struct mst_err *err)
{
	static const char system_config[] = MST_SYSCONFDIR "/muster.conf",
	                  installed_config[] = "/etc/muster/muster.conf";
	static const char system_socket[] = MST_RUNDIR "/muster.sock";
	const char *config = access(system_config, F_OK) == 0 ? system_config : installed_config;

	if (target->server)
		return join(client, target->server, err);
	if (target->private_store || target->store)
		return private_service(client, target, err);
	if (join(client, system_socket, err) == MST_OK)
		return MST_OK;
	if (access(config, F_OK) == 0)
		return mst_err_set(
		        err, MST_E_UNAVAILABLE,
		        "the service of %s does not answer on %s: start it (systemctl start muster), or use your own store with --private",
		        config, system_socket);
	return private_service(client, target, err);
}
