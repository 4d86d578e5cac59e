/* SPDX-License-Identifier: Apache-2.0 */
/* Nmap XML that is too deep, too wide, too long: refused or cut, in bounded memory. Small ones are files in tests/data/nmap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "../../plugins/nmap/nmap_xml.h"
#include "nmap_host.h"

#define HEAD "<?xml version=\"1.0\"?><!DOCTYPE nmaprun><nmaprun args=\"nmap -n 192.0.2.0/30\" start=\"1700000000\">"
#define HOST "<host><status state=\"up\" reason=\"echo-reply\"/><address addr=\"192.0.2.1\" addrtype=\"ipv4\"/>"
#define TAIL "<runstats><finished exit=\"success\"/></runstats></nmaprun>"

static struct fake_host host;
static struct nmap_buf doc;

static int setup(void **state)
{
	(void)state;
	fake_host_init(&host);
	nmap_buf_free(&doc);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_host_free(&host);
	nmap_buf_free(&doc);
	return 0;
}

static void repeat(const char *text, int times)
{
	for (int i = 0; i < times; i++)
		nmap_buf_text(&doc, text);
}

static int import(size_t piece)
{
	assert_false(doc.failed);
	fake_host_clear(&host);
	host.input = doc.data;
	host.input_length = doc.len;
	host.input_piece = piece;
	return nmap_import(NULL, &host.call);
}

static long peak_kib(void)
{
	if (getenv("MST_UNDER_VALGRIND"))
		return 0; /* its own memory is more than ours */
	struct rusage usage;
	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss;
}

static int count(const char *text, const char *what)
{
	int found = 0;
	for (; (text = strstr(text, what)) != NULL; text++)
		found++;
	return found;
}

/* 2 million nested elements cost other parsers 300 MB: the 65th ends it. */
static void nesting(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "</host><host>");
	repeat("<a>", 2000000);
	long before = peak_kib();
	assert_int_equal(import(4096), MUSTER_E_PARTIAL);
	assert_non_null(strstr(host.fail_text, "nested more than 64 deep"));
	assert_int_equal(host.records, 1);
	assert_true(peak_kib() - before < 16384);
}

static void nesting_that_is_allowed(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "<hostscript><script id=\"x\" output=\"y\">");
	repeat("<table>", 60);
	repeat("</table>", 60);
	nmap_buf_text(&doc, "</script></hostscript></host>" TAIL);
	assert_int_equal(import(0), MUSTER_OK);
	assert_int_equal(host.records, 1);
}

static void many_attributes(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "</host><host><status state=\"up\" ");
	for (int i = 0; i < 100000; i++)
		nmap_buf_printf(&doc, "a%d=\"\" ", i);
	nmap_buf_text(&doc, "/></host>" TAIL);
	assert_int_equal(import(4096), MUSTER_E_PARTIAL);
	assert_non_null(strstr(host.fail_text, "more than 64 attributes"));
	assert_int_equal(host.records, 1);
}

static void huge_attribute(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "</host><host><status state=\"up\" reason=\"");
	repeat("0123456789abcdef", 4 << 16);
	long before = peak_kib();
	assert_int_equal(import(4096), MUSTER_E_PARTIAL);
	assert_non_null(strstr(host.fail_text, "one tag is larger than 2 MiB"));
	assert_int_equal(host.records, 1);
	assert_true(peak_kib() - before < 65536);
}

static void endless_text_and_comment(void **state)
{
	(void)state;
	static const char *const starts[] = {HEAD HOST "</host>", HEAD HOST "</host><!-- ", HEAD HOST "</host><?pi ",
	                                     HEAD HOST "</host><![CDATA["};
	for (size_t i = 0; i < 4; i++) {
		doc.len = 0;
		nmap_buf_text(&doc, starts[i]);
		repeat("0123456789abcdef", 1 << 18);
		assert_int_equal(import(4096), MUSTER_E_PARTIAL);
		assert_int_equal(host.records, 1);
	}
}

static void long_attribute_is_cut(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "<hostnames><hostname name=\"");
	repeat("\xc3\xa9", 40000);
	nmap_buf_text(&doc, "\" type=\"PTR\"/></hostnames></host>" TAIL);
	assert_int_equal(import(0), MUSTER_OK);
	assert_int_equal(host.records, 1);
	assert_int_equal(count(host.text, "\xc3\xa9"), 512);
	assert_non_null(strstr(host.text, "\"cut\":true"));
}

static void all_ports_open(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "<ports>");
	for (int i = 65535; i >= 1; i--)
		nmap_buf_printf(
		        &doc,
		        "<port protocol=\"tcp\" portid=\"%d\"><state state=\"open\" reason=\"syn-ack\" reason_ttl=\"64\"/></port>",
		        i);
	for (int i = 1; i <= 65535; i += 2)
		nmap_buf_printf(
		        &doc,
		        "<port protocol=\"udp\" portid=\"%d\"><state state=\"closed\" reason=\"port-unreach\"/></port>",
		        i);
	nmap_buf_text(&doc, "</ports></host>" TAIL);
	assert_int_equal(import(0), MUSTER_OK);
	assert_int_equal(host.records, 1);
	assert_non_null(strstr(host.text, "\"count\":65535,\"range\":\"1-65535\",\"ports\":["));
	assert_non_null(strstr(host.text, "\"count\":32768,\"range\":\"1,3,5,7,"));
	assert_true(host.length < (1u << 20));
}

static void many_of_everything(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "<hostnames>");
	for (int i = 0; i < 5000; i++)
		nmap_buf_printf(&doc, "<hostname name=\"n%d.example\" type=\"PTR\"/>", i);
	nmap_buf_text(&doc, "</hostnames><ports>");
	for (int i = 1; i <= 2000; i++)
		nmap_buf_printf(
		        &doc,
		        "<port protocol=\"tcp\" portid=\"%d\"><state state=\"s%d\" reason=\"r%d\"/><service name=\"x\" "
		        "method=\"probed\" product=\"p\"><cpe>a</cpe><cpe>b</cpe><cpe>c</cpe><cpe>d</cpe><cpe>e</cpe><cpe>f</cpe>"
		        "<cpe>g</cpe><cpe>h</cpe><cpe>i</cpe></service></port>",
		        i, i, i);
	nmap_buf_text(&doc, "</ports><os>");
	for (int i = 0; i < 1000; i++)
		nmap_buf_printf(
		        &doc,
		        "<osmatch name=\"m%d\" accuracy=\"%d\"><osclass osfamily=\"f\"/><osclass osfamily=\"g\"/></osmatch>",
		        i, i % 101);
	nmap_buf_text(&doc, "</os><hostscript>");
	for (int i = 0; i < 20000; i++)
		nmap_buf_printf(&doc, "<script id=\"s%d\" output=\"0123456789012345678901234567890123456789\"/>", i);
	nmap_buf_text(&doc, "</hostscript></host>" TAIL);
	assert_int_equal(import(0), MUSTER_OK);
	assert_int_equal(host.records, 1);
	assert_int_equal(count(host.text, ".example"), NMAP_MAX_NAMES);
	assert_int_equal(count(host.text, "\"product\":"), NMAP_MAX_SERVICES);
	assert_int_equal(count(host.text, "\"state\":\"s"), NMAP_MAX_GROUPS);
	assert_int_equal(count(host.text, "{\"name\":\"m"), NMAP_MAX_MATCHES);
	assert_null(strstr(host.text, "\"i\"]"));
	assert_non_null(strstr(host.text, "\"cut\":true"));
	assert_true(host.length < (1u << 20));
}

static void script_output_is_capped(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "<hostscript>");
	for (int i = 0; i < 200; i++) {
		nmap_buf_printf(&doc, "<script id=\"s%d\" output=\"", i);
		repeat("0123456789abcdef", 1024);
		nmap_buf_text(&doc, "\"/>");
	}
	nmap_buf_text(&doc, "</hostscript></host>" TAIL);
	assert_int_equal(import(0), MUSTER_OK);
	assert_true(host.length < (600u << 10));
	assert_true(host.length > (200u << 10));
	assert_non_null(strstr(host.text, "\"cut\":true"));
}

static void one_long_script(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "<hostscript><script id=\"s\" output=\"");
	repeat("0123456789abcdef", 257);
	nmap_buf_text(&doc, "\"/></hostscript></host>" TAIL);
	assert_int_equal(import(0), MUSTER_OK);
	assert_int_equal(count(host.text, "0123456789abcdef"), 256);
	assert_non_null(strstr(host.text, "\"cut\":true"));
}

/* A host with more text than the arena holds keeps what came first and does not fall over. */
static void host_beyond_its_memory(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD HOST "<ports>");
	for (int i = 0; i < 300000; i++)
		nmap_buf_printf(&doc,
		                "<port protocol=\"proto-of-%d\" portid=\"1\"><state state=\"open\" reason=\"reason\"/>"
		                "<service name=\"service\"/></port>",
		                i);
	nmap_buf_text(&doc, "</ports></host>" HOST "</host>" TAIL);
	long before = peak_kib();
	assert_int_equal(import(0), MUSTER_OK);
	assert_int_equal(host.records, 1);
	assert_non_null(strstr(host.text, "\"cut\":true"));
	assert_true(peak_kib() - before < 262144);
}

static void warnings_are_few(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD);
	for (int i = 0; i < 5000; i++)
		nmap_buf_text(&doc, HOST "</host>");
	nmap_buf_text(&doc, TAIL);
	assert_int_equal(import(0), MUSTER_OK);
	assert_int_equal(host.records, 1);
	assert_true(count(host.text, "log warning") <= 20);
}

static void many_hosts(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD);
	for (int i = 0; i < 20000; i++)
		nmap_buf_printf(&doc,
		                "<host><status state=\"up\"/><address addr=\"10.0.%d.%d\" addrtype=\"ipv4\"/></host>",
		                i >> 8, i & 255);
	nmap_buf_text(&doc, TAIL);
	assert_int_equal(import(4096), MUSTER_OK);
	assert_int_equal(host.records, 20000);
}

/* A file that an editor saved in UTF-16 is no Nmap XML, with one clear line. */
static void utf16(void **state)
{
	(void)state;
	static const char text[] = HEAD HOST "</host>" TAIL;
	nmap_buf_put(&doc, "\xff\xfe", 2);
	for (size_t i = 0; i + 1 < sizeof(text); i++) {
		nmap_buf_put(&doc, text + i, 1);
		nmap_buf_put(&doc, "", 1);
	}
	assert_int_equal(import(0), MUSTER_E_CORRUPT);
	assert_int_equal(host.records, 0);
	assert_non_null(strstr(host.fail_text, "nmap -oX FILE"));
	assert_null(strchr(host.fail_text, '\n'));
}

static void cancelled_import(void **state)
{
	(void)state;
	nmap_buf_text(&doc, HEAD);
	for (int i = 0; i < 200; i++)
		nmap_buf_printf(
		        &doc, "<host><status state=\"up\"/><address addr=\"10.0.0.%d\" addrtype=\"ipv4\"/></host>", i);
	nmap_buf_text(&doc, TAIL);
	host.cancel_after = 50;
	assert_int_equal(import(0), MUSTER_E_CANCELLED);
	assert_true(host.records < 50);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(nesting),
	        TEST(nesting_that_is_allowed),
	        TEST(many_attributes),
	        TEST(huge_attribute),
	        TEST(endless_text_and_comment),
	        TEST(long_attribute_is_cut),
	        TEST(all_ports_open),
	        TEST(many_of_everything),
	        TEST(script_output_is_capped),
	        TEST(one_long_script),
	        TEST(host_beyond_its_memory),
	        TEST(warnings_are_few),
	        TEST(many_hosts),
	        TEST(utf16),
	        TEST(cancelled_import),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
