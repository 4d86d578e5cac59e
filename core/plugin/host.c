/* SPDX-License-Identifier: Apache-2.0 */
/* The host of one plugin instance: its life, and the services that every callback may use. */
#include "plugin/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "plugin/control.h"
#include "plugin/host_internal.h"
#include "plugin/line.h"

static void send_log(struct muster_call_state *host, int level, const char *text)
{
	if (host->log_lines > HOST_LOG_LINES)
		return;
	if (host->log_lines++ == HOST_LOG_LINES) {
		level = MST_LOG_WARNING;
		text = "further log lines of this process are dropped";
	}
	if (host->line_fd >= 0)
		mst_line_log(host->line_fd, level, text);
	else
		mst_log(level, "plugin", "%s: %s", host->call.method, text);
}

void host_log(struct muster_call_state *host, int level, const char *format, ...)
{
	struct mst_err line;
	va_list args;
	va_start(args, format);
	mst_err_vset(&line, MST_OK, format, args);
	va_end(args);
	send_log(host, level, line.text);
}

int host_stopped(void)
{
	switch (mst_control_state()) {
	case MST_CONTROL_RUN:
		return mst_control_remaining() < 0 ? MST_E_TIMEOUT : MST_OK;
	case MST_CONTROL_CANCELLED:
		return MST_E_CANCELLED;
	default:
		return MST_E_TIMEOUT;
	}
}

static const char *context_word(const struct muster_call_state *host)
{
	static const char *const words[] = {"?", "plan", "run", "import", "check", "a store"};
	if (host->phase == MST_HOST_OPEN)
		return "open";
	if (host->phase == MST_HOST_CLOSE)
		return "close";
	return words[host->context];
}

int host_allow(struct muster_call_state *host, unsigned contexts, const char *service)
{
	if (host->phase == MST_HOST_MAIN && (HOST_IN(host->context) & contexts))
		return MST_OK;
	host_log(host, MST_LOG_ERROR, "the plugin called %s in %s, where it is not allowed", service,
	         context_word(host));
	return MST_E_REFUSED;
}

static void keep_failure(struct muster_call_state *host, const char *text)
{
	struct mst_buf buf;
	mst_buf_init(&buf, HOST_FAIL_TEXT);
	mst_str_utf8_repair(&buf, text, strnlen(text, HOST_FAIL_TEXT + 1), HOST_FAIL_TEXT);
	snprintf(host->fail_text, sizeof host->fail_text, "%s", mst_buf_text(&buf));
	mst_buf_free(&buf);
}

int host_give(struct muster_call_state *host, const char *service, const struct mst_err *err)
{
	host_log(host, err->code == MST_E_CANCELLED ? MST_LOG_DEBUG : MST_LOG_ERROR, "%s: %s", service, err->text);
	if (!*host->fail_text)
		keep_failure(host, err->text);
	return err->code;
}

static int service_fail(const struct muster_call *call, int status, const char *text)
{
	keep_failure(host_of(call), text ? text : "");
	return status;
}

static int service_log(const struct muster_call *call, int level, const char *text)
{
	if (!text || level < MUSTER_LOG_ERROR)
		return MUSTER_E_USAGE;
	send_log(host_of(call), level > MUSTER_LOG_DEBUG ? MST_LOG_DEBUG : level, text);
	return MUSTER_OK;
}

void host_progress_flush(struct muster_call_state *host)
{
	if (host->strain.waiting)
		mst_line_strain(host->line_fd, host->strain.asked, host->strain.lost, host->strain.unsure);
	host->strain.waiting = false;
	if (!host->progress.waiting)
		return;
	host->progress.waiting = false;
	mst_line_progress(host->line_fd, host->progress.done, host->progress.total, host->progress.found,
	                  host->progress.text);
}

/* Too early a call is kept: the last one always arrives, with the next call or at the end. */
static int service_progress(const struct muster_call *call, int64_t done, int64_t total, int64_t found,
                            const char *text)
{
	struct muster_call_state *host = host_of(call);
	int64_t now = mst_time_monotonic();
	host->progress.waiting = true;
	host->progress.done = done;
	host->progress.total = total;
	host->progress.found = found;
	snprintf(host->progress.text, sizeof host->progress.text, "%s", text ? text : "");
	if (now - host->progress_at < HOST_PROGRESS_MS)
		return MUSTER_OK;
	host->progress_at = now;
	host_progress_flush(host);
	return MUSTER_OK;
}

static int service_strain(const struct muster_call *call, int64_t asked, int64_t lost, int64_t unsure)
{
	struct muster_call_state *host = host_of(call);
	if (host_allow(host, HOST_IN(MST_HOST_RUN), "strain") != MST_OK)
		return MUSTER_E_REFUSED;
	if (asked < 0 || lost < 0 || unsure < 0 || lost > asked || unsure > asked)
		return MUSTER_E_USAGE;
	host->strain.waiting = true;
	host->strain.asked = asked;
	host->strain.lost = lost;
	host->strain.unsure = unsure;
	return MUSTER_OK;
}

static int service_cancelled(const struct muster_call *call)
{
	(void)call;
	return host_stopped() != MST_OK;
}

static int64_t service_now(const struct muster_call *call)
{
	(void)call;
	return mst_time_now();
}

static int64_t service_remaining(const struct muster_call *call)
{
	int64_t left = mst_control_remaining();
	(void)call;
	return left > HOST_NO_DEADLINE_MS ? HOST_NO_DEADLINE_MS : left;
}

static const struct muster_host services = {
        .size = sizeof(struct muster_host),
        .abi = MUSTER_ABI_CURRENT,
        .fail = service_fail,
        .log = service_log,
        .progress = service_progress,
        .cancelled = service_cancelled,
        .now = service_now,
        .remaining = service_remaining,
        .option_text = host_option_text,
        .option_int = host_option_int,
        .secret_lease = host_secret_lease,
        .secret_release = host_secret_release,
        .targets = host_targets,
        .known_next = host_known_next,
        .shard = host_shard,
        .scope_begin = host_scope_begin,
        .scope_end = host_scope_end,
        .checkpoint = host_checkpoint,
        .record_begin = host_record_begin,
        .record_text = host_record_text,
        .record_int = host_record_int,
        .record_bool = host_record_bool,
        .record_object = host_record_object,
        .record_array = host_record_array,
        .record_end = host_record_end,
        .record_emit = host_record_emit,
        .record_drop = host_record_drop,
        .child_spawn = host_child_spawn,
        .child_read = host_child_read,
        .child_wait = host_child_wait,
        .child_kill = host_child_kill,
        .has_net_raw = host_has_net_raw,
        .input_read = host_input_read,
        .verdict = host_verdict,
        .strain = service_strain,
};

const struct muster_host *mst_host_services(void)
{
	return &services;
}

/* "" and NULL are the same: not set. */
static int keep_text(char **out, const char *text, struct mst_err *err)
{
	if (!text || !*text)
		return MST_OK;
	*out = mst_str_dup(text);
	return *out ? MST_OK : mst_err_no_memory(err);
}

static int keep_network(struct muster_call_state *host, const struct mst_host_config *config, struct mst_err *err)
{
	int status = keep_text(&host->zone, config->zone, err);
	if (status == MST_OK)
		status = keep_text(&host->interface_name, config->interface_name, err);
	if (status == MST_OK)
		status = keep_text(&host->source_address, config->source_address, err);
	if (status == MST_OK)
		status = keep_text(&host->dns_servers, config->dns_servers, err);
	host->call = (struct muster_call){
	        .size = sizeof host->call,
	        .host = &services,
	        .state = host,
	        .method = host->method->def.name,
	        .zone = host->zone,
	        .interface_name = host->interface_name,
	        .source_address = host->source_address,
	        .dns_servers = host->dns_servers,
	        .max_rate = config->max_rate,
	};
	return status;
}

static int load_options(struct muster_call_state *host, struct json_object *options, struct mst_err *err)
{
	int status = mst_option_set_init(&host->options, &host->method->def, err);
	if (status == MST_OK && options)
		status = mst_option_set_from_json(&host->options, options, err);
	return status;
}

static int load_planned(struct muster_call_state *host, const struct mst_scope *scope, struct mst_err *err)
{
	if (!scope || !scope->addresses)
		return MST_OK;
	host->has_planned = true;
	int status = mst_addr_set_parse(&host->planned, scope->addresses, err);
	if (status == MST_OK && host->context == MST_HOST_RUN)
		status = host_within_rules(host->rules, &host->planned, err);
	return status;
}

int mst_host_new(struct mst_host **out, const struct mst_host_config *config, struct mst_err *err)
{
	*out = NULL;
	struct mst_host *made = calloc(1, sizeof *made);
	if (!made)
		return mst_err_no_memory(err);
	struct muster_call_state *host = &made->state;
	host->context = config->context;
	host->net_raw_promised = config->net_raw_promised;
	host->phase = MST_HOST_OPEN;
	host->method = config->method;
	host->rules = config->rules;
	host->line_fd = config->line_fd;
	host->known_fd = config->known_fd;
	host->input_fd = config->input_fd;
	mst_addr_set_init(&host->planned);
	mst_buf_init(&host->known, MST_MAX_LINE + 4096u);
	int status = keep_network(host, config, err);
	if (status == MST_OK)
		status = load_options(host, config->options, err);
	if (status == MST_OK)
		status = host_secrets_load(host, config->secrets, err);
	if (status == MST_OK)
		status = load_planned(host, config->scope, err);
	if (status == MST_OK && config->segment_fd >= 0)
		status = host_results_open(host, config->segment_fd, err);
	if (status != MST_OK)
		mst_host_free(made);
	else
		*out = made;
	return status;
}

void mst_host_free(struct mst_host *made)
{
	if (!made)
		return;
	struct muster_call_state *host = &made->state;
	host_children_end(host);
	host_secrets_wipe(host);
	mst_option_set_free(&host->options);
	mst_addr_set_free(&host->planned);
	mst_buf_free(&host->known);
	json_object_put(host->shard_ids);
	mst_record_free(host->record);
	if (host->spool)
		mst_spool_writer_free(host->spool);
	free(host->zone);
	free(host->interface_name);
	free(host->source_address);
	free(host->dns_servers);
	free(made);
}

const struct muster_call *mst_host_enter(struct mst_host *made, enum mst_host_phase phase)
{
	struct muster_call_state *host = &made->state;
	host_children_end(host);
	host_secrets_close(host);
	host->phase = phase;
	host->fail_text[0] = '\0';
	return &host->call;
}

const char *mst_host_failure(const struct mst_host *host)
{
	return host->state.fail_text;
}

int64_t mst_host_records(const struct mst_host *host)
{
	return host->state.spool ? mst_spool_records(host->state.spool) - host->state.records_before : 0;
}

/* A plugin that gave up because it was told to has the reason from us, in one wording. */
static int settle(struct muster_call_state *host, int status, struct mst_err *text)
{
	int stopped = host_stopped();
	if (status == MST_OK && host->partial)
		return mst_err_set(text, MST_E_PARTIAL, "%s", host->partial_text);
	if (status == MST_OK)
		return MST_OK;
	if (stopped == MST_E_TIMEOUT && (status == MST_E_CANCELLED || status == MST_E_TIMEOUT))
		return mst_err_set(text, MST_E_TIMEOUT, "the deadline passed");
	if (stopped == MST_E_CANCELLED && status == MST_E_CANCELLED)
		return mst_err_set(text, MST_E_CANCELLED, "stopped on request");
	if (status < MST_E_END || status > 0)
		status = MST_E_FAILED;
	const char *reason = host->fail_text;
	if (!*reason && status == MST_E_PARTIAL)
		reason = host->partial_text;
	return mst_err_set(text, status, "%s", *reason ? reason : "the plugin gave no reason");
}

int mst_host_finish(struct mst_host *made, int status, struct mst_err *text)
{
	struct muster_call_state *host = &made->state;
	mst_err_clear(text);
	host_children_end(host);
	host_progress_flush(host);
	if (host->scope_open) {
		struct mst_err why = {0};
		settle(host, status == MST_OK ? MST_E_PARTIAL : status, &why);
		host_scope_end(&host->call, MUSTER_OUTCOME_PARTIAL,
		               status == MST_OK ? "the plugin left its scope open" : why.text);
	}
	status = settle(host, status, text);
	if (!host->spool)
		return status;
	struct mst_err err = {0};
	int written = host_results_finish(host, status, text->text, &err);
	if (written != MST_OK && (status == MST_OK || status == MST_E_PARTIAL)) {
		*text = err;
		status = written;
	}
	return status;
}
