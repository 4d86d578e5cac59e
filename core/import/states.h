/* SPDX-License-Identifier: Apache-2.0 */
/* The states that the sources of one interface went through. */
#ifndef MST_IMPORT_STATES_H
#define MST_IMPORT_STATES_H

#include "import/room.h"

struct mst_state {
	struct mst_obs *obs; /* owned; doc, names, and the times of this state */
	int64_t from, to;
	char run[MST_ID_SIZE]; /* of a past state: the run that found something else */
	bool current;
	size_t source; /* length of the part of obs->id that names the source: without the mark of a displaced one */
};
struct mst_states {
	struct mst_state *items;
	size_t count, cap;
};

void mst_states_free(struct mst_states *states);
/* A stored observation and a row of the history, as a state. MST_E_LIMIT at the cap: it is left out. */
int mst_states_add_current(struct mst_states *states, const bson_t *doc, struct mst_err *err);
int mst_states_add_past(struct mst_states *states, const bson_t *row, struct mst_err *err);
/* Everything about one interface by queries. Rows of an interface that was merged into this one are found by their
 * observation. */
int mst_states_load(struct mst_import *import, const char *interface, struct mst_states *states, struct mst_err *err);
/* Past states of the current observations that are not known under this interface's name. */
int mst_states_load_merged(struct mst_import *import, const char *interface, struct mst_states *states,
                           struct mst_err *err);
/* By source, then by time. */
void mst_states_sort(struct mst_states *states);
/* history.c: the view that these states give of a time; sorts and changes them. MST_E_NOT_FOUND: none held. */
int mst_history_merge(struct mst_import *import, const bson_t *interface, struct mst_states *states, int64_t at,
                      bson_t *out, struct mst_err *err);
bool mst_states_same_source(const struct mst_state *a, const struct mst_state *b);

#endif
