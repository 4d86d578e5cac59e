/* SPDX-License-Identifier: Apache-2.0 */
/* Updates applied to BSON: the undeclared rest of a row, or a whole document about to be inserted. */
#include <string.h>

#include "sqlite.h"

enum verb { SET, UNSET, INC, MIN, MAX };
struct change {
	enum verb verb;
	const bson_iter_t *value;
};

static int too_large(struct sq_err *err)
{
	return sq_err_set(err, MUSTER_E_LIMIT, "update: the document becomes too large");
}

/* The value that `change` makes of `old` (NULL: missing). */
static int write_value(const struct change *change, const bson_iter_t *old, const char *key, int length, bson_t *out,
                       struct sq_err *err)
{
	int64_t by, now, result;
	if (change->verb == SET)
		return bson_append_iter(out, key, length, change->value) ? MUSTER_OK : too_large(err);
	if (change->verb == UNSET)
		return MUSTER_OK;
	by = bson_iter_as_int64(change->value);
	if (old && !BSON_ITER_HOLDS_INT(old))
		return sq_err_set(err, MUSTER_E_USAGE,
		                  "update: %.*s: $inc, $min and $max need a field that holds an integer or is missing",
		                  length, key);
	now = old ? bson_iter_as_int64(old) : 0;
	if (!old)
		result = by;
	else if (change->verb == INC && __builtin_add_overflow(now, by, &result))
		return sq_err_set(err, MUSTER_E_USAGE, "update: %.*s: $inc leaves the range of an int64", length, key);
	else if (change->verb != INC)
		result = (change->verb == MIN) == (by < now) ? by : now;
	return bson_append_int64(out, key, length, result) ? MUSTER_OK : too_large(err);
}

static int put(const bson_t *doc, const char *path, const struct change *change, bson_t *out, int depth,
               struct sq_err *err);

static int put_below(const bson_t *child, const char *key, int length, const char *path, const struct change *change,
                     bson_t *out, int depth, struct sq_err *err)
{
	bson_t made;
	if (!bson_append_document_begin(out, key, length, &made))
		return too_large(err);
	int status = put(child, path, change, &made, depth + 1, err);
	bson_append_document_end(out, &made);
	return status;
}

static int put_one(const bson_iter_t *iter, const char *path, size_t length, const struct change *change, bson_t *out,
                   int depth, struct sq_err *err)
{
	if (path[length] == '\0')
		return write_value(change, iter, path, (int)length, out, err);
	if (BSON_ITER_HOLDS_DOCUMENT(iter)) {
		bson_t child;
		uint32_t size;
		const uint8_t *data;
		bson_iter_document(iter, &size, &data);
		if (!bson_init_static(&child, data, size))
			return sq_err_set(err, MUSTER_E_CORRUPT, "update: %.*s is damaged", (int)length, path);
		return put_below(&child, path, (int)length, path + length + 1, change, out, depth, err);
	}
	if (change->verb == UNSET)
		return bson_append_iter(out, NULL, 0, iter) ? MUSTER_OK : too_large(err);
	return sq_err_set(err, MUSTER_E_USAGE, "update: %.100s: %.*s is no object", path, (int)length, path);
}

/* Copies `doc` with one path changed. */
static int put(const bson_t *doc, const char *path, const struct change *change, bson_t *out, int depth,
               struct sq_err *err)
{
	static const bson_t empty = BSON_INITIALIZER;
	bson_iter_t iter;
	bool found = false;
	int status = MUSTER_OK;
	size_t length = strcspn(path, ".");
	if (depth > SQ_MAX_DEPTH)
		return sq_err_set(err, MUSTER_E_LIMIT, "update: a path deeper than %d", SQ_MAX_DEPTH);
	if (!bson_iter_init(&iter, doc))
		return sq_err_set(err, MUSTER_E_CORRUPT, "update: a document is damaged");
	while (status == MUSTER_OK && bson_iter_next(&iter)) {
		if (bson_iter_key_len(&iter) == length && memcmp(bson_iter_key(&iter), path, length) == 0) {
			found = true;
			status = put_one(&iter, path, length, change, out, depth, err);
		} else if (!bson_append_iter(out, NULL, 0, &iter)) {
			status = too_large(err);
		}
	}
	if (status != MUSTER_OK || found || change->verb == UNSET)
		return status;
	if (path[length] == '\0')
		return write_value(change, NULL, path, (int)length, out, err);
	return put_below(&empty, path, (int)length, path + length + 1, change, out, depth, err);
}

/* The sub-document of one operator. */
static bool operator_of(const bson_t *update, const char *name, bson_iter_t *children)
{
	bson_iter_t iter;
	return bson_iter_init_find(&iter, update, name) && BSON_ITER_HOLDS_DOCUMENT(&iter) &&
	       bson_iter_recurse(&iter, children);
}

static bool names(const bson_t *update, const char *operator, const char * key, bson_iter_t *value)
{
	bson_iter_t iter;
	if (!operator_of(update, operator, & iter) || !bson_iter_find(&iter, key))
		return false;
	*value = iter;
	return true;
}

/* $set and $unset of paths without dots, all in one pass that keeps the order of what is there. */
static int set_flat(const bson_t *doc, const bson_t *update, bool insert, bson_t *out, struct sq_err *err)
{
	static const char *const setters[] = {"$set", "$set_on_insert"};
	bson_iter_t iter, value;
	bool ok = bson_iter_init(&iter, doc);
	while (ok && bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		if (names(update, "$set", key, &value) || (insert && names(update, "$set_on_insert", key, &value)))
			ok = bson_append_iter(out, key, -1, &value);
		else if (!names(update, "$unset", key, &value))
			ok = bson_append_iter(out, NULL, 0, &iter);
	}
	for (int i = 0; i < (insert ? 2 : 1); i++) {
		if (!operator_of(update, setters[i], &value))
			continue;
		while (ok && bson_iter_next(&value))
			if (!strchr(bson_iter_key(&value), '.') && !bson_has_field(doc, bson_iter_key(&value)))
				ok = bson_append_iter(out, NULL, 0, &value);
	}
	return ok ? MUSTER_OK : too_large(err);
}

int sq_apply(const bson_t *doc, const bson_t *update, bool insert, bson_t *out, struct sq_err *err)
{
	static const struct {
		const char *name;
		enum verb verb;
		bool flat_done, only_insert;
	} table[] = {{"$set", SET, true, false},  {"$set_on_insert", SET, true, true}, {"$unset", UNSET, true, false},
	             {"$inc", INC, false, false}, {"$min", MIN, false, false},         {"$max", MAX, false, false}};
	int status = set_flat(doc, update, insert, out, err);
	for (size_t i = 0; i < sizeof table / sizeof table[0] && status == MUSTER_OK; i++) {
		bson_iter_t value;
		if ((table[i].only_insert && !insert) || !operator_of(update, table[i].name, &value))
			continue;
		while (status == MUSTER_OK && bson_iter_next(&value)) {
			struct change change = {table[i].verb, &value};
			bson_t next = BSON_INITIALIZER;
			if (table[i].flat_done && !strchr(bson_iter_key(&value), '.'))
				continue;
			status = put(out, bson_iter_key(&value), &change, &next, 0, err);
			bson_destroy(out);
			if (!bson_steal(out, &next))
				status = too_large(err);
		}
	}
	return status;
}
