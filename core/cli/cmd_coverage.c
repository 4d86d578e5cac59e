/* SPDX-License-Identifier: Apache-2.0 */
/* When was each network covered last, and how much of it? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/output.h"

static void add_percent(struct mst_buf *out, struct json_object *item, const char *key)
{
	struct json_object *value = NULL;

	if (json_object_object_get_ex(item, key, &value))
		mst_buf_printf(out, "%.3g %%", json_object_get_double(value));
}

static void covered_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	(void)now;
	add_percent(out, item, "covered");
}

static void since_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	(void)now;
	add_percent(out, item, "covered_since");
}

static void last_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	char text[MST_FORMAT_SIZE];
	int64_t last = mst_json_int(item, "last_covered", 0);

	mst_buf_str(out, last ? mst_format_ago(last, now, text) : "never");
}

static void whole_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	char text[MST_FORMAT_SIZE];

	mst_buf_str(out, mst_format_ago(mst_json_int(item, "whole_since", 0), now, text));
}

static void run_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	(void)now;
	if (mst_json_int(item, "run", 0) > 0)
		mst_buf_printf(out, "%lld", (long long)mst_json_int(item, "run", 0));
}

static const struct mst_list_column columns[] = {
        {.name = "network", .least = 15, .shown = true, .help = "a network of a location, a zone or a profile"},
        {.name = "zone", .give = 3, .least = 6, .shown = true, .help = "where its addresses are unique"},
        {.name = "name", .give = 5, .least = 10, .shown = true, .help = "who named it"},
        {.name = "addresses", .give = 6, .least = 9, .right = true, .help = "how many there are in it"},
        {.name = "covered",
         .least = 7,
         .right = true,
         .shown = true,
         .help = "share that complete scopes of any run covered, in percent",
         .cell = covered_cell},
        {.name = "covered_since",
         .give = 2,
         .least = 7,
         .right = true,
         .help = "share covered within --older-than",
         .cell = since_cell},
        {.name = "last_covered",
         .title = "last",
         .least = 5,
         .shown = true,
         .help = "when some of it was covered last",
         .cell = last_cell},
        {.name = "whole_since",
         .title = "whole",
         .give = 2,
         .least = 5,
         .shown = true,
         .help = "every address was covered no longer ago than this; - : some never were",
         .cell = whole_cell},
        {.name = "profile", .give = 4, .least = 8, .shown = true, .help = "of the run that covered it last"},
        {.name = "run",
         .give = 1,
         .least = 3,
         .right = true,
         .shown = true,
         .help = "that run's number",
         .cell = run_cell},
        {.name = NULL},
};
const struct mst_listing mst_listing_coverage = {
        .what = "network",
        .columns = columns,
        .empty = "no such network: no zone, location or profile names one.\n"
                 "Next: muster locations import FILE.csv | zones and profiles of muster.conf",
};

static void add_query(struct mst_buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	mst_buf_printf(path, "&%s=", name);
	mst_http_encode(path, value);
}

static int run_coverage(struct mst_cli *cli, struct mst_err *err)
{
	const char *age = mst_cli_option(cli, "older-than");
	struct mst_buf path;
	int64_t ms;
	int rc = MST_OK;

	if (mst_list_columns(cli, &mst_listing_coverage, &rc, err))
		return rc;
	if (age && mst_str_duration(age, &ms, err) != MST_OK)
		return err->code;
	mst_buf_init(&path, 16384);
	mst_buf_str(&path, "/v1/coverage?");
	add_query(&path, "older_than", age);
	add_query(&path, "zone", mst_cli_option(cli, "zone"));
	add_query(&path, "network", cli->word_count ? cli->words[0] : NULL);
	rc = mst_list_print(cli, &mst_listing_coverage, mst_buf_text(&path), err);
	mst_buf_free(&path);
	return rc;
}

static const struct mst_arg_option options[] = {
        {.name = "older-than",
         .value = "DURATION",
         .help = "only networks that were not covered for this long, or never"},
        {.name = "zone", .value = "ZONE", .help = "only networks in this zone"},
        MST_LIST_OPTIONS,
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "[NETWORK]",
         "for each network, or those that share addresses with NETWORK: when it was covered, how much of it", 0, 1,
         run_coverage},
        {0},
};
const struct mst_command mst_command_coverage = {
        .name = "coverage",
        .group = "Look",
        .summary = "when was each network of locations, zones and profiles covered last?",
        .example = "muster coverage --older-than 30d",
        .help = "Only complete scopes count: a part that a run did not finish was not covered by it. A location's network is one line for "
                "each zone that has such addresses.",
        .verbs = verbs,
        .options = options,
};
