/* SPDX-License-Identifier: Apache-2.0 */
/* Locations: which network is where. */
#ifndef MST_IMPORT_LOCATIONS_H
#define MST_IMPORT_LOCATIONS_H

#include <bson/bson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/error.h"

#define MST_LOCATION_LEVELS 5

struct mst_location {
	struct mst_range network;
	struct mst_range nat;              /* first.family 0: any */
	char *levels[MST_LOCATION_LEVELS]; /* NULL behind the last */
	char *text;                        /* "Region / Site / Building" */
	unsigned line;
};
struct mst_locations {
	struct mst_location *items; /* smallest network first */
	size_t count, cap;
};

/*
 * Reads CSV (RFC 4180, UTF-8, an optional byte-order mark): a heading line Network, NAT and one to five levels, then one network
 * a line. Network and NAT are a CIDR, a range or an address; NAT may be empty. Empty lines are skipped. Every fault is added
 * to `faults` as "line N: what; cure" (at most 100 lines). 0; MST_E_USAGE when there is any fault (then `out` is empty);
 * MST_E_LIMIT beyond MST_MAX_LOCATIONS.
 */
int mst_locations_parse(struct mst_locations *out, const char *csv, size_t len, struct mst_buf *faults);
void mst_locations_free(struct mst_locations *locations);
/* The most exact network that holds `ip` and whose NAT, if it has one, holds `nat_ip`; NULL: none. Texts may be NULL. */
const struct mst_location *mst_locations_find(const struct mst_locations *locations, const char *ip,
                                              const char *nat_ip);
/* A row and its document in `locations`: { _id, network, nat, levels, location, line }. */
int mst_location_to_bson(const struct mst_location *location, bson_t *out);
int mst_location_from_bson(struct mst_locations *locations, const bson_t *doc);
/* After the last mst_location_from_bson. */
void mst_locations_sort(struct mst_locations *locations);

#endif
