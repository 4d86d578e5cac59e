/* SPDX-License-Identifier: Apache-2.0 */
/* The import room over a handler's store: labels, ignoring, splitting, locations. */
#include <stdlib.h>

#include "api/call.h"
#include "base/json.h"
#include "import/import.h"

int mst_call_import_open(struct mst_call *call, struct mst_call_import *out, struct mst_err *err)
{
	const struct mst_settings *settings = call->settings;
	struct json_object *object = json_object_new_object(), *labels = NULL;
	int rc;

	out->import = NULL;
	out->settings = calloc(1, sizeof(*out->settings));
	if (!out->settings) {
		json_object_put(object);
		return mst_err_no_memory(err);
	}
	mst_json_add_int(object, "lost_after", settings->lost_after);
	mst_json_add_int(object, "ip_identity_ttl_ms", settings->ip_identity_ttl);
	mst_json_add_int(object, "history_ms", settings->retention_observations);
	rc = mst_job_labels(call->store, &labels, err);
	if (rc == MST_OK) {
		mst_json_put(object, "labels", labels);
		rc = mst_import_settings_from_json(out->settings, object, err);
	}
	json_object_put(object);
	if (rc != MST_OK) {
		free(out->settings);
		out->settings = NULL;
		return rc;
	}
	rc = mst_import_new(&out->import, call->store, out->settings, err);
	if (rc != MST_OK)
		mst_call_import_close(out);
	return rc;
}

void mst_call_import_close(struct mst_call_import *import)
{
	if (import->import)
		mst_import_free(import->import);
	if (import->settings)
		mst_import_settings_free(import->settings);
	free(import->settings);
	import->import = NULL;
	import->settings = NULL;
}
