/* SPDX-License-Identifier: Apache-2.0 */
/* Plans one shard, which finds two more parts of the work: as a directory does that lists further ones. */
#include "hostile.h"

static int announce(const struct muster_call *call, const char *id, const char *addresses)
{
	struct muster_shard shard = {.size = sizeof shard, .id = id, .scope = good_scope(), .addresses = 1};
	shard.scope.addresses = addresses;
	shard.spec.data = addresses;
	shard.spec.length = strlen(addresses) + 1;
	return call->host->shard(call, &shard);
}

static int one_record(const struct muster_call *call, const char *address)
{
	const struct muster_host *host = call->host;
	struct muster_scope scope = good_scope();
	scope.addresses = address;
	int status = host->scope_begin(call, &scope);
	if (status == MUSTER_OK)
		status = host->record_begin(call, address);
	if (status == MUSTER_OK)
		status = host->record_text(call, "ip", address);
	if (status == MUSTER_OK)
		status = host->record_int(call, "seen", host->now(call));
	if (status == MUSTER_OK)
		status = host->record_emit(call);
	return status == MUSTER_OK ? host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

static int follow_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	if (strcmp(shard->id, "s1") != 0)
		return one_record(call, shard->spec.data);
	int status = announce(call, "s1.a", "192.0.2.5");
	if (status == MUSTER_OK)
		status = announce(call, "s1.b", "192.0.2.6");
	return status == MUSTER_OK ? good_run(instance, call, shard) : status;
}

HOSTILE("follow_ups", good_open, good_plan, follow_run);
