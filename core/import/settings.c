/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of an import, and the context. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "import/doc.h"
#include "import/room.h"
#include "store/filter.h"

#define DAY_MS    (INT64_C(24) * 3600 * 1000)
#define RULES_MAX 1024u

static const char *const actions[] = {
        [MST_ACTION_LABEL] = "label",     [MST_ACTION_IGNORE] = "ignore", [MST_ACTION_UNMANAGEABLE] = "unmanageable",
        [MST_ACTION_MANAGED] = "managed", [MST_ACTION_NOTIFY] = "notify", [MST_ACTION_PURGE] = "purge"};

static int parse_action(const char *text)
{
	for (int i = MST_ACTION_LABEL; i <= MST_ACTION_PURGE; i++)
		if (strcmp(text, actions[i]) == 0)
			return i;
	return 0;
}

/* Does the rule compare a time with now? Then what it matches changes by itself. */
static bool is_relative(const char *when)
{
	static const char *const times[] = {"_seen", "last_", "first_", "created", "updated"};
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		if (strstr(when, times[i]))
			return true;
	return false;
}

static int parse_rule(struct mst_import_rule *rule, struct json_object *object, struct mst_err *err)
{
	const char *name = mst_json_text(object, "name", ""), *when = mst_json_text(object, "when", "");
	const char *action = mst_json_text(object, "action", "label");
	size_t count = 0;
	struct mst_err cause;
	if (!name[0] || strlen(name) > MST_MAX_LABEL_NAME)
		return mst_err_set(err, MST_E_USAGE, "a label has no name or one of more than %u bytes",
		                   MST_MAX_LABEL_NAME);
	rule->action = parse_action(action);
	if (!rule->action)
		return mst_err_set(err, MST_E_USAGE,
		                   "label \"%s\": \"%.64s\" is no action; use label, ignore, unmanageable, managed, "
		                   "notify or purge",
		                   name, action);
	rule->name = mst_str_dup(name);
	rule->when = mst_str_dup(when);
	if (!rule->name || !rule->when)
		return mst_err_no_memory(err);
	rule->relative = is_relative(when);
	if (!when[0])
		return 0;
	const struct mst_column *columns = mst_interface_columns(&count);
	bson_destroy(&rule->filter);
	bson_init(&rule->filter);
	if (mst_filter_parse(when, columns, count, mst_time_now(), &rule->filter, &cause) != 0)
		return mst_err_set(err, MST_E_USAGE, "label \"%s\": %s", name, cause.text);
	return 0;
}

static int parse_rules(struct mst_import_settings *out, struct json_object *array, struct mst_err *err)
{
	size_t count = array ? json_object_array_length(array) : 0;
	if (count > RULES_MAX)
		return mst_err_set(err, MST_E_LIMIT, "%zu label rules, at most %u", count, RULES_MAX);
	out->rules = mst_doc_alloc(count ? count : 1, sizeof *out->rules);
	if (!out->rules)
		return mst_err_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		struct mst_import_rule *rule = &out->rules[i];
		bson_init(&rule->filter);
		out->rule_count = i + 1;
		int code = parse_rule(rule, json_object_array_get_idx(array, i), err);
		if (code != 0)
			return code;
	}
	return 0;
}

int mst_import_settings_from_json(struct mst_import_settings *out, struct json_object *object, struct mst_err *err)
{
	memset(out, 0, sizeof *out);
	out->lost_after = mst_json_int(object, "lost_after", 3);
	out->ip_identity_ttl_ms = mst_json_int(object, "ip_identity_ttl_ms", 30 * DAY_MS);
	out->history_ms = mst_json_int(object, "history_ms", 90 * DAY_MS);
	out->lost_ms = mst_json_int(object, "lost_ms", 0);
	out->runs_ms = mst_json_int(object, "runs_ms", 0);
	if (out->lost_after < 1 || out->ip_identity_ttl_ms < 0 || out->history_ms < 0 || out->lost_ms < 0 ||
	    out->runs_ms < 0)
		return mst_err_set(err, MST_E_USAGE,
		                   "import settings: lost_after must be at least 1, no time may be negative");
	int code = parse_rules(out, object ? mst_json_array(object, "labels") : NULL, err);
	if (code != 0)
		mst_import_settings_free(out);
	return code;
}

void mst_import_settings_free(struct mst_import_settings *settings)
{
	for (size_t i = 0; i < settings->rule_count; i++) {
		free(settings->rules[i].name);
		free(settings->rules[i].when);
		bson_destroy(&settings->rules[i].filter);
	}
	free(settings->rules);
	memset(settings, 0, sizeof *settings);
}

static int load_locations(struct mst_import *import, struct mst_err *err)
{
	struct mst_find find = {.collection = "locations", .limit = MST_MAX_LOCATIONS};
	struct mst_cursor *cursor = NULL;
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code == 0 && mst_location_from_bson(&import->locations, &doc) == MST_E_NO_MEMORY)
			code = mst_err_no_memory(err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	mst_locations_sort(&import->locations);
	return code == MST_E_END ? 0 : code;
}

int mst_import_new(struct mst_import **out, struct mst_store *store, const struct mst_import_settings *settings,
                   struct mst_err *err)
{
	struct mst_import *import = calloc(1, sizeof *import);
	if (!import)
		return mst_err_no_memory(err);
	import->store = store;
	import->settings = settings;
	int code = load_locations(import, err);
	if (code != 0) {
		mst_import_free(import);
		return code;
	}
	*out = import;
	return 0;
}

void mst_import_free(struct mst_import *import)
{
	if (!import)
		return;
	mst_locations_free(&import->locations);
	mst_batch_free(import->batch);
	free(import);
}

void mst_import_set_stop(struct mst_import *import, mst_import_stop_fn stop, void *data)
{
	import->stop = stop;
	import->stop_data = data;
}

void mst_import_set_clock(struct mst_import *import, int64_t now)
{
	import->clock = now;
}

void mst_import_set_warn(struct mst_import *import, mst_import_warn_fn warn, void *data)
{
	import->warn = warn;
	import->warn_data = data;
}
