/* SPDX-License-Identifier: Apache-2.0 */
/* A secret in memory: capped, in a mapping that no core dump has, gone when freed; envelopes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "secret/envelope.h"

static struct mst_secret *secret_of(const char *text)
{
	struct mst_secret *secret = mst_secret_new(MST_MAX_SECRET);

	assert_non_null(secret);
	assert_int_equal(mst_secret_add(secret, text, strlen(text), "it", NULL), MST_OK);
	return secret;
}

static void test_capped(void **state)
{
	struct mst_secret *secret = mst_secret_new(8);
	struct mst_err err = {.code = MST_OK};

	(void)state;
	assert_int_equal(mst_secret_add(secret, "hunter2", 7, "the value", &err), MST_OK);
	assert_int_equal(mst_secret_add(secret, "xy", 2, "the value", &err), MST_E_LIMIT);
	assert_null(strstr(err.text, "hunter2"));
	assert_string_equal((const char *)mst_secret_data(secret), "hunter2");
	mst_secret_cut(secret, 3);
	assert_int_equal(mst_secret_length(secret), 3);
	assert_memory_equal(mst_secret_data(secret), "hun\0\0\0\0", 7);
	mst_secret_clear(secret);
	assert_memory_equal(mst_secret_data(secret), "\0\0\0\0\0\0\0", 7);
	mst_secret_free(secret);
	mst_secret_free(NULL);
}

/* The flags of the mapping that holds `at`, from the kernel. */
static bool mapping_has(const void *at, const char *flag)
{
	char line[512], wanted[8];
	uintptr_t want = (uintptr_t)at;
	bool here = false, found = false;
	FILE *maps = fopen("/proc/self/smaps", "re");

	assert_non_null(maps);
	snprintf(wanted, sizeof(wanted), " %s", flag);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = want >= from && want < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, wanted) != NULL;
	}
	fclose(maps);
	return found;
}

static void test_no_dump_and_locked(void **state)
{
	struct mst_secret *secret = secret_of("hunter2");

	(void)state;
	assert_true(mapping_has(mst_secret_data(secret), "dd"));         /* do not include in core dump */
	if (!getenv("MST_UNDER_VALGRIND"))                               /* which does not know mlock2 */
		assert_true(mapping_has(mst_secret_data(secret), "lo")); /* locked */
	mst_secret_free(secret);
}

static void test_base64(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"", ""},
	            {"f", "Zg=="},
	            {"foobar", "Zm9vYmFy"},
	            {"0123456789abcdef0123456789abcdef0123456789abcdef!",
	             "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmIQ=="}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mst_secret *in = secret_of(rows[i].in), *out = mst_secret_new(128);

		assert_int_equal(mst_secret_add_base64(out, in, NULL), MST_OK);
		assert_string_equal((const char *)mst_secret_data(out), rows[i].out);
		mst_secret_free(in);
		mst_secret_free(out);
	}
}

static struct mst_secret *key_of(unsigned char byte)
{
	struct mst_secret *key = mst_secret_new(MST_KEY_SIZE);

	for (size_t i = 0; i < MST_KEY_SIZE; i++)
		assert_int_equal(mst_secret_add(key, &byte, 1, "key", NULL), MST_OK);
	return key;
}

static int open_as(const struct mst_secret *key, const char *name, int64_t set, const void *data, size_t len)
{
	const struct mst_envelope_label label = {name, set};
	struct mst_err err = {.code = MST_OK};
	struct mst_secret *out = NULL;
	int rc = mst_envelope_open(key, &label, data, len, &out, &err);

	assert_true((rc == MST_OK) == (out != NULL));
	assert_null(strstr(err.text, "hunter2"));
	mst_secret_free(out);
	return rc;
}

/* Every bit, every length, another name, another time, another key: all refused. */
static void test_envelope_is_whole(void **state)
{
	const struct mst_envelope_label label = {"aws", 1234567890123};
	struct mst_secret *key = key_of(7), *other = key_of(8), *secret = secret_of("hunter2");
	struct mst_buf envelope;

	(void)state;
	mst_buf_init(&envelope, 4096);
	assert_int_equal(mst_envelope_seal(key, &label, secret, &envelope, NULL), MST_OK);
	assert_int_equal(envelope.len, 7 + MST_ENVELOPE_EXTRA);
	assert_int_equal(open_as(key, "aws", 1234567890123, envelope.data, envelope.len), MST_OK);
	assert_int_equal(open_as(other, "aws", 1234567890123, envelope.data, envelope.len), MST_E_CORRUPT);
	assert_int_equal(open_as(key, "awt", 1234567890123, envelope.data, envelope.len), MST_E_CORRUPT);
	assert_int_equal(open_as(key, "aws", 1234567890124, envelope.data, envelope.len), MST_E_CORRUPT);
	for (size_t bit = 0; bit < envelope.len * 8; bit++) {
		envelope.data[bit / 8] = (char)(envelope.data[bit / 8] ^ (1 << bit % 8));
		assert_int_equal(open_as(key, "aws", 1234567890123, envelope.data, envelope.len), MST_E_CORRUPT);
		envelope.data[bit / 8] = (char)(envelope.data[bit / 8] ^ (1 << bit % 8));
	}
	for (size_t len = 0; len < envelope.len; len++) {
		void *copy = malloc(len + 1); /* its own block, so that a sanitizer sees a read beyond it */

		memcpy(copy, envelope.data, len);
		assert_int_equal(open_as(key, "aws", 1234567890123, copy, len), MST_E_CORRUPT);
		free(copy);
	}
	mst_buf_free(&envelope);
	mst_secret_free(key);
	mst_secret_free(other);
	mst_secret_free(secret);
}

static void test_never_twice_the_same(void **state)
{
	const struct mst_envelope_label label = {"aws", 1};
	struct mst_secret *key = key_of(7), *secret = secret_of("hunter2");
	struct mst_buf one, two;

	(void)state;
	mst_buf_init(&one, 4096);
	mst_buf_init(&two, 4096);
	assert_int_equal(mst_envelope_seal(key, &label, secret, &one, NULL), MST_OK);
	assert_int_equal(mst_envelope_seal(key, &label, secret, &two, NULL), MST_OK);
	for (size_t at = 1; at + 8 <= one.len; at += 8)
		assert_memory_not_equal(one.data + at, two.data + at, 8);
	mst_buf_free(&one);
	mst_buf_free(&two);
	mst_secret_free(key);
	mst_secret_free(secret);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_capped),
	        cmocka_unit_test(test_no_dump_and_locked),
	        cmocka_unit_test(test_base64),
	        cmocka_unit_test(test_envelope_is_whole),
	        cmocka_unit_test(test_never_twice_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
