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
#include "conf/settings.h"
#include "plugin/manifest.h"
#include "store/store.h"

struct mst_engine;

/* All borrowed for the engine's life, read-only, shared with other threads. */
struct mst_engine_setup {
	uv_loop_t *loop;
	const struct mst_settings *settings;
	const struct mst_plugin_list *plugins;
	struct mst_store_class *store_class;
	struct mst_store *store;           /* an instance of the calling thread, used by mst_engine_new alone */
	const char *store_plugin;          /* absolute path */
	struct json_object *store_options; /* { path } */
	const char *worker, *spool;        /* absolute paths; the spool exists */
	bool net_raw;                      /* CAP_NET_RAW is permitted */
	int64_t max_spool;                 /* bytes; above it no shard starts */
	void (*changed)(void *data);       /* something began or ended: ask mst_engine_busy */
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
	MST_ENGINE_LABELS  /* { labels: [ { name, when, action } ] }: what later imports apply */
};

/* Any thread but the loop's. `arguments` are taken over. *answer is the caller's. MST_E_TIMEOUT after timeout_ms. */
int mst_engine_call(struct mst_engine *engine, int verb, struct json_object *arguments, int64_t timeout_ms,
                    struct json_object **answer, struct mst_err *err);

/* Label rules of the store's collection `labels`, enabled ones, as [ { name, when, action } ]. Caller puts it. */
int mst_job_labels(struct mst_store *store, struct json_object **out, struct mst_err *err);
/* Writes profiles, zones and label rules of the configuration into their collections, and retires what it dropped. */
int mst_job_mirror(struct mst_store *store, const struct mst_settings *settings, struct mst_err *err);

#endif
