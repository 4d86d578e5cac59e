/* SPDX-License-Identifier: Apache-2.0 */
/* Every fault of the configuration with its file, its line and the cure. Needs no service. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/json.h"
#include "cli/child.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/plugins.h"
#include "conf/settings.h"

static char *existing(char *path)
{
	struct stat st;

	/* A link that leads nowhere counts as there, as it does for the service. */
	if (path && lstat(path, &st) != 0) {
		free(path);
		return NULL;
	}
	return path;
}

static char *user_config(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && config[0] == '/')
		return existing(mst_str_printf("%s/muster/muster.conf", config));
	return home && home[0] == '/' ? existing(mst_str_printf("%s/.config/muster/muster.conf", home)) : NULL;
}

char *mst_cli_config_path(const struct mst_cli *cli)
{
	char *path = NULL;

	if (cli->target.config)
		return mst_str_dup(cli->target.config);
	if (!cli->target.private_store && !cli->target.store) {
		path = existing(mst_str_dup(MST_SYSCONFDIR "/muster.conf"));
		path = path ? path : existing(mst_str_dup("/etc/muster/muster.conf"));
	}
	return path ? path : user_config();
}

static char worker[PATH_MAX], said[MST_ERR_TEXT];

static void keep_line(void *data, const char *text)
{
	(void)data;
	snprintf(said, sizeof(said), "%s", text);
}

/* The grammar of a label's condition is the store's, whose library this program does not link: the worker program judges. */
static int check_when(const char *when, struct mst_err *err)
{
	const char *const argv[] = {worker, "filter", when, NULL};
	int status = 0, rc;

	said[0] = '\0';
	rc = mst_child_run(argv, MST_DESCRIBE_DEADLINE_MS, keep_line, NULL, &status, err);
	if (rc != MST_OK || status == 0)
		return rc;
	return mst_err_set(err, MST_E_USAGE, "%s", said[0] ? said : "the condition cannot be read");
}

static int use_worker(struct mst_err *err)
{
	struct mst_paths paths;
	int rc = mst_paths_find(&paths, err);

	if (rc == MST_OK) {
		snprintf(worker, sizeof(worker), "%s", paths.worker);
		mst_settings_set_when_check(check_when);
	}
	return rc;
}

static size_t print_faults(const struct mst_cli *cli, const struct mst_faults *faults)
{
	size_t files = 0;

	for (size_t i = 0; i < faults->count; i++) {
		const struct mst_fault *fault = &faults->items[i];
		bool seen = false;

		for (size_t j = 0; j < i; j++)
			seen |= strcmp(faults->items[j].file, fault->file) == 0;
		files += !seen;
		if (cli->format != MST_CLI_TABLE)
			continue;
		mst_out_text(stdout, fault->file);
		if (fault->line > 0)
			printf(":%d", fault->line);
		fputs(": ", stdout);
		mst_out_text(stdout, fault->text);
		putchar('\n');
	}
	return files;
}

static void faults_json(const struct mst_cli *cli, const struct mst_faults *faults)
{
	static const char *const columns[] = {"file", "line", "text"};
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < faults->count; i++) {
		struct json_object *item = json_object_new_object();

		mst_json_put(item, "file", json_object_new_string(faults->items[i].file));
		mst_json_put(item, "line", json_object_new_int(faults->items[i].line));
		mst_json_put(item, "text", json_object_new_string(faults->items[i].text));
		mst_json_push(list, item);
	}
	mst_out_array(cli, list, columns, 3);
	json_object_put(list);
}

static const struct mst_method_def *const *method_defs(const struct mst_cli *cli, size_t *count)
{
	const struct mst_method_def **defs;
	size_t n = 0;

	for (size_t i = 0; i < cli->plugins.count; i++)
		n += cli->plugins.plugins[i].method_count;
	defs = calloc(n + 1, sizeof(const struct mst_method_def *));
	*count = 0;
	for (size_t i = 0; defs && i < cli->plugins.count; i++)
		for (size_t j = 0; cli->plugins.plugins[i].discovery && j < cli->plugins.plugins[i].method_count; j++)
			defs[(*count)++] = &cli->plugins.plugins[i].methods[j].def;
	return defs;
}

/* What is written there and changes nothing. */
static void note_idle(const struct mst_cli *cli, const struct mst_settings *settings)
{
	for (size_t i = 0; i < settings->idle.count; i++)
		mst_cli_note(cli, "%s:%d: %s", settings->idle.items[i].file, settings->idle.items[i].line,
		             settings->idle.items[i].text);
}

static int verdict(const struct mst_cli *cli, const char *path, const struct mst_settings *settings,
                   const struct mst_faults *faults, struct mst_err *err)
{
	size_t files = print_faults(cli, faults);

	if (cli->format != MST_CLI_TABLE)
		faults_json(cli, faults);
	fflush(stdout);
	if (faults->count > 0)
		return mst_err_set(err, MST_E_USAGE, "%zu fault%s in %zu file%s", faults->count,
		                   faults->count == 1 ? "" : "s", files, files == 1 ? "" : "s");
	note_idle(cli, settings);
	(void)mst_plugins_provision(cli, settings, false, NULL);
	if (cli->format == MST_CLI_TABLE) {
		mst_out_text(stdout, path ? path : "no configuration file; the defaults");
		printf(": no fault (%zu profile%s, %zu zone%s, %zu label rule%s)\n", settings->profile_count,
		       settings->profile_count == 1 ? "" : "s", settings->zone_count,
		       settings->zone_count == 1 ? "" : "s", settings->label_count,
		       settings->label_count == 1 ? "" : "s");
	}
	return MST_OK;
}

int mst_cli_settings(struct mst_cli *cli, const char *path, struct mst_settings *settings, struct mst_faults *faults,
                     struct mst_err *err)
{
	const struct mst_method_def *const *defs;
	size_t count = 0;
	int rc = mst_cli_plugins(cli, true, err);

	if (rc == MST_OK)
		rc = use_worker(err);
	if (rc != MST_OK)
		return rc;
	defs = method_defs(cli, &count);
	rc = defs ? mst_settings_load(settings, path, defs, count, faults, err) : mst_err_no_memory(err);
	free((void *)(uintptr_t)defs);
	return rc;
}

int mst_config_names(struct mst_cli *cli, bool zones, struct mst_err *err)
{
	const struct mst_method_def *const *defs;
	struct mst_settings settings = {0};
	struct mst_faults faults = {0};
	char *path = mst_cli_config_path(cli);
	size_t count = 0;
	int rc = mst_cli_plugins(cli, false, err);

	defs = rc == MST_OK ? method_defs(cli, &count) : NULL;
	/* With faults, what could be read is still worth offering. */
	if (defs)
		(void)mst_settings_load(&settings, path, defs, count, &faults, err);
	for (size_t i = 0; i < (zones ? settings.zone_count : settings.profile_count); i++)
		puts(zones ? settings.zones[i].name : settings.profiles[i].name);
	mst_settings_free(&settings);
	mst_faults_free(&faults);
	free((void *)(uintptr_t)defs);
	free(path);
	return MST_OK;
}

static int run_check(struct mst_cli *cli, struct mst_err *err)
{
	struct mst_settings settings = {0};
	struct mst_faults faults = {0};
	char *path = cli->word_count > 0 ? mst_str_dup(cli->words[0]) : mst_cli_config_path(cli);
	int rc = mst_cli_settings(cli, path, &settings, &faults, err);

	if (rc == MST_OK || faults.count > 0)
		rc = verdict(cli, path, &settings, &faults, err);
	mst_settings_free(&settings);
	mst_faults_free(&faults);
	free(path);
	return rc;
}

/* The first profile of a method has come, or the last has gone: its programs as well. `notes`: also what has no effect. */
static int provision(struct mst_cli *cli, bool act, bool notes, struct mst_err *err)
{
	struct mst_settings settings = {0};
	struct mst_faults faults = {0};
	char *path = cli->word_count > 0 ? mst_str_dup(cli->words[0]) : mst_cli_config_path(cli);
	int rc = mst_cli_settings(cli, path, &settings, &faults, err);

	if (rc == MST_OK && notes)
		note_idle(cli, &settings);
	if (rc == MST_OK)
		rc = mst_plugins_provision(cli, &settings, act, err);
	mst_settings_free(&settings);
	mst_faults_free(&faults);
	free(path);
	return rc;
}

static void counted(struct json_object *answer, const char *key, const char *one, const char *many, const char *after)
{
	int64_t n = mst_json_int(answer, key, 0);
	char number[MST_FORMAT_SIZE];

	printf("%s %s%s", mst_format_number(n, number), n == 1 ? one : many, after);
}

static void say_reloaded(const struct mst_cli *cli, struct json_object *answer)
{
	const char *config = mst_json_text(answer, "config", "");
	struct json_object *later = mst_json_array(answer, "after_restart");

	mst_out_text(stdout, config[0] ? config : "no configuration file; the defaults");
	fputs(": in force: ", stdout);
	counted(answer, "profiles", "profile", "profiles", ", ");
	counted(answer, "zones", "zone", "zones", ", ");
	counted(answer, "labels", "label rule", "label rules", ", ");
	counted(answer, "never_scan", "never_scan entry", "never_scan entries", ", ");
	counted(answer, "scan_only", "scan_only entry", "scan_only entries", "\n");
	fflush(stdout);
	for (size_t i = 0; later && i < json_object_array_length(later); i++)
		mst_cli_note(cli, "%s changed, which takes effect when the service is started anew",
		             json_object_get_string(json_object_array_get_idx(later, i)));
}

static int run_reload(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *answer = NULL;
	int rc = mst_cli_call(cli, "POST", "/v1/reload", NULL, &answer, err);

	if (rc == MST_OK && cli->format == MST_CLI_TABLE)
		say_reloaded(cli, answer);
	else if (rc == MST_OK)
		(cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(answer);
	json_object_put(answer);
	return rc == MST_OK ? provision(cli, cli->format == MST_CLI_TABLE, true, err) : rc;
}

/* musterd runs this as root when it starts and at SIGHUP. What it installs is for everybody, whatever the caller's umask. */
static int run_provision(struct mst_cli *cli, struct mst_err *err)
{
	(void)umask(022);
	return provision(cli, true, false, err);
}

static int run_nothing(struct mst_cli *cli, struct mst_err *err)
{
	return mst_help_command(cli, cli->command, err);
}

static const struct mst_verb verbs[] = {
        {"", "", "this help", 0, 0, run_nothing},
        {"check", "[FILE]", "every fault with file, line and cure; also the files of conf.d beside it", 0, 1,
         run_check},
        {"reload", "", "the service reads its configuration again; with a fault in it, the old one stays in force", 0,
         0, run_reload},
        {"provision", "[FILE]",
         "the programs that profiles need: says what is missing or left over; as root and with provision = auto, installs "
         "or removes it",
         0, 1, run_provision},
        {0},
};
const struct mst_command mst_command_config = {
        .name = "config",
        .group = "This machine",
        .summary = "check the configuration, make the service read it again",
        .example = "muster config check /etc/muster/muster.conf",
        .verbs = verbs,
};
