/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/filter_words.h"

#include <string.h>

#include "conf/word.h"

bool mst_filter_is_term(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n > 0 && word[n] && strchr("=!~<>", word[n]);
}

/* More than one term in one word: "state=lost port=22". */
static bool has_more_terms(const char *value)
{
	for (const char *blank = strchr(value, ' '); blank; blank = strchr(blank + 1, ' '))
		if (mst_filter_is_term(blank + 1))
			return true;
	return false;
}

static void add_term(struct mst_buf *out, const char *word)
{
	const char *value = word + strcspn(word, "=!~<>");

	value += strspn(value, "=!~<>");
	if (!strchr(value, ' ') || strchr(value, '"') || has_more_terms(value)) {
		mst_buf_str(out, word);
		return;
	}
	mst_buf_add(out, word, (size_t)(value - word));
	mst_buf_char(out, '"');
	for (; *value; value++) {
		if (*value == '\\')
			mst_buf_char(out, '\\');
		mst_buf_char(out, *value);
	}
	mst_buf_char(out, '"');
}

int mst_filter_from_words(const char *const *words, size_t count, struct mst_buf *out, struct mst_err *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!mst_filter_is_term(words[i])) {
			char shown[MST_SHOWN];

			mst_conf_show(words[i], shown);
			return mst_err_set(
			        err, MST_E_USAGE,
			        "\"%s\" is no filter: write column=value, as in state=unmanaged or 'last_seen<7d'",
			        shown);
		}
		if (out->len > 0)
			mst_buf_char(out, ' ');
		add_term(out, words[i]);
	}
	return out->failed
	               ? mst_err_set(err, MST_E_USAGE, "the filter is longer than %zu bytes: ask in parts", out->max)
	               : MST_OK;
}
