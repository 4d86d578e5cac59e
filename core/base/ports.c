/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/addr.h"
#include "base/str.h"

#define LAST_PORT 65535u
/* "65535-65535" is the longest good item; the rest is for the error text. */
#define MAX_ITEM 64u

bool mst_ports_has(const struct mst_ports *ports, unsigned port)
{
	return port <= LAST_PORT && (ports->bits[port / 8] >> (port % 8) & 1) != 0;
}

void mst_ports_set(struct mst_ports *ports, unsigned port)
{
	if (port >= 1 && port <= LAST_PORT)
		ports->bits[port / 8] |= (uint8_t)(1u << (port % 8));
}

static bool parse_port(const char *text, uint64_t *out)
{
	return *text != '0' && mst_str_uint(text, LAST_PORT, out);
}

static bool add_item(struct mst_ports *ports, char *item)
{
	char *dash = strchr(item, '-');
	uint64_t first, last;

	if (dash != NULL)
		*dash = '\0';
	if (!parse_port(item, &first))
		return false;
	last = first;
	if (dash != NULL) {
		*dash = '-';
		if (!parse_port(dash + 1, &last) || last < first)
			return false;
	}
	for (uint64_t port = first; port <= last; port++)
		mst_ports_set(ports, (unsigned)port);
	return true;
}

static int bad_item(struct mst_err *err, const char *item)
{
	struct mst_buf shown;
	int code;

	mst_buf_init(&shown, MAX_ITEM * 8);
	mst_str_escape_terminal(&shown, item);
	code = mst_err_set(err, MST_E_USAGE,
	                   "\"%.80s\" is not a port or range of ports: write 22,80,8000-8100 (1 to 65535)",
	                   mst_buf_text(&shown));
	mst_buf_free(&shown);
	return code;
}

int mst_ports_parse(struct mst_ports *ports, const char *text, struct mst_err *err)
{
	struct mst_ports made = {{0}};
	struct mst_buf item;
	int status = MST_OK;

	mst_buf_init(&item, MAX_ITEM);
	while (status == MST_OK && mst_str_next_item(&text, ',', &item)) {
		if (item.code == MST_E_NO_MEMORY)
			status = mst_err_no_memory(err);
		else if (item.failed)
			status = bad_item(err, "(a very long item)");
		else if (item.len == 0 || !add_item(&made, item.data))
			status = bad_item(err, mst_buf_text(&item));
	}
	mst_buf_free(&item);
	if (status == MST_OK)
		*ports = made;
	return status;
}

int mst_ports_text(const struct mst_ports *ports, struct mst_buf *out)
{
	const char *comma = "";

	for (unsigned port = 1; port <= LAST_PORT; port++) {
		unsigned first = port;

		if (!mst_ports_has(ports, port))
			continue;
		while (mst_ports_has(ports, port + 1))
			port++;
		mst_buf_printf(out, "%s%u", comma, first);
		if (port > first)
			mst_buf_printf(out, "-%u", port);
		comma = ",";
	}
	return out->failed ? MST_E_LIMIT : MST_OK;
}

unsigned mst_ports_count(const struct mst_ports *ports)
{
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(ports->bits); i++)
		count += (unsigned)__builtin_popcount(ports->bits[i]);
	return count;
}
