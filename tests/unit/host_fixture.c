/* SPDX-License-Identifier: Apache-2.0 */
#include "host_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

static struct mst_option_def options[] = {
        {.name = TEXT("text"), .type = MUSTER_OPTION_TEXT},
        {.name = TEXT("wait"), .type = MUSTER_OPTION_DURATION, .default_value = TEXT("15m")},
        {.name = TEXT("include"), .type = MUSTER_OPTION_TARGETS, .limited_by = TEXT("most")},
        {.name = TEXT("most"), .type = MUSTER_OPTION_INT, .default_value = TEXT("100"), .minimum = 1, .maximum = 1000},
        {.name = TEXT("password"), .type = MUSTER_OPTION_SECRET},
};
static struct mst_tool_def tools[] = {
        {.program = TEXT("cat"), .package = TEXT("coreutils")},
        {.program = TEXT("sleep"), .package = TEXT("coreutils")},
        {.program = TEXT("sh"), .package = TEXT("dash")},
        {.program = TEXT("surely-not-there"), .package = TEXT("some-package")},
};

void fixture_make(struct fixture *fixture)
{
	char path[96];
	memset(fixture, 0, sizeof *fixture);
	snprintf(fixture->dir, sizeof fixture->dir, "/tmp/mst-host-XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	snprintf(path, sizeof path, "%s/lines", fixture->dir);
	fixture->line_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	snprintf(fixture->segment, sizeof fixture->segment, "%s/segment", fixture->dir);
	fixture->segment_fd = open(fixture->segment, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fixture->line_fd >= 0 && fixture->segment_fd >= 0);
	fixture->method = (struct mst_method){
	        .def = {.name = TEXT("probe"),
	                .summary = TEXT("s"),
	                .plugin = TEXT("probe"),
	                .wants = MUSTER_WANTS_SPAWN,
	                .options = options,
	                .option_count = sizeof options / sizeof options[0]},
	        .tools = tools,
	        .tool_count = sizeof tools / sizeof tools[0],
	};
	fixture->config = (struct mst_host_config){
	        .context = MST_HOST_RUN,
	        .method = &fixture->method,
	        .line_fd = fixture->line_fd,
	        .segment_fd = fixture->segment_fd,
	        .known_fd = -1,
	        .input_fd = -1,
	        .zone = "default",
	};
	fixture->services = mst_host_services();
}

void fixture_open(struct fixture *fixture)
{
	struct mst_err err = {0};
	mst_host_new(&fixture->host, &fixture->config, &err);
	assert_string_equal(err.text, "");
	fixture->call = mst_host_enter(fixture->host, MST_HOST_MAIN);
}

const char *fixture_lines(struct fixture *fixture)
{
	ssize_t n = pread(fixture->line_fd, fixture->lines, sizeof fixture->lines - 1, 0);
	fixture->lines[n > 0 ? n : 0] = '\0';
	return fixture->lines;
}

void fixture_free(struct fixture *fixture)
{
	mst_host_free(fixture->host);
	json_object_put(fixture->config.options);
	json_object_put(fixture->config.secrets);
	close(fixture->line_fd);
	close(fixture->segment_fd);
	assert_int_equal(mst_file_remove_tree(fixture->dir, NULL), MST_OK);
}

struct json_object *fixture_json(const char *text)
{
	struct json_object *object = NULL;
	assert_int_equal(mst_json_parse(text, strlen(text), "test", &object, NULL), MST_OK);
	return object;
}
