/* SPDX-License-Identifier: Apache-2.0 */
/* The one route table and how a request finds its row. Pure. */
#ifndef MST_API_ROUTE_H
#define MST_API_ROUTE_H

#include <stddef.h>

#include "base/error.h"

#define MST_ROUTE_CAPTURES 2
#define MST_ROUTE_CAPTURE  512

/* Flags of a route. */
#define MST_ROUTE_WRITES  1u  /* changes something: an operator's right */
#define MST_ROUTE_UPLOADS 2u  /* the body is streamed to a file under its own quota */
#define MST_ROUTE_LARGE   4u  /* a body up to MST_API_LARGE_BODY */
#define MST_ROUTE_OWNER   8u  /* only for the user that the service runs as, and for root */
#define MST_ROUTE_SECRET  16u /* the body is a secret: it goes to locked memory and nowhere else */

struct mst_call;
typedef int (*mst_handler)(struct mst_call *call, struct mst_err *err);

struct mst_route {
	const char *method;  /* "GET", "POST", "PUT", "DELETE" */
	const char *pattern; /* each segment "*" is captured; all others are literal */
	mst_handler handler;
	unsigned flags;
};

/*
 * The row for method and path. Literal segments win over captures when the literal row stands first. `captures` holds the
 * segments at the stars. MST_E_NOT_FOUND: no such path; MST_E_UNSUPPORTED: the path exists with other methods, named in err.
 */
int mst_route_find(const struct mst_route *routes, size_t count, const char *method, const char *path,
                   char captures[MST_ROUTE_CAPTURES][MST_ROUTE_CAPTURE], const struct mst_route **out,
                   struct mst_err *err);

/* routes.c */
const struct mst_route *mst_routes(size_t *count);

#endif
