/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the filter grammar share. */
#ifndef MST_STORE_FILTER_INTERNAL_H
#define MST_STORE_FILTER_INTERNAL_H

#include "base/buf.h"
#include "store/filter.h"

enum mst_filter_op { MST_OP_EQ = 1, MST_OP_NE, MST_OP_HAS, MST_OP_LT, MST_OP_LTE, MST_OP_GT, MST_OP_GTE };

/* One term as it was read. Values stand in `values`, each with its NUL, one after the other. */
struct mst_filter_term {
	const struct mst_column *column;
	enum mst_filter_op op;
	struct mst_buf values;
	size_t count;
	size_t position; /* of the first value in the text, from 1, for errors */
	const struct mst_filter_context *context;
};

/* Exact, or the singular of a list column ("port"). NULL: unknown. */
const struct mst_column *mst_column_find(const struct mst_column *columns, size_t count, const char *name,
                                         size_t length);
/* MST_E_USAGE that names the word and the nearest column. */
int mst_column_unknown(const struct mst_column *columns, size_t count, const char *what, size_t position,
                       const char *word, struct mst_err *err);
/* Is this column searched and sorted by another field than the one it shows? ("ip": ip_key) */
const char *mst_column_key(const struct mst_column *column);

/* Appends the store filter of one term to `out`. MST_E_USAGE. */
int mst_filter_term_build(const struct mst_filter_term *term, bson_t *out, struct mst_err *err);
/* Appends the condition of one value of a term whose op is not MST_OP_NE (its caller negates). */
int mst_filter_value_build(const struct mst_filter_term *term, const char *value, bson_t *out, struct mst_err *err);
/* Ports of `values` values, one after the other from `value` on, as one condition. */
int mst_filter_ports_build(const struct mst_filter_term *term, const char *value, size_t values, bson_t *out,
                           struct mst_err *err);
/* Is the value one that the column can hold? Columns that are open, and parts of values (~), take anything. */
int mst_filter_check_value(const struct mst_filter_term *term, const char *value, struct mst_err *err);
/* MST_E_USAGE about a value. */
int mst_filter_bad_value(const struct mst_filter_term *term, const char *value, const char *wanted,
                         struct mst_err *err);
const char *mst_filter_operator(enum mst_filter_op op); /* "$eq", ... */

#endif
