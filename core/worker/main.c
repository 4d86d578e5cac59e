/* SPDX-License-Identifier: Apache-2.0 */
/* muster-worker: one plugin, one task, one short life. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"
#include "plugin/control.h"
#include "plugin/gate.h"
#include "plugin/line.h"
#include "store/filter.h"
#include "worker/worker.h"

#define CONTRACT_DEADLINE_MS 120000

static struct json_object *import_job;

struct json_object *mst_worker_job(void)
{
	return import_job;
}

static int say(int fd, const char *text)
{
	return mst_file_write_all(fd, text, strlen(text), "standard output", NULL);
}

static int print_manifest(const struct mst_manifest *manifest)
{
	struct json_object *json = mst_manifest_to_json(manifest);
	const char *text = mst_json_string(json, NULL);
	int status = text ? say(mst_worker_stdout, text) : MST_E_NO_MEMORY;
	if (status == MST_OK)
		status = say(mst_worker_stdout, "\n");
	json_object_put(json);
	return status;
}

/* What both subcommands that are run by hand do before they load a plugin. */
static int prepare_by_hand(int64_t deadline_ms, struct mst_err *err)
{
	struct mst_ritual ritual = {.keep_output = true, .deadline_ms = deadline_ms};
	mst_ritual_first(&ritual);
	mst_log_setup("muster-worker", MST_LOG_WARNING); /* what is printed from here on is the plugin's */
	int status = mst_control_start(-1, -1, deadline_ms, err);
	return status == MST_OK ? mst_ritual_second(&ritual, err) : status;
}

int mst_worker_describe(int argc, char **argv)
{
	struct mst_plugin_tables tables;
	struct mst_manifest manifest = {0};
	struct mst_err err = {0};
	(void)argc;
	int status = prepare_by_hand(MST_DESCRIBE_DEADLINE_MS, &err);
	if (status == MST_OK)
		status = mst_plugin_load(argv[1], &tables, &manifest, &err);
	if (status == MST_OK) {
		status = print_manifest(&manifest);
	} else {
		say(mst_worker_stderr, err.text);
		say(mst_worker_stderr, "\n");
	}
	mst_manifest_free(&manifest);
	return status;
}

static int contract(int argc, char **argv)
{
	struct mst_err err = {0};
	int status = prepare_by_hand(CONTRACT_DEADLINE_MS, &err);
	if (status == MST_OK)
		return mst_worker_contract(argc, argv);
	say(mst_worker_stderr, err.text);
	say(mst_worker_stderr, "\n");
	return status;
}

/* For programs that must judge a label's condition without a store and without its libraries. */
static int filter(int argc, char **argv)
{
	struct mst_err err = {0};
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	bson_t parsed;
	(void)argc;
	int status = mst_filter_parse(argv[1], columns, count, mst_time_now(), &parsed, &err);
	if (status == MST_OK)
		bson_destroy(&parsed);
	else if (puts(err.text) < 0 || fflush(stdout) != 0)
		return MST_E_FAILED;
	return status;
}

static void on_log(void *data, int level, const char *room, const char *line)
{
	(void)data;
	(void)room;
	mst_line_log(MST_WORKER_LINE_FD, level, line);
}

/* The store's own directory and the spool are all that an importer may write to. */
static int prepare_import(struct mst_ritual *ritual, char *store_dir, size_t size, struct mst_err *err)
{
	int status = mst_job_read(MST_WORKER_JOB_FD, &import_job, err);
	if (status != MST_OK)
		return status;
	struct json_object *store = mst_json_object(import_job, "store");
	const char *path = store ? mst_json_text(store, "path", "") : "";
	const char *spool = mst_json_text(import_job, "spool", "");
	const char *slash = strrchr(path, '/');
	size_t dirs = 0;
	if ((*path && *path != '/') || (*spool && *spool != '/') || strlen(path) >= size)
		return mst_err_set(err, MST_E_USAGE, "job: the store's path and the spool must be absolute");
	if (slash) {
		snprintf(store_dir, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
		ritual->write_dirs[dirs++] = store_dir;
	}
	if (*spool)
		ritual->write_dirs[dirs++] = spool;
	ritual->deadline_ms = mst_json_int(import_job, "deadline_ms", 0);
	status = mst_control_start(MST_WORKER_JOB_FD, MST_WORKER_LINE_FD, ritual->deadline_ms, err);
	return status == MST_OK ? mst_ritual_second(ritual, err) : status;
}

static int import(int argc, char **argv)
{
	struct mst_ritual ritual = {.pipes = true, .keep_caps = true, .big_files = true};
	struct mst_err err = {0};
	char store_dir[4096];
	mst_ritual_first(&ritual);
	mst_log_set_sink(on_log, NULL);
	int status = prepare_import(&ritual, store_dir, sizeof store_dir, &err);
	if (status == MST_OK)
		status = mst_worker_import(argc, argv);
	else
		mst_line_end(MST_WORKER_LINE_FD, status, err.text, -1);
	json_object_put(import_job);
	return status;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	enum { NOTHING, A_FILE, A_TEXT, THREE_FILES } takes; /* files: absolute paths */
	const char *help;
} commands[] = {
        {"describe", mst_worker_describe, A_FILE, "FILE.so   print the plugin's manifest as JSON"},
        {"contract", contract, A_FILE, "FILE.so   run the contract suite over the plugin"},
        {"filter", filter, A_TEXT, "FILTER    say what is wrong with a filter over interfaces"},
        {"restore", mst_worker_restore, THREE_FILES, "PLUGIN.so BACKUP STORE   put a backup in the place of a store"},
        {"plan", mst_worker_discovery, NOTHING, "          divide a run into shards"},
        {"run", mst_worker_discovery, NOTHING, "          do one shard"},
        {"read", mst_worker_discovery, NOTHING, "          read an operator's file"},
        {"check", mst_worker_discovery, NOTHING, "          test a connection"},
        {"import", import, NOTHING, "          fold spool segments into the store"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static int usage(FILE *out, int status)
{
	fputs("Usage: muster-worker COMMAND [FILE.so]\n"
	      "One plugin, one task, one process. All but describe, contract, filter and restore are started by musterd, which gives the job on\n"
	      "descriptor 3 and reads JSON lines on descriptor 5.\n\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\nExit status: 0 done, 1 failed, 2 usage, 3 partial, 4 not found, 5 refused, 130 cancelled.\n", out);
	return mst_code_exit(status);
}

static const struct command *find_command(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		static const int words[] = {[NOTHING] = 2, [A_FILE] = 3, [A_TEXT] = 3, [THREE_FILES] = 5};
		bool good = argc == words[commands[i].takes];
		for (int word = 2; good && word < argc && commands[i].takes != A_TEXT; word++)
			good = argv[word][0] == '/';
		return good ? &commands[i] : NULL;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	mst_log_setup("muster-worker", MST_LOG_INFO);
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, MST_OK);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("muster-worker " MST_VERSION) < 0;
	const struct command *command = find_command(argc, argv);
	if (!command)
		return usage(stderr, MST_E_USAGE);
	int status = command->run(argc - 1, argv + 1);
	/* No exit handler of a plugin or its libraries runs: what had to be kept was written, and the last line was sent. */
	_exit(mst_code_exit(status));
}
