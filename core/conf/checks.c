/* SPDX-License-Identifier: Apache-2.0 */
/* What single values of the configuration may be. */
#include <muster/plugin.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/limits.h"
#include "base/str.h"
#include "conf/loader.h"
#include "conf/option.h"
#include "conf/word.h"

#define INTERFACE_MAX 15u /* IFNAMSIZ without NUL */
#define INTERVAL_MIN  60000
#define PERSON_MAX    64u
#define WORD_SET      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

static mst_when_check when_check;

void mst_settings_set_when_check(mst_when_check check)
{
	when_check = check;
}

static int refuse(const char *value, struct mst_err *err, const char *reason)
{
	char shown[MST_SHOWN];

	mst_conf_show(value, shown);
	return mst_err_set(err, MST_E_USAGE, "\"%s\" %s", shown, reason);
}

/* `words` is ended by NULL. */
static int one_of(const char *value, const char *const *words, const char *list, struct mst_err *err)
{
	struct mst_nearest nearest;
	char shown[MST_SHOWN];

	mst_nearest_init(&nearest, value);
	for (; *words != NULL; words++) {
		if (strcmp(value, *words) == 0)
			return MST_OK;
		mst_nearest_try(&nearest, *words);
	}
	mst_conf_show(value, shown);
	if (mst_nearest_best(&nearest) != NULL)
		return mst_err_set(err, MST_E_USAGE, "\"%s\" is not one of %s: did you mean \"%s\"?", shown, list,
		                   mst_nearest_best(&nearest));
	return mst_err_set(err, MST_E_USAGE, "\"%s\" is unknown: write one of %s", shown, list);
}

int mst_check_path(const char *value, struct mst_err *err)
{
	if (value[0] == '/' && strlen(value) < 4096)
		return MST_OK;
	return refuse(value, err, "is not an absolute path: begin it with /");
}

/* "unix:/path", "192.0.2.1:8350" or "[2001:db8::1]:8350". */
int mst_check_listen(const char *value, struct mst_err *err)
{
	static const char cure[] = "is no place to listen: write unix:/path, 127.0.0.1:8350 or [::1]:8350";
	const char *colon = strrchr(value, ':'), *host_end = colon;
	struct mst_addr addr;
	uint64_t port;
	char *host;
	bool bracket = value[0] == '[', good;

	if (strncmp(value, "unix:/", 6) == 0)
		return strlen(value + 5) < 108
		               ? MST_OK
		               : refuse(value, err, "is too long for a socket: its path may have 107 bytes");
	if (colon == NULL || colon == value || !mst_str_uint(colon + 1, 65535, &port) || port == 0 ||
	    (bracket && colon[-1] != ']'))
		return refuse(value, err, cure);
	host_end -= bracket;
	host = mst_str_dupn(value + bracket, (size_t)(host_end - value) - bracket);
	if (host == NULL)
		return mst_err_no_memory(err);
	good = mst_addr_parse(host, &addr) && (strchr(host, ':') != NULL) == bracket;
	free(host);
	return good ? MST_OK : refuse(value, err, cure);
}

int mst_check_person(const char *value, struct mst_err *err)
{
	const char *name = value + (value[0] == '@');

	if (name[0] != '\0' && name[0] != '-' && name[strspn(name, WORD_SET "$")] == '\0' && strlen(name) <= PERSON_MAX)
		return MST_OK;
	return refuse(value, err, "is no user or group: write a user's name, or a group's as @name");
}

int mst_check_provision(const char *value, struct mst_err *err)
{
	static const char *const words[] = {"ask", "auto", NULL};

	return one_of(value, words, "ask, auto", err);
}

int mst_check_interface(const char *value, struct mst_err *err)
{
	if (value[0] != '-' && value[0] != '.' && value[strspn(value, WORD_SET ":@")] == '\0' &&
	    strlen(value) <= INTERFACE_MAX)
		return MST_OK;
	return refuse(value, err, "is no network interface: write its name as \"ip link\" shows it, such as eth0");
}

int mst_check_address(const char *value, struct mst_err *err)
{
	struct mst_addr addr;

	if (mst_addr_parse(value, &addr))
		return MST_OK;
	return refuse(value, err, "is not an IP address: write 192.0.2.1 or 2001:db8::1");
}

int mst_check_name(const char *value, struct mst_err *err)
{
	if (mst_str_is_name(value, MST_MAX_NAME))
		return MST_OK;
	return refuse(value, err, "is no name: write a-z, 0-9, _ and -, beginning with a letter, at most 31");
}

int mst_check_label_name(const char *value, struct mst_err *err)
{
	size_t len = strlen(value);
	bool good = len > 0 && len <= MST_MAX_LABEL_NAME && mst_str_utf8_valid(value, len) && value[0] != ' ' &&
	            value[len - 1] != ' ';

	/* commas, quotes and comparison signs would not survive in a filter (label=NAME) or a file */
	for (const unsigned char *p = (const unsigned char *)value; good && *p != '\0'; p++)
		good = *p >= 0x20 && *p != 0x7f && strchr(",\"'\\=<>!~/{}", *p) == NULL;
	return good ? MST_OK
	            : refuse(value, err,
	                     "is no label: write at most 63 bytes, without , \" ' \\ / = < > ! ~ { } and without a blank at "
	                     "either end");
}

int mst_check_when(const char *value, struct mst_err *err)
{
	if (strlen(value) > MST_MAX_FILTER)
		return mst_err_set(err, MST_E_USAGE, "the condition has %zu bytes: at most %u are allowed",
		                   strlen(value), MST_MAX_FILTER);
	return when_check == NULL ? MST_OK : when_check(value, err);
}

int mst_check_action(const char *value, struct mst_err *err)
{
	static const char *const words[] = {"label", "ignore", "unmanageable", "managed", "notify", "purge", NULL};

	return one_of(value, words, "label, ignore, unmanageable, managed, notify, purge", err);
}

int mst_check_interval(const char *value, struct mst_err *err)
{
	int64_t ms;
	int status = mst_str_duration(value, &ms, err);

	if (status == MST_OK && ms != 0 && ms < INTERVAL_MIN)
		return refuse(value, err, "is shorter than a minute: write 1m or more, or 0 for runs by hand only");
	return status;
}

int mst_check_frequency(const char *value, struct mst_err *err)
{
	int64_t ms;

	if (strcmp(value, "each run") == 0 || (mst_str_duration(value, &ms, NULL) == MST_OK && ms >= INTERVAL_MIN))
		return MST_OK;
	return refuse(value, err,
	              "is no import frequency: write \"each run\" or a duration of a minute or more, such as 15m");
}

int mst_check_webhook(const char *value, struct mst_err *err)
{
	const char *host = strncmp(value, "https://", 8) == 0  ? value + 8
	                   : strncmp(value, "http://", 7) == 0 ? value + 7
	                                                       : "";
	size_t authority = strcspn(host, "/?#");

	if (host[0] == '\0' || authority == 0 || strpbrk(value, " \"<>\\") != NULL || strlen(value) > 2048)
		return refuse(value, err, "is no web address: write https://host/path");
	/* not shown: it may hold a password */
	if (memchr(host, '@', authority) != NULL)
		return mst_err_set(err, MST_E_USAGE,
		                   "a web address with user or password is refused: use token = \"secret:NAME\"");
	return MST_OK;
}

int mst_check_secret(const char *value, struct mst_err *err)
{
	static char name[] = "token";
	static const struct mst_option_def def = {.name = name, .type = MUSTER_OPTION_SECRET};
	struct mst_err inner;

	if (mst_option_check_value(&def, value, NULL, &inner) == MST_OK)
		return MST_OK;
	/* without the option's name, which the caller puts in front */
	return mst_err_set(err, MST_E_USAGE, "%s",
	                   strncmp(inner.text, "token: ", 7) == 0 ? inner.text + 7 : inner.text);
}

int mst_check_event(const char *value, struct mst_err *err)
{
	static const char *const words[] = {"new", "changed", "lost", "label", "run_failed", NULL};

	return one_of(value, words, "new, changed, lost, label, run_failed", err);
}
