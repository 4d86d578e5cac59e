/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: JSON, text, or a stream; errors as { error, text }. */
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/json.h"
#include "base/log.h"

#define STREAM_BLOCK 65536u
#define STREAM_MAX   (8u << 20)

int mst_respond_status(const struct mst_call *call, int code)
{
	if (call->failed_status != 0)
		return call->failed_status;
	if (code == MST_E_UNSUPPORTED && !call->route)
		return 405;
	return mst_code_http(code);
}

static ssize_t stream_read(void *data, uint64_t position, char *out, size_t max)
{
	struct mst_stream *stream = data;
	struct mst_err err = {.code = MST_OK};
	int rc = MST_OK;
	size_t n;

	(void)position;
	while (stream->pending.len < max && rc == MST_OK)
		rc = stream->next(stream->data, &stream->pending, &err);
	if (rc != MST_OK && rc != MST_E_END) {
		mst_log(MST_LOG_ERROR, "api", "a listing broke off: %s", err.text);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (stream->pending.failed)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = stream->pending.len < max ? stream->pending.len : max;
	if (n == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	memcpy(out, stream->pending.data, n);
	mst_buf_consume(&stream->pending, n);
	return (ssize_t)n;
}

static void stream_free(void *data)
{
	struct mst_stream *stream = data;

	stream->free(stream->data);
	mst_buf_free(&stream->pending);
	free(stream);
}

int mst_call_stream(struct mst_call *call, int (*next)(void *, struct mst_buf *, struct mst_err *),
                    void (*free_data)(void *), void *data, struct mst_err *err)
{
	struct mst_stream *stream = calloc(1, sizeof(*stream));

	if (!stream) {
		free_data(data);
		return mst_err_no_memory(err);
	}
	stream->next = next;
	stream->free = free_data;
	stream->data = data;
	mst_buf_init(&stream->pending, STREAM_MAX);
	call->stream = stream;
	call->content_type = "application/x-ndjson";
	return MST_OK;
}

int mst_call_items(struct mst_call *call, struct json_object *items, struct mst_err *err)
{
	size_t count = json_object_array_length(items);

	if (!call->ndjson) {
		call->answer = json_object_new_object();
		mst_json_put(call->answer, "items", items);
		mst_json_add_int(call->answer, "total", (int64_t)count);
		mst_json_add_text(call->answer, "next", "");
		return MST_OK;
	}
	for (size_t i = 0; i < count; i++) {
		const char *text = mst_json_string(json_object_array_get_idx(items, i), NULL);
		if (!text) {
			json_object_put(items);
			return mst_err_no_memory(err);
		}
		mst_buf_str(&call->text, text);
		mst_buf_char(&call->text, '\n');
	}
	json_object_put(items);
	call->content_type = "application/x-ndjson";
	return call->text.failed ? mst_err_set(err, MST_E_LIMIT, "this listing is too large") : MST_OK;
}

static struct MHD_Response *of_text(const char *text, size_t len)
{
	return MHD_create_response_from_buffer(len, (void *)text, MHD_RESPMEM_MUST_COPY);
}

static struct MHD_Response *of_answer(struct mst_call *call)
{
	size_t len = 0;
	const char *text;

	if (call->stream) {
		struct mst_stream *stream = call->stream;

		call->stream = NULL;
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, stream,
		                                         stream_free);
	}
	if (call->text.len > 0 || call->content_type)
		return of_text(call->text.data, call->text.len);
	text = mst_json_string(call->answer, &len);
	return text ? of_text(text, len) : NULL;
}

static struct MHD_Response *of_error(const struct mst_err *err, int code)
{
	struct json_object *object = json_object_new_object();
	struct MHD_Response *response;
	const char *text;
	size_t len = 0;

	mst_json_add_text(object, "error", mst_code_name(code));
	mst_json_add_text(object, "text", err->text);
	text = mst_json_string(object, &len);
	response = text ? of_text(text, len) : NULL;
	json_object_put(object);
	return response;
}

static const char no_memory[] = "{\"error\":\"no_memory\",\"text\":\"musterd is out of memory: try again\"}";

enum MHD_Result mst_respond(struct mst_call *call, int rc, const struct mst_err *err)
{
	/* An error may bring an answer of its own: candidates, for one. */
	bool own = rc == MST_OK || call->answer;
	int status = rc != MST_OK ? mst_respond_status(call, rc) : call->status ? call->status : 200;
	struct MHD_Response *response = own ? of_answer(call) : of_error(err, rc);
	enum MHD_Result result;

	/* Half an answer must not pass for a whole one. */
	if (!response) {
		status = 500;
		response = MHD_create_response_from_buffer(sizeof no_memory - 1, (void *)no_memory,
		                                           MHD_RESPMEM_PERSISTENT);
	}
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type",
	                        rc == MST_OK && call->content_type ? call->content_type : "application/json");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (call->failed_status != 0)
		MHD_add_response_header(response, "Connection", "close");
	result = MHD_queue_response(call->connection, (unsigned)status, response);
	MHD_destroy_response(response);
	return result;
}
