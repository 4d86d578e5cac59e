/* SPDX-License-Identifier: Apache-2.0 */
/* Installs what a method needs with the distribution's own means, and takes away only what it installed itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/child.h"
#include "cli/output.h"
#include "cli/plugins.h"

#define RECORD_MAX   65536u
#define APT_LIMIT_MS 1800000
static const char record_path[] = MST_STATEDIR "/provisioned";
static const char apt_get[] = "/usr/bin/apt-get";

char *mst_plugins_setup_command(const char *method, bool remove)
{
	struct mst_paths paths;
	const char *program = "muster";

	if (mst_paths_find(&paths, NULL) == MST_OK && strcmp(paths.muster, "/usr/bin/muster") != 0 &&
	    strcmp(paths.muster, "/usr/local/bin/muster") != 0)
		program = paths.muster;
	return mst_str_printf("sudo %s plugins setup %s%s", program, method, remove ? " --remove" : "");
}

/* A Debian package name: nothing that apt-get could take for an option. */
static bool is_package(const char *name)
{
	return strlen(name) >= 2 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == strlen(name) &&
	       name[0] != '-' && name[0] != '+' && name[0] != '.';
}

static int read_record(struct mst_buf *text, struct mst_err *err)
{
	int rc = mst_file_read(record_path, RECORD_MAX, text, err);

	return rc == MST_E_NOT_FOUND ? MST_OK : rc;
}

static int write_record(const struct mst_buf *text, struct mst_err *err)
{
	int rc = mst_file_mkdirs(MST_STATEDIR, 0755, err);

	return rc == MST_OK ? mst_file_write_atomic(record_path, mst_buf_text(text), text->len, 0644, err) : rc;
}

static int run_apt(const char *verb, const char *package, struct mst_err *err)
{
	const char *const install[] = {apt_get, verb, "-y", "--no-install-recommends", package, NULL};
	const char *const remove[] = {apt_get, verb, "-y", package, NULL};
	const char *const *argv = strcmp(verb, "install") == 0 ? install : remove;
	int status = 0, rc;

	if (access(apt_get, X_OK) != 0)
		return mst_err_set(err, MST_E_UNSUPPORTED,
		                   "there is no apt-get here: %s the package %s with your distribution's own means",
		                   verb, package);
	fprintf(stderr, "running %s %s -y %s\n", apt_get, verb, package);
	fflush(stdout);
	rc = mst_child_run(argv, APT_LIMIT_MS, NULL, NULL, &status, err);
	if (rc == MST_OK && status != 0)
		rc = mst_err_set(err, MST_E_FAILED, "apt-get %s %s ended with status %d; its own lines above say why",
		                 verb, package, status);
	return rc;
}

static int not_root(const char *method, bool remove, struct mst_err *err)
{
	char *command = mst_plugins_setup_command(method, remove);
	int rc = mst_err_set(err, MST_E_REFUSED, "%s packages needs root. Type: %s", remove ? "removing" : "installing",
	                     command ? command : "");

	free(command);
	return rc;
}

static int install_one(const struct mst_method *method, const struct mst_tool_def *tool, struct mst_err *err)
{
	struct mst_buf record;
	char path[4096];
	int rc;

	if (mst_tool_find(tool->program, path)) {
		printf("%s is here already: %s; nothing to do\n", tool->program, path);
		return MST_OK;
	}
	if (!is_package(tool->package))
		return mst_err_set(err, MST_E_USAGE, "the plugin names no Debian package for %s: install it by hand",
		                   tool->program);
	if (geteuid() != 0)
		return not_root(method->def.name, false, err);
	/* Written down first: a package that is installed and forgotten could never be removed. */
	mst_buf_init(&record, RECORD_MAX);
	rc = read_record(&record, err);
	mst_buf_printf(&record, "%s %s\n", method->def.name, tool->package);
	if (rc == MST_OK)
		rc = write_record(&record, err);
	mst_buf_free(&record);
	if (rc == MST_OK)
		rc = run_apt("install", tool->package, err);
	if (rc == MST_OK && !mst_tool_find(tool->program, path))
		rc = mst_err_set(err, MST_E_FAILED, "the package %s is installed, and %s is still not there",
		                 tool->package, tool->program);
	if (rc == MST_OK)
		printf("%s is installed: %s (package %s; muster plugins setup %s --remove takes it away again)\n",
		       tool->program, path, tool->package, method->def.name);
	return rc;
}

/* Moves the lines that are not this method's into `kept`; true when `package` was this method's. */
static bool take_out(const char *record, const char *method, const char *package, struct mst_buf *kept)
{
	char *wanted = mst_str_printf("%s %s", method, package);
	bool found = false;

	while (*record && wanted) {
		size_t n = strcspn(record, "\n");

		if (n == strlen(wanted) && memcmp(record, wanted, n) == 0) {
			found = true;
		} else if (n > 0) {
			mst_buf_add(kept, record, n);
			mst_buf_char(kept, '\n');
		}
		record += n + (record[n] == '\n');
	}
	free(wanted);
	return found;
}

static int remove_one(const struct mst_method *method, const struct mst_tool_def *tool, struct mst_err *err)
{
	struct mst_buf record, kept;
	bool ours;
	int rc;

	mst_buf_init(&record, RECORD_MAX);
	mst_buf_init(&kept, RECORD_MAX);
	rc = read_record(&record, err);
	ours = rc == MST_OK && take_out(mst_buf_text(&record), method->def.name, tool->package, &kept);
	if (rc == MST_OK && !ours)
		printf("the package %s was not installed by muster (%s); it stays\n", tool->package, record_path);
	else if (rc == MST_OK && geteuid() != 0)
		rc = not_root(method->def.name, true, err);
	else if (rc == MST_OK)
		rc = run_apt("remove", tool->package, err);
	if (rc == MST_OK && ours)
		rc = write_record(&kept, err);
	if (rc == MST_OK && ours)
		printf("the package %s is removed\n", tool->package);
	mst_buf_free(&record);
	mst_buf_free(&kept);
	return rc;
}

int mst_plugins_setup(struct mst_cli *cli, struct mst_err *err)
{
	bool remove = mst_cli_has(cli, "remove");
	const struct mst_manifest *plugin;
	size_t tools = 0;
	int rc = mst_plugins_named(cli, cli->words[0], &plugin, err);

	if (rc != MST_OK)
		return rc;
	for (size_t i = 0; rc == MST_OK && i < plugin->method_count; i++)
		for (size_t j = 0; rc == MST_OK && j < plugin->methods[i].tool_count; j++, tools++)
			rc = remove ? remove_one(&plugin->methods[i], &plugin->methods[i].tools[j], err)
			            : install_one(&plugin->methods[i], &plugin->methods[i].tools[j], err);
	if (rc == MST_OK && tools == 0)
		printf("%s needs no other program; nothing to do\n", plugin->name);
	return rc;
}
