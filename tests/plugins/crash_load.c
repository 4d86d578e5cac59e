/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes before anybody asked it anything. */
#include "hostile.h"

__attribute__((constructor)) static void at_load(void)
{
	crash();
}

HOSTILE("crash_load", good_open, good_plan, good_run);
