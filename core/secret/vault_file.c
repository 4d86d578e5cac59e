/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/vault_file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "secret/envelope.h"

#define VERSION   1u
#define CODE_SIZE 32u
#define HEAD_SIZE (8u + 4u + MST_KEY_ID_SIZE + 4u)

static const char magic[] = "MSTVAULT";

int mst_vault_file_init(struct mst_vault_file *file, struct mst_err *err)
{
	memset(file, 0, sizeof(*file));
	mst_buf_init(&file->bytes, MST_MAX_VAULT);
	file->entries = calloc(MST_MAX_SECRETS + 1, sizeof(*file->entries));
	return file->entries ? MST_OK : mst_err_no_memory(err);
}

void mst_vault_file_free(struct mst_vault_file *file)
{
	mst_buf_free(&file->bytes);
	free(file->entries);
	memset(file, 0, sizeof(*file));
}

static int code_of(const struct mst_secret *master, const void *data, size_t len, unsigned char out[CODE_SIZE],
                   struct mst_err *err)
{
	unsigned char key[MST_KEY_SIZE];
	unsigned size = CODE_SIZE;
	int rc = mst_key_derive(master, "muster vault 1 code", key, err);

	if (rc == MST_OK && (!HMAC(EVP_sha256(), key, (int)sizeof(key), data, len, out, &size) || size != CODE_SIZE))
		rc = mst_err_set(err, MST_E_FAILED, "the cryptographic library refused its work");
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}

static int id_of(const struct mst_secret *master, unsigned char out[MST_KEY_SIZE], struct mst_err *err)
{
	return mst_key_derive(master, "muster vault 1 id", out, err);
}

/* A cursor over authenticated bytes; it still never reads past their end. */
struct reader {
	const unsigned char *at, *end;
	bool bad;
};

static const unsigned char *take(struct reader *reader, size_t len)
{
	const unsigned char *at = reader->at;

	if (reader->bad || (size_t)(reader->end - reader->at) < len) {
		reader->bad = true;
		return NULL;
	}
	reader->at += len;
	return at;
}

static uint64_t number(struct reader *reader, size_t size)
{
	const unsigned char *at = take(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; at && i < size; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void text(struct reader *reader, char *out, size_t size)
{
	size_t len = (size_t)number(reader, 1);
	const unsigned char *at = take(reader, len);

	if (!at || len >= size) {
		reader->bad = true;
		return;
	}
	memcpy(out, at, len);
	out[len] = '\0';
}

static void read_entry(struct reader *reader, struct mst_vault_entry *entry)
{
	text(reader, entry->name, sizeof(entry->name));
	entry->set = (int64_t)number(reader, 8);
	text(reader, entry->by, sizeof(entry->by));
	entry->envelope_len = (size_t)number(reader, 4);
	entry->envelope = take(reader, entry->envelope_len);
	reader->bad |= !mst_str_is_name(entry->name, MST_MAX_NAME);
}

static int damaged(const char *path, struct mst_err *err)
{
	return mst_err_set(
	        err, MST_E_CORRUPT,
	        "%s is damaged or was changed by something else: restore it from a backup, or remove it and set "
	        "the secrets again with muster secrets set NAME",
	        path);
}

static int check_code(const struct mst_buf *bytes, const struct mst_secret *master, const char *path,
                      const char *key_path, struct mst_err *err)
{
	unsigned char id[MST_KEY_SIZE], code[CODE_SIZE];
	size_t len = bytes->len - CODE_SIZE;
	int rc;

	if (bytes->len < HEAD_SIZE + CODE_SIZE || memcmp(bytes->data, magic, 8) != 0)
		return damaged(path, err);
	rc = id_of(master, id, err);
	if (rc != MST_OK)
		return rc;
	if (CRYPTO_memcmp(id, bytes->data + 12, MST_KEY_ID_SIZE) != 0)
		return mst_err_set(
		        err, MST_E_CORRUPT,
		        "the key %s is not the one that %s was made with: put that key back, or remove %s and set "
		        "the secrets again with muster secrets set NAME",
		        key_path, path, path);
	rc = code_of(master, bytes->data, len, code, err);
	if (rc == MST_OK && CRYPTO_memcmp(code, bytes->data + len, CODE_SIZE) != 0)
		rc = damaged(path, err);
	return rc;
}

int mst_vault_file_parse(struct mst_vault_file *file, const struct mst_secret *master, const char *path,
                         const char *key_path, struct mst_err *err)
{
	struct reader reader = {.bad = false};
	uint64_t version, count;
	int rc = check_code(&file->bytes, master, path, key_path, err);

	if (rc != MST_OK)
		return rc;
	reader.at = (const unsigned char *)file->bytes.data + 8;
	reader.end = (const unsigned char *)file->bytes.data + file->bytes.len - CODE_SIZE;
	version = number(&reader, 4);
	if (version != VERSION)
		return mst_err_set(err, MST_E_UNSUPPORTED,
		                   "%s is of version %llu, this Muster knows %u: use the newer Muster", path,
		                   (unsigned long long)version, VERSION);
	(void)take(&reader, MST_KEY_ID_SIZE);
	count = number(&reader, 4);
	if (count > MST_MAX_SECRETS)
		return damaged(path, err);
	for (file->count = 0; file->count < count && !reader.bad; file->count++)
		read_entry(&reader, &file->entries[file->count]);
	return reader.bad || reader.at != reader.end ? damaged(path, err) : MST_OK;
}

static void put_number(struct mst_buf *out, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		mst_buf_char(out, (char)(unsigned char)(value >> (8 * i)));
}

static void put_text(struct mst_buf *out, const char *value)
{
	put_number(out, strlen(value), 1);
	mst_buf_str(out, value);
}

int mst_vault_file_build(const struct mst_vault_file *file, const struct mst_secret *master, struct mst_buf *out,
                         struct mst_err *err)
{
	unsigned char id[MST_KEY_SIZE], code[CODE_SIZE];
	int rc = id_of(master, id, err);

	if (rc != MST_OK)
		return rc;
	mst_buf_add(out, magic, 8);
	put_number(out, VERSION, 4);
	mst_buf_add(out, id, MST_KEY_ID_SIZE);
	put_number(out, file->count, 4);
	for (size_t i = 0; i < file->count; i++) {
		const struct mst_vault_entry *entry = &file->entries[i];

		put_text(out, entry->name);
		put_number(out, (uint64_t)entry->set, 8);
		put_text(out, entry->by);
		put_number(out, entry->envelope_len, 4);
		mst_buf_add(out, entry->envelope, entry->envelope_len);
	}
	if (!out->failed)
		rc = code_of(master, out->data, out->len, code, err);
	if (rc == MST_OK)
		mst_buf_add(out, code, sizeof(code));
	return rc == MST_OK && out->failed ? mst_err_no_memory(err) : rc;
}
