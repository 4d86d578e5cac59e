/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/envelope.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define VERSION    1u
#define NONCE_SIZE 12
#define TAG_SIZE   16
#define DATA_KEY   (1u + NONCE_SIZE)                                 /* offset of the sealed data key */
#define BODY       (DATA_KEY + MST_KEY_SIZE + TAG_SIZE + NONCE_SIZE) /* offset of the sealed secret */

_Static_assert(BODY + TAG_SIZE == MST_ENVELOPE_EXTRA, "the layout in the header");

static int library_fault(struct mst_err *err)
{
	return mst_err_set(err, MST_E_FAILED,
	                   "the cryptographic library refused its work: is OpenSSL set up to forbid AES-256-GCM?");
}

int mst_key_derive(const struct mst_secret *master, const char *purpose, unsigned char out[MST_KEY_SIZE],
                   struct mst_err *err)
{
	unsigned len = MST_KEY_SIZE;

	if (!HMAC(EVP_sha256(), mst_secret_data(master), (int)mst_secret_length(master), (const unsigned char *)purpose,
	          strlen(purpose), out, &len) ||
	    len != MST_KEY_SIZE)
		return library_fault(err);
	return MST_OK;
}

/* What is authenticated beside the secret. The name has no NUL in it, so no two labels give the same bytes. */
static int label_bytes(const struct mst_envelope_label *label, struct mst_buf *out, struct mst_err *err)
{
	static const char kind[] = "muster secret 1";
	unsigned char set[8];

	for (size_t i = 0; i < sizeof(set); i++)
		set[i] = (unsigned char)((uint64_t)label->set >> (8 * i));
	mst_buf_init(out, 1024);
	mst_buf_add(out, kind, sizeof(kind));
	mst_buf_add(out, label->name, strlen(label->name) + 1);
	mst_buf_add(out, set, sizeof(set));
	return out->failed ? mst_err_no_memory(err) : MST_OK;
}

/* One AES-256-GCM. `out` takes len bytes; the tag is written or, when opening, compared. */
static bool gcm(bool seal, const unsigned char *key, const unsigned char *nonce, const struct mst_buf *label,
                const unsigned char *in, size_t len, unsigned char *out, unsigned char *tag)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n = 0, rest = 0;
	bool ok = context && EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce, seal) == 1 &&
	          EVP_CipherUpdate(context, NULL, &n, (const unsigned char *)label->data, (int)label->len) == 1 &&
	          EVP_CipherUpdate(context, out, &n, in, (int)len) == 1;

	if (ok && !seal)
		ok = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1;
	ok = ok && EVP_CipherFinal_ex(context, out + n, &rest) == 1 && (size_t)n + (size_t)rest == len;
	if (ok && seal)
		ok = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) == 1;
	EVP_CIPHER_CTX_free(context); /* zeroes the key schedule */
	return ok;
}

static bool seal_into(const unsigned char *wrap, const struct mst_buf *label, const struct mst_secret *secret,
                      unsigned char *out)
{
	unsigned char data_key[MST_KEY_SIZE];
	size_t len = mst_secret_length(secret);
	unsigned char *nonce = out + BODY - NONCE_SIZE;
	bool ok = RAND_priv_bytes(data_key, sizeof(data_key)) == 1 && RAND_bytes(out + 1, NONCE_SIZE) == 1 &&
	          RAND_bytes(nonce, NONCE_SIZE) == 1;

	out[0] = VERSION;
	ok = ok &&
	     gcm(true, wrap, out + 1, label, data_key, sizeof(data_key), out + DATA_KEY,
	         out + DATA_KEY + MST_KEY_SIZE) &&
	     gcm(true, data_key, nonce, label, mst_secret_data(secret), len, out + BODY, out + BODY + len);
	OPENSSL_cleanse(data_key, sizeof(data_key));
	return ok;
}

int mst_envelope_seal(const struct mst_secret *master, const struct mst_envelope_label *label,
                      const struct mst_secret *secret, struct mst_buf *out, struct mst_err *err)
{
	size_t size = mst_secret_length(secret) + MST_ENVELOPE_EXTRA;
	unsigned char wrap[MST_KEY_SIZE], *envelope = malloc(size);
	struct mst_buf bytes = {.data = NULL};
	int rc = envelope ? mst_key_derive(master, "muster vault 1 wrap", wrap, err) : mst_err_no_memory(err);

	if (rc == MST_OK)
		rc = label_bytes(label, &bytes, err);
	if (rc == MST_OK && !seal_into(wrap, &bytes, secret, envelope))
		rc = library_fault(err);
	if (rc == MST_OK && mst_buf_add(out, envelope, size) != MST_OK)
		rc = mst_err_set(err, MST_E_LIMIT, "the vault is full: remove secrets that nobody uses");
	OPENSSL_cleanse(wrap, sizeof(wrap));
	mst_buf_free(&bytes);
	free(envelope);
	return rc;
}

static bool open_into(const unsigned char *wrap, const struct mst_buf *label, const unsigned char *in, size_t len,
                      unsigned char *out)
{
	unsigned char data_key[MST_KEY_SIZE], tag[TAG_SIZE];
	bool ok;

	memcpy(tag, in + DATA_KEY + MST_KEY_SIZE, TAG_SIZE);
	ok = gcm(false, wrap, in + 1, label, in + DATA_KEY, MST_KEY_SIZE, data_key, tag);
	memcpy(tag, in + BODY + len, TAG_SIZE);
	ok = ok && gcm(false, data_key, in + BODY - NONCE_SIZE, label, in + BODY, len, out, tag);
	OPENSSL_cleanse(data_key, sizeof(data_key));
	return ok;
}

int mst_envelope_open(const struct mst_secret *master, const struct mst_envelope_label *label, const void *envelope,
                      size_t len, struct mst_secret **out, struct mst_err *err)
{
	const unsigned char *in = envelope;
	struct mst_buf bytes = {.data = NULL};
	unsigned char wrap[MST_KEY_SIZE], *plain;
	size_t size = len - MST_ENVELOPE_EXTRA;
	bool ok = false;
	int rc;

	*out = NULL;
	if (len < MST_ENVELOPE_EXTRA || size > MST_MAX_SECRET || in[0] != VERSION)
		return mst_err_set(err, MST_E_CORRUPT, "the stored secret \"%s\" is damaged: set it again",
		                   label->name);
	plain = OPENSSL_zalloc(size + 1);
	*out = mst_secret_new(size);
	rc = plain && *out ? mst_key_derive(master, "muster vault 1 wrap", wrap, err) : mst_err_no_memory(err);
	if (rc == MST_OK)
		rc = label_bytes(label, &bytes, err);
	if (rc == MST_OK) {
		ok = open_into(wrap, &bytes, in, size, plain);
		rc = ok ? mst_secret_add(*out, plain, size, "the secret", err)
		        : mst_err_set(
		                  err, MST_E_CORRUPT,
		                  "the stored secret \"%s\" is damaged or was sealed with another key: set it again",
		                  label->name);
	}
	OPENSSL_cleanse(wrap, sizeof(wrap));
	OPENSSL_clear_free(plain, size + 1);
	mst_buf_free(&bytes);
	if (rc != MST_OK) {
		mst_secret_free(*out);
		*out = NULL;
	}
	return rc;
}

int mst_secret_add_base64(struct mst_secret *out, const struct mst_secret *secret, struct mst_err *err)
{
	const unsigned char *in = mst_secret_data(secret);
	size_t left = mst_secret_length(secret);
	unsigned char block[65];
	int rc = MST_OK;

	/* Blocks of 48 bytes give 64 characters and no padding but at the end. */
	while (rc == MST_OK && left > 0) {
		size_t n = left < 48 ? left : 48;
		int size = EVP_EncodeBlock(block, in, (int)n);

		rc = mst_secret_add(out, block, (size_t)size, "the job", err);
		in += n;
		left -= n;
	}
	OPENSSL_cleanse(block, sizeof(block));
	return rc;
}
