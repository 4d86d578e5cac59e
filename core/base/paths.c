/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* tests/unit/.libs/x is as deep as programs lie in a build tree. */
#define MAX_UP 3

static bool put(char out[4096], const char *directory, const char *name)
{
	int n = snprintf(out, 4096, "%s/%s", directory, name);

	return n >= 0 && n < 4096;
}

/* A tree only counts when nobody but the owner of the running program, or root, could have made it. */
static bool is_build_tree(const char *directory, uid_t owner)
{
	struct stat tree, plugins;
	char path[4096];

	if (!put(path, directory, "plugins/.libs") || stat(path, &plugins) != 0 || !S_ISDIR(plugins.st_mode))
		return false;
	return stat(directory, &tree) == 0 && (tree.st_mode & S_IWOTH) == 0 &&
	       (tree.st_uid == owner || tree.st_uid == 0);
}

static bool use_places(struct mst_paths *out, const char *bin, const char *sbin, const char *libexec,
                       const char *plugins)
{
	return put(out->muster, bin, "muster") && put(out->musterd, sbin, "musterd") &&
	       put(out->worker, libexec, "muster-worker") &&
	       snprintf(out->plugin_dir, sizeof(out->plugin_dir), "%s", plugins) < (int)sizeof(out->plugin_dir);
}

static bool use_tree(struct mst_paths *out, const char *directory)
{
	char plugins[4096];

	return put(plugins, directory, "plugins/.libs") && use_places(out, directory, directory, directory, plugins);
}

int mst_paths_find(struct mst_paths *out, struct mst_err *err)
{
	char directory[4096];
	struct stat self;
	ssize_t n = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
	bool fits;

	if (n < 0)
		return mst_err_errno(err, errno,
		                     "cannot find this program's own path (/proc/self/exe; is /proc mounted?)");
	directory[n] = '\0';
	if (stat("/proc/self/exe", &self) != 0)
		return mst_err_errno(err, errno, "cannot check %s", directory);
	for (int up = 0; up <= MAX_UP; up++) {
		char *slash = strrchr(directory, '/');

		if (slash == NULL || slash == directory)
			break;
		*slash = '\0';
		if (is_build_tree(directory, self.st_uid)) {
			fits = use_tree(out, directory);
			return fits ? MST_OK
			            : mst_err_errno(err, ENAMETOOLONG, "cannot use the build tree %s", directory);
		}
	}
	fits = use_places(out, MST_BINDIR, MST_SBINDIR, MST_LIBEXECDIR, MST_PLUGINDIR);
	return fits ? MST_OK
	            : mst_err_errno(err, ENAMETOOLONG, "cannot use the installed places in %s", MST_LIBEXECDIR);
}
