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

static void show_interfaces(const struct mst_cli *cli, struct json_object *status)
{
	struct json_object *interfaces = mst_json_object(status, "interfaces"),
	                   *day = mst_json_object(status, "last_24h");
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE], c[MST_FORMAT_SIZE], d[MST_FORMAT_SIZE], e[MST_FORMAT_SIZE];
	bool determined = mst_json_bool(interfaces, "managed_determined", true);

	printf("Interfaces     managed %s%s%s   %sunmanaged %s%s   | unmanageable %s   ignored %s   %slost %s%s\n",
	       mst_out_on(cli->colour, MST_STYLE_GOOD),
	       determined ? mst_format_number(count_of(interfaces, "managed"), a) : "not determined",
	       mst_out_off(cli->colour), mst_out_on(cli->colour, MST_STYLE_WARN),
	       mst_format_number(count_of(interfaces, "unmanaged"), b), mst_out_off(cli->colour),
	       mst_format_number(count_of(interfaces, "unmanageable"), c),
	       mst_format_number(count_of(interfaces, "ignored"), d),
	       mst_out_on(cli->colour, count_of(interfaces, "lost") ? MST_STYLE_BAD : MST_STYLE_NONE),
	       mst_format_number(count_of(interfaces, "lost"), e), mst_out_off(cli->colour));
	if (day)
		printf("Last 24 h      %s new   %s changed   %s lost               muster interfaces 'first_seen<24h'\n",
		       mst_format_number(count_of(day, "new"), a), mst_format_number(count_of(day, "changed"), b),
		       mst_format_number(count_of(day, "lost"), c));
}

static void show_runs(struct json_object *status)
{
	struct json_object *runs = mst_json_object(status, "runs");
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE], c[MST_FORMAT_SIZE], d[MST_FORMAT_SIZE];

	printf("Runs           %s running   %s complete   %s partial   %s failed\n",
	       mst_format_number(count_of(runs, "running"), a), mst_format_number(count_of(runs, "complete"), b),
	       mst_format_number(count_of(runs, "partial"), c), mst_format_number(count_of(runs, "failed"), d));
}

static void show_attention(const struct mst_cli *cli, struct json_object *status)
{
	struct json_object *attention = mst_json_array(status, "attention");
	size_t count = attention ? json_object_array_length(attention) : 0;

	for (size_t i = 0; i < count && i < ATTENTION_SHOWN; i++) {
		struct json_object *item = json_object_array_get_idx(attention, i);

		printf("%s!%s ", mst_out_on(cli->colour, MST_STYLE_BAD), mst_out_off(cli->colour));
		mst_out_text(stdout, mst_json_text(item, "subject", ""));
		fputs(": ", stdout);
		mst_out_text(stdout, mst_json_text(item, "text", ""));
		fputs("    ", stdout);
		mst_out_text(stdout, mst_json_text(item, "next", ""));
		putchar('\n');
	}
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
        .summary = "what is stored, what needs attention, what to type next (also: muster alone)",
        .example = "muster",
        .verbs = verbs,
};
