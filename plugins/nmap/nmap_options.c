/* SPDX-License-Identifier: Apache-2.0 */
/* Options of one profile. The host has checked their types; what Nmap would misread is checked here again. */
#include "nmap.h"

#include <stdlib.h>
#include <string.h>

static const char *text_option(const struct muster_call *call, const char *name)
{
	const char *text = call->host->option_text(call, name);
	return text && *text ? text : NULL;
}

/* The operator may write blanks in lists, Nmap would take them for the end of one. NULL for NULL or without memory. */
static const char *without_blanks(struct nmap_options *out, const char *text)
{
	char *copy = text ? nmap_arena_alloc(&out->store, strlen(text) + 1) : NULL;
	char *at = copy;
	for (; copy && *text; text++)
		if (*text != ' ' && *text != '\t')
			*at++ = *text;
	return copy;
}

static int flag(const struct muster_call *call, const char *name)
{
	return call->host->option_int(call, name) != 0;
}

int nmap_top_ports(const char *ports)
{
	if (!ports || strncmp(ports, "top-", 4) != 0)
		return 0;
	int64_t count = nmap_number(ports + 4, 65535);
	return count > 0 ? (int)count : 0;
}

int nmap_discovery_only(const struct nmap_options *options)
{
	return !options->ports && !options->udp_ports;
}

uint32_t nmap_facts(const struct nmap_options *options, int os)
{
	/* No MUSTER_FACT_MAC: Nmap sees a MAC on its own link only, so that none was seen proves nothing. */
	uint32_t facts = MUSTER_FACT_PRESENCE;
	if (os)
		facts |= MUSTER_FACT_OS;
	if (options->service_versions)
		facts |= MUSTER_FACT_SERVICES;
	if (options->scripts)
		facts |= MUSTER_FACT_SCRIPTS;
	if (options->dns)
		facts |= MUSTER_FACT_NAMES;
	return facts;
}

static int read_ports(const struct muster_call *call, struct nmap_options *options, const char *name, const char **out)
{
	const char *text = without_blanks(options, text_option(call, name));
	if (text && strcmp(text, "none") == 0)
		text = NULL;
	if (text && nmap_top_ports(text) == 0 && nmap_ports_count(text) < 0)
		return nmap_fail(call, MUSTER_E_USAGE, "%s = \"%.80s\": write 22,80,8000-8100, top-1000 or none", name,
		                 text);
	*out = text;
	return MUSTER_OK;
}

/* What Linux allows in a name that Nmap takes: no blanks, no leading dash, at most 15 bytes. */
static int is_interface(const char *name)
{
	size_t len = strlen(name);
	if (len == 0 || len > 15 || name[0] == '-' || name[0] == '.')
		return 0;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@-") == len;
}

static int is_address_list(const char *list)
{
	char item[64], canonical[64];
	for (;;) {
		size_t len = strcspn(list, ",");
		if (len == 0 || len >= sizeof(item))
			return 0;
		memcpy(item, list, len);
		item[len] = '\0';
		if (nmap_address(item, canonical, sizeof(canonical)) == 0)
			return 0;
		if (list[len] == '\0')
			return 1;
		list += len + 1;
	}
}

static int read_network(const struct muster_call *call, struct nmap_options *out)
{
	const char *text = text_option(call, "interface");
	out->interface_name = text ? text : call->interface_name;
	text = text_option(call, "source_address");
	out->source_address = without_blanks(out, text ? text : call->source_address);
	text = text_option(call, "dns_servers");
	out->dns_servers = without_blanks(out, text ? text : call->dns_servers);
	char canonical[64];
	if (out->interface_name && !is_interface(out->interface_name))
		return nmap_fail(call, MUSTER_E_USAGE,
		                 "interface = \"%.40s\": this is no name of a network interface (see: ip -br link)",
		                 out->interface_name);
	if (out->source_address && nmap_address(out->source_address, canonical, sizeof(canonical)) == 0)
		return nmap_fail(call, MUSTER_E_USAGE, "source_address = \"%.60s\": write one address of this machine",
		                 out->source_address);
	if (out->dns_servers && !is_address_list(out->dns_servers))
		return nmap_fail(call, MUSTER_E_USAGE, "dns_servers = \"%.60s\": write addresses, comma-separated",
		                 out->dns_servers);
	out->max_rate = call->host->option_int(call, "max_rate");
	if (call->max_rate > 0 && (out->max_rate <= 0 || call->max_rate < out->max_rate))
		out->max_rate = call->max_rate;
	return MUSTER_OK;
}

static int read_timing(const struct muster_call *call, struct nmap_options *out)
{
	static const char *const names[] = {"paranoid", "sneaky", "polite", "normal", "aggressive", "insane"};
	const char *text = text_option(call, "timing");
	out->timing = text ? -1 : 3;
	for (int i = 0; text && i < 6; i++)
		if (strcmp(text, names[i]) == 0)
			out->timing = i;
	if (out->timing < 0)
		return nmap_fail(call, MUSTER_E_USAGE,
		                 "timing = \"%.40s\": paranoid, sneaky, polite, normal, aggressive or insane", text);
	out->host_timeout = call->host->option_int(call, "host_timeout");
	int64_t port = call->host->option_int(call, "source_port");
	if (port < 0 || port > 65535)
		return nmap_fail(call, MUSTER_E_USAGE, "source_port = %lld: 0 (none) to 65535", (long long)port);
	out->source_port = (int)port;
	int64_t parallel = call->host->option_int(call, "parallel");
	out->parallel = parallel < 1 ? 1 : parallel > 64 ? 64 : (int)parallel;
	return MUSTER_OK;
}

/* A system can only be told from TCP ports scanned with raw sockets. */
static void read_os_mode(const struct muster_call *call, struct nmap_options *out)
{
	const char *text = text_option(call, "os_detection");
	out->os_mode = NMAP_OS_ON;
	if (text && strcmp(text, "off") == 0)
		out->os_mode = NMAP_OS_OFF;
	if (text && strcmp(text, "new") == 0)
		out->os_mode = NMAP_OS_NEW;
	if (!out->ports || out->connect_scan)
		out->os_mode = NMAP_OS_OFF;
	out->os_max_age = call->host->option_int(call, "os_max_age");
}

int nmap_options_read(const struct muster_call *call, struct nmap_options *out)
{
	memset(out, 0, sizeof(*out));
	out->store.limit = 4u << 20;
	out->include = text_option(call, "include");
	out->exclude = text_option(call, "exclude");
	out->max_addresses = call->host->option_int(call, "max_addresses");
	out->discovery = text_option(call, "discovery");
	if (!out->discovery)
		out->discovery = "default";
	out->arp = flag(call, "arp");
	out->assume_online = flag(call, "assume_online");
	out->service_versions = flag(call, "service_versions");
	out->scripts = flag(call, "scripts");
	out->dns = flag(call, "dns");
	out->connect_scan = flag(call, "connect_scan");
	int status = read_ports(call, out, "ports", &out->ports);
	if (status == MUSTER_OK)
		status = read_ports(call, out, "udp_ports", &out->udp_ports);
	if (status == MUSTER_OK)
		status = read_network(call, out);
	if (status == MUSTER_OK)
		status = read_timing(call, out);
	if (status != MUSTER_OK)
		return status;
	if (out->connect_scan && out->udp_ports)
		return nmap_fail(call, MUSTER_E_USAGE,
		                 "udp_ports needs raw sockets: leave it out or set connect_scan = off");
	if (nmap_discovery_only(out))
		out->service_versions = 0;
	read_os_mode(call, out);
	return MUSTER_OK;
}

void nmap_options_free(struct nmap_options *options)
{
	nmap_arena_reset(&options->store);
}
