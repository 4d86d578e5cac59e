/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "conf/word.h"

void mst_args_init(struct mst_args *args)
{
	memset(args, 0, sizeof(*args));
}

void mst_args_free(struct mst_args *args)
{
	for (size_t i = 0; i < args->given_count; i++)
		free(args->given[i].text);
	free(args->given);
	free(args->words);
	memset(args, 0, sizeof(*args));
}

int mst_args_add_table(struct mst_args *args, const struct mst_arg_option *table, struct mst_err *err)
{
	if (args->table_count == MST_ARGS_MAX_TABLES)
		return mst_err_set(err, MST_E_LIMIT, "more than %d option tables", MST_ARGS_MAX_TABLES);
	args->tables[args->table_count++] = table;
	return MST_OK;
}

bool mst_args_is_switch_word(const char *next)
{
	static const char *const words[] = {"on", "off", "yes", "no", "true", "false", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(next, words[i]) == 0)
			return true;
	return false;
}

static bool same(const char *name, size_t len, const char *known)
{
	return strlen(known) == len && memcmp(name, known, len) == 0;
}

/* *negated is set for --no-NAME. */
static const struct mst_arg_option *find_long(const struct mst_args *args, const char *name, size_t len, bool *negated)
{
	*negated = false;
	for (size_t t = 0; t < args->table_count; t++)
		for (const struct mst_arg_option *row = args->tables[t]; row->name; row++)
			if (same(name, len, row->name))
				return row;
	if (len <= 3 || memcmp(name, "no-", 3) != 0)
		return NULL;
	*negated = true;
	for (size_t t = 0; t < args->table_count; t++)
		for (const struct mst_arg_option *row = args->tables[t]; row->name; row++)
			if (row->negatable && same(name + 3, len - 3, row->name))
				return row;
	return NULL;
}

static int unknown(const struct mst_args *args, const char *word, size_t len, struct mst_err *err)
{
	struct mst_nearest nearest;
	char name[128], near[160] = "";
	struct mst_buf shown;
	int rc;

	len = len < sizeof(name) - 1 ? len : sizeof(name) - 1;
	memcpy(name, word, len);
	name[len] = '\0';
	mst_nearest_init(&nearest, name);
	for (size_t t = 0; t < args->table_count; t++)
		for (const struct mst_arg_option *row = args->tables[t]; row->name; row++)
			mst_nearest_try(&nearest, row->name);
	mst_buf_init(&shown, 1024);
	mst_str_escape_terminal(&shown, name);
	if (mst_nearest_best(&nearest))
		snprintf(near, sizeof(near), ": did you mean --%s?", mst_nearest_best(&nearest));
	if (!near[0])
		snprintf(near, sizeof(near), "%s",
		         args->word_count == 0
		                 ? ": options of a command come after its name"
		                 : ": muster help COMMAND lists them; those of a method come after the method's name");
	rc = mst_err_set(err, MST_E_USAGE, "unknown option --%s%s", mst_buf_text(&shown), near);
	mst_buf_free(&shown);
	return rc;
}

static int keep(struct mst_args *args, const struct mst_arg_option *option, const char *value, struct mst_err *err)
{
	char *text;

	for (size_t i = 0; i < args->given_count; i++) {
		struct mst_arg_given *given = &args->given[i];

		if (given->option != option)
			continue;
		text = option->flags & MST_ARG_JOIN ? mst_str_printf("%s,%s", given->text, value) : mst_str_dup(value);
		if (!text)
			return mst_err_no_memory(err);
		free(given->text);
		given->text = text;
		return MST_OK;
	}
	if (args->given_count == MST_ARGS_MAX_GIVEN)
		return mst_err_set(err, MST_E_USAGE, "more than %d options", MST_ARGS_MAX_GIVEN);
	text = mst_str_dup(value);
	if (!text)
		return mst_err_no_memory(err);
	args->given[args->given_count].option = option;
	args->given[args->given_count++].text = text;
	return MST_OK;
}

/* `next` may be NULL; *used is set when it was taken as the value. */
static int take(struct mst_args *args, const struct mst_arg_option *option, const char *value, const char *next,
                bool *used, struct mst_err *err)
{
	bool optional = option->value && option->value[0] == '[';

	if (!option->value && value)
		return mst_err_set(err, MST_E_USAGE, "--%s takes no value", option->name);
	if (value || !option->value)
		return keep(args, option, value ? value : "", err);
	if (next && (!optional || (option->takes && option->takes(next)))) {
		*used = true;
		return keep(args, option, next, err);
	}
	if (optional)
		return keep(args, option, "", err);
	return mst_err_set(err, MST_E_USAGE, "--%s needs a value: --%s %s", option->name, option->name, option->value);
}

static int long_option(struct mst_args *args, const char *word, const char *next, bool *used, struct mst_err *err)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	bool negated;
	const struct mst_arg_option *option = find_long(args, word, len, &negated);

	if (!option)
		return unknown(args, word, len, err);
	if (negated)
		return equals ? mst_err_set(err, MST_E_USAGE, "--no-%s takes no value", option->name)
		              : keep(args, option, "off", err);
	return take(args, option, equals ? equals + 1 : NULL, next, used, err);
}

static int short_option(struct mst_args *args, const char *word, const char *next, bool *used, struct mst_err *err)
{
	struct mst_buf shown;
	int rc;

	for (size_t t = 0; word[1] == '\0' && t < args->table_count; t++)
		for (const struct mst_arg_option *row = args->tables[t]; row->name; row++)
			if (row->letter && row->letter == word[0])
				return take(args, row, NULL, next, used, err);
	mst_buf_init(&shown, 1024);
	mst_str_escape_terminal(&shown, word);
	rc = mst_err_set(err, MST_E_USAGE, "unknown option -%s: see muster --help", mst_buf_text(&shown));
	mst_buf_free(&shown);
	return rc;
}

static int word_arg(struct mst_args *args, const char *word, struct mst_err *err)
{
	int rc = args->on_word ? args->on_word(args->data, args, word, err) : MST_OK;

	if (rc == MST_OK)
		args->words[args->word_count++] = word;
	return rc;
}

int mst_args_parse(struct mst_args *args, int argc, char **argv, struct mst_err *err)
{
	bool only_words = false;
	int rc = MST_OK;

	args->words = calloc((size_t)argc + 1, sizeof(*args->words));
	args->given = calloc(MST_ARGS_MAX_GIVEN, sizeof(*args->given));
	if (!args->words || !args->given)
		return mst_err_no_memory(err);
	for (int i = 0; i < argc && rc == MST_OK; i++) {
		const char *arg = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool used = false;

		if (only_words || arg[0] != '-' || arg[1] == '\0')
			rc = word_arg(args, arg, err);
		else if (strcmp(arg, "--") == 0)
			only_words = true;
		else if (arg[1] == '-')
			rc = long_option(args, arg + 2, next, &used, err);
		else
			rc = short_option(args, arg + 1, next, &used, err);
		i += used;
	}
	return rc;
}

const char *mst_args_get(const struct mst_args *args, const char *name)
{
	for (size_t i = 0; i < args->given_count; i++)
		if (strcmp(args->given[i].option->name, name) == 0)
			return args->given[i].text;
	return NULL;
}

bool mst_args_has(const struct mst_args *args, const char *name)
{
	return mst_args_get(args, name) != NULL;
}
