/* SPDX-License-Identifier: Apache-2.0 */
/* Claims to have looked at more than it was given. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	struct muster_scope scope = good_scope();
	(void)instance;
	(void)shard;
	scope.addresses = "0.0.0.0/0";
	int status = call->host->scope_begin(call, &scope);
	if (status == MUSTER_OK)
		status = good_record(call, "192.0.2.1", NULL);
	return status == MUSTER_OK ? call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

HOSTILE("wide_scope", good_open, good_plan, bad_run);
