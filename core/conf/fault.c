/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "conf/loader.h"

/* Nobody mends more than this in one go, and a hostile file must not fill memory. */
#define FAULTS_MAX 500u

static _Thread_local size_t lost;

size_t mst_faults_lost(void)
{
	return lost;
}

static void append(struct mst_faults *faults, const char *file, int line, char *text)
{
	struct mst_fault *items = reallocarray(faults->items, faults->count + 1, sizeof(*items));
	char *copy = mst_str_dup(file == NULL ? "" : file);

	if (items != NULL)
		faults->items = items;
	if (items == NULL || copy == NULL || text == NULL) {
		free(copy);
		free(text);
		lost++;
		return;
	}
	items[faults->count++] = (struct mst_fault){.file = copy, .line = line, .text = text};
}

void mst_faults_add(struct mst_faults *faults, const char *file, int line, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	if (faults->count > FAULTS_MAX)
		return;
	if (faults->count == FAULTS_MAX) {
		append(faults, file, line, mst_str_dup("more faults follow: mend those above first"));
		return;
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	append(faults, file, line, text);
}

void mst_faults_free(struct mst_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		free(faults->items[i].file);
		free(faults->items[i].text);
	}
	free(faults->items);
	memset(faults, 0, sizeof(*faults));
}
