/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of a load fails once, and from there on: an error or the whole truth, never a rule less. */
#include "conf_common.h"

static long countdown = -1; /* allocations until one fails; -1: never */
static bool for_good;
static bool failed;

static bool failing(void)
{
	if (countdown < 0 || --countdown > 0)
		return false;
	failed = true;
	countdown = for_good ? 1 : -1;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
	return failing() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return failing() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return failing() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return failing() ? NULL : __real_reallocarray(old, count, size);
}

static const char good_text[] =
        "never_scan = {\"10.66.0.0/16\", \"fe80::/10\"}\nscan_only = {\"10.0.0.0/8\"}\nlocations = \"/x\"\n"
        "api { listen = {\"127.0.0.1:1\", \"[::1]:2\"} operators = {\"@a\", \"b\"} }\n"
        "zone \"hq\" { networks = {\"10.1.0.0/16\"} interface = eth0 dns_servers = {\"10.1.0.53\", \"10.1.0.54\"} }\n"
        "zone \"p7\" { networks = {\"10.1.0.0/16\"} interface = eth1 source_address = \"10.1.0.9\" }\n"
        "label \"Printers\" { when = \"port=9100\" set = ignore }\n"
        "notify \"soc\" { webhook = \"https://soc.example.net/\" token = \"secret:soc\" on = {\"new\"} }\n"
        "profile \"a\" { zone = \"hq\" windows = {\"Mon 08:00-09:00\"} blackouts = {\"2026-12-24\"}\n"
        "  nmap { include = {\"10.1.0.0/24\", \"host.example\"} ports = \"22,80\" dns_servers = \"10.1.0.53\" os_detection = new } }\n"
        "profile \"b\" { ec2 { secret_access_key = \"secret:b\" } }\n";

/* What matters of settings, as one text. */
static char *summary(const struct mst_settings *settings)
{
	struct mst_buf out;

	mst_buf_init(&out, 65536);
	for (size_t i = 0; i < settings->rules.never_count; i++)
		mst_buf_printf(&out, "never %s\n", settings->rules.never[i].text);
	for (size_t i = 0; i < settings->rules.only_count; i++)
		mst_buf_printf(&out, "only %s\n", settings->rules.only[i].text);
	for (size_t i = 0; i < settings->zone_count; i++) {
		const struct mst_zone *zone = &settings->zones[i];

		mst_buf_printf(&out, "zone %s %s %s ", zone->name,
		               zone->interface_name == NULL ? "" : zone->interface_name,
		               zone->dns_servers == NULL ? "" : zone->dns_servers);
		mst_addr_set_text(&zone->networks, &out);
		mst_buf_char(&out, '\n');
	}
	for (size_t i = 0; i < settings->label_count; i++)
		mst_buf_printf(&out, "label %s %s %s\n", settings->labels[i].name, settings->labels[i].when,
		               settings->labels[i].action);
	for (size_t i = 0; i < settings->profile_count; i++) {
		char *text = mst_settings_profile_conf(&settings->profiles[i]);

		assert_non_null(text);
		mst_buf_str(&out, text);
		free(text);
	}
	mst_buf_printf(&out, "%zu %zu", settings->listen_count, settings->operator_count);
	return mst_buf_take(&out);
}

/* One load with the nth allocation failing; false when there were fewer. `expected` NULL: the text is at fault. */
static bool load(const char *text, long nth, const char *expected)
{
	struct mst_faults faults = {0};
	struct mst_settings settings;
	struct mst_err err;
	int status;

	failed = false;
	countdown = nth;
	status = mst_settings_load_text(&settings, "f", text, strlen(text), test_methods, 2, &faults, &err);
	countdown = -1;
	if (expected == NULL) {
		assert_int_not_equal(status, MST_OK);
	} else if (status == MST_OK) {
		char *got = summary(&settings);

		assert_string_equal(got, expected);
		free(got);
	}
	mst_settings_free(&settings);
	mst_faults_free(&faults);
	return failed;
}

static void fail_each(const char *text, const char *expected)
{
	long nth = 1;

	while (load(text, nth, expected))
		nth++;
	assert_true(nth > 5);
}

static void test_good(void **state)
{
	struct mst_faults faults = {0};
	struct mst_settings settings;
	struct mst_err err;
	char *expected;

	(void)state;
	if (mst_settings_load_text(&settings, "f", good_text, strlen(good_text), test_methods, 2, &faults, &err) !=
	    MST_OK)
		fail_msg("%s", err.text);
	expected = summary(&settings);
	mst_settings_free(&settings);
	for (int i = 0; i < 2; i++) {
		for_good = i == 1;
		fail_each(good_text, expected);
	}
	free(expected);
}

static void test_faulty(void **state)
{
	static const char *const texts[] = {
	        "never_scan = {\"10.0.0.0/33\"}\n",
	        "nevr_scan = {\"10.0.0.0/8\"}\n",
	        "never_scan = {\"10.0.0.0/8\n",
	        "zone \"a\" { networks = {\"10.0.0.0/8\"} }\nzone \"b\" { networks = {\"10.0.0.0/9\"} }\n",
	        "profile \"a\" { nmap { include = \"10.0.0.0/8\" } }\n",
	        "profile \"a\" { nmap { include = \"10.0.0.0/24\" os_detection = nwe } }\n",
	        "profile \"a\" { zone = \"hq\" ec2 { } }\n",
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		for_good = i == 1;
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++)
			fail_each(texts[j], NULL);
	}
}

static void note_nothing(void *data, const struct mst_rule *rule, const struct mst_addr_set *taken)
{
	(void)data;
	(void)rule;
	(void)taken;
}

/* What a rule forbids is gone, or the call says that it failed. */
static bool apply(const struct mst_rules *rules, long nth)
{
	struct mst_addr_set set;
	struct mst_err err;
	struct mst_buf out;
	int status;

	mst_addr_set_init(&set);
	assert_int_equal(mst_addr_set_parse(&set, "10.0.0.0/24,192.0.2.1,192.0.2.9,fe80::1", &err), MST_OK);
	failed = false;
	countdown = nth;
	status = mst_rules_apply(rules, &set, note_nothing, NULL, &err);
	countdown = -1;
	if (status == MST_OK) {
		mst_buf_init(&out, 4096);
		assert_int_equal(mst_addr_set_text(&set, &out), MST_OK);
		assert_string_equal(mst_buf_text(&out), "10.0.0.0/30,10.0.0.16/28,192.0.2.9");
		mst_buf_free(&out);
	} else {
		assert_int_equal(status, MST_E_NO_MEMORY);
	}
	mst_addr_set_free(&set);
	return failed;
}

static void test_rules(void **state)
{
	struct mst_rules rules = {0};
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_rules_add(&rules, true, "10.0.0.4-15", "f:1", &err), MST_OK);
	assert_int_equal(mst_rules_add(&rules, true, "fe80::/10", "f:2", &err), MST_OK);
	assert_int_equal(mst_rules_add(&rules, false, "10.0.0.0/27", "f:3", &err), MST_OK);
	assert_int_equal(mst_rules_add(&rules, false, "192.0.2.8/30", "f:4", &err), MST_OK);
	for (int i = 0; i < 2; i++) {
		long nth = 1;

		for_good = i == 1;
		while (apply(&rules, nth))
			nth++;
		assert_true(nth > 3);
	}
	mst_rules_free(&rules);
}

static bool parse(long nth)
{
	struct mst_target_list list;
	struct mst_err err;
	int status;

	failed = false;
	countdown = nth;
	status = mst_target_parse("10.0.0.0/24, 10.0.0.7, host.example, HOST.example,2001:db8::/112", &list, &err);
	countdown = -1;
	if (status == MST_OK) {
		assert_int_equal(mst_addr_set_count(&list.addresses), 256 + 65536);
		assert_int_equal(list.name_count, 1);
		mst_target_free(&list);
	} else {
		assert_int_equal(status, MST_E_NO_MEMORY);
	}
	return failed;
}

static void test_targets(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		long nth = 1;

		for_good = i == 1;
		while (parse(nth))
			nth++;
		assert_true(nth > 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good),
	        cmocka_unit_test(test_faulty),
	        cmocka_unit_test(test_rules),
	        cmocka_unit_test(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
