/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin for tests of muster-worker: does on request what plugins do, and what they should not. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <muster/plugin.h>

static void say(const struct muster_call *call, const char *what, const char *value)
{
	char line[4096];
	snprintf(line, sizeof line, "%s=%s", what, value);
	call->host->log(call, MUSTER_LOG_INFO, line);
}

static void say_number(const struct muster_call *call, const char *what, long long value)
{
	char text[32];
	snprintf(text, sizeof text, "%lld", value);
	say(call, what, text);
}

static const char *option(const struct muster_call *call, const char *name)
{
	const char *text = call->host->option_text(call, name);
	return text ? text : "";
}

static void nap(long ms)
{
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&pause, NULL);
}

__attribute__((noreturn)) static void spin(void)
{
	for (volatile unsigned i = 0;; i++)
		continue;
}

static int probe_open(const struct muster_call *call, void **instance)
{
	*instance = NULL;
	if (strcmp(option(call, "act"), "fail-open") == 0)
		return call->host->fail(call, MUSTER_E_USAGE, "the probe was told to fail");
	return MUSTER_OK;
}

static void probe_close(void *instance, const struct muster_call *call)
{
	(void)instance;
	(void)call;
}

/* ---- plan ---- */

struct planning {
	const struct muster_call *call;
	int count;
};

static int on_chunk(void *data, const struct muster_target_chunk *chunk)
{
	struct planning *planning = data;
	char id[16], spec[64];
	say(planning->call, "chunk", chunk->addresses);
	snprintf(id, sizeof id, "s%04d", ++planning->count);
	snprintf(spec, sizeof spec, "chunk %d", planning->count);
	struct muster_shard shard = {.size = sizeof shard,
	                             .id = id,
	                             .spec = {spec, strlen(spec)},
	                             .addresses = chunk->count,
	                             .parallel = 2,
	                             .command = "probe"};
	shard.scope = (struct muster_scope){
	        .size = sizeof shard.scope, .facts = MUSTER_FACT_PRESENCE, .addresses = chunk->addresses};
	return planning->call->host->shard(planning->call, &shard);
}

static int plan_scope(const struct muster_call *call, const char *id, const char *addresses)
{
	struct muster_shard shard = {.size = sizeof shard, .id = id};
	shard.scope = (struct muster_scope){
	        .size = sizeof shard.scope, .facts = MUSTER_FACT_PRESENCE, .addresses = addresses};
	return call->host->shard(call, &shard);
}

static int plan_wrong(const struct muster_call *call)
{
	char *big = calloc(1, 70000);
	struct muster_shard shard = {.size = sizeof shard, .id = "big", .spec = {big, 70000}};
	shard.scope = (struct muster_scope){.size = sizeof shard.scope, .facts = 1, .addresses = "10.0.0.1"};
	say_number(call, "bad-id", plan_scope(call, "a/b", "10.0.0.1"));
	say_number(call, "dots", plan_scope(call, "..", "10.0.0.1"));
	say_number(call, "twice-1", plan_scope(call, "a", "10.0.0.1"));
	say_number(call, "twice-2", plan_scope(call, "a", "10.0.0.1"));
	say_number(call, "scope", plan_scope(call, "b", option(call, "include")));
	say_number(call, "spec", call->host->shard(call, &shard));
	say_number(call, "record", call->host->record_begin(call, "k"));
	say_number(call, "scope-begin", call->host->scope_begin(call, &shard.scope));
	free(big);
	return MUSTER_OK;
}

static int probe_plan(void *instance, const struct muster_call *call)
{
	(void)instance;
	struct planning planning = {call, 0};
	struct muster_known known = {.size = sizeof known};
	int status;
	if (strcmp(option(call, "act"), "wrong") == 0)
		return plan_wrong(call);
	while ((status = call->host->known_next(call, &known)) == MUSTER_OK)
		say_number(call, known.address, (long long)known.os_seen);
	if (status != MUSTER_E_END)
		return status;
	struct muster_target_query query = {.size = sizeof query,
	                                    .per_chunk = 16,
	                                    .include = option(call, "include"),
	                                    .exclude = option(call, "exclude"),
	                                    .only = call->host->option_text(call, "only")};
	return call->host->targets(call, &query, on_chunk, &planning);
}

/* ---- run ---- */

static int record(const struct muster_call *call, const char *key)
{
	int status = call->host->record_begin(call, key);
	if (status == MUSTER_OK)
		status = call->host->record_text(call, "ip", key);
	if (status == MUSTER_OK)
		status = call->host->record_int(call, "seen", call->host->now(call));
	return status == MUSTER_OK ? call->host->record_emit(call) : status;
}

static int spawn(const struct muster_call *call, const char *const *argv, const char *input, size_t len,
                 int64_t deadline, struct muster_child **child)
{
	struct muster_spawn how = {
	        .size = sizeof how, .program = argv[0], .argv = argv, .input = {input, len}, .deadline_ms = deadline};
	return call->host->child_spawn(call, &how, child);
}

/* Runs a program to its end and logs its output line by line. */
static int show_output(const struct muster_call *call, const char *const *argv)
{
	struct muster_child *child;
	static char text[65536];
	size_t have = 0;
	int64_t n;
	int exit_status;
	const char *errors;
	int status = spawn(call, argv, NULL, 0, 0, &child);
	if (status != MUSTER_OK)
		return status;
	while (have + 1 < sizeof text &&
	       (n = call->host->child_read(call, child, text + have, sizeof text - 1 - have)) > 0)
		have += (size_t)n;
	text[have] = '\0';
	status = call->host->child_wait(call, child, &exit_status, &errors);
	for (size_t i = 0; i < have; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	say(call, "output", text);
	say_number(call, "exit", exit_status);
	say(call, "errors", errors);
	return status;
}

static int act_show(const struct muster_call *call)
{
	const char *const argv[] = {"grep", "-E", option(call, "pattern"), option(call, "path"), NULL};
	return show_output(call, argv);
}

static int act_cat(const struct muster_call *call)
{
	const char *const argv[] = {"cat", NULL};
	size_t size = 4u << 20, got = 0;
	char *input = malloc(size), buffer[65536];
	struct muster_child *child;
	int64_t n = 0;
	int exit_status;
	memset(input, 'x', size);
	int status = spawn(call, argv, input, size, 0, &child);
	free(input);
	if (status != MUSTER_OK)
		return status;
	while ((n = call->host->child_read(call, child, buffer, sizeof buffer)) > 0)
		got += (size_t)n;
	status = call->host->child_wait(call, child, &exit_status, NULL);
	say_number(call, "got", (long long)got);
	say_number(call, "read", n);
	say_number(call, "exit", exit_status);
	return status;
}

static int act_child(const struct muster_call *call, const char *const *argv, int64_t deadline, int then_spin)
{
	struct muster_child *child;
	char byte;
	int exit_status = -1;
	int status = spawn(call, argv, NULL, 0, deadline, &child);
	if (status != MUSTER_OK)
		return status;
	say(call, "started", argv[0]);
	if (then_spin)
		spin();
	int64_t n = call->host->child_read(call, child, &byte, 1);
	say_number(call, "read", n);
	say_number(call, "wait", call->host->child_wait(call, child, &exit_status, NULL));
	say_number(call, "exit", exit_status);
	return n < 0 ? (int)n : MUSTER_OK;
}

static int act_write(const struct muster_call *call)
{
	char path[512];
	snprintf(path, sizeof path, "%s/new", option(call, "path"));
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	say_number(call, "create", fd < 0 ? errno : 0);
	say_number(call, "mkdir", mkdir(path, 0700) ? errno : 0);
	snprintf(path, sizeof path, "%s/old", option(call, "path"));
	fd = open(path, O_WRONLY);
	say_number(call, "write", fd < 0 ? errno : 0);
	say_number(call, "truncate", truncate(path, 0) ? errno : 0);
	say_number(call, "unlink", unlink(path) ? errno : 0);
	fd = open(path, O_RDONLY);
	say_number(call, "read", fd < 0 ? errno : 0);
	fd = open("/dev/null", O_WRONLY);
	say_number(call, "null", fd < 0 ? errno : 0);
	return MUSTER_OK;
}

/* The ten bytes that the test knows, as often as it likes. */
static bool is_right(const struct muster_bytes *bytes)
{
	for (size_t i = 0; i + 10 <= bytes->length; i += 10)
		if (memcmp((const char *)bytes->data + i, "hunter2-\x01\x02", 10) != 0)
			return false;
	return bytes->length > 0 && bytes->length % 10 == 0;
}

static int act_secret(const struct muster_call *call)
{
	struct muster_bytes bytes;
	int status = call->host->secret_lease(call, "password", &bytes);
	say_number(call, "lease", status);
	say_number(call, "length", (long long)bytes.length);
	say(call, "text", call->host->option_text(call, "password") ? "given" : "none");
	if (status == MUSTER_OK)
		say(call, "right", is_right(&bytes) ? "yes" : "no");
	say_number(call, "release", call->host->secret_release(call, "password"));
	say_number(call, "other", call->host->secret_lease(call, "act", &bytes));
	while (!call->host->cancelled(call))
		nap(20);
	return MUSTER_E_CANCELLED;
}

static int act_wrong(const struct muster_call *call, const struct muster_shard *shard)
{
	const struct muster_host *host = call->host;
	struct muster_known known = {.size = sizeof known};
	struct muster_verdict verdict = {.size = sizeof verdict, .part = "x", .text = "y"};
	struct muster_scope wide = shard->scope;
	struct muster_child *child;
	const char *const argv[] = {"id", NULL};
	char byte;
	say_number(call, "emit-outside", host->record_begin(call, "k"));
	say_number(call, "record-none", host->record_text(call, "ip", "1"));
	say_number(call, "scope-end-none", host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL));
	say_number(call, "known", host->known_next(call, &known));
	say_number(call, "verdict", host->verdict(call, &verdict));
	say_number(call, "input", host->input_read(call, &byte, 1));
	say_number(call, "no-tool", spawn(call, argv, NULL, 0, 0, &child));
	wide.addresses = "10.0.0.0/8";
	say_number(call, "wide-scope", host->scope_begin(call, &wide));
	say_number(call, "scope", host->scope_begin(call, &shard->scope));
	say_number(call, "scope-twice", host->scope_begin(call, &shard->scope));
	say_number(call, "big-checkpoint", host->checkpoint(call, (struct muster_bytes){&byte, 1u << 20}));
	say_number(call, "reserved-key", host->record_begin(call, "k") || host->record_text(call, "_key", "x"));
	say(call, "unknown-option", host->option_text(call, "nonsense") ? "given" : "none");
	return host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL);
}

static int act_records(const struct muster_call *call, const struct muster_shard *shard, const char *act)
{
	char key[32];
	int status = call->host->scope_begin(call, &shard->scope);
	for (int i = 1; status == MUSTER_OK && i <= 5; i++) {
		snprintf(key, sizeof key, "10.0.0.%d", i);
		status = record(call, key);
		call->host->progress(call, i, 5, i, "going");
	}
	if (status == MUSTER_OK)
		status = call->host->checkpoint(call, (struct muster_bytes){"half", 4});
	if (strcmp(act, "crash") == 0)
		abort();
	if (strcmp(act, "spin") == 0)
		spin();
	if (strcmp(act, "exit") == 0)
		exit(0);
	if (strcmp(act, "leave-open") == 0)
		return status;
	if (strcmp(act, "partial") == 0)
		return call->host->scope_end(call, MUSTER_OUTCOME_PARTIAL, "half of it");
	while (strcmp(act, "polite") == 0 && !call->host->cancelled(call))
		nap(20);
	if (strcmp(act, "polite") == 0)
		return MUSTER_E_CANCELLED;
	return status == MUSTER_OK ? call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

static int act_noise(const struct muster_call *call)
{
	printf("{\"type\":\"end\",\"status\":\"ok\"}\n");
	fflush(stdout);
	fprintf(stderr, "words on stderr\n");
	for (int i = 0; i < 12000; i++)
		call->host->log(call, MUSTER_LOG_INFO, "flood");
	for (int i = 0; i < 5000; i++)
		call->host->progress(call, i, 5000, 0, NULL);
	return MUSTER_OK;
}

static int act_values(const struct muster_call *call)
{
	char long_text[9001];
	memset(long_text, 'l', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	say_number(call, "wait", (long long)call->host->option_int(call, "wait"));
	say_number(call, "has-net-raw", call->host->has_net_raw(call));
	say_number(call, "max-rate", (long long)call->max_rate);
	say(call, "interface", call->interface_name ? call->interface_name : "NULL");
	say(call, "source", call->source_address ? call->source_address : "NULL");
	say_number(call, "memory", malloc((size_t)3 << 30) ? 1 : 0);
	call->host->log(call, MUSTER_LOG_INFO, long_text);
	call->host->log(call, MUSTER_LOG_INFO, "escape \x1b[31m \xff here");
	return call->host->fail(call, MUSTER_E_UNAVAILABLE, "the reason");
}

static int probe_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	static const char *const sleeper[] = {"sleep", "1000", NULL};
	static const char *const shell[] = {"sh", "-c", "sleep 1000 & sleep 1001", NULL};
	const char *act = option(call, "act");
	(void)instance;
	if (strcmp(act, "show") == 0)
		return act_show(call);
	if (strcmp(act, "cat") == 0)
		return act_cat(call);
	if (strcmp(act, "child") == 0)
		return act_child(call, sleeper, 0, 0);
	if (strcmp(act, "child-deadline") == 0)
		return act_child(call, sleeper, 300, 0);
	if (strcmp(act, "child-spin") == 0)
		return act_child(call, shell, 0, 1);
	if (strcmp(act, "write") == 0)
		return act_write(call);
	if (strcmp(act, "secret") == 0)
		return act_secret(call);
	if (strcmp(act, "wrong") == 0)
		return act_wrong(call, shard);
	if (strcmp(act, "noise") == 0)
		return act_noise(call);
	if (strcmp(act, "values") == 0)
		return act_values(call);
	return act_records(call, shard, act);
}

static int probe_check(void *instance, const struct muster_call *call)
{
	(void)instance;
	struct muster_verdict verdict = {.size = sizeof verdict, .part = "credentials", .text = "good"};
	struct muster_shard shard = {.size = sizeof shard, .id = "x"};
	int status = call->host->verdict(call, &verdict);
	say_number(call, "shard", call->host->shard(call, &shard));
	return status;
}

static int probe_import(void *instance, const struct muster_call *call)
{
	char text[4096];
	size_t have = 0;
	int64_t n;
	struct muster_scope scope = {.size = sizeof scope, .facts = MUSTER_FACT_PRESENCE, .addresses = "192.0.2.0/24"};
	(void)instance;
	while (have + 1 < sizeof text && (n = call->host->input_read(call, text + have, sizeof text - 1 - have)) > 0)
		have += (size_t)n;
	text[have] = '\0';
	int status = call->host->scope_begin(call, &scope);
	for (char *line = text, *end; status == MUSTER_OK && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		status = record(call, line);
	}
	return status == MUSTER_OK ? call->host->scope_end(call, MUSTER_OUTCOME_COMPLETE, NULL) : status;
}

static const struct muster_option options[] = {
        {.name = "act", .type = MUSTER_OPTION_TEXT, .help = "What to do."},
        {.name = "include", .type = MUSTER_OPTION_TARGETS, .help = "Targets.", .limited_by = "max_addresses"},
        {.name = "exclude", .type = MUSTER_OPTION_TARGETS, .help = "Not these."},
        {.name = "only", .type = MUSTER_OPTION_TEXT, .help = "Cut down to these."},
        {.name = "max_addresses",
         .type = MUSTER_OPTION_INT,
         .default_value = "4096",
         .help = "Cap.",
         .minimum = 1,
         .maximum = 1 << 20},
        {.name = "wait", .type = MUSTER_OPTION_DURATION, .default_value = "90s", .help = "A duration."},
        {.name = "path", .type = MUSTER_OPTION_TEXT, .help = "A path."},
        {.name = "pattern", .type = MUSTER_OPTION_TEXT, .help = "A pattern."},
        {.name = "password", .type = MUSTER_OPTION_SECRET, .help = "A secret."},
};
static const struct muster_tool tools[] = {
        {"sleep", "coreutils", "sleeps"},
        {"cat", "coreutils", "copies"},
        {"grep", "grep", "finds"},
        {"sh", "dash", "starts a grandchild"},
        {"surely-not-installed", "nowhere", "is missing"},
};
static const struct muster_method methods[] = {
        {.name = "worker_probe",
         .summary = "does what it is told",
         .wants = MUSTER_WANTS_SPAWN | MUSTER_WANTS_NET_RAW | MUSTER_WANTS_KNOWN,
         .options = MUSTER_ARRAY(options),
         .tools = MUSTER_ARRAY(tools)},
        {.name = "worker_plain",
         .summary = "asks for nothing but children",
         .wants = MUSTER_WANTS_SPAWN,
         .options = MUSTER_ARRAY(options),
         .tools = MUSTER_ARRAY(tools)},
};
static const struct muster_discovery_ops ops = {.open = probe_open,
                                                .check = probe_check,
                                                .plan = probe_plan,
                                                .run = probe_run,
                                                .close = probe_close,
                                                .import = probe_import};
static const struct muster_interface interfaces[] = {{MUSTER_INTERFACE_DISCOVERY, 1, sizeof ops, 0, &ops}};

extern const struct muster_plugin muster_plugin_v1;
__attribute__((visibility("default"))) const struct muster_plugin muster_plugin_v1 = {
        .magic = MUSTER_PLUGIN_MAGIC,
        .size = sizeof(struct muster_plugin),
        .abi_built = MUSTER_ABI_CURRENT,
        .abi_needed = MUSTER_ABI_CURRENT,
        .name = "worker_probe",
        .version = PLUGIN_VERSION,
        .summary = "a plugin for tests",
        .interfaces = MUSTER_ARRAY(interfaces),
        .methods = MUSTER_ARRAY(methods),
};
