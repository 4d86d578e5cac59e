/* SPDX-License-Identifier: Apache-2.0 */
/* Filter and sort texts: whatever is typed is a store filter or a clear refusal, and a store filter can be matched. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/filter.h"

#define NOW INT64_C(1700000000000)

static void check_refusal(int code, const struct mst_err *err)
{
	if (code != MST_E_USAGE || err->code != code || strlen(err->text) < 10)
		abort();
	for (const char *at = err->text; *at; at++)
		if ((unsigned char)*at < 0x20)
			abort();
}

static void try_filter(const char *text, const struct mst_column *columns, size_t count)
{
	static const char *const names[] = {"state", "ip_key", "mac", "hostname"};
	bson_t filter, doc = BSON_INITIALIZER, ports;
	struct mst_err err = {0};
	int code = mst_filter_parse(text, columns, count, NOW, &filter, &err);

	if (code != MST_OK) {
		check_refusal(code, &err);
		bson_destroy(&doc);
		return;
	}
	if (!bson_validate(&filter, BSON_VALIDATE_NONE, NULL))
		abort();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		bson_append_utf8(&doc, names[i], -1, "x", 1);
	bson_append_int64(&doc, "last_seen", -1, NOW);
	bson_append_array_begin(&doc, "ports", -1, &ports);
	bson_append_utf8(&ports, "0", 1, "22", 2);
	bson_append_array_end(&doc, &ports);
	(void)mst_filter_match(&filter, &doc);
	bson_destroy(&filter);
	bson_destroy(&doc);
}

static void try_sort(const char *text, const struct mst_column *columns, size_t count)
{
	bson_t sort;
	struct mst_err err = {0};
	int code = mst_sort_parse(text, columns, count, &sort, &err);

	if (code != MST_OK)
		check_refusal(code, &err);
	else
		bson_destroy(&sort);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count;
	const struct mst_column *columns = mst_interface_columns(&count);
	char *text = size <= MST_MAX_FILTER * 2 ? malloc(size + 1) : NULL;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	try_filter(text, columns, count);
	try_sort(text, columns, count);
	columns = mst_run_columns(&count);
	try_filter(text, columns, count);
	free(text);
	return 0;
}
