/* SPDX-License-Identifier: Apache-2.0 */
/* Documents from JSON with single quotes, and back, for tests of the import. */
#ifndef MST_TEST_IMPORT_HELP_H
#define MST_TEST_IMPORT_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "{'ip': '10.0.0.1'}" -> BSON; caller destroys. */
static inline bson_t *doc(const char *text)
{
	char *json = strdup(text);
	bson_error_t error;
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	bson_t *out = bson_new_from_json((const uint8_t *)json, -1, &error);
	if (!out)
		fail_msg("%s in %s", error.message, json);
	free(json);
	return out;
}

/* Compares a document with JSON as above, whatever the width of its integers. */
static inline void assert_doc(const bson_t *is, const char *expected)
{
	bson_t *want = doc(expected);
	char *a = bson_as_relaxed_extended_json(is, NULL), *b = bson_as_relaxed_extended_json(want, NULL);
	assert_string_equal(a, b);
	bson_free(a);
	bson_free(b);
	bson_destroy(want);
}

#endif
