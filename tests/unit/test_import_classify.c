/* SPDX-License-Identifier: Apache-2.0 */
/* Label rules and states. */
#include "import_help.h"

#include "base/json.h"
#include "import/classify.h"
#include "import/doc.h"

static struct mst_import_settings settings;

static int read_settings(const char *text, struct mst_err *err)
{
	struct json_object *object = NULL;
	char *json = strdup(text);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	assert_int_equal(mst_json_parse(json, strlen(json), "settings", &object, err), 0);
	int code = mst_import_settings_from_json(&settings, object, err);
	json_object_put(object);
	free(json);
	return code;
}

static void use(const char *text)
{
	struct mst_err err;
	if (read_settings(text, &err) != 0)
		fail_msg("%s", err.text);
}

#define PLATFORMS                                                                                                      \
	"{'name':'Unmanageable OS Platforms','when':'os_platform!=windows,linux,macos,solaris,aix','action':'unmanageable'}"

static void expect(const char *facts, bool lost, bool agent, bool ignored, const char *state_word, const char *reason)
{
	bson_t *document = doc(facts);
	struct mst_labelling labelling;
	struct mst_class_input input = {ignored, lost, agent, 3, mst_doc_text(document, "os_platform")};
	struct mst_class out;
	mst_labels_apply(&settings, document, &labelling);
	mst_classify(&input, &labelling, &out);
	assert_string_equal(out.state, state_word);
	assert_string_equal(out.reason, reason);
	bson_destroy(document);
}

static void unmanageable_only_when_certain(void **state)
{
	(void)state;
	use("{'labels':[" PLATFORMS "]}");
	expect("{'os_platform':'embedded','os_accuracy':90}", false, false, false, "unmanageable",
	       "label Unmanageable OS Platforms (embedded)");
	expect("{'os_platform':'embedded','os_accuracy':89}", false, false, false, "unmanaged", "");
	expect("{'os_platform':'linux','os_accuracy':99}", false, false, false, "unmanaged", "");
	expect("{}", false, false, false, "unmanaged", "");
	expect("{'os_accuracy':99}", false, false, false, "unmanaged", "");
	mst_import_settings_free(&settings);
}

static void states_have_an_order(void **state)
{
	(void)state;
	use("{'labels':[" PLATFORMS ",{'name':'Agents','when':'port=17472','action':'managed'},"
	    "{'name':'Junk','when':'vendor~junk','action':'ignore'}]}");
	const char *facts = "{'os_platform':'embedded','os_accuracy':95,'ports':['17472'],'vendor':'Junk Inc'}";
	expect(facts, true, true, false, "ignored", "label Junk");
	expect("{}", true, true, true, "ignored", "ignored by hand");
	expect("{'os_platform':'embedded','os_accuracy':95}", true, true, false, "lost", "3 complete runs without it");
	expect("{'os_platform':'embedded','os_accuracy':95}", false, true, false, "managed",
	       "a management agent was seen on it");
	expect("{'os_platform':'embedded','os_accuracy':95,'ports':['17472']}", false, false, false, "managed",
	       "label Agents");
	mst_import_settings_free(&settings);
}

static void a_manual_label_acts_like_its_rule(void **state)
{
	(void)state;
	use("{'labels':[{'name':'By hand','when':'','action':'managed'}]}");
	expect("{'manual_labels':['By hand']}", false, false, false, "managed", "label By hand");
	expect("{'manual_labels':['Other']}", false, false, false, "unmanaged", "");
	mst_import_settings_free(&settings);
}

static void labels_are_joined_without_twins(void **state)
{
	(void)state;
	use("{'labels':[{'name':'A','when':'zone=hq'},{'name':'B','when':'zone=hq'},{'name':'C','when':'zone=x'}]}");
	bson_t *document = doc("{'zone':'hq','manual_labels':['B','D']}");
	struct mst_labelling out;
	mst_labels_apply(&settings, document, &out);
	assert_int_equal(out.label_count, 3);
	assert_string_equal(out.labels[0], "A");
	assert_string_equal(out.labels[1], "B");
	assert_string_equal(out.labels[2], "D");
	bson_destroy(document);
	mst_import_settings_free(&settings);
}

static void settings_are_checked(void **state)
{
	struct mst_err err;
	(void)state;
	static const struct {
		const char *text, *expected;
	} bad[] = {
	        {"{'lost_after':0}", "lost_after"},
	        {"{'labels':[{'name':'','when':'zone=x'}]}", "label"},
	        {"{'labels':[{'name':'A','when':'zone=x','action':'explode'}]}", "explode"},
	        {"{'labels':[{'name':'A','when':'nothing_such=x'}]}", "\"A\""},
	        {"{'labels':[7]}", "label"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(read_settings(bad[i].text, &err), MST_E_USAGE);
		assert_non_null(strstr(err.text, bad[i].expected));
	}
	use("{}");
	assert_int_equal(settings.lost_after, 3);
	assert_int_equal(settings.ip_identity_ttl_ms, INT64_C(30) * 86400000);
	mst_import_settings_free(&settings);
	assert_int_equal(mst_import_settings_from_json(&settings, NULL, &err), 0);
	assert_int_equal(settings.lost_after, 3);
	mst_import_settings_free(&settings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(unmanageable_only_when_certain),
	        cmocka_unit_test(states_have_an_order),
	        cmocka_unit_test(a_manual_label_acts_like_its_rule),
	        cmocka_unit_test(labels_are_joined_without_twins),
	        cmocka_unit_test(settings_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
