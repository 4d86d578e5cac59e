/* SPDX-License-Identifier: Apache-2.0 */
/* Records, scopes, spool segments and their manifests. */
#include "faults.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <muster/plugin.h>

#include "base/json.h"
#include "record/record.h"
#include "record/spool.h"

static int put_record(struct mst_record *record, struct mst_spool_writer *writer, int32_t scope, struct mst_err *err)
{
	const bson_t *doc;
	int code = mst_record_begin(record, "10.0.0.1", err);
	if (code == 0)
		code = mst_record_text(record, "ip", "10.0.0.1", err);
	if (code == 0)
		code = mst_record_text(record, "hostname", "bad \xff bytes", err);
	if (code == 0)
		code = mst_record_array(record, "ports", err);
	for (int port = 0; code == 0 && port < 100; port++)
		code = mst_record_int(record, NULL, port, err);
	if (code == 0)
		code = mst_record_end(record, err);
	if (code == 0)
		code = mst_record_finish(record, scope, &doc, err);
	if (code == 0)
		code = mst_spool_write_record(writer, doc, err);
	return code;
}

static int fill(struct mst_spool_writer *writer, struct mst_record *record, struct mst_err *err)
{
	char addresses[] = "10.0.0.0/28", ports[] = "22,80";
	struct mst_scope scope = {.facts = MUSTER_FACT_PRESENCE, .addresses = addresses, .tcp_ports = ports};
	int32_t number = 0;
	int code = mst_spool_write_scope_begin(writer, &scope, &number, err);
	for (int i = 0; code == 0 && i < 5; i++)
		code = put_record(record, writer, number, err);
	if (code == 0)
		code = mst_spool_write_checkpoint(writer, "state", 5, err);
	if (code == 0)
		code = mst_spool_write_scope_end(writer, MUSTER_OUTCOME_COMPLETE, "", err);
	if (code == 0)
		code = mst_spool_write_end(writer, 0, "", err);
	return code == 0 ? mst_spool_flush(writer, true, err) : code;
}

static void no_segment(void)
{
	unlink(scene_path("s.part"));
}

static int write_segment(struct mst_err *err)
{
	struct mst_spool_writer *writer = NULL;
	struct mst_record *record = NULL;
	int fd = open(scene_path("s.part"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int code = mst_record_new(&record, err);
	if (code == 0)
		code = mst_spool_writer_new(&writer, fd, err);
	if (code == 0)
		code = fill(writer, record, err);
	mst_spool_writer_free(writer);
	mst_record_free(record);
	close(fd);
	return code;
}

static int read_segment(struct mst_err *err)
{
	struct mst_spool_reader *reader = NULL;
	struct mst_frame frame;
	int records = 0, code = mst_spool_reader_open(&reader, scene_path("s.part"), 0, err);
	if (code != 0)
		return code;
	while ((code = mst_spool_read(reader, &frame, err)) == MST_OK)
		records += frame.type == MST_FRAME_RECORD;
	bool torn = mst_spool_reader_torn(reader);
	mst_spool_reader_close(reader);
	if (code != MST_E_END)
		return code;
	return torn || records != 5 ? mst_err_set(err, MST_E_CORRUPT, "%d records, torn %d", records, torn) : 0;
}

/* A segment that was cut short by a lack of memory holds whole frames only. */
static bool segment_whole(int code, struct mst_err *err)
{
	struct mst_spool_reader *reader = NULL;
	struct mst_frame frame;
	if (code == 0)
		return read_segment(err) == 0;
	if (access(scene_path("s.part"), F_OK) != 0 ||
	    mst_spool_reader_open(&reader, scene_path("s.part"), 0, err) != 0)
		return err->text[0] == '\0';
	while (mst_spool_read(reader, &frame, err) == MST_OK) {
	}
	bool torn = mst_spool_reader_torn(reader);
	mst_spool_reader_close(reader);
	if (torn)
		mst_err_set(err, MST_E_CORRUPT, "half a frame");
	return !torn;
}

static void a_segment(void)
{
	struct mst_err err = {0};
	no_segment();
	write_segment(&err);
}

static int checkpoint(struct mst_err *err)
{
	void *data = NULL;
	size_t len = 0;
	int code = mst_spool_last_checkpoint(scene_path("s.part"), &data, &len, err);
	if (code == 0 && (len != 5 || memcmp(data, "state", 5) != 0))
		code = -1000;
	free(data);
	return code;
}

static int manifest(struct mst_err *err)
{
	char texts[] = "x", run[] = "01900000-0000-7000-8000-000000000001", addresses[] = "10.0.0.0/28";
	struct mst_manifest_shard out = {.run = run,
	                                 .shard = texts,
	                                 .profile = texts,
	                                 .method = texts,
	                                 .zone = texts,
	                                 .fence = 1,
	                                 .attempt = 1,
	                                 .scope = {.facts = MUSTER_FACT_PRESENCE, .addresses = addresses}};
	struct mst_manifest_shard in = {0};
	int code = mst_spool_manifest_write(scene_path("m.json"), &out, err);
	if (code == 0)
		code = mst_spool_manifest_read(scene_path("m.json"), &in, err);
	if (code == 0 && (!in.scope.addresses || strcmp(in.scope.addresses, addresses) != 0 || in.fence != 1))
		code = -1000;
	mst_spool_manifest_free(&in);
	return code;
}

static void no_manifest(void)
{
	unlink(scene_path("m.json"));
}

/* There is no manifest, or a whole one. */
static bool manifest_whole(int code, struct mst_err *err)
{
	struct mst_manifest_shard in = {0};
	(void)code;
	if (access(scene_path("m.json"), F_OK) != 0)
		return true;
	code = mst_spool_manifest_read(scene_path("m.json"), &in, err);
	mst_spool_manifest_free(&in);
	return code == 0;
}

static int scopes(struct mst_err *err)
{
	char addresses[] = "10.0.0.0/28,10.0.1.0/24", ports[] = "22,80-90";
	struct mst_scope scope = {.facts = MUSTER_FACT_PRESENCE, .addresses = addresses, .tcp_ports = ports},
	                 copy = {0}, back = {0};
	struct json_object *object = NULL;
	int code = mst_scope_copy(&copy, &scope, err);
	if (code == 0)
		code = mst_scope_check(&copy, err);
	if (code == 0 && (!(object = mst_scope_to_json(&copy)) || !mst_json_whole()))
		code = mst_err_no_memory(err);
	if (code == 0)
		code = mst_scope_from_json(&back, object, err);
	/* A scope that has shrunk is safe; one with more than was looked at would lose interfaces. */
	if (code == 0 && (!back.addresses || !back.tcp_ports))
		code = -1000;
	json_object_put(object);
	mst_scope_free(&copy);
	mst_scope_free(&back);
	return code;
}

const struct scene record_scenes[] = {
        {"segment written", write_segment, no_segment, segment_whole, false},
        {"segment read", read_segment, a_segment, NULL, false},
        {"checkpoint", checkpoint, a_segment, NULL, false},
        {"manifest", manifest, no_manifest, manifest_whole, false},
        {"scopes", scopes, NULL, NULL, false},
        {NULL, NULL, NULL, NULL, false},
};
