/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which facts an imported file covers of the hosts that it reports, read from Nmap's arguments as they stand in it. Only
 * what is beyond doubt counts: every target a plain address or CIDR, every option known. It is never a claim about hosts
 * that it does not report. The arguments go nowhere else: they may hold passwords of scripts.
 */
#include "nmap_xml.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TARGETS 4096

/* Options with a value of their own word, and what is known of the coverage with them. */
enum kind { VALUE, LIST, FLAG };
static const struct {
	const char *name;
	enum kind kind;
} known[] = {
        {"-p", VALUE},
        {"-oX", VALUE},
        {"-oN", VALUE},
        {"-oG", VALUE},
        {"-oS", VALUE},
        {"-oA", VALUE},
        {"-g", VALUE},
        {"--source-port", VALUE},
        {"-e", VALUE},
        {"-S", VALUE},
        {"-D", VALUE},
        {"--top-ports", VALUE},
        {"--port-ratio", VALUE},
        {"--max-rate", VALUE},
        {"--min-rate", VALUE},
        {"--max-retries", VALUE},
        {"--host-timeout", VALUE},
        {"--script-timeout", VALUE},
        {"--max-hostgroup", VALUE},
        {"--min-hostgroup", VALUE},
        {"--max-parallelism", VALUE},
        {"--min-parallelism", VALUE},
        {"--max-rtt-timeout", VALUE},
        {"--min-rtt-timeout", VALUE},
        {"--initial-rtt-timeout", VALUE},
        {"--scan-delay", VALUE},
        {"--max-scan-delay", VALUE},
        {"--max-os-tries", VALUE},
        {"--version-intensity", VALUE},
        {"--dns-servers", VALUE},
        {"--script", VALUE},
        {"--script-args", VALUE},
        {"--script-args-file", VALUE},
        {"--stats-every", VALUE},
        {"--stylesheet", VALUE},
        {"--datadir", VALUE},
        {"--ttl", VALUE},
        {"--data-length", VALUE},
        {"-T", VALUE},
        {"--exclude", VALUE},
        {"--excludefile", VALUE},
        {"--open", FLAG},
        {"-iL", LIST},
        {"-iR", LIST},
        {"-sL", LIST},
        {"--resume", LIST},
        {"--privileged", FLAG},
        {"--unprivileged", FLAG},
        {"--noninteractive", FLAG},
        {"--no-stylesheet", FLAG},
        {"--webxml", FLAG},
        {"--reason", FLAG},
        {"--osscan-guess", FLAG},
        {"--osscan-limit", FLAG},
        {"--fuzzy", FLAG},
        {"--version-all", FLAG},
        {"--version-light", FLAG},
        {"--traceroute", FLAG},
        {"--disable-arp-ping", FLAG},
        {"--system-dns", FLAG},
        {"--packet-trace", FLAG},
        {"--append-output", FLAG},
        {"--defeat-rst-ratelimit", FLAG},
        {"--randomize-hosts", FLAG},
        {"--send-eth", FLAG},
        {"--send-ip", FLAG},
        {"-A", FLAG},
        {"-O", FLAG},
        {"-n", FLAG},
        {"-R", FLAG},
        {"-6", FLAG},
        {"-r", FLAG},
        {"-F", FLAG},
        {"-f", FLAG},
        {"-Pn", FLAG},
        {"-P0", FLAG},
        {"-PN", FLAG},
};

/* Families of options whose value is part of the word: -p22, -PS80,443, -sSV, -T4, -vv, -d3. */
static int is_joined(const char *word)
{
	static const char *const heads[] = {"-p",  "-PS", "-PA", "-PU", "-PY", "-PE", "-PP", "-PM", "-PO",
	                                    "-PR", "-sP", "-sn", "-s",  "-T",  "-v",  "-d",  "-g"};
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strncmp(word, heads[i], strlen(heads[i])) == 0)
			return 1;
	return 0;
}

static int kind_of(const char *word)
{
	size_t len = strcspn(word, "=");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == len && strncmp(word, known[i].name, len) == 0)
			return word[len] == '=' && known[i].kind == VALUE ? FLAG : (int)known[i].kind;
	return is_joined(word) ? FLAG : -1;
}

struct reading {
	struct nmap_buf targets;
	struct nmap_coverage *out;
	size_t count;
	int names; /* looked up */
};

/* -sV, -sSV: letters of scan types may stand together. */
static void facts_of(struct reading *reading, const char *word)
{
	if (strcmp(word, "-A") == 0)
		reading->out->facts |= MUSTER_FACT_OS | MUSTER_FACT_SERVICES;
	if (strcmp(word, "-O") == 0)
		reading->out->facts |= MUSTER_FACT_OS;
	if (strncmp(word, "-s", 2) == 0 && strchr(word, 'V'))
		reading->out->facts |= MUSTER_FACT_SERVICES;
	if (strcmp(word, "-n") == 0)
		reading->names = 0;
}

static void give_up(struct reading *reading, const char *why)
{
	if (!reading->out->why)
		reading->out->why = why;
}

static void add_target(struct reading *reading, const char *word)
{
	struct nmap_buf line = {0};
	if (reading->count >= MAX_TARGETS)
		give_up(reading, "too many targets");
	else if (nmap_target_lines(word, &line) != MUSTER_OK || strchr(word, ','))
		give_up(reading, "a target is neither an address nor a CIDR");
	nmap_buf_free(&line);
	nmap_buf_printf(&reading->targets, "%s%s", reading->count++ > 0 ? "," : "", word);
}

/* Takes one word; returns 1 when the next one is its value. */
static int take(struct reading *reading, const char *word, size_t index)
{
	if (index == 0)
		return 0; /* the program */
	if (word[0] != '-') {
		add_target(reading, word);
		return 0;
	}
	facts_of(reading, word);
	switch (kind_of(word)) {
	case VALUE:
		return 1;
	case FLAG:
		return 0;
	case LIST:
		give_up(reading, "its targets are not on its command line");
		return strcmp(word, "-sL") != 0;
	default:
		give_up(reading, "it has an option that Muster does not know");
		return 0;
	}
}

void nmap_coverage_read(const char *args, struct nmap_coverage *out)
{
	memset(out, 0, sizeof(*out));
	struct reading reading = {.out = out, .names = 1};
	if (!args)
		give_up(&reading, "it does not tell its arguments");
	char *copy = args ? strdup(args) : NULL;
	char *rest = copy;
	int is_value = 0;
	for (size_t index = 0; rest; index++) {
		char *word = rest;
		char *blank = strchr(rest, ' ');
		rest = blank ? blank + 1 : NULL;
		if (blank)
			*blank = '\0';
		if (*word)
			is_value = is_value ? 0 : take(&reading, word, index);
	}
	free(copy);
	if (reading.names)
		out->facts |= MUSTER_FACT_NAMES;
	if (reading.count == 0)
		give_up(&reading, "it names no target");
	if (reading.targets.failed || (args && !copy))
		give_up(&reading, "out of memory");
	if (out->why)
		nmap_buf_free(&reading.targets);
	else
		out->addresses = reading.targets.data;
}
