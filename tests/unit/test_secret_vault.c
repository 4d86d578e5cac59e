/* SPDX-License-Identifier: Apache-2.0 */
/* The vault: what is put in comes out, on disk and from nowhere else; wrong keys, changed bytes, open modes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "secret/vault.h"

#define VALUE "hunter2 with \x01 bytes"

struct fixture {
	char directory[64], stem[96], vault_path[128], key_path[128], credentials[96];
	struct mst_vault *vault;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->directory, sizeof(f->directory), "/tmp/mst-vault-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->stem, sizeof(f->stem), "%s/muster", f->directory);
	snprintf(f->vault_path, sizeof(f->vault_path), "%s.secrets", f->stem);
	snprintf(f->key_path, sizeof(f->key_path), "%s.key", f->stem);
	snprintf(f->credentials, sizeof(f->credentials), "%s/credentials", f->directory);
	assert_int_equal(mst_vault_new(&f->vault, f->stem, NULL, NULL), MST_OK);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	mst_vault_free(f->vault);
	assert_int_equal(mst_file_remove_tree(f->directory, NULL), MST_OK);
	free(f);
	return 0;
}

static int put(struct fixture *f, const char *name, const char *value, struct mst_err *err)
{
	struct mst_secret *secret = mst_secret_new(MST_MAX_SECRET);
	int rc;

	assert_int_equal(mst_secret_add(secret, value, strlen(value), "it", NULL), MST_OK);
	rc = mst_vault_put(f->vault, name, secret, "tester", 1700000000000, err);
	mst_secret_free(secret);
	return rc;
}

static void holds(struct fixture *f, const char *name, const char *value)
{
	struct mst_secret *secret = NULL;

	assert_int_equal(mst_vault_get(f->vault, name, &secret, NULL), MST_OK);
	assert_int_equal(mst_secret_length(secret), strlen(value));
	assert_memory_equal(mst_secret_data(secret), value, strlen(value));
	mst_secret_free(secret);
}

static void refuses(struct fixture *f, int code, const char *word)
{
	struct mst_secret *secret = NULL;
	struct mst_vault_entry *entries = NULL;
	struct mst_err err = {.code = MST_OK};
	size_t count;

	assert_int_equal(mst_vault_get(f->vault, "aws", &secret, &err), code);
	assert_null(secret);
	assert_non_null(strstr(err.text, word));
	assert_null(strstr(err.text, "hunter2"));
	assert_int_equal(mst_vault_list(f->vault, &entries, &count, NULL), code);
	assert_null(entries);
	assert_int_equal(mst_vault_remove(f->vault, "aws", NULL), code);
	assert_int_equal(put(f, "aws", "other", NULL), code); /* nothing is written over what cannot be read */
}

static void read_file(const char *path, struct mst_buf *out)
{
	mst_buf_init(out, 1u << 20);
	assert_int_equal(mst_file_read(path, 1u << 20, out, NULL), MST_OK);
}

/* As a careless hand would: in place, and not on disk before it goes on. */
static void overwrite(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void test_put_get_list_remove(void **state)
{
	struct fixture *f = *state;
	struct mst_vault_entry *entries = NULL;
	struct mst_secret *secret = NULL;
	struct mst_err err = {.code = MST_OK};
	struct mst_buf file;
	size_t count;

	assert_int_equal(mst_vault_list(f->vault, &entries, &count, NULL), MST_OK);
	assert_int_equal(count, 0);
	free(entries);
	assert_int_equal(access(f->key_path, F_OK), -1); /* looking makes no key */
	assert_int_equal(put(f, "tanium", "one", NULL), MST_OK);
	assert_int_equal(put(f, "aws", "two", NULL), MST_OK);
	assert_int_equal(put(f, "aws", VALUE, NULL), MST_OK);
	assert_int_equal(mode_of(f->key_path), 0400);
	assert_int_equal(mode_of(f->vault_path), 0600);
	holds(f, "aws", VALUE);
	holds(f, "tanium", "one");
	read_file(f->vault_path, &file);
	assert_null(memmem(file.data, file.len, "hunter2", 7));
	mst_buf_free(&file);
	assert_int_equal(mst_vault_list(f->vault, &entries, &count, NULL), MST_OK);
	assert_int_equal(count, 2);
	assert_string_equal(entries[0].name, "aws");
	assert_string_equal(entries[0].by, "tester");
	assert_int_equal(entries[0].set, 1700000000000);
	assert_string_equal(entries[1].name, "tanium");
	free(entries);
	assert_int_equal(mst_vault_remove(f->vault, "aws", NULL), MST_OK);
	assert_int_equal(mst_vault_remove(f->vault, "aws", &err), MST_E_NOT_FOUND);
	assert_int_equal(mst_vault_get(f->vault, "aws", &secret, &err), MST_E_NOT_FOUND);
	assert_non_null(strstr(err.text, "muster secrets set aws"));
	holds(f, "tanium", "one");
}

static void test_what_is_no_secret(void **state)
{
	struct fixture *f = *state;
	struct mst_err err = {.code = MST_OK};

	assert_int_equal(put(f, "Bad Name", VALUE, &err), MST_E_USAGE);
	assert_int_equal(put(f, "../aws", VALUE, &err), MST_E_USAGE);
	assert_int_equal(put(f, "", VALUE, &err), MST_E_USAGE);
	assert_int_equal(put(f, "aws", "", &err), MST_E_USAGE);
	assert_int_equal(access(f->key_path, F_OK), -1);
}

static void test_as_many_as_there_may_be(void **state)
{
	struct fixture *f = *state;
	char name[32];

	for (unsigned i = 0; i < MST_MAX_SECRETS; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		assert_int_equal(put(f, name, name, NULL), MST_OK);
	}
	assert_int_equal(put(f, "more", "x", NULL), MST_E_LIMIT);
	assert_int_equal(put(f, "s17", "again", NULL), MST_OK);
	holds(f, "s17", "again");
	holds(f, "s255", "s255");
}

static void test_every_changed_byte(void **state)
{
	struct fixture *f = *state;
	struct mst_buf file;

	assert_int_equal(put(f, "aws", VALUE, NULL), MST_OK);
	assert_int_equal(put(f, "b", "other", NULL), MST_OK);
	read_file(f->vault_path, &file);
	for (size_t i = 0; i < file.len; i++) {
		struct mst_secret *secret = NULL;

		file.data[i] = (char)(file.data[i] ^ 0x10);
		overwrite(f->vault_path, file.data, file.len);
		file.data[i] = (char)(file.data[i] ^ 0x10);
		assert_int_equal(mst_vault_get(f->vault, "aws", &secret, NULL), MST_E_CORRUPT);
	}
	for (size_t len = 0; len < file.len; len += len < 100 ? 1 : 7) {
		overwrite(f->vault_path, file.data, len);
		refuses(f, MST_E_CORRUPT, "muster secrets set NAME");
	}
	overwrite(f->vault_path, file.data, file.len);
	holds(f, "aws", VALUE);
	mst_buf_free(&file);
}

static void test_a_wrong_or_lost_key(void **state)
{
	struct fixture *f = *state;
	char aside[160];

	assert_int_equal(put(f, "aws", VALUE, NULL), MST_OK);
	snprintf(aside, sizeof(aside), "%s.aside", f->key_path);
	assert_int_equal(rename(f->key_path, aside), 0);
	refuses(f, MST_E_CORRUPT, "put the key back");
	assert_int_equal(access(f->key_path, F_OK), -1); /* and no new key is made that would hide the loss */
	assert_int_equal(mst_file_write_atomic(f->key_path, "0123456789abcdef0123456789abcdef", 32, 0400, NULL),
	                 MST_OK);
	refuses(f, MST_E_CORRUPT, "not the one");
	assert_int_equal(mst_file_write_atomic(f->key_path, "0123456789abcdef", 16, 0400, NULL), MST_OK);
	refuses(f, MST_E_CORRUPT, "is no key");
	assert_int_equal(rename(aside, f->key_path), 0);
	holds(f, "aws", VALUE);
}

static void test_modes_and_links(void **state)
{
	struct fixture *f = *state;
	char aside[160];

	assert_int_equal(put(f, "aws", VALUE, NULL), MST_OK);
	chmod(f->key_path, 0440);
	refuses(f, MST_E_REFUSED, "chmod go=");
	chmod(f->key_path, 0404);
	refuses(f, MST_E_REFUSED, "chmod go=");
	chmod(f->key_path, 0400);
	chmod(f->vault_path, 0640);
	refuses(f, MST_E_REFUSED, "chmod go=");
	chmod(f->vault_path, 0600);
	chmod(f->directory, 0777);
	refuses(f, MST_E_REFUSED, "chmod go-w");
	chmod(f->directory, 0700);
	holds(f, "aws", VALUE);
	snprintf(aside, sizeof(aside), "%s.aside", f->key_path);
	assert_int_equal(rename(f->key_path, aside), 0);
	assert_int_equal(symlink(aside, f->key_path), 0);
	refuses(f, MST_E_REFUSED, "symbolic link");
	if (geteuid() == 0) {
		assert_int_equal(rename(aside, f->key_path), 0);
		assert_int_equal(chown(f->key_path, 65534, 65534), 0);
		refuses(f, MST_E_REFUSED, "belongs to user 65534");
	}
}

/* A credential wins over the file beside, may be hexadecimal, and is never made. */
static void test_credential(void **state)
{
	static const char hex[] = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100\n";
	struct fixture *f = *state;
	char path[128];

	assert_int_equal(mkdir(f->credentials, 0700), 0);
	snprintf(path, sizeof(path), "%s/muster.key", f->credentials);
	mst_vault_free(f->vault);
	assert_int_equal(mst_vault_new(&f->vault, f->stem, f->credentials, NULL), MST_OK);
	assert_int_equal(mst_file_write_atomic(path, hex, sizeof(hex) - 1, 0440, NULL), MST_OK);
	assert_int_equal(put(f, "aws", VALUE, NULL), MST_OK);
	assert_int_equal(access(f->key_path, F_OK), -1);
	holds(f, "aws", VALUE);
	chmod(path, 0444);
	refuses(f, MST_E_REFUSED, "chmod go=");
	unlink(path);
	refuses(f, MST_E_CORRUPT, "systemd credential");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_put_get_list_remove, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_what_is_no_secret, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_as_many_as_there_may_be, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_every_changed_byte, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_a_wrong_or_lost_key, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_modes_and_links, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(test_credential, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
