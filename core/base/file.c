/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, writing, directories. Who may have touched a path is in trust.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 16384u
/* Nothing that Muster writes is nested deeper. Each level holds a descriptor. */
#define MAX_TREE_DEPTH 64

int mst_file_read_fd(int fd, const char *what, size_t max, struct mst_buf *out, struct mst_err *err)
{
	char chunk[READ_SIZE];
	size_t total = 0;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		int status;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mst_err_errno(err, errno, "cannot read %s", what);
		if (n == 0)
			return MST_OK;
		if ((size_t)n > max - total)
			return mst_err_set(err, MST_E_LIMIT, "%s is larger than %zu bytes, the most that is read", what,
			                   max);
		status = mst_buf_add(out, chunk, (size_t)n);
		if (status == MST_E_NO_MEMORY)
			return mst_err_no_memory(err);
		if (status != MST_OK)
			return mst_err_set(err, MST_E_LIMIT, "%s is larger than %zu bytes, the most that is read", what,
			                   out->max);
		total += (size_t)n;
	}
}

int mst_file_read(const char *path, size_t max, struct mst_buf *out, struct mst_err *err)
{
	struct stat st;
	int fd, status;

	/* O_NONBLOCK: the open of a FIFO would otherwise wait for ever. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return mst_err_errno(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) != 0)
		status = mst_err_errno(err, errno, "cannot read %s", path);
	else if (!S_ISREG(st.st_mode))
		status = mst_err_set(err, MST_E_FAILED, "cannot read %s: it is not a regular file", path);
	else
		status = mst_file_read_fd(fd, path, max, out, err);
	close(fd);
	return status;
}

int mst_file_write_all(int fd, const void *data, size_t len, const char *what, struct mst_err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mst_err_errno(err, errno, "cannot write %s", what);
		p += n;
		len -= (size_t)n;
	}
	return MST_OK;
}

int mst_file_sync_dir(const char *path, struct mst_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), status = MST_OK;

	if (fd < 0)
		return mst_err_errno(err, errno, "cannot open directory %s", path);
	/* Some file systems have nothing to sync for a directory and say EINVAL. */
	if (fsync(fd) != 0 && errno != EINVAL)
		status = mst_err_errno(err, errno, "cannot sync directory %s", path);
	close(fd);
	return status;
}

/* The part before the last slash: "." or "/" where there is none. False: too long. */
static bool directory_of(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	int n;

	if (slash == NULL)
		n = snprintf(out, size, ".");
	else if (len == 0)
		n = snprintf(out, size, "/");
	else
		n = snprintf(out, size, "%.*s", (int)(len > INT_MAX ? INT_MAX : len), path);
	return n >= 0 && (size_t)n < size;
}

static int fill_and_rename(int fd, const char *temporary, const char *path, const void *data, size_t len, mode_t mode,
                           bool sync, struct mst_err *err)
{
	int status = mst_file_write_all(fd, data, len, path, err);

	if (status == MST_OK && (fchmod(fd, mode) != 0 || (sync && fsync(fd) != 0)))
		status = mst_err_errno(err, errno, "cannot write %s", path);
	if (close(fd) != 0 && status == MST_OK)
		status = mst_err_errno(err, errno, "cannot write %s", path);
	if (status == MST_OK && rename(temporary, path) != 0)
		status = mst_err_errno(err, errno, "cannot put %s in place", path);
	if (status != MST_OK)
		unlink(temporary);
	return status;
}

static int write_beside(const char *path, const void *data, size_t len, mode_t mode, bool sync, struct mst_err *err)
{
	char directory[PATH_MAX], temporary[PATH_MAX];
	int fd, n, status;

	if (!directory_of(path, directory, sizeof(directory)))
		return mst_err_errno(err, ENAMETOOLONG, "cannot write %s", path);
	/* A name that no *.conf or *.so pattern matches. */
	n = snprintf(temporary, sizeof(temporary), "%s/.muster-XXXXXX", directory);
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return mst_err_errno(err, ENAMETOOLONG, "cannot write %s", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return mst_err_errno(err, errno, "cannot create a file in %s", directory);
	status = fill_and_rename(fd, temporary, path, data, len, mode, sync, err);
	return status == MST_OK && sync ? mst_file_sync_dir(directory, err) : status;
}

int mst_file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct mst_err *err)
{
	return write_beside(path, data, len, mode, true, err);
}

int mst_file_replace(const char *path, const void *data, size_t len, mode_t mode, struct mst_err *err)
{
	return write_beside(path, data, len, mode, false, err);
}

int mst_file_sync(const char *path, struct mst_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), status = MST_OK;

	if (fd < 0)
		return mst_err_errno(err, errno, "cannot open %s", path);
	if (fsync(fd) != 0)
		status = mst_err_errno(err, errno, "cannot sync %s", path);
	close(fd);
	return status;
}

static int make_one(const char *path, mode_t mode, struct mst_err *err)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return MST_OK;
	/* mkdir of what exists may say EEXIST, or EROFS or EACCES before it looks. */
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return MST_OK;
	return mst_err_errno(err, errno == ENOENT ? EEXIST : errno, "cannot create directory %s", path);
}

int mst_file_mkdirs(const char *path, mode_t mode, struct mst_err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return mst_err_errno(err, len == 0 ? ENOENT : ENAMETOOLONG, "cannot create directory \"%s\"", path);
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		char saved = part[i];
		int status;

		if ((saved != '/' && saved != '\0') || part[i - 1] == '/')
			continue;
		part[i] = '\0';
		status = make_one(part, mode, err);
		if (status != MST_OK)
			return status;
		part[i] = saved;
	}
	return MST_OK;
}

static int empty_directory(int fd, const char *path, int depth, struct mst_err *err);

static int remove_entry(int parent, const char *name, const char *path, int depth, struct mst_err *err)
{
	int fd, status;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return MST_OK;
	/* Linux says EISDIR for a directory, POSIX EPERM. */
	if (errno != EISDIR && errno != EPERM)
		return mst_err_errno(err, errno, "cannot remove %s (in %s)", name, path);
	if (depth >= MAX_TREE_DEPTH)
		return mst_err_set(err, MST_E_LIMIT, "cannot remove %s: more than %d levels of directories", path,
		                   MAX_TREE_DEPTH);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return mst_err_errno(err, errno, "cannot remove %s (in %s)", name, path);
	status = empty_directory(fd, path, depth + 1, err);
	if (status == MST_OK && unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		status = mst_err_errno(err, errno, "cannot remove %s (in %s)", name, path);
	return status;
}

/* Takes over fd. */
static int empty_directory(int fd, const char *path, int depth, struct mst_err *err)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;
	int status = MST_OK;

	if (directory == NULL) {
		status = mst_err_errno(err, errno, "cannot read a directory in %s", path);
		close(fd);
		return status;
	}
	while (status == MST_OK && (errno = 0, entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			status = remove_entry(dirfd(directory), entry->d_name, path, depth, err);
	}
	if (status == MST_OK && errno != 0)
		status = mst_err_errno(err, errno, "cannot read a directory in %s", path);
	closedir(directory);
	return status;
}

int mst_file_remove_tree(const char *path, struct mst_err *err)
{
	return remove_entry(AT_FDCWD, path, path, 0, err);
}
