/* SPDX-License-Identifier: Apache-2.0 */
/* The target grammar: CIDR, ranges, addresses and host names (RFC 1123), comma-separated. Nothing else, ever: no
 * leading '-', no blanks inside an item, no control bytes, at most 253 characters an item. */
#ifndef MST_CONF_TARGET_H
#define MST_CONF_TARGET_H

#include "base/addr.h"
#include "base/error.h"

struct mst_target_list {
	struct mst_addr_set addresses; /* all numeric items, merged */
	char **names;                  /* host names in order, without duplicates (case folded) */
	size_t name_count;
};

/* MST_E_USAGE names the bad item and what would be right ("0.0.0.0/0" is refused: larger than a /8 of IPv4 or a /96 of IPv6). */
int mst_target_parse(const char *text, struct mst_target_list *out, struct mst_err *err);
void mst_target_free(struct mst_target_list *list);

/* One entry of never_scan or scan_only, with where it stands. */
struct mst_rule {
	char *text; /* as written */
	char *at;   /* "/etc/muster/muster.conf:5" */
	struct mst_addr_set addresses;
};
struct mst_rules {
	struct mst_rule *never, *only;
	size_t never_count, only_count;
};
void mst_rules_free(struct mst_rules *rules);
int mst_rules_add(struct mst_rules *rules, bool never, const char *text, const char *at, struct mst_err *err);

/* Called once per rule that took addresses away: rule NULL means "outside every scan_only entry". */
typedef void (*mst_refused_fn)(void *data, const struct mst_rule *rule, const struct mst_addr_set *taken);
/* Cuts `set` down to what the rules allow. */
int mst_rules_apply(const struct mst_rules *rules, struct mst_addr_set *set, mst_refused_fn fn, void *data,
                    struct mst_err *err);

#endif
