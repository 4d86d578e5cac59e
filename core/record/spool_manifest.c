/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "record/spool.h"

/* Three lists of a scope, each perhaps escaped, and some names. */
#define MANIFEST_MAX (8u * MST_MAX_SCOPE_TEXT)

void mst_spool_manifest_free(struct mst_manifest_shard *manifest)
{
	free(manifest->run);
	free(manifest->shard);
	free(manifest->profile);
	free(manifest->method);
	free(manifest->zone);
	mst_scope_free(&manifest->scope);
	memset(manifest, 0, sizeof *manifest);
}

int mst_spool_manifest_write(const char *path, const struct mst_manifest_shard *manifest, struct mst_err *err)
{
	struct json_object *object = json_object_new_object();
	if (!object)
		return mst_err_no_memory(err);
	mst_json_add_text(object, "run", manifest->run);
	mst_json_add_text(object, "shard", manifest->shard);
	mst_json_add_text(object, "profile", manifest->profile);
	mst_json_add_text(object, "method", manifest->method);
	mst_json_add_text(object, "zone", manifest->zone);
	mst_json_add_int(object, "fence", manifest->fence);
	mst_json_add_int(object, "attempt", manifest->attempt);
	mst_json_add_int(object, "created", manifest->created);
	mst_json_put(object, "scope", mst_scope_to_json(&manifest->scope));
	size_t len;
	const char *text = mst_json_string(object, &len);
	int status = text ? mst_file_replace(path, text, len, 0600, err) : mst_err_no_memory(err);
	json_object_put(object);
	return status;
}

/* [A-Za-z0-9._-]{1,64}, and never a name that a path would resolve. */
static bool is_shard(const char *text)
{
	size_t len = strlen(text);
	if (len == 0 || len > 64 || text[0] == '.')
		return false;
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static bool is_name_or_empty(const char *text)
{
	return !*text || mst_str_is_name(text, MST_MAX_NAME);
}

static int copy(char **out, struct json_object *object, const char *key, bool (*good)(const char *), const char *path,
                struct mst_err *err)
{
	const char *text = mst_json_text(object, key, "");
	if (!good(text))
		return mst_err_set(err, MST_E_CORRUPT, "%s: \"%s\" is missing or malformed", path, key);
	*out = mst_str_dup(text);
	return *out ? MST_OK : mst_err_no_memory(err);
}

static int parse(const char *path, struct json_object *object, struct mst_manifest_shard *out, struct mst_err *err)
{
	int status = copy(&out->run, object, "run", mst_id_valid, path, err);
	if (status == MST_OK)
		status = copy(&out->shard, object, "shard", is_shard, path, err);
	if (status == MST_OK)
		status = copy(&out->profile, object, "profile", is_name_or_empty, path, err);
	if (status == MST_OK)
		status = copy(&out->method, object, "method", is_name_or_empty, path, err);
	if (status == MST_OK)
		status = copy(&out->zone, object, "zone", is_name_or_empty, path, err);
	out->fence = mst_json_int(object, "fence", 0);
	out->attempt = mst_json_int(object, "attempt", 0);
	out->created = mst_json_int(object, "created", 0);
	struct json_object *scope = mst_json_object(object, "scope");
	if (status == MST_OK && scope)
		status = mst_scope_from_json(&out->scope, scope, err);
	return status;
}

int mst_spool_manifest_read(const char *path, struct mst_manifest_shard *out, struct mst_err *err)
{
	struct mst_buf text;
	struct json_object *object = NULL;
	memset(out, 0, sizeof *out);
	mst_buf_init(&text, MANIFEST_MAX);
	int status = mst_file_read(path, MANIFEST_MAX, &text, err);
	if (status == MST_OK)
		status = mst_json_parse(mst_buf_text(&text), text.len, path, &object, err);
	if (status == MST_OK)
		status = parse(path, object, out, err);
	json_object_put(object);
	mst_buf_free(&text);
	if (status != MST_OK)
		mst_spool_manifest_free(out);
	return status;
}
