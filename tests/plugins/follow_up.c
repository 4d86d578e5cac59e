/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does nothing wrong: a shard that finds out what else there is to do. The plan knows "a" alone, which announces "b1" and "b2";
 * "b1" announces "c". "b2" comes to its end at the second try only, by its checkpoint.
 */
#include "hostile.h"

static int announce(const struct muster_call *call, const char *id, const char *addresses)
{
	struct muster_shard shard = {
	        .size = sizeof shard,
	        .id = id,
	        .spec = {addresses, strlen(addresses)},
	        .addresses = 1,
	        .scope = {.size = sizeof shard.scope, .facts = MUSTER_FACT_PRESENCE, .addresses = addresses}};
	return call->host->shard(call, &shard);
}

static int chain_plan(void *instance, const struct muster_call *call)
{
	(void)instance;
	return announce(call, "a", "10.0.0.1");
}

static int find(const struct muster_call *call, const char *address)
{
	const struct muster_host *to = call->host;
	int status = to->record_begin(call, address);
	if (status != MUSTER_OK)
		return status;
	to->record_text(call, "ip", address);
	to->record_int(call, "seen", to->now(call));
	return to->record_emit(call);
}

static int follow(const struct muster_call *call, const char *id)
{
	int status = MUSTER_OK;
	if (strcmp(id, "a") == 0) {
		status = announce(call, "b1", "10.0.0.2");
		if (status == MUSTER_OK)
			status = announce(call, "b2", "10.0.0.3");
	} else if (strcmp(id, "b1") == 0) {
		status = announce(call, "c", "10.0.0.4");
	}
	return status;
}

static int chain_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	char address[40];
	snprintf(address, sizeof address, "%.*s", (int)shard->spec.length, (const char *)shard->spec.data);
	struct muster_scope scope = {.size = sizeof scope, .facts = MUSTER_FACT_PRESENCE, .addresses = address};
	int status = call->host->scope_begin(call, &scope);
	if (status == MUSTER_OK)
		status = follow(call, shard->id);
	if (status == MUSTER_OK && strcmp(shard->id, "b2") == 0 && shard->checkpoint.length == 0) {
		status = call->host->checkpoint(call, (struct muster_bytes){"1", 1});
		return status == MUSTER_OK ? call->host->scope_end(call, MUSTER_OUTCOME_PARTIAL, "not at once")
		                           : status;
	}
	if (status == MUSTER_OK)
		status = find(call, address);
	return status == MUSTER_OK ? call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

static const struct muster_method methods[] = {{.name = "chain", .summary = "shards that follow from shards"}};
static const struct muster_discovery_ops ops = {
        .open = good_open, .plan = chain_plan, .run = chain_run, .close = good_close};
static const struct muster_interface interfaces[] = {{MUSTER_INTERFACE_DISCOVERY, 1, sizeof ops, 0, &ops}};

extern const struct muster_plugin muster_plugin_v1;
__attribute__((visibility("default"))) const struct muster_plugin muster_plugin_v1 = {
        .magic = MUSTER_PLUGIN_MAGIC,
        .size = sizeof(struct muster_plugin),
        .abi_built = MUSTER_ABI_CURRENT,
        .abi_needed = MUSTER_ABI_CURRENT,
        .name = "follow_up",
        .version = "1",
        .summary = "shards that follow from shards",
        .interfaces = MUSTER_ARRAY(interfaces),
        .methods = MUSTER_ARRAY(methods),
};
