/* SPDX-License-Identifier: Apache-2.0 */
/* Scans now: a method with targets, or a profile of the configuration. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "cli/follow.h"
#include "cli/method.h"
#include "cli/output.h"

/* The first word may be a method, whose options are then known; else it is taken for a profile. */
static int on_word(struct mst_cli *cli, size_t index, const char *word, struct mst_err *err)
{
	if (index != 0)
		return MST_OK;
	if (!mst_method_find(cli, word, err))
		return cli->plugins_loaded ? MST_OK : err->code;
	return mst_method_use(cli, word, err);
}

/* What was set on this line, for the Plan line; targets stand there as a number already. */
static void settings_text(struct mst_cli *cli, struct mst_buf *out)
{
	const struct mst_option_def *target = cli->method ? mst_method_target_option(cli->method) : NULL;

	for (size_t i = 0; cli->method && i < cli->method->def.option_count; i++) {
		const char *text = mst_cli_option(cli, cli->method_options[i].name);

		if (text && &cli->method->def.options[i] != target)
			mst_buf_printf(out, "%s%s %s", out->len ? ", " : "", cli->method_options[i].name,
			               text[0] ? text : "on");
	}
}

static int body_of(struct mst_cli *cli, struct json_object **out, struct mst_err *err)
{
	struct json_object *body = json_object_new_object(), *options = NULL;
	int rc = MST_OK;

	if (cli->method) {
		rc = mst_method_options_json(cli, cli->words + 1, cli->word_count - 1, &options, err);
		mst_json_add_text(body, "method", cli->method->def.name);
		mst_json_add_text(body, "zone", mst_cli_has(cli, "zone") ? mst_cli_option(cli, "zone") : "default");
		if (options)
			mst_json_put(body, "options", options);
	} else if (cli->word_count > 1 || mst_cli_has(cli, "zone")) {
		rc = mst_method_unknown(cli, cli->words[0], err);
		if (rc == MST_E_NOT_FOUND && cli->word_count == 1)
			rc = mst_err_set(err, MST_E_USAGE,
			                 "a profile has its own zone: leave --zone out, or name a method before it");
		rc = rc == MST_E_NOT_FOUND ? mst_err_set(err, MST_E_USAGE, "%s (a profile takes no targets)", err->text)
		                           : rc;
	} else {
		mst_json_add_text(body, "profile", cli->words[0]);
	}
	mst_json_add_bool(body, "dry_run", mst_cli_has(cli, "dry-run"));
	*out = body;
	return rc;
}

/* A profile that nobody knows may have been meant as a method. */
static int explain(struct mst_cli *cli, int rc, struct mst_err *err)
{
	struct mst_err method;

	if (rc != MST_E_NOT_FOUND || cli->method)
		return rc;
	(void)mst_method_unknown(cli, cli->words[0], &method);
	return mst_err_set(err, rc, "%.900s, and %.900s", err->text, method.text);
}

static int started(struct mst_cli *cli, struct json_object *answer, const char *settings, struct mst_err *err)
{
	int64_t number = mst_json_int(answer, "number", 0);

	if (mst_cli_has(cli, "dry-run"))
		return mst_follow_plan(cli, mst_json_text(answer, "run", ""), settings, err);
	if (!mst_cli_has(cli, "detach"))
		return mst_follow(cli, number, true, settings, err);
	if (cli->format != MST_CLI_TABLE)
		mst_out_line(answer);
	else
		printf("Run %" PRId64 "   started: muster runs watch %" PRId64 " | muster runs cancel %" PRId64 "\n",
		       number, number, number);
	return MST_OK;
}

static int run_scan(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *body = NULL, *answer = NULL;
	struct mst_buf settings;
	int rc = body_of(cli, &body, err);

	mst_buf_init(&settings, 4096);
	settings_text(cli, &settings);
	/* From here on Ctrl-C must find its run. */
	mst_interrupts_take();
	if (rc == MST_OK)
		rc = explain(cli, mst_cli_call(cli, "POST", "/v1/runs", body, &answer, err), err);
	if (rc == MST_OK)
		rc = started(cli, answer, mst_buf_text(&settings), err);
	mst_buf_free(&settings);
	json_object_put(body);
	json_object_put(answer);
	return rc;
}

static const struct mst_arg_option options[] = {
        {.name = "zone", .value = "ZONE", .help = "the zone that the targets are in (default: default)"},
        {.name = "dry-run", .help = "print the plan and the exact commands; sends nothing"},
        {.name = "detach", .help = "start it and return; the run goes on in the service"},
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "METHOD TARGETS... | PROFILE",
         "scan these targets, or what the profile says; then say what is new, changed and lost", 1, SIZE_MAX, run_scan},
        {0},
};
const struct mst_command mst_command_scan = {
        .name = "scan",
        .group = "Discover",
        .summary = "scan a network now",
        .example = "muster scan nmap 192.0.2.0/24 --exclude 192.0.2.250 --dry-run",
        .help = "Ctrl-C stops the run, keeps every finished shard and marks it partial; muster runs retry N does the rest.\n"
                "never_scan and scan_only of the configuration beat every command; a refusal names the entry and its file.",
        .verbs = verbs,
        .options = options,
        .on_word = on_word,
};
