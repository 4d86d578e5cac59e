/* SPDX-License-Identifier: Apache-2.0 */
/* A well-behaved discovery plugin in pieces. Each hostile plugin takes it and spoils one. */
#ifndef TESTS_PLUGINS_HOSTILE_H
#define TESTS_PLUGINS_HOSTILE_H

#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define UNUSED    __attribute__((unused))
#define ADDRESSES "192.0.2.0/30"

UNUSED static int good_open(const struct muster_call *call, void **instance)
{
	(void)call;
	*instance = NULL;
	return MUSTER_OK;
}

UNUSED static void good_close(void *instance, const struct muster_call *call)
{
	(void)instance;
	(void)call;
}

UNUSED static struct muster_scope good_scope(void)
{
	struct muster_scope scope = {.size = sizeof scope, .facts = MUSTER_FACT_PRESENCE, .addresses = ADDRESSES};
	return scope;
}

UNUSED static int good_shard(const struct muster_call *call, const char *id)
{
	struct muster_shard shard = {.size = sizeof shard, .id = id, .scope = good_scope(), .addresses = 4};
	return call->host->shard(call, &shard);
}

UNUSED static int good_plan(void *instance, const struct muster_call *call)
{
	(void)instance;
	return good_shard(call, "s1");
}

/* One record inside an open scope; `filler` makes it longer. */
UNUSED static int good_record(const struct muster_call *call, const char *key, const char *filler)
{
	const struct muster_host *host = call->host;
	int status = host->record_begin(call, key);
	if (status == MUSTER_OK)
		status = host->record_text(call, "ip", "192.0.2.1");
	if (status == MUSTER_OK && filler)
		status = host->record_text(call, "filler", filler);
	if (status == MUSTER_OK)
		status = host->record_int(call, "seen", host->now(call));
	if (status == MUSTER_OK)
		return host->record_emit(call);
	host->record_drop(call);
	return status;
}

UNUSED static int good_begin(const struct muster_call *call)
{
	struct muster_scope scope = good_scope();
	return call->host->scope_begin(call, &scope);
}

UNUSED static int good_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	(void)shard;
	int status = good_begin(call);
	if (status == MUSTER_OK)
		status = good_record(call, "192.0.2.1", NULL);
	return status == MUSTER_OK ? call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

/* Waits without looking at anything; the compiler cannot take it away. */
UNUSED static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

UNUSED static void crash(void)
{
	volatile int *volatile nowhere = NULL;
	*nowhere = 1;
}

UNUSED static const struct muster_method hostile_methods[] = {{.name = "hostile", .summary = "misbehaves"}};

/* The descriptor, as `name` says it. */
#define DESCRIPTOR(plugin_name, plugin_magic, plugin_size, plugin_abi, ops)                                            \
	static const struct muster_interface interfaces[] = {{MUSTER_INTERFACE_DISCOVERY, 1, sizeof(ops), 0, &(ops)}}; \
	extern const struct muster_plugin muster_plugin_v1;                                                            \
	__attribute__((visibility("default"))) const struct muster_plugin muster_plugin_v1 = {                         \
	        .magic = plugin_magic,                                                                                 \
	        .size = plugin_size,                                                                                   \
	        .abi_built = plugin_abi,                                                                               \
	        .abi_needed = plugin_abi,                                                                              \
	        .name = plugin_name,                                                                                   \
	        .version = "1",                                                                                        \
	        .summary = "misbehaves",                                                                               \
	        .interfaces = MUSTER_ARRAY(interfaces),                                                                \
	        .methods = MUSTER_ARRAY(hostile_methods),                                                              \
	}

/* A plugin with a good descriptor and these four functions. */
#define HOSTILE(plugin_name, open_fn, plan_fn, run_fn)                                                                 \
	static const struct muster_discovery_ops hostile_ops = {                                                       \
	        .open = open_fn, .plan = plan_fn, .run = run_fn, .close = good_close};                                 \
	DESCRIPTOR(plugin_name, MUSTER_PLUGIN_MAGIC, sizeof(struct muster_plugin), MUSTER_ABI_CURRENT, hostile_ops)

#endif
