/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Own names for the kernel's interface: older headers lack the newer rights, and the kernel says at run time what it knows. */
#define CALL_CREATE       444
#define CALL_ADD_RULE     445
#define CALL_RESTRICT     446
#define CREATE_VERSION    1u
#define RULE_PATH_BENEATH 1
#define WRITE_FILE        (UINT64_C(1) << 1)
#define CHANGES_V1                                                                                                     \
	(WRITE_FILE | (UINT64_C(511) << 4)) /* remove dir, file; make char, dir, reg, sock, fifo, block, sym */
#define REFER_V2    (UINT64_C(1) << 13)
#define TRUNCATE_V3 (UINT64_C(1) << 14)

struct ruleset {
	uint64_t handled_fs;
};
struct path_beneath {
	uint64_t allowed;
	int32_t parent_fd;
} __attribute__((packed));

static int allow(int ruleset, const char *path, uint64_t rights, struct mst_err *err)
{
	struct path_beneath rule = {.allowed = rights, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
	if (rule.parent_fd < 0)
		return mst_err_errno(err, errno, "opening %s", path);
	int status = MST_OK;
	if (syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
		status = mst_err_errno(err, errno, "allowing writes below %s", path);
	close(rule.parent_fd);
	return status;
}

static int allow_all(int ruleset, const char *const *dirs, uint64_t rights, struct mst_err *err)
{
	int status = allow(ruleset, "/dev/null", rights & (WRITE_FILE | TRUNCATE_V3), err);
	for (size_t i = 0; dirs && dirs[i] && status == MST_OK; i++)
		status = allow(ruleset, dirs[i], rights, err);
	return status;
}

int mst_landlock_enter(const char *const *dirs, struct mst_err *err)
{
	long version = syscall(CALL_CREATE, NULL, 0, CREATE_VERSION);
	if (version < 1)
		return mst_err_set(err, MST_E_UNSUPPORTED,
		                   "this kernel has no Landlock: a plugin may write wherever its user may");
	struct ruleset handled = {.handled_fs = CHANGES_V1};
	if (version >= 2)
		handled.handled_fs |= REFER_V2;
	if (version >= 3)
		handled.handled_fs |= TRUNCATE_V3;
	int ruleset = (int)syscall(CALL_CREATE, &handled, sizeof handled, 0);
	if (ruleset < 0)
		return mst_err_errno(err, errno, "making a Landlock ruleset");
	int status = allow_all(ruleset, dirs, handled.handled_fs, err);
	if (status == MST_OK && syscall(CALL_RESTRICT, ruleset, 0) != 0)
		status = mst_err_errno(err, errno, "entering Landlock");
	close(ruleset);
	return status;
}
