/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest may say. The same rules hold for a descriptor in memory and for JSON from another process. */
#include <muster/plugin.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "plugin/manifest.h"

#define KNOWN_WANTS        (MUSTER_WANTS_NET_RAW | MUSTER_WANTS_SPAWN | MUSTER_WANTS_NETWORK | MUSTER_WANTS_KNOWN)
#define KNOWN_OPTION_FLAGS (MUSTER_OPTION_REQUIRED | MUSTER_OPTION_RISKY)
#define KNOWN_FIELD_FLAGS  (MUSTER_FIELD_INDEXED | MUSTER_FIELD_DEFAULT)

static bool only(const char *text, const char *set)
{
	return *text && text[strspn(text, set)] == '\0';
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Printable UTF-8; with `body` also line feeds and tabs. NULL is empty. */
static bool is_text(const char *text, bool body)
{
	if (!text)
		return true;
	for (const char *c = text; *c; c++)
		if (((unsigned char)*c < ' ' && !(body && (*c == '\n' || *c == '\t'))) || *c == 127)
			return false;
	return mst_str_utf8_valid(text, strlen(text));
}

static int check_text(const char *text, bool body, const char *where, const char *name, const char *what,
                      struct mst_err *err)
{
	if (is_text(text, body))
		return MST_OK;
	return mst_err_set(err, MST_E_USAGE, "%s \"%s\": %s has control bytes or is not valid UTF-8; correct the text",
	                   where, name, what);
}

static int check_option_limits(const struct mst_option_def *def, struct mst_err *err)
{
	if (def->type < MUSTER_OPTION_TEXT || def->type > MUSTER_OPTION_SECRET)
		return mst_err_set(err, MST_E_USAGE, "option \"%s\" has unknown type %u; known are %u to %u", def->name,
		                   def->type, (unsigned)MUSTER_OPTION_TEXT, (unsigned)MUSTER_OPTION_SECRET);
	if (def->flags & ~KNOWN_OPTION_FLAGS)
		return mst_err_set(err, MST_E_USAGE, "option \"%s\" has unknown flags 0x%x; known are 0x%x", def->name,
		                   def->flags & ~KNOWN_OPTION_FLAGS, KNOWN_OPTION_FLAGS);
	if (def->minimum > def->maximum)
		return mst_err_set(err, MST_E_USAGE, "option \"%s\": minimum %lld is above maximum %lld; exchange them",
		                   def->name, (long long)def->minimum, (long long)def->maximum);
	bool choice = def->type == MUSTER_OPTION_CHOICE;
	if (choice != (def->choices && *def->choices))
		return mst_err_set(err, MST_E_USAGE,
		                   choice ? "option \"%s\" is a choice without choices; set choices to \"a|b|c\""
		                          : "option \"%s\" has choices but is no choice; set its type to CHOICE",
		                   def->name);
	return MST_OK;
}

static int check_default(const struct mst_option_def *def, struct mst_err *err)
{
	struct mst_err why;
	int64_t number;
	if (!def->default_value)
		return MST_OK;
	if (def->type == MUSTER_OPTION_SECRET)
		return mst_err_set(err, MST_E_USAGE, "option \"%s\" is a secret with a default; a secret has none",
		                   def->name);
	mst_err_clear(&why);
	if (mst_option_check_value(def, def->default_value, &number, &why) == MST_OK)
		return MST_OK;
	return mst_err_set(err, MST_E_USAGE,
	                   "option \"%s\": its default \"%s\" does not fit its own type (%s); correct one of them",
	                   def->name, def->default_value, why.text);
}

static const struct mst_option_def *find_option(const struct mst_option_def *options, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

static int check_limited_by(const struct mst_option_def *def, const struct mst_option_def *options, size_t count,
                            struct mst_err *err)
{
	if (!def->limited_by)
		return MST_OK;
	const struct mst_option_def *limit = find_option(options, count, def->limited_by);
	if (def->type == MUSTER_OPTION_TARGETS && limit && limit->type == MUSTER_OPTION_INT)
		return MST_OK;
	return mst_err_set(err, MST_E_USAGE,
	                   "option \"%s\": limited_by is for TARGETS and names an INT option of the same method, but "
	                   "\"%s\" is not one",
	                   def->name, def->limited_by);
}

static int check_option(const struct mst_option_def *def, struct mst_err *err)
{
	if (!is_lower(def->name[0]) || !only(def->name, LOWER DIGIT "_"))
		return mst_err_set(err, MST_E_USAGE, "option name \"%s\" is not of the form [a-z][a-z0-9_]*; rename it",
		                   def->name);
	int status = check_option_limits(def, err);
	if (status == MST_OK)
		status = check_text(def->help, false, "option", def->name, "help", err);
	if (status == MST_OK)
		status = check_text(def->choices, false, "option", def->name, "choices", err);
	if (status == MST_OK)
		status = check_text(def->default_value, false, "option", def->name, "default", err);
	return status == MST_OK ? check_default(def, err) : status;
}

static int check_options(const struct mst_option_def *options, size_t count, struct mst_err *err)
{
	int status = MST_OK;
	for (size_t i = 0; status == MST_OK && i < count; i++) {
		status = check_option(&options[i], err);
		if (status == MST_OK && find_option(options, i, options[i].name))
			status = mst_err_set(err, MST_E_USAGE, "option \"%s\" stands twice in its table; remove one",
			                     options[i].name);
		if (status == MST_OK)
			status = check_limited_by(&options[i], options, count, err);
	}
	return status;
}

static int check_fields(const struct mst_method *method, struct mst_err *err)
{
	for (size_t i = 0; i < method->field_count; i++) {
		const struct mst_field_def *field = &method->fields[i];
		if (!is_lower(field->name[0]) || !only(field->name, LOWER DIGIT "_."))
			return mst_err_set(err, MST_E_USAGE,
			                   "field name \"%s\" is not of the form [a-z][a-z0-9_.]*; rename it",
			                   field->name);
		if (field->type < MUSTER_FIELD_TEXT || field->type > MUSTER_FIELD_OBJECT ||
		    (field->flags & ~KNOWN_FIELD_FLAGS))
			return mst_err_set(err, MST_E_USAGE, "field \"%s\" has unknown type %u or flags 0x%x",
			                   field->name, field->type, field->flags);
		for (size_t j = 0; j < i; j++)
			if (strcmp(method->fields[j].name, field->name) == 0)
				return mst_err_set(err, MST_E_USAGE,
				                   "field \"%s\" stands twice in its table; remove one", field->name);
		int status = check_text(field->label, false, "field", field->name, "label", err);
		if (status == MST_OK)
			status = check_text(field->help, false, "field", field->name, "help", err);
		if (status != MST_OK)
			return status;
	}
	return MST_OK;
}

static int check_texts(const struct mst_method *method, struct mst_err *err)
{
	for (size_t i = 0; i < method->text_count; i++) {
		const struct mst_text_def *text = &method->texts[i];
		if (!is_lower(text->name[0]) || !only(text->name, LOWER DIGIT "-"))
			return mst_err_set(err, MST_E_USAGE,
			                   "text name \"%s\" is not of the form [a-z][a-z0-9-]*; rename it",
			                   text->name);
		for (size_t j = 0; j < i; j++)
			if (strcmp(method->texts[j].name, text->name) == 0)
				return mst_err_set(err, MST_E_USAGE,
				                   "text \"%s\" stands twice in its table; remove one", text->name);
		int status = check_text(text->title, false, "text", text->name, "title", err);
		if (status == MST_OK)
			status = check_text(text->body, true, "text", text->name, "body", err);
		if (status != MST_OK)
			return status;
	}
	return MST_OK;
}

static int check_tools(const struct mst_method *method, struct mst_err *err)
{
	for (size_t i = 0; i < method->tool_count; i++) {
		const struct mst_tool_def *tool = &method->tools[i];
		if (!only(tool->program, LOWER UPPER DIGIT "._+-") || tool->program[0] == '.' ||
		    tool->program[0] == '-')
			return mst_err_set(err, MST_E_USAGE,
			                   "tool \"%s\" is not the plain name of a program (no path, no spaces)",
			                   tool->program);
		if (!only(tool->package, LOWER DIGIT ".+-") || tool->package[0] == '-')
			return mst_err_set(err, MST_E_USAGE, "tool \"%s\": \"%s\" is not the name of a Debian package",
			                   tool->program, tool->package);
		int status = check_text(tool->help, false, "tool", tool->program, "help", err);
		if (status != MST_OK)
			return status;
	}
	return MST_OK;
}

static int check_method(const struct mst_method *method, struct mst_err *err)
{
	if (!mst_str_is_name(method->def.name, MST_MAX_NAME))
		return mst_err_set(err, MST_E_USAGE,
		                   "the name is not of the form [a-z][a-z0-9_-]*, at most %u bytes; rename it",
		                   MST_MAX_NAME);
	if (method->def.wants & ~KNOWN_WANTS)
		return mst_err_set(err, MST_E_UNSUPPORTED,
		                   "it wants 0x%llx, which this host does not know (0x%llx); upgrade muster",
		                   (unsigned long long)(method->def.wants & ~KNOWN_WANTS),
		                   (unsigned long long)KNOWN_WANTS);
	int status = check_text(method->def.summary, false, "method", method->def.name, "summary", err);
	if (status == MST_OK)
		status = check_options(method->def.options, method->def.option_count, err);
	if (status == MST_OK)
		status = check_options(method->provider, method->provider_count, err);
	for (size_t i = 0; status == MST_OK && i < method->provider_count; i++)
		if (find_option(method->def.options, method->def.option_count, method->provider[i].name))
			status = mst_err_set(err, MST_E_USAGE,
			                     "option \"%s\" stands in options and in provider; remove one",
			                     method->provider[i].name);
	if (status == MST_OK)
		status = check_fields(method, err);
	if (status == MST_OK)
		status = check_texts(method, err);
	return status == MST_OK ? check_tools(method, err) : status;
}

int mst_manifest_check(const struct mst_manifest *manifest, struct mst_err *err)
{
	if (!mst_str_is_name(manifest->name, MST_MAX_NAME))
		return mst_err_set(err, MST_E_USAGE,
		                   "the plugin's name \"%.64s\" is not of the form [a-z][a-z0-9_-]*, at most %u bytes",
		                   is_text(manifest->name, false) ? manifest->name : "?", MST_MAX_NAME);
	if (!*manifest->version || !is_text(manifest->version, false) || !is_text(manifest->summary, false))
		return mst_err_set(err, MST_E_USAGE,
		                   "the plugin's version is empty, or version or summary have control bytes");
	if (manifest->method_count == 0)
		return mst_err_set(err, MST_E_USAGE, "the plugin has no method; describe at least one");
	for (size_t i = 0; i < manifest->method_count; i++) {
		const struct mst_method *method = &manifest->methods[i];
		struct mst_err why;
		mst_err_clear(&why);
		int status = check_method(method, &why);
		if (status != MST_OK)
			return mst_err_set(err, status, "method \"%s\": %s",
			                   is_text(method->def.name, false) ? method->def.name : "?", why.text);
		for (size_t j = 0; j < i; j++)
			if (strcmp(manifest->methods[j].def.name, method->def.name) == 0)
				return mst_err_set(err, MST_E_USAGE,
				                   "method \"%s\" stands twice in the plugin; remove one",
				                   method->def.name);
	}
	return MST_OK;
}
