/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, units, names, lists. UTF-8 and escaping are in text.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "base/str.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *suffix;
	int64_t factor;
};

static const struct unit duration_units[] = {
        {"ms", 1},
        {"s", 1000},
        {"m", 60000},
        {"h", 3600000},
        {"d", 86400000},
        {"w", 7 * INT64_C(86400000)},
        {"y", 365 * INT64_C(86400000)},
        {NULL, 0},
};
static const struct unit rate_units[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {NULL, 0}};
static const struct unit size_units[] = {{"", 1}, {"k", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};

/* Reads the digits at *text, of which there must be one, and moves it past them. */
static bool read_digits(const char **text, uint64_t max, uint64_t *out)
{
	const char *p = *text;
	uint64_t value = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (value > max / 10 || value * 10 > max - digit)
			return false;
		value = value * 10 + digit;
	}
	*text = p;
	*out = value;
	return true;
}

bool mst_str_uint(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t value;

	/* read_digits subtracts a digit from max */
	if (text == NULL || !read_digits(&text, max < 9 ? 9 : max, &value) || *text != '\0' || value > max)
		return false;
	*out = value;
	return true;
}

bool mst_str_int64(const char *text, int64_t *out)
{
	bool negative = text != NULL && *text == '-';
	uint64_t value;

	if (text == NULL || !mst_str_uint(text + negative, (uint64_t)INT64_MAX + negative, &value))
		return false;
	*out = negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

static bool parse_units(const char *text, const struct unit *units, int64_t *out)
{
	uint64_t value;

	if (text == NULL || !read_digits(&text, INT64_MAX, &value))
		return false;
	for (; units->suffix != NULL; units++) {
		if (strcmp(text, units->suffix) != 0)
			continue;
		if (value > (uint64_t)(INT64_MAX / units->factor))
			return false;
		*out = (int64_t)value * units->factor;
		return true;
	}
	return false;
}

/* Quotes at most this much of a refused value. */
#define SHOWN 64

static int bad_value(struct mst_err *err, const char *text, const char *kind, const char *grammar)
{
	struct mst_buf shown;
	int code;

	mst_buf_init(&shown, SHOWN * 4);
	mst_str_escape_terminal(&shown, text == NULL ? "" : text);
	code = mst_err_set(err, MST_E_USAGE, "\"%.*s\" is not a %s: write %s", SHOWN, mst_buf_text(&shown), kind,
	                   grammar);
	mst_buf_free(&shown);
	return code;
}

int mst_str_duration(const char *text, int64_t *out_ms, struct mst_err *err)
{
	int64_t value;

	if (text != NULL && strcmp(text, "0") == 0) {
		*out_ms = 0;
		return MST_OK;
	}
	if (!parse_units(text, duration_units, &value))
		return bad_value(err, text, "duration",
		                 "a number with s, m, h, d, w or y, such as 90s, 15m, 6h, 7d, or 0");
	*out_ms = value;
	return MST_OK;
}

int mst_str_rate(const char *text, int64_t *out, struct mst_err *err)
{
	int64_t value;

	if (!parse_units(text, rate_units, &value))
		return bad_value(err, text, "rate", "a number per second, such as 1000, 5k or 1M");
	*out = value;
	return MST_OK;
}

int mst_str_size(const char *text, int64_t *out, struct mst_err *err)
{
	int64_t value;

	if (!parse_units(text, size_units, &value))
		return bad_value(err, text, "size", "a number of bytes, such as 4096, 64k, 2M or 1G");
	*out = value;
	return MST_OK;
}

int mst_str_bool(const char *text, bool *out, struct mst_err *err)
{
	static const char *const words[2][4] = {{"off", "no", "false", "0"}, {"on", "yes", "true", "1"}};

	for (int value = 0; text != NULL && value < 2; value++) {
		for (int i = 0; i < 4; i++) {
			if (strcmp(text, words[value][i]) == 0) {
				*out = value == 1;
				return MST_OK;
			}
		}
	}
	return bad_value(err, text, "switch", "on or off (yes, no, true, false, 1, 0)");
}

void mst_str_format_duration(int64_t ms, char *out, size_t size)
{
	const struct unit *best = &duration_units[0];

	if (ms == 0) {
		snprintf(out, size, "0");
		return;
	}
	/* A larger unit that divides exactly is never longer. */
	for (const struct unit *unit = duration_units; unit->suffix != NULL; unit++) {
		if (ms % unit->factor == 0)
			best = unit;
	}
	snprintf(out, size, "%" PRId64 "%s", ms / best->factor, best->suffix);
}

bool mst_str_is_name(const char *text, size_t max)
{
	size_t len;

	if (text == NULL || *text < 'a' || *text > 'z')
		return false;
	len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	return len <= max && text[len] == '\0';
}

char *mst_str_dupn(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		return NULL;
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *mst_str_dup(const char *text)
{
	return mst_str_dupn(text, strlen(text));
}

char *mst_str_printf(const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool mst_str_next_item(const char **cursor, char separator, struct mst_buf *item)
{
	const char *start = *cursor, *end, *next;

	mst_buf_reset(item);
	if (start == NULL)
		return false;
	while (is_blank(*start) && *start != separator)
		start++;
	if (*start == '\0') {
		*cursor = NULL;
		return false;
	}
	next = strchr(start, separator);
	end = next == NULL ? start + strlen(start) : next;
	*cursor = next == NULL ? NULL : next + 1;
	while (end > start && is_blank(end[-1]))
		end--;
	mst_buf_add(item, start, (size_t)(end - start));
	return true;
}
