/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: the keys that all have, and the section of a method, checked by the method's own option table. */
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/loader.h"
#include "conf/word.h"

#define AT(member) offsetof(struct mst_profile, member)

static const struct mst_key profile_keys[] = {
        {"zone", MST_KEY_TEXT, AT(zone), 0, mst_check_name},
        {"scan_interval", MST_KEY_DURATION, AT(scan_interval), 0, mst_check_interval},
        {"import_frequency", MST_KEY_TEXT, AT(import_frequency), 0, mst_check_frequency},
        {"windows", MST_KEY_LIST, AT(windows), AT(window_count), mst_check_window},
        {"blackouts", MST_KEY_LIST, AT(blackouts), AT(blackout_count), mst_check_blackout},
        {NULL, MST_KEY_TEXT, 0, 0, NULL},
};

/* A profile being read. */
struct reader {
	struct mst_loader *loader;
	struct mst_profile *profile;
	const struct mst_outline *method; /* its section */
	int *lines;                       /* of the method's options, 0: not written */
	char context[MST_SHOWN + 32];
};

const struct mst_method_def *mst_loader_method(const struct mst_loader *loader, const char *name)
{
	for (size_t i = 0; i < loader->method_count; i++) {
		if (strcmp(loader->methods[i]->name, name) == 0)
			return loader->methods[i];
	}
	return NULL;
}

static void unknown_method(struct reader *reader, const struct mst_outline *section)
{
	struct mst_loader *loader = reader->loader;
	struct mst_nearest nearest;

	mst_nearest_init(&nearest, section->key);
	for (size_t i = 0; i < loader->method_count; i++)
		mst_nearest_try(&nearest, loader->methods[i]->name);
	if (mst_nearest_best(&nearest) != NULL)
		mst_loader_fault(loader, section->line, reader->context,
		                 "no plugin offers the method \"%s\": did you mean \"%s\"?", section->key,
		                 mst_nearest_best(&nearest));
	else
		mst_loader_fault(loader, section->line, reader->context,
		                 "no plugin offers the method \"%s\": install the plugin %s "
		                 "(see muster plugins), or remove the profile",
		                 section->key, section->key);
}

/* The one section that names the method. */
static void find_method(struct reader *reader, const struct mst_outline *section)
{
	const struct mst_outline *first = NULL;

	for (size_t i = 0; i < section->count; i++) {
		const struct mst_outline *item = &section->items[i];

		if (item->statement != NULL)
			continue;
		if (first != NULL) {
			mst_loader_fault(reader->loader, item->line, reader->context,
			                 "a second method \"%s\", beside \"%s\" in line %d: make it a "
			                 "profile of its own",
			                 item->key, first->key, first->line);
			continue;
		}
		first = item;
		if (mst_loader_method(reader->loader, item->key) == NULL)
			unknown_method(reader, item);
		else if (item->title != NULL)
			mst_loader_fault(reader->loader, item->line, reader->context,
			                 "%s takes no name: write %s { ... }", item->key, item->key);
		else
			reader->method = item;
	}
	if (first == NULL)
		mst_loader_fault(reader->loader, section->line, reader->context,
		                 "no method: add its section, such as nmap { include = "
		                 "\"192.0.2.0/24\" }");
}

static bool is_profile_key(const char *name)
{
	for (const struct mst_key *key = profile_keys; key->name != NULL; key++) {
		if (strcmp(key->name, name) == 0)
			return true;
	}
	return false;
}

/* The keys outside the method's section. */
static void read_keys(struct reader *reader, const struct mst_outline *section)
{
	const struct mst_method_def *method = reader->profile->options.method;
	struct mst_outline keys = {.line = section->line};

	for (size_t i = 0; i < section->count; i++) {
		const struct mst_outline *item = &section->items[i];
		struct mst_outline *copy;

		if (item->statement == NULL)
			continue;
		if (method != NULL && !is_profile_key(item->key) && mst_option_find(method, item->key) != NULL) {
			mst_loader_fault(reader->loader, item->line, reader->context,
			                 "%s belongs to the method: move it into %s { ... }", item->key, method->name);
			continue;
		}
		copy = mst_loader_grow(reader->loader, keys.items, keys.count, sizeof(*copy));
		if (copy == NULL)
			break;
		keys.items = copy;
		keys.items[keys.count++] = *item;
	}
	mst_keys_read(reader->loader, profile_keys, NULL, &keys, reader->profile, reader->context);
	free(keys.items);
}

static bool takes_list(uint32_t type)
{
	return type == MUSTER_OPTION_TEXT || type == MUSTER_OPTION_TARGETS || type == MUSTER_OPTION_PORTS ||
	       type == MUSTER_OPTION_ADDRESSES;
}

/* A list is another way to write a comma-separated text, so no element may have a comma of its own. */
static int join(const struct mst_option_def *def, const struct mst_values *values, struct mst_buf *out,
                struct mst_err *err)
{
	if (values->list && !takes_list(def->type))
		return mst_err_set(err, MST_E_USAGE, "%s takes one value, not a list: write %s = \"value\"", def->name,
		                   def->name);
	for (size_t i = 0; i < values->count; i++) {
		if (def->type == MUSTER_OPTION_TEXT && values->list && strchr(values->items[i], ',') != NULL)
			return mst_err_set(err, MST_E_USAGE,
			                   "%s: a value of the list has a comma inside: write the list as one text",
			                   def->name);
		mst_buf_printf(out, "%s%s", i == 0 ? "" : ",", values->items[i]);
	}
	if (!out->failed)
		return MST_OK;
	return mst_err_set(err, MST_E_USAGE, "%s: the value is longer than %u bytes", def->name, MST_MAX_OPTION_VALUE);
}

static int put_option(struct reader *reader, const struct mst_outline *item, const struct mst_option_def *def,
                      struct mst_err *err)
{
	struct mst_values values;
	struct mst_err inner;
	struct mst_buf text;
	int status;

	if (item->append)
		return mst_err_set(err, MST_E_USAGE, "%s cannot be added to: write = instead of +=", item->key);
	if (mst_values_read(&values, item, &inner) != MST_OK)
		return mst_err_set(err, inner.code, "%s: %s", item->key, inner.text);
	mst_buf_init(&text, MST_MAX_OPTION_VALUE);
	status = join(def, &values, &text, err);
	if (status == MST_OK)
		status = mst_option_set_put(&reader->profile->options, def->name, mst_buf_text(&text), err);
	mst_buf_free(&text);
	mst_values_free(&values);
	return status;
}

static void read_option(struct reader *reader, const struct mst_outline *item)
{
	struct mst_option_set *options = &reader->profile->options;
	const struct mst_option_def *def = mst_option_find(options->method, item->key);
	struct mst_err err;
	int status;

	if (def == NULL) {
		/* any text will do: put refuses the name before it looks at it */
		status = mst_option_set_put(options, item->key, "", &err);
	} else if (item->statement == NULL) {
		status = mst_err_set(&err, MST_E_USAGE, "%s is an option, not a section: write %s = \"value\"",
		                     item->key, item->key);
	} else {
		int *line = &reader->lines[def - options->method->options];

		if (*line != 0)
			status = mst_err_set(&err, MST_E_USAGE, "%s is set twice, first in line %d: keep one",
			                     item->key, *line);
		else
			status = put_option(reader, item, def, &err);
		*line = item->line;
	}
	reader->loader->no_memory |= status == MST_E_NO_MEMORY;
	if (status != MST_OK)
		mst_loader_fault(reader->loader, item->line, reader->context, "%s", err.text);
}

static void whole_fault(void *data, const struct mst_option_def *def, const char *text)
{
	struct reader *reader = data;
	const struct mst_option_set *options = &reader->profile->options;
	int line = reader->lines[def - options->method->options];

	/* an option that is there and was refused has its own fault */
	if (line != 0 && !mst_option_set_is_set(options, def->name))
		return;
	mst_faults_add(reader->loader->faults, reader->loader->file, line == 0 ? reader->method->line : line,
	               strncmp(text, "includes ", 9) == 0 ? "profile \"%s\" %s" : "profile \"%s\": %s",
	               reader->profile->name, text);
}

static void read_options(struct reader *reader)
{
	struct mst_option_set *options = &reader->profile->options;

	reader->lines = calloc(options->method->option_count + 1, sizeof(*reader->lines));
	if (reader->lines == NULL) {
		reader->loader->no_memory = true;
		return;
	}
	for (size_t i = 0; i < reader->method->count; i++)
		read_option(reader, &reader->method->items[i]);
	if (mst_option_set_check_each(options, whole_fault, reader) < 0)
		reader->loader->no_memory = true;
	free(reader->lines);
}

/* A name that may be used, or a fault. */
static bool name_free(struct mst_loader *loader, const struct mst_outline *section)
{
	const struct mst_profile *same;
	struct mst_err err;

	if (mst_check_name(section->title, &err) != MST_OK) {
		mst_loader_fault(loader, section->line, "", "profile: %s", err.text);
		return false;
	}
	if (mst_loader_method(loader, section->title) != NULL) {
		mst_loader_fault(loader, section->line, "",
		                 "profile \"%s\" has the name of a method, which is reserved: rename it, such as "
		                 "\"%s-1\"",
		                 section->title, section->title);
		return false;
	}
	same = mst_settings_profile(loader->settings, section->title);
	if (same == NULL)
		return true;
	mst_loader_fault(loader, section->line, "", "profile \"%s\" is there already (%s): rename or remove one",
	                 same->name, same->at);
	return false;
}

static bool start(struct reader *reader, const struct mst_outline *section)
{
	struct mst_loader *loader = reader->loader;
	struct mst_settings *settings = loader->settings;
	struct mst_profile *profile;

	if (!mst_loader_room(loader, settings->profile_count, section))
		return false;
	profile = mst_loader_grow(loader, settings->profiles, settings->profile_count, sizeof(*profile));
	if (profile == NULL)
		return false;
	settings->profiles = profile;
	profile += settings->profile_count++;
	reader->profile = profile;
	profile->at = mst_loader_at(loader, section->line);
	mst_loader_place(loader, &loader->profile_zone_at, &loader->profile_zone_count, section, "zone");
	profile->name = mst_str_dup(section->title);
	snprintf(reader->context, sizeof(reader->context), "profile \"%s\": ", section->title);
	loader->no_memory |= profile->name == NULL;
	return !loader->no_memory;
}

void mst_profile_read(struct mst_loader *loader, const struct mst_outline *section)
{
	struct reader reader = {.loader = loader};
	struct mst_profile *profile;
	struct mst_err err;

	if (!name_free(loader, section) || !start(&reader, section))
		return;
	profile = reader.profile;
	find_method(&reader, section);
	if (reader.method != NULL &&
	    mst_option_set_init(&profile->options, mst_loader_method(loader, reader.method->key), &err) != MST_OK) {
		mst_loader_fault(loader, reader.method->line, reader.context, "%s", err.text);
		reader.method = NULL;
	}
	read_keys(&reader, section);
	if (reader.method != NULL && !loader->no_memory)
		read_options(&reader);
	if (profile->zone == NULL)
		profile->zone = mst_str_dup("default");
	if (profile->import_frequency == NULL)
		profile->import_frequency = mst_str_dup("each run");
	loader->no_memory |= profile->zone == NULL || profile->import_frequency == NULL;
}

void mst_profile_free(struct mst_profile *profile)
{
	free(profile->name);
	free(profile->zone);
	free(profile->at);
	free(profile->import_frequency);
	for (size_t i = 0; i < profile->window_count; i++)
		free(profile->windows[i]);
	for (size_t i = 0; i < profile->blackout_count; i++)
		free(profile->blackouts[i]);
	free(profile->windows);
	free(profile->blackouts);
	mst_option_set_free(&profile->options);
	memset(profile, 0, sizeof(*profile));
}
