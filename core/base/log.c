/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"

/* Every byte may become "\xNN". */
#define MAX_ESCAPED (MST_MAX_LOG_TEXT * 4u + 256u)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *program_name = "muster"; /* under lock */
static mst_log_sink current_sink;           /* under lock */
static void *sink_data;                     /* under lock */
static atomic_int max_level = MST_LOG_WARNING;
static atomic_bool with_times;
/* A sink that logs must not call itself or wait for its own lock. */
static _Thread_local bool inside;

void mst_log_setup(const char *program, int level)
{
	pthread_mutex_lock(&lock);
	program_name = program;
	pthread_mutex_unlock(&lock);
	atomic_store(&max_level, level);
}

void mst_log_set_sink(mst_log_sink sink, void *data)
{
	pthread_mutex_lock(&lock);
	current_sink = sink;
	sink_data = data;
	pthread_mutex_unlock(&lock);
}

void mst_log_times(bool on)
{
	atomic_store(&with_times, on);
}

static const char *level_name(int level)
{
	switch (level) {
	case MST_LOG_ERROR:
		return "error";
	case MST_LOG_WARNING:
		return "warning";
	case MST_LOG_INFO:
		return "info";
	default:
		return "debug";
	}
}

/* One write per line: lines of several threads and processes do not mix. */
static void write_stderr(const char *program, int level, const char *room, const char *line)
{
	struct mst_buf out;
	const char *p;
	size_t left;

	mst_buf_init(&out, MAX_ESCAPED + 1024u);
	if (atomic_load(&with_times)) {
		char now[32];

		mst_time_rfc3339(mst_time_now(), now, sizeof(now));
		mst_buf_printf(&out, "%s ", now);
	}
	mst_buf_printf(&out, "%s: %s: ", program, level_name(level));
	if (room != NULL && *room != '\0') {
		mst_str_escape_terminal(&out, room);
		mst_buf_str(&out, ": ");
	}
	mst_buf_str(&out, line);
	mst_buf_char(&out, '\n');
	p = mst_buf_text(&out);
	left = out.len;
	while (left > 0) {
		ssize_t n = write(STDERR_FILENO, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		p += n;
		left -= (size_t)n;
	}
	mst_buf_free(&out);
}

static void deliver(int level, const char *room, const char *line)
{
	if (inside) { /* the lock is ours already */
		write_stderr(program_name, level, room, line);
		return;
	}
	inside = true;
	pthread_mutex_lock(&lock);
	if (current_sink != NULL)
		current_sink(sink_data, level, room, line);
	else
		write_stderr(program_name, level, room, line);
	pthread_mutex_unlock(&lock);
	inside = false;
}

/* Formats into text[size]; a text that does not fit ends in "..." after a whole character. */
static void __attribute__((format(printf, 3, 0))) format_text(char *text, size_t size, const char *format, va_list args)
{
	int n = vsnprintf(text, size, format, args);

	if (n < 0) {
		text[0] = '\0';
	} else if ((size_t)n >= size) {
		size_t end = size - 4;

		while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
			end--;
		memcpy(text + end, "...", 4);
	}
}

void mst_vlog(int level, const char *room, const char *format, va_list args)
{
	char text[MST_MAX_LOG_TEXT];
	struct mst_buf line;
	int saved = errno;
	size_t len;

	if (level > atomic_load(&max_level))
		return;
	format_text(text, sizeof(text), format, args);
	len = strlen(text);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	mst_buf_init(&line, MAX_ESCAPED);
	mst_str_escape_terminal(&line, text);
	deliver(level, room, line.failed && line.len == 0 ? "out of memory while logging" : mst_buf_text(&line));
	mst_buf_free(&line);
	errno = saved;
}

void mst_log(int level, const char *room, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mst_vlog(level, room, format, args);
	va_end(args);
}
