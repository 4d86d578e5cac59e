/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client against answers that are whole, cut, in chunks, and no HTTP at all; calls and lines above it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "cli/client.h"

static struct mst_err err;

struct peer {
	int fd;
	const char *answer;
	size_t step; /* bytes per write, so that borders fall everywhere */
	char got[65536];
	size_t got_len;
};

static void *serve(void *data)
{
	struct peer *peer = data;
	size_t len = strlen(peer->answer);

	for (size_t at = 0; at < len; at += peer->step) {
		size_t n = len - at < peer->step ? len - at : peer->step;

		if (send(peer->fd, peer->answer + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
	}
	shutdown(peer->fd, SHUT_WR);
	for (;;) {
		ssize_t n = recv(peer->fd, peer->got + peer->got_len, sizeof(peer->got) - peer->got_len - 1, 0);

		if (n <= 0)
			break;
		peer->got_len += (size_t)n;
	}
	close(peer->fd);
	return NULL;
}

/* Connects `http` to a peer that will say `answer`. */
static void join_peer(struct mst_http *http, struct peer *peer, pthread_t *thread, const char *answer, size_t step)
{
	int fds[2];

	memset(http, 0, sizeof(*http));
	memset(peer, 0, sizeof(*peer));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	http->fd = fds[0];
	mst_buf_init(&http->in, MST_MAX_HEADERS + 65536);
	peer->fd = fds[1];
	peer->answer = answer;
	peer->step = step;
	assert_int_equal(pthread_create(thread, NULL, serve, peer), 0);
}

static int64_t read_all(struct mst_http *http, char *out, size_t size)
{
	size_t len = 0;

	for (;;) {
		int64_t n = mst_http_read(http, out + len, size - len - 1, &err);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	out[len] = '\0';
	return (int64_t)len;
}

static void reads(const char *answer, int status, const char *body)
{
	for (size_t step = 1; step < 40; step += 6) {
		static struct peer peer;
		struct mst_http http;
		pthread_t thread;
		char out[4096];

		join_peer(&http, &peer, &thread, answer, step);
		assert_int_equal(mst_http_head(&http, &err), MST_OK);
		assert_int_equal(http.status, status);
		assert_int_equal(read_all(&http, out, sizeof(out)), strlen(body));
		assert_string_equal(out, body);
		mst_http_close(&http);
		pthread_join(thread, NULL);
	}
}

static void fails(const char *answer, int code)
{
	for (size_t step = 1; step < 40; step += 13) {
		static struct peer peer;
		struct mst_http http;
		pthread_t thread;
		char out[4096];
		int64_t rc;

		join_peer(&http, &peer, &thread, answer, step);
		rc = mst_http_head(&http, &err);
		if (rc == MST_OK)
			rc = read_all(&http, out, sizeof(out));
		assert_int_equal(rc, code);
		assert_true(err.text[0] != '\0');
		mst_http_close(&http);
		pthread_join(thread, NULL);
	}
}

static void test_bodies(void **state)
{
	(void)state;
	reads("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
	reads("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404, "");
	reads("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", 202, "{}");
	reads("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", 200, "until the end");
	reads("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
}

static void test_chunks(void **state)
{
	(void)state;
	reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nC;x=y\r\n, chunked wo\r\n3\r\nrld\r\n0\r\n\r\n",
	      200, "hello, chunked world");
	reads("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "");
}

static void test_what_is_cut_or_wrong(void **state)
{
	(void)state;
	fails("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", MST_E_UNAVAILABLE);
	fails("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", MST_E_UNAVAILABLE);
	fails("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhel", MST_E_FAILED);
	fails("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhel", MST_E_FAILED);
	fails("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", MST_E_FAILED);
	fails("SSH-2.0-OpenSSH_9.2\r\n", MST_E_FAILED);
	fails("", MST_E_UNAVAILABLE);
}

static void test_an_endless_head_is_refused(void **state)
{
	char *answer = malloc(200001);

	(void)state;
	memset(answer, 'x', 200000);
	memcpy(answer, "HTTP/1.1 200 OK\r\nX: ", 20);
	answer[200000] = '\0';
	{
		static struct peer peer;
		struct mst_http http;
		pthread_t thread;

		join_peer(&http, &peer, &thread, answer, 5000);
		assert_int_equal(mst_http_head(&http, &err), MST_E_LIMIT);
		mst_http_close(&http);
		pthread_join(thread, NULL);
	}
	free(answer);
}

static void test_an_api_error_keeps_its_word_and_text(void **state)
{
	static struct peer peer;
	struct mst_client client = {0};
	struct json_object *answer = NULL;
	pthread_t thread;

	(void)state;
	join_peer(
	        &client.http, &peer, &thread,
	        "HTTP/1.1 403 Forbidden\r\nContent-Length: 44\r\n\r\n{\"error\":\"refused\",\"text\":\"never_scan says\"}",
	        7);
	assert_int_equal(mst_client_call(&client, "GET", "/v1/x", NULL, &answer, &err), MST_E_REFUSED);
	assert_string_equal(err.text, "never_scan says");
	assert_null(answer);
	mst_http_close(&client.http);
	pthread_join(thread, NULL);
	assert_non_null(strstr(peer.got, "GET /v1/x HTTP/1.1\r\n"));
}

static int count_item(void *data, struct json_object *item)
{
	int64_t *sum = data;

	*sum += mst_json_int(item, "n", 0);
	return *sum > 100 ? MST_E_END : MST_OK;
}

static int lines(const char *body, int64_t *sum)
{
	static struct peer peer;
	struct mst_client client = {0};
	pthread_t thread;
	char answer[1024];
	int rc;

	snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", body);
	join_peer(&client.http, &peer, &thread, answer, 3);
	*sum = 0;
	rc = mst_client_lines(&client, "/v1/x", count_item, sum, &err);
	mst_http_close(&client.http);
	pthread_join(thread, NULL);
	return rc;
}

static void test_lines(void **state)
{
	int64_t sum;

	(void)state;
	assert_int_equal(lines("{\"n\":1}\n{\"n\":2}\n\n{\"n\":3}\n", &sum), MST_OK);
	assert_int_equal(sum, 6);
	assert_int_equal(lines("{\"n\":101}\n{\"n\":2}\n", &sum), MST_E_END);
	assert_int_equal(sum, 101);
	assert_int_equal(lines("{\"n\":1}\nnonsense\n", &sum), MST_E_CORRUPT);
	assert_int_equal(lines("{\"n\":1}\n{\"error\":\"full\",\"text\":\"disk\"}\n", &sum), MST_E_FULL);
}

static void test_encode(void **state)
{
	struct mst_buf out;

	(void)state;
	mst_buf_init(&out, 1000);
	mst_http_encode(&out, "a b/c?d=1&e\r\n\xc3\xa4~");
	assert_string_equal(mst_buf_text(&out), "a%20b%2Fc%3Fd%3D1%26e%0D%0A%C3%A4~");
	mst_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_bodies),
	        cmocka_unit_test(test_chunks),
	        cmocka_unit_test(test_what_is_cut_or_wrong),
	        cmocka_unit_test(test_an_endless_head_is_refused),
	        cmocka_unit_test(test_an_api_error_keeps_its_word_and_text),
	        cmocka_unit_test(test_lines),
	        cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
