/* SPDX-License-Identifier: Apache-2.0 */
#include "import/doc.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

static bool find(const bson_t *doc, const char *path, bson_iter_t *out)
{
	bson_iter_t iter;
	if (!doc || !bson_iter_init(&iter, doc))
		return false;
	if (strchr(path, '.'))
		return bson_iter_find_descendant(&iter, path, out);
	/* Most keys differ in their first byte, which is cheaper to see than what bson_iter_find does. */
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		if (key[0] != path[0] || strcmp(key, path) != 0)
			continue;
		*out = iter;
		return true;
	}
	return false;
}

const char *mst_doc_text(const bson_t *doc, const char *path)
{
	bson_iter_t iter;
	uint32_t len = 0;
	if (!find(doc, path, &iter) || !BSON_ITER_HOLDS_UTF8(&iter))
		return NULL;
	const char *text = bson_iter_utf8(&iter, &len);
	return text && len > 0 && text[0] ? text : NULL;
}

int64_t mst_doc_int(const bson_t *doc, const char *path, int64_t fallback)
{
	bson_iter_t iter;
	if (!find(doc, path, &iter) || !BSON_ITER_HOLDS_INT(&iter))
		return fallback;
	return bson_iter_as_int64(&iter);
}

bool mst_doc_bool(const bson_t *doc, const char *path)
{
	bson_iter_t iter;
	return find(doc, path, &iter) && BSON_ITER_HOLDS_BOOL(&iter) && bson_iter_bool(&iter);
}

bool mst_doc_view(const bson_iter_t *iter, bson_t *out)
{
	const uint8_t *data = NULL;
	uint32_t len = 0;
	if (BSON_ITER_HOLDS_DOCUMENT(iter))
		bson_iter_document(iter, &len, &data);
	else if (BSON_ITER_HOLDS_ARRAY(iter))
		bson_iter_array(iter, &len, &data);
	return data && bson_init_static(out, data, len);
}

bool mst_doc_object(const bson_t *doc, const char *path, bson_t *out)
{
	bson_iter_t iter;
	return find(doc, path, &iter) && BSON_ITER_HOLDS_DOCUMENT(&iter) && mst_doc_view(&iter, out);
}

bool mst_doc_array(const bson_t *doc, const char *path, bson_t *out)
{
	bson_iter_t iter;
	return find(doc, path, &iter) && BSON_ITER_HOLDS_ARRAY(&iter) && mst_doc_view(&iter, out);
}

void mst_doc_add_text(bson_t *doc, const char *key, const char *value)
{
	if (value && value[0])
		bson_append_utf8(doc, key, -1, value, -1);
}

void mst_doc_add_int(bson_t *doc, const char *key, int64_t value)
{
	bson_append_int64(doc, key, -1, value);
}

void mst_doc_push_text(bson_t *array, uint32_t *index, const char *value)
{
	char space[16];
	const char *key = NULL;
	size_t len = bson_uint32_to_string((*index)++, &key, space, sizeof space);
	bson_append_utf8(array, key, (int)len, value, -1);
}

void mst_doc_copy(bson_t *to, const bson_t *from, const char *key)
{
	bson_iter_t iter;
	if (from && bson_iter_init_find(&iter, from, key))
		bson_append_iter(to, key, -1, &iter);
}

void mst_doc_cut(char *out, size_t size, const char *text)
{
	if (size == 0)
		return;
	size_t len = text ? strnlen(text, size) : 0;
	if (len == size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	if (len > 0)
		memcpy(out, text, len);
	out[len] = '\0';
}

bool mst_doc_holds(const bson_t *array, const char *text)
{
	bson_iter_t iter;
	if (!array || !bson_iter_init(&iter, array))
		return false;
	while (bson_iter_next(&iter))
		if (BSON_ITER_HOLDS_UTF8(&iter) && strcmp(bson_iter_utf8(&iter, NULL), text) == 0)
			return true;
	return false;
}

void *mst_doc_alloc(size_t count, size_t size)
{
	if (count == 0 || size == 0 || count > SIZE_MAX / 2 / size)
		return NULL;
	size_t bytes = (count * size + alignof(bson_t) - 1) / alignof(bson_t) * alignof(bson_t);
	void *out = aligned_alloc(alignof(bson_t), bytes);
	if (out)
		memset(out, 0, bytes);
	return out;
}
