/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a file with every instance and closes none. */
#include "hostile.h"

#include <fcntl.h>

static int bad_open(const struct muster_call *call, void **instance)
{
	if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
		return call->host->fail(call, MUSTER_E_FAILED, "/dev/null cannot be opened");
	return good_open(call, instance);
}

HOSTILE("leaks_in_open", bad_open, good_plan, good_run);
