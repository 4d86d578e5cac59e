/* SPDX-License-Identifier: Apache-2.0 */
#include "secret/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "secret/envelope.h"

#define CREDENTIAL "muster.key"
#define HEX_SIZE   (2 * MST_KEY_SIZE)
#define MAX_FILE   (HEX_SIZE + 2) /* with a line's end */

int mst_key_find(struct mst_key_place *out, const char *beside, const char *directory, struct mst_err *err)
{
	int n;

	memset(out, 0, sizeof(*out));
	if (directory && directory[0] == '/') {
		n = snprintf(out->path, sizeof(out->path), "%s/" CREDENTIAL, directory);
		out->credential = n > 0 && (size_t)n < sizeof(out->path) && access(out->path, F_OK) == 0;
	}
	if (out->credential)
		return MST_OK;
	n = snprintf(out->path, sizeof(out->path), "%s", beside);
	if (n < 0 || (size_t)n >= sizeof(out->path))
		return mst_err_set(err, MST_E_USAGE, "the path of the key file is too long");
	return MST_OK;
}

int mst_secret_file_open(const char *path, unsigned forbidden, int *fd, struct mst_err *err)
{
	struct stat st;
	int rc;

	*fd = -1;
	if (lstat(path, &st) != 0)
		return mst_err_errno(err, errno, "cannot open %s", path);
	rc = mst_file_trusted(path, err);
	if (rc != MST_OK)
		return rc;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0)
		return mst_err_errno(err, errno, "cannot open %s", path);
	if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode))
		rc = mst_err_set(err, MST_E_REFUSED, "%s is not a regular file", path);
	else if (st.st_mode & forbidden)
		rc = mst_err_set(err, MST_E_REFUSED, "others may read %s (mode %04o): type: chmod go= '%s'", path,
		                 (unsigned)(st.st_mode & 07777), path);
	if (rc != MST_OK) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

static int digit_of(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(const unsigned char *text, unsigned char out[MST_KEY_SIZE])
{
	for (size_t i = 0; i < MST_KEY_SIZE; i++) {
		int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high * 16 + low);
	}
	return true;
}

static int take(const struct mst_key_place *place, const unsigned char *bytes, size_t len, struct mst_secret **out,
                struct mst_err *err)
{
	unsigned char key[MST_KEY_SIZE];
	size_t text = len;
	int rc = MST_OK;

	while (text > HEX_SIZE && (bytes[text - 1] == '\n' || bytes[text - 1] == '\r'))
		text--;
	if (len == MST_KEY_SIZE)
		memcpy(key, bytes, sizeof(key));
	else if (text != HEX_SIZE || !from_hex(bytes, key))
		rc = mst_err_set(
		        err, MST_E_CORRUPT,
		        "%s is no key: it must hold 32 bytes or 64 hexadecimal digits; put the right file back",
		        place->path);
	if (rc == MST_OK) {
		*out = mst_secret_new(sizeof(key));
		rc = *out ? mst_secret_add(*out, key, sizeof(key), "the key", err) : mst_err_no_memory(err);
	}
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}

int mst_key_read(const struct mst_key_place *place, struct mst_secret **out, struct mst_err *err)
{
	unsigned char bytes[MAX_FILE + 1];
	size_t len = 0;
	ssize_t n = 1;
	int fd, rc;

	*out = NULL;
	/* systemd shows a group right that is only the mask of the entry for the service's user. */
	rc = mst_secret_file_open(place->path, place->credential ? 0027 : 0077, &fd, err);
	if (rc != MST_OK)
		return rc;
	while (len < sizeof(bytes) && (n > 0 || (n < 0 && errno == EINTR))) {
		n = read(fd, bytes + len, sizeof(bytes) - len);
		len += n > 0 ? (size_t)n : 0;
		if (n == 0)
			break;
	}
	close(fd);
	rc = n < 0 ? mst_err_errno(err, errno, "cannot read %s", place->path) : take(place, bytes, len, out, err);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return rc;
}

int mst_key_make(const struct mst_key_place *place, struct mst_secret **out, struct mst_err *err)
{
	unsigned char key[MST_KEY_SIZE];
	struct stat st;
	int rc;

	*out = NULL;
	if (lstat(place->path, &st) == 0)
		return mst_err_set(err, MST_E_EXISTS, "%s is there already", place->path);
	if (RAND_priv_bytes(key, sizeof(key)) != 1)
		return mst_err_set(err, MST_E_FAILED, "no random numbers can be had: is /dev/urandom there?");
	rc = mst_file_write_atomic(place->path, key, sizeof(key), 0400, err);
	if (rc == MST_OK)
		rc = take(place, key, sizeof(key), out, err);
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}
