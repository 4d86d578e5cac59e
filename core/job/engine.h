/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job engine: runs, shards, workers and the importer on the daemon's loop. It touches the store only through its own
 * store thread. Everything but mst_engine_call belongs to the loop's thread.
 */
#ifndef MST_JOB_ENGINE_H
#define MST_JOB_ENGINE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"
#include "conf/shared.h"
#include "plugin/manifest.h"
#include "store/store.h"

struct mst_engine;
struct mst_vault;

/* All borrowed for the engine's life, read-only, shared with other threads. */
struct mst_engine_setup {
	uv_loop_t *loop;
	struct mst_settings_box *box; /* a reload replaces what is in it */
	const struct mst_plugin_list *plugins;
	struct mst_store_class *store_class;
	struct mst_store *store;           /* an instance of the calling thread, used by mst_engine_new alone */
	const char *store_plugin;          /* absolute path */
	struct json_object *store_options; /* { path } */
	const char *worker, *spool;        /* absolute paths; the spool exists */
	struct mst_vault *vault;           /* what secret options name */
	bool net_raw;                      /* CAP_NET_RAW is permitted */
	int64_t max_spool;                 /* bytes; above it no shard starts */
	/* Reads and checks the configuration anew, on the loop. `out` is the caller's. MST_E_USAGE: it has faults, which are logged. */
	int (*load)(void *data, struct mst_settings *out, struct mst_err *err);
	void (*changed)(void *data);   /* something began or ended: ask mst_engine_busy */
	void (*signalled)(void *data); /* a reload that a signal asked for is in force */
	void *data;
};

/* Takes over what a killed daemon left: its workers are awaited or killed, their segments imported, their runs end partial. */
int mst_engine_new(struct mst_engine **out, const struct mst_engine_setup *setup, struct mst_err *err);
/* Cancels all runs, keeping what they finished; no new ones are taken. `changed` tells when it is no longer busy. */
void mst_engine_stop(struct mst_engine *engine, const char *why);
bool mst_engine_busy(const struct mst_engine *engine);
/* Must not be busy. Run the loop once more after it. */
void mst_engine_free(struct mst_engine *engine);

enum mst_engine_verb {
	/* { profile } or { method, zone, options }, dry_run, by; for imports also kind "import", upload (path), name, covers.
	 * Answers { run, number }. */
	MST_ENGINE_START = 1,
	MST_ENGINE_CANCEL, /* { key }: number or uuid */
	MST_ENGINE_RETRY,  /* { key, by } */
	/* { key }: { run: {what changes while it runs}, progress, shards, plan }; MST_E_NOT_FOUND when it is not in memory. */
	MST_ENGINE_PROGRESS,
	MST_ENGINE_CHECK,  /* { profile } or { method, ... }: { verdicts: [...], status, text } */
	MST_ENGINE_STATUS, /* { running, fault } */
	MST_ENGINE_LABELS, /* { labels: [ { name, when, action } ] }: what later imports apply */
	/* {}: { config, profiles, zones, labels, never_scan, scan_only (counts), after_restart: [keys] }. The old configuration
	 * stays in force whenever it fails. */
	MST_ENGINE_RELOAD
};

/* Any thread but the loop's. `arguments` are taken over. *answer is the caller's. MST_E_TIMEOUT after timeout_ms. */
int mst_engine_call(struct mst_engine *engine, int verb, struct json_object *arguments, int64_t timeout_ms,
                    struct json_object **answer, struct mst_err *err);

/* Label rules of the store's collection `labels`, enabled ones, as [ { name, when, action } ]. Caller puts it. */
int mst_job_labels(struct mst_store *store, struct json_object **out, struct mst_err *err);
/* Writes profiles, zones and label rules of the configuration into their collections, and retires what it dropped.
 * *labels_changed: interfaces that are stored already should be looked at again. */
int mst_job_mirror(struct mst_store *store, const struct mst_settings *settings, bool *labels_changed,
                   struct mst_err *err);
/* Is the configured file of locations another one than was taken over last? Its stamp is kept under this counter. */
#define MST_LOCATIONS_STAMP "locations_file"
bool mst_job_locations_new(struct mst_store *store, const struct mst_settings *settings);
int64_t mst_job_locations_stamp(const char *path);
/* The same as the API's reload, without an answer: a signal asked. Loop thread. */
void mst_engine_hup(struct mst_engine *engine);
/* Stored interfaces get the label rules and, with `locations`, the configured file of locations. Loop thread. */
void mst_engine_arrange(struct mst_engine *engine, bool locations);

#endif
