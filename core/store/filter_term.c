/* SPDX-License-Identifier: Apache-2.0 */
/* One term into a store filter: commas are OR, != is the negation of =. */
#include <muster/plugin.h>
#include <string.h>

#include "conf/word.h"
#include "store/filter_internal.h"

const char *mst_filter_operator(enum mst_filter_op op)
{
	static const char *const words[] = {"", "$eq", "$ne", "$has", "$lt", "$lte", "$gt", "$gte"};

	return words[op];
}

int mst_filter_bad_value(const struct mst_filter_term *term, const char *value, const char *wanted, struct mst_err *err)
{
	char shown[MST_SHOWN];

	mst_conf_show(value, shown);
	return mst_err_set(err, MST_E_USAGE, "filter: at %zu: %s: \"%s\": %s", term->position, term->column->name,
	                   shown, wanted);
}

int mst_filter_check_value(const struct mst_filter_term *term, const char *value, struct mst_err *err)
{
	const char *at = term->column->values;
	size_t length = strlen(value);
	struct mst_buf wanted;
	int code;

	if (!at || term->op == MST_OP_HAS)
		return MST_OK;
	for (; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strcspn(at, ",") == length && memcmp(at, value, length) == 0)
			return MST_OK;
	mst_buf_init(&wanted, 256);
	mst_buf_str(&wanted, "it is one of ");
	for (at = term->column->values; *at; at++)
		mst_buf_printf(&wanted, *at == ',' ? "%c " : "%c", *at);
	code = mst_filter_bad_value(term, value, mst_buf_text(&wanted), err);
	mst_buf_free(&wanted);
	return code;
}

static bool is_absent(const char *value)
{
	return value[0] == '\0' || strcmp(value, "-") == 0;
}

/* Absent: nothing there that would be shown. An empty text and an empty list show nothing either. */
static void build_absent(const struct mst_column *column, bson_t *out)
{
	bson_t not, inner;

	BSON_APPEND_DOCUMENT_BEGIN(out, "$not", &not );
	bson_append_document_begin(&not, column->field, -1, &inner);
	if (column->type == MUSTER_FIELD_INT || column->type == MUSTER_FIELD_TIME)
		BSON_APPEND_INT64(&inner, "$gte", INT64_MIN);
	else if (column->type == MUSTER_FIELD_BOOL)
		BSON_APPEND_BOOL(&inner, "$exists", true);
	else if (column->type == MUSTER_FIELD_LIST)
		BSON_APPEND_UTF8(&inner, "$gte", "");
	else
		BSON_APPEND_UTF8(&inner, "$gt", "");
	bson_append_document_end(&not, &inner);
	bson_append_document_end(out, &not );
}

static int build_one(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	if (is_absent(value)) {
		if (term->op != MST_OP_EQ && term->op != MST_OP_NE)
			return mst_filter_bad_value(term, value, "\"absent\" goes with = and != only", err);
		build_absent(term->column, out);
		return MST_OK;
	}
	return mst_filter_value_build(term, value, out, err);
}

/* Values of = and != without an "absent" among them: one $in, which an index serves better than many OR. */
static bool all_present(const struct mst_filter_term *term)
{
	const char *value = mst_buf_text(&term->values);

	if (term->op != MST_OP_EQ && term->op != MST_OP_NE)
		return false;
	for (size_t i = 0; i < term->count; i++, value += strlen(value) + 1)
		if (is_absent(value))
			return false;
	return true;
}

/* Columns whose values stand in the store as they are typed. */
static bool as_typed(const struct mst_column *column)
{
	return !(column->flags & MST_COLUMN_RUN) && strcmp(column->field, "mac") != 0 &&
	       strcmp(column->field, "ips") != 0 &&
	       (column->type == MUSTER_FIELD_TEXT || column->type == MUSTER_FIELD_LIST);
}

static int build_in(const struct mst_filter_term *term, bson_t *out, struct mst_err *err)
{
	bson_t in, list;
	char digits[16];
	const char *key, *value = mst_buf_text(&term->values);
	int code = MST_OK;

	bson_append_document_begin(out, term->column->field, -1, &in);
	BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
	for (uint32_t i = 0; i < term->count && code == MST_OK; i++, value += strlen(value) + 1) {
		bson_uint32_to_string(i, &key, digits, sizeof digits);
		bson_append_utf8(&list, key, -1, value, -1);
		code = mst_filter_check_value(term, value, err);
	}
	bson_append_array_end(&in, &list);
	bson_append_document_end(out, &in);
	return code;
}

static int build_or(const struct mst_filter_term *term, bson_t *out, struct mst_err *err)
{
	bson_t list;
	char digits[16];
	const char *key, *value = mst_buf_text(&term->values);
	int code = MST_OK;

	BSON_APPEND_ARRAY_BEGIN(out, "$or", &list);
	for (uint32_t i = 0; i < term->count && code == MST_OK; i++, value += strlen(value) + 1) {
		bson_t one;
		bson_uint32_to_string(i, &key, digits, sizeof digits);
		bson_append_document_begin(&list, key, -1, &one);
		code = build_one(term, value, &one, err);
		bson_append_document_end(&list, &one);
	}
	bson_append_array_end(out, &list);
	return code;
}

static int build_positive(const struct mst_filter_term *term, bson_t *out, struct mst_err *err)
{
	if (term->count == 1)
		return build_one(term, mst_buf_text(&term->values), out, err);
	if (all_present(term) && strcmp(term->column->field, "ports") == 0)
		return mst_filter_ports_build(term, mst_buf_text(&term->values), term->count, out, err);
	if (all_present(term) && as_typed(term->column))
		return build_in(term, out, err);
	return build_or(term, out, err);
}

int mst_filter_term_build(const struct mst_filter_term *term, bson_t *out, struct mst_err *err)
{
	bson_t not ;

	if (term->op != MST_OP_NE)
		return build_positive(term, out, err);
	BSON_APPEND_DOCUMENT_BEGIN(out, "$not", &not );
	int code = build_positive(term, &not, err);
	bson_append_document_end(out, &not );
	return code;
}
