/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a store plugin and opening instances of it. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/collections.h"
#include "store/store_internal.h"

/* A store plugin offers one method: the store. */
static int find_method(struct mst_store_class *made, const char *path, struct mst_err *err)
{
	if (!made->tables.has_store || made->manifest.method_count == 0)
		return mst_err_set(err, MST_E_USAGE, "%s: the plugin \"%s\" is no store; name a store plugin", path,
		                   made->tables.name);
	made->method = &made->manifest.methods[0];
	return MST_OK;
}

int mst_store_class_new(struct mst_store_class **out, const char *plugin_path, struct json_object *options,
                        struct mst_err *err)
{
	struct mst_store_class *made = calloc(1, sizeof *made);

	if (!made)
		return mst_err_no_memory(err);
	int code = mst_plugin_load(plugin_path, &made->tables, &made->manifest, err);
	if (code != MST_OK) {
		free(made);
		return code;
	}
	code = find_method(made, plugin_path, err);
	/* A copy: the caller's object may be used by another thread, and json-c counts references without locks. */
	if (code == MST_OK && options && json_object_deep_copy(options, &made->options, NULL) != 0)
		code = mst_err_no_memory(err);
	if (code == MST_OK)
		*out = made;
	else
		mst_store_class_free(made);
	return code;
}

void mst_store_class_free(struct mst_store_class *store_class)
{
	if (!store_class)
		return;
	mst_manifest_free(&store_class->manifest);
	json_object_put(store_class->options);
	free(store_class);
}

const struct muster_call *mst_store_call(struct mst_store *store)
{
	return mst_host_enter(store->host, MST_HOST_MAIN);
}

int(mst_store_failed)(struct mst_store *store, int status, struct mst_err *err)
{
	const char *text = mst_host_failure(store->host);

	if (status == MST_E_END) {
		if (err) {
			err->code = status;
			err->text[0] = '\0';
		}
		return status;
	}
	if (text[0] == '\0')
		return mst_err_set(err, status, "store %s: failed without saying why (%s)",
		                   store->store_class->tables.name, mst_code_name(status));
	return mst_err_set(err, status, "%s", text);
}

struct muster_bytes mst_store_bytes(const bson_t *doc)
{
	struct muster_bytes bytes = {NULL, 0};

	if (doc) {
		bytes.data = bson_get_data(doc);
		bytes.length = doc->len;
	}
	return bytes;
}

static int define_all(struct mst_store *store, struct mst_err *err)
{
	size_t count;
	const struct muster_collection *all = mst_collections(&count);

	for (size_t i = 0; i < count; i++) {
		int status = store->ops->define(store->instance, mst_store_call(store), &all[i]);
		if (status != MST_OK)
			return mst_store_failed(store, status, err);
	}
	return MST_OK;
}

int mst_store_host_new(struct mst_host **out, struct mst_store_class *store_class, struct mst_err *err)
{
	struct mst_host_config config = {
	        .context = MST_HOST_STORE,
	        .method = store_class->method,
	        .options = store_class->options,
	        .line_fd = -1,
	        .segment_fd = -1,
	        .known_fd = -1,
	        .input_fd = -1,
	};

	return mst_host_new(out, &config, err);
}

int mst_store_open(struct mst_store **out, struct mst_store_class *store_class, bool define, struct mst_err *err)
{
	struct mst_store *store = calloc(1, sizeof *store);

	if (!store)
		return mst_err_no_memory(err);
	store->store_class = store_class;
	store->ops = &store_class->tables.store;
	int code = mst_store_host_new(&store->host, store_class, err);
	if (code == MST_OK) {
		code = store->ops->open(mst_host_enter(store->host, MST_HOST_OPEN), &store->instance);
		if (code != MST_OK)
			mst_store_failed(store, code, err);
	}
	if (code != MST_OK) {
		mst_host_free(store->host);
		free(store);
		return code;
	}
	if (define)
		code = define_all(store, err);
	if (code == MST_OK)
		*out = store;
	else
		mst_store_close(store);
	return code;
}

void mst_store_close(struct mst_store *store)
{
	if (!store)
		return;
	store->ops->close(store->instance, mst_host_enter(store->host, MST_HOST_CLOSE));
	mst_host_free(store->host);
	free(store);
}
