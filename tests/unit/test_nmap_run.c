/* SPDX-License-Identifier: Apache-2.0 */
/* Shards: what Nmap is given, what becomes of its output, and of every way in which it can fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/nmap/nmap.h"
#include "nmap_host.h"

static const char spec_os[] = "nmap 1\nfamily=4 os=1\n10.77.0.0/28\n";

static const char head[] =
        "<?xml version=\"1.0\"?><!DOCTYPE nmaprun><nmaprun args=\"nmap -&#45;script-args secret=hunter2\" "
        "start=\"1700000000\" version=\"7.93\"><scaninfo type=\"syn\" protocol=\"tcp\" services=\"22,80\"/>";
static const char host1[] =
        "<taskprogress task=\"SYN Stealth Scan\" percent=\"45.10\"/><host endtime=\"1700000001\"><status state=\"up\" "
        "reason=\"arp-response\"/><address addr=\"10.77.0.1\" addrtype=\"ipv4\"/></host>";
static const char host2_begun[] =
        "<host endtime=\"1700000001\"><status state=\"up\" reason=\"arp-response\"/><address addr=\"10.77";
static const char good_end[] = "<runstats><finished time=\"1700000002\" exit=\"success\"/></runstats></nmaprun>";

static int run(struct fake_host *host, const char *spec, const char *scope)
{
	struct muster_shard shard = {
	        .size = sizeof(shard),
	        .id = "s0001",
	        .spec = {spec, strlen(spec)},
	        .scope = {.size = sizeof(shard.scope), .addresses = scope},
	        .addresses = 16,
	};
	fake_host_clear(host);
	return nmap_run(NULL, &host->call, &shard);
}

static char *join(const char *a, const char *b, const char *c)
{
	size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
	char *out = malloc(size);
	assert_non_null(out);
	(void)snprintf(out, size, "%s%s%s", a, b, c);
	return out;
}

static void complete(void **state)
{
	(void)state;
	struct fake_host host;
	fake_host_init(&host);
	char *output = join(head, host1, good_end);
	host.children[0] = (struct fake_child){.output = output, .length = strlen(output), .piece = 11};
	assert_int_equal(run(&host, spec_os, NULL), MUSTER_OK);
	assert_string_equal(
	        host.text,
	        "scope presence os names addresses=10.77.0.0/28 tcp=22,80 udp=-\n"
	        "record 10.77.0.1 {\"ip\":\"10.77.0.1\",\"answered\":true,\"reason\":\"arp-response\",\"cut\":false,"
	        "\"repaired\":false,\"seen\":1700000001000}\n"
	        "end complete\n");
	assert_string_equal(
	        host.argv[0],
	        "nmap --privileged -PE -PS80,443 -PA80 -sS --top-ports 1000 -O --osscan-guess --max-os-tries 3 "
	        "--max-hostgroup 16 -T3 --host-timeout 900000ms --stats-every 2s --noninteractive --no-stylesheet "
	        "-oX - -iL -");
	assert_string_equal(host.stdin_text[0], "10.77.0.0/28\n");
	free(output);
	fake_host_free(&host);
}

/* Core may have taken addresses out of the scope since the plan. */
static void narrower_scope(void **state)
{
	(void)state;
	struct fake_host host;
	fake_host_init(&host);
	char *output = join(head, host1, good_end);
	host.children[0] = (struct fake_child){.output = output, .length = strlen(output)};
	assert_int_equal(run(&host, spec_os, "10.77.0.0/29,10.77.0.8"), MUSTER_OK);
	assert_string_equal(host.stdin_text[0], "10.77.0.0/29\n10.77.0.8\n");
	assert_non_null(strstr(host.text, "addresses=10.77.0.0/29,10.77.0.8 "));
	free(output);
	fake_host_free(&host);
}

static void damaged_specs(void **state)
{
	(void)state;
	static const char *const bad[] = {"",
	                                  "nmap 2\nfamily=4 os=1\n10.0.0.1\n",
	                                  "nmap 1\nfamily=5 os=1\n10.0.0.1\n",
	                                  "nmap 1\nfamily=4 os=1\n10.0.0.12",
	                                  "nmap 1\nfamily=4 os=1\n",
	                                  "nmap 1\nfamily=4 os=1\n\n",
	                                  "nmap 1\nfamily=4 os=1\n-oN/tmp/x\n",
	                                  "nmap 1\nfamily=4 os=1\n10.0.0.1\n-oN\n",
	                                  "nmap 1\nfamily=4 os=1\n10.0.0.0/4\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fake_host host;
		fake_host_init(&host);
		assert_int_equal(run(&host, bad[i], NULL), MUSTER_E_CORRUPT);
		assert_int_equal(host.spawned, 0);
		fake_host_free(&host);
	}
}

static const struct {
	const char *middle, *end;
	int exit_status, read_status;
	const char *errors;
	int status;
	const char *wanted[3];
} failures[] = {
        /* Killed: one host was complete. */
        {host1,
         host2_begun,
         256 + 15,
         0,
         "",
         MUSTER_E_PARTIAL,
         {"record 10.77.0.1 ", "end partial Nmap was killed by signal 15", "retry"}},
        {host1, "", 143, 0, "", MUSTER_E_PARTIAL, {"record 10.77.0.1 ", "end partial Nmap ended with status 143", ""}},
        /* Its own error, in the report and on standard error. */
        {"",
         "<runstats><finished exit=\"error\" errormsg=\"dnet: Failed to open device nope0\"/></runstats></nmaprun>",
         1,
         0,
         "dnet: Failed to open device nope0\nQUITTING!\n",
         MUSTER_E_FAILED,
         {"end failed Nmap ended with status 1: dnet: Failed to open device nope0", "check interface", ""}},
        {"",
         "<runstats><finished exit=\"error\" errormsg=\"odd\"/></runstats></nmaprun>",
         0,
         0,
         "",
         MUSTER_E_FAILED,
         {"end failed Nmap's report is not whole: Nmap says: odd", "", ""}},
        /* It says success but the document is not whole. */
        {host1,
         host2_begun,
         0,
         0,
         "",
         MUSTER_E_PARTIAL,
         {"end partial Nmap's report is not whole", "ends before its end", ""}},
        {host1,
         "<oops></nmaprun>",
         0,
         0,
         "",
         MUSTER_E_PARTIAL,
         {"end partial Nmap's report is not whole: line 1", "", ""}},
        {host1, "", 0, MUSTER_E_TIMEOUT, "", MUSTER_E_TIMEOUT, {"end partial the deadline passed", "host_timeout", ""}},
        {host1,
         "",
         0,
         MUSTER_E_CANCELLED,
         "",
         MUSTER_E_CANCELLED,
         {"record 10.77.0.1 ", "end partial stopped before", ""}},
};

static void failing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct fake_host host;
		fake_host_init(&host);
		char *output = join(head, failures[i].middle, failures[i].end);
		host.children[0] = (struct fake_child){.output = output,
		                                       .length = strlen(output),
		                                       .exit_status = failures[i].exit_status,
		                                       .errors = failures[i].errors,
		                                       .read_status = failures[i].read_status};
		int status = run(&host, spec_os, NULL);
		if (status != failures[i].status)
			print_error("case %zu: %d\n%s", i, status, host.text);
		assert_int_equal(status, failures[i].status);
		for (size_t j = 0; j < 3 && failures[i].wanted[j]; j++) {
			if (!strstr(host.text, failures[i].wanted[j]))
				print_error("case %zu wants \"%s\":\n%s", i, failures[i].wanted[j], host.text);
			assert_non_null(strstr(host.text, failures[i].wanted[j]));
		}
		assert_false(host.scope_open);
		assert_null(strstr(host.text, "hunter2"));
		free(output);
		fake_host_free(&host);
	}
}

/* Without rights Nmap prints nothing at all on standard output. */
static void no_output(void **state)
{
	(void)state;
	struct fake_host host;
	fake_host_init(&host);
	host.children[0] =
	        (struct fake_child){.output = "",
	                            .exit_status = 1,
	                            .errors = "You requested a scan type which requires root privileges.\nQUITTING!\n"};
	assert_int_equal(run(&host, spec_os, NULL), MUSTER_E_FAILED);
	assert_int_equal(host.scopes, 0);
	assert_non_null(strstr(host.fail_text, "requires root privileges"));
	assert_non_null(strstr(host.fail_text, "--text privileges"));
	host.spawn_status = MUSTER_E_NOT_FOUND;
	assert_int_equal(run(&host, spec_os, NULL), MUSTER_E_NOT_FOUND);
	assert_non_null(strstr(host.fail_text, "apt install nmap"));
	host.raw = 0;
	assert_int_equal(run(&host, spec_os, NULL), MUSTER_E_REFUSED);
	assert_non_null(strstr(host.fail_text, "--text privileges"));
	fake_host_free(&host);
}

static void cancelled(void **state)
{
	(void)state;
	struct fake_host host;
	fake_host_init(&host);
	char *output = join(head, host1, host2_begun);
	host.children[0] = (struct fake_child){.output = output, .length = strlen(output), .piece = 1};
	host.cancel_after = 700;
	assert_int_equal(run(&host, spec_os, NULL), MUSTER_E_CANCELLED);
	assert_true(host.kills > 0);
	assert_true(host.cancelled_calls <= 701);
	free(output);
	fake_host_free(&host);
}

/* TCP by list and UDP by rank cannot stand on one command line: Nmap is asked for the list first. */
static void mixed_port_lists(void **state)
{
	(void)state;
	struct fake_host host;
	static const char lists[] =
	        "<nmaprun args=\"nmap\"><scaninfo type=\"udp\" protocol=\"udp\" services=\"53,161\"/>"
	        "<runstats><finished exit=\"success\"/></runstats></nmaprun>";
	fake_host_init(&host);
	fake_host_set(&host, "ports", "22,80");
	fake_host_set(&host, "udp_ports", "top-2");
	char *output = join(head, host1, good_end);
	host.children[0] = (struct fake_child){.output = lists, .length = strlen(lists)};
	host.children[1] = (struct fake_child){.output = output, .length = strlen(output)};
	assert_int_equal(run(&host, spec_os, NULL), MUSTER_OK);
	assert_string_equal(host.argv[0], "nmap --privileged -sU --top-ports 2 --no-stylesheet -oX -");
	assert_non_null(strstr(host.argv[1], " -sS -sU -p T:22,80,U:53,161 "));
	host.children[0].length = 0;
	assert_int_equal(run(&host, spec_os, NULL), MUSTER_E_FAILED);
	free(output);
	fake_host_free(&host);
}

static void check_op(void **state)
{
	(void)state;
	struct fake_host host;
	static const char version[] = "Nmap version 7.93 ( https://nmap.org )\nPlatform: x\n";
	static const char list[] =
	        "Starting Nmap\nDEV  (SHORT) IP/MASK\nlo   (lo)    127.0.0.1/8\neth0 (eth0)  10.0.0.1/24\n";
	fake_host_init(&host);
	fake_host_set(&host, "include", "10.0.0.0/28");
	fake_host_set(&host, "interface", "eth0");
	host.children[0] = (struct fake_child){.output = version, .length = strlen(version), .piece = 5};
	host.children[1] = (struct fake_child){.output = list, .length = strlen(list)};
	assert_int_equal(nmap_check(NULL, &host.call), MUSTER_OK);
	assert_string_equal(
	        host.text,
	        "verdict nmap 0 version 7.93\nverdict raw sockets 0 yes: Nmap gets CAP_NET_RAW and nothing else\n"
	        "verdict interface 0 eth0 is there\nverdict targets 0 10.0.0.0/28\n");
	fake_host_clear(&host);
	fake_host_set(&host, "interface", "eth1");
	host.raw = 0;
	assert_int_equal(nmap_check(NULL, &host.call), MUSTER_E_REFUSED);
	assert_non_null(strstr(host.text, "verdict raw sockets -5 no: run as root; or"));
	assert_non_null(strstr(host.text, "verdict interface -4 eth1 is no interface"));
	fake_host_clear(&host);
	host.spawn_status = MUSTER_E_NOT_FOUND;
	assert_int_equal(nmap_check(NULL, &host.call), MUSTER_E_NOT_FOUND);
	assert_non_null(strstr(host.text, "sudo apt install nmap"));
	fake_host_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(complete),         cmocka_unit_test(narrower_scope), cmocka_unit_test(damaged_specs),
	        cmocka_unit_test(failing),          cmocka_unit_test(no_output),      cmocka_unit_test(cancelled),
	        cmocka_unit_test(mixed_port_lists), cmocka_unit_test(check_op),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
