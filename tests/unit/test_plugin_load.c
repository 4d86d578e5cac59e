/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the example plugin as the build tree has it, and the refusals that come before a plugin's first byte counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "plugin/gate.h"

static char dir[64];
static char build[2048];

static const char *path_of(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static const char *example(void)
{
	static char path[4096];
	snprintf(path, sizeof path, "%s/plugins/.libs/example.so", build);
	return path;
}

/* A copy under a directory that only we may write, whatever the build tree's rights are. */
static const char *copy_example(const char *name, mode_t mode)
{
	struct mst_buf bytes;
	struct mst_err err;
	mst_buf_init(&bytes, 16 << 20);
	assert_int_equal(mst_file_read(example(), 16 << 20, &bytes, &err), MST_OK);
	assert_int_equal(mst_file_write_atomic(path_of(name), bytes.data, bytes.len, 0600, &err), MST_OK);
	assert_int_equal(chmod(path_of(name), mode), 0);
	mst_buf_free(&bytes);
	return path_of(name);
}

static void refuse(const char *path, int code, const char *text)
{
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	struct mst_err err;
	mst_err_clear(&err);
	int status = mst_plugin_load(path, &tables, &manifest, &err);
	if (status != code || !strstr(err.text, text))
		print_error("status %d, text: %s\nwanted %d, %s\n", status, err.text, code, text);
	assert_int_equal(status, code);
	assert_non_null(strstr(err.text, text));
	assert_null(manifest.name);
}

static void test_loads(void **state)
{
	(void)state;
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	struct mst_err err;
	const char *path = copy_example("example.so", 0644);
	/* A hostile environment does not choose what is loaded. */
	setenv("LTDL_LIBRARY_PATH", "/nonexistent", 1);
	int status = mst_plugin_load(path, &tables, &manifest, &err);
	if (status != MST_OK)
		print_error("%s\n", err.text);
	assert_int_equal(status, MST_OK);
	assert_null(getenv("LTDL_LIBRARY_PATH"));
	assert_string_equal(tables.name, "example");
	assert_string_equal(manifest.path, path);
	assert_string_equal(manifest.methods[0].def.name, "example");
	assert_true(tables.has_discovery);
	mst_manifest_free(&manifest);
}

static void test_refuses(void **state)
{
	(void)state;
	refuse(path_of("none.so"), MST_E_NOT_FOUND, "none.so");
	refuse("example.so", MST_E_REFUSED, "absolute");
	refuse(path_of("example.la"), MST_E_REFUSED, ".so");
	refuse(path_of("example.so.la"), MST_E_REFUSED, ".so");
	refuse(path_of(".so"), MST_E_REFUSED, "file name");
	refuse(copy_example("writable.so", 0666), MST_E_REFUSED, "chmod");
	refuse(copy_example("other.so", 0644), MST_E_REFUSED, "calls itself \"example\"");
	char link_path[256];
	snprintf(link_path, sizeof link_path, "%s", path_of("link.so"));
	assert_int_equal(symlink("other.so", link_path), 0);
	refuse(link_path, MST_E_REFUSED, "link");
}

/* libltdl says "file not found" for each of these; the operator gets the loader's own words. */
static void test_true_reason(void **state)
{
	(void)state;
	struct mst_err err;
	assert_int_equal(mst_file_write_atomic(path_of("text.so"), "no shared object\n", 17, 0644, &err), MST_OK);
	refuse(path_of("text.so"), MST_E_FAILED, "file too short");
}

static int set_up(void **state)
{
	(void)state;
	const char *where = getenv("MUSTER_BUILD");
	if (where)
		snprintf(build, sizeof build, "%s", where);
	else if (!getcwd(build, sizeof build))
		return -1;
	snprintf(dir, sizeof dir, "/tmp/test-load-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	struct mst_err err;
	return mst_file_remove_tree(dir, &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_loads), cmocka_unit_test(test_refuses),
	                                   cmocka_unit_test(test_true_reason)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
