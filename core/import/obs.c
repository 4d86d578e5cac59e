/* SPDX-License-Identifier: Apache-2.0 */
#include "import/obs.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "import/doc.h"

struct mst_obs *mst_obs_new(void)
{
	struct mst_obs *obs = mst_doc_alloc(1, sizeof *obs);
	if (obs)
		bson_init(&obs->doc);
	return obs;
}

void mst_obs_free(struct mst_obs *obs)
{
	if (!obs)
		return;
	free(obs->id);
	free(obs->profile);
	free(obs->zone);
	free(obs->method);
	free(obs->source_key);
	free(obs->namespace_key);
	free(obs->covered_tcp);
	free(obs->covered_udp);
	bson_destroy(&obs->doc);
	mst_obs_free(obs->before);
	free(obs);
}

bool mst_obs_set(char **field, const char *text)
{
	char *copy = text && text[0] ? mst_str_dup(text) : NULL;
	if (text && text[0] && !copy)
		return false;
	free(*field);
	*field = copy;
	return true;
}

static const struct {
	const char *key;
	size_t offset;
} texts[] =
        {
                {"_id", offsetof(struct mst_obs, id)},
                {"profile", offsetof(struct mst_obs, profile)},
                {"zone", offsetof(struct mst_obs, zone)},
                {"method", offsetof(struct mst_obs, method)},
                {"source_key", offsetof(struct mst_obs, source_key)},
                {"namespace", offsetof(struct mst_obs, namespace_key)},
                {"covered_tcp", offsetof(struct mst_obs, covered_tcp)},
                {"covered_udp", offsetof(struct mst_obs, covered_udp)},
},
  ids[] =
          {
                  {"interface", offsetof(struct mst_obs, interface)},
                  {"last_run", offsetof(struct mst_obs, last_run)},
                  {"missed_run", offsetof(struct mst_obs, missed_run)},
},
  times[] =
          {
                  {"first_seen", offsetof(struct mst_obs, first_seen)},
                  {"last_seen", offsetof(struct mst_obs, last_seen)},
                  {"missed", offsetof(struct mst_obs, missed)},
                  {"missed_at", offsetof(struct mst_obs, missed_at)},
                  {"since", offsetof(struct mst_obs, since)},
                  {"os_seen", offsetof(struct mst_obs, os_seen)},
                  {"ports_seen", offsetof(struct mst_obs, ports_seen)},
                  {"names_seen", offsetof(struct mst_obs, names_seen)},
                  {"mac_seen", offsetof(struct mst_obs, mac_seen)},
},
  flags[] = {
          {"timed_out", offsetof(struct mst_obs, timed_out)},
          {"displaced", offsetof(struct mst_obs, displaced)},
          {"shared_mac", offsetof(struct mst_obs, shared_mac)},
          {"agent", offsetof(struct mst_obs, agent)},
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The index of a key in one of the tables; -1: it is in another. */
#define FIND(table, name) find_key(&(table)[0].key, sizeof(table)[0], COUNT(table), (name))

static int find_key(const char *const *first, size_t step, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		const char *other = *(const char *const *)(const void *)((const char *)first + i * step);
		if (key[0] == other[0] && strcmp(other, key) == 0)
			return (int)i;
	}
	return -1;
}

static bool read_text(struct mst_obs *obs, const char *key, const char *text)
{
	int at = FIND(texts, key);
	if (at >= 0)
		return mst_obs_set((char **)(void *)((char *)obs + texts[at].offset), text);
	at = FIND(ids, key);
	if (at >= 0)
		mst_doc_cut((char *)obs + ids[at].offset, MST_ID_SIZE, text);
	else if (strcmp(key, "print") == 0)
		mst_doc_cut(obs->print, sizeof obs->print, text);
	return true;
}

/* One field of a stored document; fields of other types than ours are as good as missing. */
static bool read_field(struct mst_obs *obs, const bson_iter_t *iter)
{
	const char *key = bson_iter_key(iter);
	bson_t view;
	int at;
	if (BSON_ITER_HOLDS_UTF8(iter))
		return read_text(obs, key, bson_iter_utf8(iter, NULL));
	if (BSON_ITER_HOLDS_INT(iter) && (at = FIND(times, key)) >= 0) {
		*(int64_t *)(void *)((char *)obs + times[at].offset) = bson_iter_as_int64(iter);
	} else if (BSON_ITER_HOLDS_BOOL(iter) && (at = FIND(flags, key)) >= 0) {
		*(bool *)((char *)obs + flags[at].offset) = bson_iter_bool(iter);
	} else if (BSON_ITER_HOLDS_DOCUMENT(iter) && strcmp(key, "doc") == 0 && mst_doc_view(iter, &view)) {
		bson_destroy(&obs->doc);
		bson_copy_to(&view, &obs->doc);
	}
	return true;
}

int mst_obs_from_bson(const bson_t *doc, struct mst_obs **out, struct mst_err *err)
{
	struct mst_obs *obs = mst_obs_new();
	bson_iter_t iter;
	bool good = obs != NULL;
	/* In one pass: a search per field is felt with a million of them. */
	if (good && bson_iter_init(&iter, doc))
		while (good && bson_iter_next(&iter))
			good = read_field(obs, &iter);
	if (!good) {
		mst_obs_free(obs);
		return mst_err_no_memory(err);
	}
	obs->stored = true;
	if (!obs->id || !obs->profile || !obs->zone || !obs->source_key) {
		mst_obs_free(obs);
		return mst_err_set(err, MST_E_CORRUPT,
		                   "an observation in the store has no _id, profile, zone or source_key");
	}
	*out = obs;
	return 0;
}

int mst_obs_to_bson(const struct mst_obs *obs, bson_t *out)
{
	struct mst_addr addr;
	const char *ip = mst_doc_text(&obs->doc, "ip");
	for (size_t i = 0; i < COUNT(texts); i++)
		mst_doc_add_text(out, texts[i].key,
		                 *(char *const *)(const void *)((const char *)obs + texts[i].offset));
	for (size_t i = 0; i < COUNT(ids); i++)
		mst_doc_add_text(out, ids[i].key, (const char *)obs + ids[i].offset);
	for (size_t i = 0; i < COUNT(times); i++)
		mst_doc_add_int(out, times[i].key,
		                *(const int64_t *)(const void *)((const char *)obs + times[i].offset));
	for (size_t i = 0; i < COUNT(flags); i++)
		if (*((const bool *)obs + flags[i].offset))
			bson_append_bool(out, flags[i].key, -1, true);
	mst_doc_add_text(out, "ip", ip);
	if (ip && mst_addr_parse(ip, &addr)) {
		char key[MST_ADDR_KEY];
		mst_addr_key(&addr, key);
		mst_doc_add_text(out, "ip_key", key);
	}
	mst_doc_add_text(out, "mac", mst_doc_text(&obs->doc, "mac"));
	mst_doc_add_text(out, "os_platform",
	                 mst_doc_text(&obs->doc, "os.platform")); /* so that counting reads no documents */
	mst_doc_add_text(out, "print", mst_obs_print(obs));
	return bson_append_document(out, "doc", -1, &obs->doc) ? 0 : MST_E_LIMIT;
}

const char *mst_obs_print(const struct mst_obs *obs)
{
	return obs->missed == 0 && !obs->shared_mac && !obs->displaced ? obs->print : "";
}

void mst_obs_keys(const struct mst_obs *obs, struct mst_keys *out)
{
	mst_keys_of(&obs->doc, obs->zone, obs->shared_mac, out);
}

struct mst_obs *mst_obs_copy(const struct mst_obs *obs)
{
	struct mst_obs *copy = mst_obs_new();
	bool good = copy != NULL;
	for (size_t i = 0; good && i < COUNT(texts); i++)
		good = mst_obs_set((char **)(void *)((char *)copy + texts[i].offset),
		                   *(char *const *)(const void *)((const char *)obs + texts[i].offset));
	if (!good) {
		mst_obs_free(copy);
		return NULL;
	}
	for (size_t i = 0; i < COUNT(ids); i++)
		memcpy((char *)copy + ids[i].offset, (const char *)obs + ids[i].offset, MST_ID_SIZE);
	for (size_t i = 0; i < COUNT(times); i++)
		*(int64_t *)(void *)((char *)copy + times[i].offset) =
		        *(const int64_t *)(const void *)((const char *)obs + times[i].offset);
	for (size_t i = 0; i < COUNT(flags); i++)
		*(bool *)((char *)copy + flags[i].offset) = *((const bool *)obs + flags[i].offset);
	memcpy(copy->print, obs->print, sizeof copy->print);
	bson_destroy(&copy->doc);
	bson_copy_to(&obs->doc, &copy->doc);
	return copy;
}
