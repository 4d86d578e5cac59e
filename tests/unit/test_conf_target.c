/* SPDX-License-Identifier: Apache-2.0 */
/* The target grammar and the rules that beat every profile. */
#include "conf_common.h"

static void good(const char *text, const char *addresses, const char *names)
{
	struct mst_target_list list;
	struct mst_err err;
	struct mst_buf out;

	mst_buf_init(&out, 65536);
	if (mst_target_parse(text, &list, &err) != MST_OK)
		fail_msg("\"%s\": %s", text, err.text);
	assert_int_equal(mst_addr_set_text(&list.addresses, &out), MST_OK);
	assert_string_equal(mst_buf_text(&out), addresses);
	mst_buf_reset(&out);
	for (size_t i = 0; i < list.name_count; i++)
		mst_buf_printf(&out, "%s%s", i == 0 ? "" : ",", list.names[i]);
	assert_string_equal(mst_buf_text(&out), names);
	mst_buf_free(&out);
	mst_target_free(&list);
}

static void bad(const char *text, const char *expected)
{
	struct mst_target_list list;
	struct mst_err err;

	if (mst_target_parse(text, &list, &err) != MST_E_USAGE)
		fail_msg("\"%s\" was taken", text);
	assert_string_equal(err.text, expected);
	assert_int_equal(list.addresses.count, 0);
	assert_int_equal(list.name_count, 0);
}

static void test_good(void **state)
{
	(void)state;
	good("", "", "");
	good("  ", "", "");
	good("192.0.2.1", "192.0.2.1", "");
	good("192.0.2.0/24", "192.0.2.0/24", "");
	good("192.0.2.77/24", "192.0.2.0/24", "");
	good("192.0.2.1-9", "192.0.2.1,192.0.2.2/31,192.0.2.4/30,192.0.2.8/31", "");
	good("192.0.2.1-192.0.2.2", "192.0.2.1,192.0.2.2", "");
	good("10.0.0.0/8", "10.0.0.0/8", "");
	good("2001:db8::/112", "2001:db8::/112", "");
	good("2001:db8::/96", "2001:db8::/96", "");
	good("2001:db8::1-2001:db8::2", "2001:db8::1,2001:db8::2", "");
	good(" 192.0.2.1 , 192.0.2.1,192.0.2.0/31 ", "192.0.2.0/31", "");
	good("Host.Example.NET, a-1, host.example.net, B", "", "host.example.net,a-1,b");
	good("3com.example", "", "3com.example");
	good("10-0-0-1.example", "", "10-0-0-1.example");
	good("xn--bcher-kva.example,192.0.2.5", "192.0.2.5", "xn--bcher-kva.example");
}

static void test_bad(void **state)
{
	static const char incomplete[] =
	        "is not a complete address or ascending range: write 192.0.2.1, 192.0.2.1-9, 192.0.2.0/24 or a host name";
	static const char *const numbers[] = {
	        "10",        "10.1",       "1.2.3.4.5",   "256.0.0.1",     "192.0.2.01",          "0x7f000001",
	        "0x7f.1",    "2130706433", "192.0.2.9-1", "192.0.2.1-300", "192.0.2.9-192.0.2.1", "10.0.0-5.1-9",
	        "example.1", "host.0x1f",  "10.0.0.1-"};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(text, sizeof(text), "target \"%s\" %s", numbers[i], incomplete);
		bad(numbers[i], text);
	}
	bad("-oN/x",
	    "target \"-oN/x\" begins with \"-\": a target is an address, network, range or host name, never an option");
	bad("10.0.0.1,--script=x",
	    "target \"--script=x\" begins with \"-\": a target is an address, network, range or host name, never an "
	    "option");
	bad("0.0.0.0/0",
	    "target \"0.0.0.0/0\" is too large: one item may be a /8 of IPv4 or a /96 of IPv6 at most; write smaller networks");
	bad("127.0.0.1/0",
	    "target \"127.0.0.1/0\" is too large: one item may be a /8 of IPv4 or a /96 of IPv6 at most; write smaller "
	    "networks");
	bad("10.0.0.0/7",
	    "target \"10.0.0.0/7\" is too large: one item may be a /8 of IPv4 or a /96 of IPv6 at most; write smaller networks");
	bad("1.0.0.0-2.0.0.0",
	    "target \"1.0.0.0-2.0.0.0\" is too large: one item may be a /8 of IPv4 or a /96 of IPv6 at most; write "
	    "smaller networks");
	bad("2001:db8::/95",
	    "target \"2001:db8::/95\" is too large: one item may be a /8 of IPv4 or a /96 of IPv6 at most; write smaller "
	    "networks");
	bad("::/0",
	    "target \"::/0\" is too large: one item may be a /8 of IPv4 or a /96 of IPv6 at most; write smaller networks");
	bad("10.0.0.1 10.0.0.2", "target \"10.0.0.1 10.0.0.2\" has a blank inside: separate targets with commas");
	bad("10.0.0.1\n10.0.0.2", "target \"10.0.0.1\\x0a10.0.0.2\" has a control character inside: remove it");
	bad("a\x7f", "target \"a\\x7f\" has a control character inside: remove it");
	bad("b\xc3\xbc"
	    "cher.example",
	    "target \"b\xc3\xbc"
	    "cher.example\" has a character outside ASCII: write an international name in its "
	    "xn-- form");
	bad("10.0.0.1,,10.0.0.2", "a target is empty: remove the comma that stands too much");
	bad("10.0.0.1,", "a target is empty: remove the comma that stands too much");
	bad("10.0.0.0/33", "target \"10.0.0.0/33\" is not a network or address: write 192.0.2.0/24, 2001:db8::/112 or "
	                   "2001:db8::1-2001:db8::9");
	bad("host/24",
	    "target \"host/24\" is not a network or address: write 192.0.2.0/24, 2001:db8::/112 or 2001:db8::1-2001:db8::9");
	bad("fe80::1%eth0",
	    "target \"fe80::1%eth0\" is not a network or address: write 192.0.2.0/24, 2001:db8::/112 or "
	    "2001:db8::1-2001:db8::9");
	bad("a..b", "target \"a..b\" has an empty part beside a dot: write host.example.net");
	bad("a.", "target \"a.\" has an empty part beside a dot: write host.example.net");
	bad("a-.b", "target \"a-.b\" has a part that begins or ends with \"-\": no host is named so");
	bad("a_b",
	    "target \"a_b\" is no address, network, range or host name: write 192.0.2.1, 192.0.2.0/24, 192.0.2.1-9 or "
	    "host.example.net");
	bad("$(reboot)",
	    "target \"$(reboot)\" is no address, network, range or host name: write 192.0.2.1, 192.0.2.0/24, 192.0.2.1-9 or "
	    "host.example.net");
}

static void test_long(void **state)
{
	char name[2001], label[66];
	struct mst_target_list list;
	struct mst_err err;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[2000] = '\0';
	bad(name,
	    "target \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\" is longer than 253 characters: separate targets with commas");
	memset(label, 'b', sizeof(label) - 1);
	label[64] = '\0';
	bad(label,
	    "target \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...\" has a part longer than 63 characters: no host is named so");
	label[63] = '\0';
	assert_int_equal(mst_target_parse(label, &list, &err), MST_OK);
	mst_target_free(&list);
}

/* As many items as may be, in the order that is worst for a sorted set, and one more. */
static void test_many(void **state)
{
	struct mst_target_list list;
	struct mst_err err;
	struct mst_buf text;

	(void)state;
	mst_buf_init(&text, 8 << 20);
	for (unsigned i = MST_MAX_TARGET_TOKENS; i > 0; i--)
		mst_buf_printf(&text, "%s10.%u.%u.1", i == MST_MAX_TARGET_TOKENS ? "" : ",", (i - 1) >> 8,
		               (i - 1) & 255);
	assert_int_equal(mst_target_parse(mst_buf_text(&text), &list, &err), MST_OK);
	assert_int_equal(mst_addr_set_count(&list.addresses), MST_MAX_TARGET_TOKENS);
	mst_target_free(&list);
	mst_buf_str(&text, ",192.0.2.1");
	assert_int_equal(mst_target_parse(mst_buf_text(&text), &list, &err), MST_E_USAGE);
	assert_string_equal(err.text,
	                    "more than 65536 targets in one list: write networks or ranges, or split the list");
	mst_buf_free(&text);
}

static void note_refused(void *data, const struct mst_rule *rule, const struct mst_addr_set *taken)
{
	struct mst_buf *out = data;

	mst_buf_printf(out, "%s@%s ", rule == NULL ? "only" : rule->text, rule == NULL ? "-" : rule->at);
	mst_addr_set_text(taken, out);
	mst_buf_char(out, ';');
}

static void test_rules(void **state)
{
	struct mst_rules rules = {0};
	struct mst_addr_set set;
	struct mst_buf out;
	struct mst_err err;

	(void)state;
	assert_int_equal(mst_rules_add(&rules, true, "10.0.0.0/30", "m:1", &err), MST_OK);
	assert_int_equal(mst_rules_add(&rules, true, "10.0.0.2-5", "m:2", &err), MST_OK);
	assert_int_equal(mst_rules_add(&rules, true, "fe80::/10", "m:3", &err), MST_OK);
	assert_int_equal(mst_rules_add(&rules, false, "10.0.0.0/29", "m:4", &err), MST_OK);
	assert_int_equal(mst_rules_add(&rules, false, "192.0.2.0/24", "m:5", &err), MST_OK);
	assert_int_equal(mst_rules_add(&rules, true, "printer.example", "m:6", &err), MST_E_USAGE);
	assert_string_equal(
	        err.text,
	        "\"printer.example\" is not an address, network or range: write 10.0.0.1, 10.0.0.0/24, 10.0.0.1-9 or "
	        "2001:db8::/64 (no host names: what they resolve to may change)");
	assert_int_equal(mst_rules_add(&rules, true, "", "m:7", &err), MST_E_USAGE);
	mst_addr_set_init(&set);
	assert_int_equal(mst_addr_set_parse(&set, "10.0.0.0/28,192.0.2.7,fe80::1", &err), MST_OK);
	mst_buf_init(&out, 4096);
	assert_int_equal(mst_rules_apply(&rules, &set, note_refused, &out, &err), MST_OK);
	assert_string_equal(mst_buf_text(&out),
	                    "10.0.0.0/30@m:1 10.0.0.0/30;10.0.0.2-5@m:2 10.0.0.4/31;fe80::/10@m:3 fe80::1;"
	                    "only@- 10.0.0.8/29;");
	mst_buf_reset(&out);
	mst_addr_set_text(&set, &out);
	assert_string_equal(mst_buf_text(&out), "10.0.0.6/31,192.0.2.7");
	assert_int_equal(mst_rules_apply(&rules, &set, NULL, NULL, &err), MST_OK);
	mst_buf_free(&out);
	mst_addr_set_free(&set);
	mst_rules_free(&rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good), cmocka_unit_test(test_bad),   cmocka_unit_test(test_long),
	        cmocka_unit_test(test_many), cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
