/* SPDX-License-Identifier: Apache-2.0 */
/* The plugins of a directory, and a cache of what they said. The cache is a convenience: any doubt reads them again. */
#include <dirent.h>
#include <errno.h>
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "plugin/manifest.h"

#define CACHE_MAX     (16u << 20)
#define CACHE_VERSION 1

/* What must be the same for a cached description to hold. ctime changes with owner and mode as well. */
struct stamp {
	int64_t inode, size, mtime, ctime;
};

struct cache {
	struct json_object *old, *fresh; /* { path: { stamp, manifest } } */
	bool changed;
};

static int64_t nanoseconds(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool stamp_of(const char *path, struct stamp *out)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return false;
	*out = (struct stamp){(int64_t)st.st_ino, (int64_t)st.st_size, nanoseconds(st.st_mtim),
	                      nanoseconds(st.st_ctim)};
	return true;
}

static void add_stamp(struct json_object *object, const struct stamp *stamp)
{
	mst_json_add_int(object, "inode", stamp->inode);
	mst_json_add_int(object, "size", stamp->size);
	mst_json_add_int(object, "mtime", stamp->mtime);
	mst_json_add_int(object, "ctime", stamp->ctime);
}

static bool same_stamp(struct json_object *object, const struct stamp *stamp)
{
	return object && mst_json_int(object, "inode", -1) == stamp->inode &&
	       mst_json_int(object, "size", -1) == stamp->size && mst_json_int(object, "mtime", -1) == stamp->mtime &&
	       mst_json_int(object, "ctime", -1) == stamp->ctime;
}

/* A cache that another user could have written is none. */
static bool is_ours(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

static void cache_read(struct cache *cache, const char *path, const struct stamp *worker)
{
	struct mst_buf text;
	struct json_object *all = NULL;
	cache->old = NULL;
	cache->fresh = json_object_new_object();
	cache->changed = false;
	if (!path || !is_ours(path))
		return;
	mst_buf_init(&text, CACHE_MAX);
	if (mst_file_read(path, CACHE_MAX, &text, NULL) == MST_OK &&
	    mst_json_parse(mst_buf_text(&text), text.len, path, &all, NULL) == MST_OK &&
	    mst_json_int(all, "version", 0) == CACHE_VERSION && mst_json_int(all, "abi", -1) == MUSTER_ABI_CURRENT &&
	    same_stamp(mst_json_object(all, "worker"), worker))
		cache->old = json_object_get(mst_json_object(all, "plugins"));
	json_object_put(all);
	mst_buf_free(&text);
}

/* An unwritable cache costs time at the next start and nothing else. */
static void cache_write(struct cache *cache, const char *path, const struct stamp *worker)
{
	size_t before = cache->old ? (size_t)json_object_object_length(cache->old) : 0;
	if (path && (cache->changed || before != (size_t)json_object_object_length(cache->fresh))) {
		struct json_object *all = json_object_new_object(), *stamp = json_object_new_object();
		size_t len;
		mst_json_add_int(all, "version", CACHE_VERSION);
		mst_json_add_int(all, "abi", MUSTER_ABI_CURRENT);
		add_stamp(stamp, worker);
		mst_json_put(all, "worker", stamp);
		mst_json_put(all, "plugins", json_object_get(cache->fresh));
		const char *text = mst_json_string(all, &len);
		if (text)
			(void)mst_file_write_atomic(path, text, len, 0600, NULL);
		json_object_put(all);
	}
	json_object_put(cache->old);
	json_object_put(cache->fresh);
}

static bool cache_get(struct cache *cache, const char *path, const struct stamp *stamp, struct mst_manifest *out)
{
	struct json_object *entry = cache->old ? mst_json_object(cache->old, path) : NULL;
	if (!same_stamp(entry, stamp) ||
	    mst_manifest_from_json(out, mst_json_object(entry, "manifest"), NULL) != MST_OK)
		return false;
	mst_json_put(cache->fresh, path, json_object_get(entry));
	return true;
}

static void cache_put(struct cache *cache, const char *path, const struct stamp *stamp,
                      const struct mst_manifest *manifest)
{
	struct json_object *entry = json_object_new_object();
	add_stamp(entry, stamp);
	mst_json_put(entry, "manifest", mst_manifest_to_json(manifest));
	mst_json_put(cache->fresh, path, entry);
	cache->changed = true;
}

static int add_fault(struct mst_plugin_list *list, const char *path, const char *text, struct mst_err *err)
{
	struct mst_plugin_fault *fault = &list->faults[list->fault_count];
	fault->path = mst_str_dup(path);
	fault->text = mst_str_dup(text);
	list->fault_count++;
	return fault->path && fault->text ? MST_OK : mst_err_no_memory(err);
}

/* The name of a method is the name that operators type: it has one owner. */
static bool takes_a_name(const struct mst_plugin_list *list, const struct mst_manifest *manifest, const char **method,
                         const struct mst_manifest **owner)
{
	for (size_t i = 0; i < manifest->method_count; i++) {
		*method = manifest->methods[i].def.name;
		if (mst_plugin_list_method(list, *method, owner))
			return true;
	}
	return false;
}

static int add_plugin(struct mst_plugin_list *list, const char *path, const char *worker_path, struct cache *cache,
                      struct mst_err *err)
{
	struct mst_manifest manifest;
	const struct mst_manifest *owner;
	const char *method;
	struct stamp stamp;
	struct mst_err why;
	mst_err_clear(&why);
	if (!stamp_of(path, &stamp)) {
		mst_err_errno(&why, errno, "%s cannot be read, check the link and its rights", path);
		return add_fault(list, path, why.text, err);
	}
	/* Who may write to the folders above is no part of the stamp: asked each time. */
	if (mst_file_trusted(path, &why) != MST_OK)
		return add_fault(list, path, why.text, err);
	if (!cache_get(cache, path, &stamp, &manifest)) {
		if (mst_plugin_describe(&manifest, path, worker_path, &why) != MST_OK)
			return add_fault(list, path, why.text, err);
		cache_put(cache, path, &stamp, &manifest);
	}
	if (takes_a_name(list, &manifest, &method, &owner)) {
		mst_err_set(&why, MST_E_EXISTS,
		            "%s: its method \"%s\" already belongs to %s; remove one of the two files", path, method,
		            owner->path);
		mst_manifest_free(&manifest);
		return add_fault(list, path, why.text, err);
	}
	list->plugins[list->count++] = manifest;
	return MST_OK;
}

static int is_module(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	return entry->d_name[0] != '.' && len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

static int add_all(struct mst_plugin_list *list, const char *dir, struct dirent **names, size_t count,
                   const char *worker_path, struct cache *cache, struct mst_err *err)
{
	int status = MST_OK;
	list->plugins = calloc(count + 1, sizeof *list->plugins);
	list->faults = calloc(count + 1, sizeof *list->faults);
	if (!list->plugins || !list->faults)
		return mst_err_no_memory(err);
	for (size_t i = 0; status == MST_OK && i < count; i++) {
		char *path = mst_str_printf("%s/%s", dir, names[i]->d_name);
		status = path ? add_plugin(list, path, worker_path, cache, err) : mst_err_no_memory(err);
		free(path);
	}
	return status;
}

int mst_plugin_list_load(struct mst_plugin_list *out, const char *plugin_dir, const char *worker_path,
                         const char *cache_file, struct mst_err *err)
{
	struct dirent **names = NULL;
	struct stamp worker;
	struct cache cache;
	memset(out, 0, sizeof *out);
	if (!stamp_of(worker_path, &worker))
		return mst_err_errno(err, errno, "the worker program %s", worker_path);
	int count = scandir(plugin_dir, &names, is_module, alphasort);
	if (count < 0)
		return mst_err_errno(err, errno, "the plugin directory %s", plugin_dir);
	int status = MST_OK;
	if (count > (int)MST_MAX_PLUGINS)
		status = mst_err_set(err, MST_E_LIMIT, "%s holds %d plugins, at most %u are read; remove some",
		                     plugin_dir, count, MST_MAX_PLUGINS);
	if (status == MST_OK) {
		cache_read(&cache, cache_file, &worker);
		status = add_all(out, plugin_dir, names, (size_t)count, worker_path, &cache, err);
		cache_write(&cache, cache_file, &worker);
	}
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
	if (status != MST_OK)
		mst_plugin_list_free(out);
	return status;
}
