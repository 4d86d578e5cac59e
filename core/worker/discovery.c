/* SPDX-License-Identifier: Apache-2.0 */
/* plan, run, read, check: one callback of one discovery plugin. */
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "plugin/control.h"
#include "plugin/gate.h"
#include "plugin/host.h"
#include "plugin/line.h"
#include "worker/worker.h"

struct work {
	enum mst_host_context context;
	struct mst_job job;
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	struct mst_host *host;
};

static enum mst_host_context context_of(const char *word)
{
	if (strcmp(word, "plan") == 0)
		return MST_HOST_PLAN;
	if (strcmp(word, "run") == 0)
		return MST_HOST_RUN;
	return strcmp(word, "read") == 0 ? MST_HOST_READ : MST_HOST_CHECK;
}

static const struct mst_method *find_method(const struct work *work)
{
	for (size_t i = 0; i < work->manifest.method_count; i++)
		if (strcmp(work->manifest.methods[i].def.name, work->job.method) == 0)
			return &work->manifest.methods[i];
	return NULL;
}

static int make_host(struct work *work, struct mst_err *err)
{
	const struct mst_job *job = &work->job;
	const struct mst_method *method = find_method(work);
	if (!method || !work->tables.has_discovery)
		return mst_err_set(err, MST_E_NOT_FOUND, "the plugin %s has no discovery method \"%.64s\"",
		                   work->manifest.name, job->method);
	/* The operator trusts the plugin with it; the method has to ask for it as well. */
	if (job->trusted_net_raw && !(method->def.wants & MUSTER_WANTS_NET_RAW)) {
		int status = mst_ritual_capabilities(false, err);
		if (status != MST_OK)
			return status;
	}
	struct mst_host_config config = {
	        .context = work->context,
	        .method = method,
	        .options = job->options,
	        .secrets = job->secrets,
	        .rules = &job->rules,
	        .scope = job->has_scope ? &job->scope : NULL,
	        .zone = job->zone,
	        .interface_name = job->interface_name,
	        .source_address = job->source_address,
	        .dns_servers = job->dns_servers,
	        .max_rate = job->max_rate,
	        .net_raw_promised = job->trusted_net_raw && (method->def.wants & MUSTER_WANTS_NET_RAW),
	        .line_fd = MST_WORKER_LINE_FD,
	        .segment_fd = work->context == MST_HOST_RUN || work->context == MST_HOST_READ ? MST_WORKER_DATA_FD : -1,
	        .known_fd = work->context == MST_HOST_PLAN ? MST_WORKER_DATA_FD : -1,
	        .input_fd = work->context == MST_HOST_READ ? MST_WORKER_INPUT_FD : -1,
	};
	return mst_host_new(&work->host, &config, err);
}

static int call_run(struct work *work, void *instance, const struct muster_call *call)
{
	const struct mst_job *job = &work->job;
	struct muster_shard shard = {
	        .size = sizeof shard,
	        .id = job->shard,
	        .spec = {job->spec, job->spec_len},
	        .scope =
	                {
	                        .size = sizeof shard.scope,
	                        .facts = job->scope.facts,
	                        .addresses = job->scope.addresses,
	                        .tcp_ports = job->scope.tcp_ports,
	                        .udp_ports = job->scope.udp_ports,
	                        .namespace_key = job->scope.namespace_key,
	                },
	        .checkpoint = {job->checkpoint, job->checkpoint_len},
	};
	return work->tables.discovery.run(instance, call, &shard);
}

static int call_main(struct work *work, void *instance)
{
	const struct muster_call *call = mst_host_enter(work->host, MST_HOST_MAIN);
	switch (work->context) {
	case MST_HOST_PLAN:
		return work->tables.discovery.plan(instance, call);
	case MST_HOST_RUN:
		return call_run(work, instance, call);
	case MST_HOST_READ:
		return work->tables.discovery.import(instance, call);
	default:
		return work->tables.discovery.check(instance, call);
	}
}

/* The segment is finished before close: what close does wrong costs nothing that was found. */
static int call_plugin(struct work *work, struct mst_err *end)
{
	void *instance = NULL;
	int status = work->tables.discovery.open(mst_host_enter(work->host, MST_HOST_OPEN), &instance);
	bool opened = status == MST_OK;
	if (opened)
		status = call_main(work, instance);
	status = mst_host_finish(work->host, status, end);
	if (opened)
		work->tables.discovery.close(instance, mst_host_enter(work->host, MST_HOST_CLOSE));
	return status;
}

/* What plugins and their libraries print is no part of any result, but it helps whoever looks for a fault. */
static void log_output(void)
{
	char text[MST_MAX_LOG_TEXT];
	size_t len = mst_ritual_output(text, sizeof text);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	for (char *at = text; *at;) {
		char *end = strchr(at, '\n');
		if (end)
			*end = '\0';
		mst_log(MST_LOG_WARNING, "worker", "the plugin printed: %s", at);
		at = end ? end + 1 : at + strlen(at);
	}
}

static void on_log(void *data, int level, const char *room, const char *line)
{
	(void)data;
	(void)room;
	mst_line_log(MST_WORKER_LINE_FD, level, line);
}

static int start(struct work *work, struct mst_ritual *ritual, struct mst_err *err)
{
	struct json_object *json;
	int status = mst_job_read(MST_WORKER_JOB_FD, &json, err);
	if (status == MST_OK)
		status = mst_job_parse(json, &work->job, err);
	if (status != MST_OK)
		return status;
	ritual->deadline_ms = work->job.deadline_ms;
	ritual->net_raw = work->job.trusted_net_raw;
	status = mst_control_start(MST_WORKER_JOB_FD, MST_WORKER_LINE_FD, work->job.deadline_ms, err);
	if (status == MST_OK)
		status = mst_ritual_second(ritual, err);
	return status;
}

static int work_on(struct work *work, struct mst_err *err)
{
	int status = mst_plugin_load(work->job.plugin, &work->tables, &work->manifest, err);
	if (status != MST_OK)
		return status;
	mst_line_hello(MST_WORKER_LINE_FD, work->tables.name, work->tables.version);
	status = make_host(work, err);
	return status == MST_OK ? call_plugin(work, err) : status;
}

int mst_worker_discovery(int argc, char **argv)
{
	struct work work = {.context = context_of(argv[0])};
	struct mst_ritual ritual = {.pipes = true};
	struct mst_err err = {0};
	(void)argc;
	mst_ritual_first(&ritual);
	mst_log_set_sink(on_log, NULL);
	int status = start(&work, &ritual, &err);
	if (status == MST_OK)
		status = work_on(&work, &err);
	int64_t records = work.host && work.context != MST_HOST_PLAN && work.context != MST_HOST_CHECK
	                          ? mst_host_records(work.host)
	                          : -1;
	mst_host_free(work.host);
	log_output();
	mst_line_end(MST_WORKER_LINE_FD, status, status == MST_OK ? "" : err.text, records);
	mst_manifest_free(&work.manifest);
	mst_job_free(&work.job);
	return status;
}
