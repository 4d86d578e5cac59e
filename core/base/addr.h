/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and sets of them. A set is a sorted array of disjoint, non-adjacent ranges per family. */
#ifndef MST_BASE_ADDR_H
#define MST_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct mst_addr {
	uint8_t family;    /* 4 or 6; 0: none */
	uint8_t bytes[16]; /* IPv4 in the first four */
};

#define MST_ADDR_TEXT 46 /* bytes for any address with NUL */
#define MST_ADDR_KEY  35 /* "4:0a010203" / "6:" + 32 hex, with NUL: sorts like the address */

/* Strict: dotted quad without leading zeros, RFC 4291 text, no scope id. v4-mapped IPv6 becomes IPv4. */
bool mst_addr_parse(const char *text, struct mst_addr *out);
void mst_addr_text(const struct mst_addr *addr, char out[MST_ADDR_TEXT]);
void mst_addr_key(const struct mst_addr *addr, char out[MST_ADDR_KEY]);
int mst_addr_compare(const struct mst_addr *a, const struct mst_addr *b); /* IPv4 before IPv6 */

struct mst_range {
	struct mst_addr first, last; /* inclusive, one family */
};

/* "10.0.0.0/24" (host bits must be 0? no: they are cleared), "10.0.0.1-10.0.0.9", "10.0.0.1-9", "10.0.0.1". No names. */
bool mst_range_parse(const char *text, struct mst_range *out);

struct mst_addr_set {
	struct mst_range *ranges;
	size_t count, cap;
};

void mst_addr_set_init(struct mst_addr_set *set);
void mst_addr_set_free(struct mst_addr_set *set);
/* All 0 or MST_E_NO_MEMORY. */
int mst_addr_set_add(struct mst_addr_set *set, const struct mst_range *range);
int mst_addr_set_remove(struct mst_addr_set *set, const struct mst_range *range);
int mst_addr_set_subtract(struct mst_addr_set *set, const struct mst_addr_set *other);
int mst_addr_set_intersect(struct mst_addr_set *set, const struct mst_addr_set *other);
int mst_addr_set_copy(struct mst_addr_set *out, const struct mst_addr_set *set);
bool mst_addr_set_contains(const struct mst_addr_set *set, const struct mst_addr *addr);
bool mst_addr_set_overlaps(const struct mst_addr_set *set, const struct mst_range *range);
/* Number of addresses, UINT64_MAX when larger. */
uint64_t mst_addr_set_count(const struct mst_addr_set *set);
/* Adds a comma-separated list of mst_range_parse forms. MST_E_USAGE names the bad item. */
int mst_addr_set_parse(struct mst_addr_set *set, const char *list, struct mst_err *err);
/* Appends canonical CIDRs and single addresses, comma-separated. */
int mst_addr_set_text(const struct mst_addr_set *set, struct mst_buf *out);
/* Cuts into chunks of at most `per_chunk` addresses of one family, aligned to blocks of per_chunk when it is a power of
 * two: no block is shared by two chunks, and sparse blocks are packed together. MST_E_USAGE for per_chunk 0. The caller
 * bounds the number of calls (count the set first). Calls fn with a set that lives during the call; stops when fn returns not 0 and returns that. */
int mst_addr_set_chunks(const struct mst_addr_set *set, uint32_t per_chunk,
                        int (*fn)(void *data, const struct mst_addr_set *chunk), void *data);

/* Ports: "1,3-4,22" <-> 65536-bit set. */
struct mst_ports {
	uint8_t bits[8192];
};
/* MST_E_USAGE on port 0, over 65535, bad text. Empty text is the empty set. */
/* On failure *ports is as it was. */
int mst_ports_parse(struct mst_ports *ports, const char *text, struct mst_err *err);
bool mst_ports_has(const struct mst_ports *ports, unsigned port);
void mst_ports_set(struct mst_ports *ports, unsigned port);
int mst_ports_text(const struct mst_ports *ports, struct mst_buf *out);
unsigned mst_ports_count(const struct mst_ports *ports);

#endif
