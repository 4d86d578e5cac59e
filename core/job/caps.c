/* SPDX-License-Identifier: Apache-2.0 */
#include "job/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NET_RAW_BIT (UINT32_C(1) << CAP_NET_RAW)

/* glibc has no wrapper; libcap would be a dependency for two calls. Both concern the calling thread only. */
static int get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};

	return syscall(SYS_capget, &header, data) == 0 ? 0 : errno;
}

static int set(const struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};

	return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

int mst_caps_start(bool *net_raw, struct mst_err *err)
{
	struct __user_cap_data_struct data[2];
	int code;

	memset(data, 0, sizeof(data));
	*net_raw = false;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return mst_err_errno(err, errno, "cannot clear the ambient capabilities");
	code = get(data);
	if (code != 0)
		return mst_err_errno(err, code, "cannot read this process's capabilities");
	*net_raw = (data[0].permitted & NET_RAW_BIT) != 0;
	return MST_OK;
}

int mst_caps_lend_net_raw(struct mst_err *err)
{
	struct __user_cap_data_struct data[2];
	int code;

	memset(data, 0, sizeof(data));
	code = get(data);
	if (code == 0) {
		data[0].inheritable |= NET_RAW_BIT;
		code = set(data);
	}
	if (code == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) != 0)
		code = errno;
	if (code != 0)
		return mst_err_errno(err, code, "cannot lend CAP_NET_RAW to a worker");
	return MST_OK;
}

void mst_caps_take_back(void)
{
	struct __user_cap_data_struct data[2];

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_NET_RAW, 0, 0);
	memset(data, 0, sizeof(data));
	if (get(data) == 0) {
		data[0].inheritable &= ~NET_RAW_BIT;
		(void)set(data);
	}
}
