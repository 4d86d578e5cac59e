/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>

#include "api/call.h"
#include "base/json.h"

static void assert_text(const bson_t *doc, int kind, const char *wanted)
{
	struct mst_buf out;

	mst_buf_init(&out, 1u << 20);
	mst_api_json(doc, kind, &out);
	assert_string_equal(mst_buf_text(&out), wanted);
	mst_buf_free(&out);
}

static void values(void **state)
{
	bson_t *doc =
	        BCON_NEW("_id", BCON_UTF8("x"), "n", BCON_INT64(-5000000000), "b", BCON_BOOL(true), "e", BCON_NULL, "l",
	                 "[", BCON_UTF8("a\"\n"), BCON_INT32(2), "]", "o", "{", "k", BCON_UTF8(""), "}");

	(void)state;
	assert_text(
	        doc, MST_DOC_PLAIN,
	        "{\"_id\":\"x\",\"n\":-5000000000,\"b\":true,\"e\":null,\"l\":[\"a\\\"\\n\",2],\"o\":{\"k\":\"\"}}");
	bson_destroy(doc);
	doc = bson_new();
	assert_text(doc, MST_DOC_PLAIN, "{}");
	bson_destroy(doc);
}

static void interface_has_its_short_id_and_no_inner_keys(void **state)
{
	bson_t *doc = BCON_NEW("_id", BCON_UTF8("u"), "rev", BCON_INT64(4), "number", BCON_INT64(123456), "ip_key",
	                       BCON_UTF8("4:00"), "state", BCON_UTF8("unmanaged"), "os_generation", BCON_UTF8("5.x"));

	(void)state;
	assert_text(doc, MST_DOC_INTERFACE,
	            "{\"id\":\"3rj0\",\"_id\":\"u\",\"state\":\"unmanaged\",\"os_generation\":\"5.x\"}");
	bson_destroy(doc);
	doc = BCON_NEW("rev", BCON_INT64(4), "number", BCON_INT64(1));
	assert_text(doc, MST_DOC_INTERFACE, "{\"id\":\"1\"}");
	bson_destroy(doc);
}

static void generation_is_not_shown_while_managed(void **state)
{
	bson_t *doc = BCON_NEW("os_generation", BCON_UTF8("11"), "state", BCON_UTF8("managed"));

	(void)state;
	assert_text(doc, MST_DOC_INTERFACE, "{\"os_generation\":\"\",\"state\":\"managed\"}");
	bson_destroy(doc);
}

static void opaque_texts_of_shards_stay_inside(void **state)
{
	bson_t *doc = BCON_NEW("shard", BCON_UTF8("s1"), "spec", BCON_UTF8("AAAA"), "checkpoint", BCON_UTF8("BBBB"));

	(void)state;
	assert_text(doc, MST_DOC_SHARD, "{\"shard\":\"s1\"}");
	bson_destroy(doc);
}

/* A hostile name must stay inside its string. */
static void escapes(void **state)
{
	struct json_object *object;
	bson_t *doc = BCON_NEW("hostname", BCON_UTF8("</script>\x1b[2J\xe2\x80\xae\"},{"));

	(void)state;
	object = mst_api_object(doc, MST_DOC_PLAIN);
	assert_non_null(object);
	assert_int_equal(json_object_object_length(object), 1);
	assert_null(strchr(json_object_to_json_string(object), '\x1b'));
	json_object_put(object);
	bson_destroy(doc);
}

static void networks_have_no_loopback(void **state)
{
	struct json_object *list = mst_local_networks();

	(void)state;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		assert_non_null(strchr(mst_json_text(item, "network", ""), '/'));
		assert_string_not_equal(mst_json_text(item, "interface", ""), "lo");
	}
	json_object_put(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(values),
	        cmocka_unit_test(interface_has_its_short_id_and_no_inner_keys),
	        cmocka_unit_test(generation_is_not_shown_while_managed),
	        cmocka_unit_test(opaque_texts_of_shards_stay_inside),
	        cmocka_unit_test(escapes),
	        cmocka_unit_test(networks_have_no_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
