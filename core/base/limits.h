/* SPDX-License-Identifier: Apache-2.0 */
/* Every cap of the core in one place. Sizes in bytes, times in milliseconds. */
#ifndef MST_BASE_LIMITS_H
#define MST_BASE_LIMITS_H

#define MST_MAX_CONF_FILE     (4u << 20) /* one configuration file */
#define MST_MAX_CONF_FILES    256u
#define MST_MAX_CONF_SECTIONS 4096u  /* zones; labels; profiles: each, all files together */
#define MST_MAX_OPTION_VALUE  65536u /* one option's text */
#define MST_MAX_NAME          31u    /* profile, zone, label (63), plugin, method names */
#define MST_MAX_LABEL_NAME    63u
#define MST_MAX_MANIFEST      (1u << 20)   /* a plugin's manifest as JSON */
#define MST_MAX_JOB           (4u << 20)   /* a worker's job as JSON */
#define MST_MAX_LINE          (256u << 10) /* one JSON line from a worker: a full shard spec in base64, and its scope */
#define MST_MAX_RECORD        (1u << 20)   /* one record as BSON */
#define MST_MAX_RECORD_DEPTH  16u
#define MST_MAX_SOURCE_KEY    400u /* a record's key; with profile and zone it fits in MST_MAX_ID */
#define MST_MAX_FRAME         (MST_MAX_RECORD + 4096u)
#define MST_MAX_SHARD_SPEC    65536u
#define MST_MAX_CHECKPOINT    65536u
#define MST_MAX_SHARDS        65536u       /* per run */
#define MST_MAX_BLOCKS        65536u       /* of 256 addresses, watched for one answer to all, in one segment or run */
#define MST_MAX_BLOCKS_KEPT   16384u       /* of them, kept with one shard */
#define MST_MAX_WARNINGS      20u          /* kept with one run */
#define MST_MAX_WARNING       400u         /* bytes of one */
#define MST_MAX_SCOPE_TEXT    (256u << 10) /* addresses or ports of one scope */
#define MST_MAX_TARGET_TOKENS 65536u
#define MST_MAX_TARGET_TOKEN  253u
#define MST_MAX_RESOLVED      64u   /* addresses taken from one host name */
#define MST_MAX_ID            512u  /* document _id */
#define MST_MAX_FILTER        8192u /* filter text */
#define MST_MAX_FILTER_TERMS  64u
#define MST_MAX_FILTER_VALUES 512u          /* of all terms together */
#define MST_MAX_DOC           (4u << 20)    /* one stored document */
#define MST_MAX_BODY          (1u << 20)    /* HTTP request body, imports excepted */
#define MST_MAX_UPLOAD        (8ull << 30)  /* an imported file */
#define MST_MAX_SPOOL         (16ull << 30) /* spool directory: above it no shard starts */
#define MST_MAX_SEGMENT       (2ull << 30)  /* one shard's segment */
#define MST_MAX_HEADERS       32768u
#define MST_MAX_JSON_DEPTH    32
#define MST_MAX_CONNECTIONS   256u
#define MST_MAX_WORKERS       64u   /* running at once on one daemon */
#define MST_MAX_CHILD_ERRORS  4000u /* tail of a child's stderr */
#define MST_MAX_LOG_TEXT      4000u
#define MST_MAX_LOCATIONS     100000u
#define MST_MAX_PAGE          1000u  /* documents in one JSON page */
#define MST_MAX_SECRET        32768u /* one secret's value */
#define MST_MAX_SECRETS       256u
#define MST_MAX_VAULT         (MST_MAX_SECRETS * (MST_MAX_SECRET + 512u)) /* the vault's file */

/* What one plugin may say of itself. */
#define MST_MAX_PLUGIN_INTERFACES 16u
#define MST_MAX_PLUGIN_METHODS    32u
#define MST_MAX_PLUGIN_OPTIONS    128u /* of one table */
#define MST_MAX_PLUGIN_FIELDS     256u
#define MST_MAX_PLUGIN_TEXTS      32u
#define MST_MAX_PLUGIN_TOOLS      32u
#define MST_MAX_PLUGIN_LINE       512u /* summaries, labels, titles, defaults */
#define MST_MAX_PLUGIN_HELP       4096u
#define MST_MAX_PLUGIN_TEXT       (128u << 10) /* a named text */
#define MST_MAX_PLUGIN_STRUCT     65536u       /* a size that a descriptor states */
#define MST_MAX_PLUGINS           256u         /* files in one plugin directory */

#define MST_DESCRIBE_DEADLINE_MS 10000
#define MST_PLAN_DEADLINE_MS     300000
#define MST_SHARD_DEADLINE_MS    (6 * 3600 * 1000)
#define MST_CANCEL_GRACE_MS      2000 /* from cancel to SIGKILL of the worker's group */
#define MST_PRIVATE_LINGER_MS    1500 /* a private daemon's life after its last client and run */
#define MST_COMMIT_EVERY_MS      100  /* an importer commits at least this often */
#define MST_CLIENT_TIMEOUT_MS    60000

/* Bytes of a CSV of MST_MAX_LOCATIONS rows. */
#define MST_MAX_LOCATIONS_FILE (32u << 20)

#endif
