/* SPDX-License-Identifier: Apache-2.0 */
/* After a killed daemon: its workers are awaited or killed, what they wrote is imported, its runs end partial. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"
#include "job/run.h"
#include "record/spool.h"

#define AWAIT_MS (2 * MST_CANCEL_GRACE_MS)

int64_t mst_spool_usage(const char *spool)
{
	char *const roots[] = {(char *)spool, NULL};
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int64_t sum = 0;

	while (tree && (entry = fts_read(tree)) != NULL)
		if (entry->fts_info == FTS_F && strstr(entry->fts_name, ".part") == NULL)
			sum += entry->fts_statp->st_size;
	if (tree)
		fts_close(tree);
	return sum;
}

/* The process that holds a lock on this file, by /proc/locks; only one that is a worker counts. */
static pid_t holder_of(int fd)
{
	char line[256], wanted[64], comm_path[64], comm[32] = "";
	FILE *locks = fopen("/proc/locks", "re"), *file;
	struct stat st;
	long pid = 0, found = 0;

	if (!locks)
		return 0;
	if (fstat(fd, &st) == 0) {
		snprintf(wanted, sizeof(wanted), "%02x:%02x:%lu ", major(st.st_dev), minor(st.st_dev),
		         (unsigned long)st.st_ino);
		while (!found && fgets(line, sizeof(line), locks))
			if (strstr(line, wanted) && sscanf(line, "%*d: FLOCK %*s WRITE %ld", &pid) == 1)
				found = pid;
	}
	fclose(locks);
	snprintf(comm_path, sizeof(comm_path), "/proc/%ld/comm", found);
	file = found > 1 ? fopen(comm_path, "re") : NULL;
	if (file) {
		if (!fgets(comm, sizeof(comm), file))
			comm[0] = '\0';
		fclose(file);
	}
	return strncmp(comm, "muster-worker", 13) == 0 ? (pid_t)found : 0;
}

/* Workers end by themselves when their daemon is gone; one that does not within some seconds is killed. */
static void await_worker(const char *part, int64_t until)
{
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = 50 * 1000000L};
	int fd = open(part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool killed = false;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		if (mst_time_monotonic() > until + (killed ? MST_CANCEL_GRACE_MS : 0)) {
			pid_t pid = killed ? 0 : holder_of(fd);

			if (pid <= 0)
				break;
			mst_log(MST_LOG_WARNING, "job", "killing worker %ld, left by a musterd that was killed",
			        (long)pid);
			(void)kill(-pid, SIGKILL);
			(void)kill(pid, SIGKILL);
			killed = true;
		}
		nanosleep(&pause, NULL);
	}
	if (fd >= 0)
		close(fd);
}

/* Did the worker write its end before the daemon could hear of it? */
static int segment_outcome(const char *seg)
{
	struct mst_spool_reader *reader = NULL;
	struct mst_frame frame;
	bson_iter_t at;
	bson_t end;
	int outcome = MST_OUTCOME_PARTIAL;

	if (mst_spool_reader_open(&reader, seg, 0, NULL) != MST_OK)
		return MST_OUTCOME_FAILED;
	while (mst_spool_read(reader, &frame, NULL) == MST_OK)
		if (frame.type == MST_FRAME_END && bson_init_static(&end, frame.data, frame.len) &&
		    bson_iter_init_find(&at, &end, "status"))
			outcome = bson_iter_as_int64(&at) == MST_OK ? MST_OUTCOME_COMPLETE : MST_OUTCOME_PARTIAL;
	mst_spool_reader_close(reader);
	return outcome;
}

static void recover_shard(struct mst_shard *shard, int64_t until)
{
	struct mst_err err = {.code = MST_OK};
	char part[4200], seg[4200];

	if (shard->state != MST_SHARD_RUNNING && shard->state != MST_SHARD_SPOOLED)
		return;
	if (mst_run_path(shard->run, shard->id, ".part", part, sizeof(part), &err) != MST_OK ||
	    mst_run_path(shard->run, shard->id, ".seg", seg, sizeof(seg), &err) != MST_OK)
		return;
	if (shard->state == MST_SHARD_RUNNING && access(part, F_OK) == 0) {
		await_worker(part, until);
		(void)mst_segment_take_over(part, seg, &err);
	}
	if (access(seg, R_OK) != 0) {
		shard->state = MST_SHARD_FAILED;
		shard->outcome = MST_OUTCOME_FAILED;
		mst_text_set(&shard->reason, err.code != MST_OK ? err.text : "interrupted before it wrote anything");
	} else if (shard->state == MST_SHARD_RUNNING) {
		shard->state = MST_SHARD_SPOOLED;
		shard->outcome = segment_outcome(seg);
		if (shard->outcome != MST_OUTCOME_COMPLETE)
			mst_text_set(&shard->reason, "interrupted: musterd was killed");
	}
	mst_shard_save(shard);
}

/* What was found is whole, and only its import was cut short: that is no reason to call the run partial. */
static bool all_complete(const struct mst_run *run)
{
	if (run->state == MST_RUN_PLANNING || run->shard_count == 0)
		return false;
	for (size_t i = 0; i < run->shard_count; i++)
		if (run->shards[i]->outcome != MST_OUTCOME_COMPLETE)
			return false;
	return true;
}

static void recover_run(struct mst_run *run)
{
	int64_t until = mst_time_monotonic() + AWAIT_MS;
	char text[160];

	if (run->kind == MST_RUN_IMPORT)
		snprintf(text, sizeof(text), "interrupted: musterd was killed; import the file again");
	else
		snprintf(text, sizeof(text), "interrupted: musterd was killed; muster runs retry %lld",
		         (long long)run->number);
	mst_log(MST_LOG_WARNING, "job", "run %lld was %s when musterd was killed", (long long)run->number,
	        mst_run_state_name(run->state));
	for (size_t i = 0; i < run->shard_count; i++)
		recover_shard(run->shards[i], until);
	run->cancelled = !all_complete(run);
	mst_text_set(&run->text, run->cancelled ? text : NULL);
	run->state = MST_RUN_IMPORTING;
	mst_run_add(run);
	mst_run_save(run);
}

/* A run whose method or zone is gone cannot be carried on; it is closed all the same. */
static void close_unknown(struct mst_engine *engine, const char *id, const char *why)
{
	struct mst_batch *batch = NULL;
	bson_t *update = BCON_NEW("$set", "{", "state", BCON_UTF8("done"), "outcome", BCON_UTF8("partial"), "text",
	                          BCON_UTF8(why), "ended", BCON_INT64(mst_time_now()), "}");

	if (mst_batch_new(&batch, NULL) == MST_OK && mst_batch_update_id(batch, "runs", id, update, false) >= 0)
		mst_jobdb_write(engine->db, batch);
	else
		mst_batch_free(batch);
	bson_destroy(update);
}

static int recover_document(struct mst_engine *engine, struct mst_store *store, const bson_t *doc, struct mst_err *err)
{
	struct mst_run *run = mst_run_new(engine);
	struct mst_err why = {.code = MST_OK};

	if (!run)
		return mst_err_no_memory(err);
	if (mst_run_load(run, store, doc, &why) == MST_OK) {
		recover_run(run);
		return MST_OK;
	}
	close_unknown(engine, run->id, why.text);
	mst_run_free(run);
	return MST_OK;
}

static void empty_uploads(const char *spool)
{
	struct mst_err err = {.code = MST_OK};
	char path[4200];

	/* what a removal had not finished */
	if (snprintf(path, sizeof(path), "%s/removed", spool) < (int)sizeof(path))
		(void)mst_file_remove_tree(path, NULL);
	if (snprintf(path, sizeof(path), "%s/uploads", spool) >= (int)sizeof(path))
		return;
	if (mst_file_remove_tree(path, &err) != MST_OK && err.code != MST_E_NOT_FOUND)
		mst_log(MST_LOG_WARNING, "job", "%s", err.text);
	if (mst_file_mkdirs(path, 0700, &err) != MST_OK)
		mst_log(MST_LOG_WARNING, "job", "%s", err.text);
}

int mst_engine_recover(struct mst_engine *engine, struct mst_err *err)
{
	struct mst_store *store = engine->setup.store;
	bson_t *filter = BCON_NEW("state", "{", "$in", "[", BCON_UTF8("planning"), BCON_UTF8("running"),
	                          BCON_UTF8("importing"), "]", "}");
	struct mst_find find = {.collection = "runs", .filter = filter};
	struct mst_cursor *cursor = NULL;
	bson_t doc;
	int rc;

	empty_uploads(engine->setup.spool);
	rc = mst_store_find(store, &find, &cursor, err);
	while (rc == MST_OK) {
		rc = mst_cursor_next(cursor, &doc, err);
		if (rc == MST_OK)
			rc = recover_document(engine, store, &doc, err);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(filter);
	engine->spooled = mst_spool_usage(engine->setup.spool);
	return rc == MST_E_END ? MST_OK : rc;
}
