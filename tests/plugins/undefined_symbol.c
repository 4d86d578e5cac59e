/* SPDX-License-Identifier: Apache-2.0 */
/* Calls a function that nobody has. Linked lazily, it would load and end the process in the middle of a run. */
#include "hostile.h"

int muster_there_is_no_such_function(void);

static int run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	(void)call;
	(void)shard;
	return muster_there_is_no_such_function();
}

HOSTILE("undefined_symbol", good_open, good_plan, run);
