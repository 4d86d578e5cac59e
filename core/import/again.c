/* SPDX-License-Identifier: Apache-2.0 */
/* Seen again as it was: only times move. */
#include "import/again.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "import/doc.h"
#include "import/segment.h"

struct mst_brief *mst_brief_from_bson(const bson_t *doc)
{
	struct mst_brief *brief = calloc(1, sizeof *brief);
	bson_iter_t iter;
	bool good = brief != NULL;
	if (good && bson_iter_init(&iter, doc))
		while (good && bson_iter_next(&iter)) {
			const char *key = bson_iter_key(&iter);
			const char *text = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : NULL;
			if (text && strcmp(key, "_id") == 0)
				good = mst_obs_set(&brief->id, text);
			else if (text && strcmp(key, "interface") == 0)
				mst_doc_cut(brief->interface, sizeof brief->interface, text);
			else if (text && strcmp(key, "last_run") == 0)
				mst_doc_cut(brief->last_run, sizeof brief->last_run, text);
			else if (text && strcmp(key, "print") == 0)
				mst_doc_cut(brief->print, sizeof brief->print, text);
			else if (strcmp(key, "last_seen") == 0 && BSON_ITER_HOLDS_INT(&iter))
				brief->last_seen = bson_iter_as_int64(&iter);
			else if (strcmp(key, "agent") == 0)
				brief->agent = BSON_ITER_HOLDS_BOOL(&iter) && bson_iter_bool(&iter);
		}
	if (good)
		return brief;
	mst_brief_free(brief);
	return NULL;
}

void mst_brief_free(struct mst_brief *brief)
{
	if (!brief)
		return;
	free(brief->id);
	free(brief);
}

/* A MAC of its own is who it is, whatever time has passed. Addresses alone are looked at each time. */
static bool has_own_mac(const struct mst_segment *segment, const struct mst_look *look)
{
	char mac[MST_MAC_SIZE];
	return mst_mac_parse(look->mac, mac) && !mst_mac_is_virtual_router(mac) &&
	       !json_object_object_get_ex(segment->shared, mac, NULL);
}

bool mst_again(struct mst_work *work, const struct mst_segment *segment, const struct mst_look *look,
               struct mst_brief *brief)
{
	bool as_it_was = look->print[0] && strcmp(look->print, brief->print) == 0;
	bool in_time = look->seen > 0 && look->seen >= brief->last_seen && look->seen <= work->now + MST_FUTURE_MS &&
	               look->seen - brief->last_seen <= work->import->settings->ip_identity_ttl_ms;
	struct mst_iface *iface = NULL;
	brief->whole = brief->whole || brief->seen || !as_it_was || !in_time || !has_own_mac(segment, look) ||
	               !brief->interface[0] || !(iface = mst_work_iface_make(work, brief->interface));
	if (brief->whole)
		return false;
	if (look->seen > brief->last_seen) {
		int64_t *kind = brief->agent ? &iface->touch_managed : &iface->touch_discovered;
		iface->touch_seen = look->seen > iface->touch_seen ? look->seen : iface->touch_seen;
		*kind = look->seen > *kind ? look->seen : *kind;
	}
	brief->seen = look->seen;
	brief->os = look->os;
	brief->ports = look->ports;
	brief->names = look->names;
	brief->has_mac = look->has_mac;
	return true;
}

static void raise_time(int64_t *time, int64_t to, bool does)
{
	if (does && to > *time)
		*time = to;
}

void mst_again_move(struct mst_brief *brief, struct mst_obs *obs, const char *run)
{
	raise_time(&obs->last_seen, brief->seen, true);
	raise_time(&obs->os_seen, brief->seen, brief->os);
	raise_time(&obs->ports_seen, brief->seen, brief->ports);
	raise_time(&obs->names_seen, brief->seen, brief->names);
	raise_time(&obs->mac_seen, brief->seen, brief->has_mac);
	mst_doc_cut(obs->last_run, sizeof obs->last_run, run);
	obs->seen_again = true;
	brief->seen = 0;
}
