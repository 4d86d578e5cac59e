/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"

static int parse_with(struct json_tokener *tokener, const char *text, size_t len, const char *what,
                      struct json_object **out, struct mst_err *err)
{
	struct json_object *object;
	enum json_tokener_error reason;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)len);
	reason = json_tokener_get_error(tokener);
	/* A bare number ends only where the text ends. */
	if (reason == json_tokener_continue) {
		object = json_tokener_parse_ex(tokener, "", 1);
		reason = json_tokener_get_error(tokener);
	}
	if (reason == json_tokener_continue)
		return mst_err_set(err, MST_E_CORRUPT, "%s: the JSON text ends too early (%zu bytes)", what, len);
	if (reason != json_tokener_success) {
		json_object_put(object);
		return mst_err_set(err, MST_E_CORRUPT, "%s: not valid JSON at byte %zu: %s", what,
		                   json_tokener_get_parse_end(tokener), json_tokener_error_desc(reason));
	}
	*out = object;
	return MST_OK;
}

/* A text of `len` letters through the tokener: its buffer, which it keeps, then has that room and these letters. */
static int overwrite(struct json_tokener *tokener, size_t len, struct mst_err *err)
{
	char *text = malloc(len + 2);

	if (text == NULL)
		return mst_err_no_memory(err);
	memset(text, 'x', len + 2);
	text[0] = text[len + 1] = '"';
	json_object_put(json_tokener_parse_ex(tokener, text, (int)len + 2));
	json_tokener_reset(tokener);
	free(text);
	return MST_OK;
}

static int parse(const char *text, size_t len, const char *what, bool wipe, struct json_object **out,
                 struct mst_err *err)
{
	struct json_tokener *tokener;
	int status = MST_OK;

	*out = NULL;
	if (len >= INT_MAX - 2)
		return mst_err_set(err, MST_E_LIMIT, "%s: the JSON text is too long (%zu bytes)", what, len);
	if (len > 0 && memchr(text, '\0', len) != NULL)
		return mst_err_set(err, MST_E_CORRUPT, "%s: not valid JSON: it contains a NUL byte", what);
	tokener = json_tokener_new_ex(MST_MAX_JSON_DEPTH);
	if (tokener == NULL)
		return mst_err_no_memory(err);
	/* Before, so that the buffer is never moved and leaves no copy; after, so that it holds nothing when it is freed. */
	if (wipe)
		status = overwrite(tokener, len, err);
	if (status == MST_OK)
		status = parse_with(tokener, len > 0 ? text : "", len, what, out, err);
	if (wipe) {
		json_tokener_reset(tokener);
		(void)overwrite(tokener, len, NULL);
	}
	json_tokener_free(tokener);
	return status;
}

int mst_json_parse(const char *text, size_t len, const char *what, struct json_object **out, struct mst_err *err)
{
	return parse(text, len, what, false, out, err);
}

int mst_json_parse_wiped(const char *text, size_t len, const char *what, struct json_object **out, struct mst_err *err)
{
	return parse(text, len, what, true, out, err);
}

/* Borrowed member, NULL unless there and of `type`. */
static struct json_object *member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, key, &value))
		return NULL;
	return json_object_is_type(value, type) ? value : NULL;
}

const char *mst_json_text(struct json_object *object, const char *key, const char *fallback)
{
	struct json_object *value = member(object, key, json_type_string);
	const char *text;

	if (value == NULL || (text = json_object_get_string(value)) == NULL)
		return fallback;
	/* A text that C would cut at a NUL is not the text that was sent. */
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : fallback;
}

int64_t mst_json_int(struct json_object *object, const char *key, int64_t fallback)
{
	struct json_object *value = member(object, key, json_type_int);

	return value == NULL ? fallback : json_object_get_int64(value);
}

bool mst_json_bool(struct json_object *object, const char *key, bool fallback)
{
	struct json_object *value = member(object, key, json_type_boolean);

	return value == NULL ? fallback : json_object_get_boolean(value) != 0;
}

struct json_object *mst_json_object(struct json_object *object, const char *key)
{
	return member(object, key, json_type_object);
}

struct json_object *mst_json_array(struct json_object *object, const char *key)
{
	return member(object, key, json_type_array);
}

/* json-c copies bytes unseen: invalid UTF-8 would make the whole document invalid. */
static struct json_object *new_text(const char *text)
{
	size_t len = strlen(text);
	struct json_object *value;
	struct mst_buf fixed;

	if (len > INT_MAX / 4)
		return NULL;
	if (mst_str_utf8_valid(text, len))
		return json_object_new_string_len(text, (int)len);
	mst_buf_init(&fixed, len * 3);
	mst_str_utf8_repair(&fixed, text, len, len * 3);
	value = json_object_new_string_len(mst_buf_text(&fixed), (int)fixed.len);
	mst_buf_free(&fixed);
	return value;
}

static _Thread_local bool lost;

void mst_json_put(struct json_object *object, const char *key, struct json_object *value)
{
	if (object != NULL && value != NULL && json_object_object_add(object, key, value) == 0)
		return;
	json_object_put(value);
	lost = true;
}

void mst_json_push(struct json_object *array, struct json_object *value)
{
	if (array != NULL && value != NULL && json_object_array_add(array, value) == 0)
		return;
	json_object_put(value);
	lost = true;
}

bool mst_json_whole(void)
{
	bool whole = !lost;

	lost = false;
	return whole;
}

const char *mst_json_string(struct json_object *object, size_t *len)
{
	int before = errno;
	size_t unused;
	const char *text;

	if (!mst_json_whole() || object == NULL)
		return NULL;
	errno = 0;
	text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
	                                         len != NULL ? len : &unused);
	/* json-c goes on with a text that has a hole where memory was wanting; realloc alone tells. */
	if (errno == ENOMEM)
		return NULL;
	errno = before;
	return text;
}

void mst_json_add_text(struct json_object *object, const char *key, const char *value)
{
	if (value != NULL)
		mst_json_put(object, key, new_text(value));
}

void mst_json_add_int(struct json_object *object, const char *key, int64_t value)
{
	mst_json_put(object, key, json_object_new_int64(value));
}

void mst_json_add_bool(struct json_object *object, const char *key, bool value)
{
	mst_json_put(object, key, json_object_new_boolean(value));
}
