/* SPDX-License-Identifier: Apache-2.0 */
/* The nmap plugin: discovery with Nmap, import of Nmap XML. It keeps nothing between calls. */
#include "nmap.h"

#include <libxml/parser.h>

static int nmap_open(const struct muster_call *call, void **instance)
{
	(void)call;
	*instance = NULL;
	xmlInitParser();
	return MUSTER_OK;
}

static void nmap_close(void *instance, const struct muster_call *call)
{
	(void)instance, (void)call;
}

static const struct muster_discovery_ops discovery = {
        .open = nmap_open,
        .check = nmap_check,
        .plan = nmap_plan,
        .run = nmap_run,
        .close = nmap_close,
        .import = nmap_import,
};

static const struct muster_interface interfaces[] = {
        {.id = MUSTER_INTERFACE_DISCOVERY, .version = 1, .size = sizeof(discovery), .ops = &discovery},
};

__attribute__((visibility("default"))) extern const struct muster_plugin muster_plugin_v1;
const struct muster_plugin muster_plugin_v1 = {
        .magic = MUSTER_PLUGIN_MAGIC,
        .size = sizeof(struct muster_plugin),
        .abi_built = MUSTER_ABI_CURRENT,
        .abi_needed = MUSTER_ABI_CURRENT,
        .name = "nmap",
        .version = PLUGIN_VERSION,
        .summary = "Discovery with Nmap",
        .interfaces = MUSTER_ARRAY(interfaces),
        .methods = MUSTER_ARRAY(nmap_methods),
};
