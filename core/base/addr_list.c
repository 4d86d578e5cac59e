/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of addresses: from text, to text, in chunks. */
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/addr_number.h"
#include "base/limits.h"
#include "base/str.h"

static int compare_ranges(const void *a, const void *b)
{
	return mst_addr_compare(&((const struct mst_range *)a)->first, &((const struct mst_range *)b)->first);
}

struct range_list {
	struct mst_range *items;
	size_t count, cap;
};

static int push(struct range_list *list, const struct mst_range *range)
{
	if (list->count == list->cap) {
		size_t cap = list->cap == 0 ? 16 : list->cap * 2;
		struct mst_range *items = reallocarray(list->items, cap, sizeof(*items));

		if (items == NULL)
			return MST_E_NO_MEMORY;
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = *range;
	return MST_OK;
}

static int bad_item(struct mst_err *err, const char *item)
{
	struct mst_buf shown;
	int code;

	mst_buf_init(&shown, 256);
	mst_str_escape_terminal(&shown, item);
	code = mst_err_set(err, MST_E_USAGE,
	                   "\"%.80s\" is not an address, network or range: write 10.0.0.1, 10.0.0.0/24, 10.0.0.1-9 or "
	                   "2001:db8::/64, separated by commas",
	                   mst_buf_text(&shown));
	mst_buf_free(&shown);
	return code;
}

static int read_list(struct range_list *list, const char *text, struct mst_err *err)
{
	struct mst_buf item;
	struct mst_range range;
	int status = MST_OK;

	mst_buf_init(&item, MST_MAX_SCOPE_TEXT);
	while (status == MST_OK && mst_str_next_item(&text, ',', &item)) {
		if (item.failed || !mst_range_parse(mst_buf_text(&item), &range))
			status = bad_item(err, mst_buf_text(&item));
		else if (push(list, &range) != MST_OK)
			status = mst_err_no_memory(err);
	}
	mst_buf_free(&item);
	return status;
}

/* Both sides in order, so that every add is an append. */
static int add_sorted(struct mst_addr_set *set, const struct range_list *list)
{
	struct mst_addr_set made;
	size_t i = 0, j = 0;

	mst_addr_set_init(&made);
	while (i < set->count || j < list->count) {
		bool old =
		        j == list->count || (i < set->count && compare_ranges(&set->ranges[i], &list->items[j]) <= 0);

		if (mst_addr_set_add(&made, old ? &set->ranges[i++] : &list->items[j++]) != MST_OK) {
			mst_addr_set_free(&made);
			return MST_E_NO_MEMORY;
		}
	}
	mst_addr_set_free(set);
	*set = made;
	return MST_OK;
}

int mst_addr_set_parse(struct mst_addr_set *set, const char *text, struct mst_err *err)
{
	struct range_list list = {0};
	int status = read_list(&list, text, err);

	if (status == MST_OK && list.count > 0) {
		qsort(list.items, list.count, sizeof(*list.items), compare_ranges);
		if (add_sorted(set, &list) != MST_OK)
			status = mst_err_no_memory(err);
	}
	free(list.items);
	return status;
}

/* Host bits of the largest block that begins at `first` and stays within `last`. */
static unsigned block_bits(mst_u128 first, mst_u128 last, unsigned bits)
{
	unsigned block = 0;

	while (block < bits && (first & mst_addr_low_mask(block + 1)) == 0 &&
	       mst_addr_low_mask(block + 1) <= last - first)
		block++;
	return block;
}

static void range_text(const struct mst_range *range, struct mst_buf *out, bool *some)
{
	unsigned bits = mst_addr_bits(range->first.family);
	mst_u128 first = mst_addr_number(&range->first), last = mst_addr_number(&range->last);

	for (;;) {
		unsigned block = block_bits(first, last, bits);
		struct mst_addr addr = mst_addr_from_number(range->first.family, first);
		char text[MST_ADDR_TEXT];

		mst_addr_text(&addr, text);
		mst_buf_printf(out, "%s%s", *some ? "," : "", text);
		*some = true;
		if (block > 0)
			mst_buf_printf(out, "/%u", bits - block);
		if (mst_addr_low_mask(block) == last - first || out->failed)
			return;
		first += mst_addr_low_mask(block) + 1;
	}
}

int mst_addr_set_text(const struct mst_addr_set *set, struct mst_buf *out)
{
	bool some = false;

	for (size_t i = 0; i < set->count && !out->failed; i++)
		range_text(&set->ranges[i], out, &some);
	return out->failed ? MST_E_LIMIT : MST_OK;
}

struct cutter {
	uint32_t per_chunk;
	bool aligned;
	struct mst_addr_set chunk; /* filled so far */
	uint64_t used;             /* addresses in it */
	int (*fn)(void *data, const struct mst_addr_set *chunk);
	void *data;
};

static int flush(struct cutter *cutter)
{
	int status = cutter->used == 0 ? MST_OK : cutter->fn(cutter->data, &cutter->chunk);

	cutter->chunk.count = 0;
	cutter->used = 0;
	return status;
}

/* `pieces` go into one chunk together: into the current one if they fit. */
static int put_pieces(struct cutter *cutter, struct mst_addr_set *pieces)
{
	uint64_t size = mst_addr_set_count(pieces);
	int status = MST_OK;

	if (pieces->count == 0)
		return MST_OK;
	if (cutter->used > 0 && (cutter->used + size > cutter->per_chunk ||
	                         cutter->chunk.ranges[0].first.family != pieces->ranges[0].first.family))
		status = flush(cutter);
	for (size_t i = 0; i < pieces->count && status == MST_OK; i++)
		status = mst_addr_set_add(&cutter->chunk, &pieces->ranges[i]);
	cutter->used += size;
	pieces->count = 0;
	return status;
}

/* Last address of the piece that begins at `first`. */
static mst_u128 piece_end(const struct cutter *cutter, mst_u128 first, mst_u128 last)
{
	mst_u128 room = cutter->per_chunk - 1;

	if (cutter->aligned)
		room -= first & room;
	else
		room -= cutter->used % cutter->per_chunk;
	return last - first > room ? first + room : last;
}

static bool same_block(const struct cutter *cutter, const struct mst_addr_set *pieces, const struct mst_addr *addr)
{
	const struct mst_addr *first;

	if (!cutter->aligned || pieces->count == 0)
		return false;
	first = &pieces->ranges[0].first;
	return first->family == addr->family &&
	       mst_addr_number(first) / cutter->per_chunk == mst_addr_number(addr) / cutter->per_chunk;
}

static int cut_range(struct cutter *cutter, const struct mst_range *range, struct mst_addr_set *block)
{
	mst_u128 first = mst_addr_number(&range->first), last = mst_addr_number(&range->last), end;
	uint8_t family = range->first.family;
	int status = MST_OK;

	/* A family begins with an empty chunk. */
	if (!cutter->aligned && cutter->used > 0 && cutter->chunk.ranges[0].first.family != family)
		status = flush(cutter);
	for (; status == MST_OK; first = end + 1) {
		struct mst_range piece;

		end = piece_end(cutter, first, last);
		piece.first = mst_addr_from_number(family, first);
		piece.last = mst_addr_from_number(family, end);
		if (!same_block(cutter, block, &piece.first))
			status = put_pieces(cutter, block);
		if (status == MST_OK)
			status = mst_addr_set_add(block, &piece);
		if (status == MST_OK && !cutter->aligned)
			status = put_pieces(cutter, block);
		if (end == last)
			break;
	}
	return status;
}

int mst_addr_set_chunks(const struct mst_addr_set *set, uint32_t per_chunk,
                        int (*fn)(void *data, const struct mst_addr_set *chunk), void *data)
{
	struct cutter cutter = {
	        .per_chunk = per_chunk, .aligned = (per_chunk & (per_chunk - 1)) == 0, .fn = fn, .data = data};
	struct mst_addr_set block;
	int status = MST_OK;

	if (per_chunk == 0)
		return MST_E_USAGE;
	mst_addr_set_init(&block);
	for (size_t i = 0; i < set->count && status == MST_OK; i++)
		status = cut_range(&cutter, &set->ranges[i], &block);
	if (status == MST_OK)
		status = put_pieces(&cutter, &block);
	if (status == MST_OK)
		status = flush(&cutter);
	mst_addr_set_free(&block);
	mst_addr_set_free(&cutter.chunk);
	return status;
}
