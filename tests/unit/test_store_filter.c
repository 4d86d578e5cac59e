/* SPDX-License-Identifier: Apache-2.0 */
/* The filter grammar: what a text becomes, and how faults are named. */
#include "store_common.h"

#define NOW INT64_C(1700000000000)

static void assert_filter(const char *text, const char *wanted)
{
	bson_t filter, *want = doc(wanted);
	struct mst_err err = {0};
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);

	if (mst_filter_parse(text, columns, count, NOW, &filter, &err) != MST_OK)
		fail_msg("%s: %s", text, err.text);
	char *a = bson_as_relaxed_extended_json(&filter, NULL), *b = bson_as_relaxed_extended_json(want, NULL);
	if (strcmp(a, b) != 0)
		fail_msg("%s: got %s, wanted %s", text, a, b);
	bson_free(a);
	bson_free(b);
	bson_destroy(&filter);
	bson_destroy(want);
}

static void assert_fault(const char *text, const char *part)
{
	bson_t filter;
	struct mst_err err = {0};
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);

	if (mst_filter_parse(text, columns, count, NOW, &filter, &err) != MST_E_USAGE)
		fail_msg("%s was taken", text);
	if (!strstr(err.text, part))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, part);
}

static void test_texts(void **state)
{
	(void)state;
	assert_filter("", "{}");
	assert_filter("  \t ", "{}");
	assert_filter("state=unmanaged", "{'state':{'$eq':'unmanaged'}}");
	assert_filter("STATE=lost", "{'state':{'$eq':'lost'}}");
	assert_filter("state=lost,ignored", "{'state':{'$in':['lost','ignored']}}");
	assert_filter("state!=lost", "{'$not':{'state':{'$eq':'lost'}}}");
	assert_filter("state!=lost,ignored", "{'$not':{'state':{'$in':['lost','ignored']}}}");
	assert_filter("hostname~web", "{'hostname':{'$has':'web'}}");
	assert_filter("hostname~web,db", "{'$or':[{'hostname':{'$has':'web'}},{'hostname':{'$has':'db'}}]}");
	assert_filter("state=lost vendor=\"Cisco, \\\"Inc\\\"\"",
	              "{'$and':[{'state':{'$eq':'lost'}},{'vendor':{'$eq':'Cisco, \\\"Inc\\\"'}}]}");
	assert_filter("hostname=-", "{'$not':{'hostname':{'$gt':''}}}");
	assert_filter("hostname=", "{'$not':{'hostname':{'$gt':''}}}");
	assert_filter("hostname!=-", "{'$not':{'$not':{'hostname':{'$gt':''}}}}");
	assert_filter("label=-", "{'$not':{'labels':{'$gte':''}}}");
	assert_filter("labels=prod method=nmap profile=hq",
	              "{'$and':[{'labels':{'$eq':'prod'}},{'methods':{'$eq':'nmap'}},{'profiles':{'$eq':'hq'}}]}");
}

static void test_addresses(void **state)
{
	(void)state;
	assert_filter("ip=10.1.2.3", "{'ip_key':{'$eq':'4:0a010203'}}");
	assert_filter("ip=10.0.0.0/8", "{'ip_key':{'$gte':'4:0a000000','$lte':'4:0affffff'}}");
	assert_filter("ip!=10.0.0.0/8", "{'$not':{'ip_key':{'$gte':'4:0a000000','$lte':'4:0affffff'}}}");
	assert_filter("ip=10.0.0.1,10.0.0.2",
	              "{'$or':[{'ip_key':{'$eq':'4:0a000001'}},{'ip_key':{'$eq':'4:0a000002'}}]}");
	assert_filter("ip>10.0.0.0/8", "{'ip_key':{'$gt':'4:0affffff'}}");
	assert_filter("ip<10.0.0.0/8", "{'ip_key':{'$lt':'4:0a000000'}}");
	assert_filter("ip~10.1", "{'ip':{'$has':'10.1'}}");
	assert_filter("ips=FE80::1", "{'ips':{'$eq':'fe80::1'}}");
	assert_filter("nat_ip=1.2.3.4", "{'nat_ip':{'$eq':'1.2.3.4'}}");
	assert_filter("mac=3C-22-FB-10-20-30", "{'mac':{'$eq':'3c:22:fb:10:20:30'}}");
	assert_filter("mac=3c22.fb10.2030", "{'mac':{'$eq':'3c:22:fb:10:20:30'}}");
	assert_filter("mac=3c22fb102030", "{'mac':{'$eq':'3c:22:fb:10:20:30'}}");
	assert_filter("mac~3C:22", "{'mac':{'$has':'3c:22'}}");
	assert_filter("mac~3c22", "{'mac':{'$has':'3c:22'}}");
	assert_filter("mac~-22-", "{'mac':{'$has':':22:'}}");
	assert_fault("ip=10.0.0", "filter: at 4: ip: \"10.0.0\"");
	assert_fault("ips=10.0.0.0/8", "single addresses");
	assert_fault("mac=3c:22", "whole hardware address");
	assert_fault("mac=zz", "hardware address");
}

static void test_numbers_ports_times(void **state)
{
	(void)state;
	assert_filter("id=8f3k", "{'number':{'$eq':{'$numberLong':'277619'}}}");
	assert_filter("id=019aa3b0-0000-7000-8000-000000000001",
	              "{'_id':{'$eq':'019aa3b0-0000-7000-8000-000000000001'}}");
	assert_filter("os_accuracy>=90", "{'os_accuracy':{'$gte':{'$numberLong':'90'}}}");
	assert_filter("distance=-", "{'$not':{'distance':{'$gte':{'$numberLong':'-9223372036854775808'}}}}");
	assert_filter("port=22,443", "{'ports':{'$in':['22','443']}}");
	assert_filter("port=22/tcp", "{'ports':{'$in':['22']}}");
	assert_filter("ports=53/udp", "{'ports':{'$in':['53/udp']}}");
	assert_filter("port=8000-8002", "{'ports':{'$in':['8000','8001','8002']}}");
	assert_filter("last_seen<7d", "{'last_seen':{'$gt':{'$numberLong':'1699395200000'}}}");
	assert_filter("last_seen>30d", "{'last_seen':{'$lt':{'$numberLong':'1697408000000'}}}");
	assert_filter("last_seen<=1h", "{'last_seen':{'$gte':{'$numberLong':'1699996400000'}}}");
	assert_filter("first_seen>2023-11-14T20:00:00Z", "{'first_seen':{'$gt':{'$numberLong':'1699992000999'}}}");
	assert_filter("first_seen>=2023-11-14T20:00:00.250Z",
	              "{'first_seen':{'$gte':{'$numberLong':'1699992000250'}}}");
	assert_fault("id=u!", "short id");
	assert_fault("distance=abc", "whole number");
	assert_fault("port=0", "a port");
	assert_fault("port=70000", "a port");
	assert_fault("port=1-60000", "a port");
	assert_fault("port=22/sctp", "a port");
	assert_fault("port>22", "a port");
	assert_fault("last_seen=7d", "an age goes with < and >");
	assert_fault("last_seen<soon", "an age");
	assert_fault("last_seen~7d", "times go with");
}

static void test_faults(void **state)
{
	char many[2000] = "";

	(void)state;
	assert_fault("stat=x", "at 1: there is no column \"stat\", did you mean \"state\"?");
	assert_fault("vendor=x hostnam~y", "at 10: there is no column \"hostnam\", did you mean \"hostname\"?");
	assert_fault("state", "an operator is needed");
	assert_fault("=x", "a column's name is needed");
	assert_fault("state=\"x", "closing quote");
	assert_fault("state~-", "absent");
	assert_fault("\x1b[31m=x", "\\x1b");
	for (int i = 0; i < 65; i++)
		strcat(many, "vendor=x ");
	assert_fault(many, "more than 64 terms");
	strcpy(many, "mac~a");
	for (int i = 0; i < 512; i++)
		strcat(many, ",a");
	assert_fault(many, "more than 512 values");
}

/* A column that can hold a few words only refuses all others, by name. */
static void test_closed_values(void **state)
{
	const char *words = "state: \"bogus\": it is one of managed, unmanaged, unmanageable, ignored, lost";
	size_t count;
	const struct mst_column *columns = mst_run_columns(&count);
	struct mst_err err = {0};
	bson_t filter;

	(void)state;
	assert_fault("state=bogus", words);
	assert_fault("port=22 state!=bogus", words);
	assert_fault("state=lost,bogus", words);
	assert_fault("state=lost,bogus,-", words);
	assert_fault("identity=mac,hostname", "it is one of mac, ip, eni, agent");
	assert_filter("state~man", "{'state':{'$has':'man'}}");
	assert_filter("state=-", "{'$not':{'state':{'$gt':''}}}");
	assert_int_equal(mst_filter_parse("outcome=bad", columns, count, NOW, &filter, &err), MST_E_USAGE);
	assert_non_null(strstr(err.text, "complete, partial, failed"));
	assert_int_equal(mst_filter_parse("kind=scan,plan", columns, count, NOW, &filter, &err), MST_E_USAGE);
}

#define RUN_ID "01890000-0000-7000-8000-000000000007"

static int run_of(void *data, int64_t number, char id[MST_ID_SIZE], struct mst_err *err)
{
	*(int64_t *)data = number;
	if (number != 7)
		return mst_err_set(err, MST_E_NOT_FOUND, "no such run");
	memcpy(id, RUN_ID, sizeof(RUN_ID));
	return MST_OK;
}

static void test_runs_by_number(void **state)
{
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	int64_t asked = 0;
	const struct mst_filter_context context = {.now = NOW, .run = run_of, .data = &asked};
	struct mst_err err = {0};
	bson_t filter;
	char *json;

	(void)state;
	assert_filter("created_run=" RUN_ID, "{'created_run':{'$eq':'" RUN_ID "'}}");
	assert_filter("lost_run=-", "{'$not':{'lost_run':{'$gt':''}}}");
	assert_fault("created_run=7", "goes with listings, not with rules");
	assert_int_equal(mst_filter_parse_in("changed_run=7,-", columns, count, &context, &filter, &err), MST_OK);
	json = bson_as_relaxed_extended_json(&filter, NULL);
	assert_non_null(strstr(json, RUN_ID));
	assert_int_equal(asked, 7);
	bson_free(json);
	bson_destroy(&filter);
	assert_int_equal(mst_filter_parse_in("lost_run=8", columns, count, &context, &filter, &err), MST_E_NOT_FOUND);
	assert_int_equal(mst_filter_parse_in("lost_run>7", columns, count, &context, &filter, &err), MST_E_USAGE);
	assert_int_equal(mst_filter_parse_in("lost_run=x", columns, count, &context, &filter, &err), MST_E_USAGE);
}

static void test_sort(void **state)
{
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	struct mst_err err;
	bson_t sort;
	char *json;

	(void)state;
	assert_int_equal(mst_sort_parse("-last_seen, ip,id", columns, count, &sort, &err), MST_OK);
	json = bson_as_relaxed_extended_json(&sort, NULL);
	assert_string_equal(json, "{ \"last_seen\" : -1, \"ip_key\" : 1, \"number\" : 1 }");
	bson_free(json);
	bson_destroy(&sort);
	assert_int_equal(mst_sort_parse("ports", columns, count, &sort, &err), MST_E_USAGE);
	assert_int_equal(mst_sort_parse("ip,-ip", columns, count, &sort, &err), MST_E_USAGE);
	assert_int_equal(mst_sort_parse("-sate", columns, count, &sort, &err), MST_E_USAGE);
	assert_non_null(strstr(err.text, "did you mean \"state\""));
}

static void test_columns(void **state)
{
	static const char *const nmap[] = {"nmap"}, *const both[] = {"ec2", "tanium"};
	char shown[512] = "", with_both[512] = "";
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		if (mst_column_shown(&columns[i], nmap, 1))
			strcat(strcat(shown, columns[i].name), " ");
		if (mst_column_shown(&columns[i], both, 2))
			strcat(strcat(with_both, columns[i].name), " ");
	}
	assert_string_equal(shown, "id state ip zone hostname mac vendor os_platform ports last_seen methods ");
	assert_non_null(strstr(with_both, "nat_ip"));
	assert_non_null(strstr(with_both, "computer_id"));
	assert_null(strstr(with_both, "ports"));
}

static void assert_match(const char *filter, const char *document, bool wanted)
{
	bson_t *a = doc(filter), *b = doc(document);

	if (mst_filter_match(a, b) != wanted)
		fail_msg("%s against %s", filter, document);
	bson_destroy(a);
	bson_destroy(b);
}

/* The rules that plugin.h states, one by one. */
static void test_match(void **state)
{
	(void)state;
	assert_match("{}", "{'a':1}", true);
	assert_match("{'a':1}", "{'a':1.0}", true);
	assert_match("{'a':1}", "{'a':'1'}", false);
	assert_match("{'a':1}", "{'a':true}", false);
	assert_match("{'a':null}", "{}", false);
	assert_match("{'a':null}", "{'a':null}", true);
	assert_match("{'a':{'$ne':1}}", "{}", true);
	assert_match("{'a':{'$exists':false}}", "{}", true);
	assert_match("{'a':{'$lt':5}}", "{}", false);
	assert_match("{'a':{'$lt':5}}", "{'a':'4'}", false);
	assert_match("{'a':{'$gt':false}}", "{'a':true}", true);
	assert_match("{'a':{'$in':[1,'x']}}", "{'a':['y','x']}", true);
	assert_match("{'a':{'$nin':[1,'x']}}", "{'a':['y','x']}", false);
	assert_match("{'a':{'$nin':[1]}}", "{}", true);
	assert_match("{'a':{'$in':[]}}", "{'a':1}", false);
	assert_match("{'a':{'$ne':'x'}}", "{'a':['x','y']}", false);
	assert_match("{'a':{'$gt':3,'$lt':2}}", "{'a':[1,4]}", true);
	assert_match("{'a':'x'}", "{'a':[]}", false);
	assert_match("{'a':{'$has':'EB'}}", "{'a':'Web-1'}", true);
	assert_match("{'a':{'$has':'\u00c4'}}", "{'a':'\u00e4'}", false);
	assert_match("{'a.b':1}", "{'a':{'b':1}}", true);
	assert_match("{'a.b':1}", "{'a':[{'b':1}]}", false);
	assert_match("{'$not':{'a':1}}", "{}", true);
	assert_match("{'$or':[{'a':1},{'b':1}],'c':1}", "{'b':1,'c':1}", true);
	assert_match("{'$and':[{'a':1},{'b':1}]}", "{'a':1}", false);
	assert_match("{'a':9007199254740993}", "{'a':9007199254740992.0}", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_texts),
	        cmocka_unit_test(test_addresses),
	        cmocka_unit_test(test_numbers_ports_times),
	        cmocka_unit_test(test_faults),
	        cmocka_unit_test(test_closed_values),
	        cmocka_unit_test(test_runs_by_number),
	        cmocka_unit_test(test_sort),
	        cmocka_unit_test(test_columns),
	        cmocka_unit_test(test_match),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
