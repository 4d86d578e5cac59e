/* SPDX-License-Identifier: Apache-2.0 */
/* Emits records without end; stops only when the host takes no more. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	static char filler[65536];
	(void)instance;
	(void)shard;
	int status = good_begin(call);
	memset(filler, 'x', sizeof filler - 1);
	for (unsigned i = 0; status == MUSTER_OK; i++) {
		char key[32];
		snprintf(key, sizeof key, "k%u", i);
		status = good_record(call, key, filler);
	}
	return status;
}

HOSTILE("floods_records", good_open, good_plan, bad_run);
