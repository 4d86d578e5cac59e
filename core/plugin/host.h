/* SPDX-License-Identifier: Apache-2.0 */
/* Host services: what a plugin's callbacks may ask for. One `struct mst_host` serves one instance of one method. */
#ifndef MST_PLUGIN_HOST_H
#define MST_PLUGIN_HOST_H

#include <json-c/json.h>
#include <muster/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "conf/target.h"
#include "plugin/manifest.h"
#include "record/scope.h"

/* Which callback the process is there for: decides which services answer. */
enum mst_host_context {
	MST_HOST_PLAN = 1,
	MST_HOST_RUN,
	MST_HOST_READ, /* the plugin's `import` */
	MST_HOST_CHECK,
	MST_HOST_STORE
};
enum mst_host_phase { MST_HOST_OPEN = 1, MST_HOST_MAIN, MST_HOST_CLOSE };

/* Everything is borrowed until mst_host_new returns, except `method`, which must outlive the host. Descriptors stay the caller's. */
struct mst_host_config {
	enum mst_host_context context;
	const struct mst_method *method;
	struct json_object *options;   /* { name: text }, NULL: none */
	struct json_object *secrets;   /* { option: base64 }, NULL: none; its texts are wiped */
	const struct mst_rules *rules; /* must outlive the host; NULL: none */
	const struct mst_scope
	        *scope; /* run: as planned; read: whose presence a complete file covers; NULL: any, none */
	const char *zone, *interface_name, *source_address, *dns_servers; /* NULL or "": none */
	int64_t max_rate;
	bool net_raw_promised; /* plan: this process has no CAP_NET_RAW, those that run the shards will */
	int line_fd;           /* JSON lines; -1: log lines go to mst_log, others nowhere */
	int segment_fd;        /* run, read: the segment; -1: none */
	int known_fd;          /* plan: the known stream; -1: none */
	int input_fd;          /* read: the operator's file; -1: none */
};

struct mst_host;
/* Checks options (MST_E_USAGE), decodes secrets into locked memory, opens the segment's writer (MST_E_UNAVAILABLE: locked). */
int mst_host_new(struct mst_host **out, const struct mst_host_config *config, struct mst_err *err);
/* Kills and reaps children, wipes secrets. */
void mst_host_free(struct mst_host *host);
/* Before each callback: ends what the last one borrowed, gives the context to pass. Valid until the next enter. */
const struct muster_call *mst_host_enter(struct mst_host *host, enum mst_host_phase phase);
/* The text of the last `fail`, "" when there was none since the last enter. */
const char *mst_host_failure(const struct mst_host *host);
/* After the main callback answered `status`: children are killed, an open scope ends partial, the segment gets its end
 * frame and is synced. Gives the final status (MST_OK, MST_E_PARTIAL when a scope was not complete, MST_E_TIMEOUT, ...), its
 * text in `text`, for the "end" line. */
int mst_host_finish(struct mst_host *host, int status, struct mst_err *text);
/* Records in the segment by this host. */
int64_t mst_host_records(const struct mst_host *host);
/* The constant table. */
const struct muster_host *mst_host_services(void);

#endif
