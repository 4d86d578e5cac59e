/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NMAP_FAKE_HOST_TARGETS_H
#define NMAP_FAKE_HOST_TARGETS_H

#include <muster/plugin.h>

/* The `targets` service for small lists: IPv4 CIDR (down to /16) and addresses in blocks, IPv6 addresses in one chunk. */
int fake_target_chunks(const struct muster_target_query *query, muster_chunk_fn fn, void *data);

#endif
