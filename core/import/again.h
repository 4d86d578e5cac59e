/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen again as it was, told by a fingerprint before anything is loaded whole or folded. */
#ifndef MST_IMPORT_AGAIN_H
#define MST_IMPORT_AGAIN_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "import/obs.h"

struct mst_segment;
struct mst_segment_scope;
struct mst_work;

/*
 * The print of a record under the coverage of its scope: 32 hex digits of a SHA-256 over all that can change a fact (see
 * mst_fold_facts), an identity or what is withdrawn, and over nothing else: no times, uptime, distance, reasons or TTLs, and of
 * an OS platform, generation and whether it is certain. A strong hash, since a host chooses much of what is in its record: it
 * must not find two that differ and look alike.
 *
 * An observation keeps the print of the record that came last. Folding is idempotent, and the facts of a fold follow from
 * the facts before and what the print covers; so one more record of the same print leaves every fact as it is, and there
 * is nothing to fold, merge or write but times.
 */
struct mst_printer;
int mst_printer_new(struct mst_printer **out, struct mst_err *err);
void mst_printer_free(struct mst_printer *printer);

/* What a record is before anything is known of its observation; all text borrowed from the record. */
struct mst_look {
	struct mst_segment_scope *scope; /* NULL: it names none that exists */
	const char *key, *ip, *mac;      /* NULL: none */
	int64_t seen;                    /* 0: none */
	bool timed_out;
	bool os, ports, names, has_mac; /* what its time is a time of: looked at or told */
	char print[MST_PRINT_SIZE];
};
int mst_look(struct mst_segment *segment, const bson_t *record, struct mst_look *out, struct mst_err *err);

/* An observation as far as its columns tell, for as long as nothing else is asked. */
struct mst_brief {
	char *id; /* owned */
	char interface[MST_ID_SIZE], last_run[MST_ID_SIZE], print[MST_PRINT_SIZE];
	int64_t last_seen;
	bool agent;   /* of those that say "managed" */
	bool whole;   /* one of the batch's records must be folded, so all of them are, in their order */
	int64_t seen; /* when it was seen again; 0: not */
	bool os, ports, names, has_mac; /* whose times move along */
};
#define MST_BRIEF_FIELDS "interface,last_run,print,last_seen,agent"
/* NULL without memory. */
struct mst_brief *mst_brief_from_bson(const bson_t *doc);
void mst_brief_free(struct mst_brief *brief);

/* If the record changes nothing, notes that its observation was seen again and returns true. To be asked in the order of the
 * records. */
bool mst_again(struct mst_work *work, const struct mst_segment *segment, const struct mst_look *look,
               struct mst_brief *brief);
/* An observation loaded whole takes over what was noted. */
void mst_again_move(struct mst_brief *brief, struct mst_obs *obs, const char *run);

#endif
