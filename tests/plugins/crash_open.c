/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes in open. */
#include "hostile.h"

static int bad_open(const struct muster_call *call, void **instance)
{
	crash();
	return good_open(call, instance);
}

HOSTILE("crash_open", bad_open, good_plan, good_run);
