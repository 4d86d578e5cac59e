/* SPDX-License-Identifier: Apache-2.0 */
/* Every fault of a configuration: its line, its text, its cure. And never a secret. */
#include "conf_common.h"

struct golden {
	const char *text, *faults; /* faults: "LINE: TEXT\n" of the main file */
};

static int refuse_when(const char *when, struct mst_err *err)
{
	if (strstr(when, "colour") == NULL)
		return MST_OK;
	return mst_err_set(err, MST_E_USAGE, "there is no column \"colour\": see muster interfaces --columns");
}

/* Loads the main file and returns its faults as text; checks that err is the first of them. */
static char *faults_of_file(void)
{
	struct mst_settings settings;
	struct mst_faults faults = {0};
	struct mst_err err;
	char *text, *first = NULL;
	int status = mst_settings_load(&settings, test_main_file, test_methods, 2, &faults, &err);

	assert_int_equal(status, faults.count == 0 ? MST_OK : MST_E_USAGE);
	if (faults.count > 0) {
		const struct mst_fault *fault = &faults.items[0];

		first = fault->line == 0 ? mst_str_printf("%s: %s", fault->file, fault->text)
		                         : mst_str_printf("%s:%d: %s", fault->file, fault->line, fault->text);
		assert_string_equal(err.text, first);
	}
	text = test_fault_text(&faults);
	free(first);
	mst_faults_free(&faults);
	mst_settings_free(&settings);
	return text;
}

static void check(const struct golden *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct mst_buf expected;
		const char *line = cases[i].faults;
		char *text;

		mst_buf_init(&expected, 65536);
		for (; *line != '\0'; line += strcspn(line, "\n") + 1)
			mst_buf_printf(&expected, "muster.conf:%.*s\n", (int)strcspn(line, "\n"), line);
		test_write(test_main_file, cases[i].text);
		text = faults_of_file();
		if (strcmp(text, mst_buf_text(&expected)) != 0)
			print_error("case %zu: %s\n", i, cases[i].text);
		assert_string_equal(text, mst_buf_text(&expected));
		mst_buf_free(&expected);
		free(text);
	}
}
#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

/* The outer grammar, and that reading goes on behind each fault. */
static void test_grammar(void **state)
{
	static const struct golden cases[] = {
	        {"", ""},
	        {"/* a\n b\n c */ # d\n// e\nbad = 1\n",
	         "5: unknown key \"bad\": remove it, or see muster.conf(5) for those that exist\n"},
	        {"\n/* never\nclosed", "2: the comment is never closed: end it with */\n"},
	        {"max_rate = \"5\nlost_after = x\n",
	         "1: a text is not closed on its line: end it with its quote\n"
	         "2: lost_after: \"x\" is not a number of runs: write \"3 runs\" (1 to 1000)\n"},
	        {"never_scan = {\"10.0.0.0/8}\nmax_rate = x\n",
	         "1: a text is not closed on its line: end it with its quote\n"
	         "2: max_rate: \"x\" is not a rate: write a number per second, such as 1000, 5k or 1M\n"},
	        {"never_scan = {\"10.0.0.0/8\" \"10.1.0.0/16\"}\nmax_rate = x\n",
	         "1: a list has two values without a comma between: write {\"a\", \"b\"}\n"
	         "2: max_rate: \"x\" is not a rate: write a number per second, such as 1000, 5k or 1M\n"},
	        {"never_scan = {\"10.0.0.0/8\",\n}\n", "2: a list ends in a comma: remove the comma\n"},
	        {"never_scan = {\"10.0.0.0/8\"\n", "1: a list is not closed: end it with }\n"},
	        {"never_scan = {{\"10.0.0.0/8\"}}\nx = 1\n",
	         "1: a value is missing or not in quotes: write key = \"value\"\n"
	         "2: unknown key \"x\": remove it, or see muster.conf(5) for those that exist\n"},
	        {"max_rate =\n", "2: a value is missing or not in quotes: write key = \"value\"\n"},
	        {"max_rate = 5;\n", "1: a value has characters that need quotes: write key = \"value\"\n"},
	        {"max_rate = 5//five\n", "1: a value has characters that need quotes: write key = \"value\"\n"},
	        {"locations = ${HOME}/x\n", "1: a value is missing or not in quotes: write key = \"value\"\n"},
	        {"max_rate 5\n",
	         "1: a word is followed by neither = nor {: write key = \"value\" or section { ... }\n"},
	        {"max_rate\n", "1: a word is followed by neither = nor {: write key = \"value\" or section { ... }\n"},
	        {"= 5\n}\n",
	         "1: a key is expected here: write key = \"value\" or section { ... }\n2: a } closes nothing: remove it\n"},
	        {"zone \"a\" {\n max_rate = 5\n", "1: section zone is not closed: end it with }\n"},
	        {"a { b { c { d { e { } } } } }\n",
	         "1: sections are nested too deeply: a method's section inside a profile is the deepest\n"
	         "1: unknown section \"a\": remove it, or see muster.conf(5) for those that exist\n"},
	        {"provision = \"a\\0b\"\n",
	         "1: a text has a numeric escape such as \\0 or \\x41: write the character itself, or \\\\ for a "
	         "backslash\n"},
	        {"provision = \"a\\nb\"\n",
	         "1: a text has an escape for a control character, such as \\n: remove it, or write \\\\ for a "
	         "backslash\n"},
	        {"provision = \"ask\"x\n",
	         "1: a text ends before its last character: write \\\" for a quote inside, and a blank after the text\n"},
	        {"provision = \"a\tb\"\n", "1: provision: the value contains a control character: remove it\n"},
	        {"provision = \"\xff\"\n", "1: provision: the value is not valid UTF-8: save the file as UTF-8\n"},
	        {"provision = \"\"\n", "1: provision: the value is empty: write one, or remove the key\n"},
	};

	(void)state;
	CHECK(cases);
}

static void test_keys(void **state)
{
	static const struct golden cases[] = {
	        {"nevr_scan = {\"10.0.0.0/8\"}\n", "1: unknown key \"nevr_scan\": did you mean \"never_scan\"?\n"},
	        {"zones \"hq\" { }\n", "1: unknown section \"zones\": did you mean \"zone\"?\n"},
	        {"colour = red\n",
	         "1: unknown key \"colour\": remove it, or see muster.conf(5) for those that exist\n"},
	        {"max_rate = 1\nmax_rate = 2\n", "2: max_rate is set twice, first in line 1: keep one\n"},
	        {"api { }\napi { }\n", "2: api is set twice, first in line 1: keep one\n"},
	        {"max_rate = {1, 2}\n", "1: max_rate takes one value, not a list: write max_rate = \"value\"\n"},
	        {"max_rate += 1\n", "1: max_rate cannot be added to: write = instead of +=\n"},
	        {"max_rate { }\n", "1: max_rate is a key, not a section: write max_rate = \"value\"\n"},
	        {"api = 5\n", "1: api is a section: write api { ... }\n"},
	        {"api \"x\" { }\n", "1: api takes no name: write api { ... }\n"},
	        {"store { }\n", "1: store has no name: write store \"name\" { ... }\n"},
	        {"store = \"sqlite\"\n", "1: store is a section: write store \"name\" { ... }\n"},
	        {"store \"My Store\" { }\n",
	         "1: store: \"My Store\" is no name: write a-z, 0-9, _ and -, beginning with a letter, at most 31\n"},
	        {"store \"sqlite\" { path = \"muster.db\" pth = \"x\" }\n",
	         "1: store: path: \"muster.db\" is not an absolute path: begin it with /\n1: store: unknown key \"pth\": did you mean \"path\"?\n"},
	};

	(void)state;
	CHECK(cases);
}

static void test_values(void **state)
{
	static const struct golden cases[] = {
	        {"max_rate = fast\n",
	         "1: max_rate: \"fast\" is not a rate: write a number per second, such as 1000, 5k or 1M\n"},
	        {"lost_after = \"0 runs\"\n",
	         "1: lost_after: \"0 runs\" is not a number of runs: write \"3 runs\" (1 to 1000)\n"},
	        {"ip_identity_ttl = 7\n",
	         "1: ip_identity_ttl: \"7\" is not a duration: write a number with s, m, h, d, w or y, such as 90s, 15m, 6h, "
	         "7d, or 0\n"},
	        {"locations = \"locations.csv\"\n",
	         "1: locations: \"locations.csv\" is not an absolute path: begin it with /\n"},
	        {"provision = autp\n", "1: provision: \"autp\" is not one of ask, auto: did you mean \"auto\"?\n"},
	        {"provision = never\n", "1: provision: \"never\" is unknown: write one of ask, auto\n"},
	        {"retention { runs = forever }\n",
	         "1: retention: runs: \"forever\" is not a duration: write a number with s, m, h, d, w or y, such "
	         "as 90s, 15m, 6h, 7d, or 0\n"},
	        {"never_scan = {\"10.0.0.0/8\",\n # here\n \"printer.example\", \"10.0.0.0/33\"}\n",
	         "3: never_scan: \"printer.example\" is not an address, network or range: write 10.0.0.1, 10.0.0.0/24, 10.0.0.1-9 or "
	         "2001:db8::/64 (no host names: what they resolve to may change)\n"
	         "3: never_scan: \"10.0.0.0/33\" is not an address, network or range: write 10.0.0.1, 10.0.0.0/24, 10.0.0.1-9 or "
	         "2001:db8::/64 (no host names: what they resolve to may change)\n"},
	        {"scan_only = {}\n",
	         "1: scan_only is empty, which would forbid every scan: list networks, or remove it\n"},
	        {"api { listen = {\"127.0.0.1\", \"::1:80\", \"[::1]:80\", \"unix:x\", \"127.0.0.1:0\", \"[10.0.0.1]:80\"} }\n",
	         "1: api: listen: \"127.0.0.1\" is no place to listen: write unix:/path, 127.0.0.1:8350 or [::1]:8350\n"
	         "1: api: listen: \"::1:80\" is no place to listen: write unix:/path, 127.0.0.1:8350 or [::1]:8350\n"
	         "1: api: listen: \"unix:x\" is no place to listen: write unix:/path, 127.0.0.1:8350 or [::1]:8350\n"
	         "1: api: listen: \"127.0.0.1:0\" is no place to listen: write unix:/path, 127.0.0.1:8350 or [::1]:8350\n"
	         "1: api: listen: \"[10.0.0.1]:80\" is no place to listen: write unix:/path, 127.0.0.1:8350 or [::1]:8350\n"},
	        {"api { operators = {\"@\"} viewers = \"a b\" }\n",
	         "1: api: operators: \"@\" is no user or group: write a user's name, or a group's as @name\n"
	         "1: api: viewers: \"a b\" is no user or group: write a user's name, or a group's as @name\n"},
	};

	(void)state;
	CHECK(cases);
}

static void test_zones(void **state)
{
	static const struct golden cases[] = {
	        {"zone \"HQ\" { }\n",
	         "1: zone: \"HQ\" is no name: write a-z, 0-9, _ and -, beginning with a letter, at most 31\n"},
	        {"zone \"a\" { }\nzone \"a\" { }\n",
	         "2: zone \"a\" is there already (muster.conf:1): rename or remove one\n"},
	        {"zone \"a\" { interface = \"-oN\" source_address = \"x\" dns_servers = {\"ns1\"} max_rate = x networks = {\"a\"} }\n",
	         "1: zone \"a\": interface: \"-oN\" is no network interface: write its name as \"ip link\" shows it, such as eth0\n"
	         "1: zone \"a\": source_address: \"x\" is not an IP address: write 192.0.2.1 or 2001:db8::1\n"
	         "1: zone \"a\": dns_servers: \"ns1\" is not an IP address: write 192.0.2.1 or 2001:db8::1\n"
	         "1: zone \"a\": max_rate: \"x\" is not a rate: write a number per second, such as 1000, 5k or 1M\n"
	         "1: zone \"a\": networks: \"a\" is not an address, network or range: write 10.0.0.1, 10.0.0.0/24, 10.0.0.1-9 or "
	         "2001:db8::/64 (no host names: what they resolve to may change)\n"},
	        {"zone \"a\" { networks = {\"10.1.0.0/16\"} }\nzone \"b\" {\n networks = {\"10.1.0.0/16\"} }\n",
	         "3: zone \"b\" lists 10.1.0.0/16, which zone \"a\" (muster.conf:1) lists too: give one of them another interface, or remove it "
	         "from one\n"},
	        {"zone \"a\" { networks = {\"10.1.0.0/16\"} interface = eth0 }\nzone \"b\" { networks = {\"10.0.0.0/8\"} interface = eth0 }\n",
	         "2: zone \"b\" lists 10.1.0.0/16, which zone \"a\" (muster.conf:1) lists too: give one of them another interface, or remove it "
	         "from one\n"},
	        {"zone \"a\" { networks = {\"10.1.0.0/16\"} interface = eth0 }\nzone \"b\" { networks = {\"10.1.0.0/16\"} interface = eth1 }\n"
	         "zone \"c\" { networks = {\"10.1.0.0/16\"} }\n",
	         ""},
	};

	(void)state;
	CHECK(cases);
}

static void test_labels(void **state)
{
	static const struct golden cases[] = {
	        {"label \"A\" { }\n", "1: label \"A\" has no condition: write when = \"vendor~brother,zebra\"\n"},
	        {"label \"A\" {\n when = \"colour=red\"\n set = \"unmanagable\" }\n",
	         "2: label \"A\": when: there is no column \"colour\": see muster interfaces --columns\n"
	         "3: label \"A\": set: \"unmanagable\" is not one of label, ignore, unmanageable, managed, notify, purge: did you mean "
	         "\"unmanageable\"?\n"},
	        {"label \"A\" { when = \"a=1\" }\nlabel \"A\" { when = \"a=1\" enabled = perhaps }\n",
	         "2: label \"A\" is there already (muster.conf:1): rename or remove one\n"},
	        {"label \"A\" { when = \"a=1\" enabled = perhaps action = ignore }\n",
	         "1: label \"A\": enabled: \"perhaps\" is not a switch: write on or off (yes, no, true, false, 1, 0)\n"
	         "1: label \"A\": unknown key \"action\": remove it, or see muster.conf(5) for those that exist\n"},
	        {"label \"a,b\" { when = \"a=1\" }\n",
	         "1: label: \"a,b\" is no label: write at most 63 bytes, without , \" ' \\ / = < > ! ~ { } and without a blank at either end\n"},
	};

	(void)state;
	CHECK(cases);
}

static void test_profiles(void **state)
{
	static const struct golden cases[] = {
	        {"profile \"nmap\" { nmap { include = \"192.0.2.1\" } }\n",
	         "1: profile \"nmap\" has the name of a method, which is reserved: rename it, such as \"nmap-1\"\n"},
	        {"profile \"a b\" { }\n",
	         "1: profile: \"a b\" is no name: write a-z, 0-9, _ and -, beginning with a letter, at most 31\n"},
	        {"profile \"a\" { ec2 { } }\nprofile \"a\" { ec2 { } }\n",
	         "2: profile \"a\" is there already (muster.conf:1): rename or remove one\n"},
	        {"profile \"a\" { }\n",
	         "1: profile \"a\": no method: add its section, such as nmap { include = \"192.0.2.0/24\" }\n"},
	        {"profile \"a\" {\n tanium { server = \"x\" }\n}\n",
	         "2: profile \"a\": no plugin offers the method \"tanium\": install the plugin tanium (see muster plugins), or remove the profile\n"},
	        {"profile \"a\" { nmpa { } }\n",
	         "1: profile \"a\": no plugin offers the method \"nmpa\": did you mean \"nmap\"?\n"},
	        {"profile \"a\" { nmap \"x\" { } }\n", "1: profile \"a\": nmap takes no name: write nmap { ... }\n"},
	        {"profile \"a\" {\n ec2 { }\n nmap { } }\n",
	         "3: profile \"a\": a second method \"nmap\", beside \"ec2\" in line 2: make it a profile of its own\n"},
	        {"zone \"hq\" { }\nprofile \"a\" {\n zone = \"hp\"\n ec2 { } }\n",
	         "3: profile \"a\": unknown zone \"hp\": did you mean \"hq\"?\n"},
	        {"profile \"a\" { zone = \"plant\" ec2 { } }\n",
	         "1: profile \"a\": unknown zone \"plant\": add zone \"plant\" { networks = {\"192.0.2.0/24\"} }\n"},
	        {"profile \"a\" { ec2 { }\n scan_interval = 5s\n import_frequency = daily\n ports = 22\n regions = all }\n",
	         "2: profile \"a\": scan_interval: \"5s\" is shorter than a minute: write 1m or more, or 0 for runs by hand only\n"
	         "3: profile \"a\": import_frequency: \"daily\" is no import frequency: write \"each run\" or a duration of a minute or more, such "
	         "as 15m\n"
	         "4: profile \"a\": unknown key \"ports\": remove it, or see muster.conf(5) for those that exist\n"
	         "5: profile \"a\": regions belongs to the method: move it into ec2 { ... }\n"},
	};

	(void)state;
	CHECK(cases);
}

static void test_calendar(void **state)
{
	static const char window[] =
	        "is no window: write \"Mon-Fri 20:00-06:00\" or \"Sat,Sun 00:00-24:00 Europe/Zurich\"";
	static const char blackout[] = "is no blackout: write \"2026-12-24\" or \"2026-12-20..2027-01-05\"";
	static const char *const windows[] = {"Mon",
	                                      "Mon-Fri",
	                                      "mon 20:00-21:00",
	                                      "25:00-26:00",
	                                      "20:00",
	                                      "20:00-24:01",
	                                      "Mon  20:00-21:00",
	                                      "20:00-21:60",
	                                      "Mon- 20:00-21:00",
	                                      "Mon, 20:00-21:00",
	                                      "20:00-21:00Europe/Zurich"};
	static const char *const blackouts[] = {"2026-13-01",
	                                        "2026-02-30",
	                                        "2027-02-29",
	                                        "2026-1-1",
	                                        "2026-12-24..",
	                                        "24.12.2026",
	                                        "2026-12-20-2026-12-24",
	                                        "2026-00-10",
	                                        "2026-12-20..2026-12-24x"};
	char expected[200];

	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct golden one = {NULL, expected};
		char text[200];

		snprintf(text, sizeof(text), "profile \"a\" { windows = {\"%s\"} ec2 { } }\n", windows[i]);
		snprintf(expected, sizeof(expected), "1: profile \"a\": windows: \"%s\" %s\n", windows[i], window);
		one.text = text;
		check(&one, 1);
	}
	for (size_t i = 0; i < sizeof(blackouts) / sizeof(blackouts[0]); i++) {
		struct golden one = {NULL, expected};
		char text[200];

		snprintf(text, sizeof(text), "profile \"a\" { blackouts = {\"%s\"} ec2 { } }\n", blackouts[i]);
		snprintf(expected, sizeof(expected), "1: profile \"a\": blackouts: \"%s\" %s\n", blackouts[i],
		         blackout);
		one.text = text;
		check(&one, 1);
	}
	{
		static const struct golden cases[] = {
		        {"profile \"a\" { windows = {\"20:00-20:00\", \"Mon 20:00-21:00 Europe/Zrich\", \"20:00-21:00 ../../etc/passwd\"} ec2 { } }\n",
		         "1: profile \"a\": windows: \"20:00-20:00\" begins and ends at the same time: write 00:00-24:00 for the whole day\n"
		         "1: profile \"a\": windows: \"Europe/Zrich\" is no time zone: write its name as in /usr/share/zoneinfo, such as "
		         "Europe/Zurich\n"
		         "1: profile \"a\": windows: \"../../etc/passwd\" is no time zone: write its name as in /usr/share/zoneinfo, such as "
		         "Europe/Zurich\n"},
		        {"profile \"a\" { blackouts = {\"2027-01-05..2026-12-20\"} ec2 { } }\n",
		         "1: profile \"a\": blackouts: \"2027-01-05..2026-12-20\" ends before it begins: write the earlier day first\n"},
		};

		CHECK(cases);
	}
}

static void test_options(void **state)
{
	static const struct golden cases[] = {
	        {"profile \"hq-servers\" {\n nmap {\n  dns = on\n  include = \"10.1.0.0/20, 10.1.32.0/24\"\n }\n}\n",
	         "4: profile \"hq-servers\" includes 4352 addresses, limit 4096: set max_addresses = 4352 or split the profile\n"},
	        {"profile \"a\" {\n nmap {\n }\n}\n",
	         "2: profile \"a\": include is missing: write include = \"192.0.2.0/24, 192.0.2.1-9, host.example.net\"\n"},
	        {"profile \"a\" { nmap { include = \"192.0.2.1\"\n max_adresses = 9\n ports = \"0\"\n exclude = \"-oN/x\"\n dns = on\n dns = off } }\n",
	         "2: profile \"a\": method nmap has no option \"max_adresses\": did you mean \"max_addresses\"?\n"
	         "3: profile \"a\": ports: \"0\" is not a port or range of ports: write 22,80,8000-8100 (1 to 65535)\n"
	         "4: profile \"a\": exclude: target \"-oN/x\" begins with \"-\": a target is an address, network, range or host name, never an "
	         "option\n"
	         "6: profile \"a\": dns is set twice, first in line 5: keep one\n"},
	        {"profile \"a\" { nmap { include = \"0.0.0.0/0\" dns = {on} ports { } parallel += 2 } }\n",
	         "1: profile \"a\": include: target \"0.0.0.0/0\" is too large: one item may be a /8 of IPv4 or a /96 of IPv6 at most; write "
	         "smaller networks\n"
	         "1: profile \"a\": dns takes one value, not a list: write dns = \"value\"\n"
	         "1: profile \"a\": ports is an option, not a section: write ports = \"value\"\n"
	         "1: profile \"a\": parallel cannot be added to: write = instead of +=\n"},
	        {"profile \"a\" { ec2 { assume_roles = {\"a,b\"} nothing { } } }\n",
	         "1: profile \"a\": assume_roles: a value of the list has a comma inside: write the list as one text\n"
	         "1: profile \"a\": method ec2 has no option \"nothing\": see muster plugins show ec2\n"},
	};

	(void)state;
	CHECK(cases);
}

static void test_notify(void **state)
{
	static const struct golden cases[] = {
	        {"notify \"a\" { }\n", "1: notify \"a\": webhook is missing: write webhook = \"https://host/path\"\n"},
	        {"notify \"a\" { webhook = \"soc.example\" on = {\"nwe\", \"all\"} where = \"colour=1\" digest = 15 }\n",
	         "1: notify \"a\": webhook: \"soc.example\" is no web address: write https://host/path\n"
	         "1: notify \"a\": on: \"nwe\" is not one of new, changed, lost, label, run_failed: did you mean \"new\"?\n"
	         "1: notify \"a\": on: \"all\" is unknown: write one of new, changed, lost, label, run_failed\n"
	         "1: notify \"a\": where: there is no column \"colour\": see muster interfaces --columns\n"
	         "1: notify \"a\": digest: \"15\" is not a duration: write a number with s, m, h, d, w or y, such as 90s, 15m, 6h, 7d, or 0\n"},
	        {"notify \"a\" { webhook = \"https://x/\" }\nnotify \"a\" { webhook = \"https://x/\" }\n",
	         "2: notify \"a\": there is one of this name already: rename or remove one\n"},
	};

	(void)state;
	CHECK(cases);
}

/* However a secret gets into a file, no fault repeats it. */
static void test_secrets(void **state)
{
	static const char *const texts[] = {
	        "profile \"a\" { ec2 { secret_access_key = \"hunter2\" } }\n",
	        "profile \"a\" { ec2 { secret_access_key = hunter2 } }\n",
	        "profile \"a\" { ec2 { secret_access_key = 'hunter2' } }\n",
	        "profile \"a\" { ec2 { secret_access_key = {\"hunter2\", \"x\"} } }\n",
	        "profile \"a\" { ec2 { secret_access_key = \"secret:hunter2 \" } }\n",
	        "profile \"a\" { ec2 { secret_access_key = \"hunter2\n } }\n",
	        "profile \"a\" { ec2 { secret_access_key = \"x\\0hunter2\" } }\n",
	        "profile \"a\" { ec2 { secret_access_key = x\"hunter2\" } }\n",
	        "profile \"a\" { ec2 { secret_access_key = \"x\"hunter2\" } }\n",
	        "profile \"a\" { ec2 { secret_access_key = \"x\" hunter2\" } }\n",
	        "profile \"a\" { ec2 { secret_access_key \"hunter2\" } }\n",
	        "profile \"a\" { ec2 { secret_access_key \"hunter2\" { } } }\n",
	        "profile \"a\" { ec2 { secret_acess_key = \"hunter2\" } }\n",
	        "profile \"a\" { tanium { token = \"hunter2\" } }\n",
	        "profile \"a\" { secret_access_key = \"hunter2\" ec2 { } }\n",
	        "notify \"a\" { webhook = \"https://x/\" token = \"hunter2\" }\n",
	        "notify \"a\" { webhook = \"https://u:hunter2@x/\" }\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *text;

		test_write(test_main_file, texts[i]);
		text = faults_of_file();
		if (text[0] == '\0' || strstr(text, "hunter2") != NULL)
			fail_msg("%s -> %s", texts[i], text);
		free(text);
	}
	{
		static const struct golden cases[] = {
		        {"profile \"a\" {\n ec2 {\n  secret_access_key = \"hunter2\" } }\n",
		         "3: profile \"a\": secret_access_key: a secret is never written here; store it with: muster secrets set NAME, then write "
		         "\"secret:NAME\"\n"},
		        {"notify \"a\" { webhook = \"https://x/\"\n token = \"hunter2\" }\n",
		         "2: notify \"a\": token: a secret is never written here; store it with: muster secrets set NAME, then write "
		         "\"secret:NAME\"\n"},
		        {"notify \"a\" { webhook = \"https://u:hunter2@x/\" }\n",
		         "1: notify \"a\": webhook: a web address with user or password is refused: use token = \"secret:NAME\"\n"},
		};

		CHECK(cases);
	}
}

static void check_file(const char *expected)
{
	char *text = faults_of_file();

	/* cures name the whole path, which is the test's own */
	assert_string_equal(text, expected);
	free(text);
}

static void test_file_faults(void **state)
{
	char name[96];

	(void)state;
	unlink(test_main_file);
	check_file("muster.conf:0: cannot be read: No such file or directory\n");
	test_write(test_main_file, "max_rate = 5\n");
	assert_int_equal(chmod(test_main_file, 0664), 0);
	check_file("muster.conf:0: can be written by its group (mode 664): chmod go-w 'muster.conf'\n");
	assert_int_equal(chmod(test_main_file, 0666), 0);
	check_file("muster.conf:0: can be written by everybody (mode 666): chmod go-w 'muster.conf'\n");
	unlink(test_main_file);
	assert_int_equal(mkfifo(test_main_file, 0600), 0);
	check_file("muster.conf:0: is no regular file: put the configuration into a plain file\n");
	unlink(test_main_file);
	assert_int_equal(mkdir(test_main_file, 0755), 0);
	check_file("muster.conf:0: is no regular file: put the configuration into a plain file\n");
	rmdir(test_main_file);
	test_write(test_main_file, "");
	assert_int_equal(truncate(test_main_file, MST_MAX_CONF_FILE + 1), 0);
	check_file("muster.conf:0: has 4194305 bytes, at most 4194304 are read: split it into files in conf.d\n");
	assert_int_equal(truncate(test_main_file, 1), 0);
	check_file("muster.conf:1: the file contains a NUL byte: it is no text file\n");
	if (geteuid() == 0) {
		assert_int_equal(chown(test_main_file, 65534, 65534), 0);
		check_file("muster.conf:0: belongs to user 65534, not to root or to you: chown root 'muster.conf'\n");
	}
	unlink(test_main_file);
	test_write(test_main_file, "max_rate = x\n");
	assert_int_equal(mkdir(test_drop_dir, 0755), 0);
	snprintf(name, sizeof(name), "%s/a.conf", test_drop_dir);
	test_write(name, "\nmax_rate = y\nprofile \"a\" { zone = \"b\" ec2 { } }\n");
	check_file(
	        "muster.conf:1: max_rate: \"x\" is not a rate: write a number per second, such as 1000, 5k or 1M\n"
	        "conf.d/a.conf:2: max_rate: \"y\" is not a rate: write a number per second, such as 1000, 5k or 1M\n"
	        "conf.d/a.conf:3: profile \"a\": unknown zone \"b\": add zone \"b\" { networks = {\"192.0.2.0/24\"} }\n");
	test_write(test_main_file, "");
	assert_int_equal(chmod(test_drop_dir, 0777), 0);
	check_file("conf.d:0: can be written by everybody (mode 777): chmod go-w 'conf.d'\n");
	assert_int_equal(mst_file_remove_tree(test_drop_dir, NULL), MST_OK);
}

/* A file full of nonsense is told as such, in bounded memory. */
static void test_many_faults(void **state)
{
	struct mst_buf text;
	char *faults;
	size_t lines = 0;

	(void)state;
	mst_buf_init(&text, 1 << 20);
	for (int i = 0; i < 5000; i++)
		mst_buf_printf(&text, "key%d = 1\n", i);
	test_write(test_main_file, mst_buf_text(&text));
	faults = faults_of_file();
	for (const char *p = faults; *p != '\0'; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 501);
	assert_non_null(strstr(faults, "muster.conf:501: more faults follow: mend those above first\n"));
	free(faults);
	mst_buf_free(&text);
}

/* Caps of the room, each with its own words. */
static void test_caps(void **state)
{
	struct mst_buf text;
	char *faults;

	(void)state;
	mst_buf_init(&text, 1 << 20);
	for (unsigned i = 0; i <= MST_MAX_CONF_SECTIONS; i++)
		mst_buf_printf(&text, "zone z%u { }\nlabel l%u { when = \"a=1\" }\nprofile p%u { ec2 { } }\n", i, i, i);
	test_write(test_main_file, mst_buf_text(&text));
	faults = faults_of_file();
	assert_string_equal(faults, "muster.conf:12289: there are more than 4096 sections zone: remove some\n"
	                            "muster.conf:12290: there are more than 4096 sections label: remove some\n"
	                            "muster.conf:12291: there are more than 4096 sections profile: remove some\n");
	free(faults);
	mst_buf_reset(&text);
	mst_buf_str(&text, "locations = \"/");
	for (unsigned i = 0; i < MST_MAX_OPTION_VALUE; i++)
		mst_buf_char(&text, 'x');
	mst_buf_str(&text, "\"\nlabel A { when = \"");
	for (unsigned i = 0; i <= MST_MAX_FILTER; i++)
		mst_buf_char(&text, 'x');
	mst_buf_str(&text, "\" }\n");
	test_write(test_main_file, mst_buf_text(&text));
	faults = faults_of_file();
	assert_string_equal(
	        faults, "muster.conf:1: locations: the value has 65537 bytes: at most 65536 are allowed\n"
	                "muster.conf:2: label \"A\": when: the condition has 8193 bytes: at most 8192 are allowed\n");
	free(faults);
	mst_buf_free(&text);
}

static int setup(void **state)
{
	mst_settings_set_when_check(refuse_when);
	return test_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_grammar),  cmocka_unit_test(test_keys),        cmocka_unit_test(test_values),
	        cmocka_unit_test(test_zones),    cmocka_unit_test(test_labels),      cmocka_unit_test(test_profiles),
	        cmocka_unit_test(test_calendar), cmocka_unit_test(test_options),     cmocka_unit_test(test_notify),
	        cmocka_unit_test(test_secrets),  cmocka_unit_test(test_file_faults), cmocka_unit_test(test_many_faults),
	        cmocka_unit_test(test_caps),
	};

	return cmocka_run_group_tests(tests, setup, test_teardown);
}
