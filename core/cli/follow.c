/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/follow.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/output.h"

#define POLL_FIRST_MS 60
#define POLL_MS       100 /* an import of half a gigabyte takes two seconds: a quarter of one is felt */
#define SAY_EVERY_MS  10000

static volatile sig_atomic_t interrupts;

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	interrupts++;
}

void mst_interrupts_take(void)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

int mst_interrupts(void)
{
	return interrupts;
}

int mst_run_get(struct mst_cli *cli, const char *key, struct json_object **out, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/runs/", key, "");
	int rc = path ? mst_cli_call(cli, "GET", path, NULL, out, err) : mst_err_no_memory(err);

	free(path);
	return rc;
}

int64_t mst_run_shards(struct json_object *run)
{
	struct json_object *list = mst_json_array(run, "shards");

	if (mst_json_object(run, "progress"))
		return mst_json_int(mst_json_object(run, "progress"), "shards", 0);
	return list ? (int64_t)json_object_array_length(list) : mst_json_int(run, "shards", 0);
}

/* What the shards hold is what is left after exclusions and refusals. */
int64_t mst_run_addresses(struct json_object *run)
{
	struct json_object *list = mst_json_array(run, "shards");
	int64_t sum = 0;

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		sum += mst_json_int(json_object_array_get_idx(list, i), "addresses", 0);
	return sum > 0 ? sum : mst_json_int(run, "addresses", 0);
}

int64_t mst_run_covered(struct json_object *run)
{
	struct json_object *list = mst_json_array(run, "shards");
	int64_t covered = 0;

	if (strcmp(mst_json_text(run, "outcome", ""), "complete") == 0)
		return mst_run_addresses(run);
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *shard = json_object_array_get_idx(list, i);

		if (strcmp(mst_json_text(shard, "outcome", ""), "complete") == 0)
			covered += mst_json_int(shard, "addresses", 0);
	}
	return covered;
}

int mst_run_exit_status(struct json_object *run)
{
	const char *outcome = mst_json_text(run, "outcome", ""), *error = mst_json_text(run, "error", "");
	struct json_object *refused = mst_json_array(run, "refused");

	if (error[0] && strcmp(error, "ok") != 0)
		return mst_code_exit(mst_code_from_name(error));
	if (strcmp(outcome, "complete") == 0)
		return mst_code_exit(MST_OK);
	if (strcmp(outcome, "partial") == 0)
		return mst_code_exit(MST_E_PARTIAL);
	if (refused && json_object_array_length(refused) > 0 && mst_json_int(run, "addresses", 0) == 0)
		return mst_code_exit(MST_E_REFUSED);
	return mst_code_exit(MST_E_FAILED);
}

/* The live line. */
struct live {
	const struct mst_cli *cli;
	bool drawn;   /* something is on the line */
	int64_t said; /* when the last whole line went out; 0: none */
};

static void live_clear(struct live *live)
{
	if (live->drawn)
		fputs("\r\033[K", stderr);
	live->drawn = false;
}

static void live_show(struct live *live, struct json_object *run, bool hint)
{
	struct mst_buf line, cut;
	int64_t now = mst_time_monotonic();

	if (live->cli->quiet || (!live->cli->err_tty && live->said && now - live->said < SAY_EVERY_MS))
		return;
	mst_buf_init(&line, 4096);
	mst_run_progress_line(&line, run, hint && live->cli->err_tty);
	if (live->cli->err_tty) {
		mst_buf_init(&cut, 8192);
		mst_table_cut(&cut, mst_buf_text(&line), live->cli->err_width - 1);
		fprintf(stderr, "\r%s\033[K", mst_buf_text(&cut));
		live->drawn = true;
		mst_buf_free(&cut);
	} else {
		fprintf(stderr, "%s\n", mst_buf_text(&line));
	}
	live->said = now;
	mst_buf_free(&line);
}

static int cancel(struct mst_cli *cli, const char *key, struct mst_err *err)
{
	char *path = mst_cli_path("/v1/runs/", key, "/cancel");
	int rc = path ? mst_cli_call(cli, "POST", path, NULL, NULL, err) : mst_err_no_memory(err);

	free(path);
	return rc;
}

static bool is_done(struct json_object *run)
{
	return strcmp(mst_json_text(run, "state", ""), "done") == 0;
}

struct follow {
	struct mst_cli *cli;
	struct live live;
	char key[32];
	bool own, planned, cancelled;
	const char *settings;
};

/* 0: go on; 130: leave now. */
static int look_at_interrupts(struct follow *follow, struct mst_err *err)
{
	int count = mst_interrupts(), rc;

	if (count == 0)
		return MST_OK;
	if (!follow->own || count > 1) {
		live_clear(&follow->live);
		mst_cli_note(follow->cli, "Run %s goes on: muster runs watch %s | muster runs cancel %s", follow->key,
		             follow->key, follow->key);
		return 130;
	}
	if (!follow->cancelled) {
		follow->cancelled = true;
		live_clear(&follow->live);
		mst_cli_note(follow->cli, "stopping; what is finished is kept (Ctrl-C again leaves at once)");
		rc = cancel(follow->cli, follow->key, err);
		/* One that has just ended needs no stopping. */
		if (rc != MST_OK && rc != MST_E_CONFLICT)
			mst_cli_note(follow->cli, "muster: the run could not be stopped: %s", err->text);
	}
	return MST_OK;
}

static void show_plan_once(struct follow *follow, struct json_object *run)
{
	bool import = strcmp(mst_json_text(run, "kind", ""), "import") == 0;

	if (follow->planned || strcmp(mst_json_text(run, "state", "planning"), "planning") == 0)
		return;
	follow->planned = true;
	live_clear(&follow->live);
	if (follow->cli->quiet || import)
		return;
	if (mst_run_shards(run) > 0)
		mst_run_plan_line(stderr, run, mst_json_object(run, "plan"), follow->settings);
	mst_run_refusals(stderr, run, "Refused ");
}

static int finish(struct follow *follow, struct json_object *run)
{
	struct mst_cli *cli = follow->cli;

	live_clear(&follow->live);
	if (cli->format == MST_CLI_JSON)
		mst_out_json(run);
	else if (cli->format == MST_CLI_NDJSON)
		mst_out_line(run);
	else
		mst_run_summary(cli, run);
	cli->exit_status = mst_run_exit_status(run);
	if (follow->cancelled && cli->exit_status != 0)
		cli->exit_status = mst_code_exit(MST_E_CANCELLED);
	return MST_OK;
}

int mst_follow(struct mst_cli *cli, int64_t number, bool own, const char *settings, struct mst_err *err)
{
	struct follow follow = {.cli = cli, .live = {.cli = cli}, .own = own, .settings = settings};
	int wait = POLL_FIRST_MS, rc;

	snprintf(follow.key, sizeof(follow.key), "%" PRId64, number);
	mst_interrupts_take();
	for (;;) {
		struct json_object *run = NULL;

		rc = look_at_interrupts(&follow, err);
		if (rc > 0) {
			cli->exit_status = rc;
			return MST_OK;
		}
		rc = mst_run_get(cli, follow.key, &run, err);
		if (rc != MST_OK) {
			live_clear(&follow.live);
			return rc;
		}
		show_plan_once(&follow, run);
		if (is_done(run)) {
			rc = finish(&follow, run);
			json_object_put(run);
			return rc;
		}
		live_show(&follow.live, run, own);
		/* The end is near. */
		if (strcmp(mst_json_text(run, "state", ""), "importing") == 0)
			wait = POLL_FIRST_MS;
		json_object_put(run);
		(void)poll(NULL, 0, wait);
		wait = wait * 2 < POLL_MS ? wait * 2 : POLL_MS;
	}
}

static const char *command_at(struct json_object *commands, size_t index)
{
	const char *text = json_object_get_string(json_object_array_get_idx(commands, index));

	return text ? text : "";
}

/* One line for each row of equal commands: most shards differ in their addresses only. */
static void show_commands(struct json_object *commands)
{
	size_t count = commands ? json_object_array_length(commands) : 0;

	for (size_t i = 0, same; i < count; i += same) {
		for (same = 1;
		     i + same < count && strcmp(command_at(commands, i), command_at(commands, i + same)) == 0;)
			same++;
		mst_out_text(stdout, command_at(commands, i));
		if (same > 1)
			printf("   (x %zu shards)", same);
		putchar('\n');
	}
}

static int show_plan(struct mst_cli *cli, struct json_object *run, const char *settings)
{
	struct json_object *plan = mst_json_object(run, "plan"), *commands = mst_json_array(plan, "commands");

	cli->exit_status = mst_run_exit_status(run);
	if (cli->format == MST_CLI_JSON || cli->format == MST_CLI_NDJSON) {
		(cli->format == MST_CLI_JSON ? mst_out_json : mst_out_line)(plan ? plan : run);
		return cli->exit_status;
	}
	if (plan && cli->exit_status == 0)
		mst_run_plan_line(stdout, run, plan, settings);
	mst_run_refusals(stdout, plan ? plan : run, "Refused ");
	show_commands(commands);
	fflush(stdout);
	if (cli->exit_status == 0)
		mst_cli_note(cli, "Dry run: nothing was sent. The same without --dry-run does it.");
	return cli->exit_status;
}

int mst_follow_plan(struct mst_cli *cli, const char *key, const char *settings, struct mst_err *err)
{
	int wait = POLL_FIRST_MS;

	mst_interrupts_take();
	for (;;) {
		struct json_object *run = NULL;
		int rc = mst_run_get(cli, key, &run, err);

		if (rc != MST_OK)
			return rc;
		if (is_done(run)) {
			if (show_plan(cli, run, settings) != 0)
				rc = mst_err_set(err, mst_code_from_name(mst_json_text(run, "error", "failed")), "%s",
				                 mst_json_text(run, "text", "the plan failed; see the service's log"));
			json_object_put(run);
			return rc;
		}
		json_object_put(run);
		if (mst_interrupts() > 0) {
			(void)cancel(cli, key, err);
			cli->exit_status = mst_code_exit(MST_E_CANCELLED);
			return MST_OK;
		}
		(void)poll(NULL, 0, wait);
		wait = wait * 2 < POLL_MS ? wait * 2 : POLL_MS;
	}
}
