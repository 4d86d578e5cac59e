/* SPDX-License-Identifier: Apache-2.0 */
/* `muster` alone: what is stored where, what needs attention, what to type next. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/format.h"
#include "cli/output.h"

#define ATTENTION_SHOWN 8u
#define TEXT_COLUMN     15
#define COMMAND_COLUMN  60u

static int64_t count_of(struct json_object *object, const char *key)
{
	return mst_json_int(object, key, 0);
}

static size_t items_of(struct json_object *object, const char *key)
{
	struct json_object *array = mst_json_array(object, key);

	return array ? json_object_array_length(array) : 0;
}

static int64_t all_interfaces(struct json_object *interfaces)
{
	static const char *const states[] = {"managed", "unmanaged", "unmanageable", "ignored", "lost"};
	int64_t sum = 0;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		sum += count_of(interfaces, states[i]);
	return sum;
}

/* "9.4 GB (+31 MB/day, 410 days left)" */
static void show_size(struct json_object *store)
{
	struct json_object *growth = mst_json_object(store, "growth");
	int64_t per_day = count_of(growth, "per_day"), left = mst_json_int(growth, "days_left", -1);
	char a[MST_FORMAT_SIZE];

	printf(" %s", mst_format_bytes(count_of(store, "bytes"), a));
	if (!mst_json_bool(growth, "known", false))
		return;
	printf(" (%s%s/day", per_day < 0 ? "-" : "+", mst_format_bytes(per_day < 0 ? -per_day : per_day, a));
	if (left >= 0)
		printf(", %s days left", mst_format_number(left, a));
	putchar(')');
}

static void show_first_line(const struct mst_cli *cli, struct json_object *status, bool empty)
{
	struct json_object *store = mst_json_object(status, "store");
	char size[MST_FORMAT_SIZE], up[MST_FORMAT_SIZE];

	printf("%sMuster " MST_VERSION "%s   ", mst_out_on(cli->colour, MST_STYLE_BOLD), mst_out_off(cli->colour));
	if (mst_json_bool(status, "private", false))
		fputs("no service; private store ", stdout);
	else
		printf("service up %s   %s ", mst_format_about(count_of(status, "uptime"), up),
		       mst_json_text(store, "kind", ""));
	mst_out_text(stdout, mst_json_text(store, "path", cli->client.store_path));
	if (empty)
		fputs(" (empty)", stdout);
	else if (count_of(store, "bytes") > 0)
		show_size(store);
	if (count_of(store, "free") > 0 && count_of(store, "free") < 1000000000)
		printf(" (%s left on its disk)", mst_format_bytes(count_of(store, "free"), size));
	putchar('\n');
}

static void show_networks(struct json_object *status)
{
	struct json_object *networks = mst_json_array(status, "local_networks");
	size_t count = networks ? json_object_array_length(networks) : 0;
	const char *first = "192.0.2.0/24";

	fputs("Nothing scanned yet.", stdout);
	for (size_t i = 0; i < count && i < 4; i++) {
		struct json_object *item = json_object_array_get_idx(networks, i);

		fputs(i ? ", " : " This machine is on ", stdout);
		mst_out_text(stdout, mst_json_text(item, "network", ""));
		fputs(" (", stdout);
		mst_out_text(stdout, mst_json_text(item, "interface", ""));
		fputs(")", stdout);
		if (i == 0)
			first = mst_json_text(item, "network", first);
	}
	fputs(count ? ". Preview, sends nothing:\n  muster scan nmap "
	            : " Preview, sends nothing:\n  muster scan nmap ",
	      stdout);
	mst_out_text(stdout, first);
	fputs(" --dry-run\n", stdout);
}

/* Ends a line with the command to type: behind it where the terminal has room, else below it. */
static void command_behind(const struct mst_cli *cli, size_t used, const char *command)
{
	size_t at = used + 3 > COMMAND_COLUMN ? used + 3 : COMMAND_COLUMN;

	if (cli->width > 0 && at + strlen(command) > cli->width && used + 3 + strlen(command) <= cli->width)
		at = cli->width - strlen(command);
	if (cli->width == 0 || at + strlen(command) <= cli->width)
		printf("%*s", (int)(at - used), "");
	else
		printf("\n%*s", TEXT_COLUMN, "");
	mst_out_text(stdout, command);
	putchar('\n');
}

static void show_states(const struct mst_cli *cli, struct json_object *interfaces)
{
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE], c[MST_FORMAT_SIZE], d[MST_FORMAT_SIZE], e[MST_FORMAT_SIZE];
	bool determined = mst_json_bool(interfaces, "managed_determined", true);
	int used = snprintf(NULL, 0, "%-*smanaged %s   unmanaged %s   | unmanageable %s   ignored %s   lost %s",
	                    TEXT_COLUMN, "",
	                    determined ? mst_format_number(count_of(interfaces, "managed"), a) : "not determined",
	                    mst_format_number(count_of(interfaces, "unmanaged"), b),
	                    mst_format_number(count_of(interfaces, "unmanageable"), c),
	                    mst_format_number(count_of(interfaces, "ignored"), d),
	                    mst_format_number(count_of(interfaces, "lost"), e));
	bool one_line = cli->width == 0 || (size_t)used <= cli->width;

	printf("%-*smanaged %s%s%s   %sunmanaged %s%s", TEXT_COLUMN, "Interfaces",
	       mst_out_on(cli->colour, MST_STYLE_GOOD), determined ? a : "not determined", mst_out_off(cli->colour),
	       mst_out_on(cli->colour, MST_STYLE_WARN), b, mst_out_off(cli->colour));
	if (one_line)
		fputs("   | ", stdout);
	else
		printf("\n%*s", TEXT_COLUMN, "");
	printf("unmanageable %s   ignored %s   %slost %s%s\n", c, d,
	       mst_out_on(cli->colour, count_of(interfaces, "lost") ? MST_STYLE_BAD : MST_STYLE_NONE), e,
	       mst_out_off(cli->colour));
}

static void show_interfaces(const struct mst_cli *cli, struct json_object *status)
{
	struct json_object *day = mst_json_object(status, "last_24h");
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE], c[MST_FORMAT_SIZE];
	int used;

	show_states(cli, mst_json_object(status, "interfaces"));
	if (!day)
		return;
	used = printf("%-*s%s new   %s changed   %s lost", TEXT_COLUMN, "Last 24 h",
	              mst_format_number(count_of(day, "new"), a), mst_format_number(count_of(day, "changed"), b),
	              mst_format_number(count_of(day, "lost"), c));
	if (count_of(day, "new") > 0)
		command_behind(cli, (size_t)used, "muster interfaces 'first_seen<24h'");
	else
		putchar('\n');
}

static void show_runs(struct json_object *status)
{
	struct json_object *runs = mst_json_object(status, "runs");
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE], c[MST_FORMAT_SIZE], d[MST_FORMAT_SIZE];

	printf("Runs           %s running   %s complete   %s partial   %s failed\n",
	       mst_format_number(count_of(runs, "running"), a), mst_format_number(count_of(runs, "complete"), b),
	       mst_format_number(count_of(runs, "partial"), c), mst_format_number(count_of(runs, "failed"), d));
}

/* "! aws-prod     run 1841 partial: ...    muster runs show 1841" */
static void show_one(const struct mst_cli *cli, struct json_object *item)
{
	const char *subject = mst_json_text(item, "subject", ""), *next = mst_json_text(item, "next", "");
	const char *text = mst_json_text(item, "text", "");
	size_t wide = mst_str_width(subject), at;

	printf("%s!%s ", mst_out_on(cli->colour, MST_STYLE_BAD), mst_out_off(cli->colour));
	mst_out_text(stdout, subject);
	at = wide + 4 > TEXT_COLUMN ? wide + 4 : TEXT_COLUMN;
	printf("%*s", (int)(at - wide - 2), "");
	mst_out_text(stdout, text);
	command_behind(cli, at + mst_str_width(text), next);
}

static void show_attention(const struct mst_cli *cli, struct json_object *status)
{
	struct json_object *attention = mst_json_array(status, "attention");
	size_t count = attention ? json_object_array_length(attention) : 0;

	for (size_t i = 0; i < count && i < ATTENTION_SHOWN; i++)
		show_one(cli, json_object_array_get_idx(attention, i));
	if (count > ATTENTION_SHOWN)
		printf("! and %zu more    muster --json\n", count - ATTENTION_SHOWN);
}

static void show_next(struct json_object *status)
{
	struct json_object *interfaces = mst_json_object(status, "interfaces");

	if (all_interfaces(interfaces) == 0)
		puts("Next: muster runs show 1 | muster scan nmap 192.0.2.0/24 --dry-run");
	else
		puts("Next: muster interfaces | muster runs | muster --help");
}

static int run_status(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *status = NULL, *runs;
	bool empty;
	int rc = mst_cli_call(cli, "GET", "/v1/status", NULL, &status, err);

	if (rc != MST_OK)
		return rc;
	if (cli->format == MST_CLI_NDJSON) {
		mst_out_line(status);
	} else if (cli->format == MST_CLI_CSV) {
		json_object_put(status);
		return mst_err_set(err, MST_E_USAGE, "the status is no table: use --json");
	} else if (cli->format == MST_CLI_JSON) {
		mst_out_json(status);
	} else {
		runs = mst_json_object(status, "runs");
		empty = all_interfaces(mst_json_object(status, "interfaces")) == 0 && count_of(runs, "running") == 0 &&
		        count_of(runs, "complete") == 0 && count_of(runs, "partial") == 0 &&
		        count_of(runs, "failed") == 0 && items_of(status, "attention") == 0;
		show_first_line(cli, status, empty);
		if (empty) {
			show_networks(status);
		} else {
			show_interfaces(cli, status);
			show_runs(status);
			show_attention(cli, status);
			show_next(status);
		}
	}
	json_object_put(status);
	return MST_OK;
}

static const struct mst_verb verbs[] = {
        {"", "", "what is stored where, counts by state, runs, what needs attention, what to type next", 0, 0,
         run_status},
        {0},
};
const struct mst_command mst_command_status = {
        .name = "status",
        .group = "Look",
        .summary = "what is stored, what needs attention, what to type next",
        .example = "muster",
        .verbs = verbs,
};
