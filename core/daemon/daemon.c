/* SPDX-License-Identifier: Apache-2.0 */
/* The life of musterd: lock, store, engine, API, loop; and back. */
#include "daemon/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "api/api.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"
#include "conf/shared.h"
#include "import/locations.h"
#include "job/engine.h"
#include "plugin/manifest.h"
#include "secret/vault.h"
#include "store/filter.h"
#include "store/store.h"

#define MAX_LOG (4 << 20)
/* A private daemon that nobody ever calls: its starter died. */
#define FIRST_CLIENT_MS 10000

struct daemon {
	struct mst_daemon_options *options;
	struct mst_daemon_places places;
	struct mst_daemon_lock lock;
	struct mst_paths paths;
	struct mst_settings_box box;
	const struct mst_settings *settings; /* of the start */
	struct mst_shared_settings *first;
	struct mst_plugin_list plugins;
	const struct mst_method_def **methods;
	struct json_object *store_options;
	const struct mst_manifest *store_plugin;
	struct mst_store_class *store_class;
	struct mst_vault *vault;
	struct mst_engine *engine;
	struct mst_api *api;
	uv_loop_t loop;
	uv_signal_t terminate, interrupt, hangup;
	uv_timer_t linger;
	uv_async_t clients;
	bool net_raw, has_settings, has_plugins, stopping, stopped, called;
	bool labels_changed, locations_new;
};

static int load_plugins(struct daemon *d, struct mst_err *err)
{
	const char *directory = d->options->plugin_dir ? d->options->plugin_dir : d->paths.plugin_dir;
	size_t count = 0;
	int rc = mst_plugin_list_load(&d->plugins, directory, d->paths.worker,
	                              d->places.cache[0] ? d->places.cache : NULL, err);

	if (rc != MST_OK)
		return rc;
	d->has_plugins = true;
	for (size_t i = 0; i < d->plugins.fault_count; i++)
		mst_log(MST_LOG_WARNING, "daemon", "%s", d->plugins.faults[i].text);
	for (size_t i = 0; i < d->plugins.count; i++)
		count += d->plugins.plugins[i].method_count;
	d->methods = calloc(count + 1, sizeof(const struct mst_method_def *));
	return d->methods ? MST_OK : mst_err_no_memory(err);
}

static size_t discovery_methods(struct daemon *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->plugins.count; i++)
		for (size_t m = 0; d->plugins.plugins[i].discovery && m < d->plugins.plugins[i].method_count; m++)
			d->methods[n++] = &d->plugins.plugins[i].methods[m].def;
	return n;
}

/* The grammar of a label's condition is the store's. */
static int check_when(const char *when, struct mst_err *err)
{
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	bson_t filter;
	int rc = mst_filter_parse(when, columns, count, mst_time_now(), &filter, err);

	if (rc == MST_OK)
		bson_destroy(&filter);
	return rc;
}

/* The file that the configuration names is part of it: with a fault in it, nothing of it is taken over. */
static int check_locations(const struct mst_settings *settings, struct mst_err *err)
{
	struct mst_locations locations = {.items = NULL};
	struct mst_buf csv, faults;
	int rc;

	if (!settings->locations_path)
		return MST_OK;
	mst_buf_init(&csv, MST_MAX_LOCATIONS_FILE);
	mst_buf_init(&faults, MST_ERR_TEXT);
	rc = mst_file_read(settings->locations_path, MST_MAX_LOCATIONS_FILE, &csv, err);
	if (rc == MST_OK && mst_locations_parse(&locations, mst_buf_text(&csv), csv.len, &faults) != MST_OK) {
		const char *text = mst_buf_text(&faults);

		rc = mst_err_set(err, MST_E_USAGE, "%s: %.*s", settings->locations_path, (int)strcspn(text, "\n"),
		                 text);
	}
	mst_locations_free(&locations);
	mst_buf_free(&csv);
	mst_buf_free(&faults);
	return rc;
}

static void log_idle(const struct mst_settings *settings)
{
	for (size_t i = 0; i < settings->idle.count; i++)
		mst_log(MST_LOG_WARNING, "conf", "%s:%d: %s", settings->idle.items[i].file,
		        settings->idle.items[i].line, settings->idle.items[i].text);
}

static int load_settings(void *data, struct mst_settings *out, struct mst_err *err)
{
	struct daemon *d = data;
	struct mst_faults faults = {.items = NULL};
	char path[PATH_MAX];
	bool have = mst_daemon_config(d->options, path);
	int rc;

	mst_settings_set_when_check(check_when);
	rc = mst_settings_load(out, have ? path : NULL, d->methods, discovery_methods(d), &faults, err);
	for (size_t i = 0; i < faults.count; i++)
		mst_log(MST_LOG_ERROR, "conf", "%s:%d: %s", faults.items[i].file, faults.items[i].line,
		        faults.items[i].text);
	if (rc != MST_OK && faults.count > 1) {
		struct mst_err first = *err;

		mst_err_set(err, rc, "%s (and %zu more: muster config check)", first.text, faults.count - 1);
	}
	if (rc == MST_OK && d->engine)
		log_idle(out);
	if (rc == MST_OK)
		rc = check_locations(out, err);
	if (rc != MST_OK)
		mst_settings_free(out);
	mst_faults_free(&faults);
	return rc;
}

static int first_settings(struct daemon *d, struct mst_err *err)
{
	struct mst_settings settings;
	int rc = load_settings(d, &settings, err);

	if (rc != MST_OK)
		return rc;
	d->first = mst_settings_share(&settings);
	if (!d->first) {
		mst_settings_free(&settings);
		return mst_err_no_memory(err);
	}
	mst_settings_box_init(&d->box, mst_settings_use(d->first));
	d->settings = mst_settings_of(d->first);
	d->has_settings = true;
	return MST_OK;
}

static int find_store_plugin(struct daemon *d, struct mst_err *err)
{
	const char *kind = d->settings->store_kind ? d->settings->store_kind : "sqlite";
	const struct mst_method *method = mst_plugin_list_method(&d->plugins, kind, &d->store_plugin);

	if (!method || !d->store_plugin->store)
		return mst_err_set(err, MST_E_NOT_FOUND,
		                   "no plugin in %s offers the store \"%s\": 'muster plugins' says why",
		                   d->options->plugin_dir ? d->options->plugin_dir : d->paths.plugin_dir, kind);
	d->store_options = json_object_new_object();
	mst_json_add_text(d->store_options, "path", d->places.store);
	return MST_OK;
}

/* The log of a private daemon is beside its store; at a terminal it is the terminal. */
static void open_log(struct daemon *d)
{
	struct stat st;
	int fd;

	if (!d->options->is_private || isatty(2))
		return;
	fd = open(d->places.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > MAX_LOG && ftruncate(fd, 0) != 0)
		mst_log(MST_LOG_WARNING, "daemon", "%s is over 4 MiB and cannot be emptied", d->places.log);
	(void)dup2(fd, 2);
	close(fd);
	mst_log_times(true);
}

static void request_stop(struct daemon *d, const char *why);

static void maybe_end(struct daemon *d)
{
	if (d->stopping && !d->stopped && (!d->engine || !mst_engine_busy(d->engine))) {
		d->stopped = true;
		uv_stop(&d->loop);
	}
}

static void on_linger(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	if (mst_api_clients(d->api) == 0 && !mst_engine_busy(d->engine))
		request_stop(d, "no client and no run is left");
}

static void look_at_clients(struct daemon *d)
{
	if (!d->api || !d->options->is_private || d->stopping)
		return;
	if (mst_api_clients(d->api) > 0 || mst_engine_busy(d->engine)) {
		d->called = d->called || mst_api_clients(d->api) > 0;
		uv_timer_stop(&d->linger);
	} else if (!uv_is_active((uv_handle_t *)&d->linger)) {
		uv_timer_start(&d->linger, on_linger, d->called ? MST_PRIVATE_LINGER_MS : FIRST_CLIENT_MS, 0);
	}
}

static void on_clients(uv_async_t *handle)
{
	struct daemon *d = handle->data;

	if (mst_api_clients(d->api) > 0 || !d->called) {
		/* A client that came and went between two looks counts as well. */
		d->called = true;
		uv_timer_stop(&d->linger);
	}
	look_at_clients(d);
}

static void clients_changed(void *data)
{
	struct daemon *d = data;

	uv_async_send(&d->clients);
}

static void engine_changed(void *data)
{
	look_at_clients(data);
	maybe_end(data);
}

static void request_stop(struct daemon *d, const char *why)
{
	if (d->stopping)
		return;
	mst_log(MST_LOG_INFO, "daemon", "ending: %s", why);
	d->stopping = true;
	mst_engine_stop(d->engine, "musterd was stopped; retry the run to do the rest");
	maybe_end(d);
}

static void on_hangup(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	(void)number;
	if (d->engine && !d->stopping)
		mst_engine_hup(d->engine);
}

static void on_signal(uv_signal_t *handle, int number)
{
	request_stop(handle->data, number == SIGINT ? "interrupted" : "told to stop");
}

static int start_store(struct daemon *d, struct mst_store **store, struct mst_err *err)
{
	int rc = mst_store_class_new(&d->store_class, d->store_plugin->path, d->store_options, err);

	if (rc == MST_OK)
		rc = mst_store_open(store, d->store_class, true, err);
	if (rc == MST_OK)
		rc = mst_job_mirror(*store, d->settings, &d->labels_changed, err);
	if (rc == MST_OK)
		d->locations_new = mst_job_locations_new(*store, d->settings);
	return rc;
}

static void start_loop(struct daemon *d)
{
	uv_loop_init(&d->loop);
	uv_signal_init(&d->loop, &d->terminate);
	uv_signal_init(&d->loop, &d->interrupt);
	uv_signal_init(&d->loop, &d->hangup);
	uv_timer_init(&d->loop, &d->linger);
	uv_async_init(&d->loop, &d->clients, on_clients);
	d->terminate.data = d->interrupt.data = d->hangup.data = d->linger.data = d->clients.data = d;
	uv_signal_start(&d->terminate, on_signal, SIGTERM);
	uv_signal_start(&d->interrupt, on_signal, SIGINT);
	uv_signal_start(&d->hangup, on_hangup, SIGHUP);
}

static void provision(void *data)
{
	struct daemon *d = data;
	struct mst_shared_settings *now = mst_settings_box_use(&d->box);

	mst_daemon_provision(&d->loop, d->paths.muster, d->options, mst_settings_of(now)->provision);
	mst_settings_drop(now);
}

static int start_engine(struct daemon *d, struct mst_store *store, struct mst_err *err)
{
	const struct mst_engine_setup setup = {.loop = &d->loop,
	                                       .box = &d->box,
	                                       .plugins = &d->plugins,
	                                       .store_class = d->store_class,
	                                       .store = store,
	                                       .store_plugin = d->store_plugin->path,
	                                       .store_options = d->store_options,
	                                       .worker = d->paths.worker,
	                                       .spool = d->places.spool,
	                                       .vault = d->vault,
	                                       .net_raw = d->net_raw,
	                                       .max_spool = MST_MAX_SPOOL,
	                                       .load = load_settings,
	                                       .changed = engine_changed,
	                                       .signalled = provision,
	                                       .data = d};

	int rc = mst_engine_new(&d->engine, &setup, err);

	if (rc == MST_OK && (d->locations_new || d->labels_changed))
		mst_engine_arrange(d->engine, d->locations_new);
	return rc;
}

static int start_api(struct daemon *d, struct mst_err *err)
{
	struct mst_api_setup setup = {.engine = d->engine,
	                              .vault = d->vault,
	                              .store_class = d->store_class,
	                              .box = &d->box,
	                              .plugins = &d->plugins,
	                              .store_kind = d->settings->store_kind ? d->settings->store_kind : "sqlite",
	                              .store_path = d->places.store,
	                              .spool = d->places.spool,
	                              .socket_path = d->places.socket,
	                              .is_private = d->options->is_private,
	                              .clients = clients_changed,
	                              .data = d};
	int rc = mst_daemon_listen(d->places.socket, d->options->is_private, &setup.listen_fd, err);

	if (rc == MST_OK)
		rc = mst_daemon_lock_write(&d->lock, &d->places, d->options->is_private, err);
	if (rc == MST_OK)
		rc = mst_api_new(&d->api, &setup, err);
	if (rc != MST_OK && setup.listen_fd >= 0)
		close(setup.listen_fd);
	return rc;
}

/* The plugins' cache lies beside the store, whose place the configuration may name, whose checking needs the plugins: so for
 * the cache the usual place is taken. */
static int usual_places(struct daemon *d, struct mst_err *err)
{
	if (d->options->store || d->options->is_private)
		return mst_daemon_places_find(&d->places, d->options, NULL, err);
	if (access(MST_STATEDIR, W_OK) == 0)
		snprintf(d->places.cache, sizeof(d->places.cache), "%s", MST_STATEDIR "/plugins.json");
	return MST_OK;
}

static int prepare(struct daemon *d, struct mst_err *err)
{
	int rc = mst_daemon_harden(&d->net_raw, err);

	if (rc == MST_OK)
		rc = mst_paths_find(&d->paths, err);
	if (rc == MST_OK)
		rc = usual_places(d, err);
	if (rc == MST_OK)
		rc = load_plugins(d, err);
	if (rc == MST_OK)
		rc = first_settings(d, err);
	if (rc == MST_OK && !d->options->store)
		rc = mst_daemon_places_find(&d->places, d->options, d->settings->store_path, err);
	if (rc == MST_OK)
		rc = find_store_plugin(d, err);
	return rc;
}

static int start(struct daemon *d, struct mst_err *err)
{
	struct mst_store *store = NULL;
	int rc = prepare(d, err);

	if (rc == MST_OK)
		rc = mst_daemon_lock_take(&d->lock, &d->places, d->options->is_private, err);
	if (rc != MST_OK)
		return rc;
	open_log(d);
	log_idle(d->settings);
	start_loop(d);
	rc = mst_vault_new(&d->vault, d->places.stem, getenv("CREDENTIALS_DIRECTORY"), err);
	if (rc == MST_OK)
		rc = start_store(d, &store, err);
	if (rc == MST_OK)
		rc = start_engine(d, store, err);
	if (store)
		mst_store_close(store);
	if (rc == MST_OK)
		rc = start_api(d, err);
	return rc;
}

static void close_handle(uv_handle_t *handle, void *data)
{
	(void)data;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void finish(struct daemon *d)
{
	mst_api_free(d->api);
	if (d->api)
		(void)unlink(d->places.socket);
	if (d->engine)
		mst_engine_free(d->engine);
	uv_walk(&d->loop, close_handle, NULL);
	while (uv_run(&d->loop, UV_RUN_DEFAULT) != 0)
		continue;
	(void)uv_loop_close(&d->loop);
	if (d->store_class)
		mst_store_class_free(d->store_class);
	mst_daemon_lock_drop(&d->lock);
}

static void forget(struct daemon *d)
{
	mst_vault_free(d->vault);
	json_object_put(d->store_options);
	if (d->has_settings)
		mst_settings_box_free(&d->box);
	mst_settings_drop(d->first);
	free(d->methods);
	if (d->has_plugins)
		mst_plugin_list_free(&d->plugins);
}

int mst_daemon_run(struct mst_daemon_options *options)
{
	struct daemon *d = calloc(1, sizeof(*d));
	struct mst_err err = {.code = MST_OK};
	int rc;

	if (!d)
		return 1;
	d->options = options;
	d->lock.fd = -1;
	rc = mst_daemon_detach(options, &err);
	if (rc == MST_OK)
		rc = start(d, &err);
	if (rc != MST_OK) {
		fprintf(stderr, "musterd: %s\n", err.text);
		mst_daemon_ready(options, &d->places, &d->lock, &err);
		_exit(mst_code_exit(rc)); /* what was started half-way ends with the process */
	}
	mst_log(MST_LOG_INFO, "daemon", "musterd %s has %s, socket %s%s", MST_VERSION, d->places.store,
	        d->places.socket, options->is_private ? ", private" : "");
	mst_daemon_ready(options, &d->places, &d->lock, NULL);
	provision(d);
	look_at_clients(d);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	finish(d);
	forget(d);
	free(d);
	return 0;
}
