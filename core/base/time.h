/* SPDX-License-Identifier: Apache-2.0 */
/* Time: milliseconds since 1970 UTC for the record, monotonic milliseconds for waiting. */
#ifndef MST_BASE_TIME_H
#define MST_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t mst_time_now(void);       /* wall clock, ms */
int64_t mst_time_monotonic(void); /* CLOCK_BOOTTIME, ms */
/* "2026-11-22T20:00:00.000Z"; needs 25 bytes. */
void mst_time_rfc3339(int64_t ms, char *out, size_t size);
/* RFC 3339 with any offset, "YYYY-MM-DD", or "YYYY-MM-DD HH:MM[:SS]" (local); whole-string. */
bool mst_time_parse(const char *text, int64_t *out_ms);
/* A time that has been: what mst_time_parse takes, or a duration ago ("7d", "7d ago"). A date alone is the end of that day, local, or
 * now when that day is not over. */
bool mst_time_parse_past(const char *text, int64_t now, int64_t *out_ms);
/* "2026-11-22 20:00:00" local. */
void mst_time_local(int64_t ms, char *out, size_t size);
/* "2h", "12m", "5d", "now": how long ago. */
void mst_time_ago(int64_t ms, int64_t now, char *out, size_t size);

#endif
