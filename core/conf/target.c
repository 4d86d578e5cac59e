/* SPDX-License-Identifier: Apache-2.0 */
/* The target grammar. What is not plainly an address, a network, a range or a host name is refused: Nmap would take
 * "-oN/x" for a file to write, "127.0.0.1/0" for the whole internet, and stops at a word of 1024 bytes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "conf/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/word.h"

#define LABEL_MAX 63
#define DIGITS    "0123456789"
#define LETTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
/* Largest blocks that one item may name: a /8 of IPv4, a /96 of IPv6. */
#define LARGEST4 (UINT64_C(1) << 24)
#define LARGEST6 (UINT64_C(1) << 32)

/* Items as they are read; made into a set and a list of names once all are known. */
struct reader {
	struct mst_range *ranges;
	char **names;
	size_t range_count, range_cap, name_count, name_cap, tokens;
	struct mst_err *err;
};

static int refuse(const struct reader *reader, const char *item, const char *reason)
{
	char shown[MST_SHOWN];

	mst_conf_show(item, shown);
	return mst_err_set(reader->err, MST_E_USAGE, "target \"%s\" %s", shown, reason);
}

/* `items` with room for one more, or NULL; then `items` stays as it was. */
static void *grow(void *items, size_t *cap, size_t count, size_t size)
{
	void *bigger;

	if (count < *cap)
		return items;
	bigger = reallocarray(items, *cap == 0 ? 16 : *cap * 2, size);
	if (bigger != NULL)
		*cap = *cap == 0 ? 16 : *cap * 2;
	return bigger;
}

static int add_range(struct reader *reader, const char *item, const struct mst_range *range)
{
	struct mst_range *ranges;
	struct mst_addr_set one;
	uint64_t count;

	mst_addr_set_init(&one);
	if (mst_addr_set_add(&one, range) != MST_OK)
		return mst_err_no_memory(reader->err);
	count = mst_addr_set_count(&one);
	mst_addr_set_free(&one);
	if (count > (range->first.family == 4 ? LARGEST4 : LARGEST6))
		return refuse(
		        reader, item,
		        "is too large: one item may be a /8 of IPv4 or a /96 of IPv6 at most; write smaller networks");
	ranges = grow(reader->ranges, &reader->range_cap, reader->range_count, sizeof(*ranges));
	if (ranges == NULL)
		return mst_err_no_memory(reader->err);
	reader->ranges = ranges;
	ranges[reader->range_count++] = *range;
	return MST_OK;
}

/* What resolvers take for a number although it is no dotted quad: "10.1", "0x7f.1", "2130706433". */
static bool last_label_is_number(const char *name)
{
	const char *dot = strrchr(name, '.'), *label = dot == NULL ? name : dot + 1;

	if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
		return label[2 + strspn(label + 2, DIGITS "abcdefABCDEF")] == '\0';
	return label[0] != '\0' && label[strspn(label, DIGITS)] == '\0';
}

static const char *name_fault(const char *name)
{
	const char *label = name;

	/* all digits, dots and dashes: a range that does not parse, though RFC 1123 would take it for a name */
	if (last_label_is_number(name) || name[strspn(name, DIGITS ".-")] == '\0')
		return "is not a complete address or ascending range: write 192.0.2.1, 192.0.2.1-9, 192.0.2.0/24 or a host name";
	for (;;) {
		size_t len = strspn(label, LETTERS DIGITS "-");

		if (label[len] != '.' && label[len] != '\0')
			return "is no address, network, range or host name: write 192.0.2.1, 192.0.2.0/24, 192.0.2.1-9 or host.example.net";
		if (len == 0)
			return "has an empty part beside a dot: write host.example.net";
		if (len > LABEL_MAX)
			return "has a part longer than 63 characters: no host is named so";
		if (label[0] == '-' || label[len - 1] == '-')
			return "has a part that begins or ends with \"-\": no host is named so";
		if (label[len] == '\0')
			return NULL;
		label += len + 1;
	}
}

static int add_name(struct reader *reader, const char *item)
{
	const char *fault = name_fault(item);
	char *name, **names;

	if (fault != NULL)
		return refuse(reader, item, fault);
	names = grow(reader->names, &reader->name_cap, reader->name_count, sizeof(*names));
	if (names == NULL)
		return mst_err_no_memory(reader->err);
	reader->names = names;
	name = mst_str_dup(item);
	if (name == NULL)
		return mst_err_no_memory(reader->err);
	for (char *p = name; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	names[reader->name_count++] = name;
	return MST_OK;
}

static int check_bytes(const struct reader *reader, const char *item, size_t len)
{
	if (len == 0)
		return mst_err_set(reader->err, MST_E_USAGE,
		                   "a target is empty: remove the comma that stands too much");
	if (len > MST_MAX_TARGET_TOKEN)
		return refuse(reader, item, "is longer than 253 characters: separate targets with commas");
	for (const unsigned char *p = (const unsigned char *)item; *p != '\0'; p++) {
		if (*p == ' ' || *p == '\t')
			return refuse(reader, item, "has a blank inside: separate targets with commas");
		if (*p < 0x20 || *p == 0x7f)
			return refuse(reader, item, "has a control character inside: remove it");
		if (*p >= 0x80)
			return refuse(reader, item,
			              "has a character outside ASCII: write an international name in its xn-- form");
	}
	if (item[0] == '-')
		return refuse(
		        reader, item,
		        "begins with \"-\": a target is an address, network, range or host name, never an option");
	return MST_OK;
}

static int read_item(struct reader *reader, const char *item, size_t len)
{
	struct mst_range range;
	int status = check_bytes(reader, item, len);

	if (status != MST_OK)
		return status;
	if (++reader->tokens > MST_MAX_TARGET_TOKENS)
		return mst_err_set(reader->err, MST_E_USAGE,
		                   "more than %u targets in one list: write networks or ranges, or split the list",
		                   MST_MAX_TARGET_TOKENS);
	if (mst_range_parse(item, &range))
		return add_range(reader, item, &range);
	if (strpbrk(item, ":/") != NULL)
		return refuse(
		        reader, item,
		        "is not a network or address: write 192.0.2.0/24, 2001:db8::/112 or 2001:db8::1-2001:db8::9");
	return add_name(reader, item);
}

static int read_items(struct reader *reader, const char *text)
{
	int status = MST_OK;

	while (status == MST_OK) {
		size_t len;
		char *item;
		const char *comma;

		text += strspn(text, " ");
		comma = strchrnul(text, ',');
		len = (size_t)(comma - text);
		while (len > 0 && text[len - 1] == ' ')
			len--;
		item = mst_str_dupn(text, len);
		if (item == NULL)
			return mst_err_no_memory(reader->err);
		status = read_item(reader, item, len);
		free(item);
		if (*comma == '\0')
			break;
		text = comma + 1;
	}
	return status;
}

static int compare_ranges(const void *a, const void *b)
{
	return mst_addr_compare(&((const struct mst_range *)a)->first, &((const struct mst_range *)b)->first);
}

/* Added in ascending order, which is the cheap way to fill a set. */
static int take_ranges(struct reader *reader, struct mst_target_list *out)
{
	if (reader->range_count > 0)
		qsort(reader->ranges, reader->range_count, sizeof(*reader->ranges), compare_ranges);
	for (size_t i = 0; i < reader->range_count; i++) {
		if (mst_addr_set_add(&out->addresses, &reader->ranges[i]) != MST_OK)
			return mst_err_no_memory(reader->err);
	}
	return MST_OK;
}

static int compare_places(const void *a, const void *b)
{
	char *const *const *x = a, *const *const *y = b;
	int order = strcmp(**x, **y);

	if (order != 0)
		return order;
	return *x < *y ? -1 : *x > *y;
}

/* Keeps the first of equal names; the others are freed and their places closed. */
static int take_names(struct reader *reader, struct mst_target_list *out)
{
	char ***places;
	size_t kept = 0;

	if (reader->name_count == 0)
		return MST_OK;
	places = calloc(reader->name_count, sizeof(*places));
	if (places == NULL)
		return mst_err_no_memory(reader->err);
	for (size_t i = 0; i < reader->name_count; i++)
		places[i] = &reader->names[i];
	qsort(places, reader->name_count, sizeof(*places), compare_places);
	for (size_t i = reader->name_count - 1; i > 0; i--) {
		if (strcmp(*places[i], *places[i - 1]) == 0) {
			free(*places[i]);
			*places[i] = NULL;
		}
	}
	free(places);
	for (size_t i = 0; i < reader->name_count; i++) {
		if (reader->names[i] != NULL)
			reader->names[kept++] = reader->names[i];
	}
	out->names = reader->names;
	out->name_count = kept;
	reader->names = NULL;
	reader->name_count = 0;
	return MST_OK;
}

int mst_target_parse(const char *text, struct mst_target_list *out, struct mst_err *err)
{
	struct reader reader = {.err = err};
	int status = MST_OK;

	memset(out, 0, sizeof(*out));
	mst_addr_set_init(&out->addresses);
	if (text[strspn(text, " ")] != '\0')
		status = read_items(&reader, text);
	if (status == MST_OK)
		status = take_ranges(&reader, out);
	if (status == MST_OK)
		status = take_names(&reader, out);
	if (status != MST_OK)
		mst_target_free(out);
	for (size_t i = 0; i < reader.name_count; i++)
		free(reader.names[i]);
	free(reader.names);
	free(reader.ranges);
	return status;
}

void mst_target_free(struct mst_target_list *list)
{
	mst_addr_set_free(&list->addresses);
	for (size_t i = 0; i < list->name_count; i++)
		free(list->names[i]);
	free(list->names);
	memset(list, 0, sizeof(*list));
}
