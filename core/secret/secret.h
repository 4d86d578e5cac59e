/* SPDX-License-Identifier: Apache-2.0 */
/* A secret in memory: pages of its own, locked, never in a core dump, zeroed when freed. There is no function that prints one. */
#ifndef MST_SECRET_SECRET_H
#define MST_SECRET_SECRET_H

#include <stddef.h>

#include "base/error.h"

struct mst_secret;

/* Room for `capacity` bytes, never moved, so that no copy stays behind. NULL without memory. */
struct mst_secret *mst_secret_new(size_t capacity);
/* Zeroes it. NULL does nothing. */
void mst_secret_free(struct mst_secret *secret);
/* Appends. MST_E_LIMIT when it does not fit; `what` names it in the error and is never the value. */
int mst_secret_add(struct mst_secret *secret, const void *data, size_t len, const char *what, struct mst_err *err);
/* Zeroes what is in it. */
void mst_secret_clear(struct mst_secret *secret);
/* Keeps the first `len` bytes, zeroes the rest. */
void mst_secret_cut(struct mst_secret *secret, size_t len);
/* Borrowed until the next change; there is always a NUL behind the last byte. */
const unsigned char *mst_secret_data(const struct mst_secret *secret);
size_t mst_secret_length(const struct mst_secret *secret);

#endif
