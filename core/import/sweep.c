/* SPDX-License-Identifier: Apache-2.0 */
#include "import/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "import/classify.h"
#include "import/doc.h"

#define PART_MAX 200u

int mst_id_list_add(struct mst_id_list *list, const char *id)
{
	if (list->count == 0 || list->in_last == PART_MAX) {
		bson_t **parts = realloc(list->parts, (list->count + 1) * sizeof(bson_t *));
		if (!parts)
			return MST_E_NO_MEMORY;
		list->parts = parts;
		parts[list->count++] = bson_new();
		list->in_last = 0;
	}
	mst_doc_push_text(list->parts[list->count - 1], &list->in_last, id);
	return 0;
}

void mst_id_list_free(struct mst_id_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		bson_destroy(list->parts[i]);
	free(list->parts);
	memset(list, 0, sizeof *list);
}

static int collect(struct mst_import *import, const bson_t *filter, const struct mst_sweep_calls *calls,
                   struct mst_id_list *list, int64_t *matched, int64_t *wanted, struct mst_err *err)
{
	struct mst_find find = {.collection = "interfaces", .filter = filter};
	struct mst_cursor *cursor = NULL;
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code != 0)
			break;
		++*matched;
		if (calls && calls->wants && !calls->wants(calls->data, import, &doc))
			continue;
		++*wanted;
		if (mst_doc_text(&doc, "_id") && mst_id_list_add(list, mst_doc_text(&doc, "_id")) != 0)
			code = mst_err_no_memory(err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	return code == MST_E_END ? 0 : code;
}

static int sweep_part(struct mst_import *import, const char *run, const bson_t *ids,
                      const struct mst_sweep_calls *calls, struct mst_err *err)
{
	struct mst_work work;
	struct lh_entry *entry;
	int code = mst_work_open(&work, import, run, err);
	if (code != 0)
		return code;
	work.settle_run = run;
	code = mst_work_load_ifaces(&work, ids, err);
	lh_foreach(work.ifaces, entry)
	{
		struct mst_iface *iface = (struct mst_iface *)(uintptr_t)lh_entry_v(entry);
		iface->dirty = iface->stored;
		if (code == 0 && calls && calls->change && iface->stored)
			code = calls->change(calls->data, &work, iface, err);
	}
	if (code == 0)
		code = mst_work_fill(&work, err);
	if (code == 0 && mst_batch_count(work.batch) > 0)
		code = mst_store_write(import->store, work.batch, err);
	mst_work_close(&work);
	return code;
}

int mst_sweep(struct mst_import *import, const char *run, const bson_t *filter, const struct mst_sweep_calls *calls,
              int64_t *matched, int64_t *changed, struct mst_err *err)
{
	struct mst_id_list list = {0};
	int64_t seen = 0, wanted = 0;
	int code = collect(import, filter, calls, &list, &seen, &wanted, err);
	for (size_t i = 0; i < list.count && code == 0; i++)
		code = sweep_part(import, run, list.parts[i], calls, err);
	mst_id_list_free(&list);
	if (matched)
		*matched = seen;
	if (changed)
		*changed = wanted;
	return code;
}

int mst_sweep_count(struct mst_import *import, const bson_t *filter, const struct mst_sweep_calls *calls,
                    int64_t *matched, int64_t *wanted, struct mst_err *err)
{
	struct mst_id_list list = {0};
	*matched = *wanted = 0;
	int code = collect(import, filter, calls, &list, matched, wanted, err);
	mst_id_list_free(&list);
	return code;
}

static bool same_labels(const bson_t *doc, const struct mst_labelling *labelling)
{
	bson_t array;
	if (!mst_doc_array(doc, "labels", &array))
		return labelling->label_count == 0;
	for (size_t i = 0; i < labelling->label_count; i++)
		if (!mst_doc_holds(&array, labelling->labels[i]))
			return false;
	return bson_count_keys(&array) == labelling->label_count;
}

/* The stored view holds all facts that rules speak of, so that nothing need be merged to see who is affected. */
static bool labels_changed(void *data, struct mst_import *import, const bson_t *doc)
{
	struct mst_labelling labelling;
	(void)data;
	mst_labels_apply(import->settings, doc, &labelling);
	return labelling.purge || !same_labels(doc, &labelling);
}

int mst_sweep_rules(struct mst_import *import, const char *run, struct mst_err *err)
{
	static const struct mst_sweep_calls calls = {.wants = labels_changed};
	bool needed = false;
	for (size_t i = 0; i < import->settings->rule_count; i++)
		needed |= import->settings->rules[i].relative || import->settings->rules[i].action == MST_ACTION_PURGE;
	return needed ? mst_sweep(import, run, NULL, &calls, NULL, NULL, err) : 0;
}
