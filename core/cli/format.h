/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, sizes and times as a person reads them. */
#ifndef MST_CLI_FORMAT_H
#define MST_CLI_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "cli/table.h"

#define MST_FORMAT_SIZE 48 /* enough for all of these */

/* "1 204": digits in groups of three. */
const char *mst_format_number(int64_t number, char out[MST_FORMAT_SIZE]);
/* "512 B", "31 MB", "9.4 GB": decimal units, two digits. */
const char *mst_format_bytes(int64_t bytes, char out[MST_FORMAT_SIZE]);
/* "1:04", "2:03:59": a running clock. */
const char *mst_format_clock(int64_t ms, char out[MST_FORMAT_SIZE]);
/* "20 s", "2 min", "3 h", "12 d": rounded. */
const char *mst_format_about(int64_t ms, char out[MST_FORMAT_SIZE]);
/* "2026-11-22 20:00:00" local, "" for 0. */
const char *mst_format_time(int64_t ms, char out[MST_FORMAT_SIZE]);
/* "2h" ago, "" for 0. */
const char *mst_format_ago(int64_t ms, int64_t now, char out[MST_FORMAT_SIZE]);
/* Colour of a state or outcome word; MST_STYLE_NONE for others. */
enum mst_style mst_format_state_style(const char *word);

#endif
