/* SPDX-License-Identifier: Apache-2.0 */
/* One discovery method: options, open and close, plan, and a run that is cancelled before it starts. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dirent.h>
#include <fcntl.h>
#include <muster/plugin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "plugin/base64.h"
#include "plugin/contract.h"
#include "plugin/host.h"

#define LINES_MAX  (64u << 20)
#define ROUNDS     3
#define CANCEL_S   3  /* a second more than a worker gives */
#define RETURNED   77 /* exit status that no plugin has by accident */
#define FAULT_TEXT 512

/* Addresses set aside for documentation: a plugin that sends in spite of all reaches nobody. */
#define SAMPLE_TARGETS "192.0.2.0/30"

struct trial {
	const struct mst_plugin_tables *tables;
	const struct mst_method *method;
	struct json_object *options, *secrets;
	mst_contract_fn fn;
	void *data;
};

__attribute__((format(printf, 4, 5))) static void report(const struct trial *trial, const char *check, bool ok,
                                                         const char *format, ...)
{
	char name[128], text[MST_ERR_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	snprintf(name, sizeof name, "%s.%s", trial->method->def.name, check);
	trial->fn(trial->data, name, ok, text);
}

/* What a process must look like afterwards as it did before. */
struct surroundings {
	size_t descriptors, threads;
	mode_t mask;
	char directory[4096];
	struct sigaction actions[32];
	sigset_t blocked;
	size_t environment;
};

static size_t count_entries(const char *path)
{
	size_t n = 0;
	DIR *dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void look(struct surroundings *out)
{
	memset(out, 0, sizeof *out);
	out->descriptors = count_entries("/proc/self/fd");
	out->threads = count_entries("/proc/self/task");
	out->mask = umask(077);
	umask(out->mask);
	if (!getcwd(out->directory, sizeof out->directory))
		out->directory[0] = '\0';
	for (int i = 1; i < 32; i++)
		sigaction(i, NULL, &out->actions[i]);
	sigprocmask(SIG_BLOCK, NULL, &out->blocked);
	for (char **e = environ; e && *e; e++)
		for (const char *c = *e; *c; c++)
			out->environment = out->environment * 31 + (unsigned char)*c;
}

/* NULL when nothing changed, else what did. */
static const char *changed(const struct surroundings *before)
{
	struct surroundings now;
	look(&now);
	if (now.descriptors != before->descriptors)
		return "afterwards other descriptors are open than before; close what you open and nothing else";
	if (now.threads != before->threads)
		return "it leaves threads behind; join them in close";
	if (now.mask != before->mask || strcmp(now.directory, before->directory) != 0)
		return "it changes the working directory or the umask";
	if (now.environment != before->environment)
		return "it changes the environment";
	for (int i = 1; i < 32; i++)
		if (now.actions[i].sa_handler != before->actions[i].sa_handler ||
		    sigismember(&now.blocked, i) != sigismember(&before->blocked, i))
			return "it changes signal handlers or the signal mask";
	return NULL;
}

/* A value that fits the row, as an operator would write it. */
static char *sample(const struct mst_option_def *def)
{
	long long number = def->minimum > 1 ? def->minimum : 1;
	switch (def->type) {
	case MUSTER_OPTION_BOOL:
		return mst_str_dup("yes");
	case MUSTER_OPTION_INT:
	case MUSTER_OPTION_RATE:
	case MUSTER_OPTION_SIZE:
		return mst_str_printf("%lld", number);
	case MUSTER_OPTION_DURATION:
		return mst_str_printf("%llds", (number + 999) / 1000);
	case MUSTER_OPTION_CHOICE:
		return mst_str_dupn(def->choices, strcspn(def->choices, "|"));
	case MUSTER_OPTION_TARGETS:
		return mst_str_dup(SAMPLE_TARGETS);
	case MUSTER_OPTION_PORTS:
		return mst_str_dup("22");
	case MUSTER_OPTION_ADDRESSES:
		return mst_str_dup("192.0.2.1");
	case MUSTER_OPTION_SECRET:
		return mst_str_dup("secret:contract");
	default:
		return mst_str_dup("contract");
	}
}

/* Checks a sample of every option and keeps those that are required. */
static void check_options(struct trial *trial)
{
	struct mst_option_set set;
	struct mst_err err = {0};
	int status = mst_option_set_init(&set, &trial->method->def, &err);
	for (size_t i = 0; status == MST_OK && i < trial->method->def.option_count; i++) {
		const struct mst_option_def *def = &trial->method->def.options[i];
		char *value = sample(def);
		if (value && (def->flags & MUSTER_OPTION_REQUIRED)) {
			mst_json_add_text(trial->options, def->name, value);
			if (def->type == MUSTER_OPTION_SECRET)
				mst_json_add_text(trial->secrets, def->name, "Y29udHJhY3Q=");
		}
		status = value ? mst_option_set_put(&set, def->name, value, &err) : mst_err_no_memory(&err);
		free(value);
	}
	if (status == MST_OK && mst_option_set_put(&set, "no_such_option", "1", &err) == MST_OK)
		status = mst_err_set(&err, MST_E_FAILED, "an option that is in no table was taken");
	mst_option_set_free(&set);
	report(trial, "options", status == MST_OK, "%s",
	       status == MST_OK ? "samples of all options are taken, others refused" : err.text);
}

static struct mst_host *make_host(const struct trial *trial, enum mst_host_context context, int line_fd, int segment_fd,
                                  const struct mst_scope *scope, struct mst_err *err)
{
	struct mst_host *host = NULL;
	struct mst_host_config config = {.context = context,
	                                 .method = trial->method,
	                                 .options = trial->options,
	                                 .secrets = json_object_get(trial->secrets),
	                                 .scope = scope,
	                                 .zone = "default",
	                                 .net_raw_promised = (trial->method->def.wants & MUSTER_WANTS_NET_RAW) != 0,
	                                 .line_fd = line_fd,
	                                 .segment_fd = segment_fd,
	                                 .known_fd = -1,
	                                 .input_fd = -1};
	/* A host wipes the secrets that it was given. */
	struct json_object *copy = NULL;
	if (json_object_deep_copy(trial->secrets, &copy, NULL) == 0)
		config.secrets = copy;
	json_object_put(trial->secrets);
	int status = mst_host_new(&host, &config, err);
	json_object_put(copy);
	return status == MST_OK ? host : NULL;
}

static int memory_file(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC);
}

/* Opens, plans unless `plan` is NULL, closes. The plan's lines are left in `plan`. */
static int once(const struct trial *trial, struct mst_buf *plan, struct mst_err *err)
{
	const struct muster_discovery_ops *ops = &trial->tables->discovery;
	void *instance = NULL;
	int lines = memory_file("lines");
	struct mst_host *host = make_host(trial, MST_HOST_PLAN, lines, -1, NULL, err);
	if (!host) {
		close(lines);
		return err->code;
	}
	int status = ops->open(mst_host_enter(host, MST_HOST_OPEN), &instance);
	bool opened = status == MST_OK;
	if (opened && plan)
		status = ops->plan(instance, mst_host_enter(host, MST_HOST_MAIN));
	status = mst_host_finish(host, status, err);
	if (opened)
		ops->close(instance, mst_host_enter(host, MST_HOST_CLOSE));
	mst_host_free(host);
	if (plan && lseek(lines, 0, SEEK_SET) == 0) {
		int got = mst_file_read_fd(lines, "the plan", LINES_MAX, plan, err);
		status = status == MST_OK ? got : status;
	}
	close(lines);
	return status;
}

static bool check_open_close(const struct trial *trial)
{
	struct surroundings before;
	struct mst_err err = {0};
	int status = once(trial, NULL, &err);
	/* Libraries may keep what they open at first use; from then on nothing may grow. */
	look(&before);
	for (int i = 0; i < ROUNDS && status == MST_OK; i++)
		status = once(trial, NULL, &err);
	const char *change = changed(&before);
	if (status != MST_OK)
		report(trial, "open_close", false, "open answers %s with sample options: %s", mst_code_name(status),
		       err.text);
	else
		report(trial, "open_close", !change, "%s",
		       change ? change : "it opens and closes and leaves nothing behind");
	return status == MST_OK;
}

/* Only what plans: log lines and progress may differ. The first shard is kept for the caller, who puts it. */
static size_t shards_of(struct mst_buf *lines, struct mst_buf *out, struct json_object **first)
{
	size_t n = 0;
	const char *at = mst_buf_text(lines), *end;
	for (; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		struct json_object *line = NULL;
		if (mst_json_parse(at, (size_t)(end - at), "a plan", &line, NULL) != MST_OK)
			continue;
		if (strcmp(mst_json_text(line, "type", ""), "shard") == 0) {
			mst_buf_add(out, at, (size_t)(end - at) + 1);
			if (n++ == 0)
				*first = json_object_get(line);
		}
		json_object_put(line);
	}
	return n;
}

/* Plans twice. Gives the first shard, NULL when there is none to run. */
static struct json_object *check_plan(const struct trial *trial)
{
	struct mst_buf lines[2], shards[2];
	struct json_object *first[2] = {NULL, NULL};
	struct surroundings before = {0};
	struct mst_err err = {0};
	size_t n = 0;
	int status = MST_OK;
	for (int i = 0; i < 2; i++) {
		mst_buf_init(&lines[i], LINES_MAX);
		mst_buf_init(&shards[i], LINES_MAX);
	}
	for (int i = 0; i < 2 && status == MST_OK; i++) {
		status = once(trial, &lines[i], &err);
		n = shards_of(&lines[i], &shards[i], &first[i]);
		if (i == 0)
			look(&before);
	}
	const char *change = changed(&before);
	if (status == MST_E_UNAVAILABLE || status == MST_E_NOT_FOUND || status == MST_E_REFUSED)
		report(trial, "plan", true, "not checked, since plan answers %s here: %s", mst_code_name(status),
		       err.text);
	else if (status != MST_OK)
		report(trial, "plan", false, "plan answers %s with sample options: %s", mst_code_name(status),
		       err.text);
	else if (strcmp(mst_buf_text(&shards[0]), mst_buf_text(&shards[1])) != 0)
		report(trial, "plan", false,
		       "the same options gave other shards the second time; plan must not depend on time or chance");
	else
		report(trial, "plan", !change, "%s", change ? change : "the same options give the same shards");
	json_object_put(first[1]);
	for (int i = 0; i < 2; i++) {
		mst_buf_free(&lines[i]);
		mst_buf_free(&shards[i]);
	}
	return status == MST_OK && n > 0 ? first[0] : (json_object_put(first[0]), NULL);
}

/* In a process of its own, since it is cancelled for good. Writes what was wrong into `fault`, nothing when all is well. */
static void run_shard(const struct trial *trial, struct json_object *planned, char fault[FAULT_TEXT])
{
	const struct muster_discovery_ops *ops = &trial->tables->discovery;
	const char *spec = mst_json_text(planned, "spec", "");
	struct muster_shard shard = {.size = sizeof shard, .id = mst_json_text(planned, "id", "")};
	struct mst_scope scope = {0};
	struct mst_err err = {0};
	struct surroundings before;
	void *instance = NULL, *bytes = malloc(mst_base64_room(strlen(spec)) + 1);
	struct mst_host *host = NULL;
	int status = bytes ? mst_base64_decode(spec, strlen(spec), bytes, &shard.spec.length) : mst_err_no_memory(&err);
	if (status == MST_OK)
		status = mst_scope_from_json(&scope, mst_json_object(planned, "scope"), &err);
	if (status == MST_OK)
		host = make_host(trial, MST_HOST_RUN, memory_file("lines"), memory_file("segment"), &scope, &err);
	if (!host) {
		snprintf(fault, FAULT_TEXT, "the planned shard cannot be run: %.200s", err.text);
		return;
	}
	shard.spec.data = bytes;
	shard.scope = (struct muster_scope){sizeof shard.scope, scope.facts,     scope.addresses,
	                                    scope.tcp_ports,    scope.udp_ports, scope.namespace_key};
	look(&before);
	status = ops->open(mst_host_enter(host, MST_HOST_OPEN), &instance);
	/* The host's own handler notes it, as when a run is cancelled; its timer is not ours after a fork. */
	raise(SIGTERM);
	alarm(CANCEL_S);
	if (status == MST_OK) {
		status = ops->run(instance, mst_host_enter(host, MST_HOST_MAIN), &shard);
		mst_host_finish(host, status, &err);
		ops->close(instance, mst_host_enter(host, MST_HOST_CLOSE));
	}
	alarm(0);
	const char *change = changed(&before);
	if (change)
		snprintf(fault, FAULT_TEXT, "%s", change);
}

/* Waits a second longer than the plugin has, then ends it. */
static int reap(pid_t pid)
{
	int status = 0;
	for (int i = 0; i < (CANCEL_S + 1) * 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		nanosleep(&(struct timespec){0, 10000000}, NULL);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}

static void check_cancelled_run(const struct trial *trial, struct json_object *shard)
{
	char *fault = mmap(NULL, FAULT_TEXT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fault == MAP_FAILED ? -1 : fork();
	if (pid == 0) {
		setpgid(0, 0);
		run_shard(trial, shard, fault);
		_exit(RETURNED);
	}
	if (pid < 0) {
		report(trial, "cancelled_run", false, "it could not be tried: no process or no memory");
		return;
	}
	int status = reap(pid);
	fault[FAULT_TEXT - 1] = '\0';
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		report(trial, "cancelled_run", false,
		       "run did not return within %d s of being cancelled; look at cancelled() at least every "
		       "second",
		       CANCEL_S);
	else if (WIFSIGNALED(status))
		report(trial, "cancelled_run", false, "run crashed: %s; run it under a debugger",
		       strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != RETURNED)
		report(trial, "cancelled_run", false,
		       "run ended its process with status %d; a plugin never calls exit()", WEXITSTATUS(status));
	else
		report(trial, "cancelled_run", !*fault, "%s",
		       *fault ? fault : "a cancelled run returns in time and leaves nothing behind");
	munmap(fault, FAULT_TEXT);
}

void mst_contract_method(const struct mst_plugin_tables *tables, const struct mst_method *method, mst_contract_fn fn,
                         void *data)
{
	struct trial trial = {.tables = tables,
	                      .method = method,
	                      .options = json_object_new_object(),
	                      .secrets = json_object_new_object(),
	                      .fn = fn,
	                      .data = data};
	check_options(&trial);
	if (check_open_close(&trial)) {
		struct json_object *shard = check_plan(&trial);
		if (shard)
			check_cancelled_run(&trial, shard);
		json_object_put(shard);
	}
	json_object_put(trial.options);
	json_object_put(trial.secrets);
}
