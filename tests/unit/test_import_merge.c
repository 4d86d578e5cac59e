/* SPDX-License-Identifier: Apache-2.0 */
/* The merged view: newest wins per fact, and what is told of a change. */
#include "import_help.h"

#include "import/doc.h"
#include "import/merge.h"

#define DAY INT64_C(86400000)

static const struct mst_merge_options options = {3, 30 * DAY, NULL};

/* An observation of profile `profile` at time `seen` (all facts looked at then). */
static struct mst_obs *obs(const char *profile, int64_t seen, const char *json)
{
	struct mst_obs *out = mst_obs_new();
	bson_t *document = doc(json);
	char id[128];
	snprintf(id, sizeof id, "%s/z/%s", profile, mst_doc_text(document, "ip") ? mst_doc_text(document, "ip") : "x");
	mst_obs_set(&out->id, id);
	mst_obs_set(&out->profile, profile);
	mst_obs_set(&out->method, "nmap");
	mst_obs_set(&out->zone, "z");
	out->first_seen = out->last_seen = out->os_seen = out->ports_seen = out->names_seen = out->mac_seen = seen;
	snprintf(out->last_run, sizeof out->last_run, "run-%lld", (long long)seen);
	bson_destroy(&out->doc);
	bson_steal(&out->doc, document);
	return out;
}

static bson_t *merge(const char *old_json, struct mst_obs **list, size_t count, const struct mst_merge_options *with,
                     struct mst_merge_result *result)
{
	bson_t *out = bson_new(), *old = old_json ? doc(old_json) : NULL;
	struct mst_err err;
	assert_int_equal(mst_merge(old, list, count, with, out, result, &err), 0);
	if (old)
		bson_destroy(old);
	for (size_t i = 0; i < count; i++)
		mst_obs_free(list[i]);
	return out;
}

static void expect_text(const bson_t *document, const char *field, const char *text)
{
	const char *is = mst_doc_text(document, field);
	assert_string_equal(is ? is : "", text);
}

static void expect_list(const bson_t *document, const char *field, const char *json)
{
	bson_t array, *want = doc(json), is = BSON_INITIALIZER;
	assert_true(mst_doc_array(document, field, &array));
	bson_append_array(&is, "a", 1, &array);
	char *a = bson_as_relaxed_extended_json(&is, NULL), *b = bson_as_relaxed_extended_json(want, NULL);
	assert_string_equal(a, b);
	bson_free(a);
	bson_free(b);
	bson_destroy(&is);
	bson_destroy(want);
}

#define OPEN(list) "'ports':[{'proto':'tcp','state':'open','ports':[" list "]}]"

static void newest_wins_per_fact(void **state)
{
	(void)state;
	struct mst_merge_result result;
	struct mst_obs *list[] = {obs("a", 100,
	                              "{'ip':'10.0.0.1','mac':'3c:22:fb:10:20:30','names':[{'name':'old'}],"
	                              "'os':{'platform':'Linux','generation':'4.X','accuracy':99}}"),
	                          obs("b", 200, "{'ip':'10.0.0.1','names':[{'name':'new'}],'os':{'note':'too many'}}")};
	list[0]->os_seen = 150;
	bson_t *out = merge(NULL, list, 2, &options, &result);
	expect_text(out, "hostname", "new");
	expect_list(out, "hostnames", "{'a':['new','old']}");
	expect_text(out, "mac", "3c:22:fb:10:20:30");
	expect_text(out, "os_platform", "linux");
	expect_text(out, "os_generation", "4.x");
	expect_text(out, "os_note", "too many");
	expect_text(out, "identity", "mac");
	assert_int_equal(mst_doc_int(out, "first_seen", 0), 100);
	assert_int_equal(mst_doc_int(out, "last_seen", 0), 200);
	assert_int_equal(mst_doc_int(out, "os_accuracy", 0), 99);
	bson_destroy(out);
}

static void ports_are_decided_one_by_one(void **state)
{
	(void)state;
	struct mst_merge_result result;
	struct mst_obs *list[] = {obs("a", 100, "{'ip':'10.0.0.1'," OPEN("22,443,8080") "}"),
	                          obs("b", 200, "{'ip':'10.0.0.1'," OPEN("22") "}")};
	mst_obs_set(&list[1]->covered_tcp, "22,443");
	bson_t *out = merge(NULL, list, 2, &options, &result);
	expect_list(out, "ports", "{'a':['22','8080']}");
	bson_destroy(out);
}

static void ports_are_sorted_by_number(void **state)
{
	(void)state;
	struct mst_merge_result result;
	struct mst_obs *list[] = {obs(
	        "a", 1,
	        "{'ports':[{'proto':'udp','state':'open','ports':[161,53]},"
	        "{'proto':'tcp','state':'open','ports':[8080,53,22]},{'proto':'tcp','state':'closed','ports':[1]}]}")};
	bson_t *out = merge(NULL, list, 1, &options, &result);
	expect_list(out, "ports", "{'a':['22','53','53/udp','161/udp','8080']}");
	bson_destroy(out);
}

static void names_that_were_typed_come_last(void **state)
{
	(void)state;
	struct mst_merge_result result;
	struct mst_obs *list[] = {
	        obs("a", 1, "{'ip':'10.0.0.1','names':[{'name':'typed','type':'user'},{'name':'real','type':'PTR'}]}")};
	bson_t *out = merge(NULL, list, 1, &options, &result);
	expect_text(out, "hostname", "real");
	bson_destroy(out);
}

static void a_source_that_missed_it_no_longer_counts(void **state)
{
	(void)state;
	struct mst_merge_result result;
	struct mst_obs *list[] = {obs("a", 300, "{'ip':'10.0.0.1','names':[{'name':'gone'}],'managed':true}"),
	                          obs("b", 200, "{'ip':'10.0.0.1'}")};
	list[0]->missed = 3;
	bson_t *out = merge(NULL, list, 2, &options, &result);
	expect_text(out, "hostname", "");
	expect_list(out, "profiles", "{'a':['b']}");
	assert_false(result.managed);
	assert_false(result.lost);
	assert_int_equal(result.managed_last, 300);
	bson_destroy(out);
}

static void when_all_missed_it_the_last_view_stays(void **state)
{
	(void)state;
	struct mst_merge_result result;
	struct mst_obs *list[] = {obs("a", 300, "{'ip':'10.0.0.1','names':[{'name':'gone'}]}")};
	list[0]->missed = 3;
	bson_t *out = merge(NULL, list, 1, &options, &result);
	assert_true(result.lost);
	expect_text(out, "hostname", "gone");
	expect_text(out, "ip", "10.0.0.1");
	bson_destroy(out);
}

static void ipv4_is_shown_before_ipv6(void **state)
{
	(void)state;
	struct mst_merge_result result;
	struct mst_obs *list[] = {obs("a", 100, "{'ip':'10.0.0.1'}"), obs("a", 200, "{'ip':'2001:db8::1'}")};
	bson_t *out = merge(NULL, list, 2, &options, &result);
	expect_text(out, "ip", "10.0.0.1");
	expect_text(out, "ip_key", "4:0a000001");
	expect_list(out, "ips", "{'a':['10.0.0.1','2001:db8::1']}");
	bson_destroy(out);
}

static void a_move_is_settled_at_the_runs_end(void **state)
{
	(void)state;
	struct mst_merge_result result;
	struct mst_merge_options end = {3, 30 * DAY, "run-200"};
	const char *old = "{'ip':'10.0.0.5','ips':['10.0.0.5']}";
	struct mst_obs *list[] = {obs("a", 100, "{'ip':'10.0.0.5'}"), obs("a", 200, "{'ip':'10.0.0.9'}")};
	bson_t *out = merge(old, list, 2, &options, &result);
	expect_text(out, "ip", "10.0.0.5");
	assert_true(result.unsettled);
	bson_destroy(out);
	struct mst_obs *again[] = {obs("a", 100, "{'ip':'10.0.0.5'}"), obs("a", 200, "{'ip':'10.0.0.9'}")};
	out = merge(old, again, 2, &end, &result);
	expect_text(out, "ip", "10.0.0.9");
	assert_false(result.unsettled);
	bson_destroy(out);
}

static void platforms_have_one_word_each(void **state)
{
	(void)state;
	static const struct {
		const char *family, *platform;
	} words[] = {
	        {"Windows", "windows"}, {"Linux", "linux"},       {"Mac OS X", "macos"},  {"macOS", "macos"},
	        {"iOS", "ios"},         {"IOS", "cisco-ios"},     {"FreeBSD", "freebsd"}, {"OpenSolaris", "solaris"},
	        {"AIX", "aix"},         {"embedded", "embedded"}, {"IOS XE", "ios-xe"}};
	char out[64];
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		mst_os_platform(words[i].family, out, sizeof out);
		assert_string_equal(out, words[i].platform);
	}
	mst_os_generation("5.X", out, sizeof out);
	assert_string_equal(out, "5.x");
	mst_os_generation("XP", out, sizeof out);
	assert_string_equal(out, "XP");
}

static void expect_change(const char *old, const char *fresh, const char *expected)
{
	bson_t *a = doc(old), *b = doc(fresh);
	struct mst_buf out;
	mst_buf_init(&out, 4096);
	mst_merge_changes(a, b, &out);
	assert_string_equal(mst_buf_text(&out), expected);
	mst_buf_free(&out);
	bson_destroy(a);
	bson_destroy(b);
}

static void changes_in_words(void **state)
{
	(void)state;
	expect_change("{'ip':'10.0.0.5'}", "{'ip':'10.0.0.5','os_accuracy':7,'distance':3,'last_seen':9}", "");
	expect_change("{'ip':'10.0.0.5','ips':['10.0.0.5']}", "{'ip':'10.0.0.9','ips':['10.0.0.9']}",
	              "address 10.0.0.5 -> 10.0.0.9");
	expect_change("{'ports':['22','8080']}", "{'ports':['22','8443','53/udp']}", "ports +8443 +53/udp -8080");
	expect_change("{'os_platform':'linux','os_generation':'4.x'}", "{'os_platform':'linux','os_generation':'5.x'}",
	              "os linux 4.x -> 5.x");
	expect_change("{'os_platform':'linux'}", "{'os_platform':'windows','os_generation':'11'}",
	              "os linux -> windows 11");
	expect_change("{}", "{'os_platform':'linux'}", "os - -> linux");
	expect_change("{'mac':'a'}", "{}", "mac a -> -");
	expect_change("{'services':[{'proto':'tcp','port':22,'product':'OpenSSH','version':'8'}]}",
	              "{'services':[{'proto':'tcp','port':22,'product':'OpenSSH','version':'9'}]}",
	              "service 22 OpenSSH 8 -> OpenSSH 9");
	/* What is not shown of a managed interface does not change by being hidden. */
	expect_change("{'state':'unmanaged','os_platform':'linux','os_generation':'5.x'}",
	              "{'state':'managed','os_platform':'linux'}", "");
}

static void long_lists_of_changes_are_cut(void **state)
{
	bson_t old = BSON_INITIALIZER, fresh = BSON_INITIALIZER, array;
	struct mst_buf out;
	uint32_t index = 0;
	(void)state;
	mst_buf_init(&out, 2000);
	bson_append_array_begin(&fresh, "ports", -1, &array);
	for (int i = 1; i <= 1000; i++) {
		char text[16];
		snprintf(text, sizeof text, "%d", i);
		mst_doc_push_text(&array, &index, text);
	}
	bson_append_array_end(&fresh, &array);
	mst_merge_changes(&old, &fresh, &out);
	assert_non_null(strstr(mst_buf_text(&out), "+20 +and 980 more"));
	mst_buf_free(&out);
	bson_destroy(&old);
	bson_destroy(&fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(newest_wins_per_fact),
	        cmocka_unit_test(ports_are_decided_one_by_one),
	        cmocka_unit_test(ports_are_sorted_by_number),
	        cmocka_unit_test(names_that_were_typed_come_last),
	        cmocka_unit_test(a_source_that_missed_it_no_longer_counts),
	        cmocka_unit_test(when_all_missed_it_the_last_view_stays),
	        cmocka_unit_test(ipv4_is_shown_before_ipv6),
	        cmocka_unit_test(a_move_is_settled_at_the_runs_end),
	        cmocka_unit_test(platforms_have_one_word_each),
	        cmocka_unit_test(changes_in_words),
	        cmocka_unit_test(long_lists_of_changes_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
