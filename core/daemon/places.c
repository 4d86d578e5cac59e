/* SPDX-License-Identifier: Apache-2.0 */
/* Where the store and everything beside it is. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/daemon.h"

static int too_long(struct mst_err *err, const char *what)
{
	return mst_err_set(err, MST_E_USAGE, "the path of %s is too long", what);
}

static bool put(char *out, size_t size, const char *directory, const char *rest)
{
	int n = snprintf(out, size, "%s%s", directory, rest);

	return n >= 0 && (size_t)n < size;
}

/* $VARIABLE/rest when it is an absolute path, else $HOME/fallback/rest. */
static bool xdg(const char *variable, const char *fallback, const char *rest, char *out, size_t size)
{
	const char *base = getenv(variable), *home = getenv("HOME");
	int n;

	if (base && base[0] == '/')
		return put(out, size, base, rest);
	if (!home || home[0] != '/')
		return false;
	n = snprintf(out, size, "%s%s%s", home, fallback, rest);
	return n >= 0 && (size_t)n < size;
}

/* A link that leads nowhere counts as there: its rules must be missed aloud. */
static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

bool mst_daemon_config(const struct mst_daemon_options *options, char out[PATH_MAX])
{
	static const char installed[] = MST_SYSCONFDIR "/muster.conf", usual[] = "/etc/muster/muster.conf";

	if (options->config)
		return put(out, PATH_MAX, options->config, "");
	if (options->is_private)
		return xdg("XDG_CONFIG_HOME", "/.config", "/muster/muster.conf", out, PATH_MAX) && is_there(out);
	return put(out, PATH_MAX, is_there(installed) ? installed : usual, "") && is_there(out);
}

static int absolute(const char *path, char out[PATH_MAX], struct mst_err *err)
{
	char here[PATH_MAX];

	if (path[0] == '/')
		return put(out, PATH_MAX, path, "") ? MST_OK : too_long(err, "the store");
	if (!getcwd(here, sizeof(here)))
		return mst_err_errno(err, errno, "cannot tell the current directory");
	if ((size_t)snprintf(out, PATH_MAX, "%s/%s", here, path) >= PATH_MAX)
		return too_long(err, "the store");
	return MST_OK;
}

static int find_store(struct mst_daemon_places *out, const struct mst_daemon_options *options, const char *configured,
                      struct mst_err *err)
{
	const char *path = options->store ? options->store : configured;

	if (path)
		return absolute(path, out->store, err);
	if (!options->is_private)
		return put(out->store, PATH_MAX, MST_STATEDIR, "/muster.db") ? MST_OK : too_long(err, "the store");
	if (xdg("XDG_DATA_HOME", "/.local/share", "/muster/muster.db", out->store, PATH_MAX))
		return MST_OK;
	return mst_err_set(err, MST_E_USAGE, "neither XDG_DATA_HOME nor HOME is set: name the store with --store FILE");
}

/* One path for one store file: its directory is resolved, so that two ways to it meet at one lock. */
static int resolve(struct mst_daemon_places *out, struct mst_err *err)
{
	char *slash = strrchr(out->store, '/'), name[NAME_MAX + 1], real[PATH_MAX];

	if (!slash || !slash[1] || strlen(slash + 1) > NAME_MAX)
		return mst_err_set(err, MST_E_USAGE, "the store %.200s is no file's path: name a file with --store",
		                   out->store);
	snprintf(name, sizeof(name), "%s", slash + 1);
	*slash = '\0';
	if (mst_file_mkdirs(out->store[0] ? out->store : "/", 0700, err) != MST_OK)
		return err->code;
	if (!realpath(out->store[0] ? out->store : "/", real))
		return mst_err_errno(err, errno, "cannot use the store's directory %s", out->store);
	snprintf(out->directory, sizeof(out->directory), "%s", real);
	if ((size_t)snprintf(out->store, sizeof(out->store), "%s/%s", strcmp(real, "/") == 0 ? "" : real, name) >=
	    sizeof(out->store))
		return too_long(err, "the store");
	return MST_OK;
}

static int beside(struct mst_daemon_places *out, struct mst_err *err)
{
	char *dot, *stem = out->stem;

	snprintf(out->stem, sizeof(out->stem), "%s", out->store);
	dot = strrchr(stem, '.');
	if (dot && dot > strrchr(stem, '/') + 1)
		*dot = '\0';
	if (!put(out->spool, sizeof(out->spool), stem, ".spool") ||
	    !put(out->cache, sizeof(out->cache), out->directory, "/plugins.json") ||
	    !put(out->log, sizeof(out->log), out->directory, "/musterd.log"))
		return too_long(err, "the store");
	return mst_file_mkdirs(out->spool, 0700, err);
}

static uint64_t fnv1a(const char *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

static bool private_run_directory(char out[PATH_MAX])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");

	if (runtime && runtime[0] == '/')
		return put(out, PATH_MAX, runtime, "/muster");
	return home && home[0] == '/' && put(out, PATH_MAX, home, "/.local/share/muster/run");
}

static int find_socket(struct mst_daemon_places *out, const struct mst_daemon_options *options, struct mst_err *err)
{
	char directory[PATH_MAX];
	int n;

	if (options->socket) {
		n = snprintf(out->socket, sizeof(out->socket), "%s", options->socket);
	} else if (!options->is_private) {
		n = snprintf(out->socket, sizeof(out->socket), "%s", MST_RUNDIR "/muster.sock");
	} else {
		if (!private_run_directory(directory))
			snprintf(directory, sizeof(directory), "%s", out->directory);
		n = snprintf(out->socket, sizeof(out->socket), "%s/%016" PRIx64 ".sock", directory, fnv1a(out->store));
	}
	if (n < 0 || (size_t)n >= sizeof(out->socket))
		return mst_err_set(
		        err, MST_E_USAGE,
		        "the socket's path is longer than %zu bytes: set XDG_RUNTIME_DIR to a folder with a shorter "
		        "path, or start musterd with --socket PATH",
		        sizeof(out->socket) - 1);
	return MST_OK;
}

int mst_daemon_places_find(struct mst_daemon_places *out, const struct mst_daemon_options *options,
                           const char *configured, struct mst_err *err)
{
	int rc = find_store(out, options, configured, err);

	if (rc == MST_OK)
		rc = resolve(out, err);
	if (rc == MST_OK)
		rc = beside(out, err);
	if (rc == MST_OK)
		rc = find_socket(out, options, err);
	return rc;
}
