/* SPDX-License-Identifier: Apache-2.0 */
/* What changed between two merged views, in words. */
#include <stdio.h>
#include <string.h>

#include "import/doc.h"
#include "import/merge.h"

#define LISTED_MAX 20u

static void separate(struct mst_buf *out)
{
	if (out->len > 0)
		mst_buf_str(out, "; ");
}

static bool differ(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

static void change_text(struct mst_buf *out, const char *word, const char *before, const char *after)
{
	if (!differ(before, after))
		return;
	separate(out);
	mst_buf_printf(out, "%s %s -> %s", word, before ? before : "-", after ? after : "-");
}

/* Appends " +x" for what `from` has and `other` lacks, `skip` excepted. Returns how many there are. */
static unsigned list_missing(struct mst_buf *out, char sign, const bson_t *from, const bson_t *other, const char *skip)
{
	bson_iter_t iter;
	unsigned count = 0;
	if (!from || !bson_iter_init(&iter, from))
		return 0;
	while (bson_iter_next(&iter)) {
		const char *text = BSON_ITER_HOLDS_UTF8(&iter) ? bson_iter_utf8(&iter, NULL) : NULL;
		if (!text || mst_doc_holds(other, text) || (skip && strcmp(text, skip) == 0))
			continue;
		if (count++ < LISTED_MAX)
			mst_buf_printf(out, " %c%s", sign, text);
	}
	if (count > LISTED_MAX)
		mst_buf_printf(out, " %cand %u more", sign, count - LISTED_MAX);
	return count;
}

static void change_list(struct mst_buf *out, const char *word, const char *key, const bson_t *old, const bson_t *fresh,
                        const char *skip_old, const char *skip_new)
{
	bson_t before, after;
	struct mst_buf text;
	bool has_before = mst_doc_array(old, key, &before), has_after = mst_doc_array(fresh, key, &after);
	mst_buf_init(&text, 16384);
	list_missing(&text, '+', has_after ? &after : NULL, has_before ? &before : NULL, skip_new);
	list_missing(&text, '-', has_before ? &before : NULL, has_after ? &after : NULL, skip_old);
	if (text.len > 0) {
		separate(out);
		mst_buf_printf(out, "%s%s", word, mst_buf_text(&text));
	}
	mst_buf_free(&text);
}

/* The generation of a managed interface is not shown, so coming and going of it is no change. */
static void change_os(struct mst_buf *out, const bson_t *old, const bson_t *fresh)
{
	const char *before = mst_doc_text(old, "os_platform"), *after = mst_doc_text(fresh, "os_platform");
	const char *old_state = mst_doc_text(old, "state"), *new_state = mst_doc_text(fresh, "state");
	bool hide =
	        (old_state && strcmp(old_state, "managed") == 0) || (new_state && strcmp(new_state, "managed") == 0);
	const char *old_generation = hide ? NULL : mst_doc_text(old, "os_generation");
	const char *new_generation = hide ? NULL : mst_doc_text(fresh, "os_generation");
	if (!differ(before, after) && !differ(old_generation, new_generation))
		return;
	separate(out);
	mst_buf_printf(out, "os %s", before ? before : "-");
	if (old_generation)
		mst_buf_printf(out, " %s", old_generation);
	mst_buf_str(out, " ->");
	if (differ(before, after))
		mst_buf_printf(out, " %s", after ? after : "-");
	if (new_generation)
		mst_buf_printf(out, " %s", new_generation);
	else if (!differ(before, after))
		mst_buf_str(out, " -");
}

/* "tcp/22 OpenSSH 9.2" of one port, "" when there is none. */
static void service_text(const bson_t *services, const char *proto, int64_t port, char *out, size_t size)
{
	bson_iter_t iter;
	bson_t item;
	out[0] = '\0';
	if (!services || !bson_iter_init(&iter, services))
		return;
	while (bson_iter_next(&iter)) {
		if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !mst_doc_view(&iter, &item))
			continue;
		const char *other = mst_doc_text(&item, "proto"), *product = mst_doc_text(&item, "product");
		const char *name = mst_doc_text(&item, "name"), *version = mst_doc_text(&item, "version");
		if (!other || strcmp(other, proto) != 0 || mst_doc_int(&item, "port", 0) != port)
			continue;
		const char *what = product ? product : name;
		snprintf(out, size, "%s%s%s", what ? what : "", what && version ? " " : "", version ? version : "");
		return;
	}
}

/* Only where both views know the port's service: a port that came or went says so itself. */
static void change_services(struct mst_buf *out, const bson_t *old, const bson_t *fresh)
{
	bson_t before, after, item;
	bson_iter_t iter;
	unsigned listed = 0;
	if (!mst_doc_array(old, "services", &before) || !mst_doc_array(fresh, "services", &after) ||
	    !bson_iter_init(&iter, &after))
		return;
	while (bson_iter_next(&iter) && listed < LISTED_MAX) {
		char a[256], b[256];
		if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !mst_doc_view(&iter, &item) || !mst_doc_text(&item, "proto"))
			continue;
		int64_t port = mst_doc_int(&item, "port", 0);
		service_text(&before, mst_doc_text(&item, "proto"), port, a, sizeof a);
		service_text(&after, mst_doc_text(&item, "proto"), port, b, sizeof b);
		if (!a[0] || strcmp(a, b) == 0)
			continue;
		separate(out);
		mst_buf_printf(out, "service %lld %s -> %s", (long long)port, a, b[0] ? b : "-");
		listed++;
	}
}

void mst_merge_changes(const bson_t *old, const bson_t *fresh, struct mst_buf *out)
{
	const char *old_ip = mst_doc_text(old, "ip"), *new_ip = mst_doc_text(fresh, "ip");
	bool moved = differ(old_ip, new_ip);
	change_text(out, "address", old_ip, new_ip);
	change_list(out, "addresses", "ips", old, fresh, moved ? old_ip : NULL, moved ? new_ip : NULL);
	change_text(out, "nat", mst_doc_text(old, "nat_ip"), mst_doc_text(fresh, "nat_ip"));
	change_text(out, "mac", mst_doc_text(old, "mac"), mst_doc_text(fresh, "mac"));
	change_text(out, "name", mst_doc_text(old, "hostname"), mst_doc_text(fresh, "hostname"));
	if (!differ(mst_doc_text(old, "hostname"), mst_doc_text(fresh, "hostname")))
		change_list(out, "names", "hostnames", old, fresh, NULL, NULL);
	change_list(out, "ports", "ports", old, fresh, NULL, NULL);
	change_services(out, old, fresh);
	change_os(out, old, fresh);
	change_text(out, "agent", mst_doc_text(old, "computer_id"), mst_doc_text(fresh, "computer_id"));
}
