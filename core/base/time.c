/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/str.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: four-digit years. */
#define FIRST_MS INT64_C(-62167219200000)
#define LAST_MS  INT64_C(253402300799999)

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t mst_time_now(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t mst_time_monotonic(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

/* Seconds and the non-negative rest, for times before 1970 too. */
static time_t split_ms(int64_t ms, int *rest)
{
	int64_t seconds;

	if (ms < FIRST_MS)
		ms = FIRST_MS;
	else if (ms > LAST_MS)
		ms = LAST_MS;
	seconds = ms / 1000;
	*rest = (int)(ms % 1000);
	if (*rest < 0) {
		*rest += 1000;
		seconds--;
	}
	return (time_t)seconds;
}

void mst_time_rfc3339(int64_t ms, char *out, size_t size)
{
	int rest;
	time_t seconds = split_ms(ms, &rest);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	         tm.tm_hour, tm.tm_min, tm.tm_sec, rest);
}

void mst_time_local(int64_t ms, char *out, size_t size)
{
	int rest;
	time_t seconds = split_ms(ms, &rest);
	struct tm tm;

	localtime_r(&seconds, &tm);
	snprintf(out, size, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	         tm.tm_min, tm.tm_sec);
}

void mst_time_ago(int64_t ms, int64_t now, char *out, size_t size)
{
	int64_t age = now - ms;
	const char *before = age < 0 ? "in " : "";

	if (age < 0)
		age = -age;
	if (age < MINUTE)
		snprintf(out, size, "now");
	else if (age < HOUR)
		snprintf(out, size, "%s%" PRId64 "m", before, age / MINUTE);
	else if (age < DAY)
		snprintf(out, size, "%s%" PRId64 "h", before, age / HOUR);
	else
		snprintf(out, size, "%s%" PRId64 "d", before, age / DAY);
}

/* Exactly `count` digits, moved past. */
static bool read_number(const char **text, int count, int *out)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		char c = (*text)[i];

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*text += count;
	*out = value;
	return true;
}

static bool read_char(const char **text, const char *allowed)
{
	if (**text == '\0' || strchr(allowed, **text) == NULL)
		return false;
	(*text)++;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool read_date(const char **text, struct tm *tm)
{
	int year, month, day;

	if (!read_number(text, 4, &year) || !read_char(text, "-") || !read_number(text, 2, &month) ||
	    !read_char(text, "-") || !read_number(text, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

/* HH:MM[:SS[.fraction]]; *exact is whether seconds were there. */
static bool read_clock(const char **text, struct tm *tm, int *ms, bool *exact)
{
	int scale = 100;

	if (!read_number(text, 2, &tm->tm_hour) || !read_char(text, ":") || !read_number(text, 2, &tm->tm_min))
		return false;
	*exact = read_char(text, ":");
	if (*exact && !read_number(text, 2, &tm->tm_sec))
		return false;
	if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
		return false;
	if (!*exact || !read_char(text, "."))
		return true;
	if (**text < '0' || **text > '9')
		return false;
	for (; **text >= '0' && **text <= '9'; (*text)++, scale /= 10)
		*ms += (**text - '0') * scale;
	return true;
}

static bool read_offset(const char **text, int *minutes)
{
	int sign = **text == '-' ? -1 : 1, hour, minute;

	*minutes = 0;
	if (read_char(text, "Zz"))
		return true;
	if (!read_char(text, "+-") || !read_number(text, 2, &hour) || !read_char(text, ":") ||
	    !read_number(text, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*minutes = sign * (hour * 60 + minute);
	return true;
}

/* Local broken-down time, no rest of text allowed. */
static bool from_local(const char *rest, struct tm *tm, int ms, int64_t *out_ms)
{
	time_t seconds;

	if (*rest != '\0')
		return false;
	tm->tm_isdst = -1;
	tm->tm_wday = -1; /* stays -1 only when mktime fails; -1 alone is also a valid second */
	seconds = mktime(tm);
	if (tm->tm_wday == -1)
		return false;
	*out_ms = (int64_t)seconds * 1000 + ms;
	return true;
}

bool mst_time_parse(const char *text, int64_t *out_ms)
{
	struct tm tm = {0};
	int ms = 0, offset;
	bool exact, blank;

	if (text == NULL || !read_date(&text, &tm))
		return false;
	if (*text == '\0')
		return from_local(text, &tm, 0, out_ms);
	blank = *text == ' ';
	if (!read_char(&text, "Tt ") || !read_clock(&text, &tm, &ms, &exact))
		return false;
	if (*text == '\0')
		return blank && from_local(text, &tm, ms, out_ms); /* RFC 3339 with a T needs its offset */
	if (!exact || !read_offset(&text, &offset) || *text != '\0')
		return false;
	*out_ms = (int64_t)timegm(&tm) * 1000 + ms - offset * MINUTE;
	return true;
}

static bool parse_ago(const char *text, int64_t now, int64_t *out_ms)
{
	size_t len = strlen(text);
	char word[32];
	int64_t age;

	if (len > 4 && strcmp(text + len - 4, " ago") == 0)
		len -= 4;
	if (len >= sizeof(word))
		return false;
	memcpy(word, text, len);
	word[len] = '\0';
	if (mst_str_duration(word, &age, NULL) != MST_OK || age > now)
		return false;
	*out_ms = now - age;
	return true;
}

bool mst_time_parse_past(const char *text, int64_t now, int64_t *out_ms)
{
	int64_t start;
	char end[24];

	if (text == NULL || parse_ago(text, now, out_ms))
		return text != NULL;
	if (!mst_time_parse(text, out_ms))
		return false;
	if (strlen(text) != 10)
		return true;
	start = *out_ms;
	snprintf(end, sizeof(end), "%.10s 23:59:59", text);
	if (mst_time_parse(end, out_ms))
		*out_ms += 999;
	if (*out_ms > now && start <= now)
		*out_ms = now;
	return true;
}
