/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "secret/envelope.h"
#include "secret/key.h"

struct mst_vault {
	pthread_mutex_t lock;
	char path[PATH_MAX], beside[PATH_MAX]; /* the vault; the key's usual place */
	char *credentials;
};

/* The file at hand and the key to it. `master` is NULL when there is no vault and no key yet. */
struct opened {
	struct mst_vault_file file;
	struct mst_secret *master;
	struct mst_key_place key;
};

int mst_vault_new(struct mst_vault **out, const char *stem, const char *credentials, struct mst_err *err)
{
	struct mst_vault *vault = calloc(1, sizeof(*vault));

	*out = NULL;
	if (!vault)
		return mst_err_no_memory(err);
	if ((size_t)snprintf(vault->path, sizeof(vault->path), "%s.secrets", stem) >= sizeof(vault->path) ||
	    (size_t)snprintf(vault->beside, sizeof(vault->beside), "%s.key", stem) >= sizeof(vault->beside)) {
		free(vault);
		return mst_err_set(err, MST_E_USAGE, "the path of the store is too long");
	}
	vault->credentials = credentials ? mst_str_dup(credentials) : NULL;
	if ((credentials && !vault->credentials) || pthread_mutex_init(&vault->lock, NULL) != 0) {
		free(vault->credentials);
		free(vault);
		return mst_err_no_memory(err);
	}
	*out = vault;
	return MST_OK;
}

void mst_vault_free(struct mst_vault *vault)
{
	if (!vault)
		return;
	pthread_mutex_destroy(&vault->lock);
	free(vault->credentials);
	free(vault);
}

static void close_vault(struct opened *opened)
{
	mst_vault_file_free(&opened->file);
	mst_secret_free(opened->master);
	opened->master = NULL;
}

/* The vault's bytes; none when there is no vault. */
static int read_bytes(const struct mst_vault *vault, struct mst_buf *bytes, struct mst_err *err)
{
	int fd, rc = mst_secret_file_open(vault->path, 0077, &fd, err);

	if (rc == MST_E_NOT_FOUND)
		return MST_OK;
	if (rc != MST_OK)
		return rc;
	rc = mst_file_read_fd(fd, vault->path, MST_MAX_VAULT, bytes, err);
	close(fd);
	if (rc == MST_OK && bytes->len == 0)
		rc = mst_err_set(
		        err, MST_E_CORRUPT,
		        "%s is empty: restore it from a backup, or remove it and set the secrets again with muster "
		        "secrets set NAME",
		        vault->path);
	return rc;
}

static int read_key(const struct mst_vault *vault, struct opened *opened, bool make, struct mst_err *err)
{
	bool empty = opened->file.bytes.len == 0;
	int rc = mst_key_read(&opened->key, &opened->master, err);

	if (rc != MST_E_NOT_FOUND)
		return rc;
	if (!empty)
		return mst_err_set(
		        err, MST_E_CORRUPT,
		        "the key %s is gone, and without it nobody can read %s: put the key back (from a backup, or as the "
		        "systemd credential muster.key), or remove %s and set the secrets again with muster secrets "
		        "set NAME",
		        opened->key.path, vault->path, vault->path);
	return make ? mst_key_make(&opened->key, &opened->master, err) : MST_OK;
}

static int open_vault(const struct mst_vault *vault, struct opened *opened, bool make, struct mst_err *err)
{
	int rc;

	memset(opened, 0, sizeof(*opened));
	rc = mst_vault_file_init(&opened->file, err);
	if (rc == MST_OK)
		rc = mst_key_find(&opened->key, vault->beside, vault->credentials, err);
	if (rc == MST_OK)
		rc = read_bytes(vault, &opened->file.bytes, err);
	if (rc == MST_OK)
		rc = read_key(vault, opened, make, err);
	if (rc == MST_OK && opened->file.bytes.len > 0)
		rc = mst_vault_file_parse(&opened->file, opened->master, vault->path, opened->key.path, err);
	if (rc != MST_OK)
		close_vault(opened);
	return rc;
}

static struct mst_vault_entry *find(struct opened *opened, const char *name)
{
	for (size_t i = 0; i < opened->file.count; i++)
		if (strcmp(opened->file.entries[i].name, name) == 0)
			return &opened->file.entries[i];
	return NULL;
}

static int write_vault(const struct mst_vault *vault, const struct opened *opened, struct mst_err *err)
{
	struct mst_buf out;
	int rc;

	mst_buf_init(&out, MST_MAX_VAULT);
	rc = mst_vault_file_build(&opened->file, opened->master, &out, err);
	if (rc == MST_OK)
		rc = mst_file_write_atomic(vault->path, out.data, out.len, 0600, err);
	mst_buf_free(&out);
	return rc;
}

/* The place of `name`, made in order when it is new. NULL: the vault is full. */
static struct mst_vault_entry *place(struct opened *opened, const char *name)
{
	struct mst_vault_file *file = &opened->file;
	struct mst_vault_entry *entry = find(opened, name);
	size_t at = 0;

	if (entry)
		return entry;
	if (file->count >= MST_MAX_SECRETS)
		return NULL;
	while (at < file->count && strcmp(file->entries[at].name, name) < 0)
		at++;
	entry = &file->entries[at];
	memmove(entry + 1, entry, (file->count - at) * sizeof(*entry));
	memset(entry, 0, sizeof(*entry));
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	file->count++;
	return entry;
}

static int check_put(const char *name, const struct mst_secret *secret, struct mst_err *err)
{
	if (!mst_str_is_name(name, MST_MAX_NAME))
		return mst_err_set(
		        err, MST_E_USAGE,
		        "this is no name for a secret: lower-case letters, digits, - and _, a letter first, at most %u",
		        MST_MAX_NAME);
	if (mst_secret_length(secret) == 0)
		return mst_err_set(err, MST_E_USAGE, "the secret \"%s\" is empty: give its value", name);
	if (mst_secret_length(secret) > MST_MAX_SECRET)
		return mst_err_set(err, MST_E_LIMIT, "the secret \"%s\" is longer than %u bytes", name, MST_MAX_SECRET);
	return MST_OK;
}

static int put(struct mst_vault *vault, const char *name, const struct mst_secret *secret, const char *by, int64_t now,
               struct mst_err *err)
{
	const struct mst_envelope_label label = {.name = name, .set = now};
	struct mst_vault_entry *entry;
	struct opened opened;
	struct mst_buf envelope;
	int rc = open_vault(vault, &opened, true, err);

	if (rc != MST_OK)
		return rc;
	mst_buf_init(&envelope, MST_MAX_SECRET + MST_ENVELOPE_EXTRA);
	rc = mst_envelope_seal(opened.master, &label, secret, &envelope, err);
	entry = rc == MST_OK ? place(&opened, name) : NULL;
	if (rc == MST_OK && !entry)
		rc = mst_err_set(err, MST_E_LIMIT,
		                 "the vault holds %u secrets, the most there may be: remove one that nobody uses",
		                 MST_MAX_SECRETS);
	if (rc == MST_OK) {
		entry->set = now;
		snprintf(entry->by, sizeof(entry->by), "%s", by);
		entry->envelope = envelope.data;
		entry->envelope_len = envelope.len;
		rc = write_vault(vault, &opened, err);
	}
	mst_buf_free(&envelope);
	close_vault(&opened);
	return rc;
}

int mst_vault_put(struct mst_vault *vault, const char *name, const struct mst_secret *secret, const char *by,
                  int64_t now, struct mst_err *err)
{
	int rc = check_put(name, secret, err);

	if (rc != MST_OK)
		return rc;
	pthread_mutex_lock(&vault->lock);
	rc = put(vault, name, secret, by, now, err);
	pthread_mutex_unlock(&vault->lock);
	return rc;
}

static int not_there(const char *name, struct mst_err *err)
{
	return mst_err_set(err, MST_E_NOT_FOUND, "the secret \"%.64s\" is not stored: type muster secrets set %.64s",
	                   name, name);
}

int mst_vault_get(struct mst_vault *vault, const char *name, struct mst_secret **out, struct mst_err *err)
{
	const struct mst_vault_entry *entry;
	struct opened opened;
	int rc;

	*out = NULL;
	pthread_mutex_lock(&vault->lock);
	rc = open_vault(vault, &opened, false, err);
	if (rc == MST_OK) {
		entry = find(&opened, name);
		if (entry) {
			const struct mst_envelope_label label = {.name = entry->name, .set = entry->set};

			rc = mst_envelope_open(opened.master, &label, entry->envelope, entry->envelope_len, out, err);
		} else {
			rc = not_there(name, err);
		}
		close_vault(&opened);
	}
	pthread_mutex_unlock(&vault->lock);
	return rc;
}

static int remove_one(struct mst_vault *vault, const char *name, struct mst_err *err)
{
	struct mst_vault_entry *entry;
	struct opened opened;
	int rc = open_vault(vault, &opened, false, err);

	if (rc != MST_OK)
		return rc;
	entry = find(&opened, name);
	if (entry) {
		size_t after = opened.file.count - (size_t)(entry - opened.file.entries) - 1;

		memmove(entry, entry + 1, after * sizeof(*entry));
		opened.file.count--;
		rc = write_vault(vault, &opened, err);
	} else {
		rc = not_there(name, err);
	}
	close_vault(&opened);
	return rc;
}

int mst_vault_remove(struct mst_vault *vault, const char *name, struct mst_err *err)
{
	int rc;

	pthread_mutex_lock(&vault->lock);
	rc = remove_one(vault, name, err);
	pthread_mutex_unlock(&vault->lock);
	return rc;
}

int mst_vault_list(struct mst_vault *vault, struct mst_vault_entry **out, size_t *count, struct mst_err *err)
{
	struct opened opened;
	int rc;

	*out = NULL;
	*count = 0;
	pthread_mutex_lock(&vault->lock);
	rc = open_vault(vault, &opened, false, err);
	pthread_mutex_unlock(&vault->lock);
	if (rc != MST_OK)
		return rc;
	for (size_t i = 0; i < opened.file.count; i++) {
		opened.file.entries[i].envelope = NULL;
		opened.file.entries[i].envelope_len = 0;
	}
	*out = opened.file.entries;
	*count = opened.file.count;
	opened.file.entries = NULL;
	close_vault(&opened);
	return MST_OK;
}
