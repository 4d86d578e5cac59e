/* SPDX-License-Identifier: Apache-2.0 */
/* A store of its own for each test, through the facade and the real plugin. */
#ifndef STORE_COMMON_H
#define STORE_COMMON_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "store/doc.h"
#include "store/filter.h"
#include "store/store.h"

struct fixture {
	char dir[64], path[128], plugin[PATH_MAX];
	struct mst_store_class *store_class;
	struct mst_store *store;
};

static inline void fixture_plugin(char out[PATH_MAX])
{
	char exe[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	assert_true(n > 0);
	for (int i = 0; i < 3; i++) /* BUILD/tests/unit/test_x */
		*strrchr(exe, '/') = '\0';
	assert_true(snprintf(out, PATH_MAX, "%.4000s/plugins/.libs/store-sqlite.so", exe) < PATH_MAX);
}

static inline void fixture_class(struct fixture *f, const char *path)
{
	struct mst_err err = {0};
	struct json_object *options = json_object_new_object();

	json_object_object_add(options, "path", json_object_new_string(path));
	fixture_plugin(f->plugin);
	if (mst_store_class_new(&f->store_class, f->plugin, options, &err) != MST_OK)
		fail_msg("%s", err.text);
	json_object_put(options);
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct mst_err err = {0};

	strcpy(f->dir, "/tmp/muster-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof f->path, "%s/new/muster.db", f->dir);
	fixture_class(f, f->path);
	if (mst_store_open(&f->store, f->store_class, true, &err) != MST_OK)
		fail_msg("%s", err.text);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	mst_store_close(f->store);
	mst_store_class_free(f->store_class);
	mst_file_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

/* A document from relaxed JSON, single quotes for double ones. */
static inline bson_t *doc(const char *text)
{
	char *copy = strdup(text);
	bson_error_t error;

	for (char *at = copy; *at; at++)
		if (*at == '\'')
			*at = '"';
	bson_t *made = bson_new_from_json((const uint8_t *)copy, -1, &error);
	if (!made)
		fail_msg("%s: %s", text, error.message);
	free(copy);
	return made;
}

/* Runs one item and gives its status. */
static inline int run_item(struct fixture *f, struct mst_batch *batch)
{
	struct mst_err err = {0};
	int code = mst_store_write(f->store, batch, &err);
	int status = mst_batch_status(batch, 0);

	assert_true(code == MST_OK || err.text[0]);
	return code != MST_OK ? code : status;
}

static inline int put_doc(struct fixture *f, const char *collection, const char *json)
{
	struct mst_batch *batch;
	bson_t *made = doc(json);

	mst_batch_new(&batch, NULL);
	mst_batch_put(batch, collection, made);
	int status = run_item(f, batch);
	bson_destroy(made);
	mst_batch_free(batch);
	return status;
}

static inline int insert_doc(struct fixture *f, const char *collection, const char *json)
{
	struct mst_batch *batch;
	bson_t *made = doc(json);

	mst_batch_new(&batch, NULL);
	mst_batch_insert(batch, collection, made);
	int status = run_item(f, batch);
	bson_destroy(made);
	mst_batch_free(batch);
	return status;
}

static inline int update_docs(struct fixture *f, const char *collection, const char *filter, const char *update,
                              bool upsert, int64_t *changed)
{
	struct mst_batch *batch;
	bson_t *a = doc(filter), *b = doc(update);

	mst_batch_new(&batch, NULL);
	mst_batch_update(batch, collection, a, b, upsert);
	int status = run_item(f, batch);
	if (changed)
		*changed = mst_batch_changed(batch, 0);
	bson_destroy(a);
	bson_destroy(b);
	mst_batch_free(batch);
	return status;
}

/* The document as plain JSON text, "" when missing; the caller frees. */
static inline char *get_json(struct fixture *f, const char *collection, const char *id)
{
	bson_t got;
	struct json_object *json;
	struct mst_err err = {0};
	int code = mst_store_get(f->store, collection, id, &got, &err);

	if (code == MST_E_NOT_FOUND)
		return strdup("");
	if (code != MST_OK)
		fail_msg("%s", err.text);
	assert_int_equal(mst_store_doc_json(&got, &json, &err), MST_OK);
	char *text =
	        strdup(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(json);
	bson_destroy(&got);
	return text;
}

static inline void assert_doc(struct fixture *f, const char *collection, const char *id, const char *wanted)
{
	char *got = get_json(f, collection, id), *want = strdup(wanted);

	for (char *at = want; *at; at++)
		if (*at == '\'')
			*at = '"';
	assert_string_equal(got, want);
	free(got);
	free(want);
}

/* Ids that a find gives, joined by blanks, into `out`. JSON texts may be NULL. */
static inline int find_ids(struct fixture *f, const char *collection, const char *filter, const char *sort,
                           const char *after, uint32_t limit, char *out, size_t size)
{
	bson_t *a = doc(filter ? filter : "{}"), *b = doc(sort ? sort : "{}"), *c = doc(after ? after : "{}"), got;
	struct mst_find find = {
	        .collection = collection, .filter = a, .sort = b, .after = after ? c : NULL, .limit = limit};
	struct mst_cursor *cursor;
	struct mst_err err = {0};
	int code = mst_store_find(f->store, &find, &cursor, &err);

	out[0] = '\0';
	if (code == MST_OK) {
		while ((code = mst_cursor_next(cursor, &got, &err)) == MST_OK) {
			bson_iter_t iter;
			assert_true(bson_iter_init_find(&iter, &got, "_id"));
			size_t used = strlen(out);
			snprintf(out + used, size - used, "%s%s", used ? " " : "", bson_iter_utf8(&iter, NULL));
		}
		mst_cursor_close(cursor);
		assert_int_equal(code, MST_E_END);
		code = MST_OK;
	} else {
		assert_true(strlen(err.text) > 10);
	}
	bson_destroy(a);
	bson_destroy(b);
	bson_destroy(c);
	return code;
}

static inline void assert_ids(struct fixture *f, const char *collection, const char *filter, const char *sort,
                              const char *wanted)
{
	char ids[4096];

	assert_int_equal(find_ids(f, collection, filter, sort, NULL, 0, ids, sizeof ids), MST_OK);
	if (strcmp(ids, wanted) != 0)
		fail_msg("%s: got \"%s\", wanted \"%s\"", filter, ids, wanted);
}

#endif
