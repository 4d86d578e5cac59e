/* SPDX-License-Identifier: Apache-2.0 */
/* One observation in memory: what one source (profile, zone, source key) says of one interface. */
#ifndef MST_IMPORT_OBS_H
#define MST_IMPORT_OBS_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/error.h"
#include "base/id.h"
#include "import/keys.h"

/* Longest source key; with profile, zone and a displaced mark the _id stays within MST_MAX_ID. */
#define MST_SOURCE_KEY_MAX 384u
/* A record's fingerprint, see again.h. */
#define MST_PRINT_SIZE 33

struct mst_obs {
	char *id; /* PROFILE/ZONE/SOURCEKEY, and #INTERFACE when displaced */
	char *profile, *zone, *method, *source_key;
	char *namespace_key;             /* of the scope that saw it; NULL with addresses */
	char *covered_tcp, *covered_udp; /* ports that were ever looked at; NULL: none */
	char interface[MST_ID_SIZE];     /* "" while it has none */
	char last_run[MST_ID_SIZE], missed_run[MST_ID_SIZE];
	int64_t first_seen, last_seen, missed;
	int64_t missed_at; /* when the run that last missed it began to look; 0: it is not missed */
	int64_t since;     /* when its document became what it is */
	int64_t os_seen, ports_seen, names_seen, mac_seen; /* when each was last looked at; 0: never */
	bool timed_out;                                    /* the last record was given up early */
	bool displaced;  /* another interface answers at its place now; it waits to be lost */
	bool shared_mac; /* its MAC is no identity */
	char print
	        [MST_PRINT_SIZE]; /* of the record that came last; "": none, or the next one must be looked at whatever it says */
	bool agent;               /* with a print: its document says "managed" */
	bson_t doc;               /* folded under coverage; owned */
	bool stored;              /* the store has it */
	bool dirty;               /* doc or interface must be written whole */
	bool seen_again;        /* only times must be written */
	bool gone;              /* must be removed from the store */
	bool moved;             /* by a merge of its interface */
	bool split;             /* must leave its interface: only a shared MAC joined them */
	bool resolve;           /* who it is must be looked at again */
	struct mst_obs *before; /* what it was before this batch, when its identity may have changed; owned */
};

struct mst_obs *mst_obs_new(void);
void mst_obs_free(struct mst_obs *obs);
/* Reads a stored document; MST_E_CORRUPT when it has no _id. */
int mst_obs_from_bson(const bson_t *doc, struct mst_obs **out, struct mst_err *err);
int mst_obs_to_bson(const struct mst_obs *obs, bson_t *out);
struct mst_obs *mst_obs_copy(const struct mst_obs *obs);
/* What to store as its print: none where seeing it again changes something in any case. */
const char *mst_obs_print(const struct mst_obs *obs);
void mst_obs_keys(const struct mst_obs *obs, struct mst_keys *out);
/* Replaces owned text; false without memory. */
bool mst_obs_set(char **field, const char *text);

#endif
