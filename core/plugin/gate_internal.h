/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the gate, and its door for tests: which versions and sizes a host takes is an argument here. */
#ifndef MST_PLUGIN_GATE_INTERNAL_H
#define MST_PLUGIN_GATE_INTERNAL_H

#include "plugin/gate.h"

/* What a host accepts. A struct may be smaller than the host's own, down to the minimum; what it lacks reads as zero. */
struct mst_gate_range {
	uint32_t current; /* newest ABI that the host speaks */
	uint32_t oldest;  /* oldest ABI that it still takes; equal to `current` while the ABI is a draft */
	size_t plugin, interface, method, option, field, text, tool; /* smallest sizes */
	size_t discovery, execute, store;
};
/* The range of this build. */
extern const struct mst_gate_range mst_gate_own;

int mst_gate_accept_range(const struct muster_plugin *plugin, const char *file_name, const struct mst_gate_range *range,
                          struct mst_plugin_tables *out, struct mst_manifest *manifest, struct mst_err *err);

/* A size as a plugin states it: at least `minimum`, sane, and a multiple of what holds a pointer. */
int mst_gate_size(uint32_t size, size_t minimum, const char *what, struct mst_err *err);
/* A counted array as a plugin states it: MST_E_USAGE for sizes and counts that no sane plugin has. `what` names it. */
int mst_gate_array(const struct muster_array *array, const char *what, size_t minimum, size_t most,
                   struct mst_err *err);
/* Copies element `i` to `out` of `size` bytes: what the plugin's element lacks becomes zero. */
void mst_gate_element(const struct muster_array *array, uint32_t i, void *out, size_t size);
/* Copies all methods into the manifest. Checks pointers, counts and lengths, no meaning. */
int mst_gate_read_methods(const struct muster_array *methods, const struct mst_gate_range *range,
                          struct mst_manifest *manifest, struct mst_err *err);
/* A text that must be there, at most `most` bytes, copied. */
int mst_gate_text(char **out, const char *text, const char *what, size_t most, struct mst_err *err);

/* Checks the required functions and puts answers of MUSTER_E_UNSUPPORTED in place of absent ones. */
int mst_gate_discovery(struct muster_discovery_ops *ops, struct mst_err *err);
int mst_gate_execute(struct muster_execute_ops *ops, struct mst_err *err);
int mst_gate_store(struct muster_store_ops *ops, struct mst_err *err);
/* All functions absent: a plugin without the interface. */
void mst_gate_no_ops(struct mst_plugin_tables *tables);

#endif
