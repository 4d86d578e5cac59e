/* SPDX-License-Identifier: Apache-2.0 */
/* See nmap_host.h. It checks the plugin's side of the contract as it goes: calls out of order abort. */
#include "nmap_host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nmap_host_targets.h"

extern const struct muster_plugin muster_plugin_v1;

static struct fake_host *of(const struct muster_call *call)
{
	return (struct fake_host *)call->state;
}

static void must(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "fake host: the plugin broke its contract: %s\n", what);
	abort();
}

__attribute__((format(printf, 2, 3))) static void put(struct fake_host *host, const char *format, ...)
{
	char small[4096];
	va_list list;
	va_start(list, format);
	int len = vsnprintf(small, sizeof(small), format, list);
	va_end(list);
	must(len >= 0, "text");
	size_t need = host->length + (size_t)len + 1;
	if (need > host->cap) {
		host->cap = need * 2;
		host->text = realloc(host->text, host->cap);
		must(host->text != NULL, "memory");
	}
	va_start(list, format);
	(void)vsnprintf(host->text + host->length, (size_t)len + 1, format, list);
	va_end(list);
	host->length += (size_t)len;
}

static void put_quoted(struct fake_host *host, const char *value)
{
	put(host, "\"");
	for (; *value; value++) {
		unsigned char byte = (unsigned char)*value;
		if (byte < ' ' || byte == '"' || byte == '\\')
			put(host, "\\u%04x", byte);
		else
			put(host, "%c", byte);
	}
	put(host, "\"");
}

static int fake_fail(const struct muster_call *call, int status, const char *text)
{
	(void)snprintf(of(call)->fail_text, sizeof(of(call)->fail_text), "%s", text);
	put(of(call), "fail %d %s\n", status, text);
	return status;
}

static int fake_log(const struct muster_call *call, int level, const char *text)
{
	static const char *const levels[] = {"?", "error", "warning", "info", "debug"};
	if (!of(call)->quiet)
		put(of(call), "log %s %s\n", levels[level], text);
	return MUSTER_OK;
}

static int fake_progress(const struct muster_call *call, int64_t done, int64_t total, int64_t found, const char *text)
{
	(void)call, (void)done, (void)total, (void)found, (void)text;
	return MUSTER_OK;
}

static int fake_cancelled(const struct muster_call *call)
{
	struct fake_host *host = of(call);
	host->cancelled_calls++;
	return host->cancel_after > 0 && host->cancelled_calls >= host->cancel_after;
}

static int64_t fake_now(const struct muster_call *call)
{
	return of(call)->now;
}

static int64_t fake_remaining(const struct muster_call *call)
{
	(void)call;
	return 3600000;
}

static const struct muster_option *option_row(const char *name)
{
	const struct muster_method *method = muster_plugin_v1.methods.items;
	const struct muster_option *rows = method->options.items;
	for (uint32_t i = 0; i < method->options.count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	must(0, "an option that the manifest does not have");
	return NULL;
}

static const char *fake_option_text(const struct muster_call *call, const char *name)
{
	struct fake_host *host = of(call);
	const struct muster_option *row = option_row(name);
	for (size_t i = 0; i < host->option_count; i++)
		if (strcmp(host->options[i].name, name) == 0)
			return host->options[i].text;
	return row->default_value;
}

static int64_t fake_option_int(const struct muster_call *call, const char *name)
{
	const char *text = fake_option_text(call, name);
	if (!text)
		return 0;
	if (strcmp(text, "on") == 0)
		return 1;
	char *end;
	int64_t value = strtoll(text, &end, 10);
	static const struct {
		char unit;
		int64_t factor;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
	for (size_t i = 0; option_row(name)->type == MUSTER_OPTION_DURATION && i < 4; i++)
		if (*end == units[i].unit)
			value *= units[i].factor;
	return value;
}

static int fake_no_secret(const struct muster_call *call, const char *option, struct muster_bytes *out)
{
	(void)call, (void)option, (void)out;
	return MUSTER_E_NOT_FOUND;
}

static int fake_release(const struct muster_call *call, const char *option)
{
	(void)call, (void)option;
	return MUSTER_E_NOT_FOUND;
}

static int fake_targets(const struct muster_call *call, const struct muster_target_query *query, muster_chunk_fn fn,
                        void *data)
{
	(void)call;
	return fake_target_chunks(query, fn, data);
}

static int fake_known_next(const struct muster_call *call, struct muster_known *out)
{
	struct fake_host *host = of(call);
	if (!host->known || !host->known[host->known_at].address)
		return MUSTER_E_END;
	out->address = host->known[host->known_at].address;
	out->last_seen = out->os_seen = host->known[host->known_at].os_seen;
	host->known_at++;
	return MUSTER_OK;
}

static void put_facts(struct fake_host *host, const struct muster_scope *scope)
{
	static const char *const names[] = {"presence", "os", "services", "names", "mac", "scripts"};
	for (unsigned i = 0; i < 6; i++)
		if (scope->facts & (1u << i))
			put(host, " %s", names[i]);
	put(host, " addresses=%s tcp=%s udp=%s", scope->addresses ? scope->addresses : "-",
	    scope->tcp_ports ? scope->tcp_ports : "-", scope->udp_ports ? scope->udp_ports : "-");
}

static int fake_shard(const struct muster_call *call, const struct muster_shard *shard)
{
	struct fake_host *host = of(call);
	must(shard->spec.length > 0 && shard->spec.length <= 65536, "a shard's spec of 1 to 65536 bytes");
	host->shards++;
	host->addresses += shard->addresses;
	put(host, "shard %s n=%lld bytes=%lld ms=%lld parallel=%u spec=", shard->id, (long long)shard->addresses,
	    (long long)shard->expected_bytes, (long long)shard->expected_ms, shard->parallel);
	char *spec = strndup(shard->spec.data, shard->spec.length);
	put_quoted(host, spec);
	free(spec);
	put_facts(host, &shard->scope);
	put(host, "\n  %s\n", shard->command);
	return MUSTER_OK;
}

static int fake_scope_begin(const struct muster_call *call, const struct muster_scope *scope)
{
	struct fake_host *host = of(call);
	must(!host->scope_open, "one scope at a time");
	host->scope_open = 1;
	host->scopes++;
	put(host, "scope");
	put_facts(host, scope);
	put(host, "\n");
	return MUSTER_OK;
}

static int fake_scope_end(const struct muster_call *call, int outcome, const char *reason)
{
	static const char *const names[] = {"?", "complete", "partial", "failed"};
	struct fake_host *host = of(call);
	must(host->scope_open && !host->record_open, "scope_end inside a scope and outside a record");
	host->scope_open = 0;
	put(host, "end %s%s%s\n", names[outcome], reason ? " " : "", reason ? reason : "");
	return MUSTER_OK;
}

static int fake_checkpoint(const struct muster_call *call, struct muster_bytes state)
{
	put(of(call), "checkpoint %zu\n", state.length);
	return MUSTER_OK;
}

static void next_value(struct fake_host *host, const char *key)
{
	must(host->record_open, "record calls inside a record");
	must(host->in_array[host->depth] == (key == NULL), "keys in objects, none in arrays");
	put(host, "%s", host->first[host->depth] ? "" : ",");
	host->first[host->depth] = 0;
	if (key)
		put(host, "\"%s\":", key);
}

static int fake_record_begin(const struct muster_call *call, const char *source_key)
{
	struct fake_host *host = of(call);
	must(host->scope_open && !host->record_open, "record_begin inside a scope and outside a record");
	host->record_open = 1;
	host->depth = 0;
	host->first[0] = 1;
	host->in_array[0] = 0;
	host->record_start = host->length;
	put(host, "record %s {", source_key);
	return MUSTER_OK;
}

static int fake_record_text(const struct muster_call *call, const char *key, const char *value)
{
	next_value(of(call), key);
	put_quoted(of(call), value);
	return MUSTER_OK;
}

static int fake_record_int(const struct muster_call *call, const char *key, int64_t value)
{
	next_value(of(call), key);
	put(of(call), "%lld", (long long)value);
	return MUSTER_OK;
}

static int fake_record_bool(const struct muster_call *call, const char *key, int value)
{
	next_value(of(call), key);
	put(of(call), "%s", value ? "true" : "false");
	return MUSTER_OK;
}

static int open_level(const struct muster_call *call, const char *key, int array)
{
	struct fake_host *host = of(call);
	next_value(host, key);
	must(host->depth < 15, "at most 16 deep");
	host->depth++;
	host->first[host->depth] = 1;
	host->in_array[host->depth] = array;
	put(host, "%s", array ? "[" : "{");
	return MUSTER_OK;
}

static int fake_record_object(const struct muster_call *call, const char *key)
{
	return open_level(call, key, 0);
}

static int fake_record_array(const struct muster_call *call, const char *key)
{
	return open_level(call, key, 1);
}

static int fake_record_end(const struct muster_call *call)
{
	struct fake_host *host = of(call);
	must(host->depth > 0, "record_end closes what was opened");
	put(host, "%s", host->in_array[host->depth] ? "]" : "}");
	host->depth--;
	return MUSTER_OK;
}

static int fake_record_emit(const struct muster_call *call)
{
	struct fake_host *host = of(call);
	must(host->record_open && host->depth == 0, "record_emit with everything closed");
	host->record_open = 0;
	host->records++;
	put(host, "}\n");
	return MUSTER_OK;
}

static int fake_record_drop(const struct muster_call *call)
{
	struct fake_host *host = of(call);
	host->record_open = 0;
	host->length = host->record_start;
	return MUSTER_OK;
}

static int fake_spawn(const struct muster_call *call, const struct muster_spawn *spawn, struct muster_child **out)
{
	struct fake_host *host = of(call);
	must(strcmp(spawn->program, "nmap") == 0, "only its own tool");
	if (host->spawn_status != MUSTER_OK)
		return host->spawn_status;
	must(host->spawned < FAKE_CHILDREN, "as many children as the test expects");
	char line[65536] = "";
	size_t used = 0;
	for (const char *const *arg = spawn->argv; *arg; arg++)
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", used > 0 ? " " : "", *arg);
	host->argv[host->spawned] = strdup(line);
	host->stdin_text[host->spawned] = strndup(spawn->input.data ? spawn->input.data : "", spawn->input.length);
	host->child_at = 0;
	*out = (struct muster_child *)&host->children[host->spawned++];
	return MUSTER_OK;
}

static int64_t fake_read(const struct muster_call *call, struct muster_child *handle, void *buffer, size_t size)
{
	struct fake_host *host = of(call);
	struct fake_child *child = (struct fake_child *)handle;
	if (fake_cancelled(call))
		return MUSTER_E_CANCELLED;
	size_t left = child->length - host->child_at;
	size_t piece = child->piece > 0 && child->piece < left ? child->piece : left;
	if (piece > size)
		piece = size;
	if (piece == 0)
		return child->read_status;
	memcpy(buffer, child->output + host->child_at, piece);
	host->child_at += piece;
	return (int64_t)piece;
}

static int fake_wait(const struct muster_call *call, struct muster_child *handle, int *exit_status, const char **errors)
{
	struct fake_child *child = (struct fake_child *)handle;
	*exit_status = of(call)->kills > 0 ? 256 + 9 : child->exit_status;
	if (errors)
		*errors = child->errors ? child->errors : "";
	return MUSTER_OK;
}

static int fake_kill(const struct muster_call *call, struct muster_child *handle)
{
	(void)handle;
	of(call)->kills++;
	return MUSTER_OK;
}

static int fake_raw(const struct muster_call *call)
{
	return of(call)->raw;
}

static int64_t fake_input(const struct muster_call *call, void *buffer, size_t size)
{
	struct fake_host *host = of(call);
	size_t left = host->input_length - host->input_at;
	size_t piece = host->input_piece > 0 && host->input_piece < left ? host->input_piece : left;
	if (piece > size)
		piece = size;
	if (piece > 0)
		memcpy(buffer, host->input + host->input_at, piece);
	host->input_at += piece;
	return (int64_t)piece;
}

static int fake_verdict(const struct muster_call *call, const struct muster_verdict *verdict)
{
	put(of(call), "verdict %s %d %s\n", verdict->part, verdict->status, verdict->text);
	return MUSTER_OK;
}

static int fake_strain(const struct muster_call *call, int64_t asked, int64_t lost, int64_t unsure)
{
	struct fake_host *host = of(call);
	host->asked = asked;
	host->lost = lost;
	host->unsure = unsure;
	return MUSTER_OK;
}

static const struct muster_host services = {
        sizeof(struct muster_host),
        MUSTER_ABI_CURRENT,
        fake_fail,
        fake_log,
        fake_progress,
        fake_cancelled,
        fake_now,
        fake_remaining,
        fake_option_text,
        fake_option_int,
        fake_no_secret,
        fake_release,
        fake_targets,
        fake_known_next,
        fake_shard,
        fake_scope_begin,
        fake_scope_end,
        fake_checkpoint,
        fake_record_begin,
        fake_record_text,
        fake_record_int,
        fake_record_bool,
        fake_record_object,
        fake_record_array,
        fake_record_end,
        fake_record_emit,
        fake_record_drop,
        fake_spawn,
        fake_read,
        fake_wait,
        fake_kill,
        fake_raw,
        fake_input,
        fake_verdict,
        fake_strain,
};

void fake_host_init(struct fake_host *host)
{
	memset(host, 0, sizeof(*host));
	host->services = services;
	host->call.size = sizeof(host->call);
	host->call.host = &host->services;
	host->call.state = (struct muster_call_state *)host;
	host->call.method = "nmap";
	host->call.zone = "default";
	host->raw = 1;
	host->now = INT64_C(1795600000000);
}

void fake_host_set(struct fake_host *host, const char *name, const char *text)
{
	for (size_t i = 0; i < host->option_count; i++)
		if (strcmp(host->options[i].name, name) == 0) {
			host->options[i].text = text;
			return;
		}
	must(host->option_count < FAKE_OPTIONS, "few options");
	host->options[host->option_count].name = name;
	host->options[host->option_count++].text = text;
}

void fake_host_clear(struct fake_host *host)
{
	for (size_t i = 0; i < FAKE_CHILDREN; i++) {
		free(host->argv[i]);
		free(host->stdin_text[i]);
		host->argv[i] = host->stdin_text[i] = NULL;
	}
	free(host->text);
	host->text = NULL;
	host->length = host->cap = host->spawned = host->child_at = host->input_at = host->known_at = 0;
	host->kills = host->scopes = host->records = host->shards = host->cancelled_calls = 0;
	host->scope_open = host->record_open = host->depth = 0;
	host->addresses = 0;
	host->fail_text[0] = '\0';
}

void fake_host_free(struct fake_host *host)
{
	fake_host_clear(host);
}

char *fake_read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		fprintf(stderr, "%s: cannot be read\n", path);
	must(file != NULL, "test data");
	char *data = NULL;
	size_t used = 0, cap = 0;
	for (;;) {
		if (cap - used < 65536) {
			cap = cap * 2 + 65536;
			data = realloc(data, cap);
			must(data != NULL, "memory");
		}
		size_t got = fread(data + used, 1, cap - used - 1, file);
		if (got == 0)
			break;
		used += got;
	}
	(void)fclose(file);
	data[used] = '\0';
	*length = used;
	return data;
}
