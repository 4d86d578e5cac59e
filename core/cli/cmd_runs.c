/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/filter_words.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/output.h"

#define LIST_ROWS     30
#define PARTS_SHOWN   100u
#define CHANGES_SHOWN 200u

/* A day ago and later the time of day, before that the day: what tells runs apart, in ten columns. */
static void time_cell(struct mst_buf *out, struct json_object *run, int64_t now)
{
	int64_t when =
	        mst_json_int(run, "started", 0) ? mst_json_int(run, "started", 0) : mst_json_int(run, "created", 0);
	char text[MST_FORMAT_SIZE];

	(void)now;
	mst_format_time(when, text);
	text[strlen(text) > 16 ? 16 : strlen(text)] = '\0';
	mst_buf_str(out, text);
}

static void outcome_cell(struct mst_buf *out, struct json_object *run, int64_t now)
{
	const char *outcome = mst_json_text(run, "outcome", "");
	int64_t done = mst_json_int(run, "shards_done", 0), shards = mst_json_int(run, "shards", 0);

	(void)now;
	mst_buf_str(out, outcome[0] ? outcome : mst_json_text(run, "state", ""));
	if (strcmp(mst_json_text(run, "state", ""), "running") == 0 && shards > 1)
		mst_buf_printf(out, " %" PRId64 "/%" PRId64, done, shards);
}

static void profile_cell(struct mst_buf *out, struct json_object *run, int64_t now)
{
	const char *profile = mst_json_text(run, "profile", "");

	(void)now;
	mst_buf_str(out, profile[0] ? profile : mst_json_text(run, "method", ""));
}

static void took_cell(struct mst_buf *out, struct json_object *run, int64_t now)
{
	int64_t started = mst_json_int(run, "started", 0), ended = mst_json_int(run, "ended", 0);
	char text[MST_FORMAT_SIZE];

	if (started)
		mst_buf_str(out, mst_format_clock((ended ? ended : now) - started, text));
}

/* A run with a warning may be complete, and is still worth a look. */
static void why_cell(struct mst_buf *out, struct json_object *run, int64_t now)
{
	struct json_object *warnings = mst_json_array(run, "warnings");
	const char *text = mst_json_text(run, "text", ""), *first = NULL;

	(void)now;
	if (!text[0] && warnings && json_object_array_length(warnings) > 0)
		first = json_object_get_string(json_object_array_get_idx(warnings, 0));
	mst_buf_str(out, first ? first : text);
}

static const struct mst_list_column columns[] = {
        {"number", "run", 0, 3, true, true, "Number; names the run everywhere", NULL, false},
        {"outcome", NULL, 0, 8, false, true, "complete, partial or failed; before the end, the state", outcome_cell,
         false},
        {"profile", NULL, 5, 8, false, true, "Profile, else the method", profile_cell, false},
        {"zone", NULL, 8, 6, false, true, "Zone", NULL, false},
        {"kind", NULL, 9, 6, false, true, "scan or import", NULL, false},
        {"started", NULL, 3, 16, false, true, "When it started", time_cell, false},
        {"took", NULL, 4, 4, true, true, "How long it took, or runs so far", took_cell, true},
        {"addresses", NULL, 7, 9, true, true, "Addresses that it covers, after exclusions", NULL, false},
        {"up", NULL, 0, 2, true, true, "Addresses that answered", NULL, false},
        {"new", NULL, 0, 3, true, true, "Interfaces found for the first time", NULL, false},
        {"changed", NULL, 0, 3, true, true, "Interfaces that changed", NULL, false},
        {"lost", NULL, 0, 3, true, true, "Interfaces lost by it", NULL, false},
        {"text", "why", 10, 12, false, true, "Why it ended so, else its first warning", why_cell, false},
        {"method", NULL, 6, 6, false, false, "Method", NULL, false},
        {"state", NULL, 6, 8, false, false, "planning, running, importing or done", NULL, false},
        {"created", NULL, 6, 10, false, false, "When it was asked for", NULL, false},
        {"ended", NULL, 6, 10, false, false, "When it ended", NULL, false},
        {"by", NULL, 6, 6, false, false, "Who started it", NULL, false},
        {"shards", NULL, 6, 4, true, false, "Parts that it is divided into", NULL, false},
        {"shards_done", "done", 6, 4, true, false, "Parts that have ended", NULL, false},
        {"with_os", NULL, 6, 4, true, false, "Interfaces with an operating system", NULL, false},
        {"timed_out", NULL, 6, 4, true, false, "Interfaces that a scan gave up", NULL, false},
        {"unchanged", NULL, 6, 4, true, false, "Interfaces seen again as they were", NULL, false},
        {"command", NULL, 6, 12, false, false, "Command of its first part", NULL, false},
        {"name", "file", 6, 8, false, false, "Imported file", NULL, false},
        {0},
};
const struct mst_listing mst_listing_runs = {.what = "run", .columns = columns, .sorted = true, .state = "outcome"};

static int list_path(struct mst_cli *cli, int64_t limit, struct mst_buf *path, struct mst_err *err)
{
	struct mst_buf filter;
	int rc;

	mst_buf_init(&filter, MST_MAX_FILTER);
	rc = mst_filter_from_words(cli->words, cli->word_count, &filter, err);
	mst_buf_str(path, "/v1/runs?filter=");
	mst_http_encode(path, mst_buf_text(&filter));
	if (mst_cli_option(cli, "sort")) {
		mst_buf_str(path, "&sort=");
		mst_http_encode(path, mst_cli_option(cli, "sort"));
	}
	if (limit > 0)
		mst_buf_printf(path, "&limit=%" PRId64, limit);
	mst_buf_free(&filter);
	return rc;
}

static int list_table(struct mst_cli *cli, const char *path, struct mst_err *err)
{
	struct json_object *answer = NULL, *items;
	char total[MST_FORMAT_SIZE];
	int rc = mst_cli_call(cli, "GET", path, NULL, &answer, err);
	size_t count;

	if (rc != MST_OK)
		return rc;
	items = mst_out_items(answer);
	count = items ? json_object_array_length(items) : 0;
	if (count == 0)
		mst_cli_note(cli, "no run %s\nNext: muster scan nmap 192.0.2.0/24 --dry-run",
		             cli->word_count ? "matches" : "is stored yet");
	else
		rc = mst_list_items(cli, &mst_listing_runs, items, err);
	if (rc == MST_OK && (int64_t)count < mst_json_int(answer, "total", 0)) {
		fflush(stdout);
		mst_cli_note(cli, "%zu of %s%s shown.  --limit, --csv, --json, --columns", count,
		             mst_json_bool(answer, "total_exact", true) ? "" : "more than ",
		             mst_format_number(mst_json_int(answer, "total", 0), total));
	}
	json_object_put(answer);
	return rc;
}

static int list_item(void *data, struct json_object *item)
{
	mst_out_list_item(data, item);
	return MST_OK;
}

static int list_data(struct mst_cli *cli, const char *path, struct mst_err *err)
{
	const char *names[MST_TABLE_COLUMNS];
	struct mst_out_list list = {.format = cli->format, .columns = names};
	int rc = mst_list_names(cli, &mst_listing_runs, names, &list.column_count, err);

	if (rc == MST_OK)
		rc = mst_cli_connect(cli, err);
	if (rc != MST_OK)
		return rc;
	mst_out_list_begin(&list);
	rc = mst_client_lines(&cli->client, path, list_item, &list, err);
	if (rc == MST_OK)
		mst_out_list_end(&list);
	return rc;
}

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	const char *limit_text = mst_cli_option(cli, "limit");
	struct mst_buf path;
	uint64_t limit = cli->format == MST_CLI_TABLE ? LIST_ROWS : 0;
	int rc = MST_OK;

	if (mst_list_columns(cli, &mst_listing_runs, &rc, err))
		return rc;
	if (limit_text && (!mst_str_uint(limit_text, MST_MAX_PAGE, &limit) || limit == 0))
		return mst_err_set(err, MST_E_USAGE, "--limit is a number from 1 to %u", MST_MAX_PAGE);
	for (size_t i = 0; i < cli->word_count; i++)
		if (!mst_filter_is_term(cli->words[i]) && cli->verb == &cli->command->verbs[0])
			return mst_command_no_verb(cli->command, cli->words[i], err);
	mst_buf_init(&path, 32768);
	rc = list_path(cli, (int64_t)limit, &path, err);
	if (rc == MST_OK)
		rc = cli->format == MST_CLI_TABLE ? list_table(cli, mst_buf_text(&path), err)
		                                  : list_data(cli, mst_buf_text(&path), err);
	mst_buf_free(&path);
	return rc;
}

static void labelled(const char *label, const char *text)
{
	if (!text[0])
		return;
	printf("%-10s ", label);
	mst_out_text(stdout, text);
	putchar('\n');
}

static void show_head(const struct mst_cli *cli, struct json_object *run)
{
	const char *outcome = mst_json_text(run, "outcome", ""),
	           *word = outcome[0] ? outcome : mst_json_text(run, "state", "");
	const char *profile = mst_json_text(run, "profile", ""), *name = mst_json_text(run, "name", "");
	int64_t started = mst_json_int(run, "started", 0), ended = mst_json_int(run, "ended", 0);
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE];

	printf("%sRun %" PRId64 "%s   ", mst_out_on(cli->colour, MST_STYLE_BOLD), mst_json_int(run, "number", 0),
	       mst_out_off(cli->colour));
	mst_out_text(stdout, profile[0] ? profile : mst_json_text(run, "method", ""));
	fputs(" (", stdout);
	mst_out_text(stdout, mst_json_text(run, "method", ""));
	printf(")   %s", mst_out_on(cli->colour, mst_format_state_style(word)));
	for (const char *at = word; *at; at++)
		putchar(*at >= 'a' && *at <= 'z' ? *at - 32 : *at);
	printf("%s   %s, zone ", mst_out_off(cli->colour), mst_json_text(run, "kind", "scan"));
	mst_out_text(stdout, mst_json_text(run, "zone", ""));
	fputs("\nstarted by ", stdout);
	mst_out_text(stdout, mst_json_text(run, "by", "?"));
	printf(", %s", mst_format_time(started ? started : mst_json_int(run, "created", 0), a));
	if (ended)
		printf(" to %s", mst_format_time(ended, b));
	putchar('\n');
	labelled("file", name);
	labelled("why", mst_json_text(run, "text", ""));
	mst_run_warnings(stdout, run);
}

static void show_counts(struct json_object *run)
{
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE], c[MST_FORMAT_SIZE], d[MST_FORMAT_SIZE];
	int64_t timed_out = mst_json_int(run, "timed_out", 0);

	printf("covered    %s of %s addresses   up %s   with OS %s", mst_format_number(mst_run_covered(run), a),
	       mst_format_number(mst_run_addresses(run), b), mst_format_number(mst_json_int(run, "up", 0), c),
	       mst_format_number(mst_json_int(run, "with_os", 0), d));
	if (timed_out)
		printf("   timed out %s", mst_format_number(timed_out, a));
	putchar('\n');
}

static void show_end(struct json_object *run)
{
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE], c[MST_FORMAT_SIZE], d[MST_FORMAT_SIZE];
	const char *command = mst_json_text(run, "command", "");

	printf("imported   %s new, %s changed, %s lost, %s unchanged%s\n",
	       mst_format_number(mst_json_int(run, "new", 0), a), mst_format_number(mst_json_int(run, "changed", 0), b),
	       mst_format_number(mst_json_int(run, "lost", 0), c),
	       mst_format_number(mst_json_int(run, "unchanged", 0), d),
	       strcmp(mst_json_text(run, "outcome", ""), "partial") == 0
	               ? " (nothing in the missing parts counts as lost)"
	               : "");
	if (command[0]) {
		fputs("command    ", stdout);
		mst_out_text(stdout, command);
		if (mst_run_shards(run) > 1)
			printf("   (x %s shards)", mst_format_number(mst_run_shards(run), a));
		putchar('\n');
	}
}

static int run_show(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *run = NULL, *one;
	const char *names[MST_TABLE_COLUMNS];
	size_t count = 0;
	int rc = mst_run_get(cli, cli->words[0], &run, err);

	if (rc != MST_OK)
		return rc;
	if (cli->format == MST_CLI_JSON) {
		mst_out_json(run);
	} else if (cli->format == MST_CLI_NDJSON) {
		mst_out_line(run);
	} else if (cli->format == MST_CLI_CSV) {
		one = json_object_new_array();
		mst_json_push(one, json_object_get(run));
		rc = mst_list_names(cli, &mst_listing_runs, names, &count, err);
		if (rc == MST_OK)
			mst_out_array(cli, one, names, count);
		json_object_put(one);
	} else {
		show_head(cli, run);
		show_counts(run);
		mst_run_missing(stdout, run, PARTS_SHOWN);
		mst_run_refusals(stdout, run, "refused    ");
		show_end(run);
		mst_run_changes(cli, run, CHANGES_SHOWN);
	}
	json_object_put(run);
	return rc;
}

/* The number of the run that a word names, or of the newest that runs. */
static int number_of(struct mst_cli *cli, int64_t *out, struct mst_err *err)
{
	struct json_object *answer = NULL, *items;
	int rc;

	if (cli->word_count > 0) {
		rc = mst_run_get(cli, cli->words[0], &answer, err);
		*out = mst_json_int(answer, "number", 0);
		json_object_put(answer);
		return rc;
	}
	rc = mst_cli_call(cli, "GET", "/v1/runs?filter=&limit=1", NULL, &answer, err);
	if (rc != MST_OK)
		return rc;
	items = mst_out_items(answer);
	if (!items || json_object_array_length(items) == 0)
		rc = mst_err_set(err, MST_E_NOT_FOUND, "there is no run to watch; muster scan starts one");
	else
		*out = mst_json_int(json_object_array_get_idx(items, 0), "number", 0);
	json_object_put(answer);
	return rc;
}

static int run_watch(struct mst_cli *cli, struct mst_err *err)
{
	int64_t number = 0;
	int rc = number_of(cli, &number, err);

	return rc == MST_OK ? mst_follow(cli, number, false, NULL, err) : rc;
}

static int post(struct mst_cli *cli, const char *verb, struct json_object **answer, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/runs/", cli->words[0], verb);
	int rc = path ? mst_cli_call(cli, "POST", path, NULL, answer, err) : mst_err_no_memory(err);

	free(path);
	return rc;
}

static int run_cancel(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *answer = NULL;
	int rc = post(cli, "/cancel", &answer, err);

	if (rc == MST_OK && cli->format != MST_CLI_TABLE)
		mst_out_line(answer);
	else if (rc == MST_OK)
		mst_cli_note(cli, "Run %s is stopping; what is finished is kept: muster runs show %s", cli->words[0],
		             cli->words[0]);
	json_object_put(answer);
	return rc;
}

static int run_retry(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *answer = NULL;
	int64_t number;
	int rc;

	mst_interrupts_take();
	rc = post(cli, "/retry", &answer, err);
	number = mst_json_int(answer, "number", 0);
	if (rc == MST_OK && mst_cli_has(cli, "detach"))
		printf("Run %" PRId64 "   started: muster runs watch %" PRId64 "\n", number, number);
	else if (rc == MST_OK)
		rc = mst_follow(cli, number, true, NULL, err);
	json_object_put(answer);
	return rc;
}

static const struct mst_arg_option options[] = {
        MST_LIST_OPTIONS,
        {.name = "detach", .help = "retry: start it and return"},
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "[FILTER...]", "the last runs, newest first", 0, SIZE_MAX, run_list},
        {"list", "[FILTER...]", "the same", 0, SIZE_MAX, run_list},
        {"show", "N", "one run: what it covered, what is missing and the cure, its command", 1, 1, run_show},
        {"watch", "[N]", "follow a run, the newest without N; Ctrl-C leaves and the run goes on", 0, 1, run_watch},
        {"cancel", "N", "stop a run; finished shards are kept, the run is partial", 1, 1, run_cancel},
        {"retry", "N", "scan only what is missing", 1, 1, run_retry},
        {0},
};
const struct mst_command mst_command_runs = {
        .name = "runs",
        .group = "Look",
        .summary = "list, show, watch, cancel, retry runs",
        .example = "muster runs outcome=partial",
        .verbs = verbs,
        .options = options,
};
