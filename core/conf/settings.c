/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files, in order, into one struct. */
#include "conf/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/str.h"
#include "conf/loader.h"

#define LOST_AFTER      3
#define IP_IDENTITY_TTL (INT64_C(7) * 86400000)

static void free_list(char **items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(items[i]);
	free(items);
}

static void free_zone(struct mst_zone *zone)
{
	free(zone->name);
	free(zone->at);
	free(zone->interface_name);
	free(zone->source_address);
	free(zone->dns_servers);
	mst_addr_set_free(&zone->networks);
}

static void free_label(struct mst_label_rule *label)
{
	free(label->name);
	free(label->when);
	free(label->action);
	free(label->at);
}

void mst_settings_free(struct mst_settings *settings)
{
	mst_faults_free(&settings->idle);
	free(settings->store_kind);
	free(settings->store_path);
	free(settings->config_path);
	free(settings->locations_path);
	free(settings->provision);
	mst_rules_free(&settings->rules);
	free_list(settings->listen, settings->listen_count);
	free_list(settings->operators, settings->operator_count);
	free_list(settings->viewers, settings->viewer_count);
	for (size_t i = 0; i < settings->zone_count; i++)
		free_zone(&settings->zones[i]);
	for (size_t i = 0; i < settings->label_count; i++)
		free_label(&settings->labels[i]);
	for (size_t i = 0; i < settings->profile_count; i++)
		mst_profile_free(&settings->profiles[i]);
	free(settings->zones);
	free(settings->labels);
	free(settings->profiles);
	memset(settings, 0, sizeof(*settings));
}

const struct mst_profile *mst_settings_profile(const struct mst_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->profile_count; i++) {
		if (strcmp(settings->profiles[i].name, name) == 0)
			return &settings->profiles[i];
	}
	return NULL;
}

const struct mst_zone *mst_settings_zone(const struct mst_settings *settings, const char *name)
{
	for (size_t i = 0; i < settings->zone_count; i++) {
		if (strcmp(settings->zones[i].name, name) == 0)
			return &settings->zones[i];
	}
	return NULL;
}

/* Who can write a file or folder of the configuration decides what is scanned, so it must be root or we. */
static bool trusted(struct mst_loader *loader, const char *path, const struct stat *st)
{
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		mst_faults_add(loader->faults, path, 0, "belongs to user %u, not to root or to you: chown root '%s'",
		               (unsigned)st->st_uid, path);
		return false;
	}
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		mst_faults_add(loader->faults, path, 0, "can be written by %s (mode %03o): chmod go-w '%s'",
		               (st->st_mode & S_IWOTH) != 0 ? "everybody" : "its group", (unsigned)(st->st_mode & 0777),
		               path);
		return false;
	}
	return true;
}

/* The opened file itself is checked, so nobody can swap it in between. */
static bool usable(struct mst_loader *loader, const char *path, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		mst_faults_add(loader->faults, path, 0, "cannot be read: %s", strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		mst_faults_add(loader->faults, path, 0, "is no regular file: put the configuration into a plain file");
		return false;
	}
	if (st.st_size > (off_t)MST_MAX_CONF_FILE) {
		mst_faults_add(loader->faults, path, 0,
		               "has %lld bytes, at most %u are read: split it into files in conf.d",
		               (long long)st.st_size, MST_MAX_CONF_FILE);
		return false;
	}
	return trusted(loader, path, &st);
}

static void read_text(struct mst_loader *loader, const char *text, size_t len)
{
	struct mst_outline outline;

	if (mst_outline_read(&outline, loader->file, text, len, loader->faults, NULL) != MST_OK) {
		loader->no_memory = true;
		return;
	}
	mst_top_read(loader, &outline);
	mst_outline_free(&outline);
}

static void read_file(struct mst_loader *loader, const char *path)
{
	/* O_NONBLOCK: a FIFO must not hold the daemon up */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct mst_buf text;
	struct mst_err err;

	if (fd < 0) {
		mst_faults_add(loader->faults, path, 0, "cannot be read: %s", strerror(errno));
		return;
	}
	mst_buf_init(&text, MST_MAX_CONF_FILE);
	loader->file = path;
	if (usable(loader, path, fd)) {
		if (mst_file_read_fd(fd, path, MST_MAX_CONF_FILE, &text, &err) != MST_OK)
			mst_faults_add(loader->faults, path, 0, "%s", err.text);
		else
			read_text(loader, mst_buf_text(&text), text.len);
	}
	mst_buf_free(&text);
	close(fd);
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* Byte order, whatever the locale: alphasort would ask strcoll. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_dir(struct mst_loader *loader, const char *dir)
{
	struct dirent **entries = NULL;
	struct stat st;
	int count;

	if (stat(dir, &st) != 0 && errno == ENOENT)
		return;
	count = scandir(dir, &entries, is_conf, by_name);
	if (count < 0) {
		mst_faults_add(loader->faults, dir, 0, "cannot be read: %s", strerror(errno));
		return;
	}
	if (count > (int)MST_MAX_CONF_FILES)
		mst_faults_add(loader->faults, dir, 0, "has %d .conf files, at most %u are read: merge some", count,
		               MST_MAX_CONF_FILES);
	if (trusted(loader, dir, &st)) {
		for (int i = 0; i < count && i < (int)MST_MAX_CONF_FILES && !loader->no_memory; i++) {
			char *path = mst_str_printf("%s/%s", dir, entries[i]->d_name);

			if (path == NULL)
				loader->no_memory = true;
			else
				read_file(loader, path);
			free(path);
		}
	}
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
}

static void read_all(struct mst_loader *loader, const char *main_file)
{
	const char *slash = strrchr(main_file, '/');
	char *dir = mst_str_printf("%.*sconf.d", slash == NULL ? 0 : (int)(slash - main_file) + 1, main_file);

	loader->settings->config_path = mst_str_dup(main_file);
	read_file(loader, main_file);
	if (dir == NULL || loader->settings->config_path == NULL)
		loader->no_memory = true;
	else
		read_dir(loader, dir);
	free(dir);
}

static void set_defaults(struct mst_loader *loader)
{
	struct mst_settings *settings = loader->settings;

	loader->lost = mst_faults_lost();
	memset(settings, 0, sizeof(*settings));
	settings->store_kind = mst_str_dup("sqlite");
	settings->provision = mst_str_dup("ask");
	settings->lost_after = LOST_AFTER;
	settings->ip_identity_ttl = IP_IDENTITY_TTL;
	loader->no_memory |= settings->store_kind == NULL || settings->provision == NULL;
}

static int first_fault(const struct mst_faults *faults, size_t before, struct mst_err *err)
{
	const struct mst_fault *fault;

	if (faults->count == before)
		return MST_OK;
	fault = &faults->items[before];
	if (fault->line == 0)
		return mst_err_set(err, MST_E_USAGE, "%s: %s", fault->file, fault->text);
	return mst_err_set(err, MST_E_USAGE, "%s:%d: %s", fault->file, fault->line, fault->text);
}

/* The main file comes first, then those of conf.d by name; in each from the top. */
static bool before(const struct mst_fault *a, const struct mst_fault *b, const char *main_file)
{
	bool a_main = strcmp(a->file, main_file) == 0, b_main = strcmp(b->file, main_file) == 0;
	int order = strcmp(a->file, b->file);

	if (a_main != b_main)
		return a_main;
	return order != 0 ? order < 0 : a->line < b->line;
}

/* As an operator goes through them. There are few, and most are in order already. */
static void sort_faults(struct mst_faults *faults, size_t start, const char *main_file)
{
	for (size_t i = start + 1; i < faults->count; i++) {
		struct mst_fault fault = faults->items[i];
		size_t j = i;

		while (j > start && before(&fault, &faults->items[j - 1], main_file))
			j--;
		memmove(&faults->items[j + 1], &faults->items[j], (i - j) * sizeof(fault));
		faults->items[j] = fault;
	}
}

static int finish(struct mst_loader *loader, size_t start, const char *main_file, struct mst_err *err)
{
	if (!loader->no_memory)
		mst_cross_check(loader);
	loader->no_memory |= mst_faults_lost() != loader->lost;
	sort_faults(loader->faults, start, main_file == NULL ? "" : main_file);
	free_list(loader->notify_names, loader->notify_count);
	free_list(loader->profile_zone_at, loader->profile_zone_count);
	free_list(loader->zone_networks_at, loader->zone_networks_count);
	return loader->no_memory ? mst_err_no_memory(err) : first_fault(loader->faults, start, err);
}

int mst_settings_load(struct mst_settings *out, const char *main_file, const struct mst_method_def *const *methods,
                      size_t method_count, struct mst_faults *faults, struct mst_err *err)
{
	struct mst_loader loader = {
	        .settings = out, .methods = methods, .method_count = method_count, .faults = faults};
	size_t start = faults->count;

	set_defaults(&loader);
	if (main_file != NULL && !loader.no_memory)
		read_all(&loader, main_file);
	return finish(&loader, start, main_file, err);
}

int mst_settings_load_text(struct mst_settings *out, const char *file, const char *text, size_t len,
                           const struct mst_method_def *const *methods, size_t method_count, struct mst_faults *faults,
                           struct mst_err *err)
{
	struct mst_loader loader = {
	        .settings = out, .methods = methods, .method_count = method_count, .faults = faults};
	size_t start = faults->count;

	loader.file = file;
	set_defaults(&loader);
	if (!loader.no_memory)
		read_text(&loader, text, len);
	return finish(&loader, start, file, err);
}
