/* SPDX-License-Identifier: Apache-2.0 */
/* A table of locations. What is refused is refused in words; what reads is found again at its own first address, and a row reads
 * the same after it was stored. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "import/locations.h"

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_row(const struct mst_locations *table, const struct mst_location *row)
{
	char ip[MST_ADDR_TEXT], nat[MST_ADDR_TEXT];
	struct mst_locations other = {0};
	bson_t doc = BSON_INITIALIZER;
	mst_addr_text(&row->network.first, ip);
	if (row->nat.first.family)
		mst_addr_text(&row->nat.first, nat);
	const struct mst_location *found = mst_locations_find(table, ip, row->nat.first.family ? nat : NULL);
	check(found && found->text[0]);
	check(mst_location_to_bson(row, &doc) == 0 && mst_location_from_bson(&other, &doc) == 0 && other.count == 1);
	check(strcmp(other.items[0].text, row->text) == 0);
	check(memcmp(&other.items[0].network, &row->network, sizeof row->network) == 0);
	bson_destroy(&doc);
	mst_locations_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mst_locations table;
	struct mst_buf faults;
	mst_buf_init(&faults, 65536);
	int code = mst_locations_parse(&table, size ? (const char *)data : "", size, &faults);
	if (code == 0)
		check(faults.len == 0);
	else
		check(table.count == 0 && (code != MST_E_USAGE || strncmp(mst_buf_text(&faults), "line ", 5) == 0));
	for (size_t i = 0; i < table.count && i < 64; i++)
		check_row(&table, &table.items[i]);
	mst_locations_free(&table);
	mst_buf_free(&faults);
	return 0;
}
