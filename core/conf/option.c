/* SPDX-License-Identifier: Apache-2.0 */
/* Option sets: the values of one method's table. */
#include "conf/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muster/plugin.h>

#include "base/str.h"
#include "conf/target.h"
#include "conf/word.h"

const struct mst_option_def *mst_option_find(const struct mst_method_def *method, const char *name)
{
	for (size_t i = 0; i < method->option_count; i++) {
		if (strcmp(method->options[i].name, name) == 0)
			return &method->options[i];
	}
	return NULL;
}

static struct mst_option_value *find_value(const struct mst_option_set *set, const char *name)
{
	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->values[i].def->name, name) == 0)
			return &set->values[i];
	}
	return NULL;
}

int mst_option_set_init(struct mst_option_set *set, const struct mst_method_def *method, struct mst_err *err)
{
	struct mst_err inner;

	memset(set, 0, sizeof(*set));
	set->method = method;
	if (method->option_count == 0)
		return MST_OK;
	set->values = calloc(method->option_count, sizeof(*set->values));
	if (set->values == NULL)
		return mst_err_no_memory(err);
	set->count = method->option_count;
	for (size_t i = 0; i < set->count; i++) {
		const struct mst_option_def *def = &method->options[i];

		set->values[i].def = def;
		if (def->default_value == NULL ||
		    mst_option_check_value(def, def->default_value, &set->values[i].number, &inner) == MST_OK)
			continue;
		mst_option_set_free(set);
		return mst_err_set(err, MST_E_FAILED,
		                   "method %s has a wrong default (%s): report it to the author of plugin %s",
		                   method->name, inner.text, method->plugin == NULL ? "" : method->plugin);
	}
	return MST_OK;
}

void mst_option_set_free(struct mst_option_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->values[i].text);
	free(set->values);
	memset(set, 0, sizeof(*set));
}

static int unknown_option(const struct mst_method_def *method, const char *name, struct mst_err *err)
{
	struct mst_nearest nearest;
	char shown[MST_SHOWN];

	mst_nearest_init(&nearest, name);
	for (size_t i = 0; i < method->option_count; i++)
		mst_nearest_try(&nearest, method->options[i].name);
	mst_conf_show(name, shown);
	if (mst_nearest_best(&nearest) != NULL)
		return mst_err_set(err, MST_E_USAGE, "method %s has no option \"%s\": did you mean \"%s\"?",
		                   method->name, shown, mst_nearest_best(&nearest));
	return mst_err_set(err, MST_E_USAGE, "method %s has no option \"%s\": see muster plugins show %s", method->name,
	                   shown, method->plugin == NULL || method->plugin[0] == '\0' ? method->name : method->plugin);
}

/* Programs that get these lists as one argument do not expect blanks in them. */
static char *kept_text(const struct mst_option_def *def, const char *text)
{
	char *copy = mst_str_dup(text), *to = copy;

	if (copy == NULL || (def->type != MUSTER_OPTION_PORTS && def->type != MUSTER_OPTION_ADDRESSES))
		return copy;
	for (const char *from = copy; *from != '\0'; from++) {
		if (*from != ' ')
			*to++ = *from;
	}
	*to = '\0';
	return copy;
}

int mst_option_set_put(struct mst_option_set *set, const char *name, const char *text, struct mst_err *err)
{
	struct mst_option_value *value = find_value(set, name);
	int64_t number;
	char *copy;
	int status;

	if (value == NULL)
		return unknown_option(set->method, name, err);
	status = mst_option_check_value(value->def, text, &number, err);
	if (status != MST_OK)
		return status;
	copy = kept_text(value->def, text);
	if (copy == NULL)
		return mst_err_no_memory(err);
	free(value->text);
	value->text = copy;
	value->number = number;
	return MST_OK;
}

const char *mst_option_set_text(const struct mst_option_set *set, const char *name)
{
	const struct mst_option_value *value = find_value(set, name);

	if (value == NULL)
		return NULL;
	return value->text != NULL ? value->text : value->def->default_value;
}

int64_t mst_option_set_number(const struct mst_option_set *set, const char *name)
{
	const struct mst_option_value *value = find_value(set, name);

	return value == NULL ? 0 : value->number;
}

bool mst_option_set_is_set(const struct mst_option_set *set, const char *name)
{
	const struct mst_option_value *value = find_value(set, name);

	return value != NULL && value->text != NULL;
}

/* Every address counts once, before exclusions; host names are counted when they are resolved. */
static int check_limit(const struct mst_option_set *set, const struct mst_option_def *def, struct mst_err *err)
{
	const char *text = mst_option_set_text(set, def->name);
	int64_t limit = mst_option_set_number(set, def->limited_by);
	const struct mst_option_def *cap;
	struct mst_target_list list;
	uint64_t count;
	int status;

	if (text == NULL || limit <= 0)
		return MST_OK;
	status = mst_target_parse(text, &list, err);
	if (status != MST_OK)
		return status;
	count = mst_addr_set_count(&list.addresses);
	mst_target_free(&list);
	if (count <= (uint64_t)limit)
		return MST_OK;
	cap = mst_option_find(set->method, def->limited_by);
	if (cap != NULL && cap->maximum > 0 && count > (uint64_t)cap->maximum)
		return mst_err_set(err, MST_E_USAGE,
		                   "includes %s%llu addresses, limit %lld: split the profile (%s may be %lld at most)",
		                   count == UINT64_MAX ? "more than " : "", (unsigned long long)count, (long long)limit,
		                   def->limited_by, (long long)cap->maximum);
	return mst_err_set(err, MST_E_USAGE, "includes %llu addresses, limit %lld: set %s = %llu or split the profile",
	                   (unsigned long long)count, (long long)limit, def->limited_by, (unsigned long long)count);
}

static int check_row(const struct mst_option_set *set, const struct mst_option_value *value, struct mst_err *err)
{
	const struct mst_option_def *def = value->def;

	if ((def->flags & MUSTER_OPTION_REQUIRED) != 0 && value->text == NULL && def->default_value == NULL)
		return mst_err_set(err, MST_E_USAGE, "%s is missing: write %s = \"%s\"", def->name, def->name,
		                   mst_option_type_word(def->type));
	if (def->type == MUSTER_OPTION_TARGETS && def->limited_by != NULL && def->limited_by[0] != '\0')
		return check_limit(set, def, err);
	return MST_OK;
}

int mst_option_set_check_each(const struct mst_option_set *set, mst_option_fault_fn fn, void *data)
{
	struct mst_err err;
	int faults = 0;

	for (size_t i = 0; i < set->count; i++) {
		int status = check_row(set, &set->values[i], &err);

		if (status == MST_E_NO_MEMORY)
			return status;
		if (status == MST_OK)
			continue;
		faults++;
		fn(data, set->values[i].def, err.text);
	}
	return faults;
}

int mst_option_set_check(const struct mst_option_set *set, struct mst_err *err)
{
	for (size_t i = 0; i < set->count; i++) {
		int status = check_row(set, &set->values[i], err);

		if (status != MST_OK)
			return status;
	}
	return MST_OK;
}

struct json_object *mst_option_set_json(const struct mst_option_set *set)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; object != NULL && i < set->count; i++) {
		const struct mst_option_value *value = &set->values[i];
		struct json_object *text;

		if (value->text == NULL)
			continue;
		text = json_object_new_string(value->text);
		if (text == NULL || json_object_object_add(object, value->def->name, text) != 0) {
			json_object_put(text);
			json_object_put(object);
			return NULL;
		}
	}
	return object;
}

static int put_json(struct mst_option_set *set, const char *name, struct json_object *value, struct mst_err *err)
{
	char shown[MST_SHOWN];

	mst_conf_show(name, shown);
	switch (json_object_get_type(value)) {
	case json_type_string:
		if (strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
			return mst_err_set(err, MST_E_USAGE, "%s: the value contains a NUL character: remove it",
			                   shown);
		break;
	case json_type_int:
	case json_type_boolean:
		break;
	default:
		return mst_err_set(err, MST_E_USAGE, "%s: the value is no text, number or boolean: write it as a text",
		                   shown);
	}
	return mst_option_set_put(set, name, json_object_get_string(value), err);
}

int mst_option_set_from_json(struct mst_option_set *set, struct json_object *object, struct mst_err *err)
{
	int status = MST_OK;

	if (!json_object_is_type(object, json_type_object))
		return mst_err_set(err, MST_E_USAGE, "options are not a JSON object: write { \"name\": \"value\" }");
	json_object_object_foreach(object, name, value)
	{
		status = put_json(set, name, value, err);
		if (status != MST_OK)
			break;
	}
	return status;
}
