/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/shared.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct mst_shared_settings {
	atomic_uint users;
	struct mst_settings settings;
};

struct mst_shared_settings *mst_settings_share(struct mst_settings *settings)
{
	struct mst_shared_settings *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return NULL;
	atomic_init(&shared->users, 1);
	shared->settings = *settings;
	memset(settings, 0, sizeof(*settings));
	return shared;
}

const struct mst_settings *mst_settings_of(const struct mst_shared_settings *shared)
{
	return &shared->settings;
}

struct mst_shared_settings *mst_settings_use(struct mst_shared_settings *shared)
{
	if (shared)
		atomic_fetch_add(&shared->users, 1);
	return shared;
}

void mst_settings_drop(struct mst_shared_settings *shared)
{
	if (!shared || atomic_fetch_sub(&shared->users, 1) > 1)
		return;
	mst_settings_free(&shared->settings);
	free(shared);
}

void mst_settings_box_init(struct mst_settings_box *box, struct mst_shared_settings *first)
{
	pthread_mutex_init(&box->lock, NULL);
	box->current = first;
}

void mst_settings_box_free(struct mst_settings_box *box)
{
	mst_settings_drop(box->current);
	box->current = NULL;
	pthread_mutex_destroy(&box->lock);
}

struct mst_shared_settings *mst_settings_box_use(struct mst_settings_box *box)
{
	struct mst_shared_settings *found;

	pthread_mutex_lock(&box->lock);
	found = mst_settings_use(box->current);
	pthread_mutex_unlock(&box->lock);
	return found;
}

void mst_settings_box_put(struct mst_settings_box *box, struct mst_shared_settings *next)
{
	struct mst_shared_settings *old;

	pthread_mutex_lock(&box->lock);
	old = box->current;
	box->current = next;
	pthread_mutex_unlock(&box->lock);
	mst_settings_drop(old);
}
