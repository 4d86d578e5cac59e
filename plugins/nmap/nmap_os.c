/* SPDX-License-Identifier: Apache-2.0 */
/* Operating systems as Nmap guesses them. Files before Nmap 6 have the classes beside the matches, not within. */
#include "nmap_xml.h"

#include <string.h>

/* Nmap's families under the names that Muster's states and labels use. */
static const struct {
	const char *family, *platform;
} platforms[] = {
        {"Windows", "windows"},     {"Linux", "linux"},   {"Mac OS X", "macos"},
        {"macOS", "macos"},         {"OS X", "macos"},    {"Solaris", "solaris"},
        {"OpenSolaris", "solaris"}, {"SunOS", "solaris"}, {"AIX", "aix"},
};

static int is(const char *text, size_t len, const char *wanted)
{
	return len == strlen(wanted) && memcmp(text, wanted, len) == 0;
}

const char *nmap_os_platform(struct nmap_arena *arena, const char *family, size_t len, const char *vendor,
                             size_t vendor_len)
{
	for (size_t i = 0; i < sizeof(platforms) / sizeof(platforms[0]); i++)
		if (is(family, len, platforms[i].family))
			return platforms[i].platform;
	/* In lower case Cisco's IOS and Apple's iOS would be one. */
	if (is(family, len, "IOS") && vendor && is(vendor, vendor_len, "Cisco"))
		return "cisco-ios";
	char *out = nmap_arena_text(arena, family, len, NMAP_MAX_TEXT, 0);
	for (char *at = out; at && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	return out;
}

static const char *copy(struct nmap_collect *collect, const struct nmap_attrs *attrs, const char *name)
{
	size_t len;
	const char *value = nmap_attr(attrs, name, &len);
	return value && len > 0 ? nmap_arena_text(&collect->arena, value, len, NMAP_MAX_TEXT, 0) : NULL;
}

static int accuracy_of(const struct nmap_attrs *attrs)
{
	char text[8];
	size_t len;
	const char *value = nmap_attr(attrs, "accuracy", &len);
	if (!value || len >= sizeof(text))
		return 0;
	memcpy(text, value, len);
	text[len] = '\0';
	int64_t number = nmap_number(text, 100);
	return number > 0 ? (int)number : 0;
}

static void open_match(struct nmap_collect *collect, const struct nmap_attrs *attrs)
{
	struct nmap_host *host = &collect->host;
	struct nmap_match **at = &host->matches;
	while (*at)
		at = &(*at)->next;
	struct nmap_match *match = nmap_arena_alloc(&collect->arena, sizeof(*match));
	if (!match)
		return;
	match->name = copy(collect, attrs, "name");
	match->accuracy = accuracy_of(attrs);
	*at = match;
	host->match_count++;
}

static void open_class(struct nmap_collect *collect, struct nmap_class **list, const struct nmap_attrs *attrs)
{
	size_t family_len, vendor_len;
	const char *family = nmap_attr(attrs, "osfamily", &family_len);
	const char *vendor = nmap_attr(attrs, "vendor", &vendor_len);
	struct nmap_class *item = NULL;
	if (family && family_len > 0 && collect->host.class_count < NMAP_MAX_CLASSES)
		item = nmap_arena_alloc(&collect->arena, sizeof(*item));
	if (!item)
		return;
	item->platform = nmap_os_platform(&collect->arena, family, family_len, vendor, vendor_len);
	item->vendor = copy(collect, attrs, "vendor");
	item->generation = copy(collect, attrs, "osgen");
	item->type = copy(collect, attrs, "type");
	item->accuracy = accuracy_of(attrs);
	while (*list)
		list = &(*list)->next;
	*list = item;
	collect->host.class_count++;
}

void nmap_os_open(struct nmap_collect *collect, enum nmap_element element, const struct nmap_attrs *attrs)
{
	struct nmap_host *host = &collect->host;
	size_t len;
	const char *state;
	switch (element) {
	case NMAP_OS:
		host->os_asked = 1;
		break;
	case NMAP_PORTUSED:
		state = nmap_attr(attrs, "state", &len);
		if (state && is(state, len, "open"))
			host->os_open = 1;
		if (state && is(state, len, "closed"))
			host->os_closed = 1;
		break;
	case NMAP_OSMATCH:
		/* One more than is kept, so that the last kept one does not take the classes of those left out. */
		if (host->match_count <= NMAP_MAX_MATCHES)
			open_match(collect, attrs);
		break;
	case NMAP_OSCLASS: {
		struct nmap_match *match = host->matches;
		while (match && match->next)
			match = match->next;
		if (match)
			open_class(collect, &match->classes, attrs);
		break;
	}
	case NMAP_OLD_OSCLASS:
		open_class(collect, &host->classes, attrs);
		break;
	case NMAP_OSFINGERPRINT:
		host->os_fingerprint = 1;
		break;
	default:
		break;
	}
}
