/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox between the HTTP threads and the loop. A request has two users, so that a caller may give up waiting. */
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "job/run.h"

static void drop(struct mst_request *request)
{
	bool last;

	pthread_mutex_lock(&request->lock);
	last = --request->users == 0;
	pthread_mutex_unlock(&request->lock);
	if (!last)
		return;
	json_object_put(request->arguments);
	json_object_put(request->answer);
	pthread_mutex_destroy(&request->lock);
	pthread_cond_destroy(&request->answered);
	free(request);
}

static void finish(struct mst_request *request)
{
	pthread_mutex_lock(&request->lock);
	request->done = true;
	pthread_cond_signal(&request->answered);
	pthread_mutex_unlock(&request->lock);
	drop(request);
}

void mst_request_refuse(struct mst_request *request, const struct mst_err *err)
{
	request->err = *err;
	request->rc = err->code != MST_OK ? err->code : MST_E_FAILED;
	finish(request);
}

void mst_request_answer(struct mst_request *request, struct json_object *answer)
{
	struct mst_err err = {0};

	/* The caller is another thread: it could not see that this one lost something. */
	if (!mst_json_whole()) {
		json_object_put(answer);
		mst_err_no_memory(&err);
		mst_request_refuse(request, &err);
		return;
	}
	request->answer = answer;
	request->rc = MST_OK;
	finish(request);
}

struct mst_request *mst_request_next(struct mst_engine *engine)
{
	struct mst_request *request;

	pthread_mutex_lock(&engine->mail_lock);
	request = engine->mail_first;
	if (request) {
		engine->mail_first = request->next;
		if (!engine->mail_first)
			engine->mail_last = &engine->mail_first;
	}
	pthread_mutex_unlock(&engine->mail_lock);
	return request;
}

static struct mst_request *request_new(int verb, struct json_object *arguments)
{
	struct mst_request *request = calloc(1, sizeof(*request));
	pthread_condattr_t attributes;

	if (!request)
		return NULL;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&request->lock, NULL);
	pthread_cond_init(&request->answered, &attributes);
	pthread_condattr_destroy(&attributes);
	request->users = 2;
	request->verb = verb;
	request->arguments = arguments;
	return request;
}

static void post(struct mst_engine *engine, struct mst_request *request)
{
	request->next = NULL;
	pthread_mutex_lock(&engine->mail_lock);
	*engine->mail_last = request;
	engine->mail_last = &request->next;
	pthread_mutex_unlock(&engine->mail_lock);
	uv_async_send(&engine->mail);
}

static bool wait_for(struct mst_request *request, int64_t timeout_ms)
{
	struct timespec until;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&request->lock);
	while (!request->done && pthread_cond_timedwait(&request->answered, &request->lock, &until) == 0)
		continue;
	done = request->done;
	pthread_mutex_unlock(&request->lock);
	return done;
}

int mst_engine_call(struct mst_engine *engine, int verb, struct json_object *arguments, int64_t timeout_ms,
                    struct json_object **answer, struct mst_err *err)
{
	struct mst_request *request = mst_json_whole() ? request_new(verb, arguments) : NULL;
	int rc;

	*answer = NULL;
	if (!request) {
		json_object_put(arguments);
		return mst_err_no_memory(err);
	}
	post(engine, request);
	if (!wait_for(request, timeout_ms)) {
		rc = mst_err_set(err, MST_E_TIMEOUT, "musterd did not get to it within %lld s; ask again",
		                 (long long)(timeout_ms / 1000));
	} else {
		rc = request->rc;
		*answer = request->answer;
		request->answer = NULL;
		if (rc != MST_OK && err)
			*err = request->err;
	}
	drop(request);
	return rc;
}
