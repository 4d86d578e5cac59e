/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of Nmap. Every one is a constant of this file, a number, or a value that nmap_options_read or
 * nmap_target_lines has checked; targets go through its standard input only.
 */
#include "nmap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct nmap_args *args, const char *text)
{
	/* The last place stays NULL. */
	if (args->count + 1 >= NMAP_MAX_ARGS) {
		args->failed = 1;
		return;
	}
	args->argv[args->count++] = text;
}

static void add_copy(struct nmap_args *args, const char *text, size_t len)
{
	char *copy = nmap_arena_alloc(&args->store, len + 1);
	if (!copy) {
		args->failed = 1;
		return;
	}
	memcpy(copy, text, len);
	add(args, copy);
}

static void add_number(struct nmap_args *args, const char *before, int64_t number, const char *behind)
{
	char text[48];
	int len = snprintf(text, sizeof(text), "%s%" PRId64 "%s", before, number, behind);
	add_copy(args, text, (size_t)len);
}

static void add_pair(struct nmap_args *args, const char *name, const char *value)
{
	if (!value)
		return;
	add(args, name);
	add_copy(args, value, strlen(value));
}

int nmap_needs_lists(const struct nmap_options *options)
{
	int tcp = nmap_top_ports(options->ports), udp = nmap_top_ports(options->udp_ports);
	return options->ports && options->udp_ports && (tcp > 0 || udp > 0) && tcp != udp;
}

static void add_ports(struct nmap_args *args, const struct nmap_options *options, const char *tcp, const char *udp)
{
	if (!tcp)
		tcp = options->ports;
	if (!udp)
		udp = options->udp_ports;
	int top = nmap_top_ports(tcp ? tcp : udp);
	if (top > 0) {
		add(args, "--top-ports");
		add_number(args, "", top, "");
		return;
	}
	struct nmap_buf list = {0};
	if (tcp)
		nmap_buf_printf(&list, "%s%s", udp ? "T:" : "", tcp);
	if (udp)
		nmap_buf_printf(&list, "%sU:%s", tcp ? "," : "", udp);
	add_pair(args, "-p", nmap_buf_str(&list));
	args->failed |= list.failed;
	nmap_buf_free(&list);
}

/* Which hosts are there. The documented probes are ICMP echo and TCP 80 and 443. */
static void add_discovery(struct nmap_args *args, const struct nmap_options *options)
{
	const char *kind = options->discovery;
	if (options->assume_online) {
		add(args, "-Pn");
	} else if (options->connect_scan) {
		/* Without raw sockets a ping is a connection attempt. */
		add(args, "-PS80,443");
	} else if (strcmp(kind, "icmp") == 0) {
		add(args, "-PE");
	} else if (strcmp(kind, "tcp") == 0) {
		add(args, "-PS80,443");
		add(args, "-PA80");
	} else if (strcmp(kind, "wide") == 0) {
		add(args, "-PE");
		add(args, "-PS21,22,23,25,80,135,139,443,445,3389,5900,8080,8443");
		add(args, "-PA80,443,3389");
		add(args, "-PU53,161,40125");
	} else {
		add(args, "-PE");
		add(args, "-PS80,443");
		add(args, "-PA80");
	}
	if (!options->arp && !options->connect_scan)
		add(args, "--disable-arp-ping");
}

static void add_scan(struct nmap_args *args, const struct nmap_options *options, const struct nmap_spec *spec,
                     const char *tcp, const char *udp)
{
	if (nmap_discovery_only(options)) {
		add(args, "-sn");
	} else {
		if (options->ports)
			add(args, options->connect_scan ? "-sT" : "-sS");
		if (options->udp_ports)
			add(args, "-sU");
		add_ports(args, options, tcp, udp);
		if (options->service_versions)
			add(args, "-sV");
	}
	/* Broadcast scripts leave the targets, external ones tell third parties about them. */
	if (options->scripts) {
		add_pair(args, "--script", "safe and not (broadcast or external)");
		add_pair(args, "--script-timeout", "60s");
	}
	if (spec->os) {
		add(args, "-O");
		add(args, "--osscan-guess");
		add_pair(args, "--max-os-tries", "3");
	}
}

static void add_network(struct nmap_args *args, const struct nmap_options *options, const struct nmap_spec *spec)
{
	add(args, "--max-hostgroup");
	add_number(args, "", nmap_host_group(options, spec->os), "");
	add_number(args, "-T", options->timing, "");
	if (options->max_rate > 0) {
		add(args, "--max-rate");
		add_number(args, "", options->max_rate, "");
	}
	if (options->host_timeout > 0) {
		add(args, "--host-timeout");
		add_number(args, "", options->host_timeout, "ms");
	}
	if (options->source_port > 0) {
		add(args, "-g");
		add_number(args, "", options->source_port, "");
	}
	add_pair(args, "-e", options->interface_name);
	add_pair(args, "-S", options->source_address);
	if (!options->dns)
		add(args, "-n");
	else
		add_pair(args, "--dns-servers", options->dns_servers);
}

int nmap_args_build(struct nmap_args *args, const struct nmap_options *options, const struct nmap_spec *spec,
                    const char *tcp, const char *udp)
{
	memset(args, 0, sizeof(*args));
	args->store.limit = 1u << 20;
	add(args, "nmap");
	add(args, options->connect_scan ? "--unprivileged" : "--privileged");
	if (spec->family == 6)
		add(args, "-6");
	add_discovery(args, options);
	add_scan(args, options, spec, tcp, udp);
	add_network(args, options, spec);
	add_pair(args, "--stats-every", "2s");
	add(args, "--noninteractive");
	add(args, "--no-stylesheet");
	add_pair(args, "-oX", "-");
	add_pair(args, "-iL", "-");
	if (args->failed) {
		nmap_args_free(args);
		return MUSTER_E_NO_MEMORY;
	}
	return MUSTER_OK;
}

void nmap_args_line(const struct nmap_args *args, struct nmap_buf *out)
{
	for (size_t i = 0; i < args->count; i++) {
		const char *quote = strpbrk(args->argv[i], " ()*") ? "'" : "";
		nmap_buf_printf(out, "%s%s%s%s", i > 0 ? " " : "", quote, args->argv[i], quote);
	}
}

void nmap_args_free(struct nmap_args *args)
{
	nmap_arena_reset(&args->store);
	args->count = 0;
}

static int is_target(char *item)
{
	char canonical[64];
	char *slash = strchr(item, '/');
	if (slash)
		*slash = '\0';
	int family = nmap_address(item, canonical, sizeof(canonical));
	if (!slash)
		return family != 0;
	*slash = '/';
	int64_t prefix = nmap_number(slash + 1, family == 6 ? 128 : 32);
	return family != 0 && prefix >= (family == 6 ? 96 : 8);
}

int nmap_target_lines(const char *addresses, struct nmap_buf *out)
{
	char item[64];
	for (;;) {
		size_t len = strcspn(addresses, ",");
		if (len == 0 || len >= sizeof(item))
			return MUSTER_E_CORRUPT;
		memcpy(item, addresses, len);
		item[len] = '\0';
		if (!is_target(item))
			return MUSTER_E_CORRUPT;
		nmap_buf_put(out, item, len);
		nmap_buf_text(out, "\n");
		if (addresses[len] == '\0')
			return out->failed ? MUSTER_E_NO_MEMORY : MUSTER_OK;
		addresses += len + 1;
	}
}

int64_t nmap_target_count(const char *addresses)
{
	int64_t count = 0;
	while (*addresses) {
		size_t len = strcspn(addresses, ",");
		const char *slash = memchr(addresses, '/', len);
		int64_t bits = memchr(addresses, ':', len) ? 128 : 32;
		int64_t prefix = slash ? strtol(slash + 1, NULL, 10) : bits;
		if (bits - prefix >= 0 && bits - prefix <= 32)
			count += INT64_C(1) << (bits - prefix);
		addresses += len + (addresses[len] == ',');
	}
	return count;
}
