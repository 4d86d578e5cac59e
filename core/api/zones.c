/* SPDX-License-Identifier: Apache-2.0 */
/* Zones: what the configuration says of them, and how many interfaces are known in each. And reading all of that again. */
#include <bson/bson.h>
#include <string.h>

#include "api/call.h"
#include "base/json.h"

static int take_count(void *data, const bson_t *key, int64_t count)
{
	bson_iter_t at;

	if (bson_iter_init(&at, key) && bson_iter_next(&at) && BSON_ITER_HOLDS_UTF8(&at))
		mst_json_add_int(data, bson_iter_utf8(&at, NULL), count);
	return MST_OK;
}

static void add_networks(struct json_object *out, const struct mst_zone *zone)
{
	struct mst_buf text;

	mst_buf_init(&text, 1u << 20);
	(void)mst_addr_set_text(&zone->networks, &text);
	mst_json_add_text(out, "networks", mst_buf_text(&text));
	mst_buf_free(&text);
}

/* Only "default" needs no file: it is always there. */
static struct json_object *zone_json(const struct mst_zone *zone, struct json_object *counts)
{
	struct json_object *out = json_object_new_object();
	bool in_file = zone->at && strchr(zone->at, ':');

	mst_json_add_text(out, "name", zone->name);
	add_networks(out, zone);
	mst_json_add_text(out, "interface", zone->interface_name ? zone->interface_name : "");
	mst_json_add_text(out, "source_address", zone->source_address ? zone->source_address : "");
	mst_json_add_text(out, "dns_servers", zone->dns_servers ? zone->dns_servers : "");
	mst_json_add_int(out, "max_rate", zone->max_rate);
	mst_json_add_int(out, "interfaces", mst_json_int(counts, zone->name, 0));
	mst_json_add_text(out, "origin", in_file ? "file" : "shipped");
	mst_json_add_text(out, "at", in_file ? zone->at : "");
	return out;
}

/* A zone that the configuration dropped while interfaces are still known in it. */
static struct json_object *dropped_json(const char *name, int64_t interfaces)
{
	struct json_object *out = json_object_new_object();

	mst_json_add_text(out, "name", name);
	mst_json_add_text(out, "networks", "");
	mst_json_add_text(out, "interface", "");
	mst_json_add_text(out, "source_address", "");
	mst_json_add_text(out, "dns_servers", "");
	mst_json_add_int(out, "max_rate", 0);
	mst_json_add_int(out, "interfaces", interfaces);
	mst_json_add_text(out, "origin", "dropped");
	mst_json_add_text(out, "at", "");
	return out;
}

static int all_zones(struct mst_call *call, struct json_object **out, struct mst_err *err)
{
	const struct mst_settings *settings = call->settings;
	struct json_object *counts = json_object_new_object(), *list;
	int rc = mst_store_group(call->store, "interfaces", NULL, "zone", take_count, counts, err);

	if (rc != MST_OK) {
		json_object_put(counts);
		return rc;
	}
	list = json_object_new_array();
	for (size_t i = 0; i < settings->zone_count; i++)
		mst_json_push(list, zone_json(&settings->zones[i], counts));
	json_object_object_foreach(counts, name, count)
	{
		if (!mst_settings_zone(settings, name))
			mst_json_push(list, dropped_json(name, json_object_get_int64(count)));
	}
	json_object_put(counts);
	*out = list;
	return MST_OK;
}

int mst_api_zones(struct mst_call *call, struct mst_err *err)
{
	struct json_object *list = NULL;
	int rc = all_zones(call, &list, err);

	return rc == MST_OK ? mst_call_items(call, list, err) : rc;
}

/* Names of the profiles that scan it. */
static struct json_object *profiles_of(const struct mst_settings *settings, const char *zone)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < settings->profile_count; i++) {
		const struct mst_profile *profile = &settings->profiles[i];

		if (strcmp(profile->zone ? profile->zone : "default", zone) == 0)
			mst_json_push(list, json_object_new_string(profile->name));
	}
	return list;
}

int mst_api_zone(struct mst_call *call, struct mst_err *err)
{
	struct json_object *list = NULL;
	const char *name = call->captures[0];
	int rc = all_zones(call, &list, err);

	for (size_t i = 0; rc == MST_OK && !call->answer && i < json_object_array_length(list); i++) {
		struct json_object *zone = json_object_array_get_idx(list, i);

		if (strcmp(mst_json_text(zone, "name", ""), name) != 0)
			continue;
		call->answer = json_object_get(zone);
		mst_json_put(call->answer, "profiles", profiles_of(call->settings, name));
	}
	json_object_put(list);
	if (rc == MST_OK && !call->answer)
		rc = mst_err_set(err, MST_E_NOT_FOUND, "no zone \"%.64s\": 'muster zones' lists them", name);
	return rc;
}

int mst_api_reload(struct mst_call *call, struct mst_err *err)
{
	return mst_call_engine(call, MST_ENGINE_RELOAD, json_object_new_object(), 200, err);
}
