/* SPDX-License-Identifier: Apache-2.0 */
/* Help that teaches: what there is, with one line to try for each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/method.h"
#include "cli/output.h"

#define WIDE          100 /* narrower terminals get what a verb does below its usage */
#define NARROW_COLUMN 11

/* Lines of a text that was written for wide terminals: each is wrapped by itself. */
static void paragraphs(const struct mst_cli *cli, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char *line = mst_str_dupn(text, n);

		if (line)
			mst_help_wrap(cli, line, 0);
		free(line);
		text += n + (text[n] == '\n');
	}
}

static void heading(const struct mst_cli *cli, const char *text)
{
	printf("\n%s%s%s\n", mst_out_on(cli->colour, MST_STYLE_BOLD), text, mst_out_off(cli->colour));
}

void mst_help_all(const struct mst_cli *cli)
{
	const char *group = "";

	printf("Muster " MST_VERSION " calls the roll of a network: all interfaces, who manages them.\n\n"
	       "usage: muster [OPTION]... [COMMAND [ARGUMENT]...]\n"
	       "       without a command: what is stored, and what to do next\n");
	for (size_t i = 0; mst_commands[i]; i++) {
		const struct mst_command *command = mst_commands[i];

		if (strcmp(group, command->group) != 0)
			heading(cli, command->group);
		group = command->group;
		printf("  %-11s %s\n", command->name, command->summary);
		if (command->example)
			printf("              %s%s%s\n", mst_out_on(cli->colour, MST_STYLE_DIM), command->example,
			       mst_out_off(cli->colour));
	}
	heading(cli, "Options, anywhere on the line");
	mst_help_options(cli, mst_global_options);
	heading(cli, "Filters");
	printf("  column=value, also != ~ (contains) < <= > >=;\n"
	       "  blanks between terms mean and, commas in a value mean or:\n"
	       "  muster interfaces state=unmanaged port=22,3389 ip=10.1.0.0/16 'last_seen<7d'\n");
	heading(cli, "Exit status");
	printf("  0 complete   1 failed   2 usage or configuration   3 partial\n"
	       "  4 not found   5 refused   130 interrupted\n\n"
	       "More: muster help COMMAND, muster help scan METHOD, man muster, man muster.conf\n");
}

void mst_help_options(const struct mst_cli *cli, const struct mst_arg_option *options)
{
	for (const struct mst_arg_option *row = options; row->name; row++) {
		char left[96];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
		         row->letter ? ", " : "  ", row->name, row->value ? " " : "", row->value ? row->value : "");
		if (strlen(left) <= 28)
			printf("  %-28s ", left);
		else
			printf("  %s\n  %28s ", left, "");
		mst_help_wrap(cli, row->help, 31);
	}
}

static void usage_line(const struct mst_cli *cli, const struct mst_command *command, const struct mst_verb *verb,
                       bool first)
{
	char left[160];
	const char *space = verb->name[0] ? " " : "";

	snprintf(left, sizeof(left), "muster %s%s%s%s%s", command == &mst_command_status ? "[status]" : command->name,
	         space, verb->name, verb->usage[0] ? " " : "", verb->usage);
	printf("%s", first ? "usage: " : "       ");
	if (cli->width > 0 && cli->width < WIDE) {
		printf("%s\n%*s", left, NARROW_COLUMN, "");
		mst_help_wrap(cli, verb->help, NARROW_COLUMN);
		return;
	}
	if (strlen(left) <= 52)
		printf("%-52s ", left);
	else
		printf("%s\n%60s", left, "");
	mst_help_wrap(cli, verb->help, 60);
}

int mst_help_command(struct mst_cli *cli, const struct mst_command *command, struct mst_err *err)
{
	printf("muster %s: %s\n\n", command->name, command->summary);
	for (const struct mst_verb *verb = command->verbs; verb->run; verb++)
		usage_line(cli, command, verb, verb == command->verbs);
	if (command->options) {
		heading(cli, "Options");
		mst_help_options(cli, command->options);
	}
	if (cli->method) {
		char text[128];

		snprintf(text, sizeof(text), "Options of the method %s", cli->method->def.name);
		heading(cli, text);
		mst_method_help(cli);
	}
	if (command->help) {
		putchar('\n');
		paragraphs(cli, command->help);
	}
	if (command->example)
		printf("\nexample: %s\n", command->example);
	if (command->on_word && !cli->method)
		return mst_method_help_list(cli, command->name, err);
	return MST_OK;
}

static int run_help(struct mst_cli *cli, struct mst_err *err)
{
	const struct mst_command *command;

	if (cli->word_count == 0) {
		mst_help_all(cli);
		return MST_OK;
	}
	command = mst_command_find(cli->words[0]);
	if (!command)
		return mst_command_unknown(cli->words[0], err);
	if (command->on_word && cli->word_count > 1) {
		int rc = mst_method_use(cli, cli->words[1], err);

		if (rc != MST_OK)
			return rc;
	}
	return mst_help_command(cli, command, err);
}

static const struct mst_verb verbs[] = {
        {"", "[COMMAND [METHOD]]", "what a command does, with its options; a method adds its own", 0, 2, run_help},
        {0},
};
const struct mst_command mst_command_help = {
        .name = "help",
        .group = "This machine",
        .summary = "help for one command",
        .example = "muster help scan nmap",
        .verbs = verbs,
};
