/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare line of storing: prepared upserts of the rows that an import made, and nothing else. The rows come from a store that
 * Muster wrote: the same raw (observations) and merged (interfaces, identities) rows in the order in which they were made, with
 * the same columns, indexes, pragmas and cache. Reading them is outside of the measured time.
 *
 * bare_upsert first SOURCE.db TARGET.db [BATCH]    makes TARGET and fills it
 * bare_upsert again SOURCE.db TARGET.db [BATCH]    only touches last seen of what is there, as of a later run
 *
 * BATCH is the number of observations per transaction (500). Prints "rows N observations N seconds S cpu S batches N".
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TABLES       6
#define OBSERVATIONS 4 /* among the names */
#define LATER        3600000

/* What has no column stands in a table beside. */
static const char *const names[TABLES] = {"identities",      "identities_rest", "interfaces",
                                          "interfaces_rest", "observations",    "observations_rest"};

struct table {
	sqlite3_stmt *read, *write;
	int columns;
	double per_observation;
	double due;             /* rows to take with the next batch; the fraction is carried on */
	sqlite3_value **values; /* rows x columns of one batch */
	size_t rows, capacity;
	int ended; /* a statement that is stepped on would begin anew */
};

struct bench {
	sqlite3 *source, *target;
	struct table tables[TABLES];
	double seconds, cpu;
	long rows, observations, batches;
};

static void die(sqlite3 *db, const char *what)
{
	fprintf(stderr, "bare_upsert: %s: %s\n", what, db ? sqlite3_errmsg(db) : "out of memory");
	exit(1);
}

static double now(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Only what lies between counts: reading the source does not. */
static void start(struct bench *bench)
{
	bench->seconds -= now(CLOCK_MONOTONIC);
	bench->cpu -= now(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop(struct bench *bench)
{
	bench->seconds += now(CLOCK_MONOTONIC);
	bench->cpu += now(CLOCK_PROCESS_CPUTIME_ID);
}

static void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
		die(db, sql);
	return stmt;
}

static long count(sqlite3 *db, const char *table)
{
	char *sql = sqlite3_mprintf("SELECT count(*) FROM %s", table);
	sqlite3_stmt *stmt = prepare(db, sql);
	long out = sqlite3_step(stmt) == SQLITE_ROW ? (long)sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	return out;
}

/* Tables and indexes as the store has them. */
static void copy_schema(struct bench *bench)
{
	sqlite3_stmt *stmt =
	        prepare(bench->source, "SELECT sql, tbl_name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY "
	                               "type = 'index'");
	while (sqlite3_step(stmt) == SQLITE_ROW)
		for (int i = 0; i < TABLES; i++)
			if (strcmp(names[i], (const char *)sqlite3_column_text(stmt, 1)) == 0)
				run_sql(bench->target, (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
}

/* INSERT ... ON CONFLICT DO UPDATE SET every column; rev, where there is one, counts up. */
static sqlite3_stmt *prepare_upsert(struct bench *bench, const char *name, int columns, sqlite3_stmt *read)
{
	char *sql = sqlite3_mprintf("INSERT INTO \"%w\" VALUES (?1", name);
	for (int i = 2; i <= columns; i++)
		sql = sqlite3_mprintf("%z, ?%d", sql, i);
	sql = sqlite3_mprintf("%z) ON CONFLICT (\"%w\") DO UPDATE SET ", sql, sqlite3_column_name(read, 0));
	for (int i = 1; i < columns; i++) {
		const char *column = sqlite3_column_name(read, i), *comma = i > 1 ? ", " : "";
		if (strcmp(column, "rev") == 0)
			sql = sqlite3_mprintf("%z%srev = rev + 1", sql, comma);
		else
			sql = sqlite3_mprintf("%z%s\"%w\" = excluded.\"%w\"", sql, comma, column, column);
	}
	sqlite3_stmt *stmt = prepare(bench->target, sql);
	sqlite3_free(sql);
	return stmt;
}

static void open_table(struct bench *bench, int i, int again)
{
	struct table *table = &bench->tables[i];
	long observations = count(bench->source, "observations");
	char *sql = sqlite3_mprintf("SELECT * FROM \"%w\" ORDER BY rowid", names[i]);
	table->read = prepare(bench->source, sql);
	sqlite3_free(sql);
	table->columns = sqlite3_column_count(table->read);
	table->per_observation = observations ? (double)count(bench->source, names[i]) / (double)observations : 0;
	if (!again)
		table->write = prepare_upsert(bench, names[i], table->columns, table->read);
	else if (strcmp(names[i], "observations") == 0)
		table->write =
		        prepare(bench->target,
		                "UPDATE observations SET rev = rev + 1, last_seen = ?2, last_run = ?3 WHERE _id = ?1");
	else if (strcmp(names[i], "interfaces") == 0)
		table->write =
		        prepare(bench->target, "UPDATE interfaces SET rev = rev + 1, last_seen = ?2 WHERE _id = ?1");
}

static void open_all(struct bench *bench, const char *source, const char *target, int again)
{
	static const char pragmas[] =
	        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;"
	        "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
	        "PRAGMA cell_size_check=ON; PRAGMA cache_size=-24576;";
	if (sqlite3_open_v2(source, &bench->source, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		die(bench->source, source);
	if (sqlite3_open_v2(target, &bench->target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
	                    NULL) != SQLITE_OK)
		die(bench->target, target);
	run_sql(bench->target, pragmas);
	if (!again)
		copy_schema(bench);
	for (int i = 0; i < TABLES; i++)
		open_table(bench, i, again);
}

/* One batch's rows of a table into memory. */
static size_t take(struct table *table, size_t batch)
{
	table->due += table->per_observation * (double)batch;
	table->rows = 0;
	if (!table->write)
		return 0;
	while (table->due >= 1 && !table->ended) {
		table->ended = sqlite3_step(table->read) != SQLITE_ROW;
		if (table->ended)
			break;
		table->due -= 1;
		if (table->rows == table->capacity) {
			table->capacity = table->capacity ? table->capacity * 2 : 1024;
			table->values = realloc(table->values,
			                        table->capacity * (size_t)table->columns * sizeof *table->values);
			if (!table->values)
				die(NULL, "batch");
		}
		sqlite3_value **row = table->values + table->rows++ * (size_t)table->columns;
		for (int i = 0; i < table->columns; i++)
			row[i] = sqlite3_value_dup(sqlite3_column_value(table->read, i));
	}
	return table->rows;
}

static void bind(sqlite3_stmt *stmt, int at, sqlite3_value *value)
{
	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER:
		sqlite3_bind_int64(stmt, at, sqlite3_value_int64(value));
		break;
	case SQLITE_TEXT:
		sqlite3_bind_text(stmt, at, (const char *)sqlite3_value_text(value), sqlite3_value_bytes(value),
		                  SQLITE_STATIC);
		break;
	case SQLITE_BLOB:
		sqlite3_bind_blob(stmt, at, sqlite3_value_blob(value), sqlite3_value_bytes(value), SQLITE_STATIC);
		break;
	default:
		sqlite3_bind_null(stmt, at);
		break;
	}
}

static int column_named(const struct table *table, const char *name)
{
	for (int i = 0; i < table->columns; i++)
		if (strcmp(sqlite3_column_name(table->read, i), name) == 0)
			return i;
	return 0;
}

static void write_rows(struct bench *bench, struct table *table, int again)
{
	int seen = column_named(table, "last_seen");
	for (size_t r = 0; r < table->rows; r++) {
		sqlite3_value **row = table->values + r * (size_t)table->columns;
		if (again) {
			bind(table->write, 1, row[0]);
			sqlite3_bind_int64(table->write, 2, sqlite3_value_int64(row[seen]) + LATER);
			sqlite3_bind_text(table->write, 3, "01a0ffff-ffff-7fff-bfff-ffffffffffff", -1, SQLITE_STATIC);
		} else {
			for (int i = 0; i < table->columns; i++)
				bind(table->write, i + 1, row[i]);
		}
		if (sqlite3_step(table->write) != SQLITE_DONE)
			die(bench->target, "write");
		sqlite3_reset(table->write);
	}
	bench->rows += (long)table->rows;
}

static void forget(struct table *table)
{
	for (size_t i = 0; i < table->rows * (size_t)table->columns; i++)
		sqlite3_value_free(table->values[i]);
	table->rows = 0;
}

static void run(struct bench *bench, size_t batch, int again)
{
	for (size_t taken = 1; taken > 0; bench->batches++) {
		taken = 0;
		for (int i = 0; i < TABLES; i++)
			taken += take(&bench->tables[i], batch);
		bench->observations += (long)bench->tables[OBSERVATIONS].rows;
		start(bench);
		run_sql(bench->target, "BEGIN IMMEDIATE");
		for (int i = 0; i < TABLES; i++)
			write_rows(bench, &bench->tables[i], again);
		run_sql(bench->target, "COMMIT");
		stop(bench);
		for (int i = 0; i < TABLES; i++)
			forget(&bench->tables[i]);
	}
}

static void close_all(struct bench *bench)
{
	for (int i = 0; i < TABLES; i++) {
		sqlite3_finalize(bench->tables[i].read);
		sqlite3_finalize(bench->tables[i].write);
		free(bench->tables[i].values);
	}
	sqlite3_close(bench->source);
	start(bench);
	sqlite3_close(bench->target); /* moves what is left of the log, as the importer's end does */
	stop(bench);
}

int main(int argc, char **argv)
{
	struct bench bench = {0};
	int again = argc > 1 && strcmp(argv[1], "again") == 0;
	unsigned long batch = argc > 4 ? strtoul(argv[4], NULL, 10) : 500;
	if (argc < 4 || argc > 5 || batch == 0 || (!again && strcmp(argv[1], "first") != 0)) {
		fputs("usage: bare_upsert first|again SOURCE.db TARGET.db [BATCH]\n", stderr);
		return 2;
	}
	open_all(&bench, argv[2], argv[3], again);
	run(&bench, batch, again);
	close_all(&bench);
	printf("rows %ld observations %ld seconds %.3f cpu %.3f batches %ld\n", bench.rows, bench.observations,
	       bench.seconds, bench.cpu, bench.batches);
	return 0;
}
