/* SPDX-License-Identifier: Apache-2.0 */
/* etc/muster.conf loads as shipped, with its examples switched on, and names every key there is. */
#include "conf_common.h"

/* Lines that begin with "#" and no blank are examples. */
static char *uncomment(const char *text)
{
	struct mst_buf out;
	char *made;

	mst_buf_init(&out, MST_MAX_CONF_FILE);
	for (const char *line = text; *line != '\0';) {
		size_t len = strcspn(line, "\n") + 1;
		bool example = line[0] == '#' && line[1] != ' ' && line[1] != '\n';

		mst_buf_add(&out, line + example, len - example);
		line += len;
	}
	made = mst_buf_take(&out);
	assert_non_null(made);
	return made;
}

static char *read_text(const char *path)
{
	struct mst_buf text;
	struct mst_err err;

	mst_buf_init(&text, MST_MAX_CONF_FILE);
	if (mst_file_read(path, MST_MAX_CONF_FILE, &text, &err) != MST_OK)
		fail_msg("%s", err.text);
	return mst_buf_take(&text);
}

static char *shipped(void)
{
	return read_text(TEST_SRCDIR "/etc/muster.conf");
}

/* Does a heading of the manual page (".It Ic KEY ...", ".Ss KEY ...") have this word? */
static bool in_manual(const char *page, const char *key, size_t len)
{
	for (const char *line = page; *line != '\0'; line += strcspn(line, "\n") + 1) {
		const char *end = line + strcspn(line, "\n");

		if (strncmp(line, ".It Ic ", 7) != 0 && strncmp(line, ".Ss ", 4) != 0)
			continue;
		for (const char *word = line; word < end; word += strcspn(word, " \n") + 1)
			if (strcspn(word, " \n") == len && strncmp(word, key, len) == 0)
				return true;
	}
	return false;
}

static void load(struct mst_settings *settings, const char *text)
{
	struct mst_faults faults = {0};
	struct mst_err err;

	test_write(test_main_file, text);
	if (mst_settings_load(settings, test_main_file, test_methods, 2, &faults, &err) != MST_OK) {
		char *faults_text = test_fault_text(&faults);

		fail_msg("%s", faults_text);
	}
	mst_faults_free(&faults);
}

/* As shipped it changes nothing. */
static void test_as_shipped(void **state)
{
	struct mst_settings settings;
	char *text = shipped();

	(void)state;
	load(&settings, text);
	assert_int_equal(settings.profile_count, 0);
	assert_int_equal(settings.zone_count, 1);
	assert_int_equal(settings.label_count, 1);
	assert_int_equal(settings.rules.never_count + settings.rules.only_count, 0);
	assert_int_equal(settings.max_rate, 0);
	mst_settings_free(&settings);
	free(text);
}

static void test_examples(void **state)
{
	struct mst_settings settings;
	char *text = shipped(), *examples = uncomment(text);

	(void)state;
	load(&settings, examples);
	assert_int_equal(settings.profile_count, 1);
	assert_int_equal(settings.zone_count, 3);
	assert_int_equal(settings.rules.never_count, 4);
	assert_int_equal(settings.max_rate, 5000);
	assert_int_equal(settings.lost_after, 3);
	assert_int_equal(settings.ip_identity_ttl, 7 * 86400000);
	/* the shipped label's example says what ships */
	assert_string_equal(settings.labels[settings.label_count - 1].name, MST_SHIPPED_LABEL);
	assert_string_equal(settings.labels[settings.label_count - 1].when, MST_SHIPPED_WHEN);
	mst_settings_free(&settings);
	free(examples);
	free(text);
}

/* An example for every key, and a place in the manual page. The list repeats the tables of core/conf on purpose: a new key must come here and there. */
static void test_complete(void **state)
{
	static const char *const keys[] = {"store \"sqlite\" {",
	                                   "path =",
	                                   "api {",
	                                   "listen =",
	                                   "operators =",
	                                   "viewers =",
	                                   "never_scan =",
	                                   "scan_only =",
	                                   "max_rate =",
	                                   "lost_after =",
	                                   "ip_identity_ttl =",
	                                   "retention {",
	                                   "observations =",
	                                   "lost =",
	                                   "runs =",
	                                   "spool =",
	                                   "audit =",
	                                   "locations =",
	                                   "provision =",
	                                   "zone \"",
	                                   "networks =",
	                                   "interface =",
	                                   "source_address =",
	                                   "dns_servers =",
	                                   "label \"",
	                                   "when =",
	                                   "set =",
	                                   "enabled =",
	                                   "profile \"",
	                                   "zone =",
	                                   "scan_interval =",
	                                   "import_frequency =",
	                                   "windows =",
	                                   "blackouts =",
	                                   "notify \"",
	                                   "webhook =",
	                                   "token =",
	                                   "on =",
	                                   "where =",
	                                   "digest ="};
	char *text = shipped(), *examples = uncomment(text), *page = read_text(TEST_SRCDIR "/doc/muster.conf.5");

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strstr(examples, keys[i]) == NULL)
			fail_msg("etc/muster.conf has no example of %s", keys[i]);
		if (!in_manual(page, keys[i], strcspn(keys[i], " ")))
			fail_msg("doc/muster.conf.5 says nothing of %s", keys[i]);
	}
	free(page);
	for (size_t i = 0; i < test_nmap.option_count; i++) {
		char *key = mst_str_printf("\n\t\t%s = ", test_nmap.options[i].name);

		if (strcmp(test_nmap.options[i].name, "buffer") != 0 && strstr(examples, key) == NULL)
			fail_msg("etc/muster.conf has no example of %s", key);
		free(key);
	}
	free(examples);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_as_shipped),
	        cmocka_unit_test(test_examples),
	        cmocka_unit_test(test_complete),
	};

	return cmocka_run_group_tests(tests, test_setup, test_teardown);
}
