/* SPDX-License-Identifier: Apache-2.0 */
/* The store: how large it is and how it grows, a backup of it, a look at all of it. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/store.h"

#define POLL_MS    150
#define LABEL_WIDE 11

void mst_store_progress(const struct mst_cli *cli, const char *word, int64_t done, int64_t total)
{
	if (!cli->err_tty || cli->quiet)
		return;
	if (!word)
		fputs("\r\033[K", stderr);
	else if (total > 0)
		fprintf(stderr, "\r\033[K%s %d %%", word, (int)(100 * done / total));
	else
		fprintf(stderr, "\r\033[K%s", word);
	fflush(stderr);
}

static const char *part_word(struct json_object *task)
{
	const char *part = mst_json_text(task, "part", "");

	return strcmp(part, "copy") == 0        ? "copying and checking the store"
	       : strcmp(part, "pages") == 0     ? "reading every page"
	       : strcmp(part, "documents") == 0 ? "comparing documents"
	                                        : "starting";
}

void mst_store_task_drop(struct mst_cli *cli, struct json_object *task)
{
	char *path = mst_cli_path("/v1/store/tasks/", mst_json_text(task, "task", ""), "");

	if (path)
		(void)mst_cli_call(cli, "DELETE", path, NULL, NULL, NULL);
	free(path);
}

int mst_store_task(struct mst_cli *cli, const char *kind, struct json_object **task, struct mst_err *err)
{
	char *start = mst_cli_path("/v1/store/", kind, ""), *path = NULL;
	int rc;

	mst_interrupts_take();
	rc = start ? mst_cli_call(cli, "POST", start, NULL, task, err) : mst_err_no_memory(err);

	free(start);
	if (rc != MST_OK)
		return rc;
	path = mst_cli_path("/v1/store/tasks/", mst_json_text(*task, "task", ""), "");
	while (path && rc == MST_OK && strcmp(mst_json_text(*task, "state", ""), "running") == 0) {
		struct json_object *next = NULL;

		mst_store_progress(cli, part_word(*task), mst_json_int(*task, "done", 0),
		                   mst_json_int(*task, "total", 0));
		(void)poll(NULL, 0, POLL_MS);
		if (mst_interrupts() > 0) {
			mst_store_task_drop(cli, *task);
			rc = mst_err_set(err, MST_E_CANCELLED, "interrupted");
			break;
		}
		rc = mst_cli_call(cli, "GET", path, NULL, &next, err);
		if (rc == MST_OK) {
			json_object_put(*task);
			*task = next;
		}
	}
	mst_store_progress(cli, NULL, 0, 0);
	free(path);
	if (rc == MST_OK && strcmp(mst_json_text(*task, "state", ""), "failed") == 0)
		rc = mst_err_set(err, mst_code_from_name(mst_json_text(*task, "error", "failed")), "%s",
		                 mst_json_text(*task, "text", "it failed"));
	return rc;
}

static void label(const char *text)
{
	printf("%-*s", LABEL_WIDE, text);
}

static void show_growth(struct json_object *store)
{
	struct json_object *growth = mst_json_object(store, "growth");
	int64_t per_day = mst_json_int(growth, "per_day", 0), left = mst_json_int(growth, "days_left", -1);
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE];

	label("growth");
	if (!mst_json_bool(growth, "known", false)) {
		puts("not known yet: one sample a day is kept, and two are needed");
		return;
	}
	printf("%s%s/day over %" PRId64 " days", per_day < 0 ? "-" : "+",
	       mst_format_bytes(per_day < 0 ? -per_day : per_day, a), mst_json_int(growth, "days", 0));
	if (left >= 0)
		printf("; %s left on the disk are full in %s days", mst_format_bytes(mst_json_int(store, "free", 0), a),
		       mst_format_number(left, b));
	putchar('\n');
}

static void show_kept(struct json_object *store)
{
	static const char *const words[] = {"observations", "lost", "runs", "spool"};
	struct json_object *retention = mst_json_object(store, "retention");
	char text[MST_FORMAT_SIZE];

	label("kept");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int64_t kept = mst_json_int(retention, words[i], 0);

		if (kept > 0)
			mst_str_format_duration(kept, text, sizeof(text));
		printf("%s%s %s", i ? ", " : "", words[i], kept > 0 ? text : "for ever");
	}
	putchar('\n');
}

static int show_collections(struct mst_cli *cli, struct json_object *store, struct mst_err *err)
{
	struct json_object *list = mst_json_array(store, "collections");
	struct mst_table table;
	char text[MST_FORMAT_SIZE];

	putchar('\n');
	mst_table_init(&table);
	mst_table_add_column(&table, "collection", 0, 10, false);
	mst_table_add_column(&table, "documents", 0, 9, true);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		mst_table_add(&table, mst_json_text(item, "name", ""), MST_STYLE_NONE);
		mst_table_add(&table, mst_format_number(mst_json_int(item, "documents", 0), text), MST_STYLE_NONE);
	}
	return mst_out_table(cli, &table, err);
}

static int show_stats(struct mst_cli *cli, struct json_object *store, struct mst_err *err)
{
	struct json_object *spool = mst_json_object(store, "spool");
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE];

	label("store");
	printf("%s ", mst_json_text(store, "kind", ""));
	mst_out_text(stdout, mst_json_text(store, "path", ""));
	putchar('\n');
	label("size");
	printf("%s", mst_format_bytes(mst_json_int(store, "bytes", 0), a));
	if (mst_json_int(store, "reusable", -1) >= 0)
		printf(", of it %s free for new data", mst_format_bytes(mst_json_int(store, "reusable", 0), a));
	if (mst_json_int(store, "free", -1) >= 0)
		printf("; %s left on its disk", mst_format_bytes(mst_json_int(store, "free", 0), a));
	putchar('\n');
	show_growth(store);
	label("spool");
	printf("%s of at most %s\n", mst_format_bytes(mst_json_int(spool, "bytes", 0), a),
	       mst_format_bytes(mst_json_int(spool, "limit", 0), b));
	show_kept(store);
	if (mst_json_int(store, "history_from", 0) > 0) {
		label("history");
		printf("whole since %s\n", mst_format_time(mst_json_int(store, "history_from", 0), a));
	}
	return show_collections(cli, store, err);
}

static int run_stats(struct mst_cli *cli, struct mst_err *err)
{
	static const char *const columns[] = {"name", "documents"};
	struct json_object *store = NULL;
	int rc = mst_cli_call(cli, "GET", "/v1/store", NULL, &store, err);

	if (rc != MST_OK)
		return rc;
	if (cli->format == MST_CLI_CSV)
		mst_out_array(cli, mst_json_array(store, "collections"), columns, 2);
	else if (cli->format != MST_CLI_TABLE)
		(cli->format == MST_CLI_JSON ? mst_out_json : mst_out_line)(store);
	else
		rc = show_stats(cli, store, err);
	json_object_put(store);
	return rc;
}

static void say_sound(struct json_object *task)
{
	struct json_object *documents = mst_json_object(task, "documents");
	char number[MST_FORMAT_SIZE];
	int64_t sum = 0;

	json_object_object_foreach(documents, name, value)
	{
		(void)name;
		sum += json_object_get_int64(value);
	}
	printf("sound: every page was read, and %s documents agree\n", mst_format_number(sum, number));
}

static void say_findings(struct json_object *findings, int64_t left_out)
{
	for (size_t i = 0; findings && i < json_object_array_length(findings); i++) {
		struct json_object *item = json_object_array_get_idx(findings, i);

		mst_out_text(stdout, mst_json_text(item, "where", ""));
		fputs(": ", stdout);
		mst_out_text(stdout, mst_json_text(item, "text", ""));
		putchar('\n');
	}
	if (left_out > 0)
		printf("and %" PRId64 " more\n", left_out);
}

static int run_verify(struct mst_cli *cli, struct mst_err *err)
{
	static const char *const columns[] = {"status", "where", "text"};
	struct json_object *task = NULL, *findings;
	size_t count;
	int rc = mst_store_task(cli, "verify", &task, err);

	findings = mst_json_array(task, "findings");
	count = findings ? json_object_array_length(findings) : 0;
	if (rc == MST_OK) {
		if (cli->format == MST_CLI_CSV)
			mst_out_array(cli, findings, columns, 3);
		else if (cli->format != MST_CLI_TABLE)
			(cli->format == MST_CLI_JSON ? mst_out_json : mst_out_line)(task);
		else if (count == 0 && mst_json_object(task, "documents"))
			say_sound(task);
		else
			say_findings(findings, mst_json_int(task, "left_out", 0));
		mst_store_task_drop(cli, task);
	}
	json_object_put(task);
	if (rc == MST_OK && count > 0)
		rc = mst_err_set(
		        err, MST_E_FAILED,
		        "the store is not sound: make a copy of its file, then restore a backup (muster store restore FILE)");
	return rc;
}

static const struct mst_arg_option options[] = {
        {.name = "force", .help = "backup: write over a file that is there"},
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "", "size, growth, what is kept, how many documents", 0, 0, run_stats},
        {"stats", "", "the same", 0, 0, run_stats},
        {"backup", "FILE", "a checked copy of the store as it is now, while everything goes on", 1, 1,
         mst_store_backup_run},
        {"restore", "FILE", "put a backup in the store's place; the old store is kept beside it", 1, 1,
         mst_store_restore_run},
        {"verify", "", "read every page, compare the documents; exit status 1 when anything is wrong", 0, 0,
         run_verify},
        {0},
};
const struct mst_command mst_command_store = {
        .name = "store",
        .group = "Arrange",
        .summary = "size and growth of the store, backup, restore, verify",
        .example = "muster store backup /backup/muster-$(date +%F).db",
        .help = "restore needs the service to be stopped; a private one that is idle is stopped for it. A backup is one SQLite file "
                "when the store is SQLite; keep it as safe as the store itself.",
        .verbs = verbs,
        .options = options,
};
