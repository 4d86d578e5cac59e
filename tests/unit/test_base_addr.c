/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct mst_range range_of(const char *text)
{
	struct mst_range range;

	assert_true(mst_range_parse(text, &range));
	return range;
}

static struct mst_addr_set set_of(const char *text)
{
	struct mst_addr_set set;
	struct mst_err err;

	mst_addr_set_init(&set);
	assert_int_equal(mst_addr_set_parse(&set, text, &err), 0);
	return set;
}

/* Also that the ranges are in order and do not touch. */
static void assert_set(const struct mst_addr_set *set, const char *expected)
{
	struct mst_buf text;

	mst_buf_init(&text, 1 << 20);
	assert_int_equal(mst_addr_set_text(set, &text), 0);
	assert_string_equal(mst_buf_text(&text), expected);
	mst_buf_free(&text);
	for (size_t i = 0; i < set->count; i++) {
		assert_true(mst_addr_compare(&set->ranges[i].first, &set->ranges[i].last) <= 0);
		assert_true(i == 0 || mst_addr_compare(&set->ranges[i - 1].last, &set->ranges[i].first) < 0);
	}
}

static void test_address(void **state)
{
	static const struct {
		const char *text, *canonical, *key;
	} rows[] = {
	        {"10.1.2.3", "10.1.2.3", "4:0a010203"},
	        {"0.0.0.0", "0.0.0.0", "4:00000000"},
	        {"255.255.255.255", "255.255.255.255", "4:ffffffff"},
	        {"2001:DB8:0:0::1", "2001:db8::1", "6:20010db8000000000000000000000001"},
	        {"::", "::", "6:00000000000000000000000000000000"},
	        {"::ffff:10.0.0.1", "10.0.0.1", "4:0a000001"},
	        {"::ffff:a00:1", "10.0.0.1", "4:0a000001"},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	         "6:ffffffffffffffffffffffffffffffff"},
	};
	static const char *const bad[] = {
	        "",         "1",        "1.2.3",    "1.2.3.4.5",         "01.2.3.4",   "1.2.3.04",     "256.1.1.1",
	        " 1.2.3.4", "1.2.3.4 ", "+1.2.3.4", "0x1.2.3.4",         "1.2.3.-4",   "fe80::1%eth0", ":::",
	        "1::2::3",  "::12345",  "g::",      "1:2:3:4:5:6:7:8:9", "1.2.3.4/32", "host",         NULL};
	char text[MST_ADDR_TEXT], key[MST_ADDR_KEY];
	struct mst_addr addr, none = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(mst_addr_parse(rows[i].text, &addr));
		mst_addr_text(&addr, text);
		assert_string_equal(text, rows[i].canonical);
		mst_addr_key(&addr, key);
		assert_string_equal(key, rows[i].key);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(mst_addr_parse(bad[i], &addr));
	mst_addr_text(&none, text);
	assert_string_equal(text, "");
	mst_addr_key(&none, key);
	assert_string_equal(key, "");
}

static void test_compare(void **state)
{
	static const char *const ascending[] = {"0.0.0.0",         "9.255.0.0", "10.0.0.1", "10.0.0.10",
	                                        "255.255.255.255", "::",        "::1",      "fe80::"};
	char keys[COUNT(ascending)][MST_ADDR_KEY];
	struct mst_addr a, b;

	(void)state;
	for (size_t i = 0; i < COUNT(ascending); i++) {
		assert_true(mst_addr_parse(ascending[i], &a));
		mst_addr_key(&a, keys[i]);
		assert_int_equal(mst_addr_compare(&a, &a), 0);
		for (size_t j = 0; j < i; j++) {
			assert_true(mst_addr_parse(ascending[j], &b));
			assert_int_equal(mst_addr_compare(&b, &a), -1);
			assert_int_equal(mst_addr_compare(&a, &b), 1);
			assert_true(strcmp(keys[j], keys[i]) < 0);
		}
	}
}

static void test_range(void **state)
{
	static const struct {
		const char *text, *first, *last;
	} rows[] = {
	        {"10.0.0.77/24", "10.0.0.0", "10.0.0.255"},
	        {"10.0.0.1", "10.0.0.1", "10.0.0.1"},
	        {"10.0.0.1-9", "10.0.0.1", "10.0.0.9"},
	        {"10.0.0.1-10.0.2.9", "10.0.0.1", "10.0.2.9"},
	        {"10.0.0.5-5", "10.0.0.5", "10.0.0.5"},
	        {"10.0.0.0-0", "10.0.0.0", "10.0.0.0"},
	        {"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
	        {"1.2.3.4/32", "1.2.3.4", "1.2.3.4"},
	        {"2001:db8::5/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"},
	        {"::1-::9", "::1", "::9"},
	        {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	        {"::5/128", "::5", "::5"},
	};
	static const char *const bad[] = {
	        "",
	        "/",
	        "-",
	        "10.0.0.0/",
	        "10.0.0.0-",
	        "/24",
	        "-9",
	        "10.0.0.0/33",
	        "::/129",
	        "10.0.0.0/024",
	        "10.0.0.0/00",
	        "10.0.0.0/+8",
	        "10.0.0.0/-8",
	        "10.0.0.0/ 8",
	        "10.0.0.0/8 ",
	        " 10.0.0.0/8",
	        "10.0.0.0/8/8",
	        "10.0.0.9-1",
	        "10.0.0.9-10.0.0.8",
	        "10.0.0.1-256",
	        "10.0.0.1-09",
	        "10.0.0.1- 9",
	        "10.0.0.1-+9",
	        "10.0.0.1-::9",
	        "::1-10.0.0.1",
	        "::9-::1",
	        "::1-9",
	        "10.0.0.1-2.3",
	        "10.0.0-5.1",
	        "10.0.0.*",
	        "host",
	        "-oN/x",
	        "--",
	        "010.0.0.1",
	        "10.0.0.1-9/24",
	        "::ffff:10.0.0.0/104",
	        "1111111111111111111111111111111111111111111111111",
	        "fe80::1%1/64",
	        "10.0.0.0/99999999999999999999",
	        NULL,
	};
	char first[MST_ADDR_TEXT], last[MST_ADDR_TEXT];
	struct mst_range range;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		range = range_of(rows[i].text);
		mst_addr_text(&range.first, first);
		mst_addr_text(&range.last, last);
		assert_string_equal(first, rows[i].first);
		assert_string_equal(last, rows[i].last);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (mst_range_parse(bad[i], &range))
			fail_msg("\"%s\" was accepted", bad[i]);
	}
}

static void test_add(void **state)
{
	static const struct {
		const char *before, *add, *after;
	} rows[] = {
	        {"", "10.0.0.0/24", "10.0.0.0/24"},
	        {"10.0.0.0/25", "10.0.0.128/25", "10.0.0.0/24"},
	        {"10.0.0.128/25", "10.0.0.0/25", "10.0.0.0/24"},
	        {"10.0.0.0,10.0.0.2", "10.0.0.1", "10.0.0.0/31,10.0.0.2"},
	        {"10.0.0.0,10.0.0.4", "10.0.0.2", "10.0.0.0,10.0.0.2,10.0.0.4"},
	        {"10.0.0.1,10.0.0.3,10.0.0.5,10.0.0.9", "10.0.0.0-7", "10.0.0.0/29,10.0.0.9"},
	        {"10.0.0.0/8", "10.2.3.4", "10.0.0.0/8"},
	        {"10.2.3.4", "10.0.0.0/8", "10.0.0.0/8"},
	        {"255.255.255.255", "::", "255.255.255.255,::"},
	        {"::", "255.255.255.255", "255.255.255.255,::"},
	        {"0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/0"},
	        {"::/1", "8000::/1", "::/0"},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", "::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	        {"10.0.0.4-9", "10.0.0.2-5", "10.0.0.2/31,10.0.0.4/30,10.0.0.8/31"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mst_addr_set set = set_of(rows[i].before);
		struct mst_range range = range_of(rows[i].add);

		assert_int_equal(mst_addr_set_add(&set, &range), 0);
		assert_set(&set, rows[i].after);
		mst_addr_set_free(&set);
	}
}

static void test_remove_subtract_intersect(void **state)
{
	static const struct {
		const char *set, *other, *less, *common;
	} rows[] = {
	        {"10.0.0.0/24", "10.0.0.0/24", "", "10.0.0.0/24"},
	        {"10.0.0.0/30", "10.0.0.1", "10.0.0.0,10.0.0.2/31", "10.0.0.1"},
	        {"10.0.0.0/30", "10.0.0.0", "10.0.0.1,10.0.0.2/31", "10.0.0.0"},
	        {"10.0.0.0/30", "10.0.0.3", "10.0.0.0/31,10.0.0.2", "10.0.0.3"},
	        {"10.0.0.0/30", "10.0.1.0", "10.0.0.0/30", ""},
	        {"10.0.0.0,10.0.0.2,10.0.0.4", "10.0.0.1-3", "10.0.0.0,10.0.0.4", "10.0.0.2"},
	        {"10.0.0.0-3,10.0.0.6-9", "10.0.0.2-7", "10.0.0.0/31,10.0.0.8/31", "10.0.0.2/31,10.0.0.6/31"},
	        {"0.0.0.0/0,::/0", "0.0.0.0/0", "::/0", "0.0.0.0/0"},
	        {"0.0.0.0/0,::/0", "::/0", "0.0.0.0/0", "::/0"},
	        {"::/126", "::3", "::/127,::2", "::3"},
	        {"", "10.0.0.0/8", "", ""},
	        {"255.255.255.254/31", "255.255.255.255", "255.255.255.254", "255.255.255.255"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mst_addr_set removed = set_of(rows[i].set), less, common, other = set_of(rows[i].other);
		struct mst_range range = range_of(rows[i].other);

		assert_int_equal(mst_addr_set_copy(&less, &removed), 0);
		assert_int_equal(mst_addr_set_copy(&common, &removed), 0);
		assert_int_equal(mst_addr_set_overlaps(&removed, &range), rows[i].common[0] != '\0');
		assert_int_equal(mst_addr_set_remove(&removed, &range), 0);
		assert_set(&removed, rows[i].less);
		assert_int_equal(mst_addr_set_subtract(&less, &other), 0);
		assert_set(&less, rows[i].less);
		assert_int_equal(mst_addr_set_intersect(&common, &other), 0);
		assert_set(&common, rows[i].common);
		mst_addr_set_free(&removed);
		mst_addr_set_free(&less);
		mst_addr_set_free(&common);
		mst_addr_set_free(&other);
	}
}

/* Every operation against the same one on an array of 256 flags. */
static void test_against_model(void **state)
{
	bool model[256] = {false};
	struct mst_addr_set set;
	unsigned seed = 12345;

	(void)state;
	mst_addr_set_init(&set);
	for (int step = 0; step < 4000; step++) {
		struct mst_addr_set other;
		struct mst_range range = range_of("10.0.0.0");
		unsigned first, last, op;
		uint64_t count = 0;

		seed = seed * 1103515245u + 12345u;
		first = seed >> 8 & 255;
		last = first + (seed >> 16 & 15);
		last = last > 255 ? 255 : last;
		op = seed >> 24 & 3;
		range.first.bytes[3] = (uint8_t)first;
		range.last.bytes[3] = (uint8_t)last;
		if (op == 0 || op == 1) {
			assert_int_equal(mst_addr_set_add(&set, &range), 0);
		} else if (op == 2) {
			assert_int_equal(mst_addr_set_remove(&set, &range), 0);
		} else {
			mst_addr_set_init(&other);
			assert_int_equal(mst_addr_set_add(&other, &range), 0);
			assert_int_equal(mst_addr_set_subtract(&set, &other), 0);
			mst_addr_set_free(&other);
		}
		for (unsigned i = first; i <= last; i++)
			model[i] = op < 2;
		for (unsigned i = 0; i < 256; i++) {
			range.first.bytes[3] = (uint8_t)i;
			assert_int_equal(mst_addr_set_contains(&set, &range.first), model[i]);
			count += model[i];
		}
		assert_int_equal(mst_addr_set_count(&set), count);
		for (size_t i = 1; i < set.count; i++)
			assert_true(set.ranges[i - 1].last.bytes[3] + 1 < set.ranges[i].first.bytes[3]);
	}
	mst_addr_set_free(&set);
}

static void test_count(void **state)
{
	static const struct {
		const char *set;
		uint64_t count;
	} rows[] = {{"", 0},
	            {"10.0.0.0/24", 256},
	            {"0.0.0.0/0", UINT64_C(4294967296)},
	            {"::/65", UINT64_C(1) << 63},
	            {"::/64", UINT64_MAX},
	            {"::/0", UINT64_MAX},
	            {"::/65,8000::/65", UINT64_MAX},
	            {"::-::ffff:ffff:ffff:fffe", UINT64_MAX},
	            {"10.0.0.1,::1", 2}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mst_addr_set set = set_of(rows[i].set);

		assert_true(mst_addr_set_count(&set) == rows[i].count);
		mst_addr_set_free(&set);
	}
}

static void test_many(void **state)
{
	struct mst_range range = range_of("10.0.0.0");
	struct mst_addr_set set;

	(void)state;
	mst_addr_set_init(&set);
	for (uint32_t i = 0; i < 1u << 20; i++) { /* adjacent: one range */
		range.first.bytes[1] = (uint8_t)(i >> 16);
		range.first.bytes[2] = (uint8_t)(i >> 8);
		range.first.bytes[3] = (uint8_t)i;
		range.last = range.first;
		assert_int_equal(mst_addr_set_add(&set, &range), 0);
	}
	assert_set(&set, "10.0.0.0/12");
	mst_addr_set_free(&set);
	for (uint32_t i = 0; i < 1u << 20; i += 2) { /* apart: half a million ranges */
		range.first.bytes[1] = (uint8_t)(i >> 16);
		range.first.bytes[2] = (uint8_t)(i >> 8);
		range.first.bytes[3] = (uint8_t)i;
		range.last = range.first;
		assert_int_equal(mst_addr_set_add(&set, &range), 0);
	}
	assert_int_equal(set.count, 1u << 19);
	assert_true(mst_addr_set_contains(&set, &range.first));
	mst_addr_set_free(&set);
}

static void test_set_parse(void **state)
{
	struct mst_addr_set set = set_of("10.0.0.9, 10.0.0.1-3 ,\n::1,10.0.0.8");
	struct mst_err err;

	(void)state;
	assert_set(&set, "10.0.0.1,10.0.0.2/31,10.0.0.8/31,::1");
	assert_int_equal(mst_addr_set_parse(&set, "10.0.0.0,10.0.0.4-7", &err), 0);
	assert_set(&set, "10.0.0.0/29,10.0.0.8/31,::1");
	assert_int_equal(mst_addr_set_parse(&set, "1.1.1.1,bad\x1bitem,2.2.2.2", &err), MST_E_USAGE);
	assert_non_null(strstr(err.text, "bad\\x1bitem"));
	assert_int_equal(mst_addr_set_parse(&set, "1.1.1.1,,2.2.2.2", &err), MST_E_USAGE);
	assert_set(&set, "10.0.0.0/29,10.0.0.8/31,::1"); /* a refused list adds nothing */
	mst_addr_set_free(&set);
}

static void test_text_minimal(void **state)
{
	struct mst_addr_set set = set_of("0.0.0.1-255.255.255.254");
	struct mst_buf text;
	size_t commas = 0;

	(void)state;
	mst_buf_init(&text, 4096);
	assert_int_equal(mst_addr_set_text(&set, &text), 0);
	for (size_t i = 0; i < text.len; i++)
		commas += text.data[i] == ',';
	assert_int_equal(commas + 1, 62);
	mst_buf_free(&text);
	mst_buf_init(&text, 10);
	assert_int_not_equal(mst_addr_set_text(&set, &text), 0);
	mst_buf_free(&text);
	mst_addr_set_free(&set);
}

struct seen {
	struct mst_buf text;
	int stop_after;
};

static int note_chunk(void *data, const struct mst_addr_set *chunk)
{
	struct seen *seen = data;

	mst_buf_char(&seen->text, '[');
	assert_int_equal(mst_addr_set_text(chunk, &seen->text), 0);
	mst_buf_char(&seen->text, ']');
	return --seen->stop_after == 0 ? 42 : 0;
}

static void test_chunks(void **state)
{
	static const struct {
		const char *set;
		uint32_t per_chunk;
		int stop_after, status;
		const char *chunks;
	} rows[] = {
	        {"", 16, 0, 0, ""},
	        {"10.0.0.0/28", 16, 0, 0, "[10.0.0.0/28]"},
	        {"10.0.0.0/27", 16, 0, 0, "[10.0.0.0/28][10.0.0.16/28]"},
	        {"10.0.0.14-17", 16, 0, 0, "[10.0.0.14/31,10.0.0.16/31]"},
	        {"10.0.0.4-35", 16, 0, 0, "[10.0.0.4/30,10.0.0.8/29][10.0.0.16/28][10.0.0.32/30]"},
	        {"10.0.0.1,10.0.1.1,10.0.2.1", 2, 0, 0, "[10.0.0.1,10.0.1.1][10.0.2.1]"},
	        {"10.0.0.0-2,10.0.0.4-5,10.0.0.7", 4, 0, 0, "[10.0.0.0/31,10.0.0.2][10.0.0.4/31,10.0.0.7]"},
	        {"10.0.0.1,::1", 16, 0, 0, "[10.0.0.1][::1]"},
	        {"10.0.0.1,::1", 3, 0, 0, "[10.0.0.1][::1]"},
	        {"10.0.0.0/29", 3, 0, 0, "[10.0.0.0/31,10.0.0.2][10.0.0.3,10.0.0.4/31][10.0.0.6/31]"},
	        {"10.0.0.0,10.0.0.8-11,10.0.1.0", 3, 0, 0, "[10.0.0.0,10.0.0.8/31][10.0.0.10/31,10.0.1.0]"},
	        {"10.0.0.0/30", 1, 0, 0, "[10.0.0.0][10.0.0.1][10.0.0.2][10.0.0.3]"},
	        {"::/0", 256, 2, 42, "[::/120][::100/120]"},
	        {"255.255.255.0/24", 0x80000000u, 0, 0, "[255.255.255.0/24]"},
	        {"0.0.0.0/0", 0x80000000u, 0, 0, "[0.0.0.0/1][128.0.0.0/1]"},
	        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127", 1, 0, 0,
	         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe][ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]"},
	        {"10.0.0.1", 0, 0, MST_E_USAGE, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mst_addr_set set = set_of(rows[i].set);
		struct seen seen = {.stop_after = rows[i].stop_after};

		mst_buf_init(&seen.text, 4096);
		assert_int_equal(mst_addr_set_chunks(&set, rows[i].per_chunk, note_chunk, &seen), rows[i].status);
		assert_string_equal(mst_buf_text(&seen.text), rows[i].chunks);
		mst_buf_free(&seen.text);
		mst_addr_set_free(&set);
	}
}

static void test_ports(void **state)
{
	static const struct {
		const char *text, *canonical;
		unsigned count;
	} rows[] = {{"", "", 0},
	            {"1,3-4,22", "1,3-4,22", 4},
	            {"22,1, 2 ,3", "1-3,22", 4},
	            {"1-65535", "1-65535", 65535},
	            {"65535", "65535", 1},
	            {"80,80", "80", 1},
	            {"8-8", "8", 1}};
	static const char *const bad[] = {"0",
	                                  "65536",
	                                  "-1",
	                                  "1-",
	                                  "-",
	                                  "3-1",
	                                  "0-5",
	                                  "1-65536",
	                                  "a",
	                                  "1,,2",
	                                  "01",
	                                  "1 2",
	                                  "+1",
	                                  "1-2-3",
	                                  "99999999999999999999",
	                                  "1111111111111111111111111111111111111111111111111111111111111111111111"};
	struct mst_ports ports;
	struct mst_err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mst_buf text;

		memset(&ports, 0xff, sizeof(ports));
		mst_buf_init(&text, 1000);
		assert_int_equal(mst_ports_parse(&ports, rows[i].text, &err), 0);
		assert_int_equal(mst_ports_text(&ports, &text), 0);
		assert_string_equal(mst_buf_text(&text), rows[i].canonical);
		assert_int_equal(mst_ports_count(&ports), rows[i].count);
		mst_buf_free(&text);
	}
	memset(&ports, 0, sizeof(ports));
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(mst_ports_parse(&ports, bad[i], &err), MST_E_USAGE);
		assert_int_equal(mst_ports_count(&ports), 0);
	}
	mst_ports_set(&ports, 0);
	mst_ports_set(&ports, 65536);
	assert_int_equal(mst_ports_count(&ports), 0);
	mst_ports_set(&ports, 65535);
	assert_true(mst_ports_has(&ports, 65535));
	assert_false(mst_ports_has(&ports, 65534));
	assert_false(mst_ports_has(&ports, 65536));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_address),
	        cmocka_unit_test(test_compare),
	        cmocka_unit_test(test_range),
	        cmocka_unit_test(test_add),
	        cmocka_unit_test(test_remove_subtract_intersect),
	        cmocka_unit_test(test_against_model),
	        cmocka_unit_test(test_count),
	        cmocka_unit_test(test_many),
	        cmocka_unit_test(test_set_parse),
	        cmocka_unit_test(test_text_minimal),
	        cmocka_unit_test(test_chunks),
	        cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
