/* SPDX-License-Identifier: Apache-2.0 */
#include "import_scene.h"

#include <fcntl.h>
#include <muster/plugin.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "import/doc.h"
#include "import/room.h"

#define CLOCK INT64_C(1790000000000)

static void read_settings(struct scene *scene, const char *text)
{
	struct json_object *object = NULL;
	struct mst_err err;
	char *json = strdup(text ? text : "{}");
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	assert_int_equal(mst_json_parse(json, strlen(json), "settings", &object, &err), 0);
	if (mst_import_settings_from_json(&scene->settings, object, &err) != 0)
		fail_msg("%s", err.text);
	json_object_put(object);
	free(json);
}

static void on_warning(void *data, const char *text)
{
	struct scene *scene = data;
	snprintf(scene->warned, sizeof scene->warned, "%s", text);
}

void scene_new_import(struct scene *scene)
{
	struct mst_err err;
	mst_import_free(scene->import);
	assert_int_equal(mst_import_new(&scene->import, scene->store, &scene->settings, &err), 0);
	mst_import_set_warn(scene->import, on_warning, scene);
	scene->import->clock = CLOCK + INT64_C(365) * 86400000;
}

void scene_new_store(struct scene *scene)
{
	mst_import_free(scene->import);
	scene->import = NULL;
	if (scene->store)
		test_store_free(scene->store);
	scene->store = test_store_new();
	scene_new_import(scene);
}

void scene_open(struct scene *scene, const char *settings)
{
	memset(scene, 0, sizeof *scene);
	snprintf(scene->spool, sizeof scene->spool, "/tmp/muster-import-XXXXXX");
	assert_non_null(mkdtemp(scene->spool));
	scene->now = CLOCK;
	scene->profile = "hq";
	scene->zone = "default";
	scene->method = "nmap";
	read_settings(scene, settings);
	scene_new_store(scene);
}

void scene_close(struct scene *scene)
{
	struct mst_err err;
	mst_import_free(scene->import);
	test_store_free(scene->store);
	mst_import_settings_free(&scene->settings);
	mst_file_remove_tree(scene->spool, &err);
}

static void put_run(struct scene *scene, const char *run)
{
	struct mst_batch *batch;
	bson_t document = BSON_INITIALIZER;
	struct mst_err err;
	bson_append_utf8(&document, "_id", -1, run, -1);
	mst_batch_new(&batch, &err);
	mst_batch_put(batch, "runs", &document);
	assert_int_equal(mst_store_write(scene->store, batch, &err), 0);
	mst_batch_free(batch);
	bson_destroy(&document);
}

void scene_run(struct scene *scene)
{
	char path[160];
	struct mst_err err;
	snprintf(scene->run, sizeof scene->run, "01900000-0000-7000-8000-%012d", ++scene->runs);
	scene->shards = 0;
	scene->warned[0] = '\0';
	scene->now += 3600 * 1000;
	snprintf(path, sizeof path, "%s/%s", scene->spool, scene->run);
	assert_int_equal(mst_file_mkdirs(path, 0700, &err), 0);
	put_run(scene, scene->run);
}

void scene_shard(struct scene *scene, uint32_t facts, const char *addresses, const char *tcp, const char *udp)
{
	bool is_namespace = strncmp(addresses, "ns:", 3) == 0;
	struct mst_scope scope = {facts, is_namespace ? NULL : strdup(addresses), tcp ? strdup(tcp) : NULL,
	                          udp ? strdup(udp) : NULL, is_namespace ? strdup(addresses + 3) : NULL};
	char path[160], shard[16];
	struct mst_err err;
	int32_t number;
	snprintf(shard, sizeof shard, "s%04d", ++scene->shards);
	struct mst_manifest_shard manifest = {
	        scene->run,        shard, strdup(scene->profile), strdup(scene->method), strdup(scene->zone), 1, 1,
	        scene->now - 1000, scope};
	snprintf(path, sizeof path, "%s/%s/%s.json", scene->spool, scene->run, shard);
	if (mst_spool_manifest_write(path, &manifest, &err) != 0)
		fail_msg("%s", err.text);
	snprintf(path, sizeof path, "%s/%s/%s.seg", scene->spool, scene->run, shard);
	scene->fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
	assert_int_equal(mst_spool_writer_new(&scene->writer, scene->fd, &err), 0);
	assert_int_equal(mst_spool_write_scope_begin(scene->writer, &scope, &number, &err), 0);
	free(manifest.profile);
	free(manifest.method);
	free(manifest.zone);
	mst_scope_free(&scope);
}

void scene_record_key(struct scene *scene, const char *key, const char *json)
{
	bson_t *fields = doc(json), record = BSON_INITIALIZER;
	struct mst_err err;
	bson_append_utf8(&record, "_key", -1, key, -1);
	bson_append_int32(&record, "_scope", -1, 0);
	if (!bson_has_field(fields, "seen"))
		bson_append_int64(&record, "seen", -1, scene->now++);
	bson_concat(&record, fields);
	assert_int_equal(mst_spool_write_record(scene->writer, &record, &err), 0);
	bson_destroy(fields);
	bson_destroy(&record);
}

void scene_record(struct scene *scene, const char *json)
{
	bson_t *fields = doc(json);
	char key[64];
	snprintf(key, sizeof key, "%s", mst_doc_text(fields, "ip"));
	bson_destroy(fields);
	scene_record_key(scene, key, json);
}

void scene_end(struct scene *scene, int outcome)
{
	struct mst_err err;
	assert_int_equal(
	        mst_spool_write_scope_end(scene->writer, outcome ? outcome : MUSTER_OUTCOME_COMPLETE, "", &err), 0);
	assert_int_equal(mst_spool_write_end(scene->writer, 0, "", &err), 0);
	assert_int_equal(mst_spool_flush(scene->writer, false, &err), 0);
	mst_spool_writer_free(scene->writer);
	close(scene->fd);
}

int scene_import_run(struct scene *scene, const char *run, int shards)
{
	struct mst_import_result result;
	struct mst_err err = {.code = 0};
	int code = 0;
	for (int i = 1; i <= shards && code == 0; i++) {
		char shard[16];
		snprintf(shard, sizeof shard, "s%04d", i);
		code = mst_import_segment(scene->import, scene->spool, run, shard, &result, &err);
	}
	if (code == 0)
		code = mst_import_finish(scene->import, run, &err);
	if (code != 0 && code != MST_E_UNAVAILABLE)
		fail_msg("%d %s", code, err.text);
	return code;
}

void scene_import(struct scene *scene)
{
	assert_int_equal(scene_import_run(scene, scene->run, scene->shards), 0);
}

void scene_scan(struct scene *scene, const char *addresses, const char *tcp, ...)
{
	va_list args;
	scene_run(scene);
	scene_shard(scene, 63, addresses, tcp, NULL);
	va_start(args, tcp);
	for (const char *record = va_arg(args, const char *); record; record = va_arg(args, const char *))
		scene_record(scene, record);
	va_end(args);
	scene_end(scene, 0);
	scene_import(scene);
}

static bson_t *find_at(struct scene *scene, const char *ip, size_t *count)
{
	bson_t filter = BSON_INITIALIZER, one, *out = NULL;
	struct mst_find find = {.collection = "interfaces", .filter = &filter};
	struct mst_cursor *cursor;
	struct mst_err err;
	bson_append_utf8(&filter, "ip", -1, ip, -1);
	*count = 0;
	assert_int_equal(mst_store_find(scene->store, &find, &cursor, &err), 0);
	while (mst_cursor_next(cursor, &one, &err) == 0) {
		if (out)
			bson_destroy(out);
		out = bson_copy(&one);
		++*count;
	}
	mst_cursor_close(cursor);
	bson_destroy(&filter);
	return out;
}

size_t scene_count_at(struct scene *scene, const char *ip)
{
	size_t count;
	bson_t *out = find_at(scene, ip, &count);
	if (out)
		bson_destroy(out);
	return count;
}

bson_t *scene_at(struct scene *scene, const char *ip)
{
	size_t count;
	bson_t *out = find_at(scene, ip, &count);
	if (count != 1) {
		char *all = test_store_dump(scene->store, "interfaces");
		fail_msg("%zu interfaces at %s among\n%s", count, ip, all);
	}
	return out;
}

void assert_field(struct scene *scene, const char *ip, const char *field, const char *text)
{
	bson_t *document = scene_at(scene, ip);
	const char *is = mst_doc_text(document, field);
	if (strcmp(is ? is : "", text) != 0)
		fail_msg("%s of %s is \"%s\", not \"%s\"", field, ip, is ? is : "", text);
	bson_destroy(document);
}

void assert_list(struct scene *scene, const char *ip, const char *field, const char *text)
{
	bson_t *document = scene_at(scene, ip), array;
	bson_iter_t iter;
	struct mst_buf out;
	mst_buf_init(&out, 65536);
	if (mst_doc_array(document, field, &array) && bson_iter_init(&iter, &array))
		while (bson_iter_next(&iter))
			mst_buf_printf(&out, "%s%s", out.len ? "," : "", bson_iter_utf8(&iter, NULL));
	assert_string_equal(mst_buf_text(&out), text);
	mst_buf_free(&out);
	bson_destroy(document);
}

int64_t scene_run_count(struct scene *scene, const char *run, const char *field)
{
	bson_t document;
	struct mst_err err;
	assert_int_equal(mst_store_get(scene->store, "runs", run, &document, &err), 0);
	int64_t count = mst_doc_int(&document, field, -1);
	bson_destroy(&document);
	return count;
}

/* A random id stands for the address and creation of its interface. */
static void replace_ids(struct scene *scene, char *text)
{
	bson_t one;
	struct mst_find find = {.collection = "interfaces"};
	struct mst_cursor *cursor;
	struct mst_err err;
	assert_int_equal(mst_store_find(scene->store, &find, &cursor, &err), 0);
	while (mst_cursor_next(cursor, &one, &err) == 0) {
		const char *id = mst_doc_text(&one, "_id"), *ip = mst_doc_text(&one, "ip"),
		           *mac = mst_doc_text(&one, "mac");
		char name[MST_ID_SIZE];
		snprintf(name, sizeof name, "%-15.15s %-20.20s", ip ? ip : "", mac ? mac : "");
		for (char *at = text; (at = strstr(at, id)) != NULL;)
			memcpy(at, name, MST_ID_SIZE - 1);
	}
	mst_cursor_close(cursor);
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_sorted(struct mst_buf *out, char *text)
{
	char *lines[4096], *save = NULL;
	size_t count = 0;
	for (char *line = strtok_r(text, "\n", &save); line && count < 4096; line = strtok_r(NULL, "\n", &save))
		lines[count++] = line;
	qsort(lines, count, sizeof lines[0], by_line);
	for (size_t i = 0; i < count; i++)
		mst_buf_printf(out, "%s\n", lines[i]);
}

/* Numbers may have gaps after a crash. */
static void blank_number(char *text)
{
	for (char *at = text; (at = strstr(at, "\"number\" : ")) != NULL;) {
		at += 11;
		size_t digits = strspn(at, "0123456789");
		memmove(at, at + digits, strlen(at + digits) + 1);
	}
}

char *scene_dump(struct scene *scene)
{
	static const char *const collections[] = {"interfaces",          "identities", "observations",
	                                          "observation_history", "runs",       "shards"};
	struct mst_buf out;
	mst_buf_init(&out, 64u << 20);
	for (size_t i = 0; i < sizeof collections / sizeof collections[0]; i++) {
		char *text = test_store_dump(scene->store, collections[i]);
		replace_ids(scene, text);
		blank_number(text);
		mst_buf_printf(&out, "%s\n", collections[i]);
		add_sorted(&out, text);
		free(text);
	}
	return mst_buf_take(&out);
}
