/* SPDX-License-Identifier: Apache-2.0 */
/* Plans: how targets are cut, what they cost, and the exact arguments of Nmap for many option sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/nmap/nmap.h"
#include "nmap_host.h"

static int plan(struct fake_host *host)
{
	fake_host_clear(host);
	return nmap_plan(NULL, &host->call);
}

static const char *text_of(const struct fake_host *host)
{
	return host->text ? host->text : "";
}

#define END  " --stats-every 2s --noninteractive --no-stylesheet -oX - -iL -"
#define PING "-PE -PS80,443 -PA80"
#define OS   "-O --osscan-guess --max-os-tries 3"
#define NET  "--max-hostgroup 16 -T3 --host-timeout 900000ms"

static const struct {
	const char *options[12]; /* name, text, ..., NULL */
	const char *command;
} commands[] = {
        {{NULL}, "nmap --privileged " PING " -sS --top-ports 1000 " OS " " NET END},
        {{"ports", "none"}, "nmap --privileged " PING " -sn " NET END},
        {{"ports", "22, 80 ,8000-8100"}, "nmap --privileged " PING " -sS -p 22,80,8000-8100 " OS " " NET END},
        {{"ports", "22", "udp_ports", "53,161"}, "nmap --privileged " PING " -sS -sU -p T:22,U:53,161 " OS " " NET END},
        {{"ports", "none", "udp_ports", "53"}, "nmap --privileged " PING " -sU -p U:53 " NET END},
        {{"ports", "top-100", "udp_ports", "top-100"},
         "nmap --privileged " PING " -sS -sU --top-ports 100 " OS " " NET END},
        {{"os_detection", "off", "service_versions", "on", "scripts", "on"},
         "nmap --privileged " PING
         " -sS --top-ports 1000 -sV --script 'safe and not (broadcast or external)' --script-timeout 60s " NET END},
        {{"arp", "off", "assume_online", "on", "os_detection", "off"},
         "nmap --privileged -Pn --disable-arp-ping -sS --top-ports 1000 " NET END},
        {{"discovery", "icmp", "ports", "none"}, "nmap --privileged -PE -sn " NET END},
        {{"discovery", "tcp", "ports", "none"}, "nmap --privileged -PS80,443 -PA80 -sn " NET END},
        {{"discovery", "wide", "ports", "none"},
         "nmap --privileged -PE -PS21,22,23,25,80,135,139,443,445,3389,5900,8080,8443 -PA80,443,3389 -PU53,161,40125 -sn " NET
                 END},
        {{"source_port", "53", "interface", "eth0.10", "source_address", "10.0.0.9", "dns_servers",
          "10.0.0.53, 10.0.0.54"},
         "nmap --privileged " PING " -sS --top-ports 1000 " OS " " NET
         " -g 53 -e eth0.10 -S 10.0.0.9 --dns-servers 10.0.0.53,10.0.0.54" END},
        {{"max_rate", "1000", "timing", "polite", "host_timeout", "7m", "dns", "off"},
         "nmap --privileged " PING " -sS --top-ports 1000 " OS
         " --max-hostgroup 16 -T2 --max-rate 1000 --host-timeout 420000ms -n" END},
        {{"connect_scan", "on"}, "nmap --unprivileged -PS80,443 -sT --top-ports 1000 " NET END},
        {{"include", "fd00::1,fd00::2"}, "nmap --privileged -6 " PING " -sS --top-ports 1000 " OS " " NET END},
};

static void exact_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct fake_host host;
		fake_host_init(&host);
		fake_host_set(&host, "include", "10.0.0.0/28");
		for (size_t j = 0; commands[i].options[j]; j += 2)
			fake_host_set(&host, commands[i].options[j], commands[i].options[j + 1]);
		assert_int_equal(plan(&host), MUSTER_OK);
		assert_int_equal(host.shards, 1);
		char wanted[1024];
		(void)snprintf(wanted, sizeof(wanted), "\n  %s\n", commands[i].command);
		if (!strstr(text_of(&host), wanted))
			print_error("set %zu:\n%swanted:%s", i, text_of(&host), wanted);
		assert_non_null(strstr(text_of(&host), wanted));
		fake_host_free(&host);
	}
}

static void zone_settings_and_the_lower_rate(void **state)
{
	(void)state;
	struct fake_host host;
	fake_host_init(&host);
	fake_host_set(&host, "include", "10.0.0.0/28");
	fake_host_set(&host, "max_rate", "1000");
	host.call.interface_name = "vlan7";
	host.call.source_address = "10.0.0.2";
	host.call.dns_servers = "10.0.0.3";
	host.call.max_rate = 62;
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_non_null(strstr(text_of(&host), "--max-rate 62 "));
	assert_non_null(strstr(text_of(&host), "-e vlan7 -S 10.0.0.2 --dns-servers 10.0.0.3"));
	fake_host_set(&host, "max_rate", "50");
	fake_host_set(&host, "interface", "eth1");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_non_null(strstr(text_of(&host), "--max-rate 50 "));
	assert_non_null(strstr(text_of(&host), "-e eth1 "));
	fake_host_free(&host);
}

/* Nothing of these may become an argument. */
static void injection(void **state)
{
	(void)state;
	static const char *const attempts[][2] = {
	        {"ports", "22 -oN /tmp/x"},
	        {"ports", "-oN"},
	        {"ports", "22,--script=x"},
	        {"ports", "0"},
	        {"ports", "70000"},
	        {"ports", "22-"},
	        {"ports", "80-22"},
	        {"ports", "22,,23"},
	        {"ports", "T:22"},
	        {"ports", "[1-100]"},
	        {"ports", "http*"},
	        {"ports", "top-0"},
	        {"ports", "top--1"},
	        {"ports", "22\n-oN"},
	        {"udp_ports", "53;id"},
	        {"interface", "-oN"},
	        {"interface", "eth0 -oN/tmp/x"},
	        {"interface", "eth0\n"},
	        {"interface", "../../etc"},
	        {"interface", "averyveryverylongname"},
	        {"source_address", "10.0.0.1/8"},
	        {"source_address", "-iL/etc/passwd"},
	        {"source_address", "host.name"},
	        {"dns_servers", "10.0.0.1,-oN"},
	        {"dns_servers", "10.0.0.1,,10.0.0.2"},
	        {"dns_servers", "a.example"},
	        {"timing", "5 -oN/x"},
	        {"timing", "T5"},
	        {"source_port", "70000"},
	        {"source_port", "-1"},
	};
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		struct fake_host host;
		fake_host_init(&host);
		fake_host_set(&host, "include", "10.0.0.0/28");
		fake_host_set(&host, attempts[i][0], attempts[i][1]);
		int status = plan(&host);
		if (status != MUSTER_E_USAGE)
			print_error("%s = \"%s\" gives %d:\n%s", attempts[i][0], attempts[i][1], status,
			            text_of(&host));
		assert_int_equal(status, MUSTER_E_USAGE);
		assert_int_equal(host.shards, 0);
		assert_non_null(strstr(host.fail_text, attempts[i][0]));
		fake_host_free(&host);
	}
}

static void targets_are_addresses(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
	                                  "-oN/x",
	                                  "10.0.0.1,-iL",
	                                  "10.0.0.1 10.0.0.2",
	                                  "10.0.0.0/7",
	                                  "0.0.0.0/0",
	                                  "10.0.0.1-20",
	                                  "host.example",
	                                  "10.0.0.1,",
	                                  ",10.0.0.1",
	                                  "10.0.0.1\n-",
	                                  "fd00::/64",
	                                  "10.0.0.1/33",
	                                  "10.0.0.1/",
	                                  "10.0.0.1/8/8",
	                                  "10.0.0",
	                                  "10.0.0.1/-1",
	                                  "fe80::1%eth0",
	                                  "010.0.0.1",
	                                  "1"};
	struct nmap_buf lines = {0};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (nmap_target_lines(bad[i], &lines) == MUSTER_OK)
			print_error("accepted: \"%s\"\n", bad[i]);
		assert_int_equal(nmap_target_lines(bad[i], &lines), MUSTER_E_CORRUPT);
	}
	char *longest = malloc(70000);
	memset(longest, '1', 69999);
	longest[69999] = '\0';
	assert_int_equal(nmap_target_lines(longest, &lines), MUSTER_E_CORRUPT);
	free(longest);
	nmap_buf_free(&lines);
	assert_int_equal(nmap_target_lines("10.0.0.0/28,10.0.0.17,fd00::/120", &lines), MUSTER_OK);
	assert_string_equal(lines.data, "10.0.0.0/28\n10.0.0.17\nfd00::/120\n");
	nmap_buf_free(&lines);
}

static void target_counts(void **state)
{
	(void)state;
	assert_int_equal(nmap_target_count("10.0.0.1"), 1);
	assert_int_equal(nmap_target_count("10.0.0.0/28,10.0.0.17,10.1.0.0/16"), 16 + 1 + 65536);
	assert_int_equal(nmap_target_count("fd00::1,fd00::/120"), 257);
}

static void port_lists(void **state)
{
	(void)state;
	static const char *const lists[][2] = {
	        {"22,80", "22,80"},
	        {"0-65535", "1-65535"},
	        {"0,22,70000", "22"},
	        {"0", ""},
	        {"", ""},
	        {"22-", ""},
	        {"-22", ""},
	        {"22,x", ""},
	        {"80-22", ""},
	        {"65535-99999999999999999999", "65535"},
	        {"1,,2", ""},
	        {"22;id", ""},
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct nmap_buf out = {0};
		nmap_ports_clean(lists[i][0], strlen(lists[i][0]), &out);
		assert_string_equal(out.len > 0 ? out.data : "", lists[i][1]);
		nmap_buf_free(&out);
	}
}

static int shards_of(const char *include, const char *ports)
{
	struct fake_host host;
	fake_host_init(&host);
	fake_host_set(&host, "include", include);
	fake_host_set(&host, "max_addresses", "131072");
	fake_host_set(&host, "ports", ports);
	assert_int_equal(plan(&host), MUSTER_OK);
	int shards = host.shards;
	fake_host_free(&host);
	return shards;
}

/* A sixteenth each, but 16 to 64 addresses with ports and 256 to 1024 without. */
static void sizes(void **state)
{
	(void)state;
	assert_int_equal(shards_of("10.0.0.0/30", "top-1000"), 1);
	assert_int_equal(shards_of("10.0.0.0/28", "top-1000"), 1);
	assert_int_equal(shards_of("10.0.0.0/24", "top-1000"), 16);
	assert_int_equal(shards_of("10.0.0.0/23", "top-1000"), 16);
	assert_int_equal(shards_of("10.0.0.0/22", "top-1000"), 16);
	assert_int_equal(shards_of("10.0.0.0/20", "top-1000"), 64);
	assert_int_equal(shards_of("10.0.0.0/16", "top-1000"), 1024);
	assert_int_equal(shards_of("10.0.0.0/24", "none"), 1);
	assert_int_equal(shards_of("10.0.0.0/20", "none"), 16);
	assert_int_equal(shards_of("10.0.0.0/16", "none"), 64);
}

static void documented_cost(void **state)
{
	(void)state;
	struct fake_host host;
	fake_host_init(&host);
	fake_host_set(&host, "include", "10.0.0.0/28");
	assert_int_equal(plan(&host), MUSTER_OK);
	/* 16 addresses at the documented 122 000 bytes. */
	assert_non_null(strstr(text_of(&host), "n=16 bytes=1952000 "));
	assert_non_null(
	        strstr(text_of(&host),
	               "parallel=16 spec=\"nmap 1\\u000afamily=4 os=1\\u000a10.0.0.0/28\\u000a\" presence os names "
	               "addresses=10.0.0.0/28 tcp=- udp=-"));
	fake_host_set(&host, "ports", "22,80");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_non_null(strstr(text_of(&host), "tcp=22,80 udp=-"));
	fake_host_free(&host);
}

static void os_only_for_new_ones(void **state)
{
	(void)state;
	/* now is 1795600000000: one known for an hour, one for a month, one without a system. */
	static const struct fake_known known[] = {
	        {"10.0.0.1", INT64_C(1795596400000)},
	        {"10.0.0.2", INT64_C(1793000000000)},
	        {"10.0.0.3", 0},
	        {"10.0.9.9", INT64_C(1795596400000)},
	        {NULL, 0},
	};
	struct fake_host host;
	fake_host_init(&host);
	fake_host_set(&host, "include", "10.0.0.0/29");
	fake_host_set(&host, "exclude", "10.0.0.7");
	fake_host_set(&host, "os_detection", "new");
	host.known = known;
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_int_equal(host.shards, 2);
	assert_int_equal(host.addresses, 7);
	assert_non_null(strstr(text_of(&host),
	                       "os=1\\u000a10.0.0.0,10.0.0.2/31,10.0.0.4/31,10.0.0.6\\u000a\" presence os names"));
	assert_non_null(strstr(text_of(&host), "os=0\\u000a10.0.0.1\\u000a\" presence names"));
	fake_host_set(&host, "os_max_age", "60d");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_non_null(strstr(text_of(&host), "os=0\\u000a10.0.0.1,10.0.0.2\\u000a"));
	fake_host_set(&host, "os_detection", "on");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_int_equal(host.shards, 1);
	fake_host_free(&host);
}

static void both_families(void **state)
{
	(void)state;
	struct fake_host host;
	fake_host_init(&host);
	fake_host_set(&host, "include", "10.0.0.0/28,fd00::5");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_int_equal(host.shards, 2);
	assert_non_null(strstr(text_of(&host), "family=6 os=1\\u000afd00::5"));
	fake_host_free(&host);
}

static void refusals(void **state)
{
	(void)state;
	struct fake_host host;
	fake_host_init(&host);
	assert_int_equal(plan(&host), MUSTER_E_USAGE);
	assert_non_null(strstr(host.fail_text, "include"));
	fake_host_set(&host, "include", "10.0.0.0/24");
	fake_host_set(&host, "max_addresses", "255");
	assert_int_equal(plan(&host), MUSTER_E_LIMIT);
	assert_non_null(strstr(host.fail_text, "256 addresses, max_addresses is 255"));
	fake_host_set(&host, "max_addresses", "256");
	assert_int_equal(plan(&host), MUSTER_OK);
	fake_host_set(&host, "exclude", "10.0.0.0/24");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_int_equal(host.shards, 0);
	fake_host_set(&host, "exclude", NULL);
	/* 1000 ports at 0.4 s each fit into 15 minutes, at 15 s they do not. */
	fake_host_set(&host, "timing", "polite");
	assert_int_equal(plan(&host), MUSTER_OK);
	fake_host_set(&host, "timing", "sneaky");
	assert_int_equal(plan(&host), MUSTER_E_USAGE);
	assert_non_null(
	        strstr(host.fail_text, "1000 ports take 15000 s a host, and host_timeout gives up after 900 s"));
	fake_host_set(&host, "ports", "22,80");
	assert_int_equal(plan(&host), MUSTER_OK);
	fake_host_set(&host, "timing", NULL);
	fake_host_set(&host, "ports", "top-1000");
	/* One packet a second: 1000 ports in 900 s are out of reach. Two: one host at a time, in one process. */
	fake_host_set(&host, "max_rate", "1");
	assert_int_equal(plan(&host), MUSTER_E_USAGE);
	assert_non_null(strstr(host.fail_text, "at most 1 packets a second"));
	fake_host_set(&host, "max_rate", "2");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_non_null(strstr(text_of(&host), "--max-hostgroup 1 -T3 --max-rate 2 "));
	/* Sixty, without OS detection: 3 for each host, 16 processes with 3 each. */
	fake_host_set(&host, "max_rate", "60");
	fake_host_set(&host, "os_detection", "off");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_non_null(strstr(text_of(&host), "--max-hostgroup 1 -T3 --max-rate 3 "));
	fake_host_set(&host, "os_detection", NULL);
	fake_host_set(&host, "max_rate", NULL);
	host.raw = 0;
	assert_int_equal(plan(&host), MUSTER_E_REFUSED);
	assert_non_null(strstr(host.fail_text, "setpriv"));
	assert_non_null(strstr(host.fail_text, "connect_scan = on"));
	fake_host_set(&host, "connect_scan", "on");
	assert_int_equal(plan(&host), MUSTER_OK);
	assert_non_null(strstr(text_of(&host), "log warning connect_scan"));
	assert_null(strstr(text_of(&host), " os "));
	fake_host_set(&host, "udp_ports", "53");
	assert_int_equal(plan(&host), MUSTER_E_USAGE);
	fake_host_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(exact_arguments),
	        cmocka_unit_test(zone_settings_and_the_lower_rate),
	        cmocka_unit_test(injection),
	        cmocka_unit_test(targets_are_addresses),
	        cmocka_unit_test(target_counts),
	        cmocka_unit_test(port_lists),
	        cmocka_unit_test(sizes),
	        cmocka_unit_test(documented_cost),
	        cmocka_unit_test(os_only_for_new_ones),
	        cmocka_unit_test(both_families),
	        cmocka_unit_test(refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
