/* SPDX-License-Identifier: Apache-2.0 */
/* A spool directory with segments made from JSON, and an import into a store in memory. */
#ifndef MST_TEST_IMPORT_SCENE_H
#define MST_TEST_IMPORT_SCENE_H

#include "import_help.h"

#include "import/import.h"
#include "import_store.h"
#include "record/spool.h"

struct scene {
	char spool[64];
	struct mst_store *store;
	struct mst_import_settings settings;
	struct mst_import *import;
	int runs;
	char run[MST_ID_SIZE]; /* the run at hand */
	int shards;
	struct mst_spool_writer *writer;
	int fd;
	int64_t now; /* `seen` of the next record */
	const char *profile, *zone, *method;
	char warned[512]; /* what the last import warned of */
};

/* `settings` as JSON with single quotes; NULL: the defaults. */
void scene_open(struct scene *scene, const char *settings);
void scene_close(struct scene *scene);
/* A new store and import over the same spool. */
void scene_new_store(struct scene *scene);
/* After a cut: a new import over the same store. */
void scene_new_import(struct scene *scene);

/* A new run; its document is put into the store. */
void scene_run(struct scene *scene);
/* A new shard of the run with one scope; records follow. `addresses` may be "ns:KEY", a namespace. */
void scene_shard(struct scene *scene, uint32_t facts, const char *addresses, const char *tcp, const char *udp);
/* A record: JSON without _key and seen; the key is `ip`. */
void scene_record(struct scene *scene, const char *json);
void scene_record_key(struct scene *scene, const char *key, const char *json);
/* Ends scope, segment and shard (0: complete). */
void scene_end(struct scene *scene, int outcome);
/* Imports all shards of the run; returns the code. */
int scene_import_run(struct scene *scene, const char *run, int shards);
/* The current run: all shards and the end. Fails the test on an error. */
void scene_import(struct scene *scene);
/* run, shard with `records` (NULL-terminated), complete, import and finish. */
void scene_scan(struct scene *scene, const char *addresses, const char *tcp, ...);

/* The one interface with this address; fails when there is none or more than one. Caller destroys. */
bson_t *scene_at(struct scene *scene, const char *ip);
size_t scene_count_at(struct scene *scene, const char *ip);
void assert_field(struct scene *scene, const char *ip, const char *field, const char *text);
/* A list as "a,b,c". */
void assert_list(struct scene *scene, const char *ip, const char *field, const char *text);
int64_t scene_run_count(struct scene *scene, const char *run, const char *field);
/* Everything in the store with ids, numbers and writing times replaced by what they stand for. Caller frees. */
char *scene_dump(struct scene *scene);

#endif
