/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `muster interfaces` share. */
#ifndef MST_CLI_INTERFACES_H
#define MST_CLI_INTERFACES_H

#include "cli/cli.h"
#include "cli/table.h"

struct mst_column_view;
struct mst_views {
	struct json_object *columns; /* answer of /v1/columns, owned */
	struct json_object *runs;    /* number by uuid, when a column of runs is shown; owned */
	const struct mst_column_view **items;
	const char **names; /* API names, borrowed from columns */
	const char **labels;
	size_t count;
	bool composite; /* default view: OS, NAME and others are drawn from several fields */
	bool guesses;   /* a "?" was drawn */
};

/* interfaces_view.c: which columns, and how a document becomes a row. `list` as given to --columns, NULL: the default. */
int mst_views_load(struct mst_cli *cli, const char *list, bool all, struct mst_views *views, struct mst_err *err);
void mst_views_free(struct mst_views *views);
void mst_views_head(const struct mst_views *views, struct mst_table *table);
void mst_views_row(struct mst_views *views, struct json_object *item, int64_t now, struct mst_table *table);
/* Appends platform and generation, " ?" for a guess below 90 %. */
bool mst_views_os(struct mst_buf *out, struct json_object *item);

/* Lists names, types and help of all columns. */
int mst_interfaces_columns(struct mst_cli *cli, struct mst_err *err);
int mst_interfaces_list(struct mst_cli *cli, struct mst_err *err);
int mst_interfaces_show(struct mst_cli *cli, struct mst_err *err);
int mst_interfaces_history(struct mst_cli *cli, struct mst_err *err);
/* The time of --at in ms; 0: it is not given. */
int mst_interfaces_at(struct mst_cli *cli, int64_t *at, struct mst_err *err);
int mst_interfaces_unmerge(struct mst_cli *cli, struct mst_err *err);
int mst_interfaces_label(struct mst_cli *cli, struct mst_err *err);
int mst_interfaces_ignore(struct mst_cli *cli, struct mst_err *err);

#endif
