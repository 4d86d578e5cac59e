/* SPDX-License-Identifier: Apache-2.0 */
/* What a record may change of what its source knew: coverage, hostile values, and what counts as a change. */
#include "import_help.h"

#include <muster/plugin.h>

#include "base/addr.h"
#include "import/fold.h"
#include "import/ports.h"

#define ALL                                                                                                            \
	(MUSTER_FACT_PRESENCE | MUSTER_FACT_OS | MUSTER_FACT_SERVICES | MUSTER_FACT_NAMES | MUSTER_FACT_MAC |          \
	 MUSTER_FACT_SCRIPTS)

static struct mst_ports tcp, udp;

static struct mst_cover cover(uint32_t facts, bool complete, const char *tcp_ports, const char *udp_ports)
{
	memset(&tcp, 0, sizeof tcp);
	memset(&udp, 0, sizeof udp);
	assert_int_equal(mst_ports_parse(&tcp, tcp_ports ? tcp_ports : "", NULL), 0);
	assert_int_equal(mst_ports_parse(&udp, udp_ports ? udp_ports : "", NULL), 0);
	return (struct mst_cover){facts, complete, tcp_ports ? &tcp : NULL, udp_ports ? &udp : NULL};
}

static bson_t *fold(const char *old, const char *record, struct mst_cover under)
{
	bson_t *before = old ? doc(old) : NULL, *fresh = doc(record), *out = bson_new();
	struct mst_err err;
	assert_int_equal(mst_fold(before, fresh, &under, out, &err), 0);
	if (before)
		bson_destroy(before);
	bson_destroy(fresh);
	return out;
}

static void expect(const char *old, const char *record, struct mst_cover under, const char *expected)
{
	bson_t *out = fold(old, record, under);
	assert_doc(out, expected);
	bson_destroy(out);
}

/* The open TCP and UDP ports of a folded document. */
static void expect_open(const char *old, const char *record, struct mst_cover under, const char *open_tcp,
                        const char *open_udp)
{
	static struct mst_port_sets open, known;
	bson_t *out = fold(old, record, under), array;
	bson_iter_t iter;
	struct mst_buf text;
	mst_buf_init(&text, 65536);
	memset(&open, 0, sizeof open);
	memset(&known, 0, sizeof known);
	if (bson_iter_init_find(&iter, out, "ports")) {
		const uint8_t *data;
		uint32_t len;
		bson_iter_array(&iter, &len, &data);
		bson_init_static(&array, data, len);
		assert_int_equal(mst_ports_open(&array, &open, &known), 0);
	}
	mst_ports_text(&open.of[MST_PROTO_TCP], &text);
	assert_string_equal(mst_buf_text(&text), open_tcp);
	mst_buf_reset(&text);
	mst_ports_text(&open.of[MST_PROTO_UDP], &text);
	assert_string_equal(mst_buf_text(&text), open_udp);
	mst_buf_free(&text);
	bson_destroy(out);
}

#define OPEN(list) "'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':64,'ports':[" list "]}]"

static void first_record(void **state)
{
	(void)state;
	expect(NULL,
	       "{'_key':'10.0.0.1','_scope':0,'ip':'10.0.0.1','seen':5,'answered':true,'timed_out':false,'site':'x'}",
	       cover(ALL, true, NULL, NULL), "{'ip':'10.0.0.1','site':'x'}");
}

static void discovery_only_touches_neither_ports_nor_os(void **state)
{
	(void)state;
	const char *old = "{'ip':'10.0.0.1','os':{'platform':'Linux'},'names':[{'name':'a'}]," OPEN("22,80") "}";
	struct mst_cover under = cover(MUSTER_FACT_PRESENCE, true, NULL, NULL);
	expect_open(old, "{'ip':'10.0.0.1'}", under, "22,80", "");
	bson_t *out = fold(old, "{'ip':'10.0.0.1'}", under);
	assert_true(bson_has_field(out, "os"));
	assert_true(bson_has_field(out, "names"));
	bson_destroy(out);
}

static void ports_are_withdrawn_where_the_scope_looked(void **state)
{
	(void)state;
	const char *old = "{'ip':'10.0.0.1'," OPEN("22,443,8080") "}";
	expect_open(old, "{'ip':'10.0.0.1'," OPEN("22") "}", cover(ALL, true, "22,443", NULL), "22,8080", "");
	expect_open(old, "{'ip':'10.0.0.1'}", cover(ALL, true, "1-65535", NULL), "", "");
}

static void one_protocol_says_nothing_of_the_other(void **state)
{
	(void)state;
	const char *old =
	        "{'ports':[{'proto':'tcp','state':'open','ports':[53]},{'proto':'udp','state':'open','ports':[53,161]}]}";
	expect_open(old, "{'ip':'10.0.0.1'}", cover(ALL, true, NULL, "161"), "53", "53");
}

static void a_partial_scope_withdraws_only_what_its_records_say(void **state)
{
	(void)state;
	const char *old = "{'ip':'10.0.0.1','os':{'platform':'Linux'}," OPEN("22,443,8080") "}";
	const char *record = "{'ip':'10.0.0.1','ports':[{'proto':'tcp','state':'closed','ports':[443]},"
	                     "{'proto':'tcp','state':'open','ports':[25]}]}";
	expect_open(old, record, cover(ALL, false, "1-65535", NULL), "22,25,8080", "");
	bson_t *out = fold(old, record, cover(ALL, false, NULL, NULL));
	assert_true(bson_has_field(out, "os"));
	bson_destroy(out);
}

static void os_names_and_mac_are_withdrawn_by_their_own_coverage(void **state)
{
	(void)state;
	const char *old =
	        "{'ip':'10.0.0.1','mac':'00:11:22:33:44:55','names':[{'name':'a'}],'os':{'platform':'Linux'}}";
	expect(old, "{'ip':'10.0.0.1'}", cover(MUSTER_FACT_OS, true, NULL, NULL),
	       "{'ip':'10.0.0.1','mac':'00:11:22:33:44:55','names':[{'name':'a'}]}");
	expect(old, "{'ip':'10.0.0.1'}", cover(MUSTER_FACT_NAMES, true, NULL, NULL),
	       "{'ip':'10.0.0.1','mac':'00:11:22:33:44:55','os':{'platform':'Linux'}}");
	expect(old, "{'ip':'10.0.0.1'}", cover(MUSTER_FACT_MAC, true, NULL, NULL),
	       "{'ip':'10.0.0.1','names':[{'name':'a'}],'os':{'platform':'Linux'}}");
}

static void an_os_without_platform_is_no_knowledge(void **state)
{
	(void)state;
	const char *old = "{'os':{'platform':'Linux'}}", *record = "{'os':{'note':'too many matches'}}";
	expect(old, record, cover(MUSTER_FACT_PRESENCE, true, NULL, NULL), old);
	expect(old, record, cover(MUSTER_FACT_OS, true, NULL, NULL), record);
	expect(old, record, cover(MUSTER_FACT_OS, false, NULL, NULL), old);
}

static void names_join_without_coverage_and_are_replaced_with_it(void **state)
{
	(void)state;
	const char *old = "{'names':[{'name':'a','type':'PTR'}]}",
	           *record = "{'names':[{'name':'b','type':'PTR'},{'name':'b'}]}";
	expect(old, record, cover(0, true, NULL, NULL),
	       "{'names':[{'name':'b','type':'PTR'},{'name':'a','type':'PTR'}]}");
	expect(old, record, cover(MUSTER_FACT_NAMES, true, NULL, NULL), "{'names':[{'name':'b','type':'PTR'}]}");
}

/* 254 bytes and a character of two: it does not fit whole. */
static void a_name_too_long_is_cut_at_a_character_and_says_so(void **state)
{
	(void)state;
	char stem[255], text[600];
	memset(stem, 'n', sizeof stem - 1);
	stem[sizeof stem - 1] = '\0';
	snprintf(text, sizeof text, "{'names':[{'name':'%s\xc3\xa9','type':'PTR'},{'name':'b'}]}", stem);
	bson_t *first = fold(NULL, text, cover(0, true, NULL, NULL)), *kept = bson_new(),
	       *record = doc("{'ip':'10.0.0.1'}");
	snprintf(text, sizeof text, "{'names':[{'name':'%s','type':'PTR','cut':true},{'name':'b'}]}", stem);
	assert_doc(first, text);
	/* Folded again it is what it was. */
	struct mst_cover under = cover(0, true, NULL, NULL);
	struct mst_err err;
	assert_int_equal(mst_fold(first, record, &under, kept, &err), 0);
	snprintf(text, sizeof text, "{'ip':'10.0.0.1','names':[{'name':'%s','type':'PTR','cut':true},{'name':'b'}]}",
	         stem);
	assert_doc(kept, text);
	bson_destroy(first);
	bson_destroy(kept);
	bson_destroy(record);
}

static void a_service_goes_with_its_port(void **state)
{
	(void)state;
	const char *old = "{" OPEN("22,443") ",'services':[{'proto':'tcp','port':22,'product':'OpenSSH'},"
	                                     "{'proto':'tcp','port':443,'product':'nginx'}]}";
	bson_t *out = fold(old, "{" OPEN("22") "}", cover(MUSTER_FACT_PRESENCE, true, "22,443", NULL));
	bson_iter_t iter, child;
	assert_true(bson_iter_init_find(&iter, out, "services"));
	assert_true(bson_iter_recurse(&iter, &child));
	assert_true(bson_iter_next(&child));
	assert_false(bson_iter_next(&child));
	bson_destroy(out);
}

static void hostile_values_are_left_out(void **state)
{
	(void)state;
	expect(NULL,
	       "{'ip':'10.0.0.1','mac':'nonsense','vendor':7,'names':'x','os':[1],'ports':[{'proto':'tcp','state':'open',"
	       "'ports':[0,70000,-1,'22']},{'proto':'xyz','state':'open','ports':[1]},7],'distance':'far','managed':'yes',"
	       "'computer_id':{},'ips':['10.0.0.2','no address',3]}",
	       cover(ALL, true, NULL, NULL), "{'ip':'10.0.0.1','ips':['10.0.0.2']}");
}

static void values_become_canonical(void **state)
{
	(void)state;
	expect(NULL, "{'ip':'2001:DB8:0:0::1','mac':'AA-BB-CC-DD-EE-0F'}", cover(ALL, true, NULL, NULL),
	       "{'ip':'2001:db8::1','mac':'aa:bb:cc:dd:ee:0f'}");
}

static void names_are_capped(void **state)
{
	(void)state;
	bson_t record = BSON_INITIALIZER, array, item, out = BSON_INITIALIZER;
	struct mst_cover under = cover(ALL, true, NULL, NULL);
	struct mst_err err;
	bson_iter_t iter, child;
	int count = 0;
	bson_append_array_begin(&record, "names", -1, &array);
	for (int i = 0; i < 1000; i++) {
		char key[16], name[32];
		snprintf(key, sizeof key, "%d", i);
		snprintf(name, sizeof name, "host-%d", i);
		bson_append_document_begin(&array, key, -1, &item);
		bson_append_utf8(&item, "name", -1, name, -1);
		bson_append_document_end(&array, &item);
	}
	bson_append_array_end(&record, &array);
	assert_int_equal(mst_fold(NULL, &record, &under, &out, &err), 0);
	assert_true(bson_iter_init_find(&iter, &out, "names") && bson_iter_recurse(&iter, &child));
	while (bson_iter_next(&child))
		count++;
	assert_int_equal(count, 64);
	bson_destroy(&record);
	bson_destroy(&out);
}

static void closed_ports_are_kept_short(void **state)
{
	(void)state;
	expect(NULL, "{'ports':[{'proto':'tcp','state':'closed','reason':'reset','ttl':64,'ports':[5,3,4,9]}]}",
	       cover(ALL, true, "1-10", NULL),
	       "{'ports':[{'proto':'tcp','state':'closed','reason':'reset','ttl':64,'count':4,'range':'3-5,9'}]}");
	/* What is kept reads the same again. */
	expect("{'ports':[{'proto':'tcp','state':'closed','reason':'reset','ttl':64,'count':4,'range':'3-5,9'}]}",
	       "{'ip':'10.0.0.1'}", cover(MUSTER_FACT_PRESENCE, true, "9", NULL),
	       "{'ip':'10.0.0.1','ports':[{'proto':'tcp','state':'closed','reason':'reset','ttl':64,'count':3,'range':'3-5'}]}");
}

static void expect_same(const char *a, const char *b, bool same)
{
	struct mst_buf x, y;
	bson_t *left = doc(a), *right = doc(b);
	mst_buf_init(&x, 65536);
	mst_buf_init(&y, 65536);
	assert_int_equal(mst_fold_facts(left, &x), 0);
	assert_int_equal(mst_fold_facts(right, &y), 0);
	assert_int_equal(strcmp(mst_buf_text(&x), mst_buf_text(&y)) == 0, same);
	mst_buf_free(&x);
	mst_buf_free(&y);
	bson_destroy(left);
	bson_destroy(right);
}

static void only_facts_that_count_make_a_change(void **state)
{
	(void)state;
	const char *base =
	        "{'ip':'10.0.0.1','os':{'platform':'Linux','generation':'5.X','accuracy':90},'distance':1," OPEN(
	                "22,80") "}";
	expect_same(
	        base,
	        "{'ip':'10.0.0.1','os':{'platform':'Linux','generation':'5.X','accuracy':99},'distance':4,"
	        "'uptime':{'seconds':7},'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':63,'ports':[22]},"
	        "{'proto':'tcp','state':'open','reason':'syn-ack','ttl':62,'ports':[80]},"
	        "{'proto':'tcp','state':'closed','ports':[81]}]}",
	        true);
	expect_same(base,
	            "{'ip':'10.0.0.1','os':{'platform':'Linux','generation':'6.X','accuracy':90},'distance':1," OPEN(
	                    "22,80") "}",
	            false);
	expect_same(base, "{'ip':'10.0.0.1','os':{'platform':'Linux','generation':'5.X'}," OPEN("22") "}", false);
	expect_same("{'names':[{'name':'a'},{'name':'b'}]}", "{'names':[{'name':'b'},{'name':'a'}]}", true);
	expect_same("{'services':[{'proto':'tcp','port':22,'version':'1'}]}",
	            "{'services':[{'proto':'tcp','port':22,'version':'2'}]}", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(first_record),
	        cmocka_unit_test(discovery_only_touches_neither_ports_nor_os),
	        cmocka_unit_test(ports_are_withdrawn_where_the_scope_looked),
	        cmocka_unit_test(one_protocol_says_nothing_of_the_other),
	        cmocka_unit_test(a_partial_scope_withdraws_only_what_its_records_say),
	        cmocka_unit_test(os_names_and_mac_are_withdrawn_by_their_own_coverage),
	        cmocka_unit_test(an_os_without_platform_is_no_knowledge),
	        cmocka_unit_test(names_join_without_coverage_and_are_replaced_with_it),
	        cmocka_unit_test(a_name_too_long_is_cut_at_a_character_and_says_so),
	        cmocka_unit_test(a_service_goes_with_its_port),
	        cmocka_unit_test(hostile_values_are_left_out),
	        cmocka_unit_test(values_become_canonical),
	        cmocka_unit_test(names_are_capped),
	        cmocka_unit_test(closed_ports_are_kept_short),
	        cmocka_unit_test(only_facts_that_count_make_a_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
