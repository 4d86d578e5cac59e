/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes on their way to the parser. What is not UTF-8, and control bytes that XML forbids, become U+FFFD: a banner
 * with a stray byte must not cost the rest of a file. Scripts without output make Nmap (7.93) print a line of its own
 * into the middle of a tag,
 *     <script id="reverse-index"Bug in reverse-index: no string output.
 *      output="">
 * which no parser accepts: that line is taken out.
 */
#include "nmap_xml.h"

#include <string.h>

static const char BUG_START[] = "\"Bug in ";
static const char BUG_END[] = ": no string output.\n";
static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* Whether `held` may still become the line (1), is it (2), or cannot (0). */
static int bug_match(const unsigned char *held, size_t len)
{
	size_t start = sizeof(BUG_START) - 1;
	size_t end = sizeof(BUG_END) - 1;
	if (len <= start)
		return memcmp(held, BUG_START, len) == 0;
	if (memcmp(held, BUG_START, start) != 0)
		return 0;
	size_t at = start;
	while (at < len && held[at] != ':' && held[at] > ' ' && held[at] != '"' && held[at] != '<' && held[at] != '>')
		at++;
	if (at - start > 100)
		return 0;
	size_t rest = len - at < end ? len - at : end;
	if (memcmp(held + at, BUG_END, rest) != 0)
		return 0;
	return rest == end ? 2 : 1;
}

/* The held bytes were not the line: all but the first may begin anew only with a quote, which they do not hold. */
static int release(struct nmap_feed *feed, nmap_feed_fn fn, void *out)
{
	size_t len = feed->held_len;
	feed->held_len = 0;
	if (len == 0)
		return 0;
	feed->last = feed->held[len - 1];
	return fn(out, (const char *)feed->held, len);
}

/* Bytes before the next quote that may begin the line: one that ends a value, with the line's first words behind it as far
 * as can be seen. */
static size_t plain_length(const char *bytes, size_t len, unsigned char last)
{
	size_t start = sizeof(BUG_START) - 1, at = 0;
	const char *quote;
	while (at < len && (quote = memmem(bytes + at, len - at, BUG_START, start)) != NULL) {
		size_t place = (size_t)(quote - bytes);
		if ((place > 0 ? (unsigned char)quote[-1] : last) != '=')
			return place;
		at = place + 1;
	}
	/* The line may begin in the last bytes and go on in the next put. */
	size_t tail = len > start - 1 ? len - (start - 1) : 0;
	quote = memrchr(bytes + tail, '"', len - tail);
	if (!quote || memcmp(quote, BUG_START, (size_t)(bytes + len - quote)) != 0)
		return len;
	size_t place = (size_t)(quote - bytes);
	return (place > 0 ? (unsigned char)quote[-1] : last) != '=' ? place : len;
}

static int pass(struct nmap_feed *feed, const char *bytes, size_t len, nmap_feed_fn fn, void *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		int status = 0;
		if (feed->held_len > 0) {
			feed->held[feed->held_len++] = byte;
			int match = bug_match(feed->held, feed->held_len);
			if (match == 2) {
				/* Only the closing quote of the value before stays. */
				feed->held_len = 1;
				status = release(feed, fn, out);
				feed->repaired++;
			} else if (match == 0 || feed->held_len == sizeof(feed->held)) {
				/* The byte that broke the match may itself be a quote that begins one. */
				feed->held_len--;
				status = release(feed, fn, out);
				i--;
			}
		} else {
			size_t part = plain_length(bytes + i, len - i, feed->last);
			if (part == 0) {
				feed->held[feed->held_len++] = byte;
			} else {
				status = fn(out, bytes + i, part);
				i += part - 1;
				feed->last = (unsigned char)bytes[i];
			}
		}
		if (status != 0)
			return status;
	}
	return 0;
}

static int bad_byte(struct nmap_feed *feed, nmap_feed_fn fn, void *out)
{
	feed->repaired++;
	return pass(feed, REPLACEMENT, sizeof(REPLACEMENT) - 1, fn, out);
}

static size_t sequence_length(unsigned char byte)
{
	if (byte >= 0xC2 && byte <= 0xDF)
		return 2;
	if (byte >= 0xE0 && byte <= 0xEF)
		return 3;
	if (byte >= 0xF0 && byte <= 0xF4)
		return 4;
	return 0;
}

/* Whether `byte` may stand at place `at` behind `first`: no overlong forms, no surrogates, nothing past U+10FFFF. */
static int continues(unsigned char first, size_t at, unsigned char byte)
{
	unsigned char low = 0x80, high = 0xBF;
	if (at == 1 && first == 0xE0)
		low = 0xA0;
	if (at == 1 && first == 0xED)
		high = 0x9F;
	if (at == 1 && first == 0xF0)
		low = 0x90;
	if (at == 1 && first == 0xF4)
		high = 0x8F;
	return byte >= low && byte <= high;
}

/* U+FFFE and U+FFFF are well-formed UTF-8 but no XML characters. */
static int is_noncharacter(const unsigned char *bytes, size_t len)
{
	return len == 3 && bytes[0] == 0xEF && bytes[1] == 0xBF && bytes[2] >= 0xBE;
}

static int put_byte(struct nmap_feed *feed, unsigned char byte, nmap_feed_fn fn, void *out)
{
	int status = 0;
	if (feed->multi_need > 0) {
		if (continues(feed->multi[0], feed->multi_len, byte)) {
			feed->multi[feed->multi_len++] = byte;
			if (feed->multi_len < feed->multi_need)
				return 0;
			feed->multi_need = 0;
			if (is_noncharacter(feed->multi, feed->multi_len))
				return bad_byte(feed, fn, out);
			return pass(feed, (const char *)feed->multi, feed->multi_len, fn, out);
		}
		feed->multi_need = 0;
		status = bad_byte(feed, fn, out);
		if (status != 0)
			return status;
	}
	size_t need = sequence_length(byte);
	if (need > 0) {
		feed->multi[0] = byte;
		feed->multi_len = 1;
		feed->multi_need = need;
		return 0;
	}
	return bad_byte(feed, fn, out);
}

static int is_plain(unsigned char byte)
{
	return (byte >= 0x20 && byte < 0x80) || byte == '\n' || byte == '\t' || byte == '\r';
}

/* How many bytes from `data` on need no look of their own. */
static size_t plain_run(const unsigned char *data, size_t len)
{
	size_t i = 0;
	while (i < len) {
		i += nmap_printable(data + i, len - i);
		size_t end = len - i < 8 ? len : i + 8;
		for (; i < end; i++)
			if (!is_plain(data[i]))
				return i;
	}
	return i;
}

/* Takes the plain bytes at the start into account; how many they are, fewer where a tag becomes too large. */
static size_t plain_count(struct nmap_feed *feed, const unsigned char *data, size_t len)
{
	size_t run = plain_run(data, len);
	if (feed->since + run <= NMAP_XML_TAG) {
		const unsigned char *end = memrchr(data, '>', run);
		feed->since = end ? (size_t)(data + run - end) - 1 : feed->since + run;
		return run;
	}
	size_t at = 0;
	for (; at < run && feed->since <= NMAP_XML_TAG; at++)
		feed->since = data[at] == '>' ? 0 : feed->since + 1;
	return at;
}

int nmap_feed_put(struct nmap_feed *feed, const unsigned char *data, size_t len, nmap_feed_fn fn, void *out)
{
	size_t i = 0;
	while (i < len) {
		int status;
		size_t run = feed->multi_need == 0 ? plain_count(feed, data + i, len - i) : 0;
		if (run > 0) {
			status = pass(feed, (const char *)data + i, run, fn, out);
			i += run;
		} else if (feed->multi_need > 0 && is_plain(data[i])) {
			feed->multi_need = 0;
			status = bad_byte(feed, fn, out);
		} else {
			feed->since++;
			status = put_byte(feed, data[i], fn, out);
			i++;
		}
		if (status != 0)
			return status;
		if (feed->since > NMAP_XML_TAG)
			return MUSTER_E_LIMIT;
	}
	return 0;
}

int nmap_feed_flush(struct nmap_feed *feed, nmap_feed_fn fn, void *out)
{
	if (feed->multi_need > 0) {
		feed->multi_need = 0;
		int status = bad_byte(feed, fn, out);
		if (status != 0)
			return status;
	}
	return release(feed, fn, out);
}
