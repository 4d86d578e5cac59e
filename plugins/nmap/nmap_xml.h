/* SPDX-License-Identifier: Apache-2.0 */
/* Nmap XML, any version, hostile or torn, in chunks of any size: hosts come out one by one. */
#ifndef NMAP_XML_H
#define NMAP_XML_H

#include <stddef.h>
#include <stdint.h>

#include "nmap.h"

/* Caps. A file beyond the first group is refused where it exceeds them; beyond the second, the rest of that kind is
 * left out and the host carries `cut`. */
#define NMAP_XML_DEPTH         64
#define NMAP_XML_ATTRIBUTES    64
#define NMAP_XML_TAG           (2u << 20)   /* bytes between two '>' */
#define NMAP_MAX_HOST_BYTES    (24u << 20)  /* memory for one host */
#define NMAP_MAX_TEXT          1024u        /* names, products, ... */
#define NMAP_MAX_SCRIPT        4096u        /* one script's output */
#define NMAP_MAX_SCRIPTS_BYTES (256u << 10) /* all scripts of a host */
#define NMAP_MAX_MATCHES       10
#define NMAP_MAX_CLASSES       64
#define NMAP_MAX_NAMES         64
#define NMAP_MAX_SERVICES      512
#define NMAP_MAX_CPE           8
#define NMAP_MAX_GROUPS        128
#define NMAP_MAX_LISTED        4096 /* ports of one group written as numbers; above: as ranges */
#define NMAP_KEPT_LISTS        256
#define NMAP_KEPT_LIST_BYTES   8192u
#define NMAP_MAX_SEEN          (1u << 22) /* distinct addresses in one file */

struct nmap_name {
	struct nmap_name *next;
	const char *name, *type;
};

struct nmap_script {
	struct nmap_script *next;
	const char *id, *output;
};

struct nmap_class {
	struct nmap_class *next;
	const char *vendor, *platform, *generation, *type; /* platform: as Muster writes it */
	int accuracy;
};

struct nmap_match {
	struct nmap_match *next;
	const char *name;
	int accuracy;
	struct nmap_class *classes;
};

/* Ports of one protocol, state, reason and ttl. Either numbers (with service names) or ranges as Nmap wrote them. */
struct nmap_group {
	struct nmap_group *next;
	const char *proto, *state, *reason;
	int ttl;
	int64_t count;
	uint16_t *ports;
	const char **names;
	size_t used, cap;
	const char *ranges;
	int extra; /* from extraports */
};

struct nmap_service {
	struct nmap_service *next;
	const char *proto, *name, *product, *version, *extra, *tunnel, *os, *device;
	int port;
	const char *cpe[NMAP_MAX_CPE];
	size_t cpe_count;
	struct nmap_script *scripts;
};

struct nmap_host {
	const char *ip, *mac, *vendor, *reason, *state;
	struct nmap_name *ips, *names; /* ips: further addresses */
	struct nmap_group *groups;
	struct nmap_service *services;
	struct nmap_script *scripts;
	struct nmap_match *matches; /* best first as Nmap lists them */
	struct nmap_class *classes; /* of files before Nmap 6, directly under os */
	size_t name_count, group_count, service_count, match_count, class_count, script_bytes;
	int os_asked, os_fingerprint, os_open,
	        os_closed;          /* an os element; a fingerprint instead of a match; ports used */
	int64_t start, end, uptime; /* seconds; 0 or -1: not given */
	int distance, timed_out, cut;
};

/* What stands before the hosts. */
struct nmap_run_info {
	char *args, *version, *tcp, *udp; /* owned; NULL when absent */
	int64_t start;
};

/* How the document ended. */
struct nmap_ending {
	int finished;   /* runstats was there and says success */
	int complete;   /* well-formed to the end */
	char text[600]; /* why not, in Nmap's words or the parser's */
	int64_t hosts, up, skipped, repaired;
};

/* Where it goes. A callback that returns not 0 stops the parser with that status. */
struct nmap_sink {
	void *data;
	int live; /* Nmap is running: each host is told once its last line has come. Else in blocks, which costs less */
	int (*begin)(void *data, const struct nmap_run_info *info); /* before the first host, or at the end; once */
	int (*host)(void *data, const struct nmap_host *host,
	            const struct nmap_run_info *info); /* up, address not seen before */
	void (*progress)(void *data, const char *task, int percent);
	void (*warning)(void *data, const char *text); /* what was left out; at most once, at the end */
};

struct nmap_xml; /* opaque */
struct nmap_xml *nmap_xml_new(const struct nmap_sink *sink);
void nmap_xml_free(struct nmap_xml *xml);
/* MUSTER_OK, MUSTER_E_CORRUPT when the document cannot be read on, or a callback's status. Stays so. */
int nmap_xml_feed(struct nmap_xml *xml, const void *data, size_t len);
/* No more data. Calls `begin` if it has not been called and the document is Nmap's. MUSTER_OK also for torn documents: see ending. */
int nmap_xml_finish(struct nmap_xml *xml, struct nmap_ending *out);
/* nmaprun was there: it is an Nmap document at all. */
int nmap_xml_is_nmap(const struct nmap_xml *xml);

/* ------------------------------------------------------------------ inside the reader */

/* Byte repair before the parser (nmap_feed.c): not UTF-8, control bytes, and the line that Nmap 7.93 itself prints into
 * the middle of a tag. Output may hold back up to 160 bytes until the next put or the flush. */
struct nmap_feed {
	unsigned char held[160];
	size_t held_len;
	unsigned char multi[4];
	size_t multi_len, multi_need;
	unsigned char last;
	size_t since; /* bytes since the last '>' */
	int64_t repaired;
};
typedef int (*nmap_feed_fn)(void *data, const char *bytes, size_t len);
int nmap_feed_put(struct nmap_feed *feed, const unsigned char *data, size_t len, nmap_feed_fn fn, void *out);
int nmap_feed_flush(struct nmap_feed *feed, nmap_feed_fn fn, void *out);

/* Attributes of one element as libxml2 hands them over (five pointers each). */
struct nmap_attrs {
	const unsigned char **items;
	int count;
};
/* The value's bytes, not terminated; NULL when absent. */
const char *nmap_attr(const struct nmap_attrs *attrs, const char *name, size_t *len);

/* Elements that matter, by name and parent (nmap_collect.c). */
enum nmap_element {
	NMAP_NONE,
	NMAP_RUN,
	NMAP_SCANINFO,
	NMAP_TASKPROGRESS,
	NMAP_HOST,
	NMAP_STATUS,
	NMAP_ADDRESS,
	NMAP_HOSTNAMES,
	NMAP_HOSTNAME,
	NMAP_PORTS,
	NMAP_EXTRAPORTS,
	NMAP_EXTRAREASONS,
	NMAP_PORT,
	NMAP_STATE,
	NMAP_SERVICE,
	NMAP_SERVICE_CPE,
	NMAP_PORT_SCRIPT,
	NMAP_OS,
	NMAP_PORTUSED,
	NMAP_OSMATCH,
	NMAP_OSCLASS,
	NMAP_OLD_OSCLASS,
	NMAP_OSFINGERPRINT,
	NMAP_DISTANCE,
	NMAP_UPTIME,
	NMAP_HOSTSCRIPT,
	NMAP_HOST_SCRIPT,
	NMAP_RUNSTATS,
	NMAP_FINISHED
};
enum nmap_element nmap_element_find(const char *name, enum nmap_element parent);

/* Gathers one host. */
struct nmap_collect {
	struct nmap_arena arena;
	struct nmap_host host;
	/* the port at hand */
	int port; /* 0: bad number, skip */
	const char *proto;
	struct nmap_service *service;
	const char *port_state, *port_reason, *port_name;
	int port_ttl;
	struct nmap_group *extra;
	const char *extra_state;
	const char *last_proto, *last_state, *last_reason; /* of the port before, of the same host */
	struct nmap_buf text;                              /* of a cpe */
	struct nmap_buf lists[NMAP_KEPT_LISTS];            /* of extra ports, found to be good */
	int64_t bad_ports, bad_addresses;                  /* of all hosts; addresses: of hosts that have another */
	int unreadable;                                    /* addresses of the host at hand */
};
void nmap_collect_start(struct nmap_collect *collect, const struct nmap_attrs *attrs);
void nmap_collect_open(struct nmap_collect *collect, enum nmap_element element, const struct nmap_attrs *attrs);
void nmap_collect_text(struct nmap_collect *collect, const char *text, size_t len);
void nmap_collect_close(struct nmap_collect *collect, enum nmap_element element);
void nmap_collect_free(struct nmap_collect *collect);
/* Operating systems (nmap_os.c). */
void nmap_os_open(struct nmap_collect *collect, enum nmap_element element, const struct nmap_attrs *attrs);
/* "linux", "windows", "macos", "cisco-ios", ... in the arena. */
const char *nmap_os_platform(struct nmap_arena *arena, const char *family, size_t len, const char *vendor,
                             size_t vendor_len);

/* Addresses already reported (nmap_seen.c). */
struct nmap_seen {
	unsigned char (*slots)[17];
	size_t count, cap;
};
/* 1: new, 0: seen before, -1: no memory or too many. `ip` is canonical. */
int nmap_seen_add(struct nmap_seen *seen, const char *ip);
void nmap_seen_free(struct nmap_seen *seen);

/* ------------------------------------------------------------------ records and import arguments */

/* Something answered: not merely assumed to be there. */
int nmap_answered(const struct nmap_host *host);
/* One record in the open scope. `now` is the time of last resort. MUSTER_OK or the host's status. */
int nmap_record_emit(const struct muster_call *call, const struct nmap_host *host, const struct nmap_run_info *info,
                     int64_t now);

/* What the arguments of a finished Nmap tell about its coverage (nmap_coverage.c). */
struct nmap_coverage {
	char *addresses; /* canonical, comma-separated; NULL: cannot be told. Owned */
	uint32_t facts;  /* MUSTER_FACT_* */
	const char *why; /* addresses NULL: why not */
};
void nmap_coverage_read(const char *args, struct nmap_coverage *out);

#endif
