/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration text. Faults must be printable and inside the text; a good text's profiles must load again as they are. */
#include <muster/plugin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/settings.h"

#define ROW(row_name, row_type, ...)                                                                                   \
	{                                                                                                              \
		.name = (char *)(row_name), .type = (row_type), __VA_ARGS__                                            \
	}

static struct mst_option_def rows[] = {
        ROW("include", MUSTER_OPTION_TARGETS, .flags = MUSTER_OPTION_REQUIRED, .limited_by = (char *)"max_addresses"),
        ROW("exclude", MUSTER_OPTION_TARGETS, .flags = 0),
        ROW("max_addresses", MUSTER_OPTION_INT, .default_value = (char *)"4096", .minimum = 1, .maximum = 1 << 24),
        ROW("ports", MUSTER_OPTION_PORTS, .default_value = (char *)"top-1000"),
        ROW("os_detection", MUSTER_OPTION_CHOICE, .choices = (char *)"on|off|new"),
        ROW("host_timeout", MUSTER_OPTION_DURATION, .minimum = 1000, .maximum = 86400000),
        ROW("max_rate", MUSTER_OPTION_RATE, .default_value = (char *)"0"),
        ROW("buffer", MUSTER_OPTION_SIZE, .maximum = 1 << 20),
        ROW("dns", MUSTER_OPTION_BOOL, .default_value = (char *)"on"),
        ROW("dns_servers", MUSTER_OPTION_ADDRESSES, .flags = 0),
        ROW("token", MUSTER_OPTION_SECRET, .flags = 0),
        ROW("interface", MUSTER_OPTION_TEXT, .flags = 0),
};
static const struct mst_method_def method = {
        (char *)"nmap", (char *)"", (char *)"nmap", 0, rows, sizeof(rows) / sizeof(rows[0])};
static const struct mst_method_def *const methods[] = {&method};

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_faults(const struct mst_faults *faults, const char *text)
{
	int lines = 1;

	for (; *text != '\0'; text++)
		lines += *text == '\n';
	for (size_t i = 0; i < faults->count; i++) {
		const struct mst_fault *fault = &faults->items[i];

		check(fault->line >= 1 && fault->line <= lines);
		check(fault->text[0] != '\0' && mst_str_utf8_valid(fault->text, strlen(fault->text)));
		for (const char *p = fault->text; *p != '\0'; p++)
			check((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
}

static void check_again(const struct mst_profile *profile)
{
	char *text = mst_settings_profile_conf(profile), *zone, *whole, *again;
	struct mst_faults faults = {0};
	struct mst_settings settings;
	struct mst_err err;

	check(text != NULL);
	zone = strcmp(profile->zone, "default") == 0 ? mst_str_dup("")
	                                             : mst_str_printf("zone \"%s\" { }\n", profile->zone);
	whole = mst_str_printf("%s%s", zone, text);
	check(mst_settings_load_text(&settings, "again", whole, strlen(whole), methods, 1, &faults, &err) == MST_OK);
	check(settings.profile_count == 1);
	again = mst_settings_profile_conf(&settings.profiles[0]);
	check(again != NULL && strcmp(text, again) == 0);
	mst_settings_free(&settings);
	mst_faults_free(&faults);
	free(again);
	free(whole);
	free(zone);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mst_faults faults = {0};
	struct mst_settings settings;
	struct mst_err err;
	char *text;
	int status;

	if (size > MST_MAX_CONF_FILE)
		return 0;
	text = mst_str_dupn((const char *)data, size);
	check(text != NULL);
	status = mst_settings_load_text(&settings, "f", text, size, methods, 1, &faults, &err);
	check((status == MST_OK) == (faults.count == 0));
	check_faults(&faults, text);
	for (size_t i = 0; status == MST_OK && i < settings.profile_count && i < 8; i++)
		check_again(&settings.profiles[i]);
	mst_settings_free(&settings);
	mst_faults_free(&faults);
	free(text);
	return 0;
}
