/* SPDX-License-Identifier: Apache-2.0 */
/* Random documents and filters: SQLite and mst_filter_match must agree. The seed is printed; MST_SEED repeats a run. */
#include "store_common.h"

#include <muster/plugin.h>
#include <time.h>

#define DOCS    120
#define FILTERS 1500

static uint64_t rng;

static uint32_t pick(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 32) % n;
}

static const char *const texts[] = {"",    "a", "A",    "ab",    "b",  "web-1",    "Web%",
                                    "x_y", "5", "true", "\"q\"", "\\", "\xc3\xa4", "\t"};
static const int64_t ints[] = {0, 1, 2, 5, -1, 90, 9007199254740993, INT64_MAX, INT64_MIN};
static const double reals[] = {0.5, 1.0, 5.0, -1.5, 9007199254740992.0, 1e300, -0.0};

static void append_text(bson_t *out, const char *key)
{
	bson_append_utf8(out, key, -1, texts[pick(sizeof texts / sizeof texts[0])], -1);
}

/* Any value that filters know; `no_number` for fields declared bool. */
static void append_scalar(bson_t *out, const char *key, bool no_number)
{
	switch (pick(no_number ? 4 : 8)) {
	case 0:
		bson_append_null(out, key, -1);
		break;
	case 1:
		bson_append_bool(out, key, -1, pick(2));
		break;
	case 4:
	case 5:
		bson_append_int64(out, key, -1, ints[pick(sizeof ints / sizeof ints[0])]);
		break;
	case 6:
		bson_append_double(out, key, -1, reals[pick(sizeof reals / sizeof reals[0])]);
		break;
	case 7:
		bson_append_int32(out, key, -1, (int32_t)pick(6));
		break;
	default:
		append_text(out, key);
	}
}

static void append_array(bson_t *out, const char *key, bool odd)
{
	bson_t array, object;
	char digits[16];
	const char *index;
	uint32_t n = pick(4);

	bson_append_array_begin(out, key, -1, &array);
	for (uint32_t i = 0; i < n; i++) {
		bson_uint32_to_string(i, &index, digits, sizeof digits);
		if (odd && pick(4) == 0) {
			bson_append_document_begin(&array, index, -1, &object);
			append_scalar(&object, "k", false);
			bson_append_document_end(&array, &object);
		} else {
			append_scalar(&array, index, false);
		}
	}
	bson_append_array_end(out, &array);
}

/* Declared text, int and bool fields, a list, an object, and fields of the rest. */
static void make_doc(bson_t *out, int n)
{
	char id[16];
	bson_t object;

	snprintf(id, sizeof id, "%04d", n);
	bson_append_utf8(out, "_id", -1, id, -1);
	if (pick(3))
		append_scalar(out, "t", false);
	if (pick(3))
		append_scalar(out, "n", false);
	if (pick(3))
		append_scalar(out, "b", true);
	if (pick(4))
		append_array(out, "l", pick(2));
	else if (pick(2))
		append_scalar(out, "l", false);
	if (pick(2)) {
		bson_append_document_begin(out, "o", -1, &object);
		append_scalar(&object, "x", false);
		append_array(&object, "y", true);
		bson_append_document_end(out, &object);
	}
	if (pick(2))
		append_scalar(out, "u", false);
	else if (pick(2))
		append_array(out, "u", true);
}

static const char *const paths[] = {"t", "n", "b", "l", "o.x", "o.y", "u", "u.k", "l.k", "t.z", "missing", "_id", "o"};

static void make_condition(bson_t *out, const char *path)
{
	static const char *const compares[] = {"$eq", "$ne", "$lt", "$lte", "$gt", "$gte"};
	bson_t inner, list;
	uint32_t kind = pick(12);
	char digits[16];
	const char *index;

	if (kind == 0) {
		append_scalar(out, path, false);
		return;
	}
	bson_append_document_begin(out, path, -1, &inner);
	if (kind == 1) {
		bson_append_bool(&inner, "$exists", -1, pick(2));
	} else if (kind == 2) {
		append_text(&inner, "$has");
	} else if (kind <= 4) {
		bson_append_array_begin(&inner, pick(2) ? "$in" : "$nin", -1, &list);
		for (uint32_t i = pick(5); i > 0; i--) {
			bson_uint32_to_string(i, &index, digits, sizeof digits);
			append_scalar(&list, index, false);
		}
		bson_append_array_end(&inner, &list);
	} else {
		uint32_t first = pick(6);
		append_scalar(&inner, compares[first], false);
		if (pick(4) == 0)
			append_scalar(&inner, compares[(first + 1 + pick(5)) % 6], false);
	}
	bson_append_document_end(out, &inner);
}

static void make_filter(bson_t *out, int depth)
{
	static const char *const groups[] = {"$and", "$or"};
	bson_t inner, item;
	char digits[16];
	const char *index;
	uint32_t kind = depth < 3 ? pick(6) : 5;

	if (kind <= 1) {
		bson_append_array_begin(out, groups[kind], -1, &inner);
		for (uint32_t i = 1 + pick(3); i > 0; i--) {
			bson_uint32_to_string(i, &index, digits, sizeof digits);
			bson_append_document_begin(&inner, index, -1, &item);
			make_filter(&item, depth + 1);
			bson_append_document_end(&inner, &item);
		}
		bson_append_array_end(out, &inner);
	} else if (kind == 2) {
		bson_append_document_begin(out, "$not", -1, &inner);
		make_filter(&inner, depth + 1);
		bson_append_document_end(out, &inner);
	} else {
		for (uint32_t i = pick(5) ? 1 : 2; i > 0; i--)
			make_condition(out, paths[pick(sizeof paths / sizeof paths[0])]);
	}
}

static void define(struct fixture *f);

/* The ids, in order, that match in memory. */
static void match_all(const bson_t *docs, const bson_t *filter, char *out)
{
	out[0] = '\0';
	for (int i = 0; i < DOCS; i++)
		if (mst_filter_match(filter, &docs[i]))
			sprintf(out + strlen(out), "%04d ", i);
}

static void find_all(struct fixture *f, const bson_t *filter, const char *sort, char *out, const char *shown)
{
	struct mst_cursor *cursor;
	struct mst_err err = {0};
	bson_t got, *by = doc(sort);
	struct mst_find find = {.collection = "mixed", .filter = filter, .sort = by, .fields = "t"};

	out[0] = '\0';
	if (mst_store_find(f->store, &find, &cursor, &err) != MST_OK)
		fail_msg("%s: %s", shown, err.text);
	while (mst_cursor_next(cursor, &got, &err) == MST_OK) {
		bson_iter_t iter;
		bson_iter_init_find(&iter, &got, "_id");
		sprintf(out + strlen(out), "%s ", bson_iter_utf8(&iter, NULL));
	}
	mst_cursor_close(cursor);
	bson_destroy(by);
}

static void test_same_answers(void **state)
{
	struct fixture *f = *state;
	bson_t docs[DOCS];
	struct mst_batch *batch;
	struct mst_err err = {0};
	size_t matched = 0;

	/* There long doubles have 53 bits, and SQLite needs 64 to tell 2^53 from 2^53 + 1. */
	if (getenv("MST_UNDER_VALGRIND"))
		skip();

	define(f);
	mst_batch_new(&batch, &err);
	for (int i = 0; i < DOCS; i++) {
		bson_init(&docs[i]);
		make_doc(&docs[i], i);
		mst_batch_insert(batch, "mixed", &docs[i]);
	}
	if (mst_store_write(f->store, batch, &err) != MST_OK)
		fail_msg("%s", err.text);
	for (int i = 0; i < FILTERS; i++) {
		char in_memory[DOCS * 5 + 1], in_store[DOCS * 5 + 1];
		bson_t filter = BSON_INITIALIZER;
		make_filter(&filter, 0);
		char *shown = bson_as_canonical_extended_json(&filter, NULL);
		match_all(docs, &filter, in_memory);
		find_all(f, &filter, "{}", in_store, shown);
		if (strcmp(in_memory, in_store) != 0)
			fail_msg("filter %d: %s\nin memory %s\nin store  %s", i, shown, in_memory, in_store);
		matched += strlen(in_memory) / 5;
		bson_free(shown);
		bson_destroy(&filter);
	}
	/* Not a test of nothing: a fair share matched, and a fair share did not. */
	assert_in_range(matched, DOCS * FILTERS / 10, DOCS * FILTERS * 9 / 10);
	for (int i = 0; i < DOCS; i++)
		bson_destroy(&docs[i]);
	mst_batch_free(batch);
}

/* What was written is what is read, whatever the types; and walking by pages gives what one find gives. */
static void test_round_trip_and_pages(void **state)
{
	static const char *const sorts[] = {"{'t':1}",  "{'n':-1,'t':1}", "{'b':1}",
	                                    "{'u':-1}", "{'o.x':1}",      "{'t':-1,'_id':-1}"};
	struct fixture *f = *state;
	struct mst_batch *batch;
	struct mst_err err = {0};

	define(f);
	mst_batch_new(&batch, &err);
	for (int i = 0; i < DOCS; i++) {
		bson_t one = BSON_INITIALIZER, got;
		char id[16];
		bson_iter_t iter, back;
		make_doc(&one, i);
		mst_batch_reset(batch);
		mst_batch_put(batch, "mixed", &one);
		assert_int_equal(mst_store_write(f->store, batch, &err), MST_OK);
		snprintf(id, sizeof id, "%04d", i);
		assert_int_equal(mst_store_get(f->store, "mixed", id, &got, &err), MST_OK);
		assert_int_equal(bson_count_keys(&got), bson_count_keys(&one) + 1);
		for (bson_iter_init(&iter, &one); bson_iter_next(&iter);) {
			bson_t a = BSON_INITIALIZER, b = BSON_INITIALIZER;
			struct json_object *x, *y;
			assert_true(bson_iter_init_find(&back, &got, bson_iter_key(&iter)));
			bson_append_iter(&a, NULL, 0, &iter);
			bson_append_iter(&b, NULL, 0, &back);
			mst_store_doc_json(&a, &x, &err);
			mst_store_doc_json(&b, &y, &err);
			assert_string_equal(json_object_to_json_string(x), json_object_to_json_string(y));
			json_object_put(x);
			json_object_put(y);
			bson_destroy(&a);
			bson_destroy(&b);
		}
		bson_destroy(&one);
		bson_destroy(&got);
	}
	for (size_t s = 0; s < sizeof sorts / sizeof sorts[0]; s++) {
		char whole[DOCS * 5 + 1], paged[DOCS * 5 + 1] = "";
		bson_t *by = doc(sorts[s]), after = BSON_INITIALIZER;
		struct mst_find find = {.collection = "mixed", .sort = by, .limit = 7};
		find_all(f, NULL, sorts[s], whole, sorts[s]);
		for (bool more = true; more;) {
			struct mst_cursor *cursor;
			bson_t got;
			more = false;
			if (mst_store_find(f->store, &find, &cursor, &err) != MST_OK)
				fail_msg("%s", err.text);
			while (mst_cursor_next(cursor, &got, &err) == MST_OK) {
				bson_iter_t iter;
				bson_iter_init_find(&iter, &got, "_id");
				sprintf(paged + strlen(paged), "%s ", bson_iter_utf8(&iter, NULL));
				bson_destroy(&after);
				bson_copy_to(&got, &after);
				more = true;
			}
			mst_cursor_close(cursor);
			find.after = &after;
		}
		if (strcmp(whole, paged) != 0)
			fail_msg("%s\nwhole %s\npaged %s", sorts[s], whole, paged);
		bson_destroy(by);
		bson_destroy(&after);
	}
	mst_batch_free(batch);
}

#include "store/store_internal.h"

static void define(struct fixture *f)
{
	static const struct muster_field fields[] = {{"t", NULL, MUSTER_FIELD_TEXT, 0, NULL},
	                                             {"n", NULL, MUSTER_FIELD_INT, 0, NULL},
	                                             {"b", NULL, MUSTER_FIELD_BOOL, 0, NULL},
	                                             {"l", NULL, MUSTER_FIELD_LIST, 0, NULL},
	                                             {"o", NULL, MUSTER_FIELD_OBJECT, 0, NULL}};
	static const struct muster_index indexes[] = {{"t", "t", 0, 0}, {"nb", "n,-b", 0, 0}};
	const struct muster_collection mixed = {sizeof mixed, 1, "mixed", MUSTER_ARRAY(fields), MUSTER_ARRAY(indexes)};

	assert_int_equal(f->store->ops->define(f->store->instance, mst_store_call(f->store), &mixed), MST_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_same_answers, fixture_setup, fixture_teardown),
	        cmocka_unit_test_setup_teardown(test_round_trip_and_pages, fixture_setup, fixture_teardown),
	};
	const char *seed = getenv("MST_SEED");

	rng = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) * 2654435761u + (uint64_t)getpid();
	rng = rng ? rng : 1;
	printf("seed: MST_SEED=%llu\n", (unsigned long long)rng);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
