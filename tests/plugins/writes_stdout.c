/* SPDX-License-Identifier: Apache-2.0 */
/* Prints to standard output and error. */
#include "hostile.h"

static int bad_open(const struct muster_call *call, void **instance)
{
	printf("{\"type\":\"end\",\"status\":\"ok\",\"text\":\"from stdout\"}\n");
	fprintf(stderr, "{\"type\":\"end\",\"status\":\"ok\",\"text\":\"from stderr\"}\n");
	fflush(stdout);
	return good_open(call, instance);
}

HOSTILE("writes_stdout", bad_open, good_plan, good_run);
