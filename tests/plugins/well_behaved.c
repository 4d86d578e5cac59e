/* SPDX-License-Identifier: Apache-2.0 */
/* Does nothing wrong: proof that the tests around the others can see a good run. */
#include "hostile.h"

HOSTILE("well_behaved", good_open, good_plan, good_run);
