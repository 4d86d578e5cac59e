/* SPDX-License-Identifier: Apache-2.0 */
#include "nmap_host_targets.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE (1u << 17) /* 10.0.0.0/15 */
#define BASE  UINT32_C(0x0a000000)

static void mark(unsigned char *set, const char *list, unsigned char bit)
{
	char copy[65536];
	(void)snprintf(copy, sizeof(copy), "%s", list);
	char *rest = copy;
	for (char *item; (item = strsep(&rest, ",")) != NULL;) {
		unsigned prefix = 32;
		char *slash = strchr(item, '/');
		if (slash) {
			*slash = '\0';
			prefix = (unsigned)strtoul(slash + 1, NULL, 10);
		}
		struct in_addr addr;
		while (*item == ' ')
			item++;
		if (inet_pton(AF_INET, item, &addr) != 1)
			continue;
		uint32_t first = ntohl(addr.s_addr) - BASE;
		for (uint32_t i = 0; i < (UINT32_C(1) << (32 - prefix)); i++)
			if (first + i < SPACE)
				set[first + i] |= bit;
	}
}

/* The largest CIDR blocks that make up the marked addresses from `at` to `end`. */
static void block_text(const unsigned char *set, uint32_t at, uint32_t end, char *out, size_t size)
{
	size_t used = 0;
	while (at < end) {
		uint32_t length = 0;
		while (at < end && set[at] != 1)
			at++;
		while (at + length < end && set[at + length] == 1)
			length++;
		if (length == 0)
			return;
		uint32_t block = 1;
		unsigned prefix = 32;
		while (block * 2 <= length && (at & (block * 2 - 1)) == 0) {
			block *= 2;
			prefix--;
		}
		char text[INET_ADDRSTRLEN];
		struct in_addr addr = {htonl(BASE + at)};
		inet_ntop(AF_INET, &addr, text, sizeof(text));
		used += (size_t)snprintf(out + used, size - used, prefix == 32 ? "%s%s" : "%s%s/%u",
		                         used > 0 ? "," : "", text, prefix);
		at += block;
	}
}

static int chunks4(unsigned char *set, uint32_t per_chunk, muster_chunk_fn fn, void *data)
{
	char text[65536];
	for (uint32_t at = 0; at < SPACE; at += per_chunk) {
		int64_t count = 0;
		for (uint32_t i = at; i < at + per_chunk && i < SPACE; i++)
			count += set[i] == 1;
		if (count == 0)
			continue;
		text[0] = '\0';
		block_text(set, at, at + per_chunk < SPACE ? at + per_chunk : SPACE, text, sizeof(text));
		struct muster_target_chunk chunk = {
		        .size = sizeof(chunk), .family = 4, .addresses = text, .count = count};
		int status = fn(data, &chunk);
		if (status != MUSTER_OK)
			return status;
	}
	return MUSTER_OK;
}

static int chunk6(const char *include, muster_chunk_fn fn, void *data)
{
	char copy[4096], text[4096] = "";
	size_t used = 0;
	int64_t count = 0;
	(void)snprintf(copy, sizeof(copy), "%s", include);
	char *rest = copy;
	for (char *item; (item = strsep(&rest, ",")) != NULL;)
		if (strchr(item, ':')) {
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? "," : "", item);
			count++;
		}
	if (count == 0)
		return MUSTER_OK;
	struct muster_target_chunk chunk = {.size = sizeof(chunk), .family = 6, .addresses = text, .count = count};
	return fn(data, &chunk);
}

int fake_target_chunks(const struct muster_target_query *query, muster_chunk_fn fn, void *data)
{
	unsigned char *set = calloc(1, SPACE);
	if (!set)
		return MUSTER_E_NO_MEMORY;
	mark(set, query->include, 1);
	if (query->exclude)
		mark(set, query->exclude, 2);
	/* 1 only: wanted; anything more: excluded or outside `only`. */
	if (query->only) {
		unsigned char *only = calloc(1, SPACE);
		mark(only, query->only, 1);
		for (uint32_t i = 0; i < SPACE; i++)
			set[i] |= only[i] ? 0 : 4;
		free(only);
	}
	int status = chunks4(set, query->per_chunk, fn, data);
	free(set);
	return status == MUSTER_OK && !query->only ? chunk6(query->include, fn, data) : status;
}
