/* SPDX-License-Identifier: Apache-2.0 */
/* One record that grows without end. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	const struct muster_host *host = call->host;
	int status = good_begin(call);
	(void)instance;
	(void)shard;
	if (status == MUSTER_OK)
		status = good_record(call, "192.0.2.1", NULL);
	if (status == MUSTER_OK)
		status = host->record_begin(call, "192.0.2.2");
	for (unsigned i = 0; i < 1000 && status == MUSTER_OK; i++)
		status = host->record_object(call, "deeper");
	host->record_emit(call);
	host->record_drop(call);
	status = host->record_begin(call, "192.0.2.3");
	status = status == MUSTER_OK ? host->record_array(call, "list") : status;
	while (status == MUSTER_OK)
		status = host->record_text(call, NULL,
		                           "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	host->record_end(call);
	host->record_emit(call);
	host->record_drop(call);
	return host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL);
}

HOSTILE("huge_record", good_open, good_plan, bad_run);
