/* SPDX-License-Identifier: Apache-2.0 */
/* SQL functions over the BSON rest and over numbers: muster_match, muster_get, muster_list, muster_apply, muster_change. */
#include <inttypes.h>
#include <string.h>

#include "sqlite.h"

static bool argument_doc(sqlite3_value *value, bson_t *out)
{
	static const uint8_t empty[5] = {5, 0, 0, 0, 0};
	const void *data = sqlite3_value_blob(value);
	size_t length = (size_t)sqlite3_value_bytes(value);
	return data ? bson_init_static(out, data, length) : bson_init_static(out, empty, sizeof empty);
}

/* muster_match(doc, path, op, value) -> 0 | 1 */
static void fn_match(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	bson_t doc;
	struct sq_value value;
	const char *path = (const char *)sqlite3_value_text(argv[1]);
	(void)argc;
	sq_value_from_sqlite(argv[3], false, &value);
	bool match = sqlite3_value_type(argv[0]) == SQLITE_BLOB && path && argument_doc(argv[0], &doc) &&
	             sq_match_path(&doc, path, (enum sq_op)sqlite3_value_int(argv[2]), &value);
	sqlite3_result_int(context, match);
}

/* muster_get(doc, path) -> the scalar in its column encoding, to sort by; NULL for anything else */
static void fn_get(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	bson_t doc;
	bson_iter_t iter;
	struct sq_value value = {.class = SQ_MISSING};
	const char *path = (const char *)sqlite3_value_text(argv[1]);
	(void)argc;
	if (sqlite3_value_type(argv[0]) == SQLITE_BLOB && path && argument_doc(argv[0], &doc) &&
	    sq_find_path(&doc, path, &iter))
		sq_value_from_iter(&iter, &value);
	if (value.class == SQ_TEXT_CLASS)
		sqlite3_result_text64(context, value.text, value.length, SQLITE_TRANSIENT, SQLITE_UTF8);
	else if (value.class == SQ_NUMBER && value.real)
		sqlite3_result_double(context, value.fraction);
	else if (value.class == SQ_NUMBER)
		sqlite3_result_int64(context, value.number);
	else if (value.class == SQ_BOOL)
		sqlite3_result_blob(context, value.number ? "t" : "f", 1, SQLITE_STATIC);
	else if (value.class == SQ_NULL)
		sqlite3_result_blob(context, "n", 1, SQLITE_STATIC);
}

/* What sq_list_to_json leaves out (fractions, objects) is left out here too: a listing by group counts plain values. */
static void add_plain(bson_t *list, const bson_iter_t *item, uint32_t *count)
{
	char digits[16];
	const char *key;
	struct sq_value value;
	sq_value_from_iter(item, &value);
	if (value.class == SQ_OTHER || (value.class == SQ_NUMBER && value.real))
		return;
	size_t length = bson_uint32_to_string((*count)++, &key, digits, sizeof digits);
	sq_value_append(list, key, (int)length, &value);
}

/* muster_list(doc, path) -> JSON array of the field's values; NULL when it is missing */
static void fn_list(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	bson_t doc, list = BSON_INITIALIZER, wrap = BSON_INITIALIZER;
	bson_iter_t iter, item;
	uint32_t count = 0;
	struct sq_sql json = {0};
	const char *path = (const char *)sqlite3_value_text(argv[1]);
	(void)argc;
	if (sqlite3_value_type(argv[0]) == SQLITE_BLOB && path && argument_doc(argv[0], &doc) &&
	    sq_find_path(&doc, path, &iter)) {
		if (!BSON_ITER_HOLDS_ARRAY(&iter))
			add_plain(&list, &iter, &count);
		else if (bson_iter_recurse(&iter, &item))
			while (bson_iter_next(&item))
				add_plain(&list, &item, &count);
		bson_append_array(&wrap, "v", 1, &list);
		if (bson_iter_init_find(&iter, &wrap, "v") && sq_list_to_json(&iter, &json))
			sqlite3_result_text(context, json.text, (int)json.len, SQLITE_TRANSIENT);
	}
	sq_sql_free(&json);
	bson_destroy(&list);
	bson_destroy(&wrap);
}

static void complain(sqlite3_context *context, const struct sq_err *err)
{
	struct sq_conn *conn = sqlite3_user_data(context);
	conn->func = *err;
	sqlite3_result_error(context, "refused", -1);
}

/* muster_apply(doc, update) -> doc, NULL when nothing is left of it */
static void fn_apply(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	bson_t doc, update, out = BSON_INITIALIZER;
	struct sq_err err = {0};
	(void)argc;
	if (!argument_doc(argv[0], &doc) || !argument_doc(argv[1], &update)) {
		sq_err_set(&err, MUSTER_E_CORRUPT, "a doc column is damaged: restore a backup");
		complain(context, &err);
	} else if (sq_apply(&doc, &update, false, &out, &err) != MUSTER_OK) {
		complain(context, &err);
	} else if (!bson_empty(&out)) {
		sqlite3_result_blob64(context, bson_get_data(&out), out.len, SQLITE_TRANSIENT);
	}
	bson_destroy(&out);
}

/* muster_change(column, "inc" | "min" | "max", int) -> int */
static void fn_change(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	int64_t by = sqlite3_value_int64(argv[2]), now = sqlite3_value_int64(argv[0]), sum;
	const char *verb = (const char *)sqlite3_value_text(argv[1]);
	struct sq_err err = {0};
	(void)argc;
	if (sqlite3_value_type(argv[0]) == SQLITE_NULL) {
		sqlite3_result_int64(context, by);
	} else if (sqlite3_value_type(argv[0]) != SQLITE_INTEGER || !verb) {
		sq_err_set(&err, MUSTER_E_USAGE,
		           "$inc, $min and $max need a field that holds an integer or is missing");
		complain(context, &err);
	} else if (strcmp(verb, "inc") != 0) {
		sqlite3_result_int64(context, (verb[1] == 'i') == (by < now) ? by : now);
	} else if (__builtin_add_overflow(now, by, &sum)) {
		sq_err_set(&err, MUSTER_E_USAGE, "$inc leaves the range of an int64");
		complain(context, &err);
	} else {
		sqlite3_result_int64(context, sum);
	}
}

int sq_functions_register(sqlite3 *db, struct sq_conn *conn)
{
	static const struct {
		const char *name;
		int arguments;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} table[] = {{"muster_match", 4, fn_match},
	             {"muster_get", 2, fn_get},
	             {"muster_list", 2, fn_list},
	             {"muster_apply", 2, fn_apply},
	             {"muster_change", 3, fn_change}};
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		int rc = sqlite3_create_function_v2(db, table[i].name, table[i].arguments,
		                                    SQLITE_UTF8 | SQLITE_DETERMINISTIC, conn, table[i].function, NULL,
		                                    NULL, NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}
