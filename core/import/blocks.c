/* SPDX-License-Identifier: Apache-2.0 */
#include "import/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "import/alike.h"
#include "import/doc.h"
#include "import/sweep.h"

#define LISTED_MAX 300u /* bytes of a warning's list */

struct blocks {
	const char *run;
	struct mst_alike alike;
	struct mst_addr_set looked;
	struct mst_alike_found *found;
	size_t count;
};

static int take_shard(struct blocks *blocks, const bson_t *doc, struct mst_err *err)
{
	const char *looked = mst_doc_text(doc, "looked");
	if (!looked)
		looked = mst_doc_text(doc, "covered");
	int code = looked ? mst_addr_set_parse(&blocks->looked, looked, err) : 0;
	if (code == 0 && mst_alike_read(&blocks->alike, doc) != 0)
		return mst_err_no_memory(err);
	return code;
}

static int read_shards(struct mst_import *import, struct blocks *blocks, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, doc;
	struct mst_find find = {.collection = "shards", .filter = &filter, .fields = "looked,covered,alike"};
	struct mst_cursor *cursor = NULL;
	mst_doc_add_text(&filter, "run", blocks->run);
	int code = mst_store_find(import->store, &find, &cursor, err);
	while (code == 0) {
		code = mst_cursor_next(cursor, &doc, err);
		if (code == 0)
			code = take_shard(blocks, &doc, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	return code == MST_E_END ? 0 : code;
}

static const struct mst_alike_found *block_at(const struct blocks *blocks, const bson_t *doc)
{
	struct mst_addr addr;
	size_t low = 0, high = blocks->count;
	if (!mst_addr_parse(mst_doc_text(doc, "ip"), &addr))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mst_alike_found *found = &blocks->found[middle];
		if (mst_addr_compare(&addr, &found->range.first) < 0)
			high = middle;
		else if (mst_addr_compare(&addr, &found->range.last) > 0)
			low = middle + 1;
		else
			return found;
	}
	return NULL;
}

static bool is_in_a_block(void *data, struct mst_import *import, const bson_t *doc)
{
	(void)import;
	return !mst_doc_text(doc, "block_answer") && block_at(data, doc) != NULL;
}

static void range_text(const struct mst_range *range, struct mst_buf *out)
{
	struct mst_addr_set set;
	mst_addr_set_init(&set);
	if (mst_addr_set_add(&set, range) == 0)
		mst_addr_set_text(&set, out);
	mst_addr_set_free(&set);
}

/* Whoever answers there in another way is somebody. */
static int mark(void *data, struct mst_work *work, struct mst_iface *iface, struct mst_err *err)
{
	const struct blocks *blocks = data;
	const struct mst_alike_found *found = block_at(blocks, &iface->doc);
	(void)work;
	(void)err;
	for (size_t i = 0; found && i < iface->obs_count; i++) {
		const struct mst_obs *obs = iface->obs[i];
		struct mst_buf text;
		if (strcmp(obs->last_run, blocks->run) != 0 || block_at(blocks, &obs->doc) != found ||
		    mst_alike_answer(&obs->doc) != found->answer)
			continue;
		mst_buf_init(&text, sizeof iface->block_answer - 1);
		range_text(&found->range, &text);
		mst_doc_cut(iface->block_answer, sizeof iface->block_answer, mst_buf_text(&text));
		mst_buf_free(&text);
		return 0;
	}
	return 0;
}

static int mark_newcomers(struct mst_import *import, struct blocks *blocks, struct mst_err *err)
{
	const struct mst_sweep_calls calls = {is_in_a_block, mark, blocks};
	bson_t filter = BSON_INITIALIZER;
	mst_doc_add_text(&filter, "created_run", blocks->run);
	int code = mst_sweep(import, blocks->run, &filter, &calls, NULL, NULL, err);
	bson_destroy(&filter);
	return code;
}

/* "something answers for the whole block 192.0.2.0/24"; of neighbours the CIDR of all. */
static int warn(struct mst_import *import, const struct blocks *blocks, struct mst_err *err)
{
	struct mst_addr_set set;
	struct mst_buf text, line;
	size_t shown;
	int code = 0;
	mst_addr_set_init(&set);
	mst_buf_init(&text, MST_MAX_SCOPE_TEXT);
	mst_buf_init(&line, MST_MAX_WARNING);
	for (size_t i = 0; i < blocks->count && code == 0; i++)
		code = mst_addr_set_add(&set, &blocks->found[i].range);
	if (code == 0)
		code = mst_addr_set_text(&set, &text);
	shown = text.len;
	if (shown > LISTED_MAX)
		for (shown = LISTED_MAX; shown > 0 && mst_buf_text(&text)[shown] != ','; shown--)
			continue;
	mst_buf_printf(&line, "something answers for the whole block%s %.*s%s",
	               strchr(mst_buf_text(&text), ',') ? "s" : "", (int)shown, mst_buf_text(&text),
	               shown < text.len ? " and more" : "");
	if (code == 0 && import->warn)
		import->warn(import->warn_data, mst_buf_text(&line));
	mst_buf_free(&text);
	mst_buf_free(&line);
	mst_addr_set_free(&set);
	return code == 0 ? 0 : mst_err_no_memory(err);
}

int mst_blocks_flag(struct mst_import *import, const char *run, struct mst_err *err)
{
	struct blocks blocks = {.run = run};
	mst_alike_init(&blocks.alike);
	mst_addr_set_init(&blocks.looked);
	int code = read_shards(import, &blocks, err);
	if (code == 0 && mst_alike_find(&blocks.alike, &blocks.looked, &blocks.found, &blocks.count) != 0)
		code = mst_err_no_memory(err);
	if (code == 0 && blocks.count > 0)
		code = warn(import, &blocks, err);
	if (code == 0 && blocks.count > 0)
		code = mark_newcomers(import, &blocks, err);
	free(blocks.found);
	mst_alike_free(&blocks.alike);
	mst_addr_set_free(&blocks.looked);
	return code;
}
