/* SPDX-License-Identifier: Apache-2.0 */
/* The job: one line of JSON on the control pipe. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "plugin/base64.h"
#include "secret/secret.h"
#include "worker/worker.h"

#define READ_MS     30000
#define JOB_VERSION 1

/* Reads up to the newline and not one byte further: what follows belongs to the control handler. A pipe cannot be looked
 * into, so it goes byte by byte; a job is small and read once. */
static int read_line(int fd, struct mst_secret *line, struct mst_err *err)
{
	int64_t until = mst_time_monotonic() + READ_MS;
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int64_t left = until - mst_time_monotonic();
		if (left <= 0)
			return mst_err_set(err, MST_E_TIMEOUT, "no job came on descriptor %d within %d s", fd,
			                   READ_MS / 1000);
		if (poll(&ready, 1, (int)left) <= 0)
			continue;
		char c;
		ssize_t n = read(fd, &c, 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return mst_err_errno(
			        err, errno,
			        "reading the job from descriptor %d (muster-worker is started by musterd, not by "
			        "hand)",
			        fd);
		if (n == 0)
			return mst_err_set(err, MST_E_CANCELLED, "the job's pipe was closed before the job was whole");
		if (c == '\n')
			return MST_OK;
		if (mst_secret_add(line, &c, 1, "the job", err) != MST_OK)
			return MST_E_LIMIT;
	}
}

int mst_job_read(int fd, struct json_object **out, struct mst_err *err)
{
	/* Secrets are in it: it lies in one place that is zeroed, and the parser leaves no copy behind. */
	struct mst_secret *line = mst_secret_new(MST_MAX_JOB);
	*out = NULL;
	if (!line)
		return mst_err_no_memory(err);
	int status = read_line(fd, line, err);
	if (status == MST_OK)
		status = mst_json_parse_wiped((const char *)mst_secret_data(line), mst_secret_length(line), "job", out,
		                              err);
	if (status == MST_OK && mst_json_int(*out, "worker", 0) != JOB_VERSION) {
		status = mst_err_set(err, MST_E_USAGE,
		                     "the job is of version %lld, this muster-worker speaks %d; restart musterd",
		                     (long long)mst_json_int(*out, "worker", 0), JOB_VERSION);
		json_object_put(*out);
		*out = NULL;
	}
	mst_secret_free(line);
	return status;
}

static int read_rules(struct mst_job *job, const char *key, bool never, struct mst_err *err)
{
	struct json_object *list = mst_json_array(job->json, key);
	size_t count = list ? json_object_array_length(list) : 0;
	if (!list && json_object_object_get_ex(job->json, key, NULL))
		return mst_err_set(err, MST_E_USAGE, "job: %s must be an array", key);
	for (size_t i = 0; i < count; i++) {
		struct json_object *rule = json_object_array_get_idx(list, i);
		const char *text =
		        json_object_is_type(rule, json_type_object) ? mst_json_text(rule, "text", NULL) : NULL;
		if (!text)
			return mst_err_set(err, MST_E_USAGE, "job: %s: entry %zu has no text", key, i + 1);
		int status = mst_rules_add(&job->rules, never, text, mst_json_text(rule, "at", ""), err);
		if (status != MST_OK)
			return status;
	}
	return MST_OK;
}

static int read_bytes(struct mst_job *job, const char *key, size_t max, void **out, size_t *len, struct mst_err *err)
{
	const char *text = mst_json_text(job->json, key, "");
	size_t size = strlen(text);
	if (size == 0)
		return MST_OK;
	if (size > (max + 2) / 3 * 4)
		return mst_err_set(err, MST_E_LIMIT, "job: %s has more than %zu bytes", key, max);
	*out = malloc(mst_base64_room(size));
	if (!*out)
		return mst_err_no_memory(err);
	if (mst_base64_decode(text, size, *out, len) != MST_OK)
		return mst_err_set(err, MST_E_USAGE, "job: %s is not base64", key);
	if (*len > max)
		return mst_err_set(err, MST_E_LIMIT, "job: %s has more than %zu bytes", key, max);
	return MST_OK;
}

static void read_texts(struct mst_job *job)
{
	struct json_object *net = mst_json_object(job->json, "net");
	job->plugin = mst_json_text(job->json, "plugin", "");
	job->method = mst_json_text(job->json, "method", "");
	job->run = mst_json_text(job->json, "run", "");
	job->shard = mst_json_text(job->json, "shard", "");
	job->profile = mst_json_text(job->json, "profile", "");
	job->zone = mst_json_text(job->json, "zone", "");
	job->interface_name = net ? mst_json_text(net, "interface", "") : "";
	job->source_address = net ? mst_json_text(net, "source_address", "") : "";
	job->dns_servers = net ? mst_json_text(net, "dns_servers", "") : "";
	job->max_rate = net ? mst_json_int(net, "max_rate", 0) : 0;
	job->deadline_ms = mst_json_int(job->json, "deadline_ms", 0);
	job->trusted_net_raw = mst_json_bool(job->json, "trusted_net_raw", false);
	job->options = mst_json_object(job->json, "options");
	job->secrets = mst_json_object(job->json, "secrets");
}

static int read_scope(struct mst_job *job, struct mst_err *err)
{
	struct json_object *scope = mst_json_object(job->json, "scope");
	if (!scope || json_object_object_length(scope) == 0)
		return MST_OK;
	int status = mst_scope_from_json(&job->scope, scope, err);
	job->has_scope = status == MST_OK;
	return status;
}

int mst_job_parse(struct json_object *json, struct mst_job *out, struct mst_err *err)
{
	memset(out, 0, sizeof *out);
	out->json = json;
	read_texts(out);
	int status = MST_OK;
	if (out->plugin[0] != '/' || !*out->method)
		status = mst_err_set(err, MST_E_USAGE, "job: \"plugin\" (an absolute path) and \"method\" are needed");
	if (status == MST_OK && (out->max_rate < 0 || out->deadline_ms < 0))
		status = mst_err_set(err, MST_E_USAGE, "job: max_rate and deadline_ms must not be negative");
	if (status == MST_OK)
		status = read_rules(out, "never_scan", true, err);
	if (status == MST_OK)
		status = read_rules(out, "scan_only", false, err);
	if (status == MST_OK)
		status = read_bytes(out, "spec", MST_MAX_SHARD_SPEC, &out->spec, &out->spec_len, err);
	if (status == MST_OK)
		status = read_bytes(out, "checkpoint", MST_MAX_CHECKPOINT, &out->checkpoint, &out->checkpoint_len, err);
	if (status == MST_OK)
		status = read_scope(out, err);
	if (status != MST_OK)
		mst_job_free(out);
	return status;
}

void mst_job_free(struct mst_job *job)
{
	mst_rules_free(&job->rules);
	mst_scope_free(&job->scope);
	free(job->spec);
	free(job->checkpoint);
	json_object_put(job->json);
	memset(job, 0, sizeof *job);
}
