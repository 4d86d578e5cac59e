/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What slow timing and a packet rate mean for one host: it must be done within host_timeout, or Nmap gives it up and all the
 * packets were for nothing.
 */
#include "nmap.h"

/* Nmap sets a capture filter of its own only for groups of at most 20 hosts: in larger ones, processes side by side read each
 * other's replies and OS results spoil without a sign. */
#define HOST_GROUP 16
/* What OS detection sends to one host, at most, over two seconds (measured). --max-rate knows nothing of it. */
#define OS_PACKETS_PER_SECOND 12
/* Retransmissions and discovery cost as much again, at worst. */
#define PACKETS_PER_PORT 2

int64_t nmap_port_count(const char *ports)
{
	int top = nmap_top_ports(ports);
	if (top > 0 || !ports)
		return top;
	int count = nmap_ports_count(ports);
	return count > 0 ? count : 0;
}

int64_t nmap_port_total(const struct nmap_options *options)
{
	return nmap_port_count(options->ports) + nmap_port_count(options->udp_ports);
}

int64_t nmap_pause(const struct nmap_options *options)
{
	static const int64_t pauses[] = {300000, 15000, 400};
	return options->timing < 3 ? pauses[options->timing] : 0;
}

/* Packets per second that one host takes while it is scanned. */
static int64_t rate_of_host(const struct nmap_options *options, int os)
{
	int64_t seconds = options->host_timeout / 1000;
	int64_t rate = seconds > 0 ? (nmap_port_total(options) * PACKETS_PER_PORT + seconds - 1) / seconds : 1;
	if (os && rate < OS_PACKETS_PER_SECOND)
		rate = OS_PACKETS_PER_SECOND;
	return rate > 0 ? rate : 1;
}

int64_t nmap_host_group(const struct nmap_options *options, int os)
{
	int64_t group = options->max_rate > 0 ? options->max_rate / rate_of_host(options, os) : HOST_GROUP;
	return group < 1 ? 1 : group > HOST_GROUP ? HOST_GROUP : group;
}

int nmap_side_by_side(const struct nmap_options *options, int os)
{
	int64_t side = options->max_rate > 0 ? options->max_rate / rate_of_host(options, os) : options->parallel;
	return side < 1 ? 1 : side > options->parallel ? options->parallel : (int)side;
}

int nmap_check_pace(const struct muster_call *call, const struct nmap_options *options)
{
	int64_t ports = nmap_port_total(options), have = options->host_timeout / 1000;
	int64_t paused = ports * nmap_pause(options) / 1000;
	int64_t sent = options->max_rate > 0 ? ports / options->max_rate : 0;
	if (have <= 0 || (paused <= have && sent <= have))
		return MUSTER_OK;
	if (paused > have)
		return nmap_fail(
		        call, MUSTER_E_USAGE,
		        "timing waits %lld ms after each probe, so %lld ports take %lld s a host, and host_timeout gives up after "
		        "%lld s: name fewer ports, raise host_timeout, or set max_rate instead of timing",
		        (long long)nmap_pause(options), (long long)ports, (long long)paused, (long long)have);
	return nmap_fail(
	        call, MUSTER_E_USAGE,
	        "at most %lld packets a second (max_rate of profile, zone or installation): %lld ports take %lld s a "
	        "host, and host_timeout gives up after %lld s: name fewer ports or raise host_timeout",
	        (long long)options->max_rate, (long long)ports, (long long)sent, (long long)have);
}
