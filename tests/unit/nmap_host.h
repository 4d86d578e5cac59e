/* SPDX-License-Identifier: Apache-2.0 */
/* A host for plugins under test: answers services from fields, writes what the plugin does into a text. */
#ifndef NMAP_FAKE_HOST_H
#define NMAP_FAKE_HOST_H

#include <muster/plugin.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_OPTIONS  32
#define FAKE_CHILDREN 4

struct fake_child {
	const char *output; /* what it prints, in pieces of `piece` bytes (0: all at once) */
	size_t length, piece;
	int exit_status;
	const char *errors;
	int read_status; /* what child_read answers after the output, instead of 0 */
};

struct fake_known {
	const char *address;
	int64_t os_seen;
};

/* Zeroed, then fake_host_init, then whatever a test sets. */
struct fake_host {
	struct muster_call call;
	struct muster_host services;
	struct {
		const char *name, *text;
	} options[FAKE_OPTIONS]; /* over the manifest's defaults; text NULL: unset */
	size_t option_count;
	const struct fake_known *known; /* ends with address NULL */
	size_t known_at;
	int raw; /* has_net_raw */
	int64_t now;
	int cancel_after; /* calls of cancelled() until it says yes; 0: never */
	int cancelled_calls;
	int spawn_status; /* not 0: child_spawn fails with it */
	struct fake_child children[FAKE_CHILDREN];
	size_t spawned, child_at;
	const char *input; /* of import */
	size_t input_length, input_piece, input_at;
	int64_t asked, lost, unsure; /* of the last strain */
	int quiet;                   /* no progress and log lines in the text */

	/* What happened. */
	char *text;
	size_t length, cap;
	char *argv[FAKE_CHILDREN]; /* arguments joined with blanks */
	char *stdin_text[FAKE_CHILDREN];
	char fail_text[2100];
	int kills, scopes, records, shards;
	int64_t addresses; /* of all shards */
	int depth, first[18], in_array[18], scope_open, record_open;
	size_t record_start;
};

void fake_host_init(struct fake_host *host);
void fake_host_set(struct fake_host *host, const char *name, const char *text);
void fake_host_free(struct fake_host *host);
/* Forgets what happened, keeps the settings. */
void fake_host_clear(struct fake_host *host);
/* A whole file; caller frees. Fails the test when it cannot be read. */
char *fake_read_file(const char *path, size_t *length);

#endif
