/* SPDX-License-Identifier: Apache-2.0 */
/* What the installation's rules and the scope's own form allow. */
#include <muster/plugin.h>

#include "base/addr.h"
#include "base/limits.h"
#include "plugin/host_internal.h"

struct breach {
	bool found;
	const struct mst_rule *rule;
	struct mst_addr_set taken;
	int status;
};

static void on_refused(void *data, const struct mst_rule *rule, const struct mst_addr_set *taken)
{
	struct breach *breach = data;
	if (breach->found)
		return;
	breach->found = true;
	breach->rule = rule;
	breach->status = mst_addr_set_copy(&breach->taken, taken);
}

static int describe(const struct breach *breach, struct mst_err *err)
{
	struct mst_buf text;
	mst_buf_init(&text, MST_MAX_SCOPE_TEXT);
	if (breach->status == MST_OK)
		mst_addr_set_text(&breach->taken, &text);
	int status;
	if (breach->rule)
		status = mst_err_set(err, MST_E_REFUSED,
		                     "the scope holds %.200s, which never_scan forbids (%.100s, %.200s)",
		                     mst_buf_text(&text), breach->rule->text, breach->rule->at);
	else
		status = mst_err_set(err, MST_E_REFUSED,
		                     "the scope holds %.200s, which is outside every scan_only entry",
		                     mst_buf_text(&text));
	mst_buf_free(&text);
	return status;
}

int host_within_rules(const struct mst_rules *rules, const struct mst_addr_set *set, struct mst_err *err)
{
	struct mst_addr_set rest;
	struct breach breach = {0};
	if (!rules)
		return MST_OK;
	mst_addr_set_init(&rest);
	mst_addr_set_init(&breach.taken);
	int status = mst_addr_set_copy(&rest, set);
	if (status != MST_OK)
		mst_err_no_memory(err);
	else
		status = mst_rules_apply(rules, &rest, on_refused, &breach, err);
	if (status == MST_OK && breach.found)
		status = describe(&breach, err);
	mst_addr_set_free(&rest);
	mst_addr_set_free(&breach.taken);
	return status;
}

int host_scope_make(const struct muster_scope *in, struct mst_scope *out, struct mst_err *err)
{
	struct muster_scope copy;
	host_copy_struct(&copy, sizeof copy, in, in->size);
	/* Borrowed text: mst_scope_copy only reads it. */
	struct mst_scope view = {
	        .facts = copy.facts,
	        .addresses = (char *)(uintptr_t)copy.addresses,
	        .tcp_ports = (char *)(uintptr_t)copy.tcp_ports,
	        .udp_ports = (char *)(uintptr_t)copy.udp_ports,
	        .namespace_key = (char *)(uintptr_t)copy.namespace_key,
	};
	int status = mst_scope_copy(out, &view, err);
	if (status == MST_OK)
		status = mst_scope_check(out, err);
	if (status != MST_OK)
		mst_scope_free(out);
	return status;
}
