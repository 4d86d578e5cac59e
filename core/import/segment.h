/* SPDX-License-Identifier: Apache-2.0 */
/* One segment on its way into the store. */
#ifndef MST_IMPORT_SEGMENT_H
#define MST_IMPORT_SEGMENT_H

#include "import/again.h"
#include "import/alike.h"
#include "import/fold.h"
#include "import/room.h"
#include "import/sharers.h"
#include "record/spool.h"

/* More addresses than this behind one MAC in one scope: it is a router's. */
#define MST_SHARED_MAC_ADDRESSES 8u
/* A clock that is wrong by more than this on the scanning side would freeze an observation in the future. */
#define MST_FUTURE_MS (INT64_C(24) * 3600 * 1000)

struct mst_segment_scope {
	struct mst_scope scope;
	struct mst_ports *tcp, *udp; /* NULL: none */
	int outcome;                 /* enum muster_outcome; 0: it has no end */
	char print[MST_PRINT_SIZE];  /* of what it covers */
};

/* What mst_segment_look found behind `good`. */
enum mst_segment_rest {
	MST_REST_NONE, /* nothing: the segment was looked at to its end */
	MST_REST_MORE, /* more of it */
	MST_REST_LATER /* a worker is still in the middle of a scope */
};

struct mst_segment {
	struct mst_manifest_shard manifest;
	const char *profile; /* of the manifest; the method's name for a scan without one */
	char *path;
	struct mst_segment_scope *scopes;
	size_t scope_count;
	struct mst_printer *printer;
	struct json_object *shared; /* a set: MACs that more than MST_SHARED_MAC_ADDRESSES addresses share */
	int64_t records, skipped;   /* up to `good` */
	int64_t seen_from;          /* earliest sighting; the shard's creation when that is earlier */
	int64_t good;               /* offset behind the last frame that may be folded */
	bool ended;
	/* of the look ahead, which may be beyond `good` */
	struct mst_spool_reader *ahead, *reader; /* reader: of what is folded; NULL before the first */
	struct mst_sharers sharers;
	struct mst_alike alike;
	int64_t ahead_records, ahead_next;
	size_t closed; /* scopes that had ended where `good` is */
	int64_t look_bytes;
	bool follow; /* a worker may still append */
};

/* Reads the manifest and opens the segment, at its start. `follow`: a worker may be writing it. */
int mst_segment_open(struct mst_segment *out, const char *spool, const char *run, const char *shard, bool follow,
                     struct mst_err *err);
/*
 * Looks ahead for scopes: how each ended decides what its records may withdraw, so `good` moves to where that is known,
 * some megabytes at a time. What lies before the old `good` must have been folded: its scopes are forgotten.
 */
int mst_segment_look(struct mst_segment *segment, enum mst_segment_rest *rest, struct mst_err *err);
void mst_segment_close(struct mst_segment *segment);

/* Folds one record into its observation in the working set, which has been loaded whole. *skipped: it is no sighting. */
int mst_segment_fold(struct mst_work *work, const struct mst_segment *segment, const bson_t *record,
                     const struct mst_look *look, bool *skipped, struct mst_err *err);
/* After folding: MACs that this segment shows to be shared join nothing any more; what they joined before is taken apart. */
int mst_segment_share(struct mst_work *work, const struct mst_segment *segment, struct mst_err *err);
/* The _id of the observation of a record with this key; false when the key is unusable. Takes no memory: a record must not
 * look unusable for want of it. */
#define MST_OBS_ID_SIZE (2 * MST_KEY_SIZE)
bool mst_segment_obs_id(const struct mst_segment *segment, const char *key, char out[MST_OBS_ID_SIZE]);

#endif
