/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest as JSON: what `muster-worker describe` prints and the daemon reads. */
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "plugin/manifest.h"

struct word {
	uint64_t value;
	const char *text;
};
static const struct word option_types[] = {
        {MUSTER_OPTION_TEXT, "text"},           {MUSTER_OPTION_BOOL, "bool"},         {MUSTER_OPTION_INT, "int"},
        {MUSTER_OPTION_CHOICE, "choice"},       {MUSTER_OPTION_DURATION, "duration"}, {MUSTER_OPTION_RATE, "rate"},
        {MUSTER_OPTION_SIZE, "size"},           {MUSTER_OPTION_TARGETS, "targets"},   {MUSTER_OPTION_PORTS, "ports"},
        {MUSTER_OPTION_ADDRESSES, "addresses"}, {MUSTER_OPTION_SECRET, "secret"},     {0, NULL},
};
static const struct word field_types[] = {
        {MUSTER_FIELD_TEXT, "text"},       {MUSTER_FIELD_INT, "int"},
        {MUSTER_FIELD_BOOL, "bool"},       {MUSTER_FIELD_TIME, "time"},
        {MUSTER_FIELD_ADDRESS, "address"}, {MUSTER_FIELD_LIST, "list"},
        {MUSTER_FIELD_OBJECT, "object"},   {0, NULL},
};
static const struct word option_flags[] = {
        {MUSTER_OPTION_REQUIRED, "required"}, {MUSTER_OPTION_RISKY, "risky"}, {0, NULL}};
static const struct word field_flags[] = {
        {MUSTER_FIELD_INDEXED, "indexed"}, {MUSTER_FIELD_DEFAULT, "default"}, {0, NULL}};
static const struct word wants_words[] = {
        {MUSTER_WANTS_NET_RAW, "net_raw"},
        {MUSTER_WANTS_SPAWN, "spawn"},
        {MUSTER_WANTS_NETWORK, "network"},
        {MUSTER_WANTS_KNOWN, "known"},
        {0, NULL},
};

static const char *word_of(const struct word *words, uint64_t value)
{
	for (; words->text; words++)
		if (words->value == value)
			return words->text;
	return "unknown";
}

static uint64_t value_of(const struct word *words, const char *text)
{
	for (; words->text; words++)
		if (strcmp(words->text, text) == 0)
			return words->value;
	return 0;
}

static void add_words(struct json_object *object, const char *key, const struct word *words, uint64_t bits)
{
	struct json_object *array = json_object_new_array();
	for (; words->text; words++)
		if (bits & words->value)
			mst_json_push(array, json_object_new_string(words->text));
	mst_json_put(object, key, array);
}

/* Unknown words become a bit that no check lets through. */
static uint64_t take_words(struct json_object *object, const char *key, const struct word *words)
{
	struct json_object *array = mst_json_array(object, key);
	uint64_t bits = 0;
	for (size_t i = 0; array && i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		uint64_t bit =
		        json_object_is_type(item, json_type_string) ? value_of(words, json_object_get_string(item)) : 0;
		bits |= bit ? bit : UINT64_C(1) << 31;
	}
	return bits;
}

static struct json_object *options_to_json(const struct mst_option_def *options, size_t count)
{
	struct json_object *array = json_object_new_array();
	for (size_t i = 0; i < count; i++) {
		struct json_object *object = json_object_new_object();
		mst_json_add_text(object, "name", options[i].name);
		mst_json_add_text(object, "type", word_of(option_types, options[i].type));
		add_words(object, "flags", option_flags, options[i].flags);
		mst_json_add_text(object, "default", options[i].default_value);
		mst_json_add_text(object, "help", options[i].help);
		mst_json_add_text(object, "choices", options[i].choices);
		mst_json_add_int(object, "minimum", options[i].minimum);
		mst_json_add_int(object, "maximum", options[i].maximum);
		mst_json_add_text(object, "limited_by", options[i].limited_by);
		mst_json_push(array, object);
	}
	return array;
}

static struct json_object *method_to_json(const struct mst_method *method)
{
	struct json_object *object = json_object_new_object();
	struct json_object *fields = json_object_new_array(), *texts = json_object_new_array(),
	                   *tools = json_object_new_array();
	mst_json_add_text(object, "name", method->def.name);
	mst_json_add_text(object, "summary", method->def.summary);
	add_words(object, "wants", wants_words, method->def.wants);
	mst_json_put(object, "options", options_to_json(method->def.options, method->def.option_count));
	mst_json_put(object, "provider", options_to_json(method->provider, method->provider_count));
	for (size_t i = 0; i < method->field_count; i++) {
		struct json_object *field = json_object_new_object();
		mst_json_add_text(field, "name", method->fields[i].name);
		mst_json_add_text(field, "label", method->fields[i].label);
		mst_json_add_text(field, "type", word_of(field_types, method->fields[i].type));
		add_words(field, "flags", field_flags, method->fields[i].flags);
		mst_json_add_text(field, "help", method->fields[i].help);
		mst_json_push(fields, field);
	}
	mst_json_put(object, "fields", fields);
	for (size_t i = 0; i < method->text_count; i++) {
		struct json_object *text = json_object_new_object();
		mst_json_add_text(text, "name", method->texts[i].name);
		mst_json_add_text(text, "title", method->texts[i].title);
		mst_json_add_text(text, "body", method->texts[i].body);
		mst_json_push(texts, text);
	}
	mst_json_put(object, "texts", texts);
	for (size_t i = 0; i < method->tool_count; i++) {
		struct json_object *tool = json_object_new_object();
		mst_json_add_text(tool, "program", method->tools[i].program);
		mst_json_add_text(tool, "package", method->tools[i].package);
		mst_json_add_text(tool, "help", method->tools[i].help);
		mst_json_push(tools, tool);
	}
	mst_json_put(object, "tools", tools);
	return object;
}

struct json_object *mst_manifest_to_json(const struct mst_manifest *manifest)
{
	struct json_object *object = json_object_new_object();
	struct json_object *interfaces = json_object_new_array(), *methods = json_object_new_array();
	mst_json_add_text(object, "name", manifest->name);
	mst_json_add_text(object, "version", manifest->version);
	mst_json_add_text(object, "summary", manifest->summary);
	mst_json_add_text(object, "path", manifest->path);
	mst_json_add_int(object, "abi", manifest->abi);
	if (manifest->discovery)
		mst_json_push(interfaces, json_object_new_string("discovery"));
	if (manifest->execute)
		mst_json_push(interfaces, json_object_new_string("execute"));
	if (manifest->store)
		mst_json_push(interfaces, json_object_new_string("store"));
	mst_json_put(object, "interfaces", interfaces);
	for (size_t i = 0; i < manifest->method_count; i++)
		mst_json_push(methods, method_to_json(&manifest->methods[i]));
	mst_json_put(object, "methods", methods);
	return object;
}

/* Copies a text; absent ones stay NULL unless they are needed. */
static int take(char **out, struct json_object *object, const char *key, size_t most, bool needed, struct mst_err *err)
{
	const char *text = mst_json_text(object, key, NULL);
	if (!text)
		return needed ? mst_err_set(err, MST_E_CORRUPT, "a manifest lacks the text \"%s\"", key) : MST_OK;
	if (strlen(text) > most)
		return mst_err_set(err, MST_E_LIMIT, "a manifest's \"%s\" has more than %zu bytes", key, most);
	*out = mst_str_dup(text);
	return *out ? MST_OK : mst_err_no_memory(err);
}

/* Allocates as many items as the array has; absent is none. */
static int take_array(struct json_object *object, const char *key, size_t most, size_t item_size,
                      struct json_object **array, void **items, size_t *count, struct mst_err *err)
{
	*array = mst_json_array(object, key);
	*items = NULL;
	*count = 0;
	size_t length = *array ? json_object_array_length(*array) : 0;
	if (length > most)
		return mst_err_set(err, MST_E_LIMIT, "a manifest has %zu %s, at most %zu are taken", length, key, most);
	if (length == 0)
		return MST_OK;
	*items = calloc(length, item_size);
	if (!*items)
		return mst_err_no_memory(err);
	*count = length;
	return MST_OK;
}

static int take_option(struct mst_option_def *out, struct json_object *object, struct mst_err *err)
{
	out->type = (uint32_t)value_of(option_types, mst_json_text(object, "type", ""));
	out->flags = (uint32_t)take_words(object, "flags", option_flags);
	out->minimum = mst_json_int(object, "minimum", 0);
	out->maximum = mst_json_int(object, "maximum", 0);
	int status = take(&out->name, object, "name", MST_MAX_NAME, true, err);
	if (status == MST_OK)
		status = take(&out->help, object, "help", MST_MAX_PLUGIN_HELP, true, err);
	if (status == MST_OK)
		status = take(&out->default_value, object, "default", MST_MAX_PLUGIN_HELP, false, err);
	if (status == MST_OK)
		status = take(&out->choices, object, "choices", MST_MAX_PLUGIN_HELP, false, err);
	if (status == MST_OK)
		status = take(&out->limited_by, object, "limited_by", MST_MAX_NAME, false, err);
	return status;
}

static int take_options(struct json_object *object, const char *key, struct mst_option_def **out, size_t *count,
                        struct mst_err *err)
{
	struct json_object *array;
	void *items = NULL;
	int status = take_array(object, key, MST_MAX_PLUGIN_OPTIONS, sizeof **out, &array, &items, count, err);
	*out = items;
	for (size_t i = 0; status == MST_OK && i < *count; i++)
		status = take_option(&(*out)[i], json_object_array_get_idx(array, i), err);
	return status;
}

static int take_fields(struct json_object *object, struct mst_method *method, struct mst_err *err)
{
	struct json_object *array;
	void *items = NULL;
	int status = take_array(object, "fields", MST_MAX_PLUGIN_FIELDS, sizeof *method->fields, &array, &items,
	                        &method->field_count, err);
	method->fields = items;
	for (size_t i = 0; status == MST_OK && i < method->field_count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		struct mst_field_def *out = &method->fields[i];
		out->type = (uint32_t)value_of(field_types, mst_json_text(item, "type", ""));
		out->flags = (uint32_t)take_words(item, "flags", field_flags);
		status = take(&out->name, item, "name", MST_MAX_LABEL_NAME, true, err);
		if (status == MST_OK)
			status = take(&out->label, item, "label", MST_MAX_PLUGIN_LINE, true, err);
		if (status == MST_OK)
			status = take(&out->help, item, "help", MST_MAX_PLUGIN_HELP, true, err);
	}
	return status;
}

static int take_texts(struct json_object *object, struct mst_method *method, struct mst_err *err)
{
	struct json_object *array;
	void *items = NULL;
	int status = take_array(object, "texts", MST_MAX_PLUGIN_TEXTS, sizeof *method->texts, &array, &items,
	                        &method->text_count, err);
	method->texts = items;
	for (size_t i = 0; status == MST_OK && i < method->text_count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		status = take(&method->texts[i].name, item, "name", MST_MAX_NAME, true, err);
		if (status == MST_OK)
			status = take(&method->texts[i].title, item, "title", MST_MAX_PLUGIN_LINE, true, err);
		if (status == MST_OK)
			status = take(&method->texts[i].body, item, "body", MST_MAX_PLUGIN_TEXT, true, err);
	}
	return status;
}

static int take_tools(struct json_object *object, struct mst_method *method, struct mst_err *err)
{
	struct json_object *array;
	void *items = NULL;
	int status = take_array(object, "tools", MST_MAX_PLUGIN_TOOLS, sizeof *method->tools, &array, &items,
	                        &method->tool_count, err);
	method->tools = items;
	for (size_t i = 0; status == MST_OK && i < method->tool_count; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		status = take(&method->tools[i].program, item, "program", MST_MAX_LABEL_NAME, true, err);
		if (status == MST_OK)
			status = take(&method->tools[i].package, item, "package", MST_MAX_LABEL_NAME, true, err);
		if (status == MST_OK)
			status = take(&method->tools[i].help, item, "help", MST_MAX_PLUGIN_HELP, true, err);
	}
	return status;
}

static int take_method(struct mst_method *out, struct json_object *object, const char *plugin, struct mst_err *err)
{
	out->def.wants = take_words(object, "wants", wants_words);
	int status = take(&out->def.name, object, "name", MST_MAX_NAME, true, err);
	if (status == MST_OK)
		status = take(&out->def.summary, object, "summary", MST_MAX_PLUGIN_LINE, true, err);
	if (status == MST_OK && !(out->def.plugin = mst_str_dup(plugin)))
		status = mst_err_no_memory(err);
	if (status == MST_OK)
		status = take_options(object, "options", &out->def.options, &out->def.option_count, err);
	if (status == MST_OK)
		status = take_options(object, "provider", &out->provider, &out->provider_count, err);
	if (status == MST_OK)
		status = take_fields(object, out, err);
	if (status == MST_OK)
		status = take_texts(object, out, err);
	return status == MST_OK ? take_tools(object, out, err) : status;
}

static void take_interfaces(struct mst_manifest *out, struct json_object *object)
{
	struct json_object *array = mst_json_array(object, "interfaces");
	for (size_t i = 0; array && i < json_object_array_length(array); i++) {
		struct json_object *item = json_object_array_get_idx(array, i);
		const char *word = json_object_is_type(item, json_type_string) ? json_object_get_string(item) : "";
		out->discovery |= strcmp(word, "discovery") == 0;
		out->execute |= strcmp(word, "execute") == 0;
		out->store |= strcmp(word, "store") == 0;
	}
}

int mst_manifest_from_json(struct mst_manifest *out, struct json_object *object, struct mst_err *err)
{
	struct json_object *methods = NULL;
	void *items = NULL;
	memset(out, 0, sizeof *out);
	if (!json_object_is_type(object, json_type_object))
		return mst_err_set(err, MST_E_CORRUPT, "a manifest is one JSON object");
	int64_t abi = mst_json_int(object, "abi", -1);
	int status = abi >= 0 && abi <= UINT32_MAX ? MST_OK
	                                           : mst_err_set(err, MST_E_CORRUPT, "a manifest lacks its \"abi\"");
	out->abi = (uint32_t)abi;
	take_interfaces(out, object);
	if (status == MST_OK)
		status = take(&out->name, object, "name", MST_MAX_NAME, true, err);
	if (status == MST_OK)
		status = take(&out->version, object, "version", MST_MAX_LABEL_NAME, true, err);
	if (status == MST_OK)
		status = take(&out->summary, object, "summary", MST_MAX_PLUGIN_LINE, true, err);
	if (status == MST_OK)
		status = take(&out->path, object, "path", 4095, false, err);
	if (status == MST_OK)
		status = take_array(object, "methods", MST_MAX_PLUGIN_METHODS, sizeof *out->methods, &methods, &items,
		                    &out->method_count, err);
	out->methods = items;
	for (size_t i = 0; status == MST_OK && i < out->method_count; i++)
		status = take_method(&out->methods[i], json_object_array_get_idx(methods, i), out->name, err);
	if (status == MST_OK)
		status = mst_manifest_check(out, err);
	if (status != MST_OK)
		mst_manifest_free(out);
	return status;
}
