/* SPDX-License-Identifier: Apache-2.0 */
/* never_scan and scan_only: what no profile and no command can override. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "conf/target.h"
#include "conf/word.h"

static void rule_free(struct mst_rule *rule)
{
	free(rule->text);
	free(rule->at);
	mst_addr_set_free(&rule->addresses);
}

void mst_rules_free(struct mst_rules *rules)
{
	for (size_t i = 0; i < rules->never_count; i++)
		rule_free(&rules->never[i]);
	for (size_t i = 0; i < rules->only_count; i++)
		rule_free(&rules->only[i]);
	free(rules->never);
	free(rules->only);
	memset(rules, 0, sizeof(*rules));
}

static int bad_entry(const char *text, struct mst_err *err)
{
	char shown[MST_SHOWN];

	mst_conf_show(text, shown);
	return mst_err_set(err, MST_E_USAGE,
	                   "\"%s\" is not an address, network or range: write 10.0.0.1, 10.0.0.0/24, 10.0.0.1-9 or "
	                   "2001:db8::/64 (no host names: what they resolve to may change)",
	                   shown);
}

static int rule_init(struct mst_rule *rule, const char *text, const char *at, struct mst_err *err)
{
	int status;

	memset(rule, 0, sizeof(*rule));
	mst_addr_set_init(&rule->addresses);
	status = mst_addr_set_parse(&rule->addresses, text, NULL);
	if (status == MST_E_USAGE || (status == MST_OK && rule->addresses.count == 0))
		status = bad_entry(text, err);
	rule->text = mst_str_dup(text);
	rule->at = mst_str_dup(at);
	if (status == MST_OK && rule->text != NULL && rule->at != NULL)
		return MST_OK;
	rule_free(rule);
	return status == MST_E_USAGE ? status : mst_err_no_memory(err);
}

int mst_rules_add(struct mst_rules *rules, bool never, const char *text, const char *at, struct mst_err *err)
{
	size_t count = never ? rules->never_count : rules->only_count;
	struct mst_rule *list, rule;
	int status = rule_init(&rule, text, at, err);

	if (status != MST_OK)
		return status;
	list = reallocarray(never ? rules->never : rules->only, count + 1, sizeof(*list));
	if (list == NULL) {
		rule_free(&rule);
		return mst_err_no_memory(err);
	}
	list[count] = rule;
	if (never) {
		rules->never = list;
		rules->never_count++;
	} else {
		rules->only = list;
		rules->only_count++;
	}
	return MST_OK;
}

/* What `set` has in common with `other`. */
static int common(const struct mst_addr_set *set, const struct mst_addr_set *other, struct mst_addr_set *out)
{
	mst_addr_set_init(out);
	if (mst_addr_set_copy(out, set) == MST_OK && mst_addr_set_intersect(out, other) == MST_OK)
		return MST_OK;
	mst_addr_set_free(out);
	return MST_E_NO_MEMORY;
}

static bool touches(const struct mst_rule *rule, const struct mst_addr_set *set)
{
	for (size_t i = 0; i < rule->addresses.count; i++) {
		if (mst_addr_set_overlaps(set, &rule->addresses.ranges[i]))
			return true;
	}
	return false;
}

static int apply_never(const struct mst_rule *rule, struct mst_addr_set *set, mst_refused_fn fn, void *data)
{
	struct mst_addr_set taken;
	int status;

	/* most rules touch nothing, and copying a large set for each of them takes its time */
	if (!touches(rule, set))
		return MST_OK;
	status = common(set, &rule->addresses, &taken);
	if (status != MST_OK)
		return status;
	if (taken.count > 0) {
		status = mst_addr_set_subtract(set, &taken);
		if (status == MST_OK && fn != NULL)
			fn(data, rule, &taken);
	}
	mst_addr_set_free(&taken);
	return status;
}

static int unite(const struct mst_rules *rules, struct mst_addr_set *out)
{
	mst_addr_set_init(out);
	for (size_t i = 0; i < rules->only_count; i++) {
		const struct mst_addr_set *part = &rules->only[i].addresses;

		for (size_t j = 0; j < part->count; j++) {
			if (mst_addr_set_add(out, &part->ranges[j]) != MST_OK)
				return MST_E_NO_MEMORY;
		}
	}
	return MST_OK;
}

static int apply_only(const struct mst_rules *rules, struct mst_addr_set *set, mst_refused_fn fn, void *data)
{
	struct mst_addr_set allowed, taken;
	int status = unite(rules, &allowed);

	mst_addr_set_init(&taken);
	if (status == MST_OK)
		status = mst_addr_set_copy(&taken, set);
	if (status == MST_OK)
		status = mst_addr_set_subtract(&taken, &allowed);
	if (status == MST_OK && taken.count > 0) {
		status = mst_addr_set_intersect(set, &allowed);
		if (status == MST_OK && fn != NULL)
			fn(data, NULL, &taken);
	}
	mst_addr_set_free(&taken);
	mst_addr_set_free(&allowed);
	return status;
}

int mst_rules_apply(const struct mst_rules *rules, struct mst_addr_set *set, mst_refused_fn fn, void *data,
                    struct mst_err *err)
{
	int status = MST_OK;

	for (size_t i = 0; status == MST_OK && i < rules->never_count; i++)
		status = apply_never(&rules->never[i], set, fn, data);
	if (status == MST_OK && rules->only_count > 0)
		status = apply_only(rules, set, fn, data);
	return status == MST_OK ? MST_OK : mst_err_no_memory(err);
}
