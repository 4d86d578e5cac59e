/* SPDX-License-Identifier: Apache-2.0 */
/* muster-worker contract FILE.so: one JSON object per check on stdout. */
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "plugin/contract.h"
#include "worker/worker.h"

static void print(void *data, const char *check, bool ok, const char *text)
{
	struct json_object *line = json_object_new_object();
	(void)data;
	mst_json_add_text(line, "check", check);
	mst_json_add_bool(line, "ok", ok);
	mst_json_add_text(line, "text", text);
	const char *plain = mst_json_string(line, NULL);
	if (plain && mst_file_write_all(mst_worker_stdout, plain, strlen(plain), "standard output", NULL) == MST_OK)
		(void)mst_file_write_all(mst_worker_stdout, "\n", 1, "standard output", NULL);
	json_object_put(line);
}

/* Everything it printed was caught by the start ritual. */
static bool check_silence(void)
{
	char text[MST_MAX_LOG_TEXT];
	if (mst_ritual_output(text, sizeof text) == 0) {
		print(NULL, "silence", true, "it prints nothing");
		return true;
	}
	text[strcspn(text, "\n")] = '\0';
	text[200] = '\0';
	struct mst_err err;
	mst_err_set(&err, MST_E_FAILED, "it prints to standard output or error; use the log service: %s", text);
	print(NULL, "silence", false, err.text);
	return false;
}

int mst_worker_contract(int argc, char **argv)
{
	struct mst_err err = {0};
	(void)argc;
	int status = mst_contract_run(argv[1], print, NULL, &err);
	if (status != MST_OK && status != MST_E_PARTIAL)
		print(NULL, "suite", false, err.text);
	bool silent = check_silence();
	return status == MST_OK && silent ? MST_OK : MST_E_FAILED;
}
