/* SPDX-License-Identifier: Apache-2.0 */
/* Which facts make two documents different. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/doc.h"
#include "import/fold.h"
#include "import/ports.h"

/* Of names and services, of which an observation has no more. */
#define LINES_MAX 1024u

static void add_text(struct mst_buf *out, const bson_t *doc, const char *path)
{
	const char *text = mst_doc_text(doc, path);
	if (!text)
		return;
	mst_buf_str(out, path);
	mst_buf_char(out, '=');
	mst_buf_str(out, text);
	mst_buf_char(out, '\n');
}

/* Order of names and services is the source's whim and no difference. */
static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_sorted(struct mst_buf *out, const bson_t *doc, const char *key, const char *const *fields)
{
	bson_t array, item;
	bson_iter_t iter;
	size_t count = 0, max;
	if (!mst_doc_array(doc, key, &array) || !bson_iter_init(&iter, &array))
		return 0;
	max = bson_count_keys(&array);
	max = max < LINES_MAX ? max : LINES_MAX;
	char **lines = calloc(max + 1, sizeof *lines);
	if (!lines)
		return MST_E_NO_MEMORY;
	while (count < max && bson_iter_next(&iter)) {
		struct mst_buf line;
		mst_buf_init(&line, 65536);
		if (BSON_ITER_HOLDS_UTF8(&iter))
			mst_buf_str(&line, bson_iter_utf8(&iter, NULL));
		else if (mst_doc_view(&iter, &item))
			for (size_t i = 0; fields[i]; i++) {
				const char *text = mst_doc_text(&item, fields[i]);
				if (text)
					mst_buf_printf(&line, "%s=%s ", fields[i], text);
				else
					mst_buf_printf(&line, "%s=%" PRId64 " ", fields[i],
					               mst_doc_int(&item, fields[i], 0));
			}
		lines[count] = mst_buf_take(&line);
		count += lines[count] != NULL;
	}
	if (count > 1)
		qsort(lines, count, sizeof *lines, by_text);
	for (size_t i = 0; i < count; i++) {
		mst_buf_printf(out, "%s %s\n", key, lines[i]);
		free(lines[i]);
	}
	free(lines);
	return 0;
}

static int add_ports(struct mst_buf *out, const bson_t *doc)
{
	struct mst_port *ports;
	size_t counts[MST_PROTOS], at = 0;
	bson_t array;
	if (!mst_doc_array(doc, "ports", &array))
		return 0;
	if (mst_ports_open_list(&array, &ports, counts) != 0)
		return MST_E_NO_MEMORY;
	for (int proto = 0; proto < MST_PROTOS; proto++) {
		if (counts[proto] > 0) {
			mst_buf_printf(out, "%s=", mst_proto_name(proto));
			mst_port_list_text(ports + at, counts[proto], out);
			mst_buf_char(out, '\n');
		}
		at += counts[proto];
	}
	free(ports);
	return 0;
}

int mst_fold_facts(const bson_t *doc, struct mst_buf *out)
{
	static const char *const texts[] = {"ip",          "mac",         "os.platform", "os.generation",
	                                    "computer_id", "instance_id", "eni",         "nat_ip"};
	static const char *const name_fields[] = {"name", NULL}, *const no_fields[] = {NULL};
	static const char *const service_fields[] = {"proto", "port", "name", "product", "version", "extra", NULL};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		add_text(out, doc, texts[i]);
	if (mst_doc_bool(doc, "managed"))
		mst_buf_str(out, "managed\n");
	int code = add_sorted(out, doc, "ips", no_fields);
	if (code == 0)
		code = add_sorted(out, doc, "names", name_fields);
	if (code == 0)
		code = add_sorted(out, doc, "services", service_fields);
	if (code == 0)
		code = add_ports(out, doc);
	return code != 0 || out->failed ? MST_E_NO_MEMORY : 0;
}
