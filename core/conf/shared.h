/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings that threads share and that a reload replaces: each reload makes a new snapshot, and whoever works with an old one
 * keeps it until done. A snapshot never changes.
 */
#ifndef MST_CONF_SHARED_H
#define MST_CONF_SHARED_H

#include <pthread.h>

#include "conf/settings.h"

struct mst_shared_settings;

/* Where the snapshot in force is found. */
struct mst_settings_box {
	pthread_mutex_t lock;
	struct mst_shared_settings *current;
};

/* Takes `settings` over (it is empty afterwards) into a snapshot with one user. NULL without memory: settings stay. */
struct mst_shared_settings *mst_settings_share(struct mst_settings *settings);
const struct mst_settings *mst_settings_of(const struct mst_shared_settings *shared);
/* One more user; any thread. NULL stays NULL. */
struct mst_shared_settings *mst_settings_use(struct mst_shared_settings *shared);
/* One user less; the last one frees it. NULL is nothing. */
void mst_settings_drop(struct mst_shared_settings *shared);

/* The box is a user of `first`, which is handed over. */
void mst_settings_box_init(struct mst_settings_box *box, struct mst_shared_settings *first);
void mst_settings_box_free(struct mst_settings_box *box);
/* The snapshot in force, with one more user; any thread. */
struct mst_shared_settings *mst_settings_box_use(struct mst_settings_box *box);
/* Puts another one in force, handed over. */
void mst_settings_box_put(struct mst_settings_box *box, struct mst_shared_settings *next);

#endif
