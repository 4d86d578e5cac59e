/* SPDX-License-Identifier: Apache-2.0 */
/* Planning: targets, what the store knows, shards. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "plugin/base64.h"
#include "plugin/host_internal.h"
#include "plugin/line.h"

#define REFUSED_SHOWN 50u  /* refusals in one "targets" line */
#define REFUSED_TEXT  600u /* bytes of addresses shown per refusal */
#define CHUNK_TEXT    (4u << 20)

/* ---- targets ---- */

struct refusals {
	struct json_object *list;
	size_t count;
};

static void on_refused(void *data, const struct mst_rule *rule, const struct mst_addr_set *taken)
{
	struct refusals *refusals = data;
	struct mst_buf text;
	if (refusals->count++ >= REFUSED_SHOWN)
		return;
	struct json_object *item = json_object_new_object();
	if (!item)
		return;
	mst_buf_init(&text, REFUSED_TEXT);
	if (mst_addr_set_text(taken, &text) != MST_OK)
		mst_buf_str(&text, "");
	uint64_t count = mst_addr_set_count(taken);
	mst_json_add_text(item, "addresses", text.len ? mst_buf_text(&text) : "(many)");
	mst_json_add_int(item, "count", count > INT64_MAX ? INT64_MAX : (int64_t)count);
	mst_json_add_text(item, "rule", rule ? "never_scan" : "scan_only");
	mst_json_add_text(item, "entry", rule ? rule->text : "");
	mst_json_add_text(item, "at", rule ? rule->at : "");
	mst_json_push(refusals->list, item);
	mst_buf_free(&text);
}

static int parse_targets(struct muster_call_state *host, const char *text, const char *servers,
                         struct mst_addr_set *set, struct mst_err *err)
{
	struct mst_target_list list;
	if (!text || !*text)
		return MST_OK;
	int status = mst_target_parse(text, &list, err);
	if (status != MST_OK)
		return status;
	status = host_resolve(host, list.names, list.name_count, servers && *servers ? servers : host->dns_servers,
	                      &list.addresses, err);
	if (status == MST_OK) {
		/* The callers' sets are empty: hand the ranges over. */
		mst_addr_set_free(set);
		*set = list.addresses;
		mst_addr_set_init(&list.addresses);
	}
	mst_target_free(&list);
	return status;
}

/* The option whose value the plugin passed as `include` may be limited by another; host names count only now. */
static int check_limit(struct muster_call_state *host, const char *include, uint64_t found, struct mst_err *err)
{
	for (size_t i = 0; i < host->options.count; i++) {
		const struct mst_option_def *def = host->options.values[i].def;
		const char *text = mst_option_set_text(&host->options, def->name);
		if (def->type != MUSTER_OPTION_TARGETS || !def->limited_by || !text || strcmp(text, include) != 0)
			continue;
		int64_t most = mst_option_set_number(&host->options, def->limited_by);
		if (most > 0 && found > (uint64_t)most)
			return mst_err_set(err, MST_E_LIMIT,
			                   "%s holds %" PRIu64 " addresses, %s allows %" PRId64
			                   "; raise %s or name fewer",
			                   def->name, found, def->limited_by, most, def->limited_by);
	}
	return MST_OK;
}

static void send_targets(struct muster_call_state *host, uint64_t included, uint64_t excluded,
                         struct refusals *refusals)
{
	struct json_object *line = json_object_new_object();
	mst_json_add_text(line, "type", "targets");
	mst_json_add_int(line, "included", (int64_t)included);
	mst_json_add_int(line, "excluded", (int64_t)excluded);
	mst_json_put(line, "refused", refusals->list);
	refusals->list = NULL;
	mst_line_send(host->line_fd, line, NULL);
	if (refusals->count > REFUSED_SHOWN)
		host_log(host, MST_LOG_WARNING, "%zu rules took addresses away; the first %u are shown",
		         refusals->count, REFUSED_SHOWN);
}

static int cut_down(struct muster_call_state *host, const struct muster_target_query *query, struct mst_addr_set *set,
                    struct mst_err *err)
{
	struct mst_addr_set exclude;
	struct refusals refusals = {json_object_new_array(), 0};
	uint64_t included = mst_addr_set_count(set);
	mst_addr_set_init(&exclude);
	int status = parse_targets(host, query->exclude, query->servers, &exclude, err);
	if (status == MST_OK && mst_addr_set_subtract(set, &exclude) != MST_OK)
		status = mst_err_no_memory(err);
	uint64_t excluded = included - mst_addr_set_count(set);
	if (status == MST_OK && host->rules)
		status = mst_rules_apply(host->rules, set, on_refused, &refusals, err);
	if (status == MST_OK)
		send_targets(host, included, excluded, &refusals);
	json_object_put(refusals.list);
	mst_addr_set_free(&exclude);
	return status;
}

static int keep_only(const char *only, struct mst_addr_set *set, struct mst_err *err)
{
	struct mst_addr_set wanted;
	if (!only)
		return MST_OK;
	mst_addr_set_init(&wanted);
	int status = *only ? mst_addr_set_parse(&wanted, only, err) : MST_OK;
	if (status == MST_OK && mst_addr_set_intersect(set, &wanted) != MST_OK)
		status = mst_err_no_memory(err);
	mst_addr_set_free(&wanted);
	return status;
}

struct chunking {
	muster_chunk_fn fn;
	void *data;
	struct mst_buf text;
	int refusal; /* our own reason to stop */
};

static int on_chunk(void *data, const struct mst_addr_set *chunk)
{
	struct chunking *chunking = data;
	mst_buf_reset(&chunking->text);
	chunking->refusal = mst_addr_set_text(chunk, &chunking->text);
	if (chunking->refusal == MST_OK)
		chunking->refusal = host_stopped();
	if (chunking->refusal != MST_OK)
		return chunking->refusal;
	struct muster_target_chunk out = {
	        .size = sizeof out,
	        .family = chunk->count ? chunk->ranges[0].first.family : 0,
	        .addresses = mst_buf_text(&chunking->text),
	        .count = (int64_t)mst_addr_set_count(chunk),
	};
	return chunking->fn(chunking->data, &out);
}

int host_targets(const struct muster_call *call, const struct muster_target_query *in, muster_chunk_fn fn, void *data)
{
	struct muster_call_state *host = host_of(call);
	struct muster_target_query query;
	struct mst_err err = {0};
	struct mst_addr_set set;
	if (host_allow(host, HOST_IN(MST_HOST_PLAN) | HOST_IN(MST_HOST_RUN) | HOST_IN(MST_HOST_CHECK), "targets") !=
	    MST_OK)
		return MUSTER_E_REFUSED;
	host_copy_struct(&query, sizeof query, in, in->size);
	if (!query.include || !*query.include || query.per_chunk < 1 || query.per_chunk > 65536)
		return MUSTER_E_USAGE;
	mst_addr_set_init(&set);
	int status = parse_targets(host, query.include, query.servers, &set, &err);
	if (status == MST_OK)
		status = check_limit(host, query.include, mst_addr_set_count(&set), &err);
	if (status == MST_OK)
		status = cut_down(host, &query, &set, &err);
	if (status == MST_OK)
		status = keep_only(query.only, &set, &err);
	if (status != MST_OK) {
		host_give(host, "targets", &err);
	} else {
		struct chunking chunking = {.fn = fn, .data = data};
		mst_buf_init(&chunking.text, CHUNK_TEXT);
		status = mst_addr_set_chunks(&set, query.per_chunk, on_chunk, &chunking);
		mst_buf_free(&chunking.text);
	}
	mst_addr_set_free(&set);
	return status;
}

/* ---- the known stream ---- */

/* Fills host->known until it holds a newline; MST_E_END when nothing is left. */
static int known_line(struct muster_call_state *host, size_t *len, struct mst_err *err)
{
	for (;;) {
		const char *end = host->known.len ? memchr(host->known.data, '\n', host->known.len) : NULL;
		if (end) {
			*len = (size_t)(end - host->known.data);
			return MST_OK;
		}
		if (host->known_end)
			return host->known.len ? mst_err_set(err, MST_E_CORRUPT, "the known stream ends inside a line")
			                       : MST_E_END;
		char bytes[4096];
		ssize_t n = read(host->known_fd, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mst_err_errno(err, errno, "reading the known stream");
		host->known_end = n == 0;
		if (mst_buf_add(&host->known, bytes, (size_t)n) != MST_OK)
			return mst_err_set(err, MST_E_CORRUPT, "a line of the known stream is longer than %u bytes",
			                   MST_MAX_LINE);
	}
}

static int known_parse(struct muster_call_state *host, size_t len, struct muster_known *known, struct mst_err *err)
{
	struct json_object *object;
	struct mst_addr addr;
	int status = mst_json_parse(host->known.data, len, "known stream", &object, err);
	if (status != MST_OK)
		return status;
	if (!mst_addr_parse(mst_json_text(object, "address", ""), &addr)) {
		json_object_put(object);
		return mst_err_set(err, MST_E_CORRUPT, "a line of the known stream has no address");
	}
	mst_addr_text(&addr, host->known_address);
	known->size = sizeof *known;
	known->address = host->known_address;
	known->last_seen = mst_json_int(object, "last_seen", 0);
	known->os_seen = mst_json_int(object, "os_seen", 0);
	json_object_put(object);
	return MST_OK;
}

int host_known_next(const struct muster_call *call, struct muster_known *out)
{
	struct muster_call_state *host = host_of(call);
	struct mst_err err = {0};
	struct muster_known known = {0};
	size_t len = 0;
	if (host_allow(host, HOST_IN(MST_HOST_PLAN), "known_next") != MST_OK)
		return MUSTER_E_REFUSED;
	if (host->known_fd < 0)
		return MUSTER_E_END;
	int status = known_line(host, &len, &err);
	if (status == MST_OK) {
		status = known_parse(host, len, &known, &err);
		mst_buf_consume(&host->known, len + 1);
	}
	if (status == MST_E_END)
		return MUSTER_E_END;
	if (status != MST_OK)
		return host_give(host, "known_next", &err);
	uint32_t size = out->size;
	memcpy(out, &known, size < sizeof known ? size : sizeof known);
	out->size = size;
	return MUSTER_OK;
}

/* ---- shards ---- */

static bool id_is_good(const char *id)
{
	size_t len = id ? strnlen(id, 65) : 0;
	if (len < 1 || len > 64 || strspn(id, ".") == len)
		return false;
	return strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static int check_shard(struct muster_call_state *host, const struct muster_shard *shard, struct mst_err *err)
{
	if (!id_is_good(shard->id))
		return mst_err_set(err, MST_E_USAGE, "a shard's id must be 1 to 64 of A-Z a-z 0-9 . _ -");
	if (shard->spec.length > MST_MAX_SHARD_SPEC)
		return mst_err_set(err, MST_E_LIMIT, "shard %s: its spec has %zu bytes, at most %u are allowed",
		                   shard->id, shard->spec.length, MST_MAX_SHARD_SPEC);
	if (!host->shard_ids)
		host->shard_ids = json_object_new_object();
	if (!host->shard_ids)
		return mst_err_no_memory(err);
	if ((size_t)json_object_object_length(host->shard_ids) >= MST_MAX_SHARDS)
		return mst_err_set(err, MST_E_LIMIT, "a run may have at most %u shards; make larger ones",
		                   MST_MAX_SHARDS);
	if (json_object_object_get_ex(host->shard_ids, shard->id, NULL))
		return mst_err_set(err, MST_E_EXISTS, "shard %s was made twice", shard->id);
	return MST_OK;
}

static int check_scope(struct muster_call_state *host, const struct mst_scope *scope, const char *id,
                       struct mst_err *err)
{
	struct mst_addr_set set;
	struct mst_err inner = {0};
	if (!scope->addresses)
		return MST_OK;
	mst_addr_set_init(&set);
	int status = mst_addr_set_parse(&set, scope->addresses, err);
	if (status == MST_OK) {
		status = host_within_rules(host->rules, &set, &inner);
		if (status != MST_OK)
			mst_err_set(err, status, "shard %s: %s", id, inner.text);
	}
	mst_addr_set_free(&set);
	return status;
}

static int send_shard(struct muster_call_state *host, const struct muster_shard *shard, const struct mst_scope *scope,
                      struct mst_err *err)
{
	struct mst_buf spec;
	struct json_object *line = json_object_new_object();
	mst_buf_init(&spec, MST_MAX_SHARD_SPEC * 2);
	int status = mst_base64_encode(shard->spec.data, shard->spec.length, &spec);
	mst_json_add_text(line, "type", "shard");
	mst_json_add_text(line, "id", shard->id);
	mst_json_add_text(line, "spec", mst_buf_text(&spec));
	mst_json_put(line, "scope", mst_scope_to_json(scope));
	mst_json_add_int(line, "addresses", shard->addresses);
	mst_json_add_int(line, "expected_bytes", shard->expected_bytes);
	mst_json_add_int(line, "expected_ms", shard->expected_ms);
	mst_json_add_int(line, "parallel", (int64_t)shard->parallel);
	if (shard->command && mst_str_utf8_valid(shard->command, strlen(shard->command)))
		mst_json_add_text(line, "command", shard->command);
	mst_buf_free(&spec);
	if (status != MST_OK) {
		json_object_put(line);
		return mst_err_no_memory(err);
	}
	return mst_line_send(host->line_fd, line, err);
}

int host_shard(const struct muster_call *call, const struct muster_shard *in)
{
	struct muster_call_state *host = host_of(call);
	struct muster_shard shard;
	struct mst_scope scope;
	struct mst_err err = {0};
	if (host_allow(host, HOST_IN(MST_HOST_PLAN) | HOST_IN(MST_HOST_RUN), "shard") != MST_OK)
		return MUSTER_E_REFUSED;
	host_copy_struct(&shard, sizeof shard, in, in->size);
	int status = check_shard(host, &shard, &err);
	if (status == MST_OK)
		status = host_scope_make(&shard.scope, &scope, &err);
	if (status != MST_OK)
		return host_give(host, "shard", &err);
	status = check_scope(host, &scope, shard.id, &err);
	if (status == MST_OK)
		status = send_shard(host, &shard, &scope, &err);
	if (status == MST_OK)
		mst_json_put(host->shard_ids, shard.id, json_object_new_boolean(1));
	mst_scope_free(&scope);
	return status == MST_OK ? MUSTER_OK : host_give(host, "shard", &err);
}
