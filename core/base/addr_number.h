/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as numbers; inside base only. */
#ifndef MST_BASE_ADDR_NUMBER_H
#define MST_BASE_ADDR_NUMBER_H

#include "base/addr.h"

__extension__ typedef unsigned __int128 mst_u128;

/* 32 or 128. */
unsigned mst_addr_bits(uint8_t family);
mst_u128 mst_addr_number(const struct mst_addr *addr);
struct mst_addr mst_addr_from_number(uint8_t family, mst_u128 number);
/* The `bits` (0 to 128) lowest bits set. */
mst_u128 mst_addr_low_mask(unsigned bits);

#endif
