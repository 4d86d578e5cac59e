/* SPDX-License-Identifier: Apache-2.0 */
/* Plans shards without end; stops only when the host takes no more. */
#include "hostile.h"

static int bad_plan(void *instance, const struct muster_call *call)
{
	int status = MUSTER_OK;
	(void)instance;
	for (unsigned i = 0; status == MUSTER_OK; i++) {
		char id[32];
		snprintf(id, sizeof id, "s%u", i);
		status = good_shard(call, id);
	}
	return status;
}

HOSTILE("infinite_plan", good_open, bad_plan, good_run);
