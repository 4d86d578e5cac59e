/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct mst_secret {
	unsigned char *data; /* mapped; all beyond len is zero */
	size_t len, capacity, mapped;
};

struct mst_secret *mst_secret_new(size_t capacity)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct mst_secret *secret = calloc(1, sizeof(*secret));
	void *data;

	if (!secret)
		return NULL;
	secret->capacity = capacity;
	secret->mapped = (capacity / page + 1) * page; /* at least one byte more: the NUL */
	data = mmap(NULL, secret->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED) {
		free(secret);
		return NULL;
	}
	/* Pages are locked as they are used. A lock that the limit forbids costs no more than a page that could be
	 * swapped out. */
	(void)mlock2(data, secret->mapped, MLOCK_ONFAULT);
	(void)madvise(data, secret->mapped, MADV_DONTDUMP);
	secret->data = data;
	return secret;
}

void mst_secret_free(struct mst_secret *secret)
{
	if (!secret)
		return;
	explicit_bzero(secret->data, secret->len);
	(void)munmap(secret->data, secret->mapped);
	free(secret);
}

int mst_secret_add(struct mst_secret *secret, const void *data, size_t len, const char *what, struct mst_err *err)
{
	if (len > secret->capacity - secret->len)
		return mst_err_set(err, MST_E_LIMIT, "%s is longer than %zu bytes, the most that is kept", what,
		                   secret->capacity);
	if (len > 0)
		memcpy(secret->data + secret->len, data, len);
	secret->len += len;
	return MST_OK;
}

void mst_secret_cut(struct mst_secret *secret, size_t len)
{
	if (len >= secret->len)
		return;
	explicit_bzero(secret->data + len, secret->len - len);
	secret->len = len;
}

void mst_secret_clear(struct mst_secret *secret)
{
	mst_secret_cut(secret, 0);
}

const unsigned char *mst_secret_data(const struct mst_secret *secret)
{
	return secret->data;
}

size_t mst_secret_length(const struct mst_secret *secret)
{
	return secret->len;
}
