/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a plugin, its manifest, and the Nmap plugin at its work: planning, and reading a file into a segment. */
#include "faults.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "plugin/gate.h"
#include "plugin/host.h"
#include "record/spool.h"

static int load(struct mst_err *err)
{
	struct mst_plugin_tables tables;
	struct mst_manifest manifest = {0};
	int code = mst_plugin_load(scene_plugin("nmap"), &tables, &manifest, err);
	if (code == 0 && (!manifest.name || manifest.method_count != 1))
		code = -1000;
	mst_manifest_free(&manifest);
	return code;
}

static struct mst_plugin_tables nmap;
static struct mst_manifest nmap_manifest;

static void load_once(void)
{
	struct mst_err err = {0};
	if (!nmap_manifest.name)
		mst_plugin_load(scene_plugin("nmap"), &nmap, &nmap_manifest, &err);
}

static int manifest(struct mst_err *err)
{
	struct mst_manifest copy = {0};
	struct json_object *object = mst_manifest_to_json(&nmap_manifest);
	int code = object && mst_json_whole() ? mst_manifest_from_json(&copy, object, err) : mst_err_no_memory(err);
	if (code == 0 && copy.methods[0].def.option_count != nmap_manifest.methods[0].def.option_count)
		code = -1000;
	json_object_put(object);
	mst_manifest_free(&copy);
	return code;
}

/* One callback of the plugin in a host of its own, as the worker does it. */
static int with_host(const struct mst_host_config *config, int (*callback)(void *, const struct muster_call *),
                     struct mst_err *err)
{
	struct mst_host *host = NULL;
	void *instance = NULL;
	int code = mst_host_new(&host, config, err);
	if (code != 0)
		return code;
	code = nmap.discovery.open(mst_host_enter(host, MST_HOST_OPEN), &instance);
	bool opened = code == 0;
	if (opened)
		code = callback(instance, mst_host_enter(host, MST_HOST_MAIN));
	code = mst_host_finish(host, code, err);
	if (opened)
		nmap.discovery.close(instance, mst_host_enter(host, MST_HOST_CLOSE));
	mst_host_free(host);
	return code;
}

static struct json_object *options;

static void plan_options(void)
{
	load_once();
	if (options)
		return;
	options = json_object_new_object();
	json_object_object_add(options, "include", json_object_new_string("10.0.0.0/27,10.0.1.1-10.0.1.9"));
	json_object_object_add(options, "exclude", json_object_new_string("10.0.0.3"));
	json_object_object_add(options, "ports", json_object_new_string("22,80"));
}

static int plan(struct mst_err *err)
{
	struct mst_host_config config = {.context = MST_HOST_PLAN,
	                                 .method = &nmap_manifest.methods[0],
	                                 .options = options,
	                                 .zone = "default",
	                                 .net_raw_promised = true,
	                                 .line_fd = -1,
	                                 .segment_fd = -1,
	                                 .known_fd = -1,
	                                 .input_fd = -1};
	return with_host(&config, nmap.discovery.plan, err);
}

static void no_segment(void)
{
	load_once();
	unlink(scene_path("read.part"));
}

static int read_file(struct mst_err *err)
{
	struct mst_host_config config = {.context = MST_HOST_READ,
	                                 .method = &nmap_manifest.methods[0],
	                                 .zone = "default",
	                                 .line_fd = -1,
	                                 .known_fd = -1};
	config.input_fd = open(FAULTS_XML, O_RDONLY | O_CLOEXEC);
	config.segment_fd = open(scene_path("read.part"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int code = with_host(&config, nmap.discovery.import, err);
	close(config.input_fd);
	close(config.segment_fd);
	return code;
}

/* Whatever went wrong, what is in the segment can be read to its end. */
static bool readable(int code, struct mst_err *err)
{
	struct mst_spool_reader *reader = NULL;
	struct mst_frame frame;
	int records = 0;
	if (mst_spool_reader_open(&reader, scene_path("read.part"), 0, err) != 0)
		return false;
	while (mst_spool_read(reader, &frame, err) == MST_OK)
		records += frame.type == MST_FRAME_RECORD;
	bool good = !mst_spool_reader_torn(reader) && (code != 0 || records > 0);
	mst_spool_reader_close(reader);
	return good;
}

const struct scene plugin_scenes[] = {
        {"plugin loaded", load, NULL, NULL, true},
        {"plugin manifest", manifest, load_once, NULL, true},
        {"nmap plan", plan, plan_options, NULL, true},
        {"nmap file read", read_file, no_segment, readable, true},
        {NULL, NULL, NULL, NULL, false},
};
