/* SPDX-License-Identifier: Apache-2.0 */
/* Files and paths: whole reads with a cap, atomic writes, full writes, who may have touched a path. */
#ifndef MST_BASE_FILE_H
#define MST_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Append to `out`, which was initialised by the caller. A path must name a regular file; MST_E_LIMIT above `max` bytes. */
int mst_file_read(const char *path, size_t max, struct mst_buf *out, struct mst_err *err);
int mst_file_read_fd(int fd, const char *what, size_t max, struct mst_buf *out, struct mst_err *err);
/* Writes beside, fsyncs, renames, fsyncs the directory. */
int mst_file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct mst_err *err);
/* The same without the fsyncs: other processes see all of it or the old file, a power cut may leave neither. */
int mst_file_replace(const char *path, const void *data, size_t len, mode_t mode, struct mst_err *err);
int mst_file_sync(const char *path, struct mst_err *err);
/* All bytes or an error; EINTR handled. */
int mst_file_write_all(int fd, const void *data, size_t len, const char *what, struct mst_err *err);
int mst_file_sync_dir(const char *path, struct mst_err *err);
/* mkdir -p with mode for what is new. */
int mst_file_mkdirs(const char *path, mode_t mode, struct mst_err *err);
/* 0 when it is not there. Removes a tree below `path` and `path` itself, without following links. */
int mst_file_remove_tree(const char *path, struct mst_err *err);
/* Absolute path, each directory and the file owned by root or the effective user and not writable by others (a sticky
 * directory may be), no symbolic link as the last part, a regular file. MST_E_REFUSED says which part and the chmod to type. */
int mst_file_trusted(const char *path, struct mst_err *err);

/* Where things are: a build tree (programs and plugins beside each other) or the installed places. */
struct mst_paths {
	char muster[4096], musterd[4096], worker[4096], plugin_dir[4096];
};
/* From /proc/self/exe: a directory with plugins/.libs is a build tree, else the configured directories. */
int mst_paths_find(struct mst_paths *out, struct mst_err *err);

#endif
