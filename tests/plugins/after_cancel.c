/* SPDX-License-Identifier: Apache-2.0 */
/* Goes on emitting after it was told to stop, and says that all is well. */
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
	for (int i = 0; i < 100; i++) {
		char key[32];
		snprintf(key, sizeof key, "late-%d", i);
		good_record(call, key, NULL);
		pause_ms(1);
	}
	call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL);
	return MUSTER_OK;
}

HOSTILE("after_cancel", good_open, good_plan, bad_run);
