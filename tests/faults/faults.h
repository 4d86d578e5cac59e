/* SPDX-License-Identifier: Apache-2.0 */
/* Scenes for the driver in faults.c: work that must survive that any one of its allocations fails. */
#ifndef TESTS_FAULTS_FAULTS_H
#define TESTS_FAULTS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct scene {
	const char *name;
	/* The work, from nothing to everything freed. 0, or a negative code with words in err. */
	int (*run)(struct mst_err *err);
	/* Without faults, before each try; may be NULL. */
	void (*before)(void);
	/* Without faults, after a try that gave `code`: is what it left behind whole? NULL: leaves nothing. */
	bool (*whole)(int code, struct mst_err *err);
	/* It may give 0 although an allocation failed: the fault was in something that can be done without. */
	bool lenient;
};

extern const struct scene conf_scenes[], record_scenes[], plugin_scenes[], store_scenes[], import_scenes[],
        cli_scenes[]; /* each ends with name NULL */

/* The scenes' own folder, made and removed by the driver. */
extern char scene_dir[64];
/* BUILD/plugins/.libs/NAME.so */
const char *scene_plugin(const char *name);
/* SCENE_DIR/NAME; static. */
const char *scene_path(const char *name);
/* Text with " for '. Static, until the next call. */
const char *quoted(const char *text);

#endif
