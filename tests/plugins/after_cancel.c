/* SPDX-License-Identifier: Apache-2.0 */
/* Goes on emitting for as long as the host takes records after it was told to stop. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	(void)shard;
	int status = good_begin(call);
	if (status != MUSTER_OK)
		return status;
	call->host->log(call, MUSTER_LOG_INFO, "waiting");
	while (!call->host->cancelled(call))
		pause_ms(10);
	for (int i = 0; status == MUSTER_OK; i++) {
		char key[32];
		snprintf(key, sizeof key, "late-%d", i);
		status = good_record(call, key, NULL);
		pause_ms(1);
	}
	return call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL);
}

HOSTILE("after_cancel", good_open, good_plan, bad_run);
