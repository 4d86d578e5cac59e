/* SPDX-License-Identifier: Apache-2.0 */
/* What filters, sorts and listings may name. */
#include <muster/plugin.h>
#include <stdbool.h>
#include <string.h>

#include "conf/word.h"
#include "store/filter_internal.h"

#define SHOWN MUSTER_FIELD_DEFAULT

#define MST_INTERFACE_STATES "managed,unmanaged,unmanageable,ignored,lost"
#define MST_IDENTITIES       "mac,ip,eni,agent"
#define MST_RUN_STATES       "planning,running,importing,done"
#define MST_RUN_OUTCOMES     "complete,partial,failed"
#define MST_RUN_KINDS        "scan,import"

static const struct mst_column interface_columns[] = {
        {"id", "number", "ID", "Short id; names the interface everywhere", MUSTER_FIELD_INT, SHOWN, NULL, NULL},
        {"state", "state", "STATE", "managed, unmanaged, unmanageable, ignored or lost", MUSTER_FIELD_TEXT, SHOWN, NULL,
         MST_INTERFACE_STATES},
        {"state_reason", "state_reason", "REASON", "Why it is in this state", MUSTER_FIELD_TEXT, 0, NULL, NULL},
        {"identity", "identity", "IDENTITY", "By what it is recognised: mac, ip, eni or agent", MUSTER_FIELD_TEXT, 0,
         NULL, MST_IDENTITIES},
        {"ip", "ip", "IP", "Address; takes ranges: ip=10.0.0.0/8", MUSTER_FIELD_ADDRESS, SHOWN, NULL, NULL},
        {"ips", "ips", "IPS", "All its addresses", MUSTER_FIELD_LIST, 0, NULL, NULL},
        {"nat_ip", "nat_ip", "NAT IP", "Address as seen from outside", MUSTER_FIELD_ADDRESS, SHOWN, "ec2,tanium", NULL},
        {"zone", "zone", "ZONE", "Network in which the address is unique", MUSTER_FIELD_TEXT, SHOWN, NULL, NULL},
        {"hostname", "hostname", "NAME", "Host name", MUSTER_FIELD_TEXT, SHOWN, NULL, NULL},
        {"hostnames", "hostnames", "NAMES", "All its names", MUSTER_FIELD_LIST, 0, NULL, NULL},
        {"mac", "mac", "MAC", "Hardware address", MUSTER_FIELD_TEXT, SHOWN, NULL, NULL},
        {"vendor", "vendor", "VENDOR", "Maker, by the hardware address", MUSTER_FIELD_TEXT, SHOWN, NULL, NULL},
        {"os_platform", "os_platform", "OS", "Operating system: windows, linux, macos, ...", MUSTER_FIELD_TEXT, SHOWN,
         NULL, NULL},
        {"os_generation", "os_generation", "OS GEN", "Its generation; empty while managed", MUSTER_FIELD_TEXT, 0, NULL,
         NULL},
        {"os_accuracy", "os_accuracy", "OS %", "How sure the guess of the operating system is, in percent",
         MUSTER_FIELD_INT, 0, NULL, NULL},
        {"ports", "ports", "PORTS", "Open ports: 22, 53/udp; takes ranges: port=8000-8010", MUSTER_FIELD_LIST, SHOWN,
         "nmap", NULL},
        {"distance", "distance", "HOPS", "Network hops to it", MUSTER_FIELD_INT, 0, NULL, NULL},
        {"labels", "labels", "LABELS", "Labels", MUSTER_FIELD_LIST, 0, NULL, NULL},
        {"location", "location", "LOCATION", "Place, by the address", MUSTER_FIELD_TEXT, 0, NULL, NULL},
        {"computer_id", "computer_id", "COMPUTER", "Id of its management agent", MUSTER_FIELD_TEXT, SHOWN, "tanium",
         NULL},
        {"first_seen", "first_seen", "FIRST SEEN", "When it was first seen", MUSTER_FIELD_TIME, 0, NULL, NULL},
        {"last_seen", "last_seen", "SEEN", "When it was last seen: last_seen<7d is within 7 days", MUSTER_FIELD_TIME,
         SHOWN, NULL, NULL},
        {"last_discovered", "last_discovered", "DISCOVERED", "When a scan last found it", MUSTER_FIELD_TIME, 0, NULL,
         NULL},
        {"first_managed", "first_managed", "FIRST MANAGED", "When it was first managed", MUSTER_FIELD_TIME, 0, NULL,
         NULL},
        {"last_managed", "last_managed", "LAST MANAGED", "When it was last managed", MUSTER_FIELD_TIME, 0, NULL, NULL},
        {"created", "created", "CREATED", "When its document was made", MUSTER_FIELD_TIME, 0, NULL, NULL},
        {"updated", "updated", "UPDATED", "When its document last changed", MUSTER_FIELD_TIME, 0, NULL, NULL},
        {"note", "note", "NOTE", "What Muster remarks about it", MUSTER_FIELD_TEXT, 0, NULL, NULL},
        {"os_note", "os_note", "OS NOTE", "Why no operating system is known", MUSTER_FIELD_TEXT, 0, NULL, NULL},
        {"created_run", "created_run", "CREATED BY RUN", "Run that found it first: created_run=7", MUSTER_FIELD_TEXT,
         MST_COLUMN_RUN, NULL, NULL},
        {"changed_run", "changed_run", "CHANGED BY RUN", "Last run that changed it: changed_run=7", MUSTER_FIELD_TEXT,
         MST_COLUMN_RUN, NULL, NULL},
        {"lost_run", "lost_run", "LOST BY RUN", "Run that found it lost: lost_run=7", MUSTER_FIELD_TEXT, MST_COLUMN_RUN,
         NULL, NULL},
        {"change", "change", "CHANGE", "What changed last: ports +8443 -8080", MUSTER_FIELD_TEXT, 0, NULL, NULL},
        {"methods", "methods", "BY", "Methods that saw it", MUSTER_FIELD_LIST, SHOWN, NULL, NULL},
        {"profiles", "profiles", "PROFILES", "Profiles that saw it", MUSTER_FIELD_LIST, 0, NULL, NULL},
};

static const struct mst_column run_columns[] = {
        {"number", "number", "RUN", "Number; names the run everywhere", MUSTER_FIELD_INT, SHOWN, NULL, NULL},
        {"profile", "profile", "PROFILE", "Profile it came from", MUSTER_FIELD_TEXT, SHOWN, NULL, NULL},
        {"method", "method", "METHOD", "Method", MUSTER_FIELD_TEXT, SHOWN, NULL, NULL},
        {"zone", "zone", "ZONE", "Zone", MUSTER_FIELD_TEXT, SHOWN, NULL, NULL},
        {"kind", "kind", "KIND", "scan or import", MUSTER_FIELD_TEXT, 0, NULL, MST_RUN_KINDS},
        {"state", "state", "STATE", "planning, running, importing or done", MUSTER_FIELD_TEXT, SHOWN, NULL,
         MST_RUN_STATES},
        {"outcome", "outcome", "OUTCOME", "complete, partial or failed", MUSTER_FIELD_TEXT, SHOWN, NULL,
         MST_RUN_OUTCOMES},
        {"text", "text", "WHY", "Why it ended so", MUSTER_FIELD_TEXT, 0, NULL, NULL},
        {"by", "by", "BY", "Who started it", MUSTER_FIELD_TEXT, 0, NULL, NULL},
        {"created", "created", "CREATED", "When it was asked for", MUSTER_FIELD_TIME, 0, NULL, NULL},
        {"started", "started", "STARTED", "When it started", MUSTER_FIELD_TIME, SHOWN, NULL, NULL},
        {"ended", "ended", "ENDED", "When it ended", MUSTER_FIELD_TIME, SHOWN, NULL, NULL},
        {"addresses", "addresses", "ADDRESSES", "Addresses that it covers, after exclusions", MUSTER_FIELD_INT, SHOWN,
         NULL, NULL},
        {"shards", "shards", "SHARDS", "Parts that it is divided into", MUSTER_FIELD_INT, 0, NULL, NULL},
        {"shards_done", "shards_done", "DONE", "Parts that have ended", MUSTER_FIELD_INT, 0, NULL, NULL},
        {"up", "up", "UP", "Addresses that answered", MUSTER_FIELD_INT, SHOWN, NULL, NULL},
        {"with_os", "with_os", "WITH OS", "Interfaces with an operating system", MUSTER_FIELD_INT, 0, NULL, NULL},
        {"new", "new", "NEW", "Interfaces found for the first time", MUSTER_FIELD_INT, SHOWN, NULL, NULL},
        {"changed", "changed", "CHANGED", "Interfaces that changed", MUSTER_FIELD_INT, SHOWN, NULL, NULL},
        {"lost", "lost", "LOST", "Interfaces lost by it", MUSTER_FIELD_INT, SHOWN, NULL, NULL},
        {"unchanged", "unchanged", "UNCHANGED", "Interfaces seen again as they were", MUSTER_FIELD_INT, 0, NULL, NULL},
};

const struct mst_column *mst_interface_columns(size_t *count)
{
	*count = sizeof interface_columns / sizeof interface_columns[0];
	return interface_columns;
}

const struct mst_column *mst_run_columns(size_t *count)
{
	*count = sizeof run_columns / sizeof run_columns[0];
	return run_columns;
}

const struct mst_column *mst_column_find(const struct mst_column *columns, size_t count, const char *name,
                                         size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(columns[i].name) == length && memcmp(columns[i].name, name, length) == 0)
			return &columns[i];
	for (size_t i = 0; i < count; i++) {
		size_t whole = strlen(columns[i].name);
		if (columns[i].type == MUSTER_FIELD_LIST && whole == length + 1 && columns[i].name[length] == 's' &&
		    memcmp(columns[i].name, name, length) == 0)
			return &columns[i];
	}
	return NULL;
}

int mst_column_unknown(const struct mst_column *columns, size_t count, const char *what, size_t position,
                       const char *word, struct mst_err *err)
{
	struct mst_nearest nearest;
	char shown[MST_SHOWN];
	const char *best;

	mst_nearest_init(&nearest, word);
	for (size_t i = 0; i < count; i++)
		mst_nearest_try(&nearest, columns[i].name);
	best = mst_nearest_best(&nearest);
	mst_conf_show(word, shown);
	return mst_err_set(err, MST_E_USAGE, "%s: at %zu: there is no column \"%s\"%s%s%s; --columns lists them", what,
	                   position, shown, best ? ", did you mean \"" : "", best ? best : "", best ? "\"?" : "");
}

const struct mst_column *mst_column_named(const struct mst_column *columns, size_t count, const char *name,
                                          const char *what, struct mst_err *err)
{
	const struct mst_column *column = mst_column_find(columns, count, name, strlen(name));

	if (!column)
		(void)mst_column_unknown(columns, count, what, 1, name, err);
	return column;
}

const char *mst_column_key(const struct mst_column *column)
{
	return strcmp(column->field, "ip") == 0 ? "ip_key" : column->field;
}

bool mst_column_shown(const struct mst_column *column, const char *const *methods, size_t method_count)
{
	if (!(column->flags & MUSTER_FIELD_DEFAULT))
		return false;
	if (!column->methods)
		return true;
	for (size_t i = 0; i < method_count; i++) {
		size_t length = strlen(methods[i]);
		for (const char *at = column->methods; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
			if (strcspn(at, ",") == length && memcmp(at, methods[i], length) == 0)
				return true;
	}
	return false;
}
