/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of addresses: sorted ranges. Text and chunks are in addr_list.c. */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/addr_number.h"

void mst_addr_set_init(struct mst_addr_set *set)
{
	*set = (struct mst_addr_set){0};
}

void mst_addr_set_free(struct mst_addr_set *set)
{
	free(set->ranges);
	mst_addr_set_init(set);
}

static int reserve(struct mst_addr_set *set, size_t count)
{
	struct mst_range *ranges;
	size_t cap = set->cap == 0 ? 4 : set->cap;

	if (set->ranges && count <= set->cap)
		return MST_OK;
	while (cap < count)
		cap *= 2;
	ranges = reallocarray(set->ranges, cap, sizeof(*ranges));
	if (ranges == NULL)
		return MST_E_NO_MEMORY;
	set->ranges = ranges;
	set->cap = cap;
	return MST_OK;
}

/* True when b begins after the address that follows a: the two do not even touch. */
static bool apart(const struct mst_addr *a, const struct mst_addr *b)
{
	mst_u128 low, high;

	if (a->family != b->family)
		return a->family < b->family;
	low = mst_addr_number(a);
	high = mst_addr_number(b);
	return high > low && high - low > 1;
}

/* Index of the first range that ends at or after `addr`. */
static size_t first_reaching(const struct mst_addr_set *set, const struct mst_addr *addr)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mst_addr_compare(&set->ranges[middle].last, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Index of the first range that begins after `addr`; `from` is a lower bound. */
static size_t first_beyond(const struct mst_addr_set *set, size_t from, const struct mst_addr *addr)
{
	size_t low = from, high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (mst_addr_compare(&set->ranges[middle].first, addr) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Puts `count` ranges in the place of the ranges from..to-1. */
static int replace(struct mst_addr_set *set, size_t from, size_t to, const struct mst_range *with, size_t count)
{
	size_t total = set->count - (to - from) + count;

	if (reserve(set, total) != MST_OK)
		return MST_E_NO_MEMORY;
	if (set->count > to)
		memmove(set->ranges + from + count, set->ranges + to, (set->count - to) * sizeof(*with));
	if (count > 0)
		memcpy(set->ranges + from, with, count * sizeof(*with));
	set->count = total;
	return MST_OK;
}

int mst_addr_set_add(struct mst_addr_set *set, const struct mst_range *range)
{
	struct mst_range joined = *range;
	size_t from, to;

	/* Ascending input, the common case, never searches. */
	if (set->count == 0 || apart(&set->ranges[set->count - 1].last, &range->first))
		return replace(set, set->count, set->count, range, 1);
	if (mst_addr_compare(&set->ranges[set->count - 1].first, &range->first) <= 0) {
		from = set->count - 1;
		to = set->count;
	} else {
		from = first_reaching(set, &range->first);
		if (from > 0 && !apart(&set->ranges[from - 1].last, &range->first))
			from--;
		to = first_beyond(set, from, &range->last);
		if (to < set->count && !apart(&range->last, &set->ranges[to].first))
			to++;
	}
	if (from < to && mst_addr_compare(&set->ranges[from].first, &joined.first) < 0)
		joined.first = set->ranges[from].first;
	if (from < to && mst_addr_compare(&set->ranges[to - 1].last, &joined.last) > 0)
		joined.last = set->ranges[to - 1].last;
	return replace(set, from, to, &joined, 1);
}

static struct mst_addr before(const struct mst_addr *addr)
{
	return mst_addr_from_number(addr->family, mst_addr_number(addr) - 1);
}

static struct mst_addr after(const struct mst_addr *addr)
{
	return mst_addr_from_number(addr->family, mst_addr_number(addr) + 1);
}

int mst_addr_set_remove(struct mst_addr_set *set, const struct mst_range *range)
{
	size_t from = first_reaching(set, &range->first), to = first_beyond(set, from, &range->last), count = 0;
	struct mst_range left[2];

	if (from >= to)
		return MST_OK;
	if (mst_addr_compare(&set->ranges[from].first, &range->first) < 0)
		left[count++] = (struct mst_range){set->ranges[from].first, before(&range->first)};
	if (mst_addr_compare(&set->ranges[to - 1].last, &range->last) > 0)
		left[count++] = (struct mst_range){after(&range->last), set->ranges[to - 1].last};
	return replace(set, from, to, left, count);
}

/* The old content goes, unless an append failed: then it stays. */
static int adopt(struct mst_addr_set *set, struct mst_addr_set *made, int status)
{
	if (status != MST_OK) {
		mst_addr_set_free(made);
		return status;
	}
	mst_addr_set_free(set);
	*set = *made;
	return MST_OK;
}

/* Appends what is left of `range` once the ranges of `other` from index *at on are gone. */
static int append_remains(struct mst_addr_set *out, struct mst_range range, const struct mst_addr_set *other,
                          size_t *at)
{
	while (*at < other->count && mst_addr_compare(&other->ranges[*at].last, &range.first) < 0)
		(*at)++;
	for (; *at < other->count; (*at)++) {
		const struct mst_range *cut = &other->ranges[*at];

		if (mst_addr_compare(&cut->first, &range.last) > 0)
			break;
		if (mst_addr_compare(&cut->first, &range.first) > 0) {
			struct mst_range kept = {range.first, before(&cut->first)};

			if (mst_addr_set_add(out, &kept) != MST_OK)
				return MST_E_NO_MEMORY;
		}
		/* A cut that reaches further may also cut the next range: it stays current. */
		if (mst_addr_compare(&cut->last, &range.last) >= 0)
			return MST_OK;
		range.first = after(&cut->last);
	}
	return mst_addr_set_add(out, &range);
}

int mst_addr_set_subtract(struct mst_addr_set *set, const struct mst_addr_set *other)
{
	struct mst_addr_set made;
	int status = MST_OK;
	size_t at = 0;

	mst_addr_set_init(&made);
	for (size_t i = 0; i < set->count && status == MST_OK; i++)
		status = append_remains(&made, set->ranges[i], other, &at);
	return adopt(set, &made, status);
}

int mst_addr_set_intersect(struct mst_addr_set *set, const struct mst_addr_set *other)
{
	struct mst_addr_set made;
	int status = MST_OK;
	size_t i = 0, j = 0;

	mst_addr_set_init(&made);
	while (i < set->count && j < other->count && status == MST_OK) {
		const struct mst_range *a = &set->ranges[i], *b = &other->ranges[j];
		struct mst_range both;

		both.first = mst_addr_compare(&a->first, &b->first) >= 0 ? a->first : b->first;
		both.last = mst_addr_compare(&a->last, &b->last) <= 0 ? a->last : b->last;
		if (mst_addr_compare(&both.first, &both.last) <= 0)
			status = mst_addr_set_add(&made, &both);
		if (mst_addr_compare(&a->last, &b->last) < 0)
			i++;
		else
			j++;
	}
	return adopt(set, &made, status);
}

int mst_addr_set_copy(struct mst_addr_set *out, const struct mst_addr_set *set)
{
	mst_addr_set_init(out);
	return set->count == 0 ? MST_OK : replace(out, 0, 0, set->ranges, set->count);
}

bool mst_addr_set_overlaps(const struct mst_addr_set *set, const struct mst_range *range)
{
	size_t at = first_reaching(set, &range->first);

	return at < set->count && mst_addr_compare(&set->ranges[at].first, &range->last) <= 0;
}

bool mst_addr_set_contains(const struct mst_addr_set *set, const struct mst_addr *addr)
{
	struct mst_range one = {*addr, *addr};

	return mst_addr_set_overlaps(set, &one);
}

uint64_t mst_addr_set_count(const struct mst_addr_set *set)
{
	uint64_t total = 0;

	for (size_t i = 0; i < set->count; i++) {
		mst_u128 more = mst_addr_number(&set->ranges[i].last) - mst_addr_number(&set->ranges[i].first);

		if (more >= UINT64_MAX - total)
			return UINT64_MAX;
		total += (uint64_t)more + 1;
	}
	return total;
}
