/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"

#define READ_SIZE 65536u

int mst_http_connect(struct mst_http *http, const char *socket_path, struct mst_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = MST_CLIENT_TIMEOUT_MS / 1000};
	size_t len = strlen(socket_path);

	memset(http, 0, sizeof(*http));
	http->fd = -1;
	if (len >= sizeof(address.sun_path))
		return mst_err_set(err, MST_E_USAGE,
		                   "socket path %s has %zu bytes, at most %zu fit: use a shorter folder", socket_path,
		                   len, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, socket_path, len + 1);
	http->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (http->fd < 0)
		return mst_err_errno(err, errno, "cannot make a socket");
	(void)setsockopt(http->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(http->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(http->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int saved = errno;

		close(http->fd);
		http->fd = -1;
		return mst_err_set(err, MST_E_UNAVAILABLE, "no service answers on %s: %s", socket_path,
		                   strerror(saved));
	}
	mst_buf_init(&http->in, MST_MAX_HEADERS + READ_SIZE);
	return MST_OK;
}

void mst_http_close(struct mst_http *http)
{
	if (http->fd >= 0)
		close(http->fd);
	http->fd = -1;
	mst_buf_free(&http->in);
}

static int send_all(struct mst_http *http, const void *data, size_t len, struct mst_err *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = send(http->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return mst_err_set(err, MST_E_TIMEOUT,
			                   "the service took nothing for %d s: look at its log, or stop it",
			                   MST_CLIENT_TIMEOUT_MS / 1000);
		if (n < 0)
			return mst_err_set(err, MST_E_UNAVAILABLE, "the service closed the connection: %s",
			                   strerror(errno));
		at += n;
		len -= (size_t)n;
	}
	return MST_OK;
}

static int send_head(struct mst_http *http, const char *method, const char *path, const char *content_type,
                     const char *accept, int64_t length, struct mst_err *err)
{
	struct mst_buf head;
	int rc;

	mst_buf_init(&head, MST_MAX_HEADERS);
	mst_buf_printf(&head, "%s %s HTTP/1.1\r\nHost: muster\r\nAccept: %s\r\n", method, path,
	               accept ? accept : "application/json");
	if (content_type)
		mst_buf_printf(&head, "Content-Type: %s\r\n", content_type);
	if (length >= 0)
		mst_buf_printf(&head, "Content-Length: %lld\r\n\r\n", (long long)length);
	else
		mst_buf_str(&head, "Transfer-Encoding: chunked\r\n\r\n");
	rc = head.failed ? mst_err_set(err, MST_E_USAGE, "the request is longer than %u bytes: shorten the filter",
	                               MST_MAX_HEADERS)
	                 : send_all(http, head.data, head.len, err);
	mst_buf_free(&head);
	return rc;
}

int mst_http_send(struct mst_http *http, const char *method, const char *path, const char *content_type,
                  const char *accept, const void *body, size_t len, struct mst_err *err)
{
	int rc = send_head(http, method, path, body ? content_type : NULL, accept, (int64_t)len, err);

	if (rc == MST_OK && len > 0)
		rc = send_all(http, body, len, err);
	return rc;
}

/* The server may refuse before it has read all: its answer matters more than our broken pipe. */
static int send_chunk(struct mst_http *http, const char *data, size_t len, struct mst_err *err)
{
	char size[32];
	int n = snprintf(size, sizeof(size), "%zx\r\n", len);
	int rc = send_all(http, size, (size_t)n, err);

	if (rc == MST_OK && len > 0)
		rc = send_all(http, data, len, err);
	if (rc == MST_OK)
		rc = send_all(http, "\r\n", 2, err);
	return rc;
}

int mst_http_send_stream(struct mst_http *http, const char *method, const char *path, const char *content_type, int fd,
                         void (*sent)(void *data, int64_t bytes), void *data, struct mst_err *err)
{
	static char block[READ_SIZE];
	int64_t total = 0;
	int rc = send_head(http, method, path, content_type, NULL, -1, err);

	while (rc == MST_OK) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mst_err_errno(err, errno, "cannot read the file");
		rc = send_chunk(http, block, (size_t)n, err);
		total += n;
		if (sent)
			sent(data, total);
		if (n == 0)
			break;
	}
	return rc == MST_E_UNAVAILABLE ? MST_OK : rc;
}

/* More bytes into `in`; MST_E_END when the peer has closed. */
static int fill(struct mst_http *http, struct mst_err *err)
{
	static char block[READ_SIZE];

	for (;;) {
		ssize_t n = recv(http->fd, block, sizeof(block), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return mst_err_set(err, MST_E_TIMEOUT,
			                   "the service did not answer within %d s: look at its log, or stop it",
			                   MST_CLIENT_TIMEOUT_MS / 1000);
		if (n < 0)
			return mst_err_set(err, MST_E_UNAVAILABLE, "the connection to the service broke: %s",
			                   strerror(errno));
		if (n == 0)
			return MST_E_END;
		if (mst_buf_add(&http->in, block, (size_t)n) != 0)
			return mst_err_set(err, MST_E_LIMIT, "the service's answer has a head longer than %u bytes",
			                   MST_MAX_HEADERS);
		return MST_OK;
	}
}

/* The next CRLF line without its end; MST_E_UNAVAILABLE when the peer closes first. */
static int read_line(struct mst_http *http, char *line, size_t size, struct mst_err *err)
{
	for (;;) {
		const char *text = mst_buf_text(&http->in);
		const char *end = http->in.len ? memchr(text, '\n', http->in.len) : NULL;
		int rc;

		if (end) {
			size_t len = (size_t)(end - text);
			size_t used = len + 1;

			if (len > 0 && text[len - 1] == '\r')
				len--;
			if (len >= size)
				return mst_err_set(err, MST_E_LIMIT,
				                   "the service's answer has a header line of %zu bytes", len);
			memcpy(line, text, len);
			line[len] = '\0';
			mst_buf_consume(&http->in, used);
			return MST_OK;
		}
		rc = fill(http, err);
		if (rc == MST_E_END)
			return mst_err_set(err, MST_E_UNAVAILABLE,
			                   "the service closed the connection before it answered: look at its log");
		if (rc != MST_OK)
			return rc;
	}
}

static int take_header(struct mst_http *http, const char *line, struct mst_err *err)
{
	const char *value = strchr(line, ':');
	uint64_t length;

	if (!value)
		return mst_err_set(err, MST_E_FAILED, "the service answers in something that is not HTTP");
	for (value++; *value == ' ' || *value == '\t';)
		value++;
	if (strncasecmp(line, "Content-Length:", 15) == 0) {
		if (!mst_str_uint(value, INT64_MAX, &length))
			return mst_err_set(err, MST_E_FAILED, "the service sent a bad Content-Length");
		http->left = (int64_t)length;
	} else if (strncasecmp(line, "Transfer-Encoding:", 18) == 0) {
		http->chunked = strcasecmp(value, "chunked") == 0;
	} else if (strncasecmp(line, "Connection:", 11) == 0) {
		http->keep = strcasecmp(value, "close") != 0;
	}
	return MST_OK;
}

int mst_http_head(struct mst_http *http, struct mst_err *err)
{
	char line[8192];
	int rc;

	do {
		uint64_t status;

		rc = read_line(http, line, sizeof(line), err);
		if (rc != MST_OK)
			return rc;
		line[strlen(line) < 12 ? strlen(line) : 12] = '\0';
		if (strncmp(line, "HTTP/1.", 7) != 0 || strlen(line) < 12 || !mst_str_uint(line + 9, 999, &status))
			return mst_err_set(err, MST_E_FAILED, "the service answers in something that is not HTTP");
		http->status = (int)status;
		http->chunked = false;
		http->in_chunks = false;
		http->left = -1;
		http->keep = true;
		while ((rc = read_line(http, line, sizeof(line), err)) == MST_OK && line[0])
			if ((rc = take_header(http, line, err)) != MST_OK)
				return rc;
		if (rc != MST_OK)
			return rc;
	} while (http->status == 100);
	if (http->chunked)
		http->left = 0;
	http->ended = !http->chunked && (http->left == 0 || http->status == 204);
	return MST_OK;
}

/* At a chunk's border: reads the next size; at the last one also the trailer. */
static int next_chunk(struct mst_http *http, struct mst_err *err)
{
	char line[64];
	int rc = MST_OK;
	uint64_t size = 0;

	if (http->in_chunks)
		rc = read_line(http, line, sizeof(line), err);
	if (rc == MST_OK)
		rc = read_line(http, line, sizeof(line), err);
	if (rc != MST_OK)
		return rc;
	for (const char *at = line; *at && *at != ';'; at++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, *at | 0x20);

		if (!digit || size > (UINT64_MAX >> 5))
			return mst_err_set(err, MST_E_FAILED, "the service sent a bad chunk");
		size = size * 16 + (uint64_t)(digit - digits);
	}
	http->in_chunks = true;
	http->left = (int64_t)size;
	if (size == 0) {
		http->ended = true;
		return read_line(http, line, sizeof(line), err);
	}
	return MST_OK;
}

int64_t mst_http_read(struct mst_http *http, void *buffer, size_t size, struct mst_err *err)
{
	size_t n;
	int rc;

	if (http->ended)
		return 0;
	if (http->chunked && http->left == 0) {
		rc = next_chunk(http, err);
		if (rc != MST_OK)
			return rc;
		if (http->ended)
			return 0;
	}
	if (http->in.len == 0) {
		rc = fill(http, err);
		if (rc == MST_E_END && http->left < 0) {
			http->ended = true;
			return 0;
		}
		if (rc == MST_E_END)
			return mst_err_set(err, MST_E_UNAVAILABLE,
			                   "the service closed the connection in the middle of its answer");
		if (rc != MST_OK)
			return rc;
	}
	n = http->in.len < size ? http->in.len : size;
	if (http->left >= 0 && n > (size_t)http->left)
		n = (size_t)http->left;
	memcpy(buffer, http->in.data, n);
	mst_buf_consume(&http->in, n);
	if (http->left >= 0) {
		http->left -= (int64_t)n;
		if (http->left == 0 && !http->chunked)
			http->ended = true;
	}
	return (int64_t)n;
}

void mst_http_encode(struct mst_buf *out, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
		    strchr("-._~", *at))
			mst_buf_char(out, (char)*at);
		else
			mst_buf_printf(out, "%%%02X", *at);
	}
}
