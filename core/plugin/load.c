/* SPDX-License-Identifier: Apache-2.0 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
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
		return mst_err_set(
		        err, MST_E_REFUSED,
		        "%s: only files that end in .so are loaded as plugins; name the shared object itself", path);
	size_t len = (size_t)(dot - base);
	if (len == 0 || len > MST_MAX_NAME)
		return mst_err_set(err, MST_E_REFUSED,
		                   "%s: a plugin's file name has 1 to %u bytes before .so; rename it", path,
		                   MST_MAX_NAME);
	memcpy(name, base, len);
	name[len] = '\0';
	return MST_OK;
}

/*
 * libltdl binds lazily, so that a missing function would end the process in the middle of a run, and answers "file not
 * found" whatever went wrong. So the loader itself goes first: it binds all and knows the reason. The order matters: an
 * object that is loaded lazily stays so. The handle is kept for ever, as plugins are.
 */
static int bind_all(const char *path, struct mst_err *err)
{
	if (dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE))
		return MST_OK;
	const char *reason = dlerror();
	return mst_err_set(err, MST_E_FAILED,
	                   "%s cannot be loaded: %s; install what it needs, or rebuild it with -Wl,-z,defs", path,
	                   reason ? reason : "no reason given");
}

static int open_module(const char *path, lt_dlhandle *out, struct mst_err *err)
{
	lt_dladvise advise;
	/* Both would let the environment choose what is loaded. */
	unsetenv("LTDL_LIBRARY_PATH");
	if (lt_dlinit() != 0 || lt_dlsetsearchpath("") != 0 || lt_dladvise_init(&advise) != 0)
		return mst_err_set(err, MST_E_FAILED, "libltdl: %s", lt_dlerror());
	*out = NULL;
	if (lt_dladvise_local(&advise) == 0 && lt_dladvise_resident(&advise) == 0)
		*out = lt_dlopenadvise(path, advise);
	const char *reason = *out ? NULL : lt_dlerror();
	lt_dladvise_destroy(&advise);
	if (*out)
		return MST_OK;
	return mst_err_set(err, MST_E_FAILED, "%s cannot be loaded by libltdl: %s", path,
	                   reason ? reason : "no reason given");
}

int mst_plugin_load(const char *path, struct mst_plugin_tables *out, struct mst_manifest *manifest, struct mst_err *err)
{
	char name[MST_MAX_NAME + 1];
	struct mst_err why;
	lt_dlhandle handle;
	memset(out, 0, sizeof *out);
	memset(manifest, 0, sizeof *manifest);
	int status = name_of(path, name, err);
	if (status == MST_OK)
		status = mst_file_trusted(path, err);
	if (status != MST_OK)
		return status;
	status = bind_all(path, err);
	if (status == MST_OK)
		status = open_module(path, &handle, err);
	if (status != MST_OK)
		return status;
	const struct muster_plugin *plugin = lt_dlsym(handle, SYMBOL);
	if (!plugin)
		return mst_err_set(err, MST_E_UNSUPPORTED,
		                   "%s does not export " SYMBOL ": it is no Muster plugin; export the descriptor under "
		                   "that name",
		                   path);
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
