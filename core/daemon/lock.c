/* SPDX-License-Identifier: Apache-2.0 */
/* One owner per store: whoever holds STORE.lock. The kernel drops the lock of a dead holder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "daemon/daemon.h"

#define LOCK_SIZE 65536u
#define WAIT_MS   2000

static void read_holder(struct mst_daemon_lock *lock)
{
	struct json_object *object = NULL;
	char text[4096];
	ssize_t n = pread(lock->fd, text, sizeof(text), 0);

	lock->holder_pid = 0;
	lock->holder_socket[0] = '\0';
	if (n <= 0 || mst_json_parse(text, (size_t)n, "the lock", &object, NULL) != MST_OK)
		return;
	lock->holder_pid = (long)mst_json_int(object, "pid", 0);
	snprintf(lock->holder_socket, sizeof(lock->holder_socket), "%s", mst_json_text(object, "socket", ""));
	json_object_put(object);
}

/* Does somebody listen there? */
static bool answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes;

	if (fd < 0 || !path[0]) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	yes = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN ||
	      errno == EINPROGRESS;
	close(fd);
	return yes;
}

int mst_daemon_lock_take(struct mst_daemon_lock *lock, const struct mst_daemon_places *places, bool wait,
                         struct mst_err *err)
{
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = 20 * 1000000L};
	int64_t until = mst_time_monotonic() + WAIT_MS;
	char path[PATH_MAX + 8];

	snprintf(path, sizeof(path), "%s.lock", places->store);
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock->fd < 0)
		return mst_err_errno(
		        err, errno,
		        "cannot open the lock %s: make its folder writable or name another store with --store", path);
	for (;;) {
		if (flock(lock->fd, LOCK_EX | LOCK_NB) == 0)
			return MST_OK;
		if (errno != EWOULDBLOCK && errno != EINTR) {
			int code = errno;

			close(lock->fd);
			return mst_err_errno(err, code, "cannot lock %s", path);
		}
		read_holder(lock);
		if (!wait || mst_time_monotonic() > until || answers(lock->holder_socket))
			break;
		nanosleep(&pause, NULL);
	}
	close(lock->fd);
	lock->fd = -1;
	return mst_err_set(
	        err, MST_E_REFUSED, "%s is in use by musterd with pid %ld, socket %s: use that one, or end it first",
	        places->store, lock->holder_pid, lock->holder_socket[0] ? lock->holder_socket : "(not open yet)");
}

/* Field 22 of /proc/self/stat: with the pid it names this process and no later one. */
static int64_t start_ticks(void)
{
	struct mst_buf text;
	unsigned long long ticks = 0;
	const char *at;

	mst_buf_init(&text, 4096);
	if (mst_file_read("/proc/self/stat", 4096, &text, NULL) == MST_OK &&
	    (at = strrchr(mst_buf_text(&text), ')')) != NULL)
		(void)sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		             &ticks);
	mst_buf_free(&text);
	return (int64_t)ticks;
}

int mst_daemon_lock_write(struct mst_daemon_lock *lock, const struct mst_daemon_places *places, bool is_private,
                          struct mst_err *err)
{
	struct json_object *object = json_object_new_object();
	const char *text;
	size_t len = 0;
	int rc = MST_OK;

	mst_json_add_int(object, "pid", getpid());
	mst_json_add_int(object, "start", start_ticks());
	mst_json_add_text(object, "socket", places->socket);
	mst_json_add_text(object, "store", places->store);
	mst_json_add_text(object, "version", MST_VERSION);
	mst_json_add_bool(object, "private", is_private);
	text = mst_json_string(object, &len);
	if (!text)
		rc = mst_err_no_memory(err);
	else if (ftruncate(lock->fd, 0) != 0 || pwrite(lock->fd, text, len, 0) != (ssize_t)len)
		rc = mst_err_errno(err, errno, "cannot write the lock of %s", places->store);
	json_object_put(object);
	return rc;
}

void mst_daemon_lock_drop(struct mst_daemon_lock *lock)
{
	if (lock->fd < 0)
		return;
	if (ftruncate(lock->fd, 0) != 0)
		(void)0; /* a reader finds a dead socket, as after a kill */
	close(lock->fd);
	lock->fd = -1;
}
