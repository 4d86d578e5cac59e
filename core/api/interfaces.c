/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces: columns, lists, one with all that is behind it. */
#include <bson/bson.h>
#include <muster/plugin.h>
#include <string.h>

#include "api/call.h"
#include "base/addr.h"
#include "base/id.h"
#include "base/json.h"
#include "base/str.h"
#include "store/filter.h"

#define CANDIDATES_MAX   20u
#define OBSERVATIONS_MAX 1000u

static const char *type_word(uint32_t type)
{
	static const char *const words[] = {"", "text", "int", "bool", "time", "address", "list", "object"};

	return type < sizeof(words) / sizeof(words[0]) ? words[type] : "text";
}

/* One of the methods of a column is here: its plugin is installed. */
static bool has_method(const struct mst_api *api, const char *methods)
{
	const struct mst_manifest *plugin;
	struct mst_buf name;
	bool found = false;

	mst_buf_init(&name, 256);
	while (!found && mst_str_next_item(&methods, ',', &name))
		found = mst_plugin_list_method(api->setup.plugins, mst_buf_text(&name), &plugin) != NULL;
	mst_buf_free(&name);
	return found;
}

static struct json_object *column_json(const struct mst_api *api, const struct mst_column *column)
{
	struct json_object *item = json_object_new_object();
	bool shown = (column->flags & MUSTER_FIELD_DEFAULT) != 0;

	if (shown && column->methods)
		shown = has_method(api, column->methods);
	mst_json_add_text(item, "name", column->name);
	mst_json_add_text(item, "label", column->label);
	mst_json_add_text(item, "type", type_word(column->type));
	mst_json_add_bool(item, "default", shown);
	mst_json_add_text(item, "help", column->help ? column->help : "");
	if (column->values)
		mst_json_add_text(item, "values", column->values);
	return item;
}

int mst_api_columns(struct mst_call *call, struct mst_err *err)
{
	const char *of = mst_call_query(call, "of");
	const struct mst_column *columns;
	size_t count;

	if (!of || !of[0] || strcmp(of, "interfaces") == 0)
		columns = mst_interface_columns(&count);
	else if (strcmp(of, "runs") == 0)
		columns = mst_run_columns(&count);
	else
		return mst_err_set(err, MST_E_USAGE, "of=%.32s: interfaces or runs is wanted", of);
	call->answer = json_object_new_array();
	for (size_t i = 0; i < count; i++)
		mst_json_push(call->answer, column_json(call->api, &columns[i]));
	return MST_OK;
}

/* What a listing says beside its rows, without a second request. */
static int add_context(struct mst_call *call, struct mst_buf *out, struct mst_err *err)
{
	bool determined = false;
	int rc = mst_api_managed_determined(call, &determined, err);

	mst_buf_printf(out, ",\"managed_determined\":%s,\"store\":", determined ? "true" : "false");
	mst_str_json(out, call->api->setup.store_path);
	return rc;
}

int mst_api_interfaces(struct mst_call *call, struct mst_err *err)
{
	struct mst_page page = {
	        .collection = "interfaces", .default_sort = "ip", .kind = MST_DOC_INTERFACE, .extra = add_context};

	int64_t at;
	int rc = mst_call_at(call, &at, err);

	if (rc != MST_OK || at)
		return rc != MST_OK ? rc : mst_api_interfaces_at(call, at, err);
	page.columns = mst_interface_columns(&page.column_count);
	return mst_page_answer(call, &page, err);
}

/* aa:bb:cc:dd:ee:ff in lower case, from that or from aa-bb-... */
static bool as_mac(const char *key, char out[18])
{
	if (strlen(key) != 17)
		return false;
	for (size_t i = 0; i < 17; i++) {
		char c = key[i] >= 'A' && key[i] <= 'F' ? (char)(key[i] + 32) : key[i] == '-' ? ':' : key[i];

		if (i % 3 == 2 ? c != ':' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		out[i] = c;
	}
	out[17] = '\0';
	return true;
}

/* What a key may mean, in the order in which it is tried; the first that finds something counts. */
static bool key_filter(unsigned attempt, const char *key, bson_t *out)
{
	struct mst_addr addr;
	char text[MST_ADDR_TEXT];
	uint64_t number;

	bson_init(out);
	switch (attempt) {
	case 0:
		return mst_id_valid(key) && BSON_APPEND_UTF8(out, "_id", key);
	case 1:
	case 2:
		if (!mst_addr_parse(key, &addr))
			return false;
		mst_addr_text(&addr, text);
		return BSON_APPEND_UTF8(out, attempt == 1 ? "ip" : "ips", text);
	case 3:
		return as_mac(key, text) && BSON_APPEND_UTF8(out, "mac", text);
	case 4:
		return mst_id_short_parse(key, &number) && number <= INT64_MAX &&
		       BSON_APPEND_INT64(out, "number", (int64_t)number);
	case 5:
		return BSON_APPEND_UTF8(out, "hostname", key);
	default:
		return BSON_APPEND_UTF8(out, "hostnames", key);
	}
}
#define KEY_ATTEMPTS 7u

static int ambiguous(struct mst_call *call, const char *key, struct json_object *candidates, struct mst_err *err)
{
	call->answer = json_object_new_object();
	mst_err_set(err, MST_E_CONFLICT, "\"%.200s\" is the key of %zu interfaces: give the id of one", key,
	            json_object_array_length(candidates));
	mst_json_add_text(call->answer, "error", mst_code_name(MST_E_CONFLICT));
	mst_json_add_text(call->answer, "text", err->text);
	mst_json_put(call->answer, "candidates", json_object_get(candidates));
	return MST_E_CONFLICT;
}

int mst_interface_find(struct mst_call *call, const char *key, struct json_object **out, struct mst_err *err)
{
	for (unsigned i = 0; i < KEY_ATTEMPTS; i++) {
		struct json_object *found = NULL;
		struct mst_find find = {.collection = "interfaces", .limit = CANDIDATES_MAX};
		bson_t filter;
		int rc;

		if (!key_filter(i, key, &filter)) {
			bson_destroy(&filter);
			continue;
		}
		find.filter = &filter;
		rc = mst_page_array(call, &find, MST_DOC_INTERFACE, &found, err);
		bson_destroy(&filter);
		if (rc == MST_OK && json_object_array_length(found) > 1)
			rc = ambiguous(call, key, found, err);
		else if (rc == MST_OK && json_object_array_length(found) == 1)
			*out = json_object_get(json_object_array_get_idx(found, 0));
		json_object_put(found);
		if (rc != MST_OK || *out)
			return rc;
	}
	return mst_err_set(err, MST_E_NOT_FOUND,
	                   "no interface with the id, address, MAC or name \"%.200s\": 'muster interfaces' lists them",
	                   key);
}

static int add_list(struct mst_call *call, struct json_object *answer, const char *name, const char *collection,
                    const char *id, struct mst_err *err)
{
	struct json_object *list = NULL;
	bson_t filter = BSON_INITIALIZER;
	struct mst_find find = {.collection = collection, .filter = &filter, .limit = OBSERVATIONS_MAX};
	int rc;

	BSON_APPEND_UTF8(&filter, "interface", id);
	rc = mst_page_array(call, &find, MST_DOC_PLAIN, &list, err);
	if (rc == MST_OK)
		mst_json_put(answer, name, list);
	bson_destroy(&filter);
	return rc;
}

int mst_api_interface(struct mst_call *call, struct mst_err *err)
{
	struct json_object *interface = NULL;
	bson_t filter = BSON_INITIALIZER;
	const char *id;
	int64_t history = 0, at;
	int rc = mst_call_at(call, &at, err);

	if (rc == MST_OK && at)
		return mst_api_interface_at(call, at, err);
	if (rc == MST_OK)
		rc = mst_interface_find(call, call->captures[0], &interface, err);
	if (rc == MST_OK) {
		id = mst_json_text(interface, "_id", "");
		call->answer = json_object_new_object();
		mst_json_put(call->answer, "interface", interface);
		BSON_APPEND_UTF8(&filter, "interface", id);
		rc = add_list(call, call->answer, "observations", "observations", id, err);
		if (rc == MST_OK)
			rc = add_list(call, call->answer, "identities", "identities", id, err);
		if (rc == MST_OK)
			rc = mst_store_count(call->store, "observation_history", &filter, &history, err);
		mst_json_add_int(call->answer, "history", history);
		if (rc != MST_OK) {
			json_object_put(call->answer);
			call->answer = NULL;
		}
	}
	bson_destroy(&filter);
	return rc;
}
