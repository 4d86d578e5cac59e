/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "record/spool.h"
#include "record/spool_format.h"
#include <muster/plugin.h>

static char dir[64];

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static int open_fresh(const char *name)
{
	int fd = open(path_of(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void write_record(struct mst_spool_writer *writer, int n)
{
	struct mst_err err;
	char key[32];
	snprintf(key, sizeof key, "10.0.0.%d", n);
	bson_t *doc = BCON_NEW("_key", BCON_UTF8(key), "_scope", BCON_INT32(0), "n", BCON_INT64(n));
	assert_int_equal(mst_spool_write_record(writer, doc, &err), MST_OK);
	bson_destroy(doc);
}

static const struct mst_scope scope = {.facts = MUSTER_FACT_PRESENCE, .addresses = (char *)(uintptr_t) "10.0.0.0/28"};

/* scope begin, 3 records, checkpoint, scope end, end: 7 frames. */
static void write_segment(const char *name)
{
	struct mst_spool_writer *writer;
	struct mst_err err;
	int32_t number;
	int fd = open_fresh(name);
	assert_int_equal(mst_spool_writer_new(&writer, fd, &err), MST_OK);
	assert_int_equal(mst_spool_write_scope_begin(writer, &scope, &number, &err), MST_OK);
	assert_int_equal(number, 0);
	for (int i = 1; i <= 3; i++)
		write_record(writer, i);
	assert_int_equal(mst_spool_write_checkpoint(writer, "state", 5, &err), MST_OK);
	assert_int_equal(mst_spool_write_scope_end(writer, MUSTER_OUTCOME_COMPLETE, NULL, &err), MST_OK);
	assert_int_equal(mst_spool_write_end(writer, MST_OK, "", &err), MST_OK);
	assert_int_equal(mst_spool_flush(writer, true, &err), MST_OK);
	assert_int_equal(mst_spool_records(writer), 3);
	mst_spool_writer_free(writer);
	close(fd);
}

/* Frames of a segment; *end is where the good data ends. */
static int count_frames(const char *name, int64_t *end, bool *torn)
{
	struct mst_spool_reader *reader;
	struct mst_frame frame;
	struct mst_err err;
	int frames = 0, status;
	*end = 16;
	assert_int_equal(mst_spool_reader_open(&reader, path_of(name), 0, &err), MST_OK);
	while ((status = mst_spool_read(reader, &frame, &err)) == MST_OK) {
		assert_int_equal(frame.offset, *end);
		*end = frame.next;
		frames++;
	}
	assert_int_equal(status, MST_E_END);
	*torn = mst_spool_reader_torn(reader);
	mst_spool_reader_close(reader);
	return frames;
}

static void test_round_trip(void **state)
{
	(void)state;
	static const uint8_t types[] = {1, 2, 2, 2, 4, 3, 5};
	struct mst_spool_reader *reader;
	struct mst_frame frame;
	struct mst_err err;
	int64_t third = 0;
	write_segment("a");
	assert_int_equal(mst_spool_reader_open(&reader, path_of("a"), 0, &err), MST_OK);
	for (size_t i = 0; i < sizeof types; i++) {
		bson_t doc;
		bson_iter_t iter;
		assert_int_equal(mst_spool_read(reader, &frame, &err), MST_OK);
		assert_int_equal(frame.type, types[i]);
		if (frame.type == MST_FRAME_CHECKPOINT) {
			assert_int_equal(frame.len, 5);
			assert_memory_equal(frame.data, "state", 5);
			continue;
		}
		assert_int_equal(mst_frame_bson(&frame, &doc, &err), MST_OK);
		if (frame.type == MST_FRAME_RECORD) {
			assert_true(bson_iter_init_find(&iter, &doc, "n"));
			assert_int_equal(bson_iter_int64(&iter), (int64_t)i);
		}
		if (i == 3)
			third = frame.offset;
	}
	assert_int_equal(mst_spool_read(reader, &frame, &err), MST_E_END);
	assert_false(mst_spool_reader_torn(reader));
	mst_spool_reader_close(reader);
	/* An importer goes on where it stopped. */
	assert_int_equal(mst_spool_reader_open(&reader, path_of("a"), third, &err), MST_OK);
	assert_int_equal(mst_spool_read(reader, &frame, &err), MST_OK);
	assert_int_equal(frame.type, MST_FRAME_RECORD);
	mst_spool_reader_close(reader);
	assert_int_equal(mst_spool_reader_open(&reader, path_of("a"), 1 << 20, &err), MST_E_CORRUPT);
	assert_int_equal(mst_spool_reader_open(&reader, path_of("none"), 0, &err), MST_E_NOT_FOUND);
}

/* A worker killed at any byte: the whole frames before are there, the rest is not, and a later try goes on. */
static void test_every_length(void **state)
{
	(void)state;
	int64_t ends[8], end;
	bool torn;
	struct mst_spool_reader *reader;
	struct mst_frame frame;
	struct mst_err err;
	int frames = 0;
	write_segment("a");
	assert_int_equal(mst_spool_reader_open(&reader, path_of("a"), 0, &err), MST_OK);
	ends[0] = 16;
	while (mst_spool_read(reader, &frame, &err) == MST_OK)
		ends[++frames] = frame.next;
	mst_spool_reader_close(reader);
	assert_int_equal(frames, 7);
	for (int64_t length = ends[7]; length >= 0; length--) {
		assert_int_equal(truncate(path_of("a"), length), 0);
		int whole = 0;
		while (whole < 7 && ends[whole + 1] <= length)
			whole++;
		assert_int_equal(count_frames("a", &end, &torn), whole);
		assert_int_equal(end, ends[whole]);
		assert_int_equal(torn, length > ends[whole]);
	}
}

static void test_append_after_torn(void **state)
{
	(void)state;
	struct mst_spool_writer *writer;
	struct mst_err err;
	struct stat st;
	int64_t end;
	bool torn;
	write_segment("whole");
	assert_int_equal(stat(path_of("whole"), &st), 0);
	for (int64_t length = st.st_size; length >= 0; length--) {
		int32_t number = -1;
		write_segment("b");
		assert_int_equal(truncate(path_of("b"), length), 0);
		int before = count_frames("b", &end, &torn);
		int fd = open(path_of("b"), O_RDWR);
		assert_int_equal(mst_spool_writer_new(&writer, fd, &err), MST_OK);
		/* What was torn is gone at once, not only when something longer is written over it. */
		assert_int_equal(count_frames("b", &end, &torn), before);
		assert_false(torn);
		/* A scope that was left open is closed as partial, which is one frame more. */
		int closed = before >= 1 && before < 6;
		assert_int_equal(mst_spool_write_scope_begin(writer, &scope, &number, &err), MST_OK);
		assert_int_equal(number, before >= 1 ? 1 : 0);
		write_record(writer, 9);
		assert_int_equal(mst_spool_flush(writer, false, &err), MST_OK);
		mst_spool_writer_free(writer);
		close(fd);
		assert_int_equal(count_frames("b", &end, &torn), before + closed + 2);
		assert_false(torn);
	}
}

/* One flipped bit anywhere never gives a changed frame: reading stops before it. */
static void test_flipped_bits(void **state)
{
	(void)state;
	uint8_t bytes[4096];
	write_segment("a");
	int fd = open(path_of("a"), O_RDWR);
	ssize_t size = read(fd, bytes, sizeof bytes);
	assert_true(size > 16 && size < (ssize_t)sizeof bytes);
	for (ssize_t i = 0; i < size; i++) {
		struct mst_spool_reader *reader;
		struct mst_frame frame;
		struct mst_err err;
		uint8_t flipped = (uint8_t)(bytes[i] ^ (1 << (i % 8)));
		assert_int_equal(pwrite(fd, &flipped, 1, i), 1);
		int status = mst_spool_reader_open(&reader, path_of("a"), 0, &err);
		if (i < 12) {
			assert_int_equal(status, MST_E_CORRUPT);
		} else {
			assert_int_equal(status, MST_OK);
			while (mst_spool_read(reader, &frame, &err) == MST_OK)
				if (i >= 16)
					assert_true(frame.next <= i);
			assert_int_equal(mst_spool_reader_torn(reader), i >= 16);
			mst_spool_reader_close(reader);
		}
		assert_int_equal(pwrite(fd, bytes + i, 1, i), 1);
	}
	close(fd);
}

static void test_sizes(void **state)
{
	(void)state;
	struct mst_spool_writer *writer;
	struct mst_err err;
	int32_t number;
	int64_t end;
	bool torn;
	uint8_t *big = calloc(1, MST_MAX_FRAME + 1);
	int fd = open_fresh("c");
	assert_int_equal(mst_spool_writer_new(&writer, fd, &err), MST_OK);
	assert_int_equal(mst_spool_write_checkpoint(writer, big, MST_MAX_CHECKPOINT + 1, &err), MST_E_LIMIT);
	assert_int_equal(mst_spool_write_checkpoint(writer, big, MST_MAX_CHECKPOINT, &err), MST_OK);
	assert_int_equal(mst_spool_write_checkpoint(writer, NULL, 0, &err), MST_OK);
	assert_int_equal(mst_spool_write_scope_begin(writer, &scope, &number, &err), MST_OK);
	/* Large and small records through the buffer in turn. */
	bson_t record = BSON_INITIALIZER, oversize = BSON_INITIALIZER;
	bson_append_binary(&record, "data", -1, BSON_SUBTYPE_BINARY, big, MST_MAX_RECORD - 100);
	bson_append_binary(&oversize, "data", -1, BSON_SUBTYPE_BINARY, big, MST_MAX_FRAME);
	for (int i = 0; i < 3; i++) {
		write_record(writer, i);
		assert_int_equal(mst_spool_write_record(writer, &record, &err), MST_OK);
	}
	assert_int_equal(mst_spool_write_record(writer, &oversize, &err), MST_E_LIMIT);
	for (int i = 0; i < 3000; i++)
		write_record(writer, i);
	assert_int_equal(mst_spool_flush(writer, false, &err), MST_OK);
	assert_int_equal(mst_spool_records(writer), 3006);
	bson_destroy(&record);
	bson_destroy(&oversize);
	mst_spool_writer_free(writer);
	assert_int_equal(count_frames("c", &end, &torn), 3 + 3006);
	assert_int_equal(end, lseek(fd, 0, SEEK_END));
	/* A frame that claims more than any writer makes ends the good data. */
	uint8_t head[9] = {0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 2};
	assert_int_equal(write(fd, head, sizeof head), (ssize_t)sizeof head);
	assert_int_equal(count_frames("c", &end, &torn), 3 + 3006);
	assert_true(torn);
	/* So does one that is all there, with a good checksum. */
	uint32_t checksum = spool_checksum(MST_FRAME_RECORD, big, MST_MAX_FRAME + 1);
	spool_put_u32(head, MST_MAX_FRAME + 1);
	spool_put_u32(head + 4, checksum);
	assert_int_equal(pwrite(fd, head, sizeof head, end), (ssize_t)sizeof head);
	assert_int_equal(pwrite(fd, big, MST_MAX_FRAME + 1, end + 9), (ssize_t)MST_MAX_FRAME + 1);
	assert_int_equal(count_frames("c", &end, &torn), 3 + 3006);
	assert_true(torn);
	close(fd);
	free(big);
}

static void test_order(void **state)
{
	(void)state;
	struct mst_spool_writer *writer, *second;
	struct mst_err err;
	int32_t number;
	bson_t empty = BSON_INITIALIZER;
	int fd = open_fresh("d");
	assert_int_equal(mst_spool_writer_new(&writer, fd, &err), MST_OK);
	assert_int_equal(mst_spool_write_record(writer, &empty, &err), MST_E_REFUSED);
	assert_int_equal(mst_spool_write_scope_end(writer, 1, "", &err), MST_E_REFUSED);
	assert_int_equal(mst_spool_write_scope_begin(writer, &scope, &number, &err), MST_OK);
	assert_int_equal(mst_spool_write_scope_begin(writer, &scope, &number, &err), MST_E_REFUSED);
	/* The lock belongs to the open file: another open of the same segment is refused while this one lives. */
	int other = open(path_of("d"), O_RDWR);
	assert_int_equal(mst_spool_writer_new(&second, other, &err), MST_E_UNAVAILABLE);
	mst_spool_writer_free(writer);
	assert_int_equal(mst_spool_writer_new(&second, other, &err), MST_E_UNAVAILABLE);
	close(fd);
	assert_int_equal(mst_spool_writer_new(&second, other, &err), MST_OK);
	mst_spool_writer_free(second);
	close(other);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(mst_spool_writer_new(&second, pipes[1], &err), MST_E_USAGE);
	close(pipes[0]);
	close(pipes[1]);
	fd = open_fresh("foreign");
	assert_int_equal(write(fd, "this is something else entirely", 31), 31);
	assert_int_equal(mst_spool_writer_new(&second, fd, &err), MST_E_CORRUPT);
	close(fd);
}

/* In a child, since the file size limit is the process's. */
static void fill_up(void)
{
	struct mst_spool_writer *writer;
	struct mst_err err;
	int32_t number;
	int status = MST_OK, fd = open_fresh("full");
	signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = 100000;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (mst_spool_writer_new(&writer, fd, &err) != MST_OK ||
	    mst_spool_write_scope_begin(writer, &scope, &number, &err) != MST_OK)
		_exit(1);
	bson_t *doc = BCON_NEW("_key", BCON_UTF8("10.0.0.1"));
	for (int i = 0; i < 100000 && status == MST_OK; i++)
		status = mst_spool_write_record(writer, doc, &err);
	if (status != MST_E_FULL || !strstr(err.text, "free space"))
		_exit(2);
	/* It stays failed, also when there is room again: nothing may follow what is missing. */
	limit.rlim_cur = before;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (mst_spool_write_record(writer, doc, &err) != MST_E_FULL ||
	    mst_spool_flush(writer, true, &err) != MST_E_FULL)
		_exit(3);
	bson_destroy(doc);
	_exit(0);
}

static void test_full_disk(void **state)
{
	(void)state;
	int64_t end;
	bool torn;
	int status;
	pid_t pid = fork();
	if (pid == 0)
		fill_up();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(count_frames("full", &end, &torn) > 100);
	assert_false(torn);
	assert_true(end <= 100000 && end > 60000);
}

static void test_last_checkpoint(void **state)
{
	(void)state;
	struct mst_spool_writer *writer;
	struct mst_err err;
	void *data;
	size_t len;
	int fd = open_fresh("e");
	assert_int_equal(mst_spool_writer_new(&writer, fd, &err), MST_OK);
	assert_int_equal(mst_spool_last_checkpoint(path_of("e"), &data, &len, &err), MST_OK);
	assert_int_equal(len, 0);
	assert_null(data);
	assert_int_equal(mst_spool_write_checkpoint(writer, "one", 3, &err), MST_OK);
	assert_int_equal(mst_spool_write_checkpoint(writer, "three", 5, &err), MST_OK);
	assert_int_equal(mst_spool_flush(writer, false, &err), MST_OK);
	assert_int_equal(mst_spool_last_checkpoint(path_of("e"), &data, &len, &err), MST_OK);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "three", 5);
	free(data);
	mst_spool_writer_free(writer);
	close(fd);
}

static void write_text(const char *name, const char *text)
{
	int fd = open_fresh(name);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void test_manifest(void **state)
{
	(void)state;
	struct mst_err err;
	struct mst_manifest_shard in = {.run = (char *)(uintptr_t) "01932c07-7f4e-7a3b-8c1d-0123456789ab",
	                                .fence = 7,
	                                .attempt = 2,
	                                .created = 1234,
	                                .scope = scope},
	                          out;
	in.shard = (char *)(uintptr_t) "s0001";
	in.profile = (char *)(uintptr_t) "hq";
	in.method = (char *)(uintptr_t) "nmap";
	in.zone = (char *)(uintptr_t) "default";
	assert_int_equal(mst_spool_manifest_write(path_of("s0001.json"), &in, &err), MST_OK);
	assert_int_equal(mst_spool_manifest_read(path_of("s0001.json"), &out, &err), MST_OK);
	assert_string_equal(out.run, in.run);
	assert_string_equal(out.shard, "s0001");
	assert_string_equal(out.profile, "hq");
	assert_string_equal(out.method, "nmap");
	assert_string_equal(out.zone, "default");
	assert_string_equal(out.scope.addresses, "10.0.0.0/28");
	assert_int_equal(out.fence, 7);
	assert_int_equal(out.attempt, 2);
	assert_int_equal(out.created, 1234);
	mst_spool_manifest_free(&out);
	static const char *const bad[] = {
	        "",
	        "[]",
	        "{}",
	        "{\"run\":\"x\"}",
	        "{\"run\":\"01932c07-7f4e-7a3b-8c1d-0123456789ab\",\"shard\":\"../../etc\"}",
	        "{\"run\":\"01932c07-7f4e-7a3b-8c1d-0123456789ab\",\"shard\":\"..\"}",
	        "{\"run\":\"01932c07-7f4e-7a3b-8c1d-0123456789ab\",\"shard\":\"s1\",\"zone\":\"a/b\"}",
	        "{\"run\":\"01932c07-7f4e-7a3b-8c1d-0123456789ab\",\"shard\":\"s1\",\"scope\":{\"addresses\":\"x\"}}",
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		write_text("bad.json", bad[i]);
		assert_int_not_equal(mst_spool_manifest_read(path_of("bad.json"), &out, &err), MST_OK);
		assert_null(out.run);
	}
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/test-spool-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const names[] = {"a",    "b",     "c",       "d",          "e",
	                                    "full", "whole", "foreign", "s0001.json", "bad.json"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		unlink(path_of(names[i]));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_round_trip),
	        cmocka_unit_test(test_every_length),
	        cmocka_unit_test(test_append_after_torn),
	        cmocka_unit_test(test_flipped_bits),
	        cmocka_unit_test(test_sizes),
	        cmocka_unit_test(test_order),
	        cmocka_unit_test(test_full_disk),
	        cmocka_unit_test(test_last_checkpoint),
	        cmocka_unit_test(test_manifest),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
