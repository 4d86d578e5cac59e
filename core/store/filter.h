/* SPDX-License-Identifier: Apache-2.0 */
/* The one filter grammar: column(=|!=|~|<|<=|>|>=)value; terms are AND, commas OR; ip=CIDR; last_seen<7d. */
#ifndef MST_STORE_FILTER_H
#define MST_STORE_FILTER_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/id.h"

/* What a filter may name. type: enum muster_field_type. `field` is the document's field ("ports" for column "port"). */
struct mst_column {
	const char *name, *field, *label, *help;
	uint32_t type;
	uint32_t flags;      /* MUSTER_FIELD_DEFAULT, MST_COLUMN_RUN */
	const char *methods; /* shown by default when one of these methods is present; NULL: always per flags */
	const char *values;  /* comma-separated: all that it can hold; NULL: open */
};
/* Holds the uuid of a run; people name runs by number. */
#define MST_COLUMN_RUN (1u << 16)
/* The columns of interfaces in their order (static). */
const struct mst_column *mst_interface_columns(size_t *count);
const struct mst_column *mst_run_columns(size_t *count);
/* NULL and MST_E_USAGE in err, with the nearest, when there is none; `what` is the word before the place in its text. */
const struct mst_column *mst_column_named(const struct mst_column *columns, size_t count, const char *name,
                                          const char *what, struct mst_err *err);
/* Is the column part of a listing by default when these methods have found something? */
bool mst_column_shown(const struct mst_column *column, const char *const *methods, size_t method_count);

/* What the grammar needs to know of the world around a filter. */
struct mst_filter_context {
	int64_t now; /* ms */
	/* The uuid of the run with this number. NULL: only uuids name runs (a rule outlives the store that counts them). */
	int (*run)(void *data, int64_t number, char id[MST_ID_SIZE], struct mst_err *err);
	void *data;
};

/*
 * Terms are separated by blanks; a value may be quoted with "..." (backslash escapes). Relative times: "last_seen<7d" means seen
 * within the last 7 days, "last_seen>30d" longer ago; absolute times compare as they read. "-" or "" as value with = or != means
 * absent. `~` is "contains", without case. MST_E_USAGE with the position, the word and the nearest known column, or with the
 * values that a closed column can hold; also what `run` fails with.
 */
int mst_filter_parse_in(const char *text, const struct mst_column *columns, size_t column_count,
                        const struct mst_filter_context *context, bson_t *out, struct mst_err *err);
/* The same without runs. now: ms. */
int mst_filter_parse(const char *text, const struct mst_column *columns, size_t column_count, int64_t now, bson_t *out,
                     struct mst_err *err);
/* Does `doc` match a store filter? The same semantics as the store's (plugin.h, FILTERS). */
bool mst_filter_match(const bson_t *filter, const bson_t *doc);
/* "-last_seen,ip" -> { last_seen: -1, ip_key: 1 }. */
int mst_sort_parse(const char *text, const struct mst_column *columns, size_t column_count, bson_t *out,
                   struct mst_err *err);

#endif
