/* SPDX-License-Identifier: Apache-2.0 */
/* The known stream: what the store knows of a zone's addresses, ascending, one JSON object a line. Store thread. */
#include "job/known.h"

#include <bson/bson.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"

/* Several sources may have seen one address: their rows come one after the other and become one line. */
struct row {
	char address[MST_ADDR_TEXT];
	int64_t last_seen, os_seen;
};

static int write_row(FILE *out, const struct row *row)
{
	if (!row->address[0])
		return 0;
	return fprintf(out, "{\"address\":\"%s\",\"last_seen\":%" PRId64 ",\"os_seen\":%" PRId64 "}\n", row->address,
	               row->last_seen, row->os_seen) < 0;
}

static int64_t int_of(const bson_t *doc, const char *key)
{
	bson_iter_t at;

	return bson_iter_init_find(&at, doc, key) ? bson_iter_as_int64(&at) : 0;
}

static int take(FILE *out, struct row *row, const bson_t *doc)
{
	int64_t last_seen = int_of(doc, "last_seen"), os_seen = int_of(doc, "os_seen");
	struct mst_addr addr;
	char text[MST_ADDR_TEXT];
	bson_iter_t at;

	if (!bson_iter_init_find(&at, doc, "ip") || !BSON_ITER_HOLDS_UTF8(&at) ||
	    !mst_addr_parse(bson_iter_utf8(&at, NULL), &addr))
		return 0;
	mst_addr_text(&addr, text);
	if (strcmp(text, row->address) != 0) {
		if (write_row(out, row))
			return 1;
		memcpy(row->address, text, sizeof(text));
		row->last_seen = last_seen;
		row->os_seen = os_seen;
		return 0;
	}
	if (last_seen > row->last_seen)
		row->last_seen = last_seen;
	if (os_seen > row->os_seen)
		row->os_seen = os_seen;
	return 0;
}

static int write_all(struct mst_store *store, const char *zone, FILE *out, const char *path, struct mst_err *err)
{
	bson_t filter = BSON_INITIALIZER, sort = BSON_INITIALIZER, doc;
	struct mst_find find = {.collection = "observations",
	                        .filter = &filter,
	                        .sort = &sort,
	                        .fields = "ip,ip_key,last_seen,os_seen"};
	struct mst_cursor *cursor = NULL;
	struct row row = {.address = ""};
	int rc;

	BSON_APPEND_UTF8(&filter, "zone", zone);
	BSON_APPEND_INT32(&sort, "ip_key", 1);
	rc = mst_store_find(store, &find, &cursor, err);
	while (rc == MST_OK) {
		rc = mst_cursor_next(cursor, &doc, err);
		if (rc == MST_OK && take(out, &row, &doc))
			rc = mst_err_errno(err, errno, "cannot write %s", path);
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(&filter);
	bson_destroy(&sort);
	if (rc == MST_E_END)
		rc = write_row(out, &row) ? mst_err_errno(err, errno, "cannot write %s", path) : MST_OK;
	return rc;
}

int mst_known_write(struct mst_store *store, const char *zone, const char *path, struct mst_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	int rc;

	if (!out) {
		rc = mst_err_errno(err, errno, "cannot write %s", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = write_all(store, zone, out, path, err);
	if (fclose(out) != 0 && rc == MST_OK)
		rc = mst_err_errno(err, errno, "cannot write %s", path);
	return rc;
}
