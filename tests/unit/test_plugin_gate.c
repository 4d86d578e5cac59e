/* SPDX-License-Identifier: Apache-2.0 */
/* The gate over synthetic descriptors: each refusal, and older smaller layouts that a host of the future still takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "plugin/gate_internal.h"

static int op_open(const struct muster_call *call, void **instance)
{
	(void)call;
	*instance = NULL;
	return MUSTER_OK;
}

static int op_call(void *instance, const struct muster_call *call)
{
	(void)instance;
	(void)call;
	return MUSTER_OK;
}

static int op_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)instance;
	(void)call;
	(void)shard;
	return MUSTER_OK;
}

static void op_close(void *instance, const struct muster_call *call)
{
	(void)instance;
	(void)call;
}

/* A good descriptor, in parts that a test may change. */
struct sample {
	struct muster_option options[3];
	struct muster_field fields[1];
	struct muster_text texts[1];
	struct muster_tool tools[1];
	struct muster_method methods[1];
	struct muster_discovery_ops ops;
	struct muster_interface interfaces[2];
	struct muster_plugin plugin;
	struct muster_option provider[1];
};

static struct sample *make(void)
{
	static struct sample s;
	memset(&s, 0, sizeof s);
	s.options[0] = (struct muster_option){.name = "include",
	                                      .type = MUSTER_OPTION_TARGETS,
	                                      .flags = MUSTER_OPTION_REQUIRED,
	                                      .help = "What to look at.",
	                                      .limited_by = "most"};
	s.options[1] = (struct muster_option){.name = "most",
	                                      .type = MUSTER_OPTION_INT,
	                                      .default_value = "4096",
	                                      .help = "At most so many.",
	                                      .minimum = 1,
	                                      .maximum = 65536};
	s.options[2] = (struct muster_option){.name = "mode",
	                                      .type = MUSTER_OPTION_CHOICE,
	                                      .default_value = "slow",
	                                      .help = "How.",
	                                      .choices = "slow|fast"};
	s.fields[0] = (struct muster_field){"ports", "Ports", MUSTER_FIELD_LIST, MUSTER_FIELD_DEFAULT, "Open ports"};
	s.texts[0] = (struct muster_text){"set-up", "Set up", "One\n\ttwo"};
	s.tools[0] = (struct muster_tool){"nmap", "nmap", "scans"};
	s.methods[0] = (struct muster_method){.name = "sample",
	                                      .summary = "A sample",
	                                      .wants = MUSTER_WANTS_SPAWN,
	                                      .options = MUSTER_ARRAY(s.options),
	                                      .fields = MUSTER_ARRAY(s.fields),
	                                      .texts = MUSTER_ARRAY(s.texts),
	                                      .tools = MUSTER_ARRAY(s.tools)};
	s.provider[0] = (struct muster_option){.name = "url", .type = MUSTER_OPTION_TEXT, .help = "Where."};
	s.ops = (struct muster_discovery_ops){.open = op_open, .plan = op_call, .run = op_run, .close = op_close};
	s.interfaces[0] = (struct muster_interface){MUSTER_INTERFACE_DISCOVERY, 1, sizeof s.ops, 0, &s.ops};
	s.plugin = (struct muster_plugin){MUSTER_PLUGIN_MAGIC,
	                                  sizeof s.plugin,
	                                  MUSTER_ABI_CURRENT,
	                                  MUSTER_ABI_CURRENT,
	                                  "sample",
	                                  "1.0",
	                                  "A sample",
	                                  {s.interfaces, 1, sizeof s.interfaces[0]},
	                                  MUSTER_ARRAY(s.methods)};
	return &s;
}

static void refuse(const struct sample *s, int code, const char *text)
{
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	struct mst_err err;
	int status = mst_gate_accept(&s->plugin, "sample", &tables, &manifest, &err);
	if (status != code || !strstr(err.text, text))
		print_error("status %d, text: %s\nwanted %d, %s\n", status, status ? err.text : "", code, text);
	assert_int_equal(status, code);
	assert_non_null(strstr(err.text, text));
	assert_null(manifest.name);
	assert_int_equal(manifest.method_count, 0);
}

static void test_accepts(void **state)
{
	(void)state;
	struct sample *s = make();
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	struct mst_err err;
	s->methods[0].provider = (struct muster_array)MUSTER_ARRAY(s->provider);
	assert_int_equal(mst_gate_accept(&s->plugin, "sample", &tables, &manifest, &err), MST_OK);
	assert_string_equal(tables.name, "sample");
	assert_string_equal(tables.version, "1.0");
	assert_int_equal(tables.abi_built, MUSTER_ABI_CURRENT);
	assert_true(tables.has_discovery && !tables.has_execute && !tables.has_store);
	assert_true(manifest.discovery && !manifest.execute && !manifest.store);
	assert_ptr_equal(tables.discovery.run, op_run);
	assert_int_equal(manifest.method_count, 1);
	const struct mst_method *method = &manifest.methods[0];
	assert_string_equal(method->def.plugin, "sample");
	assert_int_equal(method->def.option_count, 3);
	assert_int_equal(method->provider_count, 1);
	assert_string_equal(method->def.options[0].limited_by, "most");
	assert_int_equal(method->def.options[1].maximum, 65536);
	assert_string_equal(method->def.options[2].choices, "slow|fast");
	assert_string_equal(method->fields[0].label, "Ports");
	assert_string_equal(method->texts[0].body, "One\n\ttwo");
	assert_string_equal(method->tools[0].program, "nmap");
	mst_manifest_free(&manifest);
}

/* Every function of every table can be called, present or not. */
static void test_absent_ops_answer(void **state)
{
	(void)state;
	struct sample *s = make();
	struct mst_plugin_tables t;
	struct mst_manifest manifest;
	struct mst_err err;
	struct muster_bytes bytes = {NULL, 0};
	struct muster_cursor *cursor;
	struct muster_lease lease;
	struct muster_store_stats stats;
	void *instance;
	assert_int_equal(mst_gate_accept(&s->plugin, "sample", &t, &manifest, &err), MST_OK);
	mst_manifest_free(&manifest);
	assert_int_equal(t.discovery.check(NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.discovery.import(NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.execute.open(NULL, &instance), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.execute.check(NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.execute.submit(NULL, NULL, NULL, NULL, 0), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.execute.find(NULL, NULL, "", NULL, 0), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.execute.collect(NULL, NULL, "", NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.execute.cancel(NULL, NULL, ""), MUSTER_E_UNSUPPORTED);
	t.execute.close(NULL, NULL);
	assert_int_equal(t.store.open(NULL, &instance), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.store.check(NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.store.define(NULL, NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.store.get(NULL, NULL, "", "", &bytes), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.store.find(NULL, NULL, NULL, &cursor), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.store.next(NULL, NULL, NULL, &bytes), MUSTER_E_UNSUPPORTED);
	t.store.cursor_close(NULL, NULL, NULL);
	assert_int_equal(t.store.count(NULL, NULL, "", bytes, NULL, NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.store.write(NULL, NULL, NULL, 0, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.store.lease(NULL, NULL, 1, "", "", 0, &lease), MUSTER_E_UNSUPPORTED);
	assert_int_equal(t.store.stats(NULL, NULL, &stats), MUSTER_E_UNSUPPORTED);
	t.store.close(NULL, NULL);
}

static void test_version(void **state)
{
	(void)state;
	struct sample *s = make();
	s->plugin.magic = 0x12345678;
	refuse(s, MST_E_UNSUPPORTED, "0x12345678");
	s = make();
	s->plugin.abi_built = s->plugin.abi_needed = MUSTER_ABI(9, 4);
	refuse(s, MST_E_UNSUPPORTED, "built with 9.4 and needs at least 9.4; this host speaks 0.5");
	/* Even when it says that it can live with an old host: a draft is exact. */
	s->plugin.abi_built = MUSTER_ABI_CURRENT + 1;
	s->plugin.abi_needed = MUSTER_ABI_CURRENT;
	refuse(s, MST_E_UNSUPPORTED, "exactly one version");
	s->plugin.abi_built = s->plugin.abi_needed = MUSTER_ABI(0, 0);
	refuse(s, MST_E_UNSUPPORTED, "rebuild it");
	s->plugin.abi_built = MUSTER_ABI_CURRENT;
	s->plugin.abi_needed = MUSTER_ABI_CURRENT + 1;
	refuse(s, MST_E_UNSUPPORTED, "abi_needed");
	s = make();
	s->plugin.size = 16;
	refuse(s, MST_E_UNSUPPORTED, "a size of 16 bytes");
	s->plugin.size = 0;
	refuse(s, MST_E_UNSUPPORTED, "a size of 0 bytes");
	s->plugin.size = UINT32_MAX;
	refuse(s, MST_E_UNSUPPORTED, "a size of 4294967295 bytes");
}

static void test_interfaces(void **state)
{
	(void)state;
	struct sample *s = make();
	s->plugin.interfaces.count = 0;
	refuse(s, MST_E_USAGE, "no interface");
	s = make();
	s->interfaces[0].id = 77;
	refuse(s, MST_E_USAGE, "no interface");
	s = make();
	s->interfaces[0].version = 2;
	refuse(s, MST_E_UNSUPPORTED, "version 2 of the discovery interface");
	s = make();
	s->interfaces[0].ops = NULL;
	refuse(s, MST_E_USAGE, "no ops table");
	s = make();
	s->interfaces[0].size -= 8;
	refuse(s, MST_E_UNSUPPORTED, "for its discovery ops table");
	s = make();
	s->interfaces[1] = s->interfaces[0];
	s->plugin.interfaces.count = 2;
	refuse(s, MST_E_USAGE, "offered twice");
	s = make();
	s->plugin.interfaces.count = 1000;
	refuse(s, MST_E_LIMIT, "1000 interfaces");
	s = make();
	s->plugin.interfaces.items = NULL;
	refuse(s, MST_E_USAGE, "at address NULL");
	s = make();
	s->plugin.interfaces.item_size = 4;
	refuse(s, MST_E_UNSUPPORTED, "a size of 4 bytes for its interfaces");
}

/* A size that ends inside a pointer would give half of one. */
static void test_odd_sizes(void **state)
{
	(void)state;
	struct sample *s = make();
	s->plugin.size += 4;
	refuse(s, MST_E_UNSUPPORTED, "in steps of");
	s = make();
	s->methods[0].options.item_size += 4;
	refuse(s, MST_E_UNSUPPORTED, "for its options");
	s = make();
	s->interfaces[0].size += 1;
	refuse(s, MST_E_UNSUPPORTED, "for its discovery ops table");
}

static void test_required_ops(void **state)
{
	(void)state;
	struct sample *s = make();
	s->ops.open = NULL;
	refuse(s, MST_E_USAGE, "\"open\"");
	s = make();
	s->ops.plan = NULL;
	refuse(s, MST_E_USAGE, "\"plan\"");
	s = make();
	s->ops.run = NULL;
	refuse(s, MST_E_USAGE, "\"run\"");
	s = make();
	s->ops.close = NULL;
	refuse(s, MST_E_USAGE, "\"close\"");
}

/* Takes away one function after the other from a table that has all. */
static void test_required_store_ops(void **state)
{
	(void)state;
	static const struct {
		size_t offset;
		bool required;
	} ops[] = {
	        {offsetof(struct muster_store_ops, open), true},
	        {offsetof(struct muster_store_ops, check), false},
	        {offsetof(struct muster_store_ops, define), true},
	        {offsetof(struct muster_store_ops, get), true},
	        {offsetof(struct muster_store_ops, find), true},
	        {offsetof(struct muster_store_ops, next), true},
	        {offsetof(struct muster_store_ops, cursor_close), true},
	        {offsetof(struct muster_store_ops, count), true},
	        {offsetof(struct muster_store_ops, write), true},
	        {offsetof(struct muster_store_ops, lease), false},
	        {offsetof(struct muster_store_ops, stats), false},
	        {offsetof(struct muster_store_ops, close), true},
	        {offsetof(struct muster_store_ops, backup), false},
	        {offsetof(struct muster_store_ops, restore), false},
	        {offsetof(struct muster_store_ops, verify), false},
	        {offsetof(struct muster_store_ops, count_some), false},
	};
	_Static_assert(sizeof ops / sizeof ops[0] == sizeof(struct muster_store_ops) / sizeof(void *), "all store ops");
	for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
		struct mst_plugin_tables tables;
		struct mst_err err;
		void (*none)(void) = NULL;
		mst_gate_no_ops(&tables);
		memcpy((char *)&tables.store + ops[i].offset, &none, sizeof none);
		assert_int_equal(mst_gate_store(&tables.store, &err), ops[i].required ? MST_E_USAGE : MST_OK);
		memcpy(&none, (char *)&tables.store + ops[i].offset, sizeof none);
		assert_int_equal(none != NULL, !ops[i].required);
	}
}

static void test_names(void **state)
{
	(void)state;
	struct sample *s = make();
	s->plugin.name = "other";
	refuse(s, MST_E_REFUSED, "calls itself \"other\" but its file is \"sample.so\"");
	s = make();
	s->plugin.name = NULL;
	refuse(s, MST_E_USAGE, "plugin name is NULL");
	s = make();
	s->plugin.version = NULL;
	refuse(s, MST_E_USAGE, "plugin version is NULL");
	s = make();
	s->plugin.summary = "a\033[31mred";
	refuse(s, MST_E_USAGE, "control bytes");
	s = make();
	s->methods[0].name = "Sample";
	refuse(s, MST_E_USAGE, "method \"Sample\"");
	s = make();
	s->methods[0].name = NULL;
	refuse(s, MST_E_USAGE, "a method's name is NULL");
	s = make();
	s->methods[0].name = "a-name-of-more-than-thirty-one-bytes";
	refuse(s, MST_E_LIMIT, "more than 31 bytes");
	s = make();
	s->plugin.methods.count = 0;
	refuse(s, MST_E_USAGE, "no method");
	s = make();
	s->methods[0].wants = UINT64_C(1) << 40;
	refuse(s, MST_E_UNSUPPORTED, "0x10000000000");
	struct muster_method twice[2];
	s = make();
	twice[0] = twice[1] = s->methods[0];
	s->plugin.methods = (struct muster_array)MUSTER_ARRAY(twice);
	refuse(s, MST_E_USAGE, "stands twice");
}

static void test_options(void **state)
{
	(void)state;
	struct sample *s = make();
	s->options[1].default_value = "many";
	refuse(s, MST_E_USAGE, "option \"most\": its default \"many\" does not fit");
	s = make();
	s->options[1].default_value = "70000";
	refuse(s, MST_E_USAGE, "its default \"70000\"");
	s = make();
	s->options[2].default_value = "medium";
	refuse(s, MST_E_USAGE, "its default \"medium\"");
	s = make();
	s->options[2].choices = NULL;
	refuse(s, MST_E_USAGE, "choice without choices");
	s = make();
	s->options[1].choices = "a|b";
	refuse(s, MST_E_USAGE, "but is no choice");
	s = make();
	s->options[2].name = "most";
	refuse(s, MST_E_USAGE, "stands twice");
	s = make();
	s->options[2].name = "no-dash";
	refuse(s, MST_E_USAGE, "[a-z][a-z0-9_]*");
	s = make();
	s->options[2].name = NULL;
	refuse(s, MST_E_USAGE, "an option's name is NULL");
	s = make();
	s->options[2].help = NULL;
	refuse(s, MST_E_USAGE, "an option's help is NULL");
	s = make();
	s->options[0].type = 99;
	refuse(s, MST_E_USAGE, "unknown type 99");
	s = make();
	s->options[0].flags = 0x80;
	refuse(s, MST_E_USAGE, "unknown flags 0x80");
	s = make();
	s->options[0].limited_by = "mode";
	refuse(s, MST_E_USAGE, "limited_by");
	s = make();
	s->options[1].minimum = 70000;
	refuse(s, MST_E_USAGE, "above maximum");
	s = make();
	s->options[2] = (struct muster_option){
	        .name = "key", .type = MUSTER_OPTION_SECRET, .help = "A key.", .default_value = "x"};
	refuse(s, MST_E_USAGE, "a secret has none");
	s = make();
	s->methods[0].options.count = 512;
	refuse(s, MST_E_LIMIT, "512 options");
	s = make();
	s->methods[0].provider = s->methods[0].options;
	refuse(s, MST_E_USAGE, "in options and in provider");
}

static void test_other_tables(void **state)
{
	(void)state;
	struct sample *s = make();
	s->fields[0].name = "_key";
	refuse(s, MST_E_USAGE, "field name \"_key\"");
	s = make();
	s->fields[0].label = NULL;
	refuse(s, MST_E_USAGE, "a field's label is NULL");
	s = make();
	s->fields[0].type = 0;
	refuse(s, MST_E_USAGE, "unknown type 0");
	s = make();
	s->texts[0].body = NULL;
	refuse(s, MST_E_USAGE, "a text's body is NULL");
	s = make();
	s->texts[0].name = "../x";
	refuse(s, MST_E_USAGE, "text name");
	s = make();
	s->tools[0].program = "/bin/sh";
	refuse(s, MST_E_USAGE, "not the plain name of a program");
	s = make();
	s->tools[0].package = "nmap; rm";
	refuse(s, MST_E_USAGE, "Debian package");
	s = make();
	char *body = malloc(MST_MAX_PLUGIN_TEXT + 2);
	memset(body, 'x', MST_MAX_PLUGIN_TEXT + 1);
	body[MST_MAX_PLUGIN_TEXT + 1] = '\0';
	s->texts[0].body = body;
	refuse(s, MST_E_LIMIT, "a text's body has more than");
	free(body);
}

/* A host of version 3.2 that still takes 1.0, whose structs have lost members at their ends. */
static const struct mst_gate_range future = {
        .current = MUSTER_ABI(3, 2),
        .oldest = MUSTER_ABI(1, 0),
        .plugin = sizeof(struct muster_plugin),
        .interface = sizeof(struct muster_interface),
        .method = offsetof(struct muster_method, texts),
        .option = offsetof(struct muster_option, minimum),
        .field = offsetof(struct muster_field, help),
        .text = sizeof(struct muster_text),
        .tool = sizeof(struct muster_tool),
        .discovery = offsetof(struct muster_discovery_ops, import),
        .execute = sizeof(struct muster_execute_ops),
        .store = sizeof(struct muster_store_ops),
};

/* The layouts of that old version: the elements are really that small, so reading beyond them is caught. */
struct old_option {
	const char *name;
	uint32_t type, flags;
	const char *default_value, *help, *choices;
};
struct old_method {
	const char *name, *summary;
	uint64_t wants;
	struct muster_array options, provider, fields;
};
struct old_ops {
	int (*open)(const struct muster_call *call, void **instance);
	int (*check)(void *instance, const struct muster_call *call);
	int (*plan)(void *instance, const struct muster_call *call);
	int (*run)(void *instance, const struct muster_call *call, const struct muster_shard *shard);
	void (*close)(void *instance, const struct muster_call *call);
};

static void test_old_layout(void **state)
{
	(void)state;
	static const struct old_option options[] = {
	        {"first", MUSTER_OPTION_TEXT, 0, "a", "First.", NULL},
	        {"second", MUSTER_OPTION_BOOL, 0, "on", "Second.", NULL},
	};
	static const struct old_method methods[] = {
	        {"one", "One", 0, MUSTER_ARRAY(options), MUSTER_NO_ARRAY, MUSTER_NO_ARRAY},
	        {"two", "Two", 0, MUSTER_ARRAY(options), MUSTER_NO_ARRAY, MUSTER_NO_ARRAY},
	};
	static const struct old_ops ops = {op_open, NULL, op_call, op_run, op_close};
	struct muster_interface interface = {MUSTER_INTERFACE_DISCOVERY, 1, sizeof ops, 0, &ops};
	struct muster_plugin plugin = {MUSTER_PLUGIN_MAGIC,
	                               sizeof plugin,
	                               MUSTER_ABI(1, 0),
	                               MUSTER_ABI(1, 0),
	                               "sample",
	                               "1",
	                               "S",
	                               {&interface, 1, sizeof interface},
	                               MUSTER_ARRAY(methods)};
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	struct mst_err err;
	assert_int_equal(mst_gate_accept_range(&plugin, "sample", &future, &tables, &manifest, &err), MST_OK);
	assert_ptr_equal(tables.discovery.run, op_run);
	assert_int_equal(tables.discovery.check(NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(tables.discovery.import(NULL, NULL), MUSTER_E_UNSUPPORTED);
	assert_int_equal(manifest.method_count, 2);
	assert_string_equal(manifest.methods[1].def.name, "two");
	assert_int_equal(manifest.methods[1].text_count, 0);
	assert_string_equal(manifest.methods[1].def.options[1].name, "second");
	assert_int_equal(manifest.methods[1].def.options[1].maximum, 0);
	assert_null(manifest.methods[1].def.options[1].limited_by);
	mst_manifest_free(&manifest);
	/* And this build, which is a draft, refuses it. */
	assert_int_equal(mst_gate_accept(&plugin, "sample", &tables, &manifest, &err), MST_E_UNSUPPORTED);
}

/* A newer plugin that can live with this host: its structs are larger, what is behind our part is not looked at. */
static void test_new_layout(void **state)
{
	(void)state;
	struct big_option {
		struct muster_option known;
		const char *later[4];
	} options[] = {
	        {{.name = "first", .type = MUSTER_OPTION_TEXT, .help = "First."}, {"x"}},
	        {{.name = "second", .type = MUSTER_OPTION_TEXT, .help = "Second."}, {"x"}},
	};
	struct sample *s = make();
	struct mst_plugin_tables tables;
	struct mst_manifest manifest;
	struct mst_err err;
	s->methods[0].options = (struct muster_array)MUSTER_ARRAY(options);
	s->plugin.abi_built = MUSTER_ABI(3, 9);
	s->plugin.abi_needed = MUSTER_ABI(3, 1);
	assert_int_equal(mst_gate_accept_range(&s->plugin, "sample", &future, &tables, &manifest, &err), MST_OK);
	assert_string_equal(manifest.methods[0].def.options[1].name, "second");
	mst_manifest_free(&manifest);
	s->plugin.abi_needed = MUSTER_ABI(3, 3);
	assert_int_equal(mst_gate_accept_range(&s->plugin, "sample", &future, &tables, &manifest, &err),
	                 MST_E_UNSUPPORTED);
	s->plugin.abi_built = MUSTER_ABI(4, 0);
	s->plugin.abi_needed = MUSTER_ABI(3, 1);
	assert_int_equal(mst_gate_accept_range(&s->plugin, "sample", &future, &tables, &manifest, &err),
	                 MST_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "accepts 1.0 to 3.2"));
	s->plugin.abi_built = s->plugin.abi_needed = MUSTER_ABI(0, 9);
	assert_int_equal(mst_gate_accept_range(&s->plugin, "sample", &future, &tables, &manifest, &err),
	                 MST_E_UNSUPPORTED);
	assert_non_null(strstr(err.text, "older than this host accepts"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_accepts),
	        cmocka_unit_test(test_absent_ops_answer),
	        cmocka_unit_test(test_version),
	        cmocka_unit_test(test_interfaces),
	        cmocka_unit_test(test_odd_sizes),
	        cmocka_unit_test(test_required_ops),
	        cmocka_unit_test(test_required_store_ops),
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_options),
	        cmocka_unit_test(test_other_tables),
	        cmocka_unit_test(test_old_layout),
	        cmocka_unit_test(test_new_layout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
