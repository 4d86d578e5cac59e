/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets on their way from the vault to one worker. */
#include <muster/plugin.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "job/run.h"
#include "secret/vault.h"

#define PREFIX "secret:"

/* The name in the vault that this option stands for; NULL: none. The option's checker has seen the prefix. */
static const char *name_of(const struct mst_option_value *value)
{
	if (value->def->type != MUSTER_OPTION_SECRET || !value->text)
		return NULL;
	return strncmp(value->text, PREFIX, sizeof(PREFIX) - 1) == 0 ? value->text + sizeof(PREFIX) - 1 : NULL;
}

static int get(const struct mst_run *run, const struct mst_option_value *value, struct mst_secret **out,
               struct mst_err *err)
{
	struct mst_vault *vault = run->engine->setup.vault;
	const char *name = name_of(value);
	struct mst_err inner = {.code = MST_OK};
	int rc = vault ? mst_vault_get(vault, name, out, &inner)
	               : mst_err_set(&inner, MST_E_UNSUPPORTED, "this service keeps no secrets");

	if (rc == MST_OK)
		return MST_OK;
	return mst_err_set(err, rc == MST_E_NOT_FOUND ? MST_E_USAGE : rc, "%s: %s", value->def->name, inner.text);
}

int mst_run_check_secrets(const struct mst_run *run, struct mst_err *err)
{
	int rc = MST_OK;

	for (size_t i = 0; i < run->options.count && rc == MST_OK; i++) {
		struct mst_secret *secret = NULL;

		if (name_of(&run->options.values[i]))
			rc = get(run, &run->options.values[i], &secret, err);
		mst_secret_free(secret);
	}
	return rc;
}

static void forget(struct mst_process_secret *secrets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mst_secret_free(secrets[i].value);
	free(secrets);
}

static int collect(const struct mst_run *run, struct mst_process_secret **out, size_t *count, struct mst_err *err)
{
	int rc = MST_OK;

	*count = 0;
	*out = calloc(run->options.count + 1, sizeof(**out));
	if (!*out)
		return mst_err_no_memory(err);
	for (size_t i = 0; i < run->options.count && rc == MST_OK; i++) {
		const struct mst_option_value *value = &run->options.values[i];

		if (!name_of(value))
			continue;
		(*out)[*count].option = value->def->name;
		rc = get(run, value, &(*out)[*count].value, err);
		*count += rc == MST_OK;
	}
	return rc;
}

int mst_run_process(const struct mst_run *run, const struct mst_shard *shard, struct mst_process_start *start,
                    const struct mst_process_ops *ops, void *data, struct mst_process **out, struct mst_err *err)
{
	struct mst_process_secret *secrets = NULL;
	struct json_object *job = NULL;
	size_t count = 0;
	int rc = collect(run, &secrets, &count, err);

	if (rc == MST_OK) {
		job = mst_run_job(run, shard, start->deadline_ms);
		start->job = job;
		start->secrets = secrets;
		start->secret_count = count;
		if (count == 0)
			mst_json_put(job, "secrets", json_object_new_object());
		rc = mst_process_start(out, run->engine->processes, start, ops, data, err);
	}
	start->job = NULL;
	start->secrets = NULL;
	json_object_put(job);
	forget(secrets, count);
	return rc;
}
