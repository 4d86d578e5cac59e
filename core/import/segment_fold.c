/* SPDX-License-Identifier: Apache-2.0 */
/* One record into its observation. */
#include <inttypes.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "import/classify.h"
#include "import/doc.h"
#include "import/segment.h"

#define FACTS_MAX (4u << 20)

bool mst_segment_obs_id(const struct mst_segment *segment, const char *key, char out[MST_OBS_ID_SIZE])
{
	out[0] = '\0';
	if (!key || strlen(key) > MST_SOURCE_KEY_MAX)
		return false;
	return snprintf(out, MST_OBS_ID_SIZE, "%s/%s/%s", segment->profile, segment->manifest.zone, key) <
	       MST_OBS_ID_SIZE;
}

struct folding {
	struct mst_work *work;
	const struct mst_segment *segment;
	const struct mst_segment_scope *scope; /* NULL: the record names none that exists */
	const bson_t *record;
	const struct mst_look *look;
	struct mst_cover cover;
	int64_t seen;
	bool timed_out;
	struct mst_obs *obs;
	bool fresh; /* made by this record */
};

static void set_cover(struct folding *f)
{
	const struct mst_segment_scope *scope = f->scope;
	memset(&f->cover, 0, sizeof f->cover);
	if (!scope)
		return;
	f->cover.facts = scope->scope.facts;
	f->cover.complete = scope->outcome == MUSTER_OUTCOME_COMPLETE && !f->timed_out;
	f->cover.tcp = scope->tcp;
	f->cover.udp = scope->udp;
}

static int new_obs(struct folding *f, const char *id, struct mst_err *err)
{
	struct mst_obs *obs = mst_obs_new();
	const struct mst_manifest_shard *manifest = &f->segment->manifest;
	bool good = obs && mst_obs_set(&obs->id, id) && mst_obs_set(&obs->profile, f->segment->profile) &&
	            mst_obs_set(&obs->zone, manifest->zone) && mst_obs_set(&obs->method, manifest->method) &&
	            mst_obs_set(&obs->source_key, f->look->key);
	if (!good) {
		mst_obs_free(obs);
		return mst_err_no_memory(err);
	}
	obs->first_seen = obs->since = f->seen;
	f->obs = obs;
	f->fresh = true;
	return mst_work_obs_put(f->work, obs) == 0 ? 0 : mst_err_no_memory(err);
}

/* A row of observation_history. Its _id follows from what it holds, so writing it again changes nothing. */
static int add_history(struct folding *f, const bson_t *doc, int64_t from, int64_t to, struct mst_err *err)
{
	bson_t row = BSON_INITIALIZER;
	struct mst_buf id;
	mst_buf_init(&id, 512);
	mst_buf_printf(&id, "%s@%" PRId64, f->obs->id, to);
	mst_doc_add_text(&row, "_id", mst_buf_text(&id));
	mst_doc_add_text(&row, "observation", f->obs->id);
	mst_doc_add_text(&row, "interface", f->obs->interface);
	mst_doc_add_int(&row, "from", from);
	mst_doc_add_int(&row, "to", to);
	mst_doc_add_text(&row, "run", f->work->run);
	mst_doc_add_text(&row, "ip", mst_doc_text(doc, "ip"));
	bson_append_document(&row, "doc", -1, doc);
	int index = mst_batch_put(f->work->batch, "observation_history", &row);
	bson_destroy(&row);
	mst_buf_free(&id);
	return index < 0 ? mst_err_no_memory(err) : 0;
}

/* Looked at before what is already known: it goes to history and may move the beginning. */
static int fold_older(struct folding *f, struct mst_err *err)
{
	struct mst_obs *obs = f->obs;
	bson_t doc = BSON_INITIALIZER;
	int code = mst_fold(NULL, f->record, &f->cover, &doc, err);
	if (code == 0)
		code = add_history(f, &doc, f->seen, f->seen, err);
	if (f->seen < obs->first_seen) {
		struct mst_iface *iface = mst_work_iface_make(f->work, obs->interface);
		if (!iface)
			return mst_err_no_memory(err);
		obs->first_seen = f->seen;
		obs->seen_again = true;
		iface->dirty = true;
	}
	bson_destroy(&doc);
	return code;
}

static bool raise_time(int64_t *time, int64_t to)
{
	if (*time >= to)
		return false;
	*time = to;
	return true;
}

static void set_times(struct folding *f)
{
	struct mst_obs *obs = f->obs;
	bool any = raise_time(&obs->last_seen, f->seen);
	if (f->look->os)
		any |= raise_time(&obs->os_seen, f->seen);
	if (f->look->ports)
		any |= raise_time(&obs->ports_seen, f->seen);
	if (f->look->names)
		any |= raise_time(&obs->names_seen, f->seen);
	if (f->look->has_mac)
		any |= raise_time(&obs->mac_seen, f->seen);
	obs->seen_again |= any;
}

/* The next record like this one need not be looked at. */
static void set_print(struct folding *f)
{
	struct mst_obs *obs = f->obs;
	bool agent = mst_doc_bool(&obs->doc, "managed") || mst_doc_text(&obs->doc, "computer_id");
	obs->seen_again |= strcmp(obs->print, f->look->print) != 0 || obs->agent != agent;
	mst_doc_cut(obs->print, sizeof obs->print, f->look->print);
	obs->agent = agent;
}

/* Adds the scope's ports to those ever looked at; sets *more when that is more than before. 0 or MST_E_NO_MEMORY: a port that
 * is not known to have been looked at would stay open for ever. */
static int add_covered(char **covered, const struct mst_ports *ports, const char *text, bool *more)
{
	struct mst_ports *all;
	struct mst_buf out;
	bool grown = false;
	if (!ports || (*covered && strcmp(*covered, text) == 0))
		return 0;
	if (!*covered) {
		*more = true;
		return mst_obs_set(covered, text) ? 0 : MST_E_NO_MEMORY;
	}
	all = calloc(1, sizeof *all);
	int code = all ? mst_ports_parse(all, *covered, NULL) : MST_E_NO_MEMORY;
	for (size_t i = 0; code == 0 && i < sizeof all->bits; i++) {
		grown |= (ports->bits[i] & ~all->bits[i]) != 0;
		all->bits[i] |= ports->bits[i];
	}
	mst_buf_init(&out, 1u << 20);
	if (code == 0 && grown && (mst_ports_text(all, &out) != 0 || !mst_obs_set(covered, mst_buf_text(&out))))
		code = MST_E_NO_MEMORY;
	mst_buf_free(&out);
	free(all);
	*more |= grown;
	return code == MST_E_NO_MEMORY ? code : 0;
}

static bool is_certain(const bson_t *doc)
{
	return mst_doc_text(doc, "os.platform") && mst_doc_int(doc, "os.accuracy", 100) >= MST_OS_CERTAIN;
}

/* Does the identity that `doc` gives differ from what the observation had? */
static bool keys_differ(const struct mst_keys *a, const struct mst_keys *b)
{
	if (a->count != b->count)
		return true;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].text, b->items[i].text) != 0)
			return true;
	return false;
}

static void look_at_mac(struct folding *f, const bson_t *doc)
{
	const char *mac = mst_doc_text(doc, "mac");
	if (mac && json_object_object_get_ex(f->segment->shared, mac, NULL))
		f->obs->shared_mac = true;
}

/* An address is an identity for a time only, and whoever shows a MAC there takes it over: those are looked at each time. */
static int look_at_identity(struct folding *f, const struct mst_obs *before, bool same, struct mst_err *err)
{
	struct mst_keys was, is;
	mst_obs_keys(f->obs, &is);
	bool weak = is.count == 0 || is.items[0].kind == MST_KEY_IP;
	if (!same)
		mst_obs_keys(before, &was);
	f->obs->resolve |= f->fresh || weak || (!same && keys_differ(&was, &is));
	if (f->obs->resolve && !f->fresh && !f->obs->before) {
		f->obs->before = mst_obs_copy(before);
		if (!f->obs->before)
			return mst_err_no_memory(err);
	}
	return 0;
}

static int touch_iface(struct folding *f, bool whole, struct mst_err *err)
{
	struct mst_obs *obs = f->obs;
	if (!obs->interface[0])
		return 0;
	struct mst_iface *iface = mst_work_iface_make(f->work, obs->interface);
	if (!iface)
		return mst_err_no_memory(err);
	iface->dirty |= whole;
	raise_time(&iface->touch_seen, obs->last_seen);
	raise_time(obs->agent ? &iface->touch_managed : &iface->touch_discovered, obs->last_seen);
	return 0;
}

static bool set_run(struct folding *f)
{
	if (strcmp(f->obs->last_run, f->work->run) == 0)
		return false;
	mst_doc_cut(f->obs->last_run, MST_ID_SIZE, f->work->run);
	return true;
}

/* Takes the folded document over: as it was, refreshed without being a change, or changed with the old one to history. */
static int take(struct folding *f, const struct mst_obs *before, bson_t *doc, struct mst_err *err)
{
	struct mst_obs *obs = f->obs;
	struct mst_buf old_facts, facts;
	int code = 0;
	mst_buf_init(&old_facts, FACTS_MAX);
	mst_buf_init(&facts, FACTS_MAX);
	/* Most of what is seen again is what it was, to the byte: then there is nothing to compare. */
	bool same = !f->fresh && bson_equal(&obs->doc, doc);
	if (!same && !f->fresh && (mst_fold_facts(&obs->doc, &old_facts) != 0 || mst_fold_facts(doc, &facts) != 0))
		code = mst_err_no_memory(err);
	bool changed = f->fresh || strcmp(mst_buf_text(&old_facts), mst_buf_text(&facts)) != 0;
	bool refresh = is_certain(doc) != is_certain(&obs->doc) || obs->timed_out != f->timed_out || obs->missed > 0;
	if (f->cover.complete &&
	    (add_covered(&obs->covered_tcp, f->cover.tcp, f->scope->scope.tcp_ports, &refresh) != 0 ||
	     add_covered(&obs->covered_udp, f->cover.udp, f->scope->scope.udp_ports, &refresh) != 0))
		code = mst_err_no_memory(err);
	if (code == 0 && changed && !f->fresh) {
		code = add_history(f, &obs->doc, before->since, before->last_seen, err);
		obs->since = f->seen;
	}
	if (code == 0 && (changed || refresh)) {
		bson_destroy(&obs->doc);
		bson_steal(&obs->doc, doc);
		bson_init(doc);
		obs->dirty = true;
		obs->missed = obs->missed_at = 0;
		obs->missed_run[0] = '\0';
		obs->timed_out = f->timed_out;
	}
	set_print(f);
	if (code == 0)
		code = look_at_identity(f, before, same && before->shared_mac == obs->shared_mac, err);
	if (code == 0)
		code = touch_iface(f, changed || refresh, err);
	mst_buf_free(&old_facts);
	mst_buf_free(&facts);
	return code;
}

/* Another MAC answers at the place, or the place was silent for longer than an address is an identity: what was seen there
 * before is no knowledge of who is there now. */
static bool is_someone_else(const struct folding *f)
{
	char was[MST_MAC_SIZE], is[MST_MAC_SIZE];
	bool had = mst_mac_parse(mst_doc_text(&f->obs->doc, "mac"), was);
	bool has = mst_mac_parse(mst_doc_text(f->record, "mac"), is);
	if (had && has)
		return strcmp(was, is) != 0;
	return !had && !has && !mst_doc_text(&f->obs->doc, "eni") &&
	       f->seen - f->obs->last_seen > f->work->import->settings->ip_identity_ttl_ms;
}

static void start_over(struct mst_obs *obs)
{
	obs->os_seen = obs->ports_seen = obs->names_seen = obs->mac_seen = 0;
	mst_obs_set(&obs->covered_tcp, NULL);
	mst_obs_set(&obs->covered_udp, NULL);
	obs->shared_mac = false;
}

static int fold_newer(struct folding *f, struct mst_err *err)
{
	bson_t doc = BSON_INITIALIZER;
	bool anew = f->fresh || is_someone_else(f);
	struct mst_obs *before = f->fresh ? mst_obs_new() : mst_obs_copy(f->obs);
	int code = 0;
	if (!before)
		return mst_err_no_memory(err);
	if (f->fresh)
		code = mst_obs_set(&before->zone, f->obs->zone) ? 0 : mst_err_no_memory(err);
	if (code == 0)
		code = mst_fold(anew ? NULL : &f->obs->doc, f->record, &f->cover, &doc, err);
	if (code == 0) {
		if (anew)
			start_over(f->obs);
		look_at_mac(f, &doc);
		set_times(f);
		if (f->scope && f->scope->scope.namespace_key && f->fresh &&
		    !mst_obs_set(&f->obs->namespace_key, f->scope->scope.namespace_key))
			code = mst_err_no_memory(err);
		if (code == 0)
			code = take(f, before, &doc, err);
	}
	bson_destroy(&doc);
	mst_obs_free(before);
	return code;
}

/* A host that was only assumed to be there, or a record without any place, is no sighting. */
static bool is_sighting(const bson_t *record)
{
	bson_iter_t iter;
	struct mst_addr addr;
	char mac[MST_MAC_SIZE];
	if (bson_iter_init_find(&iter, record, "answered") && BSON_ITER_HOLDS_BOOL(&iter) && !bson_iter_bool(&iter))
		return false;
	const char *ip = mst_doc_text(record, "ip");
	return (ip && mst_addr_parse(ip, &addr)) || mst_mac_parse(mst_doc_text(record, "mac"), mac) ||
	       mst_doc_text(record, "eni");
}

int mst_segment_fold(struct mst_work *work, const struct mst_segment *segment, const bson_t *record,
                     const struct mst_look *look, bool *skipped, struct mst_err *err)
{
	struct folding f = {.work = work, .segment = segment, .record = record, .look = look};
	char id[MST_OBS_ID_SIZE];
	int code = 0;
	f.seen = look->seen;
	*skipped = !mst_segment_obs_id(segment, look->key, id) || !is_sighting(record) || f.seen <= 0 ||
	           f.seen > work->now + MST_FUTURE_MS;
	if (!*skipped) {
		f.scope = look->scope;
		f.timed_out = look->timed_out;
		set_cover(&f);
		f.obs = mst_work_obs(work, id);
		if (!f.obs)
			code = new_obs(&f, id, err);
		if (code == 0 && f.obs)
			code = !f.fresh && f.seen < f.obs->last_seen ? fold_older(&f, err) : fold_newer(&f, err);
		if (code == 0 && f.obs)
			f.obs->seen_again |= set_run(&f);
	}
	return code;
}
