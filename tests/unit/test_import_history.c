/* SPDX-License-Identifier: Apache-2.0 */
/* Earlier times: the view of a moment, who had an address then, what changed when. */
#include "import_scene.h"

#include "import/doc.h"
#include "import/history.h"

#define HOUR        (INT64_C(3600) * 1000)
#define MAC1        "3c:22:fb:10:20:30"
#define MAC2        "3c:22:fb:10:20:31"
#define PORTS(list) "'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':64,'ports':[" list "]}]"

static struct scene s;

static int open_scene(void **state)
{
	(void)state;
	scene_open(&s, NULL);
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	scene_close(&s);
	return 0;
}

/* "ip mac ports state" of the interface that is now at `ip_now`, at an earlier time; "" when there is no view. */
static const char *view(const char *ip_now, int64_t at)
{
	static char text[400];
	struct mst_err err;
	bson_t *interface = scene_at(&s, ip_now), out, ports;
	bson_iter_t item;

	text[0] = '\0';
	int code = mst_history_view(s.import, interface, at, &out, &err);
	bson_destroy(interface);
	if (code != 0) {
		assert_int_equal(code, MST_E_NOT_FOUND);
		return text;
	}
	const char *mac = mst_doc_text(&out, "mac");
	snprintf(text, sizeof text, "%s %s ", mst_doc_text(&out, "ip"), mac ? mac : "-");
	if (mst_doc_array(&out, "ports", &ports) && bson_iter_init(&item, &ports))
		while (bson_iter_next(&item))
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s,", bson_iter_utf8(&item, NULL));
	snprintf(text + strlen(text), sizeof text - strlen(text), " %s", mst_doc_text(&out, "state"));
	assert_int_equal(mst_doc_int(&out, "at", 0), at);
	assert_true(mst_doc_int(&out, "last_seen", 0) <= at);
	assert_true(mst_doc_int(&out, "number", 0) > 0);
	bson_destroy(&out);
	return text;
}

static void ports_as_they_were(void **state)
{
	(void)state;
	int64_t times[3];
	const char *const records[] = {"{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("22") "}",
	                               "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("22,80") "}",
	                               "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("443") "}"};

	for (int i = 0; i < 3; i++) {
		scene_scan(&s, "10.0.0.0/24", "1-1000", records[i], NULL);
		times[i] = s.now;
	}
	assert_string_equal(view("10.0.0.1", times[0] - HOUR), "");
	assert_string_equal(view("10.0.0.1", times[0] + 1), "10.0.0.1 " MAC1 " 22, unmanaged");
	assert_string_equal(view("10.0.0.1", times[1] - HOUR / 2), "10.0.0.1 " MAC1 " 22, unmanaged");
	assert_string_equal(view("10.0.0.1", times[1] + 1), "10.0.0.1 " MAC1 " 22,80, unmanaged");
	assert_string_equal(view("10.0.0.1", times[2] + 1), "10.0.0.1 " MAC1 " 443, unmanaged");
	assert_string_equal(view("10.0.0.1", times[2] + 1000 * HOUR), "10.0.0.1 " MAC1 " 443, unmanaged");
}

/* A card that moved, and another one that took its old address. */
static void addresses_change_hands(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", NULL);
	int64_t first = s.now;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC2 "'}", "{'ip':'10.0.0.9','mac':'" MAC1 "'}",
	           NULL);
	int64_t second = s.now;
	assert_string_equal(view("10.0.0.9", first + 1), "10.0.0.1 " MAC1 "  unmanaged");
	assert_string_equal(view("10.0.0.9", second + 1), "10.0.0.9 " MAC1 "  unmanaged");
	assert_string_equal(view("10.0.0.1", first + 1), "");
	assert_string_equal(view("10.0.0.1", second + 1), "10.0.0.1 " MAC2 "  unmanaged");
	struct mst_addr addr;
	struct mst_err err;
	bson_t ids = BSON_INITIALIZER;
	assert_true(mst_addr_parse("10.0.0.1", &addr));
	assert_int_equal(mst_history_holders(s.store, &addr, &ids, &err), 0);
	assert_int_equal(bson_count_keys(&ids), 2);
	bson_destroy(&ids);
}

static void lost_is_lost_then(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1','mac':'" MAC1 "'}", "{'ip':'10.0.0.2'}", NULL);
	int64_t seen = s.now;
	for (int i = 0; i < 3; i++)
		scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.2'}", NULL);
	assert_field(&s, "10.0.0.1", "state", "lost");
	assert_string_equal(view("10.0.0.1", seen + 1), "10.0.0.1 " MAC1 "  unmanaged");
}

struct text {
	char all[2000];
	int events;
	int64_t last;
};

static int collect(void *data, const struct mst_history_event *event)
{
	struct text *text = data;

	assert_true(event->at >= text->last && event->until >= event->at);
	text->last = event->at;
	text->events++;
	snprintf(text->all + strlen(text->all), sizeof text->all - strlen(text->all), "%s|%s|%s\n",
	         event->run[0] ? event->run + strlen(event->run) - 2 : "-", event->profile, event->change);
	return 0;
}

static void changes_with_their_runs(void **state)
{
	(void)state;
	struct text text = {.events = 0};
	struct mst_err err;

	scene_scan(&s, "10.0.0.0/24", "1-1000", "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("22") "}", NULL);
	scene_scan(&s, "10.0.0.0/24", "1-1000", "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("22") "}", NULL);
	scene_scan(&s, "10.0.0.0/24", "1-1000", "{'ip':'10.0.0.1','mac':'" MAC1 "'," PORTS("22,443") "}", NULL);
	scene_scan(&s, "10.0.0.0/24", "1-1000",
	           "{'ip':'10.0.0.1','mac':'" MAC1 "','names':[{'name':'nas','type':'PTR'}]," PORTS("443") "}", NULL);
	bson_t *interface = scene_at(&s, "10.0.0.1");
	assert_int_equal(mst_history_read(s.import, interface, collect, &text, &err), 0);
	bson_destroy(interface);
	assert_string_equal(text.all, "01|hq|first seen: address - -> 10.0.0.1; mac - -> " MAC1 "; ports +22\n"
	                              "03|hq|ports +443\n"
	                              "04|hq|name - -> nas; ports -22\n");
}

static void what_is_not_kept_is_said(void **state)
{
	(void)state;
	struct mst_import_pruned pruned;
	struct mst_err err;
	int64_t day = 24 * HOUR, first, second;

	assert_int_equal(mst_history_check(s.store, 1000, 2000, &err), MST_E_NOT_FOUND);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.1'," PORTS("22") "}", NULL);
	first = s.now;
	s.now += 10 * day;
	scene_scan(&s, "10.0.0.0/24", "22,80", "{'ip':'10.0.0.1'," PORTS("80") "}", NULL);
	second = s.now;
	int64_t now = second + 95 * day;
	assert_int_equal(mst_history_check(s.store, first - day, now, &err), MST_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "first thing was seen"));
	assert_int_equal(mst_history_check(s.store, now + 1, now, &err), MST_E_USAGE);
	assert_int_equal(mst_history_check(s.store, first + 1, now, &err), 0);
	mst_import_set_clock(s.import, now);
	assert_int_equal(mst_import_prune(s.import, NULL, &pruned, &err), 0);
	assert_int_equal(pruned.history, 1);
	assert_int_equal(mst_history_check(s.store, first + 1, now, &err), MST_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "retention.observations"));
	assert_string_equal(view("10.0.0.1", first + 1), "");
	assert_string_equal(view("10.0.0.1", second + 1), "10.0.0.1 - 80, unmanaged");
}

static void the_scan_gives_all_of_a_time(void **state)
{
	(void)state;
	struct mst_history_scan *scan;
	struct mst_err err;
	bson_t filter = BSON_INITIALIZER, view_doc;
	int found = 0;

	scene_scan(&s, "10.0.0.0/24", "1-1000", "{'ip':'10.0.0.1'," PORTS("22") "}",
	           "{'ip':'10.0.0.2'," PORTS("80") "}", NULL);
	int64_t then = s.now + 1;
	scene_scan(&s, "10.0.0.0/24", "1-1000", "{'ip':'10.0.0.1'," PORTS("80") "}",
	           "{'ip':'10.0.0.2'," PORTS("22") "}", "{'ip':'10.0.0.3'," PORTS("22") "}", NULL);
	BSON_APPEND_UTF8(&filter, "ports", "22");
	assert_int_equal(mst_history_scan_open(&scan, s.import, &filter, then, &err), 0);
	while (mst_history_scan_next(scan, &view_doc, &err) == 0) {
		assert_string_equal(mst_doc_text(&view_doc, "ip"), "10.0.0.1");
		bson_destroy(&view_doc);
		found++;
	}
	assert_int_equal(found, 1);
	mst_history_scan_close(scan);
	bson_destroy(&filter);
	assert_int_equal(mst_history_scan_open(&scan, s.import, NULL, s.now + 1, &err), 0);
	for (found = 0; mst_history_scan_next(scan, &view_doc, &err) == 0; found++)
		bson_destroy(&view_doc);
	mst_history_scan_close(scan);
	assert_int_equal(found, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)
	const struct CMUnitTest tests[] = {
	        TEST(ports_as_they_were),      TEST(addresses_change_hands),   TEST(lost_is_lost_then),
	        TEST(changes_with_their_runs), TEST(what_is_not_kept_is_said), TEST(the_scan_gives_all_of_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
