/* SPDX-License-Identifier: Apache-2.0 */
/* A MAC turns out to be shared: what it once joined is taken apart again, address by address. */
#include <stdio.h>
#include <string.h>

#include "import/doc.h"
#include "import/segment.h"

static int load_sharers(struct mst_work *work, const char *zone, const char *mac, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, ids = BSON_INITIALIZER, interfaces = BSON_INITIALIZER;
	struct mst_find find = {.collection = "observations", .filter = &filter, .fields = "_id,interface"};
	struct mst_cursor *cursor = NULL;
	uint32_t count = 0, interface_count = 0;
	mst_doc_add_text(&filter, "zone", zone);
	mst_doc_add_text(&filter, "mac", mac);
	int code = mst_store_find(work->import->store, &find, &cursor, err);
	while (code == 0) {
		bson_t doc;
		code = mst_cursor_next(cursor, &doc, err);
		if (code != 0)
			break;
		if (mst_doc_text(&doc, "_id"))
			mst_doc_push_text(&ids, &count, mst_doc_text(&doc, "_id"));
		if (mst_doc_text(&doc, "interface"))
			mst_doc_push_text(&interfaces, &interface_count, mst_doc_text(&doc, "interface"));
	}
	if (cursor)
		mst_cursor_close(cursor);
	code = code == MST_E_END ? 0 : code;
	if (code == 0)
		code = mst_work_load_obs(work, &ids, err);
	if (code == 0)
		code = mst_work_load_ifaces(work, &interfaces, err);
	bson_destroy(&filter);
	bson_destroy(&ids);
	bson_destroy(&interfaces);
	return code;
}

static bool has_mac(const struct mst_obs *obs, const char *mac)
{
	const char *own = mst_doc_text(&obs->doc, "mac");
	return own && strcmp(own, mac) == 0;
}

/* The oldest address keeps the interface that people know. */
static const struct mst_obs *keeper_of(const struct mst_iface *iface, const char *mac)
{
	const struct mst_obs *best = NULL;
	for (size_t i = 0; i < iface->obs_count; i++) {
		const struct mst_obs *obs = iface->obs[i];
		if (!has_mac(obs, mac) || obs->displaced)
			continue;
		if (!best || obs->first_seen < best->first_seen ||
		    (obs->first_seen == best->first_seen && strcmp(obs->id, best->id) < 0))
			best = obs;
	}
	return best;
}

static void take_apart(struct mst_iface *iface, const char *mac)
{
	const struct mst_obs *keeper = keeper_of(iface, mac);
	const char *home = keeper ? mst_doc_text(&keeper->doc, "ip") : NULL;
	for (size_t i = 0; i < iface->obs_count; i++) {
		struct mst_obs *obs = iface->obs[i];
		const char *ip = mst_doc_text(&obs->doc, "ip");
		if (!has_mac(obs, mac))
			continue;
		obs->shared_mac = obs->dirty = iface->dirty = true;
		if (ip && home && strcmp(ip, home) != 0 && !obs->displaced)
			obs->split = obs->resolve = true;
	}
}

int mst_segment_share(struct mst_work *work, const struct mst_segment *segment, struct mst_err *err)
{
	struct lh_entry *entry;
	int code = 0;
	json_object_object_foreach(segment->shared, mac, value)
	{
		(void)value;
		char key[MST_KEY_SIZE];
		bson_t keys = BSON_INITIALIZER;
		uint32_t count = 0;
		snprintf(key, sizeof key, "mac:%s:%s", segment->manifest.zone, mac);
		mst_doc_push_text(&keys, &count, key);
		if (code == 0)
			code = mst_work_load_identities(work, &keys, err);
		bson_destroy(&keys);
		struct mst_identity *identity = code == 0 ? mst_work_identity_make(work, key) : NULL;
		if (!identity)
			return code != 0 ? code : mst_err_no_memory(err);
		if (identity->shared)
			continue;
		code = load_sharers(work, segment->manifest.zone, mac, err);
		lh_foreach(work->ifaces, entry) take_apart((struct mst_iface *)(uintptr_t)lh_entry_v(entry), mac);
		identity->shared = identity->dirty = true;
		identity->interface[0] = '\0';
		identity->late = 3;
	}
	return code;
}
