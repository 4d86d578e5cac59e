/* SPDX-License-Identifier: Apache-2.0 */
/* Prints where every member of muster/plugin.h lies. check.sh compares that with the table of the ABI version that the
 * header claims, and counts that no struct or member of the header is left out here. */
#include <muster/plugin.h>
#include <stdio.h>

#define STRUCT(name) printf("struct %s %zu\n", #name, sizeof(struct name))
#define MEMBER(name, member)                                                                                           \
	printf("\t%s %zu %zu\n", #member, offsetof(struct name, member), sizeof(((struct name *)0)->member))
#define VALUE(name) printf("%s %lld\n", #name, (long long)(name))

static void print_values(void)
{
	VALUE(MUSTER_PLUGIN_MAGIC);
	VALUE(MUSTER_OPTION_REQUIRED);
	VALUE(MUSTER_OPTION_RISKY);
	VALUE(MUSTER_FIELD_INDEXED);
	VALUE(MUSTER_FIELD_DEFAULT);
	VALUE(MUSTER_WANTS_NET_RAW);
	VALUE(MUSTER_WANTS_SPAWN);
	VALUE(MUSTER_WANTS_NETWORK);
	VALUE(MUSTER_WANTS_KNOWN);
	VALUE(MUSTER_INTERFACE_DISCOVERY);
	VALUE(MUSTER_INTERFACE_EXECUTE);
	VALUE(MUSTER_INTERFACE_STORE);
	VALUE(MUSTER_FACT_PRESENCE);
	VALUE(MUSTER_FACT_OS);
	VALUE(MUSTER_FACT_SERVICES);
	VALUE(MUSTER_FACT_NAMES);
	VALUE(MUSTER_FACT_MAC);
	VALUE(MUSTER_FACT_SCRIPTS);
	VALUE(MUSTER_OK);
	VALUE(MUSTER_E_FAILED);
	VALUE(MUSTER_E_USAGE);
	VALUE(MUSTER_E_PARTIAL);
	VALUE(MUSTER_E_NOT_FOUND);
	VALUE(MUSTER_E_REFUSED);
	VALUE(MUSTER_E_EXISTS);
	VALUE(MUSTER_E_CONFLICT);
	VALUE(MUSTER_E_UNAVAILABLE);
	VALUE(MUSTER_E_NO_MEMORY);
	VALUE(MUSTER_E_CANCELLED);
	VALUE(MUSTER_E_TIMEOUT);
	VALUE(MUSTER_E_UNKNOWN);
	VALUE(MUSTER_E_CORRUPT);
	VALUE(MUSTER_E_FULL);
	VALUE(MUSTER_E_UNSUPPORTED);
	VALUE(MUSTER_E_LIMIT);
	VALUE(MUSTER_E_END);
	VALUE(MUSTER_OPTION_TEXT);
	VALUE(MUSTER_OPTION_BOOL);
	VALUE(MUSTER_OPTION_INT);
	VALUE(MUSTER_OPTION_CHOICE);
	VALUE(MUSTER_OPTION_DURATION);
	VALUE(MUSTER_OPTION_RATE);
	VALUE(MUSTER_OPTION_SIZE);
	VALUE(MUSTER_OPTION_TARGETS);
	VALUE(MUSTER_OPTION_PORTS);
	VALUE(MUSTER_OPTION_ADDRESSES);
	VALUE(MUSTER_OPTION_SECRET);
	VALUE(MUSTER_FIELD_TEXT);
	VALUE(MUSTER_FIELD_INT);
	VALUE(MUSTER_FIELD_BOOL);
	VALUE(MUSTER_FIELD_TIME);
	VALUE(MUSTER_FIELD_ADDRESS);
	VALUE(MUSTER_FIELD_LIST);
	VALUE(MUSTER_FIELD_OBJECT);
	VALUE(MUSTER_LOG_ERROR);
	VALUE(MUSTER_LOG_WARNING);
	VALUE(MUSTER_LOG_INFO);
	VALUE(MUSTER_LOG_DEBUG);
	VALUE(MUSTER_OUTCOME_COMPLETE);
	VALUE(MUSTER_OUTCOME_PARTIAL);
	VALUE(MUSTER_OUTCOME_FAILED);
	VALUE(MUSTER_INDEX_UNIQUE);
	VALUE(MUSTER_WRITE_INSERT);
	VALUE(MUSTER_WRITE_REPLACE_IF);
	VALUE(MUSTER_WRITE_UPDATE);
	VALUE(MUSTER_WRITE_REMOVE);
	VALUE(MUSTER_WRITE_PUT);
	VALUE(MUSTER_LEASE_ACQUIRE);
	VALUE(MUSTER_LEASE_RENEW);
	VALUE(MUSTER_LEASE_RELEASE);
}

static void print_structs_1(void)
{
	STRUCT(muster_array);
	MEMBER(muster_array, items);
	MEMBER(muster_array, count);
	MEMBER(muster_array, item_size);
	STRUCT(muster_bytes);
	MEMBER(muster_bytes, data);
	MEMBER(muster_bytes, length);
	STRUCT(muster_option);
	MEMBER(muster_option, name);
	MEMBER(muster_option, type);
	MEMBER(muster_option, flags);
	MEMBER(muster_option, default_value);
	MEMBER(muster_option, help);
	MEMBER(muster_option, choices);
	MEMBER(muster_option, minimum);
	MEMBER(muster_option, maximum);
	MEMBER(muster_option, limited_by);
	STRUCT(muster_field);
	MEMBER(muster_field, name);
	MEMBER(muster_field, label);
	MEMBER(muster_field, type);
	MEMBER(muster_field, flags);
	MEMBER(muster_field, help);
	STRUCT(muster_text);
	MEMBER(muster_text, name);
	MEMBER(muster_text, title);
	MEMBER(muster_text, body);
	STRUCT(muster_tool);
	MEMBER(muster_tool, program);
	MEMBER(muster_tool, package);
	MEMBER(muster_tool, help);
	STRUCT(muster_method);
	MEMBER(muster_method, name);
	MEMBER(muster_method, summary);
	MEMBER(muster_method, wants);
	MEMBER(muster_method, options);
	MEMBER(muster_method, provider);
	MEMBER(muster_method, fields);
	MEMBER(muster_method, texts);
	MEMBER(muster_method, tools);
	STRUCT(muster_interface);
	MEMBER(muster_interface, id);
	MEMBER(muster_interface, version);
	MEMBER(muster_interface, size);
	MEMBER(muster_interface, reserved);
	MEMBER(muster_interface, ops);
	STRUCT(muster_plugin);
	MEMBER(muster_plugin, magic);
	MEMBER(muster_plugin, size);
	MEMBER(muster_plugin, abi_built);
	MEMBER(muster_plugin, abi_needed);
	MEMBER(muster_plugin, name);
	MEMBER(muster_plugin, version);
	MEMBER(muster_plugin, summary);
	MEMBER(muster_plugin, interfaces);
	MEMBER(muster_plugin, methods);
}

static void print_structs_2(void)
{
	STRUCT(muster_call);
	MEMBER(muster_call, size);
	MEMBER(muster_call, reserved);
	MEMBER(muster_call, host);
	MEMBER(muster_call, state);
	MEMBER(muster_call, method);
	MEMBER(muster_call, zone);
	MEMBER(muster_call, interface_name);
	MEMBER(muster_call, source_address);
	MEMBER(muster_call, dns_servers);
	MEMBER(muster_call, max_rate);
	STRUCT(muster_scope);
	MEMBER(muster_scope, size);
	MEMBER(muster_scope, facts);
	MEMBER(muster_scope, addresses);
	MEMBER(muster_scope, tcp_ports);
	MEMBER(muster_scope, udp_ports);
	MEMBER(muster_scope, namespace_key);
	STRUCT(muster_shard);
	MEMBER(muster_shard, size);
	MEMBER(muster_shard, parallel);
	MEMBER(muster_shard, id);
	MEMBER(muster_shard, spec);
	MEMBER(muster_shard, scope);
	MEMBER(muster_shard, addresses);
	MEMBER(muster_shard, expected_bytes);
	MEMBER(muster_shard, expected_ms);
	MEMBER(muster_shard, command);
	MEMBER(muster_shard, checkpoint);
	STRUCT(muster_known);
	MEMBER(muster_known, size);
	MEMBER(muster_known, reserved);
	MEMBER(muster_known, address);
	MEMBER(muster_known, last_seen);
	MEMBER(muster_known, os_seen);
	STRUCT(muster_target_query);
	MEMBER(muster_target_query, size);
	MEMBER(muster_target_query, per_chunk);
	MEMBER(muster_target_query, include);
	MEMBER(muster_target_query, exclude);
	MEMBER(muster_target_query, only);
	MEMBER(muster_target_query, servers);
	STRUCT(muster_target_chunk);
	MEMBER(muster_target_chunk, size);
	MEMBER(muster_target_chunk, family);
	MEMBER(muster_target_chunk, addresses);
	MEMBER(muster_target_chunk, count);
	STRUCT(muster_spawn);
	MEMBER(muster_spawn, size);
	MEMBER(muster_spawn, reserved);
	MEMBER(muster_spawn, program);
	MEMBER(muster_spawn, argv);
	MEMBER(muster_spawn, input);
	MEMBER(muster_spawn, deadline_ms);
	STRUCT(muster_verdict);
	MEMBER(muster_verdict, size);
	MEMBER(muster_verdict, status);
	MEMBER(muster_verdict, part);
	MEMBER(muster_verdict, text);
}

static void print_structs_3(void)
{
	STRUCT(muster_host);
	MEMBER(muster_host, size);
	MEMBER(muster_host, abi);
	MEMBER(muster_host, fail);
	MEMBER(muster_host, log);
	MEMBER(muster_host, progress);
	MEMBER(muster_host, cancelled);
	MEMBER(muster_host, now);
	MEMBER(muster_host, remaining);
	MEMBER(muster_host, option_text);
	MEMBER(muster_host, option_int);
	MEMBER(muster_host, secret_lease);
	MEMBER(muster_host, secret_release);
	MEMBER(muster_host, targets);
	MEMBER(muster_host, known_next);
	MEMBER(muster_host, shard);
	MEMBER(muster_host, scope_begin);
	MEMBER(muster_host, scope_end);
	MEMBER(muster_host, checkpoint);
	MEMBER(muster_host, record_begin);
	MEMBER(muster_host, record_text);
	MEMBER(muster_host, record_int);
	MEMBER(muster_host, record_bool);
	MEMBER(muster_host, record_object);
	MEMBER(muster_host, record_array);
	MEMBER(muster_host, record_end);
	MEMBER(muster_host, record_emit);
	MEMBER(muster_host, record_drop);
	MEMBER(muster_host, child_spawn);
	MEMBER(muster_host, child_read);
	MEMBER(muster_host, child_wait);
	MEMBER(muster_host, child_kill);
	MEMBER(muster_host, has_net_raw);
	MEMBER(muster_host, input_read);
	MEMBER(muster_host, verdict);
	MEMBER(muster_host, strain);
	STRUCT(muster_discovery_ops);
	MEMBER(muster_discovery_ops, open);
	MEMBER(muster_discovery_ops, check);
	MEMBER(muster_discovery_ops, plan);
	MEMBER(muster_discovery_ops, run);
	MEMBER(muster_discovery_ops, close);
	MEMBER(muster_discovery_ops, import);
	STRUCT(muster_operation);
	MEMBER(muster_operation, size);
	MEMBER(muster_operation, reserved);
	MEMBER(muster_operation, op_id);
	MEMBER(muster_operation, operation);
	MEMBER(muster_operation, targets);
	MEMBER(muster_operation, group);
	MEMBER(muster_operation, arguments);
	MEMBER(muster_operation, expires);
	STRUCT(muster_target_result);
	MEMBER(muster_target_result, size);
	MEMBER(muster_target_result, status);
	MEMBER(muster_target_result, target);
	MEMBER(muster_target_result, text);
	MEMBER(muster_target_result, result);
	MEMBER(muster_target_result, answered);
}

static void print_structs_4(void)
{
	STRUCT(muster_execute_ops);
	MEMBER(muster_execute_ops, open);
	MEMBER(muster_execute_ops, check);
	MEMBER(muster_execute_ops, submit);
	MEMBER(muster_execute_ops, find);
	MEMBER(muster_execute_ops, collect);
	MEMBER(muster_execute_ops, cancel);
	MEMBER(muster_execute_ops, close);
	STRUCT(muster_index);
	MEMBER(muster_index, name);
	MEMBER(muster_index, fields);
	MEMBER(muster_index, flags);
	MEMBER(muster_index, reserved);
	STRUCT(muster_collection);
	MEMBER(muster_collection, size);
	MEMBER(muster_collection, version);
	MEMBER(muster_collection, name);
	MEMBER(muster_collection, fields);
	MEMBER(muster_collection, indexes);
	STRUCT(muster_query);
	MEMBER(muster_query, size);
	MEMBER(muster_query, limit);
	MEMBER(muster_query, collection);
	MEMBER(muster_query, filter);
	MEMBER(muster_query, sort);
	MEMBER(muster_query, after);
	MEMBER(muster_query, fields);
	STRUCT(muster_write);
	MEMBER(muster_write, size);
	MEMBER(muster_write, kind);
	MEMBER(muster_write, collection);
	MEMBER(muster_write, document);
	MEMBER(muster_write, filter);
	MEMBER(muster_write, rev);
	MEMBER(muster_write, upsert);
	MEMBER(muster_write, reserved);
	STRUCT(muster_write_result);
	MEMBER(muster_write_result, size);
	MEMBER(muster_write_result, status);
	MEMBER(muster_write_result, matched);
	MEMBER(muster_write_result, changed);
	STRUCT(muster_lease);
	MEMBER(muster_lease, size);
	MEMBER(muster_lease, reserved);
	MEMBER(muster_lease, fence);
	MEMBER(muster_lease, now);
	MEMBER(muster_lease, until);
	STRUCT(muster_store_stats);
	MEMBER(muster_store_stats, size);
	MEMBER(muster_store_stats, reserved);
	MEMBER(muster_store_stats, bytes);
	MEMBER(muster_store_stats, free_bytes);
	MEMBER(muster_store_stats, reusable_bytes);
	STRUCT(muster_store_watch);
	MEMBER(muster_store_watch, size);
	MEMBER(muster_store_watch, reserved);
	MEMBER(muster_store_watch, data);
	MEMBER(muster_store_watch, progress);
	MEMBER(muster_store_watch, report);
}

static void print_structs_5(void)
{
	STRUCT(muster_store_ops);
	MEMBER(muster_store_ops, open);
	MEMBER(muster_store_ops, check);
	MEMBER(muster_store_ops, define);
	MEMBER(muster_store_ops, get);
	MEMBER(muster_store_ops, find);
	MEMBER(muster_store_ops, next);
	MEMBER(muster_store_ops, cursor_close);
	MEMBER(muster_store_ops, count);
	MEMBER(muster_store_ops, write);
	MEMBER(muster_store_ops, lease);
	MEMBER(muster_store_ops, stats);
	MEMBER(muster_store_ops, close);
	MEMBER(muster_store_ops, backup);
	MEMBER(muster_store_ops, restore);
	MEMBER(muster_store_ops, verify);
	MEMBER(muster_store_ops, count_some);
}

int main(void)
{
	printf("ABI %u.%u\n", (unsigned)MUSTER_ABI_MAJOR, (unsigned)MUSTER_ABI_MINOR);
	print_values();
	print_structs_1();
	print_structs_2();
	print_structs_3();
	print_structs_4();
	print_structs_5();
	return 0;
}
