/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/word.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define WORD_MAX_LEN 64
#define SHOWN_CHARS  40
#define SHOWN_MAX    100

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Edits between two words, two swapped neighbours being one edit. Both at most WORD_MAX_LEN. */
static size_t edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][WORD_MAX_LEN + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

void mst_nearest_init(struct mst_nearest *nearest, const char *word)
{
	nearest->word = word;
	nearest->best = NULL;
	nearest->distance = (size_t)-1;
}

void mst_nearest_try(struct mst_nearest *nearest, const char *name)
{
	size_t word_len = strlen(nearest->word), name_len = strlen(name), distance;

	if (word_len > WORD_MAX_LEN || name_len > WORD_MAX_LEN || name_len == 0)
		return;
	distance = edits(nearest->word, word_len, name, name_len);
	/* "host" for "host_timeout": a beginning of four letters or more counts as near */
	if (word_len >= 4 && distance > 1 && strncmp(nearest->word, name, word_len) == 0)
		distance = 1;
	if (distance < nearest->distance) {
		nearest->distance = distance;
		nearest->best = name;
	}
}

const char *mst_nearest_best(const struct mst_nearest *nearest)
{
	size_t allowed = strlen(nearest->word) / 3;

	return nearest->distance <= (allowed == 0 ? 1 : allowed) ? nearest->best : NULL;
}

void mst_conf_show(const char *text, char out[MST_SHOWN])
{
	struct mst_buf shown;
	const char *end = text;
	size_t cut;
	char *head;

	/* whole characters only: continuation bytes are 10xxxxxx */
	for (size_t n = 0; *end != '\0' && n < SHOWN_CHARS; n++) {
		end++;
		while (((unsigned char)*end & 0xc0) == 0x80 && end - text < 2 * SHOWN_CHARS)
			end++;
	}
	head = mst_str_dupn(text, (size_t)(end - text));
	mst_buf_init(&shown, 16 * MST_SHOWN);
	if (head != NULL)
		mst_str_escape_terminal(&shown, head);
	/* escapes make it longer; cut again, and not inside a character either */
	cut = shown.len;
	if (cut > SHOWN_MAX) {
		for (cut = SHOWN_MAX; ((unsigned char)mst_buf_text(&shown)[cut] & 0xc0) == 0x80;)
			cut--;
	}
	snprintf(out, MST_SHOWN, "%.*s%s", (int)cut, mst_buf_text(&shown),
	         *end != '\0' || cut < shown.len ? "..." : "");
	mst_buf_free(&shown);
	free(head);
}
