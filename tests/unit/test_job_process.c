/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/time.h"
#include "job/process.h"

/* Workers are played by shell scripts: fd 3 is the job, fd 5 takes lines. */
struct fixture {
	uv_loop_t loop;
	struct mst_processes *set;
	char path[64];
	int lines;
	bool ended;
	struct mst_process_end end;
	char text[512], last[512];
};

static void on_line(void *data, struct json_object *line, const char *type)
{
	struct fixture *f = data;

	f->lines++;
	snprintf(f->last, sizeof(f->last), "%s:%s", type, mst_json_text(line, "text", ""));
}

static void on_ended(void *data, const struct mst_process_end *end)
{
	struct fixture *f = data;

	assert_false(f->ended);
	f->ended = true;
	f->end = *end;
	snprintf(f->text, sizeof(f->text), "%s", end->text);
}

static const struct mst_process_ops ops = {on_line, on_ended};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int fd;

	signal(SIGPIPE, SIG_IGN);
	snprintf(f->path, sizeof(f->path), "/tmp/mst-test-worker-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	uv_loop_init(&f->loop);
	assert_int_equal(mst_processes_new(&f->set, &f->loop, NULL), MST_OK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	mst_processes_close(f->set);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	unlink(f->path);
	free(f);
	return 0;
}

static struct mst_process *begin(struct fixture *f, const char *script, int64_t deadline_ms)
{
	struct mst_process_start start = {
	        .worker = f->path, .verb = "run", .plugin = "toy", .fd4 = -1, .fd6 = -1, .deadline_ms = deadline_ms};
	struct mst_process *process = NULL;
	struct mst_err err = {.code = MST_OK};
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	chmod(f->path, 0700);
	start.job = json_object_new_object();
	mst_json_add_text(start.job, "hello", "world");
	assert_int_equal(mst_process_start(&process, f->set, &start, &ops, f, &err), MST_OK);
	json_object_put(start.job);
	return process;
}

static void wait_for_end(struct fixture *f, int64_t most_ms)
{
	int64_t until = mst_time_monotonic() + most_ms;

	while (!f->ended && mst_time_monotonic() < until) {
		uv_run(&f->loop, UV_RUN_NOWAIT);
		usleep(2000);
	}
	assert_true(f->ended);
	assert_int_equal(mst_processes_count(f->set), 0);
}

static void good_worker(void **state)
{
	struct fixture *f = *state;

	begin(f,
	      "read job <&3; case $job in *world*) ;; *) exit 9;; esac\n"
	      "echo '{\"type\":\"log\",\"text\":\"one\"}' >&5\n"
	      "printf '{\"type\":\"log\",\"te' >&5; sleep 0.1; printf 'xt\":\"two\"}\\n{\"type\":\"end\",\"status\":\"ok\",\"records\":7}\\n' >&5",
	      10000);
	wait_for_end(f, 8000);
	assert_int_equal(f->lines, 2);
	assert_string_equal(f->last, "log:two");
	assert_int_equal(f->end.status, MST_OK);
	assert_int_equal(f->end.records, 7);
	assert_false(f->end.crashed);
}

static void crash_names_the_plugin_and_signal(void **state)
{
	struct fixture *f = *state;

	begin(f, "kill -SEGV $$", 10000);
	wait_for_end(f, 8000);
	assert_int_equal(f->end.status, MST_E_FAILED);
	assert_true(f->end.crashed);
	assert_string_equal(f->text, "plugin toy crashed (signal 11)");
}

static void silent_end_is_a_failure(void **state)
{
	struct fixture *f = *state;

	begin(f, "exit 0", 10000);
	wait_for_end(f, 8000);
	assert_int_equal(f->end.status, MST_E_FAILED);
	assert_non_null(strstr(f->text, "plugin toy ended without a result (exit status 0)"));
}

static pid_t pid_of(const char *line)
{
	return (pid_t)strtol(strchr(line, ':') + 1, NULL, 10);
}

/* A dead child that nobody has reaped yet does not count. */
static bool lives(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state != 'Z' && state != 'X';
}

/* Nothing of the group may live on, and nothing that holds the pipe open may hold the daemon. */
static void grandchildren_die_with_the_worker(void **state)
{
	struct fixture *f = *state;

	begin(f, "sleep 60 & echo \"{\\\"type\\\":\\\"log\\\",\\\"text\\\":\\\"$!\\\"}\" >&5; exit 0", 10000);
	wait_for_end(f, 8000);
	for (int i = 0; i < 100 && lives(pid_of(f->last)); i++)
		usleep(10000);
	assert_true(pid_of(f->last) > 1);
	assert_false(lives(pid_of(f->last)));
}

static void polite_cancel(void **state)
{
	struct fixture *f = *state;
	struct mst_process *process = begin(
	        f,
	        "read job <&3; read word <&3; [ \"$word\" = cancel ] && echo '{\"type\":\"end\",\"status\":\"cancelled\",\"text\":\"kept 3\"}' >&5",
	        10000);

	mst_process_cancel(process);
	wait_for_end(f, 1900);
	assert_int_equal(f->end.status, MST_E_CANCELLED);
	assert_string_equal(f->text, "kept 3");
}

static void deaf_worker_is_killed(void **state)
{
	struct fixture *f = *state;
	struct mst_process *process = begin(f, "while :; do sleep 1; done", 60000);
	int64_t since;

	usleep(300000); /* the loop's clock is behind by that */
	since = mst_time_monotonic();
	mst_process_cancel(process);
	wait_for_end(f, 6000);
	assert_int_equal(f->end.status, MST_E_CANCELLED);
	assert_true(mst_time_monotonic() - since >= 1900);
}

static void deadline(void **state)
{
	struct fixture *f = *state;

	begin(f, "while :; do sleep 1; done", -1900);
	wait_for_end(f, 6000);
	assert_int_equal(f->end.status, MST_E_TIMEOUT);
	assert_string_equal(f->text, "worker killed at its deadline");
}

static void nonsense_on_the_pipe(void **state)
{
	struct fixture *f = *state;

	begin(f, "echo 'not json' >&5; sleep 60", 30000);
	wait_for_end(f, 6000);
	assert_int_equal(f->end.status, MST_E_FAILED);
	assert_int_equal(f->lines, 0);
}

static void endless_line(void **state)
{
	struct fixture *f = *state;

	begin(f, "exec 1>&5; while :; do printf '%08000d' 0; done", 30000);
	wait_for_end(f, 6000);
	assert_int_equal(f->end.status, MST_E_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(good_worker, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(crash_names_the_plugin_and_signal, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(silent_end_is_a_failure, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(grandchildren_die_with_the_worker, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(polite_cancel, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(deaf_worker_is_killed, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(deadline, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(nonsense_on_the_pipe, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(endless_line, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
