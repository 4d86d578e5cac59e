/* SPDX-License-Identifier: Apache-2.0 */
/* Reading BSON that came from outside: every value's type is checked before it is believed. */
#ifndef MST_IMPORT_DOC_H
#define MST_IMPORT_DOC_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

/* Text at a dotted path, borrowed from `doc`; NULL when missing, of another type or empty. */
const char *mst_doc_text(const bson_t *doc, const char *path);
int64_t mst_doc_int(const bson_t *doc, const char *path, int64_t fallback);
bool mst_doc_bool(const bson_t *doc, const char *path);
/* A view of the object or array at `path`; `out` is a static bson, not to be destroyed. */
bool mst_doc_object(const bson_t *doc, const char *path, bson_t *out);
bool mst_doc_array(const bson_t *doc, const char *path, bson_t *out);
/* A view of the object or array that `iter` stands on. */
bool mst_doc_view(const bson_iter_t *iter, bson_t *out);

/* Appenders; a NULL or empty text adds nothing. Keys of arrays come from a running index. */
void mst_doc_add_text(bson_t *doc, const char *key, const char *value);
void mst_doc_add_int(bson_t *doc, const char *key, int64_t value);
void mst_doc_push_text(bson_t *array, uint32_t *index, const char *value);
/* Copies a field of `from` under the same name; nothing when it is missing. */
void mst_doc_copy(bson_t *to, const bson_t *from, const char *key);

/* Does an array of texts hold this one? */
bool mst_doc_holds(const bson_t *array, const char *text);

/* Zeroed memory for structs that hold a bson_t, which wants more alignment than malloc gives; free() frees it. */
void *mst_doc_alloc(size_t count, size_t size);

/* Text copy into a fixed array, cut at a character. */
void mst_doc_cut(char *out, size_t size, const char *text);

#endif
