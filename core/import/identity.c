/* SPDX-License-Identifier: Apache-2.0 */
#include "import/identity.h"

#include <string.h>

/* Older first, so that the interface that people know stays; ids are ascending in time and break ties. */
static bool is_older(const struct mst_candidate *a, const struct mst_candidate *b)
{
	if (a->created != b->created)
		return a->created < b->created;
	return strcmp(a->id, b->id) < 0;
}

struct choice {
	const struct mst_keys *keys;
	const struct mst_candidate *candidates;
	size_t count;
	mst_never_fn never;
	void *data;
	int home; /* index of the current interface, -1 */
};

/* An observation that an unmerge split off must not be led back. */
static bool is_allowed(const struct choice *choice, size_t i)
{
	const struct mst_candidate *candidate = &choice->candidates[i];
	if (mst_keys_conflict(choice->keys, &candidate->keys))
		return false;
	return choice->home < 0 || choice->home == (int)i ||
	       !choice->never(choice->data, choice->candidates[choice->home].id, candidate->id);
}

static int best_strong(const struct choice *choice)
{
	int best = -1;
	for (size_t i = 0; i < choice->count; i++)
		if (choice->candidates[i].kind < MST_KEY_STRONG && is_allowed(choice, i) &&
		    (best < 0 || is_older(&choice->candidates[i], &choice->candidates[best])))
			best = (int)i;
	return best;
}

static const char *mac_of(const struct mst_keys *keys)
{
	const char *key = mst_keys_find(keys, MST_KEY_MAC);
	if (!key)
		key = mst_keys_find(keys, MST_KEY_LOCAL_MAC);
	/* mac:ZONE:MAC, and a zone may hold colons. */
	return key && strlen(key) > MST_MAC_SIZE - 1 ? key + strlen(key) - (MST_MAC_SIZE - 1) : NULL;
}

static bool macs_differ(const struct mst_keys *a, const struct mst_keys *b)
{
	const char *left = mac_of(a), *right = mac_of(b);
	return left && right && strcmp(left, right) != 0;
}

/* A local MAC says more than an address; home comes before strangers of the same rank. */
static int best_weak(const struct choice *choice)
{
	int best = -1;
	for (size_t i = 0; i < choice->count; i++) {
		const struct mst_candidate *candidate = &choice->candidates[i];
		bool usable =
		        candidate->kind == MST_KEY_LOCAL_MAC || (candidate->kind == MST_KEY_IP && candidate->fresh &&
		                                                 !macs_differ(choice->keys, &candidate->keys));
		if (!usable || !is_allowed(choice, i))
			continue;
		if (best < 0 || candidate->kind < choice->candidates[best].kind ||
		    (candidate->kind == choice->candidates[best].kind && candidate->current &&
		     !choice->candidates[best].current))
			best = (int)i;
	}
	return best;
}

static bool fits_all(const struct choice *choice, const struct mst_decision *decision, size_t i)
{
	const struct mst_candidate *candidates = choice->candidates, *other = &candidates[decision->target];
	if (mst_keys_conflict(&candidates[i].keys, &other->keys) ||
	    choice->never(choice->data, candidates[i].id, other->id))
		return false;
	for (size_t m = 0; m < decision->merge_count; m++) {
		other = &candidates[decision->merges[m]];
		if (mst_keys_conflict(&candidates[i].keys, &other->keys) ||
		    choice->never(choice->data, candidates[i].id, other->id))
			return false;
	}
	return true;
}

void mst_identity_decide(const struct mst_keys *keys, const struct mst_candidate *candidates, size_t count,
                         mst_never_fn never, void *data, struct mst_decision *out)
{
	struct choice choice = {keys, candidates, count, never, data, -1};
	out->merge_count = 0;
	for (size_t i = 0; i < count; i++)
		if (candidates[i].current)
			choice.home = (int)i;
	out->target = best_strong(&choice);
	if (out->target < 0) {
		out->target = best_weak(&choice);
		return;
	}
	for (size_t i = 0; i < count; i++)
		if ((int)i != out->target && candidates[i].kind < MST_KEY_STRONG && is_allowed(&choice, i) &&
		    fits_all(&choice, out, i))
			out->merges[out->merge_count++] = (int)i;
}
