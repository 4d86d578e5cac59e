/* SPDX-License-Identifier: Apache-2.0 */
/* What good configuration files give. */
#include "conf_common.h"

static struct mst_settings settings;

/* Loads the main file; any fault fails the test. */
static void load(void)
{
	struct mst_faults faults = {0};
	struct mst_err err;

	if (mst_settings_load(&settings, test_main_file, test_methods, 2, &faults, &err) != MST_OK) {
		char *text = test_fault_text(&faults);

		fail_msg("%s\n%s", err.text, text);
	}
	assert_int_equal(faults.count, 0);
	mst_faults_free(&faults);
}

static void load_text(const char *text)
{
	test_write(test_main_file, text);
	load();
}

static void test_defaults(void **state)
{
	struct mst_faults faults = {0};
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_settings_load(&settings, NULL, NULL, 0, &faults, &err), MST_OK);
	assert_null(settings.config_path);
	assert_string_equal(settings.store_kind, "sqlite");
	assert_null(settings.store_path);
	assert_string_equal(settings.provision, "ask");
	assert_int_equal(settings.lost_after, 3);
	assert_int_equal(settings.max_rate, 0);
	assert_int_equal(settings.ip_identity_ttl, 7 * 86400000);
	assert_int_equal(settings.zone_count, 1);
	assert_non_null(mst_settings_zone(&settings, "default"));
	assert_null(mst_settings_zone(&settings, "hq"));
	assert_int_equal(settings.label_count, 1);
	assert_string_equal(settings.labels[0].name, "Unmanageable OS Platforms");
	assert_string_equal(settings.labels[0].when,
	                    "os_platform!=windows,linux,macos,solaris,aix os_platform!=- os_accuracy>=90");
	assert_string_equal(settings.labels[0].action, "unmanageable");
	assert_true(settings.labels[0].enabled);
	assert_int_equal(settings.profile_count, 0);
	mst_settings_free(&settings);
}

static const char whole[] =
        "# a comment with \"quotes\" and { braces\n"
        "store \"sqlite\" { path = \"/x/muster.db\" }\n"
        "api { listen = {\"unix:/run/m.sock\", \"127.0.0.1:8350\", \"[::1]:8350\"} operators = {\"@muster\", \"eva\"} viewers = {} }\n"
        "never_scan = {\"10.66.0.0/16\", /* inside */ \"10.1.4.17\",\n"
        "\t// a line of comment\n"
        "\t\"fe80::/10\"}\n"
        "scan_only = \"10.0.0.0/8\"\n"
        "max_rate = 5k lost_after = \"4 runs\" ip_identity_ttl = 2d provision = auto\n"
        "retention { observations = \"90d\" lost = \"180d\" runs = \"1y\" spool = 30d audit = 7y }\n"
        "locations = '/etc/muster/locations.csv'\n"
        "zone \"hq\" { networks = {\"10.1.0.0/16\"} dns_servers = {\"10.1.0.53\", \"10.1.0.54\"} }\n"
        "zone plant7 { networks = {\"10.1.0.0/16\"} interface = \"eth1.70\" source_address = \"10.1.9.9\" max_rate = 200 }\n"
        "label \"Printers\" { when = \"port=9100,515\" set = \"unmanageable\" }\n"
        "label \"Seen\" { when = \"zone=hq\" enabled = off }\n"
        "profile \"hq-servers\" {\n"
        "\tzone = \"hq\" scan_interval = \"6h\" import_frequency = \"15m\"\n"
        "\twindows = {\"Mon-Fri 20:00-06:00 Europe/Zurich\", \"08:00-09:00\", \"Sat,Sun 00:00-24:00\"}\n"
        "\tblackouts = {\"2026-12-20..2027-01-05\", \"2028-02-29\"}\n"
        "\tnmap {\n"
        "\t\tinclude = {\"10.1.0.0/21\", \"10.1.32.0/24\"}\n"
        "\t\tports = \"22, 80\" dns = on os_max_age = 7d\n"
        "\t}\n"
        "}\n"
        "notify \"soc\" { webhook = \"https://soc.example.net/muster\" token = \"secret:soc\" on = {\"new\", \"run_failed\"}\n"
        "  where = \"zone=hq\" digest = \"15m\" }\n";

static void test_globals(void **state)
{
	char at[80];

	(void)state;
	load_text(whole);
	assert_string_equal(settings.config_path, test_main_file);
	assert_string_equal(settings.store_path, "/x/muster.db");
	assert_int_equal(settings.listen_count, 3);
	assert_string_equal(settings.listen[2], "[::1]:8350");
	assert_int_equal(settings.operator_count, 2);
	assert_string_equal(settings.operators[1], "eva");
	assert_int_equal(settings.viewer_count, 0);
	assert_int_equal(settings.rules.never_count, 3);
	snprintf(at, sizeof(at), "%s:4", test_main_file);
	assert_string_equal(settings.rules.never[1].text, "10.1.4.17");
	assert_string_equal(settings.rules.never[1].at, at);
	snprintf(at, sizeof(at), "%s:6", test_main_file);
	assert_string_equal(settings.rules.never[2].at, at);
	assert_int_equal(settings.rules.only_count, 1);
	assert_int_equal(settings.max_rate, 5000);
	assert_int_equal(settings.lost_after, 4);
	assert_int_equal(settings.ip_identity_ttl, 2 * 86400000);
	assert_string_equal(settings.provision, "auto");
	assert_int_equal(settings.retention_observations, 90 * INT64_C(86400000));
	assert_int_equal(settings.retention_spool, 30 * INT64_C(86400000));
	assert_int_equal(settings.retention_audit, 7 * 365 * INT64_C(86400000));
	assert_string_equal(settings.locations_path, "/etc/muster/locations.csv");
	mst_settings_free(&settings);
}

static void test_sections(void **state)
{
	const struct mst_zone *zone;

	(void)state;
	load_text(whole);
	assert_int_equal(settings.zone_count, 3);
	zone = mst_settings_zone(&settings, "hq");
	assert_string_equal(zone->dns_servers, "10.1.0.53,10.1.0.54");
	assert_int_equal(mst_addr_set_count(&zone->networks), 65536);
	assert_null(zone->interface_name);
	zone = mst_settings_zone(&settings, "plant7");
	assert_string_equal(zone->interface_name, "eth1.70");
	assert_string_equal(zone->source_address, "10.1.9.9");
	assert_int_equal(zone->max_rate, 200);
	assert_int_equal(settings.label_count, 3);
	assert_string_equal(settings.labels[0].name, "Unmanageable OS Platforms");
	assert_string_equal(settings.labels[1].action, "unmanageable");
	assert_string_equal(settings.labels[2].action, "label");
	assert_true(settings.labels[1].enabled);
	assert_false(settings.labels[2].enabled);
	mst_settings_free(&settings);
}

static void test_profile(void **state)
{
	const struct mst_profile *profile;
	char at[80];

	(void)state;
	load_text(whole);
	assert_null(mst_settings_profile(&settings, "nothing"));
	profile = mst_settings_profile(&settings, "hq-servers");
	snprintf(at, sizeof(at), "%s:15", test_main_file);
	assert_string_equal(profile->at, at);
	assert_string_equal(profile->zone, "hq");
	assert_int_equal(profile->scan_interval, 6 * 3600000);
	assert_string_equal(profile->import_frequency, "15m");
	assert_int_equal(profile->window_count, 3);
	assert_string_equal(profile->windows[1], "08:00-09:00");
	assert_int_equal(profile->blackout_count, 2);
	assert_string_equal(profile->options.method->name, "nmap");
	assert_string_equal(mst_option_set_text(&profile->options, "include"), "10.1.0.0/21,10.1.32.0/24");
	assert_string_equal(mst_option_set_text(&profile->options, "ports"), "22,80");
	assert_int_equal(mst_option_set_number(&profile->options, "dns"), 1);
	assert_true(mst_option_set_is_set(&profile->options, "dns"));
	mst_settings_free(&settings);
}

/* libConfuse would put the environment there. */
static void test_no_expansion(void **state)
{
	(void)state;
	setenv("MUSTER_TEST", "expanded", 1);
	load_text(
	        "profile \"a\" { nmap { include = \"192.0.2.1\" interface = \"${MUSTER_TEST}\" } }\n"
	        "profile \"b\" { nmap { include = \"192.0.2.1\" interface = '${MUSTER_TEST}' } }\n"
	        "profile \"c\" { nmap { include = \"192.0.2.1\" interface = \"\\${MUSTER_TEST}\" } }\n"
	        "profile \"d\" { nmap { include = \"192.0.2.1\" interface = \"\\\\${MUSTER_TEST:-x}$${MUSTER_TEST}\" } }\n");
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(mst_option_set_text(&settings.profiles[i].options, "interface"), "${MUSTER_TEST}");
	assert_string_equal(mst_option_set_text(&settings.profiles[3].options, "interface"),
	                    "\\${MUSTER_TEST:-x}$${MUSTER_TEST}");
	mst_settings_free(&settings);
}

/* Comment signs inside a text are text. */
static void test_quotes(void **state)
{
	(void)state;
	load_text(
	        "profile \"a\" { nmap { include = \"192.0.2.1\" interface = \"a#b//c/*d*/e\\\"f\\\\g'h{}=,\" } } # \"\n"
	        "profile \"b\" { nmap { include = \"192.0.2.1\" interface = 'a\"b\\\\c\\'d' } }\n"
	        "profile \"c\" { nmap { include = \"192.0.2.1, \\\n192.0.2.2\" } }\r\n");
	assert_string_equal(mst_option_set_text(&settings.profiles[0].options, "interface"),
	                    "a#b//c/*d*/e\"f\\g'h{}=,");
	assert_string_equal(mst_option_set_text(&settings.profiles[1].options, "interface"), "a\"b\\c'd");
	assert_string_equal(mst_option_set_text(&settings.profiles[2].options, "include"), "192.0.2.1, 192.0.2.2");
	mst_settings_free(&settings);
}

/* Later files replace single values and lists; never_scan and scan_only add up, whatever the sign. */
static void test_files(void **state)
{
	char path[80], at[80];

	(void)state;
	assert_int_equal(mkdir(test_drop_dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/20-b.conf", test_drop_dir);
	test_write(
	        path,
	        "max_rate = 30\nnever_scan = {\"10.3.0.0/16\"}\nscan_only = {\"10.0.0.0/9\"}\napi { listen = {\"127.0.0.1:3\"} }\n");
	snprintf(path, sizeof(path), "%s/10-a.conf", test_drop_dir);
	test_write(
	        path,
	        "max_rate = 20\nnever_scan += {\"10.2.0.0/16\"}\napi { listen = {\"127.0.0.1:2\"} viewers += \"bob\" }\n");
	snprintf(path, sizeof(path), "%s/.hidden.conf", test_drop_dir);
	test_write(path, "nonsense");
	snprintf(path, sizeof(path), "%s/note.txt", test_drop_dir);
	test_write(path, "nonsense");
	load_text(
	        "max_rate = 10\nnever_scan = {\"10.1.0.0/16\"}\nnever_scan = {\"10.1.1.0/24\"}\nscan_only = {\"10.0.0.0/8\"}\n"
	        "api { listen = {\"127.0.0.1:1\", \"127.0.0.1:9\"} viewers = {\"eva\"} }\n");
	assert_int_equal(settings.max_rate, 30);
	assert_int_equal(settings.rules.never_count, 4);
	assert_string_equal(settings.rules.never[2].text, "10.2.0.0/16");
	snprintf(at, sizeof(at), "%s/10-a.conf:2", test_drop_dir);
	assert_string_equal(settings.rules.never[2].at, at);
	assert_int_equal(settings.rules.only_count, 2);
	assert_int_equal(settings.listen_count, 1);
	assert_string_equal(settings.listen[0], "127.0.0.1:3");
	assert_int_equal(settings.viewer_count, 2);
	mst_settings_free(&settings);
	assert_int_equal(mst_file_remove_tree(test_drop_dir, NULL), MST_OK);
}

static void test_shipped_label(void **state)
{
	(void)state;
	load_text("label \"First\" { when = \"port=1\" }\nlabel \"Unmanageable OS Platforms\" { enabled = off }\n");
	assert_int_equal(settings.label_count, 2);
	assert_string_equal(settings.labels[0].name, "First");
	assert_string_equal(settings.labels[1].when, MST_SHIPPED_WHEN);
	assert_string_equal(settings.labels[1].action, "unmanageable");
	assert_false(settings.labels[1].enabled);
	mst_settings_free(&settings);
	load_text(
	        "label \"Unmanageable OS Platforms\" { when = \"os_platform=printer\" set = ignore }\nlabel \"B\" { when = \"port=1\" }\n");
	assert_int_equal(settings.label_count, 2);
	assert_string_equal(settings.labels[0].when, "os_platform=printer");
	assert_string_equal(settings.labels[0].action, "ignore");
	mst_settings_free(&settings);
}

static void test_default_zone(void **state)
{
	(void)state;
	load_text("zone \"default\" { networks = {\"10.0.0.0/8\"} max_rate = 7 }\nprofile \"a\" { ec2 { } }\n");
	assert_int_equal(settings.zone_count, 1);
	assert_int_equal(mst_settings_zone(&settings, "default")->max_rate, 7);
	assert_string_equal(settings.profiles[0].zone, "default");
	assert_string_equal(settings.profiles[0].import_frequency, "each run");
	assert_int_equal(settings.profiles[0].scan_interval, 0);
	mst_settings_free(&settings);
}

/* A profile's text, loaded again, gives the same text. */
static void test_round_trip(void **state)
{
	static const char text[] =
	        "profile \"a\" { scan_interval = 90m windows = {\"Mon 08:00-09:00\", \"09:00-10:00\"} blackouts = {\"2026-12-24\"}\n"
	        "  import_frequency = 15m zone = \"hq\"\n"
	        "  nmap { include = \"10.1.0.0/21, host.example\" dns = off max_addresses = 5000 ports = {\"22\", \"80-81\"} os_detection = new\n"
	        "    interface = \"q\\\"b\\\\s${HOME}'#//\" } }\n"
	        "profile \"b\" { ec2 { secret_access_key = \"secret:b\" assume_roles = {\"arn:x\", \"arn:y\"} } }\n"
	        "zone \"hq\" { }\n";
	struct mst_buf again;
	char *first[2];

	(void)state;
	load_text(text);
	mst_buf_init(&again, 65536);
	for (size_t i = 0; i < 2; i++) {
		first[i] = mst_settings_profile_conf(&settings.profiles[i]);
		assert_non_null(first[i]);
		mst_buf_str(&again, first[i]);
	}
	mst_settings_free(&settings);
	mst_buf_str(&again, "zone \"hq\" { }\n");
	load_text(mst_buf_text(&again));
	assert_int_equal(settings.profile_count, 2);
	for (size_t i = 0; i < 2; i++) {
		char *second = mst_settings_profile_conf(&settings.profiles[i]);

		assert_string_equal(second, first[i]);
		free(second);
		free(first[i]);
	}
	assert_string_equal(mst_option_set_text(&settings.profiles[0].options, "interface"), "q\"b\\s${HOME}'#//");
	assert_string_equal(mst_option_set_text(&settings.profiles[1].options, "assume_roles"), "arn:x,arn:y");
	assert_int_equal(settings.profiles[0].scan_interval, 90 * 60000);
	assert_int_equal(settings.profiles[0].window_count, 2);
	mst_settings_free(&settings);
	mst_buf_free(&again);
}

static void test_profile_conf(void **state)
{
	char *text;

	(void)state;
	load_text("profile \"hq\" { scan_interval = 360m nmap { include = \"10.1.0.0/21\" dns = on } }\n");
	text = mst_settings_profile_conf(&settings.profiles[0]);
	assert_string_equal(
	        text,
	        "profile \"hq\" {\n\tscan_interval = \"6h\"\n\tnmap {\n\t\tinclude = \"10.1.0.0/21\"\n\t\tdns = \"on\"\n\t}\n}\n");
	free(text);
	mst_settings_free(&settings);
}

/* Who writes what this version does not do is told so, with the place; a value that asks for nothing is no such thing. */
static void test_idle(void **state)
{
	struct mst_faults faults = {0};
	struct mst_settings read;
	struct mst_err err;

	(void)state;
	test_write(test_main_file,
	           "api { listen = {\"127.0.0.1:1\"} viewers = {} }\nretention { audit = 7y\n runs = 1y }\n"
	           "profile \"a\" { scan_interval = 6h import_frequency = \"each run\"\n"
	           " ec2 { } }\nprofile \"b\" { scan_interval = 0 ec2 { } }\n");
	assert_int_equal(mst_settings_load(&read, test_main_file, test_methods, 2, &faults, &err), MST_OK);
	assert_int_equal(read.idle.count, 3);
	assert_int_equal(read.idle.items[0].line, 1);
	assert_non_null(strstr(read.idle.items[0].text, "api: listen has no effect in this version"));
	assert_int_equal(read.idle.items[1].line, 2);
	assert_non_null(strstr(read.idle.items[1].text, "retention: audit"));
	assert_non_null(strstr(read.idle.items[2].text, "profile \"a\": scan_interval"));
	mst_settings_free(&read);
	mst_faults_free(&faults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_idle),          cmocka_unit_test(test_defaults),
	        cmocka_unit_test(test_globals),       cmocka_unit_test(test_sections),
	        cmocka_unit_test(test_profile),       cmocka_unit_test(test_quotes),
	        cmocka_unit_test(test_no_expansion),  cmocka_unit_test(test_files),
	        cmocka_unit_test(test_shipped_label), cmocka_unit_test(test_default_zone),
	        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_profile_conf),
	};

	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
