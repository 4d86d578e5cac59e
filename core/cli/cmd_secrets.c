/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/ask.h"
#include "cli/format.h"
#include "cli/listing.h"
#include "cli/output.h"

static void set_cell(struct mst_buf *out, struct json_object *item, int64_t now)
{
	char text[32] = "not stored";

	(void)now;
	if (mst_json_bool(item, "stored", true))
		mst_time_local(mst_json_int(item, "set", 0), text, sizeof(text));
	mst_buf_str(out, text);
}

static const struct mst_list_column columns[] = {
        {"name", "secret", 0, 8, false, true, "What profiles call it: secret:NAME", NULL, false},
        {"stored", NULL, 4, 6, false, false, "Has anybody stored it?", NULL, false},
        {"set", NULL, 1, 8, false, true, "When it was set", set_cell, false},
        {"by", NULL, 2, 4, false, true, "Who set it", NULL, false},
        {"profiles", NULL, 3, 8, false, true, "The profiles that name it", NULL, false},
        {0},
};

static bool is_missing(struct json_object *item)
{
	return !mst_json_bool(item, "stored", true);
}

const struct mst_listing mst_listing_secrets = {
        .what = "secret",
        .columns = columns,
        .empty = "no secret is stored.\nNext: muster secrets set NAME, then write \"secret:NAME\" in a profile",
        .dim = is_missing,
};

static void note_missing(const struct mst_cli *cli, struct json_object *items)
{
	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);

		if (is_missing(item)) {
			mst_cli_note(cli, "a profile names a secret that is not stored. Next: muster secrets set %s",
			             mst_json_text(item, "name", ""));
			return;
		}
	}
}

/* Times as in all data: RFC 3339. */
static void times_as_text(struct json_object *items)
{
	for (size_t i = 0; items && i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);
		int64_t set = mst_json_int(item, "set", 0);
		char text[32] = "";

		if (set > 0)
			mst_time_rfc3339(set, text, sizeof(text));
		mst_json_put(item, "set", json_object_new_string(text));
	}
}

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *answer = NULL, *items;
	int rc = MST_OK;

	if (mst_list_columns(cli, &mst_listing_secrets, &rc, err))
		return rc;
	rc = mst_cli_call(cli, "GET", "/v1/secrets", NULL, &answer, err);
	if (rc != MST_OK)
		return rc;
	items = mst_json_array(answer, "items");
	if (cli->format != MST_CLI_TABLE)
		times_as_text(items);
	rc = mst_list_items(cli, &mst_listing_secrets, items, err);
	fflush(stdout);
	if (rc == MST_OK && cli->format == MST_CLI_TABLE)
		note_missing(cli, items);
	json_object_put(answer);
	return rc;
}

static int check_name(const struct mst_cli *cli, struct mst_err *err)
{
	if (cli->word_count > 1)
		return mst_err_set(
		        err, MST_E_USAGE,
		        "a value on the command line can be read by everybody on this machine, and your shell keeps it: "
		        "change it, then type muster secrets set NAME and give the value when asked, or on standard input");
	if (!mst_str_is_name(cli->words[0], MST_MAX_NAME))
		return mst_err_set(
		        err, MST_E_USAGE,
		        "this is no name for a secret: lower-case letters, digits, - and _, a letter first, at most %u",
		        MST_MAX_NAME);
	return MST_OK;
}

static int run_set(struct mst_cli *cli, struct mst_err *err)
{
	struct mst_secret *secret = NULL;
	struct json_object *answer = NULL;
	char *path = NULL;
	int rc = check_name(cli, err);

	if (rc == MST_OK)
		rc = mst_ask_secret(cli->words[0], &secret, err);
	if (rc == MST_OK)
		rc = mst_cli_connect(cli, err);
	if (rc == MST_OK) {
		path = mst_cli_path("/v1/secrets/", cli->words[0], "");
		rc = path ? mst_client_put_text(&cli->client, "PUT", path, "application/octet-stream",
		                                (const char *)mst_secret_data(secret), mst_secret_length(secret),
		                                &answer, err)
		          : mst_err_no_memory(err);
	}
	mst_secret_free(secret);
	free(path);
	json_object_put(answer);
	if (rc == MST_OK)
		mst_cli_note(cli, "the secret is stored; in a profile write \"secret:%s\"", cli->words[0]);
	return rc;
}

static int run_remove(struct mst_cli *cli, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/secrets/", cli->words[0], "");
	struct json_object *answer = NULL, *profiles;
	int rc = path ? mst_cli_call(cli, "DELETE", path, NULL, &answer, err) : mst_err_no_memory(err);

	free(path);
	if (rc != MST_OK)
		return rc;
	profiles = mst_json_array(answer, "profiles");
	if (profiles && json_object_array_length(profiles) > 0) {
		struct mst_buf names;

		mst_buf_init(&names, 65536);
		mst_out_cell(&names, profiles, ", ");
		mst_cli_note(cli, "the secret is gone; these profiles name it and cannot run without it: %s",
		             mst_buf_text(&names));
		mst_buf_free(&names);
	} else {
		mst_cli_note(cli, "the secret is gone; no profile names it");
	}
	json_object_put(answer);
	return MST_OK;
}

static const struct mst_arg_option options[] = {MST_LIST_OPTIONS, {0}};
static const struct mst_verb verbs[] = {
        {"", "", "names of all secrets, never their values", 0, 0, run_list},
        {"list", "", "the same", 0, 0, run_list},
        {"set", "NAME", "store a value or replace it: typed without echo, or read from standard input", 1, SIZE_MAX,
         run_set},
        {"remove", "NAME", "remove one", 1, 1, run_remove},
        {0},
};
const struct mst_command mst_command_secrets = {
        .name = "secrets",
        .group = "Arrange",
        .summary = "passwords and keys that profiles name as \"secret:NAME\"",
        .example = "muster secrets set aws-prod",
        .help = "A value is sealed (AES-256-GCM) in a file beside the store, under a key that only the service's user can read, and goes "
                "to the workers whose profile names it. Nothing ever prints it again: who has lost it sets a new one. Back up the key "
                "(muster.key beside the store) and the vault (muster.secrets) in different places.",
        .verbs = verbs,
        .options = options,
};
