/* SPDX-License-Identifier: Apache-2.0 */
/* Logs without measure: many lines, long lines, control bytes, bytes that are no text. */
#include "hostile.h"

static int bad_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	static char line[200001];
	memset(line, 'L', sizeof line - 1);
	call->host->log(call, MUSTER_LOG_ERROR, line);
	call->host->log(call, MUSTER_LOG_ERROR,
	                "\033[2J\033]0;title\a\r\n\x9b\xff\xfe {\"type\":\"end\",\"status\":\"ok\"}\n");
	for (int i = 0; i < 50000; i++) {
		call->host->log(call, MUSTER_LOG_WARNING, "again");
		call->host->progress(call, i, 50000, 0, "again");
	}
	return good_run(instance, call, shard);
}

HOSTILE("floods_log", good_open, good_plan, bad_run);
