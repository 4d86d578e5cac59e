/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies: small ones whole in memory, uploads straight to a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/call.h"
#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"

/* An upload leaves this much of the disk to the store. */
#define UPLOAD_KEEP_FREE (64ll << 20)
#define EARLY_BYTES      (4ll << 20)

static int open_upload(struct mst_call *call)
{
	char id[MST_ID_SIZE];

	mst_id_new(id);
	snprintf(call->upload, sizeof(call->upload), "%s/uploads/%s", call->api->setup.spool, id);
	call->upload_fd = open(call->upload, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* Held until the body is whole or given up: who reads the file meanwhile sees that more is to come. */
	if (call->upload_fd >= 0 && flock(call->upload_fd, LOCK_EX | LOCK_NB) == 0)
		return MST_OK;
	call->failed_status = 507;
	mst_err_errno(&call->failed, errno, "cannot make a file for the upload in %s/uploads", call->api->setup.spool);
	call->upload[0] = '\0';
	return call->failed.code;
}

/* A large file is read while it comes in: the handler is called before its body is whole, and keeps the file. */
static int start_early(struct mst_call *call)
{
	int rc;

	if (call->early || call->upload_bytes < EARLY_BYTES)
		return MST_OK;
	call->early = true;
	rc = call->route->handler(call, &call->failed);
	if (rc != MST_OK)
		call->failed_status = mst_respond_status(call, rc);
	return rc;
}

/* Asked every 16 MiB: statvfs is cheap, a full disk is not. */
static bool disk_is_low(const struct mst_call *call, size_t more)
{
	struct statvfs disk;

	if ((call->upload_bytes >> 24) == ((call->upload_bytes + (int64_t)more) >> 24) && call->upload_bytes > 0)
		return false;
	if (fstatvfs(call->upload_fd, &disk) != 0)
		return false;
	return (int64_t)disk.f_bavail * (int64_t)disk.f_frsize < UPLOAD_KEEP_FREE;
}

static int take_upload(struct mst_call *call, const char *data, size_t size)
{
	if (call->upload_fd < 0 && open_upload(call) != MST_OK)
		return call->failed.code;
	if ((uint64_t)call->upload_bytes + size > MST_MAX_UPLOAD) {
		call->failed_status = 413;
		return mst_err_set(&call->failed, MST_E_LIMIT, "the file is larger than %llu GiB: import it in parts",
		                   MST_MAX_UPLOAD >> 30);
	}
	if (disk_is_low(call, size)) {
		call->failed_status = 507;
		return mst_err_set(&call->failed, MST_E_FULL,
		                   "the disk of %s is nearly full: free space, then import again",
		                   call->api->setup.spool);
	}
	if (mst_file_write_all(call->upload_fd, data, size, "the uploaded file", &call->failed) != MST_OK) {
		call->failed_status = 507;
		return call->failed.code;
	}
	call->upload_bytes += (int64_t)size;
	return start_early(call);
}

/* Nothing of a refused value is kept either. */
static int take_secret(struct mst_call *call, const char *data, size_t size)
{
	int rc = mst_secret_add(call->secret, data, size, "the secret", &call->failed);

	if (rc != MST_OK) {
		mst_secret_clear(call->secret);
		call->failed_status = 413;
	}
	return rc;
}

int mst_body_take(struct mst_call *call, const char *data, size_t *size)
{
	int rc = MST_OK;

	if (call->failed_status == 0 && call->failed.code == MST_OK && call->route) {
		if (call->route->flags & MST_ROUTE_UPLOADS) {
			rc = take_upload(call, data, *size);
		} else if (call->secret) {
			rc = take_secret(call, data, *size);
		} else if (mst_buf_add(&call->body, data, *size) != MST_OK) {
			call->failed_status = 413;
			rc = mst_err_set(&call->failed, MST_E_LIMIT, "the body is larger than %zu bytes",
			                 call->body.max);
		}
	}
	if (call->route && (call->route->flags & MST_ROUTE_SECRET))
		explicit_bzero((char *)(uintptr_t)data, *size);
	*size = 0; /* the rest of a refused body is read and dropped, so that the answer arrives */
	return rc;
}

void mst_call_drop_upload(struct mst_call *call)
{
	if (call->upload_fd >= 0)
		close(call->upload_fd);
	call->upload_fd = -1;
	if (call->upload[0])
		(void)unlink(call->upload);
	call->upload[0] = '\0';
}

void mst_call_free(struct mst_call *call)
{
	mst_call_drop_upload(call);
	mst_buf_free(&call->body);
	mst_secret_free(call->secret);
	mst_buf_free(&call->text);
	json_object_put(call->answer);
	free(call);
}

const char *mst_call_query(struct mst_call *call, const char *name)
{
	return MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
}

int mst_call_query_int(struct mst_call *call, const char *name, int64_t minimum, int64_t maximum, int64_t fallback,
                       int64_t *out, struct mst_err *err)
{
	const char *text = mst_call_query(call, name);

	*out = fallback;
	if (!text || !text[0])
		return MST_OK;
	if (!mst_str_int64(text, out) || *out < minimum || *out > maximum)
		return mst_err_set(err, MST_E_USAGE, "%s=%.32s: a number from %lld to %lld is wanted", name, text,
		                   (long long)minimum, (long long)maximum);
	return MST_OK;
}

int mst_call_json(struct mst_call *call, struct json_object **out, struct mst_err *err)
{
	int rc;

	if (call->body.len == 0) {
		*out = json_object_new_object();
		return *out ? MST_OK : mst_err_no_memory(err);
	}
	rc = mst_json_parse(call->body.data, call->body.len, "the body", out, err);
	if (rc != MST_OK)
		return mst_err_set(err, MST_E_USAGE, "the body is not JSON");
	if (json_object_is_type(*out, json_type_object))
		return MST_OK;
	json_object_put(*out);
	*out = NULL;
	return mst_err_set(err, MST_E_USAGE, "the body must be a JSON object");
}

int mst_call_engine(struct mst_call *call, int verb, struct json_object *arguments, int status, struct mst_err *err)
{
	int64_t wait_ms = verb == MST_ENGINE_CHECK ? MST_CLIENT_TIMEOUT_MS - 10000 : 15000;
	int rc = mst_engine_call(call->api->setup.engine, verb, arguments, wait_ms, &call->answer, err);

	call->status = status;
	return rc;
}
