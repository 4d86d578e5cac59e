/* SPDX-License-Identifier: Apache-2.0 */
#include "import/sharers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"

#define FIRST_CAP 256u
#define COUNT_MAX 255u

void mst_sharers_init(struct mst_sharers *sharers)
{
	memset(sharers, 0, sizeof *sharers);
	if (getrandom(&sharers->seed, sizeof sharers->seed, GRND_NONBLOCK) != (ssize_t)sizeof sharers->seed)
		sharers->seed = UINT64_C(0x9e3779b97f4a7c15);
	sharers->seed |= 1;
}

void mst_sharers_clear(struct mst_sharers *sharers)
{
	free(sharers->slots);
	mst_sharers_init(sharers);
}

static uint64_t number_of(const char *mac)
{
	uint64_t number = 0;
	for (; *mac; mac++)
		if (*mac != ':')
			number = number << 4 | (uint64_t)(*mac <= '9' ? *mac - '0' : *mac - 'a' + 10);
	return number;
}

/* The slot that holds the MAC, or the free one where it belongs. */
static uint64_t *find(uint64_t *slots, size_t cap, uint64_t seed, uint64_t mac)
{
	uint64_t mixed = (mac ^ seed) * seed;
	size_t at = (size_t)(mixed ^ mixed >> 32) & (cap - 1);
	while (slots[at] != 0 && slots[at] >> 8 != mac)
		at = (at + 1) & (cap - 1);
	return &slots[at];
}

static int grow(struct mst_sharers *sharers)
{
	size_t cap = sharers->cap ? sharers->cap * 2 : FIRST_CAP;
	uint64_t *slots = calloc(cap, sizeof *slots);
	if (!slots)
		return MST_E_NO_MEMORY;
	for (size_t i = 0; i < sharers->cap; i++)
		if (sharers->slots[i] != 0)
			*find(slots, cap, sharers->seed, sharers->slots[i] >> 8) = sharers->slots[i];
	free(sharers->slots);
	sharers->slots = slots;
	sharers->cap = cap;
	return 0;
}

int mst_sharers_count(struct mst_sharers *sharers, const char *mac)
{
	uint64_t number = number_of(mac);
	if (sharers->used * 2 >= sharers->cap && grow(sharers) != 0)
		return MST_E_NO_MEMORY;
	uint64_t *slot = find(sharers->slots, sharers->cap, sharers->seed, number);
	if (*slot == 0) {
		*slot = number << 8;
		sharers->used++;
	}
	if ((*slot & COUNT_MAX) < COUNT_MAX)
		++*slot;
	return (int)(*slot & COUNT_MAX);
}
