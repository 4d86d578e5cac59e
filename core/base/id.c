/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/time.h"

/* After the 48 bits of milliseconds: 26 counter bits (12 before the variant, 14 after it), then 48 random bits. A new
 * millisecond starts the counter at a random value with its top bit clear, as RFC 9562 section 6.2 advises. */
#define COUNTER_BITS 26
#define COUNTER_MAX  ((UINT32_C(1) << COUNTER_BITS) - 1)
#define COUNTER_SEED (COUNTER_MAX >> 1)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_ms;
static uint32_t last_counter;

static void fill_random(void *out, size_t len)
{
	while (getrandom(out, len, 0) != (ssize_t)len) {
		if (errno != EINTR) {
			/* Ids that are not unique would damage the store: there is nothing better to do. */
			fprintf(stderr, "muster: the kernel gives no random numbers (getrandom): stopped\n");
			abort();
		}
	}
}

static void next_stamp(uint32_t seed, uint64_t *ms, uint32_t *counter)
{
	int64_t wall = mst_time_now();
	uint64_t now = wall < 0 ? 0 : (uint64_t)wall;

	pthread_mutex_lock(&lock);
	if (now > last_ms) {
		last_ms = now;
		last_counter = seed;
	} else if (last_counter < COUNTER_MAX) {
		last_counter++; /* same millisecond, or a clock that was set back */
	} else {
		last_ms++;
		last_counter = seed;
	}
	*ms = last_ms;
	*counter = last_counter;
	pthread_mutex_unlock(&lock);
}

void mst_id_new(char out[MST_ID_SIZE])
{
	struct {
		uint32_t seed;
		uint8_t rest[6];
	} random;
	uint32_t counter;
	uint64_t ms;

	fill_random(&random, sizeof(random));
	next_stamp(random.seed & COUNTER_SEED, &ms, &counter);
	snprintf(out, MST_ID_SIZE, "%08x-%04x-7%03x-%04x-%02x%02x%02x%02x%02x%02x", (unsigned)(ms >> 16 & 0xffffffff),
	         (unsigned)(ms & 0xffff), (unsigned)(counter >> 14 & 0xfff), (unsigned)(0x8000 | (counter & 0x3fff)),
	         random.rest[0], random.rest[1], random.rest[2], random.rest[3], random.rest[4], random.rest[5]);
}

bool mst_id_valid(const char *text)
{
	static const char shape[] = "hhhhhhhh-hhhh-7hhh-vhhh-hhhhhhhhhhhh";

	if (text == NULL || strlen(text) != MST_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < MST_ID_SIZE - 1; i++) {
		const char *allowed = shape[i] == 'h'   ? "0123456789abcdef"
		                      : shape[i] == 'v' ? "89ab"
		                      : shape[i] == '7' ? "7"
		                                        : "-";

		if (strchr(allowed, text[i]) == NULL)
			return false;
	}
	return true;
}

static const char crockford[] = "0123456789abcdefghjkmnpqrstvwxyz";

void mst_id_short(uint64_t number, char *out, size_t size)
{
	char digits[14];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = crockford[number & 31];
		number >>= 5;
	} while (number > 0);
	if (size > 0)
		snprintf(out, size, "%s", size < sizeof(digits) - at ? "" : digits + at);
}

static int crockford_value(char c)
{
	const char *found;

	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	if (c == 'o')
		c = '0';
	else if (c == 'i' || c == 'l')
		c = '1';
	found = c == '\0' ? NULL : strchr(crockford, c);
	return found == NULL ? -1 : (int)(found - crockford);
}

bool mst_id_short_parse(const char *text, uint64_t *out)
{
	uint64_t number = 0;
	size_t len = text == NULL ? 0 : strlen(text);

	if (len == 0 || len > 13)
		return false;
	for (size_t i = 0; i < len; i++) {
		int value = crockford_value(text[i]);

		if (value < 0 || number > UINT64_MAX >> 5)
			return false;
		number = number << 5 | (uint64_t)value;
	}
	*out = number;
	return true;
}
