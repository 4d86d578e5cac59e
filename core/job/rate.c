/* SPDX-License-Identifier: Apache-2.0 */
#include "job/rate.h"

unsigned mst_rate_slots(const struct mst_rate_limit *const *limits, size_t count, unsigned wanted)
{
	unsigned slots = wanted ? wanted : 1;

	for (size_t i = 0; i < count; i++)
		if (limits[i]->total > 0 && (int64_t)slots > limits[i]->total)
			slots = (unsigned)limits[i]->total;
	return slots;
}

int64_t mst_rate_share(const struct mst_rate_limit *const *limits, size_t count, unsigned slots)
{
	int64_t wanted = INT64_MAX, share;

	for (size_t i = 0; i < count; i++) {
		int64_t part = limits[i]->total / (slots ? slots : 1);

		if (limits[i]->total <= 0)
			continue;
		if (part < 1)
			part = 1;
		if (part < wanted)
			wanted = part;
	}
	if (wanted == INT64_MAX)
		return MST_RATE_NONE;
	share = wanted;
	for (size_t i = 0; i < count; i++)
		if (limits[i]->total > 0 && limits[i]->total - limits[i]->used < share)
			share = limits[i]->total - limits[i]->used;
	if (share < 1 || share < (wanted + 1) / 2)
		return MST_RATE_WAIT;
	return share;
}

void mst_rate_book(struct mst_rate_limit *const *limits, size_t count, int64_t share, int sign)
{
	if (share <= 0)
		return;
	for (size_t i = 0; i < count; i++) {
		limits[i]->used += sign * share;
		if (limits[i]->used < 0)
			limits[i]->used = 0;
	}
}
