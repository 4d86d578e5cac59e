/* SPDX-License-Identifier: Apache-2.0 */
/* A host over a made-up method, with its lines and its segment in files: what a plugin would see, without a process. */
#ifndef TESTS_UNIT_HOST_FIXTURE_H
#define TESTS_UNIT_HOST_FIXTURE_H

#include <muster/plugin.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#undef fail /* a service has this name */

#include "plugin/host.h"

struct fixture {
	char dir[64], segment[96];
	int line_fd, segment_fd;
	struct mst_method method;
	struct mst_host_config config;
	struct mst_host *host;
	const struct muster_call *call; /* of the main callback */
	const struct muster_host *services;
	char lines[1 << 20]; /* what was sent, filled by fixture_lines */
};

/* A directory, files and a method `probe` with options text, wait (15m), include limited by most, password; tools cat and
 * sleep. config.context is RUN and has the segment; change it before fixture_open. */
void fixture_make(struct fixture *fixture);
/* Makes the host and enters the main callback; its failure fails the test. */
void fixture_open(struct fixture *fixture);
/* All lines that were sent so far. */
const char *fixture_lines(struct fixture *fixture);
void fixture_free(struct fixture *fixture);
struct json_object *fixture_json(const char *text);

#endif
