/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster-worker: what its subcommands share. Descriptors are fixed (doc/architecture.md, Processes).
 *
 * A subcommand that lives in a file of its own (import.c, contract.c) is listed in Makemodule.am with that file and is
 * called after the start ritual: standard streams are safe, limits and Landlock are in force, the job has been read.
 */
#ifndef MST_WORKER_WORKER_H
#define MST_WORKER_WORKER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "conf/target.h"
#include "record/scope.h"

enum mst_worker_fd {
	MST_WORKER_JOB_FD = 3,
	MST_WORKER_DATA_FD = 4, /* plan: known stream; run, read: segment */
	MST_WORKER_LINE_FD = 5,
	MST_WORKER_INPUT_FD = 6
};

/* One job, checked. Text is borrowed from `json`. */
struct mst_job {
	struct json_object *json;
	const char *plugin, *method, *run, *shard, *profile, *zone;
	const char *interface_name, *source_address, *dns_servers;
	int64_t max_rate, deadline_ms;
	bool trusted_net_raw, has_scope;
	struct json_object *options, *secrets; /* borrowed, may be NULL */
	struct mst_rules rules;
	void *spec, *checkpoint;
	size_t spec_len, checkpoint_len;
	struct mst_scope scope;
};
/* Reads one line from fd 3 (at most MST_MAX_JOB, at most 30 s) and nothing behind it. Caller puts *out. */
int mst_job_read(int fd, struct json_object **out, struct mst_err *err);
/* Checks a discovery job. Takes over `json`. */
int mst_job_parse(struct json_object *json, struct mst_job *out, struct mst_err *err);
void mst_job_free(struct mst_job *job);

/* The start ritual, in two steps: before the job is read, and before a plugin is loaded. */
struct mst_ritual {
	bool pipes;          /* descriptors 3-6 are used: control pipe, lines on fd 5, a process group of its own */
	bool keep_output;    /* describe, contract: stdout is the answer, stderr takes its failure; see below */
	bool net_raw;        /* CAP_NET_RAW is kept, all other capabilities go; ignored with keep_caps */
	bool keep_caps;      /* import: a store may need what its user has */
	bool big_files;      /* import: no RLIMIT_FSIZE */
	int64_t deadline_ms; /* for RLIMIT_CPU; 0: the longest */
	const char *write_dirs[4]; /* directories in which files may be made and written, NULL-terminated */
};
void mst_ritual_first(const struct mst_ritual *ritual);
int mst_ritual_second(const struct mst_ritual *ritual, struct mst_err *err);
/* Drops every capability but CAP_NET_RAW, and that too unless `net_raw`; from children as well. Part of the second step. */
int mst_ritual_capabilities(bool net_raw, struct mst_err *err);
/* After the first step with keep_output: copies of the first stdout and stderr, close-on-exec. */
extern int mst_worker_stdout, mst_worker_stderr;
/* What the plugin and its libraries wrote to stdout and stderr: at most `size` - 1 bytes, NUL-terminated; empties it. */
size_t mst_ritual_output(char *out, size_t size);

/* Subcommands. argv[0] is the subcommand's name. They return a code (mst_code_exit makes the exit status of it). */
int mst_worker_describe(int argc, char **argv);
int mst_worker_discovery(int argc, char **argv); /* plan, run, read, check */
/* core/worker/import.c. The job is `mst_worker_job()`; cancellation is mst_control_state() of plugin/control.h; lines go out
 * through plugin/line.h to MST_WORKER_LINE_FD, mst_log() included. The function writes its own "end" line (mst_line_end). */
int mst_worker_import(int argc, char **argv);
int mst_worker_restore(int argc, char **argv);
/* core/worker/contract.c: `contract FILE.so`; its report goes to mst_worker_stdout. */
int mst_worker_contract(int argc, char **argv);
/* The job that was read for import; borrowed. */
struct json_object *mst_worker_job(void);

#endif
