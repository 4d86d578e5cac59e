/* SPDX-License-Identifier: Apache-2.0 */
#include "record/scope.h"

#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"

#define NAMESPACE_MAX 255u
#define ALL_FACTS     63u

static const struct {
	uint32_t bit;
	const char *word;
} fact_words[] = {
        {MUSTER_FACT_PRESENCE, "presence"}, {MUSTER_FACT_OS, "os"},   {MUSTER_FACT_SERVICES, "services"},
        {MUSTER_FACT_NAMES, "names"},       {MUSTER_FACT_MAC, "mac"}, {MUSTER_FACT_SCRIPTS, "scripts"},
};
#define FACT_WORDS (sizeof fact_words / sizeof fact_words[0])

/* The four texts under their names in JSON and BSON. */
static const struct {
	const char *key;
	size_t offset;
} texts[] = {
        {"addresses", offsetof(struct mst_scope, addresses)},
        {"tcp_ports", offsetof(struct mst_scope, tcp_ports)},
        {"udp_ports", offsetof(struct mst_scope, udp_ports)},
        {"namespace", offsetof(struct mst_scope, namespace_key)},
};
#define TEXTS (sizeof texts / sizeof texts[0])

static char **text_at(struct mst_scope *scope, size_t i)
{
	return (char **)(void *)((char *)scope + texts[i].offset);
}

static const char *text_of(const struct mst_scope *scope, size_t i)
{
	return *text_at((struct mst_scope *)(uintptr_t)scope, i);
}

void mst_scope_free(struct mst_scope *scope)
{
	for (size_t i = 0; i < TEXTS; i++)
		free(*text_at(scope, i));
	memset(scope, 0, sizeof *scope);
}

/* Empty text is the same as none. */
static int set_text(struct mst_scope *scope, size_t i, const char *value, struct mst_err *err)
{
	if (!value || !*value)
		return MST_OK;
	if (strnlen(value, MST_MAX_SCOPE_TEXT + 1) > MST_MAX_SCOPE_TEXT)
		return mst_err_set(err, MST_E_LIMIT, "scope: %s has more than %u bytes; make smaller shards",
		                   texts[i].key, MST_MAX_SCOPE_TEXT);
	char *copy = mst_str_dup(value);
	if (!copy)
		return mst_err_no_memory(err);
	*text_at(scope, i) = copy;
	return MST_OK;
}

int mst_scope_copy(struct mst_scope *out, const struct mst_scope *scope, struct mst_err *err)
{
	memset(out, 0, sizeof *out);
	out->facts = scope->facts;
	for (size_t i = 0; i < TEXTS; i++) {
		int status = set_text(out, i, text_of(scope, i), err);
		if (status != MST_OK) {
			mst_scope_free(out);
			return status;
		}
	}
	return MST_OK;
}

/* Puts the content of `buf` in place of *text; empty content gives NULL. */
static int replace(char **text, struct mst_buf *buf, int status, struct mst_err *err)
{
	if (status == MST_OK && buf->len > 0) {
		char *fresh = mst_buf_take(buf);
		if (!fresh)
			return mst_err_no_memory(err);
		free(*text);
		*text = fresh;
		return MST_OK;
	}
	mst_buf_free(buf);
	if (status == MST_E_LIMIT)
		return mst_err_set(err, MST_E_LIMIT,
		                   "scope: a list has more than %u bytes in canonical form; make smaller shards",
		                   MST_MAX_SCOPE_TEXT);
	if (status != MST_OK)
		return mst_err_no_memory(err);
	free(*text);
	*text = NULL;
	return MST_OK;
}

static int check_addresses(char **text, struct mst_err *err)
{
	struct mst_addr_set set;
	struct mst_buf buf;
	if (!*text)
		return MST_OK;
	mst_addr_set_init(&set);
	mst_buf_init(&buf, MST_MAX_SCOPE_TEXT);
	int status = mst_addr_set_parse(&set, *text, err);
	if (status == MST_OK)
		status = replace(text, &buf, mst_addr_set_text(&set, &buf), err);
	mst_addr_set_free(&set);
	return status;
}

static int check_ports(char **text, struct mst_err *err)
{
	struct mst_ports ports;
	struct mst_buf buf;
	if (!*text)
		return MST_OK;
	memset(&ports, 0, sizeof ports);
	int status = mst_ports_parse(&ports, *text, err);
	if (status != MST_OK)
		return status;
	mst_buf_init(&buf, MST_MAX_SCOPE_TEXT);
	return replace(text, &buf, mst_ports_text(&ports, &buf), err);
}

static int check_namespace(const char *key, struct mst_err *err)
{
	size_t len = strnlen(key, NAMESPACE_MAX + 1);
	bool good = len <= NAMESPACE_MAX;
	for (size_t i = 0; good && i < len; i++)
		good = key[i] > ' ' && key[i] < 127;
	if (!good)
		return mst_err_set(err, MST_E_USAGE,
		                   "scope: a namespace key is 1 to %u printable ASCII characters without spaces",
		                   NAMESPACE_MAX);
	return MST_OK;
}

int mst_scope_check(struct mst_scope *scope, struct mst_err *err)
{
	if (scope->facts & ~ALL_FACTS)
		return mst_err_set(err, MST_E_USAGE, "scope: unknown fact bits 0x%x; this host knows 0x%x",
		                   scope->facts & ~ALL_FACTS, ALL_FACTS);
	if (scope->namespace_key && (scope->addresses || scope->tcp_ports || scope->udp_ports))
		return mst_err_set(err, MST_E_USAGE, "scope: it has a namespace or addresses and ports, not both");
	bool claims = scope->facts || scope->tcp_ports || scope->udp_ports;
	if (claims && !scope->namespace_key && !scope->addresses)
		return mst_err_set(err, MST_E_USAGE,
		                   "scope: it claims facts but neither addresses nor a namespace that they hold for");
	int status = scope->namespace_key ? check_namespace(scope->namespace_key, err) : MST_OK;
	if (status == MST_OK)
		status = check_addresses(&scope->addresses, err);
	if (status == MST_OK)
		status = check_ports(&scope->tcp_ports, err);
	if (status == MST_OK)
		status = check_ports(&scope->udp_ports, err);
	return status;
}

struct json_object *mst_scope_to_json(const struct mst_scope *scope)
{
	struct json_object *object = json_object_new_object();
	struct json_object *facts = json_object_new_array();
	for (size_t i = 0; i < FACT_WORDS; i++)
		if (scope->facts & fact_words[i].bit)
			mst_json_push(facts, json_object_new_string(fact_words[i].word));
	mst_json_put(object, "facts", facts);
	for (size_t i = 0; i < TEXTS; i++)
		mst_json_add_text(object, texts[i].key, text_of(scope, i) ? text_of(scope, i) : "");
	return object;
}

static int add_fact(struct mst_scope *scope, const char *word, struct mst_err *err)
{
	for (size_t i = 0; word && i < FACT_WORDS; i++) {
		if (strcmp(word, fact_words[i].word) == 0) {
			scope->facts |= fact_words[i].bit;
			return MST_OK;
		}
	}
	return mst_err_set(err, MST_E_USAGE,
	                   "scope: unknown fact \"%s\"; known are presence, os, services, names, mac, scripts",
	                   word ? word : "");
}

int mst_scope_from_json(struct mst_scope *out, struct json_object *object, struct mst_err *err)
{
	memset(out, 0, sizeof *out);
	struct json_object *facts = mst_json_array(object, "facts");
	int status = MST_OK;
	for (size_t i = 0; facts && status == MST_OK && i < json_object_array_length(facts); i++) {
		struct json_object *fact = json_object_array_get_idx(facts, i);
		bool text = json_object_is_type(fact, json_type_string);
		status = add_fact(out, text ? json_object_get_string(fact) : NULL, err);
	}
	for (size_t i = 0; status == MST_OK && i < TEXTS; i++)
		status = set_text(out, i, mst_json_text(object, texts[i].key, NULL), err);
	if (status == MST_OK)
		status = mst_scope_check(out, err);
	if (status != MST_OK)
		mst_scope_free(out);
	return status;
}

int mst_scope_to_bson(const struct mst_scope *scope, bson_t *out)
{
	bson_t facts;
	uint32_t n = 0;
	bool ok = bson_append_array_begin(out, "facts", -1, &facts);
	for (size_t i = 0; ok && i < FACT_WORDS; i++) {
		char index[16];
		const char *key;
		if (!(scope->facts & fact_words[i].bit))
			continue;
		bson_uint32_to_string(n++, &key, index, sizeof index);
		ok = bson_append_utf8(&facts, key, -1, fact_words[i].word, -1);
	}
	ok = ok && bson_append_array_end(out, &facts);
	for (size_t i = 0; ok && i < TEXTS; i++)
		ok = bson_append_utf8(out, texts[i].key, -1, text_of(scope, i) ? text_of(scope, i) : "", -1);
	return ok ? MST_OK : MST_E_NO_MEMORY;
}

static int facts_from_bson(struct mst_scope *out, const bson_t *doc, struct mst_err *err)
{
	bson_iter_t iter, item;
	if (!bson_iter_init_find(&iter, doc, "facts") || !BSON_ITER_HOLDS_ARRAY(&iter) ||
	    !bson_iter_recurse(&iter, &item))
		return MST_OK;
	while (bson_iter_next(&item)) {
		int status = add_fact(out, BSON_ITER_HOLDS_UTF8(&item) ? bson_iter_utf8(&item, NULL) : NULL, err);
		if (status != MST_OK)
			return status;
	}
	return MST_OK;
}

int mst_scope_from_bson(struct mst_scope *out, const bson_t *doc, struct mst_err *err)
{
	memset(out, 0, sizeof *out);
	int status = facts_from_bson(out, doc, err);
	for (size_t i = 0; status == MST_OK && i < TEXTS; i++) {
		bson_iter_t iter;
		if (bson_iter_init_find(&iter, doc, texts[i].key) && BSON_ITER_HOLDS_UTF8(&iter))
			status = set_text(out, i, bson_iter_utf8(&iter, NULL), err);
	}
	if (status == MST_OK)
		status = mst_scope_check(out, err);
	if (status != MST_OK)
		mst_scope_free(out);
	return status;
}
