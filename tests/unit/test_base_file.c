/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A fresh directory that is the working directory too. */
static char place[64];

static int enter(void **state)
{
	(void)state;
	umask(022);
	snprintf(place, sizeof(place), "/tmp/muster-test-XXXXXX");
	return mkdtemp(place) == NULL || chdir(place) != 0 ? -1 : 0;
}

static int leave(void **state)
{
	struct mst_err err;

	(void)state;
	return chdir("/") != 0 || mst_file_remove_tree(place, &err) != 0 ? -1 : 0;
}

static void put(const char *path, const char *text, mode_t mode)
{
	struct mst_err err;

	assert_int_equal(mst_file_write_atomic(path, text, strlen(text), mode, &err), 0);
}

static void test_read_write(void **state)
{
	struct mst_buf out;
	struct mst_err err;
	struct stat st;

	(void)state;
	mst_buf_init(&out, 1000);
	put("a", "one", 0600);
	put("a", "hello", 0640);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(mst_file_read("a", 5, &out, &err), 0);
	assert_string_equal(mst_buf_text(&out), "hello");
	mst_buf_reset(&out);
	assert_int_equal(mst_file_read("a", 4, &out, &err), MST_E_LIMIT);
	assert_non_null(strstr(err.text, "4 bytes"));
	assert_int_equal(mst_file_read("missing", 5, &out, &err), MST_E_NOT_FOUND);
	assert_int_equal(mst_file_read(".", 5, &out, &err), MST_E_FAILED);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(mst_file_read("fifo", 5, &out, &err), MST_E_FAILED);
	put("empty", "", 0600);
	mst_buf_reset(&out);
	assert_int_equal(mst_file_read("empty", 0, &out, &err), 0);
	assert_int_equal(out.len, 0);
	mst_buf_free(&out);
	mst_buf_init(&out, 3);
	assert_int_equal(mst_file_read("a", 100, &out, &err), MST_E_LIMIT);
	mst_buf_free(&out);
}

/* The cap holds for the whole file, not for each piece that is read. */
static void test_read_long(void **state)
{
	static char data[40000];
	struct mst_buf out;
	struct mst_err err;

	(void)state;
	memset(data, 'x', sizeof(data));
	assert_int_equal(mst_file_write_atomic("long", data, sizeof(data), 0600, &err), 0);
	mst_buf_init(&out, 100000);
	assert_int_equal(mst_file_read("long", sizeof(data), &out, &err), 0);
	assert_int_equal(out.len, sizeof(data));
	mst_buf_reset(&out);
	assert_int_equal(mst_file_read("long", sizeof(data) - 1, &out, &err), MST_E_LIMIT);
	mst_buf_free(&out);
}

static void test_write_faults(void **state)
{
	static char data[] = "x";
	struct mst_err err;
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(mst_file_write_atomic("no/such/x", "a", 1, 0600, &err), MST_E_NOT_FOUND);
	assert_int_equal(mkdir("taken", 0700), 0);
	assert_int_equal(mst_file_write_atomic("taken", "a", 1, 0600, &err), MST_E_FAILED);
	assert_int_equal(rmdir("taken"), 0);
	assert_int_equal(rmdir(place), -1); /* the other tests' files, and no temporary one: */
	assert_int_equal(system("test -z \"$(ls -A | grep '^\\.muster-')\""), 0);
	fd = open("/dev/full", O_WRONLY);
	if (fd >= 0) {
		assert_int_equal(mst_file_write_all(fd, data, 1, "the segment", &err), MST_E_FULL);
		assert_non_null(strstr(err.text, "the segment"));
		close(fd);
	}
	assert_int_equal(mst_file_write_all(-1, data, 1, "nothing", &err), MST_E_FAILED);
	assert_int_equal(mst_file_sync_dir(".", &err), 0);
	assert_int_equal(mst_file_sync_dir("missing", &err), MST_E_NOT_FOUND);
	assert_int_equal(symlink("target", "link"), 0);
	put("link", "x", 0600); /* replaces the link, does not follow it */
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(lstat("target", &st), -1);
}

static void test_directories(void **state)
{
	struct mst_err err;
	struct stat st;

	(void)state;
	assert_int_equal(mst_file_mkdirs("d/e//f/", 0700, &err), 0);
	assert_int_equal(stat("d/e/f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(mst_file_mkdirs("d/e/f", 0755, &err), 0);
	assert_int_equal(mst_file_mkdirs("/", 0700, &err), 0);
	put("d/file", "x", 0600);
	assert_int_equal(mst_file_mkdirs("d/file", 0700, &err), MST_E_FAILED);
	assert_int_equal(mst_file_mkdirs("d/file/x", 0700, &err), MST_E_FAILED);
	assert_int_not_equal(mst_file_mkdirs("", 0700, &err), 0);
	put("outside", "x", 0600);
	assert_int_equal(mkdir("kept", 0700), 0);
	put("kept/file", "x", 0600);
	assert_int_equal(symlink("../../kept", "d/e/link"), 0);
	assert_int_equal(mst_file_remove_tree("d", &err), 0);
	assert_int_equal(lstat("d", &st), -1);
	assert_int_equal(lstat("kept/file", &st), 0);
	assert_int_equal(mst_file_remove_tree("outside", &err), 0);
	assert_int_equal(lstat("outside", &st), -1);
	assert_int_equal(mst_file_remove_tree("missing", &err), 0);
	assert_int_equal(symlink("kept", "alias"), 0);
	assert_int_equal(mst_file_remove_tree("alias", &err), 0);
	assert_int_equal(lstat("kept/file", &st), 0);
}

static int trusted(const char *name, struct mst_err *err)
{
	char path[400];

	mst_err_clear(err);
	snprintf(path, sizeof(path), "%s/%s", place, name);
	return mst_file_trusted(path, err);
}

static void test_trusted(void **state)
{
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_file_mkdirs("t/sub", 0755, &err), 0);
	put("t/sub/file", "x", 0644);
	assert_int_equal(trusted("t/sub/file", &err), 0);
	assert_int_equal(mst_file_trusted("t/sub/file", &err), MST_E_REFUSED);
	assert_int_equal(trusted("t/sub/missing", &err), MST_E_NOT_FOUND);
	assert_int_equal(trusted("t/sub", &err), MST_E_REFUSED);
	assert_int_equal(trusted("t/sub/", &err), MST_E_REFUSED);
	assert_int_equal(trusted("t/sub/..", &err), MST_E_REFUSED);
	assert_int_not_equal(trusted("t/sub/file/x", &err), 0);
	assert_int_equal(trusted("t/./sub/../sub//file", &err), 0);
	assert_int_equal(chmod("t/sub/file", 0646), 0);
	assert_int_equal(trusted("t/sub/file", &err), MST_E_REFUSED);
	assert_non_null(strstr(err.text, "chmod go-w"));
	assert_non_null(strstr(err.text, "t/sub/file can be written by everybody"));
	assert_int_equal(chmod("t/sub/file", 0644), 0);
	assert_int_equal(chmod("t", 0777), 0);
	assert_int_equal(trusted("t/sub/file", &err), MST_E_REFUSED);
	assert_non_null(strstr(err.text, "/t can be written"));
	assert_int_equal(trusted("t/sub/missing/../file", &err), MST_E_REFUSED);
	assert_int_equal(chmod("t", 01777), 0);
	assert_int_equal(trusted("t/sub/file", &err), 0);
}

static void test_trusted_links(void **state)
{
	struct mst_err err;
	char text[100];

	(void)state;
	assert_int_equal(mst_file_mkdirs("l/real", 0755, &err), 0);
	put("l/real/file", "x", 0644);
	assert_int_equal(symlink("file", "l/real/alias"), 0);
	assert_int_equal(trusted("l/real/alias", &err), MST_E_REFUSED);
	assert_non_null(strstr(err.text, "symbolic link"));
	assert_int_equal(symlink("real", "l/inside"), 0);
	assert_int_equal(trusted("l/inside/file", &err), 0);
	snprintf(text, sizeof(text), "%s/l/inside/../real", place);
	assert_int_equal(symlink(text, "l/absolute"), 0);
	assert_int_equal(trusted("l/absolute/file", &err), 0);
	assert_int_equal(symlink("loop", "l/loop"), 0);
	assert_int_equal(trusted("l/loop/file", &err), MST_E_REFUSED);
	/* A link through a directory that others may write is refused for that directory. */
	assert_int_equal(mkdir("open", 0700), 0);
	assert_int_equal(chmod("open", 0777), 0);
	assert_int_equal(symlink("../l/real", "open/hop"), 0);
	assert_int_equal(symlink("../open/hop", "l/far"), 0);
	assert_int_equal(trusted("l/far/file", &err), MST_E_REFUSED);
	assert_non_null(strstr(err.text, "/open can be written"));
}

static void test_trusted_owner(void **state)
{
	struct mst_err err;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	assert_int_equal(mst_file_mkdirs("o/theirs", 0755, &err), 0);
	put("o/theirs/file", "x", 0644);
	assert_int_equal(chown("o/theirs", 65534, 65534), 0);
	assert_int_equal(trusted("o/theirs/file", &err), MST_E_REFUSED);
	assert_non_null(strstr(err.text, "o/theirs belongs to user 65534"));
	assert_int_equal(chown("o/theirs", 0, 0), 0);
	assert_int_equal(chown("o/theirs/file", 65534, 65534), 0);
	assert_int_equal(trusted("o/theirs/file", &err), MST_E_REFUSED);
	assert_int_equal(chown("o/theirs/file", 0, 65534), 0);
	assert_int_equal(chmod("o/theirs/file", 0664), 0);
	assert_int_equal(trusted("o/theirs/file", &err), MST_E_REFUSED);
	assert_non_null(strstr(err.text, "its group"));
	assert_int_equal(symlink("theirs", "o/link"), 0);
	assert_int_equal(chmod("o/theirs/file", 0644), 0);
	assert_int_equal(trusted("o/link/file", &err), 0);
	assert_int_equal(lchown("o/link", 65534, 65534), 0);
	assert_int_equal(trusted("o/link/file", &err), MST_E_REFUSED);
}

static void test_paths(void **state)
{
	static struct mst_paths paths;
	struct mst_err err;
	const char *all[] = {paths.muster, paths.musterd, paths.worker, paths.plugin_dir};

	(void)state;
	assert_int_equal(mst_paths_find(&paths, &err), 0);
	for (size_t i = 0; i < COUNT(all); i++)
		assert_int_equal(all[i][0], '/');
	assert_string_equal(strrchr(paths.muster, '/'), "/muster");
	assert_string_equal(strrchr(paths.musterd, '/'), "/musterd");
	assert_string_equal(strrchr(paths.worker, '/'), "/muster-worker");
}

/* This program copied into a tree answers with the places it finds: main's second face. */
static void places_from(const char *program, const char *expected)
{
	char command[300], line[5000] = "";
	FILE *out;

	snprintf(command, sizeof(command), "%s --worker-place", program);
	out = popen(command, "r"); /* NOLINT(cert-env33-c): a constant command in a fresh directory */
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_int_equal(pclose(out), 0);
	assert_string_equal(line, expected);
}

static void test_build_tree(void **state)
{
	struct mst_buf self;
	struct mst_err err;
	char worker[200];

	(void)state;
	mst_buf_init(&self, 64u << 20);
	assert_int_equal(mst_file_read("/proc/self/exe", 64u << 20, &self, &err), 0);
	assert_int_equal(mst_file_mkdirs("tree/plugins/.libs", 0755, &err), 0);
	assert_int_equal(mst_file_mkdirs("tree/tests/unit/.libs", 0755, &err), 0);
	assert_int_equal(mst_file_write_atomic("tree/muster", self.data, self.len, 0755, &err), 0);
	assert_int_equal(mst_file_write_atomic("tree/tests/unit/.libs/x", self.data, self.len, 0755, &err), 0);
	mst_buf_free(&self);
	snprintf(worker, sizeof(worker), "%s/tree/muster-worker", place);
	places_from("tree/muster", worker);
	places_from("tree/tests/unit/.libs/x", worker);
	/* A tree that anybody may fill is none. */
	assert_int_equal(chmod("tree", 0777), 0);
	places_from("tree/muster", MST_LIBEXECDIR "/muster-worker");
	assert_int_equal(chmod("tree", 0755), 0);
	assert_int_equal(rmdir("tree/plugins/.libs"), 0);
	places_from("tree/muster", MST_LIBEXECDIR "/muster-worker");
}

static int print_worker_place(void)
{
	static struct mst_paths paths;

	if (mst_paths_find(&paths, NULL) != 0)
		return 1;
	fputs(paths.worker, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_read_write),    cmocka_unit_test(test_read_long),
	        cmocka_unit_test(test_write_faults),  cmocka_unit_test(test_directories),
	        cmocka_unit_test(test_trusted),       cmocka_unit_test(test_trusted_links),
	        cmocka_unit_test(test_trusted_owner), cmocka_unit_test(test_paths),
	        cmocka_unit_test(test_build_tree),
	};

	if (argc == 2 && strcmp(argv[1], "--worker-place") == 0)
		return print_worker_place();
	return cmocka_run_group_tests(tests, enter, leave);
}
