/* SPDX-License-Identifier: Apache-2.0 */
#include "import/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "import/doc.h"

#define GROUPS_MAX 128u

static const char *const protos[MST_PROTOS] = {"tcp", "udp", "sctp"};

int mst_proto_parse(const char *text)
{
	for (int i = 0; text && i < MST_PROTOS; i++)
		if (strcmp(text, protos[i]) == 0)
			return i;
	return -1;
}

const char *mst_proto_name(int proto)
{
	return protos[proto];
}

static char *put_number(char *at, unsigned value)
{
	char digits[5];
	int count = 0;
	do
		digits[count++] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	while (count > 0)
		*at++ = digits[--count];
	return at;
}

void mst_port_text(int proto, unsigned port, char *out, size_t size)
{
	char text[6], *end = put_number(text, port & 0xffff);
	*end = '\0';
	if (proto == MST_PROTO_TCP)
		mst_doc_cut(out, size, text);
	else
		snprintf(out, size, "%s/%s", text, protos[proto]);
}

static struct mst_port_group *group_for(struct mst_port_groups *groups, const struct mst_port_group *like)
{
	for (size_t i = 0; i < groups->count; i++) {
		struct mst_port_group *group = &groups->items[i];
		if (group->proto == like->proto && group->ttl == like->ttl && strcmp(group->state, like->state) == 0 &&
		    strcmp(group->reason, like->reason) == 0)
			return group;
	}
	if (groups->count >= GROUPS_MAX) {
		/* A peer that answers with ever other TTLs: what tells ports apart then is the state alone. */
		for (size_t i = 0; i < groups->count; i++)
			if (groups->items[i].proto == like->proto && strcmp(groups->items[i].state, like->state) == 0)
				return &groups->items[i];
		return NULL;
	}
	struct mst_port_group *items = realloc(groups->items, (groups->count + 1) * sizeof *items);
	if (!items)
		return NULL;
	groups->items = items;
	items[groups->count] = *like;
	return &items[groups->count++];
}

static int add_port(struct mst_port_group *group, unsigned port, const char *name, struct mst_port_sets *decided)
{
	if (port < 1 || port > 65535 || mst_ports_has(&decided->of[group->proto], port))
		return 0;
	if (group->unlisted) {
		mst_ports_set(&decided->of[group->proto], port);
		return 0;
	}
	if (group->count == group->cap) {
		size_t cap = group->cap ? group->cap * 2 : 16;
		struct mst_port *ports = realloc(group->ports, cap * sizeof *ports);
		if (!ports)
			return MST_E_NO_MEMORY;
		group->ports = ports;
		group->cap = cap;
	}
	mst_ports_set(&decided->of[group->proto], port);
	group->ports[group->count++] = (struct mst_port){(uint16_t)port, name};
	return 0;
}

/* The n-th text of `names`, walked in step with the ports. */
static const char *next_name(bson_iter_t *names, bool *more)
{
	uint32_t len = 0;
	*more = *more && bson_iter_next(names);
	if (!*more || !BSON_ITER_HOLDS_UTF8(names))
		return NULL;
	const char *text = bson_iter_utf8(names, &len);
	return len > 0 && len <= 64 ? text : NULL;
}

static int read_list(struct mst_port_group *group, const bson_t *doc, struct mst_port_sets *decided)
{
	bson_t list, names;
	bson_iter_t port, name;
	if (!mst_doc_array(doc, "ports", &list) || !bson_iter_init(&port, &list))
		return 0;
	bool more = mst_doc_array(doc, "names", &names) && bson_iter_init(&name, &names);
	while (bson_iter_next(&port)) {
		const char *text = next_name(&name, &more);
		if (!BSON_ITER_HOLDS_INT(&port))
			continue;
		int64_t number = bson_iter_as_int64(&port);
		if (number >= 1 && number <= 65535 && add_port(group, (unsigned)number, text, decided) != 0)
			return MST_E_NO_MEMORY;
	}
	return 0;
}

/* Digits up to 65536, which stands for all that is no port. Lists have hundreds of numbers: strtoul is felt. */
static unsigned read_number(const char **text)
{
	unsigned value = 0;
	for (; **text >= '0' && **text <= '9'; (*text)++)
		value = value > 6553 ? 65536 : value * 10 + (unsigned)(**text - '0');
	return value;
}

/* "1,3-4" as write_range leaves it; what does not read so ends the list. */
static int read_range(struct mst_port_group *group, const char *range, struct mst_port_sets *decided)
{
	int code = 0;
	while (code == 0 && *range >= '0' && *range <= '9') {
		unsigned first = read_number(&range), last = first;
		if (*range == '-') {
			range++;
			last = read_number(&range);
		}
		for (unsigned port = first; port <= last && port <= 65535 && code == 0; port++)
			code = add_port(group, port, NULL, decided);
		if (*range != ',')
			break;
		range++;
	}
	return code;
}

static int read_group(struct mst_port_groups *groups, const bson_t *doc, struct mst_port_sets *decided)
{
	struct mst_port_group like = {.proto = mst_proto_parse(mst_doc_text(doc, "proto"))};
	const char *state = mst_doc_text(doc, "state");
	if (like.proto < 0 || !state)
		return 0;
	mst_doc_cut(like.state, sizeof like.state, state);
	mst_doc_cut(like.reason, sizeof like.reason, mst_doc_text(doc, "reason"));
	like.ttl = mst_doc_int(doc, "ttl", 0);
	like.open = strcmp(like.state, "open") == 0;
	like.unlisted = groups->open_only && !like.open;
	struct mst_port_group *group = group_for(groups, &like);
	if (!group)
		return groups->count >= GROUPS_MAX ? 0 : MST_E_NO_MEMORY;
	const char *range = mst_doc_text(doc, "range");
	int code = read_list(group, doc, decided);
	return code == 0 && range ? read_range(group, range, decided) : code;
}

int mst_ports_read(struct mst_port_groups *groups, const bson_t *array, struct mst_port_sets *decided)
{
	bson_iter_t iter;
	bson_t doc;
	int code = 0;
	if (!bson_iter_init(&iter, array))
		return 0;
	while (code == 0 && bson_iter_next(&iter))
		if (BSON_ITER_HOLDS_DOCUMENT(&iter) && mst_doc_view(&iter, &doc))
			code = read_group(groups, &doc, decided);
	return code;
}

static int by_port(const void *a, const void *b)
{
	return (int)((const struct mst_port *)a)->port - (int)((const struct mst_port *)b)->port;
}

static int by_group(const void *left, const void *right)
{
	const struct mst_port_group *a = left, *b = right;
	if (a->open != b->open)
		return a->open ? -1 : 1;
	if (a->proto != b->proto)
		return a->proto - b->proto;
	int order = strcmp(a->state, b->state);
	if (order == 0)
		order = strcmp(a->reason, b->reason);
	return order != 0 ? order : (a->ttl > b->ttl) - (a->ttl < b->ttl);
}

/* Lists are mostly in order already. */
static void sort_ports(struct mst_port *ports, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (ports[i].port < ports[i - 1].port) {
			qsort(ports, count, sizeof *ports, by_port);
			return;
		}
}

int mst_port_list_text(const struct mst_port *ports, size_t count, struct mst_buf *out)
{
	for (size_t i = 0; i < count;) {
		char text[16], *at = text;
		size_t last = i;
		while (last + 1 < count && ports[last + 1].port == ports[last].port + 1)
			last++;
		if (i > 0)
			*at++ = ',';
		at = put_number(at, ports[i].port);
		if (last > i) {
			*at++ = '-';
			at = put_number(at, ports[last].port);
		}
		mst_buf_add(out, text, (size_t)(at - text));
		i = last + 1;
	}
	return out->failed ? MST_E_NO_MEMORY : 0;
}

static int write_range(const struct mst_port_group *group, bson_t *out)
{
	struct mst_buf text;
	mst_buf_init(&text, MST_MAX_RECORD);
	int code = mst_port_list_text(group->ports, group->count, &text);
	mst_doc_add_int(out, "count", (int64_t)group->count);
	mst_doc_add_text(out, "range", mst_buf_text(&text));
	mst_buf_free(&text);
	return code;
}

static void write_list(const struct mst_port_group *group, bson_t *out)
{
	bson_t list;
	char space[16];
	const char *key;
	bson_append_array_begin(out, "ports", -1, &list);
	for (size_t i = 0; i < group->count; i++) {
		size_t len = bson_uint32_to_string((uint32_t)i, &key, space, sizeof space);
		bson_append_int64(&list, key, (int)len, group->ports[i].port);
	}
	bson_append_array_end(out, &list);
	bson_append_array_begin(out, "names", -1, &list);
	for (size_t i = 0; i < group->count; i++) {
		size_t len = bson_uint32_to_string((uint32_t)i, &key, space, sizeof space);
		bson_append_utf8(&list, key, (int)len, group->ports[i].name ? group->ports[i].name : "", -1);
	}
	bson_append_array_end(out, &list);
}

int mst_ports_write(struct mst_port_groups *groups, bson_t *doc)
{
	bson_t array, item;
	uint32_t index = 0;
	char space[16];
	const char *key;
	int code = 0;
	size_t used = 0;
	for (size_t i = 0; i < groups->count; i++)
		used += groups->items[i].count;
	if (used == 0)
		return 0;
	qsort(groups->items, groups->count, sizeof *groups->items, by_group);
	bson_append_array_begin(doc, "ports", -1, &array);
	for (size_t i = 0; i < groups->count && code == 0; i++) {
		struct mst_port_group *group = &groups->items[i];
		if (group->count == 0)
			continue;
		sort_ports(group->ports, group->count);
		size_t len = bson_uint32_to_string(index++, &key, space, sizeof space);
		bson_append_document_begin(&array, key, (int)len, &item);
		mst_doc_add_text(&item, "proto", protos[group->proto]);
		mst_doc_add_text(&item, "state", group->state);
		mst_doc_add_text(&item, "reason", group->reason);
		mst_doc_add_int(&item, "ttl", group->ttl);
		if (group->open)
			write_list(group, &item);
		else
			code = write_range(group, &item);
		bson_append_document_end(&array, &item);
	}
	bson_append_array_end(doc, &array);
	return code;
}

void mst_ports_free(struct mst_port_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		free(groups->items[i].ports);
	free(groups->items);
	groups->items = NULL;
	groups->count = 0;
}

int mst_ports_open_list(const bson_t *array, struct mst_port **out, size_t counts[MST_PROTOS])
{
	struct mst_port_groups groups = {.open_only = true};
	struct mst_port_sets *decided = calloc(1, sizeof *decided);
	int code = decided ? mst_ports_read(&groups, array, decided) : MST_E_NO_MEMORY;
	size_t total = 0, used = 0;
	free(decided);
	for (size_t i = 0; i < groups.count; i++)
		total += groups.items[i].open ? groups.items[i].count : 0;
	*out = code == 0 ? calloc(total + 1, sizeof **out) : NULL;
	for (int proto = 0; *out && proto < MST_PROTOS; proto++) {
		size_t start = used;
		for (size_t i = 0; i < groups.count; i++) {
			const struct mst_port_group *group = &groups.items[i];
			if (!group->open || group->proto != proto || group->count == 0)
				continue;
			memcpy(*out + used, group->ports, group->count * sizeof **out);
			used += group->count;
		}
		counts[proto] = used - start;
		sort_ports(*out + start, used - start);
	}
	mst_ports_free(&groups);
	return *out ? 0 : MST_E_NO_MEMORY;
}

int mst_ports_open(const bson_t *array, struct mst_port_sets *open, struct mst_port_sets *known)
{
	struct mst_port_groups groups = {.open_only = true};
	int code = mst_ports_read(&groups, array, known);
	for (size_t i = 0; i < groups.count && code == 0; i++)
		for (size_t j = 0; groups.items[i].open && j < groups.items[i].count; j++)
			mst_ports_set(&open->of[groups.items[i].proto], groups.items[i].ports[j].port);
	mst_ports_free(&groups);
	return code;
}

/* Numbers with their protocol in the lowest bits, so that sorting gives the order. */
struct numbers {
	uint32_t *items;
	size_t count, cap;
	bool sorted;
};

static int add_number(struct numbers *numbers, uint32_t number)
{
	if (numbers->count == numbers->cap) {
		size_t cap = numbers->cap ? numbers->cap * 2 : 64;
		uint32_t *items = reallocarray(numbers->items, cap, sizeof *items);
		if (!items)
			return MST_E_NO_MEMORY;
		numbers->items = items;
		numbers->cap = cap;
	}
	numbers->sorted = numbers->sorted && (numbers->count == 0 || numbers->items[numbers->count - 1] < number);
	numbers->items[numbers->count++] = number;
	return 0;
}

static int add_open_group(struct numbers *numbers, const bson_t *group)
{
	const char *state = mst_doc_text(group, "state");
	int proto = state && strcmp(state, "open") == 0 ? mst_proto_parse(mst_doc_text(group, "proto")) : -1;
	bson_t list;
	bson_iter_t iter;
	int code = 0;
	if (proto < 0 || !mst_doc_array(group, "ports", &list) || !bson_iter_init(&iter, &list))
		return 0;
	while (code == 0 && bson_iter_next(&iter)) {
		int64_t port = BSON_ITER_HOLDS_INT(&iter) ? bson_iter_as_int64(&iter) : 0;
		if (port >= 1 && port <= 65535)
			code = add_number(numbers, (uint32_t)port << 2 | (uint32_t)proto);
	}
	return code;
}

static int by_number(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

int mst_ports_write_open(const bson_t *array, uint32_t max, bson_t *out, const char *key)
{
	struct numbers numbers = {.sorted = true};
	bson_iter_t iter;
	bson_t group, list;
	uint32_t index = 0;
	int code = 0;
	if (bson_iter_init(&iter, array))
		while (code == 0 && bson_iter_next(&iter))
			if (BSON_ITER_HOLDS_DOCUMENT(&iter) && mst_doc_view(&iter, &group))
				code = add_open_group(&numbers, &group);
	if (code == 0 && numbers.count > 0) {
		if (!numbers.sorted)
			qsort(numbers.items, numbers.count, sizeof *numbers.items, by_number);
		bson_append_array_begin(out, key, -1, &list);
		for (size_t i = 0; i < numbers.count && index < max; i++) {
			char text[16];
			mst_port_text((int)(numbers.items[i] & 3), numbers.items[i] >> 2, text, sizeof text);
			mst_doc_push_text(&list, &index, text);
		}
		bson_append_array_end(out, &list);
	}
	free(numbers.items);
	return code;
}
