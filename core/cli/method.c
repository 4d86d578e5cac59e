/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/method.h"

#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "cli/output.h"
#include "conf/word.h"

#define WRAP_WIDTH 110u

const struct mst_method *mst_method_find(struct mst_cli *cli, const char *name, struct mst_err *err)
{
	const struct mst_manifest *plugin;
	const struct mst_method *method;

	if (mst_cli_plugins(cli, false, err) != MST_OK)
		return NULL;
	method = mst_plugin_list_method(&cli->plugins, name, &plugin);
	return method && plugin->discovery ? method : NULL;
}

/* A plugin of that name which was there but not loaded is the likely reason; borrowed, NULL: none. */
static const struct mst_plugin_fault *fault_of(const struct mst_cli *cli, const char *name)
{
	for (size_t i = 0; i < cli->plugins.fault_count; i++) {
		const char *path = cli->plugins.faults[i].path, *file = strrchr(path, '/');
		size_t len = strlen(name);

		file = file ? file + 1 : path;
		if (strncmp(file, name, len) == 0 && strcmp(file + len, ".so") == 0)
			return &cli->plugins.faults[i];
	}
	return NULL;
}

int mst_method_unknown(struct mst_cli *cli, const char *name, struct mst_err *err)
{
	const struct mst_plugin_fault *fault = fault_of(cli, name);
	struct mst_nearest nearest;
	struct mst_buf known;
	char shown[MST_SHOWN];
	int rc;

	mst_nearest_init(&nearest, name);
	mst_buf_init(&known, 4096);
	for (size_t i = 0; i < cli->plugins.count; i++) {
		const struct mst_manifest *plugin = &cli->plugins.plugins[i];

		for (size_t j = 0; plugin->discovery && j < plugin->method_count; j++) {
			mst_nearest_try(&nearest, plugin->methods[j].def.name);
			mst_buf_printf(&known, "%s%s", known.len ? ", " : "", plugin->methods[j].def.name);
		}
	}
	mst_conf_show(name, shown);
	if (fault)
		rc = mst_err_set(err, MST_E_REFUSED, "no method \"%s\", its plugin is not loaded: %s", shown,
		                 fault->text);
	else if (mst_nearest_best(&nearest))
		rc = mst_err_set(err, MST_E_NOT_FOUND, "no method \"%s\": did you mean %s?", shown,
		                 mst_nearest_best(&nearest));
	else
		rc = mst_err_set(err, MST_E_NOT_FOUND, "no method \"%s\"; there is: %s", shown,
		                 known.len ? mst_buf_text(&known) : "none (muster plugins says why)");
	mst_buf_free(&known);
	return rc;
}

static char *keep_text(struct mst_cli *cli, char *text)
{
	if (text)
		cli->method_texts[cli->method_text_count++] = text;
	return text;
}

static char *dashed(const char *name)
{
	char *copy = mst_str_dup(name);

	for (char *at = copy; at && *at; at++)
		*at = *at == '_' ? '-' : *at;
	return copy;
}

static const char *placeholder(uint32_t type)
{
	static const char *const words[] = {"VALUE", "TEXT", "on|off",  "N",     "CHOICE",    "DURATION",
	                                    "RATE",  "SIZE", "TARGETS", "PORTS", "ADDRESSES", "secret:NAME"};

	return type < sizeof(words) / sizeof(words[0]) ? words[type] : words[0];
}

static bool make_row(struct mst_cli *cli, const struct mst_option_def *def, struct mst_arg_option *row)
{
	bool is_switch = def->type == MUSTER_OPTION_BOOL;

	row->name = keep_text(cli, dashed(def->name));
	row->value = is_switch ? "[on|off]" : def->choices ? def->choices : placeholder(def->type);
	row->help = def->help;
	row->takes = is_switch ? mst_args_is_switch_word : NULL;
	row->negatable = is_switch;
	row->flags = def->type == MUSTER_OPTION_TARGETS || def->type == MUSTER_OPTION_ADDRESSES ? MST_ARG_JOIN : 0;
	return row->name != NULL;
}

int mst_method_use(struct mst_cli *cli, const char *name, struct mst_err *err)
{
	size_t count;

	cli->method = mst_method_find(cli, name, err);
	if (!cli->method)
		return cli->plugins_loaded ? mst_method_unknown(cli, name, err) : err->code;
	count = cli->method->def.option_count;
	cli->method_options = calloc(count + 1, sizeof(*cli->method_options));
	cli->method_texts = calloc(count + 1, sizeof(*cli->method_texts));
	if (!cli->method_options || !cli->method_texts)
		return mst_err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		if (!make_row(cli, &cli->method->def.options[i], &cli->method_options[i]))
			return mst_err_no_memory(err);
	return mst_args_add_table(&cli->args, cli->method_options, err);
}

const struct mst_option_def *mst_method_target_option(const struct mst_method *method)
{
	const struct mst_option_def *first = NULL;

	for (size_t i = 0; i < method->def.option_count; i++) {
		const struct mst_option_def *def = &method->def.options[i];

		if (def->type != MUSTER_OPTION_TARGETS)
			continue;
		if (strcmp(def->name, "include") == 0)
			return def;
		first = first ? first : def;
	}
	return first;
}

static int put_targets(struct mst_cli *cli, struct mst_option_set *set, const char *const *targets, size_t count,
                       struct mst_err *err)
{
	const struct mst_option_def *def = mst_method_target_option(cli->method);
	struct mst_buf list;
	int rc;

	if (count == 0 && def && (def->flags & MUSTER_OPTION_REQUIRED) && !mst_option_set_is_set(set, def->name))
		return mst_err_set(
		        err, MST_E_USAGE,
		        "say what to scan: muster scan %s TARGETS..., such as 192.0.2.0/24 or host.example.net",
		        cli->method->def.name);
	if (count == 0)
		return MST_OK;
	if (!def)
		return mst_err_set(err, MST_E_USAGE, "the method %s takes no targets; its options: muster help scan %s",
		                   cli->method->def.name, cli->method->def.name);
	mst_buf_init(&list, MST_MAX_OPTION_VALUE);
	if (mst_option_set_is_set(set, def->name))
		mst_buf_str(&list, mst_option_set_text(set, def->name));
	for (size_t i = 0; i < count; i++)
		mst_buf_printf(&list, "%s%s", list.len ? "," : "", targets[i]);
	rc = list.failed ? mst_err_set(err, MST_E_LIMIT, "the targets have more than %u bytes: put them into a profile",
	                               MST_MAX_OPTION_VALUE)
	                 : mst_option_set_put(set, def->name, mst_buf_text(&list), err);
	mst_buf_free(&list);
	return rc;
}

int mst_method_options_json(struct mst_cli *cli, const char *const *targets, size_t target_count,
                            struct json_object **out, struct mst_err *err)
{
	struct mst_option_set set;
	int rc = mst_option_set_init(&set, &cli->method->def, err);

	*out = NULL;
	if (rc != MST_OK)
		return rc;
	for (size_t i = 0; rc == MST_OK && i < cli->method->def.option_count; i++) {
		const struct mst_option_def *def = &cli->method->def.options[i];
		const char *text = mst_cli_option(cli, cli->method_options[i].name);

		if (text)
			rc = mst_option_set_put(&set, def->name,
			                        text[0] || def->type != MUSTER_OPTION_BOOL ? text : "on", err);
	}
	if (rc == MST_OK)
		rc = put_targets(cli, &set, targets, target_count, err);
	if (rc == MST_OK)
		rc = mst_option_set_check(&set, err);
	if (rc == MST_OK && !(*out = mst_option_set_json(&set)))
		rc = mst_err_no_memory(err);
	mst_option_set_free(&set);
	return rc;
}

void mst_help_wrap(const struct mst_cli *cli, const char *text, size_t left)
{
	size_t at = left, room = cli->width > left + 20 && cli->width < WRAP_WIDTH ? cli->width : WRAP_WIDTH;

	while (*text) {
		size_t n = strcspn(text, " ");
		char *word = mst_str_dupn(text, n);

		if (at > left && at + 1 + n > room) {
			printf("\n%*s", (int)left, "");
			at = left;
		} else if (at > left) {
			putchar(' ');
			at++;
		}
		mst_out_text(stdout, word);
		free(word);
		at += n;
		text += n;
		while (*text == ' ')
			text++;
	}
	putchar('\n');
}

void mst_method_help(const struct mst_cli *cli)
{
	for (size_t i = 0; i < cli->method->def.option_count; i++) {
		const struct mst_option_def *def = &cli->method->def.options[i];
		const struct mst_arg_option *row = &cli->method_options[i];
		bool plain = def == mst_method_target_option(cli->method);
		char *help = mst_str_printf("%s%s%s%s%s", def->help, def->default_value ? " (default " : "",
		                            def->default_value ? def->default_value : "", def->default_value ? ")" : "",
		                            plain                                 ? " (the plain words of the command)"
		                            : def->flags & MUSTER_OPTION_REQUIRED ? " (required)"
		                                                                  : "");
		struct mst_arg_option shown[2] = {*row, {0}};

		shown[0].help = help ? help : def->help;
		mst_help_options(cli, shown);
		free(help);
	}
}

int mst_method_help_list(struct mst_cli *cli, const char *command, struct mst_err *err)
{
	int rc = mst_cli_plugins(cli, true, err);

	if (rc != MST_OK)
		return rc;
	printf("\n%sMethods%s; their options: muster help %s METHOD\n", mst_out_on(cli->colour, MST_STYLE_BOLD),
	       mst_out_off(cli->colour), command);
	for (size_t i = 0; i < cli->plugins.count; i++) {
		const struct mst_manifest *plugin = &cli->plugins.plugins[i];

		for (size_t j = 0; plugin->discovery && j < plugin->method_count; j++) {
			printf("  %-11s ", plugin->methods[j].def.name);
			mst_help_wrap(cli, plugin->methods[j].def.summary, 14);
		}
	}
	return MST_OK;
}
