/* SPDX-License-Identifier: Apache-2.0 */
/* Plans one shard with a spec as long as the header allows, and runs it only if every byte came back. */
#include "hostile.h"

#define SPEC_SIZE 65536u

static unsigned char byte_at(size_t i)
{
	return (unsigned char)(i * 7 + i / 256);
}

static int full_plan(void *instance, const struct muster_call *call)
{
	static unsigned char spec[SPEC_SIZE];
	struct muster_shard shard = {.size = sizeof shard, .id = "s1", .scope = good_scope(), .addresses = 4};
	(void)instance;
	for (size_t i = 0; i < sizeof spec; i++)
		spec[i] = byte_at(i);
	shard.spec.data = spec;
	shard.spec.length = sizeof spec;
	return call->host->shard(call, &shard);
}

static int full_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	const unsigned char *spec = shard->spec.data;
	if (shard->spec.length != SPEC_SIZE)
		return call->host->fail(call, MUSTER_E_CORRUPT, "the spec has another length");
	for (size_t i = 0; i < SPEC_SIZE; i++)
		if (spec[i] != byte_at(i))
			return call->host->fail(call, MUSTER_E_CORRUPT, "the spec has other bytes");
	return good_run(instance, call, shard);
}

HOSTILE("full_spec", good_open, full_plan, full_run);
