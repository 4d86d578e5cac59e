/* SPDX-License-Identifier: Apache-2.0 */
/* Options and secrets. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "plugin/base64.h"
#include "plugin/host_internal.h"

#define SECRET_MAX 65536u

static const struct mst_option_def *find_row(struct muster_call_state *host, const char *name)
{
	for (size_t i = 0; name && i < host->method->def.option_count; i++)
		if (strcmp(host->method->def.options[i].name, name) == 0)
			return &host->method->def.options[i];
	host_log(host, MST_LOG_ERROR, "the plugin asked for the option \"%.31s\", which its manifest does not have",
	         name ? name : "");
	return NULL;
}

const char *host_option_text(const struct muster_call *call, const char *name)
{
	struct muster_call_state *host = host_of(call);
	const struct mst_option_def *def = find_row(host, name);
	/* What stands for a secret in the options is its name in the vault: no business of the plugin's. */
	if (!def || def->type == MUSTER_OPTION_SECRET)
		return NULL;
	return mst_option_set_text(&host->options, name);
}

int64_t host_option_int(const struct muster_call *call, const char *name)
{
	struct muster_call_state *host = host_of(call);
	return find_row(host, name) ? mst_option_set_number(&host->options, name) : 0;
}

static void wipe(struct host_secret *secret)
{
	if (!secret->data)
		return;
	mprotect(secret->data, secret->mapped, PROT_READ | PROT_WRITE);
	explicit_bzero(secret->data, secret->mapped);
	munmap(secret->data, secret->mapped);
	secret->data = NULL;
	secret->len = secret->mapped = 0;
}

/* Pages of its own, so that locking and wiping concern nothing else. A lock that the limit forbids costs no more than a
 * page that could be swapped out. */
static int decode(struct host_secret *secret, const char *base64, size_t len, struct mst_err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	secret->mapped = (mst_base64_room(len) + page - 1) / page * page;
	void *data = mmap(NULL, secret->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED) {
		secret->mapped = 0;
		return mst_err_no_memory(err);
	}
	secret->data = data;
	mlock(data, secret->mapped);
	madvise(data, secret->mapped, MADV_DONTDUMP);
	int status = mst_base64_decode(base64, len, secret->data, &secret->len);
	if (status != MST_OK)
		return mst_err_set(err, status, "job: the secret \"%s\" is not base64", secret->option);
	mprotect(data, secret->mapped, PROT_NONE);
	return MST_OK;
}

static int load_one(struct muster_call_state *host, const char *name, struct json_object *value, struct mst_err *err)
{
	const struct mst_option_def *def = NULL;
	for (size_t i = 0; i < host->method->def.option_count; i++)
		if (strcmp(host->method->def.options[i].name, name) == 0)
			def = &host->method->def.options[i];
	if (!def || def->type != MUSTER_OPTION_SECRET)
		return mst_err_set(err, MST_E_USAGE, "job: the method %s has no secret option \"%.31s\"",
		                   host->method->def.name, name);
	if (!json_object_is_type(value, json_type_string) || json_object_get_string_len(value) > (int)SECRET_MAX)
		return mst_err_set(err, MST_E_USAGE, "job: the secret \"%s\" must be base64 text of at most %u bytes",
		                   name, SECRET_MAX);
	struct host_secret *secret = &host->secrets[host->secret_count++];
	secret->option = def->name;
	size_t len = (size_t)json_object_get_string_len(value);
	char *text = (char *)(uintptr_t)json_object_get_string(value);
	int status = decode(secret, text, len, err);
	explicit_bzero(text, len);
	return status;
}

int host_secrets_load(struct muster_call_state *host, struct json_object *secrets, struct mst_err *err)
{
	size_t count = secrets ? (size_t)json_object_object_length(secrets) : 0;
	if (count == 0)
		return MST_OK;
	if (count > host->method->def.option_count)
		return mst_err_set(err, MST_E_USAGE, "job: more secrets than options");
	host->secrets = calloc(count, sizeof *host->secrets);
	if (!host->secrets)
		return mst_err_no_memory(err);
	int status = MST_OK;
	json_object_object_foreach(secrets, name, value)
	{
		if (status == MST_OK)
			status = load_one(host, name, value, err);
	}
	return status;
}

void host_secrets_close(struct muster_call_state *host)
{
	for (size_t i = 0; i < host->secret_count; i++)
		if (host->secrets[i].data)
			mprotect(host->secrets[i].data, host->secrets[i].mapped, PROT_NONE);
}

void host_secrets_wipe(struct muster_call_state *host)
{
	for (size_t i = 0; i < host->secret_count; i++)
		wipe(&host->secrets[i]);
	free(host->secrets);
	host->secrets = NULL;
	host->secret_count = 0;
}

static struct host_secret *find_secret(struct muster_call_state *host, const char *option)
{
	for (size_t i = 0; option && i < host->secret_count; i++)
		if (strcmp(host->secrets[i].option, option) == 0)
			return &host->secrets[i];
	return NULL;
}

int host_secret_lease(const struct muster_call *call, const char *option, struct muster_bytes *out)
{
	struct host_secret *secret = find_secret(host_of(call), option);
	*out = (struct muster_bytes){NULL, 0};
	if (!secret || !secret->data)
		return MUSTER_E_NOT_FOUND;
	mprotect(secret->data, secret->mapped, PROT_READ);
	*out = (struct muster_bytes){secret->data, secret->len};
	return MUSTER_OK;
}

/* Between leases the pages cannot be read, so that a plugin that strays over memory does not find them. */
int host_secret_release(const struct muster_call *call, const char *option)
{
	struct host_secret *secret = find_secret(host_of(call), option);
	if (!secret || !secret->data)
		return MUSTER_E_NOT_FOUND;
	mprotect(secret->data, secret->mapped, PROT_NONE);
	return MUSTER_OK;
}
