/* SPDX-License-Identifier: Apache-2.0 */
/* Opens files until none can be opened, then goes on. */
#include "hostile.h"

#include <fcntl.h>

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	return good_run(instance, call, shard);
}

HOSTILE("leaks_descriptors", good_open, good_plan, bad_run);
