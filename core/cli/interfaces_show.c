/* SPDX-License-Identifier: Apache-2.0 */
/* One interface: what was merged, and what each source saw behind it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/format.h"
#include "cli/interfaces.h"
#include "cli/output.h"

#define PORTS_BYTES 400u /* of one group that are shown */

/* One fact of an observation's record as text. */
static void names_fact(struct mst_buf *out, struct json_object *doc)
{
	struct json_object *names = mst_json_array(doc, "names");

	for (size_t i = 0; names && i < json_object_array_length(names); i++) {
		struct json_object *name = json_object_array_get_idx(names, i);

		mst_buf_printf(out, "%s%s", i ? ", " : "", mst_json_text(name, "name", ""));
		if (mst_json_text(name, "type", "")[0])
			mst_buf_printf(out, " (%s)", mst_json_text(name, "type", ""));
	}
}

static void os_fact(struct mst_buf *out, struct json_object *doc)
{
	struct json_object *os = mst_json_object(doc, "os"), *matches = mst_json_array(os, "matches");
	const char *platform = mst_json_text(os, "platform", ""), *generation = mst_json_text(os, "generation", "");

	mst_buf_printf(out, "%s%s%s", platform, generation[0] ? " " : "", generation);
	if (mst_json_int(os, "accuracy", 0) > 0)
		mst_buf_printf(out, "  %" PRId64 " %%", mst_json_int(os, "accuracy", 0));
	for (size_t i = 0; matches && i < json_object_array_length(matches) && i < 3; i++) {
		struct json_object *match = json_object_array_get_idx(matches, i);

		mst_buf_printf(out, "%s%s (%" PRId64 " %%)", out->len ? "; " : "", mst_json_text(match, "name", ""),
		               mst_json_int(match, "accuracy", 0));
	}
	if (mst_json_text(os, "note", "")[0])
		mst_buf_printf(out, "%s%s", out->len ? "; " : "", mst_json_text(os, "note", ""));
}

/* Ascending numbers as "22,80,8000-8010"; of a trap with thousands only the first, and how many there are. */
static void port_ranges(struct mst_buf *out, struct json_object *ports)
{
	size_t count = json_object_array_length(ports), start = out->len;

	for (size_t i = 0; i < count;) {
		int64_t first = json_object_get_int64(json_object_array_get_idx(ports, i)), last = first;

		if (out->len - start > PORTS_BYTES) {
			mst_buf_printf(out, ",... (%zu ports, --json lists them)", count);
			return;
		}
		while (++i < count && json_object_get_int64(json_object_array_get_idx(ports, i)) == last + 1)
			last++;
		mst_buf_printf(out, "%s%" PRId64, out->len > start ? "," : "", first);
		if (last > first)
			mst_buf_printf(out, "%s%" PRId64, last > first + 1 ? "-" : ",", last);
	}
}

/* Closed and filtered ports come as a range and a number, or as a list; a group without either says nothing. */
static void port_group(struct mst_buf *out, struct json_object *group)
{
	struct json_object *ports = mst_json_array(group, "ports");
	int64_t listed = ports ? (int64_t)json_object_array_length(ports) : 0,
	        count = mst_json_int(group, "count", listed);
	const char *range = mst_json_text(group, "range", "");

	if (count == 0 && listed == 0)
		return;
	mst_buf_printf(out, "%s%s %s ", out->len ? "; " : "", mst_json_text(group, "proto", ""),
	               mst_json_text(group, "state", ""));
	if (listed > 0 && (listed <= 20 || strcmp(mst_json_text(group, "state", ""), "open") == 0))
		port_ranges(out, ports);
	else if (range[0] && strlen(range) <= 60)
		mst_buf_printf(out, "%s (%" PRId64 " port%s)", range, count, count == 1 ? "" : "s");
	else
		mst_buf_printf(out, "%" PRId64 " port%s", count, count == 1 ? "" : "s");
}

static void ports_fact(struct mst_buf *out, struct json_object *doc)
{
	struct json_object *groups = mst_json_array(doc, "ports");

	for (size_t i = 0; groups && i < json_object_array_length(groups); i++)
		port_group(out, json_object_array_get_idx(groups, i));
}

static void service_fact(struct mst_buf *out, struct json_object *service)
{
	static const char *const parts[] = {"name", "product", "version", "extra"};

	mst_buf_printf(out, "%" PRId64 "/%s", mst_json_int(service, "port", 0), mst_json_text(service, "proto", ""));
	for (size_t i = 0; i < 4; i++)
		if (mst_json_text(service, parts[i], "")[0])
			mst_buf_printf(out, " %s", mst_json_text(service, parts[i], ""));
}

static void scripts_fact(struct mst_buf *out, struct json_object *scripts)
{
	for (size_t i = 0; scripts && i < json_object_array_length(scripts); i++) {
		struct json_object *script = json_object_array_get_idx(scripts, i);

		mst_buf_printf(out, "%s%s: %s", i ? "; " : "", mst_json_text(script, "id", ""),
		               mst_json_text(script, "output", ""));
	}
}

/* A value that no rule above knows. */
static void other_fact(struct mst_buf *out, const char *key, struct json_object *value)
{
	char text[MST_FORMAT_SIZE];

	if (json_object_is_type(value, json_type_int) && mst_out_is_time(key))
		mst_buf_str(out, mst_format_time(json_object_get_int64(value), text));
	else
		mst_out_cell(out, value, ", ");
}

static void line(const char *fact, const char *value)
{
	if (!value[0])
		return;
	fputs("    ", stdout);
	mst_out_text(stdout, fact);
	printf("%*s ", (int)(mst_str_width(fact) < 14 ? 14 - mst_str_width(fact) : 0), "");
	mst_out_text(stdout, value);
	putchar('\n');
}

static void services_lines(struct json_object *services)
{
	struct mst_buf text;

	mst_buf_init(&text, MST_MAX_DOC);
	for (size_t i = 0; services && i < json_object_array_length(services); i++) {
		struct json_object *service = json_object_array_get_idx(services, i);

		mst_buf_reset(&text);
		service_fact(&text, service);
		line(i ? " " : "services", mst_buf_text(&text));
		mst_buf_reset(&text);
		scripts_fact(&text, mst_json_array(service, "scripts"));
		line(" ", mst_buf_text(&text));
	}
	mst_buf_free(&text);
}

/* How the record was kept, which is no fact of the interface: said as a remark. */
static const char *remark_of(const char *key)
{
	if (strcmp(key, "cut") == 0)
		return "some of its texts were longer than is kept, and were cut";
	if (strcmp(key, "repaired") == 0 || strcmp(key, "_repaired") == 0)
		return "some of its texts held bytes that are no text; these show as \357\277\275";
	return NULL;
}

static void remark_lines(struct json_object *doc)
{
	const char *last = "";

	json_object_object_foreach(doc, key, value)
	{
		const char *remark = remark_of(key);

		if (!remark || !json_object_get_boolean(value) || strcmp(remark, last) == 0)
			continue;
		line("note", remark);
		last = remark;
	}
}

static void record_lines(struct json_object *doc)
{
	struct mst_buf text;

	mst_buf_init(&text, MST_MAX_DOC);
	json_object_object_foreach(doc, key, value)
	{
		if (key[0] == '_' || remark_of(key) ||
		    (json_object_is_type(value, json_type_boolean) && !json_object_get_boolean(value)))
			continue;
		mst_buf_reset(&text);
		if (strcmp(key, "services") == 0) {
			services_lines(value);
			continue;
		}
		if (strcmp(key, "names") == 0)
			names_fact(&text, doc);
		else if (strcmp(key, "os") == 0)
			os_fact(&text, doc);
		else if (strcmp(key, "ports") == 0)
			ports_fact(&text, doc);
		else if (strcmp(key, "scripts") == 0)
			scripts_fact(&text, value);
		else
			other_fact(&text, key, value);
		line(key, mst_buf_text(&text));
	}
	remark_lines(doc);
	mst_buf_free(&text);
}

static void observation(const struct mst_cli *cli, struct json_object *item, int64_t now)
{
	struct json_object *doc = mst_json_object(item, "doc");
	char first[MST_FORMAT_SIZE], last[MST_FORMAT_SIZE], ago[MST_FORMAT_SIZE];

	mst_format_ago(mst_json_int(item, "last_seen", 0), now, ago);
	printf("  %s", mst_out_on(cli->colour, MST_STYLE_BOLD));
	mst_out_text(stdout, mst_json_text(item, "method", "?"));
	fputs(mst_out_off(cli->colour), stdout);
	fputs("   profile ", stdout);
	mst_out_text(stdout, mst_json_text(item, "profile", ""));
	fputs(", zone ", stdout);
	mst_out_text(stdout, mst_json_text(item, "zone", ""));
	printf("   seen %s", mst_format_time(mst_json_int(item, "first_seen", 0), first));
	if (mst_json_int(item, "first_seen", 0) != mst_json_int(item, "last_seen", 0))
		printf(" to %s", mst_format_time(mst_json_int(item, "last_seen", 0), last));
	printf(" (%s%s)", ago, strcmp(ago, "now") == 0 ? "" : " ago");
	if (mst_json_int(item, "missed", 0) > 0)
		printf("   missed by %" PRId64 " complete runs since", mst_json_int(item, "missed", 0));
	fputs("\n    observation    ", stdout);
	mst_out_text(stdout, mst_json_text(item, "_id", mst_json_text(item, "id", "")));
	putchar('\n');
	if (doc)
		record_lines(doc);
}

/* Does this observation carry the merged value? */
static bool says(struct json_object *item, const char *fact, const char *value)
{
	struct json_object *doc = mst_json_object(item, "doc"), *os = mst_json_object(doc, "os"),
	                   *names = mst_json_array(doc, "names");

	if (strcmp(fact, "os_platform") == 0)
		return strcmp(mst_json_text(os, "platform", ""), value) == 0;
	if (strcmp(fact, "os_generation") == 0)
		return strcmp(mst_json_text(os, "generation", ""), value) == 0;
	if (strcmp(fact, "ports") == 0)
		return mst_json_array(doc, "ports") != NULL;
	if (strcmp(fact, "hostname") == 0) {
		for (size_t i = 0; names && i < json_object_array_length(names); i++)
			if (strcmp(mst_json_text(json_object_array_get_idx(names, i), "name", ""), value) == 0)
				return true;
		return false;
	}
	return strcmp(mst_json_text(doc, fact, ""), value) == 0;
}

static void sources(struct mst_buf *from, struct mst_buf *when, const char *fact, const char *value,
                    struct json_object *observations, int64_t now)
{
	int64_t latest = 0;
	char ago[MST_FORMAT_SIZE];

	for (size_t i = 0; observations && i < json_object_array_length(observations); i++) {
		struct json_object *item = json_object_array_get_idx(observations, i);

		if (!says(item, fact, value))
			continue;
		mst_buf_printf(from, "%s%s (%s)", from->len ? ", " : "", mst_json_text(item, "profile", ""),
		               mst_json_text(item, "method", ""));
		if (mst_json_int(item, "last_seen", 0) > latest)
			latest = mst_json_int(item, "last_seen", 0);
	}
	mst_buf_str(when, mst_format_ago(latest, now, ago));
}

/* A list of one that says what the line before it said. */
static bool is_repeated(struct json_object *interface, const char *fact, const char *value)
{
	return (strcmp(fact, "ips") == 0 && strcmp(value, mst_json_text(interface, "ip", "")) == 0) ||
	       (strcmp(fact, "hostnames") == 0 && strcmp(value, mst_json_text(interface, "hostname", "")) == 0);
}

static void merged_rows(struct mst_table *table, struct json_object *interface, struct json_object *observations,
                        int64_t now)
{
	static const char *const facts[] = {
	        "ip",
	        "ips",
	        "nat_ip",
	        "mac",
	        "vendor",
	        "hostname",
	        "hostnames",
	        "os_platform",
	        "os_generation",
	        "os_accuracy",
	        "ports",
	        "distance",
	        "computer_id",
	        "location",
	        "labels",
	        "methods",
	        "profiles",
	        "first_seen",
	        "last_seen",
	        "last_discovered",
	        "first_managed",
	        "last_managed",
	        "created",
	        "updated",
	        "note",
	        "os_note",
	};
	struct mst_buf value, from, when;

	mst_buf_init(&value, MST_MAX_DOC);
	mst_buf_init(&from, MST_MAX_DOC);
	mst_buf_init(&when, 64);
	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		struct json_object *json = NULL;

		mst_buf_reset(&value);
		mst_buf_reset(&from);
		mst_buf_reset(&when);
		if (json_object_object_get_ex(interface, facts[i], &json))
			other_fact(&value, facts[i], json);
		if (value.len == 0 || strcmp(mst_buf_text(&value), "0") == 0 ||
		    is_repeated(interface, facts[i], mst_buf_text(&value)))
			continue;
		sources(&from, &when, facts[i], mst_buf_text(&value), observations, now);
		mst_table_add(table, facts[i], MST_STYLE_NONE);
		mst_table_add(table, mst_buf_text(&value), MST_STYLE_NONE);
		mst_table_add(table, mst_buf_text(&from), MST_STYLE_DIM);
		mst_table_add(table, mst_buf_text(&when), MST_STYLE_DIM);
	}
	mst_buf_free(&value);
	mst_buf_free(&from);
	mst_buf_free(&when);
}

static int merged(struct mst_cli *cli, struct json_object *interface, struct json_object *observations, int64_t now,
                  struct mst_err *err)
{
	const char *state = mst_json_text(interface, "state", ""),
	           *reason = mst_json_text(interface, "state_reason", "");
	struct mst_table table;

	printf("%sInterface ", mst_out_on(cli->colour, MST_STYLE_BOLD));
	mst_out_text(stdout, mst_json_text(interface, "id", ""));
	printf("%s   %s%s%s", mst_out_off(cli->colour), mst_out_on(cli->colour, mst_format_state_style(state)), state,
	       mst_out_off(cli->colour));
	if (reason[0]) {
		fputs(" (", stdout);
		mst_out_text(stdout, reason);
		putchar(')');
	}
	fputs("   zone ", stdout);
	mst_out_text(stdout, mst_json_text(interface, "zone", ""));
	fputs("   known by ", stdout);
	mst_out_text(stdout, mst_json_text(interface, "identity", ""));
	putchar('\n');
	mst_table_init(&table);
	table.blanks = true;
	mst_table_add_column(&table, "fact", 0, 8, false);
	mst_table_add_column(&table, "value", 2, 24, false);
	mst_table_add_column(&table, "from", 3, 8, false);
	mst_table_add_column(&table, "seen", 1, 4, false);
	merged_rows(&table, interface, observations, now);
	return mst_out_table(cli, &table, err);
}

int mst_interfaces_show(struct mst_cli *cli, struct mst_err *err)
{
	struct json_object *answer = NULL, *observations;
	int64_t now = mst_time_now(), history, at = 0;
	char query[48] = "", *path;
	int rc = mst_interfaces_at(cli, &at, err);

	if (rc != MST_OK)
		return rc;
	if (at) {
		snprintf(query, sizeof(query), "?at=%" PRId64, at);
		now = at;
	}
	path = mst_cli_path("/v1/interfaces/", cli->words[0], query);
	rc = path ? mst_cli_call(cli, "GET", path, NULL, &answer, err) : mst_err_no_memory(err);
	free(path);
	if (rc != MST_OK)
		return rc;
	if (cli->format == MST_CLI_CSV) {
		json_object_put(answer);
		return mst_err_set(err, MST_E_USAGE, "one interface is no table: use --json");
	}
	if (cli->format != MST_CLI_TABLE) {
		(cli->format == MST_CLI_JSON ? mst_out_json : mst_out_line)(answer);
		json_object_put(answer);
		return MST_OK;
	}
	observations = mst_json_array(answer, "observations");
	history = mst_json_int(answer, "history", 0);
	rc = merged(cli, mst_json_object(answer, "interface"), observations, now, err);
	if (rc == MST_OK && at) {
		char text[MST_FORMAT_SIZE];

		mst_cli_note(cli, "as it was at %s; what changed since: muster interfaces history %s",
		             mst_format_time(at, text), mst_json_text(mst_json_object(answer, "interface"), "id", ""));
	} else if (rc == MST_OK) {
		printf("\n%sWhat each source saw%s\n", mst_out_on(cli->colour, MST_STYLE_BOLD),
		       mst_out_off(cli->colour));
		for (size_t i = 0; observations && i < json_object_array_length(observations); i++)
			observation(cli, json_object_array_get_idx(observations, i), now);
		if (history > 0)
			printf("  %" PRId64 " older observation%s kept: muster interfaces history\n", history,
			       history == 1 ? " is" : "s are");
	}
	json_object_put(answer);
	return rc;
}
