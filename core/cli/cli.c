/* SPDX-License-Identifier: Apache-2.0 */
/* One call of `muster`: read the words, find the command, run it, say how it went. */
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/output.h"
#include "conf/word.h"

const char *mst_cli_option(const struct mst_cli *cli, const char *name)
{
	return mst_args_get(&cli->args, name);
}

bool mst_cli_has(const struct mst_cli *cli, const char *name)
{
	return mst_args_has(&cli->args, name);
}

void mst_cli_note(const struct mst_cli *cli, const char *format, ...)
{
	va_list args;

	if (cli->quiet)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int mst_cli_connect(struct mst_cli *cli, struct mst_err *err)
{
	int rc;

	if (cli->connected)
		return MST_OK;
	rc = mst_client_open(&cli->client, &cli->target, !cli->quiet && cli->command != &mst_command_status, err);
	cli->connected = rc == MST_OK;
	return rc;
}

int mst_cli_call(struct mst_cli *cli, const char *method, const char *path, struct json_object *body,
                 struct json_object **out, struct mst_err *err)
{
	int rc = mst_cli_connect(cli, err);

	return rc == MST_OK ? mst_client_call(&cli->client, method, path, body, out, err) : rc;
}

struct gather {
	struct json_object *array;
	size_t most;
};

static int gather_item(void *data, struct json_object *item)
{
	struct gather *gather = data;

	if (json_object_array_length(gather->array) >= gather->most)
		return MST_E_END;
	return json_object_array_add(gather->array, json_object_get(item)) == 0 ? MST_OK : MST_E_NO_MEMORY;
}

int mst_cli_list(struct mst_cli *cli, const char *path, size_t most, struct json_object **out, struct mst_err *err)
{
	struct gather gather = {.array = json_object_new_array(), .most = most};
	int rc = gather.array ? mst_cli_connect(cli, err) : mst_err_no_memory(err);

	*out = NULL;
	if (rc == MST_OK)
		rc = mst_client_lines(&cli->client, path, gather_item, &gather, err);
	if (rc == MST_OK || rc == MST_E_END) {
		*out = gather.array;
		return MST_OK;
	}
	json_object_put(gather.array);
	return rc;
}

char *mst_cli_path(const char *before, const char *word, const char *after)
{
	struct mst_buf path;

	mst_buf_init(&path, 32768);
	mst_buf_str(&path, before);
	mst_http_encode(&path, word);
	mst_buf_str(&path, after);
	return path.failed ? (mst_buf_free(&path), NULL) : mst_buf_take(&path);
}

int mst_cli_paths(const struct mst_cli *cli, struct mst_paths *paths, struct mst_err *err)
{
	/* Asked for while the words are still being read as well, when the method's options are needed. */
	const char *directory = mst_cli_option(cli, "plugin-dir");
	int rc = mst_paths_find(paths, err);

	if (rc == MST_OK && directory) {
		char *whole = realpath(directory, NULL);

		if (!whole || strlen(whole) >= sizeof(paths->plugin_dir))
			rc = mst_err_errno(err, whole ? ENAMETOOLONG : errno, "--plugin-dir %s", directory);
		else
			snprintf(paths->plugin_dir, sizeof(paths->plugin_dir), "%s", whole);
		free(whole);
	}
	return rc;
}

/* Where the manifests of the last call are kept: describing costs a process per plugin. NULL: nowhere. */
static char *cache_file(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *folder = NULL, *file = NULL;

	if (cache && cache[0] == '/')
		folder = mst_str_printf("%s/muster", cache);
	else if (home && home[0] == '/')
		folder = mst_str_printf("%s/.cache/muster", home);
	if (folder && mst_file_mkdirs(folder, 0700, NULL) == MST_OK)
		file = mst_str_printf("%s/plugins.json", folder);
	free(folder);
	return file;
}

int mst_cli_plugins(struct mst_cli *cli, bool loud, struct mst_err *err)
{
	struct mst_paths paths;
	char *cache;
	int rc;

	if (cli->plugins_loaded)
		return MST_OK;
	rc = mst_cli_paths(cli, &paths, err);
	if (rc != MST_OK)
		return rc;
	cache = cache_file();
	rc = mst_plugin_list_load(&cli->plugins, paths.plugin_dir, paths.worker, cache, err);
	free(cache);
	if (rc != MST_OK)
		return rc;
	cli->plugins_loaded = true;
	for (size_t i = 0; loud && i < cli->plugins.fault_count; i++) {
		fputs("muster: ", stderr);
		mst_out_text(stderr, cli->plugins.faults[i].text);
		fputc('\n', stderr);
	}
	return MST_OK;
}

static int on_word(void *data, struct mst_args *args, const char *word, struct mst_err *err)
{
	struct mst_cli *cli = data;
	int rc = MST_OK;

	if (args->word_count == 0) {
		cli->command = mst_command_find(word);
		if (!cli->command)
			return mst_command_unknown(word, err);
		if (cli->command->options)
			rc = mst_args_add_table(args, cli->command->options, err);
	} else if (cli->command->on_word) {
		rc = cli->command->on_word(cli, args->word_count - 1, word, err);
	}
	return rc;
}

static int find_verb(struct mst_cli *cli, struct mst_err *err)
{
	const struct mst_verb *verbs = cli->command->verbs;
	size_t used = cli->args.word_count ? 1 : 0;
	const char *word = cli->args.word_count > 1 ? cli->args.words[1] : "";

	cli->verb = &verbs[0];
	for (const struct mst_verb *verb = verbs; word[0] && verb->run; verb++) {
		if (strcmp(verb->name, word) != 0)
			continue;
		cli->verb = verb;
		used++;
		break;
	}
	cli->words = cli->args.words + used;
	cli->word_count = cli->args.word_count - used;
	if (cli->word_count < cli->verb->min_words)
		return mst_err_set(err, MST_E_USAGE, "usage: muster %s%s%s %s", cli->command->name,
		                   cli->verb->name[0] ? " " : "", cli->verb->name, cli->verb->usage);
	if (cli->word_count > cli->verb->max_words) {
		char shown[MST_SHOWN];

		if (!cli->verb->name[0] && cli->command->verbs[1].run)
			return mst_command_no_verb(cli->command, cli->words[cli->verb->max_words], err);
		mst_conf_show(cli->words[cli->verb->max_words], shown);
		return mst_err_set(err, MST_E_USAGE, "\"%s\" is one word too many: usage: muster %s%s%s %s", shown,
		                   cli->command->name, cli->verb->name[0] ? " " : "", cli->verb->name,
		                   cli->verb->usage);
	}
	return MST_OK;
}

static size_t terminal_width(int fd)
{
	struct winsize size;

	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20 ? size.ws_col : 80;
}

static int global_options(struct mst_cli *cli, struct mst_err *err)
{
	const char *color = mst_cli_option(cli, "color"), *none = getenv("NO_COLOR"), *columns = getenv("COLUMNS");
	bool always = color && strcmp(color, "always") == 0, never = color && strcmp(color, "never") == 0;
	uint64_t width;

	cli->target.server = mst_cli_option(cli, "server");
	cli->target.store = mst_cli_option(cli, "store");
	cli->target.config = mst_cli_option(cli, "config");
	cli->target.plugin_dir = mst_cli_option(cli, "plugin-dir");
	cli->target.private_store = mst_cli_has(cli, "private");
	cli->quiet = mst_cli_has(cli, "quiet");
	if (mst_cli_has(cli, "json") + mst_cli_has(cli, "ndjson") + mst_cli_has(cli, "csv") > 1)
		return mst_err_set(err, MST_E_USAGE, "only one of --json, --ndjson and --csv can be had");
	cli->format = mst_cli_has(cli, "json")     ? MST_CLI_JSON
	              : mst_cli_has(cli, "ndjson") ? MST_CLI_NDJSON
	              : mst_cli_has(cli, "csv")    ? MST_CLI_CSV
	                                           : MST_CLI_TABLE;
	if (color && !always && !never && strcmp(color, "auto") != 0)
		return mst_err_set(err, MST_E_USAGE, "--color is one of auto, always, never");
	cli->out_tty = isatty(STDOUT_FILENO) == 1;
	cli->err_tty = isatty(STDERR_FILENO) == 1;
	cli->colour = always || (!never && cli->out_tty && !(none && none[0]));
	cli->err_colour = always || (!never && cli->err_tty && !(none && none[0]));
	if (columns && mst_str_uint(columns, 10000, &width) && width >= 20)
		cli->width = (size_t)width;
	else if (cli->out_tty)
		cli->width = terminal_width(STDOUT_FILENO);
	cli->err_width = cli->err_tty ? terminal_width(STDERR_FILENO) : 0;
	return MST_OK;
}

static int run(struct mst_cli *cli, int argc, char **argv, struct mst_err *err)
{
	int rc;

	cli->args.on_word = on_word;
	cli->args.data = cli;
	rc = mst_args_add_table(&cli->args, mst_global_options, err);
	if (rc == MST_OK)
		rc = mst_args_parse(&cli->args, argc - 1, argv + 1, err);
	if (rc == MST_OK)
		rc = global_options(cli, err);
	if (rc != MST_OK)
		return rc;
	if (mst_cli_has(cli, "version")) {
		printf("Muster " MST_VERSION "\n");
		return MST_OK;
	}
	if (mst_cli_has(cli, "help") && !cli->command) {
		mst_help_all(cli);
		return MST_OK;
	}
	if (!cli->command)
		cli->command = &mst_command_status;
	if (mst_cli_has(cli, "help"))
		return mst_help_command(cli, cli->command, err);
	rc = find_verb(cli, err);
	return rc == MST_OK ? cli->verb->run(cli, err) : rc;
}

static void cleanup(struct mst_cli *cli)
{
	if (cli->connected)
		mst_client_close(&cli->client);
	if (cli->plugins_loaded)
		mst_plugin_list_free(&cli->plugins);
	for (size_t i = 0; i < cli->method_text_count; i++)
		free(cli->method_texts[i]);
	free(cli->method_texts);
	free(cli->method_options);
	mst_args_free(&cli->args);
}

/* Output that did not reach its file is a failure, whatever the command said. */
static int finish(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "muster: the output could not be written: %s\n", strerror(errno));
		return status == 0 ? 1 : status;
	}
	return status;
}

int mst_cli_main(int argc, char **argv)
{
	struct mst_cli cli = {0};
	struct mst_err err;
	int rc;

	mst_err_clear(&err);
	/* A reader that has seen enough ends us silently, also when our parent ignored the signal. */
	signal(SIGPIPE, SIG_DFL);
	mst_args_init(&cli.args);
	rc = run(&cli, argc, argv, &err);
	if (rc != MST_OK) {
		fflush(stdout);
		fputs("muster: ", stderr);
		mst_out_text(stderr, err.text[0] ? err.text : "it failed, and nothing says why");
		fputc('\n', stderr);
		cli.exit_status = mst_code_exit(rc);
	}
	cleanup(&cli);
	return finish(cli.exit_status);
}
