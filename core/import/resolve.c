/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the interface of observations that are new or whose identity changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/doc.h"
#include "import/room.h"

#define EACH_OBS(work, entry, name)                                                                                    \
	lh_foreach((work)->obs, entry) for (struct mst_obs *name = (struct mst_obs *)(uintptr_t)lh_entry_v(entry);     \
	                                    name && name->resolve; name = NULL)

static int load_known(struct mst_work *work, struct mst_err *err)
{
	struct lh_entry *entry;
	bson_t keys = BSON_INITIALIZER, ids = BSON_INITIALIZER;
	uint32_t key_count = 0, id_count = 0;
	EACH_OBS(work, entry, obs)
	{
		struct mst_keys of;
		mst_obs_keys(obs, &of);
		for (size_t i = 0; i < of.count; i++)
			mst_doc_push_text(&keys, &key_count, of.items[i].text);
	}
	int code = mst_work_load_identities(work, &keys, err);
	EACH_OBS(work, entry, obs)
	{
		struct mst_keys of;
		mst_obs_keys(obs, &of);
		for (size_t i = 0; i < of.count; i++) {
			const struct mst_identity *identity = mst_work_identity(work, of.items[i].text);
			if (identity && identity->interface[0])
				mst_doc_push_text(&ids, &id_count, identity->interface);
		}
		if (obs->interface[0])
			mst_doc_push_text(&ids, &id_count, obs->interface);
	}
	if (code == 0)
		code = mst_work_load_ifaces(work, &ids, err);
	bson_destroy(&keys);
	bson_destroy(&ids);
	return code;
}

/* Was the interface seen at the observation's address within the time that an address is good for? Of an interface that
 * a cut-off import left without observations, the key itself tells. */
static bool is_fresh(const struct mst_work *work, const struct mst_iface *iface, const struct mst_obs *obs,
                     int64_t key_seen)
{
	const char *ip = mst_doc_text(&obs->doc, "ip");
	int64_t last = iface->obs_count == 0 ? key_seen : 0;
	for (size_t i = 0; i < iface->obs_count; i++) {
		const struct mst_obs *other = iface->obs[i];
		/* Its own past counts as it was before this batch. */
		const struct mst_obs *then = other == obs && obs->before ? obs->before : other;
		const char *there = mst_doc_text(&then->doc, "ip");
		if (!then->displaced && ip && there && strcmp(ip, there) == 0 && strcmp(then->zone, obs->zone) == 0 &&
		    then->last_seen > last)
			last = then->last_seen;
	}
	int64_t gap = obs->last_seen - last;
	return last > 0 && (gap < 0 ? -gap : gap) <= work->import->settings->ip_identity_ttl_ms;
}

/* MACs and stronger; an address is no evidence against anything. */
static void add_evidence(struct mst_keys *to, const struct mst_obs *obs)
{
	struct mst_keys keys;
	mst_obs_keys(obs, &keys);
	for (size_t i = 0; i < keys.count && keys.items[i].kind < MST_KEY_IP; i++)
		if (!mst_keys_find(to, keys.items[i].kind) && to->count < MST_KEYS_MAX)
			to->items[to->count++] = keys.items[i];
}

static void fill_candidate(const struct mst_work *work, struct mst_candidate *candidate, struct mst_iface *iface,
                           const struct mst_obs *obs, int kind, int64_t key_seen)
{
	mst_doc_cut(candidate->id, sizeof candidate->id, iface->id);
	candidate->kind = kind;
	candidate->created = mst_doc_int(&iface->doc, "created", INT64_MAX);
	candidate->current = strcmp(iface->id, obs->interface) == 0;
	candidate->fresh = is_fresh(work, iface, obs, key_seen);
	candidate->keys.count = 0;
	/* Of the observation itself counts what it was: a new MAC at the same place is somebody else. */
	for (size_t i = 0; i < iface->obs_count; i++)
		if (iface->obs[i] != obs)
			add_evidence(&candidate->keys, iface->obs[i]);
	if (obs->before && strcmp(obs->before->interface, iface->id) == 0)
		add_evidence(&candidate->keys, obs->before);
}

/* A router that answers for a silent host's address: its MAC is no identity, but it is not the host's either. */
static bool has_other_mac(const struct mst_obs *obs, const struct mst_keys *keys, const struct mst_candidate *candidate)
{
	char mac[MST_MAC_SIZE];
	if (mst_keys_find(keys, MST_KEY_MAC) || mst_keys_find(keys, MST_KEY_LOCAL_MAC) ||
	    !mst_mac_parse(mst_doc_text(&obs->doc, "mac"), mac))
		return false;
	const char *own = mst_keys_find(&candidate->keys, MST_KEY_MAC);
	if (!own)
		own = mst_keys_find(&candidate->keys, MST_KEY_LOCAL_MAC);
	size_t len = own ? strlen(own) : 0;
	return len >= MST_MAC_SIZE && strcmp(own + len - (MST_MAC_SIZE - 1), mac) != 0;
}

static size_t find_candidates(struct mst_work *work, const struct mst_obs *obs, const struct mst_keys *keys,
                              struct mst_candidate *out)
{
	size_t count = 0;
	for (size_t i = 0; i <= keys->count; i++) {
		const struct mst_identity *identity =
		        i < keys->count ? mst_work_identity(work, keys->items[i].text) : NULL;
		const char *id =
		        i < keys->count ? (identity && !identity->shared ? identity->interface : "") : obs->interface;
		struct mst_iface *iface = id[0] ? mst_work_iface(work, id) : NULL;
		bool known = false;
		if (!iface || iface->removed)
			continue;
		/* By its address it would be led back to where it must leave. */
		if (obs->split && strcmp(id, obs->interface) == 0 &&
		    (i == keys->count || keys->items[i].kind == MST_KEY_IP))
			continue;
		for (size_t c = 0; c < count; c++)
			known |= strcmp(out[c].id, id) == 0;
		if (known)
			continue;
		fill_candidate(work, &out[count], iface, obs, i < keys->count ? keys->items[i].kind : MST_KEY_IP,
		               identity ? identity->seen : 0);
		count += !has_other_mac(obs, keys, &out[count]);
	}
	return count;
}

/* What an operator said of either is true of both. */
static void join_given(struct mst_iface *target, const struct mst_iface *other)
{
	bson_t *given = bson_new(), labels = BSON_INITIALIZER;
	const bson_t *docs[2] = {mst_iface_given(target), mst_iface_given(other)};
	uint32_t index = 0;
	bool ignored = false;
	for (int i = 0; i < 2; i++) {
		bson_t array;
		bson_iter_t iter;
		ignored |= mst_doc_bool(docs[i], "ignored");
		if (!mst_doc_array(docs[i], "manual_labels", &array) || !bson_iter_init(&iter, &array))
			continue;
		while (bson_iter_next(&iter))
			if (BSON_ITER_HOLDS_UTF8(&iter) && !mst_doc_holds(&labels, bson_iter_utf8(&iter, NULL)))
				mst_doc_push_text(&labels, &index, bson_iter_utf8(&iter, NULL));
	}
	if (index > 0)
		bson_append_array(given, "manual_labels", -1, &labels);
	if (ignored)
		bson_append_bool(given, "ignored", -1, true);
	bson_destroy(&labels);
	if (target->given)
		bson_destroy(target->given);
	target->given = given;
}

/* Everything of `other` becomes the target's. */
static int merge_into(struct mst_work *work, const struct mst_keys *keys, struct mst_iface *target,
                      struct mst_iface *other, struct mst_err *err)
{
	struct lh_entry *entry;
	int code = mst_work_load_identities_of(work, other->id, err);
	for (size_t i = 0; i < other->obs_count && code == 0; i++) {
		mst_doc_cut(other->obs[i]->interface, MST_ID_SIZE, target->id);
		other->obs[i]->moved = true;
		if (mst_iface_attach(target, other->obs[i]) != 0)
			code = mst_err_no_memory(err);
	}
	lh_foreach(work->identities, entry)
	{
		struct mst_identity *identity = (struct mst_identity *)(uintptr_t)lh_entry_v(entry);
		if (code == 0 && strcmp(identity->interface, other->id) == 0) {
			mst_doc_cut(identity->interface, MST_ID_SIZE, target->id);
			identity->dirty = true;
			identity->late = mst_keys_hold(keys, identity->key) ? 2 : 1;
		}
	}
	join_given(target, other);
	other->obs_count = 0;
	other->removed = true;
	other->dirty = false;
	target->dirty = true;
	return code;
}

static int point(struct mst_work *work, const char *key, const char *interface, int64_t seen, bool strong,
                 struct mst_err *err)
{
	struct mst_identity *identity = mst_work_identity_make(work, key);
	if (!identity)
		return mst_err_no_memory(err);
	if (strcmp(identity->interface, interface) == 0 || identity->shared)
		return 0;
	mst_doc_cut(identity->interface, MST_ID_SIZE, interface);
	identity->seen = seen;
	identity->strong = strong;
	identity->dirty = true;
	return 0;
}

/* An address leads to whoever was seen there with a MAC; without one only when nobody else is there. */
static int point_keys(struct mst_work *work, const struct mst_keys *keys, const struct mst_obs *obs,
                      struct mst_iface *iface, struct mst_err *err)
{
	bool has_mac = keys->count > 0 && keys->items[0].kind < MST_KEY_IP;
	int code = 0;
	for (size_t i = 0; i < keys->count && code == 0; i++) {
		const struct mst_identity *known = mst_work_identity(work, keys->items[i].text);
		bool strong = keys->items[i].kind < MST_KEY_STRONG;
		struct mst_iface *there = known && known->interface[0] ? mst_work_iface(work, known->interface) : NULL;
		bool free_key = !there || there == iface || there->removed || (there->obs_count == 0 && !there->stored);
		if (!free_key && keys->items[i].kind == MST_KEY_IP)
			free_key = has_mac || obs->split || !is_fresh(work, there, obs, known->seen);
		if (free_key)
			code = point(work, keys->items[i].text, iface->id, obs->last_seen, strong, err);
	}
	return code;
}

static void displaced_id(const char *id, const char *interface, char *out, size_t size)
{
	snprintf(out, size, "%s#%s", id, interface);
}

/* Another interface answers here now. What was seen of the former one stays with it, waiting to be seen elsewhere or lost. */
static int leave_behind(struct mst_work *work, struct mst_obs *obs, struct mst_iface *from, struct mst_err *err)
{
	char id[MST_KEY_SIZE + MST_KEY_SIZE];
	struct mst_obs *past = obs->before ? mst_obs_copy(obs->before) : NULL;
	mst_iface_detach(from, obs);
	from->dirty = true;
	if (!past)
		return 0;
	displaced_id(obs->id, from->id, id, sizeof id);
	past->displaced = past->dirty = true;
	mst_doc_cut(past->interface, MST_ID_SIZE, from->id);
	struct mst_obs *known = mst_work_obs(work, id);
	if (known) {
		known->gone = true;
		mst_iface_detach(from, known);
		lh_table_delete(work->obs, id);
	}
	if (!mst_obs_set(&past->id, id)) {
		mst_obs_free(past);
		return mst_err_no_memory(err);
	}
	if (mst_work_obs_put(work, past) != 0 || mst_iface_attach(from, past) != 0)
		return mst_err_no_memory(err);
	return 0;
}

/* The interface that once had to give way is back at its place. */
static void come_back(struct mst_work *work, const struct mst_obs *obs, struct mst_iface *iface)
{
	char id[MST_KEY_SIZE + MST_KEY_SIZE];
	displaced_id(obs->id, iface->id, id, sizeof id);
	struct mst_obs *past = mst_work_obs(work, id);
	if (!past)
		return;
	past->gone = true;
	mst_iface_detach(iface, past);
}

static int place(struct mst_work *work, struct mst_obs *obs, const struct mst_keys *keys, struct mst_iface *target,
                 struct mst_err *err)
{
	struct mst_iface *from = obs->interface[0] && strcmp(obs->interface, target->id) != 0
	                                 ? mst_work_iface(work, obs->interface)
	                                 : NULL;
	int code = 0;
	if (from && obs->split) {
		mst_iface_detach(from, obs);
		from->dirty = true;
	} else if (from) {
		code = leave_behind(work, obs, from, err);
		obs->first_seen = obs->since = obs->last_seen;
	}
	come_back(work, obs, target);
	obs->dirty |= strcmp(obs->interface, target->id) != 0;
	mst_doc_cut(obs->interface, MST_ID_SIZE, target->id);
	target->dirty = target->loaded = true;
	if (code == 0 && mst_iface_attach(target, obs) != 0)
		code = mst_err_no_memory(err);
	return code == 0 ? point_keys(work, keys, obs, target, err) : code;
}

static int resolve_one(struct mst_work *work, struct mst_obs *obs, struct mst_err *err)
{
	struct mst_candidate *candidates = calloc(MST_CANDIDATES_MAX, sizeof *candidates);
	struct mst_decision decision;
	struct mst_keys keys;
	char id[MST_ID_SIZE];
	int code = 0;
	if (!candidates)
		return mst_err_no_memory(err);
	mst_obs_keys(obs, &keys);
	const char *mac = mst_keys_find(&keys, MST_KEY_MAC) ? mst_keys_find(&keys, MST_KEY_MAC)
	                                                    : mst_keys_find(&keys, MST_KEY_LOCAL_MAC);
	const struct mst_identity *known = mac ? mst_work_identity(work, mac) : NULL;
	if (known && known->shared) {
		obs->shared_mac = obs->dirty = true;
		mst_obs_keys(obs, &keys);
	}
	size_t count = find_candidates(work, obs, &keys, candidates);
	mst_identity_decide(&keys, candidates, count, mst_work_never, work, &decision);
	if (decision.target >= 0)
		mst_doc_cut(id, sizeof id, candidates[decision.target].id);
	else
		mst_id_new(id);
	struct mst_iface *target = mst_work_iface_make(work, id);
	if (!target) {
		free(candidates);
		return mst_err_no_memory(err);
	}
	for (size_t i = 0; i < decision.merge_count && code == 0; i++) {
		struct mst_iface *other = mst_work_iface(work, candidates[decision.merges[i]].id);
		if (other)
			code = merge_into(work, &keys, target, other, err);
	}
	if (code == 0)
		code = place(work, obs, &keys, target, err);
	obs->resolve = obs->split = false;
	free(candidates);
	return code;
}

/* In order of time and id, so that the outcome does not hang on how a table is laid out. */
static int by_time(const void *left, const void *right)
{
	const struct mst_obs *a = *(struct mst_obs *const *)left, *b = *(struct mst_obs *const *)right;
	if (a->last_seen != b->last_seen)
		return a->last_seen < b->last_seen ? -1 : 1;
	return strcmp(a->id, b->id);
}

int mst_work_resolve(struct mst_work *work, struct mst_err *err)
{
	struct lh_entry *entry;
	size_t count = 0;
	struct mst_obs **list = calloc((size_t)lh_table_length(work->obs) + 1, sizeof(struct mst_obs *));
	if (!list)
		return mst_err_no_memory(err);
	EACH_OBS(work, entry, obs)
	list[count++] = obs;
	int code = count > 0 ? load_known(work, err) : 0;
	qsort(list, count, sizeof(struct mst_obs *), by_time);
	for (size_t i = 0; i < count && code == 0; i++)
		code = resolve_one(work, list[i], err);
	free(list);
	return code;
}
