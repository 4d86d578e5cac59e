/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP API: routes and handlers over libmicrohttpd. Its threads own store instances; runs are asked of the job engine. */
#ifndef MST_API_API_H
#define MST_API_API_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "conf/shared.h"
#include "job/engine.h"
#include "plugin/manifest.h"
#include "store/store.h"

#define MST_API_LARGE_BODY (32u << 20) /* a CSV of MST_MAX_LOCATIONS rows */

struct mst_api;
struct mst_vault;

/* All borrowed until mst_api_free. */
struct mst_api_setup {
	struct mst_engine *engine;
	struct mst_store_class *store_class;
	struct mst_settings_box *box;
	const struct mst_plugin_list *plugins;
	struct mst_vault *vault;
	const char *store_kind, *store_path, *spool, *socket_path;
	bool is_private;
	int listen_fd;               /* listening; taken over */
	void (*clients)(void *data); /* any thread: the number of open connections changed */
	void *data;
};

int mst_api_new(struct mst_api **out, const struct mst_api_setup *setup, struct mst_err *err);
/* Ends all connections and threads. */
void mst_api_free(struct mst_api *api);
/* Open connections now. */
unsigned mst_api_clients(const struct mst_api *api);

#endif
