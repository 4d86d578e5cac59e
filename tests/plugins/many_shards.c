/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does nothing wrong, slowly and in many shards, and always the same: the tests that kill processes compare stores.
 * `turn` says what has changed since the last scan.
 */
#include "hostile.h"

enum { HOSTS = 16 };

/* The text of one host's address, 10.X.Y.Z; `moved` ones have another address in the second turn. */
static void address_of(char text[40], unsigned shard, unsigned host, unsigned turn)
{
	unsigned moved = turn && host % 7 == 3 ? 8 : 0;
	snprintf(text, 40, "10.%u.%u.%u", shard >> 8, shard & 255, host % 8 + moved + (host < 8 ? 0 : 16));
}

static void scope_of(struct muster_scope *scope, char text[40], unsigned shard)
{
	snprintf(text, 40, "10.%u.%u.0/27", shard >> 8, shard & 255);
	*scope = (struct muster_scope){.size = sizeof *scope,
	                               .facts = MUSTER_FACT_PRESENCE | MUSTER_FACT_MAC | MUSTER_FACT_NAMES,
	                               .addresses = text,
	                               .tcp_ports = "22,80"};
}

static int roll_plan(void *instance, const struct muster_call *call)
{
	(void)instance;
	int status = MUSTER_OK;
	for (unsigned i = 0; status == MUSTER_OK && i < (unsigned)call->host->option_int(call, "shards"); i++) {
		char id[16], text[40];
		struct muster_shard shard = {.size = sizeof shard, .id = id, .addresses = 32};
		shard.parallel = (uint32_t)call->host->option_int(call, "parallel");
		snprintf(id, sizeof id, "s%04u", i);
		scope_of(&shard.scope, text, i);
		status = call->host->shard(call, &shard);
	}
	return status;
}

static int put_ports(const struct muster_call *call, unsigned host, unsigned turn)
{
	const struct muster_host *to = call->host;
	to->record_array(call, "ports");
	to->record_object(call, NULL);
	to->record_text(call, "proto", "tcp");
	to->record_text(call, "state", "open");
	to->record_array(call, "ports");
	to->record_int(call, NULL, 22);
	if ((host + turn) % 3)
		to->record_int(call, NULL, 80);
	to->record_end(call);
	to->record_end(call);
	return to->record_end(call);
}

static int put_host(const struct muster_call *call, unsigned shard, unsigned host, unsigned turn)
{
	const struct muster_host *to = call->host;
	char ip[40], text[40];
	address_of(ip, shard, host, turn);
	int status = to->record_begin(call, ip);
	if (status != MUSTER_OK)
		return status;
	to->record_text(call, "ip", ip);
	if (host % 2) {
		snprintf(text, sizeof text, "3c:22:fb:%02x:%02x:%02x", shard >> 8, shard & 255, host);
		to->record_text(call, "mac", text);
	}
	/* A fixed time: what the store says must not depend on when it was killed. */
	to->record_int(call, "seen", 1763000000000 + (int64_t)turn * 3600000 + shard * 100 + host);
	status = put_ports(call, host, turn);
	return status == MUSTER_OK ? to->record_emit(call) : status;
}

static int roll_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	unsigned number = (unsigned)strtoul(shard->id + 1, NULL, 10);
	unsigned turn = (unsigned)call->host->option_int(call, "turn");
	char text[40];
	struct muster_scope scope;
	scope_of(&scope, text, number);
	int status = call->host->scope_begin(call, &scope);
	for (unsigned next = 0; status == MUSTER_OK && next < HOSTS; next++) {
		if (call->host->cancelled(call))
			return MUSTER_E_CANCELLED;
		pause_ms(2);
		if ((number + next + turn) % 11)
			status = put_host(call, number, next, turn);
	}
	call->host->strain(call, HOSTS, call->host->option_int(call, "lost"), 0);
	return status == MUSTER_OK ? call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

static const struct muster_option options[] = {
        {"shards", MUSTER_OPTION_INT, 0, "10", "How many.", NULL, 1, 4096, NULL},
        {"parallel", MUSTER_OPTION_INT, 0, "4", "How many side by side.", NULL, 1, 64, NULL},
        {"lost", MUSTER_OPTION_INT, 0, "0", "Hosts of each shard that answered too little.", NULL, 0, HOSTS, NULL},
        {"turn", MUSTER_OPTION_INT, 0, "0", "What has changed.", NULL, 0, 1000, NULL},
};
static const struct muster_method methods[] = {
        {.name = "roll", .summary = "many shards", .options = MUSTER_ARRAY(options)}};
static const struct muster_discovery_ops ops = {
        .open = good_open, .plan = roll_plan, .run = roll_run, .close = good_close};
static const struct muster_interface interfaces[] = {{MUSTER_INTERFACE_DISCOVERY, 1, sizeof ops, 0, &ops}};

extern const struct muster_plugin muster_plugin_v1;
__attribute__((visibility("default"))) const struct muster_plugin muster_plugin_v1 = {
        .magic = MUSTER_PLUGIN_MAGIC,
        .size = sizeof(struct muster_plugin),
        .abi_built = MUSTER_ABI_CURRENT,
        .abi_needed = MUSTER_ABI_CURRENT,
        .name = "many_shards",
        .version = "1",
        .summary = "many shards",
        .interfaces = MUSTER_ARRAY(interfaces),
        .methods = MUSTER_ARRAY(methods),
};
