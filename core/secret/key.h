/* SPDX-License-Identifier: Apache-2.0 */
/* The master key: a systemd credential or a file that only its owner can read. Never in the environment, never in a store. */
#ifndef MST_SECRET_KEY_H
#define MST_SECRET_KEY_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "secret/secret.h"

/* Where it is. `credential`: systemd gave it, and it is never made here. */
struct mst_key_place {
	char path[PATH_MAX];
	bool credential;
};

/* `directory` ($CREDENTIALS_DIRECTORY, may be NULL) when it holds muster.key, else `beside`. MST_E_USAGE: too long. */
int mst_key_find(struct mst_key_place *out, const char *beside, const char *directory, struct mst_err *err);
/*
 * 32 bytes, or 64 hexadecimal digits. MST_E_NOT_FOUND: there is none. MST_E_REFUSED: others may read or change it. MST_E_CORRUPT:
 * it is no key. Caller frees *out.
 */
int mst_key_read(const struct mst_key_place *place, struct mst_secret **out, struct mst_err *err);
/* Makes a random one, mode 0400, on disk before it returns. MST_E_EXISTS when there is one. */
int mst_key_make(const struct mst_key_place *place, struct mst_secret **out, struct mst_err *err);

/*
 * Opens `path` for reading when it and all above it belong to root or to this user, it is a regular file, and none of `forbidden`
 * mode bits is set. MST_E_NOT_FOUND, MST_E_REFUSED with the chmod to type. The caller closes *fd.
 */
int mst_secret_file_open(const char *path, unsigned forbidden, int *fd, struct mst_err *err);

#endif
