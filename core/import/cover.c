/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the coverage: per zone one sorted list of ranges, each with the run that it belongs to. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "import/coverage.h"
#include "import/doc.h"

__extension__ typedef unsigned __int128 wide;

struct run {
	char *profile;
	int64_t number, at;
};
struct piece {
	struct mst_range range;
	size_t run;
};
struct zone {
	char *name;
	struct piece *pieces;
	size_t count, cap;
};
struct mst_cover {
	struct run *runs;
	size_t run_count, run_cap;
	struct zone *zones;
	size_t zone_count;
};

static wide value_of(const struct mst_addr *addr)
{
	wide value = 0;
	for (size_t i = 0; i < (addr->family == 4 ? 4u : 16u); i++)
		value = value << 8 | addr->bytes[i];
	return value;
}

static double size_of(const struct mst_addr *first, const struct mst_addr *last)
{
	return (double)(value_of(last) - value_of(first)) + 1;
}

static int by_first(const void *left, const void *right)
{
	const struct piece *a = left, *b = right;
	return mst_addr_compare(&a->range.first, &b->range.first);
}

static struct zone *zone_of(struct mst_cover *cover, const char *name)
{
	for (size_t i = 0; i < cover->zone_count; i++)
		if (strcmp(cover->zones[i].name, name) == 0)
			return &cover->zones[i];
	struct zone *zones = realloc(cover->zones, (cover->zone_count + 1) * sizeof *zones);
	if (!zones)
		return NULL;
	cover->zones = zones;
	memset(&zones[cover->zone_count], 0, sizeof *zones);
	zones[cover->zone_count].name = mst_str_dup(name);
	return zones[cover->zone_count].name ? &zones[cover->zone_count++] : NULL;
}

static bool add_piece(struct zone *zone, const struct mst_range *range, size_t run)
{
	if (zone->count == zone->cap) {
		size_t cap = zone->cap ? zone->cap * 2 : 64;
		struct piece *pieces = realloc(zone->pieces, cap * sizeof *pieces);
		if (!pieces)
			return false;
		zone->pieces = pieces;
		zone->cap = cap;
	}
	zone->pieces[zone->count++] = (struct piece){*range, run};
	return true;
}

static bool add_run(struct mst_cover *cover, const bson_t *doc)
{
	const char *profile = mst_doc_text(doc, "profile");
	if (cover->run_count == cover->run_cap) {
		size_t cap = cover->run_cap ? cover->run_cap * 2 : 32;
		struct run *runs = realloc(cover->runs, cap * sizeof *runs);
		if (!runs)
			return false;
		cover->runs = runs;
		cover->run_cap = cap;
	}
	struct run *run = &cover->runs[cover->run_count];
	run->profile = mst_str_dup(profile ? profile : "");
	run->number = mst_doc_int(doc, "number", 0);
	run->at = mst_doc_int(doc, "at", 0);
	cover->run_count += run->profile != NULL;
	return run->profile != NULL;
}

static int add_document(struct mst_cover *cover, const bson_t *doc, struct mst_err *err)
{
	const char *zone_name = mst_doc_text(doc, "zone"), *addresses = mst_doc_text(doc, "addresses");
	struct mst_addr_set set;
	struct zone *zone = zone_of(cover, zone_name ? zone_name : "");
	if (!zone || !add_run(cover, doc))
		return mst_err_no_memory(err);
	mst_addr_set_init(&set);
	int code = addresses ? mst_addr_set_parse(&set, addresses, err) : 0;
	for (size_t i = 0; i < set.count && code == 0; i++)
		if (!add_piece(zone, &set.ranges[i], cover->run_count - 1))
			code = mst_err_no_memory(err);
	mst_addr_set_free(&set);
	return code;
}

int mst_cover_load(struct mst_cover **out, struct mst_store *store, struct mst_err *err)
{
	struct mst_find find = {.collection = "coverage"};
	struct mst_cursor *cursor = NULL;
	struct mst_cover *cover = calloc(1, sizeof *cover);
	*out = NULL;
	if (!cover)
		return mst_err_no_memory(err);
	int code = mst_store_find(store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code == 0)
			code = add_document(cover, &doc, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	if (code != MST_E_END) {
		mst_cover_free(cover);
		return code;
	}
	for (size_t i = 0; i < cover->zone_count; i++)
		if (cover->zones[i].count > 1)
			qsort(cover->zones[i].pieces, cover->zones[i].count, sizeof(struct piece), by_first);
	*out = cover;
	return 0;
}

void mst_cover_free(struct mst_cover *cover)
{
	if (!cover)
		return;
	for (size_t i = 0; i < cover->run_count; i++)
		free(cover->runs[i].profile);
	for (size_t i = 0; i < cover->zone_count; i++) {
		free(cover->zones[i].name);
		free(cover->zones[i].pieces);
	}
	free(cover->runs);
	free(cover->zones);
	free(cover);
}

/* The first piece that ends at or behind `addr`: pieces of a zone do not overlap. */
static size_t first_at(const struct zone *zone, const struct mst_addr *addr)
{
	size_t low = 0, high = zone->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (mst_addr_compare(&zone->pieces[middle].range.last, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void take_piece(const struct mst_cover *cover, const struct piece *piece, const struct mst_range *network,
                       int64_t since, struct mst_cover_answer *out)
{
	const struct run *run = &cover->runs[piece->run];
	const struct mst_addr *first =
	        mst_addr_compare(&piece->range.first, &network->first) > 0 ? &piece->range.first : &network->first;
	const struct mst_addr *last =
	        mst_addr_compare(&piece->range.last, &network->last) < 0 ? &piece->range.last : &network->last;
	double size = size_of(first, last);
	out->covered += size;
	out->fresh += run->at >= since ? size : 0;
	if (run->at > out->last) {
		out->last = run->at;
		out->number = run->number;
		out->profile = run->profile;
	}
	if (out->whole == 0 || run->at < out->whole)
		out->whole = run->at;
}

void mst_cover_ask(const struct mst_cover *cover, const char *zone, const struct mst_range *network, int64_t since,
                   struct mst_cover_answer *out)
{
	*out = (struct mst_cover_answer){.addresses = size_of(&network->first, &network->last), .profile = ""};
	for (size_t z = 0; z < cover->zone_count; z++) {
		const struct zone *at = &cover->zones[z];
		if (strcmp(at->name, zone) != 0)
			continue;
		for (size_t i = first_at(at, &network->first);
		     i < at->count && mst_addr_compare(&at->pieces[i].range.first, &network->last) <= 0; i++)
			if (at->pieces[i].range.first.family == network->first.family)
				take_piece(cover, &at->pieces[i], network, since, out);
	}
	if (out->covered < out->addresses)
		out->whole = 0;
}

const char *mst_cover_zone(const struct mst_cover *cover, const struct mst_range *network, size_t index)
{
	for (size_t z = 0; z < cover->zone_count; z++) {
		const struct zone *zone = &cover->zones[z];
		size_t i = first_at(zone, &network->first);
		if (i < zone->count && mst_addr_compare(&zone->pieces[i].range.first, &network->last) <= 0 &&
		    index-- == 0)
			return zone->name;
	}
	return NULL;
}
