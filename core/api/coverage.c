/* SPDX-License-Identifier: Apache-2.0 */
/* For each network that somebody named (locations, zones, profiles): when it was covered last, and how much of it. */
#include <bson/bson.h>
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/addr.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"
#include "import/coverage.h"

#define DAY_MS         (24ll * 3600 * 1000)
#define ROWS_MAX       (2u * MST_MAX_LOCATIONS)
#define ATTEND_AGE_MS  (30 * DAY_MS)
#define ATTENTION_MOST 3u
#define ATTEND_ROWS    20000u /* with more networks than this, looking at all of them is not for every call of `muster` */

/* A network as somebody wrote it, and what they call it. */
struct row {
	char *zone, *name;
	struct mst_range network;
	struct mst_cover_answer answer;
};
struct rows {
	struct row *items;
	size_t count, cap;
	struct mst_cover *cover;
};

static void rows_free(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].zone);
		free(rows->items[i].name);
	}
	free(rows->items);
	mst_cover_free(rows->cover);
	memset(rows, 0, sizeof(*rows));
}

static int add_row(struct rows *rows, const char *zone, const char *name, const struct mst_range *network,
                   struct mst_err *err)
{
	struct row *row;

	if (rows->count >= ROWS_MAX)
		return mst_err_set(err, MST_E_LIMIT, "more than %u networks: join neighbouring ones", ROWS_MAX);
	if (rows->count == rows->cap) {
		size_t cap = rows->cap ? rows->cap * 2 : 64;
		struct row *items = realloc(rows->items, cap * sizeof(*items));

		if (!items)
			return mst_err_no_memory(err);
		rows->items = items;
		rows->cap = cap;
	}
	row = &rows->items[rows->count];
	*row = (struct row){.zone = mst_str_dup(zone), .name = mst_str_dup(name), .network = *network};
	if (row->zone && row->name) {
		rows->count++;
		return MST_OK;
	}
	free(row->zone);
	free(row->name);
	return mst_err_no_memory(err);
}

/* The networks of a list, names of hosts left out. */
static int add_list(struct rows *rows, const char *zone, const char *name, const char *list, struct mst_err *err)
{
	struct mst_buf item;
	int rc = MST_OK;

	mst_buf_init(&item, MST_MAX_TARGET_TOKEN);
	while (rc == MST_OK && mst_str_next_item(&list, ',', &item)) {
		struct mst_range network;

		if (mst_range_parse(mst_buf_text(&item), &network))
			rc = add_row(rows, zone, name, &network, err);
	}
	mst_buf_free(&item);
	return rc;
}

static int add_zones(struct rows *rows, const struct mst_settings *settings, struct mst_err *err)
{
	int rc = MST_OK;

	for (size_t i = 0; i < settings->zone_count && rc == MST_OK; i++) {
		const struct mst_zone *zone = &settings->zones[i];
		struct mst_buf text;
		char name[80];

		snprintf(name, sizeof(name), "zone %s", zone->name);
		mst_buf_init(&text, MST_MAX_DOC);
		if (zone->networks.count > 0 && mst_addr_set_text(&zone->networks, &text) == 0)
			rc = add_list(rows, zone->name, name, mst_buf_text(&text), err);
		mst_buf_free(&text);
	}
	return rc;
}

/* The targets whose number is limited are those that a profile scans; others are taken off. */
static int add_profiles(struct rows *rows, const struct mst_settings *settings, struct mst_err *err)
{
	int rc = MST_OK;

	for (size_t i = 0; i < settings->profile_count && rc == MST_OK; i++) {
		const struct mst_profile *profile = &settings->profiles[i];
		char name[80];

		snprintf(name, sizeof(name), "profile %s", profile->name);
		for (size_t v = 0; v < profile->options.count && rc == MST_OK; v++) {
			const struct mst_option_value *value = &profile->options.values[v];

			if (value->def->type == MUSTER_OPTION_TARGETS && value->def->limited_by && value->text)
				rc = add_list(rows, profile->zone, name, value->text, err);
		}
	}
	return rc;
}

static const char *text_of(const bson_t *doc, const char *key)
{
	bson_iter_t at;

	return bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL) : "";
}

/* A location names no zone: it is one row for each zone that has or covers such addresses, else one of the default zone. */
static int add_location(struct rows *rows, const struct mst_settings *settings, const bson_t *doc, struct mst_err *err)
{
	struct mst_range network;
	const char *name = text_of(doc, "location"), *zone;
	size_t found = 0;
	int rc = MST_OK;

	if (!mst_range_parse(text_of(doc, "network"), &network))
		return MST_OK;
	for (size_t i = 0; (zone = mst_cover_zone(rows->cover, &network, i)) != NULL && rc == MST_OK; i++, found++)
		rc = add_row(rows, zone, name, &network, err);
	for (size_t i = 0; i < settings->zone_count && rc == MST_OK; i++) {
		struct mst_cover_answer answer;

		if (!mst_addr_set_overlaps(&settings->zones[i].networks, &network))
			continue;
		mst_cover_ask(rows->cover, settings->zones[i].name, &network, 0, &answer);
		if (answer.last == 0)
			rc = add_row(rows, settings->zones[i].name, name, &network, err);
		found++;
	}
	return rc == MST_OK && found == 0 ? add_row(rows, "default", name, &network, err) : rc;
}

static int add_locations(struct mst_call *call, struct rows *rows, struct mst_err *err)
{
	struct mst_find find = {.collection = "locations", .limit = MST_MAX_LOCATIONS};
	struct mst_cursor *cursor = NULL;
	int rc = mst_store_find(call->store, &find, &cursor, err);

	while (rc == MST_OK) {
		bson_t doc;

		rc = mst_cursor_next(cursor, &doc, err);
		if (rc == MST_OK)
			rc = add_location(rows, call->settings, &doc, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	return rc == MST_E_END ? MST_OK : rc;
}

static int by_place(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = strcmp(a->zone, b->zone);

	if (order == 0)
		order = mst_addr_compare(&a->network.first, &b->network.first);
	if (order == 0)
		order = -mst_addr_compare(&a->network.last, &b->network.last);
	return order ? order : strcmp(a->name, b->name);
}

/* One network that two people named is one row with both names. */
static int join_rows(struct rows *rows, struct mst_err *err)
{
	size_t kept = 0;

	if (rows->count > 1)
		qsort(rows->items, rows->count, sizeof(*rows->items), by_place);
	for (size_t i = 0; i < rows->count; i++) {
		struct row *row = &rows->items[i], *last = kept ? &rows->items[kept - 1] : NULL;

		if (last && strcmp(last->zone, row->zone) == 0 &&
		    mst_addr_compare(&last->network.first, &row->network.first) == 0 &&
		    mst_addr_compare(&last->network.last, &row->network.last) == 0) {
			char *both = strcmp(last->name, row->name) == 0
			                     ? mst_str_dup(last->name)
			                     : mst_str_printf("%s, %s", last->name, row->name);

			if (!both)
				return mst_err_no_memory(err);
			free(last->name);
			last->name = both;
			free(row->zone);
			free(row->name);
			row->zone = row->name = NULL;
			continue;
		}
		if (&rows->items[kept] != row) {
			rows->items[kept] = *row;
			row->zone = row->name = NULL;
		}
		kept++;
	}
	rows->count = kept;
	return MST_OK;
}

static int rows_load(struct mst_call *call, int64_t since, struct rows *rows, struct mst_err *err)
{
	int rc = mst_cover_load(&rows->cover, call->store, err);

	if (rc == MST_OK)
		rc = add_zones(rows, call->settings, err);
	if (rc == MST_OK)
		rc = add_profiles(rows, call->settings, err);
	if (rc == MST_OK)
		rc = add_locations(call, rows, err);
	if (rc == MST_OK)
		rc = join_rows(rows, err);
	for (size_t i = 0; i < rows->count && rc == MST_OK; i++)
		mst_cover_ask(rows->cover, rows->items[i].zone, &rows->items[i].network, since, &rows->items[i].answer);
	return rc;
}

/* "10.1.0.0/16", and "10.1.0.5-10.1.0.9" for what is no CIDR. */
static void network_text(const struct mst_range *network, struct mst_buf *out)
{
	char first[MST_ADDR_TEXT], last[MST_ADDR_TEXT];
	struct mst_addr_set set;

	mst_addr_set_init(&set);
	mst_buf_reset(out);
	if (mst_addr_set_add(&set, network) != 0 || mst_addr_set_text(&set, out) != 0 ||
	    strchr(mst_buf_text(out), ',')) {
		mst_buf_reset(out);
		mst_addr_text(&network->first, first);
		mst_addr_text(&network->last, last);
		mst_buf_printf(out, "%s-%s", first, last);
	}
	mst_addr_set_free(&set);
}

/* Percent with one digit; 100 only when nothing is missing. */
static double percent(double part, double whole)
{
	double share = 100 * part / whole;
	double rounded = (double)(int64_t)(share * 10) / 10;

	return part >= whole ? 100 : part > 0 && rounded == 0 ? 0.1 : rounded;
}

static struct json_object *row_json(const struct row *row, bool aged)
{
	struct json_object *out = json_object_new_object();
	struct mst_buf text;

	mst_buf_init(&text, 4096);
	network_text(&row->network, &text);
	mst_json_add_text(out, "network", mst_buf_text(&text));
	mst_json_add_text(out, "zone", row->zone);
	mst_json_add_text(out, "name", row->name);
	mst_json_add_int(out, "addresses", row->answer.addresses < 9e18 ? (int64_t)row->answer.addresses : INT64_MAX);
	json_object_object_add(out, "covered",
	                       json_object_new_double(percent(row->answer.covered, row->answer.addresses)));
	if (aged)
		json_object_object_add(out, "covered_since",
		                       json_object_new_double(percent(row->answer.fresh, row->answer.addresses)));
	mst_json_add_int(out, "last_covered", row->answer.last);
	mst_json_add_int(out, "whole_since", row->answer.whole);
	mst_json_add_text(out, "profile", row->answer.profile);
	mst_json_add_int(out, "run", row->answer.number);
	mst_buf_free(&text);
	return out;
}

struct wanted {
	const char *zone;
	struct mst_range network;
	bool has_network, aged;
	int64_t since, limit;
};

static int read_wanted(struct mst_call *call, struct wanted *wanted, struct mst_err *err)
{
	const char *network = mst_call_query(call, "network"), *age = mst_call_query(call, "older_than");
	int64_t ms = 0;
	int rc = mst_call_query_int(call, "limit", 1, ROWS_MAX, ROWS_MAX, &wanted->limit, err);

	wanted->zone = mst_call_query(call, "zone");
	if (rc == MST_OK && network && network[0]) {
		wanted->has_network = mst_range_parse(network, &wanted->network);
		if (!wanted->has_network)
			rc = mst_err_set(err, MST_E_USAGE, "network=%.64s: a network such as 10.1.0.0/16 is wanted",
			                 network);
	}
	if (rc == MST_OK && age && age[0]) {
		rc = mst_str_duration(age, &ms, err);
		wanted->aged = true;
		wanted->since = mst_time_now() - ms;
	}
	return rc;
}

static bool is_wanted(const struct wanted *wanted, const struct row *row)
{
	if (wanted->zone && wanted->zone[0] && strcmp(wanted->zone, row->zone) != 0)
		return false;
	if (wanted->has_network && (mst_addr_compare(&row->network.last, &wanted->network.first) < 0 ||
	                            mst_addr_compare(&row->network.first, &wanted->network.last) > 0))
		return false;
	return !wanted->aged || row->answer.last < wanted->since;
}

int mst_api_coverage(struct mst_call *call, struct mst_err *err)
{
	struct rows rows = {.items = NULL};
	struct wanted wanted = {.zone = NULL};
	struct json_object *items = json_object_new_array();
	int64_t total = 0;
	int rc = read_wanted(call, &wanted, err);

	if (rc == MST_OK)
		rc = rows_load(call, wanted.since, &rows, err);
	for (size_t i = 0; i < rows.count && rc == MST_OK; i++) {
		if (is_wanted(&wanted, &rows.items[i]) && total++ < wanted.limit)
			json_object_array_add(items, row_json(&rows.items[i], wanted.aged));
	}
	rows_free(&rows);
	if (rc != MST_OK) {
		json_object_put(items);
		return rc;
	}
	if (call->ndjson) {
		for (size_t i = 0; i < json_object_array_length(items); i++) {
			mst_buf_str(&call->text, json_object_to_json_string_ext(
			                                 json_object_array_get_idx(items, i),
			                                 JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
			mst_buf_char(&call->text, '\n');
		}
		if (call->text.len == 0)
			mst_buf_char(&call->text, '\n');
		call->content_type = "application/x-ndjson";
		json_object_put(items);
		return MST_OK;
	}
	call->answer = json_object_new_object();
	json_object_object_add(call->answer, "items", items);
	mst_json_add_int(call->answer, "total", total);
	return MST_OK;
}

static int by_age(const void *left, const void *right)
{
	const struct row *a = *(const struct row *const *)left, *b = *(const struct row *const *)right;

	return a->answer.last < b->answer.last ? -1 : a->answer.last > b->answer.last;
}

static void attend_row(const struct row *row, size_t more, int64_t now,
                       void (*attend)(void *data, const char *subject, const char *text, const char *next), void *data)
{
	struct mst_buf network, text;

	mst_buf_init(&network, 4096);
	mst_buf_init(&text, 4096);
	network_text(&row->network, &network);
	mst_buf_printf(&text, "%s not covered for %lld days", mst_buf_text(&network),
	               (long long)((now - row->answer.last) / DAY_MS));
	if (more > 0)
		mst_buf_printf(&text, ", and %zu more networks", more);
	attend(data, row->zone, mst_buf_text(&text), "muster coverage --older-than 30d");
	mst_buf_free(&network);
	mst_buf_free(&text);
}

int mst_coverage_attend(struct mst_call *call,
                        void (*attend)(void *data, const char *subject, const char *text, const char *next), void *data,
                        struct mst_err *err)
{
	struct rows rows = {.items = NULL};
	const struct row **old;
	int64_t now = mst_time_now();
	size_t count = 0;
	int rc = rows_load(call, 0, &rows, err);

	old = calloc(rows.count + 1, sizeof(const struct row *));
	for (size_t i = 0; old && i < rows.count && rc == MST_OK && rows.count <= ATTEND_ROWS; i++)
		if (rows.items[i].answer.last > 0 && rows.items[i].answer.last < now - ATTEND_AGE_MS)
			old[count++] = &rows.items[i];
	if (count > 1)
		qsort(old, count, sizeof(const struct row *), by_age);
	for (size_t i = 0; i < count && i < ATTENTION_MOST; i++)
		attend_row(old[i], i + 1 == ATTENTION_MOST ? count - ATTENTION_MOST : 0, now, attend, data);
	free(old);
	rows_free(&rows);
	return rc;
}
