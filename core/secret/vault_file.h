/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault's file: who is in it, and a code over all of it (HMAC-SHA256), so that no byte changes unseen and nothing of it is
 * believed before that.
 *
 *   MSTVAULT | u32le version 1 | 16 key id | u32le count | entries | 32 code
 *   entry: u8 length, name | i64le set | u8 length, by | u32le length, envelope
 */
#ifndef MST_SECRET_VAULT_FILE_H
#define MST_SECRET_VAULT_FILE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/limits.h"
#include "secret/secret.h"

struct mst_vault_entry {
	char name[MST_MAX_NAME + 1], by[64]; /* by: who set it */
	int64_t set;                         /* when, ms */
	const void *envelope;                /* borrowed from the file's bytes; not for callers of the vault */
	size_t envelope_len;
};

struct mst_vault_file {
	struct mst_buf bytes;
	struct mst_vault_entry *entries; /* in order of name; room for one more than `count` */
	size_t count;
};

/* An empty one. MST_E_NO_MEMORY. */
int mst_vault_file_init(struct mst_vault_file *file, struct mst_err *err);
void mst_vault_file_free(struct mst_vault_file *file);
/* Reads file->bytes. MST_E_CORRUPT: another key (`key_path` names ours), a changed byte, a cut file; `path` names it. */
int mst_vault_file_parse(struct mst_vault_file *file, const struct mst_secret *master, const char *path,
                         const char *key_path, struct mst_err *err);
/* Appends the entries as a file. */
int mst_vault_file_build(const struct mst_vault_file *file, const struct mst_secret *master, struct mst_buf *out,
                         struct mst_err *err);

#endif
