/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Import: spool segments into the store, and what an operator may change by hand.
 *
 * One `struct mst_import` holds an open store, the settings and the table of locations. It belongs to one thread. All
 * functions write through it in an order that makes each of them repeatable: cut off anywhere and called again, they
 * leave the store as one undisturbed call would have.
 */
#ifndef MST_IMPORT_IMPORT_H
#define MST_IMPORT_IMPORT_H

#include <bson/bson.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"
#include "store/store.h"

/* What a label rule does to an interface that it matches, besides naming it. */
enum mst_import_action {
	MST_ACTION_LABEL = 1,    /* "label" */
	MST_ACTION_IGNORE,       /* "ignore" */
	MST_ACTION_UNMANAGEABLE, /* "unmanageable": only with a known OS of accuracy >= 90 when the rule names the OS */
	MST_ACTION_MANAGED,      /* "managed" */
	MST_ACTION_NOTIFY,       /* "notify": kept as a note of the interface */
	MST_ACTION_PURGE /* "purge": the interface, its identities and observations are removed at a run's end */
};

/* One label rule. A manual label of the same name has the same action. `when` empty: only by hand. */
struct mst_import_rule {
	char *name;
	char *when;
	int action;    /* enum mst_import_action */
	bool relative; /* `when` speaks of ages, so it must be looked at again as time passes */
	bson_t filter; /* `when` compiled; empty document when `when` is empty */
};

struct mst_import_settings {
	int64_t lost_after;         /* complete scopes without it until lost; default 3 */
	int64_t ip_identity_ttl_ms; /* how long an address alone is an identity; default 30 days */
	int64_t history_ms;         /* how long older observations are kept; 0: for ever; default 90 days */
	int64_t lost_ms;            /* how long lost interfaces are kept; 0, the default: for ever */
	int64_t runs_ms;            /* how long ended runs are kept; 0, the default: for ever */
	struct mst_import_rule *rules;
	size_t rule_count;
};

/* From { "lost_after": 3, "ip_identity_ttl_ms": ..., "history_ms": ..., "labels": [ { "name", "when", "action" } ] }; NULL
 * or missing members give the defaults. MST_E_USAGE names the label whose `when` or `action` is wrong. */
int mst_import_settings_from_json(struct mst_import_settings *out, struct json_object *object, struct mst_err *err);
void mst_import_settings_free(struct mst_import_settings *settings);

struct mst_import;
/* `store` and `settings` are borrowed and must outlive it. Reads the table of locations. */
int mst_import_new(struct mst_import **out, struct mst_store *store, const struct mst_import_settings *settings,
                   struct mst_err *err);
void mst_import_free(struct mst_import *import);

/* Asked between batches; not 0 stops the call with MST_E_CANCELLED, what was committed stays. */
typedef int (*mst_import_stop_fn)(void *data);
void mst_import_set_stop(struct mst_import *import, mst_import_stop_fn stop, void *data);

/* What an operator should know although nothing failed; a text without a line end, borrowed during the call. */
typedef void (*mst_import_warn_fn)(void *data, const char *text);
void mst_import_set_warn(struct mst_import *import, mst_import_warn_fn warn, void *data);

/* What one call folded in. */
struct mst_import_result {
	int64_t records; /* records of the whole segment so far */
	int64_t skipped; /* of these, records that were no interface (bad key, no address, nothing answered) */
	int64_t offset;  /* the segment is imported up to here */
	bool ended;      /* the segment has its end frame */
	bool open;       /* follow: its worker goes on, and has not ended a scope for a while */
};

/* Folds SPOOL/RUN/SHARD.seg (or .part when there is no .seg) into the store from where an earlier call stopped. Doing
 * it again changes nothing. MST_E_NOT_FOUND: no manifest or segment; MST_E_CORRUPT: a segment or record that cannot be read. */
int mst_import_segment(struct mst_import *import, const char *spool, const char *run, const char *shard,
                       struct mst_import_result *out, struct mst_err *err);

/* The same for a segment that a worker may still be writing: folds what stands in scopes that have ended, waits for more, and
 * returns at the segment's end, or with `open` set when no scope ended for a second. */
int mst_import_follow(struct mst_import *import, const char *spool, const char *run, const char *shard,
                      struct mst_import_result *out, struct mst_err *err);

/* Settles a run after its last segment: absences of complete scopes, moved addresses, blocks that answer as one (a warning), label rules, and the
 * counts new, changed, lost, unchanged, up, with_os, timed_out in the run's document. */
int mst_import_finish(struct mst_import *import, const char *run, struct mst_err *err);

/* What one call removed. */
struct mst_import_pruned {
	int64_t history, observations, interfaces, runs, shards;
};
/* Removes what is older than the settings keep, in small batches, each of which may be the last. The newest observation of each
 * profile and interface stays, as do never-pairs, and runs that still have results in SPOOL/RUN (`spool` NULL: none has). */
int mst_import_prune(struct mst_import *import, const char *spool, struct mst_import_pruned *out, struct mst_err *err);
/* Reports every document that names another one which is not there, interfaces that nobody saw, and counters that would give a
 * number out twice. An import may go on meanwhile. `watch` as in plugin.h; its store is checked by mst_store_verify. */
struct muster_store_watch;
int mst_import_verify(struct mst_store *store, const struct muster_store_watch *watch, struct mst_err *err);
/* What is taken as the present time, when a job states it; 0: the clock's. */
void mst_import_set_clock(struct mst_import *import, int64_t now);

/* What an operator's change did or would do. `sample`: at most 10, text owned by this struct. */
struct mst_import_change {
	int64_t matched, changed;
	size_t sample_count;
	struct mst_import_sample {
		char id[MST_ID_SIZE]; /* the interface's _id */
		int64_t number;       /* its short number */
		char ip[64], name[256], state[16];
	} sample[10];
};

/* Adds and removes manual labels (comma-separated names, either may be NULL) on all interfaces that match `filter` (a store
 * filter over `interfaces`). dry_run counts and samples only. MST_E_USAGE: a label name that is none. */
int mst_import_label(struct mst_import *import, const bson_t *filter, const char *add, const char *remove, bool dry_run,
                     struct mst_import_change *out, struct mst_err *err);
/* Sets or, with undo, clears "ignored by hand". */
int mst_import_ignore(struct mst_import *import, const bson_t *filter, bool undo, bool dry_run,
                      struct mst_import_change *out, struct mst_err *err);

/*
 * Splits an observation off into an interface of its own, and keeps a never-pair so that no later import joins the two
 * again. `observation` NULL: the one that came last to the interface. MST_E_NOT_FOUND: no such interface or
 * observation; MST_E_REFUSED: it is the only observation. `made` receives the new interface's _id.
 */
int mst_import_unmerge(struct mst_import *import, const char *interface, const char *observation,
                       char made[MST_ID_SIZE], struct mst_err *err);

/* Replaces the table of locations by a CSV text (Network, NAT, up to five levels; see locations.h) and places all interfaces
 * anew. MST_E_USAGE: `err` holds the first faults, one a line, with line numbers; the old table stays. `rows` may be NULL. */
int mst_import_locations(struct mst_import *import, const char *csv, size_t len, int64_t *rows, struct mst_err *err);

/* Looks at every interface again after label rules, settings or locations changed; `changed` may be NULL. Rules with
 * the action purge remove what they match. */
int mst_import_reclassify(struct mst_import *import, int64_t *changed, struct mst_err *err);

#endif
