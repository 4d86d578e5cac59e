/* SPDX-License-Identifier: Apache-2.0 */
/* Host services: child programs and the operator's file. */
#include "host_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"

static int spawn(struct fixture *f, const char *const *argv, const char *input, int64_t deadline,
                 struct muster_child **child)
{
	struct muster_spawn how = {.size = sizeof how,
	                           .program = argv[0],
	                           .argv = argv,
	                           .deadline_ms = deadline,
	                           .input = {input, input ? strlen(input) : 0}};
	return f->services->child_spawn(f->call, &how, child);
}

static size_t read_all(struct fixture *f, struct muster_child *child, char *out, size_t size)
{
	size_t have = 0;
	int64_t n;
	while (have + 1 < size && (n = f->services->child_read(f->call, child, out + have, size - 1 - have)) > 0)
		have += (size_t)n;
	out[have] = '\0';
	return have;
}

static void test_echo(void **state)
{
	static const char *const argv[] = {"cat", NULL};
	struct fixture f;
	struct muster_child *child;
	char text[64];
	int exit_status = -1;
	const char *errors = NULL;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(spawn(&f, argv, "over and back", 0, &child), MUSTER_OK);
	assert_int_equal(read_all(&f, child, text, sizeof text), 13);
	assert_string_equal(text, "over and back");
	assert_int_equal(f.services->child_read(f.call, child, text, sizeof text), 0);
	assert_int_equal(f.services->child_wait(f.call, child, &exit_status, &errors), MUSTER_OK);
	assert_int_equal(exit_status, 0);
	assert_string_equal(errors, "");
	assert_int_equal(f.services->child_wait(f.call, child, &exit_status, NULL),
	                 MUSTER_OK); /* again: the same answer */
	assert_int_equal(exit_status, 0);
	assert_int_equal(f.services->child_kill(f.call, child), MUSTER_OK);
	fixture_free(&f);
}

static void test_exit_status_and_errors(void **state)
{
	static const char *const argv[] = {"sh", "-c",
	                                   "i=0; while [ $i -lt 2000 ]; do echo 0123456789 >&2; i=$((i+1)); done; "
	                                   "echo last >&2; echo out; exit 7",
	                                   NULL};
	struct fixture f;
	struct muster_child *child;
	int exit_status = -1;
	const char *errors = NULL;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(spawn(&f, argv, NULL, 0, &child), MUSTER_OK);
	assert_int_equal(f.services->child_wait(f.call, child, &exit_status, &errors),
	                 MUSTER_OK); /* its output is not asked for */
	assert_int_equal(exit_status, 7);
	assert_int_equal(strlen(errors), 4000);
	assert_string_equal(errors + 4000 - 5, "last\n");
	fixture_free(&f);
}

static void test_refused(void **state)
{
	static const char *const other[] = {"id", NULL}, *const path[] = {"/usr/bin/cat", NULL},
	                         *const missing[] = {"surely-not-there", NULL};
	static const char *const cat[] = {"cat", NULL}, *const none[] = {NULL};
	struct muster_spawn empty = {.size = sizeof empty, .program = "cat", .argv = none};
	struct fixture f;
	struct muster_child *child;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(spawn(&f, other, NULL, 0, &child), MUSTER_E_REFUSED);
	assert_null(child);
	assert_int_equal(spawn(&f, path, NULL, 0, &child), MUSTER_E_REFUSED);
	assert_int_equal(spawn(&f, missing, NULL, 0, &child), MUSTER_E_NOT_FOUND);
	assert_non_null(strstr(fixture_lines(&f), "apt install some-package"));
	assert_int_equal(f.services->child_spawn(f.call, &empty, &child), MUSTER_E_USAGE);
	f.method.def.wants = 0;
	assert_int_equal(spawn(&f, cat, NULL, 0, &child), MUSTER_E_REFUSED);
	f.method.def.wants = MUSTER_WANTS_SPAWN;
	f.call = mst_host_enter(f.host, MST_HOST_OPEN);
	assert_int_equal(spawn(&f, cat, NULL, 0, &child), MUSTER_E_REFUSED);
	fixture_free(&f);
}

static void test_kill_and_deadline(void **state)
{
	static const char *const argv[] = {"sleep", "100", NULL};
	struct fixture f;
	struct muster_child *child;
	char byte;
	int exit_status = -1;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(spawn(&f, argv, NULL, 0, &child), MUSTER_OK);
	assert_int_equal(f.services->child_kill(f.call, child), MUSTER_OK);
	assert_int_equal(f.services->child_wait(f.call, child, &exit_status, NULL), MUSTER_OK);
	assert_int_equal(exit_status, 256 + SIGKILL);
	int64_t began = mst_time_monotonic();
	assert_int_equal(spawn(&f, argv, NULL, 100, &child), MUSTER_OK);
	assert_int_equal(f.services->child_read(f.call, child, &byte, 1), MUSTER_E_TIMEOUT);
	assert_int_equal(f.services->child_wait(f.call, child, &exit_status, NULL), MUSTER_E_TIMEOUT);
	assert_int_equal(exit_status, 256 + SIGKILL);
	assert_true(mst_time_monotonic() - began < 2000);
	fixture_free(&f);
}

/* Children end with the callback, and their handles with them. */
static void test_ends_with_the_callback(void **state)
{
	static const char *const argv[] = {"sleep", "100", NULL};
	struct fixture f;
	struct muster_child *children[17];
	struct mst_err end;
	char byte;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	for (int i = 0; i < 16; i++)
		assert_int_equal(spawn(&f, argv, NULL, 0, &children[i]), MUSTER_OK);
	assert_int_equal(spawn(&f, argv, NULL, 0, &children[16]), MUSTER_E_LIMIT);
	assert_null(children[16]);
	mst_host_finish(f.host, MST_OK, &end);
	assert_int_equal(f.services->child_read(f.call, children[0], &byte, 1), MUSTER_E_REFUSED);
	f.call = mst_host_enter(f.host, MST_HOST_MAIN);
	assert_int_equal(spawn(&f, argv, NULL, 0, &children[0]), MUSTER_OK);
	fixture_free(&f);
}

static void test_input(void **state)
{
	struct fixture f;
	char path[96], text[16];
	(void)state;
	fixture_make(&f);
	snprintf(path, sizeof path, "%s/file", f.dir);
	f.config.input_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(f.config.input_fd, "abcdef", 6, 0), 6);
	f.config.context = MST_HOST_READ;
	fixture_open(&f);
	assert_int_equal(f.services->input_read(f.call, text, 4), 4);
	assert_int_equal(f.services->input_read(f.call, text + 4, 10), 2);
	assert_memory_equal(text, "abcdef", 6);
	assert_int_equal(f.services->input_read(f.call, text, 4), 0);
	mst_host_free(f.host);
	f.config.context = MST_HOST_RUN;
	fixture_open(&f);
	assert_int_equal(f.services->input_read(f.call, text, 4), MUSTER_E_REFUSED);
	close(f.config.input_fd);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_echo),
	        cmocka_unit_test(test_exit_status_and_errors),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_kill_and_deadline),
	        cmocka_unit_test(test_ends_with_the_callback),
	        cmocka_unit_test(test_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
