/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room: what the files that make settings of an outline share. */
#ifndef MST_CONF_LOADER_H
#define MST_CONF_LOADER_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/outline.h"
#include "conf/settings.h"

struct mst_loader {
	struct mst_settings *settings;
	const struct mst_method_def *const *methods;
	size_t method_count;
	struct mst_faults *faults;
	const char *file; /* being read */
	char **notify_names;
	size_t notify_count;
	/* "FILE:LINE" of each profile's zone and of each zone's networks, in their order */
	char **profile_zone_at, **zone_networks_at;
	size_t profile_zone_count, zone_networks_count;
	size_t lost; /* mst_faults_lost when the load began */
	bool no_memory;
};
/* Notes the key in settings->idle when it asks for something that this version does not do. */
void mst_loader_idle(struct mst_loader *loader, const struct mst_outline *item, const char *context,
                     const struct mst_values *values);
/* How many faults of this thread could not be kept for want of memory: a load that lost one must not succeed. */
size_t mst_faults_lost(void);

/* How the values of a key are read and where they go. */
enum mst_key_kind {
	MST_KEY_TEXT = 1, /* char * */
	MST_KEY_DURATION, /* int64_t, ms */
	MST_KEY_RATE,     /* int64_t */
	MST_KEY_RUNS,     /* int64_t: "3 runs" */
	MST_KEY_SWITCH,   /* bool */
	MST_KEY_LIST,     /* char ** and, at count_at, size_t */
	MST_KEY_JOINED,   /* char *: the list joined with commas */
	MST_KEY_NETWORKS, /* struct mst_addr_set */
	MST_KEY_RULES     /* struct mst_rules: adds up, never replaces; count_at 1: never_scan, 0: scan_only */
};
#define MST_KEY_NOWHERE ((size_t)-1) /* `at` of a key that is checked and not kept */

struct mst_key {
	const char *name;
	enum mst_key_kind kind;
	size_t at, count_at;                                  /* offsets in the section's struct */
	int (*check)(const char *value, struct mst_err *err); /* of each value; NULL: any text */
};

/* A section of its own with a key of the same name inside one file is a fault. */
struct mst_section {
	const char *name;
	bool titled;
	void (*read)(struct mst_loader *loader, const struct mst_outline *section);
};

#define MST_KEYS_MAX 32

/* A fault of the file being read. `context`: "" or `zone "hq": `. */
void mst_loader_fault(struct mst_loader *loader, int line, const char *context, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
/* Reads every item of `section` by `keys` (ended by a NULL name) into `base`; sub-sections by `sections` (may be NULL). */
void mst_keys_read(struct mst_loader *loader, const struct mst_key *keys, const struct mst_section *sections,
                   const struct mst_outline *section, void *base, const char *context);
/* "FILE:LINE", allocated. */
char *mst_loader_at(struct mst_loader *loader, int line);
/* Splits an `at`: adds a fault at that place. */
void mst_loader_fault_at(struct mst_loader *loader, const char *at, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* Appends the place of `key` in `section`, or of the section itself, to a list of places. */
void mst_loader_place(struct mst_loader *loader, char ***places, size_t *count, const struct mst_outline *section,
                      const char *key);
/* `items` with room for one more, which is zeroed, at [count]; NULL without memory, and `items` stays as it was. */
void *mst_loader_grow(struct mst_loader *loader, void *items, size_t count, size_t size);
/* False and a fault when there are MST_MAX_CONF_SECTIONS of this kind already. */
bool mst_loader_room(struct mst_loader *loader, size_t count, const struct mst_outline *section);

void mst_top_read(struct mst_loader *loader, const struct mst_outline *file);
void mst_profile_read(struct mst_loader *loader, const struct mst_outline *section);
void mst_profile_free(struct mst_profile *profile);
/* Names a profile's unknown method, or what else `section` may have been meant for. */
const struct mst_method_def *mst_loader_method(const struct mst_loader *loader, const char *name);
/* What holds between sections: zones, labels, names. Also puts in what ships: zone "default", the label rule. */
void mst_cross_check(struct mst_loader *loader);

/* Values of keys; each returns 0 or MST_E_USAGE. */
int mst_check_path(const char *value, struct mst_err *err);
int mst_check_listen(const char *value, struct mst_err *err);
int mst_check_person(const char *value, struct mst_err *err);
int mst_check_provision(const char *value, struct mst_err *err);
int mst_check_interface(const char *value, struct mst_err *err);
int mst_check_address(const char *value, struct mst_err *err);
int mst_check_name(const char *value, struct mst_err *err);
int mst_check_when(const char *value, struct mst_err *err);
int mst_check_action(const char *value, struct mst_err *err);
int mst_check_frequency(const char *value, struct mst_err *err);
int mst_check_interval(const char *value, struct mst_err *err);
int mst_check_webhook(const char *value, struct mst_err *err);
int mst_check_secret(const char *value, struct mst_err *err);
int mst_check_event(const char *value, struct mst_err *err);
int mst_check_window(const char *value, struct mst_err *err);
int mst_check_blackout(const char *value, struct mst_err *err);
int mst_check_label_name(const char *value, struct mst_err *err);

#endif
