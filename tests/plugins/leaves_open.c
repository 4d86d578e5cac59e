/* SPDX-License-Identifier: Apache-2.0 */
/* Returns with a record and a scope open. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	(void)shard;
	int status = good_begin(call);
	if (status == MUSTER_OK)
		status = good_record(call, "192.0.2.1", NULL);
	if (status == MUSTER_OK)
		status = call->host->record_begin(call, "192.0.2.2");
	return status;
}

HOSTILE("leaves_open", good_open, good_plan, bad_run);
