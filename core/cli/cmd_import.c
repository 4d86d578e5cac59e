/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a method's own format, streamed to the service. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/time.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/method.h"
#include "cli/output.h"

#define QUIET_MS 2000
#define EVERY_MS 250

struct upload {
	const struct mst_cli *cli;
	int64_t started, shown, size; /* size: 0 when not known */
};

/* The first two seconds are silent: most files are there by then. */
static void show_upload(void *data, int64_t bytes)
{
	struct upload *upload = data;
	int64_t now = mst_time_monotonic();
	char sent[MST_FORMAT_SIZE], all[MST_FORMAT_SIZE];

	if (upload->cli->quiet || !upload->cli->err_tty || now - upload->started < QUIET_MS ||
	    now - upload->shown < EVERY_MS)
		return;
	upload->shown = now;
	if (upload->size > 0)
		fprintf(stderr, "\rImport  %s of %s sent\033[K", mst_format_bytes(bytes, sent),
		        mst_format_bytes(upload->size, all));
	else
		fprintf(stderr, "\rImport  %s sent\033[K", mst_format_bytes(bytes, sent));
}

static char *import_path(struct mst_cli *cli, const char *file)
{
	static const char *const names[] = {"zone", "profile", "covers"};
	const char *slash = strrchr(file, '/');
	struct mst_buf path;

	mst_buf_init(&path, 32768);
	mst_buf_str(&path, "/v1/imports/");
	mst_http_encode(&path, cli->words[0]);
	mst_buf_str(&path, "?name=");
	mst_http_encode(&path, strcmp(file, "-") == 0 ? "stdin" : slash && slash[1] ? slash + 1 : file);
	for (size_t i = 0; i < 3; i++) {
		if (!mst_cli_has(cli, names[i]))
			continue;
		mst_buf_printf(&path, "&%s=", names[i]);
		mst_http_encode(&path, mst_cli_option(cli, names[i]));
	}
	return path.failed ? (mst_buf_free(&path), NULL) : mst_buf_take(&path);
}

static int open_file(const char *file, struct upload *upload, struct mst_err *err)
{
	struct stat st;
	int fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return mst_err_errno(err, errno, "cannot open %s", file);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return mst_err_set(err, MST_E_USAGE, "%s is a folder: name the files in it", file);
	}
	upload->size = S_ISREG(st.st_mode) ? st.st_size : 0;
	if (S_ISREG(st.st_mode) && st.st_size == 0 && fd != STDIN_FILENO) {
		close(fd);
		return mst_err_set(err, MST_E_USAGE, "%s is empty: there is nothing to import", file);
	}
	return fd;
}

static int import_one(struct mst_cli *cli, const char *file, struct mst_err *err)
{
	struct upload upload = {.cli = cli, .started = mst_time_monotonic()};
	struct json_object *answer = NULL;
	int fd = open_file(file, &upload, err), rc;
	char *path;

	if (fd < 0)
		return fd;
	path = import_path(cli, file);
	rc = path ? mst_cli_connect(cli, err) : mst_err_set(err, MST_E_USAGE, "the names or --covers are too long");
	if (rc == MST_OK)
		rc = mst_client_upload(&cli->client, path, "application/octet-stream", fd, show_upload, &upload,
		                       &answer, err);
	if (upload.shown)
		fputs("\r\033[K", stderr);
	if (fd != STDIN_FILENO)
		close(fd);
	free(path);
	if (rc == MST_OK && mst_cli_has(cli, "detach"))
		printf("Run %" PRId64 "   started: muster runs watch %" PRId64 "\n", mst_json_int(answer, "number", 0),
		       mst_json_int(answer, "number", 0));
	else if (rc == MST_OK)
		rc = mst_follow(cli, mst_json_int(answer, "number", 0), true, NULL, err);
	json_object_put(answer);
	return rc;
}

static int run_import(struct mst_cli *cli, struct mst_err *err)
{
	int worst = 0, rc = MST_OK;

	if (!mst_method_find(cli, cli->words[0], err))
		return cli->plugins_loaded ? mst_method_unknown(cli, cli->words[0], err) : err->code;
	for (size_t i = 1; i < cli->word_count; i++) {
		if (cli->word_count > 2 && cli->format == MST_CLI_TABLE) {
			fputs(i > 1 ? "\nFile    " : "File    ", stderr);
			mst_out_text(stderr, cli->words[i]);
			fputc('\n', stderr);
		}
		cli->exit_status = 0;
		rc = import_one(cli, cli->words[i], err);
		/* One bad file of many costs only itself; a lone one is told by the caller. */
		if (rc != MST_OK && i + 1 < cli->word_count) {
			fputs("muster: ", stderr);
			mst_out_text(stderr, err->text);
			fputc('\n', stderr);
			cli->exit_status = mst_code_exit(rc);
			rc = MST_OK;
		}
		if (cli->exit_status == mst_code_exit(MST_E_CANCELLED))
			return rc;
		/* Failed outranks partial. */
		worst = worst == 0 || worst == mst_code_exit(MST_E_PARTIAL)
		                ? (cli->exit_status ? cli->exit_status : worst)
		                : worst;
	}
	cli->exit_status = worst;
	return rc;
}

static const struct mst_arg_option options[] = {
        {.name = "zone", .value = "ZONE", .help = "the zone that the file's addresses are in (default: default)"},
        {.name = "profile", .value = "NAME", .help = "the profile that the observations belong to (default: import)"},
        {.name = "covers",
         .value = "CIDR,...",
         .help = "whose presence the file covers; without it nothing becomes lost",
         .flags = MST_ARG_JOIN},
        {.name = "detach", .help = "send it and return"},
        {0},
};
static const struct mst_verb verbs[] = {
        {"", "METHOD FILE...", "import files that the method wrote earlier or elsewhere; - is standard input", 2,
         SIZE_MAX, run_import},
        {0},
};
const struct mst_command mst_command_import = {
        .name = "import",
        .group = "Discover",
        .summary = "import files, for example of nmap -oX",
        .example = "muster import nmap scan.xml --zone default --covers 192.0.2.0/24",
        .help = "Times come from the file: older observations never replace newer ones, and the same file twice changes nothing.\n"
                "A file that breaks off gives all its complete hosts, and the run is partial.",
        .verbs = verbs,
        .options = options,
};
