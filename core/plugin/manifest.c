/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/manifest.h"

#include <stdlib.h>
#include <string.h>

static void free_options(struct mst_option_def *options, size_t count)
{
	for (size_t i = 0; options && i < count; i++) {
		free(options[i].name);
		free(options[i].default_value);
		free(options[i].help);
		free(options[i].choices);
		free(options[i].limited_by);
	}
	free(options);
}

static void free_method(struct mst_method *method)
{
	free(method->def.name);
	free(method->def.summary);
	free(method->def.plugin);
	free_options(method->def.options, method->def.option_count);
	free_options(method->provider, method->provider_count);
	for (size_t i = 0; i < method->field_count; i++) {
		free(method->fields[i].name);
		free(method->fields[i].label);
		free(method->fields[i].help);
	}
	free(method->fields);
	for (size_t i = 0; i < method->text_count; i++) {
		free(method->texts[i].name);
		free(method->texts[i].title);
		free(method->texts[i].body);
	}
	free(method->texts);
	for (size_t i = 0; i < method->tool_count; i++) {
		free(method->tools[i].program);
		free(method->tools[i].package);
		free(method->tools[i].help);
	}
	free(method->tools);
}

void mst_manifest_free(struct mst_manifest *manifest)
{
	for (size_t i = 0; i < manifest->method_count; i++)
		free_method(&manifest->methods[i]);
	free(manifest->methods);
	free(manifest->name);
	free(manifest->version);
	free(manifest->summary);
	free(manifest->path);
	memset(manifest, 0, sizeof *manifest);
}

void mst_plugin_list_free(struct mst_plugin_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		mst_manifest_free(&list->plugins[i]);
	for (size_t i = 0; i < list->fault_count; i++) {
		free(list->faults[i].path);
		free(list->faults[i].text);
	}
	free(list->plugins);
	free(list->faults);
	memset(list, 0, sizeof *list);
}

const struct mst_method *mst_plugin_list_method(const struct mst_plugin_list *list, const char *method,
                                                const struct mst_manifest **plugin)
{
	for (size_t i = 0; i < list->count; i++) {
		for (size_t j = 0; j < list->plugins[i].method_count; j++) {
			if (strcmp(list->plugins[i].methods[j].def.name, method) != 0)
				continue;
			if (plugin)
				*plugin = &list->plugins[i];
			return &list->plugins[i].methods[j];
		}
	}
	return NULL;
}
