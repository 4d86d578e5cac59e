/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* One segment of `text` up to the next slash. */
static size_t segment(const char *text)
{
	return strcspn(text, "/");
}

static bool match(const char *pattern, const char *path, char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE])
{
	size_t n = 0;

	while (*pattern == '/' && *path == '/') {
		size_t want = segment(++pattern), have = segment(++path);

		if (want == 1 && *pattern == '*') {
			if (have == 0 || have >= MST_ROUTE_CAPTURE || n >= MST_ROUTE_CAPTURES)
				return false;
			memcpy(captures[n], path, have);
			captures[n++][have] = '\0';
		} else if (want != have || strncmp(pattern, path, want) != 0) {
			return false;
		}
		pattern += want;
		path += have;
	}
	return *pattern == '\0' && *path == '\0';
}

int mst_route_find(const struct mst_route *routes, size_t count, const char *method, const char *path,
                   char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE], const struct mst_route **out,
                   struct mst_err *err)
{
	char allowed[64] = "";
	size_t used = 0;

	*out = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!match(routes[i].pattern, path, captures))
			continue;
		if (strcmp(routes[i].method, method) == 0) {
			*out = &routes[i];
			return MST_OK;
		}
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s", used ? ", " : "",
		                         routes[i].method);
		if (used >= sizeof(allowed))
			used = sizeof(allowed) - 1;
	}
	if (used > 0)
		return mst_err_set(err, MST_E_UNSUPPORTED, "%.256s is not for %.16s; it takes %s", path, method,
		                   allowed);
	return mst_err_set(err, MST_E_NOT_FOUND, "no such route: %.256s", path);
}
