/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vault: named secrets beside the store, each in an envelope (AES-256-GCM), under a master key that is made on first use.
 * Nothing of it stays in memory between calls; the file is read anew each time. One process, the store's owner, uses it.
 */
#ifndef MST_SECRET_VAULT_H
#define MST_SECRET_VAULT_H

#include "secret/vault_file.h"

struct mst_vault;

/*
 * `stem`: the store's path without its suffix: STEM.secrets is the vault and STEM.key the key, unless `credentials`
 * ($CREDENTIALS_DIRECTORY, may be NULL) holds muster.key. Touches no file.
 */
int mst_vault_new(struct mst_vault **out, const char *stem, const char *credentials, struct mst_err *err);
void mst_vault_free(struct mst_vault *vault);

/*
 * Any thread. All of these: MST_E_REFUSED when others may read or change the files, MST_E_CORRUPT for a wrong key or a changed
 * byte; the texts name the file and the cure, never a value.
 */
/* Adds or replaces; on disk when it returns. `by`: who did it. MST_E_USAGE: a bad name or an empty secret; MST_E_LIMIT. */
int mst_vault_put(struct mst_vault *vault, const char *name, const struct mst_secret *secret, const char *by,
                  int64_t now, struct mst_err *err);
/* MST_E_NOT_FOUND says how to store it. Caller frees *out. */
int mst_vault_get(struct mst_vault *vault, const char *name, struct mst_secret **out, struct mst_err *err);
/* MST_E_NOT_FOUND. */
int mst_vault_remove(struct mst_vault *vault, const char *name, struct mst_err *err);
/* All names in order, without envelopes; caller frees *out. */
int mst_vault_list(struct mst_vault *vault, struct mst_vault_entry **out, size_t *count, struct mst_err *err);

#endif
