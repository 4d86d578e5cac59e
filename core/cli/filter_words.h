/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the command line as one filter text. */
#ifndef MST_CLI_FILTER_WORDS_H
#define MST_CLI_FILTER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* Has the word the look of a term, column(=|!=|~|<|<=|>|>=)value? */
bool mst_filter_is_term(const char *word);
/* Joins words by blanks. A value that holds blanks and no quotes is quoted, so that 'vendor=Big Corp' is one term.
 * MST_E_USAGE for a word that is no term. Appends to `out`. */
int mst_filter_from_words(const char *const *words, size_t count, struct mst_buf *out, struct mst_err *err);

#endif
