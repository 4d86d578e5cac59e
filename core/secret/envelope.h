/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelopes: each secret is sealed with a data key of its own (AES-256-GCM), and that key with the vault's. Name and time
 * are authenticated with both, so an envelope opens under the name and time that it was made for and no other.
 *
 *   u8 version 1 | 12 nonce of the key | 32 sealed data key | 16 tag | 12 nonce | sealed secret | 16 tag
 */
#ifndef MST_SECRET_ENVELOPE_H
#define MST_SECRET_ENVELOPE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "secret/secret.h"

#define MST_KEY_SIZE       32u
#define MST_KEY_ID_SIZE    16u
#define MST_ENVELOPE_EXTRA 89u /* bytes that an envelope has more than its secret */

/* What an envelope is for. */
struct mst_envelope_label {
	const char *name; /* of the secret */
	int64_t set;      /* when, ms */
};

/* Keys derived from the master key, one per purpose (HMAC-SHA256). MST_E_FAILED when the library refuses. */
int mst_key_derive(const struct mst_secret *master, const char *purpose, unsigned char out[MST_KEY_SIZE],
                   struct mst_err *err);
/* Appends the envelope of `secret`. */
int mst_envelope_seal(const struct mst_secret *master, const struct mst_envelope_label *label,
                      const struct mst_secret *secret, struct mst_buf *out, struct mst_err *err);
/* MST_E_CORRUPT: another key, another label, or a changed byte. Caller frees *out. */
int mst_envelope_open(const struct mst_secret *master, const struct mst_envelope_label *label, const void *envelope,
                      size_t len, struct mst_secret **out, struct mst_err *err);
/* Appends `secret` as base64 (RFC 4648) to `out`. MST_E_LIMIT. */
int mst_secret_add_base64(struct mst_secret *out, const struct mst_secret *secret, struct mst_err *err);

#endif
