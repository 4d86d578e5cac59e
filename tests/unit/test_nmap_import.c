/* SPDX-License-Identifier: Apache-2.0 */
/* Imports of genuine and hostile Nmap XML: what comes out is compared with FILE.golden beside FILE.xml.
 * NMAP_GOLDEN_WRITE=1 writes the golden files anew; read the difference before you keep them. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../plugins/nmap/nmap.h"
#include "nmap_host.h"

static int import(struct fake_host *host, const char *data, size_t length, size_t piece)
{
	fake_host_clear(host);
	host->input = data;
	host->input_length = length;
	host->input_piece = piece;
	return nmap_import(NULL, &host->call);
}

static void compare(const char *name, const char *text, int status)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s.golden", NMAP_DATA, name);
	char *all = malloc(strlen(text) + 64);
	assert_non_null(all);
	(void)sprintf(all, "%sstatus %d\n", text, status);
	if (getenv("NMAP_GOLDEN_WRITE")) {
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		assert_int_equal(fwrite(all, 1, strlen(all), file), strlen(all));
		assert_int_equal(fclose(file), 0);
	}
	size_t length;
	char *golden = fake_read_file(path, &length);
	if (strcmp(golden, all) != 0)
		print_error("%s differs:\n%s", path, all);
	assert_string_equal(golden, all);
	free(golden);
	free(all);
}

/* One file, whole and in pieces of 1, 7 and 4096 bytes: always the same records. */
static void check_file(const char *name)
{
	static const size_t pieces[] = {1, 7, 4096};
	char path[512];
	size_t length;
	struct fake_host host;
	(void)snprintf(path, sizeof(path), "%s/%s.xml", NMAP_DATA, name);
	char *data = fake_read_file(path, &length);
	fake_host_init(&host);
	int status = import(&host, data, length, 0);
	compare(name, host.text ? host.text : "", status);
	char *whole = strdup(host.text ? host.text : "");
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(import(&host, data, length, pieces[i]), status);
		assert_string_equal(host.text ? host.text : "", whole);
	}
	free(whole);
	free(data);
	fake_host_free(&host);
}

static void golden_files(void **state)
{
	(void)state;
	int files = 0;
	DIR *dir = opendir(NMAP_DATA);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		char name[256];
		size_t length = strlen(entry->d_name);
		if (length < 5 || length >= sizeof(name) || strcmp(entry->d_name + length - 4, ".xml") != 0)
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)length - 4, entry->d_name);
		check_file(name);
		files++;
	}
	closedir(dir);
	assert_true(files >= 8);
}

/* Cut at every 100th byte: no crash, as many hosts as ended before the cut, partial. */
static void truncation(void **state)
{
	(void)state;
	size_t length;
	struct fake_host host;
	char *data = fake_read_file(NMAP_DATA "/syn-os.xml", &length);
	fake_host_init(&host);
	for (size_t cut = 0; cut < length; cut += 100) {
		int ends = 0;
		char *part = strndup(data, cut);
		for (char *at = part; (at = strstr(at, "</host>")) != NULL; at++)
			ends++;
		int status = import(&host, part, cut, 0);
		assert_int_equal(host.records, ends);
		assert_int_equal(status, strstr(part, "<nmaprun ") && strchr(strstr(part, "<nmaprun "), '>')
		                                 ? MUSTER_E_PARTIAL
		                                 : MUSTER_E_CORRUPT);
		assert_false(host.scope_open);
		free(part);
	}
	free(data);
	fake_host_free(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(golden_files),
	        cmocka_unit_test(truncation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
