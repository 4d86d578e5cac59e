/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "plugin/line.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "plugin/control.h"

#define TEXT_MAX MST_MAX_LOG_TEXT

static int write_whole(int fd, const char *data, size_t len, struct mst_err *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = write(fd, data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd ready = {.fd = fd, .events = POLLOUT};
			poll(&ready, 1, 1000);
			continue;
		}
		if (n <= 0)
			return mst_err_errno(err, errno, "writing to the daemon");
		done += (size_t)n;
	}
	return MST_OK;
}

int mst_line_write(int fd, struct mst_buf *line, struct mst_err *err)
{
	if (fd < 0)
		return MST_OK;
	if (mst_buf_char(line, '\n') != MST_OK || line->failed || line->len > MST_MAX_LINE)
		return mst_err_set(err, MST_E_LIMIT, "a line to the daemon may have at most %u bytes", MST_MAX_LINE);
	mst_control_writing(true);
	int status = write_whole(fd, line->data, line->len, err);
	mst_control_writing(false);
	return status;
}

int mst_line_send(int fd, struct json_object *object, struct mst_err *err)
{
	struct mst_buf line;
	mst_buf_init(&line, MST_MAX_LINE + 1);
	const char *text = mst_json_string(object, NULL);
	int status = text ? mst_buf_str(&line, text) : MST_E_NO_MEMORY;
	if (status == MST_E_NO_MEMORY)
		mst_err_no_memory(err);
	else
		status = mst_line_write(fd, &line, err);
	mst_buf_free(&line);
	json_object_put(object);
	return status;
}

/* Appends `text` as a JSON string of at most TEXT_MAX bytes before quoting; longer text is cut and marked. */
static void add_text(struct mst_buf *line, const char *text)
{
	struct mst_buf cut;
	mst_buf_init(&cut, TEXT_MAX + 8);
	size_t len = strnlen(text, TEXT_MAX + 1);
	mst_str_utf8_repair(&cut, text, len, len > TEXT_MAX ? TEXT_MAX - 3 : TEXT_MAX);
	if (len > TEXT_MAX)
		mst_buf_str(&cut, "...");
	mst_str_json(line, mst_buf_text(&cut));
	mst_buf_free(&cut);
}

/* As add_text, with control bytes and the like shown as \xNN. */
static void add_escaped(struct mst_buf *line, const char *text)
{
	struct mst_buf escaped, cut;
	mst_buf_init(&escaped, TEXT_MAX * 10);
	mst_buf_init(&cut, TEXT_MAX + 2);
	mst_buf_add(&cut, text, strnlen(text, TEXT_MAX + 1));
	mst_str_escape_terminal(&escaped, mst_buf_text(&cut));
	add_text(line, mst_buf_text(&escaped));
	mst_buf_free(&escaped);
	mst_buf_free(&cut);
}

static int finish(int fd, struct mst_buf *line)
{
	mst_buf_char(line, '}');
	int status = mst_line_write(fd, line, NULL);
	mst_buf_free(line);
	return status;
}

int mst_line_hello(int fd, const char *plugin, const char *version)
{
	struct mst_buf line;
	mst_buf_init(&line, MST_MAX_LINE);
	mst_buf_printf(&line, "{\"type\":\"hello\",\"pid\":%ld,\"plugin\":", (long)getpid());
	add_text(&line, plugin);
	mst_buf_str(&line, ",\"version\":");
	add_text(&line, version);
	return finish(fd, &line);
}

static const char *level_word(int level)
{
	switch (level) {
	case MST_LOG_ERROR:
		return "error";
	case MST_LOG_WARNING:
		return "warning";
	case MST_LOG_DEBUG:
		return "debug";
	default:
		return "info";
	}
}

int mst_line_log(int fd, int level, const char *text)
{
	struct mst_buf line;
	mst_buf_init(&line, MST_MAX_LINE);
	mst_buf_printf(&line, "{\"type\":\"log\",\"level\":\"%s\",\"text\":", level_word(level));
	add_escaped(&line, text);
	return finish(fd, &line);
}

int mst_line_progress(int fd, int64_t done, int64_t total, int64_t found, const char *text)
{
	struct mst_buf line;
	mst_buf_init(&line, MST_MAX_LINE);
	mst_buf_printf(&line,
	               "{\"type\":\"progress\",\"done\":%" PRId64 ",\"total\":%" PRId64 ",\"found\":%" PRId64
	               ",\"text\":",
	               done, total, found);
	add_escaped(&line, text ? text : "");
	return finish(fd, &line);
}

int mst_line_strain(int fd, int64_t asked, int64_t lost, int64_t unsure)
{
	struct mst_buf line;
	mst_buf_init(&line, MST_MAX_LINE);
	mst_buf_printf(&line, "{\"type\":\"strain\",\"asked\":%" PRId64 ",\"lost\":%" PRId64 ",\"unsure\":%" PRId64,
	               asked, lost, unsure);
	return finish(fd, &line);
}

int mst_line_scope(int fd, int64_t offset)
{
	struct mst_buf line;
	mst_buf_init(&line, MST_MAX_LINE);
	mst_buf_printf(&line, "{\"type\":\"scope\",\"offset\":%" PRId64, offset);
	return finish(fd, &line);
}

int mst_line_verdict(int fd, const char *part, int status, const char *text)
{
	struct mst_buf line;
	mst_buf_init(&line, MST_MAX_LINE);
	mst_buf_str(&line, "{\"type\":\"verdict\",\"part\":");
	add_escaped(&line, part);
	mst_buf_printf(&line, ",\"status\":\"%s\",\"text\":", mst_code_name(status));
	add_escaped(&line, text);
	return finish(fd, &line);
}

int mst_line_end(int fd, int status, const char *text, int64_t records)
{
	struct mst_buf line;
	mst_buf_init(&line, MST_MAX_LINE);
	mst_buf_printf(&line, "{\"type\":\"end\",\"status\":\"%s\",\"text\":", mst_code_name(status));
	add_text(&line, text);
	if (records >= 0)
		mst_buf_printf(&line, ",\"records\":%" PRId64, records);
	return finish(fd, &line);
}
