/* SPDX-License-Identifier: Apache-2.0 */
/* One value against one row of an option table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muster/plugin.h>

#include "base/addr.h"
#include "base/limits.h"
#include "base/str.h"
#include "conf/option.h"
#include "conf/target.h"
#include "conf/word.h"

#define TEXT_MAX_LEN  4096u
#define PORTS_MAX     65535u
#define SECRET_PREFIX "secret:"

static int refuse(const struct mst_option_def *def, const char *text, struct mst_err *err, const char *reason)
{
	char shown[MST_SHOWN];

	mst_conf_show(text, shown);
	return mst_err_set(err, MST_E_USAGE, "%s: \"%s\" %s", def->name, shown, reason);
}

/* Prefixes what a parser of base/ said with the option's name. */
static int pass_on(const struct mst_option_def *def, const struct mst_err *inner, struct mst_err *err)
{
	return mst_err_set(err, inner->code, "%s: %s", def->name, inner->text);
}

static int check_bytes(const struct mst_option_def *def, const char *text, struct mst_err *err)
{
	size_t len = strlen(text);
	size_t max = def->type == MUSTER_OPTION_TEXT ? TEXT_MAX_LEN : MST_MAX_OPTION_VALUE;

	if (len > max)
		return mst_err_set(err, MST_E_USAGE, "%s: the value has %zu bytes: at most %zu are allowed", def->name,
		                   len, max);
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			return mst_err_set(err, MST_E_USAGE,
			                   "%s: the value contains a control character or a line end: remove it",
			                   def->name);
	}
	if (!mst_str_utf8_valid(text, len))
		return mst_err_set(err, MST_E_USAGE, "%s: the value is not valid UTF-8: save the text as UTF-8",
		                   def->name);
	return MST_OK;
}

/* A bound as an operator would write it. */
static void bound_text(uint32_t type, int64_t bound, char *out, size_t size)
{
	if (type == MUSTER_OPTION_DURATION)
		mst_str_format_duration(bound, out, size);
	else
		snprintf(out, size, "%" PRId64, bound);
}

static int check_bounds(const struct mst_option_def *def, const char *text, int64_t number, struct mst_err *err)
{
	char low[32], high[32], reason[128];

	if ((def->minimum == 0 && def->maximum == 0) || (number >= def->minimum && number <= def->maximum))
		return MST_OK;
	bound_text(def->type, def->minimum, low, sizeof(low));
	bound_text(def->type, def->maximum, high, sizeof(high));
	snprintf(reason, sizeof(reason), "is out of range: write %s to %s", low, high);
	return refuse(def, text, err, reason);
}

static int check_number(const struct mst_option_def *def, const char *text, int64_t *number, struct mst_err *err)
{
	struct mst_err inner;
	int status = MST_OK;

	mst_err_clear(&inner);
	switch (def->type) {
	case MUSTER_OPTION_DURATION:
		status = mst_str_duration(text, number, &inner);
		break;
	case MUSTER_OPTION_RATE:
		status = mst_str_rate(text, number, &inner);
		break;
	case MUSTER_OPTION_SIZE:
		status = mst_str_size(text, number, &inner);
		break;
	default:
		if (!mst_str_int64(text, number))
			return refuse(def, text, err, "is not a whole number: write digits only, such as 10");
		break;
	}
	return status == MST_OK ? check_bounds(def, text, *number, err) : pass_on(def, &inner, err);
}

static int check_bool(const struct mst_option_def *def, const char *text, int64_t *number, struct mst_err *err)
{
	struct mst_err inner;
	bool value;

	if (mst_str_bool(text, &value, &inner) != MST_OK)
		return pass_on(def, &inner, err);
	*number = value;
	return MST_OK;
}

static int check_choice(const struct mst_option_def *def, const char *text, struct mst_err *err)
{
	struct mst_buf word, list;
	struct mst_nearest nearest;
	const char *cursor = def->choices == NULL ? "" : def->choices;
	char shown[MST_SHOWN], meant[MST_SHOWN] = "";
	bool found = false;
	int status = MST_OK;

	mst_buf_init(&word, MST_MAX_OPTION_VALUE);
	mst_buf_init(&list, MST_ERR_TEXT / 2);
	while (!found && mst_str_next_item(&cursor, '|', &word)) {
		found = strcmp(mst_buf_text(&word), text) == 0;
		mst_nearest_init(&nearest, text);
		mst_nearest_try(&nearest, mst_buf_text(&word));
		if (mst_nearest_best(&nearest) != NULL && meant[0] == '\0')
			snprintf(meant, sizeof(meant), "%.100s", mst_buf_text(&word));
		mst_buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", mst_buf_text(&word));
	}
	mst_conf_show(text, shown);
	if (!found && meant[0] != '\0')
		status = mst_err_set(err, MST_E_USAGE, "%s: \"%s\" is not one of %s: did you mean \"%s\"?", def->name,
		                     shown, mst_buf_text(&list), meant);
	else if (!found)
		status = mst_err_set(err, MST_E_USAGE, "%s: \"%s\" is not one of its values: write one of %s",
		                     def->name, shown, mst_buf_text(&list));
	mst_buf_free(&word);
	mst_buf_free(&list);
	return status;
}

static int check_targets(const struct mst_option_def *def, const char *text, struct mst_err *err)
{
	struct mst_target_list list;
	struct mst_err inner;

	if (mst_target_parse(text, &list, &inner) != MST_OK)
		return pass_on(def, &inner, err);
	if (list.addresses.count == 0 && list.name_count == 0) {
		mst_target_free(&list);
		return mst_err_set(err, MST_E_USAGE,
		                   "%s: names no target: write an address, network, range or host name", def->name);
	}
	mst_target_free(&list);
	return MST_OK;
}

static int check_ports(const struct mst_option_def *def, const char *text, struct mst_err *err)
{
	static const char cure[] = "is not a list of ports: write 22,80,8000-8100, top-1000 or none";
	struct mst_ports *ports;
	struct mst_err inner;
	uint64_t top;
	int status;

	if (strcmp(text, "none") == 0)
		return MST_OK;
	if (strncmp(text, "top-", 4) == 0) {
		if (text[4] == '0' || !mst_str_uint(text + 4, PORTS_MAX, &top))
			return refuse(def, text, err,
			              "is not a number of ports: write top-1 to top-65535, such as top-1000");
		return MST_OK;
	}
	if (text[0] == '\0' || text[strspn(text, "0123456789,- ")] != '\0' || text[strlen(text) - 1] == ',')
		return refuse(def, text, err, cure);
	ports = calloc(1, sizeof(*ports));
	if (ports == NULL)
		return mst_err_no_memory(err);
	status = mst_ports_parse(ports, text, &inner);
	if (status != MST_OK)
		status = pass_on(def, &inner, err);
	else if (mst_ports_count(ports) == 0)
		status = refuse(def, text, err, cure);
	free(ports);
	return status;
}

static int check_addresses(const struct mst_option_def *def, const char *text, struct mst_err *err)
{
	const char *text_end = text + strlen(text);
	struct mst_buf item;
	struct mst_addr addr;
	size_t count = 0;
	int status = MST_OK;

	mst_buf_init(&item, MST_MAX_OPTION_VALUE);
	while (status == MST_OK && mst_str_next_item(&text, ',', &item)) {
		count++;
		if (!mst_addr_parse(mst_buf_text(&item), &addr))
			status = refuse(def, mst_buf_text(&item), err,
			                "is not an IP address: write 192.0.2.1 or 2001:db8::1 (no names, no ranges)");
	}
	mst_buf_free(&item);
	if (status == MST_OK && (count == 0 || text_end[-1] == ','))
		return mst_err_set(err, MST_E_USAGE, "%s: an address is missing: write 192.0.2.1 or 2001:db8::1",
		                   def->name);
	return status;
}

/* Says nothing of the value: it may be the secret itself. */
static int check_secret(const struct mst_option_def *def, const char *text, struct mst_err *err)
{
	size_t prefix = sizeof(SECRET_PREFIX) - 1;

	if (strncmp(text, SECRET_PREFIX, prefix) == 0 && mst_str_is_name(text + prefix, MST_MAX_NAME))
		return MST_OK;
	return mst_err_set(err, MST_E_USAGE,
	                   "%s: a secret is never written here; store it with: muster secrets set NAME, "
	                   "then write \"secret:NAME\"",
	                   def->name);
}

int mst_option_check_value(const struct mst_option_def *def, const char *text, int64_t *number, struct mst_err *err)
{
	int64_t ignored;
	int status;

	if (number == NULL)
		number = &ignored;
	*number = 0;
	if (def->type == MUSTER_OPTION_SECRET)
		return check_secret(def, text, err);
	status = check_bytes(def, text, err);
	if (status != MST_OK)
		return status;
	switch (def->type) {
	case MUSTER_OPTION_TEXT:
		return MST_OK;
	case MUSTER_OPTION_BOOL:
		return check_bool(def, text, number, err);
	case MUSTER_OPTION_INT:
	case MUSTER_OPTION_DURATION:
	case MUSTER_OPTION_RATE:
	case MUSTER_OPTION_SIZE:
		return check_number(def, text, number, err);
	case MUSTER_OPTION_CHOICE:
		return check_choice(def, text, err);
	case MUSTER_OPTION_TARGETS:
		return check_targets(def, text, err);
	case MUSTER_OPTION_PORTS:
		return check_ports(def, text, err);
	case MUSTER_OPTION_ADDRESSES:
		return check_addresses(def, text, err);
	default:
		return mst_err_set(err, MST_E_UNSUPPORTED,
		                   "%s: this version knows no option type %" PRIu32 ": update muster", def->name,
		                   def->type);
	}
}

const char *mst_option_type_word(uint32_t type)
{
	static const char *const words[] = {
	        [MUSTER_OPTION_TEXT] = "text",
	        [MUSTER_OPTION_BOOL] = "on|off",
	        [MUSTER_OPTION_INT] = "number",
	        [MUSTER_OPTION_CHOICE] = "word",
	        [MUSTER_OPTION_DURATION] = "90s, 15m, 6h, 7d",
	        [MUSTER_OPTION_RATE] = "1000, 5k",
	        [MUSTER_OPTION_SIZE] = "4096, 64k, 2M",
	        [MUSTER_OPTION_TARGETS] = "192.0.2.0/24, 192.0.2.1-9, host.example.net",
	        [MUSTER_OPTION_PORTS] = "22,80,8000-8100, top-1000 or none",
	        [MUSTER_OPTION_ADDRESSES] = "192.0.2.1, 2001:db8::1",
	        [MUSTER_OPTION_SECRET] = "secret:NAME",
	};

	if (type >= sizeof(words) / sizeof(words[0]) || words[type] == NULL)
		return "value";
	return words[type];
}
