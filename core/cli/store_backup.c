/* SPDX-License-Identifier: Apache-2.0 */
/* A backup arrives as a stream: written under a name of its own, synced, and only then given the name that was asked for. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/follow.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/store.h"

struct target {
	struct mst_cli *cli;
	const char *file;
	char *temporary, *folder;
	int fd;
	bool force;
	int64_t wanted;
};

static int refuse_existing(const struct target *target, struct mst_err *err)
{
	return mst_err_set(err, MST_E_REFUSED, "%s is there already: name another file, or write over it with --force",
	                   target->file);
}

/* Before anything is copied: is there a place to write it? */
static int open_target(struct target *target, struct mst_err *err)
{
	const char *slash = strrchr(target->file, '/');
	struct stat st;

	if (stat(target->file, &st) == 0 && !S_ISREG(st.st_mode))
		return mst_err_set(err, MST_E_USAGE, "%s is no regular file: name a file for the backup", target->file);
	if (!target->force && lstat(target->file, &st) == 0)
		return refuse_existing(target, err);
	target->folder = slash ? mst_str_dupn(target->file, slash == target->file ? 1 : (size_t)(slash - target->file))
	                       : mst_str_dup(".");
	target->temporary = mst_str_printf("%s.XXXXXX", target->file);
	if (!target->folder || !target->temporary)
		return mst_err_no_memory(err);
	target->fd = mkostemp(target->temporary, O_CLOEXEC);
	if (target->fd >= 0)
		return MST_OK;
	free(target->temporary);
	target->temporary = NULL;
	return mst_err_errno(err, errno, "cannot write %s: make its folder, or name another file", target->file);
}

static int on_bytes(void *data, int64_t bytes)
{
	struct target *target = data;

	mst_store_progress(target->cli, "writing the backup", bytes, target->wanted);
	return mst_interrupts() > 0;
}

/* Without --force a file that appeared meanwhile is not written over. */
static int name_it(struct target *target, struct mst_err *err)
{
	int rc = renameat2(AT_FDCWD, target->temporary, AT_FDCWD, target->file, target->force ? 0 : RENAME_NOREPLACE);

	if (rc != 0 && errno == EINVAL && !target->force) { /* a file system that cannot */
		rc = link(target->temporary, target->file);
		if (rc == 0)
			(void)unlink(target->temporary);
	}
	if (rc != 0 && errno == EEXIST)
		return refuse_existing(target, err);
	if (rc != 0)
		return mst_err_errno(err, errno, "cannot name the backup %s", target->file);
	free(target->temporary);
	target->temporary = NULL;
	return mst_file_sync_dir(target->folder, err);
}

static int fetch(struct target *target, struct json_object *task, int64_t *bytes, struct mst_err *err)
{
	struct mst_cli *cli = target->cli;
	char *path = mst_cli_path("/v1/store/tasks/", mst_json_text(task, "task", ""), "/content");
	int rc = path ? MST_OK : mst_err_no_memory(err);

	target->wanted = mst_json_int(task, "bytes", 0);
	if (rc == MST_OK)
		rc = mst_client_download(&cli->client, path, target->fd, on_bytes, target, bytes, err);
	mst_store_progress(cli, NULL, 0, 0);
	free(path);
	if (rc == MST_OK && *bytes != target->wanted)
		rc = mst_err_set(err, MST_E_FAILED, "the copy broke off after %lld of %lld bytes: try again",
		                 (long long)*bytes, (long long)target->wanted);
	if (rc == MST_OK && fsync(target->fd) != 0)
		rc = mst_err_errno(err, errno, "cannot sync %s", target->file);
	return rc;
}

static void say_done(struct target *target, int64_t bytes)
{
	struct mst_cli *cli = target->cli;
	char size[MST_FORMAT_SIZE];
	struct json_object *answer;

	if (cli->format == MST_CLI_TABLE) {
		printf("%s of a sound copy are in ", mst_format_bytes(bytes, size));
		mst_out_text(stdout, target->file);
		putchar('\n');
		return;
	}
	answer = json_object_new_object();
	mst_json_add_text(answer, "file", target->file);
	mst_json_add_int(answer, "bytes", bytes);
	(cli->format == MST_CLI_NDJSON ? mst_out_line : mst_out_json)(answer);
	json_object_put(answer);
}

int mst_store_backup_run(struct mst_cli *cli, struct mst_err *err)
{
	struct target target = {.cli = cli, .file = cli->words[0], .fd = -1, .force = mst_cli_has(cli, "force")};
	struct json_object *task = NULL;
	int64_t bytes = 0;
	int rc =
	        cli->format == MST_CLI_CSV ? mst_err_set(err, MST_E_USAGE, "a backup is no table: use --json") : MST_OK;

	mst_interrupts_take(); /* from here on there is something to tidy up */
	if (rc == MST_OK)
		rc = open_target(&target, err);
	if (rc == MST_OK)
		rc = mst_store_task(cli, "backup", &task, err);
	if (rc == MST_OK)
		rc = fetch(&target, task, &bytes, err);
	/* An answer half read leaves the connection of no use; the service drops the copy by itself. */
	if (rc == MST_OK)
		mst_store_task_drop(cli, task);
	if (rc == MST_OK)
		rc = name_it(&target, err);
	if (rc == MST_OK)
		say_done(&target, bytes);
	if (target.fd >= 0)
		close(target.fd);
	if (target.temporary)
		(void)unlink(target.temporary);
	free(target.temporary);
	free(target.folder);
	json_object_put(task);
	return rc;
}
