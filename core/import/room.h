/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the context and the working set of one batch. */
#ifndef MST_IMPORT_ROOM_H
#define MST_IMPORT_ROOM_H

#include <bson/bson.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "import/identity.h"
#include "import/import.h"
#include "import/locations.h"
#include "import/again.h"
#include "import/obs.h"
#include "store/store.h"

struct mst_import {
	struct mst_store *store;
	const struct mst_import_settings *settings;
	struct mst_locations locations;
	mst_import_stop_fn stop;
	void *stop_data;
	mst_import_warn_fn warn;
	void *warn_data;
	struct mst_batch *batch;         /* kept from one working set to the next with its memory; NULL: in use */
	int64_t number_next, number_end; /* short numbers that are reserved for this context; 0: none */
	int64_t clock;                   /* tests: the time to write; 0: the real one */
	int64_t look_bytes;              /* tests: how far to look ahead; 0: as segment_open.c says */
};
int64_t mst_import_now(const struct mst_import *import);
/* numbers.c: the next short number; `wanted`: how many will be asked for, reserved at once. */
int mst_import_number(struct mst_import *import, int64_t wanted, int64_t *out, struct mst_err *err);

/* An interface in memory. */
struct mst_iface {
	char id[MST_ID_SIZE];
	bson_t doc;    /* as stored; empty when `stored` is false */
	bson_t *given; /* manual_labels and ignored to write instead of the stored ones; NULL: those stay */
	bool stored;   /* the store has it */
	bool loaded;   /* `obs` are all there are */
	bool dirty;    /* must be merged and written */
	bool removed;  /* became a part of another, or is purged */
	char block_answer[MST_ADDR_TEXT + 4]; /* CIDR of the block that answers as one, to be written; "": none */
	int64_t touch_seen, touch_discovered, touch_managed; /* times to raise without a merge; 0: none */
	struct mst_obs **obs;                                /* borrowed from the working set */
	size_t obs_count, obs_cap;
};

/* A key and whom it leads to. */
struct mst_identity {
	char key[MST_KEY_SIZE];
	char interface[MST_ID_SIZE]; /* "" when not in the store */
	int64_t seen;
	bool strong;
	bool shared; /* a MAC that many answer for: leads nowhere */
	bool dirty;
	int late; /* 1, 2: re-pointed by a merge, written when the merged interface is gone, 2 after 1; 3: after
	                              * the observations */
};

/* The working set: everything that a batch reads and changes. */
struct mst_work {
	struct mst_import *import;
	const char *run; /* "" outside a run */
	int64_t now;
	const char *settle_run; /* see mst_merge_options */
	struct lh_table *obs, *ifaces, *identities, *briefs;
	struct json_object *nevers; /* a set: never-pairs as keys */
	struct mst_batch *batch;
	int64_t numbers_wanted; /* interfaces still to be numbered */
};

int mst_work_open(struct mst_work *work, struct mst_import *import, const char *run, struct mst_err *err);
void mst_work_close(struct mst_work *work);

struct mst_obs *mst_work_obs(const struct mst_work *work, const char *id);
struct mst_iface *mst_work_iface(const struct mst_work *work, const char *id);
struct mst_identity *mst_work_identity(const struct mst_work *work, const char *key);
/* Made when it is not there; NULL without memory. */
struct mst_iface *mst_work_iface_make(struct mst_work *work, const char *id);
struct mst_identity *mst_work_identity_make(struct mst_work *work, const char *key);
/* Takes ownership of `obs` (also on failure). */
int mst_work_obs_put(struct mst_work *work, struct mst_obs *obs);

struct mst_brief *mst_work_brief(const struct mst_work *work, const char *id);

/* Loading what is not yet there. `ids` is a BSON array of text. */
int mst_work_load_briefs(struct mst_work *work, const bson_t *ids, struct mst_err *err);
int mst_work_load_obs(struct mst_work *work, const bson_t *ids, struct mst_err *err);
int mst_work_load_identities(struct mst_work *work, const bson_t *keys, struct mst_err *err);
int mst_work_load_ifaces(struct mst_work *work, const bson_t *ids,
                         struct mst_err *err); /* with all their observations */
int mst_work_load_identities_of(struct mst_work *work, const char *interface, struct mst_err *err);
bool mst_work_never(void *work, const char *a, const char *b);

/* What an operator said: manual_labels and ignored. */
const bson_t *mst_iface_given(const struct mst_iface *iface);
int mst_iface_attach(struct mst_iface *iface, struct mst_obs *obs); /* 0 or MST_E_NO_MEMORY */
void mst_iface_detach(struct mst_iface *iface, const struct mst_obs *obs);

/*
 * write.c: adds all that is dirty to work->batch behind the history that is already in it, in the order: observations that a merge
 * moves (only their interface), new identities, interfaces, removal of merged interfaces, identities of merged interfaces (the
 * keys that made the merge last: as long as one is left, a repeated import finds the merge again), observations, displaced ones before those that took their place, and last the mark that a MAC is shared. Cut off after any item and imported again, the outcome is the same. The caller adds what comes last
 * and calls mst_store_write.
 */
int mst_work_fill(struct mst_work *work, struct mst_err *err);
/* resolve.c: finds the interface of every observation with `resolve` set. */
int mst_work_resolve(struct mst_work *work, struct mst_err *err);
/* build.c: the merged document of a dirty interface, its state and labels; `purge` set when a rule says so. */
/* Loads the observations of all dirty interfaces. */
int mst_work_load_dirty(struct mst_work *work, struct mst_err *err);
int mst_iface_build(struct mst_work *work, struct mst_iface *iface, bson_t *out, bool *purge, struct mst_err *err);
/* Update of the difference between two documents; false when there is none. */
bool mst_doc_difference(const bson_t *old, const bson_t *fresh, bson_t *update);

#endif
