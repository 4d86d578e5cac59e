/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"

#include <errno.h>
#include <execinfo.h>
#include <json-c/json.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define OWN_ALLOCATOR 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OWN_ALLOCATOR 0
#endif
#endif
#ifndef OWN_ALLOCATOR
#define OWN_ALLOCATOR 1
#endif

bool fault_possible(void)
{
	return OWN_ALLOCATOR;
}

#define BLOCKS  (1u << 18) /* most that may be alive at once, a power of two */
#define RANGES  16
#define POISON  0xdd
#define CALLER  __builtin_return_address(0)
#define EXPORTS __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

static struct {
	void *block, *caller;
} blocks[BLOCKS];
static struct {
	uintptr_t low, high;
	bool leaks; /* may fail, and then loses what it has taken */
} spared[RANGES];
static size_t block_count, spared_count;
static unsigned long seen, wanted;
static bool armed, fired, paused, tracing;

static size_t slot_of(const void *block)
{
	return (size_t)(((uintptr_t)block >> 4) * 0x9e3779b97f4a7c15u >> 40) & (BLOCKS - 1);
}

static void note(void *block, void *caller)
{
	if (!armed || !block || block_count == BLOCKS / 2)
		return;
	size_t at = slot_of(block);
	while (blocks[at].block)
		at = (at + 1) & (BLOCKS - 1);
	blocks[at].block = block;
	blocks[at].caller = caller;
	block_count++;
}

/* Takes the block out and closes the gap that it leaves in its chain. */
static void forget(const void *block)
{
	size_t at = slot_of(block);
	while (blocks[at].block && blocks[at].block != block)
		at = (at + 1) & (BLOCKS - 1);
	if (!blocks[at].block)
		return;
	block_count--;
	for (size_t next = (at + 1) & (BLOCKS - 1);; next = (next + 1) & (BLOCKS - 1)) {
		blocks[at].block = NULL;
		while (blocks[next].block) {
			size_t home = slot_of(blocks[next].block);
			if (((next - home) & (BLOCKS - 1)) >= ((next - at) & (BLOCKS - 1)))
				break;
			next = (next + 1) & (BLOCKS - 1);
		}
		if (!blocks[next].block)
			return;
		blocks[at] = blocks[next];
		at = next;
	}
}

static bool is_in(const void *caller, bool leaks)
{
	for (size_t i = 0; i < spared_count; i++)
		if (spared[i].leaks == leaks && (uintptr_t)caller >= spared[i].low &&
		    (uintptr_t)caller < spared[i].high)
			return true;
	return false;
}

static bool due(const void *caller)
{
	if (!armed || paused || is_in(caller, false))
		return false;
	if (++seen != wanted)
		return false;
	fired = true;
	if (tracing) {
		void *frames[40];
		backtrace_symbols_fd(frames, backtrace(frames, 40), STDERR_FILENO);
	}
	return true;
}

#if OWN_ALLOCATOR
EXPORTS void *malloc(size_t size)
{
	if (due(CALLER)) {
		errno = ENOMEM;
		return NULL;
	}
	void *block = __libc_malloc(size);
	note(block, CALLER);
	return block;
}

EXPORTS void *calloc(size_t count, size_t size)
{
	if (due(CALLER)) {
		errno = ENOMEM;
		return NULL;
	}
	void *block = __libc_calloc(count, size);
	note(block, CALLER);
	return block;
}

EXPORTS void *realloc(void *old, size_t size)
{
	if (size > 0 && due(CALLER)) {
		errno = ENOMEM;
		return NULL;
	}
	bool counted = block_count > 0 && old;
	if (counted)
		forget(old);
	void *block = __libc_realloc(old, size);
	note(block, CALLER);
	return block;
}

/* What is freed is overwritten while faults are on, so that a use of it shows. */
EXPORTS void free(void *block)
{
	if (!block)
		return;
	if (block_count > 0)
		forget(block);
	if (armed)
		memset(block, POISON, malloc_usable_size(block));
	__libc_free(block);
}

EXPORTS void *aligned_alloc(size_t alignment, size_t size)
{
	void *block = due(CALLER) ? NULL : __libc_memalign(alignment, size);
	note(block, CALLER);
	return block;
}

EXPORTS int posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = due(CALLER) ? NULL : __libc_memalign(alignment, size);
	note(*out, CALLER);
	return *out ? 0 : ENOMEM;
}
#endif

/* json-c's parser (0.16) does not look at what strdup gives it for the name of a member. */
struct json_object *__real_json_tokener_parse_ex(struct json_tokener *tokener, const char *text, int len);
struct json_object *__wrap_json_tokener_parse_ex(struct json_tokener *tokener, const char *text, int len);
struct json_object *__wrap_json_tokener_parse_ex(struct json_tokener *tokener, const char *text, int len)
{
	paused = true;
	struct json_object *object = __real_json_tokener_parse_ex(tokener, text, len);
	paused = false;
	return object;
}

static void find_spared(void)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");
	spared_count = 0;
	while (maps && spared_count < RANGES && fgets(line, sizeof line, maps)) {
		unsigned long low, high;
		if (!strstr(line, " r-xp "))
			continue;
		bool leaks = strstr(line, "/libxml2") || strstr(line, "/libcrypto");
		if ((leaks || strstr(line, "/libbson") || strstr(line, "/libuv") || strstr(line, "/libconfuse")) &&
		    sscanf(line, "%lx-%lx", &low, &high) == 2) {
			spared[spared_count].leaks = leaks;
			spared[spared_count].low = low;
			spared[spared_count++].high = high;
		}
	}
	if (maps)
		fclose(maps);
}

void fault_arm(unsigned long nth)
{
	if (spared_count == 0)
		find_spared();
	memset(blocks, 0, sizeof blocks);
	block_count = 0;
	seen = 0;
	wanted = nth;
	fired = false;
	armed = true;
}

void fault_trace(void)
{
	void *frame[1];
	backtrace(frame, 1); /* loads what it needs */
	tracing = true;
}

bool fault_disarm(void)
{
	armed = false;
	return fired;
}

unsigned long fault_count(void)
{
	return seen;
}

size_t fault_leaks(void **where)
{
	size_t count = 0;
	for (size_t i = 0; block_count > 0 && i < BLOCKS; i++)
		if (blocks[i].block && !(fired && is_in(blocks[i].caller, true))) {
			*where = blocks[i].caller;
			count++;
		}
	return count;
}
