/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of requests: what the grammar cannot know is looked up in the store. */
#include <bson/bson.h>

#include "api/call.h"
#include "base/time.h"
#include "store/filter.h"

static int run_of(void *data, int64_t number, char id[MST_ID_SIZE], struct mst_err *err)
{
	struct mst_call *call = data;
	bson_t *filter = BCON_NEW("number", BCON_INT64(number));
	struct mst_find find = {.collection = "runs", .filter = filter, .limit = 1, .fields = "_id"};
	bson_t doc;
	bson_iter_t at;
	int rc = mst_store_find_one(call->store, &find, &doc, err);

	bson_destroy(filter);
	if (rc == MST_E_NOT_FOUND)
		return mst_err_set(err, MST_E_NOT_FOUND, "there is no run %lld: 'muster runs' lists them",
		                   (long long)number);
	if (rc != MST_OK)
		return rc;
	snprintf(id, MST_ID_SIZE, "%s",
	         bson_iter_init_find(&at, &doc, "_id") && BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL) : "");
	bson_destroy(&doc);
	return MST_OK;
}

int mst_call_filter(struct mst_call *call, const char *text, const struct mst_column *columns, size_t count,
                    bson_t *out, struct mst_err *err)
{
	const struct mst_filter_context context = {.now = mst_time_now(), .run = run_of, .data = call};

	return mst_filter_parse_in(text, columns, count, &context, out, err);
}
