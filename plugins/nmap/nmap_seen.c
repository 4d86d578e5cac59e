/* SPDX-License-Identifier: Apache-2.0 */
/* A set of addresses: a file may name one host twice, and a source key must be unique within its scope. */
#include "nmap_xml.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static size_t slot_of(const unsigned char key[17], size_t cap)
{
	uint64_t hash = UINT64_C(1469598103934665603);
	for (size_t i = 0; i < 17; i++)
		hash = (hash ^ key[i]) * UINT64_C(1099511628211);
	return (size_t)(hash ^ (hash >> 32)) & (cap - 1);
}

/* The slot that holds the key, or the free one where it belongs. A first byte of 0 marks a free slot. */
static size_t find(unsigned char (*slots)[17], size_t cap, const unsigned char key[17])
{
	size_t at = slot_of(key, cap);
	while (slots[at][0] != 0 && memcmp(slots[at], key, 17) != 0)
		at = (at + 1) & (cap - 1);
	return at;
}

static int grow(struct nmap_seen *seen)
{
	size_t cap = seen->cap ? seen->cap * 2 : 256;
	unsigned char(*slots)[17] = calloc(cap, sizeof(*slots));
	if (!slots)
		return -1;
	for (size_t i = 0; i < seen->cap; i++)
		if (seen->slots[i][0] != 0)
			memcpy(slots[find(slots, cap, seen->slots[i])], seen->slots[i], 17);
	free(seen->slots);
	seen->slots = slots;
	seen->cap = cap;
	return 0;
}

int nmap_seen_add(struct nmap_seen *seen, const char *ip)
{
	unsigned char key[17] = {4};
	if (inet_pton(AF_INET, ip, key + 1) != 1) {
		key[0] = 6;
		if (inet_pton(AF_INET6, ip, key + 1) != 1)
			return -1;
	}
	if (seen->count >= NMAP_MAX_SEEN)
		return -1;
	if (seen->count * 2 >= seen->cap && grow(seen) < 0)
		return -1;
	size_t at = find(seen->slots, seen->cap, key);
	if (seen->slots[at][0] != 0)
		return 0;
	memcpy(seen->slots[at], key, 17);
	seen->count++;
	return 1;
}

void nmap_seen_free(struct nmap_seen *seen)
{
	free(seen->slots);
	memset(seen, 0, sizeof(*seen));
}
