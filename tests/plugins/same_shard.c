/* SPDX-License-Identifier: Apache-2.0 */
/* Plans two shards under one id, one that leaves the spool, and one that claims the whole network. */
#include "hostile.h"

static int bad_plan(void *instance, const struct muster_call *call)
{
	static char spec[65537];
	struct muster_shard shard = {
	        .size = sizeof shard, .id = "big", .spec = {spec, sizeof spec}, .scope = good_scope()};
	int status = good_plan(instance, call);
	if (status == MUSTER_OK && good_shard(call, "s1") == MUSTER_OK)
		return call->host->fail(call, MUSTER_E_FAILED, "the host took one id twice");
	if (status == MUSTER_OK && good_shard(call, "../../../etc/x") == MUSTER_OK)
		return call->host->fail(call, MUSTER_E_FAILED, "the host took a path as an id");
	if (status == MUSTER_OK && call->host->shard(call, &shard) == MUSTER_OK)
		return call->host->fail(call, MUSTER_E_FAILED, "the host took an oversize spec");
	return status;
}

HOSTILE("same_shard", good_open, bad_plan, good_run);
