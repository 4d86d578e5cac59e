/* SPDX-License-Identifier: Apache-2.0 */
/* Words and options, the command table, and what is said about those that nobody knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/filter_words.h"

static bool is_lower(const char *next)
{
	return next[0] >= 'a' && next[0] <= 'z';
}

static const struct mst_arg_option global[] = {
        {.name = "store", .value = "FILE", .help = "h"},
        {.name = "quiet", .help = "h", .letter = 'q'},
        {0},
};
static const struct mst_arg_option command[] = {
        {.name = "sort", .value = "COLUMN", .help = "h"},
        {.name = "exclude", .value = "TARGETS", .help = "h", .flags = MST_ARG_JOIN},
        {.name = "columns", .value = "[LIST]", .help = "h", .takes = is_lower},
        {.name = "arp", .value = "[on|off]", .help = "h", .takes = mst_args_is_switch_word, .negatable = true},
        {0},
};

static int rc;
static struct mst_err err;

static void parse(struct mst_args *args, int argc, const char **argv)
{
	mst_args_init(args);
	assert_int_equal(mst_args_add_table(args, global, &err), MST_OK);
	assert_int_equal(mst_args_add_table(args, command, &err), MST_OK);
	mst_err_clear(&err);
	rc = mst_args_parse(args, argc, (char **)(uintptr_t)argv, &err);
}
#define PARSE(args, ...)                                                                                               \
	do {                                                                                                           \
		const char *list[] = {__VA_ARGS__};                                                                    \
		parse((args), (int)(sizeof(list) / sizeof(list[0])), list);                                            \
	} while (0)

static void test_words_and_values(void **state)
{
	struct mst_args args;

	(void)state;
	PARSE(&args, "interfaces", "--store", "/x", "state=lost", "--sort=-ip", "-q", "-", "--", "--sort");
	assert_int_equal(rc, MST_OK);
	assert_int_equal(args.word_count, 4);
	assert_string_equal(args.words[0], "interfaces");
	assert_string_equal(args.words[1], "state=lost");
	assert_string_equal(args.words[2], "-");
	assert_string_equal(args.words[3], "--sort");
	assert_string_equal(mst_args_get(&args, "store"), "/x");
	assert_string_equal(mst_args_get(&args, "sort"), "-ip");
	assert_true(mst_args_has(&args, "quiet"));
	assert_null(mst_args_get(&args, "exclude"));
	mst_args_free(&args);
}

static void test_a_value_may_begin_with_a_dash(void **state)
{
	struct mst_args args;

	(void)state;
	PARSE(&args, "--sort", "-first_seen");
	assert_int_equal(rc, MST_OK);
	assert_string_equal(mst_args_get(&args, "sort"), "-first_seen");
	mst_args_free(&args);
}

static void test_twice_joins_or_the_last_counts(void **state)
{
	struct mst_args args;

	(void)state;
	PARSE(&args, "--exclude", "a", "--exclude=b", "--sort", "x", "--sort", "y");
	assert_string_equal(mst_args_get(&args, "exclude"), "a,b");
	assert_string_equal(mst_args_get(&args, "sort"), "y");
	mst_args_free(&args);
}

static void test_optional_values(void **state)
{
	struct mst_args args;

	(void)state;
	PARSE(&args, "--columns", "STATE=1", "--arp", "off");
	assert_string_equal(mst_args_get(&args, "columns"), "");
	assert_int_equal(args.word_count, 1);
	assert_string_equal(mst_args_get(&args, "arp"), "off");
	mst_args_free(&args);
	PARSE(&args, "--columns", "ip,mac", "--arp", "10.0.0.1");
	assert_string_equal(mst_args_get(&args, "columns"), "ip,mac");
	assert_string_equal(mst_args_get(&args, "arp"), "");
	assert_string_equal(args.words[0], "10.0.0.1");
	mst_args_free(&args);
	PARSE(&args, "--no-arp");
	assert_string_equal(mst_args_get(&args, "arp"), "off");
	mst_args_free(&args);
}

static void refused(const char *wanted, int argc, const char **argv)
{
	struct mst_args args;

	parse(&args, argc, argv);
	assert_int_equal(rc, MST_E_USAGE);
	if (!strstr(err.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", err.text, wanted);
	mst_args_free(&args);
}
#define REFUSED(wanted, ...)                                                                                           \
	do {                                                                                                           \
		const char *list[] = {__VA_ARGS__};                                                                    \
		refused((wanted), (int)(sizeof(list) / sizeof(list[0])), list);                                        \
	} while (0)

static void test_refusals_name_the_cure(void **state)
{
	(void)state;
	REFUSED("did you mean --store?", "--stroe");
	REFUSED("--sort needs a value: --sort COLUMN", "--sort");
	REFUSED("--quiet takes no value", "--quiet=1");
	REFUSED("unknown option -oN/x", "-oN/x");
	REFUSED("unknown option --no-sort", "--no-sort");
	REFUSED("unknown option --\\x1b", "--\033[31m");
}

static void test_a_command_brings_its_options(void **state)
{
	(void)state;
	for (size_t i = 0; mst_commands[i]; i++) {
		const struct mst_command *known = mst_commands[i];

		assert_ptr_equal(mst_command_find(known->name), known);
		assert_non_null(known->summary);
		assert_non_null(known->group);
		assert_string_equal(known->verbs[0].name, "");
		for (const struct mst_arg_option *row = known->options; row && row->name; row++) {
			assert_non_null(row->help);
			/* A command's option that is also a global one could never be reached. */
			for (const struct mst_arg_option *other = mst_global_options; other->name; other++)
				assert_string_not_equal(other->name, row->name);
		}
	}
}

static void filter_gives(const char *wanted, size_t count, const char *const *words)
{
	struct mst_buf out;

	mst_buf_init(&out, 1000);
	assert_int_equal(mst_filter_from_words(words, count, &out, &err), MST_OK);
	assert_string_equal(mst_buf_text(&out), wanted);
	mst_buf_free(&out);
}

static void test_filter_words(void **state)
{
	static const char *const two[] = {"state=lost", "port=22,80"}, *const blank[] = {"vendor=Big \\Corp"};
	static const char *const one_word[] = {"state=lost port>5"}, *const quoted[] = {"vendor=\"a b\""},
	                         *const bad[] = {"192.0.2.1"};
	struct mst_buf out;

	(void)state;
	filter_gives("state=lost port=22,80", 2, two);
	filter_gives("vendor=\"Big \\\\Corp\"", 1, blank);
	filter_gives("state=lost port>5", 1, one_word);
	filter_gives("vendor=\"a b\"", 1, quoted);
	mst_buf_init(&out, 1000);
	assert_int_equal(mst_filter_from_words(bad, 1, &out, &err), MST_E_USAGE);
	assert_non_null(strstr(err.text, "192.0.2.1"));
	mst_buf_free(&out);
	mst_buf_init(&out, 12);
	assert_int_equal(mst_filter_from_words(two, 2, &out, &err), MST_E_USAGE);
	mst_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_words_and_values),
	        cmocka_unit_test(test_a_value_may_begin_with_a_dash),
	        cmocka_unit_test(test_twice_joins_or_the_last_counts),
	        cmocka_unit_test(test_optional_values),
	        cmocka_unit_test(test_refusals_name_the_cure),
	        cmocka_unit_test(test_a_command_brings_its_options),
	        cmocka_unit_test(test_filter_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
