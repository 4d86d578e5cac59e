/* SPDX-License-Identifier: Apache-2.0 */
/* Which elements matter, by name and by what they stand in: a `script` under `prescript` is not a host's. */
#include "nmap_xml.h"

#include <string.h>

static const struct {
	const char *name;
	enum nmap_element parent, element;
} elements[] = {
        {"nmaprun", NMAP_NONE, NMAP_RUN},
        {"scaninfo", NMAP_RUN, NMAP_SCANINFO},
        {"taskprogress", NMAP_RUN, NMAP_TASKPROGRESS},
        {"host", NMAP_RUN, NMAP_HOST},
        {"runstats", NMAP_RUN, NMAP_RUNSTATS},
        {"finished", NMAP_RUNSTATS, NMAP_FINISHED},
        {"status", NMAP_HOST, NMAP_STATUS},
        {"address", NMAP_HOST, NMAP_ADDRESS},
        {"hostnames", NMAP_HOST, NMAP_HOSTNAMES},
        {"hostname", NMAP_HOSTNAMES, NMAP_HOSTNAME},
        {"ports", NMAP_HOST, NMAP_PORTS},
        {"extraports", NMAP_PORTS, NMAP_EXTRAPORTS},
        {"extrareasons", NMAP_EXTRAPORTS, NMAP_EXTRAREASONS},
        {"port", NMAP_PORTS, NMAP_PORT},
        {"state", NMAP_PORT, NMAP_STATE},
        {"service", NMAP_PORT, NMAP_SERVICE},
        {"cpe", NMAP_SERVICE, NMAP_SERVICE_CPE},
        {"script", NMAP_PORT, NMAP_PORT_SCRIPT},
        {"os", NMAP_HOST, NMAP_OS},
        {"portused", NMAP_OS, NMAP_PORTUSED},
        {"osmatch", NMAP_OS, NMAP_OSMATCH},
        {"osclass", NMAP_OSMATCH, NMAP_OSCLASS},
        {"osclass", NMAP_OS, NMAP_OLD_OSCLASS},
        {"osfingerprint", NMAP_OS, NMAP_OSFINGERPRINT},
        {"distance", NMAP_HOST, NMAP_DISTANCE},
        {"uptime", NMAP_HOST, NMAP_UPTIME},
        {"hostscript", NMAP_HOST, NMAP_HOSTSCRIPT},
        {"script", NMAP_HOSTSCRIPT, NMAP_HOST_SCRIPT},
};

enum nmap_element nmap_element_find(const char *name, enum nmap_element parent)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (elements[i].parent == parent && elements[i].name[0] == name[0] &&
		    strcmp(elements[i].name, name) == 0)
			return elements[i].element;
	return NMAP_NONE;
}

const char *nmap_attr(const struct nmap_attrs *attrs, const char *name, size_t *len)
{
	for (int i = 0; i < attrs->count; i++) {
		const unsigned char **item = attrs->items + (size_t)i * 5;
		if (item[1] == NULL && item[0][0] == (unsigned char)name[0] &&
		    strcmp((const char *)item[0], name) == 0) {
			*len = (size_t)(item[4] - item[3]);
			return (const char *)item[3];
		}
	}
	*len = 0;
	return NULL;
}
