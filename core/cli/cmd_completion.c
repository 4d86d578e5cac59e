/* SPDX-License-Identifier: Apache-2.0 */
/* The completion script, and the words it asks for that depend on this machine. */
#include <stdio.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/method.h"
#include "cli/output.h"

/* Made from etc/completions/muster.bash at build time. */
#include "core/cli/completion_text.h"

static int run_bash(struct mst_cli *cli, struct mst_err *err)
{
	(void)cli;
	(void)err;
	fputs(completion_text, stdout);
	return MST_OK;
}

static int run_methods(struct mst_cli *cli, struct mst_err *err)
{
	int rc = mst_cli_plugins(cli, false, err);

	for (size_t i = 0; rc == MST_OK && i < cli->plugins.count; i++)
		for (size_t j = 0; cli->plugins.plugins[i].discovery && j < cli->plugins.plugins[i].method_count; j++)
			puts(cli->plugins.plugins[i].methods[j].def.name);
	return rc;
}

static int run_options(struct mst_cli *cli, struct mst_err *err)
{
	int rc = mst_method_use(cli, cli->words[0], err);

	for (size_t i = 0; rc == MST_OK && i < cli->method->def.option_count; i++)
		printf("--%s\n", cli->method_options[i].name);
	return rc;
}

/* What GET /v1/columns says, without a service: no key press starts one. A test holds the two together. */
static const char *const interface_columns[] = {
        "id",          "state",           "state_reason",  "identity",     "ip",       "ips",         "nat_ip",
        "zone",        "hostname",        "hostnames",     "mac",          "vendor",   "os_platform", "os_generation",
        "os_accuracy", "ports",           "distance",      "labels",       "location", "computer_id", "first_seen",
        "last_seen",   "last_discovered", "first_managed", "last_managed", "created",  "updated",     "note",
        "os_note",     "created_run",     "changed_run",   "lost_run",     "change",   "methods",     "profiles",
};

static int run_columns(struct mst_cli *cli, struct mst_err *err)
{
	static const struct {
		const char *command;
		const struct mst_listing *listing;
	} listings[] = {{"runs", &mst_listing_runs},           {"zones", &mst_listing_zones},
	                {"profiles", &mst_listing_profiles},   {"labels", &mst_listing_labels},
	                {"locations", &mst_listing_locations}, {"coverage", &mst_listing_coverage},
	                {"secrets", &mst_listing_secrets}};

	(void)err;
	for (size_t i = 0;
	     strcmp(cli->words[0], "interfaces") == 0 && i < sizeof(interface_columns) / sizeof(interface_columns[0]);
	     i++)
		puts(interface_columns[i]);
	for (size_t i = 0; i < sizeof(listings) / sizeof(listings[0]); i++) {
		const struct mst_list_column *column = listings[i].listing->columns;

		for (; strcmp(cli->words[0], listings[i].command) == 0 && column->name; column++)
			puts(column->name);
	}
	return MST_OK;
}

static int run_profiles(struct mst_cli *cli, struct mst_err *err)
{
	return mst_config_names(cli, false, err);
}

static int run_zones(struct mst_cli *cli, struct mst_err *err)
{
	return mst_config_names(cli, true, err);
}

static int run_nothing(struct mst_cli *cli, struct mst_err *err)
{
	return mst_help_command(cli, cli->command, err);
}

static const struct mst_verb verbs[] = {
        {"", "", "this help", 0, 0, run_nothing},
        {"bash", "", "the script for bash: muster completion bash >~/.local/share/bash-completion/completions/muster",
         0, 0, run_bash},
        {"methods", "", "the names of the methods, one a line", 0, 0, run_methods},
        {"options", "METHOD", "the options of a method, one a line", 1, 1, run_options},
        {"columns", "COMMAND", "the columns of a listing, one a line", 1, 1, run_columns},
        {"profiles", "", "the names of the configured profiles, one a line", 0, 0, run_profiles},
        {"zones", "", "the names of the configured zones, one a line", 0, 0, run_zones},
        {0},
};
const struct mst_command mst_command_completion = {
        .name = "completion",
        .group = "This machine",
        .summary = "the completion script for bash",
        .example = "muster completion bash",
        .verbs = verbs,
};
