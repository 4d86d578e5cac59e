/* SPDX-License-Identifier: Apache-2.0 */
/* Closes descriptors that are not its own. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	int status = good_run(instance, call, shard);
	for (int fd = 0; fd < 256; fd++)
		close(fd);
	return status;
}

HOSTILE("closes_descriptors", good_open, good_plan, bad_run);
