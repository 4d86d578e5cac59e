/* SPDX-License-Identifier: Apache-2.0 */
/* Installs what a method needs with the distribution's own means, and takes away only what it installed itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/apt.h"
#include "cli/child.h"
#include "cli/output.h"
#include "cli/plugins.h"

#define RECORD_MAX 65536u
/* "METHOD PACKAGE" a line: what setup installed. A directory of root's own: the store's belongs to the service. */
static const char record_path[] = MST_SETUPDIR "/installed";

/* Names of packages; the texts are one allocation. */
struct names {
	struct mst_buf text; /* one a line; lines become texts */
	const char *list[MST_APT_PACKAGES + 1];
	size_t count;
};

static void names_init(struct names *names)
{
	memset(names, 0, sizeof(*names));
	mst_buf_init(&names->text, RECORD_MAX);
}

static void names_split(struct names *names)
{
	char *at = names->text.data;

	while (at && *at && names->count < MST_APT_PACKAGES) {
		char *end = at + strcspn(at, "\n");

		names->list[names->count++] = at;
		if (!*end)
			break;
		*end = '\0';
		at = end + 1;
	}
	names->list[names->count] = NULL;
}

static bool has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->list[i], name) == 0)
			return true;
	return false;
}

char *mst_plugins_setup_command(const char *method, bool remove)
{
	struct mst_paths paths;
	const char *program = "muster";

	if (mst_paths_find(&paths, NULL) == MST_OK && strcmp(paths.muster, "/usr/bin/muster") != 0 &&
	    strcmp(paths.muster, "/usr/local/bin/muster") != 0)
		program = paths.muster;
	return mst_str_printf("sudo %s plugins setup %s%s", program, method, remove ? " --remove" : "");
}

/* root does what is written there, so nobody else may have written it. */
static int read_record(struct mst_buf *text, struct mst_err *err)
{
	int rc = access(record_path, F_OK) != 0 && errno == ENOENT ? MST_OK : mst_file_trusted(record_path, err);

	mst_buf_init(text, RECORD_MAX);
	if (rc == MST_OK)
		rc = mst_file_read(record_path, RECORD_MAX, text, err);
	return rc == MST_E_NOT_FOUND ? MST_OK : rc;
}

/* The record's lines, those of `method` without: appended to `names` when it is not NULL. */
static void split_record(const char *record, const char *method, struct mst_buf *others, struct mst_buf *names)
{
	size_t len = strlen(method);

	while (*record) {
		size_t n = strcspn(record, "\n");

		if (n > len && memcmp(record, method, len) == 0 && record[len] == ' ') {
			if (names)
				mst_buf_printf(names, "%.*s\n", (int)(n - len - 1), record + len + 1);
		} else if (n > 0) {
			mst_buf_printf(others, "%.*s\n", (int)n, record);
		}
		record += n + (record[n] == '\n');
	}
}

/* What setup installed for the method and is still there. */
static int recorded(const char *method, struct names *names, struct mst_err *err)
{
	struct mst_buf record, others, lines;
	int rc = read_record(&record, err);

	mst_buf_init(&others, RECORD_MAX);
	mst_buf_init(&lines, RECORD_MAX);
	split_record(mst_buf_text(&record), method, &others, &lines);
	for (const char *at = mst_buf_text(&lines); rc == MST_OK && *at; at += strcspn(at, "\n") + 1) {
		char name[128];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, "\n"), at);
		if (mst_apt_is_package(name) && mst_apt_has(name))
			mst_buf_printf(&names->text, "%s\n", name);
	}
	names_split(names);
	mst_buf_free(&record);
	mst_buf_free(&others);
	mst_buf_free(&lines);
	return rc;
}

/* Puts `names` in the place of what the record has of the method. NULL: nothing. */
static int write_record(const char *method, const struct names *names, struct mst_err *err)
{
	struct mst_buf record, others;
	int rc = read_record(&record, err);

	mst_buf_init(&others, RECORD_MAX);
	split_record(mst_buf_text(&record), method, &others, NULL);
	for (size_t i = 0; names && i < names->count; i++)
		mst_buf_printf(&others, "%s %s\n", method, names->list[i]);
	if (rc == MST_OK)
		rc = mst_file_mkdirs(MST_SETUPDIR, 0755, err);
	if (rc == MST_OK && others.failed)
		rc = mst_err_set(err, MST_E_LIMIT, "%s has no room for more", record_path);
	if (rc == MST_OK)
		rc = mst_file_write_atomic(record_path, mst_buf_text(&others), others.len, 0644, err);
	mst_buf_free(&record);
	mst_buf_free(&others);
	return rc;
}

bool mst_plugins_was_set_up(const char *method)
{
	struct names names;
	bool any;

	names_init(&names);
	any = recorded(method, &names, NULL) == MST_OK && names.count > 0;
	mst_buf_free(&names.text);
	return any;
}

static int not_root(const char *method, bool remove, struct mst_err *err)
{
	char *command = mst_plugins_setup_command(method, remove);
	int rc = mst_err_set(err, MST_E_REFUSED, "%s packages needs root. Type: %s", remove ? "removing" : "installing",
	                     command ? command : "");

	free(command);
	return rc;
}

/* What would come with the package; the lists of a fresh machine are fetched first. */
static int plan_install(const char *package, struct names *names, struct mst_err *err)
{
	const char *const packages[] = {package, NULL};
	int rc = mst_apt_preview("install", packages, &names->text, err);

	if (rc != MST_OK) {
		rc = mst_apt_do("update", NULL, err);
		mst_buf_reset(&names->text);
		if (rc == MST_OK)
			rc = mst_apt_preview("install", packages, &names->text, err);
	}
	names_split(names);
	if (rc == MST_OK && names->count == 0)
		rc = mst_err_set(
		        err, MST_E_FAILED,
		        "the package %s is installed, and its program is not there: type apt-get install --reinstall %s",
		        package, package);
	return rc;
}

/* Only what has really come is kept in the record. */
static int settle(const char *method, const struct names *planned, struct mst_err *err)
{
	struct names there;
	int rc;

	memset(&there, 0, sizeof(there));
	for (size_t i = 0; i < planned->count; i++)
		if (mst_apt_has(planned->list[i]))
			there.list[there.count++] = planned->list[i];
	rc = write_record(method, &there, err);
	return rc;
}

static int install(const struct mst_method *method, const struct mst_tool_def *tool, struct mst_err *err)
{
	const char *const packages[] = {tool->package, NULL};
	struct names names;
	char path[4096];
	int rc, kept;

	names_init(&names);
	rc = plan_install(tool->package, &names, err);
	/* Written down first: a package that is installed and forgotten could never be removed. */
	if (rc == MST_OK)
		rc = write_record(method->def.name, &names, err);
	if (rc == MST_OK) {
		struct mst_err inner = {.code = MST_OK};

		rc = mst_apt_do("install", packages, err);
		kept = settle(method->def.name, &names, &inner);
		if (rc == MST_OK && kept != MST_OK) {
			*err = inner;
			rc = kept;
		}
	}
	if (rc == MST_OK && !mst_tool_find(tool->program, path))
		rc = mst_err_set(err, MST_E_FAILED, "the package %s is installed, and %s is still not there",
		                 tool->package, tool->program);
	if (rc == MST_OK)
		printf("%s is installed: %s (package %s and %zu that it needs; muster plugins setup %s --remove takes them "
		       "away again)\n",
		       tool->program, path, tool->package, names.count - 1, method->def.name);
	mst_buf_free(&names.text);
	return rc;
}

int mst_plugins_install(const struct mst_method *method, const struct mst_tool_def *tool, struct mst_err *err)
{
	char path[4096];
	int rc;

	if (mst_tool_find(tool->program, path)) {
		printf("%s is here already: %s; nothing to do\n", tool->program, path);
		return MST_OK;
	}
	if (!mst_apt_is_package(tool->package))
		return mst_err_set(err, MST_E_USAGE, "the plugin names no Debian package for %s: install it by hand",
		                   tool->program);
	if (geteuid() != 0)
		return not_root(method->def.name, false, err);
	rc = mst_apt_here("install it", err);
	return rc == MST_OK ? install(method, tool, err) : rc;
}

/* Would the removal of these stay within what setup installed? `other` gets the first package that would go as well. */
static int stays_within(const char *const *packages, const struct names *ours, bool *within, char other[128],
                        struct mst_err *err)
{
	struct names gone;
	int rc;

	names_init(&gone);
	rc = mst_apt_preview("remove", packages, &gone.text, err);
	names_split(&gone);
	*within = rc == MST_OK;
	for (size_t i = 0; i < gone.count && *within; i++) {
		*within = has_name(ours, gone.list[i]);
		if (!*within)
			snprintf(other, 128, "%s", gone.list[i]);
	}
	mst_buf_free(&gone.text);
	return rc;
}

/* All that was installed goes, but for what other packages have come to need. */
static int choose(const struct names *ours, const char *package, struct names *chosen, struct mst_err *err)
{
	char other[128] = "";
	bool within;
	int rc = stays_within(ours->list, ours, &within, other, err);

	if (rc == MST_OK && within) {
		if (has_name(ours, package))
			chosen->list[chosen->count++] = package; /* the one that people know comes first */
		for (size_t i = 0; i < ours->count; i++)
			if (strcmp(ours->list[i], package) != 0)
				chosen->list[chosen->count++] = ours->list[i];
		chosen->list[chosen->count] = NULL;
		return MST_OK;
	}
	chosen->count = has_name(ours, package) ? 1 : 0;
	chosen->list[0] = chosen->count ? package : NULL;
	if (rc == MST_OK && chosen->count)
		rc = stays_within(chosen->list, ours, &within, other, err);
	if (rc == MST_OK && chosen->count && !within)
		return mst_err_set(
		        err, MST_E_REFUSED,
		        "without %s the package %s would go as well, which muster did not install: remove that first, "
		        "if you want to: apt-get remove %s",
		        package, other, other);
	for (size_t i = 0; i < ours->count && rc == MST_OK; i++) {
		if (has_name(chosen, ours->list[i]))
			continue;
		chosen->list[chosen->count] = ours->list[i];
		chosen->list[chosen->count + 1] = NULL;
		rc = stays_within(chosen->list, ours, &within, other, err);
		chosen->count += rc == MST_OK && within;
		chosen->list[chosen->count] = NULL;
	}
	return rc;
}

static int take_away(const struct mst_method *method, const struct mst_tool_def *tool, const struct names *ours,
                     struct mst_err *err)
{
	struct names chosen = {.count = 0};
	struct mst_err inner = {.code = MST_OK};
	int rc = choose(ours, tool->package, &chosen, err), kept;

	if (rc != MST_OK)
		return rc;
	if (chosen.count > 0)
		rc = mst_apt_do("remove", chosen.list, err);
	kept = rc == MST_OK ? write_record(method->def.name, NULL, &inner) : settle(method->def.name, ours, &inner);
	if (rc == MST_OK && kept != MST_OK) {
		*err = inner;
		return kept;
	}
	if (rc == MST_OK) {
		for (size_t i = 0; i < chosen.count; i++)
			printf("%s%s", i ? ", " : "removed: ", chosen.list[i]);
		printf("%s", chosen.count ? "\n" : "");
		for (size_t i = 0; i < ours->count; i++)
			if (!has_name(&chosen, ours->list[i]))
				printf("%s stays: another package needs it\n", ours->list[i]);
	}
	return rc;
}

int mst_plugins_uninstall(const struct mst_method *method, const struct mst_tool_def *tool, struct mst_err *err)
{
	struct names ours;
	int rc;

	names_init(&ours);
	rc = recorded(method->def.name, &ours, err);
	if (rc == MST_OK && ours.count == 0)
		printf("nothing of %s was installed by muster (%s); nothing is removed\n", tool->package, record_path);
	else if (rc == MST_OK && geteuid() != 0)
		rc = not_root(method->def.name, true, err);
	else if (rc == MST_OK)
		rc = mst_apt_here("remove it", err);
	if (rc == MST_OK && ours.count > 0)
		rc = take_away(method, tool, &ours, err);
	mst_buf_free(&ours.text);
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
			rc = remove ? mst_plugins_uninstall(&plugin->methods[i], &plugin->methods[i].tools[j], err)
			            : mst_plugins_install(&plugin->methods[i], &plugin->methods[i].tools[j], err);
	if (rc == MST_OK && tools == 0)
		printf("%s needs no other program; nothing to do\n", plugin->name);
	return rc;
}
