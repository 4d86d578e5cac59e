/* SPDX-License-Identifier: Apache-2.0 */
#include "api/call.h"
#include "base/json.h"
#include "import/import.h"

int mst_api_locations(struct mst_call *call, struct mst_err *err)
{
	struct mst_page page = {.collection = "locations", .kind = MST_DOC_PLAIN};

	return mst_page_answer(call, &page, err);
}

/* A table as a whole: what is not in the CSV is no location any more. */
int mst_api_locations_put(struct mst_call *call, struct mst_err *err)
{
	struct mst_call_import room = {NULL, NULL};
	int64_t rows = 0;
	int rc;

	if (call->body.len == 0)
		return mst_err_set(err, MST_E_USAGE,
		                   "the CSV is empty: its first line names the columns, Network,NAT,Region,...");
	if (call->settings->locations_path)
		return mst_err_set(err, MST_E_REFUSED,
		                   "locations are defined by the file %s: change it there, then muster config reload",
		                   call->settings->locations_path);
	rc = mst_call_import_open(call, &room, err);
	if (rc == MST_OK)
		rc = mst_import_locations(room.import, call->body.data, call->body.len, &rows, err);
	if (rc == MST_OK) {
		call->answer = json_object_new_object();
		mst_json_add_int(call->answer, "rows", rows);
	}
	mst_call_import_close(&room);
	return rc;
}
