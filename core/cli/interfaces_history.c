/* SPDX-License-Identifier: Apache-2.0 */
/* What changed when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "cli/format.h"
#include "cli/interfaces.h"
#include "cli/listing.h"
#include "cli/output.h"
#include "conf/word.h"

int mst_interfaces_at(struct mst_cli *cli, int64_t *at, struct mst_err *err)
{
	const char *text = mst_cli_option(cli, "at");
	int64_t now = mst_time_now();
	char shown[MST_SHOWN];

	*at = 0;
	if (!text)
		return MST_OK;
	mst_conf_show(text, shown);
	if (!mst_time_parse_past(text, now, at))
		return mst_err_set(err, MST_E_USAGE,
		                   "--at %s: write 2026-03-01, \"2026-03-01 14:00\", 2026-03-01T14:00:00Z or 7d",
		                   shown);
	if (*at > now || *at <= 0)
		return mst_err_set(err, MST_E_USAGE, "--at %s has not come yet: name an earlier time", shown);
	return MST_OK;
}

static void at_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	char text[MST_FORMAT_SIZE];

	(void)now;
	mst_buf_str(out, mst_format_time(mst_json_int(item, "at", 0), text));
}

static void until_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	char text[MST_FORMAT_SIZE];

	(void)now;
	mst_buf_str(out, mst_format_time(mst_json_int(item, "until", 0), text));
}

static void run_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	(void)now;
	if (mst_json_int(item, "run", 0) > 0)
		mst_buf_printf(out, "%lld", (long long)mst_json_int(item, "run", 0));
}

static const struct mst_list_column columns[] = {
        {.name = "at", .least = 19, .shown = true, .help = "when it was seen so first", .cell = at_cell},
        {.name = "until",
         .give = 4,
         .least = 19,
         .shown = true,
         .help = "when it was seen so last",
         .cell = until_cell},
        {.name = "profile", .give = 2, .least = 6, .shown = true, .help = "which source saw it"},
        {.name = "run",
         .give = 1,
         .least = 3,
         .right = true,
         .shown = true,
         .help = "the run that found it",
         .cell = run_cell},
        {.name = "ip", .give = 3, .least = 9, .help = "its address then"},
        {.name = "change", .give = 5, .least = 20, .shown = true, .help = "what was new"},
        {.name = "zone", .give = 6, .least = 6, .help = "of the observation"},
        {.name = "observation", .give = 7, .least = 12, .help = "its id"},
        {.name = NULL},
};
static const struct mst_listing listing = {
        .what = "change", .columns = columns, .empty = "nothing is known of it: its observations are gone"};

int mst_interfaces_history(struct mst_cli *cli, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/interfaces/", cli->words[0], "/history");
	struct json_object *answer = NULL;
	char text[MST_FORMAT_SIZE];
	int rc = path ? mst_cli_call(cli, "GET", path, NULL, &answer, err) : mst_err_no_memory(err);

	free(path);
	if (rc != MST_OK)
		return rc;
	rc = mst_list_items(cli, &listing, mst_json_array(answer, "items"), err);
	fflush(stdout);
	if (rc == MST_OK && mst_json_int(answer, "kept_from", 0) > 0)
		mst_cli_note(cli, "what was before %s is not kept, or was not seen",
		             mst_format_time(mst_json_int(answer, "kept_from", 0), text));
	json_object_put(answer);
	return rc;
}
