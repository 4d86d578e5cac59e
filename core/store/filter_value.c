/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a term by the kind of its column. */
#include <muster/plugin.h>
#include <string.h>

#include "base/addr.h"
#include "base/id.h"
#include "base/str.h"
#include "base/time.h"
#include "store/filter_internal.h"

#define DAY_MS INT64_C(86400000)

static enum mst_filter_op plain(enum mst_filter_op op)
{
	return op == MST_OP_NE ? MST_OP_EQ : op;
}

static void compare_text(bson_t *out, const char *field, enum mst_filter_op op, const char *value)
{
	bson_t inner;

	bson_append_document_begin(out, field, -1, &inner);
	bson_append_utf8(&inner, mst_filter_operator(plain(op)), -1, value, -1);
	bson_append_document_end(out, &inner);
}

static void compare_int(bson_t *out, const char *field, enum mst_filter_op op, int64_t value)
{
	bson_t inner;

	bson_append_document_begin(out, field, -1, &inner);
	bson_append_int64(&inner, mst_filter_operator(plain(op)), -1, value);
	bson_append_document_end(out, &inner);
}

/* The key that an operator compares with: below a range is below its first address, above it is above its last. */
static int address_value(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	struct mst_range range;
	char first[MST_ADDR_KEY], last[MST_ADDR_KEY];
	const char *key = mst_column_key(term->column);
	bson_t inner;

	if (term->op == MST_OP_HAS) {
		compare_text(out, term->column->field, MST_OP_HAS, value);
		return MST_OK;
	}
	if (!mst_range_parse(value, &range))
		return mst_filter_bad_value(
		        term, value, "an address or a range is needed: 10.0.0.1, 10.0.0.0/8, 10.0.0.1-10.0.0.9", err);
	mst_addr_key(&range.first, first);
	mst_addr_key(&range.last, last);
	if (strcmp(key, term->column->field) == 0) { /* no sortable key beside it */
		char canonical[MST_ADDR_TEXT];
		if (strcmp(first, last) != 0 || plain(term->op) != MST_OP_EQ)
			return mst_filter_bad_value(
			        term, value, "this column takes single addresses and = != ~ only; ranges go with ip",
			        err);
		mst_addr_text(&range.first, canonical);
		compare_text(out, term->column->field, MST_OP_EQ, canonical);
		return MST_OK;
	}
	if (plain(term->op) != MST_OP_EQ) {
		bool low = term->op == MST_OP_LT || term->op == MST_OP_GTE;
		compare_text(out, key, term->op, low ? first : last);
	} else if (strcmp(first, last) == 0) {
		compare_text(out, key, MST_OP_EQ, first);
	} else {
		bson_append_document_begin(out, key, -1, &inner);
		BSON_APPEND_UTF8(&inner, "$gte", first);
		BSON_APPEND_UTF8(&inner, "$lte", last);
		bson_append_document_end(out, &inner);
	}
	return MST_OK;
}

/* Any usual way to write a MAC, or with ~ a part of one, becomes aa:bb:cc:... */
static int mac_value(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	char text[64];
	size_t digits = 0, length = 0;
	bool part = term->op == MST_OP_HAS, separated = strpbrk(value, ":-.") != NULL;

	for (const char *at = value; *at && length < sizeof text - 4; at++) {
		char c = (char)(*at >= 'A' && *at <= 'F' ? *at + 32 : *at);
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')) {
			if (digits && digits % 2 == 0 && (!part || !separated || *value == '.' || strchr(value, '.')))
				text[length++] = ':';
			text[length++] = c;
			digits++;
		} else if (c != ':' && c != '-' && c != '.') {
			return mst_filter_bad_value(term, value, "a hardware address is needed: aa:bb:cc:dd:ee:ff",
			                            err);
		} else if (part && c != '.') {
			text[length++] = ':';
		}
	}
	text[length] = '\0';
	if (!part && digits != 12)
		return mst_filter_bad_value(
		        term, value,
		        "a whole hardware address is needed (aa:bb:cc:dd:ee:ff); for a part write mac~aa:bb", err);
	compare_text(out, term->column->field, term->op, text);
	return MST_OK;
}

static int time_range(const struct mst_filter_term *term, int64_t first, int64_t length, bson_t *out)
{
	const char *field = term->column->field;
	bson_t inner;

	switch (term->op) {
	case MST_OP_LT:
	case MST_OP_GTE:
		compare_int(out, field, term->op, first);
		break;
	case MST_OP_LTE:
	case MST_OP_GT:
		compare_int(out, field, term->op, first + length - 1);
		break;
	default:
		bson_append_document_begin(out, field, -1, &inner);
		BSON_APPEND_INT64(&inner, "$gte", first);
		BSON_APPEND_INT64(&inner, "$lt", first + length);
		bson_append_document_end(out, &inner);
	}
	return MST_OK;
}

/* "<7d" is an age: less than 7 days ago is later than now - 7d. */
static int time_value(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	static const enum mst_filter_op turned[] = {
	        [MST_OP_LT] = MST_OP_GT, [MST_OP_LTE] = MST_OP_GTE, [MST_OP_GT] = MST_OP_LT, [MST_OP_GTE] = MST_OP_LTE};
	int64_t duration, when;

	if (term->op == MST_OP_HAS)
		return mst_filter_bad_value(term, value, "times go with = != < <= > >=", err);
	if (mst_str_duration(value, &duration, NULL) == MST_OK) {
		if (plain(term->op) == MST_OP_EQ)
			return mst_filter_bad_value(
			        term, value, "an age goes with < and >: last_seen<7d is within the last 7 days", err);
		compare_int(out, term->column->field, turned[term->op], term->context->now - duration);
		return MST_OK;
	}
	if (!mst_time_parse(value, &when))
		return mst_filter_bad_value(
		        term, value, "an age (7d, 6h, 30m) or a time (2026-11-22, 2026-11-22T20:00:00Z) is needed",
		        err);
	/* A day alone means the whole day; everything else is exact to the second. */
	return time_range(term, when, strlen(value) == 10 ? DAY_MS : strchr(value, '.') ? 1 : 1000, out);
}

static int id_value(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	uint64_t number;

	if (mst_id_valid(value) && plain(term->op) == MST_OP_EQ) {
		compare_text(out, "_id", MST_OP_EQ, value);
		return MST_OK;
	}
	if (term->op == MST_OP_HAS || !mst_id_short_parse(value, &number) || number > INT64_MAX)
		return mst_filter_bad_value(term, value,
		                            "a short id is needed, as listings show it, with = != < <= > >=", err);
	compare_int(out, term->column->field, term->op, (int64_t)number);
	return MST_OK;
}

static int int_value(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	int64_t number;

	if (strcmp(term->column->name, "id") == 0)
		return id_value(term, value, out, err);
	if (term->op == MST_OP_HAS || !mst_str_int64(value, &number))
		return mst_filter_bad_value(term, value, "a whole number is needed, with = != < <= > >=", err);
	compare_int(out, term->column->field, term->op, number);
	return MST_OK;
}

#define MAX_PORT_RANGE 4096u

static int bad_port(const struct mst_filter_term *term, const char *value, struct mst_err *err)
{
	return mst_filter_bad_value(
	        term, value, "a port (22, 53/udp) or a range of at most 4096 (8000-8100) is needed, with = != ~", err);
}

/* "22/udp" -> "22", true; false unless the protocol is tcp, udp or left out. */
static bool split_protocol(const char *value, char *numbers, size_t size, bool *udp)
{
	size_t length = strcspn(value, "/");

	*udp = strcmp(value + length, "/udp") == 0;
	if (length >= size || (value[length] && !*udp && strcmp(value + length, "/tcp") != 0))
		return false;
	memcpy(numbers, value, length);
	numbers[length] = '\0';
	return true;
}

/* Appends "22", "22/tcp", "53/udp" or "8000-8010" to a $in, as ports are stored. */
static int append_ports(const struct mst_filter_term *term, const char *value, bson_t *list, uint32_t *count,
                        struct mst_err *err)
{
	char numbers[16], text[24], digits[16];
	const char *key;
	uint64_t first, last;
	bool udp;

	if (!split_protocol(value, numbers, sizeof numbers, &udp))
		return bad_port(term, value, err);
	char *dash = strchr(numbers, '-');
	if (dash)
		*dash = '\0';
	if (!mst_str_uint(numbers, 65535, &first) || !mst_str_uint(dash ? dash + 1 : numbers, 65535, &last) ||
	    first == 0 || last < first || last - first + *count >= MAX_PORT_RANGE)
		return bad_port(term, value, err);
	for (uint64_t port = first; port <= last; port++) {
		bson_uint32_to_string((*count)++, &key, digits, sizeof digits);
		bson_snprintf(text, sizeof text, "%u%s", (unsigned)port, udp ? "/udp" : "");
		bson_append_utf8(list, key, -1, text, -1);
	}
	return MST_OK;
}

int mst_filter_ports_build(const struct mst_filter_term *term, const char *value, size_t values, bson_t *out,
                           struct mst_err *err)
{
	bson_t in, list;
	uint32_t count = 0;
	int code = MST_OK;

	if (term->op == MST_OP_HAS) {
		compare_text(out, term->column->field, MST_OP_HAS, value);
		return MST_OK;
	}
	if (plain(term->op) != MST_OP_EQ)
		return bad_port(term, value, err);
	bson_append_document_begin(out, term->column->field, -1, &in);
	BSON_APPEND_ARRAY_BEGIN(&in, "$in", &list);
	for (; values > 0 && code == MST_OK; values--, value += strlen(value) + 1)
		code = append_ports(term, value, &list, &count, err);
	bson_append_array_end(&in, &list);
	bson_append_document_end(out, &in);
	return code;
}

static int bool_value(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	bool flag;

	if (plain(term->op) != MST_OP_EQ || mst_str_bool(value, &flag, NULL) != MST_OK)
		return mst_filter_bad_value(term, value, "yes or no is needed, with = or !=", err);
	bson_append_bool(out, term->column->field, -1, flag);
	return MST_OK;
}

/* A single address is looked for in its canonical form. */
static int addresses_value(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	if (term->op != MST_OP_HAS && plain(term->op) != MST_OP_EQ)
		return mst_filter_bad_value(term, value, "addresses of a list go with = != ~", err);
	return address_value(term, value, out, err);
}

/* A run by its number, or by the uuid that the document holds. */
static int run_value(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	char id[MST_ID_SIZE];
	int64_t number;
	int code;

	if (plain(term->op) != MST_OP_EQ)
		return mst_filter_bad_value(term, value, "runs go with = and !=", err);
	if (mst_id_valid(value)) {
		compare_text(out, term->column->field, MST_OP_EQ, value);
		return MST_OK;
	}
	if (!mst_str_int64(value, &number) || number < 1)
		return mst_filter_bad_value(term, value, "a run's number is needed, as muster runs shows it", err);
	if (!term->context->run)
		return mst_filter_bad_value(term, value, "a run's number goes with listings, not with rules", err);
	code = term->context->run(term->context->data, number, id, err);
	if (code == MST_OK)
		compare_text(out, term->column->field, MST_OP_EQ, id);
	return code;
}

int mst_filter_value_build(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err)
{
	const char *field = term->column->field;

	if (strcmp(field, "ports") == 0)
		return mst_filter_ports_build(term, value, 1, out, err);
	if (strcmp(field, "ips") == 0)
		return addresses_value(term, value, out, err);
	if (strcmp(field, "mac") == 0)
		return mac_value(term, value, out, err);
	if (term->column->flags & MST_COLUMN_RUN)
		return run_value(term, value, out, err);
	switch (term->column->type) {
	case MUSTER_FIELD_ADDRESS:
		return address_value(term, value, out, err);
	case MUSTER_FIELD_TIME:
		return time_value(term, value, out, err);
	case MUSTER_FIELD_INT:
		return int_value(term, value, out, err);
	case MUSTER_FIELD_BOOL:
		return bool_value(term, value, out, err);
	default:
		compare_text(out, field, term->op, value);
		return mst_filter_check_value(term, value, err);
	}
}
