/* SPDX-License-Identifier: Apache-2.0 */
/* apt-get and dpkg-query for `muster plugins setup`: no shell, time limits, output to the terminal and to a log. */
#ifndef MST_CLI_APT_H
#define MST_CLI_APT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define MST_APT_PACKAGES 256u /* at most this many of one setup */

/* A Debian package name: nothing that apt-get could take for an option or a file. */
bool mst_apt_is_package(const char *name);
/* MST_E_UNSUPPORTED where there is no apt-get; `what` is what to do by hand. */
int mst_apt_here(const char *what, struct mst_err *err);
/*
 * What `verb` ("install", "remove") would newly install or remove: one package a line, appended. Changes nothing. `packages` ends
 * with NULL. MST_E_FAILED with apt-get's own words.
 */
int mst_apt_preview(const char *verb, const char *const *packages, struct mst_buf *out, struct mst_err *err);
/* Does it, as root; apt-get's lines go to stderr and to the log, whose path the errors name. MST_E_TIMEOUT after half an hour. */
int mst_apt_do(const char *verb, const char *const *packages, struct mst_err *err);
/* Is it installed, whole? */
bool mst_apt_has(const char *package);

#endif
