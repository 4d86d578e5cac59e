/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 over a unix socket: just what one client needs of one server that it trusts to be musterd. */
#ifndef MST_CLI_HTTP_H
#define MST_CLI_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct mst_http {
	int fd;
	struct mst_buf in; /* received, not yet used */
	int status;        /* of the answer at hand */
	bool chunked;
	bool in_chunks; /* past the first chunk's size */
	int64_t left;   /* bytes left of the body or of the chunk; -1: until the peer closes */
	bool ended;     /* the body is over */
	bool keep;      /* the connection may be used again */
};

/* Connects with a time limit on every later read and write (MST_CLIENT_TIMEOUT_MS). MST_E_UNAVAILABLE when nobody listens. */
int mst_http_connect(struct mst_http *http, const char *socket_path, struct mst_err *err);
void mst_http_close(struct mst_http *http);
/* Sends a request whose body is `body` (NULL: none). */
int mst_http_send(struct mst_http *http, const char *method, const char *path, const char *content_type,
                  const char *accept, const void *body, size_t len, struct mst_err *err);
/* Sends a request whose body is what `fd` gives until its end, in chunks. `sent` counts bytes for progress, may be NULL. */
int mst_http_send_stream(struct mst_http *http, const char *method, const char *path, const char *content_type, int fd,
                         void (*sent)(void *data, int64_t bytes), void *data, struct mst_err *err);
/* Reads the answer's head; status is then set. */
int mst_http_head(struct mst_http *http, struct mst_err *err);
/* Body bytes: more than 0, 0 at its end, negative on error. */
int64_t mst_http_read(struct mst_http *http, void *buffer, size_t size, struct mst_err *err);
/* Appends percent-encoded text. */
void mst_http_encode(struct mst_buf *out, const char *text);

#endif
