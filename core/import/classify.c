/* SPDX-License-Identifier: Apache-2.0 */
#include "import/classify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "import/doc.h"
#include "store/filter.h"

#define LABELS_MAX (sizeof((struct mst_labelling *)0)->labels / sizeof(char *))

static void add_label(struct mst_labelling *out, const char *name)
{
	for (size_t i = 0; i < out->label_count; i++)
		if (strcmp(out->labels[i], name) == 0)
			return;
	if (out->label_count < LABELS_MAX)
		out->labels[out->label_count++] = name;
}

static void act(struct mst_labelling *out, const struct mst_import_rule *rule)
{
	const char **slots[] = {[MST_ACTION_IGNORE] = &out->ignore,
	                        [MST_ACTION_UNMANAGEABLE] = &out->unmanageable,
	                        [MST_ACTION_MANAGED] = &out->managed,
	                        [MST_ACTION_NOTIFY] = &out->notify,
	                        [MST_ACTION_PURGE] = &out->purge};
	if (rule->action > MST_ACTION_LABEL && rule->action <= MST_ACTION_PURGE && !*slots[rule->action])
		*slots[rule->action] = rule->name;
}

/* A guess is no ground to call something unmanageable, and neither is knowing nothing. */
static bool is_certain(const struct mst_import_rule *rule, const bson_t *doc)
{
	if (rule->action != MST_ACTION_UNMANAGEABLE || !strstr(rule->when, "os_"))
		return true;
	return mst_doc_text(doc, "os_platform") && mst_doc_int(doc, "os_accuracy", 0) >= MST_OS_CERTAIN;
}

void mst_labels_apply(const struct mst_import_settings *settings, const bson_t *doc, struct mst_labelling *out)
{
	bson_t manual;
	bson_iter_t iter;
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < settings->rule_count; i++) {
		const struct mst_import_rule *rule = &settings->rules[i];
		if (bson_empty(&rule->filter) || !mst_filter_match(&rule->filter, doc) || !is_certain(rule, doc))
			continue;
		add_label(out, rule->name);
		act(out, rule);
	}
	if (!mst_doc_array(doc, "manual_labels", &manual) || !bson_iter_init(&iter, &manual))
		return;
	while (bson_iter_next(&iter)) {
		if (!BSON_ITER_HOLDS_UTF8(&iter))
			continue;
		const char *name = bson_iter_utf8(&iter, NULL);
		add_label(out, name);
		for (size_t i = 0; i < settings->rule_count; i++)
			if (strcmp(settings->rules[i].name, name) == 0)
				act(out, &settings->rules[i]);
	}
}

void mst_classify(const struct mst_class_input *input, const struct mst_labelling *labelling, struct mst_class *out)
{
	out->reason[0] = '\0';
	if (input->ignored_by_hand || labelling->ignore) {
		out->state = "ignored";
		if (input->ignored_by_hand)
			snprintf(out->reason, sizeof out->reason, "ignored by hand");
		else
			snprintf(out->reason, sizeof out->reason, "label %s", labelling->ignore);
	} else if (input->lost) {
		out->state = "lost";
		snprintf(out->reason, sizeof out->reason, "%" PRId64 " complete runs without it", input->lost_after);
	} else if (input->agent || labelling->managed) {
		out->state = "managed";
		if (input->agent)
			snprintf(out->reason, sizeof out->reason, "a management agent was seen on it");
		else
			snprintf(out->reason, sizeof out->reason, "label %s", labelling->managed);
	} else if (labelling->unmanageable) {
		out->state = "unmanageable";
		if (input->os_platform)
			snprintf(out->reason, sizeof out->reason, "label %s (%.60s)", labelling->unmanageable,
			         input->os_platform);
		else
			snprintf(out->reason, sizeof out->reason, "label %s", labelling->unmanageable);
	} else {
		out->state = "unmanaged";
	}
}
