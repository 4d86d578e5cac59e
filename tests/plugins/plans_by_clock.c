/* SPDX-License-Identifier: Apache-2.0 */
/* Plans other shards every time. */
#include "hostile.h"

static int bad_plan(void *instance, const struct muster_call *call)
{
	static int count;
	char id[32];
	(void)instance;
	snprintf(id, sizeof id, "s%d", count++);
	return good_shard(call, id);
}

HOSTILE("plans_by_clock", good_open, bad_plan, good_run);
