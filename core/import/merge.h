/* SPDX-License-Identifier: Apache-2.0 */
/* The merged view of an interface, computed from all that its sources saw. Newest wins per fact, not per source. */
#ifndef MST_IMPORT_MERGE_H
#define MST_IMPORT_MERGE_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "import/obs.h"

#define MST_MERGED_PORTS_MAX 1000u /* open ports listed; a host with more is a trap */

struct mst_merge_options {
	int64_t lost_after;
	int64_t ip_ttl_ms;
	const char *settle_run; /* not NULL: this run is over, so what it did not see gives way to what it saw */
};

struct mst_merge_result {
	bool unsettled; /* which address is the first one can be told only at the run's end */
	bool lost;      /* every source has missed it lost_after times */
	bool managed;   /* a source that is not lost saw an agent */
	int64_t managed_first, managed_last;
	bool shared_mac;
	bool cut; /* something that a source said was too long and is shown cut */
};

/*
 * Appends the facts of the merged view to `out`: identity, zone, ip, ip_key, ips, nat_ip, mac, vendor, hostname, hostnames,
 * os_platform, os_generation, os_accuracy, os_note, ports, services, distance, methods, profiles, computer_id, first_seen,
 * last_seen, last_discovered. `old`: the interface before (NULL: new). `count` >= 1. Pure.
 * A source that has missed the interface lost_after times no longer counts, unless all have.
 */
int mst_merge(const bson_t *old, struct mst_obs *const *obs, size_t count, const struct mst_merge_options *options,
              bson_t *out, struct mst_merge_result *result, struct mst_err *err);

/* "Windows" -> "windows", "Mac OS X" -> "macos", "IOS" -> "cisco-ios" ...; lower case, blanks as '-'. */
void mst_os_platform(const char *family, char *out, size_t size);
/* "5.X" -> "5.x". */
void mst_os_generation(const char *generation, char *out, size_t size);

/* Appends what changed between two merged views: "address 10.0.0.5 -> 10.0.0.9; ports +8443 -8080"; nothing when nothing
 * that counts did (see mst_fold_facts). */
void mst_merge_changes(const bson_t *old, const bson_t *fresh, struct mst_buf *out);

#endif
