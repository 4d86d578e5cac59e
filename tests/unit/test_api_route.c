/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "api/route.h"

static int handler(struct mst_call *call, struct mst_err *err)
{
	(void)call;
	(void)err;
	return MST_OK;
}

static const struct mst_route table[] = {
        {"GET", "/v1/runs", handler, 0},
        {"POST", "/v1/runs", handler, 0},
        {"POST", "/v1/interfaces/label", handler, 0},
        {"GET", "/v1/interfaces/*", handler, 0},
        {"POST", "/v1/runs/*/cancel", handler, 0},
};

static int find(const char *method, const char *path, const struct mst_route **out,
                char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE], struct mst_err *err)
{
	return mst_route_find(table, sizeof(table) / sizeof(table[0]), method, path, captures, out, err);
}

static void literal_and_captured(void **state)
{
	char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE];
	const struct mst_route *route;
	struct mst_err err = {.code = MST_OK};

	(void)state;
	assert_int_equal(find("GET", "/v1/runs", &route, captures, &err), MST_OK);
	assert_ptr_equal(route, &table[0]);
	assert_int_equal(find("POST", "/v1/runs", &route, captures, &err), MST_OK);
	assert_ptr_equal(route, &table[1]);
	assert_int_equal(find("POST", "/v1/runs/1840/cancel", &route, captures, &err), MST_OK);
	assert_ptr_equal(route, &table[4]);
	assert_string_equal(captures[0], "1840");
	assert_int_equal(find("GET", "/v1/interfaces/10.0.0.1", &route, captures, &err), MST_OK);
	assert_string_equal(captures[0], "10.0.0.1");
	assert_int_equal(find("POST", "/v1/interfaces/label", &route, captures, &err), MST_OK);
	assert_ptr_equal(route, &table[2]);
}

static void unknown_paths(void **state)
{
	static const char *const paths[] = {"",
	                                    "/",
	                                    "/v1",
	                                    "/v1/",
	                                    "/v1/run",
	                                    "/v1/runs/",
	                                    "/v1/runss",
	                                    "/v1/interfaces/",
	                                    "/v1/interfaces/a/b",
	                                    "/v1/runs//cancel",
	                                    "/v1/runs/1/cancel/",
	                                    "//v1/runs",
	                                    "/v2/runs"};
	char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE];
	const struct mst_route *route;
	struct mst_err err = {.code = MST_OK};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(find("GET", paths[i], &route, captures, &err), MST_E_NOT_FOUND);
		assert_null(route);
	}
}

static void wrong_method_names_the_right_ones(void **state)
{
	char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE];
	const struct mst_route *route;
	struct mst_err err = {.code = MST_OK};

	(void)state;
	assert_int_equal(find("DELETE", "/v1/runs", &route, captures, &err), MST_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "GET, POST"));
	assert_null(route);
}

static void overlong_capture(void **state)
{
	char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE], path[2000];
	const struct mst_route *route;
	struct mst_err err = {.code = MST_OK};

	(void)state;
	memset(path, 'a', sizeof(path));
	memcpy(path, "/v1/interfaces/", 15);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(find("GET", path, &route, captures, &err), MST_E_NOT_FOUND);
	path[15 + MST_ROUTE_CAPTURE - 1] = '\0';
	assert_int_equal(find("GET", path, &route, captures, &err), MST_OK);
}

/* Each row of the real table is found by its own pattern, so that no earlier row hides it. */
static void no_row_is_hidden(void **state)
{
	size_t count;
	const struct mst_route *routes = mst_routes(&count);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE], path[256];
		const struct mst_route *route;
		size_t n = 0;

		for (const char *at = routes[i].pattern; *at && n + 2 < sizeof(path); at++)
			path[n++] = *at == '*' ? 'x' : *at;
		path[n] = '\0';
		assert_int_equal(mst_route_find(routes, count, routes[i].method, path, captures, &route, NULL), MST_OK);
		assert_ptr_equal(route, &routes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(literal_and_captured),
	        cmocka_unit_test(unknown_paths),
	        cmocka_unit_test(wrong_method_names_the_right_ones),
	        cmocka_unit_test(overlong_capture),
	        cmocka_unit_test(no_row_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
