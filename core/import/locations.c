/* SPDX-License-Identifier: Apache-2.0 */
#include "import/locations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "import/doc.h"

#define CELLS_MAX  (2 + MST_LOCATION_LEVELS)
#define CELL_MAX   255u
#define FAULTS_MAX 100u

struct reader {
	const char *at, *end;
	unsigned line;     /* of what `at` points to */
	unsigned row_line; /* where the row at hand began */
	struct mst_buf cells[CELLS_MAX + 1];
	size_t count;
	struct mst_buf *faults;
	unsigned fault_count;
};

static void fault(struct reader *reader, const char *what)
{
	if (reader->fault_count++ < FAULTS_MAX)
		mst_buf_printf(reader->faults, "line %u: %s\n", reader->row_line, what);
}

/* One cell; true when a comma follows. */
static bool read_cell(struct reader *reader, struct mst_buf *out, bool *bad_quote)
{
	const char *start = reader->at;
	while (start < reader->end && (*start == ' ' || *start == '\t'))
		start++;
	/* Blanks around quotes are not allowed by RFC 4180 and written all the same. */
	bool quoted = start < reader->end && *start == '"';
	if (quoted)
		reader->at = start;
	if (quoted)
		reader->at++;
	while (reader->at < reader->end) {
		char c = *reader->at;
		if (quoted && c == '"') {
			reader->at++;
			if (reader->at >= reader->end || *reader->at != '"') {
				quoted = false;
				continue;
			}
		} else if (!quoted && (c == ',' || c == '\n' || c == '\r')) {
			break;
		}
		if (c == '\n')
			reader->line++;
		mst_buf_char(out, c);
		reader->at++;
	}
	*bad_quote |= quoted;
	if (reader->at < reader->end && *reader->at == ',') {
		reader->at++;
		return true;
	}
	return false;
}

/* Cells of the next row without blanks around them; false at the end of the text. */
static bool read_row(struct reader *reader, bool *bad_quote)
{
	bool more = true;
	for (size_t i = 0; i <= CELLS_MAX; i++)
		mst_buf_reset(&reader->cells[i]);
	reader->count = 0;
	reader->row_line = reader->line;
	*bad_quote = false;
	if (reader->at >= reader->end)
		return false;
	while (more) {
		size_t at = reader->count < CELLS_MAX ? reader->count : CELLS_MAX;
		if (at == CELLS_MAX)
			mst_buf_reset(&reader->cells[at]);
		more = read_cell(reader, &reader->cells[at], bad_quote);
		reader->count++;
	}
	if (reader->at < reader->end && *reader->at == '\r')
		reader->at++;
	if (reader->at < reader->end && *reader->at == '\n') {
		reader->at++;
		reader->line++;
	}
	return true;
}

static void trimmed(const struct reader *reader, size_t i, char *out, size_t size)
{
	const char *text = i < reader->count && i < CELLS_MAX ? mst_buf_text(&reader->cells[i]) : "";
	text += strspn(text, " \t");
	mst_doc_cut(out, size, text);
	for (size_t len = strlen(out); len > 0 && (out[len - 1] == ' ' || out[len - 1] == '\t'); len--)
		out[len - 1] = '\0';
}

static bool is_word(const char *text, const char *word)
{
	size_t i = 0;
	for (; word[i]; i++)
		if ((text[i] | 0x20) != word[i])
			return false;
	return text[i] == '\0';
}

static bool read_heading(struct reader *reader)
{
	char first[CELL_MAX + 1], second[CELL_MAX + 1];
	bool bad_quote;
	if (!read_row(reader, &bad_quote)) {
		reader->row_line = 1;
		fault(reader, "the file is empty; the first line must be: Network,NAT,Level1[,Level2...]");
		return false;
	}
	trimmed(reader, 0, first, sizeof first);
	trimmed(reader, 1, second, sizeof second);
	if (!is_word(first, "network") || !is_word(second, "nat") || reader->count < 3 || reader->count > CELLS_MAX) {
		fault(reader, "the heading must be Network, NAT and one to five levels, separated by commas");
		return false;
	}
	return true;
}

static void read_levels(struct reader *reader, struct mst_location *location)
{
	struct mst_buf text;
	size_t used = 0;
	bool gap = false;
	mst_buf_init(&text, (CELL_MAX + 4) * MST_LOCATION_LEVELS);
	for (size_t i = 0; i < MST_LOCATION_LEVELS; i++) {
		char cell[CELL_MAX + 2];
		trimmed(reader, i + 2, cell, sizeof cell);
		if (strlen(cell) > CELL_MAX)
			fault(reader, "a level is longer than 255 bytes; shorten it");
		for (const char *c = cell; *c; c++)
			if ((unsigned char)*c < 0x20) {
				fault(reader, "a level holds a control character; remove it");
				break;
			}
		if (!cell[0]) {
			gap = true;
			continue;
		}
		if (gap) {
			fault(reader,
			      "a level is empty before one that is not; fill it or move the others to the left");
			break;
		}
		location->levels[used++] = mst_str_dup(cell);
		mst_buf_printf(&text, "%s%s", text.len ? " / " : "", cell);
	}
	if (used == 0)
		fault(reader, "no location; fill at least the first level");
	location->text = mst_str_dup(mst_buf_text(&text));
	mst_buf_free(&text);
}

static void read_location(struct reader *reader, struct mst_location *location)
{
	char cell[CELL_MAX + 1], what[CELL_MAX + 128];
	memset(location, 0, sizeof *location);
	location->line = reader->row_line;
	trimmed(reader, 0, cell, sizeof cell);
	if (!mst_range_parse(cell, &location->network)) {
		snprintf(what, sizeof what, "\"%s\" is no network; write a CIDR (10.0.0.0/24), a range or an address",
		         cell);
		fault(reader, what);
	}
	trimmed(reader, 1, cell, sizeof cell);
	if (cell[0] && !mst_range_parse(cell, &location->nat)) {
		snprintf(what, sizeof what,
		         "\"%s\" is no NAT network; write a CIDR, a range or an address, or leave it empty", cell);
		fault(reader, what);
	}
	if (reader->count > CELLS_MAX)
		fault(reader, "more than five levels; quote names that hold a comma");
	read_levels(reader, location);
}

static void location_free(struct mst_location *location)
{
	for (size_t i = 0; i < MST_LOCATION_LEVELS; i++)
		free(location->levels[i]);
	free(location->text);
}

static int add(struct mst_locations *locations, const struct mst_location *location)
{
	if (locations->count == locations->cap) {
		size_t cap = locations->cap ? locations->cap * 2 : 64;
		struct mst_location *items = realloc(locations->items, cap * sizeof *items);
		if (!items)
			return MST_E_NO_MEMORY;
		locations->items = items;
		locations->cap = cap;
	}
	locations->items[locations->count++] = *location;
	return 0;
}

static int read_rows(struct reader *reader, struct mst_locations *out)
{
	bool bad_quote;
	while (read_row(reader, &bad_quote)) {
		struct mst_location location;
		char first[8];
		trimmed(reader, 0, first, sizeof first);
		if (reader->count == 1 && !first[0])
			continue;
		if (bad_quote)
			fault(reader, "a quoted cell has no closing quote; add it");
		if (out->count >= MST_MAX_LOCATIONS)
			return MST_E_LIMIT;
		read_location(reader, &location);
		if (!location.text || add(out, &location) != 0) {
			location_free(&location);
			return MST_E_NO_MEMORY;
		}
	}
	return 0;
}

/* The same network and NAT twice would leave the place to chance. The rows are sorted, so twins are neighbours. */
static void find_twins(struct reader *reader, const struct mst_locations *locations)
{
	for (size_t i = 1; i < locations->count; i++) {
		const struct mst_location *a = &locations->items[i - 1], *b = &locations->items[i];
		char what[64];
		if (memcmp(&a->network, &b->network, sizeof a->network) != 0 ||
		    memcmp(&a->nat, &b->nat, sizeof a->nat) != 0)
			continue;
		snprintf(what, sizeof what, "the same network as line %u; keep one", a->line);
		reader->row_line = b->line;
		fault(reader, what);
	}
}

int mst_locations_parse(struct mst_locations *out, const char *csv, size_t len, struct mst_buf *faults)
{
	struct reader reader = {.at = csv, .end = csv + len, .line = 1, .row_line = 1, .faults = faults};
	int code = 0;
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i <= CELLS_MAX; i++)
		mst_buf_init(&reader.cells[i], 65536);
	if (!mst_str_utf8_valid(csv, len) || memchr(csv, '\0', len))
		fault(&reader, "the file is not UTF-8 text; save it as UTF-8");
	if (len >= 3 && memcmp(csv, "\xef\xbb\xbf", 3) == 0)
		reader.at += 3;
	if (reader.fault_count == 0 && read_heading(&reader))
		code = read_rows(&reader, out);
	mst_locations_sort(out);
	if (reader.fault_count == 0)
		find_twins(&reader, out);
	if (code == 0 && reader.fault_count > 0)
		code = MST_E_USAGE;
	if (reader.fault_count > FAULTS_MAX)
		mst_buf_printf(faults, "and %u more faults\n", reader.fault_count - FAULTS_MAX);
	for (size_t i = 0; i <= CELLS_MAX; i++)
		mst_buf_free(&reader.cells[i]);
	if (code != 0)
		mst_locations_free(out);
	return code;
}

void mst_locations_free(struct mst_locations *locations)
{
	for (size_t i = 0; i < locations->count; i++)
		location_free(&locations->items[i]);
	free(locations->items);
	memset(locations, 0, sizeof *locations);
}

/* last - first of a range, as 16 bytes that compare like numbers. */
static void span_of(const struct mst_range *range, uint8_t out[16])
{
	int borrow = 0, bytes = range->first.family == 4 ? 4 : 16;
	memset(out, 0, 16);
	for (int i = bytes - 1; i >= 0; i--) {
		int diff = (int)range->last.bytes[i] - (int)range->first.bytes[i] - borrow;
		borrow = diff < 0;
		out[16 - bytes + i] = (uint8_t)(diff + (borrow ? 256 : 0));
	}
}

/* Smaller networks first; of equal ones those with a NAT, which says more. */
static int by_size(const void *left, const void *right)
{
	const struct mst_location *a = left, *b = right;
	uint8_t x[16], y[16];
	span_of(&a->network, x);
	span_of(&b->network, y);
	int order = memcmp(x, y, sizeof x);
	if (order == 0)
		order = mst_addr_compare(&a->network.first, &b->network.first);
	if (order == 0)
		order = (b->nat.first.family != 0) - (a->nat.first.family != 0);
	if (order == 0 && a->nat.first.family)
		order = memcmp(&a->nat, &b->nat, sizeof a->nat);
	return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

void mst_locations_sort(struct mst_locations *locations)
{
	if (locations->count > 1)
		qsort(locations->items, locations->count, sizeof *locations->items, by_size);
}

static bool range_holds(const struct mst_range *range, const struct mst_addr *addr)
{
	return range->first.family == addr->family && mst_addr_compare(&range->first, addr) <= 0 &&
	       mst_addr_compare(addr, &range->last) <= 0;
}

const struct mst_location *mst_locations_find(const struct mst_locations *locations, const char *ip, const char *nat_ip)
{
	struct mst_addr addr, nat;
	bool has_nat = nat_ip && mst_addr_parse(nat_ip, &nat);
	if (!ip || !mst_addr_parse(ip, &addr))
		return NULL;
	for (size_t i = 0; i < locations->count; i++) {
		const struct mst_location *location = &locations->items[i];
		if (range_holds(&location->network, &addr) &&
		    (location->nat.first.family == 0 || (has_nat && range_holds(&location->nat, &nat))))
			return location;
	}
	return NULL;
}

/* As an operator would write it: the CIDR where it is one. */
static void range_text(const struct mst_range *range, char *out, size_t size)
{
	char first[MST_ADDR_TEXT], last[MST_ADDR_TEXT];
	struct mst_addr_set set;
	struct mst_buf text;

	mst_addr_set_init(&set);
	mst_buf_init(&text, 65536);
	if (mst_addr_set_add(&set, range) == MST_OK && mst_addr_set_text(&set, &text) == MST_OK && !text.failed &&
	    strchr(mst_buf_text(&text), ',') == NULL) {
		snprintf(out, size, "%s", mst_buf_text(&text));
	} else {
		mst_addr_text(&range->first, first);
		mst_addr_text(&range->last, last);
		snprintf(out, size, "%s-%s", first, last);
	}
	mst_buf_free(&text);
	mst_addr_set_free(&set);
}

int mst_location_to_bson(const struct mst_location *location, bson_t *out)
{
	char text[2 * MST_ADDR_TEXT + 2], id[16];
	bson_t levels = BSON_INITIALIZER;
	uint32_t index = 0;
	snprintf(id, sizeof id, "%08u", location->line);
	mst_doc_add_text(out, "_id", id);
	range_text(&location->network, text, sizeof text);
	mst_doc_add_text(out, "network", text);
	if (location->nat.first.family) {
		range_text(&location->nat, text, sizeof text);
		mst_doc_add_text(out, "nat", text);
	}
	for (size_t i = 0; i < MST_LOCATION_LEVELS && location->levels[i]; i++)
		mst_doc_push_text(&levels, &index, location->levels[i]);
	bson_append_array(out, "levels", -1, &levels);
	bson_destroy(&levels);
	mst_doc_add_text(out, "location", location->text);
	mst_doc_add_int(out, "line", location->line);
	return 0;
}

int mst_location_from_bson(struct mst_locations *locations, const bson_t *doc)
{
	struct mst_location location = {.line = (unsigned)mst_doc_int(doc, "line", 0)};
	const char *network = mst_doc_text(doc, "network"), *nat = mst_doc_text(doc, "nat"),
	           *text = mst_doc_text(doc, "location");
	bson_t levels;
	bson_iter_t iter;
	size_t used = 0;
	if (!network || !text || !mst_range_parse(network, &location.network) ||
	    (nat && !mst_range_parse(nat, &location.nat)))
		return MST_E_CORRUPT;
	location.text = mst_str_dup(text);
	if (mst_doc_array(doc, "levels", &levels) && bson_iter_init(&iter, &levels))
		while (used < MST_LOCATION_LEVELS && bson_iter_next(&iter))
			if (BSON_ITER_HOLDS_UTF8(&iter))
				location.levels[used++] = mst_str_dup(bson_iter_utf8(&iter, NULL));
	if (location.text && add(locations, &location) == 0)
		return 0;
	location_free(&location);
	return MST_E_NO_MEMORY;
}
