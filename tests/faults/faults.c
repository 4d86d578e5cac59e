/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs every scene again and again, with its first allocation failing, its second, and so on until none is left. Each
 * try must end with a code and words or with everything done, free what it took, and leave nothing half done.
 *
 * faults [STRIDE [SCENE [N]]]    STRIDE 1: every allocation; 23 (the default): every 23rd; with N that one alone, traced
 */
#include "faults.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "base/file.h"

enum { TRY_SECONDS = 60, WARM = 3, SHOWN = 5 };

char scene_dir[64];

/* What the child tells of itself, also after it has crashed. */
static struct shared {
	unsigned long n, tries, tolerated;
	unsigned bad;
	bool warming;
} * shared;

const char *scene_plugin(const char *name)
{
	static char path[PATH_MAX];
	char exe[PATH_MAX] = "";
	if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0)
		return "";
	for (int i = 0; i < 3; i++) /* BUILD/tests/faults/faults */
		*strrchr(exe, '/') = '\0';
	snprintf(path, sizeof path, "%.3000s/plugins/.libs/%s.so", exe, name);
	return path;
}

const char *scene_path(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", scene_dir, name);
	return path;
}

const char *quoted(const char *text)
{
	static char out[4096];
	snprintf(out, sizeof out, "%s", text);
	for (char *at = out; *at; at++)
		if (*at == '\'')
			*at = '"';
	return out;
}

static void bad(const struct scene *scene, const char *what, const char *more)
{
	if (shared->bad++ < SHOWN && !shared->warming)
		printf("  %s, allocation %lu: %s%s\n", scene->name, shared->n, what, more);
}

static void judge(const struct scene *scene, int code, bool fired, struct mst_err *err)
{
	char text[64];
	void *where = NULL;
	size_t leaks = fault_leaks(&where);
	snprintf(text, sizeof text, " (%zu blocks, one from %p)", leaks, where);
	if (leaks > 0)
		bad(scene, "leaks", text);
	if (code != 0 && !err->text[0])
		bad(scene, "fails without a word: ", mst_code_name(code));
	if (code == 0 && fired && !scene->lenient)
		bad(scene, "says that all is well", "");
	shared->tolerated += code == 0 && fired;
	mst_err_clear(err);
	if (scene->whole && !scene->whole(code, err))
		bad(scene, "leaves something half done: ", err->text);
}

/* One try; false when it was not cut short because the scene has fewer allocations. */
static bool try_once(const struct scene *scene, unsigned long n)
{
	struct mst_err err = {0};
	shared->n = n;
	if (scene->before)
		scene->before();
	alarm(TRY_SECONDS);
	fault_arm(n);
	int code = scene->run(&err);
	bool fired = fault_disarm();
	alarm(0);
	if (n == 0 && code != 0)
		bad(scene, "fails without any fault: ", err.text);
	judge(scene, code, fired, &err);
	shared->tries++;
	return fired;
}

/* In the child: the tries from `n` on. */
static void sweep(const struct scene *scene, unsigned long n, unsigned long stride)
{
	/* What is set up once in a process and stays must not count as lost. */
	for (int i = 0; i < WARM; i++) {
		unsigned before = shared->bad;
		shared->warming = i + 1 < WARM;
		try_once(scene, 0);
		if (shared->warming)
			shared->bad = before;
	}
	while (shared->bad < 50 && try_once(scene, n))
		n += stride;
	fflush(stdout);
	_exit(0);
}

static bool run_scene(const struct scene *scene, unsigned long stride, unsigned long from)
{
	unsigned crashes = 0;
	memset(shared, 0, sizeof *shared);
	for (;;) {
		int status = 0;
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0)
			sweep(scene, from, stride);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return false;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			break;
		printf("  %s, allocation %lu: %s\n", scene->name, shared->n,
		       WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "ends the process");
		if (++crashes == SHOWN)
			break;
		from = shared->n + stride;
	}
	printf("%s %s: %lu tries, %lu of them well all the same\n", shared->bad + crashes ? "FAILED" : "ok",
	       scene->name, shared->tries, shared->tolerated);
	return shared->bad + crashes == 0;
}

int main(int argc, char **argv)
{
	const struct scene *const rooms[] = {conf_scenes,  record_scenes, plugin_scenes,
	                                     store_scenes, import_scenes, cli_scenes};
	unsigned long stride = argc > 1 ? strtoul(argv[1], NULL, 10) : 23;
	unsigned long only = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	unsigned failed = 0, scenes = 0;
	if (!fault_possible()) {
		puts("skipped: the sanitizers bring an allocator of their own");
		return 77;
	}
	/* In memory where that is possible: a sweep syncs thousands of times. */
	if (only)
		fault_trace();
	snprintf(scene_dir, sizeof scene_dir, "%s/muster-faults-XXXXXX",
	         access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stride == 0 || shared == MAP_FAILED || !mkdtemp(scene_dir))
		return 2;
	for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++)
		for (const struct scene *scene = rooms[i]; scene->name; scene++) {
			if (argc > 2 && strcmp(argv[2], scene->name) != 0)
				continue;
			scenes++;
			failed += !run_scene(scene, only ? ULONG_MAX / 2 : stride, only ? only : 1);
		}
	mst_file_remove_tree(scene_dir, NULL);
	printf("%u scenes, %u failed\n", scenes, failed);
	return failed || scenes == 0 ? 1 : 0;
}
