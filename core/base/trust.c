/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have touched a path: every directory and link on the way to a file, followed by hand. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define MAX_LINKS 16

struct walk {
	const char *path;      /* as the caller wrote it, for texts */
	char rest[PATH_MAX];   /* still to walk */
	char prefix[PATH_MAX]; /* walked: checked, and without links */
	int links;
	struct mst_err *err;
};

static int check_owner(const struct walk *walk, const char *part, const struct stat *st)
{
	if (st->st_uid == 0 || st->st_uid == geteuid())
		return MST_OK;
	return mst_err_set(walk->err, MST_E_REFUSED,
	                   "%s is not trusted: %s belongs to user %u, not to root or to you; type: chown %u '%s'",
	                   walk->path, part, (unsigned)st->st_uid, (unsigned)geteuid(), part);
}

/* A group of root's is root. In a sticky directory nobody can replace what another user owns. */
static int check_mode(const struct walk *walk, const char *part, const struct stat *st)
{
	bool sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0;
	bool by_group = (st->st_mode & S_IWGRP) != 0 && st->st_gid != 0, by_all = (st->st_mode & S_IWOTH) != 0;

	if (sticky || (!by_group && !by_all))
		return MST_OK;
	return mst_err_set(walk->err, MST_E_REFUSED,
	                   "%s is not trusted: %s can be written by %s; type: chmod go-w '%s'", walk->path, part,
	                   by_all ? "everybody" : "its group", part);
}

static bool set_text(char out[PATH_MAX], const char *a, const char *slash, const char *b)
{
	char text[PATH_MAX];
	int n = snprintf(text, sizeof(text), "%s%s%s", a, slash, b);

	if (n < 0 || (size_t)n >= sizeof(text))
		return false;
	memcpy(out, text, (size_t)n + 1);
	return true;
}

/* Puts the link's target in front of the rest; an absolute one starts again at the root. */
static int follow(struct walk *walk, const char *link)
{
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return mst_err_errno(walk->err, errno, "cannot read the link %s", link);
	target[n] = '\0';
	if (++walk->links > MAX_LINKS)
		return mst_err_set(walk->err, MST_E_REFUSED, "%s is not trusted: more than %d symbolic links",
		                   walk->path, MAX_LINKS);
	if (!set_text(walk->rest, target, "/", walk->rest))
		return mst_err_errno(walk->err, ENAMETOOLONG, "cannot check %s", walk->path);
	if (target[0] == '/')
		walk->prefix[0] = '\0';
	return MST_OK;
}

static int check_directory(struct walk *walk, const char *part)
{
	struct stat st;
	int status;

	if (lstat(part, &st) != 0)
		return mst_err_errno(walk->err, errno, "cannot check %s", part);
	status = check_owner(walk, part, &st);
	if (status == MST_OK && S_ISLNK(st.st_mode))
		return follow(walk, part);
	if (status == MST_OK && !S_ISDIR(st.st_mode))
		return mst_err_errno(walk->err, ENOTDIR, "cannot check %s", part);
	if (status == MST_OK)
		status = check_mode(walk, part, &st);
	if (status == MST_OK)
		memcpy(walk->prefix, part, strlen(part) + 1);
	return status;
}

static int check_file(const struct walk *walk, const char *part)
{
	struct stat st;
	int status;

	if (lstat(part, &st) != 0)
		return mst_err_errno(walk->err, errno, "cannot check %s", part);
	if (S_ISLNK(st.st_mode))
		return mst_err_set(walk->err, MST_E_REFUSED,
		                   "%s is not trusted: it is a symbolic link; name the file itself", walk->path);
	if (!S_ISREG(st.st_mode))
		return mst_err_set(walk->err, MST_E_REFUSED, "%s is not trusted: it is not a regular file", walk->path);
	status = check_owner(walk, part, &st);
	return status == MST_OK ? check_mode(walk, part, &st) : status;
}

/* Cuts the next name off the rest; false at the end. */
static bool next_name(struct walk *walk, char name[PATH_MAX])
{
	size_t skip = strspn(walk->rest, "/"), len = strcspn(walk->rest + skip, "/");

	memcpy(name, walk->rest + skip, len);
	name[len] = '\0';
	memmove(walk->rest, walk->rest + skip + len, strlen(walk->rest + skip + len) + 1);
	return len > 0;
}

static int walk_directories(struct walk *walk)
{
	char name[PATH_MAX], part[PATH_MAX];
	int status = MST_OK;

	while (status == MST_OK && next_name(walk, name)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) { /* the prefix has no links: its parent is what the text says */
			char *slash = strrchr(walk->prefix, '/');

			if (slash != NULL)
				*slash = '\0';
			continue;
		}
		if (!set_text(part, walk->prefix, "/", name))
			return mst_err_errno(walk->err, ENAMETOOLONG, "cannot check %s", walk->path);
		status = check_directory(walk, part);
	}
	return status;
}

int mst_file_trusted(const char *path, struct mst_err *err)
{
	struct walk walk = {.path = path, .err = err};
	char part[PATH_MAX];
	const char *slash;
	struct stat st;
	int status;

	if (path[0] != '/')
		return mst_err_set(err, MST_E_REFUSED, "%s is not trusted: it is not an absolute path", path);
	if (strlen(path) >= sizeof(walk.rest))
		return mst_err_errno(err, ENAMETOOLONG, "cannot check a path");
	slash = strrchr(path, '/');
	if (slash[1] == '\0' || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0)
		return mst_err_set(err, MST_E_REFUSED, "%s is not trusted: it is not a regular file", path);
	memcpy(walk.rest, path, (size_t)(slash - path));
	if (stat("/", &st) != 0)
		return mst_err_errno(err, errno, "cannot check /");
	status = check_owner(&walk, "/", &st);
	if (status == MST_OK)
		status = check_mode(&walk, "/", &st);
	if (status == MST_OK)
		status = walk_directories(&walk);
	if (status != MST_OK)
		return status;
	if (!set_text(part, walk.prefix, "", slash))
		return mst_err_errno(err, ENAMETOOLONG, "cannot check %s", path);
	return check_file(&walk, part);
}
