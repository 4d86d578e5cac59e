/* SPDX-License-Identifier: Apache-2.0 */
/* Windows ("Mon-Fri 20:00-06:00 Europe/Zurich") and blackouts ("2026-12-20..2027-01-05"). */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "conf/loader.h"
#include "conf/word.h"

#define ZONEINFO "/usr/share/zoneinfo"

static int refuse(const char *value, struct mst_err *err, const char *reason)
{
	char shown[MST_SHOWN];

	mst_conf_show(value, shown);
	return mst_err_set(err, MST_E_USAGE, "\"%s\" %s", shown, reason);
}

/* Moves past one of the seven day names. */
static bool read_day(const char **p)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

	for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		if (strncmp(*p, days[i], 3) == 0) {
			*p += 3;
			return true;
		}
	}
	return false;
}

/* "Mon-Fri", "Sat,Sun", "Mon-Wed,Fri". */
static bool read_days(const char **p)
{
	for (;;) {
		if (!read_day(p))
			return false;
		if (**p == '-') {
			++*p;
			if (!read_day(p))
				return false;
		}
		if (**p != ',')
			return true;
		++*p;
	}
}

static bool read_two(const char **p, int max, int *out)
{
	const char *text = *p;

	if (!isdigit((unsigned char)text[0]) || !isdigit((unsigned char)text[1]))
		return false;
	*out = (text[0] - '0') * 10 + text[1] - '0';
	*p += 2;
	return *out <= max;
}

/* 00:00 to 24:00, in minutes. */
static bool read_clock(const char **p, int *minutes)
{
	int hours, rest;

	if (!read_two(p, 24, &hours) || **p != ':')
		return false;
	++*p;
	if (!read_two(p, 59, &rest))
		return false;
	*minutes = hours * 60 + rest;
	return *minutes <= 24 * 60;
}

static bool zone_known(const char *name)
{
	char path[sizeof(ZONEINFO) + 66];

	if (name[0] == '\0' || strlen(name) > 64 || !isupper((unsigned char)name[0]) || strstr(name, "..") != NULL ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/")] != '\0')
		return false;
	snprintf(path, sizeof(path), "%s/%s", ZONEINFO, name);
	/* a machine without the time zone files cannot tell */
	return access(path, R_OK) == 0 || access(ZONEINFO, R_OK) != 0;
}

int mst_check_window(const char *value, struct mst_err *err)
{
	static const char cure[] =
	        "is no window: write \"Mon-Fri 20:00-06:00\" or \"Sat,Sun 00:00-24:00 Europe/Zurich\"";
	const char *p = value;
	int from, to;

	if (!isdigit((unsigned char)*p)) {
		if (!read_days(&p) || *p++ != ' ')
			return refuse(value, err, cure);
	}
	if (!read_clock(&p, &from) || *p++ != '-' || !read_clock(&p, &to))
		return refuse(value, err, cure);
	if (from == to)
		return refuse(value, err, "begins and ends at the same time: write 00:00-24:00 for the whole day");
	if (*p == '\0')
		return MST_OK;
	if (*p++ != ' ')
		return refuse(value, err, cure);
	return zone_known(p)
	               ? MST_OK
	               : refuse(p, err, "is no time zone: write its name as in " ZONEINFO ", such as Europe/Zurich");
}

/* "YYYY-MM-DD" to a number that sorts like the date. */
static bool read_date(const char **p, int *out)
{
	static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int century, year, month, day;
	bool leap;

	if (!read_two(p, 99, &century) || !read_two(p, 99, &year) || *(*p)++ != '-' || !read_two(p, 12, &month) ||
	    month == 0 || *(*p)++ != '-' || !read_two(p, 31, &day) || day == 0 || day > lengths[month - 1])
		return false;
	leap = (year % 4 == 0 && year != 0) || (year == 0 && century % 4 == 0);
	*out = (century * 100 + year) * 10000 + month * 100 + day;
	return leap || month != 2 || day != 29;
}

int mst_check_blackout(const char *value, struct mst_err *err)
{
	static const char cure[] = "is no blackout: write \"2026-12-24\" or \"2026-12-20..2027-01-05\"";
	const char *p = value;
	int from, to;

	if (!read_date(&p, &from))
		return refuse(value, err, cure);
	if (*p == '\0')
		return MST_OK;
	if (strncmp(p, "..", 2) != 0)
		return refuse(value, err, cure);
	p += 2;
	if (!read_date(&p, &to) || *p != '\0')
		return refuse(value, err, cure);
	return from <= to ? MST_OK : refuse(value, err, "ends before it begins: write the earlier day first");
}
