/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: takes the right to change the file system from this process and its children. */
#ifndef MST_WORKER_LANDLOCK_H
#define MST_WORKER_LANDLOCK_H

#include "base/error.h"

/* Afterwards nothing can be made, written, cut or removed by path, except /dev/null and what is below `dirs` (NULL-terminated).
 * Open descriptors go on working. MST_E_UNSUPPORTED: the kernel has no Landlock or it is switched off. */
int mst_landlock_enter(const char *const *dirs, struct mst_err *err);

#endif
