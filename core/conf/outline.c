/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outline.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "conf/word.h"

#define DEPTH_MAX 4
#define KEY_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
/* What may stand without quotes: words, numbers, durations, addresses, paths. */
#define WORD_CHARS  KEY_CHARS ".:/@%"
#define KEY_MAX_LEN 64u

struct cutter {
	const char *p;
	int line;
	const char *file;
	struct mst_faults *faults;
	bool no_memory, in_list;
};

static void fault(struct cutter *cutter, int line, const char *text)
{
	mst_faults_add(cutter->faults, cutter->file, line, "%s", text);
}

static void skip_long_comment(struct cutter *cutter)
{
	const char *end = strstr(cutter->p + 2, "*/");
	int line = cutter->line;

	if (end == NULL)
		fault(cutter, line, "the comment is never closed: end it with */");
	for (; *cutter->p != '\0' && cutter->p != end; cutter->p++)
		cutter->line += *cutter->p == '\n';
	if (end != NULL)
		cutter->p += 2;
}

/* Blanks, line ends and comments. */
static void skip_space(struct cutter *cutter)
{
	for (;;) {
		const char *p = cutter->p;

		if (*p == '\n') {
			cutter->line++;
			cutter->p++;
		} else if (*p == ' ' || *p == '\t' || *p == '\r') {
			cutter->p++;
		} else if (*p == '#' || (p[0] == '/' && p[1] == '/')) {
			cutter->p += strcspn(p, "\n");
		} else if (p[0] == '/' && p[1] == '*') {
			skip_long_comment(cutter);
		} else {
			return;
		}
	}
}

/* After a fault: go on behind the list that it was in, else at the next line, or at the } that closes the section. */
static void recover(struct cutter *cutter)
{
	bool list = cutter->in_list;
	int open = list ? 1 : 0;

	cutter->in_list = false;
	for (; *cutter->p != '\0'; cutter->p++) {
		char c = *cutter->p;

		if (c == '"' || c == '\'') {
			const char *end = cutter->p + 1 + strcspn(cutter->p + 1, c == '"' ? "\"\n" : "'\n");

			cutter->p = *end == c ? end : cutter->p;
		} else if (c == '#') {
			cutter->p += strcspn(cutter->p, "\n") - 1;
		} else if (c == '\n') {
			if (open == 0)
				return;
			cutter->line++;
		} else if (c == '{') {
			open++;
		} else if (c == '}' && open-- == 0) {
			return;
		} else if (c == '}' && open == 0 && list) {
			cutter->p++;
			return;
		}
	}
}

static const char *escape_fault(char c)
{
	if ((c >= '0' && c <= '9') || c == 'x')
		return "a text has a numeric escape such as \\0 or \\x41: write the character itself, or \\\\ for a backslash";
	return strchr("nrbfaetv", c) != NULL && c != '\0'
	               ? "a text has an escape for a control character, such as \\n: remove it, or write \\\\ for a backslash"
	               : NULL;
}

/* One character of a text, escapes and "${" included, to libConfuse's spelling. NULL or a fault. */
static const char *copy_char(struct cutter *cutter, char quote, struct mst_buf *out)
{
	const char *p = cutter->p, *text;

	if (p[0] == '\\' && p[1] != '\0') {
		text = quote == '"' ? escape_fault(p[1]) : NULL;
		if (text != NULL)
			return text;
		/* a backslash at the end of a line joins it with the next one; gone here, so that libConfuse sees one line */
		if (p[1] == '\n')
			cutter->line++;
		else
			mst_buf_add(out, p, 2);
		cutter->p += 2;
		return NULL;
	}
	if (quote == '"' && p[0] == '$' && p[1] == '{')
		mst_buf_char(out, '\\');
	mst_buf_char(out, *p);
	cutter->p++;
	return NULL;
}

/* An unclosed text swallowed the rest of its line. The } at the end of the line were meant to close list and section. */
static void back_to_braces(struct cutter *cutter)
{
	while (cutter->p[-1] == '}' || cutter->p[-1] == ' ' || cutter->p[-1] == '\t' || cutter->p[-1] == '\r')
		cutter->p--;
	cutter->p += strspn(cutter->p, " \t\r");
	if (cutter->in_list && *cutter->p == '}')
		cutter->p++;
	cutter->in_list = false;
}

/* A quoted text, quotes included. */
static bool copy_text(struct cutter *cutter, struct mst_buf *out)
{
	char quote = *cutter->p;
	const char *text = NULL;

	mst_buf_char(out, quote);
	cutter->p++;
	while (text == NULL && *cutter->p != quote) {
		if (*cutter->p == '\0' || *cutter->p == '\n')
			text = "a text is not closed on its line: end it with its quote";
		else
			text = copy_char(cutter, quote, out);
	}
	if (text != NULL) {
		if (*cutter->p == '\n' || *cutter->p == '\0')
			back_to_braces(cutter);
		fault(cutter, cutter->line, text);
		return false;
	}
	mst_buf_char(out, quote);
	cutter->p++;
	if (*cutter->p == '\0' || strchr(" \t\r\n,{}#/", *cutter->p) != NULL)
		return true;
	fault(cutter, cutter->line,
	      "a text ends before its last character: write \\\" for a quote inside, and a blank after the text");
	return false;
}

static bool copy_word(struct cutter *cutter, struct mst_buf *out)
{
	size_t len = strspn(cutter->p, WORD_CHARS);
	const char *p = cutter->p, *slashes = strstr(p, "//");
	bool ends = p[len] == '\0' || strchr(" \t\r\n,{}#\"'", p[len]) != NULL;

	if (len == 0 || !ends || (slashes != NULL && slashes < p + len)) {
		fault(cutter, cutter->line,
		      len == 0 ? "a value is missing or not in quotes: write key = \"value\""
		               : "a value has characters that need quotes: write key = \"value\"");
		return false;
	}
	mst_buf_add(out, p, len);
	cutter->p += len;
	return true;
}

static bool copy_scalar(struct cutter *cutter, struct mst_buf *out)
{
	return *cutter->p == '"' || *cutter->p == '\'' ? copy_text(cutter, out) : copy_word(cutter, out);
}

static bool list_fault(struct cutter *cutter, int line, const char *text)
{
	fault(cutter, line, text);
	return false;
}

/* The next value of `item` begins here. Capacity is the next power of two. */
static void note_line(struct cutter *cutter, struct mst_outline *item)
{
	size_t n = item->line_count;
	int *lines = item->lines;

	if ((n & (n - 1)) == 0)
		lines = reallocarray(lines, n == 0 ? 1 : n * 2, sizeof(*lines));
	if (lines == NULL) {
		cutter->no_memory = true;
		return;
	}
	item->lines = lines;
	lines[item->line_count++] = cutter->line;
}

int mst_outline_line(const struct mst_outline *item, size_t n)
{
	return n < item->line_count ? item->lines[n] : item->line;
}

static bool copy_list(struct cutter *cutter, struct mst_outline *item, struct mst_buf *out)
{
	int line = cutter->line;

	cutter->in_list = true;
	mst_buf_char(out, *cutter->p++);
	skip_space(cutter);
	while (*cutter->p != '}') {
		if (*cutter->p == '\0')
			return list_fault(cutter, line, "a list is not closed: end it with }");
		note_line(cutter, item);
		if (!copy_scalar(cutter, out))
			return false;
		skip_space(cutter);
		if (*cutter->p == '}' || *cutter->p == '\0')
			continue;
		if (*cutter->p != ',')
			return list_fault(cutter, cutter->line,
			                  "a list has two values without a comma between: write {\"a\", \"b\"}");
		mst_buf_str(out, ", ");
		cutter->p++;
		skip_space(cutter);
		if (*cutter->p == '}')
			return list_fault(cutter, cutter->line, "a list ends in a comma: remove the comma");
	}
	mst_buf_char(out, *cutter->p++);
	cutter->in_list = false;
	return true;
}

static bool read_value(struct cutter *cutter, struct mst_outline *item)
{
	struct mst_buf out;
	bool ok;

	mst_buf_init(&out, MST_MAX_CONF_FILE * 2);
	mst_buf_printf(&out, "%s = ", item->key);
	skip_space(cutter);
	if (*cutter->p == '{') {
		ok = copy_list(cutter, item, &out);
	} else {
		note_line(cutter, item);
		ok = copy_scalar(cutter, &out);
	}
	cutter->no_memory |= out.failed;
	if (ok)
		item->statement = mst_buf_take(&out);
	mst_buf_free(&out);
	return ok && item->statement != NULL;
}

/* Title of a section: a quoted text or a word. Escapes have no use in names and are not undone. */
static bool read_title(struct cutter *cutter, struct mst_outline *item)
{
	struct mst_buf out;
	bool quoted = *cutter->p == '"' || *cutter->p == '\'', ok;
	const char *text;

	mst_buf_init(&out, MST_MAX_CONF_FILE * 2);
	ok = copy_scalar(cutter, &out);
	text = mst_buf_text(&out);
	if (ok && !out.failed)
		item->title = quoted ? mst_str_dupn(text + 1, out.len - 2) : mst_str_dup(text);
	cutter->no_memory |= ok && item->title == NULL;
	mst_buf_free(&out);
	return ok && item->title != NULL;
}

static struct mst_outline *add_item(struct cutter *cutter, struct mst_outline *parent)
{
	struct mst_outline *items = parent->items;

	/* capacity is the next power of two: grow when the count is one */
	if ((parent->count & (parent->count - 1)) == 0) {
		items = reallocarray(items, parent->count == 0 ? 1 : parent->count * 2, sizeof(*items));
		if (items == NULL) {
			cutter->no_memory = true;
			return NULL;
		}
		parent->items = items;
	}
	memset(&items[parent->count], 0, sizeof(*items));
	return &items[parent->count++];
}

static bool read_key(struct cutter *cutter, struct mst_outline *item)
{
	size_t len = strspn(cutter->p, KEY_CHARS);

	item->line = cutter->line;
	if (len == 0 || len > KEY_MAX_LEN) {
		fault(cutter, cutter->line,
		      *cutter->p == '}' ? "a } closes nothing: remove it"
		      : len == 0        ? "a key is expected here: write key = \"value\" or section { ... }"
		                        : "a key is longer than 64 characters");
		return false;
	}
	item->key = mst_str_dupn(cutter->p, len);
	cutter->no_memory |= item->key == NULL;
	cutter->p += len;
	return item->key != NULL;
}

static void read_items(struct cutter *cutter, struct mst_outline *parent, int depth);

static bool read_section(struct cutter *cutter, struct mst_outline *item, int depth)
{
	if (depth >= DEPTH_MAX) {
		fault(cutter, cutter->line,
		      "sections are nested too deeply: a method's section inside a profile is the deepest");
		return false;
	}
	cutter->p++;
	read_items(cutter, item, depth + 1);
	if (*cutter->p != '}') {
		mst_faults_add(cutter->faults, cutter->file, item->line, "section %s is not closed: end it with }",
		               item->key);
		return true;
	}
	cutter->p++;
	return true;
}

static bool read_item(struct cutter *cutter, struct mst_outline *item, int depth)
{
	if (!read_key(cutter, item))
		return false;
	skip_space(cutter);
	item->append = cutter->p[0] == '+' && cutter->p[1] == '=';
	if (item->append || *cutter->p == '=') {
		cutter->p += item->append ? 2 : 1;
		return read_value(cutter, item);
	}
	if (*cutter->p != '{' && *cutter->p != '}' && *cutter->p != '\0' && !read_title(cutter, item))
		return false;
	skip_space(cutter);
	if (*cutter->p == '{')
		return read_section(cutter, item, depth);
	/* the word itself is not shown: after a quote too many it may be the rest of a secret */
	fault(cutter, item->line, "a word is followed by neither = nor {: write key = \"value\" or section { ... }");
	return false;
}

static void outline_clear(struct mst_outline *outline)
{
	free(outline->key);
	free(outline->title);
	free(outline->statement);
	free(outline->lines);
	for (size_t i = 0; i < outline->count; i++)
		outline_clear(&outline->items[i]);
	free(outline->items);
	memset(outline, 0, sizeof(*outline));
}

/* Up to the end of the text or the } that closes the parent. */
static void read_items(struct cutter *cutter, struct mst_outline *parent, int depth)
{
	for (;;) {
		struct mst_outline *item;

		skip_space(cutter);
		if (*cutter->p == '\0' || (*cutter->p == '}' && depth > 0) || cutter->no_memory)
			return;
		item = add_item(cutter, parent);
		if (item == NULL || read_item(cutter, item, depth))
			continue;
		outline_clear(item);
		parent->count--;
		if (*cutter->p == '}' && depth == 0)
			cutter->p++;
		else
			recover(cutter);
	}
}

int mst_outline_read(struct mst_outline *out, const char *file, const char *text, size_t len, struct mst_faults *faults,
                     struct mst_err *err)
{
	struct cutter cutter = {.p = text, .line = 1, .file = file, .faults = faults};
	size_t clean = strlen(text);

	memset(out, 0, sizeof(*out));
	if (clean < len) {
		int line = 1;

		for (size_t i = 0; i < clean; i++)
			line += text[i] == '\n';
		mst_faults_add(faults, file, line, "the file contains a NUL byte: it is no text file");
		return MST_OK;
	}
	read_items(&cutter, out, 0);
	if (!cutter.no_memory)
		return MST_OK;
	mst_outline_free(out);
	return mst_err_no_memory(err);
}

void mst_outline_free(struct mst_outline *outline)
{
	outline_clear(outline);
}
