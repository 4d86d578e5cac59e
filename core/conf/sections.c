/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of every section but a profile's, and the sections themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/loader.h"
#include "conf/word.h"

#define AT(type, member) offsetof(struct type, member)

static const struct mst_key top_keys[] = {
        {"never_scan", MST_KEY_RULES, AT(mst_settings, rules), 1, NULL},
        {"scan_only", MST_KEY_RULES, AT(mst_settings, rules), 0, NULL},
        {"max_rate", MST_KEY_RATE, AT(mst_settings, max_rate), 0, NULL},
        {"lost_after", MST_KEY_RUNS, AT(mst_settings, lost_after), 0, NULL},
        {"ip_identity_ttl", MST_KEY_DURATION, AT(mst_settings, ip_identity_ttl), 0, NULL},
        {"locations", MST_KEY_TEXT, AT(mst_settings, locations_path), 0, mst_check_path},
        {"provision", MST_KEY_TEXT, AT(mst_settings, provision), 0, mst_check_provision},
        {NULL, MST_KEY_TEXT, 0, 0, NULL},
};

static const struct mst_key store_keys[] = {
        {"path", MST_KEY_TEXT, AT(mst_settings, store_path), 0, mst_check_path},
        {NULL, MST_KEY_TEXT, 0, 0, NULL},
};

static const struct mst_key api_keys[] = {
        {"listen", MST_KEY_LIST, AT(mst_settings, listen), AT(mst_settings, listen_count), mst_check_listen},
        {"operators", MST_KEY_LIST, AT(mst_settings, operators), AT(mst_settings, operator_count), mst_check_person},
        {"viewers", MST_KEY_LIST, AT(mst_settings, viewers), AT(mst_settings, viewer_count), mst_check_person},
        {NULL, MST_KEY_TEXT, 0, 0, NULL},
};

static const struct mst_key retention_keys[] = {
        {"observations", MST_KEY_DURATION, AT(mst_settings, retention_observations), 0, NULL},
        {"lost", MST_KEY_DURATION, AT(mst_settings, retention_lost), 0, NULL},
        {"runs", MST_KEY_DURATION, AT(mst_settings, retention_runs), 0, NULL},
        {"spool", MST_KEY_DURATION, AT(mst_settings, retention_spool), 0, NULL},
        {"audit", MST_KEY_DURATION, AT(mst_settings, retention_audit), 0, NULL},
        {NULL, MST_KEY_TEXT, 0, 0, NULL},
};

static const struct mst_key zone_keys[] = {
        {"networks", MST_KEY_NETWORKS, AT(mst_zone, networks), 0, NULL},
        {"interface", MST_KEY_TEXT, AT(mst_zone, interface_name), 0, mst_check_interface},
        {"source_address", MST_KEY_TEXT, AT(mst_zone, source_address), 0, mst_check_address},
        {"dns_servers", MST_KEY_JOINED, AT(mst_zone, dns_servers), 0, mst_check_address},
        {"max_rate", MST_KEY_RATE, AT(mst_zone, max_rate), 0, NULL},
        {NULL, MST_KEY_TEXT, 0, 0, NULL},
};

static const struct mst_key label_keys[] = {
        {"when", MST_KEY_TEXT, AT(mst_label_rule, when), 0, mst_check_when},
        {"set", MST_KEY_TEXT, AT(mst_label_rule, action), 0, mst_check_action},
        {"enabled", MST_KEY_SWITCH, AT(mst_label_rule, enabled), 0, NULL},
        {NULL, MST_KEY_TEXT, 0, 0, NULL},
};

/* Checked, and used by the notifications of a later version. */
static const struct mst_key notify_keys[] = {
        {"webhook", MST_KEY_TEXT, MST_KEY_NOWHERE, 0, mst_check_webhook},
        {"token", MST_KEY_TEXT, MST_KEY_NOWHERE, 0, mst_check_secret},
        {"on", MST_KEY_LIST, MST_KEY_NOWHERE, 0, mst_check_event},
        {"where", MST_KEY_TEXT, MST_KEY_NOWHERE, 0, mst_check_when},
        {"digest", MST_KEY_DURATION, MST_KEY_NOWHERE, 0, NULL},
        {NULL, MST_KEY_TEXT, 0, 0, NULL},
};

static void read_store(struct mst_loader *loader, const struct mst_outline *section)
{
	struct mst_err err;
	char *kind;

	if (mst_check_name(section->title, &err) != MST_OK) {
		mst_loader_fault(loader, section->line, "store: ", "%s", err.text);
		return;
	}
	kind = mst_str_dup(section->title);
	loader->no_memory |= kind == NULL;
	free(loader->settings->store_kind);
	loader->settings->store_kind = kind;
	mst_keys_read(loader, store_keys, NULL, section, loader->settings, "store: ");
}

static void read_api(struct mst_loader *loader, const struct mst_outline *section)
{
	mst_keys_read(loader, api_keys, NULL, section, loader->settings, "api: ");
}

static void read_retention(struct mst_loader *loader, const struct mst_outline *section)
{
	mst_keys_read(loader, retention_keys, NULL, section, loader->settings, "retention: ");
}

/* `zone "hq": ` in `context`; false and a fault when the title is no name. */
static bool name_section(struct mst_loader *loader, const struct mst_outline *section,
                         int (*check)(const char *, struct mst_err *), char context[MST_SHOWN + 32])
{
	char shown[MST_SHOWN];
	struct mst_err err;

	mst_conf_show(section->title, shown);
	snprintf(context, MST_SHOWN + 32, "%.16s \"%s\": ", section->key, shown);
	if (check(section->title, &err) == MST_OK)
		return true;
	mst_loader_fault(loader, section->line, "", "%s: %s", section->key, err.text);
	return false;
}

static void read_zone(struct mst_loader *loader, const struct mst_outline *section)
{
	struct mst_settings *settings = loader->settings;
	char context[MST_SHOWN + 32];
	const struct mst_zone *same;
	struct mst_zone *zone;

	if (!name_section(loader, section, mst_check_name, context))
		return;
	same = mst_settings_zone(settings, section->title);
	if (same != NULL) {
		mst_loader_fault(loader, section->line, "", "zone \"%s\" is there already (%s): rename or remove one",
		                 same->name, same->at);
		return;
	}
	if (!mst_loader_room(loader, settings->zone_count, section))
		return;
	zone = mst_loader_grow(loader, settings->zones, settings->zone_count, sizeof(*zone));
	if (zone == NULL)
		return;
	settings->zones = zone;
	zone += settings->zone_count++;
	mst_addr_set_init(&zone->networks);
	zone->name = mst_str_dup(section->title);
	zone->at = mst_loader_at(loader, section->line);
	mst_loader_place(loader, &loader->zone_networks_at, &loader->zone_networks_count, section, "networks");
	loader->no_memory |= zone->name == NULL;
	mst_keys_read(loader, zone_keys, NULL, section, zone, context);
}

static const struct mst_label_rule *find_label(const struct mst_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->label_count; i++) {
		if (strcmp(settings->labels[i].name, name) == 0)
			return &settings->labels[i];
	}
	return NULL;
}

/* What a label leaves out: the shipped rule keeps its own condition and action, any other sets the label itself. */
static void complete_label(struct mst_loader *loader, const struct mst_outline *section, struct mst_label_rule *label)
{
	bool shipped = strcmp(label->name, MST_SHIPPED_LABEL) == 0;

	if (label->when == NULL && !shipped) {
		for (size_t i = 0; i < section->count; i++) {
			/* a `when` that is there was at fault itself */
			if (strcmp(section->items[i].key, "when") == 0)
				return;
		}
		mst_loader_fault(loader, section->line, "",
		                 "label \"%s\" has no condition: write when = \"vendor~brother,zebra\"", label->name);
		return;
	}
	if (label->when == NULL)
		label->when = mst_str_dup(MST_SHIPPED_WHEN);
	if (label->action == NULL)
		label->action = mst_str_dup(shipped ? MST_SHIPPED_ACTION : "label");
	loader->no_memory |= label->when == NULL || label->action == NULL;
}

static void read_label(struct mst_loader *loader, const struct mst_outline *section)
{
	struct mst_settings *settings = loader->settings;
	char context[MST_SHOWN + 32];
	const struct mst_label_rule *same;
	struct mst_label_rule *label;

	if (!name_section(loader, section, mst_check_label_name, context))
		return;
	same = find_label(settings, section->title);
	if (same != NULL) {
		mst_loader_fault(loader, section->line, "", "label \"%s\" is there already (%s): rename or remove one",
		                 same->name, same->at);
		return;
	}
	if (!mst_loader_room(loader, settings->label_count, section))
		return;
	label = mst_loader_grow(loader, settings->labels, settings->label_count, sizeof(*label));
	if (label == NULL)
		return;
	settings->labels = label;
	label += settings->label_count++;
	label->enabled = true;
	label->at = mst_loader_at(loader, section->line);
	label->name = mst_str_dup(section->title);
	if (label->name == NULL) {
		loader->no_memory = true;
		return;
	}
	mst_keys_read(loader, label_keys, NULL, section, label, context);
	complete_label(loader, section, label);
}

static void read_notify(struct mst_loader *loader, const struct mst_outline *section)
{
	char context[MST_SHOWN + 32];
	char **names;

	if (!name_section(loader, section, mst_check_name, context))
		return;
	for (size_t i = 0; i < loader->notify_count; i++) {
		if (strcmp(loader->notify_names[i], section->title) == 0) {
			mst_loader_fault(loader, section->line, context,
			                 "there is one of this name already: rename or remove one");
			return;
		}
	}
	if (!mst_loader_room(loader, loader->notify_count, section))
		return;
	names = mst_loader_grow(loader, loader->notify_names, loader->notify_count, sizeof(*names));
	if (names == NULL)
		return;
	loader->notify_names = names;
	names[loader->notify_count] = mst_str_dup(section->title);
	loader->no_memory |= names[loader->notify_count] == NULL;
	if (loader->no_memory)
		return;
	loader->notify_count++;
	mst_keys_read(loader, notify_keys, NULL, section, loader->settings, context);
	for (size_t i = 0; i < section->count; i++) {
		if (strcmp(section->items[i].key, "webhook") == 0)
			return;
	}
	mst_loader_fault(loader, section->line, context, "webhook is missing: write webhook = \"https://host/path\"");
}

void mst_top_read(struct mst_loader *loader, const struct mst_outline *file)
{
	static const struct mst_section sections[] = {
	        {"store", true, read_store},   {"api", false, read_api},    {"retention", false, read_retention},
	        {"zone", true, read_zone},     {"label", true, read_label}, {"profile", true, mst_profile_read},
	        {"notify", true, read_notify}, {NULL, false, NULL},
	};

	mst_keys_read(loader, top_keys, sections, file, loader->settings, "");
}
