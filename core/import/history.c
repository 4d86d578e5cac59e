/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of one interface, and the view of a moment. */
#include "import/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "import/classify.h"
#include "import/doc.h"
#include "import/merge.h"
#include "import/states.h"
#include "store/collections.h"

#define HOLDERS_MAX 1000u
#define CHANGE_MAX  4000u

static int first_time(struct mst_store *store, int64_t *out, struct mst_err *err)
{
	bson_t sort = BSON_INITIALIZER, doc;
	struct mst_find find = {.collection = "interfaces", .sort = &sort, .fields = "first_seen"};
	mst_doc_add_int(&sort, "first_seen", 1);
	int code = mst_store_find_one(store, &find, &doc, err);
	bson_destroy(&sort);
	*out = 0;
	if (code == MST_E_NOT_FOUND)
		return 0;
	if (code != 0)
		return code;
	*out = mst_doc_int(&doc, "first_seen", 0);
	bson_destroy(&doc);
	return 0;
}

int mst_history_kept(struct mst_store *store, int64_t *whole, int64_t *first, struct mst_err *err)
{
	bson_t doc;
	int code = first ? first_time(store, first, err) : 0;
	if (code != 0 || !whole)
		return code;
	*whole = 0;
	code = mst_store_get(store, "counters", MST_COUNTER_HISTORY_FROM, &doc, err);
	if (code == MST_E_NOT_FOUND)
		return 0;
	if (code != 0)
		return code;
	*whole = mst_doc_int(&doc, "value", 0);
	bson_destroy(&doc);
	return 0;
}

int mst_history_check(struct mst_store *store, int64_t at, int64_t now, struct mst_err *err)
{
	char asked[32], kept[32];
	int64_t whole, first;
	int code = mst_history_kept(store, &whole, &first, err);
	if (code != 0)
		return code;
	mst_time_local(at, asked, sizeof asked);
	if (at > now)
		return mst_err_set(err, MST_E_USAGE, "%s has not come yet: name an earlier time", asked);
	if (first == 0)
		return mst_err_set(err, MST_E_NOT_FOUND, "nothing is stored, so nothing is known of %s", asked);
	mst_time_local(whole > first ? whole : first, kept, sizeof kept);
	if (at < whole)
		return mst_err_set(err, MST_E_NOT_FOUND,
		                   "%s is before what is kept: observations are kept since %s (retention.observations)",
		                   asked, kept);
	if (at < first)
		return mst_err_set(err, MST_E_NOT_FOUND, "%s is before what is kept: the first thing was seen at %s",
		                   asked, kept);
	return 0;
}

static int merge_of(const struct mst_import *import, struct mst_obs *const *obs, size_t count, bson_t *out,
                    struct mst_merge_result *result, struct mst_err *err)
{
	struct mst_merge_options options = {import->settings->lost_after, import->settings->ip_identity_ttl_ms, ""};
	return mst_merge(NULL, obs, count, &options, out, result, err);
}

/* What one state adds to the one before, in words. */
static int describe(struct mst_import *import, const struct mst_state *before, const struct mst_state *state,
                    struct mst_buf *out, struct mst_err *err)
{
	bson_t old = BSON_INITIALIZER, fresh = BSON_INITIALIZER;
	struct mst_merge_result result;
	struct mst_obs *const one[] = {before ? before->obs : NULL}, *const other[] = {state->obs};
	mst_buf_reset(out);
	int code = before ? merge_of(import, one, 1, &old, &result, err) : 0;
	if (code == 0)
		code = merge_of(import, other, 1, &fresh, &result, err);
	if (code == 0 && before) {
		mst_merge_changes(&old, &fresh, out);
		if (out->len == 0)
			mst_buf_str(out, "details");
	} else if (code == 0) {
		bson_t nothing = BSON_INITIALIZER;
		/* What was known then is the whole difference to nothing. */
		mst_merge_changes(&nothing, &fresh, out);
		bson_destroy(&nothing);
	}
	bson_destroy(&old);
	bson_destroy(&fresh);
	return code;
}

struct told {
	const struct mst_state *before, *state;
};

static int by_time(const void *left, const void *right)
{
	const struct told *a = left, *b = right;
	if (a->state->from != b->state->from)
		return a->state->from < b->state->from ? -1 : 1;
	return strcmp(a->state->obs->id, b->state->obs->id);
}

static int tell(struct mst_import *import, const struct told *told, const char *created_run, mst_history_fn fn,
                void *data, struct mst_err *err)
{
	const struct mst_state *state = told->state;
	struct mst_buf change, whole;
	struct mst_history_event event = {.at = state->from,
	                                  .until = state->to,
	                                  .observation = state->obs->id,
	                                  .profile = state->obs->profile,
	                                  .zone = state->obs->zone};
	const char *ip = mst_doc_text(&state->obs->doc, "ip");
	mst_buf_init(&change, CHANGE_MAX);
	mst_buf_init(&whole, CHANGE_MAX + 32);
	int code = describe(import, told->before, state, &change, err);
	bool first = !told->before && state->from <= state->obs->first_seen;
	if (!told->before)
		mst_buf_printf(&whole, "%s%s%s", first ? "first seen" : "seen so, what was before is not kept",
		               change.len ? ": " : "", mst_buf_text(&change));
	event.change = told->before ? mst_buf_text(&change) : mst_buf_text(&whole);
	event.ip = ip ? ip : "";
	event.run = told->before ? told->before->run : first && created_run ? created_run : "";
	if (code == 0)
		code = fn(data, &event);
	mst_buf_free(&change);
	mst_buf_free(&whole);
	return code;
}

int mst_history_read(struct mst_import *import, const bson_t *interface, mst_history_fn fn, void *data,
                     struct mst_err *err)
{
	struct mst_states states = {.items = NULL};
	const char *id = mst_doc_text(interface, "_id");
	struct told *told;
	int code = mst_states_load(import, id ? id : "", &states, err);
	mst_states_sort(&states);
	told = calloc(states.count + 1, sizeof *told);
	if (code == 0 && !told)
		code = mst_err_no_memory(err);
	for (size_t i = 0; i < states.count && code == 0; i++) {
		const struct mst_state *before = i > 0 ? &states.items[i - 1] : NULL;
		if (before && !mst_states_same_source(before, &states.items[i]))
			before = NULL;
		told[i] = (struct told){before, &states.items[i]};
	}
	if (code == 0 && states.count > 1)
		qsort(told, states.count, sizeof *told, by_time);
	for (size_t i = 0; i < states.count && code == 0; i++) {
		/* Only the very first sighting was made by the run that made the interface. */
		const char *created = i == 0 ? mst_doc_text(interface, "created_run") : NULL;
		code = tell(import, &told[i], created, fn, data, err);
	}
	free(told);
	mst_states_free(&states);
	return code;
}

/* Of one source's states the one that held at a time: one that was seen before and after it, else the last one before it. */
static bool holds_better(const struct mst_state *state, const struct mst_state *best, int64_t at)
{
	bool inside = state->to >= at, best_inside = best && best->to >= at;
	if (state->from > at)
		return false;
	if (!best || inside != best_inside)
		return !best || inside;
	return inside ? state->from >= best->from : state->to >= best->to;
}

/* As things stood at that time: not seen later, and lost only if it is known to have been. */
static void turn_back(struct mst_state *state, int64_t at, bool lost, int64_t lost_after)
{
	struct mst_obs *obs = state->obs;
	obs->last_seen = state->to < at ? state->to : at;
	obs->first_seen = obs->first_seen < obs->last_seen ? obs->first_seen : obs->last_seen;
	obs->missed = lost ? lost_after : 0;
	obs->displaced &= at > state->to;
	obs->timed_out = false;
}

/* When it was lost; 0: it is not, or nobody knows when. */
static int64_t lost_since(struct mst_import *import, const bson_t *interface)
{
	const char *state = mst_doc_text(interface, "state"), *run = mst_doc_text(interface, "lost_run");
	int64_t since = 0;
	bson_t doc;
	if (!state || strcmp(state, "lost") != 0 || !run)
		return 0;
	if (mst_store_get(import->store, "runs", run, &doc, NULL) != 0)
		return mst_doc_int(interface, "updated", 0);
	since = mst_doc_int(&doc, "started", mst_doc_int(&doc, "created", 0));
	bson_destroy(&doc);
	return since;
}

static void finish_view(const struct mst_import *import, const bson_t *interface, const struct mst_merge_result *merged,
                        const bson_t *facts, int64_t at, bson_t *out)
{
	struct mst_labelling labelling;
	struct mst_class state;
	bson_t view = BSON_INITIALIZER, labels = BSON_INITIALIZER;
	uint32_t count = 0;
	bson_concat(&view, facts);
	mst_doc_copy(&view, interface, "manual_labels");
	mst_labels_apply(import->settings, &view, &labelling);
	struct mst_class_input input = {mst_doc_bool(interface, "ignored"), merged->lost, merged->managed,
	                                import->settings->lost_after, mst_doc_text(facts, "os_platform")};
	mst_classify(&input, &labelling, &state);
	mst_doc_copy(out, interface, "_id");
	mst_doc_copy(out, interface, "number");
	mst_doc_copy(out, interface, "manual_labels");
	mst_doc_copy(out, interface, "ignored");
	mst_doc_add_text(out, "state", state.state);
	mst_doc_add_text(out, "state_reason", state.reason);
	bson_concat(out, facts);
	for (size_t i = 0; i < labelling.label_count; i++)
		mst_doc_push_text(&labels, &count, labelling.labels[i]);
	if (count > 0)
		bson_append_array(out, "labels", -1, &labels);
	const struct mst_location *location =
	        mst_locations_find(&import->locations, mst_doc_text(facts, "ip"), mst_doc_text(facts, "nat_ip"));
	if (location)
		mst_doc_add_text(out, "location", location->text);
	mst_doc_add_int(out, "at", at);
	bson_destroy(&view);
	bson_destroy(&labels);
}

int mst_history_merge(struct mst_import *import, const bson_t *interface, struct mst_states *states, int64_t at,
                      bson_t *out, struct mst_err *err)
{
	int64_t lost = lost_since(import, interface);
	struct mst_obs **held = calloc(states->count + 1, sizeof(struct mst_obs *));
	bson_t facts = BSON_INITIALIZER;
	struct mst_merge_result merged;
	size_t count = 0;
	int code = held ? 0 : mst_err_no_memory(err);
	mst_states_sort(states);
	for (size_t i = 0; i < states->count && code == 0;) {
		struct mst_state *best = NULL, *first = &states->items[i];
		for (; i < states->count && mst_states_same_source(first, &states->items[i]); i++)
			if (holds_better(&states->items[i], best, at))
				best = &states->items[i];
		if (!best)
			continue;
		turn_back(best, at, lost > 0 && lost <= at, import->settings->lost_after);
		held[count++] = best->obs;
	}
	if (code == 0 && count == 0)
		code = mst_err_set(err, MST_E_NOT_FOUND,
		                   "it was not seen before that time, or what it was is not kept");
	if (code == 0)
		code = merge_of(import, held, count, &facts, &merged, err);
	if (code == 0) {
		bson_init(out);
		finish_view(import, interface, &merged, &facts, at, out);
	}
	bson_destroy(&facts);
	free(held);
	return code;
}

int mst_history_view(struct mst_import *import, const bson_t *interface, int64_t at, bson_t *out, struct mst_err *err)
{
	struct mst_states states = {.items = NULL};
	const char *id = mst_doc_text(interface, "_id");
	int code = mst_states_load(import, id ? id : "", &states, err);
	if (code == 0)
		code = mst_history_merge(import, interface, &states, at, out, err);
	mst_states_free(&states);
	return code;
}

static int add_holders(struct mst_store *store, const char *collection, const char *ip, bson_t *ids, uint32_t *count,
                       struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	struct mst_find find = {
	        .collection = collection, .filter = &filter, .fields = "interface,observation", .limit = HOLDERS_MAX};
	struct mst_cursor *cursor = NULL;
	mst_doc_add_text(&filter, "ip", ip);
	int code = mst_store_find(store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc, owner;
		code = mst_cursor_next(cursor, &doc, err);
		const char *id = code == 0 ? mst_doc_text(&doc, "interface") : NULL;
		const char *observation = code == 0 ? mst_doc_text(&doc, "observation") : NULL;
		/* Whose interface became a part of another one is found by who has its observation now. */
		if (observation && (!id || mst_store_get(store, "interfaces", id, &owner, NULL) == MST_E_NOT_FOUND)) {
			bson_t now;
			if (mst_store_get(store, "observations", observation, &now, NULL) == 0) {
				const char *other = mst_doc_text(&now, "interface");
				if (other && !mst_doc_holds(ids, other) && *count < HOLDERS_MAX)
					mst_doc_push_text(ids, count, other);
				bson_destroy(&now);
			}
			continue;
		}
		if (observation)
			bson_destroy(&owner);
		if (id && !mst_doc_holds(ids, id) && *count < HOLDERS_MAX)
			mst_doc_push_text(ids, count, id);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return code == MST_E_END ? 0 : code;
}

int mst_history_holders(struct mst_store *store, const struct mst_addr *addr, bson_t *ids, struct mst_err *err)
{
	char ip[MST_ADDR_TEXT];
	uint32_t count = 0;
	mst_addr_text(addr, ip);
	int code = add_holders(store, "observations", ip, ids, &count, err);
	return code == 0 ? add_holders(store, "observation_history", ip, ids, &count, err) : code;
}
