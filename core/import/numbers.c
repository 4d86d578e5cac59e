/* SPDX-License-Identifier: Apache-2.0 */
/* Short numbers of interfaces, taken from the store's counter in blocks: one commit for each would cost more than the import. */
#include "import/doc.h"
#include "import/room.h"

#define TRIES     1000
#define BLOCK_MAX 500

/* Compare-and-set; MST_E_CONFLICT and its like when another writer was faster. */
static int reserve(struct mst_import *import, struct mst_batch *batch, int64_t count, struct mst_err *err)
{
	bson_t doc, next = BSON_INITIALIZER;
	int64_t value = 0, rev = 0;
	int code = mst_store_get(import->store, "counters", "interfaces", &doc, err);
	if (code == 0) {
		value = mst_doc_int(&doc, "value", 0);
		rev = mst_doc_int(&doc, "rev", 0);
		bson_destroy(&doc);
	} else if (code != MST_E_NOT_FOUND) {
		bson_destroy(&next);
		return code;
	}
	mst_doc_add_text(&next, "_id", "interfaces");
	mst_doc_add_int(&next, "value", value + count);
	mst_batch_reset(batch);
	int at = rev ? mst_batch_replace_if(batch, "counters", &next, rev) : mst_batch_insert(batch, "counters", &next);
	bson_destroy(&next);
	if (at < 0)
		return mst_err_no_memory(err);
	code = mst_store_write(import->store, batch, err);
	if (code == 0)
		code = mst_batch_status(batch, 0);
	if (code == 0) {
		import->number_next = value + 1;
		import->number_end = value + count;
	}
	return code;
}

int mst_import_number(struct mst_import *import, int64_t wanted, int64_t *out, struct mst_err *err)
{
	struct mst_batch *batch = NULL;
	int code = 0;
	if (import->number_next == 0 || import->number_next > import->number_end) {
		code = mst_batch_new(&batch, err);
		for (int i = 0; code == 0 && i < TRIES; i++) {
			code = reserve(import, batch, wanted < 1 ? 1 : wanted > BLOCK_MAX ? BLOCK_MAX : wanted, err);
			if (code != MST_E_CONFLICT && code != MST_E_EXISTS && code != MST_E_NOT_FOUND)
				break;
			code = i + 1 < TRIES ? 0
			                     : mst_err_set(err, MST_E_UNAVAILABLE,
			                                   "the counter of interfaces is busy; try again");
		}
		if (batch)
			mst_batch_free(batch);
	}
	if (code == 0)
		*out = import->number_next++;
	return code;
}
