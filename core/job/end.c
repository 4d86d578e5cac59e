/* SPDX-License-Identifier: Apache-2.0 */
/* How runs end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "job/run.h"

static void remove_spool(struct mst_run *run)
{
	char path[4200];
	struct mst_err err = {.code = MST_OK};

	if (mst_run_path(run, NULL, "", path, sizeof(path), &err) == MST_OK)
		(void)mst_file_remove_tree(path, &err);
	if (err.code != MST_OK && err.code != MST_E_NOT_FOUND)
		mst_log(MST_LOG_WARNING, "job", "%s", err.text);
	run->engine->spooled = mst_spool_usage(run->engine->setup.spool);
}

/* The first reason that a part was not done. */
static const char *first_reason(const struct mst_run *run)
{
	for (size_t i = 0; i < run->shard_count; i++)
		if (run->shards[i]->outcome != MST_OUTCOME_COMPLETE && run->shards[i]->reason)
			return run->shards[i]->reason;
	return NULL;
}

void mst_run_end(struct mst_run *run, int outcome, const char *text)
{
	run->state = MST_RUN_DONE;
	run->outcome = outcome;
	run->ended = mst_time_now();
	if (text)
		mst_text_set(&run->text, text);
	mst_run_leave_pools(run);
	if (run->upload)
		(void)unlink(run->upload);
	if (!run->import_failed)
		remove_spool(run);
	mst_run_save(run);
	mst_log(MST_LOG_INFO, "job", "run %lld (%s) ends %s%s%s", (long long)run->number, run->profile,
	        mst_outcome_name(outcome), run->text ? ": " : "", run->text ? run->text : "");
	if (run->engine->setup.changed)
		run->engine->setup.changed(run->engine->setup.data);
}

void mst_run_settle(struct mst_run *run)
{
	struct mst_run_sum sum;
	int outcome;

	mst_run_sum(run, &sum);
	outcome = mst_run_outcome(&sum);
	if (run->import_failed && outcome == MST_OUTCOME_COMPLETE)
		outcome = MST_OUTCOME_PARTIAL;
	mst_run_end(run, outcome, run->text || outcome == MST_OUTCOME_COMPLETE ? NULL : first_reason(run));
}
