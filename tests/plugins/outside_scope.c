/* SPDX-License-Identifier: Apache-2.0 */
/* Emits records outside of any scope, and says that all is well. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	good_record(call, "192.0.2.1", NULL);
	call->host->record_text(call, "ip", "192.0.2.1");
	call->host->record_emit(call);
	int status = good_run(instance, call, shard);
	good_record(call, "192.0.2.3", NULL);
	return status;
}

HOSTILE("outside_scope", good_open, good_plan, bad_run);
