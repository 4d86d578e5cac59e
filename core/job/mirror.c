/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration defines, mirrored into the store so that it is listed like what operators define there. */
#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "job/engine.h"
#include "store/filter.h"

/* Shipped rules have no place in a file. */
static bool is_shipped(const struct mst_label_rule *rule)
{
	return !rule->at || !strchr(rule->at, ':');
}

static void start_doc(bson_t *doc, const char *name, const char *origin, const char *at)
{
	bson_init(doc);
	BSON_APPEND_UTF8(doc, "_id", name);
	BSON_APPEND_UTF8(doc, "name", name);
	BSON_APPEND_UTF8(doc, "origin", origin);
	BSON_APPEND_UTF8(doc, "at", at ? at : "");
}

static void add_options(bson_t *doc, const struct mst_profile *profile)
{
	struct json_object *options = mst_option_set_json(&profile->options);
	bson_t child;

	BSON_APPEND_DOCUMENT_BEGIN(doc, "options", &child);
	json_object_object_foreach(options, name, value)
	{
		BSON_APPEND_UTF8(&child, name, json_object_get_string(value));
	}
	bson_append_document_end(doc, &child);
	json_object_put(options);
}

static void profile_doc(bson_t *doc, const struct mst_profile *profile)
{
	char *conf = mst_settings_profile_conf(profile);

	start_doc(doc, profile->name, "file", profile->at);
	BSON_APPEND_UTF8(doc, "method", profile->options.method->name);
	BSON_APPEND_UTF8(doc, "zone", profile->zone ? profile->zone : "default");
	BSON_APPEND_INT64(doc, "scan_interval", profile->scan_interval);
	BSON_APPEND_UTF8(doc, "import_frequency", profile->import_frequency ? profile->import_frequency : "");
	BSON_APPEND_UTF8(doc, "conf", conf ? conf : "");
	add_options(doc, profile);
	free(conf);
}

static void zone_doc(bson_t *doc, const struct mst_zone *zone)
{
	struct mst_buf networks;

	mst_buf_init(&networks, 1u << 20);
	(void)mst_addr_set_text(&zone->networks, &networks);
	start_doc(doc, zone->name, "file", zone->at);
	BSON_APPEND_UTF8(doc, "networks", mst_buf_text(&networks));
	BSON_APPEND_UTF8(doc, "interface", zone->interface_name ? zone->interface_name : "");
	BSON_APPEND_UTF8(doc, "source_address", zone->source_address ? zone->source_address : "");
	BSON_APPEND_UTF8(doc, "dns_servers", zone->dns_servers ? zone->dns_servers : "");
	BSON_APPEND_INT64(doc, "max_rate", zone->max_rate);
	mst_buf_free(&networks);
}

static void label_doc(bson_t *doc, const struct mst_label_rule *rule)
{
	start_doc(doc, rule->name, is_shipped(rule) ? "shipped" : "file", rule->at);
	BSON_APPEND_UTF8(doc, "when", rule->when ? rule->when : "");
	BSON_APPEND_UTF8(doc, "action", rule->action ? rule->action : "label");
	BSON_APPEND_BOOL(doc, "enabled", rule->enabled);
}

/* Removes what came from a file and is in none any more. */
static int retire(struct mst_batch *batch, const char *collection, const bson_t *names)
{
	bson_t filter = BSON_INITIALIZER, id;
	int rc;

	BSON_APPEND_UTF8(&filter, "origin", "file");
	BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &id);
	BSON_APPEND_ARRAY(&id, "$nin", names);
	bson_append_document_end(&filter, &id);
	rc = mst_batch_remove(batch, collection, &filter);
	bson_destroy(&filter);
	return rc;
}

static void add_name(bson_t *names, size_t index, const char *name)
{
	char number[16];
	const char *key;

	bson_uint32_to_string((uint32_t)index, &key, number, sizeof(number));
	bson_append_utf8(names, key, -1, name, -1);
}

/* Is there a document that an operator made or changed under this name? */
static bool is_operators(struct mst_store *store, const char *collection, const char *name)
{
	bson_iter_t at;
	bson_t doc;
	bool operators;

	if (mst_store_get(store, collection, name, &doc, NULL) != MST_OK)
		return false;
	operators = bson_iter_init_find(&at, &doc, "origin") && BSON_ITER_HOLDS_UTF8(&at) &&
	            strcmp(bson_iter_utf8(&at, NULL), "store") == 0;
	bson_destroy(&doc);
	return operators;
}

static int put(struct mst_batch *batch, const char *collection, bson_t *doc)
{
	int rc = mst_batch_put(batch, collection, doc);

	bson_destroy(doc);
	return rc;
}

static int mirror_labels(struct mst_store *store, const struct mst_settings *settings, struct mst_batch *batch)
{
	bson_t names = BSON_INITIALIZER, doc;
	int rc = 0;

	for (size_t i = 0; i < settings->label_count && rc >= 0; i++) {
		const struct mst_label_rule *rule = &settings->labels[i];

		add_name(&names, i, rule->name);
		if (is_operators(store, "labels", rule->name)) {
			if (is_shipped(rule))
				continue;
			mst_log(MST_LOG_WARNING, "job",
			        "label \"%s\" is defined in %s and in the store: the file's holds; remove one of them",
			        rule->name, rule->at);
		}
		label_doc(&doc, rule);
		rc = put(batch, "labels", &doc);
	}
	if (rc >= 0)
		rc = retire(batch, "labels", &names);
	bson_destroy(&names);
	return rc;
}

static int mirror_profiles(const struct mst_settings *settings, struct mst_batch *batch)
{
	bson_t names = BSON_INITIALIZER, doc;
	int rc = 0;

	for (size_t i = 0; i < settings->profile_count && rc >= 0; i++) {
		add_name(&names, i, settings->profiles[i].name);
		profile_doc(&doc, &settings->profiles[i]);
		rc = put(batch, "profiles", &doc);
	}
	if (rc >= 0)
		rc = retire(batch, "profiles", &names);
	bson_destroy(&names);
	return rc;
}

static int mirror_zones(const struct mst_settings *settings, struct mst_batch *batch)
{
	bson_t names = BSON_INITIALIZER, doc;
	int rc = 0;

	for (size_t i = 0; i < settings->zone_count && rc >= 0; i++) {
		add_name(&names, i, settings->zones[i].name);
		zone_doc(&doc, &settings->zones[i]);
		rc = put(batch, "zones", &doc);
	}
	if (rc >= 0)
		rc = retire(batch, "zones", &names);
	bson_destroy(&names);
	return rc;
}

static int write_mirror(struct mst_store *store, const struct mst_settings *settings, struct mst_err *err)
{
	struct mst_batch *batch = NULL;
	int rc = mst_batch_new(&batch, err);

	if (rc != MST_OK)
		return rc;
	if (mirror_zones(settings, batch) < 0 || mirror_profiles(settings, batch) < 0 ||
	    mirror_labels(store, settings, batch) < 0)
		rc = mst_err_no_memory(err);
	if (rc == MST_OK)
		rc = mst_store_write(store, batch, err);
	mst_batch_free(batch);
	return rc;
}

static bool has_interfaces(struct mst_store *store)
{
	struct mst_find find = {.collection = "interfaces", .fields = "_id"};
	bson_t doc;

	if (mst_store_find_one(store, &find, &doc, NULL) != MST_OK)
		return false;
	bson_destroy(&doc);
	return true;
}

int mst_job_mirror(struct mst_store *store, const struct mst_settings *settings, bool *labels_changed,
                   struct mst_err *err)
{
	struct json_object *before = NULL, *after = NULL;
	int rc = mst_job_labels(store, &before, err);

	if (rc == MST_OK)
		rc = write_mirror(store, settings, err);
	if (rc == MST_OK)
		rc = mst_job_labels(store, &after, err);
	*labels_changed = rc == MST_OK && json_object_equal(before, after) == 0 && has_interfaces(store);
	json_object_put(before);
	json_object_put(after);
	return rc;
}

/* The file as it is now, in one number: 0 when there is none. */
int64_t mst_job_locations_stamp(const char *path)
{
	uint64_t hash = 14695981039346656037u;
	struct stat st;
	char text[64];

	if (!path || stat(path, &st) != 0)
		return 0;
	snprintf(text, sizeof(text), "%lld.%09ld %lld ", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
	         (long long)st.st_size);
	for (const char *at = text; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	for (const char *at = path; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	return (int64_t)(hash >> 1) + 1;
}

bool mst_job_locations_new(struct mst_store *store, const struct mst_settings *settings)
{
	int64_t stamp = mst_job_locations_stamp(settings->locations_path), stored = 0;
	bson_iter_t at;
	bson_t doc;

	if (stamp != 0 && mst_store_get(store, "counters", MST_LOCATIONS_STAMP, &doc, NULL) == MST_OK) {
		if (bson_iter_init_find(&at, &doc, "value"))
			stored = bson_iter_as_int64(&at);
		bson_destroy(&doc);
	}
	return stamp != stored;
}

/* A rule that was stored when the grammar knew less must not stop every import. */
static bool rule_reads(struct json_object *rule, struct mst_err *err)
{
	const char *when = mst_json_text(rule, "when", "");
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	bson_t filter;

	if (!when[0])
		return true;
	if (mst_filter_parse(when, columns, count, mst_time_now(), &filter, err) != MST_OK)
		return false;
	bson_destroy(&filter);
	return true;
}

static void add_rule(struct json_object *list, const bson_t *doc)
{
	static const char *const keys[] = {"name", "when", "action"};
	struct json_object *rule;
	struct mst_err err = {.code = MST_OK};
	bson_iter_t at;

	if (bson_iter_init_find(&at, doc, "enabled") && !bson_iter_as_bool(&at))
		return;
	rule = json_object_new_object();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (bson_iter_init_find(&at, doc, keys[i]) && BSON_ITER_HOLDS_UTF8(&at))
			mst_json_add_text(rule, keys[i], bson_iter_utf8(&at, NULL));
	if (!rule_reads(rule, &err))
		mst_log(MST_LOG_WARNING, "job", "label \"%s\" is not applied: %s", mst_json_text(rule, "name", ""),
		        err.text);
	if (mst_json_text(rule, "name", "")[0] && err.code == MST_OK)
		mst_json_push(list, rule);
	else
		json_object_put(rule);
}

int mst_job_labels(struct mst_store *store, struct json_object **out, struct mst_err *err)
{
	struct mst_find find = {.collection = "labels"};
	struct mst_cursor *cursor = NULL;
	bson_t doc;
	int rc = mst_store_find(store, &find, &cursor, err);

	*out = json_object_new_array();
	while (rc == MST_OK) {
		rc = mst_cursor_next(cursor, &doc, err);
		if (rc == MST_OK)
			add_rule(*out, &doc);
	}
	if (cursor)
		mst_cursor_close(cursor);
	if (rc == MST_E_END)
		return MST_OK;
	json_object_put(*out);
	*out = NULL;
	return rc;
}
