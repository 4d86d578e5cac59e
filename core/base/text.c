/* SPDX-License-Identifier: Apache-2.0 */
/* Repair and escaping of text that came from a network. */
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

#define REPLACEMENT UINT32_C(0xfffd)

/* How many bytes from `text` on are ASCII, in whole steps of eight. */
static size_t ascii_words(const char *text, size_t len)
{
	uint64_t word;
	size_t at = 0;

	for (; at + sizeof word <= len; at += sizeof word) {
		memcpy(&word, text + at, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

bool mst_str_utf8_valid(const char *text, size_t len)
{
	while (len > 0) {
		uint32_t point;
		size_t taken = ascii_words(text, len);

		text += taken;
		len -= taken;
		if (len == 0)
			return true;
		taken = mst_utf8_next(text, len, &point);

		if (point == MST_UTF8_BAD)
			return false;
		text += taken;
		len -= taken;
	}
	return true;
}

/* What a stored text holds in place of this character. */
static uint32_t repaired(uint32_t point)
{
	if (point == '\t' || point == '\n')
		return ' ';
	if (point == MST_UTF8_BAD || mst_utf8_is_control(point))
		return REPLACEMENT;
	return point;
}

bool mst_str_utf8_repair(struct mst_buf *out, const char *text, size_t len, size_t max)
{
	bool changed = false;
	size_t used = 0;

	while (len > 0) {
		uint32_t point, wanted;
		size_t taken = mst_utf8_next(text, len, &point), size;
		char bytes[4];

		wanted = repaired(point);
		size = mst_utf8_put(wanted, bytes);
		if (size > max - used || mst_buf_add(out, bytes, size) != 0)
			return true;
		changed |= wanted != point;
		used += size;
		text += taken;
		len -= taken;
	}
	return changed;
}

void mst_str_escape_terminal(struct mst_buf *out, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		uint32_t point;
		size_t taken = mst_utf8_next(text, len, &point);

		if (point == MST_UTF8_BAD) {
			for (size_t i = 0; i < taken; i++)
				mst_buf_printf(out, "\\x%02x", (unsigned char)text[i]);
		} else if (point < 0x80 && mst_utf8_is_control(point)) {
			mst_buf_printf(out, "\\x%02x", (unsigned)point);
		} else if (mst_utf8_is_control(point) || mst_utf8_is_hidden(point)) {
			mst_buf_printf(out, "\\u{%04x}", (unsigned)point);
		} else {
			mst_buf_add(out, text, taken);
		}
		text += taken;
		len -= taken;
	}
}

static bool csv_needs_quotes(const char *text)
{
	size_t len = strlen(text);

	return strpbrk(text, ",\"\r\n") != NULL || (len > 0 && (text[0] == ' ' || text[len - 1] == ' '));
}

/* Leading bytes that stand for themselves in JSON and CSV. */
static size_t plain_span(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

void mst_str_csv_cell(struct mst_buf *out, const char *text)
{
	size_t len = text == NULL ? 0 : strlen(text);
	bool quotes = len > 0 && csv_needs_quotes(text);

	if (quotes)
		mst_buf_char(out, '"');
	if (len > 0 && strchr("=+-@\t\r\n", text[0]) != NULL)
		mst_buf_char(out, '\'');
	while (len > 0) {
		uint32_t point;
		size_t taken = plain_span(text, len);

		if (taken > 0) {
			mst_buf_add(out, text, taken);
			text += taken;
			len -= taken;
			continue;
		}
		taken = mst_utf8_next(text, len, &point);
		if (point == '"')
			mst_buf_str(out, "\"\"");
		else if (mst_utf8_is_hidden(point))
			mst_buf_printf(out, "\\u{%04x}", (unsigned)point);
		else if (point == '\t' || point == '\r' || point == '\n' || repaired(point) == point)
			mst_buf_add(out, text, taken);
		else
			mst_buf_str(out, "\xef\xbf\xbd");
		text += taken;
		len -= taken;
	}
	if (quotes)
		mst_buf_char(out, '"');
}

static void json_escape(struct mst_buf *out, uint32_t point)
{
	if (point >= 0x10000) {
		point -= 0x10000;
		mst_buf_printf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + (point >> 10)),
		               (unsigned)(0xdc00 + (point & 0x3ff)));
	} else {
		mst_buf_printf(out, "\\u%04x", (unsigned)point);
	}
}

void mst_str_json(struct mst_buf *out, const char *text)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	size_t len = strlen(text);

	mst_buf_char(out, '"');
	while (len > 0) {
		uint32_t point;
		size_t taken = plain_span(text, len);

		/* Nearly all text of a network: copied at once. */
		if (taken > 0) {
			mst_buf_add(out, text, taken);
			text += taken;
			len -= taken;
			continue;
		}
		taken = mst_utf8_next(text, len, &point);
		const char *short_form = point < 0x80 ? strchr(plain, (int)point) : NULL;

		if (short_form != NULL) {
			mst_buf_char(out, '\\');
			mst_buf_char(out, letter[short_form - plain]);
		} else if (point == MST_UTF8_BAD) {
			mst_buf_str(out, "\xef\xbf\xbd");
		} else if (mst_utf8_is_control(point) || mst_utf8_is_hidden(point)) {
			json_escape(out, point);
		} else {
			mst_buf_add(out, text, taken);
		}
		text += taken;
		len -= taken;
	}
	mst_buf_char(out, '"');
}

size_t mst_str_width(const char *text)
{
	size_t len = strlen(text), width = 0;

	while (len > 0) {
		uint32_t point;
		size_t taken = mst_utf8_next(text, len, &point);

		width += point == MST_UTF8_BAD ? 1 : mst_utf8_width(point);
		text += taken;
		len -= taken;
	}
	return width;
}
