/* SPDX-License-Identifier: Apache-2.0 */
/* Changes the environment, differently each time. */
#include "hostile.h"

static int bad_open(const struct muster_call *call, void **instance)
{
	static int count;
	char value[32];
	snprintf(value, sizeof value, "%d", count++);
	setenv("HOSTILE", value, 1);
	return good_open(call, instance);
}

HOSTILE("changes_environment", bad_open, good_plan, good_run);
