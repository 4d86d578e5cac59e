/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/output.h"

static const struct mst_list_column columns[] = {
        {"name", "label", 0, 8, false, true, "Name", NULL, false},
        {"enabled", "on", 3, 3, false, true, "Is the rule applied?", NULL, false},
        {"action", NULL, 2, 12, false, true, "label, ignore, unmanageable, managed, notify or purge", NULL, false},
        {"when", NULL, 1, 20, false, true, "The interfaces that it is for, as a filter", NULL, false},
        {"origin", NULL, 4, 7, false, true, "file, store or shipped", NULL, false},
        {"at", NULL, 5, 8, false, true, "File and line that define it", NULL, false},
        {0},
};

static bool is_off(struct json_object *item)
{
	return !mst_json_bool(item, "enabled", true);
}

const struct mst_listing mst_listing_labels = {
        .what = "label rule",
        .columns = columns,
        .empty = "no label rule is there.\nNext: muster labels add NAME --when 'port=9100' --set unmanageable",
        .dim = is_off,
};

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	return mst_list_print(cli, &mst_listing_labels, "/v1/labels", err);
}

static int send_rule(struct mst_cli *cli, const char *method, const char *tail, struct json_object *body,
                     struct json_object **out, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/labels/", cli->words[0], tail);
	int rc = path ? mst_cli_call(cli, method, path, body, out, err) : mst_err_no_memory(err);

	free(path);
	return rc;
}

static int run_add(struct mst_cli *cli, struct mst_err *err)
{
	const char *when = mst_cli_option(cli, "when"), *set = mst_cli_option(cli, "set");
	struct json_object *body, *answer = NULL;
	int rc;

	if (!when)
		return mst_err_set(err, MST_E_USAGE,
		                   "say which interfaces: muster labels add NAME --when 'FILTER' [--set ACTION]");
	body = json_object_new_object();
	mst_json_add_text(body, "when", when);
	mst_json_add_text(body, "action", set ? set : "label");
	mst_json_add_bool(body, "enabled", !mst_cli_has(cli, "disabled"));
	rc = send_rule(cli, "PUT", "", body, &answer, err);
	json_object_put(body);
	json_object_put(answer);
	if (rc == MST_OK)
		mst_cli_note(cli, "the rule is stored; what it does now: muster labels test \"%s\"", cli->words[0]);
	return rc;
}

static int run_remove(struct mst_cli *cli, struct mst_err *err)
{
	int rc = send_rule(cli, "DELETE", "", NULL, NULL, err);

	if (rc == MST_OK)
		mst_cli_note(cli, "the rule is gone");
	return rc;
}

static int run_test(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *answer = NULL, *sample, *body = NULL;
	char number[MST_FORMAT_SIZE];
	int rc;

	if (mst_cli_has(cli, "when")) {
		body = json_object_new_object();
		mst_json_add_text(body, "when", mst_cli_option(cli, "when"));
	}
	rc = send_rule(cli, "POST", "/test", body, &answer, err);
	json_object_put(body);
	if (rc != MST_OK)
		return rc;
	if (cli->format != MST_CLI_TABLE) {
		(cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(answer);
		json_object_put(answer);
		return MST_OK;
	}
	printf("%s interface%s\n", mst_format_number(mst_json_int(answer, "matched", 0), number),
	       mst_json_int(answer, "matched", 0) == 1 ? " matches" : "s match");
	sample = mst_json_array(answer, "sample");
	for (size_t i = 0; sample && i < json_object_array_length(sample); i++) {
		struct json_object *item = json_object_array_get_idx(sample, i);

		fputs("  ", stdout);
		mst_out_text(stdout, json_object_is_type(item, json_type_object) ? mst_json_text(item, "ip", "")
		                                                                 : json_object_get_string(item));
		putchar('\n');
	}
	json_object_put(answer);
	return MST_OK;
}

static const struct mst_arg_option options[] = {
        MST_LIST_OPTIONS,
        {.name = "when", .value = "FILTER", .help = "add: the interfaces that the rule is for"},
        {.name = "set",
         .value = "label|ignore|unmanageable|managed|notify|purge",
         .help = "add: what it does (default: label)"},
        {.name = "disabled", .help = "add: keep the rule, do not apply it"},
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "", "all label rules", 0, 0, run_list},
        {"list", "", "the same", 0, 0, run_list},
        {"add", "NAME", "add a rule or replace one of the same name", 1, 1, run_add},
        {"remove", "NAME", "remove a rule", 1, 1, run_remove},
        {"test", "NAME", "which interfaces does the rule match now?", 1, 1, run_test},
        {0},
};
const struct mst_command mst_command_labels = {
        .name = "labels",
        .group = "Arrange",
        .summary = "rules that label, ignore, or set the state of interfaces",
        .example = "muster labels add Printers --when port=9100,515 --set unmanageable",
        .help = "Rules of the configuration file are shown here and changed there. A label by hand: muster interfaces label.",
        .verbs = verbs,
        .options = options,
};
