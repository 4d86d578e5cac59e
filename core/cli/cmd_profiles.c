/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/output.h"

static void interval_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	int64_t interval = mst_json_int(item, "scan_interval", 0);
	char text[MST_FORMAT_SIZE];

	(void)now;
	mst_buf_str(out, interval > 0 ? mst_format_about(interval, text) : "by hand");
}

static const struct mst_list_column columns[] = {
        {"name", "profile", 0, 6, false, true, "Name", NULL, false},
        {"method", NULL, 2, 6, false, true, "Method that it uses", NULL, false},
        {"zone", NULL, 3, 6, false, true, "Zone that its targets are in", NULL, false},
        {"scan_interval", "every", 1, 5, false, false, "How often it is to be scanned; no effect in this version",
         interval_cell, false},
        {"import_frequency", "imports", 6, 8, false, false,
         "When its results are to be imported; no effect in this version", NULL, false},
        {"origin", NULL, 4, 6, false, true, "file or store", NULL, false},
        {"at", NULL, 5, 8, false, true, "File and line that define it", NULL, false},
        {0},
};
const struct mst_listing mst_listing_profiles = {
        .what = "profile",
        .columns = columns,
        .empty =
                "no profile is configured.\nNext: man muster.conf (a profile), or muster scan nmap 192.0.2.0/24 --dry-run",
};

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	return mst_list_print(cli, &mst_listing_profiles, "/v1/profiles", err);
}

static void show_last_run(const struct mst_cli *cli, struct json_object *run)
{
	const char *outcome = mst_json_text(run, "outcome", ""),
	           *word = outcome[0] ? outcome : mst_json_text(run, "state", "");
	char when[MST_FORMAT_SIZE], up[MST_FORMAT_SIZE];

	if (!run) {
		puts("last run   none yet");
		return;
	}
	printf("last run   %lld, %s%s%s, %s; %s up\n", (long long)mst_json_int(run, "number", 0),
	       mst_out_on(cli->colour, mst_format_state_style(word)), word, mst_out_off(cli->colour),
	       mst_format_time(mst_json_int(run, "started", mst_json_int(run, "created", 0)), when),
	       mst_format_number(mst_json_int(run, "up", 0), up));
}

static void show_head(const struct mst_cli *cli, struct json_object *profile)
{
	struct mst_buf text;

	printf("%sProfile ", mst_out_on(cli->colour, MST_STYLE_BOLD));
	mst_out_text(stdout, mst_json_text(profile, "name", ""));
	printf("%s (%s)   zone ", mst_out_off(cli->colour), mst_json_text(profile, "method", ""));
	mst_out_text(stdout, mst_json_text(profile, "zone", ""));
	fputs("   ", stdout);
	mst_out_text(stdout, mst_json_text(profile, "at", ""));
	mst_buf_init(&text, 256);
	interval_cell(&text, profile, 0);
	printf("\nscanned    by hand: muster scan ");
	mst_out_text(stdout, mst_json_text(profile, "name", ""));
	if (mst_json_int(profile, "scan_interval", 0) > 0)
		printf(" (scan_interval %s has no effect in this version)", mst_buf_text(&text));
	putchar('\n');
	show_last_run(cli, mst_json_object(profile, "last_run"));
	mst_buf_free(&text);
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
		show_head(cli, profile);
		puts("options");
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
        MST_LIST_OPTIONS,
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
