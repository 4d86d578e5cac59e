/* SPDX-License-Identifier: Apache-2.0 */
#include "import/fold.h"

#include <inttypes.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/doc.h"
#include "import/keys.h"
#include "import/ports.h"

#define NAMES_MAX     64u
#define ADDRESSES_MAX 64u
#define SERVICES_MAX  1024u
#define SCRIPTS_MAX   256u
#define NAME_MAX_LEN  255u

/* Facts with a meaning of their own. `fact`: the coverage that may withdraw it; 0: only a newer value replaces it. */
static const struct fact {
	const char *key;
	bson_type_t type;
	uint32_t fact;
	size_t max; /* elements of an array, bytes of a text */
} facts[] = {
        {"ip", BSON_TYPE_UTF8, 0, 64},
        {"ips", BSON_TYPE_ARRAY, 0, ADDRESSES_MAX},
        {"nat_ip", BSON_TYPE_UTF8, 0, 64},
        {"mac", BSON_TYPE_UTF8, MUSTER_FACT_MAC, 64},
        {"vendor", BSON_TYPE_UTF8, MUSTER_FACT_MAC, 255},
        {"names", BSON_TYPE_ARRAY, MUSTER_FACT_NAMES, NAMES_MAX},
        {"reason", BSON_TYPE_UTF8, 0, 64},
        {"distance", BSON_TYPE_INT64, 0, 0},
        {"os", BSON_TYPE_DOCUMENT, MUSTER_FACT_OS, 0},
        {"scripts", BSON_TYPE_ARRAY, MUSTER_FACT_SCRIPTS, SCRIPTS_MAX},
        {"uptime", BSON_TYPE_DOCUMENT, 0, 0},
        {"computer_id", BSON_TYPE_UTF8, 0, 200},
        {"managed", BSON_TYPE_BOOL, 0, 0},
        {"instance_id", BSON_TYPE_UTF8, 0, 200},
        {"eni", BSON_TYPE_UTF8, 0, 200},
};
#define FACTS (sizeof facts / sizeof facts[0])

static bool is_outside(const char *key)
{
	return key[0] == '_' || strcmp(key, "seen") == 0 || strcmp(key, "answered") == 0 ||
	       strcmp(key, "timed_out") == 0 || strcmp(key, "ports") == 0 || strcmp(key, "services") == 0;
}

static const struct fact *fact_of(const char *key)
{
	for (size_t i = 0; i < FACTS; i++)
		if (facts[i].key[0] == key[0] && strcmp(facts[i].key, key) == 0)
			return &facts[i];
	return NULL;
}

/* Where a document has each fact, found in one pass. */
struct places {
	struct place {
		bson_iter_t at;
		bool there;
	} of[FACTS];
};

static void find_places(const bson_t *doc, struct places *out)
{
	bson_iter_t iter;
	for (size_t i = 0; i < FACTS; i++)
		out->of[i].there = false;
	if (!doc || !bson_iter_init(&iter, doc))
		return;
	while (bson_iter_next(&iter)) {
		const struct fact *fact = fact_of(bson_iter_key(&iter));
		struct place *place = fact ? &out->of[fact - facts] : NULL;
		if (!place || place->there)
			continue;
		place->at = iter;
		place->there = true;
	}
}

static bool has_name(const bson_t *array, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		char path[24];
		snprintf(path, sizeof path, "%u.name", i);
		const char *other = mst_doc_text(array, path);
		if (other && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

/* Names: { name, type, cut } objects with a usable name; the record's first, then those of `more` that are not among them.
 * A name of any length is a name: what is too long for one is cut, and says so. */
static void add_names(bson_t *array, uint32_t *index, const bson_t *from)
{
	bson_iter_t iter;
	bson_t item, entry;
	if (!bson_iter_init(&iter, from))
		return;
	while (bson_iter_next(&iter) && *index < NAMES_MAX) {
		char name[NAME_MAX_LEN + 1], space[16];
		const char *key, *given = BSON_ITER_HOLDS_DOCUMENT(&iter) && mst_doc_view(&iter, &item)
		                                  ? mst_doc_text(&item, "name")
		                                  : NULL;
		mst_doc_cut(name, sizeof name, given);
		if (!name[0] || has_name(array, *index, name))
			continue;
		size_t len = bson_uint32_to_string((*index)++, &key, space, sizeof space);
		bson_append_document_begin(array, key, (int)len, &entry);
		mst_doc_add_text(&entry, "name", name);
		mst_doc_add_text(&entry, "type", mst_doc_text(&item, "type"));
		if (mst_doc_bool(&item, "cut") || strlen(given) > NAME_MAX_LEN)
			bson_append_bool(&entry, "cut", -1, true);
		bson_append_document_end(array, &entry);
	}
}

static void fold_names(bson_t *out, const bson_t *fresh, const bson_t *old, bool replace)
{
	bson_t array = BSON_INITIALIZER;
	uint32_t index = 0;
	if (fresh)
		add_names(&array, &index, fresh);
	if (old && !replace)
		add_names(&array, &index, old);
	if (index > 0)
		bson_append_array(out, "names", -1, &array);
	bson_destroy(&array);
}

/* Arrays without a rule of their own, cut at their cap. */
static void add_array(bson_t *out, const struct fact *fact, const bson_iter_t *value)
{
	bson_t from, array;
	bson_iter_t iter;
	uint32_t index = 0;
	bool addresses = strcmp(fact->key, "ips") == 0;
	if (!mst_doc_view(value, &from) || !bson_iter_init(&iter, &from))
		return;
	bson_append_array_begin(out, fact->key, -1, &array);
	while (bson_iter_next(&iter) && index < fact->max) {
		struct mst_addr addr;
		char text[MST_ADDR_TEXT], space[16];
		const char *key;
		if (addresses) {
			if (!BSON_ITER_HOLDS_UTF8(&iter) || !mst_addr_parse(bson_iter_utf8(&iter, NULL), &addr))
				continue;
			mst_addr_text(&addr, text);
			mst_doc_push_text(&array, &index, text);
		} else if (BSON_ITER_HOLDS_DOCUMENT(&iter)) {
			size_t len = bson_uint32_to_string(index++, &key, space, sizeof space);
			bson_append_iter(&array, key, (int)len, &iter);
		}
	}
	bson_append_array_end(out, &array);
}

/* Adds one value of a known key if it is what it should be. */
static bool add_fact(bson_t *out, const struct fact *fact, const bson_iter_t *value)
{
	char text[MST_ADDR_TEXT], mac[MST_MAC_SIZE];
	struct mst_addr addr;
	if (fact->type == BSON_TYPE_INT64) {
		if (!BSON_ITER_HOLDS_INT(value))
			return false;
		return bson_append_int64(out, fact->key, -1, bson_iter_as_int64(value));
	}
	if (bson_iter_type(value) != fact->type)
		return false;
	if (fact->type == BSON_TYPE_ARRAY) {
		add_array(out, fact, value);
		return true;
	}
	if (fact->type != BSON_TYPE_UTF8)
		return bson_append_iter(out, fact->key, -1, value);
	uint32_t len = 0;
	const char *given = bson_iter_utf8(value, &len);
	if (strcmp(fact->key, "ip") == 0 || strcmp(fact->key, "nat_ip") == 0) {
		if (!mst_addr_parse(given, &addr))
			return false;
		mst_addr_text(&addr, text);
		given = text;
	} else if (strcmp(fact->key, "mac") == 0) {
		if (!mst_mac_parse(given, mac))
			return false;
		given = mac;
	} else if (len == 0 || len > fact->max) {
		return false;
	}
	return bson_append_utf8(out, fact->key, -1, given, -1);
}

/* An `os` without platform says "I looked and cannot tell": no fact, unless the scope may withdraw one. */
static bool has_value(const struct fact *fact, const bson_iter_t *value)
{
	bson_t os;
	if (strcmp(fact->key, "os") != 0)
		return true;
	return BSON_ITER_HOLDS_DOCUMENT(value) && mst_doc_view(value, &os) && mst_doc_text(&os, "platform");
}

static void fold_fact(bson_t *out, const struct fact *fact, const struct places *old, const struct places *record,
                      const struct mst_cover *cover)
{
	const bson_iter_t *fresh = &record->of[fact - facts].at, *kept = &old->of[fact - facts].at;
	bool withdraw = cover->complete && (cover->facts & fact->fact);
	bool is_fresh = record->of[fact - facts].there, is_kept = old->of[fact - facts].there;
	if (strcmp(fact->key, "names") == 0) {
		bson_t a, b;
		bool has_a = is_fresh && BSON_ITER_HOLDS_ARRAY(fresh) && mst_doc_view(fresh, &a);
		bool has_b = is_kept && BSON_ITER_HOLDS_ARRAY(kept) && mst_doc_view(kept, &b);
		fold_names(out, has_a ? &a : NULL, has_b ? &b : NULL, withdraw);
		return;
	}
	if (is_fresh && (has_value(fact, fresh) || withdraw || !is_kept) && add_fact(out, fact, fresh))
		return;
	if (is_kept && !withdraw)
		bson_append_iter(out, fact->key, -1, kept);
}

/* Keys that core does not know: the newest value stands. */
static void fold_others(bson_t *out, const bson_t *old, const bson_t *record)
{
	const bson_t *sources[2] = {record, old};
	for (int i = 0; i < 2; i++) {
		bson_iter_t iter;
		if (!sources[i] || !bson_iter_init(&iter, sources[i]))
			continue;
		while (bson_iter_next(&iter)) {
			const char *key = bson_iter_key(&iter);
			if (!is_outside(key) && !fact_of(key) && (i == 0 || !bson_has_field(out, key)))
				bson_append_iter(out, key, -1, &iter);
		}
	}
}

static void add_cover(struct mst_port_sets *sets, const struct mst_cover *cover)
{
	const struct mst_ports *covered[2] = {cover->tcp, cover->udp};
	for (int proto = 0; proto < 2; proto++)
		for (size_t i = 0; covered[proto] && i < sizeof covered[proto]->bits; i++)
			sets->of[proto].bits[i] |= covered[proto]->bits[i];
}

static int fold_ports(bson_t *out, const bson_t *old, const bson_t *record, const struct mst_cover *cover,
                      struct mst_port_sets *decided)
{
	struct mst_port_groups groups = {0};
	bson_t array;
	int code = 0;
	if (mst_doc_array(record, "ports", &array))
		code = mst_ports_read(&groups, &array, decided);
	if (cover->complete)
		add_cover(decided, cover);
	if (code == 0 && old && mst_doc_array(old, "ports", &array))
		code = mst_ports_read(&groups, &array, decided);
	if (code == 0)
		code = mst_ports_write(&groups, out);
	mst_ports_free(&groups);
	return code;
}

static void add_services(bson_t *array, uint32_t *index, const bson_t *from, const struct mst_port_sets *open,
                         struct mst_port_sets *decided)
{
	bson_iter_t iter;
	bson_t item;
	if (!bson_iter_init(&iter, from))
		return;
	while (bson_iter_next(&iter) && *index < SERVICES_MAX) {
		if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !mst_doc_view(&iter, &item))
			continue;
		int proto = mst_proto_parse(mst_doc_text(&item, "proto"));
		int64_t port = mst_doc_int(&item, "port", 0);
		if (proto < 0 || port < 1 || port > 65535 || mst_ports_has(&decided->of[proto], (unsigned)port) ||
		    !mst_ports_has(&open->of[proto], (unsigned)port))
			continue;
		char space[16];
		const char *key;
		size_t len = bson_uint32_to_string((*index)++, &key, space, sizeof space);
		mst_ports_set(&decided->of[proto], (unsigned)port);
		bson_append_iter(array, key, (int)len, &iter);
	}
}

/* Services of ports that are open after the fold; the record's first, old ones where the scope did not look. */
static int fold_services(bson_t *out, const bson_t *old, const bson_t *record, const struct mst_cover *cover)
{
	struct mst_port_sets *sets = calloc(3, sizeof *sets);
	bson_t ports, from, array = BSON_INITIALIZER;
	uint32_t index = 0;
	int code = 0;
	if (!sets)
		return MST_E_NO_MEMORY;
	if (mst_doc_array(out, "ports", &ports))
		code = mst_ports_open(&ports, &sets[0], &sets[1]);
	if (mst_doc_array(record, "services", &from))
		add_services(&array, &index, &from, &sets[0], &sets[2]);
	if (cover->complete && (cover->facts & MUSTER_FACT_SERVICES))
		add_cover(&sets[2], cover);
	if (old && mst_doc_array(old, "services", &from))
		add_services(&array, &index, &from, &sets[0], &sets[2]);
	if (index > 0)
		bson_append_array(out, "services", -1, &array);
	bson_destroy(&array);
	free(sets);
	return code;
}

int mst_fold(const bson_t *old, const bson_t *record, const struct mst_cover *cover, bson_t *out, struct mst_err *err)
{
	bson_t view;
	struct places was, is;
	struct mst_port_sets *decided = NULL;
	bool ports = mst_doc_array(record, "ports", &view) || (old && mst_doc_array(old, "ports", &view));
	int code = 0;
	find_places(old, &was);
	find_places(record, &is);
	for (size_t i = 0; i < FACTS; i++)
		fold_fact(out, &facts[i], &was, &is, cover);
	if (ports) {
		decided = calloc(1, sizeof *decided);
		code = decided ? fold_ports(out, old, record, cover, decided) : MST_E_NO_MEMORY;
		free(decided);
		if (code == 0 && (bson_has_field(record, "services") || (old && bson_has_field(old, "services"))))
			code = fold_services(out, old, record, cover);
	}
	fold_others(out, old, record);
	if (code != 0)
		return mst_err_no_memory(err);
	return 0;
}
