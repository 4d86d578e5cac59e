/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of addresses that answer as one: the run is warned of, its newcomers there are marked. */
#ifndef MST_IMPORT_BLOCKS_H
#define MST_IMPORT_BLOCKS_H

#include "import/room.h"

/*
 * Warns of all blocks that answer as one in this run, and gives the interfaces that it made there the field
 * `block_answer`, the block's CIDR: they are no news. Repeatable.
 */
int mst_blocks_flag(struct mst_import *import, const char *run, struct mst_err *err);

#endif
