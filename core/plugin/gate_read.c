/* SPDX-License-Identifier: Apache-2.0 */
/* From a descriptor's tables to owned data. Nothing beyond a stated size is read, no text without a limit. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "plugin/gate_internal.h"

int mst_gate_size(uint32_t size, size_t minimum, const char *what, struct mst_err *err)
{
	/* Every struct of the ABI holds pointers: another multiple would cut one in half. */
	if (size >= minimum && size <= MST_MAX_PLUGIN_STRUCT && size % _Alignof(void *) == 0)
		return MST_OK;
	return mst_err_set(
	        err, MST_E_UNSUPPORTED,
	        "the plugin states a size of %u bytes for its %s, where this host expects %zu to %u in steps of %zu; "
	        "set it to sizeof, as MUSTER_ARRAY does",
	        size, what, minimum, MST_MAX_PLUGIN_STRUCT, _Alignof(void *));
}

int mst_gate_array(const struct muster_array *array, const char *what, size_t minimum, size_t most, struct mst_err *err)
{
	if (array->count == 0)
		return MST_OK;
	if (array->count > most)
		return mst_err_set(err, MST_E_LIMIT,
		                   "the plugin states %u %s, this host takes at most %zu; state fewer", array->count,
		                   what, most);
	if (!array->items)
		return mst_err_set(err, MST_E_USAGE,
		                   "the plugin states %u %s at address NULL; use MUSTER_ARRAY or MUSTER_NO_ARRAY",
		                   array->count, what);
	return mst_gate_size(array->item_size, minimum, what, err);
}

void mst_gate_element(const struct muster_array *array, uint32_t i, void *out, size_t size)
{
	const char *item = (const char *)array->items + (size_t)i * array->item_size;
	memset(out, 0, size);
	memcpy(out, item, array->item_size < size ? array->item_size : size);
}

int mst_gate_text(char **out, const char *text, const char *what, size_t most, struct mst_err *err)
{
	if (!text)
		return mst_err_set(err, MST_E_USAGE, "%s is NULL; give it a text", what);
	size_t len = strnlen(text, most + 1);
	if (len > most)
		return mst_err_set(err, MST_E_LIMIT, "%s has more than %zu bytes; shorten it", what, most);
	*out = mst_str_dupn(text, len);
	return *out ? MST_OK : mst_err_no_memory(err);
}

static int optional_text(char **out, const char *text, const char *what, size_t most, struct mst_err *err)
{
	return text ? mst_gate_text(out, text, what, most, err) : MST_OK;
}

static int read_option(struct mst_option_def *out, const struct muster_option *in, struct mst_err *err)
{
	out->type = in->type;
	out->flags = in->flags;
	out->minimum = in->minimum;
	out->maximum = in->maximum;
	int status = mst_gate_text(&out->name, in->name, "an option's name", MST_MAX_NAME, err);
	if (status == MST_OK)
		status = mst_gate_text(&out->help, in->help, "an option's help", MST_MAX_PLUGIN_HELP, err);
	if (status == MST_OK)
		status = optional_text(&out->default_value, in->default_value, "an option's default",
		                       MST_MAX_PLUGIN_HELP, err);
	if (status == MST_OK)
		status = optional_text(&out->choices, in->choices, "an option's choices", MST_MAX_PLUGIN_HELP, err);
	if (status == MST_OK)
		status = optional_text(&out->limited_by, in->limited_by, "an option's limited_by", MST_MAX_NAME, err);
	return status;
}

static int read_options(const struct muster_array *array, const char *what, size_t minimum, struct mst_option_def **out,
                        size_t *count, struct mst_err *err)
{
	int status = mst_gate_array(array, what, minimum, MST_MAX_PLUGIN_OPTIONS, err);
	if (status != MST_OK || array->count == 0)
		return status;
	*out = calloc(array->count, sizeof **out);
	if (!*out)
		return mst_err_no_memory(err);
	*count = array->count;
	for (uint32_t i = 0; status == MST_OK && i < array->count; i++) {
		struct muster_option option;
		mst_gate_element(array, i, &option, sizeof option);
		status = read_option(&(*out)[i], &option, err);
	}
	return status;
}

static int read_fields(const struct muster_array *array, size_t minimum, struct mst_method *method, struct mst_err *err)
{
	int status = mst_gate_array(array, "fields", minimum, MST_MAX_PLUGIN_FIELDS, err);
	if (status != MST_OK || array->count == 0)
		return status;
	method->fields = calloc(array->count, sizeof *method->fields);
	if (!method->fields)
		return mst_err_no_memory(err);
	method->field_count = array->count;
	for (uint32_t i = 0; status == MST_OK && i < array->count; i++) {
		struct mst_field_def *out = &method->fields[i];
		struct muster_field in;
		mst_gate_element(array, i, &in, sizeof in);
		out->type = in.type;
		out->flags = in.flags;
		status = mst_gate_text(&out->name, in.name, "a field's name", MST_MAX_LABEL_NAME, err);
		if (status == MST_OK)
			status = mst_gate_text(&out->label, in.label, "a field's label", MST_MAX_PLUGIN_LINE, err);
		if (status == MST_OK)
			status = mst_gate_text(&out->help, in.help, "a field's help", MST_MAX_PLUGIN_HELP, err);
	}
	return status;
}

static int read_texts(const struct muster_array *array, size_t minimum, struct mst_method *method, struct mst_err *err)
{
	int status = mst_gate_array(array, "texts", minimum, MST_MAX_PLUGIN_TEXTS, err);
	if (status != MST_OK || array->count == 0)
		return status;
	method->texts = calloc(array->count, sizeof *method->texts);
	if (!method->texts)
		return mst_err_no_memory(err);
	method->text_count = array->count;
	for (uint32_t i = 0; status == MST_OK && i < array->count; i++) {
		struct mst_text_def *out = &method->texts[i];
		struct muster_text in;
		mst_gate_element(array, i, &in, sizeof in);
		status = mst_gate_text(&out->name, in.name, "a text's name", MST_MAX_NAME, err);
		if (status == MST_OK)
			status = mst_gate_text(&out->title, in.title, "a text's title", MST_MAX_PLUGIN_LINE, err);
		if (status == MST_OK)
			status = mst_gate_text(&out->body, in.body, "a text's body", MST_MAX_PLUGIN_TEXT, err);
	}
	return status;
}

static int read_tools(const struct muster_array *array, size_t minimum, struct mst_method *method, struct mst_err *err)
{
	int status = mst_gate_array(array, "tools", minimum, MST_MAX_PLUGIN_TOOLS, err);
	if (status != MST_OK || array->count == 0)
		return status;
	method->tools = calloc(array->count, sizeof *method->tools);
	if (!method->tools)
		return mst_err_no_memory(err);
	method->tool_count = array->count;
	for (uint32_t i = 0; status == MST_OK && i < array->count; i++) {
		struct mst_tool_def *out = &method->tools[i];
		struct muster_tool in;
		mst_gate_element(array, i, &in, sizeof in);
		status = mst_gate_text(&out->program, in.program, "a tool's program", MST_MAX_LABEL_NAME, err);
		if (status == MST_OK)
			status = mst_gate_text(&out->package, in.package, "a tool's package", MST_MAX_LABEL_NAME, err);
		if (status == MST_OK)
			status = mst_gate_text(&out->help, in.help, "a tool's help", MST_MAX_PLUGIN_HELP, err);
	}
	return status;
}

static int read_method(const struct muster_method *in, const struct mst_gate_range *range, const char *plugin,
                       struct mst_method *out, struct mst_err *err)
{
	out->def.wants = in->wants;
	int status = mst_gate_text(&out->def.name, in->name, "a method's name", MST_MAX_NAME, err);
	if (status == MST_OK)
		status = mst_gate_text(&out->def.summary, in->summary, "a method's summary", MST_MAX_PLUGIN_LINE, err);
	if (status == MST_OK)
		status = mst_gate_text(&out->def.plugin, plugin, "the plugin's name", MST_MAX_NAME, err);
	if (status == MST_OK)
		status = read_options(&in->options, "options", range->option, &out->def.options, &out->def.option_count,
		                      err);
	if (status == MST_OK)
		status = read_options(&in->provider, "provider options", range->option, &out->provider,
		                      &out->provider_count, err);
	if (status == MST_OK)
		status = read_fields(&in->fields, range->field, out, err);
	if (status == MST_OK)
		status = read_texts(&in->texts, range->text, out, err);
	if (status == MST_OK)
		status = read_tools(&in->tools, range->tool, out, err);
	return status;
}

int mst_gate_read_methods(const struct muster_array *methods, const struct mst_gate_range *range,
                          struct mst_manifest *manifest, struct mst_err *err)
{
	int status = mst_gate_array(methods, "methods", range->method, MST_MAX_PLUGIN_METHODS, err);
	if (status != MST_OK || methods->count == 0)
		return status;
	manifest->methods = calloc(methods->count, sizeof *manifest->methods);
	if (!manifest->methods)
		return mst_err_no_memory(err);
	manifest->method_count = methods->count;
	for (uint32_t i = 0; status == MST_OK && i < methods->count; i++) {
		struct muster_method method;
		mst_gate_element(methods, i, &method, sizeof method);
		status = read_method(&method, range, manifest->name, &manifest->methods[i], err);
	}
	return status;
}
