/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as choices for a synthetic descriptor that goes through the gate. Each byte deviates from a good descriptor: 0 is
 * the good value, so no input at all is a plugin that is accepted. Every struct, array and text has an allocation of
 * exactly the size that the descriptor states, so that a sanitizer sees the gate read beyond it.
 */
#include <stdlib.h>
#include <string.h>

#include "plugin/gate_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *bytes;
static size_t left;
static void *allocations[512];
static size_t allocated;

static uint8_t take(void)
{
	if (left == 0)
		return 0;
	left--;
	return *bytes++;
}

static void *keep(size_t size)
{
	if (allocated == sizeof allocations / sizeof allocations[0])
		abort();
	void *memory = calloc(1, size ? size : 1);
	if (!memory)
		abort();
	return allocations[allocated++] = memory;
}

static const char *text(const char *good)
{
	static const char *const bad[] = {"",        "x",        "-",       "a.b",  "_a", "A",
	                                  "\033[2J", "\xff\xfe", "include", "most", "5k", "99999999999"};
	uint8_t choice = take();
	if (choice == 1)
		return NULL;
	if (choice == 2) {
		size_t len = (size_t)take() * 1024;
		char *longer = keep(len + 1);
		memset(longer, 'a', len);
		return longer;
	}
	if (choice >= 3 && choice < 3 + sizeof bad / sizeof bad[0])
		good = bad[choice - 3];
	char *copy = keep(strlen(good) + 1);
	memcpy(copy, good, strlen(good));
	return copy;
}

static uint32_t number(uint32_t good)
{
	uint8_t choice = take();
	return choice == 0 ? good : choice < 128 ? choice - 1u : UINT32_MAX << (choice - 128) % 32;
}

/* An array of `count` elements as `fill` makes them, with a stated element size that may be smaller or larger. */
static struct muster_array array(uint32_t count, size_t item, void (*fill)(void *item, uint32_t i))
{
	static const int changes[] = {0, -8, 8, -4, 4, -1, 64};
	struct muster_array out = {NULL, count, 0};
	uint8_t choice = take();
	out.item_size = (uint32_t)((long)item + changes[choice % (sizeof changes / sizeof changes[0])]);
	/* Sizes and counts that are refused before anything is read have nothing behind them. */
	if (choice == 200)
		out.item_size = UINT32_MAX;
	if (choice == 201)
		out.count = UINT32_MAX;
	if (choice == 202)
		out.item_size = 0;
	if (choice >= 200 || count == 0)
		return out;
	char *items = keep((size_t)count * out.item_size);
	void *one = keep(item);
	for (uint32_t i = 0; i < count; i++) {
		memset(one, 0, item);
		fill(one, i);
		memcpy(items + (size_t)i * out.item_size, one, item < out.item_size ? item : out.item_size);
	}
	out.items = items;
	return out;
}

static void fill_option(void *item, uint32_t i)
{
	static const struct muster_option good[] = {
	        {"include", MUSTER_OPTION_TARGETS, MUSTER_OPTION_REQUIRED, NULL, "What.", NULL, 0, 0, "most"},
	        {"most", MUSTER_OPTION_INT, 0, "4096", "How many.", NULL, 1, 65536, NULL},
	        {"mode", MUSTER_OPTION_CHOICE, 0, "slow", "How.", "slow|fast", 0, 0, NULL},
	};
	struct muster_option *out = item;
	*out = good[i % 3];
	out->name = text(out->name);
	out->type = number(out->type);
	out->flags = number(out->flags);
	out->help = text(out->help);
	if (out->default_value)
		out->default_value = text(out->default_value);
	if (out->choices)
		out->choices = text(out->choices);
	if (out->limited_by)
		out->limited_by = text(out->limited_by);
	out->minimum = number((uint32_t)out->minimum);
	out->maximum = number((uint32_t)out->maximum);
}

static void fill_field(void *item, uint32_t i)
{
	struct muster_field *out = item;
	(void)i;
	*out = (struct muster_field){text("ports"), text("Ports"), number(MUSTER_FIELD_LIST), number(0),
	                             text("Open ports")};
}

static void fill_text(void *item, uint32_t i)
{
	struct muster_text *out = item;
	(void)i;
	*out = (struct muster_text){text("set-up"), text("Set up"), text("One\ntwo")};
}

static void fill_tool(void *item, uint32_t i)
{
	struct muster_tool *out = item;
	(void)i;
	*out = (struct muster_tool){text("nmap"), text("nmap"), text("scans")};
}

static void fill_method(void *item, uint32_t i)
{
	struct muster_method *out = item;
	(void)i;
	out->name = text("sample");
	out->summary = text("A sample");
	out->wants = number(3);
	out->options = array(3, sizeof(struct muster_option), fill_option);
	out->provider = array(0, sizeof(struct muster_option), fill_option);
	out->fields = array(1, sizeof(struct muster_field), fill_field);
	out->texts = array(1, sizeof(struct muster_text), fill_text);
	out->tools = array(1, sizeof(struct muster_tool), fill_tool);
}

/* Never called: the gate runs no plugin code. */
static int op_open(const struct muster_call *call, void **instance)
{
	(void)call;
	(void)instance;
	abort();
}

static int op_call(void *instance, const struct muster_call *call)
{
	(void)instance;
	(void)call;
	abort();
}

static int op_run(void *instance, const struct muster_call *call, const struct muster_shard *shard)
{
	(void)shard;
	return op_call(instance, call);
}

static void op_close(void *instance, const struct muster_call *call)
{
	(void)op_call(instance, call);
}

static void fill_interface(void *item, uint32_t i)
{
	struct muster_interface *out = item;
	struct muster_discovery_ops ops = {.open = op_open, .plan = op_call, .run = op_run, .close = op_close};
	(void)i;
	out->id = number(MUSTER_INTERFACE_DISCOVERY);
	out->version = number(1);
	uint8_t choice = take();
	/* Store and execute tables hold nothing but zeros behind the discovery ops. */
	out->size = choice == 0 ? sizeof(struct muster_store_ops) : choice;
	void *table = keep(out->size);
	memcpy(table, &ops, out->size < sizeof ops ? out->size : sizeof ops);
	if (choice != 255)
		out->ops = table;
}

static struct muster_plugin *make(void)
{
	struct muster_plugin own = {number(MUSTER_PLUGIN_MAGIC),
	                            sizeof own,
	                            number(MUSTER_ABI_CURRENT),
	                            number(MUSTER_ABI_CURRENT),
	                            text("sample"),
	                            text("1.0"),
	                            text("A sample"),
	                            MUSTER_NO_ARRAY,
	                            MUSTER_NO_ARRAY};
	uint8_t choice = take();
	own.interfaces = array(1 + (choice & 1), sizeof(struct muster_interface), fill_interface);
	own.methods = array(1 + (choice >> 1 & 1), sizeof(struct muster_method), fill_method);
	/* At least the frozen head is always there. */
	if (choice >= 16)
		own.size = choice;
	char *out = keep(own.size);
	memcpy(out, &own, own.size < sizeof own ? own.size : sizeof own);
	return (void *)out;
}

static void through(const struct muster_plugin *plugin, const struct mst_gate_range *range, int good)
{
	struct mst_plugin_tables tables;
	struct mst_manifest manifest, again;
	struct mst_err err;
	mst_err_clear(&err);
	int status = mst_gate_accept_range(plugin, "sample", range, &tables, &manifest, &err);
	if (status != MST_OK) {
		if (!*err.text || manifest.name || good)
			abort();
		return;
	}
	/* What the gate lets through, the daemon takes as JSON. */
	struct json_object *json = mst_manifest_to_json(&manifest);
	if (mst_manifest_from_json(&again, json, &err) != MST_OK)
		abort();
	json_object_put(json);
	mst_manifest_free(&again);
	mst_manifest_free(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mst_gate_range future = mst_gate_own;
	future.current = MUSTER_ABI(3, 2);
	future.oldest = MUSTER_ABI(0, 0);
	future.option -= 8;
	future.method -= 32;
	future.interface -= 8;
	future.discovery -= 8;
	bytes = data;
	left = size;
	allocated = 0;
	struct muster_plugin *plugin = make();
	through(plugin, &mst_gate_own, size == 0);
	through(plugin, &future, size == 0);
	while (allocated > 0)
		free(allocations[--allocated]);
	return 0;
}
