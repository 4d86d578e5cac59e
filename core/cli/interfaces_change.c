/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator changes about interfaces: labels, ignored or not, a merge undone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "cli/filter_words.h"
#include "cli/format.h"
#include "cli/interfaces.h"
#include "cli/output.h"

static const char *const change_columns[] = {"matched", "changed"};

static void show_sample(struct json_object *answer)
{
	struct json_object *sample = mst_json_array(answer, "sample");

	for (size_t i = 0; sample && i < json_object_array_length(sample); i++) {
		struct json_object *item = json_object_array_get_idx(sample, i);
		bool object = json_object_is_type(item, json_type_object);

		fputs("  ", stdout);
		mst_out_text(stdout, object ? mst_json_text(item, "ip", mst_json_text(item, "id", ""))
		                            : json_object_get_string(item));
		if (object && mst_json_text(item, "hostname", "")[0]) {
			fputs("  ", stdout);
			mst_out_text(stdout, mst_json_text(item, "hostname", ""));
		}
		putchar('\n');
	}
}

/* Says what was done or would be. `verb`: "labelled". */
static void show_change(struct mst_cli *cli, struct json_object *answer, const char *verb)
{
	bool dry = mst_cli_has(cli, "dry-run");
	char matched[MST_FORMAT_SIZE], changed[MST_FORMAT_SIZE];

	if (cli->format != MST_CLI_TABLE) {
		struct json_object *one = json_object_new_array();

		if (cli->format == MST_CLI_CSV) {
			mst_json_push(one, json_object_get(answer));
			mst_out_array(cli, one, change_columns, 2);
		} else {
			(cli->format == MST_CLI_JSON ? mst_out_json : mst_out_line)(answer);
		}
		json_object_put(one);
		return;
	}
	printf("%s%s matched, %s %s%s\n", dry ? "Dry run: " : "",
	       mst_format_number(mst_json_int(answer, "matched", 0), matched),
	       mst_format_number(mst_json_int(answer, "changed", 0), changed), dry ? "would be " : "", verb);
	if (dry)
		show_sample(answer);
}

static int change(struct mst_cli *cli, const char *path, struct json_object *body, const char *verb,
                  struct mst_err *err)
{
	struct json_object *answer = NULL;
	struct mst_buf filter;
	int rc;

	mst_buf_init(&filter, MST_MAX_FILTER);
	rc = mst_filter_from_words(cli->words, cli->word_count, &filter, err);
	if (rc == MST_OK) {
		mst_json_add_text(body, "filter", mst_buf_text(&filter));
		mst_json_add_bool(body, "dry_run", mst_cli_has(cli, "dry-run"));
		rc = mst_cli_call(cli, "POST", path, body, &answer, err);
	}
	if (rc == MST_OK)
		show_change(cli, answer, verb);
	json_object_put(answer);
	json_object_put(body);
	mst_buf_free(&filter);
	return rc;
}

int mst_interfaces_label(struct mst_cli *cli, struct mst_err *err)
{
	const char *add = mst_cli_option(cli, "add"), *remove = mst_cli_option(cli, "remove");
	struct json_object *body;

	if (!add && !remove)
		return mst_err_set(err, MST_E_USAGE,
		                   "say which label: muster interfaces label FILTER... --add LABEL or --remove LABEL");
	body = json_object_new_object();
	mst_json_add_text(body, "add", add);
	mst_json_add_text(body, "remove", remove);
	return change(cli, "/v1/interfaces/label", body, "labelled", err);
}

int mst_interfaces_ignore(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *body = json_object_new_object();
	bool undo = mst_cli_has(cli, "undo");

	mst_json_add_bool(body, "undo", undo);
	return change(cli, "/v1/interfaces/ignore", body, undo ? "counted again" : "ignored", err);
}

int mst_interfaces_unmerge(struct mst_cli *cli, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/interfaces/", cli->words[0], "/unmerge");
	struct json_object *body = json_object_new_object(), *answer = NULL;
	int rc;

	mst_json_add_text(body, "observation", mst_cli_option(cli, "observation"));
	rc = path ? mst_cli_call(cli, "POST", path, body, &answer, err) : mst_err_no_memory(err);
	free(path);
	json_object_put(body);
	if (rc != MST_OK)
		return rc;
	if (cli->format == MST_CLI_TABLE) {
		struct json_object *list = mst_json_array(answer, "interfaces");

		puts("The merge is undone; later imports keep them apart:");
		for (size_t i = 0; list && i < json_object_array_length(list); i++) {
			struct json_object *item = json_object_array_get_idx(list, i);

			fputs("  ", stdout);
			mst_out_text(stdout, mst_json_text(item, "id", ""));
			fputs("  ", stdout);
			mst_out_text(stdout, mst_json_text(item, "ip", ""));
			fputs("  ", stdout);
			mst_out_text(stdout, mst_json_text(item, "mac", ""));
			putchar('\n');
		}
	} else {
		(cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(answer);
	}
	json_object_put(answer);
	return MST_OK;
}
