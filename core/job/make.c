/* SPDX-License-Identifier: Apache-2.0 */
/* Checked wishes into runs, and runs into the jobs of workers. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "job/run.h"

int mst_run_set_method(struct mst_run *run, const char *method, struct mst_err *err)
{
	run->method = mst_plugin_list_method(run->engine->setup.plugins, method, &run->plugin);
	if (!run->method || !run->plugin->discovery)
		return mst_err_set(err, MST_E_NOT_FOUND, "no plugin offers the method \"%s\": see 'muster plugins'",
		                   method);
	return mst_option_set_init(&run->options, &run->method->def, err);
}

int mst_run_set_zone(struct mst_run *run, const char *zone, struct mst_err *err)
{
	snprintf(run->zone_name, sizeof(run->zone_name), "%s", zone[0] ? zone : "default");
	run->zone = mst_settings_zone(mst_settings_of(run->shared), run->zone_name);
	if (!run->zone)
		return mst_err_set(err, MST_E_NOT_FOUND,
		                   "no zone \"%s\" in the configuration: define it, or leave the zone out", zone);
	return MST_OK;
}

static int refuse_second(struct mst_run *run, struct mst_err *err)
{
	for (struct mst_run *other = run->engine->runs; other; other = other->next)
		if (other->kind == MST_RUN_SCAN && mst_run_active(other) && strcmp(other->profile, run->profile) == 0)
			return mst_err_set(err, MST_E_EXISTS,
			                   "profile \"%s\" is running already as run %lld: muster runs watch %lld",
			                   run->profile, (long long)other->number, (long long)other->number);
	return MST_OK;
}

static int from_profile(struct mst_run *run, const char *name, bool dry_run, struct mst_err *err)
{
	const struct mst_profile *profile = mst_settings_profile(mst_settings_of(run->shared), name);
	struct json_object *options;
	int rc;

	if (!profile)
		return mst_err_set(err, MST_E_NOT_FOUND, "no profile \"%s\": 'muster profiles' lists them", name);
	snprintf(run->profile, sizeof(run->profile), "%s", name);
	rc = dry_run ? MST_OK : refuse_second(run, err);
	if (rc == MST_OK)
		rc = mst_run_set_method(run, profile->options.method->name, err);
	if (rc == MST_OK)
		rc = mst_run_set_zone(run, profile->zone ? profile->zone : "", err);
	if (rc != MST_OK)
		return rc;
	options = mst_option_set_json(&profile->options);
	rc = mst_option_set_from_json(&run->options, options, err);
	json_object_put(options);
	return rc;
}

static int from_method(struct mst_run *run, const char *method, struct json_object *wish, struct mst_err *err)
{
	struct json_object *options = mst_json_object(wish, "options");
	int rc = mst_run_set_method(run, method, err);

	if (rc == MST_OK)
		rc = mst_run_set_zone(run, mst_json_text(wish, "zone", ""), err);
	if (rc == MST_OK && options)
		rc = mst_option_set_from_json(&run->options, options, err);
	snprintf(run->profile, sizeof(run->profile), "%s", method);
	return rc;
}

static int import_scope(struct mst_run *run, const char *covers, struct mst_err *err)
{
	struct mst_shard *shard = mst_run_add_shard(run, "file");
	struct json_object *scope, *facts;
	struct mst_addr_set set;
	int rc;

	if (!shard)
		return mst_err_no_memory(err);
	shard->has_scope = true;
	if (!covers[0])
		return MST_OK;
	mst_addr_set_init(&set);
	rc = mst_addr_set_parse(&set, covers, err);
	shard->addresses = (int64_t)mst_addr_set_count(&set);
	mst_addr_set_free(&set);
	if (rc != MST_OK)
		return rc;
	scope = json_object_new_object();
	facts = json_object_new_array();
	mst_json_push(facts, json_object_new_string("presence"));
	mst_json_put(scope, "facts", facts);
	mst_json_add_text(scope, "addresses", covers);
	rc = mst_scope_from_json(&shard->scope, scope, err);
	json_object_put(scope);
	return rc;
}

static int as_import(struct mst_run *run, struct json_object *wish, struct mst_err *err)
{
	const char *profile = mst_json_text(wish, "import_profile", "");

	run->kind = MST_RUN_IMPORT;
	mst_text_set(&run->upload, mst_json_text(wish, "upload", ""));
	mst_text_set(&run->name, mst_json_text(wish, "name", ""));
	if (profile[0] && !mst_str_is_name(profile, MST_MAX_NAME))
		return mst_err_set(err, MST_E_USAGE,
		                   "\"%s\" is no profile name: lower-case letters, digits, - and _, at most %u",
		                   profile, MST_MAX_NAME);
	snprintf(run->profile, sizeof(run->profile), "%s", profile[0] ? profile : "import");
	return import_scope(run, mst_json_text(wish, "covers", ""), err);
}

int mst_run_from_json(struct mst_run *run, struct json_object *wish, struct mst_err *err)
{
	const char *profile = mst_json_text(wish, "profile", ""), *method = mst_json_text(wish, "method", "");
	bool import = strcmp(mst_json_text(wish, "kind", ""), "import") == 0;
	bool dry_run = mst_json_bool(wish, "dry_run", false);
	int rc;

	snprintf(run->by, sizeof(run->by), "%s", mst_json_text(wish, "by", ""));
	if (profile[0] && method[0])
		return mst_err_set(err, MST_E_USAGE, "give a profile or a method with options, not both");
	if (!profile[0] && !method[0])
		return mst_err_set(err, MST_E_USAGE,
		                   "nothing to run: give \"profile\", or \"method\" with \"options\"");
	rc = profile[0] ? from_profile(run, profile, dry_run, err) : from_method(run, method, wish, err);
	if (rc == MST_OK && import)
		return as_import(run, wish, err);
	if (rc == MST_OK)
		rc = mst_option_set_check(&run->options, err);
	if (rc == MST_OK)
		rc = mst_run_check_secrets(run, err);
	if (rc == MST_OK && dry_run)
		run->kind = MST_RUN_PLAN;
	return rc;
}

static struct json_object *rules_json(const struct mst_rule *rules, size_t count)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *rule = json_object_new_object();

		mst_json_add_text(rule, "text", rules[i].text);
		mst_json_add_text(rule, "at", rules[i].at);
		mst_json_push(list, rule);
	}
	return list;
}

static struct json_object *net_json(const struct mst_run *run, const struct mst_shard *shard)
{
	const struct mst_zone *zone = run->zone;
	struct json_object *net = json_object_new_object();

	mst_json_add_text(net, "interface", zone && zone->interface_name ? zone->interface_name : "");
	mst_json_add_text(net, "source_address", zone && zone->source_address ? zone->source_address : "");
	mst_json_add_text(net, "dns_servers", zone && zone->dns_servers ? zone->dns_servers : "");
	/* The planner gets the whole of it, to say how long it takes. */
	mst_json_add_int(net, "max_rate", !shard ? mst_run_limit(run) : shard->share > 0 ? shard->share : 0);
	return net;
}

static void add_shard_json(struct json_object *job, const struct mst_shard *shard)
{
	mst_json_add_text(job, "shard", shard->id);
	mst_json_add_text(job, "spec", shard->spec ? shard->spec : "");
	mst_json_add_text(job, "checkpoint", shard->checkpoint ? shard->checkpoint : "");
	if (shard->has_scope)
		mst_json_put(job, "scope", mst_scope_to_json(&shard->scope));
	mst_json_add_int(job, "addresses", shard->addresses);
}

struct json_object *mst_run_job(const struct mst_run *run, const struct mst_shard *shard, int64_t deadline_ms)
{
	const struct mst_rules *rules = &run->engine->settings->rules;
	struct json_object *job = json_object_new_object();

	mst_json_add_int(job, "worker", 1);
	mst_json_add_text(job, "plugin", run->plugin->path);
	mst_json_add_text(job, "method", run->method->def.name);
	mst_json_add_text(job, "run", run->id);
	mst_json_add_text(job, "profile", run->profile);
	mst_json_add_text(job, "zone", run->zone_name);
	mst_json_put(job, "net", net_json(run, shard));
	mst_json_put(job, "options", mst_option_set_json(&run->options));
	mst_json_put(job, "never_scan", rules_json(rules->never, rules->never_count));
	mst_json_put(job, "scan_only", rules_json(rules->only, rules->only_count));
	if (shard)
		add_shard_json(job, shard);
	mst_json_add_int(job, "deadline_ms", deadline_ms);
	mst_json_add_bool(job, "trusted_net_raw", run->engine->setup.net_raw);
	return job;
}
