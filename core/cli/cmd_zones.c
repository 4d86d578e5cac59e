/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/output.h"

static void rate_cell(struct mst_buf *out, struct json_object *zone, int64_t now)
{
	int64_t rate = mst_json_int(zone, "max_rate", 0);

	(void)now;
	if (rate > 0)
		mst_buf_printf(out, "%" PRId64 "/s", rate);
}

static const struct mst_list_column columns[] = {
        {"name", "zone", 0, 6, false, true, "Name", NULL, false},
        {"networks", NULL, 4, 12, false, true, "Networks that belong to it", NULL, false},
        {"interface", NULL, 5, 6, false, true, "Network card that scans of it leave by", NULL, false},
        {"source_address", "source", 6, 7, false, true, "Address that scans of it come from", NULL, false},
        {"dns_servers", "dns", 7, 7, false, true, "Name servers that its names are looked up at", NULL, false},
        {"max_rate", "rate", 3, 5, true, true, "Packets per second that all its scans share", rate_cell, false},
        {"interfaces", "known", 0, 5, true, true, "Interfaces known in it", NULL, false},
        {"origin", NULL, 8, 6, false, true, "file, shipped, or dropped by the configuration", NULL, false},
        {"at", NULL, 9, 8, false, true, "File and line that define it", NULL, false},
        {0},
};
const struct mst_listing mst_listing_zones = {.what = "zone", .columns = columns, .empty = "no zone is there"};

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	return mst_list_print(cli, &mst_listing_zones, "/v1/zones", err);
}

static void labelled(const char *label, const char *text)
{
	if (!text[0])
		return;
	printf("%-15s ", label);
	mst_out_text(stdout, text);
	putchar('\n');
}

static void show(const struct mst_cli *cli, struct json_object *zone)
{
	char number[MST_FORMAT_SIZE];
	struct mst_buf text;

	printf("%sZone ", mst_out_on(cli->colour, MST_STYLE_BOLD));
	mst_out_text(stdout, mst_json_text(zone, "name", ""));
	printf("%s   %s interfaces known", mst_out_off(cli->colour),
	       mst_format_number(mst_json_int(zone, "interfaces", 0), number));
	fputs(mst_json_text(zone, "at", "")[0] ? "   " : "", stdout);
	mst_out_text(stdout, mst_json_text(zone, "at", ""));
	putchar('\n');
	labelled("networks", mst_json_text(zone, "networks", ""));
	labelled("interface", mst_json_text(zone, "interface", ""));
	labelled("source address", mst_json_text(zone, "source_address", ""));
	labelled("dns servers", mst_json_text(zone, "dns_servers", ""));
	mst_buf_init(&text, 65536);
	rate_cell(&text, zone, 0);
	labelled("max rate", mst_buf_text(&text));
	mst_buf_reset(&text);
	mst_out_cell(&text, mst_json_array(zone, "profiles"), ", ");
	labelled("profiles", mst_buf_text(&text));
	mst_buf_free(&text);
	if (strcmp(mst_json_text(zone, "origin", ""), "dropped") == 0)
		puts("The configuration does not name this zone any more; what is known in it stays.");
}

static int run_show(struct mst_cli *cli, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/zones/", cli->words[0], "");
	const char *names[MST_TABLE_COLUMNS];
	struct json_object *zone = NULL, *one;
	size_t count = 0;
	int rc = path ? mst_cli_call(cli, "GET", path, NULL, &zone, err) : mst_err_no_memory(err);

	free(path);
	if (rc != MST_OK)
		return rc;
	if (cli->format == MST_CLI_JSON) {
		mst_out_json(zone);
	} else if (cli->format == MST_CLI_NDJSON) {
		mst_out_line(zone);
	} else if (cli->format == MST_CLI_CSV) {
		rc = mst_list_names(cli, &mst_listing_zones, names, &count, err);
		one = json_object_new_array();
		mst_json_push(one, json_object_get(zone));
		if (rc == MST_OK)
			mst_out_array(cli, one, names, count);
		json_object_put(one);
	} else {
		show(cli, zone);
	}
	json_object_put(zone);
	return rc;
}

static const struct mst_arg_option options[] = {
        MST_LIST_OPTIONS,
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "", "all zones", 0, 0, run_list},
        {"list", "", "the same", 0, 0, run_list},
        {"show", "NAME", "one zone, and the profiles that scan it", 1, 1, run_show},
        {0},
};
const struct mst_command mst_command_zones = {
        .name = "zones",
        .group = "Arrange",
        .summary = "list, show the networks in which an address is unique",
        .example = "muster zones show default",
        .help = "A zone is defined in the configuration: man muster.conf. Its interfaces: muster interfaces zone=NAME.",
        .verbs = verbs,
        .options = options,
};
