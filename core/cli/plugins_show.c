/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin's manifest for a person. */
#include <inttypes.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/child.h"
#include "cli/method.h"
#include "cli/output.h"
#include "cli/plugins.h"
#include "conf/word.h"

static const char *option_type(uint32_t type)
{
	static const char *const words[] = {"",     "text", "on|off",  "number", "choice",    "duration",
	                                    "rate", "size", "targets", "ports",  "addresses", "secret"};

	return type < sizeof(words) / sizeof(words[0]) ? words[type] : "?";
}

static const char *field_type(uint32_t type)
{
	static const char *const words[] = {"", "text", "number", "on|off", "time", "address", "list", "object"};

	return type < sizeof(words) / sizeof(words[0]) ? words[type] : "?";
}

static void title(const struct mst_cli *cli, const char *text)
{
	printf("\n%s%s%s\n", mst_out_on(cli->colour, MST_STYLE_BOLD), text, mst_out_off(cli->colour));
}

static int show_options(const struct mst_cli *cli, const char *head, const struct mst_option_def *options, size_t count,
                        struct mst_err *err)
{
	struct mst_table table;

	if (count == 0)
		return MST_OK;
	title(cli, head);
	mst_table_init(&table);
	table.wrap = true;
	mst_table_add_column(&table, "option", 0, 8, false);
	mst_table_add_column(&table, "type", 2, 6, false);
	mst_table_add_column(&table, "default", 1, 7, false);
	mst_table_add_column(&table, "meaning", 3, 30, false);
	for (size_t i = 0; i < count; i++) {
		const struct mst_option_def *def = &options[i];
		char *help = mst_str_printf("%s%s%s", def->flags & MUSTER_OPTION_REQUIRED ? "(required) " : "",
		                            def->flags & MUSTER_OPTION_RISKY ? "(careful) " : "", def->help);

		mst_table_add(&table, def->name, MST_STYLE_NONE);
		mst_table_add(&table, def->type == MUSTER_OPTION_CHOICE ? def->choices : option_type(def->type),
		              MST_STYLE_NONE);
		mst_table_add(&table, def->default_value, MST_STYLE_NONE);
		mst_table_add(&table, help ? help : def->help, MST_STYLE_NONE);
		free(help);
	}
	return mst_out_table(cli, &table, err);
}

static int show_fields(const struct mst_cli *cli, const struct mst_method *method, struct mst_err *err)
{
	struct mst_table table;

	if (method->field_count == 0)
		return MST_OK;
	title(cli, "Columns that it fills");
	mst_table_init(&table);
	table.wrap = true;
	mst_table_add_column(&table, "field", 0, 8, false);
	mst_table_add_column(&table, "type", 1, 6, false);
	mst_table_add_column(&table, "meaning", 2, 30, false);
	for (size_t i = 0; i < method->field_count; i++) {
		mst_table_add(&table, method->fields[i].name, MST_STYLE_NONE);
		mst_table_add(&table, field_type(method->fields[i].type), MST_STYLE_NONE);
		mst_table_add(&table, method->fields[i].help, MST_STYLE_NONE);
	}
	return mst_out_table(cli, &table, err);
}

static void show_wants(const struct mst_method *method)
{
	static const struct {
		uint64_t bit;
		const char *text;
	} wants[] = {{MUSTER_WANTS_NET_RAW, "raw sockets (CAP_NET_RAW)"},
	             {MUSTER_WANTS_SPAWN, "starts programs"},
	             {MUSTER_WANTS_NETWORK, "opens sockets"},
	             {MUSTER_WANTS_KNOWN, "reads which addresses are known"}};
	bool first = true;

	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		if (!(method->def.wants & wants[i].bit))
			continue;
		printf("%s%s", first ? "capabilities  " : ", ", wants[i].text);
		first = false;
	}
	if (!first)
		putchar('\n');
}

static void show_tools(const struct mst_method *method)
{
	for (size_t i = 0; i < method->tool_count; i++) {
		const struct mst_tool_def *tool = &method->tools[i];
		char path[4096];

		fputs("needs         ", stdout);
		mst_out_text(stdout, tool->program);
		fputs(" (", stdout);
		mst_out_text(stdout, tool->help);
		if (mst_tool_find(tool->program, path)) {
			printf("): %s\n", path);
		} else {
			char *command = mst_plugins_setup_command(method->def.name, false);

			printf("): not installed: %s\n", command ? command : "");
			free(command);
		}
	}
}

static int show_method(const struct mst_cli *cli, const struct mst_manifest *plugin, const struct mst_method *method,
                       struct mst_err *err)
{
	int rc;

	printf("\n%s ", plugin->store && !plugin->discovery ? "Store" : "Method");
	printf("%s%s%s: ", mst_out_on(cli->colour, MST_STYLE_BOLD), method->def.name, mst_out_off(cli->colour));
	mst_out_text(stdout, method->def.summary);
	putchar('\n');
	show_wants(method);
	show_tools(method);
	rc = show_options(cli, "Options", method->def.options, method->def.option_count, err);
	if (rc == MST_OK)
		rc = show_options(cli, "Options of its connection", method->provider, method->provider_count, err);
	if (rc == MST_OK)
		rc = show_fields(cli, method, err);
	if (rc == MST_OK && method->text_count > 0)
		title(cli, "Texts");
	for (size_t i = 0; rc == MST_OK && i < method->text_count; i++) {
		printf("  %-12s ", method->texts[i].name);
		mst_out_text(stdout, method->texts[i].title);
		printf("\n               muster plugins show %s --text %s\n", plugin->name, method->texts[i].name);
	}
	return rc;
}

static int show_text(const struct mst_manifest *plugin, const char *name, struct mst_err *err)
{
	struct mst_nearest nearest;
	char shown[MST_SHOWN];

	mst_nearest_init(&nearest, name);
	for (size_t i = 0; i < plugin->method_count; i++)
		for (size_t j = 0; j < plugin->methods[i].text_count; j++) {
			const struct mst_text_def *text = &plugin->methods[i].texts[j];

			mst_nearest_try(&nearest, text->name);
			if (strcmp(text->name, name) != 0)
				continue;
			mst_out_lines(stdout, text->body);
			return MST_OK;
		}
	mst_conf_show(name, shown);
	if (mst_nearest_best(&nearest))
		return mst_err_set(err, MST_E_NOT_FOUND, "the plugin %s has no text \"%s\": did you mean %s?",
		                   plugin->name, shown, mst_nearest_best(&nearest));
	return mst_err_set(err, MST_E_NOT_FOUND,
	                   "the plugin %s has no text \"%s\": muster plugins show %s lists its texts", plugin->name,
	                   shown, plugin->name);
}

int mst_plugins_show(struct mst_cli *cli, struct mst_err *err)
{
	const struct mst_manifest *plugin;
	int rc = mst_plugins_named(cli, cli->words[0], &plugin, err);

	if (rc != MST_OK)
		return rc;
	if (mst_cli_has(cli, "text"))
		return show_text(plugin, mst_cli_option(cli, "text"), err);
	if (cli->format != MST_CLI_TABLE) {
		struct json_object *json = mst_manifest_to_json(plugin);

		if (cli->format == MST_CLI_CSV)
			rc = mst_err_set(err, MST_E_USAGE, "a plugin is no table: use --json");
		else
			(cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(json);
		json_object_put(json);
		return rc;
	}
	printf("%s%s%s ", mst_out_on(cli->colour, MST_STYLE_BOLD), plugin->name, mst_out_off(cli->colour));
	mst_out_text(stdout, plugin->version);
	fputs(": ", stdout);
	mst_out_text(stdout, plugin->summary);
	printf("\nABI %" PRIu32 ".%" PRIu32 ", ", plugin->abi >> 16, plugin->abi & 0xffff);
	mst_out_text(stdout, plugin->path ? plugin->path : "");
	putchar('\n');
	for (size_t i = 0; rc == MST_OK && i < plugin->method_count; i++)
		rc = show_method(cli, plugin, &plugin->methods[i], err);
	return rc;
}
