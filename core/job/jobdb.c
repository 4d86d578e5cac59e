/* SPDX-License-Identifier: Apache-2.0 */
#include "job/jobdb.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

/* How long a write waits for a full or unreachable store: tries, and the pause between two. */
#define WRITE_TRIES    5
#define WRITE_PAUSE_MS 400

struct item {
	struct item *next;
	mst_jobdb_work work;
	mst_jobdb_done done;
	void *data;
	int rc;
	struct mst_err err;
};

struct queue {
	struct item *first, **last;
};

struct mst_jobdb {
	uv_async_t async;
	struct mst_store_class *store_class;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct queue waiting, finished;
	bool stop;
	size_t pending;           /* loop thread only */
	char fault[MST_ERR_TEXT]; /* loop thread only */
	uint64_t failures;        /* loop thread only */
	bool waited;              /* store thread only: the last write has waited in vain */
};

static void queue_put(struct queue *queue, struct item *item)
{
	item->next = NULL;
	*queue->last = item;
	queue->last = &item->next;
}

static struct item *queue_take_all(struct queue *queue)
{
	struct item *first = queue->first;

	queue->first = NULL;
	queue->last = &queue->first;
	return first;
}

static struct item *wait_for_item(struct mst_jobdb *db)
{
	struct item *item;

	pthread_mutex_lock(&db->lock);
	while (!db->waiting.first && !db->stop)
		pthread_cond_wait(&db->more, &db->lock);
	item = db->waiting.first;
	if (item) {
		db->waiting.first = item->next;
		if (!db->waiting.first)
			db->waiting.last = &db->waiting.first;
	}
	pthread_mutex_unlock(&db->lock);
	return item;
}

static void *run(void *data)
{
	struct mst_jobdb *db = data;
	struct mst_store *store = NULL;
	struct item *item;

	while ((item = wait_for_item(db)) != NULL) {
		item->rc = store ? MST_OK : mst_store_open(&store, db->store_class, false, &item->err);
		if (item->rc == MST_OK)
			item->rc = item->work(store, item->data, &item->err);
		pthread_mutex_lock(&db->lock);
		queue_put(&db->finished, item);
		pthread_mutex_unlock(&db->lock);
		uv_async_send(&db->async);
	}
	if (store)
		mst_store_close(store);
	return NULL;
}

static void on_async(uv_async_t *handle)
{
	struct mst_jobdb *db = handle->data;
	struct item *item, *next;

	pthread_mutex_lock(&db->lock);
	item = queue_take_all(&db->finished);
	pthread_mutex_unlock(&db->lock);
	for (; item; item = next) {
		next = item->next;
		db->pending--;
		if (item->done)
			item->done(item->data, item->rc, &item->err);
		free(item);
	}
}

int mst_jobdb_new(struct mst_jobdb **out, uv_loop_t *loop, struct mst_store_class *store_class, struct mst_err *err)
{
	struct mst_jobdb *db = calloc(1, sizeof(*db));
	int code;

	*out = NULL;
	if (!db)
		return mst_err_no_memory(err);
	db->store_class = store_class;
	db->waiting.last = &db->waiting.first;
	db->finished.last = &db->finished.first;
	pthread_mutex_init(&db->lock, NULL);
	pthread_cond_init(&db->more, NULL);
	db->async.data = db;
	code = pthread_create(&db->thread, NULL, run, db);
	if (code != 0) {
		free(db);
		return mst_err_errno(err, code, "cannot start the job store's thread");
	}
	uv_async_init(loop, &db->async, on_async);
	db->async.data = db;
	*out = db;
	return MST_OK;
}

static void on_closed(uv_handle_t *handle)
{
	struct mst_jobdb *db = handle->data;

	pthread_mutex_destroy(&db->lock);
	pthread_cond_destroy(&db->more);
	free(db);
}

void mst_jobdb_close(struct mst_jobdb *db)
{
	pthread_mutex_lock(&db->lock);
	db->stop = true;
	pthread_cond_signal(&db->more);
	pthread_mutex_unlock(&db->lock);
	pthread_join(db->thread, NULL);
	uv_close((uv_handle_t *)&db->async, on_closed);
}

size_t mst_jobdb_pending(const struct mst_jobdb *db)
{
	return db->pending;
}

int mst_jobdb_do(struct mst_jobdb *db, mst_jobdb_work work, mst_jobdb_done done, void *data, struct mst_err *err)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item)
		return mst_err_no_memory(err);
	item->work = work;
	item->done = done;
	item->data = data;
	db->pending++;
	pthread_mutex_lock(&db->lock);
	queue_put(&db->waiting, item);
	pthread_cond_signal(&db->more);
	pthread_mutex_unlock(&db->lock);
	return MST_OK;
}

struct write {
	struct mst_jobdb *db;
	struct mst_batch *batch;
};

static int write_work(struct mst_store *store, void *data, struct mst_err *err)
{
	struct write *write = data;
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = WRITE_PAUSE_MS * 1000000L};
	int rc = MST_OK;

	for (int i = 0; i < (write->db->waited ? 1 : WRITE_TRIES); i++) {
		rc = mst_store_write(store, write->batch, err);
		if (rc != MST_E_FULL && rc != MST_E_UNAVAILABLE)
			break;
		if (write->db->waited)
			return rc;
		nanosleep(&pause, NULL);
	}
	write->db->waited = rc == MST_E_FULL || rc == MST_E_UNAVAILABLE;
	return rc;
}

static void write_done(void *data, int rc, const struct mst_err *err)
{
	struct write *write = data;

	if (rc != MST_OK)
		write->db->failures++;
	if (rc != MST_OK && strcmp(write->db->fault, err->text) != 0)
		mst_log(MST_LOG_ERROR, "job", "the state of a run could not be stored: %s", err->text);
	snprintf(write->db->fault, sizeof(write->db->fault), "%s", rc == MST_OK ? "" : err->text);
	mst_batch_free(write->batch);
	free(write);
}

void mst_jobdb_write(struct mst_jobdb *db, struct mst_batch *batch)
{
	struct write *write = calloc(1, sizeof(*write));

	if (write) {
		write->db = db;
		write->batch = batch;
		if (mst_jobdb_do(db, write_work, write_done, write, NULL) == MST_OK)
			return;
	}
	mst_log(MST_LOG_ERROR, "job", "the state of a run could not be stored: no memory");
	mst_batch_free(batch);
	free(write);
}

uint64_t mst_jobdb_failures(const struct mst_jobdb *db)
{
	return db->failures;
}

const char *mst_jobdb_fault(const struct mst_jobdb *db)
{
	return db->fault;
}
