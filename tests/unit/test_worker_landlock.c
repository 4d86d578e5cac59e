/* SPDX-License-Identifier: Apache-2.0 */
/* What a process may still change after mst_landlock_enter. Each case runs in a child, for there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "worker/landlock.h"

#define NO_LANDLOCK 77

struct place {
	char ours[64], theirs[64];
};

static int make(const char *dir, const char *name, int flags)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return error;
}

static int setup(void **state)
{
	static struct place place;
	snprintf(place.ours, sizeof place.ours, "/tmp/mst-ours-XXXXXX");
	snprintf(place.theirs, sizeof place.theirs, "/tmp/mst-theirs-XXXXXX");
	*state = &place;
	return mkdtemp(place.ours) && mkdtemp(place.theirs) && make(place.theirs, "old", O_CREAT | O_WRONLY) == 0 &&
	                       make(place.ours, "old", O_CREAT | O_WRONLY) == 0
	               ? 0
	               : -1;
}

static int teardown(void **state)
{
	struct place *place = *state;
	mst_file_remove_tree(place->ours, NULL);
	mst_file_remove_tree(place->theirs, NULL);
	return 0;
}

/* In the child: enters, then runs `body`, whose answer is the number of the line that was wrong, or 0. The working
 * directory stays open, since a build that counts its lines writes there at exit. */
static void in_child(const struct place *place, int (*body)(const struct place *place))
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const char *const dirs[] = {place->ours, ".", NULL};
		struct mst_err err = {0};
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		int rc = mst_landlock_enter(dirs, &err);
		if (rc != MST_OK)
			exit(rc == MST_E_UNSUPPORTED && strstr(err.text, "no Landlock") ? NO_LANDLOCK : 99);
		exit(body(place));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define WANT(n, what)                                                                                                  \
	do {                                                                                                           \
		if (!(what))                                                                                           \
			return n;                                                                                      \
	} while (0)

static int nothing_elsewhere(const struct place *place)
{
	char old[128], moved[128];
	snprintf(old, sizeof old, "%s/old", place->theirs);
	snprintf(moved, sizeof moved, "%s/moved", place->theirs);
	WANT(1, make(place->theirs, "new", O_CREAT | O_WRONLY) == EACCES);
	WANT(2, make(place->theirs, "old", O_WRONLY) == EACCES);
	WANT(3, make(place->theirs, "old", O_WRONLY | O_APPEND) == EACCES);
	WANT(4, unlink(old) < 0 && errno == EACCES);
	WANT(5, mkdir(moved, 0700) < 0 && errno == EACCES);
	WANT(6, symlink("/", moved) < 0 && errno == EACCES);
	WANT(7, rename(old, moved) < 0 && errno == EACCES);
	WANT(8, make(place->theirs, "old", O_RDONLY) == 0);
	return 0;
}

static void test_nothing_elsewhere(void **state)
{
	in_child(*state, nothing_elsewhere);
	assert_int_equal(make(((struct place *)*state)->theirs, "old", O_RDONLY), 0);
}

static int all_at_home(const struct place *place)
{
	char old[128], moved[128], away[128];
	snprintf(old, sizeof old, "%s/old", place->ours);
	snprintf(moved, sizeof moved, "%s/moved", place->ours);
	snprintf(away, sizeof away, "%s/away", place->theirs);
	WANT(1, make(place->ours, "new", O_CREAT | O_WRONLY) == 0);
	WANT(2, make(place->ours, "old", O_WRONLY | O_TRUNC) == 0);
	WANT(3, rename(old, away) < 0 && (errno == EACCES || errno == EXDEV));
	WANT(4, rename(old, moved) == 0 && unlink(moved) == 0);
	WANT(5, make("/dev", "null", O_WRONLY) == 0);
	return 0;
}

static void test_all_at_home(void **state)
{
	in_child(*state, all_at_home);
}

/* Descriptors from before go on working: a worker's segment is one. */
static int kept;

static int an_open_file(const struct place *place)
{
	(void)place;
	WANT(1, write(kept, "x", 1) == 1);
	return 0;
}

static void test_an_open_file(void **state)
{
	const struct place *place = *state;
	char path[128];
	snprintf(path, sizeof path, "%s/old", place->theirs);
	kept = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(kept >= 0);
	in_child(place, an_open_file);
	close(kept);
}

static void test_no_such_directory(void **state)
{
	static const char *const dirs[] = {"/tmp/mst-there-is-no-such-directory", NULL};
	struct mst_err err = {0};
	(void)state;
	/* Fails before anything is entered, so that this process stays free. */
	int rc = mst_landlock_enter(dirs, &err);
	if (rc == MST_E_UNSUPPORTED)
		skip();
	assert_int_equal(rc, MST_E_NOT_FOUND);
	assert_non_null(strstr(err.text, dirs[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_nothing_elsewhere, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_all_at_home, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_an_open_file, setup, teardown),
	        cmocka_unit_test(test_no_such_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
