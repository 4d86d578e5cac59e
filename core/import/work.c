/* SPDX-License-Identifier: Apache-2.0 */
/* The working set of a batch: loading, keeping, and the order of writes. */
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "import/doc.h"
#include "import/room.h"

int64_t mst_import_now(const struct mst_import *import)
{
	return import->clock ? import->clock : mst_time_now();
}

static void free_obs(struct lh_entry *entry)
{
	mst_obs_free((struct mst_obs *)(uintptr_t)lh_entry_v(entry));
}

static void free_iface(struct lh_entry *entry)
{
	struct mst_iface *iface = (struct mst_iface *)(uintptr_t)lh_entry_v(entry);
	bson_destroy(&iface->doc);
	if (iface->given)
		bson_destroy(iface->given);
	free(iface->obs);
	free(iface);
}

static void free_brief(struct lh_entry *entry)
{
	mst_brief_free((struct mst_brief *)(uintptr_t)lh_entry_v(entry));
}

static void free_value(struct lh_entry *entry)
{
	free((void *)(uintptr_t)lh_entry_v(entry));
}

static void *lookup(struct lh_table *table, const char *key)
{
	void *value = NULL;
	return lh_table_lookup_ex(table, key, &value) ? value : NULL;
}

struct mst_obs *mst_work_obs(const struct mst_work *work, const char *id)
{
	return lookup(work->obs, id);
}

struct mst_brief *mst_work_brief(const struct mst_work *work, const char *id)
{
	return lookup(work->briefs, id);
}

struct mst_iface *mst_work_iface(const struct mst_work *work, const char *id)
{
	return lookup(work->ifaces, id);
}

struct mst_identity *mst_work_identity(const struct mst_work *work, const char *key)
{
	return lookup(work->identities, key);
}

struct mst_iface *mst_work_iface_make(struct mst_work *work, const char *id)
{
	struct mst_iface *iface = mst_work_iface(work, id);
	if (iface)
		return iface;
	iface = mst_doc_alloc(1, sizeof *iface);
	if (!iface)
		return NULL;
	bson_init(&iface->doc);
	mst_doc_cut(iface->id, sizeof iface->id, id);
	if (lh_table_insert(work->ifaces, iface->id, iface) == 0)
		return iface;
	bson_destroy(&iface->doc);
	free(iface);
	return NULL;
}

struct mst_identity *mst_work_identity_make(struct mst_work *work, const char *key)
{
	struct mst_identity *identity = mst_work_identity(work, key);
	if (identity)
		return identity;
	identity = calloc(1, sizeof *identity);
	if (!identity)
		return NULL;
	mst_doc_cut(identity->key, sizeof identity->key, key);
	if (lh_table_insert(work->identities, identity->key, identity) == 0)
		return identity;
	free(identity);
	return NULL;
}

int mst_work_obs_put(struct mst_work *work, struct mst_obs *obs)
{
	if (lh_table_insert(work->obs, obs->id, obs) == 0)
		return 0;
	mst_obs_free(obs);
	return MST_E_NO_MEMORY;
}

const bson_t *mst_iface_given(const struct mst_iface *iface)
{
	return iface->given ? iface->given : &iface->doc;
}

int mst_iface_attach(struct mst_iface *iface, struct mst_obs *obs)
{
	for (size_t i = 0; i < iface->obs_count; i++)
		if (iface->obs[i] == obs)
			return 0;
	if (iface->obs_count == iface->obs_cap) {
		size_t cap = iface->obs_cap ? iface->obs_cap * 2 : 4;
		struct mst_obs **list = realloc(iface->obs, cap * sizeof(struct mst_obs *));
		if (!list)
			return MST_E_NO_MEMORY;
		iface->obs = list;
		iface->obs_cap = cap;
	}
	iface->obs[iface->obs_count++] = obs;
	return 0;
}

void mst_iface_detach(struct mst_iface *iface, const struct mst_obs *obs)
{
	for (size_t i = 0; i < iface->obs_count; i++)
		if (iface->obs[i] == obs) {
			iface->obs[i] = iface->obs[--iface->obs_count];
			return;
		}
}

/* Calls `take` for every document whose `field` is in `values`, in queries of at most 500 values. */
typedef int (*take_fn)(struct mst_work *work, const bson_t *doc, struct mst_err *err);
#define VALUES_MAX 500u

struct wanted {
	const char *collection, *field, *fields; /* fields: NULL: whole documents */
	take_fn take;
};

static int find_some(struct mst_work *work, const struct wanted *wanted, const bson_t *values, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, in;
	struct mst_find find = {.collection = wanted->collection, .filter = &filter, .fields = wanted->fields};
	struct mst_cursor *cursor = NULL;
	bson_append_document_begin(&filter, wanted->field, -1, &in);
	bson_append_array(&in, "$in", -1, values);
	bson_append_document_end(&filter, &in);
	int code = mst_store_find(work->import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code == 0)
			code = wanted->take(work, &doc, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return code == MST_E_END ? 0 : code;
}

static int find_in(struct mst_work *work, const struct wanted *wanted, const bson_t *values, struct mst_err *err)
{
	bson_iter_t iter;
	bson_t some = BSON_INITIALIZER;
	uint32_t index = 0;
	int code = 0;
	if (!bson_iter_init(&iter, values)) {
		bson_destroy(&some);
		return 0;
	}
	while (code == 0 && bson_iter_next(&iter)) {
		mst_doc_push_text(&some, &index, bson_iter_utf8(&iter, NULL));
		if (index < VALUES_MAX)
			continue;
		code = find_some(work, wanted, &some, err);
		bson_reinit(&some);
		index = 0;
	}
	if (code == 0 && index > 0)
		code = find_some(work, wanted, &some, err);
	bson_destroy(&some);
	return code;
}

static int take_obs(struct mst_work *work, const bson_t *doc, struct mst_err *err)
{
	const char *id = mst_doc_text(doc, "_id");
	struct mst_obs *obs = NULL;
	if (id && mst_work_obs(work, id))
		return 0;
	int code = mst_obs_from_bson(doc, &obs, err);
	if (code != 0)
		return code;
	struct mst_brief *brief = mst_work_brief(work, obs->id);
	if (brief && brief->seen)
		mst_again_move(brief, obs, work->run);
	return mst_work_obs_put(work, obs) == 0 ? 0 : mst_err_no_memory(err);
}

/* One of an interface's observations; what the working set already changed is what counts. */
static int take_iface_obs(struct mst_work *work, const bson_t *doc, struct mst_err *err)
{
	int code = take_obs(work, doc, err);
	if (code != 0)
		return code;
	struct mst_obs *obs = mst_work_obs(work, mst_doc_text(doc, "_id"));
	struct mst_iface *iface = obs ? mst_work_iface(work, obs->interface) : NULL;
	if (!iface || obs->gone)
		return 0;
	return mst_iface_attach(iface, obs) == 0 ? 0 : mst_err_no_memory(err);
}

static int take_iface(struct mst_work *work, const bson_t *doc, struct mst_err *err)
{
	const char *id = mst_doc_text(doc, "_id");
	struct mst_iface *iface = id ? mst_work_iface_make(work, id) : NULL;
	if (!iface)
		return id ? mst_err_no_memory(err) : 0;
	if (iface->stored)
		return 0;
	bson_destroy(&iface->doc);
	bson_copy_to(doc, &iface->doc);
	iface->stored = true;
	return 0;
}

static int take_identity(struct mst_work *work, const bson_t *doc, struct mst_err *err)
{
	const char *key = mst_doc_text(doc, "_id");
	if (!key || mst_work_identity(work, key))
		return 0;
	struct mst_identity *identity = mst_work_identity_make(work, key);
	if (!identity)
		return mst_err_no_memory(err);
	mst_doc_cut(identity->interface, sizeof identity->interface, mst_doc_text(doc, "interface"));
	identity->seen = mst_doc_int(doc, "seen", 0);
	identity->strong = mst_doc_bool(doc, "strong");
	identity->shared = mst_doc_bool(doc, "shared");
	return 0;
}

static int take_never(struct mst_work *work, const bson_t *doc, struct mst_err *err)
{
	const char *key = mst_doc_text(doc, "_id");
	return !key || json_object_object_add(work->nevers, key, NULL) == 0 ? 0 : mst_err_no_memory(err);
}

static int take_brief(struct mst_work *work, const bson_t *doc, struct mst_err *err)
{
	struct mst_brief *brief = mst_brief_from_bson(doc);
	if (!brief)
		return mst_err_no_memory(err);
	if (brief->id && !mst_work_brief(work, brief->id)) {
		if (lh_table_insert(work->briefs, brief->id, brief) == 0)
			return 0;
		mst_brief_free(brief);
		return mst_err_no_memory(err);
	}
	mst_brief_free(brief);
	return 0;
}

int mst_work_load_briefs(struct mst_work *work, const bson_t *ids, struct mst_err *err)
{
	static const struct wanted wanted = {"observations", "_id", MST_BRIEF_FIELDS, take_brief};
	return find_in(work, &wanted, ids, err);
}

int mst_work_load_obs(struct mst_work *work, const bson_t *ids, struct mst_err *err)
{
	static const struct wanted wanted = {"observations", "_id", NULL, take_obs};
	return find_in(work, &wanted, ids, err);
}

int mst_work_load_identities(struct mst_work *work, const bson_t *keys, struct mst_err *err)
{
	static const struct wanted wanted = {"identities", "_id", NULL, take_identity};
	return find_in(work, &wanted, keys, err);
}

int mst_work_load_identities_of(struct mst_work *work, const char *interface, struct mst_err *err)
{
	static const struct wanted wanted = {"identities", "interface", NULL, take_identity};
	bson_t one = BSON_INITIALIZER;
	uint32_t index = 0;
	mst_doc_push_text(&one, &index, interface);
	int code = find_in(work, &wanted, &one, err);
	bson_destroy(&one);
	return code;
}

int mst_work_load_ifaces(struct mst_work *work, const bson_t *ids, struct mst_err *err)
{
	static const struct wanted themselves = {"interfaces", "_id", NULL, take_iface};
	static const struct wanted sources = {"observations", "interface", NULL, take_iface_obs};
	bson_t wanted = BSON_INITIALIZER;
	bson_iter_t iter;
	uint32_t index = 0;
	int code = 0;
	if (bson_iter_init(&iter, ids))
		while (code == 0 && bson_iter_next(&iter)) {
			const char *id = bson_iter_utf8(&iter, NULL);
			struct mst_iface *iface = mst_work_iface_make(work, id);
			if (!iface)
				code = mst_err_no_memory(err);
			else if (!iface->loaded)
				mst_doc_push_text(&wanted, &index, id);
			if (iface)
				iface->loaded = true;
		}
	if (code == 0 && index > 0)
		code = find_in(work, &themselves, &wanted, err);
	if (code == 0 && index > 0)
		code = find_in(work, &sources, &wanted, err);
	bson_destroy(&wanted);
	return code;
}

bool mst_work_never(void *data, const char *a, const char *b)
{
	const struct mst_work *work = data;
	char key[MST_KEY_SIZE];
	mst_key_never(a, b, key);
	return json_object_object_get_ex(work->nevers, key, NULL);
}

static int load_nevers(struct mst_work *work, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, between;
	struct mst_find find = {.collection = "identities", .filter = &filter};
	struct mst_cursor *cursor = NULL;
	bson_append_document_begin(&filter, "_id", -1, &between);
	mst_doc_add_text(&between, "$gte", "never:");
	mst_doc_add_text(&between, "$lt", "never;");
	bson_append_document_end(&filter, &between);
	int code = mst_store_find(work->import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code == 0)
			code = take_never(work, &doc, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return code == MST_E_END ? 0 : code;
}

int mst_work_open(struct mst_work *work, struct mst_import *import, const char *run, struct mst_err *err)
{
	memset(work, 0, sizeof *work);
	work->import = import;
	work->run = run;
	work->now = mst_import_now(import);
	work->obs = lh_kchar_table_new(1024, free_obs);
	work->ifaces = lh_kchar_table_new(1024, free_iface);
	work->identities = lh_kchar_table_new(1024, free_value);
	work->briefs = lh_kchar_table_new(1024, free_brief);
	work->nevers = json_object_new_object();
	int code = work->obs && work->ifaces && work->identities && work->briefs && work->nevers
	                   ? 0
	                   : mst_err_no_memory(err);
	work->batch = import->batch;
	import->batch = NULL;
	if (code == 0 && !work->batch)
		code = mst_batch_new(&work->batch, err);
	if (code == 0)
		code = load_nevers(work, err);
	if (code != 0)
		mst_work_close(work);
	return code;
}

void mst_work_close(struct mst_work *work)
{
	struct lh_table *tables[] = {work->obs, work->ifaces, work->identities, work->briefs};
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		if (tables[i])
			lh_table_free(tables[i]);
	json_object_put(work->nevers);
	if (work->batch) {
		mst_batch_reset(work->batch);
		mst_batch_free(work->import->batch);
		work->import->batch = work->batch;
	}
	memset(work, 0, sizeof *work);
}

/* Dirty interfaces are merged from all their observations, so all must be here. */
int mst_work_load_dirty(struct mst_work *work, struct mst_err *err)
{
	struct lh_entry *entry;
	bson_t ids = BSON_INITIALIZER;
	uint32_t count = 0;
	lh_foreach(work->ifaces, entry)
	{
		struct mst_iface *iface = (struct mst_iface *)(uintptr_t)lh_entry_v(entry);
		if (iface->dirty && !iface->loaded)
			mst_doc_push_text(&ids, &count, iface->id);
	}
	int code = count > 0 ? mst_work_load_ifaces(work, &ids, err) : 0;
	bson_destroy(&ids);
	return code;
}
