/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin says of itself, as owned data and as JSON. */
#ifndef MST_PLUGIN_MANIFEST_H
#define MST_PLUGIN_MANIFEST_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "conf/option.h"

struct mst_field_def {
	char *name, *label, *help;
	uint32_t type, flags;
};
struct mst_text_def {
	char *name, *title, *body;
};
struct mst_tool_def {
	char *program, *package, *help;
};
struct mst_method {
	struct mst_method_def def; /* name, summary, plugin, wants, options */
	struct mst_field_def *fields;
	size_t field_count;
	struct mst_text_def *texts;
	size_t text_count;
	struct mst_tool_def *tools;
	size_t tool_count;
	struct mst_option_def *provider; /* options of a connection that many profiles share */
	size_t provider_count;
};
struct mst_manifest {
	char *name, *version, *summary, *path;
	uint32_t abi;
	bool discovery, execute, store; /* interfaces offered */
	struct mst_method *methods;
	size_t method_count;
};
void mst_manifest_free(struct mst_manifest *manifest);
/* Counts, lengths, names, types and defaults, wherever the manifest came from. The text says which method and row. */
int mst_manifest_check(const struct mst_manifest *manifest, struct mst_err *err);
/* Untrusted text in: lengths, counts, names and types are checked. */
int mst_manifest_from_json(struct mst_manifest *out, struct json_object *object, struct mst_err *err);
struct json_object *mst_manifest_to_json(const struct mst_manifest *manifest);

/* The manifests of all plugins of a directory, each read by `muster-worker describe` in a process of its own. */
struct mst_plugin_list {
	struct mst_manifest *plugins;
	size_t count;
	struct mst_plugin_fault {
		char *path, *text;
	} * faults; /* plugins that could not be described, and why */
	size_t fault_count;
};
/* `cache_file` NULL: no cache; else JSON keyed by path, inode, size, mtime, written atomically (0600). */
int mst_plugin_list_load(struct mst_plugin_list *out, const char *plugin_dir, const char *worker_path,
                         const char *cache_file, struct mst_err *err);
void mst_plugin_list_free(struct mst_plugin_list *list);
const struct mst_method *mst_plugin_list_method(const struct mst_plugin_list *list, const char *method,
                                                const struct mst_manifest **plugin);
/* Describes one file. */
int mst_plugin_describe(struct mst_manifest *out, const char *path, const char *worker_path, struct mst_err *err);

#endif
