/* SPDX-License-Identifier: Apache-2.0 */
#include <bson/bson.h>

#include "api/call.h"
#include "base/json.h"

int mst_api_profiles(struct mst_call *call, struct mst_err *err)
{
	struct mst_page page = {.collection = "profiles", .kind = MST_DOC_PLAIN};

	return mst_page_answer(call, &page, err);
}

/* With its last run, so that one look tells whether it works. */
static int add_last_run(struct mst_call *call, struct json_object *profile, const char *name, struct mst_err *err)
{
	bson_t *filter = BCON_NEW("profile", BCON_UTF8(name)), *sort = BCON_NEW("number", BCON_INT32(-1));
	struct mst_find find = {.collection = "runs", .filter = filter, .sort = sort, .limit = 1};
	struct json_object *runs = NULL;
	int rc = mst_page_array(call, &find, MST_DOC_PLAIN, &runs, err);

	if (rc == MST_OK && json_object_array_length(runs) > 0)
		mst_json_put(profile, "last_run", json_object_get(json_object_array_get_idx(runs, 0)));
	json_object_put(runs);
	bson_destroy(filter);
	bson_destroy(sort);
	return rc;
}

int mst_api_profile(struct mst_call *call, struct mst_err *err)
{
	const char *name = call->captures[0];
	struct mst_err local = {.code = MST_OK};
	bson_t doc;
	int rc = mst_store_get(call->store, "profiles", name, &doc, &local);

	if (rc == MST_E_NOT_FOUND)
		return mst_err_set(err, MST_E_NOT_FOUND, "no profile \"%.64s\": 'muster profiles' lists them", name);
	if (rc != MST_OK) {
		*err = local;
		return rc;
	}
	call->answer = mst_api_object(&doc, MST_DOC_PLAIN);
	bson_destroy(&doc);
	return call->answer ? add_last_run(call, call->answer, name, err) : mst_err_no_memory(err);
}

int mst_api_profile_test(struct mst_call *call, struct mst_err *err)
{
	struct json_object *wish = json_object_new_object();

	mst_json_add_text(wish, "profile", call->captures[0]);
	return mst_call_engine(call, MST_ENGINE_CHECK, wish, 200, err);
}
