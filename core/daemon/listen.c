/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/daemon.h"

#define BACKLOG 128

/* The directory decides who can reach the socket while it is made; nobody else may be able to put one there. */
static int check_directory(const char *path, bool is_private, struct mst_err *err)
{
	char directory[108];
	char *slash;
	struct stat st;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (directory[0] != '/' || !slash || slash == directory)
		return mst_err_set(err, MST_E_USAGE, "the socket %s is no absolute path below a directory", path);
	*slash = '\0';
	if (mst_file_mkdirs(directory, is_private ? 0700 : 0755, err) != MST_OK)
		return err->code;
	if (stat(directory, &st) != 0)
		return mst_err_errno(err, errno, "cannot check %s", directory);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return mst_err_set(err, MST_E_REFUSED, "%s belongs to another user: the socket cannot be there",
		                   directory);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0)
		return mst_err_set(err, MST_E_REFUSED, "others may write to %s: chmod go-w %s", directory, directory);
	return MST_OK;
}

int mst_daemon_listen(const char *path, bool is_private, int *fd, struct mst_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	int rc = check_directory(path, is_private, err);

	*fd = -1;
	if (rc != MST_OK)
		return rc;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return mst_err_set(err, MST_E_REFUSED,
		                   "%s exists and is no socket: remove it, or name another with --socket", path);
	(void)unlink(path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return mst_err_errno(err, errno, "cannot make a socket");
	if (bind(*fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, is_private ? 0600 : 0660) != 0 || listen(*fd, BACKLOG) != 0) {
		rc = mst_err_errno(err, errno, "cannot listen on %s", path);
		close(*fd);
		*fd = -1;
	}
	return rc;
}
