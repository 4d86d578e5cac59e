/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration says of interfaces that are stored already: the importer looks at all of them again, once it is free. */
#include <bson/bson.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "job/run.h"

#define ARRANGE_DEADLINE_MS (2 * 3600 * 1000)
/* A store that cannot be written now is tried again after this. */
#define ARRANGE_AGAIN_MS 10000

void mst_engine_arrange(struct mst_engine *engine, bool locations)
{
	engine->arrange = true;
	engine->arrange_locations |= locations;
}

static void on_line(void *data, struct json_object *line, const char *type)
{
	(void)data;
	if (strcmp(type, "log") == 0)
		mst_log(MST_LOG_INFO, "job", "importer: %s", mst_json_text(line, "text", ""));
}

/* So that the next start knows that this very file has been taken over. */
static void keep_stamp(struct mst_engine *engine)
{
	struct mst_batch *batch = NULL;
	bson_t *doc = BCON_NEW("_id", BCON_UTF8(MST_LOCATIONS_STAMP), "value", BCON_INT64(engine->arrange_stamp));

	if (mst_batch_new(&batch, NULL) == MST_OK && mst_batch_put(batch, "counters", doc) >= 0)
		mst_jobdb_write(engine->db, batch);
	else
		mst_batch_free(batch);
	bson_destroy(doc);
}

static void on_ended(void *data, const struct mst_process_end *end)
{
	struct mst_engine *engine = data;

	engine->importer = NULL;
	if (end->status == MST_OK && engine->arranging_locations)
		keep_stamp(engine);
	if (end->status != MST_OK) {
		mst_log(MST_LOG_ERROR, "job", "labels and locations could not be applied to what is stored: %s",
		        end->text[0] ? end->text : mst_code_name(end->status));
		/* A file that cannot be taken will not get better by itself. */
		if (end->status != MST_E_USAGE && end->status != MST_E_LIMIT && !engine->stopping)
			mst_engine_arrange(engine, engine->arranging_locations);
		engine->arrange_after = mst_time_monotonic() + ARRANGE_AGAIN_MS;
	}
	mst_engine_pump(engine);
}

static const struct mst_process_ops arrange_ops = {on_line, on_ended};

static struct json_object *arrange_job(const struct mst_engine *engine, bool locations)
{
	struct json_object *job = json_object_new_object();

	mst_json_add_int(job, "worker", 1);
	mst_json_add_text(job, "plugin", engine->setup.store_plugin);
	mst_json_put(job, "store", json_object_get(engine->setup.store_options));
	mst_json_add_text(job, "spool", engine->setup.spool);
	mst_json_put(job, "segments", json_object_new_array());
	mst_json_put(job, "finish", json_object_new_array());
	mst_json_put(job, "settings", json_object_get(engine->import_settings));
	mst_json_add_bool(job, "arrange", true);
	mst_json_add_bool(job, "locations", locations);
	mst_json_add_int(job, "deadline_ms", ARRANGE_DEADLINE_MS);
	return job;
}

void mst_arrange_pump(struct mst_engine *engine)
{
	struct mst_process_start start = {.worker = engine->setup.worker,
	                                  .verb = "import",
	                                  .plugin = "store",
	                                  .fd4 = -1,
	                                  .fd6 = -1,
	                                  .deadline_ms = ARRANGE_DEADLINE_MS};
	struct mst_err err = {.code = MST_OK};
	const char *file = engine->arrange_locations ? engine->settings->locations_path : NULL;
	struct json_object *job;

	if (!engine->arrange || engine->importer || engine->stopping || mst_time_monotonic() < engine->arrange_after)
		return;
	engine->arrange = engine->arrange_locations = false;
	if (file) {
		start.fd6 = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (start.fd6 < 0)
			mst_log(MST_LOG_ERROR, "job", "the locations stay as they are: %s: %s", file, strerror(errno));
	}
	engine->arranging_locations = start.fd6 >= 0;
	engine->arrange_stamp = mst_job_locations_stamp(file);
	job = arrange_job(engine, start.fd6 >= 0);
	start.job = job;
	if (mst_process_start(&engine->importer, engine->processes, &start, &arrange_ops, engine, &err) != MST_OK)
		mst_log(MST_LOG_ERROR, "job", "labels and locations could not be applied to what is stored: %s",
		        err.text);
	json_object_put(job);
	if (start.fd6 >= 0)
		close(start.fd6);
}
