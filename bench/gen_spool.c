/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spool with N interface records in one segment, ready for `muster-worker import`.
 *
 * gen_spool SPOOL N random|sequential SEEN    prints the run's id; the shard is called "s0"
 *
 * SEEN is when all were seen, in milliseconds since 1970: with a later one the same records are seen again, unchanged. Random
 * means that neither MAC nor address nor name come in the order of an index.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <muster/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "record/record.h"
#include "record/spool.h"

static const char *const systems[][2] = {{"linux", "5.X"}, {"windows", "10"}, {"windows", "2019"}, {"macos", "13.X"}};

static struct mst_err err;

static void check(int status, const char *what)
{
	if (status == MST_OK)
		return;
	fprintf(stderr, "gen_spool: %s: %s\n", what, err.text);
	exit(1);
}

/* A permutation of 0..2^24-1: odd multiplication and a shift, both of which can be undone. */
static uint32_t shuffle(uint32_t n)
{
	n = (n * 0x9e3779u) & 0xffffffu;
	n ^= n >> 11;
	return (n * 0x85ebcbu) & 0xffffffu;
}

static void put_ports(struct mst_record *record, uint32_t n)
{
	static const int64_t numbers[] = {22, 80, 443, 445, 3389};
	static const char *const names[] = {"ssh", "http", "https", "microsoft-ds", "ms-wbt-server"};
	size_t count = 2 + n % 4;
	check(mst_record_array(record, "ports", &err), "ports");
	check(mst_record_object(record, NULL, &err), "ports");
	check(mst_record_text(record, "proto", "tcp", &err), "ports");
	check(mst_record_text(record, "state", "open", &err), "ports");
	check(mst_record_text(record, "reason", "syn-ack", &err), "ports");
	check(mst_record_int(record, "ttl", 64, &err), "ports");
	check(mst_record_array(record, "ports", &err), "ports");
	for (size_t i = 0; i < count; i++)
		check(mst_record_int(record, NULL, numbers[i], &err), "ports");
	check(mst_record_end(record, &err), "ports");
	check(mst_record_array(record, "names", &err), "ports");
	for (size_t i = 0; i < count; i++)
		check(mst_record_text(record, NULL, names[i], &err), "ports");
	check(mst_record_end(record, &err), "ports");
	check(mst_record_end(record, &err), "ports");
	check(mst_record_end(record, &err), "ports");
}

static const bson_t *make(struct mst_record *record, uint32_t n, int64_t seen)
{
	char ip[32], mac[32], name[64];
	const bson_t *out;
	snprintf(ip, sizeof ip, "10.%u.%u.%u", n >> 16 & 255, n >> 8 & 255, n & 255);
	snprintf(mac, sizeof mac, "00:16:3e:%02x:%02x:%02x", n >> 16 & 255, n >> 8 & 255, n & 255);
	snprintf(name, sizeof name, "host-%u.example.net", n);
	check(mst_record_begin(record, ip, &err), "record");
	check(mst_record_text(record, "ip", ip, &err), "ip");
	check(mst_record_text(record, "mac", mac, &err), "mac");
	check(mst_record_text(record, "vendor", "Xensource", &err), "vendor");
	check(mst_record_array(record, "names", &err), "names");
	check(mst_record_object(record, NULL, &err), "names");
	check(mst_record_text(record, "name", name, &err), "names");
	check(mst_record_text(record, "type", "PTR", &err), "names");
	check(mst_record_end(record, &err), "names");
	check(mst_record_end(record, &err), "names");
	check(mst_record_bool(record, "answered", true, &err), "answered");
	check(mst_record_text(record, "reason", "echo-reply", &err), "reason");
	check(mst_record_int(record, "distance", 1 + n % 5, &err), "distance");
	check(mst_record_object(record, "os", &err), "os");
	check(mst_record_text(record, "platform", systems[n % 4][0], &err), "os");
	check(mst_record_text(record, "generation", systems[n % 4][1], &err), "os");
	check(mst_record_int(record, "accuracy", 96, &err), "os");
	check(mst_record_end(record, &err), "os");
	put_ports(record, n);
	check(mst_record_int(record, "seen", seen, &err), "seen");
	check(mst_record_finish(record, 0, &out, &err), "record");
	return out;
}

static void write_segment(const char *path, uint32_t count, bool random, int64_t seen)
{
	struct mst_spool_writer *writer;
	struct mst_record *record;
	struct mst_scope scope = {.facts = MUSTER_FACT_PRESENCE | MUSTER_FACT_OS | MUSTER_FACT_NAMES | MUSTER_FACT_MAC,
	                          .addresses = (char *)(uintptr_t) "10.0.0.0/8",
	                          .tcp_ports = (char *)(uintptr_t) "22,80,443,445,3389"};
	int32_t number;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	check(mst_spool_writer_new(&writer, fd, &err), "segment");
	check(mst_record_new(&record, &err), "record");
	check(mst_spool_write_scope_begin(writer, &scope, &number, &err), "scope");
	for (uint32_t i = 0; i < count; i++)
		check(mst_spool_write_record(writer, make(record, random ? shuffle(i) : i, seen), &err), "write");
	check(mst_spool_write_scope_end(writer, MUSTER_OUTCOME_COMPLETE, NULL, &err), "scope");
	check(mst_spool_write_end(writer, MST_OK, "", &err), "end");
	check(mst_spool_flush(writer, true, &err), "flush");
	mst_record_free(record);
	mst_spool_writer_free(writer);
	close(fd);
}

static void write_manifest(const char *path, const char *run, int64_t seen)
{
	struct mst_manifest_shard manifest = {.run = (char *)(uintptr_t)run,
	                                      .shard = (char *)(uintptr_t) "s0",
	                                      .profile = (char *)(uintptr_t) "bench",
	                                      .method = (char *)(uintptr_t) "nmap",
	                                      .zone = (char *)(uintptr_t) "default",
	                                      .fence = 1,
	                                      .attempt = 1,
	                                      .created = seen};
	check(mst_spool_manifest_write(path, &manifest, &err), "manifest");
}

int main(int argc, char **argv)
{
	char run[MST_ID_SIZE], path[4200];
	unsigned long count = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
	if (count == 0 || count > 1u << 24) {
		fputs("usage: gen_spool SPOOL N random|sequential SEEN\n", stderr);
		return 2;
	}
	int64_t seen = strtoll(argv[4], NULL, 10);
	mst_id_new(run);
	snprintf(path, sizeof path, "%.4000s/%s", argv[1], run);
	mkdir(argv[1], 0700);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%.4000s/%s/s0.json", argv[1], run);
	write_manifest(path, run, seen);
	snprintf(path, sizeof path, "%.4000s/%s/s0.seg", argv[1], run);
	write_segment(path, (uint32_t)count, strcmp(argv[3], "random") == 0, seen);
	puts(run);
	return 0;
}
