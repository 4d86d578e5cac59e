/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare line of reading: libxml2's SAX2 push interface over an Nmap XML file, filling the fields that plugins/nmap fills for
 * each host, and nothing else: no repair of bytes, no caps, no records.
 *
 * bare_sax FILE    prints "hosts N ports N bytes N"
 */
#include <fcntl.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARENA    1048576u
#define PORTS    65536u
#define GROUPS   64u
#define NAMES    64u
#define MATCHES  10u
#define SERVICES 512u
#define DEPTH    64

struct group {
	const char *proto, *state, *reason, *ranges;
	int ttl, count;
	size_t used;
	uint16_t *ports;
	const char **names;
};

struct match {
	const char *name, *vendor, *platform, *generation, *type;
	int accuracy;
};

struct service {
	const char *name, *product, *version, *extra, *tunnel;
	int port;
};

struct host {
	const char *ip, *mac, *vendor, *state, *reason;
	const char *names[NAMES], *name_types[NAMES], *scripts[NAMES];
	size_t name_count, group_count, match_count, service_count, script_count;
	struct group groups[GROUPS];
	struct match matches[MATCHES];
	struct service services[SERVICES];
	long start, end, uptime;
	int distance, os_asked;
};

struct reader {
	struct host host;
	char *arena;
	size_t arena_used;
	uint16_t *ports;
	const char **port_names;
	size_t port_used;
	int in_host, depth, port, port_ttl;
	const char *port_proto, *port_state, *port_reason, *port_name, *extra_state;
	long hosts, all_ports, all_bytes;
};

/* Room for one host; what does not fit is not kept. */
static const char *keep(struct reader *reader, const xmlChar **attr)
{
	size_t len = attr ? (size_t)(attr[4] - attr[3]) : 0;
	if (len == 0 || reader->arena_used + len + 1 > ARENA)
		return NULL;
	char *out = reader->arena + reader->arena_used;
	memcpy(out, attr[3], len);
	out[len] = '\0';
	reader->arena_used += len + 1;
	return out;
}

static const xmlChar **find(const xmlChar **attrs, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp((const char *)attrs[i * 5], name) == 0)
			return attrs + (size_t)i * 5;
	return NULL;
}

static long number(const xmlChar **attr)
{
	long value = 0;
	for (const xmlChar *at = attr ? attr[3] : NULL; at && at < attr[4] && *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (*at - '0');
	return value;
}

static int is(const xmlChar **attr, const char *text)
{
	size_t len = strlen(text);
	return attr && (size_t)(attr[4] - attr[3]) == len && memcmp(attr[3], text, len) == 0;
}

static void start_host(struct reader *reader, const xmlChar **attrs, int count)
{
	struct host *host = &reader->host;
	reader->in_host = 1;
	reader->arena_used = reader->port_used = 0;
	host->ip = host->mac = host->vendor = host->state = host->reason = NULL;
	host->name_count = host->group_count = host->match_count = host->service_count = host->script_count = 0;
	host->distance = -1;
	host->uptime = -1;
	host->os_asked = 0;
	host->start = number(find(attrs, count, "starttime"));
	host->end = number(find(attrs, count, "endtime"));
}

static struct group *group_for(struct reader *reader, const char *proto, const char *state, const char *reason, int ttl)
{
	struct host *host = &reader->host;
	for (size_t i = 0; i < host->group_count; i++) {
		struct group *group = &host->groups[i];
		if (group->ttl == ttl && group->proto && strcmp(group->proto, proto) == 0 &&
		    strcmp(group->state, state) == 0 && strcmp(group->reason, reason) == 0)
			return group;
	}
	if (host->group_count == GROUPS)
		return NULL;
	struct group *group = &host->groups[host->group_count++];
	memset(group, 0, sizeof *group);
	group->proto = proto;
	group->state = state;
	group->reason = reason;
	group->ttl = ttl;
	return group;
}

static void end_port(struct reader *reader)
{
	if (!reader->port_proto || !reader->port_state || !reader->port_reason || reader->port_used == PORTS)
		return;
	struct group *group =
	        group_for(reader, reader->port_proto, reader->port_state, reader->port_reason, reader->port_ttl);
	if (!group)
		return;
	/* Ports of one group mostly follow one another: the shared array is enough for a line to measure against. */
	if (group->used == 0) {
		group->ports = reader->ports + reader->port_used;
		group->names = reader->port_names + reader->port_used;
	}
	reader->ports[reader->port_used] = (uint16_t)reader->port;
	reader->port_names[reader->port_used++] = reader->port_name;
	group->used++;
	reader->all_ports++;
}

static void start_extra(struct reader *reader, const xmlChar **attrs, int count)
{
	struct host *host = &reader->host;
	if (host->group_count == GROUPS)
		return;
	struct group *group = &host->groups[host->group_count++];
	memset(group, 0, sizeof *group);
	group->state = reader->extra_state;
	group->reason = keep(reader, find(attrs, count, "reason"));
	group->proto = keep(reader, find(attrs, count, "proto"));
	group->count = (int)number(find(attrs, count, "count"));
	group->ranges = keep(reader, find(attrs, count, "ports"));
}

static void start_os(struct reader *reader, const char *name, const xmlChar **attrs, int count)
{
	struct host *host = &reader->host;
	if (strcmp(name, "osmatch") == 0 && host->match_count < MATCHES) {
		struct match *match = &host->matches[host->match_count++];
		memset(match, 0, sizeof *match);
		match->name = keep(reader, find(attrs, count, "name"));
		match->accuracy = (int)number(find(attrs, count, "accuracy"));
	} else if (strcmp(name, "osclass") == 0 && host->match_count > 0) {
		struct match *match = &host->matches[host->match_count - 1];
		match->vendor = keep(reader, find(attrs, count, "vendor"));
		match->platform = keep(reader, find(attrs, count, "osfamily"));
		match->generation = keep(reader, find(attrs, count, "osgen"));
		match->type = keep(reader, find(attrs, count, "type"));
	}
}

static void start_service(struct reader *reader, const xmlChar **attrs, int count)
{
	struct host *host = &reader->host;
	reader->port_name = keep(reader, find(attrs, count, "name"));
	if (!is(find(attrs, count, "method"), "probed") || host->service_count == SERVICES)
		return;
	struct service *service = &host->services[host->service_count++];
	service->port = reader->port;
	service->name = reader->port_name;
	service->product = keep(reader, find(attrs, count, "product"));
	service->version = keep(reader, find(attrs, count, "version"));
	service->extra = keep(reader, find(attrs, count, "extrainfo"));
	service->tunnel = keep(reader, find(attrs, count, "tunnel"));
}

static void start_about(struct reader *reader, const char *name, const xmlChar **attrs, int count)
{
	struct host *host = &reader->host;
	if (strcmp(name, "status") == 0) {
		host->state = keep(reader, find(attrs, count, "state"));
		host->reason = keep(reader, find(attrs, count, "reason"));
	} else if (strcmp(name, "address") == 0) {
		int mac = is(find(attrs, count, "addrtype"), "mac");
		*(mac ? &host->mac : &host->ip) = keep(reader, find(attrs, count, "addr"));
		if (mac)
			host->vendor = keep(reader, find(attrs, count, "vendor"));
	} else if (strcmp(name, "hostname") == 0 && host->name_count < NAMES) {
		host->names[host->name_count] = keep(reader, find(attrs, count, "name"));
		host->name_types[host->name_count++] = keep(reader, find(attrs, count, "type"));
	} else if (strcmp(name, "script") == 0 && host->script_count < NAMES) {
		host->scripts[host->script_count++] = keep(reader, find(attrs, count, "output"));
	} else if (strcmp(name, "distance") == 0) {
		host->distance = (int)number(find(attrs, count, "value"));
	} else if (strcmp(name, "uptime") == 0) {
		host->uptime = number(find(attrs, count, "seconds"));
	} else if (strcmp(name, "os") == 0) {
		host->os_asked = 1;
	} else {
		start_os(reader, name, attrs, count);
	}
}

static void on_start(void *data, const xmlChar *xname, const xmlChar *prefix, const xmlChar *uri, int namespaces,
                     const xmlChar **names, int count, int defaulted, const xmlChar **attrs)
{
	(void)prefix, (void)uri, (void)namespaces, (void)names, (void)defaulted;
	struct reader *reader = data;
	const char *name = (const char *)xname;
	if (!reader->in_host) {
		if (strcmp(name, "host") == 0)
			start_host(reader, attrs, count);
		return;
	}
	if (strcmp(name, "port") == 0) {
		reader->port = (int)number(find(attrs, count, "portid"));
		reader->port_proto = keep(reader, find(attrs, count, "protocol"));
		reader->port_state = reader->port_reason = reader->port_name = NULL;
	} else if (strcmp(name, "state") == 0) {
		reader->port_state = keep(reader, find(attrs, count, "state"));
		reader->port_reason = keep(reader, find(attrs, count, "reason"));
		reader->port_ttl = (int)number(find(attrs, count, "reason_ttl"));
	} else if (strcmp(name, "service") == 0) {
		start_service(reader, attrs, count);
	} else if (strcmp(name, "extraports") == 0) {
		reader->extra_state = keep(reader, find(attrs, count, "state"));
	} else if (strcmp(name, "extrareasons") == 0) {
		start_extra(reader, attrs, count);
	} else {
		start_about(reader, name, attrs, count);
	}
}

static void on_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	(void)prefix, (void)uri;
	struct reader *reader = data;
	if (!reader->in_host)
		return;
	if (strcmp((const char *)name, "port") == 0) {
		end_port(reader);
	} else if (strcmp((const char *)name, "host") == 0) {
		reader->in_host = 0;
		reader->hosts++;
		reader->all_bytes += (long)reader->arena_used;
	}
}

static int run(struct reader *reader, int fd)
{
	static char buffer[65536];
	xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC, .startElementNs = on_start, .endElementNs = on_end};
	xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&sax, reader, NULL, 0, NULL);
	ssize_t n;
	if (!parser)
		return 1;
	(void)xmlCtxtUseOptions(parser, XML_PARSE_NONET);
	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		if (xmlParseChunk(parser, buffer, (int)n, 0) != 0)
			break;
	int status = n < 0 || xmlParseChunk(parser, "", 0, 1) != 0;
	if (parser->myDoc)
		xmlFreeDoc(parser->myDoc);
	xmlFreeParserCtxt(parser);
	return status;
}

int main(int argc, char **argv)
{
	struct reader *reader = calloc(1, sizeof *reader);
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	if (!reader || fd < 0) {
		fputs("usage: bare_sax FILE.xml\n", stderr);
		return 2;
	}
	reader->arena = malloc(ARENA);
	reader->ports = malloc(PORTS * sizeof *reader->ports);
	reader->port_names = malloc(PORTS * sizeof *reader->port_names);
	if (!reader->arena || !reader->ports || !reader->port_names)
		return 1;
	int status = run(reader, fd);
	printf("hosts %ld ports %ld bytes %ld\n", reader->hosts, reader->all_ports, reader->all_bytes);
	close(fd);
	free(reader->arena);
	free(reader->ports);
	free(reader->port_names);
	free(reader);
	return status;
}
