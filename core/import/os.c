/* SPDX-License-Identifier: Apache-2.0 */
/* Words for operating systems, from what scanners and clouds call them. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "import/doc.h"
#include "import/merge.h"

void mst_os_platform(const char *family, char *out, size_t size)
{
	static const struct {
		const char *family, *platform;
	} words[] = {
	        {"mac os x", "macos"},      {"macos", "macos"},
	        {"os x", "macos"},          {"mac os", "macos"},
	        {"iphone os", "ios"},       {"sunos", "solaris"},
	        {"opensolaris", "solaris"}, {"microsoft windows", "windows"},
	};
	size_t len = 0;
	out[0] = '\0';
	if (!family)
		return;
	/* Nmap writes Cisco's system in capitals and Apple's as iOS. */
	if (strcmp(family, "IOS") == 0)
		family = "cisco-ios";
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(family, words[i].family) == 0)
			family = words[i].platform;
	mst_doc_cut(out, size, family);
	for (len = 0; out[len]; len++)
		out[len] = out[len] == ' ' ? '-' : (char)tolower((unsigned char)out[len]);
}

void mst_os_generation(const char *generation, char *out, size_t size)
{
	mst_doc_cut(out, size, generation);
	for (size_t i = 1; out[0] && out[i]; i++)
		if (out[i] == 'X' && out[i - 1] == '.')
			out[i] = 'x';
}
