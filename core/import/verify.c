/* SPDX-License-Identifier: Apache-2.0 */
/* Do the documents agree? Two cursors that run side by side, so that memory stays flat however much is stored. */
#include <inttypes.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/doc.h"
#include "import/room.h"

#define SUSPECTS_MAX  100u /* per question; more of one kind tell nothing new */
#define PROGRESS_STEP 5000
#define KEY_MAX       600u

struct verifying {
	struct mst_store *store;
	const struct muster_store_watch *watch;
	struct mst_err *err;
	int64_t seen;
};

/* One document that points nowhere. */
struct suspect {
	char id[KEY_MAX], target[MST_ID_SIZE];
};

/* Both sides come in the order of the id that they share. */
struct side {
	struct mst_cursor *cursor;
	const char *field;
	char key[KEY_MAX], id[KEY_MAX];
	bool ended;
};

static int step(struct verifying *v, struct side *side)
{
	bson_t doc;
	int code = mst_cursor_next(side->cursor, &doc, v->err);
	if (code == MST_E_END) {
		side->ended = true;
		return 0;
	}
	if (code != 0)
		return code;
	const char *key = mst_doc_text(&doc, side->field), *id = mst_doc_text(&doc, "_id");
	mst_doc_cut(side->key, sizeof side->key, key ? key : "");
	mst_doc_cut(side->id, sizeof side->id, id ? id : "");
	if (++v->seen % PROGRESS_STEP == 0 && v->watch->progress(v->watch->data, v->seen, 0) != 0)
		return mst_err_set(v->err, MST_E_CANCELLED, "it was stopped");
	return 0;
}

static int open_side(struct verifying *v, const char *collection, const char *field, struct side *side)
{
	char fields[64];
	bson_t sort = BSON_INITIALIZER;
	struct mst_find find = {.collection = collection, .sort = &sort, .fields = fields};
	snprintf(fields, sizeof fields, "_id,%s", field);
	mst_doc_add_int(&sort, field, 1);
	memset(side, 0, sizeof *side);
	side->field = field;
	int code = mst_store_find(v->store, &find, &side->cursor, v->err);
	bson_destroy(&sort);
	return code == 0 ? step(v, side) : code;
}

static void close_side(struct side *side)
{
	if (side->cursor)
		mst_cursor_close(side->cursor);
}

static bool is_there(struct verifying *v, const char *collection, const char *id)
{
	bson_t doc;
	int code = mst_store_get(v->store, collection, id, &doc, NULL);
	if (code == 0)
		bson_destroy(&doc);
	return code != MST_E_NOT_FOUND;
}

static void report(struct verifying *v, const char *collection, const char *id, const char *text)
{
	char where[KEY_MAX + 64];
	snprintf(where, sizeof where, "%s %s", collection, id);
	v->watch->report(v->watch->data, MUSTER_E_CORRUPT, where, text);
}

/* An import may have gone on between two cursors: whoever looks guilty is asked once more. */
static void judge(struct verifying *v, const char *from, const char *to, const struct suspect *suspects, size_t count)
{
	for (size_t i = 0; i < count && i < SUSPECTS_MAX; i++) {
		char text[200];
		if (!is_there(v, from, suspects[i].id) || is_there(v, to, suspects[i].target))
			continue;
		snprintf(text, sizeof text, "names %s %s, which is not there", to, suspects[i].target);
		report(v, from, suspects[i].id, text);
	}
	if (count > SUSPECTS_MAX) {
		char text[100];
		snprintf(text, sizeof text, "%zu more of this kind", count - SUSPECTS_MAX);
		report(v, from, "", text);
	}
}

/* Every document of `from` must name a document of `to` in `field`; without the field it names none. */
static int check_names(struct verifying *v, const char *from, const char *field, const char *to)
{
	struct side left, right = {.cursor = NULL};
	struct suspect *suspects = calloc(SUSPECTS_MAX, sizeof *suspects);
	size_t count = 0;
	int code = suspects ? open_side(v, from, field, &left) : mst_err_no_memory(v->err);
	if (!suspects)
		return code;
	if (code == 0)
		code = open_side(v, to, "_id", &right);
	while (code == 0 && !left.ended) {
		int order = left.key[0] == '\0' ? 0 : right.ended ? -1 : strcmp(left.key, right.key);
		if (order < 0) {
			if (count < SUSPECTS_MAX) {
				memcpy(suspects[count].id, left.id, sizeof suspects[count].id);
				mst_doc_cut(suspects[count].target, sizeof suspects[count].target, left.key);
			}
			count++;
		}
		code = order <= 0 ? step(v, &left) : step(v, &right);
	}
	close_side(&left);
	close_side(&right);
	if (code == 0)
		judge(v, from, to, suspects, count);
	free(suspects);
	return code;
}

static bool has_observation(struct verifying *v, const char *interface)
{
	bson_t filter = BSON_INITIALIZER;
	int64_t count = 0;
	mst_doc_add_text(&filter, "interface", interface);
	int code = mst_store_count(v->store, "observations", &filter, &count, NULL);
	bson_destroy(&filter);
	return code != 0 || count > 0;
}

/* An interface is what its observations say: one without any would stay as it is for ever. */
static int check_observed(struct verifying *v)
{
	struct side left, right = {.cursor = NULL};
	unsigned found = 0;
	int code = open_side(v, "interfaces", "_id", &left);
	if (code == 0)
		code = open_side(v, "observations", "interface", &right);
	while (code == 0 && !left.ended && found < SUSPECTS_MAX) {
		int order = right.ended ? -1 : strcmp(left.key, right.key);
		if (order < 0 && !has_observation(v, left.id) && is_there(v, "interfaces", left.id)) {
			report(v, "interfaces", left.id, "has no observation: no source saw it");
			found++;
		}
		code = order <= 0 ? step(v, &left) : step(v, &right);
	}
	close_side(&left);
	close_side(&right);
	return code;
}

/* A number that is given out twice would make two interfaces answer to one id. */
static int check_counter(struct verifying *v, const char *collection)
{
	bson_t sort = BSON_INITIALIZER, last, counter;
	struct mst_find find = {.collection = collection, .sort = &sort, .limit = 1, .fields = "number"};
	int64_t highest = 0, value = 0;
	mst_doc_add_int(&sort, "number", -1);
	int code = mst_store_find_one(v->store, &find, &last, v->err);
	bson_destroy(&sort);
	if (code == MST_E_NOT_FOUND)
		return 0;
	if (code != 0)
		return code;
	highest = mst_doc_int(&last, "number", 0);
	bson_destroy(&last);
	code = mst_store_get(v->store, "counters", collection, &counter, v->err);
	if (code == 0) {
		value = mst_doc_int(&counter, "value", 0);
		bson_destroy(&counter);
	}
	if (code == MST_E_NOT_FOUND)
		code = 0;
	if (code == 0 && value < highest) {
		char text[160];
		snprintf(text, sizeof text,
		         "stands at %" PRId64 ", but number %" PRId64
		         " is in use: the next ones would be given out twice",
		         value, highest);
		report(v, "counters", collection, text);
	}
	return code;
}

int mst_import_verify(struct mst_store *store, const struct muster_store_watch *watch, struct mst_err *err)
{
	struct verifying v = {.store = store, .watch = watch, .err = err};
	int code = check_names(&v, "observations", "interface", "interfaces");
	if (code == 0)
		code = check_names(&v, "identities", "interface", "interfaces");
	if (code == 0)
		code = check_observed(&v);
	if (code == 0)
		code = check_names(&v, "shards", "run", "runs");
	if (code == 0)
		code = check_counter(&v, "interfaces");
	return code == 0 ? check_counter(&v, "runs") : code;
}
