/* SPDX-License-Identifier: Apache-2.0 */
/* Prints of records: what counts of a record, as bytes, and their hash. */
#include <muster/plugin.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "import/again.h"
#include "import/classify.h"
#include "import/doc.h"
#include "import/segment.h"

struct mst_printer {
	EVP_MD *sha256;
	EVP_MD_CTX *context;
	struct mst_buf text, scope;
};

int mst_printer_new(struct mst_printer **out, struct mst_err *err)
{
	struct mst_printer *printer = calloc(1, sizeof *printer);
	*out = printer;
	if (!printer)
		return mst_err_no_memory(err);
	mst_buf_init(&printer->text, 4 * MST_MAX_RECORD);
	mst_buf_init(&printer->scope, 4 * MST_MAX_SCOPE_TEXT);
	printer->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	printer->context = EVP_MD_CTX_new();
	return printer->sha256 && printer->context
	               ? 0
	               : mst_err_set(err, MST_E_FAILED, "OpenSSL offers no SHA-256; look at its configuration");
}

void mst_printer_free(struct mst_printer *printer)
{
	if (!printer)
		return;
	EVP_MD_free(printer->sha256);
	EVP_MD_CTX_free(printer->context);
	mst_buf_free(&printer->text);
	mst_buf_free(&printer->scope);
	free(printer);
}

static int make(const struct mst_printer *printer, const struct mst_buf *text, char out[MST_PRINT_SIZE],
                struct mst_err *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	out[0] = '\0';
	if (text->failed) /* without a print nothing is skipped */
		return 0;
	if (EVP_DigestInit_ex2(printer->context, printer->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(printer->context, mst_buf_text(text), text->len) != 1 ||
	    EVP_DigestFinal_ex(printer->context, hash, &len) != 1)
		return mst_err_set(err, MST_E_FAILED, "OpenSSL cannot make a SHA-256; look at its configuration");
	for (size_t i = 0; i < MST_PRINT_SIZE / 2; i++) {
		out[i * 2] = digits[hash[i] >> 4];
		out[i * 2 + 1] = digits[hash[i] & 15];
	}
	out[MST_PRINT_SIZE - 1] = '\0';
	return 0;
}

static void put(struct mst_buf *out, char what, const void *data, size_t len)
{
	char head[1 + sizeof(uint32_t)] = {what};
	uint32_t size = (uint32_t)len;
	memcpy(head + 1, &size, sizeof size);
	mst_buf_add(out, head, sizeof head);
	mst_buf_add(out, data, len);
}

/* One value with its key and type; what has none of these types is no fact. */
static void put_value(struct mst_buf *out, const char *key, const bson_iter_t *iter)
{
	const uint8_t *data = NULL;
	uint32_t len = 0;
	int64_t number = 0;
	put(out, 'k', key, bson_iter_key_len(iter));
	switch (bson_iter_type(iter)) {
	case BSON_TYPE_UTF8:
		data = (const uint8_t *)bson_iter_utf8(iter, &len);
		put(out, 't', data, len);
		break;
	case BSON_TYPE_ARRAY:
		bson_iter_array(iter, &len, &data);
		put(out, 'a', data, len);
		break;
	case BSON_TYPE_DOCUMENT:
		bson_iter_document(iter, &len, &data);
		put(out, 'd', data, len);
		break;
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
	case BSON_TYPE_BOOL:
		number = bson_iter_as_int64(iter);
		put(out, BSON_ITER_HOLDS_BOOL(iter) ? 'b' : 'i', &number, sizeof number);
		break;
	default:
		mst_buf_char(out, 'x');
	}
}

static bool is_one_of(const char *key, const char *const *names)
{
	for (; *names; names++)
		if (key[0] == (*names)[0] && strcmp(key, *names) == 0)
			return true;
	return false;
}

static void put_some(struct mst_buf *out, const bson_t *doc, const char *const *names)
{
	bson_iter_t iter;
	if (!bson_iter_init(&iter, doc))
		return;
	while (bson_iter_next(&iter))
		if (is_one_of(bson_iter_key(&iter), names))
			put_value(out, bson_iter_key(&iter), &iter);
}

static void put_ports(struct mst_buf *out, const bson_iter_t *value)
{
	static const char *const names[] = {"proto", "state", "ports", "range", NULL};
	bson_t array, group;
	bson_iter_t iter;
	if (!BSON_ITER_HOLDS_ARRAY(value) || !mst_doc_view(value, &array) || !bson_iter_init(&iter, &array))
		return;
	while (bson_iter_next(&iter)) {
		mst_buf_char(out, 'g');
		if (BSON_ITER_HOLDS_DOCUMENT(&iter) && mst_doc_view(&iter, &group))
			put_some(out, &group, names);
	}
}

static void put_os(struct mst_buf *out, const bson_iter_t *value, struct mst_look *look)
{
	static const char *const names[] = {"platform", "generation", NULL};
	bson_t os;
	mst_buf_char(out, 'o');
	if (!BSON_ITER_HOLDS_DOCUMENT(value) || !mst_doc_view(value, &os))
		return;
	put_some(out, &os, names);
	mst_buf_char(out, mst_doc_int(&os, "accuracy", 100) >= MST_OS_CERTAIN ? '+' : '-');
	look->os |= mst_doc_text(&os, "platform") != NULL;
}

static const char *text_of(const bson_iter_t *iter, const char *known)
{
	uint32_t len = 0;
	const char *text = BSON_ITER_HOLDS_UTF8(iter) && !known ? bson_iter_utf8(iter, &len) : NULL;
	return len > 0 && text[0] ? text : known;
}

static void look_at_text(const char *key, const bson_iter_t *iter, struct mst_look *look)
{
	if (strcmp(key, "ip") == 0)
		look->ip = text_of(iter, look->ip);
	else if (strcmp(key, "mac") == 0)
		look->mac = text_of(iter, look->mac);
	look->has_mac |= strcmp(key, "mac") == 0;
	look->names |= strcmp(key, "names") == 0;
}

/* What is said of the record itself, and no part of its print. */
static void look_at_frame(struct mst_segment *segment, const char *key, const bson_iter_t *iter, struct mst_look *look)
{
	if (strcmp(key, "_key") == 0)
		look->key = text_of(iter, look->key);
	else if (!BSON_ITER_HOLDS_INT(iter))
		return;
	else if (strcmp(key, "seen") == 0 && look->seen == 0)
		look->seen = bson_iter_as_int64(iter);
	else if (strcmp(key, "_scope") == 0 && !look->scope &&
	         (uint64_t)bson_iter_as_int64(iter) < segment->scope_count)
		look->scope = &segment->scopes[bson_iter_as_int64(iter)];
}

static void look_at_field(struct mst_segment *segment, const bson_iter_t *iter, struct mst_buf *out,
                          struct mst_look *look)
{
	static const char *const whole[] = {"ip",          "ips",      "mac",     "names",       "nat_ip",
	                                    "instance_id", "eni",      "managed", "computer_id", "answered",
	                                    "timed_out",   "services", NULL};
	const char *key = bson_iter_key(iter);
	if (key[0] == '_' || key[0] == 's')
		look_at_frame(segment, key, iter, look);
	else if (key[0] == 'i' || key[0] == 'm' || key[0] == 'n')
		look_at_text(key, iter, look);
	else if (strcmp(key, "timed_out") == 0)
		look->timed_out |= BSON_ITER_HOLDS_BOOL(iter) && bson_iter_bool(iter);
	look->ports |= strcmp(key, "ports") == 0;
	if (strcmp(key, "os") == 0)
		put_os(out, iter, look);
	else if (strcmp(key, "ports") == 0)
		put_ports(out, iter);
	else if (is_one_of(key, whole))
		put_value(out, key, iter);
}

/* Once: the outcome of a scope whose records are folded stands. */
static int print_scope(struct mst_printer *printer, struct mst_segment_scope *scope, struct mst_err *err)
{
	struct mst_buf *out = &printer->scope;
	const char *tcp = scope->scope.tcp_ports, *udp = scope->scope.udp_ports;
	if (scope->print[0])
		return 0;
	bool complete = scope->outcome == MUSTER_OUTCOME_COMPLETE;
	mst_buf_reset(out);
	put(out, 'f', &scope->scope.facts, sizeof scope->scope.facts);
	put(out, 'c', complete ? "1" : "0", 1);
	put(out, 't', tcp ? tcp : "", tcp ? strlen(tcp) : 0);
	put(out, 'u', udp ? udp : "", udp ? strlen(udp) : 0);
	return make(printer, out, scope->print, err);
}

int mst_look(struct mst_segment *segment, const bson_t *record, struct mst_look *out, struct mst_err *err)
{
	struct mst_buf *text = &segment->printer->text;
	bson_iter_t iter;
	int code = 0;
	memset(out, 0, sizeof *out);
	mst_buf_reset(text);
	if (bson_iter_init(&iter, record))
		while (bson_iter_next(&iter))
			look_at_field(segment, &iter, text, out);
	struct mst_segment_scope *scope = out->scope;
	if (scope) {
		bool complete = scope->outcome == MUSTER_OUTCOME_COMPLETE && !out->timed_out;
		out->os |= !out->timed_out && (scope->scope.facts & MUSTER_FACT_OS);
		out->ports |= !out->timed_out && (scope->tcp || scope->udp);
		out->names |= complete && (scope->scope.facts & MUSTER_FACT_NAMES);
		code = print_scope(segment->printer, scope, err);
		put(text, 's', scope->print, strlen(scope->print));
		text->failed |= !scope->print[0];
	}
	return code != 0 ? code : make(segment->printer, text, out->print, err);
}
