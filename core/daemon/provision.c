/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that profiles need, without being asked: only as root, and only where the configuration says so. */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "daemon/daemon.h"

#define WORDS 8 /* of the command at most, with the NULL */

/* One at a time; what it would have found is found by the next. */
static uv_process_t process;
static bool running;

static void on_closed(uv_handle_t *handle)
{
	(void)handle;
	running = false;
}

static void on_exit_status(uv_process_t *ended, int64_t status, int number)
{
	if (status != 0 || number != 0)
		mst_log(MST_LOG_ERROR, "daemon",
		        "the programs that profiles need could not be provided (the lines above say why): type "
		        "muster config provision");
	else
		mst_log(MST_LOG_INFO, "daemon", "the programs that profiles need have been looked after");
	uv_close((uv_handle_t *)ended, on_closed);
}

void mst_daemon_provision(struct uv_loop_s *loop, const char *muster, const struct mst_daemon_options *options,
                          const char *provision)
{
	static char config_word[] = "config", verb[] = "provision", config_option[] = "--config",
	            dir_option[] = "--plugin-dir";
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
	                                 {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
	                                 {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}};
	char *args[WORDS], path[PATH_MAX];
	uv_process_options_t start;
	int n = 0, code;

	if (running || geteuid() != 0 || provision == NULL || strcmp(provision, "auto") != 0 ||
	    !mst_daemon_config(options, path))
		return;
	args[n++] = (char *)(uintptr_t)muster;
	args[n++] = config_option;
	args[n++] = path;
	if (options->plugin_dir) {
		args[n++] = dir_option;
		args[n++] = (char *)(uintptr_t)options->plugin_dir;
	}
	args[n++] = config_word;
	args[n++] = verb;
	args[n] = NULL;
	memset(&start, 0, sizeof(start));
	start.file = muster;
	start.args = args;
	start.flags = UV_PROCESS_DETACHED;
	start.stdio = stdio;
	start.stdio_count = 3;
	start.exit_cb = on_exit_status;
	running = true;
	code = uv_spawn(loop, &process, &start);
	if (code == 0) {
		mst_log(MST_LOG_INFO, "daemon", "provision = auto: looking after the programs that profiles need");
		return;
	}
	mst_log(MST_LOG_ERROR, "daemon", "cannot start %s config provision: %s", muster, uv_strerror(code));
	uv_close((uv_handle_t *)&process, on_closed);
}
