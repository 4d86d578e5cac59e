/* SPDX-License-Identifier: Apache-2.0 */
/* Folding a record into what its source knew before, under the coverage of the record's scope. */
#ifndef MST_IMPORT_FOLD_H
#define MST_IMPORT_FOLD_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/error.h"

/*
 * What the scope of a record looked at. `complete`: the scope ended complete and the record did not time out, so that
 * what it covers and does not report is not there. Otherwise the record adds facts, and takes away only what it says
 * itself: a port that it reports closed or filtered is no longer open.
 */
struct mst_cover {
	uint32_t facts; /* MUSTER_FACT_* */
	bool complete;
	const struct mst_ports *tcp, *udp; /* ports looked at; NULL: none */
};

/*
 * Writes into `out` (initialised by the caller) the document after `record`: `old` (NULL: none) with every fact that the
 * record reports replaced, every fact that is covered and not reported withdrawn, and all others as they were. Values of
 * the wrong type are left out, addresses and MACs made canonical, lists cut at their caps (names 64, further addresses
 * 64, services 1024, scripts 256), a name at 255 bytes, where it gets `cut`. The keys `seen`, `answered`, `timed_out` and those with a leading _ stay outside.
 */
int mst_fold(const bson_t *old, const bson_t *record, const struct mst_cover *cover, bson_t *out, struct mst_err *err);

/*
 * What makes two documents "the same": address, MAC, names, open ports, services, OS platform and generation, and the
 * identities (computer, instance, eni, seen from outside, managed). Never accuracy, uptime, distance or times. Appends
 * one line per fact.
 */
int mst_fold_facts(const bson_t *doc, struct mst_buf *out);

#endif
