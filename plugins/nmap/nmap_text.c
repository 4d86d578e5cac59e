/* SPDX-License-Identifier: Apache-2.0 */
/* Text, memory and numbers for the nmap plugin. */
#include "nmap.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384u
#define KEPT_BLOCKS 32u /* by an arena that is used again and again */

struct nmap_block {
	struct nmap_block *next;
	size_t used, size;
	_Alignas(16) unsigned char data[];
};

static int buf_room(struct nmap_buf *buf, size_t more)
{
	if (buf->failed)
		return 0;
	if (more >= SIZE_MAX / 4 - buf->len) {
		buf->failed = 1;
		return 0;
	}
	size_t need = buf->len + more + 1;
	if (need <= buf->cap)
		return 1;
	size_t cap = buf->cap ? buf->cap : 64;
	while (cap < need)
		cap *= 2;
	char *data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = 1;
		return 0;
	}
	buf->data = data;
	buf->cap = cap;
	return 1;
}

void nmap_buf_put(struct nmap_buf *buf, const char *data, size_t len)
{
	if (!buf_room(buf, len))
		return;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void nmap_buf_text(struct nmap_buf *buf, const char *text)
{
	nmap_buf_put(buf, text, strlen(text));
}

void nmap_buf_printf(struct nmap_buf *buf, const char *format, ...)
{
	char small[512];
	va_list list;
	va_start(list, format);
	int len = vsnprintf(small, sizeof(small), format, list);
	va_end(list);
	if (len < 0) {
		buf->failed = 1;
	} else if ((size_t)len < sizeof(small)) {
		nmap_buf_put(buf, small, (size_t)len);
	} else if (buf_room(buf, (size_t)len)) {
		va_start(list, format);
		(void)vsnprintf(buf->data + buf->len, (size_t)len + 1, format, list);
		va_end(list);
		buf->len += (size_t)len;
	}
}

const char *nmap_buf_str(const struct nmap_buf *buf)
{
	return buf->data ? buf->data : "";
}

void nmap_buf_free(struct nmap_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

static struct nmap_block *block_new(struct nmap_arena *arena, size_t size)
{
	struct nmap_block *block = size == BLOCK_BYTES ? arena->spare : NULL;
	if (block) {
		arena->spare = block->next;
		return block;
	}
	block = calloc(1, sizeof(*block) + size);
	if (block)
		block->size = size;
	else
		arena->starved = 1;
	return block;
}

void *nmap_arena_alloc(struct nmap_arena *arena, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (size > arena->limit || arena->used > arena->limit - size)
		return NULL;
	struct nmap_block *block = arena->blocks;
	if (!block || block->size - block->used < size) {
		block = block_new(arena, size > BLOCK_BYTES ? size : BLOCK_BYTES);
		if (!block)
			return NULL;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	void *out = block->data + block->used;
	block->used += size;
	arena->used += size;
	return out;
}

#define EACH_BYTE UINT64_C(0x0101010101010101)

size_t nmap_printable(const void *data, size_t len)
{
	const unsigned char *bytes = data;
	size_t at = 0;
	uint64_t word;
	for (; at + sizeof(word) <= len; at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		/* The top bit: borrowed by a byte below 0x20, had by one above 0x7F, reached by 0x7F. */
		if (((word - EACH_BYTE * 0x20) | word | (word + EACH_BYTE)) & (EACH_BYTE * 0x80))
			break;
	}
	return at;
}

/* Cuts no character in two: steps back over continuation bytes. */
static size_t cut_length(const char *text, size_t len, size_t cap)
{
	if (len <= cap)
		return len;
	while (cap > 0 && ((unsigned char)text[cap] & 0xC0) == 0x80)
		cap--;
	return cap;
}

char *nmap_arena_text(struct nmap_arena *arena, const char *text, size_t len, size_t cap, int lines)
{
	len = cut_length(text, len, cap);
	char *out = nmap_arena_alloc(arena, len + 1);
	if (!out)
		return NULL;
	size_t used = nmap_printable(text, len);
	if (used > 0)
		memcpy(out, text, used);
	for (size_t i = used; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];
		/* U+0080 to U+009F are control characters too: C2 80 to C2 9F in UTF-8. */
		if (byte == 0xC2 && i + 1 < len && (unsigned char)text[i + 1] < 0xA0) {
			out[used++] = ' ';
			i++;
		} else if ((byte < 0x20 && !(lines && (byte == '\n' || byte == '\t'))) || byte == 0x7F) {
			out[used++] = ' ';
		} else {
			out[used++] = text[i];
		}
	}
	out[used] = '\0';
	return out;
}

static void free_blocks(struct nmap_block **list)
{
	while (*list) {
		struct nmap_block *next = (*list)->next;
		free(*list);
		*list = next;
	}
}

void nmap_arena_recycle(struct nmap_arena *arena)
{
	size_t kept = 0;
	for (struct nmap_block *block = arena->spare; block; block = block->next)
		kept++;
	while (arena->blocks) {
		struct nmap_block *block = arena->blocks;
		arena->blocks = block->next;
		if (block->size != BLOCK_BYTES || kept++ >= KEPT_BLOCKS) {
			free(block);
			continue;
		}
		memset(block->data, 0, block->used);
		block->used = 0;
		block->next = arena->spare;
		arena->spare = block;
	}
	arena->used = 0;
}

void nmap_arena_reset(struct nmap_arena *arena)
{
	free_blocks(&arena->blocks);
	free_blocks(&arena->spare);
	arena->used = 0;
}

int64_t nmap_number(const char *text, int64_t maximum)
{
	if (!text || !*text)
		return -1;
	int64_t value = 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		int digit = *text - '0';
		if (value > (maximum - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	return value;
}

int nmap_address(const char *text, char *out, size_t size)
{
	unsigned char bytes[16];
	if (inet_pton(AF_INET, text, bytes) == 1)
		return inet_ntop(AF_INET, bytes, out, (socklen_t)size) ? 4 : 0;
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return 0;
	/* ::ffff:192.0.2.1 is 192.0.2.1. */
	static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return inet_ntop(AF_INET, bytes + 12, out, (socklen_t)size) ? 4 : 0;
	return inet_ntop(AF_INET6, bytes, out, (socklen_t)size) ? 6 : 0;
}

/* Reads a port at *text and moves behind it. */
static int port_read(const char **text)
{
	int port = 0, digits = 0;
	while (**text >= '0' && **text <= '9' && digits < 6) {
		port = port * 10 + (**text - '0');
		(*text)++;
		digits++;
	}
	return digits > 0 && port >= 1 && port <= 65535 ? port : -1;
}

int nmap_ports_count(const char *text)
{
	int count = 0;
	if (!text || !*text)
		return -1;
	for (;;) {
		int first = port_read(&text);
		int last = first;
		if (*text == '-') {
			text++;
			last = port_read(&text);
		}
		if (first < 0 || last < first)
			return -1;
		count += last - first + 1;
		if (count > 65535)
			return -1;
		if (!*text)
			return count;
		if (*text++ != ',')
			return -1;
	}
}

/* A number of any length at *at; beyond 65536 it stays 65536. -1: no digit. */
static int number_read(const char **at, const char *end)
{
	int number = -1;
	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
		number = (number < 0 ? 0 : number) * 10 + (**at - '0');
		if (number > 65536)
			number = 65536;
	}
	return number;
}

/* The slow way, for lists with something to cut away. */
static void ports_cut(const char *text, const char *end, struct nmap_buf *out, size_t before)
{
	while (text < end) {
		int first = number_read(&text, end);
		int last = first;
		if (text < end && *text == '-') {
			text++;
			last = number_read(&text, end);
		}
		if (first < 0 || last < first || (text < end && *text != ',')) {
			out->len = before;
			return;
		}
		first = first < 1 ? 1 : first;
		last = last > 65535 ? 65535 : last;
		if (first <= last) {
			nmap_buf_printf(out, "%s%d", out->len > before ? "," : "", first);
			if (last > first)
				nmap_buf_printf(out, "-%d", last);
		}
		text += text < end;
	}
}

void nmap_ports_clean(const char *text, size_t len, struct nmap_buf *out)
{
	const char *end = text + len, *all = text;
	size_t before = out->len;
	int first = 1, last = 1;
	while (text < end && first >= 1 && last >= first && last <= 65535) {
		first = last = number_read(&text, end);
		if (text < end && *text == '-') {
			text++;
			last = number_read(&text, end);
		}
		if (text < end && (*text++ != ',' || text == end))
			last = -1;
	}
	if (first >= 1 && last >= first && last <= 65535)
		nmap_buf_put(out, all, len);
	else
		ports_cut(all, end, out, before);
}

int nmap_fail(const struct muster_call *call, int status, const char *format, ...)
{
	char text[2000];
	va_list list;
	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	return call->host->fail(call, status, text);
}

void nmap_log(const struct muster_call *call, int level, const char *format, ...)
{
	char text[2000];
	va_list list;
	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	(void)call->host->log(call, level, text);
}
