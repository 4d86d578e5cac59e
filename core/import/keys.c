/* SPDX-License-Identifier: Apache-2.0 */
#include "import/keys.h"

#include <stdio.h>
#include <string.h>

#include "import/doc.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool mst_mac_parse(const char *text, char out[MST_MAC_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	unsigned any = 0, all = 0xff, first = 0;
	if (!text || strlen(text) != MST_MAC_SIZE - 1)
		return false;
	for (int i = 0; i < 6; i++) {
		int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);
		if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != ':' && text[i * 3 + 2] != '-'))
			return false;
		unsigned byte = (unsigned)(high << 4 | low);
		if (i == 0)
			first = byte;
		any |= byte;
		all &= byte;
		out[i * 3] = digits[high];
		out[i * 3 + 1] = digits[low];
		out[i * 3 + 2] = i < 5 ? ':' : '\0';
	}
	return any != 0 && all != 0xff && (first & 1) == 0;
}

bool mst_mac_is_local(const char *mac)
{
	return (hex_digit(mac[1]) & 2) != 0;
}

bool mst_mac_is_virtual_router(const char *mac)
{
	static const char *const prefixes[] = {
	        "00:00:5e:00:01:", /* VRRP and CARP for IPv4 */
	        "00:00:5e:00:02:", /* VRRP for IPv6 */
	        "00:00:0c:07:ac:", /* HSRP */
	        "00:00:0c:9f:f",   /* HSRP version 2 */
	        "00:05:73:a0:0",   /* HSRP for IPv6 */
	        "00:07:b4:00:",    /* GLBP */
	        "00:07:b4:01:",    "00:07:b4:02:", "00:07:b4:03:",
	};
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncmp(mac, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* PREFIX:FIRST, or PREFIX:FIRST, `between` and SECOND. Made for each record several times, so without printf. */
static void add(struct mst_keys *keys, int kind, const char *prefix, const char *first, char between,
                const char *second)
{
	struct mst_key *key = &keys->items[keys->count];
	size_t a = strlen(prefix), b = strlen(first), c = second ? strlen(second) : 0;
	/* An id that does not fit is cut nowhere: two that begin alike must not become one. */
	if (a + 1 + b + (second ? 1 + c : 0) >= sizeof key->text)
		return;
	char *at = key->text;
	memcpy(at, prefix, a);
	at += a;
	*at++ = ':';
	memcpy(at, first, b);
	at += b;
	if (second) {
		*at++ = between;
		memcpy(at, second, c);
		at += c;
	}
	*at = '\0';
	key->kind = kind;
	keys->count++;
}

/* The first of each field that has text. */
static void find_texts(const bson_t *doc, const char *const *names, const char **out, size_t count)
{
	bson_iter_t iter;
	uint32_t seen = 0;
	if (!bson_iter_init(&iter, doc))
		return;
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		for (size_t i = 0; i < count; i++) {
			uint32_t len = 0;
			if (key[0] != names[i][0] || (seen & 1u << i) || strcmp(key, names[i]) != 0)
				continue;
			seen |= 1u << i;
			const char *text = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, &len) : NULL;
			out[i] = text && len > 0 && text[0] ? text : NULL;
			break;
		}
	}
}

void mst_keys_of(const bson_t *doc, const char *zone, bool shared_mac, struct mst_keys *out)
{
	static const char *const names[] = {"eni", "instance_id", "computer_id", "ip", "mac"};
	const char *found[5] = {NULL};
	find_texts(doc, names, found, 5);
	const char *eni = found[0], *instance = found[1], *agent = found[2], *ip = found[3];
	char mac[MST_MAC_SIZE];
	bool has_mac = mst_mac_parse(found[4], mac) && !shared_mac && !mst_mac_is_virtual_router(mac);
	out->count = 0;
	if (eni)
		add(out, MST_KEY_ENI, "eni", eni, 0, NULL);
	if (instance && has_mac)
		add(out, MST_KEY_INSTANCE, "inst", instance, '/', mac);
	if (agent && has_mac)
		add(out, MST_KEY_AGENT, "agent", agent, '/', mac);
	if (has_mac)
		add(out, mst_mac_is_local(mac) ? MST_KEY_LOCAL_MAC : MST_KEY_MAC, "mac", zone, ':', mac);
	if (ip)
		add(out, MST_KEY_IP, "ip", zone, ':', ip);
}

const char *mst_keys_find(const struct mst_keys *keys, int kind)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->items[i].kind == kind)
			return keys->items[i].text;
	return NULL;
}

bool mst_keys_hold(const struct mst_keys *keys, const char *text)
{
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->items[i].text, text) == 0)
			return true;
	return false;
}

/* What must be equal: of a MAC key the MAC alone, since one interface may be seen from two zones. */
static const char *value_of(const char *key, int kind)
{
	size_t len = strlen(key);
	return kind == MST_KEY_MAC && len >= MST_MAC_SIZE ? key + len - (MST_MAC_SIZE - 1) : key;
}

bool mst_keys_conflict(const struct mst_keys *a, const struct mst_keys *b)
{
	for (int kind = 0; kind < MST_KEY_STRONG; kind++) {
		const char *left = mst_keys_find(a, kind), *right = mst_keys_find(b, kind);
		if (left && right && strcmp(value_of(left, kind), value_of(right, kind)) != 0)
			return true;
	}
	return false;
}

void mst_key_never(const char *a, const char *b, char out[MST_KEY_SIZE])
{
	bool swap = strcmp(a, b) > 0;
	snprintf(out, MST_KEY_SIZE, "never:%s:%s", swap ? b : a, swap ? a : b);
}

const char *mst_keys_identity(const struct mst_keys *keys)
{
	static const char *const words[] = {"eni", "eni", "agent", "mac", "mac", "ip"};
	return keys->count > 0 ? words[keys->items[0].kind] : "ip";
}
