/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes in plan, after one shard. */
#include "hostile.h"

static int bad_plan(void *instance, const struct muster_call *call)
{
	int status = good_plan(instance, call);
	crash();
	return status;
}

HOSTILE("crash_plan", good_open, bad_plan, good_run);
