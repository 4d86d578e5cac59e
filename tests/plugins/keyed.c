/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Needs a password and, if it is told to, a token. It knows of the right one only its FNV-1a hash, so that this file and
 * the options can be searched for the value. With `hold` it waits, having given the secret back, until it is stopped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <muster/plugin.h>

static int keyed_open(const struct muster_call *call, void **instance)
{
	(void)call;
	*instance = NULL;
	return MUSTER_OK;
}

static void keyed_close(void *instance, const struct muster_call *call)
{
	(void)instance;
	(void)call;
}

static void fnv1a(const struct muster_bytes *bytes, char out[17])
{
	uint64_t hash = UINT64_C(14695981039346656037);
	for (size_t i = 0; i < bytes->length; i++)
		hash = (hash ^ ((const unsigned char *)bytes->data)[i]) * UINT64_C(1099511628211);
	snprintf(out, 17, "%016" PRIx64, hash);
}

/* As a login would: right or refused. */
static int log_in(const struct muster_call *call)
{
	const char *wanted = call->host->option_text(call, "digest");
	struct muster_bytes bytes;
	char digest[17];
	int status = call->host->secret_lease(call, "password", &bytes);
	if (status != MUSTER_OK)
		return call->host->fail(call, status, "the job has no password");
	fnv1a(&bytes, digest);
	call->host->secret_release(call, "password");
	if (!wanted || strcmp(wanted, digest) != 0)
		return call->host->fail(call, MUSTER_E_REFUSED, "the server refuses the password");
	status = call->host->secret_lease(call, "token", &bytes);
	call->host->log(call, MUSTER_LOG_INFO, status == MUSTER_OK ? "with a token" : "without a token");
	return MUSTER_OK;
}

static int keyed_check(void *instance, const struct muster_call *call)
{
	(void)instance;
	struct muster_verdict verdict = {.size = sizeof verdict, .part = "password", .text = "accepted"};
	int status = log_in(call);
	return status == MUSTER_OK ? call->host->verdict(call, &verdict) : status;
}

static struct muster_scope scope_of_it(void)
{
	return (struct muster_scope){
	        .size = sizeof(struct muster_scope), .facts = MUSTER_FACT_PRESENCE, .namespace_key = "keyed/all"};
}

static int keyed_plan(void *instance, const struct muster_call *call)
{
	(void)instance;
	struct muster_shard shard = {.size = sizeof shard, .id = "s1", .scope = scope_of_it(), .addresses = 1};
	return call->host->shard(call, &shard);
}

static int keyed_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	(void)shard;
	const struct muster_host *host = call->host;
	struct muster_scope scope = scope_of_it();
	int status = log_in(call);
	while (status == MUSTER_OK && host->option_int(call, "hold") && !host->cancelled(call))
		nanosleep(&(struct timespec){0, 20000000}, NULL);
	if (status == MUSTER_OK)
		status = host->scope_begin(call, &scope);
	if (status == MUSTER_OK)
		status = host->record_begin(call, "one");
	if (status == MUSTER_OK)
		status = host->record_text(call, "ip", "192.0.2.77");
	if (status == MUSTER_OK)
		status = host->record_bool(call, "answered", 1);
	if (status == MUSTER_OK)
		status = host->record_int(call, "seen", host->now(call));
	if (status == MUSTER_OK)
		status = host->record_emit(call);
	return status == MUSTER_OK ? host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

static const struct muster_option options[] = {
        {.name = "password", .type = MUSTER_OPTION_SECRET, .flags = MUSTER_OPTION_REQUIRED, .help = "The password."},
        {.name = "token", .type = MUSTER_OPTION_SECRET, .help = "A token."},
        {.name = "digest", .type = MUSTER_OPTION_TEXT, .help = "What the server knows of the password."},
        {.name = "hold", .type = MUSTER_OPTION_BOOL, .default_value = "no", .help = "Wait."},
};
static const struct muster_method methods[] = {
        {.name = "keyed", .summary = "needs a password", .options = MUSTER_ARRAY(options)},
};
static const struct muster_discovery_ops ops = {
        .open = keyed_open, .check = keyed_check, .plan = keyed_plan, .run = keyed_run, .close = keyed_close};
static const struct muster_interface interfaces[] = {{MUSTER_INTERFACE_DISCOVERY, 1, sizeof ops, 0, &ops}};

extern const struct muster_plugin muster_plugin_v1;
__attribute__((visibility("default"))) const struct muster_plugin muster_plugin_v1 = {
        .magic = MUSTER_PLUGIN_MAGIC,
        .size = sizeof(struct muster_plugin),
        .abi_built = MUSTER_ABI_CURRENT,
        .abi_needed = MUSTER_ABI_CURRENT,
        .name = "keyed",
        .version = "1",
        .summary = "a plugin for the tests of secrets",
        .interfaces = MUSTER_ARRAY(interfaces),
        .methods = MUSTER_ARRAY(methods),
};
