/* SPDX-License-Identifier: Apache-2.0 */
/* Host services: options, secrets, texts, lines, base64. */
#include "host_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "plugin/base64.h"
#include "plugin/line.h"

static void test_options_and_defaults(void **state)
{
	struct fixture f;
	(void)state;
	fixture_make(&f);
	f.config.options = fixture_json("{\"text\":\"hello\",\"password\":\"secret:pw\"}");
	fixture_open(&f);
	assert_string_equal(f.services->option_text(f.call, "text"), "hello");
	assert_string_equal(f.services->option_text(f.call, "wait"), "15m");
	assert_int_equal(f.services->option_int(f.call, "wait"), 900000);
	assert_null(f.services->option_text(f.call, "include"));
	assert_int_equal(f.services->option_int(f.call, "most"), 100);
	assert_null(f.services->option_text(f.call, "password"));
	assert_null(f.services->option_text(f.call, "nonsense"));
	assert_non_null(strstr(fixture_lines(&f), "nonsense"));
	assert_null(strstr(f.lines, "password"));
	fixture_free(&f);
}

static void refuse_config(const char *options, const char *secrets, const char *word)
{
	struct fixture f;
	struct mst_err err = {0};
	fixture_make(&f);
	f.config.options = options ? fixture_json(options) : NULL;
	f.config.secrets = secrets ? fixture_json(secrets) : NULL;
	assert_int_not_equal(mst_host_new(&f.host, &f.config, &err), MST_OK);
	assert_null(f.host);
	assert_non_null(strstr(err.text, word));
	fixture_free(&f);
}

static void test_bad_options(void **state)
{
	(void)state;
	refuse_config("{\"nonsense\":\"1\"}", NULL, "nonsense");
	refuse_config("{\"wait\":\"soon\"}", NULL, "wait");
	refuse_config(NULL, "{\"text\":\"YQ==\"}", "text");
	refuse_config(NULL, "{\"password\":\"a\"}", "base64");
	refuse_config(NULL, "{\"password\":5}", "password");
}

static void test_secret(void **state)
{
	struct fixture f;
	struct muster_bytes bytes, again;
	(void)state;
	fixture_make(&f);
	f.config.secrets = fixture_json("{\"password\":\"aHVudGVyMg==\"}");
	fixture_open(&f);
	/* Nothing of it stays in the job. */
	assert_null(strstr(json_object_to_json_string(f.config.secrets), "aHVu"));
	assert_int_equal(f.services->secret_lease(f.call, "password", &bytes), MUSTER_OK);
	assert_int_equal(bytes.length, 7);
	assert_memory_equal(bytes.data, "hunter2", 7);
	assert_int_equal(f.services->secret_release(f.call, "password"), MUSTER_OK);
	assert_int_equal(f.services->secret_lease(f.call, "password", &again), MUSTER_OK);
	assert_memory_equal(again.data, "hunter2", 7);
	assert_int_equal(f.services->secret_lease(f.call, "text", &bytes), MUSTER_E_NOT_FOUND);
	assert_int_equal(bytes.length, 0);
	assert_int_equal(f.services->secret_release(f.call, "nonsense"), MUSTER_E_NOT_FOUND);
	assert_null(strstr(fixture_lines(&f), "hunter2"));
	fixture_free(&f);
}

static void test_failure_text(void **state)
{
	struct fixture f;
	struct mst_err end;
	char text[3000];
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(f.services->fail(f.call, MUSTER_E_TIMEOUT, "first"), MUSTER_E_TIMEOUT);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_equal(f.services->fail(f.call, MUSTER_E_FAILED, text), MUSTER_E_FAILED);
	assert_int_equal(strlen(mst_host_failure(f.host)), 2000);
	f.services->fail(f.call, MUSTER_E_FAILED, "bad \xff\n bytes");
	assert_string_equal(mst_host_failure(f.host), "bad \xef\xbf\xbd  bytes");
	assert_int_equal(mst_host_finish(f.host, MUSTER_E_UNAVAILABLE, &end), MST_E_UNAVAILABLE);
	assert_string_equal(end.text, "bad \xef\xbf\xbd  bytes");
	mst_host_enter(f.host, MST_HOST_CLOSE);
	assert_string_equal(mst_host_failure(f.host), "");
	fixture_free(&f);
}

static void test_unknown_status_is_failed(void **state)
{
	struct fixture f;
	struct mst_err end;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	assert_int_equal(mst_host_finish(f.host, -1000, &end), MST_E_FAILED);
	assert_string_equal(end.text, "the plugin gave no reason");
	fixture_free(&f);
}

static void test_log_is_capped(void **state)
{
	struct fixture f;
	size_t lines = 0;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	for (int i = 0; i < 10050; i++)
		assert_int_equal(f.services->log(f.call, MUSTER_LOG_INFO, "flood"), MUSTER_OK);
	for (const char *at = fixture_lines(&f); (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 10001);
	assert_non_null(strstr(f.lines, "further log lines"));
	assert_int_equal(f.services->log(f.call, 0, "x"), MUSTER_E_USAGE);
	assert_int_equal(f.services->log(f.call, MUSTER_LOG_INFO, NULL), MUSTER_E_USAGE);
	fixture_free(&f);
}

static void test_progress_keeps_the_last(void **state)
{
	struct fixture f;
	struct mst_err end;
	(void)state;
	fixture_make(&f);
	fixture_open(&f);
	for (int i = 1; i <= 1000; i++)
		f.services->progress(f.call, i, 1000, 3, i == 1000 ? "done \x1b" : NULL);
	mst_host_finish(f.host, MST_OK, &end);
	assert_non_null(
	        strstr(fixture_lines(&f),
	               "{\"type\":\"progress\",\"done\":1000,\"total\":1000,\"found\":3,\"text\":\"done \\\\x1b\"}\n"));
	assert_true(strlen(f.lines) < 1000);
	fixture_free(&f);
}

static void test_base64(void **state)
{
	static const char *const pairs[][2] = {
	        {"", ""}, {"a", "YQ=="}, {"ab", "YWI="}, {"abc", "YWJj"}, {"abcd", "YWJjZA=="}};
	static const char *const bad[] = {"a", "YQ=", "YQ==\n", " YQ==", "Y*==", "YQ==YQ", "-A=="};
	struct mst_buf buf;
	char out[8192], big[5000], back[8192];
	size_t len;
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		mst_buf_init(&buf, 100);
		assert_int_equal(mst_base64_encode(pairs[i][0], strlen(pairs[i][0]), &buf), MST_OK);
		assert_string_equal(mst_buf_text(&buf), pairs[i][1]);
		assert_int_equal(mst_base64_decode(mst_buf_text(&buf), buf.len, out, &len), MST_OK);
		assert_int_equal(len, strlen(pairs[i][0]));
		assert_memory_equal(out, pairs[i][0], len);
		mst_buf_free(&buf);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(mst_base64_decode(bad[i], strlen(bad[i]), out, &len), MST_E_USAGE);
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 7);
	mst_buf_init(&buf, 8000);
	assert_int_equal(mst_base64_encode(big, sizeof big, &buf), MST_OK);
	assert_int_equal(mst_base64_decode(buf.data, buf.len, back, &len), MST_OK);
	assert_int_equal(len, sizeof big);
	assert_memory_equal(big, back, len);
	mst_buf_free(&buf);
}

static void test_line_is_capped(void **state)
{
	struct fixture f;
	struct mst_err err = {0};
	struct mst_buf line;
	(void)state;
	fixture_make(&f);
	mst_buf_init(&line, MST_MAX_LINE * 2);
	for (unsigned i = 0; i < MST_MAX_LINE; i++)
		mst_buf_char(&line, 'x');
	assert_int_equal(mst_line_write(f.line_fd, &line, &err), MST_E_LIMIT);
	assert_string_equal(fixture_lines(&f), "");
	mst_buf_free(&line);
	assert_int_equal(mst_line_end(f.line_fd, MST_E_PARTIAL, "why \"so\"", 3), MST_OK);
	assert_string_equal(fixture_lines(&f),
	                    "{\"type\":\"end\",\"status\":\"partial\",\"text\":\"why \\\"so\\\"\",\"records\":3}\n");
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_options_and_defaults),
	        cmocka_unit_test(test_bad_options),
	        cmocka_unit_test(test_secret),
	        cmocka_unit_test(test_failure_text),
	        cmocka_unit_test(test_unknown_status_is_failed),
	        cmocka_unit_test(test_log_is_capped),
	        cmocka_unit_test(test_progress_keeps_the_last),
	        cmocka_unit_test(test_base64),
	        cmocka_unit_test(test_line_is_capped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
