/* SPDX-License-Identifier: Apache-2.0 */
/* Log: one line per record to stderr, terminal-safe. */
#ifndef MST_BASE_LOG_H
#define MST_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum mst_log_level { MST_LOG_ERROR = 1, MST_LOG_WARNING, MST_LOG_INFO, MST_LOG_DEBUG };

/* `program` is borrowed for ever. Called once by each main before anything logs; default: warnings to stderr. */
void mst_log_setup(const char *program, int level);
/* Each line on stderr begins with its time (RFC 3339, UTC): for a file, where nobody else adds it. Default: no. */
void mst_log_times(bool on);
/* Where lines go instead of stderr (a worker's control pipe, a test). The line is escaped UTF-8 without newline. */
typedef void (*mst_log_sink)(void *data, int level, const char *room, const char *line);
void mst_log_set_sink(mst_log_sink sink, void *data);
/* `room`: "job", "store", ... Thread-safe. */
void mst_log(int level, const char *room, const char *format, ...) __attribute__((format(printf, 3, 4)));
void mst_vlog(int level, const char *room, const char *format, va_list args) __attribute__((format(printf, 3, 0)));

#endif
