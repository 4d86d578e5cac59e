/* SPDX-License-Identifier: Apache-2.0 */
/* Allocates and touches memory without end. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	const size_t step = 16 << 20;
	char *chunk;
	int status = good_run(instance, call, shard);
	while ((chunk = malloc(step)) != NULL)
		memset(chunk, 1, step);
	return status == MUSTER_OK ? call->host->fail(call, MUSTER_E_NO_MEMORY, "no memory is left") : status;
}

HOSTILE("eats_memory", good_open, good_plan, bad_run);
