/* SPDX-License-Identifier: Apache-2.0 */
/* A run in words: plan, progress, summary. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/output.h"

#define CHANGES_SHOWN  20u
#define PARTS_SHOWN    10u
#define REFUSALS_SHOWN 10u
#define BAR            16

static int64_t number_of(struct json_object *object, const char *key)
{
	return mst_json_int(object, key, 0);
}

static int64_t sum_of(struct json_object *list, const char *key)
{
	int64_t sum = 0;

	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		sum += number_of(json_object_array_get_idx(list, i), key);
	return sum;
}

void mst_run_plan_line(FILE *file, struct json_object *run, struct json_object *plan, const char *settings)
{
	struct json_object *progress = mst_json_object(run, "progress"), *shards = mst_json_array(run, "shards");
	int64_t addresses = mst_run_addresses(run);
	int64_t count = mst_json_int(plan, "shards", mst_run_shards(run));
	int64_t bytes = mst_json_int(plan, "expected_bytes", sum_of(shards, "expected_bytes"));
	int64_t ms = mst_json_int(plan, "expected_ms", number_of(progress, "left_ms"));
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE];

	fprintf(file, "Plan    %s address%s, zone ", mst_format_number(addresses, a), addresses == 1 ? "" : "es");
	mst_out_text(file, mst_json_text(run, "zone", "default"));
	fprintf(file, ", %s shard%s", mst_format_number(count, b), count == 1 ? "" : "s");
	if (settings && settings[0]) {
		fputs("; ", file);
		mst_out_text(file, settings);
	}
	if (bytes > 0)
		fprintf(file, "; up to %s", mst_format_bytes(bytes, a));
	if (ms > 0)
		fprintf(file, "%s about %s", bytes > 0 ? "," : ";", mst_format_about(ms, b));
	fputc('\n', file);
}

void mst_run_refusals(FILE *file, struct json_object *run, const char *label)
{
	struct json_object *list = mst_json_array(run, "refused");
	size_t count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count && i < REFUSALS_SHOWN; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		const char *entry = mst_json_text(item, "entry", "");
		char number[MST_FORMAT_SIZE];

		fputs(label, file);
		mst_out_text(file, mst_json_text(item, "addresses", ""));
		fprintf(file, " (%s address%s): %s", mst_format_number(number_of(item, "count"), number),
		        number_of(item, "count") == 1 ? "" : "es", entry[0] ? "" : "outside every entry of ");
		mst_out_text(file, mst_json_text(item, "rule", ""));
		if (entry[0]) {
			fputs(" \"", file);
			mst_out_text(file, entry);
			fputc('"', file);
		}
		if (mst_json_text(item, "at", "")[0]) {
			fputs(" of ", file);
			mst_out_text(file, mst_json_text(item, "at", ""));
		}
		fputc('\n', file);
	}
	if (count > REFUSALS_SHOWN)
		fprintf(file, "%sand %zu more\n", label, count - REFUSALS_SHOWN);
}

void mst_run_progress_line(struct mst_buf *out, struct json_object *run, bool hint)
{
	struct json_object *progress = mst_json_object(run, "progress");
	const char *state = mst_json_text(run, "state", "");
	int64_t done = number_of(progress, "shards_done"), total = number_of(progress, "shards"),
	        rate = number_of(progress, "rate");
	int64_t work = number_of(progress, "addresses_done"), all = number_of(progress, "addresses");
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE];
	int filled = all > 0 ? (int)(work * BAR / all) : total > 0 ? (int)(done * BAR / total) : 0;

	mst_buf_printf(out, "Run %" PRId64 "   ", number_of(run, "number"));
	if (strcmp(mst_json_text(run, "kind", ""), "import") == 0) {
		mst_buf_printf(out, "%s   %s up", strcmp(state, "running") == 0 ? "reading" : state,
		               mst_format_number(number_of(progress, "up"), a));
		return;
	}
	if (strcmp(state, "running") != 0 && total == 0) {
		mst_buf_str(out, state[0] ? state : "waiting");
		return;
	}
	mst_buf_char(out, '[');
	for (int i = 0; i < BAR; i++)
		mst_buf_char(out, i < filled ? '#' : '-');
	mst_buf_printf(out, "]  %" PRId64 "/%" PRId64 " shards   %s up", done, total,
	               mst_format_number(number_of(progress, "up"), a));
	if (strcmp(state, "running") != 0) {
		mst_buf_printf(out, "   %s", state);
		return;
	}
	if (rate > 0)
		mst_buf_printf(out, "   %s addresses/s", mst_format_number(rate, a));
	if (number_of(progress, "left_ms") > 0)
		mst_buf_printf(out, "   %s left", mst_format_clock(number_of(progress, "left_ms"), b));
	if (hint)
		mst_buf_str(out, "      (Ctrl-C stops, keeps finished shards)");
}

void mst_run_warnings(FILE *file, struct json_object *run)
{
	struct json_object *list = mst_json_array(run, "warnings");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));

		fputs(i ? "           " : "warning    ", file);
		mst_out_text(file, text ? text : "");
		fputc('\n', file);
	}
}

void mst_run_missing(FILE *file, struct json_object *run, size_t most)
{
	struct json_object *parts = mst_json_array(run, "parts");
	size_t count = parts ? json_object_array_length(parts) : 0;

	for (size_t i = 0; i < count && i < most; i++) {
		struct json_object *part = json_object_array_get_idx(parts, i);

		const char *scope = mst_json_text(part, "scope", ""), *reason = mst_json_text(part, "reason", "");

		/* What the run's own line says already is not said again. */
		if (strcmp(reason, mst_json_text(run, "text", "")) == 0)
			reason = "";
		if (!scope[0] && !reason[0]) {
			const char *cure = mst_json_text(part, "cure", "");

			if (cure[0]) {
				fputs("cure:      ", file);
				mst_out_text(file, cure);
				fputc('\n', file);
			}
			continue;
		}
		fputs(i ? "           " : "missing    ", file);
		mst_out_text(file, scope);
		fputs(scope[0] && reason[0] ? "   " : "", file);
		mst_out_text(file, reason);
		if (scope[0]) {
			fputs(" (shard ", file);
			mst_out_text(file, mst_json_text(part, "shard", ""));
			fputc(')', file);
		}
		fputs("      cure: ", file);
		mst_out_text(file, mst_json_text(part, "cure", ""));
		fputc('\n', file);
	}
	if (count > most)
		fprintf(file, "           and %zu more: muster runs show %" PRId64 "\n", count - most,
		        number_of(run, "number"));
}

static void outcome_line(const struct mst_cli *cli, struct json_object *run)
{
	const char *outcome = mst_json_text(run, "outcome", "failed"), *text = mst_json_text(run, "text", "");
	int64_t took = number_of(run, "ended") -
	               (number_of(run, "started") ? number_of(run, "started") : number_of(run, "created"));
	int64_t covered = mst_run_covered(run), all = mst_run_addresses(run);
	char a[MST_FORMAT_SIZE], b[MST_FORMAT_SIZE], c[MST_FORMAT_SIZE], d[MST_FORMAT_SIZE];
	char e[MST_FORMAT_SIZE], f[MST_FORMAT_SIZE], g[MST_FORMAT_SIZE];

	fprintf(stderr, "Run %" PRId64 "   %s%s%s", number_of(run, "number"),
	        mst_out_on(cli->err_colour, mst_format_state_style(outcome)), outcome, mst_out_off(cli->err_colour));
	if (took > 0)
		fprintf(stderr, " in %s", mst_format_clock(took, a));
	fputs(": ", stderr);
	if (all > covered)
		fprintf(stderr, "%s of %s covered, ", mst_format_number(covered, a), mst_format_number(all, b));
	else if (all > 0)
		fprintf(stderr, "%s covered, ", mst_format_number(covered, a));
	fprintf(stderr, "%s up, %s with OS; %s new, %s changed, %s lost, %s unchanged\n",
	        mst_format_number(number_of(run, "up"), b), mst_format_number(number_of(run, "with_os"), c),
	        mst_format_number(number_of(run, "new"), d), mst_format_number(number_of(run, "changed"), e),
	        mst_format_number(number_of(run, "lost"), f), mst_format_number(number_of(run, "unchanged"), g));
	if (text[0]) {
		fputs("why        ", stderr);
		mst_out_text(stderr, text);
		fputc('\n', stderr);
	}
}

static void new_row(struct mst_table *table, struct json_object *item)
{
	const char *platform = mst_json_text(item, "os_platform", ""),
	           *generation = mst_json_text(item, "os_generation", "");
	char *os = mst_str_printf("%s%s%s", platform, generation[0] ? " " : "", generation), *sure = NULL;

	if (os && os[0] && number_of(item, "os_accuracy") > 0)
		sure = mst_str_printf("%s (%" PRId64 " %%)", os, number_of(item, "os_accuracy"));
	mst_table_add(table, mst_json_text(item, "mac", ""), MST_STYLE_NONE);
	mst_table_add(table, mst_json_text(item, "vendor", ""), MST_STYLE_NONE);
	mst_table_add(table, mst_json_text(item, "hostname", ""), MST_STYLE_NONE);
	mst_table_add(table, sure ? sure : os, MST_STYLE_NONE);
	free(os);
	free(sure);
}

static void changed_row(struct mst_table *table, struct json_object *item)
{
	mst_table_add(table, mst_json_text(item, "hostname", ""), MST_STYLE_NONE);
	mst_table_add(table, mst_json_text(item, "change", ""), MST_STYLE_NONE);
}

static void lost_row(struct mst_table *table, struct json_object *item)
{
	const char *reason = mst_json_text(item, "state_reason", "");
	char ago[MST_FORMAT_SIZE], *text;

	text = mst_str_printf("last seen %s ago%s%s",
	                      mst_format_about(mst_time_now() - number_of(item, "last_seen"), ago),
	                      reason[0] ? "; " : "", reason);
	mst_table_add(table, mst_json_text(item, "hostname", ""), MST_STYLE_NONE);
	mst_table_add(table, text, MST_STYLE_NONE);
	free(text);
}

struct change_kind {
	const char *kind, *word, *column;
	enum mst_style style;
	void (*row)(struct mst_table *table, struct json_object *item);
	unsigned columns; /* after word and address */
};
static const struct change_kind change_kinds[] = {
        {"new", "NEW", "created_run", MST_STYLE_GOOD, new_row, 4},
        {"changed", "CHANGED", "changed_run", MST_STYLE_WARN, changed_row, 2},
        {"lost", "LOST", "lost_run", MST_STYLE_BAD, lost_row, 2},
};

static void change_lines(const struct mst_cli *cli, struct json_object *run, const struct change_kind *kind,
                         size_t most)
{
	struct json_object *list = mst_json_array(mst_json_object(run, "changes"), kind->kind);
	size_t count = list ? json_object_array_length(list) : 0;
	int64_t all = number_of(run, kind->kind) > (int64_t)count ? number_of(run, kind->kind) : (int64_t)count;
	struct mst_table table;

	count = count < most ? count : most;
	mst_table_init(&table);
	table.headless = table.blanks = true;
	mst_table_add_column(&table, "", 0, 7, false);
	mst_table_add_column(&table, "", 0, 15, false);
	for (unsigned i = 0; i < kind->columns; i++)
		mst_table_add_column(&table, "", i == 1 && kind->columns == 4 ? 2 : 1, 12, false);
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		mst_table_add(&table, kind->word, kind->style);
		mst_table_add(&table, mst_json_text(item, "ip", ""), MST_STYLE_NONE);
		kind->row(&table, item);
	}
	if (count > 0)
		(void)mst_out_table(cli, &table, NULL);
	mst_table_free(&table);
	if (count > 0 && all > (int64_t)count) {
		fflush(stdout);
		fprintf(stderr, "%-7s  and %" PRId64 " more: muster interfaces %s=%" PRId64 "\n", kind->word,
		        all - (int64_t)count, kind->column, number_of(run, "number"));
	}
}

void mst_run_changes(const struct mst_cli *cli, struct json_object *run, size_t most)
{
	change_lines(cli, run, &change_kinds[0], most);
	change_lines(cli, run, &change_kinds[1], most);
	change_lines(cli, run, &change_kinds[2], most);
}

void mst_run_summary(const struct mst_cli *cli, struct json_object *run)
{
	struct json_object *list = mst_json_array(mst_json_object(run, "changes"), "new");
	const char *first = list && json_object_array_length(list) > 0
	                            ? mst_json_text(json_object_array_get_idx(list, 0), "ip", "")
	                            : "";

	if (!cli->quiet) {
		outcome_line(cli, run);
		mst_run_warnings(stderr, run);
		mst_run_missing(stderr, run, PARTS_SHOWN);
	}
	mst_run_changes(cli, run, CHANGES_SHOWN);
	fflush(stdout);
	if (cli->quiet || number_of(run, "up") == 0)
		return;
	fputs("Next: muster interfaces state=unmanaged", stderr);
	if (first[0]) {
		fputs(" | muster interfaces show ", stderr);
		mst_out_text(stderr, first);
	}
	fputc('\n', stderr);
}
