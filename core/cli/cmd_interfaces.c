/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "cli/filter_words.h"
#include "cli/interfaces.h"

static bool is_column_list(const char *next)
{
	return next[0] != '-' && !mst_filter_is_term(next);
}

static const struct mst_arg_option options[] = {
        {.name = "columns",
         .value = "[A,B]",
         .help = "these columns, in this order; without a value: list the columns",
         .takes = is_column_list},
        {.name = "sort", .value = "COLUMN", .help = "sort by this column, -COLUMN: descending; several with commas"},
        {.name = "limit", .value = "N", .help = "at most N rows; tables stop at 100 without it"},
        {.name = "at",
         .value = "TIME",
         .help = "list, show: as it was then: 2026-03-01 (the end of that day), \"2026-03-01 14:00\", RFC 3339, or 7d ago"},
        {.name = "add", .value = "LABEL", .help = "label: put this label on", .flags = MST_ARG_JOIN},
        {.name = "remove", .value = "LABEL", .help = "label: take this label off", .flags = MST_ARG_JOIN},
        {.name = "undo", .help = "ignore: count them again"},
        {.name = "observation",
         .value = "ID",
         .help = "unmerge: split off only this observation (show prints the ids)"},
        {.name = "dry-run", .help = "label, ignore: only say what would change"},
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "[FILTER...]", "the merged view of all interfaces that match", 0, SIZE_MAX, mst_interfaces_list},
        {"list", "[FILTER...]", "the same", 0, SIZE_MAX, mst_interfaces_list},
        {"show", "ID|IP|MAC|NAME", "one interface: what was merged, and what each source saw", 1, 1,
         mst_interfaces_show},
        {"history", "ID|IP|MAC|NAME", "what changed when, and which run found it", 1, 1, mst_interfaces_history},
        {"columns", "", "all columns, their types, and what they mean", 0, 0, mst_interfaces_columns},
        {"label", "FILTER...", "put labels on or take them off", 1, SIZE_MAX, mst_interfaces_label},
        {"ignore", "FILTER...", "leave them out of the statistics, --undo: count them again", 1, SIZE_MAX,
         mst_interfaces_ignore},
        {"unmerge", "ID", "undo a wrong merge; later imports keep them apart", 1, 1, mst_interfaces_unmerge},
        {0},
};
const struct mst_command mst_command_interfaces = {
        .name = "interfaces",
        .group = "Look",
        .summary = "list, show, label, ignore, unmerge interfaces",
        .example = "muster interfaces state=unmanaged port=22 --sort -first_seen",
        .help = "Filters: column=value, also != ~ (contains) < <= > >=. Terms are joined by and, commas in a value by or.\n"
                "ip=10.1.0.0/16, 'last_seen<7d' (within the last 7 days), label=Printers, created_run=7, mac=- (none known).\n"
                "--at shows the facts of an earlier time under the label rules of today, as far as they are kept (retention).\n"
                "Tables show 100 rows and fit the terminal; --csv, --json and --ndjson are always whole, with times in UTC.",
        .verbs = verbs,
        .options = options,
};
