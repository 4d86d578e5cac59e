/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of commands, and the options that stand anywhere. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "cli/cli.h"
#include "conf/word.h"

const struct mst_command *const mst_commands[] = {
        &mst_command_scan,
        &mst_command_import,
        &mst_command_status,
        &mst_command_interfaces,
        &mst_command_runs,
        &mst_command_coverage,
        &mst_command_labels,
        &mst_command_locations,
        &mst_command_profiles,
        &mst_command_zones,
        &mst_command_store,
        &mst_command_secrets,
        &mst_command_plugins,
        &mst_command_config,
        &mst_command_completion,
        &mst_command_help,
        NULL,
};

const struct mst_arg_option mst_global_options[] = {
        {.name = "server", .value = "SOCKET", .help = "talk to the service on this unix socket"},
        {.name = "store", .value = "FILE", .help = "use this private store"},
        {.name = "private", .help = "use your private store, also where a system service is set up"},
        {.name = "config", .value = "FILE", .help = "configuration of a private service"},
        {.name = "plugin-dir", .value = "DIR", .help = "where the plugins are"},
        {.name = "json", .help = "whole answer as JSON"},
        {.name = "ndjson", .help = "whole answer, one JSON object a line"},
        {.name = "csv", .help = "whole answer as CSV"},
        {.name = "color", .value = "auto|always|never", .help = "colours; auto: on a terminal, unless NO_COLOR is set"},
        {.name = "quiet", .help = "no notes on stderr, only errors", .letter = 'q'},
        {.name = "help", .help = "help, also for one command", .letter = 'h'},
        {.name = "version", .help = "the version", .letter = 'V'},
        {0},
};

const struct mst_command *mst_command_find(const char *name)
{
	for (size_t i = 0; mst_commands[i]; i++)
		if (strcmp(mst_commands[i]->name, name) == 0)
			return mst_commands[i];
	return NULL;
}

int mst_command_no_verb(const struct mst_command *command, const char *word, struct mst_err *err)
{
	struct mst_nearest nearest;
	char shown[MST_SHOWN];

	mst_nearest_init(&nearest, word);
	for (const struct mst_verb *verb = command->verbs; verb->run; verb++)
		if (verb->name[0])
			mst_nearest_try(&nearest, verb->name);
	mst_conf_show(word, shown);
	if (mst_nearest_best(&nearest))
		return mst_err_set(err, MST_E_USAGE, "muster %s knows no \"%s\": did you mean muster %s %s?",
		                   command->name, shown, command->name, mst_nearest_best(&nearest));
	return mst_err_set(err, MST_E_USAGE, "muster %s knows no \"%s\": see muster help %s", command->name, shown,
	                   command->name);
}

int mst_command_unknown(const char *word, struct mst_err *err)
{
	struct mst_nearest nearest;
	char shown[MST_SHOWN];

	mst_nearest_init(&nearest, word);
	for (size_t i = 0; mst_commands[i]; i++)
		mst_nearest_try(&nearest, mst_commands[i]->name);
	mst_conf_show(word, shown);
	if (mst_nearest_best(&nearest))
		return mst_err_set(err, MST_E_USAGE, "unknown command \"%s\": did you mean muster %s?", shown,
		                   mst_nearest_best(&nearest));
	return mst_err_set(err, MST_E_USAGE, "unknown command \"%s\": muster --help lists them", shown);
}
