/* SPDX-License-Identifier: Apache-2.0 */
/* Identity keys: what an observation says about which interface it is. */
#ifndef MST_IMPORT_KEYS_H
#define MST_IMPORT_KEYS_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MST_KEY_SIZE 448 /* longest key with NUL; keeps below MST_MAX_ID */
#define MST_MAC_SIZE 18
#define MST_KEYS_MAX 6

/* Kinds of keys, strongest first. Two different values of one strong kind never belong to one interface. */
enum mst_key_kind {
	MST_KEY_ENI,
	MST_KEY_INSTANCE,
	MST_KEY_AGENT,
	MST_KEY_MAC,
	MST_KEY_STRONG, /* how many kinds are strong */
	MST_KEY_LOCAL_MAC = MST_KEY_STRONG,
	MST_KEY_IP
};

struct mst_keys {
	size_t count;
	struct mst_key {
		int kind; /* enum mst_key_kind; below MST_KEY_STRONG: strong */
		char text[MST_KEY_SIZE];
	} items[MST_KEYS_MAX];
};

/* "AA-BB-CC-DD-EE-FF", "aa:bb:cc:dd:ee:ff" -> the latter form; false for anything else, for zero, broadcast and multicast. */
bool mst_mac_parse(const char *text, char out[MST_MAC_SIZE]);
/* The locally administered bit is set (cloud and virtual machines, randomised addresses). */
bool mst_mac_is_local(const char *mac);
/* One MAC that stands for many hosts by design: VRRP, HSRP, GLBP, CARP. */
bool mst_mac_is_virtual_router(const char *mac);

/*
 * The keys of a folded document (see fold.h) in `zone`, strongest first:
 *   eni:ID, inst:ID/MAC, agent:ID/MAC, mac:ZONE:MAC (strong when globally administered), ip:ZONE:IP (weak).
 * A MAC that is shared (virtual router, or `shared_mac`) gives no key, alone or in a pair.
 */
void mst_keys_of(const bson_t *doc, const char *zone, bool shared_mac, struct mst_keys *out);
/* The key of one kind, or NULL. */
const char *mst_keys_find(const struct mst_keys *keys, int kind);
bool mst_keys_hold(const struct mst_keys *keys, const char *text);
/* Do the two have different values of one strong kind? */
bool mst_keys_conflict(const struct mst_keys *a, const struct mst_keys *b);
/* "never:A:B", the smaller id first. */
void mst_key_never(const char *a, const char *b, char out[MST_KEY_SIZE]);
/* "mac", "ip", "eni", "agent": the word of the column `identity` for the strongest key. */
const char *mst_keys_identity(const struct mst_keys *keys);

#endif
