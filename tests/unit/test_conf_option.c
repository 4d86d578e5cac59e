/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: one value, whole sets, JSON. */
#include "conf_common.h"

#include "conf/word.h"

static void takes(const struct mst_method_def *method, const char *name, const char *text, int64_t number)
{
	const struct mst_option_def *def = mst_option_find(method, name);
	struct mst_err err;
	int64_t got;

	assert_non_null(def);
	if (mst_option_check_value(def, text, &got, &err) != MST_OK)
		fail_msg("%s = \"%s\": %s", name, text, err.text);
	assert_int_equal(got, number);
}

static void refuses(const struct mst_method_def *method, const char *name, const char *text, const char *expected)
{
	const struct mst_option_def *def = mst_option_find(method, name);
	struct mst_err err;

	assert_non_null(def);
	if (mst_option_check_value(def, text, NULL, &err) != MST_E_USAGE)
		fail_msg("%s = \"%s\" was taken", name, text);
	assert_string_equal(err.text, expected);
}

static void test_values(void **state)
{
	(void)state;
	takes(&test_nmap, "dns", "on", 1);
	takes(&test_nmap, "dns", "no", 0);
	takes(&test_nmap, "source_port", "65535", 65535);
	takes(&test_nmap, "host_timeout", "90s", 90000);
	takes(&test_nmap, "max_rate", "5k", 5000);
	takes(&test_nmap, "buffer", "64k", 65536);
	takes(&test_nmap, "os_detection", "new", 0);
	takes(&test_nmap, "ports", "22,80,8000-8100", 0);
	takes(&test_nmap, "ports", "1-65535", 0);
	takes(&test_nmap, "ports", "top-1", 0);
	takes(&test_nmap, "ports", "top-65535", 0);
	takes(&test_nmap, "ports", "none", 0);
	takes(&test_nmap, "dns_servers", "192.0.2.1, 2001:db8::1", 0);
	takes(&test_nmap, "interface", "", 0);
	takes(&test_ec2, "regions", "eu-west-1, \xc3\xa9", 0);
	takes(&test_ec2, "secret_access_key", "secret:aws-prod", 0);
}

static void test_refused(void **state)
{
	(void)state;
	refuses(&test_nmap, "dns", "maybe",
	        "dns: \"maybe\" is not a switch: write on or off (yes, no, true, false, 1, 0)");
	refuses(&test_nmap, "source_port", "65536", "source_port: \"65536\" is out of range: write 0 to 65535");
	refuses(&test_nmap, "source_port", "-1", "source_port: \"-1\" is out of range: write 0 to 65535");
	refuses(&test_nmap, "source_port", "53x",
	        "source_port: \"53x\" is not a whole number: write digits only, such as 10");
	refuses(&test_nmap, "source_port", "99999999999999999999",
	        "source_port: \"99999999999999999999\" is not a whole number: write digits "
	        "only, such as 10");
	refuses(&test_nmap, "host_timeout", "5",
	        "host_timeout: \"5\" is not a duration: write a number with s, m, h, d, w or y, such as 90s, "
	        "15m, 6h, 7d, or 0");
	refuses(&test_nmap, "host_timeout", "2d", "host_timeout: \"2d\" is out of range: write 1s to 1d");
	refuses(&test_nmap, "max_rate", "-5",
	        "max_rate: \"-5\" is not a rate: write a number per second, such as 1000, 5k or 1M");
	refuses(&test_nmap, "buffer", "1G", "buffer: \"1G\" is out of range: write 4096 to 1048576");
	refuses(&test_nmap, "os_detection", "nwe",
	        "os_detection: \"nwe\" is not one of on, off, new: did you mean \"new\"?");
	refuses(&test_nmap, "os_detection", "sometimes",
	        "os_detection: \"sometimes\" is not one of its values: write one of on, off, new");
	refuses(&test_nmap, "ports", "0",
	        "ports: \"0\" is not a port or range of ports: write 22,80,8000-8100 (1 to 65535)");
	refuses(&test_nmap, "ports", "70000",
	        "ports: \"70000\" is not a port or range of ports: write 22,80,8000-8100 (1 to 65535)");
	refuses(&test_nmap, "ports", "", "ports: \"\" is not a list of ports: write 22,80,8000-8100, top-1000 or none");
	refuses(&test_nmap, "ports", "22,",
	        "ports: \"22,\" is not a list of ports: write 22,80,8000-8100, top-1000 or none");
	refuses(&test_nmap, "ports", "T:22",
	        "ports: \"T:22\" is not a list of ports: write 22,80,8000-8100, top-1000 or none");
	refuses(&test_nmap, "ports", "top-0",
	        "ports: \"top-0\" is not a number of ports: write top-1 to top-65535, such as top-1000");
	refuses(&test_nmap, "ports", "top-65536",
	        "ports: \"top-65536\" is not a number of ports: write top-1 to top-65535, such as top-1000");
	refuses(&test_nmap, "dns_servers", "ns.example",
	        "dns_servers: \"ns.example\" is not an IP address: write 192.0.2.1 or 2001:db8::1 (no "
	        "names, no ranges)");
	refuses(&test_nmap, "dns_servers", "192.0.2.1,",
	        "dns_servers: an address is missing: write 192.0.2.1 or 2001:db8::1");
	refuses(&test_nmap, "include", "", "include: names no target: write an address, network, range or host name");
	refuses(&test_nmap, "include", "-oN/x",
	        "include: target \"-oN/x\" begins with \"-\": a target is an address, network, range or host "
	        "name, never an option");
	refuses(&test_nmap, "interface", "eth0\n",
	        "interface: the value contains a control character or a line end: remove it");
	refuses(&test_nmap, "interface", "\xff", "interface: the value is not valid UTF-8: save the text as UTF-8");
}

static void test_too_long(void **state)
{
	char *text = calloc(1, MST_MAX_OPTION_VALUE + 2);

	(void)state;
	memset(text, '1', MST_MAX_OPTION_VALUE + 1);
	refuses(&test_nmap, "ports", text, "ports: the value has 65537 bytes: at most 65536 are allowed");
	text[4097] = '\0';
	refuses(&test_nmap, "interface", text, "interface: the value has 4097 bytes: at most 4096 are allowed");
	text[4096] = '\0';
	takes(&test_nmap, "interface", text, 0);
	free(text);
}

/* Whatever stands there instead of a reference may be the secret itself. */
static void test_secret(void **state)
{
	static const char *const literals[] = {"hunter2", "secret:",  "secret:Bad Name", "secret",
	                                       "",        "SECRET:x", "secret:x hunter2"};

	(void)state;
	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++)
		refuses(&test_ec2, "secret_access_key", literals[i],
		        "secret_access_key: a secret is never written here; store it with: muster "
		        "secrets set NAME, then write \"secret:NAME\"");
}

static void test_set(void **state)
{
	struct mst_option_set set;
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_option_set_init(&set, &test_nmap, &err), MST_OK);
	assert_int_equal(mst_option_set_number(&set, "max_addresses"), 4096);
	assert_string_equal(mst_option_set_text(&set, "ports"), "top-1000");
	assert_null(mst_option_set_text(&set, "exclude"));
	assert_null(mst_option_set_text(&set, "nothing"));
	assert_int_equal(mst_option_set_number(&set, "nothing"), 0);
	assert_false(mst_option_set_is_set(&set, "ports"));
	assert_int_equal(mst_option_set_check(&set, &err), MST_E_USAGE);
	assert_string_equal(err.text,
	                    "include is missing: write include = \"192.0.2.0/24, 192.0.2.1-9, host.example.net\"");
	assert_int_equal(mst_option_set_put(&set, "include", "192.0.2.0/24", &err), MST_OK);
	assert_int_equal(mst_option_set_put(&set, "ports", "22, 80", &err), MST_OK);
	assert_string_equal(mst_option_set_text(&set, "ports"), "22,80");
	assert_true(mst_option_set_is_set(&set, "ports"));
	assert_int_equal(mst_option_set_put(&set, "ports", "0", &err), MST_E_USAGE);
	assert_string_equal(mst_option_set_text(&set, "ports"), "22,80");
	assert_int_equal(mst_option_set_put(&set, "os_max_age", "2d", &err), MST_OK);
	assert_int_equal(mst_option_set_number(&set, "os_max_age"), 2 * 86400000);
	assert_int_equal(mst_option_set_check(&set, &err), MST_OK);
	mst_option_set_free(&set);
}

static void test_unknown(void **state)
{
	struct mst_option_set set;
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_option_set_init(&set, &test_nmap, &err), MST_OK);
	assert_int_equal(mst_option_set_put(&set, "max_adresses", "5", &err), MST_E_USAGE);
	assert_string_equal(err.text, "method nmap has no option \"max_adresses\": did you mean \"max_addresses\"?");
	assert_int_equal(mst_option_set_put(&set, "prots", "5", &err), MST_E_USAGE);
	assert_string_equal(err.text, "method nmap has no option \"prots\": did you mean \"ports\"?");
	assert_int_equal(mst_option_set_put(&set, "colour", "red", &err), MST_E_USAGE);
	assert_string_equal(err.text, "method nmap has no option \"colour\": see muster plugins show nmap");
	mst_option_set_free(&set);
}

static void check_limit(const char *include, const char *max, const char *expected)
{
	struct mst_option_set set;
	struct mst_err err;

	assert_int_equal(mst_option_set_init(&set, &test_nmap, &err), MST_OK);
	assert_int_equal(mst_option_set_put(&set, "include", include, &err), MST_OK);
	if (max != NULL)
		assert_int_equal(mst_option_set_put(&set, "max_addresses", max, &err), MST_OK);
	if (expected == NULL) {
		assert_int_equal(mst_option_set_check(&set, &err), MST_OK);
	} else {
		assert_int_equal(mst_option_set_check(&set, &err), MST_E_USAGE);
		assert_string_equal(err.text, expected);
	}
	mst_option_set_free(&set);
}

/* Duplicates count once, exclusions do not lower the number. */
static void test_limit(void **state)
{
	(void)state;
	check_limit("10.1.0.0/20", NULL, NULL);
	check_limit("10.1.0.0/20, 10.1.15.0/24, 10.1.0.7", NULL, NULL);
	check_limit("10.1.0.0/20, printer.example", NULL, NULL);
	check_limit("10.1.0.0/20, 10.1.16.0/24", NULL,
	            "includes 4352 addresses, limit 4096: set max_addresses = 4352 or split the profile");
	check_limit("10.1.0.0/16", "65536", NULL);
	check_limit("10.0.0.0/8,11.0.0.0/8", "100",
	            "includes 33554432 addresses, limit 100: split the profile (max_addresses may be 16777216 "
	            "at most)");
}

static void test_json(void **state)
{
	struct mst_option_set set, again;
	struct json_object *object;
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_option_set_init(&set, &test_nmap, &err), MST_OK);
	assert_int_equal(mst_option_set_init(&again, &test_nmap, &err), MST_OK);
	assert_int_equal(mst_option_set_put(&set, "include", "192.0.2.0/24", &err), MST_OK);
	assert_int_equal(mst_option_set_put(&set, "dns", "off", &err), MST_OK);
	object = mst_option_set_json(&set);
	assert_string_equal(
	        json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
	        "{\"include\":\"192.0.2.0/24\",\"dns\":\"off\"}");
	assert_int_equal(mst_option_set_from_json(&again, object, &err), MST_OK);
	assert_string_equal(mst_option_set_text(&again, "include"), "192.0.2.0/24");
	json_object_put(object);
	object = json_tokener_parse("{\"max_addresses\": 10, \"dns\": true}");
	assert_int_equal(mst_option_set_from_json(&again, object, &err), MST_OK);
	assert_int_equal(mst_option_set_number(&again, "max_addresses"), 10);
	assert_int_equal(mst_option_set_number(&again, "dns"), 1);
	json_object_put(object);
	mst_option_set_free(&set);
	mst_option_set_free(&again);
}

static void test_json_refused(void **state)
{
	static const char *const texts[][2] = {
	        {"[]", "options are not a JSON object: write { \"name\": \"value\" }"},
	        {"{\"dns\": []}", "dns: the value is no text, number or boolean: write it as a text"},
	        {"{\"dns\": null}", "dns: the value is no text, number or boolean: write it as a text"},
	        {"{\"interface\": \"a\\u0000b\"}", "interface: the value contains a NUL character: remove it"},
	        {"{\"dsn\": \"on\"}", "method nmap has no option \"dsn\": did you mean \"dns\"?"},
	        {"{\"\\u001b[2J\": \"on\"}", "method nmap has no option \"\\x1b[2J\": see muster plugins show nmap"},
	};
	struct mst_option_set set;
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_option_set_init(&set, &test_nmap, &err), MST_OK);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct json_object *object = json_tokener_parse(texts[i][0]);

		assert_int_equal(mst_option_set_from_json(&set, object, &err), MST_E_USAGE);
		assert_string_equal(err.text, texts[i][1]);
		json_object_put(object);
	}
	mst_option_set_free(&set);
}

static void test_wrong_default(void **state)
{
	struct mst_option_def row = ROW("level", MUSTER_OPTION_INT, "high", .flags = 0);
	struct mst_method_def method = {(char *)"m", (char *)"", (char *)"vendor", 0, &row, 1};
	struct mst_option_set set;
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_option_set_init(&set, &method, &err), MST_E_FAILED);
	assert_string_equal(
	        err.text,
	        "method m has a wrong default (level: \"high\" is not a whole number: write digits only, such as 10): "
	        "report it to the author of plugin vendor");
	assert_null(set.values);
}

/* A refused value is shown safely and cut between characters. */
static void test_show(void **state)
{
	char out[MST_SHOWN], long_text[64] = "", expected[MST_SHOWN] = "";

	(void)state;
	mst_conf_show("a\x1b[2J\"b", out);
	assert_string_equal(out, "a\\x1b[2J\"b");
	/* 24 escapes of four letters and two-byte characters behind them: the cut at 100 would halve one */
	memset(long_text, '\xff', 25);
	memmove(long_text + 25, "\xc3\xa9\xc3\xa9", 5);
	long_text[0] = 'a';
	mst_conf_show(long_text, out);
	expected[0] = 'a';
	for (int i = 0; i < 24; i++)
		memmove(expected + strlen(expected), "\\xff", 5);
	memmove(expected + strlen(expected), "\xc3\xa9...", 6);
	assert_string_equal(out, expected);
	memset(long_text, 'a', 41);
	long_text[41] = '\0';
	mst_conf_show(long_text, out);
	long_text[40] = '\0';
	snprintf(expected, sizeof(expected), "%s...", long_text);
	assert_string_equal(out, expected);
	mst_conf_show(long_text, out);
	assert_string_equal(out, long_text);
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"never_scan", "scan_only", "max_rate"};
	static const char *const words[][2] = {
	        {"nevr_scan", "never_scan"},
	        {"never-scan", "never_scan"},
	        {"sacn_only", "scan_only"},
	        {"maxrate", "max_rate"},
	        {"color", NULL},
	        {"x", NULL},
	        {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct mst_nearest nearest;
		const char *best;

		mst_nearest_init(&nearest, words[i][0]);
		for (size_t j = 0; j < 3; j++)
			mst_nearest_try(&nearest, names[j]);
		best = mst_nearest_best(&nearest);
		if (words[i][1] == NULL)
			assert_null(best);
		else
			assert_string_equal(best == NULL ? "nothing" : best, words[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_values),  cmocka_unit_test(test_refused), cmocka_unit_test(test_too_long),
	        cmocka_unit_test(test_secret),  cmocka_unit_test(test_set),     cmocka_unit_test(test_unknown),
	        cmocka_unit_test(test_limit),   cmocka_unit_test(test_json),    cmocka_unit_test(test_json_refused),
	        cmocka_unit_test(test_nearest), cmocka_unit_test(test_show),    cmocka_unit_test(test_wrong_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
