/* SPDX-License-Identifier: Apache-2.0 */
#include "record/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

#define KEY_MAX 255u /* bytes of one key inside a record */

struct level {
	bson_t doc;
	bool array;
	uint32_t next; /* index of the next element of an array */
};

struct mst_record {
	/* bson_t is over-aligned; the struct is allocated accordingly. */
	struct level levels[MST_MAX_RECORD_DEPTH + 1];
	size_t depth; /* levels in use; 0: no record is open */
	size_t size;  /* bytes of the document so far: libbson adds a child to its parent only when the child ends */
	bool repaired;
	int failed; /* first error of this record; it can only be dropped then */
	bool done;  /* the root holds a finished record, lent out until the next begin */
	struct mst_buf text;
};

int mst_record_new(struct mst_record **out, struct mst_err *err)
{
	size_t align = _Alignof(struct mst_record) < sizeof(void *) ? sizeof(void *) : _Alignof(struct mst_record);
	void *memory = NULL;
	if (posix_memalign(&memory, align, sizeof(struct mst_record)) != 0)
		return mst_err_no_memory(err);
	memset(memory, 0, sizeof(struct mst_record));
	*out = memory;
	mst_buf_init(&(*out)->text, MST_MAX_RECORD);
	return MST_OK;
}

/* Children share their parent's memory: they must be ended, innermost first, before the root is destroyed. */
static void close_levels(struct mst_record *record)
{
	while (record->depth > 1) {
		struct level *top = &record->levels[record->depth - 1];
		struct level *parent = &record->levels[record->depth - 2];
		if (top->array)
			bson_append_array_end(&parent->doc, &top->doc);
		else
			bson_append_document_end(&parent->doc, &top->doc);
		record->depth--;
	}
}

void mst_record_drop(struct mst_record *record)
{
	if (record->depth > 0)
		close_levels(record);
	if (record->depth > 0 || record->done)
		bson_destroy(&record->levels[0].doc);
	record->depth = 0;
	record->done = false;
	record->failed = MST_OK;
}

void mst_record_free(struct mst_record *record)
{
	if (!record)
		return;
	mst_record_drop(record);
	mst_buf_free(&record->text);
	free(record);
}

bool mst_record_is_open(const struct mst_record *record)
{
	return record->depth > 0;
}

int mst_record_begin(struct mst_record *record, const char *source_key, struct mst_err *err)
{
	if (record->depth > 0)
		return mst_err_set(err, MST_E_REFUSED,
		                   "a record is already open; emit or drop it before the next record_begin");
	size_t len = source_key ? strnlen(source_key, MST_MAX_SOURCE_KEY + 1) : 0;
	if (len == 0)
		return mst_err_set(err, MST_E_USAGE,
		                   "a record needs a source key that is not empty, such as the address");
	if (len > MST_MAX_SOURCE_KEY)
		return mst_err_set(err, MST_E_LIMIT, "a source key may have at most %u bytes", MST_MAX_SOURCE_KEY);
	if (!mst_str_utf8_valid(source_key, len))
		return mst_err_set(err, MST_E_USAGE,
		                   "a source key must be valid UTF-8; encode other bytes, in hexadecimal for instance");
	mst_record_drop(record);
	record->repaired = false;
	record->levels[0].array = false;
	bson_init(&record->levels[0].doc);
	record->depth = 1;
	record->size = 5;
	if (!bson_append_utf8(&record->levels[0].doc, "_key", 4, source_key, (int)len)) {
		mst_record_drop(record);
		return mst_err_no_memory(err);
	}
	record->size += 1 + 5 + 4 + len + 1;
	return MST_OK;
}

static int fail(struct mst_record *record, int code)
{
	if (record->failed == MST_OK)
		record->failed = code;
	return code;
}

static int check_key(const char *key, struct mst_err *err)
{
	size_t len = strnlen(key, KEY_MAX + 1);
	if (len == 0 || len > KEY_MAX)
		return mst_err_set(err, MST_E_REFUSED, "a record key must have 1 to %u bytes", KEY_MAX);
	if (key[0] == '_' || key[0] == '$' || memchr(key, '.', len))
		return mst_err_set(err, MST_E_REFUSED,
		                   "record key \"%s\": keys do not start with _ or $ and hold no dot", key);
	if (!mst_str_utf8_valid(key, len))
		return mst_err_set(err, MST_E_REFUSED, "a record key is not valid UTF-8");
	return MST_OK;
}

/* Checks the order of calls and the size, and gives the key to use: the caller's or an array's next index. */
static int slot(struct mst_record *record, const char **key, char index[16], size_t value_size, struct mst_err *err)
{
	if (record->depth == 0)
		return mst_err_set(err, MST_E_REFUSED, "no record is open; call record_begin first");
	struct level *top = &record->levels[record->depth - 1];
	if (top->array && *key)
		return fail(record, mst_err_set(err, MST_E_REFUSED, "elements of an array have no key; pass NULL"));
	if (top->array) {
		bson_uint32_to_string(top->next, key, index, 16);
	} else {
		if (!*key)
			return fail(record, mst_err_set(err, MST_E_REFUSED, "a value inside an object needs a key"));
		int status = check_key(*key, err);
		if (status != MST_OK)
			return fail(record, status);
	}
	size_t add = 1 + strlen(*key) + 1 + value_size;
	/* The last bytes are kept for what finish appends. */
	if (value_size > MST_MAX_RECORD || record->size + add > MST_MAX_RECORD - 64)
		return fail(record, mst_err_set(err, MST_E_LIMIT,
		                                "a record may have at most %u bytes; cut long texts or drop it",
		                                MST_MAX_RECORD));
	return MST_OK;
}

static int added(struct mst_record *record, bool ok, const char *key, size_t value_size, struct mst_err *err)
{
	if (!ok)
		return fail(record, mst_err_no_memory(err));
	record->size += 1 + strlen(key) + 1 + value_size;
	record->levels[record->depth - 1].next++;
	return MST_OK;
}

int mst_record_text(struct mst_record *record, const char *key, const char *value, struct mst_err *err)
{
	char index[16];
	if (!value)
		return fail(record,
		            mst_err_set(err, MST_E_USAGE, "record text \"%s\": the value is NULL", key ? key : ""));
	size_t len = strnlen(value, MST_MAX_RECORD + 1);
	bool repaired = len <= MST_MAX_RECORD && !mst_str_utf8_valid(value, len);
	if (repaired) {
		mst_buf_reset(&record->text);
		mst_str_utf8_repair(&record->text, value, len, MST_MAX_RECORD);
		if (record->text.failed)
			return fail(record, mst_err_no_memory(err));
		value = mst_buf_text(&record->text);
		len = record->text.len;
	}
	int status = slot(record, &key, index, 4 + len + 1, err);
	if (status != MST_OK)
		return status;
	record->repaired |= repaired;
	bool ok = bson_append_utf8(&record->levels[record->depth - 1].doc, key, -1, value, (int)len);
	return added(record, ok, key, 4 + len + 1, err);
}

int mst_record_int(struct mst_record *record, const char *key, int64_t value, struct mst_err *err)
{
	char index[16];
	int status = slot(record, &key, index, 8, err);
	if (status != MST_OK)
		return status;
	return added(record, bson_append_int64(&record->levels[record->depth - 1].doc, key, -1, value), key, 8, err);
}

int mst_record_bool(struct mst_record *record, const char *key, bool value, struct mst_err *err)
{
	char index[16];
	int status = slot(record, &key, index, 1, err);
	if (status != MST_OK)
		return status;
	return added(record, bson_append_bool(&record->levels[record->depth - 1].doc, key, -1, value), key, 1, err);
}

static int nest(struct mst_record *record, const char *key, bool array, struct mst_err *err)
{
	char index[16];
	int status = slot(record, &key, index, 5, err);
	if (status != MST_OK)
		return status;
	if (record->depth > MST_MAX_RECORD_DEPTH)
		return fail(record, mst_err_set(err, MST_E_LIMIT, "a record may be nested at most %u deep",
		                                MST_MAX_RECORD_DEPTH));
	struct level *top = &record->levels[record->depth - 1];
	struct level *child = &record->levels[record->depth];
	child->array = array;
	child->next = 0;
	bool ok = array ? bson_append_array_begin(&top->doc, key, -1, &child->doc)
	                : bson_append_document_begin(&top->doc, key, -1, &child->doc);
	status = added(record, ok, key, 5, err);
	if (status == MST_OK)
		record->depth++;
	return status;
}

int mst_record_object(struct mst_record *record, const char *key, struct mst_err *err)
{
	return nest(record, key, false, err);
}

int mst_record_array(struct mst_record *record, const char *key, struct mst_err *err)
{
	return nest(record, key, true, err);
}

int mst_record_end(struct mst_record *record, struct mst_err *err)
{
	if (record->depth == 0)
		return mst_err_set(err, MST_E_REFUSED, "no record is open; call record_begin first");
	if (record->depth == 1)
		return fail(record, mst_err_set(err, MST_E_REFUSED,
		                                "no object or array is open; record_emit ends the record itself"));
	struct level *top = &record->levels[record->depth - 1];
	struct level *parent = &record->levels[record->depth - 2];
	bool ok = top->array ? bson_append_array_end(&parent->doc, &top->doc)
	                     : bson_append_document_end(&parent->doc, &top->doc);
	record->depth--;
	return ok ? MST_OK : fail(record, mst_err_no_memory(err));
}

int mst_record_finish(struct mst_record *record, int32_t scope, const bson_t **out, struct mst_err *err)
{
	if (record->depth == 0)
		return mst_err_set(err, MST_E_REFUSED, "no record is open; call record_begin first");
	if (record->failed != MST_OK)
		return mst_err_set(err, record->failed,
		                   "the record had a call that failed (%s); it is not stored half, drop it and go on",
		                   mst_code_name(record->failed));
	if (record->depth > 1)
		return mst_err_set(err, MST_E_REFUSED,
		                   "%zu objects or arrays of the record are still open; call record_end for each",
		                   record->depth - 1);
	bson_t *doc = &record->levels[0].doc;
	bool ok = bson_append_int32(doc, "_scope", 6, scope);
	if (record->repaired)
		ok = ok && bson_append_bool(doc, "_repaired", 9, true);
	if (!ok)
		return fail(record, mst_err_no_memory(err));
	record->depth = 0;
	record->done = true;
	*out = doc;
	return MST_OK;
}
