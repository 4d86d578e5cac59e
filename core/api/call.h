/* SPDX-License-Identifier: Apache-2.0 */
/* One request as its handler sees it: who asks, for what, a body to read, an answer to write. */
#ifndef MST_API_CALL_H
#define MST_API_CALL_H

#include <json-c/json.h>
#include <microhttpd.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/route.h"
#include "base/buf.h"
#include "secret/secret.h"

struct mst_api {
	struct mst_api_setup setup;
	struct MHD_Daemon *daemon;
	pthread_key_t store_key; /* the thread's store */
	atomic_uint clients;
	struct mst_task *task; /* the one that there is, or NULL */
	pthread_mutex_t task_lock;
	int64_t started;
};

/* A body that is made while it is sent: memory stays flat however long it is. */
struct mst_stream {
	/* Appends the next piece. MST_E_END after the last. */
	int (*next)(void *data, struct mst_buf *out, struct mst_err *err);
	void (*free)(void *data);
	void *data;
	struct mst_buf pending;
};

struct mst_call {
	struct mst_api *api;
	struct mst_store *store;             /* this thread's; opened before the handler is called */
	const struct mst_settings *settings; /* in force when the handler was called, while it runs */
	struct MHD_Connection *connection;
	const struct mst_route *route;
	const char *method, *path;
	char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE];
	uid_t uid;   /* of the caller */
	char by[64]; /* its name */
	bool ndjson; /* it asked for application/x-ndjson */
	/* body */
	struct mst_buf body;       /* whole, except for uploads and secrets */
	struct mst_secret *secret; /* the body of such a route */
	char upload[4200];         /* file that an upload was streamed to; a handler that keeps it empties this */
	int upload_fd;
	int64_t upload_bytes;
	bool early;        /* the handler was called while the upload came in */
	int failed_status; /* not 0: refused while the body came in */
	struct mst_err failed;
	/* answer: one of these */
	int status; /* HTTP; 0: 200 */
	struct json_object *answer;
	struct mst_buf text;      /* with content_type */
	const char *content_type; /* static */
	struct mst_stream *stream;
};

/* Query argument, NULL when missing. */
const char *mst_call_query(struct mst_call *call, const char *name);
/* Query argument as a number within minimum..maximum. */
int mst_call_query_int(struct mst_call *call, const char *name, int64_t minimum, int64_t maximum, int64_t fallback,
                       int64_t *out, struct mst_err *err);
/* The body as a JSON object; an empty body is an empty object. Caller puts it. */
int mst_call_json(struct mst_call *call, struct json_object **out, struct mst_err *err);
/* Answers 202 and the engine's answer to `verb`. `arguments` are taken over. */
int mst_call_engine(struct mst_call *call, int verb, struct json_object *arguments, int status, struct mst_err *err);
/* The stream owns `data`, also when it cannot be made. */
int mst_call_stream(struct mst_call *call, int (*next)(void *, struct mst_buf *, struct mst_err *),
                    void (*free_data)(void *), void *data, struct mst_err *err);

/* body.c */
/* The server's own copy of a secret's piece is zeroed. */
int mst_body_take(struct mst_call *call, const char *data, size_t *size);
void mst_call_drop_upload(struct mst_call *call); /* the file that nobody took over is removed */
void mst_call_free(struct mst_call *call);
/* respond.c */
enum MHD_Result mst_respond(struct mst_call *call, int rc, const struct mst_err *err);
/* HTTP status of an error. */
int mst_respond_status(const struct mst_call *call, int code);

/* Handlers. */
int mst_api_reload(struct mst_call *call, struct mst_err *err);
int mst_api_zones(struct mst_call *call, struct mst_err *err);
int mst_api_zone(struct mst_call *call, struct mst_err *err);
/* status.c: can some source tell managed from unmanaged? */
int mst_api_managed_determined(struct mst_call *call, bool *out, struct mst_err *err);
int mst_api_status(struct mst_call *call, struct mst_err *err);
int mst_api_columns(struct mst_call *call, struct mst_err *err);
int mst_api_interfaces(struct mst_call *call, struct mst_err *err);
int mst_api_interface(struct mst_call *call, struct mst_err *err);
int mst_api_unmerge(struct mst_call *call, struct mst_err *err);
int mst_api_label(struct mst_call *call, struct mst_err *err);
int mst_api_ignore(struct mst_call *call, struct mst_err *err);
int mst_api_runs(struct mst_call *call, struct mst_err *err);
int mst_api_run(struct mst_call *call, struct mst_err *err);
int mst_api_run_start(struct mst_call *call, struct mst_err *err);
int mst_api_run_cancel(struct mst_call *call, struct mst_err *err);
int mst_api_run_retry(struct mst_call *call, struct mst_err *err);
int mst_api_import(struct mst_call *call, struct mst_err *err);
int mst_api_profiles(struct mst_call *call, struct mst_err *err);
int mst_api_profile(struct mst_call *call, struct mst_err *err);
int mst_api_profile_test(struct mst_call *call, struct mst_err *err);
int mst_api_labels(struct mst_call *call, struct mst_err *err);
int mst_api_label_put(struct mst_call *call, struct mst_err *err);
int mst_api_label_delete(struct mst_call *call, struct mst_err *err);
int mst_api_label_test(struct mst_call *call, struct mst_err *err);
int mst_api_secrets(struct mst_call *call, struct mst_err *err);
int mst_api_secret_put(struct mst_call *call, struct mst_err *err);
int mst_api_secret_delete(struct mst_call *call, struct mst_err *err);
int mst_api_locations(struct mst_call *call, struct mst_err *err);
int mst_api_locations_put(struct mst_call *call, struct mst_err *err);

/* history.c */
int mst_api_history(struct mst_call *call, struct mst_err *err);
/* The time in the query argument `at`; 0: there is none. */
int mst_call_at(struct mst_call *call, int64_t *at, struct mst_err *err);
/* What mst_api_interface and mst_api_interfaces answer with `at`. */
int mst_api_interface_at(struct mst_call *call, int64_t at, struct mst_err *err);
int mst_api_interfaces_at(struct mst_call *call, int64_t at, struct mst_err *err);
/* coverage.c */
int mst_api_coverage(struct mst_call *call, struct mst_err *err);
/* Tells of networks that were covered once and not for 30 days; at most three. */
int mst_coverage_attend(struct mst_call *call,
                        void (*attend)(void *data, const char *subject, const char *text, const char *next), void *data,
                        struct mst_err *err);
/* store.c, tasks.c */
int mst_api_store(struct mst_call *call, struct mst_err *err);
int mst_api_backup(struct mst_call *call, struct mst_err *err);
int mst_api_verify(struct mst_call *call, struct mst_err *err);
int mst_api_task(struct mst_call *call, struct mst_err *err);
int mst_api_task_drop(struct mst_call *call, struct mst_err *err);
int mst_api_task_content(struct mst_call *call, struct mst_err *err);
struct mst_store_growth;
struct json_object *mst_store_growth_json(const struct mst_store_growth *growth);
/* Stops the task at hand and waits for its thread. */
void mst_tasks_end(struct mst_api *api);

/* interfaces.c: the one interface that a key (id, uuid, address, MAC, name) names. MST_E_NOT_FOUND; MST_E_CONFLICT leaves an answer
 * with the candidates. Caller puts *out, which must be NULL before. */
int mst_interface_find(struct mst_call *call, const char *key, struct json_object **out, struct mst_err *err);

/* filter.c: a filter over this store: runs may be named by number. As mst_filter_parse_in. */
struct mst_column;
int mst_call_filter(struct mst_call *call, const char *text, const struct mst_column *columns, size_t count,
                    bson_t *out, struct mst_err *err);

/* importing.c: an import room over this call's store, for what operators change by hand. */
struct mst_import;
struct mst_import_settings;
struct mst_call_import {
	struct mst_import_settings *settings;
	struct mst_import *import;
};
int mst_call_import_open(struct mst_call *call, struct mst_call_import *out, struct mst_err *err);
void mst_call_import_close(struct mst_call_import *import);

/* doc.c: stored documents as JSON text. */
enum mst_doc_kind { MST_DOC_PLAIN = 1, MST_DOC_INTERFACE, MST_DOC_SHARD };
void mst_api_json(const bson_t *doc, int kind, struct mst_buf *out);
/* The same as an object; NULL without memory. */
struct json_object *mst_api_object(const bson_t *doc, int kind);

/* respond.c: the whole of `items` (taken over) as a listing: { items, total, next } or one object a line. */
int mst_call_items(struct mst_call *call, struct json_object *items, struct mst_err *err);

/* page.c: lists. */
struct mst_page {
	const char *collection;
	const struct mst_column *columns; /* what filter and sort may name; NULL: no filter */
	size_t column_count;
	const char *default_sort; /* in the sort grammar; NULL: by _id */
	int kind;                 /* enum mst_doc_kind */
	/* Appends members to the answer of a page (,"name":value); NULL: none. */
	int (*extra)(struct mst_call *call, struct mst_buf *out, struct mst_err *err);
};
/* Answers { items, total, total_exact, next }, or streams all as ndjson. Counting goes no further than MST_COUNT_MOST and takes
 * about as long as finding did: where total_exact is false, there are at least `total`. */
#define MST_COUNT_MOST 10000
int mst_page_answer(struct mst_call *call, const struct mst_page *page, struct mst_err *err);
/* All documents that match, at most `limit`, as an array. */
int mst_page_array(struct mst_call *call, const struct mst_find *find, int kind, struct json_object **out,
                   struct mst_err *err);

/* network.c: this machine's networks, [ { network, interface } ]. */
struct json_object *mst_local_networks(void);

#endif
