/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gate.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "plugin/gate_internal.h"

/* Core's codes travel to plugins and back as they are. */
#define SAME(name) _Static_assert((int)MST_##name == (int)MUSTER_##name, "codes of core and plugins differ: " #name)
SAME(OK);
SAME(E_FAILED);
SAME(E_USAGE);
SAME(E_PARTIAL);
SAME(E_NOT_FOUND);
SAME(E_REFUSED);
SAME(E_EXISTS);
SAME(E_CONFLICT);
SAME(E_UNAVAILABLE);
SAME(E_NO_MEMORY);
SAME(E_CANCELLED);
SAME(E_TIMEOUT);
SAME(E_UNKNOWN);
SAME(E_CORRUPT);
SAME(E_FULL);
SAME(E_UNSUPPORTED);
SAME(E_LIMIT);
SAME(E_END);

/* The part of a descriptor that never changes. */
struct head {
	uint32_t magic, size, built, needed;
};
_Static_assert(sizeof(struct head) == 16, "the frozen head has 16 bytes");

const struct mst_gate_range mst_gate_own = {
        .current = MUSTER_ABI_CURRENT,
        .oldest = MUSTER_ABI_CURRENT,
        .plugin = sizeof(struct muster_plugin),
        .interface = sizeof(struct muster_interface),
        .method = sizeof(struct muster_method),
        .option = sizeof(struct muster_option),
        .field = sizeof(struct muster_field),
        .text = sizeof(struct muster_text),
        .tool = sizeof(struct muster_tool),
        .discovery = sizeof(struct muster_discovery_ops),
        .execute = sizeof(struct muster_execute_ops),
        .store = sizeof(struct muster_store_ops),
};

#define MAJOR(abi) ((unsigned)((abi) >> 16))
#define MINOR(abi) ((unsigned)((abi)&0xffff))

static int check_version(const struct head *head, const struct mst_gate_range *range, struct mst_err *err)
{
	const char *problem = NULL;
	const char *cure = "rebuild it against this host's muster/plugin.h";
	if (head->needed > head->built) {
		problem = "it needs a newer ABI than it was built with";
		cure = "correct abi_needed in its descriptor";
	} else if (MAJOR(head->built) > MAJOR(range->current) || head->needed > range->current) {
		problem = "it is newer than this host";
		cure = "upgrade muster, or build the plugin against this host's muster/plugin.h";
	} else if (head->built < range->oldest) {
		problem = "it is older than this host accepts";
	} else if (range->oldest == range->current && head->built != range->current) {
		problem = "a draft ABI is accepted in exactly one version";
	}
	if (!problem)
		return MST_OK;
	return mst_err_set(err, MST_E_UNSUPPORTED,
	                   "ABI mismatch: the plugin was built with %u.%u and needs at least %u.%u; this "
	                   "host speaks %u.%u and accepts %u.%u to %u.%u: %s; %s",
	                   MAJOR(head->built), MINOR(head->built), MAJOR(head->needed), MINOR(head->needed),
	                   MAJOR(range->current), MINOR(range->current), MAJOR(range->oldest), MINOR(range->oldest),
	                   MAJOR(range->current), MINOR(range->current), problem, cure);
}

static int check_head(const struct muster_plugin *plugin, const struct mst_gate_range *range, struct head *head,
                      struct mst_err *err)
{
	memcpy(&head->magic, plugin, sizeof head->magic);
	if (head->magic != MUSTER_PLUGIN_MAGIC)
		return mst_err_set(
		        err, MST_E_UNSUPPORTED,
		        "muster_plugin_v1 starts with 0x%08x where this host expects 0x%08x: it is no "
		        "Muster descriptor, or was built for another byte order; build it with MUSTER_PLUGIN_MAGIC",
		        head->magic, MUSTER_PLUGIN_MAGIC);
	memcpy(head, plugin, sizeof *head);
	int status = check_version(head, range, err);
	if (status != MST_OK)
		return status;
	return mst_gate_size(head->size, range->plugin, "descriptor", err);
}

static int check_names(const struct muster_plugin *plugin, const char *file_name, struct mst_plugin_tables *out,
                       struct mst_manifest *manifest, struct mst_err *err)
{
	int status = mst_gate_text(&manifest->name, plugin->name, "plugin name", MST_MAX_NAME, err);
	if (status == MST_OK)
		status = mst_gate_text(&manifest->version, plugin->version, "plugin version", sizeof out->version - 1,
		                       err);
	if (status == MST_OK)
		status = mst_gate_text(&manifest->summary, plugin->summary, "plugin summary", MST_MAX_PLUGIN_LINE, err);
	if (status != MST_OK)
		return status;
	if (strcmp(manifest->name, file_name) != 0)
		return mst_err_set(err, MST_E_REFUSED,
		                   "the plugin calls itself \"%s\" but its file is \"%s.so\"; rename one of them",
		                   manifest->name, file_name);
	/* mst_gate_text has checked both lengths. */
	memcpy(out->name, manifest->name, strlen(manifest->name) + 1);
	memcpy(out->version, manifest->version, strlen(manifest->version) + 1);
	return MST_OK;
}

/* Copies one ops table of at least `minimum` bytes. */
static int read_ops(const struct muster_interface *interface, const char *word, size_t minimum, void *ops, size_t size,
                    bool *has, struct mst_err *err)
{
	char what[32];
	if (*has)
		return mst_err_set(err, MST_E_USAGE,
		                   "the %s interface is offered twice; a plugin has each interface once", word);
	if (interface->version != 1)
		return mst_err_set(err, MST_E_UNSUPPORTED,
		                   "the plugin offers version %u of the %s interface, this host speaks version 1; "
		                   "use a matching muster",
		                   interface->version, word);
	if (!interface->ops)
		return mst_err_set(err, MST_E_USAGE, "the %s interface has no ops table (NULL); set ops and size",
		                   word);
	snprintf(what, sizeof what, "%s ops table", word);
	int status = mst_gate_size(interface->size, minimum, what, err);
	if (status != MST_OK)
		return status;
	memset(ops, 0, size);
	memcpy(ops, interface->ops, interface->size < size ? interface->size : size);
	*has = true;
	return MST_OK;
}

static int read_interface(const struct muster_interface *interface, const struct mst_gate_range *range,
                          struct mst_plugin_tables *out, struct mst_err *err)
{
	int status = MST_OK;
	if (interface->id == MUSTER_INTERFACE_DISCOVERY) {
		status = read_ops(interface, "discovery", range->discovery, &out->discovery, sizeof out->discovery,
		                  &out->has_discovery, err);
		return status == MST_OK ? mst_gate_discovery(&out->discovery, err) : status;
	}
	if (interface->id == MUSTER_INTERFACE_EXECUTE) {
		status = read_ops(interface, "execute", range->execute, &out->execute, sizeof out->execute,
		                  &out->has_execute, err);
		return status == MST_OK ? mst_gate_execute(&out->execute, err) : status;
	}
	if (interface->id == MUSTER_INTERFACE_STORE) {
		status = read_ops(interface, "store", range->store, &out->store, sizeof out->store, &out->has_store,
		                  err);
		return status == MST_OK ? mst_gate_store(&out->store, err) : status;
	}
	return MST_OK;
}

static int read_interfaces(const struct muster_array *array, const struct mst_gate_range *range,
                           struct mst_plugin_tables *out, struct mst_manifest *manifest, struct mst_err *err)
{
	int status = mst_gate_array(array, "interfaces", range->interface, MST_MAX_PLUGIN_INTERFACES, err);
	for (uint32_t i = 0; status == MST_OK && i < array->count; i++) {
		struct muster_interface interface;
		mst_gate_element(array, i, &interface, sizeof interface);
		status = read_interface(&interface, range, out, err);
	}
	if (status != MST_OK)
		return status;
	if (!out->has_discovery && !out->has_execute && !out->has_store)
		return mst_err_set(err, MST_E_USAGE,
		                   "the plugin offers no interface that this host knows (discovery, execute, store)");
	manifest->discovery = out->has_discovery;
	manifest->execute = out->has_execute;
	manifest->store = out->has_store;
	return MST_OK;
}

int mst_gate_accept_range(const struct muster_plugin *plugin, const char *file_name, const struct mst_gate_range *range,
                          struct mst_plugin_tables *out, struct mst_manifest *manifest, struct mst_err *err)
{
	struct head head;
	struct muster_plugin own = {0};
	memset(out, 0, sizeof *out);
	memset(manifest, 0, sizeof *manifest);
	mst_gate_no_ops(out);
	int status = check_head(plugin, range, &head, err);
	if (status == MST_OK) {
		memcpy(&own, plugin, head.size < sizeof own ? head.size : sizeof own);
		out->abi_built = manifest->abi = head.built;
		status = check_names(&own, file_name, out, manifest, err);
	}
	if (status == MST_OK)
		status = read_interfaces(&own.interfaces, range, out, manifest, err);
	if (status == MST_OK)
		status = mst_gate_read_methods(&own.methods, range, manifest, err);
	if (status == MST_OK)
		status = mst_manifest_check(manifest, err);
	if (status != MST_OK) {
		mst_manifest_free(manifest);
		memset(out, 0, sizeof *out);
	}
	return status;
}

int mst_gate_accept(const struct muster_plugin *plugin, const char *file_name, struct mst_plugin_tables *out,
                    struct mst_manifest *manifest, struct mst_err *err)
{
	return mst_gate_accept_range(plugin, file_name, &mst_gate_own, out, manifest, err);
}
