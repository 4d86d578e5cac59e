/* SPDX-License-Identifier: Apache-2.0 */
/* musterd: what it was asked to be, where its things are, and its life from the lock to the last run. */
#ifndef MST_DAEMON_DAEMON_H
#define MST_DAEMON_DAEMON_H

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>

#include "base/error.h"

/* The command line. Text is borrowed from argv; NULL: not given. */
struct mst_daemon_options {
	bool foreground, is_private, help, version, verbose;
	const char *store, *socket, *config, *plugin_dir;
	int ready_fd; /* -1: none */
};
/* MST_E_USAGE names the bad word. */
int mst_daemon_options_parse(struct mst_daemon_options *out, int argc, char *argv[], struct mst_err *err);
const char *mst_daemon_usage(void);

/* Where things are. All absolute. */
struct mst_daemon_places {
	char store[PATH_MAX], directory[PATH_MAX]; /* the store's file and the directory that it is in */
	char stem[PATH_MAX]; /* the store's path without its suffix: what lies beside it begins so */
	char spool[PATH_MAX], cache[PATH_MAX], log[PATH_MAX];
	char socket[108];
};
/* The configuration that applies: --config, else the system's or the user's own when it exists. False: none. */
bool mst_daemon_config(const struct mst_daemon_options *options, char out[PATH_MAX]);
/* `configured`: the store's path of the configuration, may be NULL. Makes the directories, 0700. */
int mst_daemon_places_find(struct mst_daemon_places *out, const struct mst_daemon_options *options,
                           const char *configured, struct mst_err *err);

/* The lock beside the store: held for life, with who we are inside. */
struct mst_daemon_lock {
	int fd;
	long holder_pid; /* when refused */
	char holder_socket[108];
};
/* MST_E_REFUSED names the holder. With `wait` it waits up to 2 s for one that is about to end. */
int mst_daemon_lock_take(struct mst_daemon_lock *lock, const struct mst_daemon_places *places, bool wait,
                         struct mst_err *err);
int mst_daemon_lock_write(struct mst_daemon_lock *lock, const struct mst_daemon_places *places, bool is_private,
                          struct mst_err *err);
/* Empties and releases it. */
void mst_daemon_lock_drop(struct mst_daemon_lock *lock);

/* A listening unix socket in its 0700 directory; a dead one there is replaced. Only the holder of the store's lock calls it. */
int mst_daemon_listen(const char *path, bool is_private, int *fd, struct mst_err *err);

/* umask, capabilities, core dumps, signals: before any thread starts. */
int mst_daemon_harden(bool *net_raw, struct mst_err *err);
/* To the background, unless told otherwise. The parent waits for the child's ready line and ends with its status. */
int mst_daemon_detach(struct mst_daemon_options *options, struct mst_err *err);
/* One JSON line on the ready descriptor, which is then closed. `failure` NULL: ready. */
void mst_daemon_ready(struct mst_daemon_options *options, const struct mst_daemon_places *places,
                      const struct mst_daemon_lock *lock, const struct mst_err *failure);

/*
 * provision.c: `muster config provision` in the background, when this is root and the configuration says provision = "auto". It
 * works with the distribution's packages, which must not be cut off half-way: it is neither awaited nor ended with us.
 */
struct uv_loop_s;
void mst_daemon_provision(struct uv_loop_s *loop, const char *muster, const struct mst_daemon_options *options,
                          const char *provision);

/* The whole life. Returns the process's exit status. */
int mst_daemon_run(struct mst_daemon_options *options);

#endif
