/* SPDX-License-Identifier: Apache-2.0 */
/* The completion script, and the words it asks for that depend on this machine. */
#include <stdio.h>
#include <string.h>

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
        {0},
};
const struct mst_command mst_command_completion = {
        .name = "completion",
        .group = "This machine",
        .summary = "the completion script for bash",
        .example = "muster completion bash",
        .verbs = verbs,
};
