/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's view of the API: JSON in, JSON out, errors as struct mst_err. */
#ifndef MST_CLI_CLIENT_H
#define MST_CLI_CLIENT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/error.h"
#include "cli/http.h"

/* Which service to talk to; all borrowed, NULL or false: not given. */
struct mst_target {
	const char *server;     /* --server: a unix socket's path */
	const char *store;      /* --store */
	const char *config;     /* --config */
	const char *plugin_dir; /* --plugin-dir */
	bool private_store;     /* --private */
};

struct mst_client {
	struct mst_http http;
	char socket_path[108];
	char store_path[4096]; /* "" when the service is the system's */
	bool is_private;
	bool connected;
};

/*
 * Connects: --server, else the system's socket when /etc/muster/muster.conf exists (MST_E_UNAVAILABLE with the cure when it
 * does not answer), else the owner of the private store, else a private musterd that is started for it. Says on stderr which
 * private store it is when `announce`.
 */
int mst_client_open(struct mst_client *client, const struct mst_target *target, bool announce, struct mst_err *err);
void mst_client_close(struct mst_client *client);
/* One request, one JSON answer (caller puts it). An API error becomes err and its code. `body` may be NULL. */
int mst_client_call(struct mst_client *client, const char *method, const char *path, struct json_object *body,
                    struct json_object **out, struct mst_err *err);
/* As call, with a text body of another type ("text/csv"). */
int mst_client_put_text(struct mst_client *client, const char *method, const char *path, const char *content_type,
                        const char *text, size_t len, struct json_object **out, struct mst_err *err);
/* Streams `fd` as the body; `sent` as in mst_http_send_stream. */
int mst_client_upload(struct mst_client *client, const char *path, const char *content_type, int fd,
                      void (*sent)(void *data, int64_t bytes), void *data, struct json_object **out,
                      struct mst_err *err);
/* The body of a GET into `fd`, at flat memory; `got` counts bytes, may be NULL; not 0 from it stops with MST_E_CANCELLED. A body that
 * breaks off is an error. *bytes receives its length. */
int mst_client_download(struct mst_client *client, const char *path, int fd, int (*got)(void *data, int64_t bytes),
                        void *data, int64_t *bytes, struct mst_err *err);
/* One call per NDJSON line, at flat memory; stops when fn returns not 0 and returns that. */
int mst_client_lines(struct mst_client *client, const char *path, int (*fn)(void *data, struct json_object *item),
                     void *data, struct mst_err *err);

/* connect.c: finds or starts the service; fills socket_path, store_path, is_private. */
int mst_client_find(struct mst_client *client, const struct mst_target *target, struct mst_err *err);

#endif
