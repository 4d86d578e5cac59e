/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster/plugin.h - the only header a Muster plugin needs.
 *
 * THE CONTRACT IN SHORT
 *
 *  - A plugin is a shared object that exports one symbol, `muster_plugin_v1`: a constant `struct muster_plugin`.
 *    Nothing of the plugin runs before the host has read and accepted that data.
 *  - This is ABI 0.N, a draft: every change of this file bumps N and the host accepts exactly its own N. From 1.0 on
 *    the rules below keep older plugins loading for ever.
 *  - Who allocates a struct sets its `size` member to sizeof the struct it was compiled with; the other side never
 *    reads or writes beyond it. Members are only ever appended. Unused members are zero.
 *  - Every function returns MUSTER_OK (0) or a negative `enum muster_status`. A capability that the other side lacks
 *    is MUSTER_E_UNSUPPORTED, never a null pointer: every pointer in `struct muster_host` can be called at any time.
 *  - Every callback gets the instance that `open` made and a `struct muster_call`. There are no singletons: a host
 *    may open several instances of one plugin, and uses each from one thread at a time.
 *  - Pointers handed to a callback are borrowed: valid until that callback returns, unless the comment beside them says
 *    otherwise. Pointers handed to a host service are copied before it returns. Nobody frees the other's memory.
 *  - Text is UTF-8 with a terminating NUL. Times are milliseconds since 1970-01-01 UTC in an int64_t. Durations are
 *    milliseconds. Rates are packets per second. Sizes are bytes.
 *  - A plugin is loaded once and never unloaded (libraries that it uses may install exit handlers).
 *  - A plugin never writes to stdout or stderr, changes signal handlers, the environment, the working directory or the
 *    umask, and never calls exit(). It runs in a process of its own; a crash costs the shard at hand and nothing else.
 */
#ifndef MUSTER_PLUGIN_H
#define MUSTER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* First word of every descriptor: the letters MSTR, read as a big-endian number. */
#define MUSTER_PLUGIN_MAGIC UINT32_C(0x4d535452)

/* Major in the high 16 bits, minor in the low ones. */
#define MUSTER_ABI(major, minor) (((uint32_t)(major) << 16) | (uint32_t)(minor))
#define MUSTER_ABI_MAJOR         0
#define MUSTER_ABI_MINOR         5
#define MUSTER_ABI_CURRENT       MUSTER_ABI(MUSTER_ABI_MAJOR, MUSTER_ABI_MINOR)

/* Every answer of every function. New values may be appended: treat an unknown negative value as MUSTER_E_FAILED. */
enum muster_status {
	MUSTER_OK = 0,
	MUSTER_E_FAILED = -1,      /* it did not work; the text says why */
	MUSTER_E_USAGE = -2,       /* an option or argument is wrong */
	MUSTER_E_PARTIAL = -3,     /* some of it worked */
	MUSTER_E_NOT_FOUND = -4,   /* no such document, file, host */
	MUSTER_E_REFUSED = -5,     /* a rule or the peer forbids it; trying again does not help */
	MUSTER_E_EXISTS = -6,      /* insert: the id is taken */
	MUSTER_E_CONFLICT = -7,    /* replace-if: the revision is another one */
	MUSTER_E_UNAVAILABLE = -8, /* the peer or store cannot be reached now; trying later may help */
	MUSTER_E_NO_MEMORY = -9,
	MUSTER_E_CANCELLED = -10,   /* the host asked to stop */
	MUSTER_E_TIMEOUT = -11,     /* the deadline passed */
	MUSTER_E_UNKNOWN = -12,     /* sent, and no answer: it may or may not have happened */
	MUSTER_E_CORRUPT = -13,     /* the data is damaged */
	MUSTER_E_FULL = -14,        /* no space left, or a quota is reached */
	MUSTER_E_UNSUPPORTED = -15, /* this side has no such capability */
	MUSTER_E_LIMIT = -16,       /* a cap of this header was exceeded */
	MUSTER_E_END = -17          /* a cursor or stream has no more items: not an error */
};

/* A counted array. `item_size` is sizeof one element as its maker compiled it, so that elements may grow. */
struct muster_array {
	const void *items;
	uint32_t count;
	uint32_t item_size;
};
#define MUSTER_ARRAY(a)                                                                                                \
	{                                                                                                              \
		(a), (uint32_t)(sizeof(a) / sizeof((a)[0])), (uint32_t)sizeof((a)[0])                                  \
	}
#define MUSTER_NO_ARRAY                                                                                                \
	{                                                                                                              \
		NULL, 0, 0                                                                                             \
	}

/* Bytes with a length; `data` may be NULL when `length` is 0. */
struct muster_bytes {
	const void *data;
	size_t length;
};

/* ---------------------------------------------------------------------------------------------------------------
 * The manifest: what a plugin says of itself. It is the one source for configuration checking, --help, manual pages,
 * columns, forms and redaction. All of it is constant data.
 */

/* Type of an option's value. The host checks a value before the plugin sees it and hands it over in base units. */
enum muster_option_type {
	MUSTER_OPTION_TEXT = 1,  /* any text without control bytes, at most 4096 bytes */
	MUSTER_OPTION_BOOL,      /* on|off, yes|no, true|false; read with option_int: 0 or 1 */
	MUSTER_OPTION_INT,       /* decimal, within minimum..maximum */
	MUSTER_OPTION_CHOICE,    /* one of `choices` ("on|off|new") */
	MUSTER_OPTION_DURATION,  /* 90s, 15m, 6h, 7d; option_int gives milliseconds */
	MUSTER_OPTION_RATE,      /* packets per second: 1000, 5k; 0 = no limit of its own */
	MUSTER_OPTION_SIZE,      /* bytes: 4096, 64k, 2M */
	MUSTER_OPTION_TARGETS,   /* CIDR, ranges, addresses, host names, comma-separated; use the `targets` service */
	MUSTER_OPTION_PORTS,     /* 22,80,8000-8100, top-N, or none; at most 65535 ports */
	MUSTER_OPTION_ADDRESSES, /* IP addresses, comma-separated, no names and no ranges */
	MUSTER_OPTION_SECRET     /* "secret:NAME"; the value comes from secret_lease and from nowhere else */
};

/* Flags of an option. */
#define MUSTER_OPTION_REQUIRED UINT32_C(1) /* a profile without it is refused */
#define MUSTER_OPTION_RISKY    UINT32_C(2) /* shown with its help when set: it may weaken a result or disturb a target */

/* One row of an option table: drives parsing, checking, help, manual pages and forms. */
struct muster_option {
	const char *name;          /* [a-z][a-z0-9_]*, at most 31 bytes; `--name` on the command line with - for _ */
	uint32_t type;             /* enum muster_option_type */
	uint32_t flags;            /* MUSTER_OPTION_* flags */
	const char *default_value; /* as an operator would write it; NULL: unset */
	const char *help;          /* one or two sentences, no trailing newline */
	const char *choices;       /* CHOICE only: "a|b|c" */
	int64_t minimum, maximum;  /* INT, RATE, SIZE, DURATION in base units; both 0: no limit */
	const char *
	        limited_by; /* TARGETS only: name of the INT option that caps the number of distinct addresses, or NULL */
};

/* Type of a record field. */
enum muster_field_type {
	MUSTER_FIELD_TEXT = 1,
	MUSTER_FIELD_INT,
	MUSTER_FIELD_BOOL,
	MUSTER_FIELD_TIME,
	MUSTER_FIELD_ADDRESS,
	MUSTER_FIELD_LIST, /* array of text, integers or objects */
	MUSTER_FIELD_OBJECT
};

/* One field that records of a method may carry. */
struct muster_field {
	const char *name;  /* record key, see "Records" below */
	const char *label; /* column heading */
	uint32_t type;     /* enum muster_field_type */
	uint32_t flags;    /* MUSTER_FIELD_* flags */
	const char *help;
};
#define MUSTER_FIELD_INDEXED UINT32_C(1) /* operators filter by it */
#define MUSTER_FIELD_DEFAULT UINT32_C(2) /* shown in listings by default when this method is present */

/* A named text an operator may print: a set-up guide, a policy document. */
struct muster_text {
	const char *name;  /* [a-z][a-z0-9-]* */
	const char *title; /* one line */
	const char *body;
};

/* What a method asks of its process. Bits that the host does not know are refused at load. */
#define MUSTER_WANTS_NET_RAW UINT64_C(1) /* CAP_NET_RAW as an ambient capability, for children */
#define MUSTER_WANTS_SPAWN   UINT64_C(2) /* starts child programs */
#define MUSTER_WANTS_NETWORK UINT64_C(4) /* opens sockets */
#define MUSTER_WANTS_KNOWN   UINT64_C(8) /* reads the stream of known addresses in plan */

/* An external program that a method needs, and how a distribution calls its package. */
struct muster_tool {
	const char *program; /* searched in /usr/local/bin, /usr/bin, /usr/local/sbin, /usr/sbin only */
	const char *package; /* Debian package name */
	const char *help;    /* what it is for */
};

/* One discovery or execution method, or one store. */
struct muster_method {
	const char *name;             /* [a-z][a-z0-9_-]{0,30}; reserved as a profile name */
	const char *summary;          /* one line */
	uint64_t wants;               /* MUSTER_WANTS_* */
	struct muster_array options;  /* of struct muster_option: what one profile may set */
	struct muster_array provider; /* of struct muster_option: a connection shared by many profiles; may be empty */
	struct muster_array fields;   /* of struct muster_field */
	struct muster_array texts;    /* of struct muster_text */
	struct muster_array tools;    /* of struct muster_tool */
};

/* ---------------------------------------------------------------------------------------------------------------
 * The descriptor.
 */

/* Interface ids. One plugin may offer several. Unknown ids are ignored by the host. */
#define MUSTER_INTERFACE_DISCOVERY UINT32_C(1)
#define MUSTER_INTERFACE_EXECUTE   UINT32_C(2)
#define MUSTER_INTERFACE_STORE     UINT32_C(3)

struct muster_interface {
	uint32_t id;
	uint32_t version;  /* version of the interface: 1 */
	uint32_t size;     /* sizeof *ops */
	uint32_t reserved; /* 0 */
	const void *ops;   /* struct muster_discovery_ops, muster_execute_ops or muster_store_ops */
};

/* The first 16 bytes are frozen for ever: magic, size, built, needed. */
struct muster_plugin {
	uint32_t magic;                 /* MUSTER_PLUGIN_MAGIC */
	uint32_t size;                  /* sizeof(struct muster_plugin) */
	uint32_t abi_built;             /* MUSTER_ABI_CURRENT of the header it was compiled with */
	uint32_t abi_needed;            /* oldest host ABI that it can live with */
	const char *name;               /* [a-z][a-z0-9_-]{0,30}, equal to the file's name without .so */
	const char *version;            /* of the plugin */
	const char *summary;            /* one line */
	struct muster_array interfaces; /* of struct muster_interface */
	struct muster_array methods;    /* of struct muster_method */
};

/* ---------------------------------------------------------------------------------------------------------------
 * Calls and host services.
 */

struct muster_host;
struct muster_call_state; /* the host's, opaque */

/*
 * The context of one callback. Borrowed: valid until the callback returns. Network settings come from the zone and
 * are NULL or 0 where the zone sets none; a plugin that opens sockets or starts programs must honour them.
 */
struct muster_call {
	uint32_t size;
	uint32_t reserved;
	const struct muster_host *host;
	struct muster_call_state *state;
	const char *method;         /* which of the plugin's methods */
	const char *zone;           /* zone name; NULL for stores */
	const char *interface_name; /* network interface to send from */
	const char *source_address;
	const char *dns_servers; /* comma-separated addresses */
	int64_t max_rate;        /* packets per second for this call alone; 0: no limit */
};

/* Levels of `log`. */
enum muster_log_level { MUSTER_LOG_ERROR = 1, MUSTER_LOG_WARNING, MUSTER_LOG_INFO, MUSTER_LOG_DEBUG };

/*
 * A scope: typed coverage. "Within this scope I have looked at everything, so what I did not report is not there."
 * Core withdraws a fact only after a complete scope that covered it. A scope is a zone (the call's) with addresses,
 * ports and OS yes/no; or a namespace key such as "aws/aws/123456789012/eu-west-1".
 */
struct muster_scope {
	uint32_t size;
	uint32_t facts;            /* MUSTER_FACT_*: what was looked at on each address that answered */
	const char *addresses;     /* comma-separated CIDR and single addresses, canonical; NULL with a namespace */
	const char *tcp_ports;     /* "1,3-4,22" ports looked at; NULL: none */
	const char *udp_ports;     /* the same for UDP */
	const char *namespace_key; /* NULL with addresses */
};
#define MUSTER_FACT_PRESENCE UINT32_C(1) /* who is there at all */
#define MUSTER_FACT_OS       UINT32_C(2)
#define MUSTER_FACT_SERVICES UINT32_C(4) /* service versions of the ports above */
#define MUSTER_FACT_NAMES    UINT32_C(8)
#define MUSTER_FACT_MAC      UINT32_C(16)
#define MUSTER_FACT_SCRIPTS  UINT32_C(32)

/*
 * A shard: a part of a run that one worker does. `spec` is opaque to the host, at most 64 KiB, and is all that `run`
 * gets besides the options. Costs are estimates that the operator sees before anything is sent.
 */
struct muster_shard {
	uint32_t size;
	uint32_t parallel; /* how many shards of this run may run side by side; 0: the host decides. Last one counts */
	const char *id;    /* unique within the run, [A-Za-z0-9._-]{1,64}, the same for the same plan */
	struct muster_bytes spec;
	struct muster_scope scope;      /* what it will cover when all goes well */
	int64_t addresses;              /* distinct addresses in it */
	int64_t expected_bytes;         /* traffic on the wire when every address answers */
	int64_t expected_ms;            /* time on the clock */
	const char *command;            /* what an operator would type to do the same by hand; NULL: nothing to show */
	struct muster_bytes checkpoint; /* run only: the last checkpoint of an earlier try; length 0: none */
};

/* What the store knows of one address; see known_next. `os_seen` 0: never fingerprinted. */
struct muster_known {
	uint32_t size;
	uint32_t reserved;
	const char *address; /* borrowed until the next known_next */
	int64_t last_seen;
	int64_t os_seen; /* when a scope that covered the OS last saw it answer */
};

/*
 * Asks for addresses. `include` and `exclude` follow the grammar of MUSTER_OPTION_TARGETS; `only`, when not NULL, is a
 * list of addresses that the result is cut down to. The host resolves names, removes duplicates, subtracts exclusions,
 * the installation's never_scan, and what lies outside scan_only.
 */
struct muster_target_query {
	uint32_t size;
	uint32_t per_chunk; /* at most this many addresses in one chunk; 1 to 65536 */
	const char *include, *exclude, *only;
	const char
	        *servers; /* since 0.4: IPv4 addresses of name servers, comma-separated; NULL: the zone's, else ours */
};

/* One chunk: addresses of one family, ascending, aligned to blocks of per_chunk where the input allows. */
struct muster_target_chunk {
	uint32_t size;
	uint32_t family;       /* 4 or 6 */
	const char *addresses; /* canonical CIDR and single addresses, comma-separated; borrowed during the callback */
	int64_t count;
};
typedef int (*muster_chunk_fn)(void *data, const struct muster_target_chunk *chunk);

/* A program to start: no shell, a fixed environment, the worker's process group, killed when the worker ends. */
struct muster_spawn {
	uint32_t size;
	uint32_t reserved;
	const char *program;       /* name of one of the method's tools; the host finds the absolute path */
	const char *const *argv;   /* NULL-terminated, argv[0] included */
	struct muster_bytes input; /* written to its standard input, which is then closed */
	int64_t deadline_ms;       /* from now; 0: the call's own */
};
struct muster_child; /* the host's, opaque */

/* How a scope ended. */
enum muster_outcome { MUSTER_OUTCOME_COMPLETE = 1, MUSTER_OUTCOME_PARTIAL, MUSTER_OUTCOME_FAILED };

/* A verdict of `check` about one part ("credentials", "region eu-west-1"). */
struct muster_verdict {
	uint32_t size;
	int32_t status;   /* enum muster_status */
	const char *part; /* what was tried */
	const char *text; /* what was found, and the cure */
};

/*
 * Host services. The table is constant and lives as long as the process. All but `cancelled` may fail.
 * Services of another context (shard outside plan and run, emit outside a scope) answer MUSTER_E_REFUSED.
 */
struct muster_host {
	uint32_t size;
	uint32_t abi; /* what the host speaks */

	/* Records why the callback is about to fail; returns `status`. The last text wins. At most 2000 bytes, no secrets. */
	int (*fail)(const struct muster_call *call, int status, const char *text);
	/* One line to the run's log. Control bytes are escaped, lines over 4000 bytes cut with a mark. */
	int (*log)(const struct muster_call *call, int level, const char *text);
	/* Where the work stands, in addresses or items; at most ten a second are passed on. `text` may be NULL. */
	int (*progress)(const struct muster_call *call, int64_t done, int64_t total, int64_t found, const char *text);
	/* Not 0 when the plugin should stop soon: cancelled, past its deadline, or the host is gone. */
	int (*cancelled)(const struct muster_call *call);
	int64_t (*now)(const struct muster_call *call);
	/* Milliseconds left until the deadline; negative: past it. */
	int64_t (*remaining)(const struct muster_call *call);

	/* Options: NULL when unset and without default, else the checked text. Valid for the whole callback. */
	const char *(*option_text)(const struct muster_call *call, const char *name);
	/* The value in base units (BOOL, INT, DURATION, RATE, SIZE); 0 when unset. */
	int64_t (*option_int)(const struct muster_call *call, const char *name);
	/* A secret's bytes, valid until secret_release or the callback's end; MUSTER_E_NOT_FOUND when the job has none. */
	int (*secret_lease)(const struct muster_call *call, const char *option, struct muster_bytes *out);
	int (*secret_release)(const struct muster_call *call, const char *option);

	/* Planning. */
	int (*targets)(const struct muster_call *call, const struct muster_target_query *query, muster_chunk_fn fn,
	               void *data);
	int (*known_next)(const struct muster_call *call, struct muster_known *out); /* MUSTER_E_END after the last */
	int (*shard)(const struct muster_call *call, const struct muster_shard *shard); /* in run: a follow-up shard */

	/* Results. A scope stays open from scope_begin to scope_end; one at a time. A run that returns with a scope open
	 * leaves it partial. */
	int (*scope_begin)(const struct muster_call *call, const struct muster_scope *scope);
	int (*scope_end)(const struct muster_call *call, int outcome, const char *reason);
	/* State from which a later try can go on, at most 64 KiB; covers every record emitted before it. */
	int (*checkpoint)(const struct muster_call *call, struct muster_bytes state);

	/* The record builder. record_begin opens a record with a key unique within the scope and the same in every run
	 * (an address, an id). Keys are given inside objects and NULL inside arrays. record_end closes the innermost
	 * object or array. record_emit ends the record; record_drop forgets it. Text that is not UTF-8 is repaired and
	 * the record flagged. A record is at most 1 MiB, nested at most 16 deep. */
	int (*record_begin)(const struct muster_call *call, const char *source_key);
	int (*record_text)(const struct muster_call *call, const char *key, const char *value);
	int (*record_int)(const struct muster_call *call, const char *key, int64_t value);
	int (*record_bool)(const struct muster_call *call, const char *key, int value);
	int (*record_object)(const struct muster_call *call, const char *key);
	int (*record_array)(const struct muster_call *call, const char *key);
	int (*record_end)(const struct muster_call *call);
	int (*record_emit)(const struct muster_call *call);
	int (*record_drop)(const struct muster_call *call);

	/* Children. read gives at least one byte, 0 at the end of output, or a status; it returns MUSTER_E_CANCELLED as soon
	 * as the call is cancelled. wait gives the exit status, or 256 + signal; `errors` (may be NULL) receives the tail
	 * of standard error, at most 4000 bytes, borrowed until the callback ends. kill is allowed at any time. */
	int (*child_spawn)(const struct muster_call *call, const struct muster_spawn *spawn, struct muster_child **out);
	int64_t (*child_read)(const struct muster_call *call, struct muster_child *child, void *buffer, size_t size);
	int (*child_wait)(const struct muster_call *call, struct muster_child *child, int *exit_status,
	                  const char **errors);
	int (*child_kill)(const struct muster_call *call, struct muster_child *child);
	/* Not 0 when a child will have CAP_NET_RAW (root counts). */
	int (*has_net_raw)(const struct muster_call *call);

	/* import only: the operator's file. At least one byte, 0 at the end, or a status. */
	int64_t (*input_read)(const struct muster_call *call, void *buffer, size_t size);

	/* check only. */
	int (*verdict)(const struct muster_call *call, const struct muster_verdict *verdict);

	/* Since 0.3. run only: how well the network bears it. Totals of the shard so far, the last call counts: of `asked` items that
	 * answered at all, `lost` gave less than they had to (given up, retries used up), `unsure` were told with more doubt
	 * than their answers call for. The host runs fewer shards side by side when these grow, more while they stay low. */
	int (*strain)(const struct muster_call *call, int64_t asked, int64_t lost, int64_t unsure);
};

/*
 * RECORDS. A discovery record describes one network interface as one source saw it. Keys that core understands:
 *
 *   ip             text, the address (canonical)             mac            text, aa:bb:cc:dd:ee:ff
 *   ips            array of text, further addresses          vendor         text, maker by MAC
 *   nat_ip         text, address seen from outside           names          array of { name, type }
 *   answered       bool, something answered at all; false when the host was only assumed to be there
 *   reason         text, why it counts as up                 distance       int, hops
 *   timed_out      bool, given up early: the record adds facts and withdraws none
 *   os             { platform, generation, accuracy, matches: [ { name, accuracy, vendor, platform, generation, type } ], note }
 *   ports          array of { proto, state, reason, ttl, ports: [int...], names: [text...] } grouped by the first four
 *   services       array of { proto, port, name, product, version, extra, tunnel, cpe: [...], scripts: [ { id, output } ] }
 *   scripts        array of { id, output } for the whole host
 *   uptime         { seconds, last_boot }                    seen           int, when it was seen (ms); required
 *   computer_id    text, the management agent's id           managed        bool, an agent was seen on it
 *   instance_id, eni   text, cloud identities                ignored keys   kept in the observation, shown by `show`
 *
 * Unknown keys are kept with the observation.
 */

/* ---------------------------------------------------------------------------------------------------------------
 * Discovery, interface version 1. `open`, `plan`, `run` and `close` are required; the others may be NULL.
 * A process handles one method of one plugin: open, then plan, run, check or import once, then close.
 */
struct muster_discovery_ops {
	/* Reads options, allocates. No network traffic. Sets *instance, which may stay NULL. */
	int (*open)(const struct muster_call *call, void **instance);
	/* "Test connection": reports a verdict per part; returns MUSTER_OK when all parts are good. */
	int (*check)(void *instance, const struct muster_call *call);
	/* Divides the work: calls host->shard for each part. May resolve names; must not touch targets. The same
	 * options, targets and known stream give the same shards. */
	int (*plan)(void *instance, const struct muster_call *call);
	/* Does one shard: scope_begin, records, scope_end. Must look at cancelled() at least every second. */
	int (*run)(void *instance, const struct muster_call *call, const struct muster_shard *shard);
	/* Frees all. Called exactly once for each successful open. */
	void (*close)(void *instance, const struct muster_call *call);
	/* Reads an operator's file of the method's own format through input_read and emits its records. Complete records
	 * of a truncated file are emitted and the scope ends partial. A scope of a file covers facts of what the file
	 * reports, never presence: the host takes that bit away, since only the operator can state it (--covers). */
	int (*import)(void *instance, const struct muster_call *call);
};

/* ---------------------------------------------------------------------------------------------------------------
 * Execute, interface version 1: operations on endpoints that only a management system can reach.
 * No op waits for an endpoint: submit hands the work over, the host calls collect until all targets have answered.
 */

/* What to do. `op_id` is durable on the host's side before submit: a plugin passes it on so that `find` can tell after a
 * crash whether it was submitted. `arguments` is BSON, typed by the operation, never code. */
struct muster_operation {
	uint32_t size;
	uint32_t reserved;
	const char *op_id;
	const char *operation;      /* one of a closed list that the host knows */
	const char *const *targets; /* NULL-terminated ids, or NULL when `group` is given */
	const char *group;          /* a group that the management system knows, or NULL */
	struct muster_bytes arguments;
	int64_t expires; /* after this time no further target may start it */
};

/* One target's answer. `result` is BSON. Delivered again with the same values when collect is called again. */
struct muster_target_result {
	uint32_t size;
	int32_t status; /* enum muster_status; MUSTER_E_UNKNOWN: no answer yet or never */
	const char *target;
	const char *text;
	struct muster_bytes result;
	int64_t answered;
};
typedef int (*muster_result_fn)(void *data, const struct muster_target_result *result);

struct muster_execute_ops {
	int (*open)(const struct muster_call *call, void **instance);
	int (*check)(void *instance, const struct muster_call *call);
	/* Hands the operation over. `handle` receives at most handle_size bytes of text with its NUL. MUSTER_E_UNKNOWN: ask find. */
	int (*submit)(void *instance, const struct muster_call *call, const struct muster_operation *operation,
	              char *handle, size_t handle_size);
	/* MUSTER_OK and the handle; MUSTER_E_NOT_FOUND: certainly never submitted; MUSTER_E_UNKNOWN: cannot tell. */
	int (*find)(void *instance, const struct muster_call *call, const char *op_id, char *handle,
	            size_t handle_size);
	/* Calls `fn` for each target that has answered so far. MUSTER_E_PARTIAL: more may come; MUSTER_OK: all have answered. */
	int (*collect)(void *instance, const struct muster_call *call, const char *handle, muster_result_fn fn,
	               void *data);
	/* No further target starts it. What already ran is not undone. */
	int (*cancel)(void *instance, const struct muster_call *call, const char *handle);
	void (*close)(void *instance, const struct muster_call *call);
};

/* ---------------------------------------------------------------------------------------------------------------
 * Store, interface version 1. Documents are BSON with a text `_id` (at most 512 bytes) and an int64 `rev` that the
 * store sets to 1 on insert and raises by one with every change through `write`.
 *
 * FILTERS are BSON documents, terms joined by AND. `{}` matches all. Per field a literal (equality) or an object of:
 *   $eq $ne $lt $lte $gt $gte   compare within one type; a missing field matches only $ne and { $exists: false }
 *   $in $nin                    arrays of literals
 *   $exists                     bool
 *   $has                        text: the field's text contains it, ASCII letters compared without case
 *   and, at the top level or nested, $and: [filters], $or: [filters], $not: filter.
 *   A field that holds an array matches when one element does ($ne, $nin: when none does). Dots reach into objects.
 *   Values are text, int64, bool, double, null. Anything else is MUSTER_E_USAGE.
 * SORTS are BSON: { field: 1 | -1, ... }; `_id` is always added as the last key. Missing sorts before everything.
 * UPDATES are BSON: { $set: { path: value }, $unset: { path: 1 }, $inc: { path: int }, $min/$max: { path: int },
 *   $set_on_insert: { path: value } }. Paths may have dots. An empty update is refused.
 */

enum muster_index_flags { MUSTER_INDEX_UNIQUE = 1 };

/* An index over declared fields, in order. */
struct muster_index {
	const char *name;
	const char *fields; /* "zone,ip_key"; a leading - means descending */
	uint32_t flags;
	uint32_t reserved;
};

/* A collection. Declared fields become what the store can index and an operator can read (columns in SQLite); other
 * fields of a document are kept all the same. define is idempotent and adds what is new; it never drops. */
struct muster_collection {
	uint32_t size;
	uint32_t version;            /* of the definition; a store made by a newer one is refused */
	const char *name;            /* [a-z][a-z0-9_]{0,63} */
	struct muster_array fields;  /* of struct muster_field: name, type and flags are used */
	struct muster_array indexes; /* of struct muster_index */
};

struct muster_query {
	uint32_t size;
	uint32_t limit; /* 0: all */
	const char *collection;
	struct muster_bytes filter;
	struct muster_bytes sort; /* empty: by _id */
	struct muster_bytes
	        after;      /* { sort fields..., _id } of the last document of the page before; empty: from the start */
	const char *fields; /* comma-separated projection; NULL: whole documents */
};

/* One item of a batch. */
enum muster_write_kind {
	MUSTER_WRITE_INSERT = 1, /* document; MUSTER_E_EXISTS when the _id or a unique index is taken */
	MUSTER_WRITE_REPLACE_IF, /* document with _id, only if its stored rev == rev; MUSTER_E_CONFLICT or NOT_FOUND otherwise */
	MUSTER_WRITE_UPDATE, /* update all documents that match the filter; upsert: insert when none matches and the filter
	                          * names the _id by equality */
	MUSTER_WRITE_REMOVE, /* remove all that match */
	MUSTER_WRITE_PUT     /* document: insert, or replace whatever is there */
};
struct muster_write {
	uint32_t size;
	uint32_t kind; /* enum muster_write_kind */
	const char *collection;
	struct muster_bytes document; /* INSERT, REPLACE_IF, PUT: the document; UPDATE: the update */
	struct muster_bytes filter;   /* UPDATE, REMOVE */
	int64_t rev;                  /* REPLACE_IF */
	uint32_t upsert;
	uint32_t reserved;
};
struct muster_write_result {
	uint32_t size;
	int32_t status;  /* enum muster_status of this item; MUSTER_E_UNKNOWN: it may have happened */
	int64_t matched; /* documents that the filter matched */
	int64_t changed; /* documents inserted, changed or removed */
};

/* A lease. Times are the store's. */
struct muster_lease {
	uint32_t size;
	uint32_t reserved;
	int64_t fence; /* grows with every new holder, for ever */
	int64_t now;   /* the store's clock at the answer */
	int64_t until;
};
enum muster_lease_verb { MUSTER_LEASE_ACQUIRE = 1, MUSTER_LEASE_RENEW, MUSTER_LEASE_RELEASE };

/* What a listing by group gives: one call per distinct value. `key` is BSON { FIELD: value },
 * FIELD being the one that was asked for. */
typedef int (*muster_group_fn)(void *data, struct muster_bytes key, int64_t count);

struct muster_cursor; /* the plugin's, opaque */

/* Figures about the store. -1: not known. */
struct muster_store_stats {
	uint32_t size;
	uint32_t reserved;
	int64_t bytes;          /* on disk */
	int64_t free_bytes;     /* left on its disk */
	int64_t reusable_bytes; /* of `bytes`: taken, but free for new documents */
};

/* What a long operation on a store tells the one who asked for it. Both functions are there. */
struct muster_store_watch {
	uint32_t size;
	uint32_t reserved;
	void *data;
	/* Where the work stands, in units of the store's choice; total 0: not known. Called at least once a second. Not 0: stop
	 * at once, leave nothing behind and return MUSTER_E_CANCELLED. */
	int (*progress)(void *data, int64_t done, int64_t total);
	/* One thing worth telling: a fault that verify found (`status` MUSTER_E_CORRUPT or another failure), or what restore did
	 * with the old content (`status` MUSTER_OK, `where` its new place). Texts are copied. */
	void (*report)(void *data, int status, const char *where, const char *text);
};

struct muster_store_ops {
	/* Opens the store that the options name, creating it when it does not exist. */
	int (*open)(const struct muster_call *call, void **instance);
	/* Cheap proof that it answers. */
	int (*check)(void *instance, const struct muster_call *call);
	int (*define)(void *instance, const struct muster_call *call, const struct muster_collection *collection);
	/* One document by id. *out is borrowed until the next call on this instance. MUSTER_E_NOT_FOUND. */
	int (*get)(void *instance, const struct muster_call *call, const char *collection, const char *id,
	           struct muster_bytes *out);
	/* A cursor sees one state of the store for as long as it is open. Several may be open on one instance. */
	int (*find)(void *instance, const struct muster_call *call, const struct muster_query *query,
	            struct muster_cursor **out);
	/* The next document, borrowed until the next call with this cursor; MUSTER_E_END after the last. */
	int (*next)(void *instance, const struct muster_call *call, struct muster_cursor *cursor,
	            struct muster_bytes *out);
	void (*cursor_close)(void *instance, const struct muster_call *call, struct muster_cursor *cursor);
	/* Counts what matches; with `field`, once per distinct value (each element of an array counts). */
	int (*count)(void *instance, const struct muster_call *call, const char *collection, struct muster_bytes filter,
	             const char *field, muster_group_fn fn, void *data);
	/* An ordered batch, not atomic for the caller's logic: after a failed item the rest is not tried and has status
	 * MUSTER_E_CANCELLED; EXISTS, CONFLICT and NOT_FOUND of an item do not stop the batch. Durable when it returns. */
	int (*write)(void *instance, const struct muster_call *call, const struct muster_write *items, size_t count,
	             struct muster_write_result *results);
	/* ACQUIRE by owner for ttl_ms when free or expired; RENEW and RELEASE need owner and lease->fence. MUSTER_E_REFUSED:
	 * another holds it. MUSTER_E_UNKNOWN means not held. */
	int (*lease)(void *instance, const struct muster_call *call, int verb, const char *name, const char *owner,
	             int64_t ttl_ms, struct muster_lease *lease);
	int (*stats)(void *instance, const struct muster_call *call, struct muster_store_stats *out);
	void (*close)(void *instance, const struct muster_call *call);

	/* Since 0.2. All three may be missing; none changes what is stored.
	 * backup: writes one state of the whole store to the new file `path` (absolute, must not exist, mode 0600), while others
	 * go on reading and writing, and checks the copy before it returns. MUSTER_E_FULL when there is no room. On any failure
	 * no file is left. */
	int (*backup)(void *instance, const struct muster_call *call, const char *path,
	              const struct muster_store_watch *watch);
	/* restore: puts the content of `path`, written by backup, in the place of the store that the options name, which nobody
	 * has open. `collections` (of struct muster_collection) are those that the host will define: a copy made by a newer host
	 * is MUSTER_E_REFUSED, a damaged one MUSTER_E_CORRUPT, and both leave everything as it was. The old content is put
	 * aside, not removed, and its place is reported. There is no instance. */
	int (*restore)(const struct muster_call *call, const char *path, struct muster_array collections,
	               const struct muster_store_watch *watch);
	/* verify: reads all there is and reports every fault (at most some hundred). MUSTER_OK when it could look at everything,
	 * whatever it found. */
	int (*verify)(void *instance, const struct muster_call *call, const struct muster_store_watch *watch);

	/* Since 0.5. May be missing. Counts what matches, but no further than `most` and for about `budget_ms` milliseconds of
	 * work (waiting may add some): a listing wants to say how many there are, and not to wait for it. *out: below `most`
	 * all that match; `most`: at least so many; -1: the time was over before. */
	int (*count_some)(void *instance, const struct muster_call *call, const char *collection,
	                  struct muster_bytes filter, int64_t most, int64_t budget_ms, int64_t *out);
};

#ifdef __cplusplus
}
#endif
#endif
