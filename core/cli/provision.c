/* SPDX-License-Identifier: Apache-2.0 */
/* What the profiles need and is not installed; what setup installed and no profile needs any more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/plugins.h"

static const struct mst_profile *profile_of(const struct mst_settings *settings, const char *method)
{
	for (size_t i = 0; i < settings->profile_count; i++)
		if (strcmp(settings->profiles[i].options.method->name, method) == 0)
			return &settings->profiles[i];
	return NULL;
}

static void say(const struct mst_cli *cli, const struct mst_profile *profile, const struct mst_method *method,
                const struct mst_tool_def *tool, bool automatic)
{
	char *command = mst_plugins_setup_command(method->def.name, profile == NULL);
	const char *cure = command ? command : "";
	const char *why = automatic && geteuid() != 0 ? " (provision = auto does it for root alone)" : "";

	fflush(stdout);
	if (profile)
		mst_cli_note(cli, "%s: profile \"%s\" needs %s, which is not installed%s: %s", profile->at,
		             profile->name, tool->program, why, cure);
	else
		mst_cli_note(cli, "no profile uses %s any more, and muster has installed it%s: %s", tool->program, why,
		             cure);
	free(command);
}

static int provision_tool(const struct mst_cli *cli, const struct mst_settings *settings,
                          const struct mst_method *method, const struct mst_tool_def *tool, bool act,
                          struct mst_err *err)
{
	const struct mst_profile *profile = profile_of(settings, method->def.name);
	bool automatic = act && settings->provision && strcmp(settings->provision, "auto") == 0;
	char path[4096];
	bool here = mst_tool_find(tool->program, path);

	if (profile ? here : !here || !mst_plugins_was_set_up(method->def.name))
		return MST_OK;
	if (!automatic || geteuid() != 0) {
		say(cli, profile, method, tool, automatic);
		return MST_OK;
	}
	return profile ? mst_plugins_install(method, tool, err) : mst_plugins_uninstall(method, tool, err);
}

int mst_plugins_provision(const struct mst_cli *cli, const struct mst_settings *settings, bool act, struct mst_err *err)
{
	int rc = MST_OK;

	for (size_t p = 0; p < cli->plugins.count && rc == MST_OK; p++) {
		const struct mst_manifest *plugin = &cli->plugins.plugins[p];

		for (size_t m = 0; plugin->discovery && m < plugin->method_count && rc == MST_OK; m++)
			for (size_t t = 0; t < plugin->methods[m].tool_count && rc == MST_OK; t++)
				rc = provision_tool(cli, settings, &plugin->methods[m], &plugin->methods[m].tools[t],
				                    act, err);
	}
	return rc;
}
