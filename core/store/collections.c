/* SPDX-License-Identifier: Apache-2.0 */
#include "store/collections.h"

#include <string.h>

#define TEXT(name)                                                                                                     \
	{                                                                                                              \
		name, NULL, MUSTER_FIELD_TEXT, 0, NULL                                                                 \
	}
#define INT(name)                                                                                                      \
	{                                                                                                              \
		name, NULL, MUSTER_FIELD_INT, 0, NULL                                                                  \
	}
#define BOOL(name)                                                                                                     \
	{                                                                                                              \
		name, NULL, MUSTER_FIELD_BOOL, 0, NULL                                                                 \
	}
#define TIME(name)                                                                                                     \
	{                                                                                                              \
		name, NULL, MUSTER_FIELD_TIME, 0, NULL                                                                 \
	}
#define ADDRESS(name)                                                                                                  \
	{                                                                                                              \
		name, NULL, MUSTER_FIELD_ADDRESS, 0, NULL                                                              \
	}
#define LIST(name)                                                                                                     \
	{                                                                                                              \
		name, NULL, MUSTER_FIELD_LIST, 0, NULL                                                                 \
	}
#define OBJECT(name)                                                                                                   \
	{                                                                                                              \
		name, NULL, MUSTER_FIELD_OBJECT, 0, NULL                                                               \
	}
#define INDEX(name, fields)                                                                                            \
	{                                                                                                              \
		name, fields, 0, 0                                                                                     \
	}
#define UNIQUE(name, fields)                                                                                           \
	{                                                                                                              \
		name, fields, MUSTER_INDEX_UNIQUE, 0                                                                   \
	}

static const struct muster_field interface_fields[] = {
        INT("number"),
        TEXT("state"),
        TEXT("state_reason"),
        TEXT("identity"),
        TEXT("zone"),
        ADDRESS("ip"),
        TEXT("ip_key"),
        LIST("ips"),
        ADDRESS("nat_ip"),
        TEXT("mac"),
        TEXT("vendor"),
        TEXT("hostname"),
        LIST("hostnames"),
        TEXT("os_platform"),
        TEXT("os_generation"),
        INT("os_accuracy"),
        LIST("ports"),
        LIST("services"),
        INT("distance"),
        LIST("methods"),
        LIST("profiles"),
        TEXT("location"),
        LIST("labels"),
        LIST("manual_labels"),
        BOOL("ignored"),
        TEXT("computer_id"),
        TIME("first_seen"),
        TIME("last_seen"),
        TIME("last_discovered"),
        TIME("first_managed"),
        TIME("last_managed"),
        TIME("created"),
        TIME("updated"),
        TEXT("note"),
        TEXT("os_note"),
        TEXT("created_run"),
        TEXT("changed_run"),
        TEXT("change"),
        TEXT("lost_run"),
        TEXT("unsettled_run"),
};
/* Listings come by address: what they are usually filtered by has the address behind it, so that a page needs no sorting. */
static const struct muster_index interface_indexes[] = {
        UNIQUE("number", "number"),
        INDEX("address", "zone,ip_key"),
        INDEX("ip_key", "ip_key"),
        INDEX("mac", "mac"),
        INDEX("hostname", "hostname"),
        INDEX("state_address", "state,ip_key"),
        INDEX("last_seen", "last_seen"),
        INDEX("first_seen", "first_seen"),
        INDEX("found_by", "created_run,ip_key"),
        INDEX("changed_by", "changed_run,ip_key"),
        INDEX("lost_run", "lost_run"),
        INDEX("unsettled_run", "unsettled_run"),
        INDEX("os_address", "os_platform,ip_key"),
};

static const struct muster_field identity_fields[] = {TEXT("interface"), TIME("seen"), BOOL("strong")};
static const struct muster_index identity_indexes[] = {INDEX("interface", "interface")};

static const struct muster_field observation_fields[] = {
        TEXT("interface"),  TEXT("profile"),  TEXT("zone"),        TEXT("method"),     TEXT("source_key"),
        ADDRESS("ip"),      TEXT("ip_key"),   TEXT("mac"),         TIME("first_seen"), TIME("last_seen"),
        TEXT("last_run"),   INT("missed"),    TEXT("missed_run"),  TIME("os_seen"),    TIME("ports_seen"),
        TIME("names_seen"), TIME("mac_seen"), TEXT("os_platform"), BOOL("timed_out"),  BOOL("displaced"),
        BOOL("shared_mac"), TEXT("print"),    BOOL("agent"),
};
static const struct muster_index observation_indexes[] = {
        INDEX("interface", "interface"),
        INDEX("place", "profile,zone,ip_key"),
        INDEX("run_interface", "last_run,interface"), /* whom a run saw, counted in order: no sort in memory */
        INDEX("mac", "zone,mac"),
};

static const struct muster_field history_fields[] = {TEXT("observation"), TEXT("interface"), TIME("from"),
                                                     TIME("to"),          TEXT("run"),       ADDRESS("ip")};
static const struct muster_index history_indexes[] = {
        INDEX("observation", "observation"),
        INDEX("interface", "interface"),
        INDEX("to", "to"),
        INDEX("ip", "ip"),
};

static const struct muster_field run_fields[] = {
        INT("number"),     TEXT("profile"),  TEXT("method"),  TEXT("zone"),       TEXT("kind"),  TEXT("state"),
        TEXT("outcome"),   TEXT("text"),     TIME("created"), TIME("started"),    TIME("ended"), TEXT("by"),
        OBJECT("options"), INT("addresses"), INT("shards"),   INT("shards_done"), LIST("parts"), INT("up"),
        INT("with_os"),    INT("timed_out"), INT("new"),      INT("changed"),     INT("lost"),   INT("unchanged"),
        TEXT("command"),   LIST("refused"),
};
static const struct muster_index run_indexes[] = {
        UNIQUE("number", "number"),
        INDEX("state", "state"),
        INDEX("created", "created"),
};

static const struct muster_field shard_fields[] = {
        TEXT("run"),   TEXT("shard"),   TEXT("state"),    TEXT("outcome"), TEXT("reason"),
        TEXT("spec"),  OBJECT("scope"), INT("addresses"), INT("attempt"),  INT("records"),
        INT("offset"), TEXT("command"), TIME("started"),  TIME("ended"),
};
static const struct muster_index shard_indexes[] = {INDEX("run", "run"), INDEX("state", "state")};

static const struct muster_field defined_fields[] = {TEXT("name"), TEXT("origin"), TIME("created"), TIME("updated")};
static const struct muster_field counter_fields[] = {INT("value")};
static const struct muster_field day_fields[] = {TIME("at"), INT("bytes"), INT("used"), INT("free")};
static const struct muster_field coverage_fields[] = {TEXT("profile"), TEXT("zone"), INT("number"), TIME("at"),
                                                      INT("count")};
static const struct muster_index coverage_indexes[] = {INDEX("zone", "zone,at")};

#define COLLECTION(name, fields, indexes)                                                                              \
	{                                                                                                              \
		sizeof(struct muster_collection), MST_COLLECTIONS_VERSION, name, MUSTER_ARRAY(fields), indexes         \
	}

static const struct muster_collection collections[] = {
        COLLECTION("interfaces", interface_fields, MUSTER_ARRAY(interface_indexes)),
        COLLECTION("identities", identity_fields, MUSTER_ARRAY(identity_indexes)),
        COLLECTION("observations", observation_fields, MUSTER_ARRAY(observation_indexes)),
        COLLECTION("observation_history", history_fields, MUSTER_ARRAY(history_indexes)),
        COLLECTION("runs", run_fields, MUSTER_ARRAY(run_indexes)),
        COLLECTION("shards", shard_fields, MUSTER_ARRAY(shard_indexes)),
        COLLECTION("profiles", defined_fields, MUSTER_NO_ARRAY),
        COLLECTION("labels", defined_fields, MUSTER_NO_ARRAY),
        COLLECTION("zones", defined_fields, MUSTER_NO_ARRAY),
        COLLECTION("locations", defined_fields, MUSTER_NO_ARRAY),
        COLLECTION("counters", counter_fields, MUSTER_NO_ARRAY),
        COLLECTION("store_days", day_fields, MUSTER_NO_ARRAY),
        COLLECTION("coverage", coverage_fields, MUSTER_ARRAY(coverage_indexes)),
};

const struct muster_collection *mst_collections(size_t *count)
{
	*count = sizeof collections / sizeof collections[0];
	return collections;
}
