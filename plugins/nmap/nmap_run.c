/* SPDX-License-Identifier: Apache-2.0 */
/* One shard: one Nmap, its XML read as it comes. What is complete when Nmap fails or is killed is kept. */
#include "nmap_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES 65536u
#define MAX_OUTPUT   (INT64_C(2) << 30)

struct run {
	const struct muster_call *call;
	struct nmap_options options;
	struct nmap_spec spec;
	const char *targets;   /* comma-separated; of the shard */
	struct nmap_buf lines; /* the same, one a line */
	int64_t addresses, found, now;
	int64_t asked, lost,
	        unsure; /* hosts: that answered, that were given up, whose system stays open without a reason */
	int scope_open;
};

static int on_begin(void *data, const struct nmap_run_info *info)
{
	struct run *run = data;
	struct muster_scope scope = {
	        .size = sizeof(scope),
	        .facts = nmap_facts(&run->options, run->spec.os),
	        .addresses = run->targets,
	        .tcp_ports = info->tcp,
	        .udp_ports = info->udp,
	};
	int status = run->call->host->scope_begin(run->call, &scope);
	run->scope_open = status == MUSTER_OK;
	return status;
}

/* Nmap tells no retransmissions. What shows under loss is hosts given up at host_timeout, and systems not told although an open
 * and a closed port answered. */
static void note_strain(struct run *run, const struct nmap_host *host)
{
	if (!nmap_answered(host))
		return;
	run->asked++;
	run->lost += host->timed_out != 0;
	run->unsure += run->spec.os && host->os_open && host->os_closed && host->match_count == 0;
	(void)run->call->host->strain(run->call, run->asked, run->lost, run->unsure);
}

static int on_host(void *data, const struct nmap_host *host, const struct nmap_run_info *info)
{
	struct run *run = data;
	int status = nmap_record_emit(run->call, host, info, run->now);
	if (status != MUSTER_OK)
		return status;
	run->found++;
	note_strain(run, host);
	(void)run->call->host->progress(run->call, run->found, run->addresses, run->found, NULL);
	return MUSTER_OK;
}

static void on_progress(void *data, const char *task, int percent)
{
	struct run *run = data;
	char text[96];
	(void)snprintf(text, sizeof(text), "%s %d %%", task, percent);
	(void)run->call->host->progress(run->call, run->found, run->addresses, run->found, text);
}

static void on_warning(void *data, const char *text)
{
	struct run *run = data;
	(void)run->call->host->log(run->call, MUSTER_LOG_WARNING, text);
}

/* Reads the child to its end. MUSTER_E_CORRUPT is Nmap's fault and shows in the ending. */
static int pump(struct run *run, struct muster_child *child, struct nmap_xml *xml)
{
	const struct muster_host *host = run->call->host;
	char *buffer = malloc(BUFFER_BYTES);
	if (!buffer)
		return MUSTER_E_NO_MEMORY;
	int64_t total = 0;
	int status = MUSTER_OK;
	while (status == MUSTER_OK) {
		int64_t len = host->child_read(run->call, child, buffer, BUFFER_BYTES);
		if (len <= 0) {
			status = (int)len;
			break;
		}
		total += len;
		status = total > MAX_OUTPUT ? MUSTER_E_LIMIT : nmap_xml_feed(xml, buffer, (size_t)len);
		if (status == MUSTER_OK && host->cancelled(run->call))
			status = MUSTER_E_CANCELLED;
	}
	free(buffer);
	return status;
}

/* Nmap's last words on standard error in one line. */
static void last_words(const char *errors, char *out, size_t size)
{
	struct nmap_arena arena = {.limit = 16384};
	size_t len = errors ? strlen(errors) : 0;
	char *text = nmap_arena_text(&arena, errors ? errors : "", len, 4000, 1);
	const char *best = "";
	for (char *line = text; line && *line;) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';
		/* "QUITTING!" only ends what the line before it says. */
		if (*line && strncmp(line, "QUITTING", 8) != 0)
			best = line;
		line = end ? end + 1 : NULL;
	}
	(void)snprintf(out, size, "%.*s", 400, best);
	nmap_arena_reset(&arena);
}

/* What to do about it. */
static const char *cure_of(const char *words)
{
	static const struct {
		const char *word, *cure;
	} cures[] = {
	        {"root privileges", "see muster plugins show nmap --text privileges"},
	        {"not permitted", "see muster plugins show nmap --text privileges"},
	        {"source address",
	         "check source_address and interface in the profile or its zone (see: ip -br address)"},
	        {"nterface", "check interface in the profile or its zone (see: ip -br link)"},
	        {"No such device", "check interface in the profile or its zone (see: ip -br link)"},
	        {"unreachable", "check the route to these addresses, then retry"},
	        {"dnet: Failed",
	         "check interface in the profile or its zone (see: ip -br link), and that Nmap has CAP_NET_RAW"},
	        {"nmap-services", "reinstall the package nmap"},
	        {"nmap-os-db", "reinstall the package nmap"},
	};
	for (size_t i = 0; i < sizeof(cures) / sizeof(cures[0]); i++)
		if (strstr(words, cures[i].word))
			return cures[i].cure;
	return "retry; see the log of the run";
}

/* Why the shard is not complete, in `out`; "" when it is. */
static void explain(int status, int exit_status, const char *errors, const struct nmap_ending *ending, char *out,
                    size_t size)
{
	char words[404];
	out[0] = '\0';
	last_words(errors, words, sizeof(words));
	const char *said = words[0] ? words : ending->text;
	if (status == MUSTER_E_CANCELLED)
		(void)snprintf(out, size, "stopped before Nmap was done: retry it");
	else if (status == MUSTER_E_TIMEOUT)
		(void)snprintf(out, size, "the deadline passed before Nmap was done: retry, or lower host_timeout");
	else if (status == MUSTER_E_LIMIT)
		(void)snprintf(out, size, "Nmap wrote more than 2 GiB: switch scripts off");
	else if (exit_status >= 256)
		(void)snprintf(out, size, "Nmap was killed by signal %d: retry", exit_status - 256);
	else if (exit_status != 0)
		(void)snprintf(out, size, "Nmap ended with status %d: %s; %s", exit_status, said, cure_of(said));
	else if (!ending->finished)
		(void)snprintf(out, size, "Nmap's report is not whole: %s; %s", ending->text, cure_of(ending->text));
}

static int end_scope(struct run *run, int status, const char *why)
{
	const struct muster_host *host = run->call->host;
	if (!*why) {
		(void)host->progress(run->call, run->addresses, run->addresses, run->found, NULL);
		return host->scope_end(run->call, MUSTER_OUTCOME_COMPLETE, NULL);
	}
	int outcome = run->found > 0 ? MUSTER_OUTCOME_PARTIAL : MUSTER_OUTCOME_FAILED;
	if (run->scope_open)
		(void)host->scope_end(run->call, outcome, why);
	if (status != MUSTER_E_CANCELLED && status != MUSTER_E_TIMEOUT)
		status = run->found > 0 ? MUSTER_E_PARTIAL : MUSTER_E_FAILED;
	return host->fail(run->call, status, why);
}

/* Status of a service that failed for a reason of the host's own: it has said why. */
static int is_hosts_own(int status)
{
	return status != MUSTER_OK && status != MUSTER_E_CORRUPT && status != MUSTER_E_CANCELLED &&
	       status != MUSTER_E_TIMEOUT && status != MUSTER_E_LIMIT;
}

static int watch(struct run *run, struct muster_child *child)
{
	const struct muster_host *host = run->call->host;
	struct nmap_sink sink = {.data = run,
	                         .live = 1,
	                         .begin = on_begin,
	                         .host = on_host,
	                         .progress = on_progress,
	                         .warning = on_warning};
	struct nmap_xml *xml = nmap_xml_new(&sink);
	if (!xml) {
		(void)host->child_kill(run->call, child);
		return nmap_fail(run->call, MUSTER_E_NO_MEMORY, "out of memory");
	}
	int exit_status = 0;
	const char *errors = NULL;
	struct nmap_ending ending;
	int status = pump(run, child, xml);
	if (status == MUSTER_E_CANCELLED && host->remaining(run->call) <= 0)
		status = MUSTER_E_TIMEOUT;
	if (status != MUSTER_OK)
		(void)host->child_kill(run->call, child);
	(void)host->child_wait(run->call, child, &exit_status, &errors);
	int ended = nmap_xml_finish(xml, &ending);
	nmap_xml_free(xml);
	if (is_hosts_own(status) || is_hosts_own(ended))
		return is_hosts_own(status) ? status : ended;
	if (status == MUSTER_E_CORRUPT)
		exit_status = 0;
	if (errors && strstr(errors, "WARNING"))
		nmap_log(run->call, MUSTER_LOG_INFO, "Nmap says: %s", errors);
	char why[1400];
	explain(status, exit_status, errors, &ending, why, sizeof(why));
	return end_scope(run, status, why);
}

static int start(struct run *run, const char *tcp, const char *udp, struct muster_child **out)
{
	struct nmap_args args;
	int status = nmap_args_build(&args, &run->options, &run->spec, tcp, udp);
	if (status != MUSTER_OK)
		return nmap_fail(run->call, status, "out of memory");
	struct muster_spawn spawn = {
	        .size = sizeof(spawn),
	        .program = "nmap",
	        .argv = args.argv,
	        .input = {run->lines.data, run->lines.len},
	};
	status = run->call->host->child_spawn(run->call, &spawn, out);
	nmap_args_free(&args);
	if (status == MUSTER_E_NOT_FOUND)
		return nmap_fail(run->call, status,
		                 "nmap is not installed: sudo apt install nmap (or: sudo muster plugins setup nmap)");
	return status;
}

/* Which ports "top-N" are: Nmap without targets tells. */
struct lists {
	char *tcp, *udp;
};

static int on_lists(void *data, const struct nmap_run_info *info)
{
	struct lists *lists = data;
	lists->tcp = info->tcp ? strdup(info->tcp) : NULL;
	lists->udp = info->udp ? strdup(info->udp) : NULL;
	return MUSTER_OK;
}

static int ask_lists(struct run *run, const char *scan, int top, struct lists *out)
{
	char count[16];
	(void)snprintf(count, sizeof(count), "%d", top);
	const char *const argv[] = {"nmap", "--privileged", scan, "--top-ports", count, "--no-stylesheet", "-oX", "-",
	                            NULL};
	struct muster_spawn spawn = {.size = sizeof(spawn), .program = "nmap", .argv = argv, .deadline_ms = 20000};
	struct muster_child *child = NULL;
	int status = run->call->host->child_spawn(run->call, &spawn, &child);
	if (status != MUSTER_OK)
		return status;
	struct nmap_sink sink = {.data = out, .begin = on_lists};
	struct nmap_xml *xml = nmap_xml_new(&sink);
	struct nmap_ending ending;
	int exit_status = 0;
	status = xml ? pump(run, child, xml) : MUSTER_E_NO_MEMORY;
	(void)run->call->host->child_wait(run->call, child, &exit_status, NULL);
	if (xml)
		(void)nmap_xml_finish(xml, &ending);
	nmap_xml_free(xml);
	if (status == MUSTER_OK && !out->tcp && !out->udp)
		return nmap_fail(run->call, MUSTER_E_FAILED,
		                 "Nmap does not tell its top %d ports: reinstall the package nmap", top);
	return status;
}

static int scan(struct run *run)
{
	struct lists tcp = {0}, udp = {0};
	struct muster_child *child = NULL;
	int status = MUSTER_OK;
	if (nmap_needs_lists(&run->options)) {
		int top_tcp = nmap_top_ports(run->options.ports), top_udp = nmap_top_ports(run->options.udp_ports);
		if (top_tcp > 0)
			status = ask_lists(run, "-sS", top_tcp, &tcp);
		if (status == MUSTER_OK && top_udp > 0)
			status = ask_lists(run, "-sU", top_udp, &udp);
	}
	if (status == MUSTER_OK)
		status = start(run, tcp.tcp, udp.udp, &child);
	free(tcp.tcp);
	free(tcp.udp);
	free(udp.tcp);
	free(udp.udp);
	return status == MUSTER_OK ? watch(run, child) : status;
}

static int prepare(struct run *run, const struct muster_shard *shard)
{
	int status = nmap_options_read(run->call, &run->options);
	if (status != MUSTER_OK)
		return status;
	if (nmap_spec_read(shard->spec, &run->spec) != MUSTER_OK)
		return nmap_fail(run->call, MUSTER_E_CORRUPT, "shard %s: its description is damaged: plan the run anew",
		                 shard->id);
	/* The host may have taken addresses away since the plan was made: its scope counts. */
	run->targets = shard->scope.addresses && *shard->scope.addresses ? shard->scope.addresses : run->spec.addresses;
	if (nmap_target_lines(run->targets, &run->lines) != MUSTER_OK)
		return nmap_fail(run->call, MUSTER_E_CORRUPT,
		                 "shard %s: \"%.60s\" are not all addresses: plan the run anew", shard->id,
		                 run->targets);
	run->addresses = nmap_target_count(run->targets);
	if (!run->options.connect_scan && !run->call->host->has_net_raw(run->call))
		return nmap_fail(run->call, MUSTER_E_REFUSED,
		                 "no CAP_NET_RAW to hand on to Nmap: see muster plugins show nmap --text privileges");
	run->now = run->call->host->now(run->call);
	return MUSTER_OK;
}

int nmap_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	struct run run = {.call = call};
	int status = prepare(&run, shard);
	if (status == MUSTER_OK)
		status = scan(&run);
	nmap_spec_free(&run.spec);
	nmap_buf_free(&run.lines);
	nmap_options_free(&run.options);
	return status;
}
