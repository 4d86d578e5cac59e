/* SPDX-License-Identifier: Apache-2.0 */
/* An interface's document: merged facts, what an operator said, labels, state, place, and what changed. */
#include <string.h>

#include "import/classify.h"
#include "import/doc.h"
#include "import/merge.h"
#include "import/room.h"

#define CHANGE_MAX 2000u

static void add_labels(const struct mst_labelling *labelling, bson_t *out)
{
	bson_t array = BSON_INITIALIZER;
	uint32_t index = 0;
	for (size_t i = 0; i < labelling->label_count; i++)
		mst_doc_push_text(&array, &index, labelling->labels[i]);
	if (index > 0)
		bson_append_array(out, "labels", -1, &array);
	bson_destroy(&array);
}

static void add_note(const struct mst_merge_result *merged, const struct mst_labelling *labelling, const bson_t *facts,
                     bson_t *out)
{
	struct mst_buf note;
	bson_t ports;
	mst_buf_init(&note, 512);
	if (merged->shared_mac)
		mst_buf_str(&note, "shared MAC");
	if (mst_doc_array(facts, "ports", &ports) && bson_count_keys(&ports) >= MST_MERGED_PORTS_MAX)
		mst_buf_printf(&note, "%smore than %u open ports", note.len ? "; " : "", MST_MERGED_PORTS_MAX);
	if (mst_doc_text(out, "block_answer"))
		mst_buf_printf(&note, "%s%s answers as one", note.len ? "; " : "", mst_doc_text(out, "block_answer"));
	if (merged->cut)
		mst_buf_printf(&note, "%scut", note.len ? "; " : "");
	if (labelling->notify)
		mst_buf_printf(&note, "%snotify: %s", note.len ? "; " : "", labelling->notify);
	mst_doc_add_text(out, "note", mst_buf_text(&note));
	mst_buf_free(&note);
}

/* What stays with the interface whatever its sources say. */
static int add_kept(struct mst_work *work, const struct mst_iface *iface, bson_t *out, struct mst_err *err)
{
	static const char *const kept[] = {"number", "created", "created_run", "block_answer"};
	mst_doc_add_text(out, "_id", iface->id);
	mst_doc_copy(out, mst_iface_given(iface), "manual_labels");
	mst_doc_copy(out, mst_iface_given(iface), "ignored");
	for (size_t i = 0; iface->stored && i < sizeof kept / sizeof kept[0]; i++)
		mst_doc_copy(out, &iface->doc, kept[i]);
	if (iface->stored && !bson_has_field(out, "block_answer"))
		mst_doc_add_text(out, "block_answer", iface->block_answer);
	if (iface->stored)
		return 0;
	int64_t number = 0;
	int code = mst_import_number(work->import, work->numbers_wanted--, &number, err);
	if (code != 0)
		return code;
	mst_doc_add_int(out, "number", number);
	mst_doc_add_int(out, "created", work->now);
	mst_doc_add_text(out, "created_run", work->run);
	return 0;
}

static void add_managed(const struct mst_iface *iface, const struct mst_merge_result *merged, bool managed,
                        int64_t last_seen, bson_t *out)
{
	int64_t first = mst_doc_int(&iface->doc, "first_managed", 0),
	        last = mst_doc_int(&iface->doc, "last_managed", 0);
	int64_t now_first = merged->managed_first ? merged->managed_first : last_seen;
	int64_t now_last = merged->managed_last ? merged->managed_last : last_seen;
	if (managed || merged->managed_first) {
		first = first == 0 || now_first < first ? now_first : first;
		last = now_last > last ? now_last : last;
	}
	if (first > 0)
		mst_doc_add_int(out, "first_managed", first);
	if (last > 0)
		mst_doc_add_int(out, "last_managed", last);
}

static bool is_state(const bson_t *doc, const char *word)
{
	const char *state = mst_doc_text(doc, "state");
	return state && strcmp(state, word) == 0;
}

/* change, changed_run, lost_run, updated. A second change in one run is added to the first. */
static void add_history(struct mst_work *work, const struct mst_iface *iface, bson_t *out)
{
	struct mst_buf change;
	const char *old_run = mst_doc_text(&iface->doc, "changed_run"),
	           *created = mst_doc_text(&iface->doc, "created_run");
	const char *old_change = mst_doc_text(&iface->doc, "change");
	bool was_lost = is_state(&iface->doc, "lost"), is_lost = is_state(out, "lost");
	mst_buf_init(&change, CHANGE_MAX);
	if (iface->stored) {
		if (was_lost && !is_lost)
			mst_buf_str(&change, "back");
		mst_merge_changes(&iface->doc, out, &change);
	}
	if (change.len > 0 && work->run[0] && (!created || strcmp(created, work->run) != 0)) {
		struct mst_buf all;
		mst_buf_init(&all, CHANGE_MAX);
		if (old_change && old_run && strcmp(old_run, work->run) == 0)
			mst_buf_printf(&all, "%s; ", old_change);
		mst_buf_str(&all, mst_buf_text(&change));
		mst_doc_add_text(out, "changed_run", work->run);
		mst_doc_add_text(out, "change", mst_buf_text(&all));
		mst_buf_free(&all);
	} else {
		mst_doc_add_text(out, "changed_run", old_run);
		mst_doc_add_text(out, "change", old_change);
	}
	if (is_lost)
		mst_doc_add_text(out, "lost_run", was_lost ? mst_doc_text(&iface->doc, "lost_run") : work->run);
	mst_buf_free(&change);
}

static void add_updated(struct mst_work *work, const struct mst_iface *iface, bson_t *out)
{
	bson_t update = BSON_INITIALIZER, old = BSON_INITIALIZER;
	if (!iface->stored) {
		mst_doc_add_int(out, "updated", work->now);
		return;
	}
	bson_copy_to_excluding_noinit(&iface->doc, &old, "updated", "last_seen", "last_discovered", "last_managed",
	                              NULL);
	bson_t fresh = BSON_INITIALIZER;
	bson_copy_to_excluding_noinit(out, &fresh, "last_seen", "last_discovered", "last_managed", NULL);
	/* Being seen again is no update. */
	if (mst_doc_difference(&old, &fresh, &update))
		mst_doc_add_int(out, "updated", work->now);
	else
		mst_doc_copy(out, &iface->doc, "updated");
	bson_destroy(&update);
	bson_destroy(&old);
	bson_destroy(&fresh);
}

static void finish_doc(struct mst_work *work, const struct mst_iface *iface, const bson_t *facts,
                       const struct mst_merge_result *merged, const struct mst_labelling *labelling, bson_t *out)
{
	const struct mst_import_settings *settings = work->import->settings;
	struct mst_class_input input = {mst_doc_bool(mst_iface_given(iface), "ignored"), merged->lost, merged->managed,
	                                settings->lost_after, mst_doc_text(facts, "os_platform")};
	struct mst_class state;
	mst_classify(&input, labelling, &state);
	bool managed = strcmp(state.state, "managed") == 0;
	mst_doc_add_text(out, "state", state.state);
	mst_doc_add_text(out, "state_reason", state.reason);
	/* Shown as a guess of a scanner, it would contradict what the agent knows; the observation keeps it. */
	bson_copy_to_excluding_noinit(facts, out, managed ? "os_generation" : "", NULL);
	add_managed(iface, merged, managed, mst_doc_int(facts, "last_seen", 0), out);
	add_labels(labelling, out);
	const struct mst_location *location =
	        mst_locations_find(&work->import->locations, mst_doc_text(facts, "ip"), mst_doc_text(facts, "nat_ip"));
	if (location)
		mst_doc_add_text(out, "location", location->text);
	add_note(merged, labelling, facts, out);
	if (merged->unsettled)
		mst_doc_add_text(out, "unsettled_run", work->run);
	add_history(work, iface, out);
	add_updated(work, iface, out);
}

int mst_iface_build(struct mst_work *work, struct mst_iface *iface, bson_t *out, bool *purge, struct mst_err *err)
{
	const struct mst_import_settings *settings = work->import->settings;
	struct mst_merge_options options = {settings->lost_after, settings->ip_identity_ttl_ms, work->settle_run};
	struct mst_merge_result merged;
	struct mst_labelling labelling;
	bson_t facts = BSON_INITIALIZER, view = BSON_INITIALIZER;
	int code = mst_merge(iface->stored ? &iface->doc : NULL, iface->obs, iface->obs_count, &options, &facts,
	                     &merged, err);
	if (code == 0) {
		bson_concat(&view, &facts);
		mst_doc_copy(&view, mst_iface_given(iface), "manual_labels");
		mst_labels_apply(settings, &view, &labelling);
		/* Removing under the hands of a running import would bring it back at the next record. */
		*purge = labelling.purge != NULL && work->settle_run != NULL;
		code = add_kept(work, iface, out, err);
	}
	if (code == 0)
		finish_doc(work, iface, &facts, &merged, &labelling, out);
	bson_destroy(&facts);
	bson_destroy(&view);
	return code;
}
