/* SPDX-License-Identifier: Apache-2.0 */
/* Nmap XML: whatever the bytes, the plugin keeps its contract with the host (the fake host aborts when not), and the pieces in
 * which they arrive make no difference. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../plugins/nmap/nmap.h"
#include "../unit/nmap_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *import(const uint8_t *data, size_t size, size_t piece, int *status)
{
	struct fake_host host;
	fake_host_init(&host);
	host.input = (const char *)data;
	host.input_length = size;
	host.input_piece = piece;
	*status = nmap_import(NULL, &host.call);
	char *text = strdup(host.text ? host.text : "");
	if (!text || (host.scope_open && *status == MUSTER_OK))
		abort();
	fake_host_free(&host);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int whole_status, pieces_status;
	char *whole = import(data, size, 0, &whole_status);
	char *pieces = import(data, size, 1 + size % 7, &pieces_status);
	if (whole_status != pieces_status || strcmp(whole, pieces) != 0) {
		fprintf(stderr, "whole: %d\n%s\nin pieces: %d\n%s\n", whole_status, whole, pieces_status, pieces);
		abort();
	}
	free(whole);
	free(pieces);
	return 0;
}
