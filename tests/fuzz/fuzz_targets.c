/* SPDX-License-Identifier: Apache-2.0 */
/* A target list, and single values of every option type. What is taken must say the same when it is written out again. */
#include <muster/plugin.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/option.h"
#include "conf/target.h"

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_error(const struct mst_err *err)
{
	check(err->text[0] != '\0');
	for (const char *p = err->text; *p != '\0'; p++)
		check((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void check_name(const char *name)
{
	check(name[0] != '-' && name[0] != '\0' && strlen(name) <= MST_MAX_TARGET_TOKEN);
	check(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0');
	/* a resolver must not take it for a number: some part has a letter */
	check(strpbrk(name, "abcdefghijklmnopqrstuvwxyz") != NULL);
}

static void check_list(const struct mst_target_list *list)
{
	struct mst_target_list again;
	struct mst_buf text, first, second;
	struct mst_err err;

	mst_buf_init(&text, 64 << 20);
	mst_buf_init(&first, 64 << 20);
	mst_buf_init(&second, 64 << 20);
	check(mst_addr_set_text(&list->addresses, &text) == MST_OK);
	mst_buf_add(&first, mst_buf_text(&text), text.len);
	for (size_t i = 0; i < list->name_count; i++) {
		check_name(list->names[i]);
		mst_buf_printf(&text, "%s%s", text.len == 0 ? "" : ",", list->names[i]);
	}
	/* merged neighbours may be larger than what one item may be, or more items than a list may have */
	if (mst_target_parse(mst_buf_text(&text), &again, &err) == MST_OK) {
		check(mst_addr_set_text(&again.addresses, &second) == MST_OK);
		check(strcmp(mst_buf_text(&first), mst_buf_text(&second)) == 0);
		check(again.name_count == list->name_count);
		mst_target_free(&again);
	} else {
		check(strstr(err.text, "is too large") != NULL || strstr(err.text, "more than") != NULL);
	}
	mst_buf_free(&text);
	mst_buf_free(&first);
	mst_buf_free(&second);
}

static void check_values(const char *text)
{
	struct mst_option_def def = {.name = (char *)"option", .choices = (char *)"on|off|new"};
	struct mst_err err;
	int64_t number;

	for (uint32_t type = 0; type <= MUSTER_OPTION_SECRET + 1; type++) {
		def.type = type;
		if (mst_option_check_value(&def, text, &number, &err) != MST_OK) {
			check_error(&err);
			continue;
		}
		check(type >= MUSTER_OPTION_TEXT && type <= MUSTER_OPTION_SECRET);
		if (type == MUSTER_OPTION_PORTS || type == MUSTER_OPTION_ADDRESSES)
			check(text[0] != '-');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mst_target_list list;
	struct mst_err err;
	char *text;

	if (size > MST_MAX_CONF_FILE)
		return 0;
	text = mst_str_dupn((const char *)data, size);
	check(text != NULL);
	if (mst_target_parse(text, &list, &err) == MST_OK) {
		check_list(&list);
		mst_target_free(&list);
	} else {
		check_error(&err);
	}
	check_values(text);
	free(text);
	return 0;
}
