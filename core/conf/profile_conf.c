/* SPDX-License-Identifier: Apache-2.0 */
/* A profile back to the section that would give it again. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/settings.h"

/* Loading puts the "${" of a text beyond libConfuse's reach, so only quotes and backslashes need care here. */
static void add_text(struct mst_buf *out, const char *text)
{
	mst_buf_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			mst_buf_char(out, '\\');
		mst_buf_char(out, *text);
	}
	mst_buf_char(out, '"');
}

static void add_pair(struct mst_buf *out, const char *indent, const char *key, const char *text)
{
	mst_buf_printf(out, "%s%s = ", indent, key);
	add_text(out, text);
	mst_buf_char(out, '\n');
}

static void add_list(struct mst_buf *out, const char *key, char *const *items, size_t count)
{
	if (count == 0)
		return;
	mst_buf_printf(out, "\t%s = {", key);
	for (size_t i = 0; i < count; i++) {
		mst_buf_str(out, i == 0 ? "" : ", ");
		add_text(out, items[i]);
	}
	mst_buf_str(out, "}\n");
}

static void add_options(struct mst_buf *out, const struct mst_option_set *options)
{
	if (options->method == NULL)
		return;
	mst_buf_printf(out, "\t%s {\n", options->method->name);
	for (size_t i = 0; i < options->count; i++) {
		if (options->values[i].text != NULL)
			add_pair(out, "\t\t", options->values[i].def->name, options->values[i].text);
	}
	mst_buf_str(out, "\t}\n");
}

char *mst_settings_profile_conf(const struct mst_profile *profile)
{
	struct mst_buf out;
	char interval[32], *text = NULL;

	mst_buf_init(&out, MST_MAX_CONF_FILE);
	mst_buf_printf(&out, "profile \"%s\" {\n", profile->name);
	if (profile->zone != NULL && strcmp(profile->zone, "default") != 0)
		add_pair(&out, "\t", "zone", profile->zone);
	if (profile->scan_interval != 0) {
		mst_str_format_duration(profile->scan_interval, interval, sizeof(interval));
		add_pair(&out, "\t", "scan_interval", interval);
	}
	if (profile->import_frequency != NULL && strcmp(profile->import_frequency, "each run") != 0)
		add_pair(&out, "\t", "import_frequency", profile->import_frequency);
	add_list(&out, "windows", profile->windows, profile->window_count);
	add_list(&out, "blackouts", profile->blackouts, profile->blackout_count);
	add_options(&out, &profile->options);
	mst_buf_str(&out, "}\n");
	if (!out.failed)
		text = mst_buf_take(&out);
	mst_buf_free(&out);
	return text;
}
