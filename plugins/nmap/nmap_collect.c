/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers what Nmap says of one host. Memory comes from the host's arena and goes with it. */
#include "nmap_xml.h"

#include <stdlib.h>
#include <string.h>

/* Years 1995 to 2100: what lies outside is no time of a scan. */
#define EARLIEST INT64_C(788918400)
#define LATEST   INT64_C(4102444800)

#define MAX_RANGES 393216u /* "1,3,5,...": all odd ports */

static const char *text_of(struct nmap_collect *collect, const struct nmap_attrs *attrs, const char *name)
{
	size_t len;
	const char *value = nmap_attr(attrs, name, &len);
	if (!value || len == 0)
		return NULL;
	if (len > NMAP_MAX_TEXT)
		collect->host.cut = 1;
	char *out = nmap_arena_text(&collect->arena, value, len, NMAP_MAX_TEXT, 0);
	if (!out)
		collect->host.cut = 1;
	return out;
}

/* The same when it is likely to be what the port before had, which is then not copied again. */
static const char *text_again(struct nmap_collect *collect, const struct nmap_attrs *attrs, const char *name,
                              const char **last)
{
	size_t len;
	const char *value = nmap_attr(attrs, name, &len);
	if (!value || len == 0)
		return NULL;
	if (!*last || strncmp(*last, value, len) != 0 || (*last)[len] != '\0')
		*last = text_of(collect, attrs, name);
	return *last;
}

static int64_t number_of(const struct nmap_attrs *attrs, const char *name, int64_t maximum)
{
	char text[24];
	size_t len;
	const char *value = nmap_attr(attrs, name, &len);
	if (!value || len >= sizeof(text))
		return -1;
	memcpy(text, value, len);
	text[len] = '\0';
	return nmap_number(text, maximum);
}

static int64_t time_of(const struct nmap_attrs *attrs, const char *name)
{
	int64_t value = number_of(attrs, name, LATEST);
	return value >= EARLIEST ? value : 0;
}

static int equals(const struct nmap_attrs *attrs, const char *name, const char *wanted)
{
	size_t len;
	const char *value = nmap_attr(attrs, name, &len);
	return value && len == strlen(wanted) && memcmp(value, wanted, len) == 0;
}

void nmap_collect_start(struct nmap_collect *collect, const struct nmap_attrs *attrs)
{
	nmap_arena_recycle(&collect->arena);
	collect->last_proto = collect->last_state = collect->last_reason = NULL;
	collect->arena.limit = NMAP_MAX_HOST_BYTES;
	memset(&collect->host, 0, sizeof(collect->host));
	collect->host.uptime = -1;
	collect->host.distance = -1;
	collect->host.start = time_of(attrs, "starttime");
	collect->host.end = time_of(attrs, "endtime");
	collect->host.timed_out = equals(attrs, "timedout", "true");
	collect->service = NULL;
	collect->extra = NULL;
	collect->text.len = 0;
	collect->unreadable = 0;
}

/* "00:16:3E:12:34:56" in lower case; NULL for anything else. */
static const char *mac_of(struct nmap_collect *collect, const char *text)
{
	char *out = nmap_arena_text(&collect->arena, text, strlen(text), 17, 0);
	if (!out || strlen(text) != 17)
		return NULL;
	for (size_t i = 0; i < 17; i++) {
		if (out[i] >= 'A' && out[i] <= 'F')
			out[i] = (char)(out[i] - 'A' + 'a');
		int hex = (out[i] >= '0' && out[i] <= '9') || (out[i] >= 'a' && out[i] <= 'f');
		if (i % 3 == 2 ? out[i] != ':' : !hex)
			return NULL;
	}
	return out;
}

static void add_name(struct nmap_collect *collect, struct nmap_name **list, const char *name, const char *type)
{
	if (!name || collect->host.name_count >= NMAP_MAX_NAMES) {
		collect->host.cut |= name != NULL;
		return;
	}
	while (*list) {
		if (strcmp((*list)->name, name) == 0)
			return;
		list = &(*list)->next;
	}
	struct nmap_name *item = nmap_arena_alloc(&collect->arena, sizeof(*item));
	if (!item)
		return;
	item->name = name;
	item->type = type;
	*list = item;
	collect->host.name_count++;
}

static void open_address(struct nmap_collect *collect, const struct nmap_attrs *attrs)
{
	const char *text = text_of(collect, attrs, "addr");
	char canonical[64];
	if (!text)
		return;
	if (equals(attrs, "addrtype", "mac")) {
		if (!collect->host.mac) {
			collect->host.mac = mac_of(collect, text);
			collect->host.vendor = text_of(collect, attrs, "vendor");
		}
		return;
	}
	if (nmap_address(text, canonical, sizeof(canonical)) == 0) {
		collect->unreadable++;
		return;
	}
	const char *ip = nmap_arena_text(&collect->arena, canonical, strlen(canonical), sizeof(canonical), 0);
	if (!collect->host.ip)
		collect->host.ip = ip;
	else if (ip && strcmp(ip, collect->host.ip) != 0)
		add_name(collect, &collect->host.ips, ip, NULL);
}

static int same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The group of the four, made when missing. NULL: no memory or too many. */
static struct nmap_group *group_of(struct nmap_collect *collect, const char *proto, const char *state,
                                   const char *reason, int ttl, int extra)
{
	struct nmap_group **at = &collect->host.groups;
	for (; *at; at = &(*at)->next)
		if (!extra && !(*at)->extra && (*at)->ttl == ttl && same((*at)->proto, proto) &&
		    same((*at)->state, state) && same((*at)->reason, reason))
			return *at;
	struct nmap_group *group = NULL;
	if (collect->host.group_count < NMAP_MAX_GROUPS)
		group = nmap_arena_alloc(&collect->arena, sizeof(*group));
	if (!group) {
		collect->host.cut = 1;
		return NULL;
	}
	group->proto = proto;
	group->state = state;
	group->reason = reason;
	group->ttl = ttl;
	group->extra = extra;
	*at = group;
	collect->host.group_count++;
	return group;
}

static void group_add(struct nmap_collect *collect, struct nmap_group *group, int port, const char *name)
{
	if (group->used == group->cap) {
		size_t cap = group->cap ? group->cap * 2 : 8;
		uint16_t *ports = cap > 131072 ? NULL : nmap_arena_alloc(&collect->arena, cap * sizeof(*ports));
		const char **names = ports ? nmap_arena_alloc(&collect->arena, cap * sizeof(*names)) : NULL;
		if (!names) {
			collect->host.cut = 1;
			return;
		}
		if (group->used > 0) {
			memcpy(ports, group->ports, group->used * sizeof(*ports));
			memcpy(names, group->names, group->used * sizeof(*names));
		}
		group->ports = ports;
		group->names = names;
		group->cap = cap;
	}
	group->ports[group->used] = (uint16_t)port;
	group->names[group->used++] = name;
	group->count++;
}

/* extraports: "997 closed ports". Before Nmap 7.92 the reasons name neither protocol nor ports. */
static void open_extraports(struct nmap_collect *collect, const struct nmap_attrs *attrs)
{
	collect->extra_state = text_of(collect, attrs, "state");
	collect->extra = group_of(collect, NULL, collect->extra_state, NULL, 0, 1);
	if (collect->extra)
		collect->extra->count = number_of(attrs, "count", 196605);
}

/* Where a list would be kept: a few bytes of it are enough to tell the usual ones apart. */
static struct nmap_buf *list_slot(struct nmap_collect *collect, const char *list, size_t len)
{
	size_t hash = len;
	for (size_t i = 0; i < len; i += 31)
		hash = hash * 31 + (unsigned char)list[i];
	return &collect->lists[hash % NMAP_KEPT_LISTS];
}

/* Most hosts of a scan have the same closed ports: a list that was found to be good is not looked at again. */
static const char *ranges_of(struct nmap_collect *collect, const struct nmap_attrs *attrs)
{
	size_t len;
	const char *list = nmap_attr(attrs, "ports", &len), *out = NULL;
	struct nmap_buf clean = {0}, *kept;
	if (!list || len == 0 || len > MAX_RANGES)
		return NULL;
	kept = list_slot(collect, list, len);
	if (kept->len == len && memcmp(kept->data, list, len) == 0)
		return nmap_arena_text(&collect->arena, list, len, len, 0);
	nmap_ports_clean(list, len, &clean);
	collect->arena.starved |= clean.failed;
	if (clean.len > 0 && !clean.failed)
		out = nmap_arena_text(&collect->arena, clean.data, clean.len, clean.len, 0);
	if (clean.len == len && len <= NMAP_KEPT_LIST_BYTES && memcmp(clean.data, list, len) == 0) {
		kept->len = 0;
		nmap_buf_put(kept, list, len);
		if (kept->failed)
			nmap_buf_free(kept);
	}
	nmap_buf_free(&clean);
	return out;
}

static void open_extrareasons(struct nmap_collect *collect, const struct nmap_attrs *attrs)
{
	struct nmap_group *group = collect->extra;
	if (!group)
		return;
	/* The first reason takes the group of its extraports, each further one a group of its own. */
	if (group->reason)
		group = group_of(collect, NULL, collect->extra_state, NULL, 0, 1);
	if (!group)
		return;
	group->reason = text_of(collect, attrs, "reason");
	group->proto = text_of(collect, attrs, "proto");
	group->count = number_of(attrs, "count", 196605);
	group->ranges = ranges_of(collect, attrs);
}

static void open_port(struct nmap_collect *collect, const struct nmap_attrs *attrs)
{
	int64_t port = number_of(attrs, "portid", 65535);
	collect->port = port >= 1 ? (int)port : 0;
	collect->bad_ports += collect->port == 0;
	collect->proto = text_again(collect, attrs, "protocol", &collect->last_proto);
	collect->port_state = NULL;
	collect->port_reason = NULL;
	collect->port_name = NULL;
	collect->port_ttl = 0;
	collect->service = NULL;
}

/* The service document of the port at hand, made at its first need. */
static struct nmap_service *service_of(struct nmap_collect *collect)
{
	if (collect->service || collect->port == 0)
		return collect->service;
	struct nmap_service *service = NULL;
	if (collect->host.service_count < NMAP_MAX_SERVICES)
		service = nmap_arena_alloc(&collect->arena, sizeof(*service));
	if (!service) {
		collect->host.cut = 1;
		return NULL;
	}
	struct nmap_service **at = &collect->host.services;
	while (*at)
		at = &(*at)->next;
	*at = service;
	collect->host.service_count++;
	service->port = collect->port;
	service->proto = collect->proto;
	service->name = collect->port_name;
	collect->service = service;
	return service;
}

/* A name from Nmap's table says nothing that the number does not: only a probed service is a document. */
static void open_service(struct nmap_collect *collect, const struct nmap_attrs *attrs)
{
	collect->port_name = text_of(collect, attrs, "name");
	if (!equals(attrs, "method", "probed"))
		return;
	struct nmap_service *service = service_of(collect);
	if (!service)
		return;
	service->name = collect->port_name;
	service->product = text_of(collect, attrs, "product");
	service->version = text_of(collect, attrs, "version");
	service->extra = text_of(collect, attrs, "extrainfo");
	service->tunnel = text_of(collect, attrs, "tunnel");
	service->os = text_of(collect, attrs, "ostype");
	service->device = text_of(collect, attrs, "devicetype");
}

static void add_script(struct nmap_collect *collect, struct nmap_script **list, const struct nmap_attrs *attrs)
{
	size_t len;
	const char *output = nmap_attr(attrs, "output", &len);
	const char *id = text_of(collect, attrs, "id");
	if (!id || !output)
		return;
	if (collect->host.script_bytes >= NMAP_MAX_SCRIPTS_BYTES) {
		collect->host.cut = 1;
		return;
	}
	if (len > NMAP_MAX_SCRIPT)
		collect->host.cut = 1;
	struct nmap_script *script = nmap_arena_alloc(&collect->arena, sizeof(*script));
	if (!script)
		return;
	script->id = id;
	script->output = nmap_arena_text(&collect->arena, output, len, NMAP_MAX_SCRIPT, 1);
	/* 64: many tiny scripts cost too. */
	collect->host.script_bytes += 64 + strlen(id) + (script->output ? strlen(script->output) : 0);
	while (*list)
		list = &(*list)->next;
	*list = script;
}

void nmap_collect_open(struct nmap_collect *collect, enum nmap_element element, const struct nmap_attrs *attrs)
{
	struct nmap_host *host = &collect->host;
	switch (element) {
	case NMAP_STATUS:
		host->state = text_of(collect, attrs, "state");
		host->reason = text_of(collect, attrs, "reason");
		break;
	case NMAP_ADDRESS:
		open_address(collect, attrs);
		break;
	case NMAP_HOSTNAME:
		add_name(collect, &host->names, text_of(collect, attrs, "name"), text_of(collect, attrs, "type"));
		break;
	case NMAP_EXTRAPORTS:
		open_extraports(collect, attrs);
		break;
	case NMAP_EXTRAREASONS:
		open_extrareasons(collect, attrs);
		break;
	case NMAP_PORT:
		open_port(collect, attrs);
		break;
	case NMAP_STATE:
		collect->port_state = text_again(collect, attrs, "state", &collect->last_state);
		collect->port_reason = text_again(collect, attrs, "reason", &collect->last_reason);
		collect->port_ttl = (int)number_of(attrs, "reason_ttl", 255);
		break;
	case NMAP_SERVICE:
		open_service(collect, attrs);
		break;
	case NMAP_PORT_SCRIPT:
		if (service_of(collect))
			add_script(collect, &collect->service->scripts, attrs);
		break;
	case NMAP_HOST_SCRIPT:
		add_script(collect, &host->scripts, attrs);
		break;
	case NMAP_DISTANCE:
		host->distance = (int)number_of(attrs, "value", 255);
		break;
	case NMAP_UPTIME:
		host->uptime = number_of(attrs, "seconds", INT64_C(3153600000));
		break;
	default:
		nmap_os_open(collect, element, attrs);
		break;
	}
}

void nmap_collect_text(struct nmap_collect *collect, const char *text, size_t len)
{
	if (collect->text.len + len <= 4 * NMAP_MAX_TEXT)
		nmap_buf_put(&collect->text, text, len);
}

static void close_port(struct nmap_collect *collect)
{
	if (collect->port == 0 || !collect->port_state)
		return;
	struct nmap_group *group = group_of(collect, collect->proto, collect->port_state, collect->port_reason,
	                                    collect->port_ttl < 0 ? 0 : collect->port_ttl, 0);
	if (group)
		group_add(collect, group, collect->port, collect->port_name);
}

static void close_cpe(struct nmap_collect *collect)
{
	struct nmap_service *service = collect->service;
	if (service && service->cpe_count < NMAP_MAX_CPE && collect->text.len > 0) {
		const char *text =
		        nmap_arena_text(&collect->arena, collect->text.data, collect->text.len, NMAP_MAX_TEXT, 0);
		if (text)
			service->cpe[service->cpe_count++] = text;
	}
	collect->text.len = 0;
}

void nmap_collect_close(struct nmap_collect *collect, enum nmap_element element)
{
	if (element == NMAP_PORT) {
		close_port(collect);
		collect->service = NULL;
	} else if (element == NMAP_SERVICE_CPE) {
		close_cpe(collect);
	} else if (element == NMAP_EXTRAPORTS) {
		collect->extra = NULL;
	}
}

void nmap_collect_free(struct nmap_collect *collect)
{
	nmap_arena_reset(&collect->arena);
	nmap_buf_free(&collect->text);
	for (size_t i = 0; i < NMAP_KEPT_LISTS; i++)
		nmap_buf_free(&collect->lists[i]);
}
