/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store-sqlite: documents as rows that an operator can read.
 *
 * Two tables per collection: NAME (_id TEXT PRIMARY KEY, rev, <a column per declared field>) and NAME_rest (row, doc BLOB). A
 * declared field lives in its column alone; `doc` is the BSON of what is not declared, the "rest". It stands apart because SQLite
 * writes whole pages: a touch of last_seen would take the rest along (a third of the speed at 2 kB, measured). Columns have no
 * affinity, so SQLite keeps and compares a value in the class in which it was bound:
 *
 *   TEXT text | INTEGER int64, and 0/1 in columns declared bool | REAL double | NULL missing
 *   BLOB 'n' null, 'f' / 't' a bool outside bool columns
 *   list columns: TEXT, a JSON array of text, int64, bool, null; any other value of such a field stays in `doc`
 *
 * Fields declared as object have no column.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <bson/bson.h>
#include <muster/plugin.h>
#include <sqlite3.h>
#include <stdbool.h>

#define SQ_APPLICATION_ID  0x4d535452 /* "MSTR" in the file's header */
#define SQ_LAYOUT          1          /* user_version: the layout described above */
#define SQ_MAX_READERS     32         /* cursors open at once on one instance */
#define SQ_MAX_STMTS       256        /* prepared statements kept per connection */
#define SQ_MAX_DEPTH       16         /* nesting of a filter */
#define SQ_MAX_TERMS       2400       /* terms and groups of a filter */
#define SQ_MAX_VALUES      16384      /* values bound by one statement */
#define SQ_MAX_DOC         (16u << 20)
#define SQ_MAX_ID          512
#define SQ_MAX_FIELDS      200 /* declared fields of a collection */
#define SQ_GUESSES         64
#define SQ_MAX_COLLECTIONS 256
#define SQ_MAX_ITEMS       (1u << 20) /* of one write */
#define SQ_BUSY_MS         10000
#define SQ_TEXT            1024 /* bytes of an error text */

/* A status and its text, filled where the failure happens. */
struct sq_err {
	int status; /* enum muster_status */
	char text[SQ_TEXT];
};
int sq_err_set(struct sq_err *err, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Growing SQL text; `failed` sticks. */
struct sq_sql {
	char *text;
	size_t len, cap;
	bool failed;
};
void sq_sql_add(struct sq_sql *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same without a format, for what is written once per value. */
void sq_sql_put(struct sq_sql *sql, const char *text, size_t length);
void sq_sql_reset(struct sq_sql *sql);
void sq_sql_free(struct sq_sql *sql);

/* ---- values: what stands between BSON and a column ---- */
enum sq_class { SQ_MISSING, SQ_NUMBER, SQ_BOOL, SQ_TEXT_CLASS, SQ_NULL, SQ_OTHER };
/* One scalar. Text is borrowed from its source. */
struct sq_value {
	enum sq_class class;
	bool real;      /* SQ_NUMBER: `number` (false) or `fraction` (true) */
	int64_t number; /* also SQ_BOOL: 0 or 1 */
	double fraction;
	const char *text;
	size_t length;
	bool blob; /* SQ_OTHER with text/length: a BSON document to bind as a blob */
};
/* SQ_OTHER for arrays, objects and types that filters do not know. */
void sq_value_from_iter(const bson_iter_t *iter, struct sq_value *out);
bool sq_value_append(bson_t *doc, const char *key, int key_length, const struct sq_value *value);
int sq_value_compare(const struct sq_value *a, const struct sq_value *b); /* of one class */

/* Growing array of values to bind, in the order of the `?` of a statement. `as_bool`: booleans are bound as 0/1. */
struct sq_bind {
	struct sq_value value;
	bool as_bool;
};
struct sq_binds {
	struct sq_bind *items;
	size_t count, cap;
	bool failed;
};
void sq_binds_add(struct sq_binds *binds, const struct sq_value *value, bool as_bool);
void sq_binds_text(struct sq_binds *binds, const char *text);
void sq_binds_int(struct sq_binds *binds, int64_t number);
void sq_binds_free(struct sq_binds *binds);
int sq_bind_value(sqlite3_stmt *stmt, int index, const struct sq_value *value, bool as_bool);
/* Binds all from `first` on; SQLite's answer. */
int sq_binds_apply(const struct sq_binds *binds, sqlite3_stmt *stmt, int first);
/* A column's content; `as_bool` as above. NULL gives SQ_MISSING. */
void sq_value_from_sqlite(sqlite3_value *in, bool as_bool, struct sq_value *out);

/* ---- lists as JSON text ---- */
/* Appends the JSON text of a BSON array to `out`; false when an element is no text, int64, bool or null. */
bool sq_list_to_json(const bson_iter_t *array, struct sq_sql *out);
/* Appends the array `key` read from JSON text; false when it is no JSON array. */
bool sq_list_append(bson_t *doc, const char *key, int key_length, const char *json, size_t length);

/* ---- schema ---- */
struct sq_field {
	char *name;
	size_t length;
	uint32_t type; /* enum muster_field_type */
	bool column;   /* has a column: all but objects */
	int parameter; /* its column's place among the parameters of insert, put and replace: from 2 */
};
struct sq_collection {
	char *name;
	uint32_t version;
	struct sq_field *fields; /* in the order of their definition */
	size_t columns;          /* fields that have one */
	uint16_t *sorted;        /* indexes of `fields` by name */
	size_t count;
	/* SQL built once. `doc` is the expression for a row's rest. Parameters of insert, put and replace: ?1 the _id, then one per
	 * column, then (replace) the rev; of the rest_ texts: ?1 the row, ?2 a document or an update. */
	char *doc, *select, *insert, *put, *replace, *get, *row, *rest_put, *rest_drop, *rest_apply, *rest_unset;
	uint16_t guess[SQ_GUESSES]; /* which field the n-th of a document was last time: documents look alike */
	struct sq_touch *touches;   /* of sqlite_touch.c */
	size_t touch_count;
};
/* Index of a field or -1; `hint` is tried first. */
int sq_field_find(const struct sq_collection *coll, const char *name, size_t length, int hint);

/* ---- connections ---- */
struct sq_stmt {
	char *sql;
	const char *asked; /* the caller's pointer to the text, compared before the text itself */
	sqlite3_stmt *stmt;
	uint64_t used;
	bool busy;
};
struct sq_conn {
	sqlite3 *db;
	struct sq_stmt *stmts;
	size_t stmt_count;
	uint64_t clock;
	bool busy;          /* a reader that a cursor holds */
	struct sq_err func; /* what an SQL function of ours complained about */
};
struct sq_store {
	char *path;
	uint64_t device, inode;
	struct sq_conn writer;
	struct sq_conn *readers[SQ_MAX_READERS];
	size_t reader_count;
	struct sq_collection *collections[SQ_MAX_COLLECTIONS];
	size_t collection_count;
	/* By pointer: libbson aligns a bson_t to 128 bytes, and malloc does not. */
	bson_t *doc;  /* what `get` lends */
	bson_t *rest; /* scratch: the undeclared part of a document being written */
	struct sq_sql sql, lists;
	struct sq_binds binds;
	struct sq_err err;
};
int sq_conn_open(struct sq_store *store, struct sq_conn *conn, bool create, struct sq_err *err);
void sq_conn_close(struct sq_conn *conn);
/* A prepared statement for this text, marked busy until sq_stmt_done. */
int sq_prepare(struct sq_store *store, struct sq_conn *conn, const char *sql, sqlite3_stmt **out, struct sq_err *err);
void sq_stmt_done(struct sq_conn *conn, sqlite3_stmt *stmt);
int sq_exec(struct sq_store *store, struct sq_conn *conn, const char *sql, struct sq_err *err);
/* One integer of the first row; `fallback` when there is none. */
int sq_query_int(struct sq_store *store, struct sq_conn *conn, const char *sql, int64_t *out, struct sq_err *err);
/* SQLite's last error as a status and a text that says what, where and what to do. */
int sq_fail(struct sq_store *store, struct sq_conn *conn, int code, const char *what, struct sq_err *err);
/* A reader of its own snapshot, from the pool. */
int sq_reader_take(struct sq_store *store, struct sq_conn **out, struct sq_err *err);
/* Makes directory and file when missing, checks whose file it is, brings the layout up to date. */
int sq_store_prepare(struct sq_store *store, struct sq_err *err);
int sq_functions_register(sqlite3 *db, struct sq_conn *conn);

/* The collection, read from the store's catalogue when this instance did not define it. */
int sq_collection_get(struct sq_store *store, const char *name, struct sq_collection **out, struct sq_err *err);
int sq_collection_load(struct sq_store *store, const char *name, struct sq_collection **out, struct sq_err *err);
void sq_collection_free(struct sq_collection *coll);
bool sq_name_valid(const char *name, size_t length);
int sq_define(struct sq_store *store, const struct muster_collection *def, struct sq_err *err);

/* ---- documents ---- */
/* Fails unless `bytes` is one whole BSON document; *out borrows it. An empty one is {}. */
int sq_bson_open(struct muster_bytes bytes, const char *what, bson_t *out, struct sq_err *err);
/* The same as bson_validate without flags, and faster: nearly all text is ASCII. */
bool sq_bson_sound(const bson_t *doc, size_t *error);
bool sq_text_sound(const char *text, size_t length);
/* Binds _id and declared fields; `id` gets the borrowed id. The rest is left in store->rest. */
int sq_doc_bind(struct sq_store *store, struct sq_collection *coll, const bson_t *doc, sqlite3_stmt *stmt,
                const char **id, struct sq_err *err);
/* Which part of a document a statement selects. */
struct sq_projection {
	int *fields; /* index of a declared column per result column from 2 on */
	size_t field_count;
	bool rest;    /* the last column is `doc` */
	char **names; /* of undeclared fields to keep; NULL: all */
	size_t name_count;
};
void sq_projection_free(struct sq_projection *projection);
/* Puts the current row together. projection NULL: all columns in their order. */
int sq_doc_read(const struct sq_collection *coll, const struct sq_projection *projection, sqlite3_stmt *stmt,
                bson_t *out, struct sq_err *err);

/* ---- filters ---- */
enum sq_op { SQ_EQ = 1, SQ_LT, SQ_LTE, SQ_GT, SQ_GTE, SQ_IN, SQ_HAS, SQ_EXISTS };
/* One field of a document, dots reaching into objects, against one operator; arrays by their elements. */
bool sq_match_path(const bson_t *doc, const char *path, enum sq_op op, const struct sq_value *value);
bool sq_find_path(const bson_t *doc, const char *path, bson_iter_t *out);
/* Appends an SQL condition and its values. `filter` must outlive the binds. */
int sq_filter_compile(const struct sq_collection *coll, const bson_t *filter, struct sq_sql *sql,
                      struct sq_binds *binds, struct sq_err *err);
/* One operator on one field, as SQL. `closed`: it is one bound of a range whose other bound is of the same class. */
int sq_term_compile(const struct sq_collection *coll, const char *path, enum sq_op op, bool negate, bool closed,
                    const bson_iter_t *value, struct sq_sql *sql, struct sq_binds *binds, struct sq_err *err);

/* ---- queries ---- */
int sq_query_compile(struct sq_store *store, const struct sq_collection *coll, const struct muster_query *query,
                     struct sq_projection *projection, struct sq_sql *sql, struct sq_binds *binds, struct sq_err *err);
int sq_find(struct sq_store *store, const struct muster_query *query, struct muster_cursor **out, struct sq_err *err);
int sq_next(struct sq_store *store, struct muster_cursor *cursor, struct muster_bytes *out, struct sq_err *err);
void sq_cursor_close(struct muster_cursor *cursor);
/* As the op count_some. */
int sq_count_some(struct sq_store *store, const char *collection, struct muster_bytes filter, int64_t most,
                  int64_t budget_ms, int64_t *out, struct sq_err *err);
int sq_count(struct sq_store *store, const char *collection, struct muster_bytes filter, const char *field,
             muster_group_fn fn, void *data, struct sq_err *err);

/* ---- writes ---- */
/* Applies an update (`$set`, `$unset`, `$inc`, `$min`, `$max`; with `insert` also `$set_on_insert`) to a document. */
int sq_apply(const bson_t *doc, const bson_t *update, bool insert, bson_t *out, struct sq_err *err);
/* An update of the plain kind; *done false: it is none, and nothing has happened. */
int sq_touch(struct sq_store *store, struct sq_collection *coll, const struct muster_write *item,
             struct muster_write_result *result, bool *done, struct sq_err *err);
void sq_touches_free(struct sq_collection *coll);
int sq_update(struct sq_store *store, struct sq_collection *coll, const struct muster_write *item,
              struct muster_write_result *result, struct sq_err *err);
/* Inserts (coll->insert) or puts (coll->put) a document; MUSTER_E_EXISTS when a unique value is taken. */
int sq_insert(struct sq_store *store, struct sq_collection *coll, const bson_t *doc, const char *sql,
              struct sq_err *err);
/* Runs one of the rest_ texts on a row. `doc` may be NULL. */
int sq_rest_run(struct sq_store *store, const struct sq_collection *coll, const char *sql, int64_t row,
                const bson_t *doc, struct sq_err *err);
/* Makes store->rest the rest of the row of document `id`. */
int sq_rest_store(struct sq_store *store, const struct sq_collection *coll, const char *id, struct sq_err *err);
/* Steps a statement that returns row numbers, all bound, and runs `sql` (a rest_ text) on each. Both or none take effect. */
int sq_rest_each(struct sq_store *store, const struct sq_collection *coll, sqlite3_stmt *stmt, const char *sql,
                 const bson_t *doc, int64_t *rows, struct sq_err *err);
/* Steps a statement to its end. */
int sq_step_done(struct sq_store *store, struct sq_conn *conn, sqlite3_stmt *stmt, const char *what,
                 struct sq_err *err);
/* What a failed step of a write means: MUSTER_E_EXISTS when a unique value is taken, else as sq_fail. */
int sq_step_failed(struct sq_store *store, struct sq_conn *conn, int rc, const char *what, struct sq_err *err);
int sq_write(struct sq_store *store, const struct muster_write *items, size_t count,
             struct muster_write_result *results, struct sq_err *err);
int sq_lease(struct sq_store *store, int verb, const char *name, const char *owner, int64_t ttl_ms,
             struct muster_lease *lease, struct sq_err *err);

/* ---- keeping it ---- */
/* Asks the caller of a long operation, also from inside SQLite. `stopped` sticks. */
struct sq_ticker {
	const struct muster_store_watch *watch;
	int64_t done, total;
	bool stopped;
};
struct sq_report {
	const struct muster_store_watch *watch;
	const char *where;
	int count;
};
int sq_cancelled(struct sq_err *err);
/* A file of mode 0600 that was not there before; its descriptor, or -1 and err. */
int sq_new_file(const char *path, struct sq_err *err);
/* MUSTER_E_FULL unless `bytes` more fit on the disk of the file `directory_of`. */
int sq_room_for(const char *directory_of, int64_t bytes, struct sq_err *err);
/* MUSTER_E_CORRUPT with the first fault of the file that `conn` has open. `path` names it. */
int sq_check_copy(struct sq_store *store, struct sq_conn *conn, struct sq_ticker *ticker, const char *path,
                  struct sq_err *err);
int sq_backup(struct sq_store *store, const char *path, const struct muster_store_watch *watch, struct sq_err *err);
int sq_verify(struct sq_store *store, const struct muster_store_watch *watch, struct sq_err *err);
/* `store` has a path and nothing open. */
int sq_restore(struct sq_store *store, const char *source, const struct muster_array *collections,
               const struct muster_store_watch *watch, struct sq_err *err);

#endif
