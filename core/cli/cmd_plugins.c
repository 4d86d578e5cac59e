/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins of this machine, in their own words. Needs no service. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/child.h"
#include "cli/method.h"
#include "cli/output.h"
#include "cli/plugins.h"
#include "conf/word.h"

#define CONTRACT_LIMIT_MS 300000

static const char *offers(const struct mst_manifest *plugin, char out[64])
{
	snprintf(out, 64, "%s%s%s", plugin->discovery ? "discovery " : "", plugin->execute ? "execute " : "",
	         plugin->store ? "store " : "");
	if (out[0])
		out[strlen(out) - 1] = '\0';
	return out;
}

static struct json_object *list_json(const struct mst_cli *cli)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < cli->plugins.count; i++) {
		struct json_object *item = mst_manifest_to_json(&cli->plugins.plugins[i]);

		mst_json_push(list, item);
	}
	return list;
}

static int run_list(struct mst_cli *cli, struct mst_err *err)
{
	static const char *const columns[] = {"name", "version", "interfaces", "summary", "path"};
	struct mst_table table;
	int rc = mst_cli_plugins(cli, true, err);

	if (rc != MST_OK)
		return rc;
	if (cli->format != MST_CLI_TABLE) {
		struct json_object *list = list_json(cli);

		mst_out_array(cli, list, columns, 5);
		json_object_put(list);
		return MST_OK;
	}
	mst_table_init(&table);
	mst_table_add_column(&table, "plugin", 0, 6, false);
	mst_table_add_column(&table, "version", 1, 5, false);
	mst_table_add_column(&table, "offers", 2, 5, false);
	mst_table_add_column(&table, "methods", 3, 5, false);
	mst_table_add_column(&table, "what it is", 4, 16, false);
	for (size_t i = 0; i < cli->plugins.count; i++) {
		const struct mst_manifest *plugin = &cli->plugins.plugins[i];
		struct mst_buf methods;
		char what[64];

		mst_buf_init(&methods, 4096);
		for (size_t j = 0; j < plugin->method_count; j++)
			mst_buf_printf(&methods, "%s%s", j ? " " : "", plugin->methods[j].def.name);
		mst_table_add(&table, plugin->name, MST_STYLE_NONE);
		mst_table_add(&table, plugin->version, MST_STYLE_NONE);
		mst_table_add(&table, offers(plugin, what), MST_STYLE_NONE);
		mst_table_add(&table, mst_buf_text(&methods), MST_STYLE_NONE);
		mst_table_add(&table, plugin->summary, MST_STYLE_NONE);
		mst_buf_free(&methods);
	}
	if (mst_table_rows(&table) == 0) {
		mst_table_free(&table);
		return mst_err_set(
		        err, MST_E_NOT_FOUND,
		        "no plugin could be read; look at the lines above, or name the folder with --plugin-dir");
	}
	return mst_out_table(cli, &table, err);
}

int mst_plugins_named(struct mst_cli *cli, const char *name, const struct mst_manifest **plugin, struct mst_err *err)
{
	struct mst_nearest nearest;
	char shown[MST_SHOWN];
	int rc = mst_cli_plugins(cli, true, err);

	*plugin = NULL;
	if (rc != MST_OK)
		return rc;
	mst_nearest_init(&nearest, name);
	for (size_t i = 0; i < cli->plugins.count; i++) {
		if (strcmp(cli->plugins.plugins[i].name, name) == 0)
			*plugin = &cli->plugins.plugins[i];
		mst_nearest_try(&nearest, cli->plugins.plugins[i].name);
	}
	if (*plugin || mst_plugin_list_method(&cli->plugins, name, plugin))
		return MST_OK;
	mst_conf_show(name, shown);
	if (mst_nearest_best(&nearest))
		return mst_err_set(err, MST_E_NOT_FOUND, "no plugin \"%s\": did you mean %s?", shown,
		                   mst_nearest_best(&nearest));
	return mst_err_set(err, MST_E_NOT_FOUND, "no plugin \"%s\": muster plugins lists them", shown);
}

struct contract {
	struct mst_cli *cli;
	struct mst_out_list list;
	size_t bad;
};

static void contract_row(const struct contract *contract, struct json_object *line)
{
	bool good = mst_json_bool(line, "ok", false);
	const char *check = mst_json_text(line, "check", "");

	printf("%s%-6s%s  ", mst_out_on(contract->cli->colour, good ? MST_STYLE_GOOD : MST_STYLE_BAD),
	       good ? "ok" : "FAULT", mst_out_off(contract->cli->colour));
	mst_out_text(stdout, check);
	printf("%*s ", (int)(strlen(check) < 16 ? 16 - strlen(check) : 0), "");
	mst_help_wrap(contract->cli, mst_json_text(line, "text", ""), 25);
}

static void contract_line(void *data, const char *text)
{
	struct contract *contract = data;
	struct json_object *line = NULL;

	/* A crash may cut the last line. */
	if (mst_json_parse(text, strlen(text), "a line of the contract suite", &line, NULL) != MST_OK)
		return;
	contract->bad += !mst_json_bool(line, "ok", false);
	if (contract->cli->format == MST_CLI_TABLE)
		contract_row(contract, line);
	else
		mst_out_list_item(&contract->list, line);
	json_object_put(line);
}

static int contract_verdict(const struct contract *contract, const char *file, int status, struct mst_err *err)
{
	if (status >= 128)
		return mst_err_set(err, MST_E_FAILED,
		                   "%s ended the suite's process (signal %d); nothing else was touched", file,
		                   status - 128);
	if (contract->bad > 0)
		return mst_err_set(err, MST_E_FAILED, "%s does not keep the contract: %zu fault%s", file, contract->bad,
		                   contract->bad == 1 ? "" : "s");
	if (status != 0)
		return mst_err_set(err, MST_E_FAILED, "%s: the suite ended with status %d; its own lines above say why",
		                   file, status);
	if (contract->cli->format == MST_CLI_TABLE)
		printf("%s keeps the contract\n", file);
	return MST_OK;
}

int mst_plugins_check(struct mst_cli *cli, struct mst_err *err)
{
	static const char *const columns[] = {"check", "ok", "text"};
	struct contract contract = {.cli = cli, .list = {.format = cli->format, .columns = columns, .column_count = 3}};
	const char *argv[4] = {NULL, "contract", NULL, NULL};
	struct mst_paths paths;
	char *file = realpath(cli->words[0], NULL);
	int status = 0, rc;

	if (!file)
		return mst_err_errno(err, errno, "cannot find %s", cli->words[0]);
	rc = mst_cli_paths(cli, &paths, err);
	argv[0] = paths.worker;
	argv[2] = file;
	if (cli->format != MST_CLI_TABLE)
		mst_out_list_begin(&contract.list);
	if (rc == MST_OK)
		rc = mst_child_run(argv, CONTRACT_LIMIT_MS, contract_line, &contract, &status, err);
	if (cli->format != MST_CLI_TABLE)
		mst_out_list_end(&contract.list);
	fflush(stdout);
	if (rc == MST_OK)
		rc = contract_verdict(&contract, file, status, err);
	free(file);
	return rc;
}

static const struct mst_arg_option options[] = {
        {.name = "text", .value = "NAME", .help = "show: print this text of the plugin, as it is"},
        {.name = "remove", .help = "setup: remove what setup installed, and nothing else"},
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "", "the plugins that are here", 0, 0, run_list},
        {"list", "", "the same", 0, 0, run_list},
        {"show", "NAME", "options, rights, columns and texts of a plugin, from the plugin itself", 1, 1,
         mst_plugins_show},
        {"check", "FILE.so", "does it keep the contract? Runs the suite that every plugin of Muster passes", 1, 1,
         mst_plugins_check},
        {"setup", "METHOD", "install the programs that a method needs (as root)", 1, 1, mst_plugins_setup},
        {0},
};
const struct mst_command mst_command_plugins = {
        .name = "plugins",
        .group = "This machine",
        .summary = "what discovery methods and stores are here, and their options",
        .example = "muster plugins show nmap",
        .verbs = verbs,
        .options = options,
};
