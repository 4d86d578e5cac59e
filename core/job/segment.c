/* SPDX-License-Identifier: Apache-2.0 */
/* From a worker's file to a segment that may be imported. Syncing and reading back take time, so a thread of the pool does it. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "job/run.h"
#include "record/spool.h"

struct handing {
	uv_work_t work;
	struct mst_shard *shard;
	char part[4200], seg[4200];
	bool wants_checkpoint;
	char *checkpoint; /* base64 */
	int64_t size;
	struct mst_err err;
};

/* What a later try needs of this one, kept in the shard's document since the segment is removed once imported. */
static char *read_checkpoint(const char *path)
{
	void *data = NULL;
	size_t len = 0;
	unsigned char *text = NULL;

	if (mst_spool_last_checkpoint(path, &data, &len, NULL) == MST_OK && len > 0 && len <= MST_MAX_CHECKPOINT)
		text = malloc(4 * ((len + 2) / 3) + 1);
	if (text)
		EVP_EncodeBlock(text, data, (int)len);
	free(data);
	return (char *)text;
}

int mst_segment_take_over(const char *part, const char *seg, struct mst_err *err)
{
	char manifest[4200];
	int rc = mst_file_sync(part, err);

	/* Written when the shard started, on the loop, where nothing may wait for a disk. */
	snprintf(manifest, sizeof(manifest), "%.*s.json", (int)(strlen(part) - strlen(".part")), part);
	if (rc == MST_OK)
		rc = mst_file_sync(manifest, err);
	if (rc == MST_OK && rename(part, seg) != 0)
		rc = mst_err_errno(err, errno, "cannot rename the spool segment %s", part);
	return rc;
}

static void hand_over(uv_work_t *work)
{
	struct handing *handing = work->data;
	struct stat st;

	if (handing->err.code != MST_OK)
		return;
	if (handing->wants_checkpoint)
		handing->checkpoint = read_checkpoint(handing->part);
	if (mst_segment_take_over(handing->part, handing->seg, &handing->err) == MST_OK && stat(handing->seg, &st) == 0)
		handing->size = st.st_size;
}

static void handed_over(uv_work_t *work, int status)
{
	struct handing *handing = work->data;
	struct mst_shard *shard = handing->shard;

	(void)status;
	shard->run->engine->pending--;
	shard->run->engine->spooled += handing->size;
	if (handing->checkpoint)
		mst_text_set(&shard->checkpoint, handing->checkpoint);
	mst_shard_ended(shard, &handing->err);
	free(handing->checkpoint);
	free(handing);
}

void mst_shard_to_segment(struct mst_shard *shard)
{
	struct mst_engine *engine = shard->run->engine;
	struct handing *handing = calloc(1, sizeof(*handing));
	struct mst_err err = {.code = MST_OK};

	if (!handing) {
		(void)mst_err_no_memory(&err);
		mst_shard_ended(shard, &err);
		return;
	}
	handing->shard = shard;
	handing->work.data = handing;
	handing->wants_checkpoint = shard->outcome != MST_OUTCOME_COMPLETE;
	if (mst_run_path(shard->run, shard->id, ".part", handing->part, sizeof(handing->part), &handing->err) == MST_OK)
		(void)mst_run_path(shard->run, shard->id, ".seg", handing->seg, sizeof(handing->seg), &handing->err);
	engine->pending++;
	if (uv_queue_work(engine->setup.loop, &handing->work, hand_over, handed_over) != 0) {
		hand_over(&handing->work);
		handed_over(&handing->work, 0);
	}
}
