/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The importer over the real SQLite plugin. A try that was cut short is done again without faults, and the store must
 * then be what one undisturbed try makes of it.
 */
#include "faults.h"

#include <bson/bson.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <muster/plugin.h>

#include "base/buf.h"
#include "base/file.h"
#include "import/import.h"
#include "import/locations.h"
#include "record/record.h"
#include "record/spool.h"
#include "store/store.h"

#define FIRST  "01900000-0000-7000-8000-000000000001"
#define SECOND "01900000-0000-7000-8000-000000000002"
enum { HOSTS = 12, DUMP_MAX = 65536 };

static struct mst_store_class *store_class;
static struct mst_store *store;
static struct mst_import_settings settings;

static const char rules[] = "{'lost_after':1,'labels':[{'name':'web','when':'port=80','action':'label'},"
                            "{'name':'old','when':'port=23','action':'unmanageable'}]}";

static int put_host(struct mst_record *record, struct mst_spool_writer *writer, int host, int turn, struct mst_err *err)
{
	const bson_t *doc;
	char ip[16], mac[18];
	snprintf(ip, sizeof ip, "10.0.0.%d", turn && host == 5 ? 50 : host);
	snprintf(mac, sizeof mac, "3c:22:fb:10:20:%02x", host);
	mst_record_begin(record, ip, err);
	mst_record_text(record, "ip", ip, err);
	mst_record_int(record, "seen", 1763000000000 + turn * 3600000 + host, err);
	if (host % 2)
		mst_record_text(record, "mac", mac, err);
	mst_record_array(record, "ports", err);
	mst_record_object(record, NULL, err);
	mst_record_text(record, "proto", "tcp", err);
	mst_record_text(record, "state", "open", err);
	mst_record_array(record, "ports", err);
	mst_record_int(record, NULL, (host + turn) % 3 ? 80 : 23, err);
	mst_record_end(record, err);
	mst_record_end(record, err);
	mst_record_end(record, err);
	int code = mst_record_finish(record, 0, &doc, err);
	return code == 0 ? mst_spool_write_record(writer, doc, err) : code;
}

/* One shard of one run: everybody answers but one. */
static void spool(const char *run, int turn)
{
	char text[] = "s1", profile[] = "hq", method[] = "nmap", zone[] = "default", addresses[] = "10.0.0.0/26",
	     ports[] = "23,80";
	char id[40], path[128];
	struct mst_scope scope = {63, addresses, ports, NULL, NULL};
	struct mst_manifest_shard manifest = {id, text, profile, method, zone, 1, 1, 1763000000000, scope};
	struct mst_spool_writer *writer = NULL;
	struct mst_record *record = NULL;
	struct mst_err err = {0};
	int32_t number;
	snprintf(id, sizeof id, "%s", run);
	snprintf(path, sizeof path, "%s/spool/%s", scene_dir, run);
	mst_file_mkdirs(path, 0700, &err);
	snprintf(path, sizeof path, "%s/spool/%s/s1.json", scene_dir, run);
	mst_spool_manifest_write(path, &manifest, &err);
	snprintf(path, sizeof path, "%s/spool/%s/s1.seg", scene_dir, run);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	mst_record_new(&record, &err);
	mst_spool_writer_new(&writer, fd, &err);
	mst_spool_write_scope_begin(writer, &scope, &number, &err);
	for (int host = 1; host <= HOSTS; host++)
		if (!turn || host != 7)
			put_host(record, writer, host, turn, &err);
	mst_spool_write_scope_end(writer, MUSTER_OUTCOME_COMPLETE, "", &err);
	mst_spool_write_end(writer, 0, "", &err);
	mst_spool_flush(writer, false, &err);
	mst_spool_writer_free(writer);
	mst_record_free(record);
	close(fd);
}

static void put_run(const char *run)
{
	struct mst_batch *batch = NULL;
	struct mst_err err = {0};
	bson_t doc = BSON_INITIALIZER;
	BSON_APPEND_UTF8(&doc, "_id", run);
	mst_batch_new(&batch, &err);
	mst_batch_put(batch, "runs", &doc);
	mst_store_write(store, batch, &err);
	mst_batch_free(batch);
	bson_destroy(&doc);
}

static int set_up(struct mst_err *err)
{
	const char *json = quoted(rules);
	struct json_object *options = json_object_new_object(), *object = json_tokener_parse(json);
	json_object_object_add(options, "path", json_object_new_string(scene_path("import/muster.db")));
	int code = mst_store_class_new(&store_class, scene_plugin("store-sqlite"), options, err);
	if (code == 0)
		code = mst_import_settings_from_json(&settings, object, err);
	json_object_put(options);
	json_object_put(object);
	spool(FIRST, 0);
	spool(SECOND, 1);
	return code;
}

static void empty(void)
{
	struct mst_err err = {0};
	if (!store_class && set_up(&err) != 0)
		abort();
	mst_store_close(store);
	store = NULL;
	mst_file_remove_tree(scene_path("import"), NULL);
	if (mst_store_open(&store, store_class, true, &err) != 0)
		abort();
	put_run(FIRST);
	put_run(SECOND);
}

/* What a store keeps until it is closed is not lost, so each call opens and closes its own. */
static int with_import(int (*work)(struct mst_import *, struct mst_err *), struct mst_err *err)
{
	struct mst_import *import = NULL;
	mst_store_close(store);
	store = NULL;
	int code = mst_store_open(&store, store_class, false, err);
	if (code == 0)
		code = mst_import_new(&import, store, &settings, err);
	if (code == 0)
		code = work(import, err);
	mst_import_free(import);
	mst_store_close(store);
	store = NULL;
	return code;
}

static int scan(struct mst_import *import, const char *run, struct mst_err *err)
{
	struct mst_import_result result;
	char path[96];
	snprintf(path, sizeof path, "%s/spool", scene_dir);
	return mst_import_segment(import, path, run, "s1", &result, err);
}

static int first_segment(struct mst_import *import, struct mst_err *err)
{
	return scan(import, FIRST, err);
}

static int first_run(struct mst_import *import, struct mst_err *err)
{
	int code = scan(import, FIRST, err);
	return code == 0 ? mst_import_finish(import, FIRST, err) : code;
}

static int second_segment(struct mst_import *import, struct mst_err *err)
{
	return scan(import, SECOND, err);
}

static int second_end(struct mst_import *import, struct mst_err *err)
{
	return mst_import_finish(import, SECOND, err);
}

static void after_first(void)
{
	struct mst_err err = {0};
	empty();
	if (with_import(first_run, &err) != 0)
		abort();
}

static void before_second_end(void)
{
	struct mst_err err = {0};
	after_first();
	if (with_import(second_segment, &err) != 0)
		abort();
}

static int label(struct mst_import *import, struct mst_err *err)
{
	struct mst_import_change change;
	bson_t all = BSON_INITIALIZER;
	return mst_import_label(import, &all, "mine,web", NULL, false, &change, err);
}

static int ignore(struct mst_import *import, struct mst_err *err)
{
	struct mst_import_change change;
	bson_t all = BSON_INITIALIZER;
	return mst_import_ignore(import, &all, false, false, &change, err);
}

static int places(struct mst_import *import, struct mst_err *err)
{
	static const char csv[] = "Network,NAT,Region,Site\n10.0.0.0/28,,North,One\n10.0.0.32/27,,South,\"Two, too\"\n";
	return mst_import_locations(import, csv, strlen(csv), NULL, err);
}

static int again(struct mst_import *import, struct mst_err *err)
{
	return mst_import_reclassify(import, NULL, err);
}

/* What an operator reads of each interface, in the order of addresses; by their addresses what belongs to them. */
static int dump(struct mst_buf *out, struct mst_err *err)
{
	static const char *const shown[] = {"ip",     "ips",      "mac",     "state",      "ports",
	                                    "labels", "location", "ignored", "first_seen", "last_seen"};
	bson_t sort = BSON_INITIALIZER, doc;
	bson_iter_t iter;
	struct mst_cursor *cursor = NULL;
	BSON_APPEND_INT32(&sort, "ip_key", 1);
	struct mst_find wish = {.collection = "interfaces", .sort = &sort};
	int64_t rows = 0;
	int code = store ? 0 : mst_store_open(&store, store_class, false, err);
	if (code == 0)
		code = mst_store_find(store, &wish, &cursor, err);
	while (code == 0 && cursor && (code = mst_cursor_next(cursor, &doc, err)) == 0)
		for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
			bson_t one = BSON_INITIALIZER;
			if (bson_iter_init_find(&iter, &doc, shown[i]))
				bson_append_iter(&one, shown[i], -1, &iter);
			char *text = bson_as_relaxed_extended_json(&one, NULL);
			mst_buf_printf(out, "%s\n", text);
			bson_free(text);
			bson_destroy(&one);
		}
	mst_cursor_close(cursor);
	static const char *const counted[] = {"observations", "identities", "observation_history", "locations"};
	for (size_t i = 0; code == MST_E_END && i < 4; i++)
		if (mst_store_count(store, counted[i], NULL, &rows, err) == 0)
			mst_buf_printf(out, "%lld %s\n", (long long)rows, counted[i]);
	return code == MST_E_END ? 0 : code;
}

/* `work` once more without faults, and then the store is as it was after the first undisturbed try (kept in `want`). */
static bool same(int (*work)(struct mst_import *, struct mst_err *), char **want, struct mst_err *err)
{
	struct mst_buf is;
	mst_buf_init(&is, DUMP_MAX);
	if (with_import(work, err) != 0 || dump(&is, err) != 0) {
		mst_buf_free(&is);
		return false;
	}
	if (!*want)
		*want = strdup(mst_buf_text(&is));
	bool equal = strcmp(*want, mst_buf_text(&is)) == 0 && strlen(*want) > 500;
	if (!equal) {
		const char *a = mst_buf_text(&is), *b = *want;
		for (; *a && *a == *b; a++, b++) {
		}
		mst_err_set(err, MST_E_CORRUPT, "\"%.60s\" should be \"%.60s\"", a, b);
	}
	mst_buf_free(&is);
	return equal;
}

/* The scene NAME: `work` as run, and whole when doing it again gives the wanted store. */
#define SCENE(name, work)                                                                                              \
	static int run_##name(struct mst_err *err)                                                                     \
	{                                                                                                              \
		return with_import(work, err);                                                                         \
	}                                                                                                              \
	static bool whole_##name(int code, struct mst_err *err)                                                        \
	{                                                                                                              \
		static char *want;                                                                                     \
		(void)code;                                                                                            \
		return same(work, &want, err);                                                                         \
	}

SCENE(segment, first_segment)
SCENE(changes, second_segment)
SCENE(end, second_end)
SCENE(label, label)
SCENE(ignore, ignore)
SCENE(places, places)
SCENE(again, again)

static int read_places(struct mst_err *err)
{
	static const char csv[] =
	        "Network,NAT,Region,Site\n10.0.0.0/28,192.0.2.1,North,One\n10.0.0.32/27,,South,\"Two, too\"\n";
	struct mst_locations locations = {0};
	struct mst_buf faults;
	mst_buf_init(&faults, 4096);
	int code = mst_locations_parse(&locations, csv, strlen(csv), &faults);
	if (code != 0)
		mst_err_set(err, code, "%s", faults.len > 0 ? mst_buf_text(&faults) : "out of memory");
	else if (locations.count != 2)
		code = -1000;
	mst_buf_free(&faults);
	mst_locations_free(&locations);
	return code;
}

const struct scene import_scenes[] = {
        {"segment imported", run_segment, empty, whole_segment, true},
        {"changes imported", run_changes, after_first, whole_changes, true},
        {"run settled", run_end, before_second_end, whole_end, true},
        {"labels by hand", run_label, after_first, whole_label, true},
        {"ignored by hand", run_ignore, after_first, whole_ignore, true},
        {"locations stored", run_places, after_first, whole_places, true},
        {"rules applied again", run_again, after_first, whole_again, true},
        {"locations read", read_places, NULL, NULL, false},
        {NULL, NULL, NULL, NULL, false},
};
