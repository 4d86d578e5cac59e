/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/log.h"
#include "daemon/daemon.h"

int main(int argc, char *argv[])
{
	struct mst_daemon_options options;
	struct mst_err err = {.code = MST_OK};

	if (mst_daemon_options_parse(&options, argc, argv, &err) != MST_OK) {
		fprintf(stderr, "musterd: %s\n", err.text);
		return mst_code_exit(MST_E_USAGE);
	}
	if (options.help) {
		fputs(mst_daemon_usage(), stdout);
		return 0;
	}
	if (options.version) {
		puts("musterd " MST_VERSION);
		return 0;
	}
	mst_log_setup("musterd", options.verbose ? MST_LOG_DEBUG : MST_LOG_INFO);
	return mst_daemon_run(&options);
}
