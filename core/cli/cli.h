/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: one call of `muster`, the table of commands, output. */
#ifndef MST_CLI_CLI_H
#define MST_CLI_CLI_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "cli/args.h"
#include "cli/client.h"
#include "plugin/manifest.h"

enum mst_cli_format { MST_CLI_TABLE, MST_CLI_JSON, MST_CLI_NDJSON, MST_CLI_CSV };

struct mst_cli;

/* One verb of a command, or of the command itself when `name` is "". */
struct mst_verb {
	const char *name;
	const char *usage; /* what follows the verb: "ID|IP|MAC|NAME" */
	const char *help;
	size_t min_words, max_words; /* words after the verb; max 0 with min 0: none; SIZE_MAX: any number */
	/* 0 or a code with err; exit statuses that are no error (partial) go to cli->exit_status. */
	int (*run)(struct mst_cli *cli, struct mst_err *err);
};

/* One command. Verbs end with a row without run; the first row is what the command does without a verb. */
struct mst_command {
	const char *name;
	const char *group; /* heading in --help */
	const char *summary;
	const char *example;
	const char *help; /* paragraphs for `muster help COMMAND`; may be NULL */
	const struct mst_verb *verbs;
	const struct mst_arg_option *options;
	/* Called with each word after the command's name; may add a table of options. NULL: none. */
	int (*on_word)(struct mst_cli *cli, size_t index, const char *word, struct mst_err *err);
};

struct mst_cli {
	struct mst_target target;
	enum mst_cli_format format;
	bool quiet;
	bool out_tty, err_tty, colour, err_colour;
	size_t width;     /* of the terminal on stdout; 0: no limit */
	size_t err_width; /* of the terminal on stderr */
	struct mst_args args;
	const struct mst_command *command;
	const struct mst_verb *verb;
	const char **words; /* after command and verb */
	size_t word_count;
	int exit_status;
	struct mst_client client;
	bool connected;
	/* scan: the manifests, the method that was named, and its options as a table. */
	struct mst_plugin_list plugins;
	bool plugins_loaded;
	const struct mst_method *method;
	struct mst_arg_option *method_options;
	char **method_texts;
	size_t method_text_count;
};

/* commands.c */
extern const struct mst_command *const mst_commands[]; /* NULL-terminated */
extern const struct mst_arg_option mst_global_options[];
const struct mst_command *mst_command_find(const char *name);
/* MST_E_USAGE that names `word` and the nearest command. */
int mst_command_unknown(const char *word, struct mst_err *err);
/* MST_E_USAGE that names `word` and the nearest of the command's verbs. */
int mst_command_no_verb(const struct mst_command *command, const char *word, struct mst_err *err);

/* cli.c: a whole call; returns the exit status. */
int mst_cli_main(int argc, char **argv);
/* Value of an option, NULL when not given. */
const char *mst_cli_option(const struct mst_cli *cli, const char *name);
bool mst_cli_has(const struct mst_cli *cli, const char *name);
/* Connects on first use; says which private store it is unless --quiet. */
int mst_cli_connect(struct mst_cli *cli, struct mst_err *err);
/* Connects when needed and calls. As mst_client_call. */
int mst_cli_call(struct mst_cli *cli, const char *method, const char *path, struct json_object *body,
                 struct json_object **out, struct mst_err *err);
/* A whole listing as an array, read as a stream; at most `most` items. Caller puts *out. */
int mst_cli_list(struct mst_cli *cli, const char *path, size_t most, struct json_object **out, struct mst_err *err);
/* "/v1/runs/" + encoded word + tail; the caller frees. */
char *mst_cli_path(const char *before, const char *word, const char *after);
/* A line on stderr unless --quiet; the text's own control characters are kept out by the caller. */
void mst_cli_note(const struct mst_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Loads the manifests of the plugins once; plugins that cannot be described are named on stderr when `loud`. */
int mst_cli_plugins(struct mst_cli *cli, bool loud, struct mst_err *err);
/* Where programs and plugins are, --plugin-dir applied. */
struct mst_paths;
int mst_cli_paths(const struct mst_cli *cli, struct mst_paths *paths, struct mst_err *err);

/* cmd_config.c: the file that the service here would read, allocated; NULL: none, defaults apply. */
char *mst_cli_config_path(const struct mst_cli *cli);
/* Reads it with the options of the methods that are here. Faults as in mst_settings_load; free both in any case. */
struct mst_settings;
struct mst_faults;
int mst_cli_settings(struct mst_cli *cli, const char *path, struct mst_settings *settings, struct mst_faults *faults,
                     struct mst_err *err);

/* help.c */
void mst_help_all(const struct mst_cli *cli);
int mst_help_command(struct mst_cli *cli, const struct mst_command *command, struct mst_err *err);
/* Rows of an option table. */
void mst_help_options(const struct mst_cli *cli, const struct mst_arg_option *options);

/* cmd_config.c: names of the profiles or zones of the configuration here, one a line; for completion. */
int mst_config_names(struct mst_cli *cli, bool zones, struct mst_err *err);

/* The commands, one file each. */
extern const struct mst_command mst_command_status, mst_command_scan, mst_command_import, mst_command_interfaces,
        mst_command_runs, mst_command_profiles, mst_command_labels, mst_command_locations, mst_command_zones,
        mst_command_secrets, mst_command_plugins, mst_command_config, mst_command_completion, mst_command_help,
        mst_command_store, mst_command_coverage;

#endif
