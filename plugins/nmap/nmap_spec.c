/* SPDX-License-Identifier: Apache-2.0 */
/* What `plan` hands to `run`: three lines, "nmap 1", "family=4 os=1", the addresses. */
#include "nmap.h"

#include <stdlib.h>
#include <string.h>

int nmap_spec_write(const struct nmap_spec *spec, struct nmap_buf *out)
{
	nmap_buf_printf(out, "nmap 1\nfamily=%d os=%d\n", spec->family, spec->os);
	nmap_buf_text(out, spec->addresses);
	nmap_buf_text(out, "\n");
	if (out->failed)
		return MUSTER_E_NO_MEMORY;
	return out->len > NMAP_SPEC_MAX ? MUSTER_E_LIMIT : MUSTER_OK;
}

int nmap_spec_read(struct muster_bytes bytes, struct nmap_spec *out)
{
	static const char *const heads[] = {
	        "nmap 1\nfamily=4 os=0\n",
	        "nmap 1\nfamily=4 os=1\n",
	        "nmap 1\nfamily=6 os=0\n",
	        "nmap 1\nfamily=6 os=1\n",
	};
	size_t head_len = strlen(heads[0]);
	memset(out, 0, sizeof(*out));
	if (bytes.length <= head_len + 1 || bytes.length > NMAP_SPEC_MAX)
		return MUSTER_E_CORRUPT;
	const char *text = bytes.data;
	for (int i = 0; i < 4 && out->family == 0; i++)
		if (memcmp(text, heads[i], head_len) == 0) {
			out->family = i < 2 ? 4 : 6;
			out->os = i % 2;
		}
	size_t len = bytes.length - head_len;
	if (out->family == 0 || text[bytes.length - 1] != '\n' || memchr(text + head_len, '\0', len))
		return MUSTER_E_CORRUPT;
	out->addresses = strndup(text + head_len, len - 1);
	return out->addresses ? MUSTER_OK : MUSTER_E_NO_MEMORY;
}

void nmap_spec_free(struct nmap_spec *spec)
{
	free(spec->addresses);
	spec->addresses = NULL;
}
