/* SPDX-License-Identifier: Apache-2.0 */
#include "import/alike.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "import/doc.h"
#include "import/keys.h"
#include "import/ports.h"

#define FIRST_CAP   64u
#define BLOCK_SIZE  256u
#define ANSWERS_MAX 26u /* more different ones than this, and none has more than 90 % of 256 */
#define WORTH       4u  /* a part of a block is kept from this many alike */

struct answer {
	uint64_t what;
	uint32_t count;
};

struct mst_alike_block {
	struct mst_addr base; /* family 0: a free place */
	bool varied;          /* too many different answers: it is no such block */
	uint8_t used, cap;
	struct answer *answers;
};

void mst_alike_init(struct mst_alike *alike)
{
	memset(alike, 0, sizeof *alike);
}

void mst_alike_free(struct mst_alike *alike)
{
	for (size_t i = 0; i < alike->cap; i++)
		free(alike->blocks[i].answers);
	free(alike->blocks);
	mst_alike_init(alike);
}

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *byte = data;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

static size_t last_byte(const struct mst_addr *addr)
{
	return addr->family == 4 ? 3 : 15;
}

/* Open ports in their order, so that how a source groups them makes no difference. */
static uint64_t mix_ports(uint64_t hash, const bson_t *doc)
{
	size_t counts[MST_PROTOS], at = 0;
	struct mst_port *ports;
	bson_t array;
	if (!mst_doc_array(doc, "ports", &array) || mst_ports_open_list(&array, &ports, counts) != 0)
		return hash;
	for (int proto = 0; proto < MST_PROTOS; proto++)
		for (size_t i = 0; i < counts[proto]; i++) {
			uint32_t one = (uint32_t)proto << 16 | ports[at++].port;
			hash = mix(hash, &one, sizeof one);
		}
	free(ports);
	return hash;
}

uint64_t mst_alike_answer(const bson_t *doc)
{
	const char *reason = mst_doc_text(doc, "reason");
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	char mac[MST_MAC_SIZE];
	if (mst_mac_parse(mst_doc_text(doc, "mac"), mac))
		hash = mix(hash, mac, sizeof mac);
	else if (reason)
		hash = mix_ports(mix(hash, reason, strlen(reason) + 1), doc);
	else
		return 0;
	return hash ? hash : 1;
}

static size_t place_of(const struct mst_alike_block *blocks, size_t cap, const struct mst_addr *base)
{
	size_t at = (size_t)mix(base->family, base->bytes, sizeof base->bytes) & (cap - 1);
	while (blocks[at].base.family != 0 && mst_addr_compare(&blocks[at].base, base) != 0)
		at = (at + 1) & (cap - 1);
	return at;
}

static int grow(struct mst_alike *alike)
{
	size_t cap = alike->cap ? alike->cap * 2 : FIRST_CAP;
	struct mst_alike_block *blocks = calloc(cap, sizeof *blocks);
	if (!blocks)
		return MST_E_NO_MEMORY;
	for (size_t i = 0; i < alike->cap; i++)
		if (alike->blocks[i].base.family != 0)
			blocks[place_of(blocks, cap, &alike->blocks[i].base)] = alike->blocks[i];
	free(alike->blocks);
	alike->blocks = blocks;
	alike->cap = cap;
	return 0;
}

/* The block of an address, made when missing; *out NULL: there are too many. */
static int block_of(struct mst_alike *alike, const struct mst_addr *addr, struct mst_alike_block **out)
{
	struct mst_addr base = *addr;
	base.bytes[last_byte(addr)] = 0;
	*out = NULL;
	if (alike->used * 2 >= alike->cap && alike->used < MST_MAX_BLOCKS && grow(alike) != 0)
		return MST_E_NO_MEMORY;
	struct mst_alike_block *block = &alike->blocks[place_of(alike->blocks, alike->cap, &base)];
	if (block->base.family == 0) {
		if (alike->used >= MST_MAX_BLOCKS)
			return 0;
		block->base = base;
		alike->used++;
	}
	*out = block;
	return 0;
}

static int add_answer(struct mst_alike_block *block, uint64_t what, uint32_t count)
{
	for (size_t i = 0; i < block->used; i++)
		if (block->answers[i].what == what) {
			block->answers[i].count += count;
			return 0;
		}
	if (block->used >= ANSWERS_MAX) {
		free(block->answers);
		block->answers = NULL;
		block->used = block->cap = 0;
		block->varied = true;
		return 0;
	}
	if (block->used == block->cap) {
		uint8_t cap = block->cap ? (uint8_t)(block->cap * 2) : 2;
		struct answer *answers = realloc(block->answers, cap * sizeof *answers);
		if (!answers)
			return MST_E_NO_MEMORY;
		block->answers = answers;
		block->cap = cap;
	}
	block->answers[block->used++] = (struct answer){what, count};
	return 0;
}

static int add(struct mst_alike *alike, const struct mst_addr *addr, uint64_t what, uint32_t count)
{
	struct mst_alike_block *block;
	int code = block_of(alike, addr, &block);
	return code != 0 || !block || block->varied ? code : add_answer(block, what, count);
}

/* Of a varied block nothing needs to be known of the record. */
static bool is_varied(const struct mst_alike *alike, const struct mst_addr *addr)
{
	struct mst_addr base = *addr;
	base.bytes[last_byte(addr)] = 0;
	return alike->cap > 0 && alike->blocks[place_of(alike->blocks, alike->cap, &base)].varied;
}

int mst_alike_count(struct mst_alike *alike, const bson_t *record)
{
	struct mst_addr addr;
	bson_iter_t iter;
	if (!mst_addr_parse(mst_doc_text(record, "ip"), &addr) || is_varied(alike, &addr))
		return 0;
	if (bson_iter_init_find(&iter, record, "answered") && BSON_ITER_HOLDS_BOOL(&iter) && !bson_iter_bool(&iter))
		return 0;
	uint64_t what = mst_alike_answer(record);
	return what ? add(alike, &addr, what, 1) : 0;
}

static const struct answer *most(const struct mst_alike_block *block)
{
	const struct answer *best = NULL;
	for (size_t i = 0; i < block->used; i++)
		if (!best || block->answers[i].count > best->count)
			best = &block->answers[i];
	return best;
}

void mst_alike_write(const struct mst_alike *alike, bson_t *doc)
{
	bson_t array = BSON_INITIALIZER, item;
	uint32_t index = 0;
	for (size_t i = 0; i < alike->cap && index < MST_MAX_BLOCKS_KEPT; i++) {
		const struct answer *best = most(&alike->blocks[i]);
		char text[MST_ADDR_TEXT], space[16];
		const char *key;
		if (!best || best->count < WORTH)
			continue;
		size_t len = bson_uint32_to_string(index++, &key, space, sizeof space);
		mst_addr_text(&alike->blocks[i].base, text);
		bson_append_document_begin(&array, key, (int)len, &item);
		mst_doc_add_text(&item, "block", text);
		mst_doc_add_int(&item, "answer", (int64_t)best->what);
		mst_doc_add_int(&item, "count", best->count);
		bson_append_document_end(&array, &item);
	}
	bson_append_array(doc, "alike", -1, &array);
	bson_destroy(&array);
}

int mst_alike_read(struct mst_alike *alike, const bson_t *doc)
{
	bson_t array, item;
	bson_iter_t iter;
	int code = 0;
	if (!mst_doc_array(doc, "alike", &array) || !bson_iter_init(&iter, &array))
		return 0;
	while (code == 0 && bson_iter_next(&iter)) {
		struct mst_addr addr;
		if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !mst_doc_view(&iter, &item) ||
		    !mst_addr_parse(mst_doc_text(&item, "block"), &addr))
			continue;
		int64_t count = mst_doc_int(&item, "count", 0);
		if (count > 0 && count <= (int64_t)BLOCK_SIZE)
			code = add(alike, &addr, (uint64_t)mst_doc_int(&item, "answer", 0), (uint32_t)count);
	}
	return code;
}

/* First and last looked-at address of the block, and how many there are. */
static unsigned looked_at(const struct mst_addr *base, const struct mst_addr_set *looked, unsigned *first,
                          unsigned *last)
{
	struct mst_addr addr = *base;
	unsigned count = 0;
	*first = 0;
	*last = BLOCK_SIZE - 1;
	if (looked->count == 0)
		return BLOCK_SIZE;
	for (unsigned i = 0; i < BLOCK_SIZE; i++) {
		addr.bytes[last_byte(base)] = (uint8_t)i;
		if (!mst_addr_set_contains(looked, &addr))
			continue;
		*first = count == 0 ? i : *first;
		*last = i;
		count++;
	}
	return count;
}

/* The smallest CIDR with both. */
static void widen(const struct mst_addr *base, unsigned first, unsigned last, struct mst_range *out)
{
	unsigned size = 1;
	while (first / size != last / size)
		size *= 2;
	out->first = out->last = *base;
	out->first.bytes[last_byte(base)] = (uint8_t)(first / size * size);
	out->last.bytes[last_byte(base)] = (uint8_t)(first / size * size + size - 1);
}

static int by_address(const void *left, const void *right)
{
	const struct mst_alike_found *a = left, *b = right;
	return mst_addr_compare(&a->range.first, &b->range.first);
}

int mst_alike_find(const struct mst_alike *alike, const struct mst_addr_set *looked, struct mst_alike_found **out,
                   size_t *count)
{
	*count = 0;
	*out = calloc(alike->used + 1, sizeof **out);
	if (!*out)
		return MST_E_NO_MEMORY;
	for (size_t i = 0; i < alike->cap; i++) {
		const struct mst_alike_block *block = &alike->blocks[i];
		const struct answer *best = most(block);
		unsigned first, last;
		if (!best || best->count * 10 <= MST_BLOCK_LEAST * 9)
			continue;
		unsigned all = looked_at(&block->base, looked, &first, &last);
		if (all < MST_BLOCK_LEAST || best->count * 10 <= all * 9)
			continue;
		widen(&block->base, first, last, &(*out)[*count].range);
		(*out)[(*count)++].answer = best->what;
	}
	qsort(*out, *count, sizeof **out, by_address);
	return 0;
}
