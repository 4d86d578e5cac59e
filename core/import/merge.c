/* SPDX-License-Identifier: Apache-2.0 */
#include "import/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "import/doc.h"
#include "import/ports.h"

#define LIST_MAX 64u
/* Two sources look at different times: an address that another source saw within a day is not old news. */
#define OTHER_SOURCE_MS (INT64_C(24) * 3600 * 1000)

struct pool {
	struct mst_obs *const *items; /* newest last_seen first */
	size_t count;
	const struct mst_merge_options *options;
	bool all_lost;
};

static bool counts(const struct pool *pool, const struct mst_obs *obs)
{
	return pool->all_lost || obs->missed < pool->options->lost_after;
}

static int by_last_seen(const void *left, const void *right)
{
	const struct mst_obs *a = *(struct mst_obs *const *)left, *b = *(struct mst_obs *const *)right;
	if (a->last_seen != b->last_seen)
		return a->last_seen > b->last_seen ? -1 : 1;
	return strcmp(a->id, b->id);
}

/* The counting observation with the highest time of one fact that has a value at `path`. */
static const struct mst_obs *newest(const struct pool *pool, const char *path, size_t time_offset)
{
	const struct mst_obs *best = NULL;
	int64_t best_time = -1;
	for (size_t i = 0; i < pool->count; i++) {
		const struct mst_obs *obs = pool->items[i];
		int64_t time = *(const int64_t *)(const void *)((const char *)obs + time_offset);
		bson_iter_t iter, found;
		if (time > best_time && counts(pool, obs) && bson_iter_init(&iter, &obs->doc) &&
		    bson_iter_find_descendant(&iter, path, &found)) {
			best = obs;
			best_time = time;
		}
	}
	return best;
}

static void add_newest_text(const struct pool *pool, bson_t *out, const char *key, size_t time_offset)
{
	const struct mst_obs *obs = newest(pool, key, time_offset);
	mst_doc_add_text(out, key, obs ? mst_doc_text(&obs->doc, key) : NULL);
}

static void add_os(const struct pool *pool, bson_t *out)
{
	const struct mst_obs *obs = newest(pool, "os.platform", offsetof(struct mst_obs, os_seen));
	const struct mst_obs *noted = newest(pool, "os.note", offsetof(struct mst_obs, os_seen));
	char text[64];
	if (obs) {
		mst_os_platform(mst_doc_text(&obs->doc, "os.platform"), text, sizeof text);
		mst_doc_add_text(out, "os_platform", text);
		mst_os_generation(mst_doc_text(&obs->doc, "os.generation"), text, sizeof text);
		mst_doc_add_text(out, "os_generation", text);
		/* A source that gives no accuracy knows; only guesses are graded. */
		mst_doc_add_int(out, "os_accuracy", mst_doc_int(&obs->doc, "os.accuracy", 100));
	}
	if (noted && (!obs || noted->os_seen >= obs->os_seen))
		mst_doc_add_text(out, "os_note", mst_doc_text(&noted->doc, "os.note"));
}

/* Texts without duplicates, in order. */
struct texts {
	const char *items[LIST_MAX];
	size_t count;
};

static void texts_add(struct texts *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (!text || strcmp(list->items[i], text) == 0)
			return;
	if (text && list->count < LIST_MAX)
		list->items[list->count++] = text;
}

static void texts_write(const struct texts *list, bson_t *out, const char *key)
{
	bson_t array = BSON_INITIALIZER;
	uint32_t index = 0;
	for (size_t i = 0; i < list->count; i++)
		mst_doc_push_text(&array, &index, list->items[i]);
	if (list->count > 0)
		bson_append_array(out, key, -1, &array);
	bson_destroy(&array);
}

/* What an operator typed as a target is a name of last resort: the network's own names come first. */
static const char *best_name(const bson_t *names)
{
	bson_iter_t iter;
	bson_t item;
	const char *first = NULL;
	if (!bson_iter_init(&iter, names))
		return NULL;
	while (bson_iter_next(&iter)) {
		if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !mst_doc_view(&iter, &item) || !mst_doc_text(&item, "name"))
			continue;
		const char *type = mst_doc_text(&item, "type");
		if (!type || strcmp(type, "user") != 0)
			return mst_doc_text(&item, "name");
		if (!first)
			first = mst_doc_text(&item, "name");
	}
	return first;
}

static void texts_add_names(struct texts *list, const bson_t *names)
{
	bson_iter_t iter;
	bson_t item;
	if (!bson_iter_init(&iter, names))
		return;
	while (bson_iter_next(&iter))
		if (BSON_ITER_HOLDS_DOCUMENT(&iter) && mst_doc_view(&iter, &item))
			texts_add(list, mst_doc_text(&item, "name"));
}

static void add_names(const struct pool *pool, bson_t *out)
{
	const struct mst_obs *first = newest(pool, "names.0", offsetof(struct mst_obs, names_seen));
	struct texts list = {.count = 0};
	bson_t names;
	if (!first || !mst_doc_array(&first->doc, "names", &names))
		return;
	const char *best = best_name(&names);
	mst_doc_add_text(out, "hostname", best);
	texts_add(&list, best);
	texts_add_names(&list, &names);
	for (size_t i = 0; i < pool->count; i++)
		if (counts(pool, pool->items[i]) && mst_doc_array(&pool->items[i]->doc, "names", &names))
			texts_add_names(&list, &names);
	texts_write(&list, out, "hostnames");
}

/* Is the interface where this observation says? Nobody missed it there, and nobody else answers there. */
static bool is_there(const struct mst_obs *obs)
{
	return obs->missed == 0 && !obs->displaced;
}

static const struct mst_obs *with_ip(const struct pool *pool, const char *ip)
{
	for (size_t i = 0; ip && i < pool->count; i++) {
		const char *other = mst_doc_text(&pool->items[i]->doc, "ip");
		if (other && strcmp(other, ip) == 0 && counts(pool, pool->items[i]) && is_there(pool->items[i]))
			return pool->items[i];
	}
	return NULL;
}

static int by_address(const void *left, const void *right)
{
	struct mst_addr a, b;
	const char *first = *(const char *const *)left, *second = *(const char *const *)right;
	if (!mst_addr_parse(first, &a) || !mst_addr_parse(second, &b))
		return strcmp(first, second);
	return mst_addr_compare(&a, &b);
}

/* Where it is before where it was, IPv4 before IPv6, then the newest; of one run the lowest address. */
static const struct mst_obs *newest_address(const struct pool *pool)
{
	const struct mst_obs *best = NULL;
	const char *best_ip = NULL;
	int best_rank = 0;
	for (size_t i = 0; i < pool->count; i++) {
		const struct mst_obs *obs = pool->items[i];
		const char *ip = mst_doc_text(&obs->doc, "ip");
		int rank = !ip || !counts(pool, obs) ? 0 : 1 + (is_there(obs) ? 2 : 0) + (strchr(ip, ':') ? 0 : 1);
		if (rank == 0 || rank < best_rank ||
		    (rank == best_rank &&
		     (strcmp(obs->last_run, best->last_run) != 0 || by_address(&ip, &best_ip) >= 0)))
			continue;
		best = obs;
		best_ip = ip;
		best_rank = rank;
	}
	return best;
}

/* May the address shown until now stay the first one? Two addresses of one interface must not take turns. */
static bool keeps_address(const struct pool *pool, const struct mst_obs *held, const struct mst_obs *fresh,
                          struct mst_merge_result *result)
{
	const char *settle = pool->options->settle_run;
	if (strcmp(held->last_run, fresh->last_run) == 0)
		return true;
	if (strcmp(held->profile, fresh->profile) != 0)
		return held->last_seen >= fresh->last_seen - OTHER_SOURCE_MS;
	if (settle)
		return strcmp(fresh->last_run, settle) != 0;
	result->unsettled = true;
	return true;
}

static void list_ips(const struct pool *pool, const char *ip, struct texts *list)
{
	int64_t horizon = pool->items[0]->last_seen - pool->options->ip_ttl_ms;
	texts_add(list, ip);
	for (size_t i = 0; i < pool->count; i++) {
		const struct mst_obs *obs = pool->items[i];
		bson_t more;
		bson_iter_t iter;
		if (!counts(pool, obs) || (!is_there(obs) && !pool->all_lost) || obs->last_seen < horizon)
			continue;
		texts_add(list, mst_doc_text(&obs->doc, "ip"));
		if (mst_doc_array(&obs->doc, "ips", &more) && bson_iter_init(&iter, &more))
			while (bson_iter_next(&iter))
				if (BSON_ITER_HOLDS_UTF8(&iter))
					texts_add(list, bson_iter_utf8(&iter, NULL));
	}
	if (list->count > 2)
		qsort(list->items + 1, list->count - 1, sizeof list->items[0], by_address);
}

/* While a run is under way, who is where is half known: addresses come and go at its end. */
static void add_ips(const struct pool *pool, const bson_t *old, const char *ip, bson_t *out,
                    struct mst_merge_result *result)
{
	struct texts list = {.count = 0};
	bson_t before;
	list_ips(pool, ip, &list);
	if (!pool->options->settle_run && old && mst_doc_array(old, "ips", &before) && mst_doc_holds(&before, ip)) {
		bool same = bson_count_keys(&before) == list.count;
		for (size_t i = 0; i < list.count && same; i++)
			same = mst_doc_holds(&before, list.items[i]);
		result->unsettled |= !same;
		mst_doc_copy(out, old, "ips");
		return;
	}
	texts_write(&list, out, "ips");
}

/* ip, ip_key, ips, and the zone of the observation that they come from. */
static const struct mst_obs *add_addresses(const struct pool *pool, const bson_t *old, bson_t *out,
                                           struct mst_merge_result *result)
{
	const struct mst_obs *fresh = newest_address(pool);
	const char *held_ip = old ? mst_doc_text(old, "ip") : NULL;
	const struct mst_obs *held = with_ip(pool, held_ip);
	const struct mst_obs *chosen = fresh;
	struct mst_addr addr;
	if (!fresh)
		return pool->items[0];
	if (held && held != fresh &&
	    (strchr(held_ip, ':') != NULL) == (strchr(mst_doc_text(&fresh->doc, "ip"), ':') != NULL) &&
	    keeps_address(pool, held, fresh, result))
		chosen = held;
	const char *ip = mst_doc_text(&chosen->doc, "ip");
	mst_doc_add_text(out, "ip", ip);
	if (mst_addr_parse(ip, &addr)) {
		char key[MST_ADDR_KEY];
		mst_addr_key(&addr, key);
		mst_doc_add_text(out, "ip_key", key);
	}
	add_ips(pool, old, ip, out, result);
	return chosen;
}

static int by_ports_seen(const void *left, const void *right)
{
	const struct mst_obs *a = *(struct mst_obs *const *)left, *b = *(struct mst_obs *const *)right;
	if (a->ports_seen != b->ports_seen)
		return a->ports_seen > b->ports_seen ? -1 : 1;
	return strcmp(a->id, b->id);
}

static int add_known(struct mst_ports *known, const char *covered)
{
	struct mst_ports *set = covered ? calloc(1, sizeof *set) : NULL;
	if (!covered)
		return 0;
	if (!set)
		return MST_E_NO_MEMORY;
	int code = mst_ports_parse(set, covered, NULL);
	for (size_t i = 0; code == 0 && i < sizeof set->bits; i++)
		known->bits[i] |= set->bits[i];
	free(set);
	return code == MST_E_NO_MEMORY ? code : 0;
}

/* Nearly all sets are nearly empty. */
static bool none_of_64(const struct mst_port_sets *open, unsigned port)
{
	uint64_t any = 0;
	for (int proto = 0; proto < MST_PROTOS; proto++) {
		uint64_t word;
		memcpy(&word, &open->of[proto].bits[port / 8], sizeof word);
		any |= word;
	}
	return any == 0;
}

static void write_ports(const struct mst_port_sets *open, bson_t *out)
{
	bson_t array = BSON_INITIALIZER;
	uint32_t index = 0;
	/* By number, TCP before UDP of the same number. */
	for (unsigned port = 0; port <= 65535 && index < MST_MERGED_PORTS_MAX; port++) {
		if (port % 64 == 0 && none_of_64(open, port)) {
			port += 63;
			continue;
		}
		for (int proto = 0; proto < MST_PROTOS; proto++)
			if (mst_ports_has(&open->of[proto], port)) {
				char text[16];
				mst_port_text(proto, port, text, sizeof text);
				mst_doc_push_text(&array, &index, text);
			}
	}
	if (index > 0)
		bson_append_array(out, "ports", -1, &array);
	bson_destroy(&array);
}

/* Services of open ports, the newest observation's first. */
static void write_services(struct mst_obs *const *obs, size_t count, const struct pool *pool,
                           struct mst_port_sets *open, bson_t *out)
{
	static const char *const fields[] = {"name", "product", "version", "extra", "tunnel"};
	bson_t array = BSON_INITIALIZER, from, item, entry;
	uint32_t index = 0;
	for (size_t i = 0; i < count; i++) {
		bson_iter_t iter;
		if (!counts(pool, obs[i]) || !mst_doc_array(&obs[i]->doc, "services", &from) ||
		    !bson_iter_init(&iter, &from))
			continue;
		while (bson_iter_next(&iter) && index < MST_MERGED_PORTS_MAX) {
			if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !mst_doc_view(&iter, &item))
				continue;
			int proto = mst_proto_parse(mst_doc_text(&item, "proto"));
			unsigned port = (unsigned)mst_doc_int(&item, "port", 0);
			if (proto < 0 || port > 65535 || !mst_ports_has(&open->of[proto], port))
				continue;
			open->of[proto].bits[port / 8] &= (uint8_t) ~(1u << (port % 8));
			char space[16];
			const char *key;
			size_t len = bson_uint32_to_string(index++, &key, space, sizeof space);
			bson_append_document_begin(&array, key, (int)len, &entry);
			mst_doc_add_text(&entry, "proto", mst_proto_name(proto));
			mst_doc_add_int(&entry, "port", port);
			for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++)
				mst_doc_add_text(&entry, fields[f], mst_doc_text(&item, fields[f]));
			bson_append_document_end(&array, &entry);
		}
	}
	if (index > 0)
		bson_append_array(out, "services", -1, &array);
	bson_destroy(&array);
}

/* Per port the newest observation that looked at it decides. */
static int add_ports_of_many(const struct pool *pool, bson_t *out)
{
	struct mst_port_sets *sets = calloc(2, sizeof *sets);
	struct mst_obs **order = calloc(pool->count, sizeof(struct mst_obs *));
	bson_t ports;
	int code = sets && order ? 0 : MST_E_NO_MEMORY;
	for (size_t i = 0; i < pool->count && code == 0; i++)
		order[i] = pool->items[i];
	if (code == 0)
		qsort(order, pool->count, sizeof(struct mst_obs *), by_ports_seen);
	for (size_t i = 0; i < pool->count && code == 0; i++) {
		if (!counts(pool, order[i]))
			continue;
		if (mst_doc_array(&order[i]->doc, "ports", &ports))
			code = mst_ports_open(&ports, &sets[0], &sets[1]);
		if (code == 0 && pool->count > 1) {
			code = add_known(&sets[1].of[MST_PROTO_TCP], order[i]->covered_tcp);
			if (code == 0)
				code = add_known(&sets[1].of[MST_PROTO_UDP], order[i]->covered_udp);
		}
	}
	if (code == 0) {
		write_ports(&sets[0], out);
		write_services(order, pool->count, pool, &sets[0], out);
	}
	free(order);
	free(sets);
	return code;
}

/* Nearly all interfaces have one source, whose ports are what they are. */
static int add_ports(const struct pool *pool, bson_t *out)
{
	const bson_t *doc = &pool->items[0]->doc;
	bson_t ports;
	if (pool->count > 1 || bson_has_field(doc, "services"))
		return add_ports_of_many(pool, out);
	return mst_doc_array(doc, "ports", &ports) ? mst_ports_write_open(&ports, MST_MERGED_PORTS_MAX, out, "ports")
	                                           : 0;
}

static void add_times(const struct pool *pool, const bson_t *old, bson_t *out, struct mst_merge_result *result)
{
	/* An observation that gave way took its beginning with it; the interface's own stands. */
	int64_t first = old ? mst_doc_int(old, "first_seen", INT64_MAX) : INT64_MAX;
	int64_t last = 0, discovered = 0;
	for (size_t i = 0; i < pool->count; i++) {
		const struct mst_obs *obs = pool->items[i];
		bool agent = mst_doc_bool(&obs->doc, "managed") || mst_doc_text(&obs->doc, "computer_id");
		first = obs->first_seen < first ? obs->first_seen : first;
		last = obs->last_seen > last ? obs->last_seen : last;
		if (!agent && obs->last_seen > discovered)
			discovered = obs->last_seen;
		if (!agent)
			continue;
		if (obs->last_seen > result->managed_last)
			result->managed_last = obs->last_seen;
		if (result->managed_first == 0 || obs->first_seen < result->managed_first)
			result->managed_first = obs->first_seen;
		result->managed |= counts(pool, obs) && obs->missed < pool->options->lost_after;
	}
	mst_doc_add_int(out, "first_seen", first);
	mst_doc_add_int(out, "last_seen", last);
	if (discovered > 0)
		mst_doc_add_int(out, "last_discovered", discovered);
}

static void add_sources(const struct pool *pool, bson_t *out)
{
	struct texts methods = {.count = 0}, profiles = {.count = 0};
	for (size_t i = 0; i < pool->count; i++)
		if (counts(pool, pool->items[i])) {
			texts_add(&methods, pool->items[i]->method);
			texts_add(&profiles, pool->items[i]->profile);
		}
	qsort(methods.items, methods.count, sizeof methods.items[0], by_address);
	qsort(profiles.items, profiles.count, sizeof profiles.items[0], by_address);
	texts_write(&methods, out, "methods");
	texts_write(&profiles, out, "profiles");
}

static const char *identity_of(const struct pool *pool, struct mst_merge_result *result)
{
	const char *best = "ip";
	int best_kind = MST_KEY_IP;
	for (size_t i = 0; i < pool->count; i++) {
		struct mst_keys keys;
		if (!counts(pool, pool->items[i]))
			continue;
		mst_obs_keys(pool->items[i], &keys);
		result->shared_mac |= mst_doc_text(&pool->items[i]->doc, "mac") && !mst_keys_find(&keys, MST_KEY_MAC) &&
		                      !mst_keys_find(&keys, MST_KEY_LOCAL_MAC);
		if (keys.count > 0 && keys.items[0].kind < best_kind) {
			best_kind = keys.items[0].kind;
			best = mst_keys_identity(&keys);
		}
	}
	return best;
}

/* Of the record as a whole, or of one of its names. */
static bool is_cut(const struct pool *pool)
{
	for (size_t i = 0; i < pool->count; i++) {
		const bson_t *doc = &pool->items[i]->doc;
		bson_t names, item;
		bson_iter_t iter;
		if (!counts(pool, pool->items[i]))
			continue;
		if (mst_doc_bool(doc, "cut"))
			return true;
		if (!mst_doc_array(doc, "names", &names) || !bson_iter_init(&iter, &names))
			continue;
		while (bson_iter_next(&iter))
			if (BSON_ITER_HOLDS_DOCUMENT(&iter) && mst_doc_view(&iter, &item) && mst_doc_bool(&item, "cut"))
				return true;
	}
	return false;
}

int mst_merge(const bson_t *old, struct mst_obs *const *obs, size_t count, const struct mst_merge_options *options,
              bson_t *out, struct mst_merge_result *result, struct mst_err *err)
{
	static const struct mst_merge_result none = {.unsettled = false};
	struct mst_obs **sorted = calloc(count, sizeof(struct mst_obs *));
	struct pool pool = {sorted, count, options, false};
	*result = none;
	result->lost = true;
	if (!sorted)
		return mst_err_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		sorted[i] = obs[i];
		result->lost &= obs[i]->missed >= options->lost_after;
	}
	pool.all_lost = result->lost;
	qsort(sorted, count, sizeof(struct mst_obs *), by_last_seen);
	mst_doc_add_text(out, "identity", identity_of(&pool, result));
	result->cut = is_cut(&pool);
	const struct mst_obs *place = add_addresses(&pool, old, out, result);
	mst_doc_add_text(out, "zone", place->zone);
	add_newest_text(&pool, out, "nat_ip", offsetof(struct mst_obs, last_seen));
	add_newest_text(&pool, out, "mac", offsetof(struct mst_obs, mac_seen));
	add_newest_text(&pool, out, "vendor", offsetof(struct mst_obs, mac_seen));
	add_names(&pool, out);
	add_os(&pool, out);
	int code = add_ports(&pool, out);
	const struct mst_obs *far = newest(&pool, "distance", offsetof(struct mst_obs, last_seen));
	if (far)
		mst_doc_copy(out, &far->doc, "distance");
	add_sources(&pool, out);
	add_newest_text(&pool, out, "computer_id", offsetof(struct mst_obs, last_seen));
	add_times(&pool, old, out, result);
	free(sorted);
	return code == 0 ? 0 : mst_err_no_memory(err);
}
