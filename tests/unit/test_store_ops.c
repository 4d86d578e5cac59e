/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of every store operation, through the facade. */
#include "store_common.h"

#include <muster/plugin.h>
#include <sys/stat.h>

static void test_insert_and_get(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	        insert_doc(
	                f, "interfaces",
	                "{'_id':'a','number':1,'state':'unmanaged','ports':['22','53/udp'],'ignored':false,'os_accuracy':null,"
	                "'services':[{'port':22}],'extra':{'deep':[1,{'x':2.5}]},'distance':1.5}"),
	        MST_OK);
	assert_doc(
	        f, "interfaces", "a",
	        "{'_id':'a','rev':1,'number':1,'state':'unmanaged','os_accuracy':null,'ports':['22','53/udp'],'distance':1.5,"
	        "'ignored':false,'services':[{'port':22}],'extra':{'deep':[1,{'x':2.5}]}}");
	assert_doc(f, "interfaces", "b", "");
	assert_int_equal(insert_doc(f, "interfaces", "{'_id':'a'}"), MST_E_EXISTS);
	assert_int_equal(insert_doc(f, "interfaces", "{'_id':'b','number':1}"), MST_E_EXISTS);
	assert_int_equal(insert_doc(f, "interfaces", "{'number':2}"), MST_E_USAGE);
	assert_int_equal(insert_doc(f, "interfaces", "{'_id':7}"), MST_E_USAGE);
	assert_int_equal(insert_doc(f, "interfaces", "{'_id':'c','state':['x']}"), MST_E_USAGE);
	assert_int_equal(insert_doc(f, "nothing", "{'_id':'c'}"), MST_E_USAGE);
}

static void test_put_and_replace(void **state)
{
	struct fixture *f = *state;
	struct mst_batch *batch;
	bson_t *next = doc("{'_id':'p','profile':'hq','note':'x','rev':77}");

	assert_int_equal(put_doc(f, "runs", "{'_id':'p','profile':'old','by':'eva','parts':['x']}"), MST_OK);
	assert_int_equal(put_doc(f, "runs", "{'_id':'p','profile':'new'}"), MST_OK);
	assert_doc(f, "runs", "p", "{'_id':'p','rev':2,'profile':'new'}");
	mst_batch_new(&batch, NULL);
	mst_batch_replace_if(batch, "runs", next, 1);
	assert_int_equal(run_item(f, batch), MST_E_CONFLICT);
	assert_int_equal(mst_batch_matched(batch, 0), 1);
	mst_batch_reset(batch);
	mst_batch_replace_if(batch, "runs", next, 2);
	assert_int_equal(run_item(f, batch), MST_OK);
	assert_doc(f, "runs", "p", "{'_id':'p','rev':3,'profile':'hq','note':'x'}");
	bson_destroy(next);
	next = doc("{'_id':'none'}");
	mst_batch_reset(batch);
	mst_batch_replace_if(batch, "runs", next, 1);
	assert_int_equal(run_item(f, batch), MST_E_NOT_FOUND);
	bson_destroy(next);
	mst_batch_free(batch);
}

static void test_update_operators(void **state)
{
	struct fixture *f = *state;
	int64_t changed;

	put_doc(f, "runs", "{'_id':'u','up':5,'text':'t','parts':[{'a':1}],'x':{'y':1,'z':2},'n':3}");
	assert_int_equal(
	        update_docs(f, "runs", "{'_id':'u'}",
	                    "{'$set':{'state':'done','x.y':9,'x.q.r':'new','parts':['1']},'$unset':{'text':1,'n':1},"
	                    "'$inc':{'up':-2,'x.z':5,'lost':1},'$min':{'new':4},'$max':{'changed':6,'x.m':7}}",
	                    false, &changed),
	        MST_OK);
	assert_int_equal(changed, 1);
	assert_doc(f, "runs", "u",
	           "{'_id':'u','rev':2,'state':'done','parts':['1'],'up':3,'new':4,'changed':6,'lost':1,"
	           "'x':{'y':9,'z':7,'q':{'r':'new'},'m':7}}");
	assert_int_equal(update_docs(f, "runs", "{'_id':'u'}", "{'$min':{'new':9},'$max':{'changed':1}}", false, NULL),
	                 MST_OK);
	assert_int_equal(update_docs(f, "runs", "{'_id':'u'}", "{'$min':{'new':2},'$max':{'changed':8}}", false, NULL),
	                 MST_OK);
	assert_int_equal(update_docs(f, "runs", "{'_id':'u'}", "{'$set':{'parts':[{'b':[1]}]}}", false, NULL), MST_OK);
	assert_doc(
	        f, "runs", "u",
	        "{'_id':'u','rev':5,'state':'done','up':3,'new':2,'changed':8,'lost':1,'x':{'y':9,'z':7,'q':{'r':'new'},'m':7},"
	        "'parts':[{'b':[1]}]}");
	assert_int_equal(update_docs(f, "runs", "{'_id':'u'}", "{'$unset':{'parts':1,'x':1}}", false, NULL), MST_OK);
	assert_doc(f, "runs", "u", "{'_id':'u','rev':6,'state':'done','up':3,'new':2,'changed':8,'lost':1}");
}

static void test_update_refusals(void **state)
{
	static const char *const bad[] = {"{}",
	                                  "{'$set':{}}",
	                                  "{'$set':{'_id':'x'}}",
	                                  "{'$set':{'rev':9}}",
	                                  "{'$push':{'a':1}}",
	                                  "{'a':1}",
	                                  "{'$set':1}",
	                                  "{'$inc':{'up':'x'}}",
	                                  "{'$inc':{'state':1}}",
	                                  "{'$inc':{'s':1}}",
	                                  "{'$set':{'up':1},'$inc':{'up':1}}",
	                                  "{'$set':{'state.x':1}}",
	                                  "{'$set':{'s.x':1}}",
	                                  "{'$set':{'a..b':1}}",
	                                  "{'$set':{'.a':1}}",
	                                  "{'$set':{'$a':1}}",
	                                  "{'$set':{'up':[1]}}",
	                                  "{'$inc':{'big':9223372036854775807}}",
	                                  "{'$inc':{'up':9223372036854775807}}"};
	struct fixture *f = *state;

	put_doc(f, "runs", "{'_id':'u','up':5,'state':'x','s':'text','big':5}");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (update_docs(f, "runs", "{'_id':'u'}", bad[i], false, NULL) != MST_E_USAGE)
			fail_msg("%s was not refused", bad[i]);
	assert_doc(f, "runs", "u", "{'_id':'u','rev':1,'state':'x','up':5,'s':'text','big':5}");
}

static void assert_refused(struct fixture *f, const bson_t *filter, int code)
{
	struct mst_find find = {.collection = "interfaces", .filter = filter};
	struct mst_cursor *cursor;
	struct mst_err err = {0};
	char *shown = bson_as_relaxed_extended_json(filter, NULL);

	if (mst_store_find(f->store, &find, &cursor, &err) != code || strlen(err.text) < 10)
		fail_msg("%.300s: %s", shown, err.text);
	bson_free(shown);
}

static void test_filter_refusals(void **state)
{
	static const char *const bad[] = {"{'$where':1}",
	                                  "{'a':{'$regex':'x'}}",
	                                  "{'a':{}}",
	                                  "{'a':[1]}",
	                                  "{'a':{'$in':1}}",
	                                  "{'a':{'$in':[[1]]}}",
	                                  "{'state':{'$in':[{'x':1}]}}",
	                                  "{'a':{'$exists':1}}",
	                                  "{'a':{'$has':1}}",
	                                  "{'$and':[]}",
	                                  "{'$or':{}}",
	                                  "{'$not':1}",
	                                  "{'$and':[1]}",
	                                  "{'a..b':1}",
	                                  "{'':1}",
	                                  "{'a':{'b':1}}",
	                                  "{'state':{'$oid':'0123456789abcdef01234567'}}",
	                                  "{'.':1}"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		bson_t *filter = doc(bad[i]);
		assert_refused(f, filter, MST_E_USAGE);
		bson_destroy(filter);
	}
}

/* Depth, terms and values have an end, and the largest filter that the text grammar can make is within it. */
static void test_filter_caps(void **state)
{
	struct fixture *f = *state;
	bson_t deep = BSON_INITIALIZER, wide = BSON_INITIALIZER, many = BSON_INITIALIZER, list, item, in;
	char digits[16];
	const char *key;

	for (int i = 0; i < 40; i++) {
		bson_t outer = BSON_INITIALIZER;
		BSON_APPEND_DOCUMENT(&outer, "$not", &deep);
		bson_destroy(&deep);
		bson_steal(&deep, &outer);
	}
	assert_refused(f, &deep, MST_E_LIMIT);
	BSON_APPEND_ARRAY_BEGIN(&wide, "$or", &list);
	for (uint32_t i = 0; i < 512; i++) {
		bson_uint32_to_string(i, &key, digits, sizeof digits);
		bson_append_document_begin(&list, key, -1, &item);
		BSON_APPEND_DOCUMENT_BEGIN(&item, "ip_key", &in);
		BSON_APPEND_UTF8(&in, "$gte", "4:0a000000");
		BSON_APPEND_UTF8(&in, "$lte", "4:0affffff");
		bson_append_document_end(&item, &in);
		bson_append_document_end(&list, &item);
	}
	bson_append_array_end(&wide, &list);
	struct mst_err err = {0};
	int64_t count;
	if (mst_store_count(f->store, "interfaces", &wide, &count, &err) != MST_OK)
		fail_msg("%s", err.text);
	BSON_APPEND_ARRAY_BEGIN(&many, "$or", &list);
	for (uint32_t i = 0; i < 2000; i++) {
		bson_uint32_to_string(i, &key, digits, sizeof digits);
		bson_append_document_begin(&list, key, -1, &item);
		bson_append_document_end(&list, &item);
	}
	bson_append_array_end(&many, &list);
	assert_refused(f, &many, MST_E_LIMIT);
	bson_destroy(&deep);
	bson_destroy(&wide);
	bson_destroy(&many);
}

static void test_update_many(void **state)
{
	struct fixture *f = *state;
	int64_t changed;

	put_doc(f, "interfaces", "{'_id':'1','zone':'a','state':'x'}");
	put_doc(f, "interfaces", "{'_id':'2','zone':'a','state':'y'}");
	put_doc(f, "interfaces", "{'_id':'3','zone':'b','state':'x'}");
	assert_int_equal(
	        update_docs(f, "interfaces", "{'zone':'a'}", "{'$set':{'zone':'c','tag':true}}", false, &changed),
	        MST_OK);
	assert_int_equal(changed, 2);
	assert_ids(f, "interfaces", "{'zone':'c','tag':true}", NULL, "1 2");
	assert_int_equal(update_docs(f, "interfaces", "{'zone':'none'}", "{'$set':{'zone':'d'}}", false, &changed),
	                 MST_OK);
	assert_int_equal(changed, 0);
}

/* Declared and other fields of a document change together or not at all, and go together. */
static void test_rest_follows_its_row(void **state)
{
	struct fixture *f = *state;
	struct mst_batch *batch;
	struct mst_err err = {0};
	bson_t *z = doc("{'_id':'z'}"), *all = doc("{}"), *inc = doc("{'$inc':{'k':1},'$set':{'state':'new'}}");

	put_doc(f, "interfaces", "{'_id':'1','state':'old','k':1}");
	put_doc(f, "interfaces", "{'_id':'2','state':'old','k':'text'}");
	mst_batch_new(&batch, NULL);
	mst_batch_insert(batch, "interfaces", z);
	mst_batch_update(batch, "interfaces", all, inc, false);
	assert_int_equal(mst_store_write(f->store, batch, &err), MST_E_USAGE);
	assert_int_equal(mst_batch_status(batch, 0), MST_OK);
	assert_doc(f, "interfaces", "1", "{'_id':'1','rev':1,'state':'old','k':1}");
	assert_ids(f, "interfaces", "{}", NULL, "1 2 z");
	/* A filter that its own update makes untrue. */
	assert_int_equal(update_docs(f, "interfaces", "{'k':1}", "{'$set':{'k':2,'state':'new'}}", false, NULL),
	                 MST_OK);
	assert_doc(f, "interfaces", "1", "{'_id':'1','rev':2,'state':'new','k':2}");
	/* The last row's number is used again: nothing of the old document may come back. */
	mst_batch_reset(batch);
	mst_batch_remove(batch, "interfaces", all);
	assert_int_equal(run_item(f, batch), MST_OK);
	assert_int_equal(mst_batch_changed(batch, 0), 3);
	insert_doc(f, "interfaces", "{'_id':'n'}");
	assert_doc(f, "interfaces", "n", "{'_id':'n','rev':1}");
	put_doc(f, "interfaces", "{'_id':'n','k':1}");
	put_doc(f, "interfaces", "{'_id':'n','state':'x'}");
	assert_doc(f, "interfaces", "n", "{'_id':'n','rev':3,'state':'x'}");
	bson_destroy(z);
	bson_destroy(all);
	bson_destroy(inc);
	mst_batch_free(batch);
}

static void test_upsert(void **state)
{
	struct fixture *f = *state;
	int64_t changed;

	assert_int_equal(
	        update_docs(f, "interfaces", "{'_id':'n','zone':'z'}",
	                    "{'$set':{'state':'x','a.b':1},'$inc':{'distance':2},'$set_on_insert':{'first_seen':5}}",
	                    true, &changed),
	        MST_OK);
	assert_int_equal(changed, 1);
	assert_doc(f, "interfaces", "n",
	           "{'_id':'n','rev':1,'state':'x','zone':'z','distance':2,'first_seen':5,'a':{'b':1}}");
	assert_int_equal(update_docs(f, "interfaces", "{'_id':'n'}",
	                             "{'$set':{'state':'y'},'$inc':{'distance':2},'$set_on_insert':{'first_seen':9}}",
	                             true, NULL),
	                 MST_OK);
	assert_doc(f, "interfaces", "n",
	           "{'_id':'n','rev':2,'state':'y','zone':'z','distance':4,'first_seen':5,'a':{'b':1}}");
	assert_int_equal(
	        update_docs(f, "interfaces", "{'_id':'n'}", "{'$set_on_insert':{'first_seen':9}}", true, &changed),
	        MST_OK);
	assert_int_equal(changed, 0);
	assert_int_equal(
	        update_docs(f, "interfaces", "{'_id':'m'}", "{'$set_on_insert':{'first_seen':9}}", true, &changed),
	        MST_OK);
	assert_int_equal(changed, 1);
	assert_int_equal(update_docs(f, "interfaces", "{'zone':'q'}", "{'$set':{'state':'x'}}", true, NULL),
	                 MST_E_USAGE);
}

static void test_remove(void **state)
{
	struct fixture *f = *state;
	struct mst_batch *batch;
	bson_t *filter = doc("{'zone':{'$in':['a','b']}}");

	put_doc(f, "interfaces", "{'_id':'1','zone':'a'}");
	put_doc(f, "interfaces", "{'_id':'2','zone':'b'}");
	put_doc(f, "interfaces", "{'_id':'3','zone':'c'}");
	mst_batch_new(&batch, NULL);
	mst_batch_remove(batch, "interfaces", filter);
	assert_int_equal(run_item(f, batch), MST_OK);
	assert_int_equal(mst_batch_changed(batch, 0), 2);
	assert_ids(f, "interfaces", "{}", NULL, "3");
	bson_destroy(filter);
	mst_batch_free(batch);
}

/* EXISTS and its like do not stop a batch; a fault does, and what stood before it is kept. */
static void test_batch_order(void **state)
{
	struct fixture *f = *state;
	struct mst_batch *batch;
	struct mst_err err = {0};
	bson_t *a = doc("{'_id':'a'}"), *b = doc("{'_id':'b'}"), *bad = doc("{'x':1}"), *c = doc("{'_id':'c'}");

	mst_batch_new(&batch, NULL);
	mst_batch_insert(batch, "labels", a);
	mst_batch_insert(batch, "labels", a);
	mst_batch_insert(batch, "labels", b);
	assert_int_equal(mst_batch_insert(batch, "labels", bad), 3);
	mst_batch_insert(batch, "labels", c);
	assert_int_equal(mst_batch_count(batch), 5);
	assert_int_equal(mst_store_write(f->store, batch, &err), MST_E_USAGE);
	assert_non_null(strstr(err.text, "_id"));
	assert_int_equal(mst_batch_status(batch, 0), MST_OK);
	assert_int_equal(mst_batch_status(batch, 1), MST_E_EXISTS);
	assert_int_equal(mst_batch_status(batch, 2), MST_OK);
	assert_int_equal(mst_batch_status(batch, 3), MST_E_USAGE);
	assert_int_equal(mst_batch_status(batch, 4), MST_E_CANCELLED);
	assert_ids(f, "labels", "{}", NULL, "a b");
	bson_destroy(a);
	bson_destroy(b);
	bson_destroy(c);
	bson_destroy(bad);
	mst_batch_free(batch);
}

static void test_sort_and_pages(void **state)
{
	struct fixture *f = *state;
	char ids[256];

	put_doc(f, "interfaces", "{'_id':'1','distance':2,'hostname':'b','w':1}");
	put_doc(f, "interfaces", "{'_id':'2','distance':1,'hostname':'a','w':2}");
	put_doc(f, "interfaces", "{'_id':'3','distance':2,'hostname':'c'}");
	put_doc(f, "interfaces", "{'_id':'4','hostname':'a','w':1}");
	assert_ids(f, "interfaces", "{}", NULL, "1 2 3 4");
	assert_ids(f, "interfaces", "{}", "{'_id':-1}", "4 3 2 1");
	assert_ids(f, "interfaces", "{}", "{'distance':1}", "4 2 1 3");
	assert_ids(f, "interfaces", "{}", "{'distance':-1}", "1 3 2 4");
	assert_ids(f, "interfaces", "{}", "{'hostname':1,'distance':-1}", "2 4 1 3");
	assert_ids(f, "interfaces", "{}", "{'w':-1}", "2 1 4 3");
	assert_int_equal(
	        find_ids(f, "interfaces", NULL, "{'distance':1}", "{'distance':1,'_id':'2'}", 0, ids, sizeof ids),
	        MST_OK);
	assert_string_equal(ids, "1 3");
	assert_int_equal(find_ids(f, "interfaces", NULL, "{'distance':1}", "{'_id':'4'}", 1, ids, sizeof ids), MST_OK);
	assert_string_equal(ids, "2");
	assert_int_equal(
	        find_ids(f, "interfaces", NULL, "{'distance':-1}", "{'distance':2,'_id':'1'}", 0, ids, sizeof ids),
	        MST_OK);
	assert_string_equal(ids, "3 2 4");
	assert_int_equal(find_ids(f, "interfaces", NULL, "{'w':-1}", "{'w':1,'_id':'1'}", 0, ids, sizeof ids), MST_OK);
	assert_string_equal(ids, "4 3");
	assert_int_equal(find_ids(f, "interfaces", "{'hostname':'a'}", NULL, "{'_id':'2'}", 0, ids, sizeof ids),
	                 MST_OK);
	assert_string_equal(ids, "4");
	assert_int_equal(find_ids(f, "interfaces", NULL, "{'distance':2}", NULL, 0, ids, sizeof ids), MST_E_USAGE);
	assert_int_equal(find_ids(f, "interfaces", NULL, "{'distance':1}", "{'distance':1}", 0, ids, sizeof ids),
	                 MST_E_USAGE);
}

static void test_projection(void **state)
{
	struct fixture *f = *state;
	bson_t got, *filter = doc("{'_id':'1'}");
	struct json_object *json;
	struct mst_err err;
	struct mst_find find = {.collection = "interfaces", .filter = filter, .fields = "hostname, services,ports,w"};

	put_doc(f, "interfaces",
	        "{'_id':'1','hostname':'b','zone':'z','ports':['1'],'services':[{'a':1}],'w':1,'v':2}");
	assert_int_equal(mst_store_find_one(f->store, &find, &got, &err), MST_OK);
	mst_store_doc_json(&got, &json, &err);
	assert_string_equal(
	        json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
	        "{\"_id\":\"1\",\"rev\":1,\"hostname\":\"b\",\"ports\":[\"1\"],\"services\":[{\"a\":1}],\"w\":1}");
	json_object_put(json);
	bson_destroy(&got);
	find.fields = "a;drop";
	assert_int_equal(mst_store_find_one(f->store, &find, &got, &err), MST_E_USAGE);
	bson_destroy(filter);
	filter = doc("{'_id':'none'}");
	find.fields = NULL;
	find.filter = filter;
	assert_int_equal(mst_store_find_one(f->store, &find, &got, &err), MST_E_NOT_FOUND);
	bson_destroy(filter);
}

static int add_group(void *data, const bson_t *key, int64_t count)
{
	char *out = data, *json = bson_as_relaxed_extended_json(key, NULL);
	size_t used = strlen(out);

	snprintf(out + used, 512 - used, "%s=%lld ", json, (long long)count);
	bson_free(json);
	return 0;
}

static void assert_groups(struct fixture *f, const char *field, const char *wanted)
{
	char out[512] = "";
	struct mst_err err = {0};

	if (mst_store_group(f->store, "interfaces", NULL, field, add_group, out, &err) != MST_OK)
		fail_msg("%s", err.text);
	assert_string_equal(out, wanted);
}

static void test_count_and_group(void **state)
{
	struct fixture *f = *state;
	bson_t *filter = doc("{'state':'x'}");
	int64_t count = -1;
	struct mst_err err;

	put_doc(f, "interfaces",
	        "{'_id':'1','state':'x','labels':['a','b'],'ignored':true,'k':5,'services':[{'x':1}]}");
	put_doc(f, "interfaces", "{'_id':'2','state':'x','labels':['a'],'ignored':true,'k':[5,'t',null,true]}");
	put_doc(f, "interfaces", "{'_id':'3','state':'y','labels':[],'ignored':false}");
	put_doc(f, "interfaces", "{'_id':'4','labels':['a',1.5]}");
	assert_int_equal(mst_store_count(f->store, "interfaces", filter, &count, &err), MST_OK);
	assert_int_equal(count, 2);
	assert_int_equal(mst_store_count(f->store, "interfaces", NULL, &count, &err), MST_OK);
	assert_int_equal(count, 4);
	assert_groups(f, "state", "{ \"state\" : \"x\" }=2 { \"state\" : \"y\" }=1 ");
	assert_groups(f, "labels", "{ \"labels\" : \"a\" }=3 { \"labels\" : \"b\" }=1 ");
	assert_groups(f, "ignored", "{ \"ignored\" : true }=2 { \"ignored\" : false }=1 ");
	assert_groups(f, "k", "{ \"k\" : 5 }=2 { \"k\" : null }=1 { \"k\" : true }=1 { \"k\" : \"t\" }=1 ");
	bson_destroy(filter);
}

/* A cursor keeps its state of the store; what is read by other calls is new. */
static void test_cursor_is_a_snapshot(void **state)
{
	struct fixture *f = *state;
	struct mst_cursor *cursor, *later;
	struct mst_find find = {.collection = "labels"};
	struct mst_err err;
	bson_t got;
	char ids[64];
	int n = 0;

	put_doc(f, "labels", "{'_id':'a'}");
	put_doc(f, "labels", "{'_id':'b','v':1}");
	put_doc(f, "labels", "{'_id':'c'}");
	assert_int_equal(mst_store_find(f->store, &find, &cursor, &err), MST_OK);
	put_doc(f, "labels", "{'_id':'aa'}");
	put_doc(f, "labels", "{'_id':'b','v':2}");
	put_doc(f, "labels", "{'_id':'d'}");
	assert_int_equal(mst_store_find(f->store, &find, &later, &err), MST_OK);
	while (mst_cursor_next(cursor, &got, &err) == MST_OK) {
		bson_iter_t iter;
		n++;
		if (bson_iter_init_find(&iter, &got, "v"))
			assert_int_equal(bson_iter_as_int64(&iter), 1);
	}
	assert_int_equal(n, 3);
	mst_cursor_close(cursor);
	for (n = 0; mst_cursor_next(later, &got, &err) == MST_OK; n++)
		;
	assert_int_equal(n, 5);
	mst_cursor_close(later);
	assert_int_equal(find_ids(f, "labels", NULL, NULL, NULL, 0, ids, sizeof ids), MST_OK);
	assert_string_equal(ids, "a aa b c d");
}

static void test_lease(void **state)
{
	struct fixture *f = *state;
	struct mst_store_lease a = {0}, b = {0};
	struct mst_err err = {0};

	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_ACQUIRE, "job", "one", 60000, &a, &err), MST_OK);
	assert_true(a.fence == 1 && a.until == a.now + 60000);
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_ACQUIRE, "job", "two", 60000, &b, &err), MST_E_REFUSED);
	assert_non_null(strstr(err.text, "held by one"));
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_RENEW, "job", "one", 30, &a, &err), MST_OK);
	b.fence = 99;
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_RENEW, "job", "one", 30, &b, &err), MST_E_REFUSED);
	usleep(50000);
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_ACQUIRE, "job", "two", 60000, &b, &err), MST_OK);
	assert_int_equal(b.fence, 2);
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_RENEW, "job", "one", 30, &a, &err), MST_E_REFUSED);
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_RELEASE, "job", "one", 0, &a, &err), MST_E_REFUSED);
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_RELEASE, "job", "two", 0, &b, &err), MST_OK);
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_ACQUIRE, "job", "one", 10, &a, &err), MST_OK);
	assert_int_equal(a.fence, 3);
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_ACQUIRE, "", "one", 10, &a, &err), MST_E_USAGE);
	assert_int_equal(mst_store_lease(f->store, MUSTER_LEASE_ACQUIRE, "job", "one", 0, &a, &err), MST_E_USAGE);
}

static void test_numbers_and_stats(void **state)
{
	struct fixture *f = *state;
	struct mst_store_stats stats;
	int64_t number = 0;
	struct mst_err err;

	for (int i = 1; i <= 3; i++) {
		assert_int_equal(mst_store_next_number(f->store, "runs", &number, &err), MST_OK);
		assert_int_equal(number, i);
	}
	assert_int_equal(mst_store_next_number(f->store, "interfaces", &number, &err), MST_OK);
	assert_int_equal(number, 1);
	assert_int_equal(mst_store_stats(f->store, &stats, &err), MST_OK);
	assert_true(stats.bytes > 4096 && stats.free_bytes > 0 && stats.reusable_bytes >= 0);
	assert_int_equal(mst_store_check(f->store, &err), MST_OK);
}

/* Nobody but the owner reads the store, and a second instance sees it all. */
static void test_files_and_second_instance(void **state)
{
	struct fixture *f = *state;
	struct mst_store *second;
	struct mst_err err;
	struct stat st;
	char path[160];
	bson_t got;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof path, "%s-wal", f->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof path, "%s/new", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	put_doc(f, "interfaces", "{'_id':'1','hostname':'b'}");
	assert_int_equal(mst_store_open(&second, f->store_class, false, &err), MST_OK);
	assert_int_equal(mst_store_get(second, "interfaces", "1", &got, &err), MST_OK);
	bson_destroy(&got);
	mst_store_close(second);
	assert_int_equal(mst_store_open(&second, f->store_class, true, &err), MST_OK);
	mst_store_close(second);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(test_insert_and_get),  TEST(test_put_and_replace),      TEST(test_update_operators),
	        TEST(test_update_refusals), TEST(test_filter_refusals),      TEST(test_filter_caps),
	        TEST(test_update_many),     TEST(test_rest_follows_its_row), TEST(test_upsert),
	        TEST(test_remove),          TEST(test_batch_order),          TEST(test_sort_and_pages),
	        TEST(test_projection),      TEST(test_count_and_group),      TEST(test_cursor_is_a_snapshot),
	        TEST(test_lease),           TEST(test_numbers_and_stats),    TEST(test_files_and_second_instance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
