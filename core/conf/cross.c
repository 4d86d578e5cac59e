/* SPDX-License-Identifier: Apache-2.0 */
/* What holds between sections, whichever file they stand in, and what ships with every installation. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/loader.h"
#include "conf/word.h"

static bool same_wire(const struct mst_zone *a, const struct mst_zone *b)
{
	if (a->interface_name == NULL || b->interface_name == NULL)
		return a->interface_name == b->interface_name;
	return strcmp(a->interface_name, b->interface_name) == 0;
}

/* The addresses that both have, as text in `out`; false when none. */
static bool shared_networks(struct mst_loader *loader, const struct mst_zone *a, const struct mst_zone *b,
                            char out[MST_SHOWN])
{
	struct mst_addr_set both;
	struct mst_buf text;
	bool shared;

	mst_addr_set_init(&both);
	mst_buf_init(&text, MST_MAX_SCOPE_TEXT);
	if (mst_addr_set_copy(&both, &a->networks) != MST_OK || mst_addr_set_intersect(&both, &b->networks) != MST_OK)
		loader->no_memory = true;
	shared = both.count > 0;
	if (shared) {
		mst_addr_set_text(&both, &text);
		mst_conf_show(mst_buf_text(&text), out);
	}
	mst_buf_free(&text);
	mst_addr_set_free(&both);
	return shared;
}

/* Where one address would belong to two zones on the same wire, nobody can say which machine answered. */
static void check_zones(struct mst_loader *loader)
{
	const struct mst_settings *settings = loader->settings;
	char shown[MST_SHOWN];

	/* the shipped zone, which comes last, has no networks and no place */
	for (size_t i = 0; i < loader->zone_networks_count; i++) {
		const struct mst_zone *zone = &settings->zones[i];

		for (size_t j = 0; j < i; j++) {
			const struct mst_zone *other = &settings->zones[j];

			if (!same_wire(zone, other) || !shared_networks(loader, zone, other, shown))
				continue;
			mst_loader_fault_at(
			        loader, loader->zone_networks_at[i],
			        "zone \"%s\" lists %s, which zone \"%s\" (%s) lists too: give one of them another "
			        "interface, or remove it from one",
			        zone->name, shown, other->name, other->at);
			break;
		}
	}
}

static void add_default_zone(struct mst_loader *loader)
{
	struct mst_settings *settings = loader->settings;
	struct mst_zone *zone;

	if (mst_settings_zone(settings, "default") != NULL)
		return;
	zone = mst_loader_grow(loader, settings->zones, settings->zone_count, sizeof(*zone));
	if (zone == NULL)
		return;
	settings->zones = zone;
	zone += settings->zone_count++;
	mst_addr_set_init(&zone->networks);
	zone->name = mst_str_dup("default");
	zone->at = mst_str_dup("shipped");
	loader->no_memory |= zone->name == NULL || zone->at == NULL;
}

/* First in the list, so that labels of the files see its outcome and may overrule it. */
static void add_shipped_label(struct mst_loader *loader)
{
	struct mst_settings *settings = loader->settings;
	struct mst_label_rule rule = {.enabled = true}, *bigger;

	for (size_t i = 0; i < settings->label_count; i++) {
		if (strcmp(settings->labels[i].name, MST_SHIPPED_LABEL) == 0)
			return;
	}
	bigger = mst_loader_grow(loader, settings->labels, settings->label_count, sizeof(rule));
	if (bigger == NULL)
		return;
	rule.name = mst_str_dup(MST_SHIPPED_LABEL);
	rule.when = mst_str_dup(MST_SHIPPED_WHEN);
	rule.action = mst_str_dup(MST_SHIPPED_ACTION);
	rule.at = mst_str_dup("shipped");
	memmove(&bigger[1], &bigger[0], settings->label_count * sizeof(rule));
	bigger[0] = rule;
	settings->labels = bigger;
	settings->label_count++;
	loader->no_memory |= rule.name == NULL || rule.when == NULL || rule.action == NULL || rule.at == NULL;
}

static void unknown_zone(struct mst_loader *loader, const struct mst_profile *profile, const char *at)
{
	const struct mst_settings *settings = loader->settings;
	struct mst_nearest nearest;

	mst_nearest_init(&nearest, profile->zone);
	for (size_t i = 0; i < settings->zone_count; i++)
		mst_nearest_try(&nearest, settings->zones[i].name);
	if (mst_nearest_best(&nearest) != NULL)
		mst_loader_fault_at(loader, at, "profile \"%s\": unknown zone \"%s\": did you mean \"%s\"?",
		                    profile->name, profile->zone, mst_nearest_best(&nearest));
	else
		mst_loader_fault_at(
		        loader, at,
		        "profile \"%s\": unknown zone \"%s\": add zone \"%s\" { networks = {\"192.0.2.0/24\"} }",
		        profile->name, profile->zone, profile->zone);
}

void mst_cross_check(struct mst_loader *loader)
{
	const struct mst_settings *settings = loader->settings;

	add_default_zone(loader);
	add_shipped_label(loader);
	if (loader->no_memory)
		return;
	check_zones(loader);
	for (size_t i = 0; i < settings->profile_count; i++) {
		if (mst_settings_zone(settings, settings->profiles[i].zone) == NULL)
			unknown_zone(loader, &settings->profiles[i], loader->profile_zone_at[i]);
	}
}
