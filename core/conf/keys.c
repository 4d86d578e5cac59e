/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a section by their table: known or not, once or twice, of the right kind. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/loader.h"
#include "conf/word.h"

#define RUNS_MAX 1000

void mst_loader_fault(struct mst_loader *loader, int line, const char *context, const char *format, ...)
{
	struct mst_err err;
	va_list args;

	va_start(args, format);
	mst_err_vset(&err, MST_E_USAGE, format, args);
	va_end(args);
	mst_faults_add(loader->faults, loader->file, line, "%s%s", context, err.text);
}

void mst_loader_fault_at(struct mst_loader *loader, const char *at, const char *format, ...)
{
	const char *colon = strrchr(at, ':');
	char *file = mst_str_dupn(at, colon == NULL ? strlen(at) : (size_t)(colon - at));
	uint64_t line = 0;
	struct mst_err err;
	va_list args;

	va_start(args, format);
	mst_err_vset(&err, MST_E_USAGE, format, args);
	va_end(args);
	if (colon != NULL)
		mst_str_uint(colon + 1, INT32_MAX, &line);
	mst_faults_add(loader->faults, file, (int)line, "%s", err.text);
	free(file);
}

char *mst_loader_at(struct mst_loader *loader, int line)
{
	char *at = mst_str_printf("%s:%d", loader->file, line);

	loader->no_memory |= at == NULL;
	return at;
}

void *mst_loader_grow(struct mst_loader *loader, void *items, size_t count, size_t size)
{
	char *bigger = items;

	/* capacity is the next power of two */
	if ((count & (count - 1)) == 0)
		bigger = reallocarray(items, count == 0 ? 1 : count * 2, size);
	if (bigger == NULL)
		loader->no_memory = true;
	else
		memset(bigger + count * size, 0, size);
	return bigger;
}

bool mst_loader_room(struct mst_loader *loader, size_t count, const struct mst_outline *section)
{
	if (count < MST_MAX_CONF_SECTIONS)
		return true;
	mst_loader_fault(loader, section->line, "", "there are more than %u sections %s: remove some",
	                 MST_MAX_CONF_SECTIONS, section->key);
	return false;
}

void mst_loader_place(struct mst_loader *loader, char ***places, size_t *count, const struct mst_outline *section,
                      const char *key)
{
	char **bigger = mst_loader_grow(loader, *places, *count, sizeof(*bigger));
	int line = section->line;

	if (bigger == NULL)
		return;
	*places = bigger;
	for (size_t i = 0; i < section->count; i++) {
		if (section->items[i].statement != NULL && strcmp(section->items[i].key, key) == 0)
			line = section->items[i].line;
	}
	bigger[(*count)++] = mst_loader_at(loader, line);
}

/* One key's work. */
struct job {
	struct mst_loader *loader;
	const struct mst_key *key;
	const struct mst_outline *item;
	const struct mst_values *values;
	void *target; /* NULL: only checked */
	size_t *count;
	const char *context;
};

static void job_fault(const struct job *job, size_t n, const struct mst_err *err)
{
	if (err->code == MST_E_NO_MEMORY)
		job->loader->no_memory = true;
	mst_loader_fault(job->loader, mst_outline_line(job->item, n), job->context, "%s: %s", job->key->name,
	                 err->text);
}

static bool check_text(const char *text, struct mst_err *err)
{
	size_t len = strlen(text);
	int status = MST_OK;

	if (len == 0)
		status = mst_err_set(err, MST_E_USAGE, "the value is empty: write one, or remove the key");
	else if (len > MST_MAX_OPTION_VALUE)
		status = mst_err_set(err, MST_E_USAGE, "the value has %zu bytes: at most %u are allowed", len,
		                     MST_MAX_OPTION_VALUE);
	else if (!mst_str_utf8_valid(text, len))
		status = mst_err_set(err, MST_E_USAGE, "the value is not valid UTF-8: save the file as UTF-8");
	for (const unsigned char *p = (const unsigned char *)text; status == MST_OK && *p != '\0'; p++) {
		if (*p < 0x20 || *p == 0x7f)
			status = mst_err_set(err, MST_E_USAGE, "the value contains a control character: remove it");
	}
	return status == MST_OK;
}

/* Faults of single values; true when none. */
static bool check_values(const struct job *job)
{
	struct mst_err err;
	bool good = true;

	for (size_t i = 0; i < job->values->count; i++) {
		const char *text = job->values->items[i];

		if (check_text(text, &err) && (job->key->check == NULL || job->key->check(text, &err) == MST_OK))
			continue;
		job_fault(job, i, &err);
		good = false;
	}
	return good;
}

static int parse_runs(const char *text, int64_t *out, struct mst_err *err)
{
	size_t digits = strspn(text, "0123456789");
	char number[8] = "", shown[MST_SHOWN];
	const char *rest = text + digits;
	uint64_t value = 0;

	if (digits > 0 && digits < sizeof(number))
		memcpy(number, text, digits);
	if ((rest[0] == '\0' || strcmp(rest, " runs") == 0 || strcmp(rest, " run") == 0) &&
	    mst_str_uint(number, RUNS_MAX, &value) && value > 0) {
		*out = (int64_t)value;
		return MST_OK;
	}
	mst_conf_show(text, shown);
	return mst_err_set(err, MST_E_USAGE, "\"%s\" is not a number of runs: write \"3 runs\" (1 to %d)", shown,
	                   RUNS_MAX);
}

static void put_number(const struct job *job)
{
	const char *text = job->values->items[0];
	struct mst_err err;
	int64_t number = 0;
	int status;

	if (job->key->kind == MST_KEY_DURATION)
		status = mst_str_duration(text, &number, &err);
	else if (job->key->kind == MST_KEY_RATE)
		status = mst_str_rate(text, &number, &err);
	else
		status = parse_runs(text, &number, &err);
	if (status != MST_OK)
		job_fault(job, 0, &err);
	else if (job->target != NULL)
		*(int64_t *)job->target = number;
}

static void put_switch(const struct job *job)
{
	struct mst_err err;
	bool value;

	if (mst_str_bool(job->values->items[0], &value, &err) != MST_OK)
		job_fault(job, 0, &err);
	else if (job->target != NULL)
		*(bool *)job->target = value;
}

static void put_text(const struct job *job)
{
	char **target = job->target, *copy;

	if (target == NULL)
		return;
	copy = mst_str_dup(job->values->items[0]);
	job->loader->no_memory |= copy == NULL;
	free(*target);
	*target = copy;
}

/* `=` replaces what an earlier file said, `+=` adds. */
static void put_list(const struct job *job)
{
	char ***target = job->target;

	if (target == NULL)
		return;
	while (!job->item->append && *job->count > 0)
		free((*target)[--*job->count]);
	for (size_t i = 0; i < job->values->count; i++) {
		char **bigger = mst_loader_grow(job->loader, *target, *job->count, sizeof(*bigger));

		if (bigger == NULL)
			return;
		*target = bigger;
		bigger[*job->count] = mst_str_dup(job->values->items[i]);
		if (bigger[*job->count] == NULL) {
			job->loader->no_memory = true;
			return;
		}
		++*job->count;
	}
}

static void put_joined(const struct job *job)
{
	char **target = job->target;
	struct mst_buf text;

	if (target == NULL)
		return;
	mst_buf_init(&text, MST_MAX_CONF_FILE);
	for (size_t i = 0; i < job->values->count; i++)
		mst_buf_printf(&text, "%s%s", i == 0 ? "" : ",", job->values->items[i]);
	free(*target);
	*target = text.failed ? NULL : mst_buf_take(&text);
	job->loader->no_memory |= *target == NULL && job->values->count > 0;
	mst_buf_free(&text);
}

/* The same grammar and the same fault as an entry of scan_only. All good ones go in at once, which sorts them once. */
static void put_networks(const struct job *job)
{
	struct mst_rules checked;
	struct mst_buf good;
	struct mst_err err;

	mst_buf_init(&good, MST_MAX_CONF_FILE * 2);
	for (size_t i = 0; i < job->values->count; i++) {
		memset(&checked, 0, sizeof(checked));
		if (mst_rules_add(&checked, false, job->values->items[i], "", &err) == MST_OK)
			mst_buf_printf(&good, "%s%s", good.len == 0 ? "" : ",", job->values->items[i]);
		else
			job_fault(job, i, &err);
		mst_rules_free(&checked);
	}
	if (good.failed || mst_addr_set_parse(job->target, mst_buf_text(&good), &err) != MST_OK)
		job->loader->no_memory = true;
	mst_buf_free(&good);
}

static void put_rules(const struct job *job)
{
	bool never = job->key->count_at != 0;
	struct mst_err err;

	if (!never && job->values->count == 0)
		mst_loader_fault(job->loader, job->item->line, job->context,
		                 "scan_only is empty, which would forbid every scan: list "
		                 "networks, or remove it");
	for (size_t i = 0; i < job->values->count; i++) {
		char *at = mst_loader_at(job->loader, mst_outline_line(job->item, i));

		if (at != NULL && mst_rules_add(job->target, never, job->values->items[i], at, &err) != MST_OK)
			job_fault(job, i, &err);
		free(at);
	}
}

static bool takes_list(enum mst_key_kind kind)
{
	return kind == MST_KEY_LIST || kind == MST_KEY_JOINED || kind == MST_KEY_NETWORKS || kind == MST_KEY_RULES;
}

static void put(const struct job *job)
{
	if (!takes_list(job->key->kind) && (job->values->count != 1 || job->values->list)) {
		mst_loader_fault(job->loader, job->item->line, job->context,
		                 "%s takes one value, not a list: write %s = \"value\"", job->key->name,
		                 job->key->name);
		return;
	}
	if (job->item->append && job->key->kind != MST_KEY_LIST && job->key->kind != MST_KEY_RULES) {
		mst_loader_fault(job->loader, job->item->line, job->context,
		                 "%s cannot be added to: write = instead of +=", job->key->name);
		return;
	}
	if (!check_values(job))
		return;
	switch (job->key->kind) {
	case MST_KEY_TEXT:
		put_text(job);
		break;
	case MST_KEY_DURATION:
	case MST_KEY_RATE:
	case MST_KEY_RUNS:
		put_number(job);
		break;
	case MST_KEY_SWITCH:
		put_switch(job);
		break;
	case MST_KEY_LIST:
		put_list(job);
		break;
	case MST_KEY_JOINED:
		put_joined(job);
		break;
	case MST_KEY_NETWORKS:
		put_networks(job);
		break;
	case MST_KEY_RULES:
		put_rules(job);
		break;
	}
}

static void read_key(struct mst_loader *loader, const struct mst_key *key, const struct mst_outline *item, void *base,
                     const char *context)
{
	struct mst_values values;
	struct job job = {loader, key, item, &values, NULL, NULL, context};
	struct mst_err err;

	if (item->statement == NULL) {
		mst_loader_fault(loader, item->line, context, "%s is a key, not a section: write %s = \"value\"",
		                 key->name, key->name);
		return;
	}
	if (key->at != MST_KEY_NOWHERE) {
		job.target = (char *)base + key->at;
		job.count = (size_t *)(void *)((char *)base + key->count_at);
	}
	if (mst_values_read(&values, item, &err) != MST_OK) {
		loader->no_memory |= err.code == MST_E_NO_MEMORY;
		mst_loader_fault(loader, item->line, context, "%s: %s", key->name, err.text);
		return;
	}
	put(&job);
	mst_loader_idle(loader, item, context, &values);
	mst_values_free(&values);
}

static void unknown(struct mst_loader *loader, const struct mst_key *keys, const struct mst_section *sections,
                    const struct mst_outline *item, const char *context)
{
	const char *kind = item->statement == NULL ? "section" : "key";
	struct mst_nearest nearest;

	mst_nearest_init(&nearest, item->key);
	for (; keys->name != NULL; keys++)
		mst_nearest_try(&nearest, keys->name);
	for (; sections != NULL && sections->name != NULL; sections++)
		mst_nearest_try(&nearest, sections->name);
	if (mst_nearest_best(&nearest) != NULL)
		mst_loader_fault(loader, item->line, context, "unknown %s \"%s\": did you mean \"%s\"?", kind,
		                 item->key, mst_nearest_best(&nearest));
	else
		mst_loader_fault(loader, item->line, context,
		                 "unknown %s \"%s\": remove it, or see muster.conf(5) for those that exist", kind,
		                 item->key);
}

static void read_section(struct mst_loader *loader, const struct mst_section *section, const struct mst_outline *item,
                         const char *context)
{
	if (item->statement != NULL)
		mst_loader_fault(loader, item->line, context, "%s is a section: write %s%s { ... }", section->name,
		                 section->name, section->titled ? " \"name\"" : "");
	else if (section->titled && item->title == NULL)
		mst_loader_fault(loader, item->line, context, "%s has no name: write %s \"name\" { ... }",
		                 section->name, section->name);
	else if (!section->titled && item->title != NULL)
		mst_loader_fault(loader, item->line, context, "%s takes no name: write %s { ... }", section->name,
		                 section->name);
	else
		section->read(loader, item);
}

static size_t find_key(const struct mst_key *keys, const char *name)
{
	size_t i = 0;

	while (keys[i].name != NULL && strcmp(keys[i].name, name) != 0)
		i++;
	return i;
}

/* MST_KEYS_MAX: none. */
static size_t find_section(const struct mst_section *sections, const char *name)
{
	for (size_t i = 0; sections != NULL && sections[i].name != NULL; i++) {
		if (strcmp(sections[i].name, name) == 0)
			return i;
	}
	return MST_KEYS_MAX;
}

/* Remembers the line where a key or section first stood; false and a fault when it stands there again. */
static bool first_time(struct mst_loader *loader, int *first_line, const struct mst_outline *item, const char *context)
{
	if (*first_line != 0) {
		mst_loader_fault(loader, item->line, context, "%s is set twice, first in line %d: keep one", item->key,
		                 *first_line);
		return false;
	}
	*first_line = item->line;
	return true;
}

void mst_keys_read(struct mst_loader *loader, const struct mst_key *keys, const struct mst_section *sections,
                   const struct mst_outline *section, void *base, const char *context)
{
	int key_lines[MST_KEYS_MAX] = {0}, section_lines[MST_KEYS_MAX] = {0};

	for (size_t i = 0; i < section->count && !loader->no_memory; i++) {
		const struct mst_outline *item = &section->items[i];
		size_t k = find_key(keys, item->key), sub = find_section(sections, item->key);

		if (sub < MST_KEYS_MAX) {
			if (sections[sub].titled || first_time(loader, &section_lines[sub], item, context))
				read_section(loader, &sections[sub], item, context);
		} else if (keys[k].name == NULL) {
			unknown(loader, keys, sections, item, context);
		} else if (keys[k].kind == MST_KEY_RULES || item->append ||
		           first_time(loader, &key_lines[k], item, context)) {
			read_key(loader, &keys[k], item, base, context);
		}
	}
}
