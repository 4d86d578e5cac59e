/* SPDX-License-Identifier: Apache-2.0 */
/* libxml2's SAX2 push parser over Nmap's output. No document is ever built. */
#include "nmap_xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ARGS    (2u << 20)
#define BLOCK_BYTES 65536u
#define FOUND       64u
#define LIVE_BYTES  16384u /* of a block while Nmap runs */

/* What an element was found to be. */
struct found {
	const xmlChar *name;
	enum nmap_element parent, element;
};

struct nmap_xml {
	const struct nmap_sink *sink;
	xmlParserCtxtPtr parser;
	struct nmap_feed feed;
	char block[BLOCK_BYTES]; /* on its way to the parser */
	size_t block_len, line;  /* line: where its last line begins */
	struct nmap_collect collect;
	struct nmap_seen seen;
	struct nmap_run_info info;
	enum nmap_element stack[NMAP_XML_DEPTH];
	struct found found[FOUND];
	int depth;
	int status; /* first thing that stopped the reader */
	int begun, is_nmap, in_host, closed;
	int finished;
	char text[600];                    /* why it stopped, or Nmap's own words */
	int64_t hosts, up, nowhere, twice; /* nowhere: without a readable address; twice: there before */
	char twice_ip[64];                 /* the first of these */
};

static void stop(struct nmap_xml *xml, int status, const char *text)
{
	if (xml->status == MUSTER_OK) {
		xml->status = status;
		if (text)
			(void)snprintf(xml->text, sizeof(xml->text), "line %d: %s", xmlSAX2GetLineNumber(xml->parser),
			               text);
	}
	xmlStopParser(xml->parser);
}

static int begin(struct nmap_xml *xml)
{
	if (xml->begun)
		return MUSTER_OK;
	xml->begun = 1;
	return xml->sink->begin ? xml->sink->begin(xml->sink->data, &xml->info) : MUSTER_OK;
}

static char *attr_copy(const struct nmap_attrs *attrs, const char *name, size_t cap)
{
	size_t len;
	const char *value = nmap_attr(attrs, name, &len);
	return value && len <= cap ? strndup(value, len) : NULL;
}

static int64_t attr_number(const struct nmap_attrs *attrs, const char *name, int64_t maximum)
{
	char *text = attr_copy(attrs, name, 20);
	int64_t value = nmap_number(text, maximum);
	free(text);
	return value;
}

static void open_run(struct nmap_xml *xml, const struct nmap_attrs *attrs)
{
	if (xml->is_nmap)
		return;
	xml->is_nmap = 1;
	xml->info.args = attr_copy(attrs, "args", MAX_ARGS);
	xml->info.version = attr_copy(attrs, "version", 32);
	xml->info.start = attr_number(attrs, "start", INT64_C(4102444800));
	if (xml->info.start < 0)
		xml->info.start = 0;
}

/* The ports that were asked for. A second element of one protocol (Nmap -sS -sF) names the same ports. */
static void open_scaninfo(struct nmap_xml *xml, const struct nmap_attrs *attrs)
{
	char *proto = attr_copy(attrs, "protocol", 8);
	char **slot = NULL;
	if (proto && strcmp(proto, "tcp") == 0)
		slot = &xml->info.tcp;
	if (proto && strcmp(proto, "udp") == 0)
		slot = &xml->info.udp;
	free(proto);
	if (!slot || *slot || xml->begun)
		return;
	size_t len;
	const char *services = nmap_attr(attrs, "services", &len);
	struct nmap_buf clean = {0};
	if (services)
		nmap_ports_clean(services, len, &clean);
	if (clean.len > 0 && !clean.failed)
		*slot = clean.data;
	else
		nmap_buf_free(&clean);
}

static void open_progress(struct nmap_xml *xml, const struct nmap_attrs *attrs)
{
	char *task = attr_copy(attrs, "task", 64);
	char *percent = attr_copy(attrs, "percent", 8);
	if (percent)
		percent[strcspn(percent, ".")] = '\0';
	int64_t number = nmap_number(percent, 100);
	if (task && number >= 0 && xml->sink->progress)
		xml->sink->progress(xml->sink->data, task, (int)number);
	free(task);
	free(percent);
}

static void open_finished(struct nmap_xml *xml, const struct nmap_attrs *attrs)
{
	char *exit_word = attr_copy(attrs, "exit", 16);
	char *message = attr_copy(attrs, "errormsg", 400);
	/* Before 5.50 Nmap had no `exit` and wrote runstats only when all went well. */
	xml->finished = !exit_word || strcmp(exit_word, "success") == 0;
	if (!xml->finished)
		(void)snprintf(xml->text, sizeof(xml->text), "Nmap says: %s", message ? message : exit_word);
	free(exit_word);
	free(message);
}

static void open_element(struct nmap_xml *xml, enum nmap_element element, const struct nmap_attrs *attrs)
{
	switch (element) {
	case NMAP_RUN:
		open_run(xml, attrs);
		break;
	case NMAP_SCANINFO:
		open_scaninfo(xml, attrs);
		break;
	case NMAP_TASKPROGRESS:
		open_progress(xml, attrs);
		break;
	case NMAP_FINISHED:
		open_finished(xml, attrs);
		break;
	case NMAP_HOST:
		xml->in_host = 1;
		nmap_collect_start(&xml->collect, attrs);
		break;
	default:
		if (xml->in_host && element != NMAP_NONE)
			nmap_collect_open(&xml->collect, element, attrs);
		break;
	}
}

/* Names come from the parser's dictionary: one address is one name for as long as the parser lives. */
static enum nmap_element element_of(struct nmap_xml *xml, const xmlChar *name, enum nmap_element parent)
{
	struct found *found = &xml->found[((uintptr_t)name / 2 + (uintptr_t)parent) % FOUND];
	if (found->name != name || found->parent != parent)
		*found = (struct found){name, parent, nmap_element_find((const char *)name, parent)};
	return found->element;
}

static void on_start(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces,
                     const xmlChar **names, int count, int defaulted, const xmlChar **values)
{
	(void)prefix, (void)namespaces, (void)names, (void)defaulted;
	struct nmap_xml *xml = data;
	if (xml->status != MUSTER_OK)
		return;
	if (xml->depth >= NMAP_XML_DEPTH) {
		stop(xml, MUSTER_E_CORRUPT, "elements nested more than 64 deep");
		return;
	}
	if (count > NMAP_XML_ATTRIBUTES) {
		stop(xml, MUSTER_E_CORRUPT, "an element with more than 64 attributes");
		return;
	}
	enum nmap_element element = NMAP_NONE;
	enum nmap_element parent = xml->depth > 0 ? xml->stack[xml->depth - 1] : NMAP_NONE;
	if (!uri && (xml->depth == 0 || parent != NMAP_NONE))
		element = element_of(xml, name, parent);
	if (xml->depth == 0 && element != NMAP_RUN) {
		stop(xml, MUSTER_E_CORRUPT, "its first element is not nmaprun");
		return;
	}
	xml->stack[xml->depth++] = element;
	struct nmap_attrs attrs = {values, count};
	open_element(xml, element, &attrs);
}

static void host_done(struct nmap_xml *xml)
{
	const struct nmap_host *host = &xml->collect.host;
	xml->in_host = 0;
	xml->hosts++;
	if (xml->collect.arena.starved || xml->collect.text.failed) {
		stop(xml, MUSTER_E_NO_MEMORY, "out of memory");
		return;
	}
	if (!host->state || strcmp(host->state, "up") != 0)
		return;
	if (!host->ip) {
		xml->nowhere++;
		return;
	}
	xml->collect.bad_addresses += xml->collect.unreadable;
	int added = nmap_seen_add(&xml->seen, host->ip);
	if (added < 0) {
		stop(xml, MUSTER_E_LIMIT, "more than 4194304 hosts in one document: split it");
		return;
	}
	if (added == 0) {
		if (xml->twice++ == 0)
			(void)snprintf(xml->twice_ip, sizeof(xml->twice_ip), "%s", host->ip);
		return;
	}
	int status = begin(xml);
	if (status == MUSTER_OK && xml->sink->host)
		status = xml->sink->host(xml->sink->data, host, &xml->info);
	if (status != MUSTER_OK)
		stop(xml, status, NULL);
	xml->up += status == MUSTER_OK;
}

static void on_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	(void)name, (void)prefix, (void)uri;
	struct nmap_xml *xml = data;
	if (xml->status != MUSTER_OK || xml->depth == 0)
		return;
	enum nmap_element element = xml->stack[--xml->depth];
	if (element == NMAP_HOST)
		host_done(xml);
	else if (element == NMAP_RUN)
		xml->closed = 1;
	else if (xml->in_host)
		nmap_collect_close(&xml->collect, element);
}

static void on_text(void *data, const xmlChar *text, int len)
{
	struct nmap_xml *xml = data;
	if (xml->status == MUSTER_OK && xml->in_host && xml->depth > 0 &&
	    xml->stack[xml->depth - 1] == NMAP_SERVICE_CPE)
		nmap_collect_text(&xml->collect, (const char *)text, (size_t)len);
}

static void refuse_declaration(struct nmap_xml *xml)
{
	if (xml->status == MUSTER_OK)
		stop(xml, MUSTER_E_CORRUPT, "it declares entities, elements or attributes, which Nmap never does");
}

static void on_entity(void *data, const xmlChar *name, int type, const xmlChar *public_id, const xmlChar *system_id,
                      xmlChar *content)
{
	(void)name, (void)type, (void)public_id, (void)system_id, (void)content;
	refuse_declaration(data);
}

static void on_unparsed(void *data, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id,
                        const xmlChar *notation)
{
	(void)name, (void)public_id, (void)system_id, (void)notation;
	refuse_declaration(data);
}

static void on_notation(void *data, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void)name, (void)public_id, (void)system_id;
	refuse_declaration(data);
}

/* The enumeration belongs to the handler. */
static void on_attribute(void *data, const xmlChar *element, const xmlChar *name, int type, int def,
                         const xmlChar *value, xmlEnumerationPtr tree)
{
	(void)element, (void)name, (void)type, (void)def, (void)value;
	xmlFreeEnumeration(tree);
	refuse_declaration(data);
}

static void on_element(void *data, const xmlChar *name, int type, xmlElementContentPtr content)
{
	(void)name, (void)type, (void)content;
	refuse_declaration(data);
}

static void on_error(void *data, xmlErrorPtr error)
{
	struct nmap_xml *xml = data;
	if (error->level < XML_ERR_FATAL || xml->status != MUSTER_OK)
		return;
	char text[300];
	(void)snprintf(text, sizeof(text), "%s", error->message ? error->message : "not well-formed");
	text[strcspn(text, "\r\n")] = '\0';
	xml->status = MUSTER_E_CORRUPT;
	(void)snprintf(xml->text, sizeof(xml->text), "line %d: %s", error->line, text);
}

static const xmlSAXHandler handlers = {
        .initialized = XML_SAX2_MAGIC,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .entityDecl = on_entity,
        .unparsedEntityDecl = on_unparsed,
        .notationDecl = on_notation,
        .attributeDecl = on_attribute,
        .elementDecl = on_element,
        .serror = on_error,
};

struct nmap_xml *nmap_xml_new(const struct nmap_sink *sink)
{
	struct nmap_xml *xml = calloc(1, sizeof(*xml));
	if (!xml)
		return NULL;
	xml->sink = sink;
	xmlSAXHandler sax = handlers;
	xml->parser = xmlCreatePushParserCtxt(&sax, xml, NULL, 0, NULL);
	if (!xml->parser) {
		free(xml);
		return NULL;
	}
	/* Bytes are repaired as UTF-8 before the parser: what the document says of its encoding must not undo that. */
	(void)xmlCtxtUseOptions(xml->parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
	return xml;
}

void nmap_xml_free(struct nmap_xml *xml)
{
	if (!xml)
		return;
	if (xml->parser->myDoc)
		xmlFreeDoc(xml->parser->myDoc);
	xmlFreeParserCtxt(xml->parser);
	nmap_collect_free(&xml->collect);
	nmap_seen_free(&xml->seen);
	free(xml->info.args);
	free(xml->info.version);
	free(xml->info.tcp);
	free(xml->info.udp);
	free(xml);
}

static void flush_block(struct nmap_xml *xml)
{
	if (xml->status == MUSTER_OK && xml->block_len > 0)
		(void)xmlParseChunk(xml->parser, xml->block, (int)xml->block_len, 0);
	xml->block_len = xml->line = 0;
}

/* A line that is worth telling at once: a finished host, progress. */
static int is_news(const struct nmap_xml *xml)
{
	const char *line = xml->block + xml->line;
	size_t len = xml->block_len - xml->line;
	return len > 6 && (memcmp(line, "</host", 6) == 0 || memcmp(line, "<task", 5) == 0);
}

/* The parser's answers to damaged documents depend on where its chunks end. They end where the document says, not where
 * a pipe happened to be cut, so that one document always gives one result. */
static int to_parser(void *data, const char *bytes, size_t len)
{
	struct nmap_xml *xml = data;
	size_t size = xml->sink->live ? LIVE_BYTES : BLOCK_BYTES;
	while (len > 0 && xml->status == MUSTER_OK) {
		size_t room = size - xml->block_len;
		size_t part = len < room ? len : room;
		const char *end = xml->sink->live ? memchr(bytes, '\n', part) : NULL;
		if (end)
			part = (size_t)(end - bytes) + 1;
		memcpy(xml->block + xml->block_len, bytes, part);
		xml->block_len += part;
		bytes += part;
		len -= part;
		if (xml->block_len == size || (end && is_news(xml)))
			flush_block(xml);
		else if (end)
			xml->line = xml->block_len;
	}
	return xml->status;
}

int nmap_xml_feed(struct nmap_xml *xml, const void *data, size_t len)
{
	if (xml->status != MUSTER_OK)
		return xml->status;
	int status = nmap_feed_put(&xml->feed, data, len, to_parser, xml);
	if (status == MUSTER_E_LIMIT)
		flush_block(xml);
	if (status == MUSTER_E_LIMIT && xml->status == MUSTER_OK)
		stop(xml, MUSTER_E_CORRUPT, "one tag is larger than 2 MiB");
	return xml->status;
}

/* A reason is one line, whatever Nmap or a hostile file wrote into it. */
static void one_line(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
	for (char *at = out; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = ' ';
	for (size_t len = strlen(out); len > 0 && out[len - 1] == ' '; len--)
		out[len - 1] = '\0';
}

__attribute__((format(printf, 3, 4))) static void add_left_out(struct nmap_buf *text, int64_t count, const char *format,
                                                               ...)
{
	char part[128];
	va_list list;
	if (count == 0)
		return;
	va_start(list, format);
	(void)vsnprintf(part, sizeof(part), format, list);
	va_end(list);
	nmap_buf_printf(text, "%s%lld %s", text->len > 0 ? "; " : "", (long long)count, part);
}

/* What a document holds and no record does is said once, with its number. */
static void tell_left_out(struct nmap_xml *xml)
{
	struct nmap_buf text = {0};
	const struct nmap_collect *from = &xml->collect;
	add_left_out(&text, xml->nowhere, "%s left out: no readable address", xml->nowhere == 1 ? "host" : "hosts");
	add_left_out(&text, xml->twice, "%s left out: there more than once (%s), the first one counts",
	             xml->twice == 1 ? "host" : "hosts", xml->twice_ip);
	add_left_out(&text, from->bad_addresses, "further %s not readable",
	             from->bad_addresses == 1 ? "address" : "addresses");
	add_left_out(&text, from->bad_ports, "%s out of range", from->bad_ports == 1 ? "port" : "ports");
	if (text.len > 0 && !text.failed && xml->sink->warning)
		xml->sink->warning(xml->sink->data, text.data);
	nmap_buf_free(&text);
}

int nmap_xml_finish(struct nmap_xml *xml, struct nmap_ending *out)
{
	memset(out, 0, sizeof(*out));
	if (xml->status == MUSTER_OK)
		(void)nmap_feed_flush(&xml->feed, to_parser, xml);
	flush_block(xml);
	int damaged = xml->status == MUSTER_E_CORRUPT;
	/* What libxml2 says of the missing end is no news when the end is missing. */
	int broken = xml->status;
	if (broken == MUSTER_OK)
		(void)xmlParseChunk(xml->parser, "", 0, 1);
	if (broken == MUSTER_OK && xml->status == MUSTER_E_CORRUPT) {
		xml->status = MUSTER_OK;
		if (!xml->finished)
			xml->text[0] = '\0';
	}
	out->complete = !damaged && broken == MUSTER_OK && xml->closed;
	out->finished = out->complete && xml->finished;
	out->hosts = xml->hosts;
	out->up = xml->up;
	out->skipped = xml->nowhere + xml->twice;
	out->repaired = xml->feed.repaired;
	if (!out->finished)
		one_line(out->text, sizeof(out->text), xml->text[0] ? xml->text : "the document ends before its end");
	tell_left_out(xml);
	if (broken != MUSTER_OK && broken != MUSTER_E_CORRUPT)
		return broken;
	return xml->is_nmap ? begin(xml) : MUSTER_OK;
}

int nmap_xml_is_nmap(const struct nmap_xml *xml)
{
	return xml->is_nmap;
}
