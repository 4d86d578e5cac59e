/* SPDX-License-Identifier: Apache-2.0 */
/* Stored documents as JSON text, written straight from BSON so that listings need no tree in between. */
#include <bson/bson.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "api/call.h"
#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"

static void write_value(bson_iter_t *at, unsigned depth, struct mst_buf *out);

static void write_members(bson_iter_t *at, bool array, unsigned depth, struct mst_buf *out)
{
	bool first = true;

	while (bson_iter_next(at)) {
		if (!first)
			mst_buf_char(out, ',');
		first = false;
		if (!array) {
			mst_str_json(out, bson_iter_key(at));
			mst_buf_char(out, ':');
		}
		write_value(at, depth, out);
	}
}

static void write_nested(bson_iter_t *at, bool array, unsigned depth, struct mst_buf *out)
{
	bson_iter_t child;

	mst_buf_char(out, array ? '[' : '{');
	if (depth < MST_MAX_JSON_DEPTH && bson_iter_recurse(at, &child))
		write_members(&child, array, depth + 1, out);
	mst_buf_char(out, array ? ']' : '}');
}

static void write_double(double value, struct mst_buf *out)
{
	if (isfinite(value))
		mst_buf_printf(out, "%.17g", value);
	else
		mst_buf_str(out, "null");
}

static void write_value(bson_iter_t *at, unsigned depth, struct mst_buf *out)
{
	switch (bson_iter_type(at)) {
	case BSON_TYPE_UTF8:
		mst_str_json(out, bson_iter_utf8(at, NULL));
		break;
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
		mst_buf_printf(out, "%" PRId64, bson_iter_as_int64(at));
		break;
	case BSON_TYPE_DOUBLE:
		write_double(bson_iter_double(at), out);
		break;
	case BSON_TYPE_BOOL:
		mst_buf_str(out, bson_iter_bool(at) ? "true" : "false");
		break;
	case BSON_TYPE_DATE_TIME:
		mst_buf_printf(out, "%" PRId64, bson_iter_date_time(at));
		break;
	case BSON_TYPE_ARRAY:
		write_nested(at, true, depth, out);
		break;
	case BSON_TYPE_DOCUMENT:
		write_nested(at, false, depth, out);
		break;
	default:
		mst_buf_str(out, "null");
	}
}

/* What stays inside: the store's own counters, sort keys, and a shard's opaque texts. */
static bool is_hidden(const char *key, int kind)
{
	if (strcmp(key, "rev") == 0 || strcmp(key, "ip_key") == 0)
		return true;
	if (kind == MST_DOC_SHARD)
		return strcmp(key, "spec") == 0 || strcmp(key, "checkpoint") == 0;
	return kind == MST_DOC_INTERFACE && strcmp(key, "number") == 0;
}

static bool is_managed(const bson_t *doc)
{
	bson_iter_t at;

	return bson_iter_init_find(&at, doc, "state") && BSON_ITER_HOLDS_UTF8(&at) &&
	       strcmp(bson_iter_utf8(&at, NULL), "managed") == 0;
}

static void write_short_id(const bson_t *doc, struct mst_buf *out)
{
	char text[16];
	bson_iter_t at;

	if (!bson_iter_init_find(&at, doc, "number"))
		return;
	mst_id_short((uint64_t)bson_iter_as_int64(&at), text, sizeof(text));
	mst_buf_printf(out, "\"id\":\"%s\",", text);
}

void mst_api_json(const bson_t *doc, int kind, struct mst_buf *out)
{
	bool managed = kind == MST_DOC_INTERFACE && is_managed(doc), first = true;
	bson_iter_t at;

	mst_buf_char(out, '{');
	if (kind == MST_DOC_INTERFACE)
		write_short_id(doc, out);
	if (bson_iter_init(&at, doc)) {
		while (bson_iter_next(&at)) {
			const char *key = bson_iter_key(&at);

			if (is_hidden(key, kind))
				continue;
			if (!first)
				mst_buf_char(out, ',');
			first = false;
			mst_str_json(out, key);
			mst_buf_char(out, ':');
			if (managed && strcmp(key, "os_generation") == 0)
				mst_buf_str(out, "\"\""); /* the agent knows better: it is not shown for managed ones */
			else
				write_value(&at, 0, out);
		}
	}
	if (first && out->len > 0 && out->data[out->len - 1] == ',')
		out->data[--out->len] = '\0';
	mst_buf_char(out, '}');
}

struct json_object *mst_api_object(const bson_t *doc, int kind)
{
	struct json_object *object = NULL;
	struct mst_buf text;

	mst_buf_init(&text, 4 * MST_MAX_DOC);
	mst_api_json(doc, kind, &text);
	if (!text.failed)
		(void)mst_json_parse(mst_buf_text(&text), text.len, "a document", &object, NULL);
	mst_buf_free(&text);
	return object;
}
