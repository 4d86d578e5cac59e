/* SPDX-License-Identifier: Apache-2.0 */
/* What can be told of a plugin without running it: its dynamic symbols and how it was linked. */
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "plugin/contract.h"

#define FILE_MAX (64u << 20)
#define SYMBOL   "muster_plugin_v1"

struct image {
	const char *data;
	size_t len;
	ElfW(Ehdr) head;
};

/* Every read of the file is checked: it may be cut or made up. */
static bool take(const struct image *image, uint64_t offset, void *out, size_t size)
{
	if (offset > image->len || size > image->len - offset)
		return false;
	memcpy(out, image->data + offset, size);
	return true;
}

static bool section(const struct image *image, unsigned i, ElfW(Shdr) * out)
{
	return take(image, image->head.e_shoff + (uint64_t)i * image->head.e_shentsize, out, sizeof *out);
}

static bool find_section(const struct image *image, uint32_t type, ElfW(Shdr) * out)
{
	for (unsigned i = 0; i < image->head.e_shnum; i++)
		if (section(image, i, out) && out->sh_type == type)
			return true;
	return false;
}

static bool is_image(struct image *image)
{
	int native = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
	return take(image, 0, &image->head, sizeof image->head) && memcmp(image->head.e_ident, ELFMAG, SELFMAG) == 0 &&
	       image->head.e_ident[EI_CLASS] == native && image->head.e_type == ET_DYN;
}

/* A name from the string table, "" when it lies outside. */
static const char *name_at(const struct image *image, const ElfW(Shdr) * strings, uint32_t offset)
{
	uint64_t at = strings->sh_offset + offset;
	if (offset >= strings->sh_size || at >= image->len || !memchr(image->data + at, 0, image->len - at))
		return "";
	return image->data + at;
}

/* "muster_plugin_v1" or, for a plugin that can also be linked in, "NAME_LTX_muster_plugin_v1". */
static bool is_entry(const char *name)
{
	const char *tail = strstr(name, "_LTX_" SYMBOL);
	return strcmp(name, SYMBOL) == 0 || (tail && tail != name && strcmp(tail, "_LTX_" SYMBOL) == 0);
}

static void check_symbols(const struct image *image, mst_contract_fn fn, void *data)
{
	ElfW(Shdr) table, strings;
	char text[512];
	unsigned entries = 0;
	if (!find_section(image, SHT_DYNSYM, &table) || !section(image, table.sh_link, &strings)) {
		fn(data, "symbols", false, "the file has no table of dynamic symbols; link it with -shared");
		return;
	}
	for (uint64_t i = 1; i < table.sh_size / sizeof(ElfW(Sym)); i++) {
		ElfW(Sym) symbol;
		if (!take(image, table.sh_offset + i * sizeof symbol, &symbol, sizeof symbol))
			break;
		if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol.st_info) == STB_LOCAL)
			continue;
		const char *name = name_at(image, &strings, symbol.st_name);
		if (is_entry(name)) {
			entries++;
			continue;
		}
		snprintf(text, sizeof text,
		         "\"%.200s\" is exported as well; compile with -fvisibility=hidden so that only " SYMBOL " is",
		         name);
		fn(data, "symbols", false, text);
		return;
	}
	fn(data, "symbols", entries == 1,
	   entries == 1 ? "exactly " SYMBOL " is exported" : SYMBOL " is not exported; give it default visibility");
}

static void check_binding(const struct image *image, mst_contract_fn fn, void *data)
{
	ElfW(Shdr) table;
	bool now = false;
	for (uint64_t i = 0; find_section(image, SHT_DYNAMIC, &table) && i < table.sh_size / sizeof(ElfW(Dyn)); i++) {
		ElfW(Dyn) entry;
		if (!take(image, table.sh_offset + i * sizeof entry, &entry, sizeof entry) || entry.d_tag == DT_NULL)
			break;
		now |= entry.d_tag == DT_BIND_NOW || (entry.d_tag == DT_FLAGS && (entry.d_un.d_val & DF_BIND_NOW)) ||
		       (entry.d_tag == DT_FLAGS_1 && (entry.d_un.d_val & DF_1_NOW));
	}
	fn(data, "bind_now", now,
	   now ? "all symbols are bound at load"
	       : "it binds lazily, so that a missing function shows in the middle of a run; link with -Wl,-z,now");
}

static void check_stack(const struct image *image, mst_contract_fn fn, void *data)
{
	bool executable = true;
	for (unsigned i = 0; i < image->head.e_phnum; i++) {
		ElfW(Phdr) segment;
		if (take(image, image->head.e_phoff + (uint64_t)i * image->head.e_phentsize, &segment,
		         sizeof segment) &&
		    segment.p_type == PT_GNU_STACK)
			executable = (segment.p_flags & PF_X) != 0;
	}
	fn(data, "stack", !executable,
	   executable ? "it asks for an executable stack; link with -Wl,-z,noexecstack"
	              : "the stack is not executable");
}

void mst_contract_file(const char *path, mst_contract_fn fn, void *data)
{
	struct mst_buf bytes;
	struct mst_err err;
	mst_err_clear(&err);
	int status = mst_file_trusted(path, &err);
	fn(data, "path", status == MST_OK, status == MST_OK ? "only root and you can change the file" : err.text);
	mst_buf_init(&bytes, FILE_MAX);
	if (mst_file_read(path, FILE_MAX, &bytes, &err) != MST_OK) {
		fn(data, "file", false, err.text);
	} else {
		struct image image = {.data = mst_buf_text(&bytes), .len = bytes.len};
		if (is_image(&image)) {
			check_symbols(&image, fn, data);
			check_binding(&image, fn, data);
			check_stack(&image, fn, data);
		} else {
			fn(data, "file", false, "it is no shared object for this machine; compile with -shared -fPIC");
		}
	}
	mst_buf_free(&bytes);
}
