/* SPDX-License-Identifier: Apache-2.0 */
/* Leases. The store's time is this machine's clock, held so that it never runs backwards for one lease. */
#include <string.h>
#include <time.h>

#include "sqlite.h"

struct held {
	char owner[SQ_MAX_ID + 1];
	int64_t until, fence, touched;
	bool there;
};

static int64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int read_held(struct sq_store *store, const char *name, struct held *out, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	memset(out, 0, sizeof *out);
	int status = sq_prepare(store, &store->writer,
	                        "SELECT owner, until, fence, touched FROM muster_leases WHERE name = ?", &stmt, err);
	if (status != MUSTER_OK)
		return status;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		const char *owner = (const char *)sqlite3_column_text(stmt, 0);
		size_t length = (size_t)sqlite3_column_bytes(stmt, 0);
		if (owner && length <= SQ_MAX_ID)
			memcpy(out->owner, owner, length);
		out->until = sqlite3_column_int64(stmt, 1);
		out->fence = sqlite3_column_int64(stmt, 2);
		out->touched = sqlite3_column_int64(stmt, 3);
		out->there = true;
	} else if (rc != SQLITE_DONE) {
		status = sq_fail(store, &store->writer, rc, "read a lease", err);
	}
	sq_stmt_done(&store->writer, stmt);
	return status;
}

static int store_held(struct sq_store *store, const char *name, const struct held *held, struct sq_err *err)
{
	sqlite3_stmt *stmt;
	int status = sq_prepare(
	        store, &store->writer,
	        "INSERT INTO muster_leases VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET owner = ?2, "
	        "until = ?3, fence = ?4, touched = ?5",
	        &stmt, err);
	if (status != MUSTER_OK)
		return status;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, held->owner, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, held->until);
	sqlite3_bind_int64(stmt, 4, held->fence);
	sqlite3_bind_int64(stmt, 5, held->touched);
	status = sq_step_done(store, &store->writer, stmt, "write a lease", err);
	sq_stmt_done(&store->writer, stmt);
	return status;
}

/* Decides; the row stays for ever, since its fence must never start again. */
static int decide(int verb, const char *name, const char *owner, int64_t ttl_ms, const struct muster_lease *lease,
                  struct held *held, struct sq_err *err)
{
	bool mine = held->there && strcmp(held->owner, owner) == 0;
	if (verb == MUSTER_LEASE_ACQUIRE) {
		if (held->there && !mine && held->until > held->touched)
			return sq_err_set(err, MUSTER_E_REFUSED, "lease %s: held by %.100s for another %lld ms", name,
			                  held->owner, (long long)(held->until - held->touched));
		memcpy(held->owner, owner, strlen(owner) + 1);
		held->fence++;
		held->until = held->touched + ttl_ms;
		return MUSTER_OK;
	}
	if (!mine || held->fence != lease->fence)
		return sq_err_set(err, MUSTER_E_REFUSED, "lease %s: held by another, or never taken", name);
	held->until = verb == MUSTER_LEASE_RENEW ? held->touched + ttl_ms : 0;
	if (verb == MUSTER_LEASE_RELEASE)
		held->owner[0] = '\0';
	return MUSTER_OK;
}

int sq_lease(struct sq_store *store, int verb, const char *name, const char *owner, int64_t ttl_ms,
             struct muster_lease *lease, struct sq_err *err)
{
	struct held held;
	if (!name || !owner || !*name || !*owner || strlen(name) > SQ_MAX_ID || strlen(owner) > SQ_MAX_ID)
		return sq_err_set(err, MUSTER_E_USAGE, "lease: name and owner have 1 to %d bytes", SQ_MAX_ID);
	if (verb < MUSTER_LEASE_ACQUIRE || verb > MUSTER_LEASE_RELEASE ||
	    (verb != MUSTER_LEASE_RELEASE && (ttl_ms <= 0 || ttl_ms > INT64_C(366) * 86400000)))
		return sq_err_set(err, MUSTER_E_USAGE, "lease: unknown verb, or a time to live outside 1 ms to a year");
	int rc = sqlite3_exec(store->writer.db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return sq_fail(store, &store->writer, rc, "take a lease", err);
	int64_t now = clock_ms();
	int status = read_held(store, name, &held, err);
	held.touched = held.touched > now ? held.touched : now;
	if (status == MUSTER_OK)
		status = decide(verb, name, owner, ttl_ms, lease, &held, err);
	if (status == MUSTER_OK)
		status = store_held(store, name, &held, err);
	if (status == MUSTER_OK && (rc = sqlite3_exec(store->writer.db, "COMMIT", NULL, NULL, NULL)) != SQLITE_OK) {
		sq_fail(store, &store->writer, rc, "commit a lease", err);
		status = err->status = MUSTER_E_UNKNOWN;
	}
	if (status != MUSTER_OK)
		sqlite3_exec(store->writer.db, "ROLLBACK", NULL, NULL, NULL);
	lease->now = held.touched;
	if (status == MUSTER_OK) {
		lease->fence = held.fence;
		lease->until = held.until;
	}
	return status;
}
