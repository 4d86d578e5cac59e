/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the nmap plugin: options, shard specs, the command line, small tools. */
#ifndef NMAP_PLUGIN_H
#define NMAP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include <muster/plugin.h>

/* ------------------------------------------------------------------ text (nmap_text.c) */

/* A growing text, always with a NUL. After a failed allocation `failed` is set and later puts do nothing. */
struct nmap_buf {
	char *data;
	size_t len, cap;
	int failed;
};
void nmap_buf_put(struct nmap_buf *buf, const char *data, size_t len);
void nmap_buf_text(struct nmap_buf *buf, const char *text);
void nmap_buf_printf(struct nmap_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text, "" when nothing was put. */
const char *nmap_buf_str(const struct nmap_buf *buf);
void nmap_buf_free(struct nmap_buf *buf);

/* Memory that is given back as a whole: one host's texts. */
struct nmap_arena {
	struct nmap_block *blocks, *spare; /* spare: empty ones, zeroed */
	size_t used, limit;                /* bytes; beyond the limit every allocation fails */
	int starved;                       /* one failed for want of memory: what was collected has holes */
};
void *nmap_arena_alloc(struct nmap_arena *arena, size_t size); /* zeroed; NULL beyond the limit */
/* How many bytes from `data` on are 0x20 to 0x7E, in whole steps of eight: the fast way over usual text. */
size_t nmap_printable(const void *data, size_t len);
/* Copies at most `cap` bytes, cut at a character boundary, control bytes turned into blanks (\n and \t stay when `lines`). */
char *nmap_arena_text(struct nmap_arena *arena, const char *text, size_t len, size_t cap, int lines);
/* Empties it and keeps some of its blocks for what comes next. */
void nmap_arena_recycle(struct nmap_arena *arena);
/* Empties it and gives everything back. */
void nmap_arena_reset(struct nmap_arena *arena);

/* Decimal digits only, 0..maximum; -1 otherwise. */
int64_t nmap_number(const char *text, int64_t maximum);
/* Canonical text of an address: returns 4, 6 or 0. `out` has at least 46 bytes. */
int nmap_address(const char *text, char *out, size_t size);
/* A port list as Nmap takes it: "22,80,8000-8100", ports 1 to 65535. Returns how many, -1 when it is none. */
int nmap_ports_count(const char *text);
/* The same with what lies outside 1 to 65535 cut away ("0-100" is "1-100"); "" when nothing is left or it is no list. */
void nmap_ports_clean(const char *text, size_t len, struct nmap_buf *out);
/* host->fail with a formatted text. */
int nmap_fail(const struct muster_call *call, int status, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void nmap_log(const struct muster_call *call, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ------------------------------------------------------------------ options (nmap_options.c) */

enum nmap_os_mode { NMAP_OS_OFF, NMAP_OS_ON, NMAP_OS_NEW };

/* Checked options of one profile. `include`, `exclude` and the interface are borrowed from the host for the callback in
 * which they were read, lists are copies without blanks. */
struct nmap_options {
	struct nmap_arena store;
	const char *include, *exclude;
	const char *ports, *udp_ports;               /* NULL: none; "top-N" or a list */
	const char *interface_name, *source_address; /* option, else zone; NULL: Nmap decides */
	const char *dns_servers;
	const char *discovery;
	int64_t max_addresses, os_max_age, max_rate, host_timeout;
	int timing, source_port, parallel;
	int arp, assume_online, service_versions, scripts, dns, connect_scan;
	int os_mode; /* enum nmap_os_mode, after what the other options rule out */
};
/* Reads and checks. MUSTER_E_USAGE through host->fail names the option and the cure. Free in every case. */
int nmap_options_read(const struct muster_call *call, struct nmap_options *out);
void nmap_options_free(struct nmap_options *options);
/* Without ports and UDP ports only presence is asked for. */
int nmap_discovery_only(const struct nmap_options *options);
/* N of "top-N", 0 for anything else. */
int nmap_top_ports(const char *ports);
/* What a host learns of a scan that ended well: MUSTER_FACT_* bits. */
uint32_t nmap_facts(const struct nmap_options *options, int os);

extern const struct muster_method nmap_methods[1]; /* nmap_manifest.c */

/* ------------------------------------------------------------------ shard specs (nmap_spec.c) */

#define NMAP_SPEC_MAX 65536u

struct nmap_spec {
	int family;      /* 4 or 6 */
	int os;          /* with OS detection */
	char *addresses; /* comma-separated CIDR and single addresses; owned */
};
int nmap_spec_write(const struct nmap_spec *spec, struct nmap_buf *out);
/* MUSTER_E_CORRUPT when it is none of ours. nmap_spec_free in every case. */
int nmap_spec_read(struct muster_bytes bytes, struct nmap_spec *out);
void nmap_spec_free(struct nmap_spec *spec);

/* ------------------------------------------------------------------ the command line (nmap_args.c) */

#define NMAP_MAX_ARGS 64

/* argv for one Nmap. The texts live in `store`. */
struct nmap_args {
	const char *argv[NMAP_MAX_ARGS];
	size_t count;
	struct nmap_arena store;
	int failed;
};
/* `tcp` and `udp`: the port lists when they had to be asked for, else NULL. MUSTER_OK or MUSTER_E_NO_MEMORY. */
int nmap_args_build(struct nmap_args *args, const struct nmap_options *options, const struct nmap_spec *spec,
                    const char *tcp, const char *udp);
/* The same as a line for people: the file of targets is called "(targets)". */
void nmap_args_line(const struct nmap_args *args, struct nmap_buf *out);
void nmap_args_free(struct nmap_args *args);
/* "a,b" to "a\nb\n". MUSTER_E_CORRUPT when an item is no address or CIDR: nothing else ever reaches Nmap. */
int nmap_target_lines(const char *addresses, struct nmap_buf *out);
/* How many addresses such a list holds. */
int64_t nmap_target_count(const char *addresses);
/* One TCP and one UDP list are wanted and one of them is "top-N": Nmap must be asked which ports these are. */
int nmap_needs_lists(const struct nmap_options *options);

/* ------------------------------------------------------------------ pace (nmap_pace.c) */

int64_t nmap_port_count(const char *ports);                  /* of "top-N" or a list; 0 for NULL */
int64_t nmap_port_total(const struct nmap_options *options); /* TCP and UDP */
/* Milliseconds that the slow timing templates wait between two probes to one host; the hosts of a group wait together. */
int64_t nmap_pause(const struct nmap_options *options);
/* Hosts that one Nmap may scan at once: never more than keeps replies apart, under max_rate as many as get done in time. */
int64_t nmap_host_group(const struct nmap_options *options, int os);
/* Processes side by side: `parallel`, fewer when max_rate does not feed as many. */
int nmap_side_by_side(const struct nmap_options *options, int os);
/* MUSTER_E_USAGE, with the cure, when every host would be given up for want of time. */
int nmap_check_pace(const struct muster_call *call, const struct nmap_options *options);

/* ------------------------------------------------------------------ operations */

int nmap_check(void *instance, const struct muster_call *call);
int nmap_plan(void *instance, const struct muster_call *call);
int nmap_run(void *instance, const struct muster_call *call, const struct muster_shard *shard);
int nmap_import(void *instance, const struct muster_call *call);

/* The cure for missing raw sockets, one text for plan, check and the named text "privileges". */
extern const char nmap_raw_cure[];

#endif
