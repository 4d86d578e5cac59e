/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables and checked values: the same rows drive files, command line, API and help. */
#ifndef MST_CONF_OPTION_H
#define MST_CONF_OPTION_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* One row; as struct muster_option in muster/plugin.h, owned by its table. Types and flags have the same values. */
struct mst_option_def {
	char *name, *default_value, *help, *choices, *limited_by;
	uint32_t type, flags;
	int64_t minimum, maximum;
};

/* What core knows of a method: from a manifest. Owned by the manifest. */
struct mst_method_def {
	char *name, *summary, *plugin; /* plugin: its name; "" when unknown */
	uint64_t wants;
	struct mst_option_def *options;
	size_t option_count;
};

struct mst_option_value {
	const struct mst_option_def *def; /* borrowed */
	char *text; /* checked, as written (PORTS and ADDRESSES without blanks); NULL: unset (the default applies) */
	int64_t number; /* base units; of the default when unset */
};

struct mst_option_set {
	const struct mst_method_def *method; /* borrowed, outlives the set */
	struct mst_option_value *values;     /* one per row */
	size_t count;
};

int mst_option_set_init(struct mst_option_set *set, const struct mst_method_def *method, struct mst_err *err);
void mst_option_set_free(struct mst_option_set *set);
/* Checks `text` against the row. Unknown name: MST_E_USAGE with the nearest known one. TARGETS are checked by grammar. */
int mst_option_set_put(struct mst_option_set *set, const char *name, const char *text, struct mst_err *err);
/* After all puts: required ones set, TARGETS within their limited_by option (distinct numeric addresses, before exclusions). */
int mst_option_set_check(const struct mst_option_set *set, struct mst_err *err);
/* Text or the default's text or NULL; number or the default's number or 0. */
const char *mst_option_set_text(const struct mst_option_set *set, const char *name);
int64_t mst_option_set_number(const struct mst_option_set *set, const char *name);
bool mst_option_set_is_set(const struct mst_option_set *set, const char *name);
/* { name: text } of what was set; caller puts it. */
struct json_object *mst_option_set_json(const struct mst_option_set *set);
int mst_option_set_from_json(struct mst_option_set *set, struct json_object *object, struct mst_err *err);
/* Checks one value alone and gives its base-unit number (0 for texts). */
int mst_option_check_value(const struct mst_option_def *def, const char *text, int64_t *number, struct mst_err *err);
/* As mst_option_set_check, but tells every fault: `def` is the row that is at fault, `text` the fault, both borrowed.
 * Returns the number of faults, or MST_E_NO_MEMORY. */
typedef void (*mst_option_fault_fn)(void *data, const struct mst_option_def *def, const char *text);
int mst_option_set_check_each(const struct mst_option_set *set, mst_option_fault_fn fn, void *data);
/* Row by name, borrowed; NULL when the method has none. */
const struct mst_option_def *mst_option_find(const struct mst_method_def *method, const char *name);
/* "6h", "192.0.2.0/24": a short word for the type's grammar, for help. Static. */
const char *mst_option_type_word(uint32_t type);

#endif
