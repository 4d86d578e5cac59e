/* SPDX-License-Identifier: Apache-2.0 */
/* The filter grammar: text into terms, terms into a store filter. */
#include <muster/plugin.h>
#include <string.h>

#include "base/limits.h"
#include "conf/word.h"
#include "store/filter_internal.h"

struct reader {
	const char *text, *at;
	const struct mst_column *columns;
	size_t count;
	size_t values; /* of all terms so far */
	struct mst_err *err;
};

static size_t position(const struct reader *reader)
{
	return (size_t)(reader->at - reader->text) + 1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int fault(const struct reader *reader, const char *text)
{
	char shown[MST_SHOWN];

	mst_conf_show(reader->at, shown);
	return mst_err_set(reader->err, MST_E_USAGE,
	                   "filter: at %zu, near \"%s\": %s; a term reads column=value, also with != ~ < <= > >=",
	                   position(reader), shown, text);
}

static int read_column(struct reader *reader, const struct mst_column **out)
{
	const char *start = reader->at;
	size_t length = strspn(start, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	char word[64];

	if (length == 0)
		return fault(reader, "a column's name is needed here");
	if (length >= sizeof word)
		return fault(reader, "this is no column");
	for (size_t i = 0; i < length; i++)
		word[i] = (char)(start[i] >= 'A' && start[i] <= 'Z' ? start[i] + 32 : start[i] == '-' ? '_' : start[i]);
	word[length] = '\0';
	*out = mst_column_find(reader->columns, reader->count, word, length);
	if (!*out)
		return mst_column_unknown(reader->columns, reader->count, "filter", position(reader), word,
		                          reader->err);
	reader->at += length;
	return MST_OK;
}

static int read_operator(struct reader *reader, enum mst_filter_op *out)
{
	static const struct {
		const char *text;
		enum mst_filter_op op;
	} table[] = {{"!=", MST_OP_NE}, {"<=", MST_OP_LTE}, {">=", MST_OP_GTE}, {"=", MST_OP_EQ},
	             {"~", MST_OP_HAS}, {"<", MST_OP_LT},   {">", MST_OP_GT}};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		size_t length = strlen(table[i].text);
		if (strncmp(reader->at, table[i].text, length) == 0) {
			reader->at += length;
			*out = table[i].op;
			return MST_OK;
		}
	}
	return fault(reader, "an operator is needed here: = != ~ < <= > >=");
}

/* "..." with \" and \\ inside; reader->at stands on the opening quote. */
static int read_quoted(struct reader *reader, struct mst_buf *values)
{
	const char *at = reader->at + 1;

	for (; *at && *at != '"'; at++) {
		if (*at == '\\' && at[1])
			at++;
		mst_buf_char(values, *at);
	}
	if (*at != '"')
		return fault(reader, "the closing quote is missing");
	reader->at = at + 1;
	return MST_OK;
}

static int read_values(struct reader *reader, struct mst_filter_term *term)
{
	int code = MST_OK;

	term->position = position(reader);
	for (;;) {
		while (code == MST_OK && *reader->at && *reader->at != ',' && !is_blank(*reader->at)) {
			if (*reader->at == '"')
				code = read_quoted(reader, &term->values);
			else
				mst_buf_char(&term->values, *reader->at++);
		}
		if (code != MST_OK)
			return code;
		if (++reader->values > MST_MAX_FILTER_VALUES)
			return mst_err_set(reader->err, MST_E_USAGE, "filter: more than %u values",
			                   MST_MAX_FILTER_VALUES);
		mst_buf_char(&term->values, '\0');
		term->count++;
		if (*reader->at != ',')
			break;
		reader->at++;
	}
	return term->values.failed ? fault(reader, "the values are too long") : MST_OK;
}

static int read_term(struct reader *reader, struct mst_filter_term *term, bson_t *out)
{
	int code = read_column(reader, &term->column);

	if (code == MST_OK)
		code = read_operator(reader, &term->op);
	if (code == MST_OK)
		code = read_values(reader, term);
	return code == MST_OK ? mst_filter_term_build(term, out, reader->err) : code;
}

static int read_terms(struct reader *reader, const struct mst_filter_context *context, bson_t *list, uint32_t *count,
                      bson_t *last)
{
	struct mst_filter_term term = {.context = context};
	char digits[16];
	const char *key;
	int code = MST_OK;

	mst_buf_init(&term.values, MST_MAX_FILTER);
	for (;;) {
		while (is_blank(*reader->at))
			reader->at++;
		if (!*reader->at || code != MST_OK)
			break;
		if (*count == MST_MAX_FILTER_TERMS) {
			code = mst_err_set(reader->err, MST_E_USAGE, "filter: more than %u terms",
			                   MST_MAX_FILTER_TERMS);
			break;
		}
		mst_buf_reset(&term.values);
		term.count = 0;
		bson_reinit(last);
		code = read_term(reader, &term, last);
		bson_uint32_to_string((*count)++, &key, digits, sizeof digits);
		bson_append_document(list, key, -1, last);
	}
	mst_buf_free(&term.values);
	return code;
}

int mst_filter_parse_in(const char *text, const struct mst_column *columns, size_t column_count,
                        const struct mst_filter_context *context, bson_t *out, struct mst_err *err)
{
	struct reader reader = {text, text, columns, column_count, 0, err};
	bson_t list = BSON_INITIALIZER, last = BSON_INITIALIZER;
	uint32_t count = 0;
	int code = MST_OK;

	if (strlen(text) > MST_MAX_FILTER)
		code = mst_err_set(err, MST_E_USAGE, "filter: longer than %u bytes", MST_MAX_FILTER);
	else
		code = read_terms(&reader, context, &list, &count, &last);
	if (code == MST_OK) {
		bson_init(out);
		if (count == 1)
			bson_concat(out, &last);
		else if (count > 1)
			bson_append_array(out, "$and", -1, &list);
	}
	bson_destroy(&list);
	bson_destroy(&last);
	return code;
}

int mst_filter_parse(const char *text, const struct mst_column *columns, size_t column_count, int64_t now, bson_t *out,
                     struct mst_err *err)
{
	const struct mst_filter_context context = {.now = now};

	return mst_filter_parse_in(text, columns, column_count, &context, out, err);
}

static int sort_item(const char *word, size_t position, const struct mst_column *columns, size_t count, bson_t *out,
                     struct mst_err *err)
{
	bool down = word[0] == '-';
	const char *name = word + (down || word[0] == '+');
	const struct mst_column *column = mst_column_find(columns, count, name, strlen(name));

	if (!column)
		return mst_column_unknown(columns, count, "sort", position, name, err);
	if (column->type == MUSTER_FIELD_LIST || column->type == MUSTER_FIELD_OBJECT)
		return mst_err_set(err, MST_E_USAGE,
		                   "sort: at %zu: \"%s\" holds lists, which have no order; sort by another column",
		                   position, column->name);
	if (bson_has_field(out, mst_column_key(column)))
		return mst_err_set(err, MST_E_USAGE, "sort: at %zu: \"%s\" is named twice", position, column->name);
	bson_append_int32(out, mst_column_key(column), -1, down ? -1 : 1);
	return MST_OK;
}

int mst_sort_parse(const char *text, const struct mst_column *columns, size_t column_count, bson_t *out,
                   struct mst_err *err)
{
	int code = MST_OK;
	const char *at = text;

	bson_init(out);
	while (code == MST_OK) {
		char word[64];
		at += strspn(at, ", ");
		size_t length = strcspn(at, ", ");
		if (length == 0)
			break;
		size_t kept = length < sizeof word ? length : sizeof word - 1;
		memcpy(word, at, kept);
		word[kept] = '\0';
		code = bson_count_keys(out) >= 8
		               ? mst_err_set(err, MST_E_USAGE, "sort: more than 8 columns")
		               : sort_item(word, (size_t)(at - text) + 1, columns, column_count, out, err);
		at += length;
	}
	if (code != MST_OK)
		bson_destroy(out);
	return code;
}
