/* SPDX-License-Identifier: Apache-2.0 */
/* The command line's words and options, read against tables that may grow while reading (a method brings its own). */
#ifndef MST_CLI_ARGS_H
#define MST_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define MST_ARGS_MAX_TABLES 4
#define MST_ARGS_MAX_GIVEN  256

#define MST_ARG_JOIN 1u /* given twice: the values are joined by commas; without it the last one counts */

/* One option. Tables end with a row whose name is NULL. */
struct mst_arg_option {
	const char *name;  /* "dry-run" for --dry-run */
	const char *value; /* "FILE": a value is needed; "[LIST]": it may have one; NULL: a switch */
	const char *help;
	unsigned flags;
	char letter;                     /* 'q' for -q; 0: none */
	bool (*takes)(const char *next); /* "[...]" only: is the next word its value? */
	bool negatable;                  /* --no-NAME gives the value "off" */
};

struct mst_arg_given {
	const struct mst_arg_option *option;
	char *text; /* owned; "" for a switch or an optional value that is not there */
};

struct mst_args {
	const struct mst_arg_option *tables[MST_ARGS_MAX_TABLES];
	size_t table_count;
	const char **words; /* borrowed from argv */
	size_t word_count;
	struct mst_arg_given *given;
	size_t given_count;
	/* Called with each word before it is added; may add a table. */
	int (*on_word)(void *data, struct mst_args *args, const char *word, struct mst_err *err);
	void *data;
};

void mst_args_init(struct mst_args *args);
void mst_args_free(struct mst_args *args);
/* `table` is borrowed until mst_args_free. Earlier tables win over later ones. */
int mst_args_add_table(struct mst_args *args, const struct mst_arg_option *table, struct mst_err *err);
/* argv[0] is the first word. "--" ends the options; "-" is a word. MST_E_USAGE names the option and the nearest known one. */
int mst_args_parse(struct mst_args *args, int argc, char **argv, struct mst_err *err);
/* The value of a given option, "" for a switch; NULL when it was not given. */
const char *mst_args_get(const struct mst_args *args, const char *name);
bool mst_args_has(const struct mst_args *args, const char *name);
/* Is `next` one of on, off, yes, no, true, false, 0, 1? */
bool mst_args_is_switch_word(const char *next);

#endif
