/* SPDX-License-Identifier: Apache-2.0 */
/* Listings that are small enough to be held: one description of columns gives table, CSV, JSON, --columns, --sort and --limit. */
#ifndef MST_CLI_LISTING_H
#define MST_CLI_LISTING_H

#include "cli/cli.h"
#include "cli/table.h"

struct mst_list_column {
	const char *name;  /* key of the item, and what --columns and --sort call it */
	const char *title; /* head of the table; NULL: the name */
	unsigned give;     /* as in a table */
	size_t least;
	bool right, shown;
	const char *help;
	/* Appends the cell of a table; NULL: the value as it is. `now`: ms. */
	void (*cell)(struct mst_buf *out, struct json_object *item, int64_t now);
	bool drawn; /* made of other fields: in tables only */
};

struct mst_listing {
	const char *what;                      /* "zone": for texts */
	const struct mst_list_column *columns; /* ended by a NULL name */
	const char *empty;                     /* note when there is nothing; what to type next */
	bool sorted;                           /* the service sorts: --sort is not looked at here */
	bool (*dim)(struct json_object *item); /* rows that are switched off; NULL: none */
	const char *state;                     /* column whose word is coloured; NULL: none */
};

/* Those of the commands of these names. */
extern const struct mst_listing mst_listing_runs, mst_listing_zones, mst_listing_profiles, mst_listing_labels,
        mst_listing_locations, mst_listing_coverage, mst_listing_secrets;

/* Rows for a command's table of options. */
#define MST_LIST_OPTIONS                                                                                               \
	{.name = "columns",                                                                                            \
	 .value = "[A,B]",                                                                                             \
	 .help = "these columns, in this order; without a value: list the columns",                                    \
	 .takes = mst_list_takes},                                                                                     \
	        {.name = "sort",                                                                                       \
	         .value = "COLUMN",                                                                                    \
	         .help = "sort by this column, -COLUMN: descending; several with commas"},                             \
	{                                                                                                              \
		.name = "limit", .value = "N", .help = "at most N rows"                                                \
	}
bool mst_list_takes(const char *next);

/* Is "--columns" without a value given? Then the columns were listed, and *rc says how that went. */
bool mst_list_columns(struct mst_cli *cli, const struct mst_listing *listing, int *rc, struct mst_err *err);
/* Reads all items of `path` and prints them as asked. */
int mst_list_print(struct mst_cli *cli, const struct mst_listing *listing, const char *path, struct mst_err *err);
/* Prints items that are there already, in cli's format. */
int mst_list_items(struct mst_cli *cli, const struct mst_listing *listing, struct json_object *items,
                   struct mst_err *err);
/* The names of --columns, else of all; for CSV. `names` has MST_TABLE_COLUMNS places. MST_E_USAGE names the nearest. */
int mst_list_names(struct mst_cli *cli, const struct mst_listing *listing, const char **names, size_t *count,
                   struct mst_err *err);

#endif
