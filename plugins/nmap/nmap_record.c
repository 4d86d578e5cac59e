/* SPDX-License-Identifier: Apache-2.0 */
/* One host as one record (see RECORDS in muster/plugin.h). */
#include "nmap_xml.h"

#include <stdlib.h>
#include <string.h>

/* The builder's calls, with the first failure kept. */
struct writer {
	const struct muster_call *call;
	int status;
	int repaired;
};

static void keep(struct writer *out, int status)
{
	if (out->status == MUSTER_OK)
		out->status = status;
}

static void put_text(struct writer *out, const char *key, const char *value)
{
	if (!value || !*value || out->status != MUSTER_OK)
		return;
	/* Most texts hold no byte above ASCII at all. */
	const char *place = strchr(value, 0xEF);
	if (place && strstr(place, "\xEF\xBF\xBD"))
		out->repaired = 1;
	keep(out, out->call->host->record_text(out->call, key, value));
}

static void put_int(struct writer *out, const char *key, int64_t value)
{
	if (out->status == MUSTER_OK)
		keep(out, out->call->host->record_int(out->call, key, value));
}

static void put_bool(struct writer *out, const char *key, int value)
{
	if (out->status == MUSTER_OK)
		keep(out, out->call->host->record_bool(out->call, key, value));
}

static void open_object(struct writer *out, const char *key)
{
	if (out->status == MUSTER_OK)
		keep(out, out->call->host->record_object(out->call, key));
}

static void open_array(struct writer *out, const char *key)
{
	if (out->status == MUSTER_OK)
		keep(out, out->call->host->record_array(out->call, key));
}

static void close_it(struct writer *out)
{
	if (out->status == MUSTER_OK)
		keep(out, out->call->host->record_end(out->call));
}

static void put_names(struct writer *out, const struct nmap_host *host)
{
	if (host->ips) {
		open_array(out, "ips");
		for (const struct nmap_name *ip = host->ips; ip; ip = ip->next)
			put_text(out, NULL, ip->name);
		close_it(out);
	}
	if (host->names) {
		open_array(out, "names");
		for (const struct nmap_name *name = host->names; name; name = name->next) {
			open_object(out, NULL);
			put_text(out, "name", name->name);
			put_text(out, "type", name->type);
			close_it(out);
		}
		close_it(out);
	}
}

static int is_open(const struct nmap_group *group)
{
	return group->state && strcmp(group->state, "open") == 0;
}

static int by_number(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* Nmap lists ports in order. */
static int is_sorted(const uint16_t *ports, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (ports[i] < ports[i - 1])
			return 0;
	return 1;
}

static void put_number(struct nmap_buf *out, unsigned number)
{
	char digits[10];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	nmap_buf_put(out, digits + at, sizeof(digits) - at);
}

/* "1,3-5" of a group's numbers; sorts a copy. */
static void put_ranges(struct writer *out, const struct nmap_group *group)
{
	uint16_t *ports = malloc(group->used * sizeof(*ports));
	if (!ports) {
		keep(out, MUSTER_E_NO_MEMORY);
		return;
	}
	memcpy(ports, group->ports, group->used * sizeof(*ports));
	if (!is_sorted(ports, group->used))
		qsort(ports, group->used, sizeof(*ports), by_number);
	struct nmap_buf text = {0};
	for (size_t i = 0; i < group->used;) {
		size_t last = i;
		while (last + 1 < group->used && ports[last + 1] - ports[last] <= 1)
			last++;
		if (text.len > 0)
			nmap_buf_put(&text, ",", 1);
		put_number(&text, ports[i]);
		if (ports[last] != ports[i]) {
			nmap_buf_put(&text, "-", 1);
			put_number(&text, ports[last]);
		}
		i = last + 1;
	}
	put_text(out, "range", nmap_buf_str(&text));
	nmap_buf_free(&text);
	free(ports);
}

/* Open ports are always numbers, what is closed or filtered only while it is little: 65 000 numbers are a megabyte. */
static void put_group(struct writer *out, const struct nmap_group *group)
{
	open_object(out, NULL);
	put_text(out, "proto", group->proto);
	put_text(out, "state", group->state);
	put_text(out, "reason", group->reason);
	if (group->ttl > 0)
		put_int(out, "ttl", group->ttl);
	if (group->used == 0 || group->used > 64)
		put_int(out, "count", group->count > 0 ? group->count : 0);
	put_text(out, "range", group->ranges);
	size_t listed = group->used;
	if (is_open(group) ? listed > NMAP_MAX_LISTED : listed > 64) {
		put_ranges(out, group);
		listed = is_open(group) ? NMAP_MAX_LISTED : 0;
	}
	if (listed > 0) {
		open_array(out, "ports");
		for (size_t i = 0; i < listed; i++)
			put_int(out, NULL, group->ports[i]);
		close_it(out);
		open_array(out, "names");
		for (size_t i = 0; i < listed && out->status == MUSTER_OK; i++)
			keep(out,
			     out->call->host->record_text(out->call, NULL, group->names[i] ? group->names[i] : ""));
		close_it(out);
	}
	close_it(out);
}

static void put_scripts(struct writer *out, const struct nmap_script *scripts)
{
	if (!scripts)
		return;
	open_array(out, "scripts");
	for (const struct nmap_script *script = scripts; script; script = script->next) {
		open_object(out, NULL);
		put_text(out, "id", script->id);
		put_text(out, "output", script->output);
		close_it(out);
	}
	close_it(out);
}

static void put_service(struct writer *out, const struct nmap_service *service)
{
	open_object(out, NULL);
	put_text(out, "proto", service->proto);
	put_int(out, "port", service->port);
	put_text(out, "name", service->name);
	put_text(out, "product", service->product);
	put_text(out, "version", service->version);
	put_text(out, "extra", service->extra);
	put_text(out, "tunnel", service->tunnel);
	put_text(out, "os", service->os);
	put_text(out, "device", service->device);
	if (service->cpe_count > 0) {
		open_array(out, "cpe");
		for (size_t i = 0; i < service->cpe_count; i++)
			put_text(out, NULL, service->cpe[i]);
		close_it(out);
	}
	put_scripts(out, service->scripts);
	close_it(out);
}

static const struct nmap_class *best_class(const struct nmap_class *list)
{
	const struct nmap_class *best = list;
	for (; list; list = list->next)
		if (list->accuracy > best->accuracy)
			best = list;
	return best;
}

static const struct nmap_match *best_match(const struct nmap_host *host)
{
	const struct nmap_match *best = host->matches;
	for (const struct nmap_match *match = host->matches; match; match = match->next)
		if (match->accuracy > best->accuracy)
			best = match;
	return best;
}

/* Why there is no system, or why to doubt it. NULL: nothing to say. */
static const char *os_note(const struct nmap_host *host, const struct nmap_match *match, const struct nmap_class *class)
{
	if (match || class) {
		for (const struct nmap_match *other = host->matches; match && class && other; other = other->next) {
			const struct nmap_class *rival = best_class(other->classes);
			if (other != match && other->accuracy == match->accuracy && rival && rival->platform &&
			    class->platform && strcmp(rival->platform, class->platform) != 0)
				return "several platforms match equally well";
		}
		return NULL;
	}
	if (!host->os_open && !host->os_closed)
		return "no port answered";
	if (host->os_fingerprint)
		return "no match in Nmap's database";
	if (!host->os_open)
		return "too many matches: no open port was found";
	if (!host->os_closed)
		return "too many matches: no closed port was found";
	return "too many matches";
}

static void put_match(struct writer *out, const struct nmap_match *match)
{
	const struct nmap_class *class = best_class(match->classes);
	open_object(out, NULL);
	put_text(out, "name", match->name);
	put_int(out, "accuracy", match->accuracy);
	if (class) {
		put_text(out, "vendor", class->vendor);
		put_text(out, "platform", class->platform);
		put_text(out, "generation", class->generation);
		put_text(out, "type", class->type);
	}
	close_it(out);
}

static void put_os(struct writer *out, const struct nmap_host *host)
{
	if (!host->os_asked)
		return;
	const struct nmap_match *match = best_match(host);
	const struct nmap_class *class = best_class(match && match->classes ? match->classes : host->classes);
	open_object(out, "os");
	if (class) {
		put_text(out, "platform", class->platform);
		put_text(out, "generation", class->generation);
	}
	if (match || class)
		put_int(out, "accuracy", match ? match->accuracy : class->accuracy);
	if (match) {
		int kept = 0;
		open_array(out, "matches");
		for (const struct nmap_match *item = host->matches; item && kept < NMAP_MAX_MATCHES;
		     item = item->next, kept++)
			put_match(out, item);
		close_it(out);
	}
	put_text(out, "note", os_note(host, match, class));
	close_it(out);
}

/* A port that answered for itself. "filtered" may be a router's answer, "open|filtered" is silence. */
static int group_answered(const struct nmap_group *group)
{
	return group->count != 0 && group->state &&
	       (strcmp(group->state, "open") == 0 || strcmp(group->state, "closed") == 0 ||
	        strcmp(group->state, "unfiltered") == 0);
}

int nmap_answered(const struct nmap_host *host)
{
	if (!host->reason || strcmp(host->reason, "user-set") != 0)
		return 1;
	for (const struct nmap_group *group = host->groups; group; group = group->next)
		if (group_answered(group))
			return 1;
	return host->matches != NULL || host->classes != NULL || host->mac != NULL;
}

static int64_t seen_at(const struct nmap_host *host, const struct nmap_run_info *info, int64_t now)
{
	int64_t seconds = host->end ? host->end : host->start ? host->start : info->start;
	return seconds > 0 ? seconds * 1000 : now;
}

static void put_host(struct writer *out, const struct nmap_host *host, int64_t seen)
{
	put_text(out, "ip", host->ip);
	put_text(out, "mac", host->mac);
	put_text(out, "vendor", host->vendor);
	put_names(out, host);
	put_bool(out, "answered", nmap_answered(host));
	put_text(out, "reason", host->reason);
	if (host->distance >= 0)
		put_int(out, "distance", host->distance);
	if (host->timed_out)
		put_bool(out, "timed_out", 1);
	put_os(out, host);
	if (host->groups) {
		open_array(out, "ports");
		for (const struct nmap_group *group = host->groups; group; group = group->next)
			put_group(out, group);
		close_it(out);
	}
	if (host->services) {
		open_array(out, "services");
		for (const struct nmap_service *service = host->services; service; service = service->next)
			put_service(out, service);
		close_it(out);
	}
	put_scripts(out, host->scripts);
	if (host->uptime >= 0) {
		open_object(out, "uptime");
		put_int(out, "seconds", host->uptime);
		put_int(out, "last_boot", seen - host->uptime * 1000);
		close_it(out);
	}
	/* Always there: of keys that core does not know, the last value stays. */
	put_bool(out, "cut", host->cut);
	put_bool(out, "repaired", out->repaired);
	put_int(out, "seen", seen);
}

int nmap_record_emit(const struct muster_call *call, const struct nmap_host *host, const struct nmap_run_info *info,
                     int64_t now)
{
	struct writer out = {.call = call};
	int status = call->host->record_begin(call, host->ip);
	if (status != MUSTER_OK)
		return status;
	put_host(&out, host, seen_at(host, info, now));
	if (out.status == MUSTER_OK)
		return call->host->record_emit(call);
	(void)call->host->record_drop(call);
	if (out.status == MUSTER_E_LIMIT) {
		nmap_log(call, MUSTER_LOG_WARNING,
		         "host %s: its record is larger than a record may be and was left out", host->ip);
		return MUSTER_OK;
	}
	return out.status;
}
