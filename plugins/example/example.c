/* SPDX-License-Identifier: Apache-2.0 */
/*
 * example - a complete Muster plugin to start your own from.
 *
 * It reports the addresses of this machine's own network interfaces and sends nothing. Copy the directory, rename the
 * file, the methods and the two names in the descriptor, and replace what run() does. See doc/plugins.md.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <muster/plugin.h>

/* The address of one entry as text; false for entries that are not to be reported. */
static bool address_of(const struct muster_call *call, const struct ifaddrs *entry, char text[INET6_ADDRSTRLEN])
{
	if (!entry->ifa_addr || ((entry->ifa_flags & IFF_LOOPBACK) && !call->host->option_int(call, "loopback")))
		return false;
	if (entry->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)entry->ifa_addr;
		return inet_ntop(AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN) != NULL;
	}
	if (entry->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)entry->ifa_addr;
		/* A link-local address says nothing outside its link. */
		bool local = IN6_IS_ADDR_LINKLOCAL(&in->sin6_addr);
		return !local && inet_ntop(AF_INET6, &in->sin6_addr, text, INET6_ADDRSTRLEN) != NULL;
	}
	return false;
}

/* The hardware address of the interface `name`; false when it has none, as loopback. */
static bool mac_of(const struct ifaddrs *list, const char *name, char text[18])
{
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
		if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_PACKET || strcmp(entry->ifa_name, name) != 0)
			continue;
		const struct sockaddr_ll *link = (const void *)entry->ifa_addr;
		const unsigned char *mac = link->sll_addr;
		if (link->sll_halen != 6 || (entry->ifa_flags & IFF_LOOPBACK))
			return false;
		snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
		return true;
	}
	return false;
}

/* One record. Host services answer a negative status and have then recorded why: pass it up. */
static int emit(const struct muster_call *call, const struct ifaddrs *list, const char *name, const char *address)
{
	const struct muster_host *host = call->host;
	char mac[18];
	int status = host->record_begin(call, address);
	if (status == MUSTER_OK)
		status = host->record_text(call, "ip", address);
	if (status == MUSTER_OK && mac_of(list, name, mac))
		status = host->record_text(call, "mac", mac);
	if (status == MUSTER_OK)
		status = host->record_text(call, "interface", name);
	if (status == MUSTER_OK)
		status = host->record_bool(call, "answered", 1);
	if (status == MUSTER_OK)
		status = host->record_int(call, "seen", host->now(call));
	return status == MUSTER_OK ? host->record_emit(call) : status;
}

/* No state of its own: open has nothing to allocate (*instance may stay NULL), close nothing to free. */
static int example_open(const struct muster_call *call, void **instance)
{
	(void)call;
	(void)instance;
	return MUSTER_OK;
}

static void example_close(void *instance, const struct muster_call *call)
{
	(void)instance;
	(void)call;
}

/* One shard. Its scope is a namespace of its own: what it does not report is gone from this machine. */
static struct muster_scope own_scope(void)
{
	return (struct muster_scope){.size = sizeof(struct muster_scope),
	                             .facts = MUSTER_FACT_PRESENCE | MUSTER_FACT_MAC,
	                             .namespace_key = "example/own-interfaces"};
}

static int example_plan(void *instance, const struct muster_call *call)
{
	(void)instance;
	struct muster_shard shard = {.size = sizeof shard, .id = "own", .scope = own_scope(), .addresses = 1};
	shard.command = "ip address show"; /* what an operator would type for the same */
	return call->host->shard(call, &shard);
}

static int example_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	(void)shard;
	struct ifaddrs *list;
	struct muster_scope scope = own_scope();
	if (getifaddrs(&list) != 0)
		return call->host->fail(call, MUSTER_E_FAILED, strerror(errno));
	int status = call->host->scope_begin(call, &scope);
	for (const struct ifaddrs *entry = list; entry && status == MUSTER_OK; entry = entry->ifa_next) {
		char address[INET6_ADDRSTRLEN];
		/* Longer work looks here at least every second; returning with the scope open leaves it partial. */
		if (call->host->cancelled(call))
			status = MUSTER_E_CANCELLED;
		else if (address_of(call, entry, address))
			status = emit(call, list, entry->ifa_name, address);
	}
	freeifaddrs(list);
	return status == MUSTER_OK ? call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

static const struct muster_option options[] = {
        {"loopback", MUSTER_OPTION_BOOL, 0, "no", "Report loopback addresses as well.", NULL, 0, 0, NULL},
};
static const struct muster_field fields[] = {
        {"interface", "Interface", MUSTER_FIELD_TEXT, 0, "Name of the interface on this machine"},
};
static const struct muster_method methods[] = {
        {"example", "addresses of this machine's own interfaces (sends nothing)", 0, MUSTER_ARRAY(options),
         MUSTER_NO_ARRAY, MUSTER_ARRAY(fields), MUSTER_NO_ARRAY, MUSTER_NO_ARRAY},
};
static const struct muster_discovery_ops ops = {
        .open = example_open, .plan = example_plan, .run = example_run, .close = example_close};
static const struct muster_interface interfaces[] = {{MUSTER_INTERFACE_DISCOVERY, 1, sizeof ops, 0, &ops}};

/* The only symbol that a plugin exports. */
extern const struct muster_plugin muster_plugin_v1;
__attribute__((visibility("default"))) const struct muster_plugin muster_plugin_v1 = {
        .magic = MUSTER_PLUGIN_MAGIC,
        .size = sizeof(struct muster_plugin),
        .abi_built = MUSTER_ABI_CURRENT,
        .abi_needed = MUSTER_ABI_CURRENT,
        .name = "example",
        .version = PLUGIN_VERSION,
        .summary = "a template for plugins",
        .interfaces = MUSTER_ARRAY(interfaces),
        .methods = MUSTER_ARRAY(methods),
};
