/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration, checked: libConfuse in, plain structs out. */
#ifndef MST_CONF_SETTINGS_H
#define MST_CONF_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/error.h"
#include "conf/option.h"
#include "conf/target.h"

/* One fault: where and what and the cure. All are collected, not only the first. */
struct mst_fault {
	char *file;
	int line; /* 0: the whole file */
	char *text;
};
struct mst_faults {
	struct mst_fault *items;
	size_t count;
};
void mst_faults_add(struct mst_faults *faults, const char *file, int line, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void mst_faults_free(struct mst_faults *faults);

struct mst_zone {
	char *name, *at;
	struct mst_addr_set networks;
	char *interface_name, *source_address, *dns_servers; /* NULL: not set */
	int64_t max_rate;                                    /* 0: no limit */
};

struct mst_label_rule {
	char *name, *when, *action, *at; /* action: label ignore unmanageable managed notify purge */
	bool enabled;
};

struct mst_profile {
	char *name, *zone, *at; /* at: "file:line" */
	int64_t scan_interval;  /* ms; 0: only by hand */
	char *import_frequency; /* "each run" or a duration */
	char **windows, **blackouts;
	size_t window_count, blackout_count;
	struct mst_option_set options; /* its method: options.method->name */
};

struct mst_settings {
	char *store_kind, *store_path; /* "sqlite"; path NULL: the default of the installation */
	char *config_path;             /* main file read, NULL: none */
	struct mst_rules rules;
	int64_t max_rate;        /* installation, packets/s, 0: none */
	int64_t lost_after;      /* complete runs */
	int64_t ip_identity_ttl; /* ms */
	int64_t retention_observations, retention_lost, retention_runs, retention_spool,
	        retention_audit; /* ms, 0: for ever */
	char *locations_path;
	char **listen, **operators, **viewers;
	size_t listen_count, operator_count, viewer_count;
	char *provision; /* "ask" or "auto" */
	struct mst_zone *zones;
	size_t zone_count;
	struct mst_label_rule *labels; /* the shipped "Unmanageable OS Platforms" first unless redefined */
	size_t label_count;
	struct mst_profile *profiles;
	size_t profile_count;
	struct mst_faults idle; /* no faults: keys that are there and have no effect in this version, with the reason */
};

/*
 * Reads `main_file` (NULL: none, defaults apply) and the *.conf files of the directory beside it named conf.d, in order.
 * never_scan and scan_only add up over files. Faults are appended; returns 0 when there were none, else MST_E_USAGE with
 * the first fault in err. `methods` are those of the plugins present: a profile names one of them as its section.
 */
int mst_settings_load(struct mst_settings *out, const char *main_file, const struct mst_method_def *const *methods,
                      size_t method_count, struct mst_faults *faults, struct mst_err *err);
/* The same from a text that stands for `file` alone: no conf.d, no question who may write it. `text` has a NUL at [len]. */
int mst_settings_load_text(struct mst_settings *out, const char *file, const char *text, size_t len,
                           const struct mst_method_def *const *methods, size_t method_count, struct mst_faults *faults,
                           struct mst_err *err);
/* Also after a failed load: what could be read stays until then. */
void mst_settings_free(struct mst_settings *settings);
const struct mst_profile *mst_settings_profile(const struct mst_settings *settings, const char *name);
/* "default" always exists. NULL when unknown. */
const struct mst_zone *mst_settings_zone(const struct mst_settings *settings, const char *name);
/* The profile as a configuration section that would give it again; caller frees. NULL without memory. */
char *mst_settings_profile_conf(const struct mst_profile *profile);

/*
 * The grammar of `when` (labels) and `where` (notify) belongs to the store room: its checker is set here once, before
 * the first load. Without one only the text itself is checked. Not thread-safe, like mst_settings_load (libConfuse).
 */
typedef int (*mst_when_check)(const char *when, struct mst_err *err);
void mst_settings_set_when_check(mst_when_check check);

/* The label rule that ships with every installation; a label of this name in a file takes its place. */
#define MST_SHIPPED_LABEL  "Unmanageable OS Platforms"
#define MST_SHIPPED_WHEN   "os_platform!=windows,linux,macos,solaris,aix os_platform!=- os_accuracy>=90"
#define MST_SHIPPED_ACTION "unmanageable"

#endif
