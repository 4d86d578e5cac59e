/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outline of a configuration text: its statements and sections with their true lines.
 *
 * libConfuse 3.3 stops at the first fault, miscounts lines of comments and forgets the line of an option once it is
 * parsed. So the text is cut into statements here, and each statement is handed to libConfuse alone (value.c). Comments
 * are gone by then, and "${" is escaped, because libConfuse would put the environment there.
 */
#ifndef MST_CONF_OUTLINE_H
#define MST_CONF_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "conf/settings.h"

struct mst_outline {
	char *key;       /* NULL: the file itself */
	char *title;     /* of a section as written, without quotes; NULL: none */
	char *statement; /* `key = value` for libConfuse; NULL: a section */
	int line;
	int *lines; /* of a statement: the line of each value */
	size_t line_count;
	bool append;               /* += */
	struct mst_outline *items; /* of a section */
	size_t count;
};

/* Line of value n; the statement's own when it has none. */
int mst_outline_line(const struct mst_outline *item, size_t n);
/* Cuts `text`. Faults of the outer grammar are added to `faults`; what could be read is in `out`. Only MST_E_NO_MEMORY fails. */
int mst_outline_read(struct mst_outline *out, const char *file, const char *text, size_t len, struct mst_faults *faults,
                     struct mst_err *err);
void mst_outline_free(struct mst_outline *outline);

/* The value of one statement, read by libConfuse. */
struct mst_values {
	char **items;
	size_t count;
	bool list; /* written in braces */
};
/* MST_E_USAGE: err says what is wrong and never quotes the value, which may be a secret. */
int mst_values_read(struct mst_values *out, const struct mst_outline *item, struct mst_err *err);
void mst_values_free(struct mst_values *values);

#endif
