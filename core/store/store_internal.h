/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef MST_STORE_INTERNAL_H
#define MST_STORE_INTERNAL_H

#include <muster/plugin.h>

#include "plugin/gate.h"
#include "plugin/host.h"
#include "plugin/manifest.h"
#include "store/store.h"

struct mst_store_class {
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	const struct mst_method *method; /* the plugin's one store method; of the manifest */
	struct json_object *options;
};

struct mst_store {
	struct mst_store_class *store_class; /* borrowed */
	const struct muster_store_ops *ops;
	struct mst_host *host;
	void *instance;
};

/* A host for callbacks of this store; mst_host_free. */
int mst_store_host_new(struct mst_host **out, struct mst_store_class *store_class, struct mst_err *err);
/* The context of the next callback. */
const struct muster_call *mst_store_call(struct mst_store *store);
/* Status and text of a callback that failed. MST_E_END is passed on without a text. */
int mst_store_failed(struct mst_store *store, int status, struct mst_err *err);
/* As in base/error.h. */
#define mst_store_failed(...) mst_err_failure(mst_store_failed(__VA_ARGS__))
struct muster_bytes mst_store_bytes(const bson_t *doc); /* NULL: empty */

#endif
