/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line makes of words and rows. */
#include "faults.h"

#include <string.h>

#include "base/buf.h"
#include "cli/filter_words.h"
#include "cli/table.h"

static int table(struct mst_err *err)
{
	struct mst_table made;
	struct mst_buf out;
	mst_table_init(&made);
	mst_buf_init(&out, 65536);
	mst_table_add_column(&made, "ip", 0, 9, false);
	mst_table_add_column(&made, "name", 2, 4, false);
	for (int i = 0; i < 50; i++) {
		mst_table_add(&made, "10.0.0.1", MST_STYLE_NONE);
		mst_table_add(&made, "a name with \x1b[31m colour", MST_STYLE_GOOD);
	}
	int code = mst_table_render(&made, 30, true, &out, err);
	if (code == 0 && out.len < 1000)
		code = -1000;
	mst_buf_free(&out);
	mst_table_free(&made);
	return code;
}

static int words(struct mst_err *err)
{
	static const char *const given[] = {"state=unmanaged", "hostname~a b", "port=22,80"};
	struct mst_buf out;
	mst_buf_init(&out, 4096);
	int code = mst_filter_from_words(given, 3, &out, err);
	if (code == 0 && !strstr(mst_buf_text(&out), "port=22"))
		code = -1000;
	mst_buf_free(&out);
	return code;
}

const struct scene cli_scenes[] = {
        {"table", table, NULL, NULL, true},
        {"filter of words", words, NULL, NULL, false},
        {NULL, NULL, NULL, NULL, false},
};
