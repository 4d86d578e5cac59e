/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "job/caps.h"
#include "job/process.h"

/* Where descriptors wait until they are put in their places: above all of these. */
#define PARKED 16
#define PLACES 4

/* What a worker may see of our environment: nothing that changes what it does to a target. */
static const char *const passed_on[] = {"TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
#define PASSED (sizeof(passed_on) / sizeof(passed_on[0]))

struct environment {
	char *items[PASSED + 3];
	size_t count;
};

static int environment_make(struct environment *env, struct mst_err *err)
{
	memset(env, 0, sizeof(*env));
	env->items[env->count++] = mst_str_dup("PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
	env->items[env->count++] = mst_str_dup("LC_ALL=C.UTF-8");
	for (size_t i = 0; i < PASSED; i++) {
		const char *value = getenv(passed_on[i]);

		if (value)
			env->items[env->count++] = mst_str_printf("%s=%s", passed_on[i], value);
	}
	for (size_t i = 0; i < env->count; i++)
		if (!env->items[i])
			return mst_err_no_memory(err);
	return MST_OK;
}

static void environment_free(struct environment *env)
{
	for (size_t i = 0; i < sizeof(env->items) / sizeof(env->items[0]); i++)
		free(env->items[i]);
}

/* Copies of the four descriptors above PARKED, so that putting one in place never overwrites another. */
static int park(const int from[PLACES], int parked[PLACES], struct mst_err *err)
{
	for (int i = 0; i < PLACES; i++)
		parked[i] = -1;
	for (int i = 0; i < PLACES; i++) {
		if (from[i] < 0)
			continue;
		parked[i] = fcntl(from[i], F_DUPFD_CLOEXEC, PARKED);
		if (parked[i] < 0)
			return mst_err_errno(err, errno, "cannot start a worker: no descriptors left");
	}
	return MST_OK;
}

static void unpark(const int parked[PLACES])
{
	for (int i = 0; i < PLACES; i++)
		if (parked[i] >= 0)
			close(parked[i]);
}

static int fill_actions(posix_spawn_file_actions_t *actions, const int parked[PLACES])
{
	int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	for (int i = 0; rc == 0 && i < PLACES; i++)
		if (parked[i] >= 0)
			rc = posix_spawn_file_actions_adddup2(actions, parked[i], 3 + i);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, 3 + PLACES);
	return rc;
}

static int fill_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, defaults;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGINT);
	sigaddset(&defaults, SIGTERM);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &defaults);
	posix_spawnattr_setpgroup(attributes, 0);
	return posix_spawnattr_setflags(attributes,
	                                POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int mst_process_spawn(const struct mst_process_start *start, int fd3, int fd5, pid_t *pid, struct mst_err *err)
{
	const int from[PLACES] = {fd3, start->fd4, fd5, start->fd6};
	char *argv[] = {(char *)"muster-worker", (char *)start->verb, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	struct environment env;
	int parked[PLACES], rc, code;

	rc = park(from, parked, err);
	if (rc != MST_OK) {
		unpark(parked);
		return rc;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	rc = environment_make(&env, err);
	if (rc == MST_OK && start->net_raw)
		rc = mst_caps_lend_net_raw(err);
	if (rc == MST_OK) {
		code = fill_actions(&actions, parked);
		if (code == 0)
			code = fill_attributes(&attributes);
		if (code == 0)
			code = posix_spawn(pid, start->worker, &actions, &attributes, argv, env.items);
		if (code != 0)
			rc = mst_err_errno(err, code, "cannot start %s", start->worker);
	}
	if (start->net_raw)
		mst_caps_take_back();
	environment_free(&env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	unpark(parked);
	return rc;
}
