/* SPDX-License-Identifier: Apache-2.0 */
/* One address, one range. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/addr_number.h"
#include "base/str.h"

unsigned mst_addr_bits(uint8_t family)
{
	return family == 4 ? 32 : 128;
}

mst_u128 mst_addr_number(const struct mst_addr *addr)
{
	size_t len = mst_addr_bits(addr->family) / 8;
	mst_u128 number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | addr->bytes[i];
	return number;
}

struct mst_addr mst_addr_from_number(uint8_t family, mst_u128 number)
{
	struct mst_addr addr = {.family = family};

	for (size_t i = mst_addr_bits(family) / 8; i-- > 0; number >>= 8)
		addr.bytes[i] = (uint8_t)(number & 0xff);
	return addr;
}

mst_u128 mst_addr_low_mask(unsigned bits)
{
	return bits >= 128 ? ~(mst_u128)0 : ((mst_u128)1 << bits) - 1;
}

bool mst_addr_parse(const char *text, struct mst_addr *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct mst_addr addr = {0};

	if (text == NULL)
		return false;
	if (inet_pton(AF_INET, text, addr.bytes) == 1) {
		addr.family = 4;
	} else if (inet_pton(AF_INET6, text, addr.bytes) == 1) {
		addr.family = 6;
		if (memcmp(addr.bytes, mapped, sizeof(mapped)) == 0) {
			addr.family = 4;
			memcpy(addr.bytes, addr.bytes + 12, 4);
			memset(addr.bytes + 4, 0, 12);
		}
	} else {
		return false;
	}
	*out = addr;
	return true;
}

void mst_addr_text(const struct mst_addr *addr, char out[MST_ADDR_TEXT])
{
	out[0] = '\0';
	if (addr->family == 4)
		inet_ntop(AF_INET, addr->bytes, out, MST_ADDR_TEXT);
	else if (addr->family == 6)
		inet_ntop(AF_INET6, addr->bytes, out, MST_ADDR_TEXT);
}

void mst_addr_key(const struct mst_addr *addr, char out[MST_ADDR_KEY])
{
	static const char hex[] = "0123456789abcdef";
	size_t len = addr->family == 4 ? 4 : addr->family == 6 ? 16 : 0;
	char *p = out;

	if (len > 0) {
		*p++ = (char)('0' + addr->family);
		*p++ = ':';
	}
	for (size_t i = 0; i < len; i++) {
		*p++ = hex[addr->bytes[i] >> 4];
		*p++ = hex[addr->bytes[i] & 15];
	}
	*p = '\0';
}

int mst_addr_compare(const struct mst_addr *a, const struct mst_addr *b)
{
	int order;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, mst_addr_bits(a->family) / 8);
	return (order > 0) - (order < 0);
}

/* A number as people write it: "0" or no leading zero. */
static bool parse_plain(const char *text, uint64_t max, uint64_t *out)
{
	return (text[0] != '0' || text[1] == '\0') && mst_str_uint(text, max, out);
}

static bool parse_prefix(const char *text, struct mst_range *out)
{
	unsigned bits = mst_addr_bits(out->first.family);
	mst_u128 first, mask;
	uint64_t prefix;

	if (!parse_plain(text, bits, &prefix))
		return false;
	mask = mst_addr_low_mask(bits - (unsigned)prefix);
	first = mst_addr_number(&out->first) & ~mask;
	out->first = mst_addr_from_number(out->first.family, first);
	out->last = mst_addr_from_number(out->first.family, first | mask);
	return true;
}

static bool parse_last(const char *text, struct mst_range *out)
{
	uint64_t octet;

	if (out->first.family == 4 && parse_plain(text, 255, &octet)) {
		out->last = out->first;
		out->last.bytes[3] = (uint8_t)octet;
	} else if (!mst_addr_parse(text, &out->last) || out->last.family != out->first.family) {
		return false;
	}
	return mst_addr_compare(&out->first, &out->last) <= 0;
}

bool mst_range_parse(const char *text, struct mst_range *out)
{
	struct mst_range range;
	char first[MST_ADDR_TEXT];
	size_t len;

	if (text == NULL)
		return false;
	len = strcspn(text, "/-");
	if (len >= sizeof(first))
		return false;
	memcpy(first, text, len);
	first[len] = '\0';
	if (!mst_addr_parse(first, &range.first))
		return false;
	range.last = range.first;
	if (text[len] == '/' && !parse_prefix(text + len + 1, &range))
		return false;
	if (text[len] == '-' && !parse_last(text + len + 1, &range))
		return false;
	*out = range;
	return true;
}
