/* SPDX-License-Identifier: Apache-2.0 */
/* Words in fault texts: the nearest known name, and a refused value shown safely. */
#ifndef MST_CONF_WORD_H
#define MST_CONF_WORD_H

#include <stddef.h>

/* Finds the known name that someone who typed `word` most likely meant. */
struct mst_nearest {
	const char *word, *best; /* borrowed */
	size_t distance;
};
void mst_nearest_init(struct mst_nearest *nearest, const char *word);
void mst_nearest_try(struct mst_nearest *nearest, const char *name);
/* NULL when nothing is near enough (a third of the letters, at least one, may differ). */
const char *mst_nearest_best(const struct mst_nearest *nearest);

#define MST_SHOWN 128
/* `text` for a fault: terminal-safe, cut after about 40 characters with "...". */
void mst_conf_show(const char *text, char out[MST_SHOWN]);

#endif
