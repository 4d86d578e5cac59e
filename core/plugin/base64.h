/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648) as jobs and shard lines carry it. */
#ifndef MST_PLUGIN_BASE64_H
#define MST_PLUGIN_BASE64_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends. MST_E_LIMIT or MST_E_NO_MEMORY. */
int mst_base64_encode(const void *data, size_t len, struct mst_buf *out);
/* Bytes that `len` characters give at most. */
size_t mst_base64_room(size_t len);
/* Strict, padded. `out` has mst_base64_room(len) bytes. MST_E_USAGE. */
int mst_base64_decode(const char *text, size_t len, void *out, size_t *out_len);

#endif
