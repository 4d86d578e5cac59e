/* SPDX-License-Identifier: Apache-2.0 */
/* Methods, files and fault texts that the tests of conf share. */
#ifndef CONF_COMMON_H
#define CONF_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "conf/settings.h"

#define ROW(row_name, row_type, row_default, ...)                                                                      \
	{                                                                                                              \
		.name = (char *)(row_name), .type = (row_type), .default_value = (char *)(row_default),                \
		.help = (char *)"", __VA_ARGS__                                                                        \
	}

static struct mst_option_def test_nmap_rows[] = {
        ROW("include", MUSTER_OPTION_TARGETS, NULL, .flags = MUSTER_OPTION_REQUIRED,
            .limited_by = (char *)"max_addresses"),
        ROW("exclude", MUSTER_OPTION_TARGETS, NULL, .flags = 0),
        ROW("max_addresses", MUSTER_OPTION_INT, "4096", .minimum = 1, .maximum = 1 << 24),
        ROW("arp", MUSTER_OPTION_BOOL, "on", .flags = 0),
        ROW("discovery", MUSTER_OPTION_CHOICE, "default", .choices = (char *)"default|icmp|tcp|wide"),
        ROW("assume_online", MUSTER_OPTION_BOOL, "off", .flags = 0),
        ROW("os_detection", MUSTER_OPTION_CHOICE, "on", .choices = (char *)"on|off|new"),
        ROW("os_max_age", MUSTER_OPTION_DURATION, "7d", .minimum = 60000, .maximum = INT64_C(315360000000)),
        ROW("ports", MUSTER_OPTION_PORTS, "top-1000", .flags = 0),
        ROW("udp_ports", MUSTER_OPTION_PORTS, NULL, .flags = 0),
        ROW("service_versions", MUSTER_OPTION_BOOL, "off", .flags = MUSTER_OPTION_RISKY),
        ROW("scripts", MUSTER_OPTION_BOOL, "off", .flags = MUSTER_OPTION_RISKY),
        ROW("source_port", MUSTER_OPTION_INT, "0", .minimum = 0, .maximum = 65535),
        ROW("interface", MUSTER_OPTION_TEXT, NULL, .flags = 0),
        ROW("source_address", MUSTER_OPTION_ADDRESSES, NULL, .flags = 0),
        ROW("max_rate", MUSTER_OPTION_RATE, "0", .flags = 0),
        ROW("timing", MUSTER_OPTION_CHOICE, "normal",
            .choices = (char *)"paranoid|sneaky|polite|normal|aggressive|insane"),
        ROW("host_timeout", MUSTER_OPTION_DURATION, "15m", .minimum = 1000, .maximum = 86400000),
        ROW("dns", MUSTER_OPTION_BOOL, "on", .flags = 0),
        ROW("dns_servers", MUSTER_OPTION_ADDRESSES, NULL, .flags = 0),
        ROW("parallel", MUSTER_OPTION_INT, "16", .minimum = 1, .maximum = 64),
        ROW("connect_scan", MUSTER_OPTION_BOOL, "off", .flags = 0),
        ROW("buffer", MUSTER_OPTION_SIZE, "64k", .minimum = 4096, .maximum = 1 << 20),
};
static struct mst_option_def test_ec2_rows[] = {
        ROW("access_key_id", MUSTER_OPTION_TEXT, NULL, .flags = 0),
        ROW("secret_access_key", MUSTER_OPTION_SECRET, NULL, .flags = 0),
        ROW("regions", MUSTER_OPTION_TEXT, "all", .flags = 0),
        ROW("assume_roles", MUSTER_OPTION_TEXT, NULL, .flags = 0),
        ROW("vpc_zones", MUSTER_OPTION_TEXT, NULL, .flags = 0),
};
static const struct mst_method_def test_nmap = {(char *)"nmap", (char *)"Nmap",
                                                (char *)"nmap", 0,
                                                test_nmap_rows, sizeof(test_nmap_rows) / sizeof(test_nmap_rows[0])};
static const struct mst_method_def test_ec2 = {(char *)"ec2", (char *)"EC2",
                                               (char *)"ec2", 0,
                                               test_ec2_rows, sizeof(test_ec2_rows) / sizeof(test_ec2_rows[0])};
__attribute__((unused)) static const struct mst_method_def *const test_methods[] = {&test_nmap, &test_ec2};

static char test_dir[] = "/tmp/test_conf_XXXXXX";
static char test_main_file[64], test_drop_dir[64];

__attribute__((unused)) static int test_setup(void **state)
{
	(void)state;
	umask(022);
	if (mkdtemp(test_dir) == NULL)
		return -1;
	snprintf(test_main_file, sizeof(test_main_file), "%s/muster.conf", test_dir);
	snprintf(test_drop_dir, sizeof(test_drop_dir), "%s/conf.d", test_dir);
	return 0;
}

__attribute__((unused)) static int test_teardown(void **state)
{
	(void)state;
	return mst_file_remove_tree(test_dir, NULL);
}

__attribute__((unused)) static void test_write(const char *path, const char *text)
{
	struct mst_err err;

	if (mst_file_write_atomic(path, text, strlen(text), 0644, &err) != MST_OK)
		fail_msg("%s", err.text);
}

/* The faults as "FILE:LINE: TEXT\n", without the folder's name. Caller frees. */
__attribute__((unused)) static char *test_fault_text(const struct mst_faults *faults)
{
	struct mst_buf out;
	char *text, *at;
	size_t len = strlen(test_dir) + 1;

	mst_buf_init(&out, 1 << 20);
	for (size_t i = 0; i < faults->count; i++)
		mst_buf_printf(&out, "%s:%d: %s\n", faults->items[i].file, faults->items[i].line,
		               faults->items[i].text);
	text = mst_buf_take(&out);
	if (text == NULL)
		return mst_str_dup("");
	while ((at = strstr(text, test_dir)) != NULL)
		memmove(at, at + len, strlen(at + len) + 1);
	return text;
}

#endif
