/* SPDX-License-Identifier: Apache-2.0 */
/* From the working set to a batch. The order is what makes an import repeatable; see room.h. */
#include <string.h>

#include "import/doc.h"
#include "import/room.h"

static int good(int index)
{
	return index < 0 ? index : 0;
}

bool mst_doc_difference(const bson_t *old, const bson_t *fresh, bson_t *update)
{
	bson_t set = BSON_INITIALIZER, unset = BSON_INITIALIZER;
	bson_iter_t a, b;
	bool any = false;
	if (bson_iter_init(&a, fresh))
		while (bson_iter_next(&a)) {
			const char *key = bson_iter_key(&a);
			if (bson_iter_init_find(&b, old, key) && bson_iter_type(&a) == bson_iter_type(&b)) {
				const bson_value_t *left = bson_iter_value(&a), *right = bson_iter_value(&b);
				bson_t x = BSON_INITIALIZER, y = BSON_INITIALIZER;
				bson_append_value(&x, "v", 1, left);
				bson_append_value(&y, "v", 1, right);
				bool same = bson_equal(&x, &y);
				bson_destroy(&x);
				bson_destroy(&y);
				if (same)
					continue;
			}
			bson_append_iter(&set, key, -1, &a);
		}
	if (bson_iter_init(&b, old))
		while (bson_iter_next(&b)) {
			const char *key = bson_iter_key(&b);
			if (strcmp(key, "_id") != 0 && strcmp(key, "rev") != 0 && !bson_has_field(fresh, key))
				bson_append_int32(&unset, key, -1, 1);
		}
	if (!bson_empty(&set))
		any = bson_append_document(update, "$set", -1, &set);
	if (!bson_empty(&unset))
		any = bson_append_document(update, "$unset", -1, &unset) || any;
	bson_destroy(&set);
	bson_destroy(&unset);
	return any;
}

static int fill_moved(struct mst_work *work, const struct mst_obs *obs)
{
	bson_t update = BSON_INITIALIZER, set;
	bson_append_document_begin(&update, "$set", -1, &set);
	mst_doc_add_text(&set, "interface", obs->interface);
	bson_append_document_end(&update, &set);
	int index = mst_batch_update_id(work->batch, "observations", obs->id, &update, false);
	bson_destroy(&update);
	return good(index);
}

static int fill_identity(struct mst_work *work, const struct mst_identity *identity)
{
	bson_t doc = BSON_INITIALIZER;
	mst_doc_add_text(&doc, "_id", identity->key);
	mst_doc_add_text(&doc, "interface", identity->interface);
	mst_doc_add_int(&doc, "seen", identity->seen);
	bson_append_bool(&doc, "strong", -1, identity->strong);
	if (identity->shared)
		bson_append_bool(&doc, "shared", -1, true);
	int index = mst_batch_put(work->batch, "identities", &doc);
	bson_destroy(&doc);
	return good(index);
}

static int remove_id(struct mst_work *work, const char *collection, const char *id)
{
	bson_t filter = BSON_INITIALIZER;
	mst_doc_add_text(&filter, "_id", id);
	int index = mst_batch_remove(work->batch, collection, &filter);
	bson_destroy(&filter);
	return good(index);
}

/* A purge takes everything that speaks of the interface with it. */
static int fill_purge(struct mst_work *work, const struct mst_iface *iface)
{
	bson_t filter = BSON_INITIALIZER;
	mst_doc_add_text(&filter, "interface", iface->id);
	int code = good(mst_batch_remove(work->batch, "identities", &filter));
	if (code == 0)
		code = good(mst_batch_remove(work->batch, "observations", &filter));
	if (code == 0)
		code = good(mst_batch_remove(work->batch, "observation_history", &filter));
	bson_destroy(&filter);
	return code == 0 ? remove_id(work, "interfaces", iface->id) : code;
}

static int fill_touch(struct mst_work *work, const struct mst_iface *iface)
{
	bson_t update = BSON_INITIALIZER, max;
	bson_append_document_begin(&update, "$max", -1, &max);
	mst_doc_add_int(&max, "last_seen", iface->touch_seen);
	if (iface->touch_discovered)
		mst_doc_add_int(&max, "last_discovered", iface->touch_discovered);
	if (iface->touch_managed)
		mst_doc_add_int(&max, "last_managed", iface->touch_managed);
	bson_append_document_end(&update, &max);
	int index = mst_batch_update_id(work->batch, "interfaces", iface->id, &update, false);
	bson_destroy(&update);
	return good(index);
}

static int fill_iface(struct mst_work *work, struct mst_iface *iface, struct mst_err *err)
{
	bson_t doc = BSON_INITIALIZER, update = BSON_INITIALIZER;
	bool purge = false;
	int code = mst_iface_build(work, iface, &doc, &purge, err);
	if (code == 0 && purge)
		code = fill_purge(work, iface);
	else if (code == 0 && !iface->stored)
		code = good(mst_batch_put(work->batch, "interfaces", &doc));
	else if (code == 0 && mst_doc_difference(&iface->doc, &doc, &update))
		code = good(mst_batch_update_id(work->batch, "interfaces", iface->id, &update, false));
	bson_destroy(&doc);
	bson_destroy(&update);
	return code;
}

static int fill_seen_again(struct mst_work *work, const struct mst_obs *obs)
{
	bson_t update = BSON_INITIALIZER, set;
	bson_append_document_begin(&update, "$set", -1, &set);
	mst_doc_add_int(&set, "last_seen", obs->last_seen);
	mst_doc_add_text(&set, "last_run", obs->last_run);
	mst_doc_add_int(&set, "os_seen", obs->os_seen);
	mst_doc_add_int(&set, "ports_seen", obs->ports_seen);
	mst_doc_add_int(&set, "names_seen", obs->names_seen);
	mst_doc_add_int(&set, "mac_seen", obs->mac_seen);
	mst_doc_add_int(&set, "first_seen", obs->first_seen);
	mst_doc_add_text(&set, "print", mst_obs_print(obs));
	if (obs->agent)
		bson_append_bool(&set, "agent", -1, true);
	bson_append_document_end(&update, &set);
	int index = mst_batch_update_id(work->batch, "observations", obs->id, &update, false);
	bson_destroy(&update);
	return good(index);
}

static int fill_brief(struct mst_work *work, const struct mst_brief *brief)
{
	bson_t update = BSON_INITIALIZER, set;
	int index = 0;
	bson_append_document_begin(&update, "$set", -1, &set);
	if (strcmp(brief->last_run, work->run) != 0)
		mst_doc_add_text(&set, "last_run", work->run);
	if (brief->seen > brief->last_seen) {
		mst_doc_add_int(&set, "last_seen", brief->seen);
		if (brief->os)
			mst_doc_add_int(&set, "os_seen", brief->seen);
		if (brief->ports)
			mst_doc_add_int(&set, "ports_seen", brief->seen);
		if (brief->names)
			mst_doc_add_int(&set, "names_seen", brief->seen);
		if (brief->has_mac)
			mst_doc_add_int(&set, "mac_seen", brief->seen);
	}
	bool any = !bson_empty(&set);
	bson_append_document_end(&update, &set);
	if (any)
		index = mst_batch_update_id(work->batch, "observations", brief->id, &update, false);
	bson_destroy(&update);
	return good(index);
}

static int fill_obs(struct mst_work *work, const struct mst_obs *obs)
{
	if (obs->gone)
		return obs->stored ? remove_id(work, "observations", obs->id) : 0;
	if (!obs->dirty)
		return obs->seen_again ? fill_seen_again(work, obs) : 0;
	bson_t doc = BSON_INITIALIZER;
	int code = mst_obs_to_bson(obs, &doc);
	if (code == 0)
		code = good(mst_batch_put(work->batch, "observations", &doc));
	bson_destroy(&doc);
	return code;
}

int mst_work_fill(struct mst_work *work, struct mst_err *err)
{
	struct lh_entry *entry;
	int code = 0;
	err->code = 0;
#define EACH(table, type, name, condition, call)                                                                       \
	lh_foreach(table, entry)                                                                                       \
	{                                                                                                              \
		type *name = (type *)(uintptr_t)lh_entry_v(entry);                                                     \
		if (code == 0 && (condition))                                                                          \
			code = call;                                                                                   \
	}
	lh_foreach(work->ifaces, entry)
	{
		const struct mst_iface *iface = (const struct mst_iface *)lh_entry_v(entry);
		work->numbers_wanted += iface->dirty && !iface->stored && !iface->removed;
	}
	EACH(work->obs, struct mst_obs, obs, obs->moved && obs->stored, fill_moved(work, obs))
	EACH(work->identities, struct mst_identity, identity, identity->dirty && !identity->late,
	     fill_identity(work, identity))
	EACH(work->ifaces, struct mst_iface, iface, iface->dirty && !iface->removed && iface->obs_count > 0,
	     fill_iface(work, iface, err))
	EACH(work->ifaces, struct mst_iface, iface, !iface->dirty && !iface->removed && iface->touch_seen,
	     fill_touch(work, iface))
	EACH(work->ifaces, struct mst_iface, iface, iface->removed, remove_id(work, "interfaces", iface->id))
	EACH(work->identities, struct mst_identity, identity, identity->dirty && identity->late == 1,
	     fill_identity(work, identity))
	EACH(work->identities, struct mst_identity, identity, identity->dirty && identity->late == 2,
	     fill_identity(work, identity))
	EACH(work->briefs, const struct mst_brief, brief, brief->seen, fill_brief(work, brief))
	EACH(work->obs, struct mst_obs, obs, obs->gone, fill_obs(work, obs))
	EACH(work->obs, struct mst_obs, obs, !obs->gone && obs->displaced, fill_obs(work, obs))
	EACH(work->obs, struct mst_obs, obs, !obs->gone && !obs->displaced, fill_obs(work, obs))
	EACH(work->identities, struct mst_identity, identity, identity->dirty && identity->late == 3,
	     fill_identity(work, identity))
#undef EACH
	if (code != 0 && err->code == 0)
		return mst_err_set(
		        err, code,
		        "cannot put together a batch of the import: out of memory or a document is too large");
	return code;
}
