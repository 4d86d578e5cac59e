/* SPDX-License-Identifier: Apache-2.0 */
/* Ports of an observation: groups of equal protocol, state, reason and TTL, as records carry them. */
#ifndef MST_IMPORT_PORTS_H
#define MST_IMPORT_PORTS_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

/* Protocols that a port may have, in the order of their texts. */
enum mst_proto { MST_PROTO_TCP, MST_PROTO_UDP, MST_PROTO_SCTP, MST_PROTOS };

/* "tcp" -> MST_PROTO_TCP; -1 for an unknown word. */
int mst_proto_parse(const char *text);
const char *mst_proto_name(int proto);

struct mst_port {
	uint16_t port;
	const char *name; /* borrowed from the document; NULL: none */
};
struct mst_port_group {
	int proto;           /* enum mst_proto */
	bool open, unlisted; /* unlisted: its ports are only marked as decided */
	char state[24], reason[40];
	int64_t ttl;
	struct mst_port *ports;
	size_t count, cap;
};
struct mst_port_groups {
	struct mst_port_group *items;
	size_t count;
	bool open_only; /* set before reading: only groups in state open are listed */
};

/* Which ports are known to be in some state, per protocol. */
struct mst_port_sets {
	struct mst_ports of[MST_PROTOS];
};

/*
 * Adds the groups of a document's `ports` array: { proto, state, reason, ttl, ports: [int], names: [text] } or, as kept in
 * observations for states other than open, { ..., range: "1,3-4", count }. Ports in `decided` are left out; those taken
 * are added to it. Groups of unknown protocols and ports outside 1..65535 are ignored. Names are borrowed from `array`.
 * 0 or MST_E_NO_MEMORY.
 */
int mst_ports_read(struct mst_port_groups *groups, const bson_t *array, struct mst_port_sets *decided);
/* Appends `ports` to `doc`, sorted; nothing when there are no groups. */
int mst_ports_write(struct mst_port_groups *groups, bson_t *doc);
void mst_ports_free(struct mst_port_groups *groups);

/* Open ports of a `ports` array into `open`, and every port that it speaks of into `known`. */
int mst_ports_open(const bson_t *array, struct mst_port_sets *open, struct mst_port_sets *known);
/* The open ports of a `ports` array, those of one protocol after those of another, each sorted. Caller frees *out; names are
 * borrowed from `array`. */
int mst_ports_open_list(const bson_t *array, struct mst_port **out, size_t counts[MST_PROTOS]);
/* Writes the open ports of a `ports` array as mst_ports_write leaves it, in which no port stands twice, as the list `key` of their
 * texts: by number, TCP before UDP of the same number, `max` at most; nothing when there are none. 0 or MST_E_NO_MEMORY. */
int mst_ports_write_open(const bson_t *array, uint32_t max, bson_t *out, const char *key);
/* Appends sorted ports as "1,3-4". */
int mst_port_list_text(const struct mst_port *ports, size_t count, struct mst_buf *out);
/* Text of one port: "22", "53/udp". */
void mst_port_text(int proto, unsigned port, char *out, size_t size);

#endif
