/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <ltdl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "plugin/gate.h"

#define SYMBOL "muster_plugin_v1"

/* "/x/nmap.so" -> "nmap"; MST_E_REFUSED for anything that does not end so: libltdl would follow a .la to another file. */
static int name_of(const char *path, char name[MST_MAX_NAME + 1], struct mst_err *err)
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	const char *dot = strrchr(base, '.');
	if (!dot || strcmp(dot, ".so") != 0)
		return mst_err_set(err, MST_E_REFUSED, "%s: only files that end in .so are loaded as plugins; name the shared object itself",
		                   path);
	size_t len = (size_t)(dot - base);
	if (len == 0 || len > MST_MAX_NAME)
		return mst_err_set(err, MST_E_REFUSED, "%s: a plugin's file name has 1 to %u bytes before .so; rename it", path,
		                   MST_MAX_NAME);
	memcpy(name, base, len);
	name[len] = '\0';
	return MST_OK;
}

/* libltdl answers "file not found" whatever went wrong; the loader itself knows better. */
static const char *true_reason(const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return dlerror();
	dlclose(handle);
	return NULL;
}

static lt_dlhandle open_module(const char *path, struct mst_err *err)
{
	lt_dladvise advise;
	lt_dlhandle handle = NULL;
	/* Both would let the environment choose what is loaded. */
	unsetenv("LTDL_LIBRARY_PATH");
	if (lt_dlinit() != 0 || lt_dlsetsearchpath("") != 0 || lt_dladvise_init(&advise) != 0) {
		mst_err_set(err, MST_E_FAILED, "libltdl: %s", lt_dlerror());
		return NULL;
	}
	if (lt_dladvise_local(&advise) == 0 && lt_dladvise_resident(&advise) == 0)
		handle = lt_dlopenadvise(path, advise);
	const char *said = handle ? NULL : lt_dlerror();
	lt_dladvise_destroy(&advise);
	if (!handle) {
		const char *reason = true_reason(path);
		mst_err_set(err, MST_E_FAILED, "%s cannot be loaded: %s (libltdl says: %s); install what it needs or rebuild it", path,
		            reason ? reason : "no reason given", said ? said : "nothing");
	}
	return handle;
}

/* libltdl binds lazily and would let a missing function end the process in the middle of a run. */
static int bind_all(const char *path, struct mst_err *err)
{
	const char *reason = true_reason(path);
	if (!reason)
		return MST_OK;
	return mst_err_set(err, MST_E_FAILED, "%s cannot be loaded: %s; link it with -Wl,-z,now -Wl,-z,defs", path, reason);
}

int mst_plugin_load(const char *path, struct mst_plugin_tables *out, struct mst_manifest *manifest, struct mst_err *err)
{
	char name[MST_MAX_NAME + 1];
	struct mst_err why;
	memset(out, 0, sizeof *out);
	memset(manifest, 0, sizeof *manifest);
	int status = name_of(path, name, err);
	if (status == MST_OK)
		status = mst_file_trusted(path, err);
	if (status != MST_OK)
		return status;
	lt_dlhandle handle = open_module(path, err);
	if (!handle)
		return MST_E_FAILED;
	status = bind_all(path, err);
	if (status != MST_OK)
		return status;
	const struct muster_plugin *plugin = lt_dlsym(handle, SYMBOL);
	if (!plugin)
		return mst_err_set(err, MST_E_UNSUPPORTED, "%s does not export " SYMBOL ": it is no Muster plugin; export the descriptor under "
		                   "that name", path);
	mst_err_clear(&why);
	status = mst_gate_accept(plugin, name, out, manifest, &why);
	if (status != MST_OK)
		return mst_err_set(err, status, "%s: %s", path, why.text);
	manifest->path = mst_str_dup(path);
	if (!manifest->path) {
		mst_manifest_free(manifest);
		return mst_err_no_memory(err);
	}
	return MST_OK;
}
