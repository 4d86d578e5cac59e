/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the host services only. */
#ifndef MST_PLUGIN_HOST_INTERNAL_H
#define MST_PLUGIN_HOST_INTERNAL_H

#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "conf/option.h"
#include "conf/target.h"
#include "plugin/host.h"
#include "record/record.h"
#include "record/spool.h"

#define HOST_LOG_LINES   10000 /* log lines of one host */
#define HOST_PROGRESS_MS 100   /* shortest time between two progress lines */
#define HOST_FAIL_TEXT   2000u
#define HOST_NO_DEADLINE_MS                                                                                            \
	(365ll * 24 * 3600 * 1000) /* what `remaining` gives without a deadline: safe to add to a time */
#define HOST_CHILDREN_CALL 4096u   /* children of one callback */

struct host_secret {
	const char *option;  /* borrowed from the method */
	unsigned char *data; /* a mapping of its own, locked where the limit allows */
	size_t len, mapped;
};

struct muster_call_state {
	enum mst_host_context context;
	enum mst_host_phase phase;
	bool net_raw_promised;
	struct muster_call call;
	const struct mst_method *method;
	struct mst_option_set options;
	struct host_secret *secrets;
	size_t secret_count;
	const struct mst_rules *rules;
	struct mst_addr_set planned; /* addresses of the planned scope; only with has_planned */
	bool has_planned;
	char *zone, *interface_name, *source_address, *dns_servers;
	int line_fd, known_fd, input_fd;
	bool input_whole; /* nobody writes it any more */
	char fail_text[HOST_FAIL_TEXT + 4];

	int64_t log_lines, progress_at, scope_at;
	struct {
		bool waiting;
		int64_t done, total, found;
		char text[256];
	} progress;
	struct {
		bool waiting;
		int64_t asked, lost, unsure;
	} strain;

	struct mst_buf known; /* bytes of the known stream not yet used */
	char known_address[64];
	bool known_end;
	struct json_object *shard_ids;

	struct mst_spool_writer *spool;
	struct mst_record *record;
	struct mst_err record_err; /* of the last call to the builder that failed */
	bool scope_open;
	int32_t scope_number;
	int64_t records_before; /* of earlier tries in the same segment */
	int partial;            /* worst outcome of a scope so far, enum muster_outcome; 0: all complete */
	char partial_text[HOST_FAIL_TEXT + 4];

	struct muster_child *children;
	size_t child_count;
};
struct mst_host {
	struct muster_call_state state;
};

static inline struct muster_call_state *host_of(const struct muster_call *call)
{
	return call->state;
}

/* Copies what both sides know of a plugin's struct into `out`, the rest is zero. */
static inline void host_copy_struct(void *out, size_t out_size, const void *in, uint32_t in_size)
{
	memset(out, 0, out_size);
	memcpy(out, in, in_size < out_size ? in_size : out_size);
}

#define HOST_IN(context) (1u << (context))
#define HOST_ANY         (~0u)
/* MST_OK when the main callback of one of `contexts` runs; else MST_E_REFUSED and a log line that names `service`. */
int host_allow(struct muster_call_state *host, unsigned contexts, const char *service);
/* A line of the host's own to the run's log, under the same cap as the plugin's. */
void host_log(struct muster_call_state *host, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Logs err's text as an error of `service`, makes it the failure text when there is none yet, and returns the code. */
int host_give(struct muster_call_state *host, const char *service, const struct mst_err *err);
/* MST_OK, MST_E_CANCELLED or MST_E_TIMEOUT. */
int host_stopped(void);
void host_progress_flush(struct muster_call_state *host);

/* host_rules.c. MST_E_REFUSED when the rules take away anything of `set`, which is left as it was. */
int host_within_rules(const struct mst_rules *rules, const struct mst_addr_set *set, struct mst_err *err);
/* A plugin's scope, checked, with owned text. */
int host_scope_make(const struct muster_scope *in, struct mst_scope *out, struct mst_err *err);

/* host_resolve.c. Adds the addresses of `names` to `set`, in a process of its own so that it can be given up: at most
 * 10 s a name. `servers`: comma-separated name servers instead of the system's; NULL or "": the system's. */
int host_resolve(struct muster_call_state *host, char *const *names, size_t count, const char *servers,
                 struct mst_addr_set *set, struct mst_err *err);

/* host_option.c */
int host_secrets_load(struct muster_call_state *host, struct json_object *secrets, struct mst_err *err);
/* Ends all leases. */
void host_secrets_close(struct muster_call_state *host);
void host_secrets_wipe(struct muster_call_state *host);
/* host_child.c */
void host_children_end(struct muster_call_state *host);
/* host_result.c */
int host_results_open(struct muster_call_state *host, int segment_fd, struct mst_err *err);
int host_results_finish(struct muster_call_state *host, int status, const char *text, struct mst_err *err);

/* The services themselves, one file per kind. */
const char *host_option_text(const struct muster_call *call, const char *name);
int64_t host_option_int(const struct muster_call *call, const char *name);
int host_secret_lease(const struct muster_call *call, const char *option, struct muster_bytes *out);
int host_secret_release(const struct muster_call *call, const char *option);
int host_targets(const struct muster_call *call, const struct muster_target_query *query, muster_chunk_fn fn,
                 void *data);
int host_known_next(const struct muster_call *call, struct muster_known *out);
int host_shard(const struct muster_call *call, const struct muster_shard *shard);
int host_scope_begin(const struct muster_call *call, const struct muster_scope *scope);
int host_scope_end(const struct muster_call *call, int outcome, const char *reason);
int host_checkpoint(const struct muster_call *call, struct muster_bytes state);
int host_record_begin(const struct muster_call *call, const char *source_key);
int host_record_text(const struct muster_call *call, const char *key, const char *value);
int host_record_int(const struct muster_call *call, const char *key, int64_t value);
int host_record_bool(const struct muster_call *call, const char *key, int value);
int host_record_object(const struct muster_call *call, const char *key);
int host_record_array(const struct muster_call *call, const char *key);
int host_record_end(const struct muster_call *call);
int host_record_emit(const struct muster_call *call);
int host_record_drop(const struct muster_call *call);
int host_child_spawn(const struct muster_call *call, const struct muster_spawn *spawn, struct muster_child **out);
int64_t host_child_read(const struct muster_call *call, struct muster_child *child, void *buffer, size_t size);
int host_child_wait(const struct muster_call *call, struct muster_child *child, int *exit_status, const char **errors);
int host_child_kill(const struct muster_call *call, struct muster_child *child);
int host_has_net_raw(const struct muster_call *call);
int64_t host_input_read(const struct muster_call *call, void *buffer, size_t size);
int host_verdict(const struct muster_call *call, const struct muster_verdict *verdict);

#endif
