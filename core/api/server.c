/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/call.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"

#define THREADS      4u
#define IDLE_SECONDS 60u

static void close_store(void *data)
{
	mst_store_close(data);
}

/* Each of the server's threads opens the store once and closes it when it ends. */
static int thread_store(struct mst_api *api, struct mst_store **out, struct mst_err *err)
{
	int rc;

	*out = pthread_getspecific(api->store_key);
	if (*out)
		return MST_OK;
	rc = mst_store_open(out, api->setup.store_class, false, err);
	if (rc == MST_OK && pthread_setspecific(api->store_key, *out) != 0) {
		mst_store_close(*out);
		rc = mst_err_no_memory(err);
	}
	return rc;
}

static void name_caller(struct mst_call *call)
{
	struct passwd entry, *found = NULL;
	char space[4096];

	if (getpwuid_r(call->uid, &entry, space, sizeof(space), &found) == 0 && found)
		snprintf(call->by, sizeof(call->by), "%s", found->pw_name);
	else
		snprintf(call->by, sizeof(call->by), "uid %lu", (unsigned long)call->uid);
}

/* A private daemon serves its own user and root, whoever may reach its socket. */
static int identify(struct mst_call *call, struct mst_err *err)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return mst_err_set(err, MST_E_REFUSED, "the caller cannot be identified");
	call->uid = peer.uid;
	name_caller(call);
	if (call->api->setup.is_private && peer.uid != geteuid() && peer.uid != 0)
		return mst_err_set(err, MST_E_REFUSED, "this is the private service of another user");
	return MST_OK;
}

/* A system service is talked to by everybody whom its socket lets in; its secrets are not theirs. */
static int check_owner(const struct mst_call *call, struct mst_err *err)
{
	if (call->uid == geteuid() || call->uid == 0)
		return MST_OK;
	return mst_err_set(
	        err, MST_E_REFUSED,
	        "secrets are set and removed by root and by the user that musterd runs as; you are %s: use sudo",
	        call->by);
}

static struct mst_call *call_new(struct mst_api *api, struct MHD_Connection *connection, const char *method,
                                 const char *path)
{
	struct mst_call *call = calloc(1, sizeof(*call));
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
	size_t count, body = MST_MAX_BODY;
	const struct mst_route *routes = mst_routes(&count);
	struct mst_err err = {.code = MST_OK};

	if (!call)
		return NULL;
	call->api = api;
	call->connection = connection;
	call->method = method;
	call->path = path;
	call->upload_fd = -1;
	call->ndjson = accept && strstr(accept, "application/x-ndjson");
	if (identify(call, &err) == MST_OK)
		(void)mst_route_find(routes, count, method, path, call->captures, &call->route, &err);
	if (call->route && (call->route->flags & MST_ROUTE_OWNER))
		(void)check_owner(call, &err);
	if (err.code == MST_OK && call->route && (call->route->flags & MST_ROUTE_SECRET)) {
		call->secret = mst_secret_new(MST_MAX_SECRET);
		if (!call->secret)
			mst_err_no_memory(&err);
	}
	if (err.code != MST_OK)
		call->failed = err;
	if (call->route && (call->route->flags & MST_ROUTE_LARGE))
		body = MST_API_LARGE_BODY;
	mst_buf_init(&call->body, body);
	mst_buf_init(&call->text, MST_API_LARGE_BODY);
	return call;
}

static enum MHD_Result handle(struct mst_call *call)
{
	struct mst_err err = {.code = MST_OK};
	struct mst_shared_settings *settings;
	int rc;

	if (call->failed.code != MST_OK) {
		mst_call_drop_upload(call);
		return mst_respond(call, call->failed.code, &call->failed);
	}
	if (call->upload_fd >= 0) {
		close(call->upload_fd);
		call->upload_fd = -1;
	}
	rc = thread_store(call->api, &call->store, &err);
	settings = mst_settings_box_use(call->api->setup.box);
	call->settings = mst_settings_of(settings);
	if (rc == MST_OK && !call->early)
		rc = call->route->handler(call, &err);
	call->settings = NULL;
	mst_settings_drop(settings);
	mst_call_drop_upload(call);
	if (rc != MST_OK && mst_code_http(rc) >= 500)
		mst_log(MST_LOG_WARNING, "api", "%s %s: %s", call->method, call->path, err.text);
	return mst_respond(call, rc, &err);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct mst_call *call = *state;

	(void)version;
	if (!call) {
		*state = call_new(data, connection, method, path);
		return *state ? MHD_YES : MHD_NO;
	}
	call->path = path;
	call->method = method;
	if (*upload_size > 0) {
		(void)mst_body_take(call, upload, upload_size);
		return MHD_YES;
	}
	return handle(call);
}

static void on_completed(void *data, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
	(void)data;
	(void)connection;
	(void)code;
	if (*state)
		mst_call_free(*state);
	*state = NULL;
}

static void on_connection(void *data, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
	struct mst_api *api = data;

	(void)connection;
	(void)state;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		atomic_fetch_add(&api->clients, 1);
	else
		atomic_fetch_sub(&api->clients, 1);
	if (api->setup.clients)
		api->setup.clients(api->setup.data);
}

int mst_api_new(struct mst_api **out, const struct mst_api_setup *setup, struct mst_err *err)
{
	struct mst_api *api = calloc(1, sizeof(*api));

	*out = NULL;
	if (!api)
		return mst_err_no_memory(err);
	api->setup = *setup;
	api->started = mst_time_monotonic();
	pthread_mutex_init(&api->task_lock, NULL);
	if (pthread_key_create(&api->store_key, close_store) != 0) {
		free(api);
		return mst_err_no_memory(err);
	}
	api->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request, api,
	                               MHD_OPTION_LISTEN_SOCKET, setup->listen_fd, MHD_OPTION_THREAD_POOL_SIZE, THREADS,
	                               MHD_OPTION_CONNECTION_LIMIT, MST_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
	                               IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	                               (size_t)MST_MAX_HEADERS + 65536u, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
	                               NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, api, MHD_OPTION_END);
	if (!api->daemon) {
		pthread_key_delete(api->store_key);
		free(api);
		return mst_err_set(err, MST_E_FAILED, "the HTTP server could not be started");
	}
	*out = api;
	return MST_OK;
}

void mst_api_free(struct mst_api *api)
{
	if (!api)
		return;
	MHD_stop_daemon(api->daemon);
	mst_tasks_end(api);
	pthread_mutex_destroy(&api->task_lock);
	pthread_key_delete(api->store_key);
	free(api);
}

unsigned mst_api_clients(const struct mst_api *api)
{
	return atomic_load(&api->clients);
}
