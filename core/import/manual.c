/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator changes by hand: labels, ignoring, locations, and looking at everything again. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "import/classify.h"
#include "import/doc.h"
#include "import/room.h"
#include "import/sweep.h"

#define MANUAL_LABELS_MAX 32u

struct hand {
	struct mst_import_change *out;
	char *add[MANUAL_LABELS_MAX], *remove[MANUAL_LABELS_MAX];
	size_t add_count, remove_count;
	bool ignore, undo; /* ignore: this is about ignoring */
};

static void hand_free(struct hand *hand)
{
	for (size_t i = 0; i < hand->add_count; i++)
		free(hand->add[i]);
	for (size_t i = 0; i < hand->remove_count; i++)
		free(hand->remove[i]);
}

/* A label may be any short text that neither a list nor a filter would take apart. */
static bool is_label(const char *text)
{
	if (!text[0] || strlen(text) > MST_MAX_LABEL_NAME || !mst_str_utf8_valid(text, strlen(text)))
		return false;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == ',' || *c == '"' || *c == '\\')
			return false;
	return true;
}

static int split(const char *list, char **out, size_t *count, struct mst_err *err)
{
	struct mst_buf item;
	int code = 0;
	mst_buf_init(&item, 4096);
	while (list && code == 0 && mst_str_next_item(&list, ',', &item)) {
		const char *text = mst_buf_text(&item);
		if (!is_label(text))
			code = mst_err_set(err, MST_E_USAGE,
			                   "\"%.80s\" is no label; use 1 to %u bytes without commas, quotes and "
			                   "control characters",
			                   text, MST_MAX_LABEL_NAME);
		else if (*count == MANUAL_LABELS_MAX)
			code = mst_err_set(err, MST_E_LIMIT, "more than %u labels at once", MANUAL_LABELS_MAX);
		else if (!(out[*count] = mst_str_dup(text)))
			code = mst_err_no_memory(err);
		else
			++*count;
	}
	mst_buf_free(&item);
	return code;
}

static bool among(const char *text, char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

static void add_sample(struct mst_import_change *out, const bson_t *doc)
{
	if (out->sample_count == sizeof out->sample / sizeof out->sample[0])
		return;
	struct mst_import_sample *sample = &out->sample[out->sample_count++];
	mst_doc_cut(sample->id, sizeof sample->id, mst_doc_text(doc, "_id"));
	sample->number = mst_doc_int(doc, "number", 0);
	mst_doc_cut(sample->ip, sizeof sample->ip, mst_doc_text(doc, "ip"));
	mst_doc_cut(sample->name, sizeof sample->name, mst_doc_text(doc, "hostname"));
	mst_doc_cut(sample->state, sizeof sample->state, mst_doc_text(doc, "state"));
}

/* The labels set by hand after the change. */
static void new_labels(const struct hand *hand, const bson_t *doc, bson_t *out, uint32_t *count)
{
	bson_t array;
	bson_iter_t iter;
	if (mst_doc_array(doc, "manual_labels", &array) && bson_iter_init(&iter, &array))
		while (bson_iter_next(&iter))
			if (BSON_ITER_HOLDS_UTF8(&iter) &&
			    !among(bson_iter_utf8(&iter, NULL), hand->remove, hand->remove_count))
				mst_doc_push_text(out, count, bson_iter_utf8(&iter, NULL));
	for (size_t i = 0; i < hand->add_count && *count < MANUAL_LABELS_MAX; i++)
		if (!mst_doc_holds(out, hand->add[i]))
			mst_doc_push_text(out, count, hand->add[i]);
}

static bool hand_wants(void *data, struct mst_import *import, const bson_t *doc)
{
	const struct hand *hand = data;
	bson_t labels = BSON_INITIALIZER, old;
	uint32_t count = 0;
	bool wants;
	(void)import;
	if (hand->ignore) {
		wants = mst_doc_bool(doc, "ignored") == hand->undo;
	} else {
		new_labels(hand, doc, &labels, &count);
		wants = mst_doc_array(doc, "manual_labels", &old) ? !bson_equal(&old, &labels) : count > 0;
	}
	bson_destroy(&labels);
	if (wants)
		add_sample(hand->out, doc);
	return wants;
}

static int hand_change(void *data, struct mst_work *work, struct mst_iface *iface, struct mst_err *err)
{
	const struct hand *hand = data;
	bson_t *given = bson_new(), labels = BSON_INITIALIZER;
	uint32_t count = 0;
	bool ignored = hand->ignore ? !hand->undo : mst_doc_bool(&iface->doc, "ignored");
	(void)work;
	(void)err;
	new_labels(hand, &iface->doc, &labels, &count);
	if (count > 0)
		bson_append_array(given, "manual_labels", -1, &labels);
	if (ignored)
		bson_append_bool(given, "ignored", -1, true);
	bson_destroy(&labels);
	iface->given = given;
	return 0;
}

static int by_hand(struct mst_import *import, const bson_t *filter, struct hand *hand, bool dry_run,
                   struct mst_err *err)
{
	struct mst_sweep_calls calls = {.wants = hand_wants, .change = hand_change, .data = hand};
	if (dry_run)
		return mst_sweep_count(import, filter, &calls, &hand->out->matched, &hand->out->changed, err);
	return mst_sweep(import, "", filter, &calls, &hand->out->matched, &hand->out->changed, err);
}

int mst_import_label(struct mst_import *import, const bson_t *filter, const char *add, const char *remove, bool dry_run,
                     struct mst_import_change *out, struct mst_err *err)
{
	struct hand hand = {.out = out};
	memset(out, 0, sizeof *out);
	int code = split(add, hand.add, &hand.add_count, err);
	if (code == 0)
		code = split(remove, hand.remove, &hand.remove_count, err);
	if (code == 0)
		code = by_hand(import, filter, &hand, dry_run, err);
	hand_free(&hand);
	return code;
}

int mst_import_ignore(struct mst_import *import, const bson_t *filter, bool undo, bool dry_run,
                      struct mst_import_change *out, struct mst_err *err)
{
	struct hand hand = {.out = out, .ignore = true, .undo = undo};
	memset(out, 0, sizeof *out);
	return by_hand(import, filter, &hand, dry_run, err);
}

int mst_import_reclassify(struct mst_import *import, int64_t *changed, struct mst_err *err)
{
	return mst_sweep(import, "", NULL, NULL, NULL, changed, err);
}

static int write_locations(struct mst_import *import, const struct mst_locations *locations, struct mst_err *err)
{
	struct mst_batch *batch = NULL;
	bson_t all = BSON_INITIALIZER;
	int code = mst_batch_new(&batch, err);
	if (code == 0 && mst_batch_remove(batch, "locations", &all) < 0)
		code = mst_err_no_memory(err);
	for (size_t i = 0; i < locations->count && code == 0; i++) {
		bson_t doc = BSON_INITIALIZER;
		mst_location_to_bson(&locations->items[i], &doc);
		if (mst_batch_insert(batch, "locations", &doc) < 0)
			code = mst_err_no_memory(err);
		bson_destroy(&doc);
	}
	/* One batch: a reader sees the old table or the new one. */
	if (code == 0)
		code = mst_store_write(import->store, batch, err);
	if (batch)
		mst_batch_free(batch);
	bson_destroy(&all);
	return code;
}

static bool is_misplaced(void *data, struct mst_import *import, const bson_t *doc)
{
	const struct mst_location *location =
	        mst_locations_find(&import->locations, mst_doc_text(doc, "ip"), mst_doc_text(doc, "nat_ip"));
	const char *old = mst_doc_text(doc, "location");
	(void)data;
	return strcmp(old ? old : "", location ? location->text : "") != 0;
}

/* Faults stand one a line; an error is one line. */
static void one_line(struct mst_buf *faults)
{
	struct mst_buf line;

	mst_buf_init(&line, 2 * faults->max);
	for (size_t i = 0; i < faults->len; i++) {
		if (faults->data[i] != '\n')
			mst_buf_char(&line, faults->data[i]);
		else if (i + 1 < faults->len)
			mst_buf_str(&line, "; ");
	}
	mst_buf_free(faults);
	*faults = line;
}

int mst_import_locations(struct mst_import *import, const char *csv, size_t len, int64_t *rows, struct mst_err *err)
{
	static const struct mst_sweep_calls calls = {.wants = is_misplaced};
	struct mst_locations fresh;
	struct mst_buf faults;
	mst_buf_init(&faults, 65536);
	int code = mst_locations_parse(&fresh, csv, len, &faults);
	one_line(&faults);
	if (code == MST_E_USAGE)
		code = mst_err_set(err, code, "locations: %s", mst_buf_text(&faults));
	else if (code == MST_E_LIMIT)
		code = mst_err_set(err, code, "locations: more than %u networks; join neighbouring ones",
		                   MST_MAX_LOCATIONS);
	else if (code != 0)
		code = mst_err_no_memory(err);
	mst_buf_free(&faults);
	if (code != 0)
		return code;
	code = write_locations(import, &fresh, err);
	if (code != 0) {
		mst_locations_free(&fresh);
		return code;
	}
	mst_locations_free(&import->locations);
	import->locations = fresh;
	if (rows)
		*rows = (int64_t)fresh.count;
	return mst_sweep(import, "", NULL, &calls, NULL, NULL, err);
}
