/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"

#define MAX_ANSWER       (64u << 20)
#define CANDIDATES_SHOWN 5u

int mst_client_open(struct mst_client *client, const struct mst_target *target, bool announce, struct mst_err *err)
{
	int rc;

	memset(client, 0, sizeof(*client));
	client->http.fd = -1;
	rc = mst_client_find(client, target, err);
	if (rc != MST_OK)
		return rc;
	client->connected = true;
	if (announce && client->is_private)
		fprintf(stderr, "private store %s\n", client->store_path);
	return MST_OK;
}

void mst_client_close(struct mst_client *client)
{
	if (client->connected)
		mst_http_close(&client->http);
	client->connected = false;
}

/* The server may have closed a connection that was idle: one fresh try before anything was sent. */
static int ready(struct mst_client *client, struct mst_err *err)
{
	if (client->http.fd >= 0 && client->http.ended && client->http.keep)
		return MST_OK;
	if (client->http.fd >= 0 && client->http.status == 0)
		return MST_OK;
	mst_http_close(&client->http);
	return mst_http_connect(&client->http, client->socket_path, err);
}

static int read_body(struct mst_http *http, struct mst_buf *body, struct mst_err *err)
{
	static char block[65536];

	for (;;) {
		int64_t n = mst_http_read(http, block, sizeof(block), err);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return MST_OK;
		if (mst_buf_add(body, block, (size_t)n) != 0)
			return mst_err_set(err, MST_E_LIMIT,
			                   "the service's answer is larger than %u MB: use --limit, --ndjson or --csv",
			                   MAX_ANSWER >> 20);
	}
}

/* A key that several things answer to: their ids, so that one can be typed. */
static void add_candidates(struct mst_buf *text, struct json_object *answer)
{
	struct json_object *list = mst_json_array(answer, "candidates");
	size_t count = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < count && i < CANDIDATES_SHOWN; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		mst_buf_printf(text, "%s%s (%s, zone %s)", i ? ", " : ": ", mst_json_text(item, "id", "?"),
		               mst_json_text(item, "ip", "-"), mst_json_text(item, "zone", "-"));
	}
}

/* Turns an answer of status 400 and above into err. */
static int api_error(int status, struct json_object *answer, struct mst_err *err)
{
	int code = mst_code_from_name(mst_json_text(answer, "error", "failed"));
	struct mst_buf text;

	mst_buf_init(&text, MST_ERR_TEXT);
	mst_buf_str(&text, mst_json_text(answer, "text",
	                                 status == 404 ? "the service knows no such thing" : "the service refused"));
	add_candidates(&text, answer);
	mst_err_set(err, code == MST_OK ? MST_E_FAILED : code, "%s", mst_buf_text(&text));
	mst_buf_free(&text);
	return code == MST_OK ? MST_E_FAILED : code;
}

static int answer(struct mst_client *client, struct json_object **out, struct mst_err *err)
{
	struct json_object *parsed = NULL;
	struct mst_buf body;
	int rc = mst_http_head(&client->http, err);

	if (out)
		*out = NULL;
	if (rc != MST_OK)
		return rc;
	mst_buf_init(&body, MAX_ANSWER);
	rc = read_body(&client->http, &body, err);
	if (rc == MST_OK && body.len > 0)
		rc = mst_json_parse(body.data, body.len, "the service's answer", &parsed, err);
	mst_buf_free(&body);
	if (rc == MST_OK && client->http.status >= 400)
		rc = api_error(client->http.status, parsed, err);
	if (rc == MST_OK && out)
		*out = parsed;
	else
		json_object_put(parsed);
	return rc;
}

int mst_client_put_text(struct mst_client *client, const char *method, const char *path, const char *content_type,
                        const char *text, size_t len, struct json_object **out, struct mst_err *err)
{
	int rc = ready(client, err);

	if (rc == MST_OK)
		rc = mst_http_send(&client->http, method, path, content_type, NULL, text, len, err);
	return rc == MST_OK ? answer(client, out, err) : rc;
}

int mst_client_call(struct mst_client *client, const char *method, const char *path, struct json_object *body,
                    struct json_object **out, struct mst_err *err)
{
	const char *text = body ? mst_json_string(body, NULL) : NULL;

	if (body && !text)
		return mst_err_no_memory(err);
	return mst_client_put_text(client, method, path, "application/json", text, text ? strlen(text) : 0, out, err);
}

int mst_client_upload(struct mst_client *client, const char *path, const char *content_type, int fd,
                      void (*sent)(void *data, int64_t bytes), void *data, struct json_object **out,
                      struct mst_err *err)
{
	int rc = ready(client, err);

	if (rc == MST_OK)
		rc = mst_http_send_stream(&client->http, "POST", path, content_type, fd, sent, data, err);
	return rc == MST_OK ? answer(client, out, err) : rc;
}

struct line_reader {
	struct mst_buf line;
	int (*fn)(void *data, struct json_object *item);
	void *data;
};

/* A listing that breaks off ends in { error, text }; a document may have these among others. */
static bool is_error_line(struct json_object *item)
{
	return json_object_is_type(item, json_type_object) && json_object_object_length(item) == 2 &&
	       mst_json_text(item, "error", NULL) && mst_json_text(item, "text", NULL);
}

/* Hands over each whole line in what has arrived, keeps the rest. */
static int take_lines(struct line_reader *reader, const char *block, size_t len, struct mst_err *err)
{
	while (len > 0) {
		const char *end = memchr(block, '\n', len);
		size_t n = end ? (size_t)(end - block) : len;
		struct json_object *item = NULL;
		int rc;

		if (mst_buf_add(&reader->line, block, n) != 0)
			return mst_err_set(err, MST_E_LIMIT, "the service sent a line longer than %u bytes",
			                   MST_MAX_DOC);
		if (!end)
			return MST_OK;
		block += n + 1;
		len -= n + 1;
		if (reader->line.len > 0) {
			rc = mst_json_parse(reader->line.data, reader->line.len, "a line of the service's answer",
			                    &item, err);
			if (rc == MST_OK && is_error_line(item))
				rc = api_error(500, item, err);
			if (rc == MST_OK)
				rc = reader->fn(reader->data, item);
			json_object_put(item);
			if (rc != MST_OK)
				return rc;
		}
		mst_buf_reset(&reader->line);
	}
	return MST_OK;
}

/* The error in an answer that was to be a stream. */
static int refused(struct mst_client *client, struct mst_err *err)
{
	struct json_object *parsed = NULL;
	struct mst_buf body;
	int rc;

	mst_buf_init(&body, MST_MAX_BODY);
	if (read_body(&client->http, &body, err) == MST_OK && body.len > 0)
		(void)mst_json_parse(body.data, body.len, "the service's answer", &parsed, NULL);
	rc = api_error(client->http.status, parsed, err);
	json_object_put(parsed);
	mst_buf_free(&body);
	return rc;
}

int mst_client_download(struct mst_client *client, const char *path, int fd, int (*got)(void *data, int64_t bytes),
                        void *data, int64_t *bytes, struct mst_err *err)
{
	static char block[65536];
	int rc = ready(client, err);

	*bytes = 0;
	if (rc == MST_OK)
		rc = mst_http_send(&client->http, "GET", path, NULL, "application/octet-stream", NULL, 0, err);
	if (rc == MST_OK)
		rc = mst_http_head(&client->http, err);
	if (rc == MST_OK && client->http.status >= 400)
		rc = refused(client, err);
	while (rc == MST_OK) {
		int64_t n = mst_http_read(&client->http, block, sizeof(block), err);

		if (n <= 0)
			return (int)n;
		rc = mst_file_write_all(fd, block, (size_t)n, "the file", err);
		*bytes += n;
		if (rc == MST_OK && got && got(data, *bytes) != 0)
			rc = mst_err_set(err, MST_E_CANCELLED, "interrupted");
	}
	return rc;
}

int mst_client_lines(struct mst_client *client, const char *path, int (*fn)(void *data, struct json_object *item),
                     void *data, struct mst_err *err)
{
	static char block[65536];
	struct line_reader reader = {.fn = fn, .data = data};
	int rc = ready(client, err);

	if (rc == MST_OK)
		rc = mst_http_send(&client->http, "GET", path, NULL, "application/x-ndjson", NULL, 0, err);
	if (rc != MST_OK)
		return rc;
	rc = mst_http_head(&client->http, err);
	if (rc != MST_OK)
		return rc;
	if (client->http.status >= 400)
		return refused(client, err);
	mst_buf_init(&reader.line, MST_MAX_DOC);
	for (;;) {
		int64_t n = mst_http_read(&client->http, block, sizeof(block), err);

		rc = n < 0 ? (int)n : take_lines(&reader, block, (size_t)n, err);
		if (n <= 0 || rc != MST_OK)
			break;
	}
	mst_buf_free(&reader.line);
	return rc;
}
