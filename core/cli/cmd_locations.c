/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/format.h"
#include "cli/output.h"

#define MAX_CSV (64u << 20)

static const char *const columns[] = {"network", "nat", "location"};

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *answer = NULL, *items;
	struct mst_table table;
	int rc = mst_cli_list(cli, "/v1/locations", MST_MAX_LOCATIONS, &answer, err);

	if (rc != MST_OK)
		return rc;
	items = mst_out_items(answer);
	if (cli->format != MST_CLI_TABLE) {
		mst_out_array(cli, items, columns, 3);
	} else if (!items || json_object_array_length(items) == 0) {
		mst_cli_note(
		        cli,
		        "no location is stored.\nNext: muster locations import FILE.csv   (columns Network,NAT and up to five levels)");
	} else {
		mst_table_init(&table);
		for (size_t c = 0; c < 3; c++)
			mst_table_add_column(&table, columns[c], c ? 1 : 0, 8, false);
		for (size_t i = 0; i < json_object_array_length(items); i++) {
			struct json_object *item = json_object_array_get_idx(items, i);

			for (size_t c = 0; c < 3; c++)
				mst_table_add(&table, mst_json_text(item, columns[c], ""), MST_STYLE_NONE);
		}
		rc = mst_out_table(cli, &table, err);
	}
	json_object_put(answer);
	return rc;
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
		mst_cli_note(cli, "%s locations are stored and apply to all interfaces",
		             mst_format_number(mst_json_int(answer, "rows", 0), number));
	json_object_put(answer);
	return rc;
}

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
};
