/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that answer as one: when a run warns of them, and which interfaces it marks. */
#include "import_scene.h"

#include <muster/plugin.h>

#include "import/alike.h"
#include "import/doc.h"

static struct scene s;

static int open_scene(void **state)
{
	(void)state;
	scene_open(&s, "{'history_ms':0}");
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	scene_close(&s);
	return 0;
}

#define PORTS(list) "'ports':[{'proto':'tcp','state':'open','reason':'syn-ack','ttl':64,'ports':[" list "]}]"

/* A run over `scope` in which NET.first to NET.last answer with `rest`; %d in it is the address's last byte. */
static void scan(const char *scope, const char *net, int first, int last, const char *rest)
{
	scene_run(&s);
	scene_shard(&s, 63, scope, "22", NULL);
	for (int i = first; i <= last; i++) {
		char record[256], one[200];
		const char *digits = strstr(rest, "%d");
		if (digits)
			snprintf(one, sizeof one, "%.*s%d%s", (int)(digits - rest), rest, i, digits + 2);
		else
			snprintf(one, sizeof one, "%s", rest);
		snprintf(record, sizeof record, "{'ip':'%s%d',%s}", net, i, one);
		scene_record(&s, record);
	}
	scene_end(&s, 0);
	scene_import(&s);
}

#define SYN "'reason':'syn-ack'," PORTS("22")

static void more_than_nine_in_ten(void **state)
{
	(void)state;
	scan("10.0.0.0/24", "10.0.0.", 1, 230, SYN);
	assert_string_equal(s.warned, "");
	assert_field(&s, "10.0.0.1", "block_answer", "");
	scene_new_store(&s);
	scan("10.0.0.0/24", "10.0.0.", 1, 231, SYN);
	assert_string_equal(s.warned, "something answers for the whole block 10.0.0.0/24");
	assert_field(&s, "10.0.0.1", "block_answer", "10.0.0.0/24");
	assert_field(&s, "10.0.0.1", "note", "10.0.0.0/24 answers as one");
	assert_field(&s, "10.0.0.231", "block_answer", "10.0.0.0/24");
}

static void a_part_of_a_block_that_was_looked_at(void **state)
{
	(void)state;
	scan("10.0.0.64/26", "10.0.0.", 65, 125, SYN);
	assert_string_equal(s.warned, "something answers for the whole block 10.0.0.64/26");
	scan("10.0.1.0/27,10.0.1.32-10.0.1.62", "10.0.1.", 0, 62, SYN);
	assert_string_equal(s.warned, ""); /* 63 addresses prove nothing */
	scan("10.0.2.0-10.0.2.99", "10.0.2.", 0, 99, SYN);
	assert_string_equal(s.warned, "something answers for the whole block 10.0.2.0/25");
}

static void hosts_of_their_own_are_no_block(void **state)
{
	(void)state;
	/* A full subnet of real hosts: they answer alike, with MACs of their own. */
	scan("10.0.0.0/24", "10.0.0.", 1, 99, "'mac':'3c:22:fb:10:20:%d','reason':'arp-response'");
	assert_string_equal(s.warned, "");
	scan("10.0.0.0/25", "10.0.0.", 10, 99, "'mac':'3c:22:fb:10:20:%d','reason':'arp-response'");
	assert_string_equal(s.warned, "");
	scan("10.0.1.0/25", "10.0.1.", 1, 127,
	     "'reason':'syn-ack','ports':[{'proto':'tcp','state':'open','ports':[22,1%d]}]");
	assert_string_equal(s.warned, "");
	scan("10.0.2.0/25", "10.0.2.", 1, 127, "'reason':'user-set','answered':false");
	assert_string_equal(s.warned, "");
}

static void answers_are_compared_by_open_ports_in_any_order(void **state)
{
	bson_t *a = doc("{'reason':'syn-ack','ports':[{'proto':'tcp','state':'open','ports':[22,80]},"
	                "{'proto':'tcp','state':'closed','ports':[1]}]}");
	bson_t *b = doc("{'reason':'syn-ack','ports':[{'proto':'tcp','state':'open','reason':'x','ports':[80]},"
	                "{'proto':'tcp','state':'open','ports':[22]}]}");
	bson_t *c = doc("{'reason':'syn-ack','ports':[{'proto':'tcp','state':'open','ports':[22]}]}");
	bson_t *d = doc("{'reason':'reset','ports':[{'proto':'tcp','state':'open','ports':[22,80]}]}");
	bson_t *none = doc("{'distance':3}");
	(void)state;
	assert_true(mst_alike_answer(a) == mst_alike_answer(b));
	assert_true(mst_alike_answer(a) != mst_alike_answer(c));
	assert_true(mst_alike_answer(a) != mst_alike_answer(d));
	assert_true(mst_alike_answer(none) == 0);
	bson_t *all[] = {a, b, c, d, none};
	for (size_t i = 0; i < 5; i++)
		bson_destroy(all[i]);
}

/* Shards of 16 addresses each; `answering` of them have answers, all alike. */
static void scan_in_shards(int answering)
{
	scene_run(&s);
	for (int shard = 0; shard < 16; shard++) {
		char scope[32];
		snprintf(scope, sizeof scope, "10.0.0.%d/28", shard * 16);
		scene_shard(&s, 63, scope, "22", NULL);
		for (int i = shard * 16; shard < answering && i < shard * 16 + 16; i++) {
			char record[160];
			snprintf(record, sizeof record, "{'ip':'10.0.0.%d'," SYN "}", i);
			scene_record(&s, record);
		}
		scene_end(&s, 0);
	}
	scene_import(&s);
}

static void shards_are_seen_together(void **state)
{
	(void)state;
	scan_in_shards(8);
	assert_string_equal(s.warned, ""); /* the silent half was looked at as well */
	scene_new_store(&s);
	scan_in_shards(15);
	assert_string_equal(s.warned, "something answers for the whole block 10.0.0.0/24");
	assert_field(&s, "10.0.0.17", "block_answer", "10.0.0.0/24");
}

static void only_newcomers_that_answer_alike_are_marked(void **state)
{
	(void)state;
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.7'," SYN "}", NULL);
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/24", "22,80", NULL);
	for (int i = 1; i < 255; i++) {
		char record[160];
		snprintf(record, sizeof record,
		         i == 9 ? "{'ip':'10.0.0.%d','reason':'syn-ack'," PORTS("80") "}"
		                : "{'ip':'10.0.0.%d'," SYN "}",
		         i);
		scene_record(&s, record);
	}
	scene_end(&s, 0);
	scene_import(&s);
	assert_field(&s, "10.0.0.7", "block_answer", "");
	assert_field(&s, "10.0.0.8", "block_answer", "10.0.0.0/24");
	assert_field(&s, "10.0.0.9", "block_answer", "");
	/* It stays what it was when it came, and a second finish changes nothing. */
	char *once = scene_dump(&s);
	scene_import(&s);
	char *twice = scene_dump(&s);
	assert_string_equal(once, twice);
	scene_scan(&s, "10.0.0.0/24", "22", "{'ip':'10.0.0.8'," SYN "}", NULL);
	assert_string_equal(s.warned, "");
	assert_field(&s, "10.0.0.8", "block_answer", "10.0.0.0/24");
	free(once);
	free(twice);
}

static void neighbours_are_told_as_one(void **state)
{
	(void)state;
	scene_run(&s);
	scene_shard(&s, 63, "10.0.0.0/22,10.9.0.0/24", "22", NULL);
	for (int i = 0; i < 5 * 256; i++) {
		char record[160];
		snprintf(record, sizeof record, "{'ip':'10.%d.%d.%d'," SYN "}", i < 1024 ? 0 : 9, i < 1024 ? i >> 8 : 0,
		         i & 255);
		scene_record(&s, record);
	}
	scene_end(&s, 0);
	scene_import(&s);
	assert_string_equal(s.warned, "something answers for the whole blocks 10.0.0.0/22,10.9.0.0/24");
	assert_field(&s, "10.0.3.9", "block_answer", "10.0.3.0/24");
}

static void a_long_list_is_cut_between_blocks(void **state)
{
	char scope[1024] = "";
	(void)state;
	for (int block = 0; block < 28; block++) {
		size_t len = strlen(scope);
		snprintf(scope + len, sizeof scope - len, "%s10.0.%d.0/26", block ? "," : "", block * 2 + 1);
	}
	scene_run(&s);
	scene_shard(&s, 63, scope, "22", NULL);
	for (int i = 0; i < 28 * 64; i++) {
		char record[160];
		snprintf(record, sizeof record, "{'ip':'10.0.%d.%d'," SYN "}", i / 64 * 2 + 1, i % 64);
		scene_record(&s, record);
	}
	scene_end(&s, 0);
	scene_import(&s);
	assert_true(strlen(s.warned) < 380);
	assert_non_null(strstr(s.warned, "/26 and more"));
}

static void ipv6_blocks_too(void **state)
{
	(void)state;
	scene_run(&s);
	scene_shard(&s, 63, "fd00::100/120", "22", NULL);
	for (int i = 0; i < 250; i++) {
		char record[160];
		snprintf(record, sizeof record, "{'ip':'fd00::1%02x'," SYN "}", (unsigned)i);
		scene_record(&s, record);
	}
	scene_end(&s, 0);
	scene_import(&s);
	assert_string_equal(s.warned, "something answers for the whole block fd00::100/120");
}

/* Nothing is known of what a file without a target list looked at: then it takes a whole block. */
static void a_scope_without_addresses_is_a_whole_block(void **state)
{
	(void)state;
	for (int last = 229; last <= 230; last++) {
		scene_new_store(&s);
		scene_run(&s);
		scene_shard(&s, 0, "", NULL, NULL);
		for (int i = 0; i <= last; i++) {
			char record[160];
			snprintf(record, sizeof record, "{'ip':'10.0.0.%d'," SYN "}", i);
			scene_record(&s, record);
		}
		scene_end(&s, 0);
		scene_import(&s);
		assert_string_equal(s.warned, last == 230 ? "something answers for the whole block 10.0.0.0/24" : "");
	}
}

static void a_shards_part_goes_through_its_document(void **state)
{
	struct mst_alike alike, back;
	struct mst_alike_found *found;
	struct mst_addr_set looked;
	bson_t document = BSON_INITIALIZER;
	size_t count;
	(void)state;
	mst_alike_init(&alike);
	mst_alike_init(&back);
	mst_addr_set_init(&looked);
	for (int i = 0; i < 200 * 256; i++) {
		char text[96];
		snprintf(text, sizeof text, "{'ip':'10.1.%d.%d','reason':'r%d'}", i >> 8, i & 255,
		         i >> 8 < 100 ? 1 : i);
		bson_t *record = doc(text);
		assert_int_equal(mst_alike_count(&alike, record), 0);
		bson_destroy(record);
	}
	mst_alike_write(&alike, &document);
	assert_int_equal(mst_alike_read(&back, &document), 0);
	assert_int_equal(mst_alike_find(&back, &looked, &found, &count), 0);
	assert_int_equal(count, 100);
	assert_int_equal(found[99].range.last.bytes[2], 99);
	free(found);
	mst_alike_free(&alike);
	mst_alike_free(&back);
	bson_destroy(&document);
	/* What is no such document is no news. */
	bson_t *bad = doc(
	        "{'alike':[{'block':'x','count':3},{'block':'10.0.0.0','count':-1},{'block':'10.0.0.0','count':99999},7]}");
	assert_int_equal(mst_alike_read(&back, bad), 0);
	assert_int_equal(mst_alike_find(&back, &looked, &found, &count), 0);
	assert_int_equal(count, 0);
	free(found);
	mst_alike_free(&back);
	bson_destroy(bad);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        WITH_SCENE(more_than_nine_in_ten),
	        WITH_SCENE(a_part_of_a_block_that_was_looked_at),
	        WITH_SCENE(hosts_of_their_own_are_no_block),
	        cmocka_unit_test(answers_are_compared_by_open_ports_in_any_order),
	        WITH_SCENE(shards_are_seen_together),
	        WITH_SCENE(only_newcomers_that_answer_alike_are_marked),
	        WITH_SCENE(neighbours_are_told_as_one),
	        WITH_SCENE(a_long_list_is_cut_between_blocks),
	        WITH_SCENE(ipv6_blocks_too),
	        WITH_SCENE(a_scope_without_addresses_is_a_whole_block),
	        cmocka_unit_test(a_shards_part_goes_through_its_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
