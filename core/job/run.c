/* SPDX-License-Identifier: Apache-2.0 */
#include "job/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/time.h"

struct mst_run *mst_run_new(struct mst_engine *engine)
{
	struct mst_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	run->engine = engine;
	run->shared = mst_settings_use(engine->shared);
	run->kind = MST_RUN_SCAN;
	run->state = MST_RUN_PLANNING;
	run->created = mst_time_now();
	mst_id_new(run->id);
	return run;
}

static void shard_free(struct mst_shard *shard)
{
	if (!shard)
		return;
	free(shard->spec);
	free(shard->checkpoint);
	free(shard->command);
	free(shard->reason);
	mst_scope_free(&shard->scope);
	json_object_put(shard->follow_ups);
	if (shard->fd >= 0)
		close(shard->fd);
	free(shard);
}

void mst_run_free(struct mst_run *run)
{
	if (!run)
		return;
	mst_run_leave_pools(run);
	for (size_t i = 0; i < run->shard_count; i++)
		shard_free(run->shards[i]);
	free(run->shards);
	free(run->text);
	free(run->command);
	free(run->upload);
	free(run->name);
	json_object_put(run->refused);
	json_object_put(run->warnings);
	mst_option_set_free(&run->options);
	mst_settings_drop(run->shared);
	free(run);
}

void mst_run_add(struct mst_run *run)
{
	struct mst_run **at = &run->engine->runs;

	while (*at)
		at = &(*at)->next;
	*at = run;
}

void mst_run_drop(struct mst_run *run)
{
	for (struct mst_run **at = &run->engine->runs; *at; at = &(*at)->next) {
		if (*at == run) {
			*at = run->next;
			break;
		}
	}
	mst_run_free(run);
}

struct mst_run *mst_run_find(struct mst_engine *engine, const char *key)
{
	int64_t number = 0;

	if (!mst_str_int64(key, &number))
		number = 0;
	for (struct mst_run *run = engine->runs; run; run = run->next)
		if (strcmp(run->id, key) == 0 || (number > 0 && run->number == number))
			return run;
	return NULL;
}

bool mst_run_active(const struct mst_run *run)
{
	return run->state != MST_RUN_DONE;
}

struct mst_shard *mst_run_shard(struct mst_run *run, const char *id)
{
	for (size_t i = 0; i < run->shard_count; i++)
		if (strcmp(run->shards[i]->id, id) == 0)
			return run->shards[i];
	return NULL;
}

struct mst_shard *mst_run_add_shard(struct mst_run *run, const char *id)
{
	struct mst_shard *shard;

	if (run->shard_count >= MST_MAX_SHARDS)
		return NULL;
	if (run->shard_count == run->shard_cap) {
		size_t cap = run->shard_cap ? run->shard_cap * 2 : 16;
		struct mst_shard **grown = realloc(run->shards, cap * sizeof(struct mst_shard *));

		if (!grown)
			return NULL;
		run->shards = grown;
		run->shard_cap = cap;
	}
	shard = calloc(1, sizeof(*shard));
	if (!shard)
		return NULL;
	shard->run = run;
	shard->state = MST_SHARD_WAITING;
	shard->share = MST_RATE_NONE;
	shard->fd = -1;
	snprintf(shard->id, sizeof(shard->id), "%s", id);
	run->shards[run->shard_count++] = shard;
	return shard;
}

void mst_text_set(char **at, const char *text)
{
	char *copy = text && text[0] ? mst_str_dup(text) : NULL;

	free(*at);
	*at = copy;
}

void mst_run_warn(struct mst_run *run, const char *text)
{
	struct mst_buf clean;
	size_t count;

	mst_buf_init(&clean, MST_MAX_WARNING);
	(void)mst_str_utf8_repair(&clean, text, strlen(text), MST_MAX_WARNING);
	text = mst_buf_text(&clean);
	if (!run->warnings)
		run->warnings = json_object_new_array();
	count = run->warnings ? json_object_array_length(run->warnings) : MST_MAX_WARNINGS;
	for (size_t i = 0; i < count && count < MST_MAX_WARNINGS; i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(run->warnings, i)), text) == 0)
			count = MST_MAX_WARNINGS;
	if (count + 1 == MST_MAX_WARNINGS)
		text = "there are more warnings: the log has them";
	if (count < MST_MAX_WARNINGS && text[0])
		mst_json_push(run->warnings, json_object_new_string(text));
	mst_buf_free(&clean);
}

int mst_run_path(const struct mst_run *run, const char *shard, const char *suffix, char *out, size_t size,
                 struct mst_err *err)
{
	int n = snprintf(out, size, "%s/%s%s%s%s", run->engine->setup.spool, run->id, shard ? "/" : "",
	                 shard ? shard : "", suffix);

	if (n < 0 || (size_t)n >= size)
		return mst_err_set(err, MST_E_LIMIT, "the path of the spool directory %s is too long",
		                   run->engine->setup.spool);
	return MST_OK;
}

void mst_run_sum(const struct mst_run *run, struct mst_run_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	sum->shards = run->shard_count;
	sum->stopped = run->cancelled;
	for (size_t i = 0; i < run->shard_count; i++) {
		sum->complete += run->shards[i]->outcome == MST_OUTCOME_COMPLETE;
		sum->partial += run->shards[i]->outcome == MST_OUTCOME_PARTIAL;
		sum->failed += run->shards[i]->outcome == MST_OUTCOME_FAILED;
	}
}
