/* SPDX-License-Identifier: Apache-2.0 */
/* A scope with owned text, and its JSON and BSON forms. Fact bits are those of muster/plugin.h. */
#ifndef MST_RECORD_SCOPE_H
#define MST_RECORD_SCOPE_H

#include <bson/bson.h>
#include <json-c/json.h>
#include <stdint.h>

#include "base/error.h"

struct mst_scope {
	uint32_t facts;
	char *addresses, *tcp_ports, *udp_ports, *namespace_key; /* NULL: none */
};
void mst_scope_free(struct mst_scope *scope);
int mst_scope_copy(struct mst_scope *out, const struct mst_scope *scope, struct mst_err *err);
/* Checks addresses (must parse, canonical form is made) and ports. A scope has addresses or a namespace; one that has
 * neither and no facts covers nothing (an imported file). The _from_ functions check as well; unset texts are "" in both
 * forms, and facts are words. */
int mst_scope_check(struct mst_scope *scope, struct mst_err *err);
struct json_object *mst_scope_to_json(const struct mst_scope *scope);
int mst_scope_from_json(struct mst_scope *out, struct json_object *object, struct mst_err *err);
int mst_scope_to_bson(const struct mst_scope *scope, bson_t *out);
int mst_scope_from_bson(struct mst_scope *out, const bson_t *doc, struct mst_err *err);

#endif
