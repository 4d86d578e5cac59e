/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/output.h"

#define MAX_CSV (64u << 20)

static const struct mst_list_column columns[] = {
        {"network", NULL, 0, 12, false, true, "Network; the smallest one that holds an address wins", NULL, false},
        {"nat", NULL, 1, 8, false, true, "Outer network that it is seen behind", NULL, false},
        {"location", NULL, 2, 8, false, true, "Where it is, from the largest place to the smallest", NULL, false},
        {"line", NULL, 3, 4, true, false, "Line of the file that it came from", NULL, false},
        {0},
};
const struct mst_listing mst_listing_locations = {
        .what = "location",
        .columns = columns,
        .empty =
                "no location is stored.\nNext: muster locations import FILE.csv   (columns Network,NAT and up to five levels)",
};

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	return mst_list_print(cli, &mst_listing_locations, "/v1/locations", err);
}

static int run_import(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *answer = NULL;
	struct mst_buf text;
	char number[MST_FORMAT_SIZE];
	int rc;

	mst_buf_init(&text, MAX_CSV);
	if (strcmp(cli->words[0], "-") == 0)
		rc = mst_file_read_fd(STDIN_FILENO, "standard input", MAX_CSV, &text, err);
	else
		rc = mst_file_read(cli->words[0], MAX_CSV, &text, err);
	if (rc == MST_OK)
		rc = mst_cli_connect(cli, err);
	if (rc == MST_OK)
		rc = mst_client_put_text(&cli->client, "PUT", "/v1/locations", "text/csv", mst_buf_text(&text),
		                         text.len, &answer, err);
	mst_buf_free(&text);
	if (rc == MST_OK && cli->format != MST_CLI_TABLE)
		(cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(answer);
	else if (rc == MST_OK)
		mst_cli_note(cli, "%s location%s stored; all interfaces have their place by it",
		             mst_format_number(mst_json_int(answer, "rows", 0), number),
		             mst_json_int(answer, "rows", 0) == 1 ? " is" : "s are");
	json_object_put(answer);
	return rc;
}

static const struct mst_arg_option options[] = {
        MST_LIST_OPTIONS,
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "", "all networks and where they are", 0, 0, run_list},
        {"list", "", "the same", 0, 0, run_list},
        {"import", "FILE.csv", "replace them by a CSV file: Network,NAT and up to five levels; - is standard input", 1,
         1, run_import},
        {0},
};
const struct mst_command mst_command_locations = {
        .name = "locations",
        .group = "Arrange",
        .summary = "which network is where",
        .example = "muster locations import locations.csv",
        .help = "The file's first line names its columns: Network,NAT,Region,Site,Building. The smallest network that holds an\n"
                "address wins.",
        .verbs = verbs,
        .options = options,
};
