/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes, checkpoints and records into the spool segment; verdicts. */
#include <stdio.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "plugin/host_internal.h"
#include "plugin/line.h"

#define RESULTS (HOST_IN(MST_HOST_RUN) | HOST_IN(MST_HOST_READ))

int host_results_open(struct muster_call_state *host, int segment_fd, struct mst_err *err)
{
	int status = mst_spool_writer_new(&host->spool, segment_fd, err);
	if (status != MST_OK)
		return status;
	host->records_before = mst_spool_records(host->spool);
	return mst_record_new(&host->record, err);
}

/* Whom a file does not name it says nothing of, whatever its plugin claims: that is the operator's to state. */
static int write_stated(struct muster_call_state *host, struct mst_err *err)
{
	struct mst_scope scope = {.facts = MUSTER_FACT_PRESENCE};
	struct mst_buf text;
	int32_t number;
	if (mst_spool_records(host->spool) == host->records_before) {
		host_log(host, MST_LOG_WARNING,
		         "no host in the file is up, so it tells no time: it makes nothing lost, whatever it covers");
		return MST_OK;
	}
	mst_buf_init(&text, MST_MAX_SCOPE_TEXT);
	int status = mst_addr_set_text(&host->planned, &text) == MST_OK ? MST_OK : mst_err_no_memory(err);
	scope.addresses = text.data;
	if (status == MST_OK)
		status = mst_spool_write_scope_begin(host->spool, &scope, &number, err);
	if (status == MST_OK)
		status = mst_spool_write_scope_end(host->spool, MUSTER_OUTCOME_COMPLETE, "", err);
	mst_buf_free(&text);
	return status;
}

int host_results_finish(struct muster_call_state *host, int status, const char *text, struct mst_err *err)
{
	int written = MST_OK;
	if (host->context == MST_HOST_READ && host->has_planned && status == MST_OK)
		written = write_stated(host, err);
	if (written == MST_OK)
		written = mst_spool_write_end(host->spool, status, text, err);
	return written == MST_OK ? mst_spool_flush(host->spool, true, err) : written;
}

static int allow_results(struct muster_call_state *host, const char *service)
{
	if (host_allow(host, RESULTS, service) != MST_OK)
		return MUSTER_E_REFUSED;
	if (host->spool)
		return MUSTER_OK;
	host_log(host, MST_LOG_ERROR, "%s: this process was given no segment to write to", service);
	return MUSTER_E_REFUSED;
}

/* A shard claims no more than it was given: what lies outside was planned for another, or for nobody. */
static int check_planned(struct muster_call_state *host, const struct mst_scope *scope, struct mst_err *err)
{
	struct mst_addr_set set;
	if (!scope->addresses || host->context != MST_HOST_RUN)
		return MST_OK;
	mst_addr_set_init(&set);
	int status = mst_addr_set_parse(&set, scope->addresses, err);
	if (status == MST_OK)
		status = host_within_rules(host->rules, &set, err);
	if (status == MST_OK && host->has_planned) {
		if (mst_addr_set_subtract(&set, &host->planned) != MST_OK)
			status = mst_err_no_memory(err);
		else if (set.count > 0)
			status = mst_err_set(err, MST_E_REFUSED,
			                     "the scope holds addresses that the shard's planned scope does not");
	}
	mst_addr_set_free(&set);
	return status;
}

int host_scope_begin(const struct muster_call *call, const struct muster_scope *in)
{
	struct muster_call_state *host = host_of(call);
	struct mst_scope scope;
	struct mst_err err = {0};
	if (allow_results(host, "scope_begin") != MUSTER_OK)
		return MUSTER_E_REFUSED;
	if (host->scope_open) {
		host_log(host, MST_LOG_ERROR, "scope_begin: a scope is open already; end it first");
		return MUSTER_E_REFUSED;
	}
	int status = host_scope_make(in, &scope, &err);
	if (status != MST_OK)
		return host_give(host, "scope_begin", &err);
	if (host->context == MST_HOST_READ)
		scope.facts &= ~MUSTER_FACT_PRESENCE;
	status = check_planned(host, &scope, &err);
	if (status == MST_OK)
		status = mst_spool_write_scope_begin(host->spool, &scope, &host->scope_number, &err);
	mst_scope_free(&scope);
	if (status != MST_OK)
		return host_give(host, "scope_begin", &err);
	host->scope_open = true;
	return MUSTER_OK;
}

static void note_partial(struct muster_call_state *host, int outcome, const char *reason)
{
	if (outcome == MUSTER_OUTCOME_COMPLETE || host->partial >= outcome)
		return;
	host->partial = outcome;
	snprintf(host->partial_text, sizeof host->partial_text, "%s", *reason ? reason : "a scope was not finished");
}

/* So that results can be imported while the work goes on. What is not told now is told with the next scope or the end. */
static void tell_scope(struct muster_call_state *host)
{
	int64_t now = mst_time_monotonic();
	if (host->line_fd < 0 || now - host->scope_at < HOST_PROGRESS_MS)
		return;
	host->scope_at = now;
	(void)mst_line_scope(host->line_fd, mst_spool_size(host->spool));
}

/* Also called by the host itself after the callback, for a scope that was left open. */
int host_scope_end(const struct muster_call *call, int outcome, const char *reason)
{
	struct muster_call_state *host = host_of(call);
	struct mst_err err = {0};
	struct mst_buf text;
	if (!host->scope_open) {
		host_log(host, MST_LOG_ERROR, "scope_end: no scope is open");
		return MUSTER_E_REFUSED;
	}
	if (outcome < MUSTER_OUTCOME_COMPLETE || outcome > MUSTER_OUTCOME_FAILED)
		return MUSTER_E_USAGE;
	if (mst_record_is_open(host->record))
		mst_record_drop(host->record);
	mst_buf_init(&text, HOST_FAIL_TEXT);
	if (reason)
		mst_str_utf8_repair(&text, reason, strnlen(reason, HOST_FAIL_TEXT), HOST_FAIL_TEXT);
	host->scope_open = false;
	note_partial(host, outcome, mst_buf_text(&text));
	int status = mst_spool_write_scope_end(host->spool, outcome, mst_buf_text(&text), &err);
	mst_buf_free(&text);
	if (status == MST_OK)
		status = mst_spool_flush(host->spool, false, &err);
	if (status == MST_OK)
		tell_scope(host);
	return status == MST_OK ? MUSTER_OK : host_give(host, "scope_end", &err);
}

int host_checkpoint(const struct muster_call *call, struct muster_bytes state)
{
	struct muster_call_state *host = host_of(call);
	struct mst_err err = {0};
	if (allow_results(host, "checkpoint") != MUSTER_OK)
		return MUSTER_E_REFUSED;
	if (state.length > MST_MAX_CHECKPOINT)
		return MUSTER_E_LIMIT;
	int status = mst_spool_write_checkpoint(host->spool, state.data, state.length, &err);
	if (status == MST_OK)
		status = mst_spool_flush(host->spool, false, &err);
	return status == MST_OK ? MUSTER_OK : host_give(host, "checkpoint", &err);
}

int host_record_begin(const struct muster_call *call, const char *source_key)
{
	struct muster_call_state *host = host_of(call);
	struct mst_err err = {0};
	if (allow_results(host, "record_begin") != MUSTER_OK)
		return MUSTER_E_REFUSED;
	if (!host->scope_open) {
		host_log(host, MST_LOG_ERROR, "record_begin: no scope is open; call scope_begin first");
		return MUSTER_E_REFUSED;
	}
	int status = mst_record_begin(host->record, source_key, &err);
	return status == MST_OK ? MUSTER_OK : host_give(host, "record_begin", &err);
}

/* The answer to a call that builds: what failed is logged, the record stays as it was. */
static int answer(struct muster_call_state *host, const char *service, int status, const struct mst_err *err)
{
	return status == MST_OK ? MUSTER_OK : host_give(host, service, err);
}

/* These are called millions of times: an error of two kilobytes on the stack costs more than the call does. */
#define BUILD(service, call_record)                                                                                    \
	struct muster_call_state *host = host_of(call);                                                                \
	struct mst_err *err = &host->record_err;                                                                       \
	if (!host->record || !mst_record_is_open(host->record)) {                                                      \
		host_log(host, MST_LOG_ERROR, service ": no record is open");                                          \
		return MUSTER_E_REFUSED;                                                                               \
	}                                                                                                              \
	return answer(host, service, call_record, err)

int host_record_text(const struct muster_call *call, const char *key, const char *value)
{
	BUILD("record_text", mst_record_text(host->record, key, value, err));
}

int host_record_int(const struct muster_call *call, const char *key, int64_t value)
{
	BUILD("record_int", mst_record_int(host->record, key, value, err));
}

int host_record_bool(const struct muster_call *call, const char *key, int value)
{
	BUILD("record_bool", mst_record_bool(host->record, key, value != 0, err));
}

int host_record_object(const struct muster_call *call, const char *key)
{
	BUILD("record_object", mst_record_object(host->record, key, err));
}

int host_record_array(const struct muster_call *call, const char *key)
{
	BUILD("record_array", mst_record_array(host->record, key, err));
}

int host_record_end(const struct muster_call *call)
{
	BUILD("record_end", mst_record_end(host->record, err));
}

static int emit(struct muster_call_state *host, struct mst_err *err)
{
	const bson_t *record;
	int status = mst_record_finish(host->record, host->scope_number, &record, err);
	return status == MST_OK ? mst_spool_write_record(host->spool, record, err) : status;
}

int host_record_emit(const struct muster_call *call)
{
	BUILD("record_emit", emit(host, err));
}

int host_record_drop(const struct muster_call *call)
{
	struct muster_call_state *host = host_of(call);
	if (!host->record || !mst_record_is_open(host->record))
		return MUSTER_E_REFUSED;
	mst_record_drop(host->record);
	return MUSTER_OK;
}

int host_verdict(const struct muster_call *call, const struct muster_verdict *in)
{
	struct muster_call_state *host = host_of(call);
	struct muster_verdict verdict;
	if (host_allow(host, HOST_IN(MST_HOST_CHECK), "verdict") != MST_OK)
		return MUSTER_E_REFUSED;
	host_copy_struct(&verdict, sizeof verdict, in, in->size);
	return mst_line_verdict(host->line_fd, verdict.part ? verdict.part : "", verdict.status,
	                        verdict.text ? verdict.text : "");
}
