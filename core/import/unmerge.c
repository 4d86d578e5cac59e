/* SPDX-License-Identifier: Apache-2.0 */
/* Taking an observation out of an interface that it does not belong to. */
#include <string.h>

#include "import/doc.h"
#include "import/room.h"

static struct mst_obs *find_obs(const struct mst_iface *iface, const char *observation)
{
	struct mst_obs *last = NULL;
	for (size_t i = 0; i < iface->obs_count; i++) {
		struct mst_obs *obs = iface->obs[i];
		if (observation && strcmp(obs->id, observation) == 0)
			return obs;
		if (!observation && !obs->displaced &&
		    (!last || obs->first_seen > last->first_seen ||
		     (obs->first_seen == last->first_seen && strcmp(obs->id, last->id) > 0)))
			last = obs;
	}
	return observation ? NULL : last;
}

/* Keys that only the observation has go with it; shared ones stay, since they lead more there than here. */
static int take_keys(struct mst_work *work, const struct mst_iface *from, const struct mst_obs *obs, const char *to,
                     struct mst_err *err)
{
	struct mst_keys keys, others;
	bson_t array = BSON_INITIALIZER;
	uint32_t count = 0;
	mst_obs_keys(obs, &keys);
	for (size_t i = 0; i < keys.count; i++)
		mst_doc_push_text(&array, &count, keys.items[i].text);
	int code = mst_work_load_identities(work, &array, err);
	bson_destroy(&array);
	for (size_t i = 0; i < keys.count && code == 0; i++) {
		struct mst_identity *identity = mst_work_identity(work, keys.items[i].text);
		bool shared = false;
		for (size_t j = 0; j < from->obs_count; j++) {
			mst_obs_keys(from->obs[j], &others);
			for (size_t k = 0; k < others.count; k++)
				shared |= strcmp(others.items[k].text, keys.items[i].text) == 0;
		}
		if (!identity || shared || strcmp(identity->interface, from->id) != 0)
			continue;
		mst_doc_cut(identity->interface, MST_ID_SIZE, to);
		identity->dirty = true;
	}
	return code;
}

static int add_never(struct mst_work *work, const char *a, const char *b, struct mst_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	char key[MST_KEY_SIZE];
	mst_key_never(a, b, key);
	mst_doc_add_text(&doc, "_id", key);
	mst_doc_add_int(&doc, "seen", work->now);
	int index = mst_batch_put(work->batch, "identities", &doc);
	bson_destroy(&doc);
	return index < 0 ? mst_err_no_memory(err) : 0;
}

/* An unmerge that was cut off left an interface without observations behind its never-pair: it is taken up again. */
static int find_left(struct mst_work *work, const char *from, char made[MST_ID_SIZE], struct mst_err *err)
{
	int code = 0;
	made[0] = '\0';
	json_object_object_foreach(work->nevers, never, value)
	{
		const char *pair = never + strlen("never:"), *other = strchr(pair, ':');
		bson_t ids = BSON_INITIALIZER;
		uint32_t count = 0;
		char id[MST_ID_SIZE];
		(void)value;
		if (!other || code != 0)
			continue;
		if (strncmp(pair, from, strlen(from)) == 0)
			mst_doc_cut(id, sizeof id, other + 1);
		else if (strcmp(other + 1, from) == 0)
			mst_doc_cut(id, (size_t)(other - pair) + 1 < sizeof id ? (size_t)(other - pair) + 1 : sizeof id,
			            pair);
		else
			continue;
		mst_doc_push_text(&ids, &count, id);
		code = mst_work_load_ifaces(work, &ids, err);
		bson_destroy(&ids);
		const struct mst_iface *left = code == 0 ? mst_work_iface(work, id) : NULL;
		if (left && left->obs_count == 0)
			mst_doc_cut(made, MST_ID_SIZE, id);
	}
	return code;
}

static int split_off(struct mst_work *work, struct mst_iface *from, struct mst_obs *obs, const char *made,
                     struct mst_err *err)
{
	struct mst_iface *fresh = mst_work_iface_make(work, made);
	if (!fresh)
		return mst_err_no_memory(err);
	mst_iface_detach(from, obs);
	int code = take_keys(work, from, obs, made, err);
	mst_doc_cut(obs->interface, MST_ID_SIZE, made);
	obs->dirty = from->dirty = fresh->dirty = fresh->loaded = true;
	if (code == 0 && mst_iface_attach(fresh, obs) != 0)
		code = mst_err_no_memory(err);
	/* The never-pair first: cut off behind it, nothing is split and nothing can go wrong. */
	if (code == 0)
		code = add_never(work, from->id, made, err);
	if (code == 0)
		code = mst_work_fill(work, err);
	return code == 0 ? mst_store_write(work->import->store, work->batch, err) : code;
}

static int unmerge(struct mst_work *work, const char *interface, const char *observation, char made[MST_ID_SIZE],
                   struct mst_err *err)
{
	bson_t ids = BSON_INITIALIZER;
	uint32_t count = 0;
	mst_doc_push_text(&ids, &count, interface);
	int code = mst_work_load_ifaces(work, &ids, err);
	bson_destroy(&ids);
	if (code != 0)
		return code;
	struct mst_iface *iface = mst_work_iface(work, interface);
	if (!iface || !iface->stored)
		return mst_err_set(err, MST_E_NOT_FOUND, "no interface has the id %s", interface);
	struct mst_obs *obs = find_obs(iface, observation);
	if (!obs)
		return mst_err_set(err, MST_E_NOT_FOUND,
		                   "the interface has no observation \"%s\"; \"muster interfaces show\" lists them",
		                   observation ? observation : "");
	if (iface->obs_count < 2)
		return mst_err_set(err, MST_E_REFUSED,
		                   "this interface comes from one observation alone; there is nothing to take apart");
	code = find_left(work, interface, made, err);
	if (code != 0)
		return code;
	if (!made[0])
		mst_id_new(made);
	return split_off(work, iface, obs, made, err);
}

int mst_import_unmerge(struct mst_import *import, const char *interface, const char *observation,
                       char made[MST_ID_SIZE], struct mst_err *err)
{
	struct mst_work work;
	int code = mst_work_open(&work, import, "", err);
	if (code != 0)
		return code;
	work.settle_run = "";
	code = unmerge(&work, interface, observation, made, err);
	mst_work_close(&work);
	return code;
}
