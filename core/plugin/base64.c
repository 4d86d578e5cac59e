/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/base64.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#define BLOCK 3072u /* a multiple of 3: blocks join without padding between them */

int mst_base64_encode(const void *data, size_t len, struct mst_buf *out)
{
	const unsigned char *at = data;
	unsigned char text[BLOCK / 3 * 4 + 1];
	while (len > 0) {
		size_t part = len < BLOCK ? len : BLOCK;
		int n = EVP_EncodeBlock(text, at, (int)part);
		int status = mst_buf_add(out, text, (size_t)n);
		if (status != MST_OK)
			return status;
		at += part;
		len -= part;
	}
	return MST_OK;
}

size_t mst_base64_room(size_t len)
{
	return len / 4 * 3 + 3;
}

int mst_base64_decode(const char *text, size_t len, void *out, size_t *out_len)
{
	*out_len = 0;
	if (len == 0)
		return MST_OK;
	size_t padding = len % 4 == 0 ? (size_t)(text[len - 1] == '=') + (size_t)(text[len - 2] == '=') : 0;
	/* EVP_DecodeBlock forgives blanks at both ends; a job has none. */
	if (len % 4 != 0 || len > INT32_MAX || strcspn(text, " \t\r\n-") < len)
		return MST_E_USAGE;
	int n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	if (n < 0 || (size_t)n < padding)
		return MST_E_USAGE;
	*out_len = (size_t)n - padding;
	return MST_OK;
}
