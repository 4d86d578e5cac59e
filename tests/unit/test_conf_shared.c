/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of settings: whoever uses an old one keeps it, and the last user frees it (LeakSanitizer looks). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "conf/shared.h"

static struct mst_shared_settings *snapshot(const char *provision)
{
	struct mst_settings settings = {.provision = mst_str_dup(provision)};
	struct mst_shared_settings *shared = mst_settings_share(&settings);

	assert_non_null(shared);
	assert_null(settings.provision); /* handed over */
	return shared;
}

static void test_the_box_gives_what_is_in_force(void **state)
{
	struct mst_settings_box box;
	struct mst_shared_settings *old, *now;

	(void)state;
	mst_settings_box_init(&box, snapshot("ask"));
	old = mst_settings_box_use(&box);
	mst_settings_box_put(&box, snapshot("auto"));
	now = mst_settings_box_use(&box);
	assert_string_equal(mst_settings_of(now)->provision, "auto");
	assert_string_equal(mst_settings_of(old)->provision, "ask");
	mst_settings_drop(old);
	mst_settings_box_free(&box);
	assert_string_equal(mst_settings_of(now)->provision, "auto");
	mst_settings_drop(now);
}

static void test_nothing_is_nothing(void **state)
{
	(void)state;
	assert_null(mst_settings_use(NULL));
	mst_settings_drop(NULL);
}

struct reader {
	struct mst_settings_box *box;
	size_t odd;
};

static void *read_often(void *data)
{
	struct reader *reader = data;

	for (size_t i = 0; i < 20000; i++) {
		struct mst_shared_settings *shared = mst_settings_box_use(reader->box);
		const char *word = mst_settings_of(shared)->provision;

		reader->odd += strcmp(word, "ask") != 0 && strcmp(word, "auto") != 0;
		mst_settings_drop(shared);
	}
	return NULL;
}

static void test_readers_and_a_reload_at_once(void **state)
{
	struct mst_settings_box box;
	struct reader readers[3];
	pthread_t threads[3];

	(void)state;
	mst_settings_box_init(&box, snapshot("ask"));
	for (size_t i = 0; i < 3; i++) {
		readers[i] = (struct reader){&box, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, read_often, &readers[i]), 0);
	}
	for (size_t i = 0; i < 2000; i++)
		mst_settings_box_put(&box, snapshot(i % 2 ? "ask" : "auto"));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(readers[i].odd, 0);
	}
	mst_settings_box_free(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_box_gives_what_is_in_force),
	        cmocka_unit_test(test_nothing_is_nothing),
	        cmocka_unit_test(test_readers_and_a_reload_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
