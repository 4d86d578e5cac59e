/* SPDX-License-Identifier: Apache-2.0 */
#include "store/days.h"

#include "base/time.h"

#define HOUR_MS   (INT64_C(3600) * 1000)
#define DAY_MS    (24 * HOUR_MS)
#define KEPT_MS   (400 * DAY_MS)
#define WINDOW_MS (30 * DAY_MS)
/* Two samples of neighbouring days may be a little less than a day apart. */
#define LEAST_MS (20 * HOUR_MS)

static int64_t int_of(const bson_t *doc, const char *key)
{
	bson_iter_t at;

	return bson_iter_init_find(&at, doc, key) && BSON_ITER_HOLDS_INT(&at) ? bson_iter_as_int64(&at) : 0;
}

/* What is taken up by documents; the rest of the file is there for the next ones. */
static int64_t used_of(const struct mst_store_stats *stats)
{
	return stats->reusable_bytes > 0 ? stats->bytes - stats->reusable_bytes : stats->bytes;
}

static int write_day(struct mst_store *store, const char *day, int64_t now, const struct mst_store_stats *stats,
                     struct mst_err *err)
{
	struct mst_batch *batch = NULL;
	bson_t *doc = BCON_NEW("_id", BCON_UTF8(day), "at", BCON_INT64(now), "bytes", BCON_INT64(stats->bytes), "used",
	                       BCON_INT64(used_of(stats)), "free", BCON_INT64(stats->free_bytes));
	bson_t *old = BCON_NEW("at", "{", "$lt", BCON_INT64(now - KEPT_MS), "}");
	int code = mst_batch_new(&batch, err);

	if (code == MST_OK &&
	    (mst_batch_put(batch, "store_days", doc) < 0 || mst_batch_remove(batch, "store_days", old) < 0))
		code = mst_err_no_memory(err);
	if (code == MST_OK)
		code = mst_store_write(store, batch, err);
	mst_batch_free(batch);
	bson_destroy(doc);
	bson_destroy(old);
	return code;
}

int mst_store_day(struct mst_store *store, int64_t now, struct mst_err *err)
{
	struct mst_store_stats stats;
	char day[32];
	bson_t doc;
	int code;

	mst_time_rfc3339(now, day, sizeof day);
	day[10] = '\0';
	code = mst_store_get(store, "store_days", day, &doc, err);
	if (code == MST_OK) {
		int64_t at = int_of(&doc, "at");

		bson_destroy(&doc);
		if (at <= now && now - at < HOUR_MS)
			return MST_OK;
	} else if (code != MST_E_NOT_FOUND) {
		return code;
	}
	code = mst_store_stats(store, &stats, err);
	return code == MST_OK && stats.bytes >= 0 ? write_day(store, day, now, &stats, err) : code;
}

/* Sums of a least-squares line; days and bytes relative to the first sample, so that nothing is lost in a double. */
struct sums {
	double n, x, y, xx, xy;
	int64_t first_at, first_used, last_at;
};

static void sums_add(struct sums *sums, int64_t at, int64_t used)
{
	double x, y;

	if (sums->n == 0) {
		sums->first_at = at;
		sums->first_used = used;
	}
	x = (double)(at - sums->first_at) / (double)DAY_MS;
	y = (double)(used - sums->first_used);
	sums->n++;
	sums->x += x;
	sums->y += y;
	sums->xx += x * x;
	sums->xy += x * y;
	sums->last_at = at;
}

static int read_days(struct mst_store *store, int64_t now, struct sums *sums, struct mst_err *err)
{
	bson_t *filter = BCON_NEW("at", "{", "$gte", BCON_INT64(now - WINDOW_MS), "$lte", BCON_INT64(now), "}");
	bson_t *sort = BCON_NEW("at", BCON_INT32(1));
	struct mst_find find = {.collection = "store_days", .filter = filter, .sort = sort};
	struct mst_cursor *cursor = NULL;
	int code = mst_store_find(store, &find, &cursor, err);

	while (code == MST_OK) {
		bson_t doc;

		code = mst_cursor_next(cursor, &doc, err);
		if (code == MST_OK)
			sums_add(sums, int_of(&doc, "at"), int_of(&doc, "used"));
	}
	if (cursor)
		mst_cursor_close(cursor);
	bson_destroy(filter);
	bson_destroy(sort);
	return code == MST_E_END ? MST_OK : code;
}

int mst_store_growth(struct mst_store *store, const struct mst_store_stats *stats, int64_t now,
                     struct mst_store_growth *out, struct mst_err *err)
{
	struct sums sums = {0};
	int code = read_days(store, now, &sums, err);
	double spread = sums.n * sums.xx - sums.x * sums.x;

	*out = (struct mst_store_growth){.left = -1, .since = sums.first_at};
	if (code != MST_OK || sums.last_at - sums.first_at < LEAST_MS || spread <= 0)
		return code;
	out->known = true;
	out->per_day = (int64_t)((sums.n * sums.xy - sums.x * sums.y) / spread);
	out->days = (sums.last_at - sums.first_at + DAY_MS / 2) / DAY_MS;
	if (out->per_day > 0 && stats->free_bytes >= 0)
		out->left =
		        (stats->free_bytes + (stats->reusable_bytes > 0 ? stats->reusable_bytes : 0)) / out->per_day;
	return MST_OK;
}
