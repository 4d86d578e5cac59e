/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "api/call.h"
#include "base/addr.h"
#include "base/json.h"

#define NETWORKS_MAX 32u

static unsigned prefix_of(const struct sockaddr *mask, size_t bytes, size_t offset)
{
	const uint8_t *data = (const uint8_t *)mask + offset;
	unsigned bits = 0;

	for (size_t i = 0; i < bytes; i++)
		bits += (unsigned)__builtin_popcount(data[i]);
	return bits;
}

/* "192.168.1.0/24" of an interface's address; only IPv4, since nobody sweeps an IPv6 /64. */
static bool network_of(const struct ifaddrs *item, char *out, size_t size)
{
	struct sockaddr_in addr, mask;
	char text[INET_ADDRSTRLEN];
	unsigned prefix;

	if (!item->ifa_addr || !item->ifa_netmask || item->ifa_addr->sa_family != AF_INET)
		return false;
	if ((item->ifa_flags & IFF_UP) == 0 || (item->ifa_flags & IFF_LOOPBACK) != 0)
		return false;
	memcpy(&addr, item->ifa_addr, sizeof(addr));
	memcpy(&mask, item->ifa_netmask, sizeof(mask));
	prefix = prefix_of((const struct sockaddr *)&mask, 4, offsetof(struct sockaddr_in, sin_addr));
	if (prefix >= 31 || prefix < 8)
		return false;
	addr.sin_addr.s_addr &= mask.sin_addr.s_addr;
	if (!inet_ntop(AF_INET, &addr.sin_addr, text, sizeof(text)))
		return false;
	snprintf(out, size, "%s/%u", text, prefix);
	return true;
}

struct json_object *mst_local_networks(void)
{
	struct json_object *list = json_object_new_array();
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return list;
	for (const struct ifaddrs *item = all; item && json_object_array_length(list) < NETWORKS_MAX;
	     item = item->ifa_next) {
		char text[64];
		struct json_object *network;

		if (!network_of(item, text, sizeof(text)))
			continue;
		network = json_object_new_object();
		mst_json_add_text(network, "network", text);
		mst_json_add_text(network, "interface", item->ifa_name);
		mst_json_push(list, network);
	}
	freeifaddrs(all);
	return list;
}
