/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration, option tables, targets, rules, and the base room's sets and JSON. */
#include "faults.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <muster/plugin.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "conf/settings.h"
#include "conf/target.h"

static struct mst_option_def rows[] = {
        {"include", NULL, "what", NULL, "max_addresses", MUSTER_OPTION_TARGETS, MUSTER_OPTION_REQUIRED, 0, 0},
        {"max_addresses", "4096", "most", NULL, NULL, MUSTER_OPTION_INT, 0, 1, 1 << 24},
        {"ports", "top-1000", "ports", NULL, NULL, MUSTER_OPTION_PORTS, 0, 0, 0},
        {"host_timeout", "5m", "time", NULL, NULL, MUSTER_OPTION_DURATION, 0, 0, 0},
        {"os_detection", "on", "OS", "on|off|new", NULL, MUSTER_OPTION_CHOICE, 0, 0, 0},
};
static const struct mst_method_def method = {.name = "nmap",
                                             .summary = "s",
                                             .plugin = "nmap",
                                             .options = rows,
                                             .option_count = sizeof rows / sizeof rows[0]};
static const struct mst_method_def *const methods[] = {&method};

static const char good[] = "never_scan = {'10.66.0.0/16', 'fe80::/10'}\n"
                           "scan_only = {'10.0.0.0/8'}\n"
                           "max_rate = 5000\n"
                           "retention { observations = '90d' lost = '180d' }\n"
                           "zone 'hq' { networks = {'10.1.0.0/16'} dns_servers = {'10.1.0.53'} }\n"
                           "label 'Printers' { when = 'port=9100,515' set = 'unmanageable' }\n"
                           "profile 'hq-servers' {\n"
                           "  zone = 'hq' scan_interval = '6h'\n"
                           "  windows = {'Mon-Fri 20:00-06:00'}\n"
                           "  nmap { include = '10.1.0.0/24, db.example.net' ports = '22,443' host_timeout = '5m' }\n"
                           "}\n";
static const char wrong[] = "max_rate = 'much'\n"
                            "zone 'hq' { networks = {'10.1.0.0/33'} }\n"
                            "profile 'x' { nmap { include = '-oN/x' prots = '22' } }\n"
                            "nonsense = 1\n";

/* What a scan could do harm without. */
static bool is_whole(const struct mst_settings *settings)
{
	return settings->rules.never_count == 2 && settings->rules.only_count == 1 && settings->max_rate == 5000 &&
	       settings->profile_count == 1 && settings->label_count == 2 && mst_settings_zone(settings, "hq");
}

static int load(const char *text, size_t *fault_count, struct mst_err *err)
{
	struct mst_settings settings = {0};
	struct mst_faults faults = {0};
	const char *conf = quoted(text);
	int code = mst_settings_load_text(&settings, "/x/muster.conf", conf, strlen(conf), methods, 1, &faults, err);
	*fault_count = faults.count;
	if (code == 0 && !is_whole(&settings))
		code = -1000;
	mst_faults_free(&faults);
	mst_settings_free(&settings);
	return code;
}

static int load_good(struct mst_err *err)
{
	size_t faults;
	return load(good, &faults, err);
}

/* The faults are what is wanted: without a fault of memory all four are found. */
static int load_wrong(struct mst_err *err)
{
	size_t faults;
	int code = load(wrong, &faults, err);
	if (code != MST_E_USAGE || faults < 4)
		return code ? code : mst_err_set(err, MST_E_FAILED, "no fault found");
	mst_err_clear(err);
	return 0;
}

static int options(struct mst_err *err)
{
	struct mst_option_set set = {0}, copy = {0};
	struct json_object *json = NULL;
	int code = mst_option_set_init(&set, &method, err);
	if (code == 0)
		code = mst_option_set_put(&set, "include", "10.0.0.0/24,host.example", err);
	if (code == 0)
		code = mst_option_set_put(&set, "ports", "22, 80-90", err);
	if (code == 0)
		code = mst_option_set_check(&set, err);
	if (code == 0 && (json = mst_option_set_json(&set)) == NULL)
		code = mst_err_no_memory(err);
	if (code == 0)
		code = mst_option_set_init(&copy, &method, err);
	if (code == 0)
		code = mst_option_set_from_json(&copy, json, err);
	/* Half an option set would be another scan. */
	if (code == 0 && (!mst_option_set_is_set(&copy, "include") || !mst_option_set_is_set(&copy, "ports")))
		code = -1000;
	json_object_put(json);
	mst_option_set_free(&copy);
	mst_option_set_free(&set);
	return code;
}

static int targets(struct mst_err *err)
{
	struct mst_target_list list = {0};
	int code = mst_target_parse("10.0.0.0/24,10.0.2.1-10.0.2.9,2001:db8::/120,a.example,b.example", &list, err);
	if (code == 0 && list.name_count != 2)
		code = -1000;
	mst_target_free(&list);
	return code;
}

static int rules(struct mst_err *err)
{
	struct mst_rules made = {0};
	struct mst_addr_set set;
	struct mst_addr kept;
	mst_addr_set_init(&set);
	int code = mst_rules_add(&made, true, "10.0.0.16/28", "/x:1", err);
	if (code == 0)
		code = mst_rules_add(&made, false, "10.0.0.0/8", "/x:2", err);
	if (code == 0)
		code = mst_addr_set_parse(&set, "10.0.0.0/24,192.0.2.0/24", err);
	if (code == 0)
		code = mst_rules_apply(&made, &set, NULL, NULL, err);
	/* The one thing that must never be: an address that is forbidden and still there. */
	if (code == 0 && mst_addr_parse("10.0.0.17", &kept) && mst_addr_set_contains(&set, &kept))
		code = -1000;
	mst_addr_set_free(&set);
	mst_rules_free(&made);
	return code;
}

static int sets(struct mst_err *err)
{
	struct mst_addr_set a, b;
	struct mst_buf text;
	mst_addr_set_init(&a);
	mst_addr_set_init(&b);
	mst_buf_init(&text, 65536);
	int code = mst_addr_set_parse(&a, "10.0.0.0/24,10.0.1.3,fe80::1-fe80::9", err);
	if (code == 0)
		code = mst_addr_set_parse(&b, "10.0.0.7,10.0.0.128/26", err);
	if (code == 0 && mst_addr_set_subtract(&a, &b) != 0)
		code = mst_err_no_memory(err);
	if (code == 0 && mst_addr_set_text(&a, &text) != 0)
		code = mst_err_no_memory(err);
	mst_buf_free(&text);
	mst_addr_set_free(&a);
	mst_addr_set_free(&b);
	return code;
}

static int json(struct mst_err *err)
{
	struct json_object *object = NULL;
	const char *text = quoted("{'a':[1,2,{'b':'text'}],'c':true,'d':12345678901}");
	int code = mst_json_parse(text, strlen(text), "a text", &object, err);
	if (code == 0 && mst_json_int(object, "d", 0) != 12345678901)
		code = -1000;
	json_object_put(object);
	return code;
}

const struct scene conf_scenes[] = {
        {"configuration", load_good, NULL, NULL, true},
        {"configuration with faults", load_wrong, NULL, NULL, true},
        {"options", options, NULL, NULL, true},
        {"targets", targets, NULL, NULL, false},
        {"rules", rules, NULL, NULL, false},
        {"address sets", sets, NULL, NULL, false},
        {"json", json, NULL, NULL, false},
        {NULL, NULL, NULL, NULL, false},
};
