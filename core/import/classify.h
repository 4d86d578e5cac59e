/* SPDX-License-Identifier: Apache-2.0 */
/* Labels and the state of an interface. Pure. */
#ifndef MST_IMPORT_CLASSIFY_H
#define MST_IMPORT_CLASSIFY_H

#include <bson/bson.h>
#include <stdbool.h>

#include "import/import.h"

/* From this accuracy on an OS is known well enough to call something unmanageable. */
#define MST_OS_CERTAIN 90

/* What the rules and the labels set by hand say of one interface. Names are borrowed. */
struct mst_labelling {
	const char *labels[64];
	size_t label_count;
	const char *managed, *unmanageable, *ignore, *purge, *notify; /* the label that says so; NULL: none */
};

/* `doc`: the merged view with manual_labels. Rules in their order, then labels set by hand. */
void mst_labels_apply(const struct mst_import_settings *settings, const bson_t *doc, struct mst_labelling *out);

struct mst_class_input {
	bool ignored_by_hand, lost, agent;
	int64_t lost_after;
	const char *os_platform; /* NULL: not known */
};
struct mst_class {
	const char *state; /* managed, unmanaged, unmanageable, ignored, lost */
	char reason[192];
};
/* Ignored, then lost, then managed, then unmanageable, else unmanaged. */
void mst_classify(const struct mst_class_input *input, const struct mst_labelling *labelling, struct mst_class *out);

#endif
