/* SPDX-License-Identifier: Apache-2.0 */
/* Calls itself otherwise than its file. */
#include "hostile.h"

HOSTILE("nmap", good_open, good_plan, good_run);
