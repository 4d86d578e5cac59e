/* SPDX-License-Identifier: Apache-2.0 */
/* The table of locations: what reads, what is refused with its line, and which network wins. */
#include "import_help.h"

#include "import/locations.h"

static struct mst_locations table;

static void parse(const char *csv)
{
	struct mst_buf faults;
	mst_buf_init(&faults, 65536);
	if (mst_locations_parse(&table, csv, strlen(csv), &faults) != 0)
		fail_msg("%s", mst_buf_text(&faults));
	mst_buf_free(&faults);
}

static void refuse(const char *csv, const char *expected)
{
	struct mst_buf faults;
	mst_buf_init(&faults, 65536);
	assert_int_equal(mst_locations_parse(&table, csv, strlen(csv), &faults), MST_E_USAGE);
	if (!strstr(mst_buf_text(&faults), expected))
		fail_msg("\"%s\" is not in:\n%s", expected, mst_buf_text(&faults));
	assert_int_equal(table.count, 0);
	mst_buf_free(&faults);
}

static void expect(const char *ip, const char *nat, const char *place)
{
	const struct mst_location *found = mst_locations_find(&table, ip, nat);
	assert_string_equal(found ? found->text : "", place);
}

static void the_most_exact_network_wins(void **state)
{
	(void)state;
	parse("Network,NAT,Region,Site,Building\n10.0.0.0/8,,EU\n10.1.0.0/16,,EU,Berlin\n10.1.2.0/24,,EU,Berlin,\"Haus 1, links\"\n"
	      "10.1.2.10-10.1.2.20,,EU,Berlin,Keller\n2001:db8::/32,,Six\n");
	expect("10.9.9.9", NULL, "EU");
	expect("10.1.9.9", NULL, "EU / Berlin");
	expect("10.1.2.9", NULL, "EU / Berlin / Haus 1, links");
	expect("10.1.2.15", NULL, "EU / Berlin / Keller");
	expect("2001:db8::5", NULL, "Six");
	expect("192.0.2.1", NULL, "");
	expect("nonsense", NULL, "");
	expect(NULL, NULL, "");
	mst_locations_free(&table);
}

static void nat_tells_equal_networks_apart(void **state)
{
	(void)state;
	parse("network,nat,Site\r\n10.0.0.0/24,198.51.100.1,One\r\n10.0.0.0/24,198.51.100.2,Two\r\n10.0.0.0/24,,Any\r\n");
	expect("10.0.0.5", "198.51.100.1", "One");
	expect("10.0.0.5", "198.51.100.2", "Two");
	expect("10.0.0.5", "198.51.100.9", "Any");
	expect("10.0.0.5", NULL, "Any");
	mst_locations_free(&table);
}

static void what_other_programs_write_reads(void **state)
{
	(void)state;
	parse("\xef\xbb\xbfNetwork , NAT,Site\n\n \"10.0.0.0/24\" ,\"\", \"Z\xc3\xbcrich \"\"West\"\"\" \n\n");
	mst_locations_free(&table);
	parse("Network,NAT,A,B,C,D,E\n10.0.0.1,,1,2,3,4,5");
	expect("10.0.0.1", NULL, "1 / 2 / 3 / 4 / 5");
	mst_locations_free(&table);
}

static void faults_have_their_line(void **state)
{
	(void)state;
	refuse("", "line 1: the file is empty");
	refuse("10.0.0.0/8,,EU\n", "line 1: the heading must be");
	refuse("Network,NAT\n", "line 1: the heading must be");
	refuse("Network,NAT,A,B,C,D,E,F\n", "line 1: the heading must be");
	refuse("Network,NAT,Site\n10.0.0.0/8,,EU\nnowhere,,EU\n", "line 3: \"nowhere\" is no network");
	refuse("Network,NAT,Site\n10.0.0.0/8,x,EU\n", "line 2: \"x\" is no NAT network");
	refuse("Network,NAT,Site\n10.0.0.0/8,,\n", "line 2: no location");
	refuse("Network,NAT,A,B\n10.0.0.0/8,,,x\n", "line 2: a level is empty");
	refuse("Network,NAT,A\n10.0.0.0/8,,1,2,3,4,5,6\n", "line 2: more than five levels");
	refuse("Network,NAT,Site\n10.0.0.0/8,,\"open\n", "line 2: a quoted cell has no closing quote");
	refuse("Network,NAT,Site\n10.0.0.0/8,,A\n10.0.0.0/8,,B\n", "line 3: the same network as line 2");
	refuse("Network,NAT,Site\n\"10.0.0.0/8\n\",,A\nbad,,B\n", "line 4: \"bad\"");
	refuse("Network,NAT,Site\n10.0.0.0/8,,\xff\xfe\n", "not UTF-8");
	refuse("Network,NAT,Site\n10.0.0.0/8,,a\tb\x01\n", "control character");
}

static void every_fault_is_told_up_to_a_hundred(void **state)
{
	(void)state;
	struct mst_buf csv;
	mst_buf_init(&csv, 65536);
	mst_buf_str(&csv, "Network,NAT,Site\n");
	for (int i = 0; i < 150; i++)
		mst_buf_str(&csv, "bad,,EU\n");
	refuse(mst_buf_text(&csv), "line 101: ");
	refuse(mst_buf_text(&csv), "and 50 more faults");
	mst_buf_free(&csv);
}

static void a_stored_row_reads_the_same(void **state)
{
	(void)state;
	struct mst_locations other = {0};
	parse("Network,NAT,Region,Site\n10.1.0.0/16,198.51.100.0/24,EU,Berlin\n");
	bson_t document = BSON_INITIALIZER;
	assert_int_equal(mst_location_to_bson(&table.items[0], &document), 0);
	assert_int_equal(mst_location_from_bson(&other, &document), 0);
	assert_int_equal(other.count, 1);
	assert_memory_equal(&other.items[0].network, &table.items[0].network, sizeof other.items[0].network);
	assert_memory_equal(&other.items[0].nat, &table.items[0].nat, sizeof other.items[0].nat);
	assert_string_equal(other.items[0].levels[1], "Berlin");
	bson_destroy(&document);
	mst_locations_free(&table);
	mst_locations_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_most_exact_network_wins),         cmocka_unit_test(nat_tells_equal_networks_apart),
	        cmocka_unit_test(what_other_programs_write_reads),     cmocka_unit_test(faults_have_their_line),
	        cmocka_unit_test(every_fault_is_told_up_to_a_hundred), cmocka_unit_test(a_stored_row_reads_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
