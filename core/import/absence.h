/* SPDX-License-Identifier: Apache-2.0 */
/* Who was not there although a complete scope looked. */
#ifndef MST_IMPORT_ABSENCE_H
#define MST_IMPORT_ABSENCE_H

#include "base/addr.h"
#include "import/room.h"

/* What the complete scopes of one run covered. */
struct mst_coverage {
	char *profile, *zone;
	struct mst_addr_set addresses;
	bson_t namespaces; /* array of text */
	int64_t seen_from; /* when the run began to look; who was seen later by another run is not absent */
};

/* Does the coverage say that this observation is missing? Pure. */
bool mst_absence_is_missed(const struct mst_coverage *coverage, const char *run, const struct mst_obs *obs);
/* Counts each missing observation once for this run, and recomputes the interfaces. Repeatable. */
int mst_absence_count(struct mst_import *import, const char *run, struct mst_err *err);

#endif
