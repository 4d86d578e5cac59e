/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "record/record.h"
#include "record/scope.h"
#include <muster/plugin.h>

static struct mst_record *fresh(const char *key)
{
	struct mst_record *record;
	struct mst_err err;
	assert_int_equal(mst_record_new(&record, &err), MST_OK);
	if (key)
		assert_int_equal(mst_record_begin(record, key, &err), MST_OK);
	return record;
}

static void expect_json(const bson_t *doc, const char *expected)
{
	char *json = bson_as_relaxed_extended_json(doc, NULL);
	assert_string_equal(json, expected);
	bson_free(json);
}

static void test_builds(void **state)
{
	(void)state;
	struct mst_record *record = fresh("10.0.0.1");
	const bson_t *doc;
	struct mst_err err;
	for (int round = 0; round < 2; round++) {
		assert_true(mst_record_is_open(record) || mst_record_begin(record, "10.0.0.1", &err) == MST_OK);
		assert_int_equal(mst_record_text(record, "ip", "10.0.0.1", &err), MST_OK);
		assert_int_equal(mst_record_bool(record, "answered", true, &err), MST_OK);
		assert_int_equal(mst_record_array(record, "ports", &err), MST_OK);
		assert_int_equal(mst_record_object(record, NULL, &err), MST_OK);
		assert_int_equal(mst_record_array(record, "ports", &err), MST_OK);
		assert_int_equal(mst_record_int(record, NULL, 22, &err), MST_OK);
		assert_int_equal(mst_record_int(record, NULL, 443, &err), MST_OK);
		assert_int_equal(mst_record_end(record, &err), MST_OK);
		assert_int_equal(mst_record_end(record, &err), MST_OK);
		assert_int_equal(mst_record_end(record, &err), MST_OK);
		assert_int_equal(mst_record_finish(record, 3, &doc, &err), MST_OK);
		assert_false(mst_record_is_open(record));
		expect_json(
		        doc,
		        "{ \"_key\" : \"10.0.0.1\", \"ip\" : \"10.0.0.1\", \"answered\" : true, \"ports\" : [ { \"ports\" : "
		        "[ 22, 443 ] } ], \"_scope\" : 3 }");
	}
	mst_record_free(record);
}

static void test_order_of_calls(void **state)
{
	(void)state;
	struct mst_record *record = fresh(NULL);
	const bson_t *doc;
	struct mst_err err;
	assert_int_equal(mst_record_int(record, "a", 1, &err), MST_E_REFUSED);
	assert_int_equal(mst_record_end(record, &err), MST_E_REFUSED);
	assert_int_equal(mst_record_finish(record, 0, &doc, &err), MST_E_REFUSED);
	assert_int_equal(mst_record_begin(record, "", &err), MST_E_USAGE);
	assert_int_equal(mst_record_begin(record, NULL, &err), MST_E_USAGE);
	assert_int_equal(mst_record_begin(record, "\xff", &err), MST_E_USAGE);
	assert_int_equal(mst_record_begin(record, "k", &err), MST_OK);
	assert_int_equal(mst_record_begin(record, "k", &err), MST_E_REFUSED);
	assert_int_equal(mst_record_object(record, "o", &err), MST_OK);
	assert_int_equal(mst_record_finish(record, 0, &doc, &err), MST_E_REFUSED);
	mst_record_drop(record);
	assert_false(mst_record_is_open(record));
	mst_record_free(record);
}

/* One wrong call and the record is never stored half. */
static void expect_poisoned(struct mst_record *record, int code)
{
	const bson_t *doc;
	struct mst_err err;
	while (mst_record_end(record, &err) == MST_OK)
		;
	assert_int_equal(mst_record_finish(record, 0, &doc, &err), code);
	mst_record_drop(record);
	assert_int_equal(mst_record_begin(record, "again", &err), MST_OK);
	assert_int_equal(mst_record_finish(record, 0, &doc, &err), MST_OK);
	mst_record_free(record);
}

static void test_bad_keys(void **state)
{
	(void)state;
	static const char *const keys[] = {"_key", "$set", "a.b", "", "\xc0\xaf", NULL};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		struct mst_record *record = fresh("k");
		struct mst_err err;
		assert_int_equal(mst_record_int(record, keys[i], 1, &err), MST_E_REFUSED);
		expect_poisoned(record, MST_E_REFUSED);
	}
	struct mst_record *record = fresh("k");
	struct mst_err err;
	assert_int_equal(mst_record_array(record, "a", &err), MST_OK);
	assert_int_equal(mst_record_int(record, "key", 1, &err), MST_E_REFUSED);
	expect_poisoned(record, MST_E_REFUSED);
}

static void test_depth(void **state)
{
	(void)state;
	struct mst_record *record = fresh("k");
	const bson_t *doc;
	struct mst_err err;
	for (unsigned i = 0; i < MST_MAX_RECORD_DEPTH; i++)
		assert_int_equal(mst_record_object(record, "o", &err), MST_OK);
	for (unsigned i = 0; i < MST_MAX_RECORD_DEPTH; i++)
		assert_int_equal(mst_record_end(record, &err), MST_OK);
	assert_int_equal(mst_record_finish(record, 0, &doc, &err), MST_OK);
	assert_int_equal(mst_record_begin(record, "k", &err), MST_OK);
	for (unsigned i = 0; i < MST_MAX_RECORD_DEPTH; i++)
		assert_int_equal(mst_record_array(record, i ? NULL : "o", &err), MST_OK);
	assert_int_equal(mst_record_array(record, NULL, &err), MST_E_LIMIT);
	expect_poisoned(record, MST_E_LIMIT);
}

/* The cap holds while objects are open, when libbson itself does not know the size yet. */
static void test_size(void **state)
{
	(void)state;
	struct mst_record *record = fresh("k");
	const bson_t *doc;
	struct mst_err err;
	char *text = malloc(MST_MAX_RECORD + 2);
	memset(text, 'x', MST_MAX_RECORD + 1);
	text[MST_MAX_RECORD / 4] = '\0';
	assert_int_equal(mst_record_array(record, "a", &err), MST_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mst_record_text(record, NULL, text, &err), MST_OK);
	text[MST_MAX_RECORD / 4 - 300] = '\0';
	assert_int_equal(mst_record_text(record, NULL, text, &err), MST_OK);
	assert_int_equal(mst_record_end(record, &err), MST_OK);
	assert_int_equal(mst_record_finish(record, 0, &doc, &err), MST_OK);
	assert_true(doc->len <= MST_MAX_RECORD && doc->len > MST_MAX_RECORD - 1000);
	/* 400 bytes more would be too much. */
	assert_int_equal(mst_record_begin(record, "k", &err), MST_OK);
	assert_int_equal(mst_record_array(record, "a", &err), MST_OK);
	text[MST_MAX_RECORD / 4 - 300] = 'x';
	for (int i = 0; i < 3; i++)
		assert_int_equal(mst_record_text(record, NULL, text, &err), MST_OK);
	assert_int_equal(mst_record_text(record, NULL, text, &err), MST_E_LIMIT);
	mst_record_drop(record);
	text[MST_MAX_RECORD / 4 - 300] = 'x';
	text[MST_MAX_RECORD / 4] = 'x';
	text[MST_MAX_RECORD + 1] = '\0';
	assert_int_equal(mst_record_begin(record, "k", &err), MST_OK);
	assert_int_equal(mst_record_text(record, "t", text, &err), MST_E_LIMIT);
	text[MST_MAX_SOURCE_KEY + 1] = '\0';
	expect_poisoned(record, MST_E_LIMIT);
	record = fresh(NULL);
	assert_int_equal(mst_record_begin(record, text, &err), MST_E_LIMIT);
	mst_record_free(record);
	free(text);
}

static void test_repair(void **state)
{
	(void)state;
	struct mst_record *record = fresh("k");
	const bson_t *doc;
	bson_iter_t iter;
	struct mst_err err;
	assert_int_equal(mst_record_text(record, "good", "line\nline \xc3\xa4", &err), MST_OK);
	assert_int_equal(mst_record_text(record, "bad", "a\xff z", &err), MST_OK);
	assert_int_equal(mst_record_finish(record, 0, &doc, &err), MST_OK);
	assert_true(bson_validate(doc, BSON_VALIDATE_UTF8, NULL));
	assert_true(bson_iter_init_find(&iter, doc, "good"));
	assert_string_equal(bson_iter_utf8(&iter, NULL), "line\nline \xc3\xa4");
	assert_true(bson_iter_init_find(&iter, doc, "bad"));
	assert_string_equal(bson_iter_utf8(&iter, NULL), "a\xef\xbf\xbd z");
	assert_true(bson_iter_init_find(&iter, doc, "_repaired") && bson_iter_bool(&iter));
	assert_int_equal(mst_record_begin(record, "k", &err), MST_OK);
	assert_int_equal(mst_record_finish(record, 0, &doc, &err), MST_OK);
	assert_false(bson_has_field(doc, "_repaired"));
	mst_record_free(record);
}

static void check_scope(const struct mst_scope *scope)
{
	assert_int_equal(scope->facts, MUSTER_FACT_PRESENCE | MUSTER_FACT_OS);
	assert_string_equal(scope->addresses, "10.0.0.0/30");
	assert_string_equal(scope->tcp_ports, "22,80-81");
	assert_null(scope->udp_ports);
	assert_null(scope->namespace_key);
}

static void test_scope_forms(void **state)
{
	(void)state;
	struct mst_err err;
	struct mst_scope scope = {.facts = MUSTER_FACT_PRESENCE | MUSTER_FACT_OS}, back;
	scope.addresses = strdup("10.0.0.0-10.0.0.1,10.0.0.2/31");
	scope.tcp_ports = strdup("81,80,22");
	assert_int_equal(mst_scope_check(&scope, &err), MST_OK);
	check_scope(&scope);
	struct json_object *json = mst_scope_to_json(&scope);
	assert_int_equal(mst_scope_from_json(&back, json, &err), MST_OK);
	check_scope(&back);
	mst_scope_free(&back);
	json_object_put(json);
	bson_t doc = BSON_INITIALIZER;
	assert_int_equal(mst_scope_to_bson(&scope, &doc), MST_OK);
	assert_int_equal(mst_scope_from_bson(&back, &doc, &err), MST_OK);
	bson_destroy(&doc);
	mst_scope_free(&scope);
	assert_int_equal(mst_scope_copy(&scope, &back, &err), MST_OK);
	mst_scope_free(&back);
	check_scope(&scope);
	mst_scope_free(&scope);
}

static void refuse(const char *text)
{
	struct mst_scope scope;
	struct mst_err err;
	struct json_object *json = json_tokener_parse(text);
	assert_non_null(json);
	assert_int_not_equal(mst_scope_from_json(&scope, json, &err), MST_OK);
	assert_null(scope.addresses);
	json_object_put(json);
}

static void test_scope_refused(void **state)
{
	(void)state;
	refuse("{\"facts\":[\"everything\"],\"addresses\":\"10.0.0.1\"}");
	refuse("{\"facts\":[7],\"addresses\":\"10.0.0.1\"}");
	refuse("{\"facts\":[\"os\"]}");
	refuse("{\"tcp_ports\":\"22\"}");
	refuse("{\"facts\":[],\"addresses\":\"example.org\"}");
	refuse("{\"facts\":[],\"addresses\":\"10.0.0.1\",\"tcp_ports\":\"0\"}");
	refuse("{\"facts\":[],\"addresses\":\"10.0.0.1\",\"udp_ports\":\"70000\"}");
	refuse("{\"facts\":[\"presence\"],\"addresses\":\"10.0.0.1\",\"namespace\":\"aws/x\"}");
	refuse("{\"facts\":[\"presence\"],\"namespace\":\"aws x\"}");
	struct mst_scope scope;
	struct mst_err err;
	struct json_object *json = json_tokener_parse("{}");
	assert_int_equal(mst_scope_from_json(&scope, json, &err), MST_OK);
	mst_scope_free(&scope);
	json_object_put(json);
	scope = (struct mst_scope){.facts = 1u << 20};
	assert_int_equal(mst_scope_check(&scope, &err), MST_E_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_builds),      cmocka_unit_test(test_order_of_calls),
	        cmocka_unit_test(test_bad_keys),    cmocka_unit_test(test_depth),
	        cmocka_unit_test(test_size),        cmocka_unit_test(test_repair),
	        cmocka_unit_test(test_scope_forms), cmocka_unit_test(test_scope_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
