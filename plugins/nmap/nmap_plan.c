/* SPDX-License-Identifier: Apache-2.0 */
/* Divides the targets into shards: blocks of 16 to 64 addresses, each one Nmap process of its own. */
#include "nmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The documented 122 000 bytes for an address with OS detection and 1000 ports, taken apart. */
#define BYTES_ADDRESS  400
#define BYTES_PORT     114
#define BYTES_OS       7600
#define BYTES_SERVICES 2000
#define BYTES_SCRIPTS  20000
#define PACKET_BYTES   60

struct plan {
	const struct muster_call *call;
	struct nmap_options options;
	struct nmap_buf fresh; /* addresses whose system is known well enough */
	int64_t total;
	uint32_t per_chunk;
	int side;   /* shards that go side by side and share max_rate */
	int os;     /* of the shards being made */
	int number; /* shards so far */
};

static int count_chunk(void *data, const struct muster_target_chunk *chunk)
{
	struct plan *plan = data;
	plan->total += chunk->count;
	return MUSTER_OK;
}

static int ask(struct plan *plan, const char *exclude, const char *only, muster_chunk_fn fn)
{
	struct muster_target_query query = {
	        .size = sizeof(query),
	        .per_chunk = plan->per_chunk,
	        .include = plan->options.include,
	        .exclude = exclude,
	        .only = only,
	        .servers = plan->options.dns_servers,
	};
	return plan->call->host->targets(plan->call, &query, fn, plan);
}

/* A power of two at or above total/16, within the bounds. OS shards cost 20 s however small, so that more at a time win;
 * asking only who is there takes seconds, so that fewer and larger ones win (measured, see doc/architecture.md). */
static uint32_t chunk_size(int64_t total, int discovery_only)
{
	uint32_t size = discovery_only ? 256 : 16;
	uint32_t most = discovery_only ? 1024 : 64;
	while (size < most && (int64_t)size * 16 < total)
		size *= 2;
	return size;
}

/* What one address costs when it answers. */
static int64_t bytes_of(const struct nmap_options *options, int os)
{
	int64_t bytes = BYTES_ADDRESS + BYTES_PORT * nmap_port_total(options);
	if (os)
		bytes += BYTES_OS;
	if (options->service_versions)
		bytes += BYTES_SERVICES;
	if (options->scripts)
		bytes += BYTES_SCRIPTS;
	return bytes;
}

static int64_t milliseconds_of(const struct nmap_options *options, int os, int64_t addresses, int side)
{
	int64_t ports = nmap_port_count(options->ports), udp = nmap_port_count(options->udp_ports);
	int64_t ms = 1500 + addresses * (nmap_discovery_only(options) ? 10 : 40);
	ms += addresses * ports / 10 + (ports + udp) * nmap_pause(options);
	/* Linux says "port unreachable" once a second; Nmap slows down to that, host by host side by side. */
	ms += udp * 1000 * ((addresses + 15) / 16);
	if (os)
		ms += 18000 + addresses * 60;
	if (options->service_versions)
		ms += 12000;
	if (options->scripts)
		ms += 15000;
	int64_t share = options->max_rate / side;
	int64_t by_rate = options->max_rate > 0 ? addresses * bytes_of(options, os) / PACKET_BYTES / 2 * 1000 /
	                                                  (share > 0 ? share : 1)
	                                        : 0;
	return by_rate > ms ? by_rate : ms;
}

/* The command as somebody would type it. */
static int command_of(struct plan *plan, const struct nmap_spec *spec, struct nmap_buf *out)
{
	struct nmap_args args;
	struct nmap_options one = plan->options;
	if (one.max_rate > 0)
		one.max_rate = one.max_rate > plan->side ? one.max_rate / plan->side : 1;
	int status = nmap_args_build(&args, &one, spec, NULL, NULL);
	if (status != MUSTER_OK)
		return status;
	nmap_args_line(&args, out);
	nmap_args_free(&args);
	return out->failed ? MUSTER_E_NO_MEMORY : MUSTER_OK;
}

/* "top-1000" is known in numbers only once Nmap runs: the scope that `run` opens has them. */
static const char *planned_ports(const char *ports)
{
	return nmap_top_ports(ports) > 0 ? NULL : ports;
}

static int make_shard(struct plan *plan, const struct nmap_spec *spec, int64_t count)
{
	const struct nmap_options *options = &plan->options;
	struct nmap_buf text = {0}, command = {0};
	int status = nmap_spec_write(spec, &text);
	if (status == MUSTER_OK)
		status = command_of(plan, spec, &command);
	char id[24];
	(void)snprintf(id, sizeof(id), "s%04d", ++plan->number);
	struct muster_shard shard = {
	        .size = sizeof(shard),
	        .parallel = (uint32_t)options->parallel,
	        .id = id,
	        .spec = {text.data, text.len},
	        .scope = {.size = sizeof(shard.scope),
	                  .facts = nmap_facts(options, spec->os),
	                  .addresses = spec->addresses,
	                  .tcp_ports = planned_ports(options->ports),
	                  .udp_ports = planned_ports(options->udp_ports)},
	        .addresses = count,
	        .expected_bytes = count * bytes_of(options, spec->os),
	        .expected_ms = milliseconds_of(options, spec->os, count, plan->side),
	        .command = nmap_buf_str(&command),
	};
	if (status == MUSTER_OK)
		status = plan->call->host->shard(plan->call, &shard);
	nmap_buf_free(&text);
	nmap_buf_free(&command);
	return status;
}

static int on_chunk(void *data, const struct muster_target_chunk *chunk)
{
	struct plan *plan = data;
	if (chunk->count == 0)
		return MUSTER_OK;
	char *addresses = strdup(chunk->addresses);
	if (!addresses)
		return MUSTER_E_NO_MEMORY;
	struct nmap_spec spec = {.family = (int)chunk->family, .os = plan->os, .addresses = addresses};
	int status = make_shard(plan, &spec, chunk->count);
	free(addresses);
	return status;
}

/* Collects what was fingerprinted within os_max_age: of all addresses of the zone. */
static int read_fresh(struct plan *plan)
{
	int64_t oldest = plan->call->host->now(plan->call) - plan->options.os_max_age;
	for (;;) {
		struct muster_known known = {.size = sizeof(known)};
		int status = plan->call->host->known_next(plan->call, &known);
		if (status == MUSTER_E_END)
			return plan->fresh.failed ? MUSTER_E_NO_MEMORY : MUSTER_OK;
		if (status != MUSTER_OK)
			return status;
		if (known.os_seen > 0 && known.os_seen >= oldest)
			nmap_buf_printf(&plan->fresh, "%s%s", plan->fresh.len > 0 ? "," : "", known.address);
	}
}

static int add_to_fresh(void *data, const struct muster_target_chunk *chunk)
{
	struct plan *plan = data;
	nmap_buf_printf(&plan->fresh, "%s%s", plan->fresh.len > 0 ? "," : "", chunk->addresses);
	return plan->fresh.failed ? MUSTER_E_NO_MEMORY : MUSTER_OK;
}

/* Cuts `fresh` down to this profile's targets, as CIDR: the store may know a hundred thousand others. */
static int narrow_fresh(struct plan *plan)
{
	uint32_t per_chunk = plan->per_chunk;
	struct nmap_buf all = plan->fresh;
	memset(&plan->fresh, 0, sizeof(plan->fresh));
	plan->per_chunk = 65536;
	int status = all.len > 0 ? ask(plan, plan->options.exclude, nmap_buf_str(&all), add_to_fresh) : MUSTER_OK;
	plan->per_chunk = per_chunk;
	nmap_buf_free(&all);
	return status;
}

/* First those whose system is to be told, then those where it is known. */
static int make_new(struct plan *plan)
{
	const struct nmap_options *options = &plan->options;
	struct nmap_buf both = {0};
	int status = read_fresh(plan);
	if (status == MUSTER_OK)
		status = narrow_fresh(plan);
	if (status != MUSTER_OK || plan->fresh.len == 0)
		return status != MUSTER_OK ? status : ask(plan, options->exclude, NULL, on_chunk);
	nmap_buf_printf(&both, "%s%s%s", options->exclude ? options->exclude : "", options->exclude ? "," : "",
	                nmap_buf_str(&plan->fresh));
	status = both.failed ? MUSTER_E_NO_MEMORY : ask(plan, nmap_buf_str(&both), NULL, on_chunk);
	nmap_buf_free(&both);
	plan->os = 0;
	return status == MUSTER_OK ? ask(plan, options->exclude, nmap_buf_str(&plan->fresh), on_chunk) : status;
}

static int make_shards(struct plan *plan)
{
	plan->os = plan->options.os_mode != NMAP_OS_OFF;
	if (plan->options.os_mode == NMAP_OS_NEW)
		return make_new(plan);
	return ask(plan, plan->options.exclude, NULL, on_chunk);
}

static int check_rights(struct plan *plan)
{
	const struct muster_call *call = plan->call;
	if (plan->options.connect_scan) {
		nmap_log(
		        call, MUSTER_LOG_WARNING,
		        "connect_scan: ordinary connections only, so no OS and no MAC, and hosts that answer ICMP alone are not found");
		return MUSTER_OK;
	}
	if (call->host->has_net_raw(call))
		return MUSTER_OK;
	return nmap_fail(call, MUSTER_E_REFUSED,
	                 "Nmap needs raw sockets and this process has no CAP_NET_RAW to hand on: %s", nmap_raw_cure);
}

static int check_count(struct plan *plan)
{
	const struct nmap_options *options = &plan->options;
	plan->per_chunk = 65536;
	int status = ask(plan, options->exclude, NULL, count_chunk);
	if (status != MUSTER_OK)
		return status;
	if (options->max_addresses > 0 && plan->total > options->max_addresses)
		return nmap_fail(plan->call, MUSTER_E_LIMIT,
		                 "include names %lld addresses, max_addresses is %lld: raise it or split the profile",
		                 (long long)plan->total, (long long)options->max_addresses);
	plan->per_chunk = chunk_size(plan->total, nmap_discovery_only(options));
	int64_t shards = (plan->total + plan->per_chunk - 1) / plan->per_chunk;
	plan->options.parallel = nmap_side_by_side(options, options->os_mode != NMAP_OS_OFF);
	plan->side = shards < options->parallel ? (int)(shards > 0 ? shards : 1) : options->parallel;
	return MUSTER_OK;
}

int nmap_plan(void *instance, const struct muster_call *call)
{
	(void)instance;
	struct plan plan = {.call = call};
	int status = nmap_options_read(call, &plan.options);
	if (status == MUSTER_OK && !plan.options.include)
		status = nmap_fail(call, MUSTER_E_USAGE,
		                   "include is not set: name what to scan, such as include = \"192.0.2.0/24\"");
	if (status == MUSTER_OK)
		status = check_rights(&plan);
	if (status == MUSTER_OK)
		status = nmap_check_pace(call, &plan.options);
	if (status == MUSTER_OK)
		status = check_count(&plan);
	/* With nothing left the host says which rule took it. */
	if (status == MUSTER_OK && plan.total > 0)
		status = make_shards(&plan);
	nmap_buf_free(&plan.fresh);
	nmap_options_free(&plan.options);
	return status;
}
