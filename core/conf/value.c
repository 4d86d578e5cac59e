/* SPDX-License-Identifier: Apache-2.0 */
/* One statement through libConfuse. Its scanner has global state: one thread at a time. */
#include <confuse.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "conf/outline.h"

/* libConfuse would print to stderr, with the value; the caller's fault has file, line and cure instead. */
static void say_nothing(cfg_t *cfg, const char *format, va_list args)
{
	(void)cfg;
	(void)format;
	(void)args;
}

static int take_values(struct mst_values *out, cfg_t *cfg, const char *key, struct mst_err *err)
{
	unsigned count = cfg_size(cfg, key);

	out->items = calloc(count + 1u, sizeof(*out->items));
	if (out->items == NULL)
		return mst_err_no_memory(err);
	for (unsigned i = 0; i < count; i++) {
		const char *text = cfg_getnstr(cfg, key, i);

		out->items[i] = mst_str_dup(text == NULL ? "" : text);
		if (out->items[i] == NULL)
			return mst_err_no_memory(err);
		out->count++;
	}
	return MST_OK;
}

int mst_values_read(struct mst_values *out, const struct mst_outline *item, struct mst_err *err)
{
	cfg_opt_t options[] = {CFG_STR_LIST(item->key, NULL, CFGF_NODEFAULT), CFG_END()};
	cfg_t *cfg = cfg_init(options, CFGF_NONE);
	int status;

	memset(out, 0, sizeof(*out));
	if (cfg == NULL)
		return mst_err_no_memory(err);
	cfg_set_error_function(cfg, say_nothing);
	if (cfg_parse_buf(cfg, item->statement) == CFG_SUCCESS)
		status = take_values(out, cfg, item->key, err);
	else
		status = mst_err_set(err, MST_E_USAGE,
		                     "the value cannot be read: check its quotes, commas and backslashes");
	cfg_free(cfg);
	out->list = item->statement[strcspn(item->statement, "{\"'")] == '{';
	if (status != MST_OK)
		mst_values_free(out);
	return status;
}

void mst_values_free(struct mst_values *values)
{
	for (size_t i = 0; i < values->count; i++)
		free(values->items[i]);
	free(values->items);
	memset(values, 0, sizeof(*values));
}
