/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines from a worker to the daemon: whole lines, at most MST_MAX_LINE bytes, each written at once. */
#ifndef MST_PLUGIN_LINE_H
#define MST_PLUGIN_LINE_H

#include <json-c/json.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Writes `line` (an object's text without newline) to `fd`. MST_E_LIMIT when too long; MST_E_FAILED when nobody reads. */
int mst_line_write(int fd, struct mst_buf *line, struct mst_err *err);
/* The same for an object; takes it over (puts it). */
int mst_line_send(int fd, struct json_object *object, struct mst_err *err);

int mst_line_hello(int fd, const char *plugin, const char *version);
/* `level`: enum mst_log_level. Control bytes are escaped, over MST_MAX_LOG_TEXT the text is cut and ends in "...". */
int mst_line_log(int fd, int level, const char *text);
int mst_line_progress(int fd, int64_t done, int64_t total, int64_t found, const char *text);
int mst_line_strain(int fd, int64_t asked, int64_t lost, int64_t unsure);
/* Everything before `offset` of the segment stands in scopes that have ended. */
int mst_line_scope(int fd, int64_t offset);
int mst_line_verdict(int fd, const char *part, int status, const char *text);
/* The last line. `status` is a code; `records` negative: left out. */
int mst_line_end(int fd, int status, const char *text, int64_t records);

#endif
