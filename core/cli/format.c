/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"

const char *mst_format_number(int64_t number, char out[MST_FORMAT_SIZE])
{
	char digits[MST_FORMAT_SIZE];
	int len = snprintf(digits, sizeof(digits), "%" PRId64, number);
	size_t at = 0;

	for (int i = 0; i < len; i++) {
		int left = len - i;

		if (i > 0 && digits[i - 1] != '-' && left % 3 == 0)
			out[at++] = ' ';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *mst_format_bytes(int64_t bytes, char out[MST_FORMAT_SIZE])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)(bytes < 0 ? 0 : bytes);
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	snprintf(out, MST_FORMAT_SIZE, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

const char *mst_format_clock(int64_t ms, char out[MST_FORMAT_SIZE])
{
	int64_t s = ms < 0 ? 0 : ms / 1000;

	if (s < 3600)
		snprintf(out, MST_FORMAT_SIZE, "%d:%02d", (int)(s / 60), (int)(s % 60));
	else
		snprintf(out, MST_FORMAT_SIZE, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
	return out;
}

const char *mst_format_about(int64_t ms, char out[MST_FORMAT_SIZE])
{
	int64_t s = ms < 0 ? 0 : (ms + 999) / 1000;

	if (s < 90)
		snprintf(out, MST_FORMAT_SIZE, "%d s", (int)s);
	else if (s < 90 * 60)
		snprintf(out, MST_FORMAT_SIZE, "%d min", (int)((s + 30) / 60));
	else if (s < 48 * 3600)
		snprintf(out, MST_FORMAT_SIZE, "%d h", (int)((s + 1800) / 3600));
	else
		snprintf(out, MST_FORMAT_SIZE, "%" PRId64 " d", (s + 43200) / 86400);
	return out;
}

const char *mst_format_time(int64_t ms, char out[MST_FORMAT_SIZE])
{
	out[0] = '\0';
	if (ms > 0)
		mst_time_local(ms, out, MST_FORMAT_SIZE);
	return out;
}

const char *mst_format_ago(int64_t ms, int64_t now, char out[MST_FORMAT_SIZE])
{
	out[0] = '\0';
	if (ms > 0)
		mst_time_ago(ms, now, out, MST_FORMAT_SIZE);
	return out;
}

enum mst_style mst_format_state_style(const char *word)
{
	static const struct {
		const char *word;
		enum mst_style style;
	} styles[] = {
	        {"managed", MST_STYLE_GOOD},   {"complete", MST_STYLE_GOOD},    {"ok", MST_STYLE_GOOD},
	        {"unmanaged", MST_STYLE_WARN}, {"partial", MST_STYLE_WARN},     {"warning", MST_STYLE_WARN},
	        {"lost", MST_STYLE_BAD},       {"failed", MST_STYLE_BAD},       {"refused", MST_STYLE_BAD},
	        {"ignored", MST_STYLE_DIM},    {"unmanageable", MST_STYLE_DIM}, {"cancelled", MST_STYLE_WARN},
	};

	for (size_t i = 0; word && i < sizeof(styles) / sizeof(styles[0]); i++)
		if (strcmp(word, styles[i].word) == 0)
			return styles[i].style;
	return MST_STYLE_NONE;
}
