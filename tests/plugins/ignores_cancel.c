/* SPDX-License-Identifier: Apache-2.0 */
/* Computes for ever and never looks up. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	static volatile unsigned count;
	int status = good_run(instance, call, shard);
	call->host->log(call, MUSTER_LOG_INFO, "spinning");
	while (status == MUSTER_OK)
		count++;
	return status;
}

HOSTILE("ignores_cancel", good_open, good_plan, bad_run);
