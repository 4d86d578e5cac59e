/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the process as if all were well. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	good_run(instance, call, shard);
	exit(0);
}

HOSTILE("calls_exit", good_open, good_plan, bad_run);
