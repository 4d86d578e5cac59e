/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes in run, with one scope complete and another open. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	int status = good_run(instance, call, shard);
	if (status == MUSTER_OK)
		status = good_begin(call);
	if (status == MUSTER_OK)
		status = good_record(call, "192.0.2.2", NULL);
	crash();
	return status;
}

HOSTILE("crash_run", good_open, good_plan, bad_run);
