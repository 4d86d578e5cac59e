/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's Nmap XML file: the same reader as a scan, other bytes. */
#include "nmap_xml.h"

#include <stdlib.h>

/* What was read goes into a scope of its own every so many bytes, so that it is imported while the rest is read. Nmap writes
 * a host once it is done with it: what a scope covers on its hosts it has looked at whole, however the file may end. */
#define SCOPE_BYTES (8u << 20)

struct reader {
	const struct muster_call *call;
	struct nmap_coverage coverage;
	int64_t now;
	int64_t hosts;
	uint64_t bytes, scope_bytes; /* read; when the scope began */
};

static int begin_scope(struct reader *reader, const struct nmap_run_info *info)
{
	/* An empty scope claims nothing, so that nothing is withdrawn by it. */
	struct muster_scope scope = {.size = sizeof(scope)};
	if (reader->coverage.addresses) {
		scope.facts = reader->coverage.facts;
		scope.addresses = reader->coverage.addresses;
		scope.tcp_ports = info->tcp;
		scope.udp_ports = info->udp;
	}
	reader->scope_bytes = reader->bytes;
	return reader->call->host->scope_begin(reader->call, &scope);
}

static int on_begin(void *data, const struct nmap_run_info *info)
{
	struct reader *reader = data;
	nmap_coverage_read(info->args, &reader->coverage);
	if (!reader->coverage.addresses)
		nmap_log(reader->call, MUSTER_LOG_INFO,
		         "which facts the file covers cannot be told (%s): what it does not name is kept",
		         reader->coverage.why);
	return begin_scope(reader, info);
}

static int on_host(void *data, const struct nmap_host *host, const struct nmap_run_info *info)
{
	struct reader *reader = data;
	int status = MUSTER_OK;
	if (reader->call->host->cancelled(reader->call))
		return MUSTER_E_CANCELLED;
	if (reader->bytes - reader->scope_bytes >= SCOPE_BYTES)
		status = reader->call->host->scope_end(reader->call, MUSTER_OUTCOME_COMPLETE, NULL);
	if (status == MUSTER_OK && reader->bytes - reader->scope_bytes >= SCOPE_BYTES)
		status = begin_scope(reader, info);
	if (status != MUSTER_OK)
		return status;
	reader->hosts++;
	(void)reader->call->host->progress(reader->call, reader->hosts, 0, reader->hosts, NULL);
	return nmap_record_emit(reader->call, host, info, reader->now);
}

static void on_warning(void *data, const char *text)
{
	struct reader *reader = data;
	(void)reader->call->host->log(reader->call, MUSTER_LOG_WARNING, text);
}

static int feed_all(struct reader *reader, struct nmap_xml *xml)
{
	const struct muster_call *call = reader->call;
	char *buffer = malloc(65536);
	if (!buffer)
		return MUSTER_E_NO_MEMORY;
	int status = MUSTER_OK;
	while (status == MUSTER_OK) {
		int64_t len = call->host->input_read(call, buffer, 65536);
		if (len <= 0) {
			status = len < 0 ? (int)len : MUSTER_OK;
			break;
		}
		reader->bytes += (uint64_t)len;
		status = nmap_xml_feed(xml, buffer, (size_t)len);
		if (status == MUSTER_OK && call->host->cancelled(call))
			status = MUSTER_E_CANCELLED;
	}
	free(buffer);
	return status == MUSTER_E_CORRUPT ? MUSTER_OK : status;
}

static int finish(struct reader *reader, struct nmap_xml *xml)
{
	const struct muster_call *call = reader->call;
	struct nmap_ending ending;
	int status = nmap_xml_finish(xml, &ending);
	if (status != MUSTER_OK)
		return status;
	if (!nmap_xml_is_nmap(xml))
		return nmap_fail(call, MUSTER_E_CORRUPT, "this is no Nmap XML, write it with nmap -oX FILE: %s",
		                 ending.text);
	if (ending.repaired > 0)
		nmap_log(call, MUSTER_LOG_WARNING, "%lld places were no valid text and were repaired",
		         (long long)ending.repaired);
	if (ending.finished)
		return call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL);
	status = call->host->scope_end(call, MUSTER_OUTCOME_PARTIAL, ending.text);
	if (status != MUSTER_OK)
		return status;
	return nmap_fail(call, MUSTER_E_PARTIAL, "the file is not whole, %lld hosts were read: %s",
	                 (long long)ending.up, ending.text);
}

int nmap_import(void *instance, const struct muster_call *call)
{
	(void)instance;
	struct reader reader = {.call = call, .now = call->host->now(call)};
	struct nmap_sink sink = {.data = &reader, .begin = on_begin, .host = on_host, .warning = on_warning};
	struct nmap_xml *xml = nmap_xml_new(&sink);
	if (!xml)
		return nmap_fail(call, MUSTER_E_NO_MEMORY, "out of memory");
	int status = feed_all(&reader, xml);
	if (status == MUSTER_OK)
		status = finish(&reader, xml);
	nmap_xml_free(xml);
	free(reader.coverage.addresses);
	return status;
}
