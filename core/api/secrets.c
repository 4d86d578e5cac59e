/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: names come out, values only go in. */
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/json.h"
#include "base/time.h"
#include "secret/vault.h"

#define PREFIX "secret:"

static bool uses(const struct mst_option_set *options, const char *name)
{
	for (size_t i = 0; i < options->count; i++) {
		const struct mst_option_value *value = &options->values[i];

		if (value->def->type == MUSTER_OPTION_SECRET && value->text &&
		    strncmp(value->text, PREFIX, sizeof(PREFIX) - 1) == 0 &&
		    strcmp(value->text + sizeof(PREFIX) - 1, name) == 0)
			return true;
	}
	return false;
}

/* The profiles of the configuration that name this secret. */
static struct json_object *users_of(const struct mst_call *call, const char *name)
{
	const struct mst_settings *settings = call->settings;
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < settings->profile_count; i++)
		if (uses(&settings->profiles[i].options, name))
			mst_json_push(list, json_object_new_string(settings->profiles[i].name));
	return list;
}

static bool is_listed(struct json_object *items, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(items); i++)
		if (strcmp(mst_json_text(json_object_array_get_idx(items, i), "name", ""), name) == 0)
			return true;
	return false;
}

static void add_item(struct mst_call *call, struct json_object *items, const char *name,
                     const struct mst_vault_entry *entry)
{
	struct json_object *item = json_object_new_object();

	mst_json_add_text(item, "name", name);
	mst_json_add_bool(item, "stored", entry != NULL);
	mst_json_add_int(item, "set", entry ? entry->set : 0);
	mst_json_add_text(item, "by", entry ? entry->by : "");
	mst_json_put(item, "profiles", users_of(call, name));
	mst_json_push(items, item);
}

/* What a profile names and nobody has stored: it would be missed at the first run. */
static void add_missing(struct mst_call *call, struct json_object *items)
{
	const struct mst_settings *settings = call->settings;

	for (size_t i = 0; i < settings->profile_count; i++) {
		const struct mst_option_set *options = &settings->profiles[i].options;

		for (size_t j = 0; j < options->count; j++) {
			const struct mst_option_value *value = &options->values[j];
			const char *name = value->text ? value->text + sizeof(PREFIX) - 1 : NULL;

			if (value->def->type == MUSTER_OPTION_SECRET && name && uses(options, name) &&
			    !is_listed(items, name))
				add_item(call, items, name, NULL);
		}
	}
}

int mst_api_secrets(struct mst_call *call, struct mst_err *err)
{
	struct mst_vault_entry *entries = NULL;
	struct json_object *items;
	size_t count = 0;
	int rc = mst_vault_list(call->api->setup.vault, &entries, &count, err);

	if (rc != MST_OK)
		return rc;
	items = json_object_new_array();
	for (size_t i = 0; i < count; i++)
		add_item(call, items, entries[i].name, &entries[i]);
	add_missing(call, items);
	free(entries);
	call->answer = json_object_new_object();
	mst_json_put(call->answer, "items", items);
	mst_json_add_int(call->answer, "total", (int64_t)json_object_array_length(items));
	return MST_OK;
}

static void answer(struct mst_call *call, const char *name)
{
	call->answer = json_object_new_object();
	mst_json_add_text(call->answer, "name", name);
	mst_json_put(call->answer, "profiles", users_of(call, name));
}

int mst_api_secret_put(struct mst_call *call, struct mst_err *err)
{
	const char *name = call->captures[0];
	int rc = mst_vault_put(call->api->setup.vault, name, call->secret, call->by, mst_time_now(), err);

	mst_secret_clear(call->secret);
	if (rc == MST_OK)
		answer(call, name);
	return rc;
}

int mst_api_secret_delete(struct mst_call *call, struct mst_err *err)
{
	const char *name = call->captures[0];
	int rc = mst_vault_remove(call->api->setup.vault, name, err);

	if (rc == MST_OK)
		answer(call, name);
	return rc;
}
