/* SPDX-License-Identifier: Apache-2.0 */
#include "import/states.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "import/doc.h"

#define STATES_MAX 5000u /* of one interface */
#define ROWS_MAX   2000u /* of one query */

void mst_states_free(struct mst_states *states)
{
	for (size_t i = 0; i < states->count; i++)
		mst_obs_free(states->items[i].obs);
	free(states->items);
	memset(states, 0, sizeof *states);
}

static struct mst_state *grow(struct mst_states *states)
{
	if (states->count == states->cap) {
		size_t cap = states->cap ? states->cap * 2 : 16;
		struct mst_state *items = realloc(states->items, cap * sizeof *items);
		if (!items)
			return NULL;
		states->items = items;
		states->cap = cap;
	}
	memset(&states->items[states->count], 0, sizeof *states->items);
	return &states->items[states->count];
}

/* A displaced observation is PROFILE/ZONE/KEY#INTERFACE: its source is that of the one that took its place. */
static size_t source_length(const struct mst_obs *obs)
{
	size_t length = strlen(obs->id), mark = MST_ID_SIZE; /* '#' and the id */
	return obs->displaced && length > mark && obs->id[length - mark] == '#' ? length - mark : length;
}

int mst_states_add_current(struct mst_states *states, const bson_t *doc, struct mst_err *err)
{
	struct mst_state *state = grow(states);
	if (states->count >= STATES_MAX)
		return 0;
	if (!state)
		return mst_err_no_memory(err);
	int code = mst_obs_from_bson(doc, &state->obs, err);
	if (code != 0)
		return code;
	state->from = state->obs->since > 0 ? state->obs->since : state->obs->first_seen;
	state->to = state->obs->last_seen;
	state->current = true;
	state->source = source_length(state->obs);
	states->count++;
	return 0;
}

/* PROFILE/ZONE/KEY: neither of the first two has a slash. */
static bool name_parts(struct mst_obs *obs, const char *id)
{
	const char *first = strchr(id, '/'), *second = first ? strchr(first + 1, '/') : NULL;
	if (!second)
		return false;
	obs->id = mst_str_dup(id);
	obs->profile = mst_str_dupn(id, (size_t)(first - id));
	obs->zone = mst_str_dupn(first + 1, (size_t)(second - first - 1));
	obs->source_key = mst_str_dup(second + 1);
	obs->method = mst_str_dup("");
	return obs->id && obs->profile && obs->zone && obs->source_key && obs->method;
}

int mst_states_add_past(struct mst_states *states, const bson_t *row, struct mst_err *err)
{
	struct mst_state *state = grow(states);
	const char *id = mst_doc_text(row, "observation"), *run = mst_doc_text(row, "run");
	bson_t doc;
	if (states->count >= STATES_MAX || !id || !mst_doc_object(row, "doc", &doc))
		return 0;
	if (!state)
		return mst_err_no_memory(err);
	struct mst_obs *obs = mst_obs_new();
	if (!obs || !name_parts(obs, id)) {
		mst_obs_free(obs);
		return obs ? 0 : mst_err_no_memory(err);
	}
	bson_destroy(&obs->doc);
	bson_copy_to(&doc, &obs->doc);
	state->obs = obs;
	state->from = obs->first_seen = obs->since = mst_doc_int(row, "from", 0);
	state->to = obs->last_seen = mst_doc_int(row, "to", 0);
	obs->os_seen = obs->ports_seen = obs->names_seen = obs->mac_seen = obs->last_seen;
	mst_doc_cut(state->run, sizeof state->run, run ? run : "");
	state->source = strlen(id);
	states->count++;
	return 0;
}

typedef int (*add_fn)(struct mst_states *states, const bson_t *doc, struct mst_err *err);

static int load(struct mst_import *import, const char *collection, const bson_t *filter, struct mst_states *states,
                add_fn add, struct mst_err *err)
{
	struct mst_find find = {.collection = collection, .filter = filter, .limit = ROWS_MAX};
	struct mst_cursor *cursor = NULL;
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code == 0)
			code = add(states, &doc, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	return code == MST_E_END ? 0 : code;
}

/* Rows under another name belong here only when that interface is gone: it became a part of this one. */
static int load_rows_of(struct mst_import *import, const char *interface, const char *observation,
                        struct mst_states *states, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, differs;
	struct mst_find find = {.collection = "observation_history", .filter = &filter, .limit = ROWS_MAX};
	struct mst_cursor *cursor = NULL;
	mst_doc_add_text(&filter, "observation", observation);
	bson_append_document_begin(&filter, "interface", -1, &differs);
	mst_doc_add_text(&differs, "$ne", interface);
	bson_append_document_end(&filter, &differs);
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t row, owner;
		code = mst_cursor_next(cursor, &row, err);
		if (code != 0)
			break;
		const char *other = mst_doc_text(&row, "interface");
		int there = other ? mst_store_get(import->store, "interfaces", other, &owner, NULL) : MST_E_NOT_FOUND;
		if (there == 0)
			bson_destroy(&owner);
		else if (there == MST_E_NOT_FOUND)
			code = mst_states_add_past(states, &row, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return code == MST_E_END ? 0 : code;
}

int mst_states_load_merged(struct mst_import *import, const char *interface, struct mst_states *states,
                           struct mst_err *err)
{
	size_t count = states->count;
	int code = 0;
	for (size_t i = 0; i < count && code == 0; i++) {
		const struct mst_state *state = &states->items[i];
		if (!state->current || state->from <= state->obs->first_seen)
			continue;
		char *id = mst_str_dupn(state->obs->id, state->source);
		code = id ? load_rows_of(import, interface, id, states, err) : mst_err_no_memory(err);
		free(id);
	}
	return code;
}

int mst_states_load(struct mst_import *import, const char *interface, struct mst_states *states, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER;
	mst_doc_add_text(&filter, "interface", interface);
	int code = load(import, "observations", &filter, states, mst_states_add_current, err);
	if (code == 0)
		code = load(import, "observation_history", &filter, states, mst_states_add_past, err);
	bson_destroy(&filter);
	return code == 0 ? mst_states_load_merged(import, interface, states, err) : code;
}

bool mst_states_same_source(const struct mst_state *a, const struct mst_state *b)
{
	return a->source == b->source && memcmp(a->obs->id, b->obs->id, a->source) == 0;
}

static int by_source(const void *left, const void *right)
{
	const struct mst_state *a = left, *b = right;
	size_t shorter = a->source < b->source ? a->source : b->source;
	int order = memcmp(a->obs->id, b->obs->id, shorter);
	if (order == 0 && a->source != b->source)
		order = a->source < b->source ? -1 : 1;
	if (order == 0 && a->from != b->from)
		order = a->from < b->from ? -1 : 1;
	if (order == 0 && a->to != b->to)
		order = a->to < b->to ? -1 : 1;
	return order ? order : (int)a->current - (int)b->current;
}

void mst_states_sort(struct mst_states *states)
{
	if (states->count > 1)
		qsort(states->items, states->count, sizeof *states->items, by_source);
}
