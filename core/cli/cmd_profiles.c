/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "cli/format.h"
#include "cli/output.h"

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	static const char *const columns[] = {"name", "method", "zone", "scan_interval", "origin", "at"};
	struct json_object *answer = NULL, *items;
	struct mst_table table;
	int rc = mst_cli_list(cli, "/v1/profiles", MST_MAX_LOCATIONS, &answer, err);

	if (rc != MST_OK)
		return rc;
	items = mst_out_items(answer);
	if (cli->format != MST_CLI_TABLE) {
		mst_out_array(cli, items, columns, 6);
	} else if (!items || json_object_array_length(items) == 0) {
		mst_cli_note(
		        cli,
		        "no profile is configured.\nNext: man muster.conf (a profile), or muster scan nmap 192.0.2.0/24 --dry-run");
	} else {
		mst_table_init(&table);
		for (size_t i = 0; i < 6; i++)
			mst_table_add_column(&table, columns[i], (unsigned)i, 6, false);
		for (size_t i = 0; i < json_object_array_length(items); i++) {
			struct json_object *item = json_object_array_get_idx(items, i);

			for (size_t c = 0; c < 6; c++) {
				struct json_object *value = NULL;
				struct mst_buf cell;

				mst_buf_init(&cell, 65536);
				json_object_object_get_ex(item, columns[c], &value);
				mst_out_cell(&cell, value, ", ");
				mst_table_add(&table, mst_buf_text(&cell), MST_STYLE_NONE);
				mst_buf_free(&cell);
			}
		}
		rc = mst_out_table(cli, &table, err);
	}
	json_object_put(answer);
	return rc;
}

static void show_fields(struct json_object *profile)
{
	json_object_object_foreach(profile, key, value)
	{
		struct mst_buf cell;

		if (strcmp(key, "conf") == 0 || strcmp(key, "options") == 0 || key[0] == '_' || strcmp(key, "rev") == 0)
			continue;
		mst_buf_init(&cell, 65536);
		mst_out_cell(&cell, value, ", ");
		if (cell.len > 0) {
			printf("%-18s ", key);
			mst_out_text(stdout, mst_buf_text(&cell));
			putchar('\n');
		}
		mst_buf_free(&cell);
	}
}

static void show_options(struct json_object *options)
{
	if (!options)
		return;
	json_object_object_foreach(options, key, value)
	{
		printf("  %-16s ", key);
		mst_out_text(stdout, json_object_get_string(value));
		putchar('\n');
	}
}

static int run_show(struct mst_cli *cli, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/profiles/", cli->words[0], "");
	struct json_object *profile = NULL;
	int rc = path ? mst_cli_call(cli, "GET", path, NULL, &profile, err) : mst_err_no_memory(err);

	free(path);
	if (rc != MST_OK)
		return rc;
	if (mst_cli_has(cli, "conf")) {
		const char *conf = mst_json_text(profile, "conf", NULL);

		if (conf)
			mst_out_lines(stdout, conf);
		else
			rc = mst_err_set(
			        err, MST_E_FAILED,
			        "the service gave no configuration text for this profile: is it of another version?");
	} else if (cli->format == MST_CLI_TABLE) {
		show_fields(profile);
		show_options(mst_json_object(profile, "options"));
	} else {
		(cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(profile);
	}
	json_object_put(profile);
	return rc;
}

static void show_verdict(const struct mst_cli *cli, struct json_object *verdict)
{
	const char *status = mst_json_text(verdict, "status", "");

	printf("%s%-8s%s ", mst_out_on(cli->colour, mst_format_state_style(status)), status, mst_out_off(cli->colour));
	mst_out_text(stdout, mst_json_text(verdict, "part", ""));
	fputs(": ", stdout);
	mst_out_text(stdout, mst_json_text(verdict, "text", ""));
	putchar('\n');
}

static int run_test(struct mst_cli *cli, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/profiles/", cli->words[0], "/test");
	struct json_object *answer = NULL, *verdicts;
	int rc = path ? mst_cli_call(cli, "POST", path, NULL, &answer, err) : mst_err_no_memory(err), code;

	free(path);
	if (rc != MST_OK)
		return rc;
	verdicts = mst_json_array(answer, "verdicts");
	if (cli->format == MST_CLI_TABLE)
		for (size_t i = 0; verdicts && i < json_object_array_length(verdicts); i++)
			show_verdict(cli, json_object_array_get_idx(verdicts, i));
	else
		(cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(answer);
	code = mst_code_from_name(mst_json_text(answer, "status", "ok"));
	if (code != MST_OK)
		rc = mst_err_set(err, code, "the test of %s did not pass%s%s", cli->words[0],
		                 mst_json_text(answer, "text", "")[0] ? ": " : "", mst_json_text(answer, "text", ""));
	json_object_put(answer);
	return rc;
}

static const struct mst_arg_option options[] = {
        {.name = "conf", .help = "show: as a section of the configuration file"},
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "", "all profiles", 0, 0, run_list},
        {"list", "", "the same", 0, 0, run_list},
        {"show", "NAME", "one profile with its options", 1, 1, run_show},
        {"test", "NAME", "are its tools, rights and credentials good? A verdict per part", 1, 1, run_test},
        {0},
};
const struct mst_command mst_command_profiles = {
        .name = "profiles",
        .group = "Arrange",
        .summary = "list, show, test what is scanned again and again",
        .example = "muster profiles test hq-servers",
        .verbs = verbs,
        .options = options,
};
