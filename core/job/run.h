/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the job engine: what a run and a shard are in memory, and who does what with them. Loop thread only. */
#ifndef MST_JOB_RUN_H
#define MST_JOB_RUN_H

#include <pthread.h>

#include "base/buf.h"
#include "base/id.h"
#include "job/engine.h"
#include "job/jobdb.h"
#include "job/pace.h"
#include "job/process.h"
#include "job/rate.h"
#include "job/state.h"
#include "record/scope.h"

#define MST_SHARD_ID 65

struct mst_run;
struct mst_request;

struct mst_shard {
	struct mst_run *run;
	char id[MST_SHARD_ID];
	int state, outcome;      /* enum mst_shard_state, enum mst_outcome */
	char *spec, *checkpoint; /* base64; NULL: none */
	char *command, *reason;  /* NULL: none */
	struct mst_scope scope;  /* as planned */
	bool has_scope;
	int64_t addresses, expected_bytes, expected_ms, attempt, records, started, ended;
	int64_t share;                  /* packets per second that it holds now, or MST_RATE_NONE */
	int64_t done, found;            /* of its progress lines */
	int64_t asked, lost, unsure;    /* of its strain lines */
	int fd;                         /* its segment while it runs, else -1 */
	bool again;                     /* retried: what it has in the spool is imported first, then it runs anew */
	bool quota;                     /* stopped since the spool is full */
	unsigned log_lines;             /* of its worker that were logged */
	int64_t ready, followed;        /* bytes of its segment: up to the last ended scope; imported while it runs */
	int64_t ready_at;               /* monotonic ms: since when there is something to import */
	bool folded;                    /* all of it is imported, to its last frame */
	bool held;                      /* its worker has ended, and the importer is about to */
	bool unfit;                     /* it cannot be imported while it runs */
	struct json_object *follow_ups; /* array: shards that it announced; they count once it has ended well */
	struct mst_process *process;
};

/* A packet-rate limit shared by runs: the installation's, a zone's, a profile's. */
struct mst_pool {
	struct mst_pool *next;
	char key[80]; /* "all", "zone:NAME", "profile:NAME", "run:UUID" */
	struct mst_rate_limit limit;
	unsigned users; /* runs */
};
#define MST_POOLS 3

enum mst_run_kind { MST_RUN_SCAN = 1, MST_RUN_IMPORT, MST_RUN_PLAN };

struct mst_run {
	struct mst_engine *engine;
	struct mst_run *next;
	char id[MST_ID_SIZE];
	int64_t number;
	int kind, state, outcome;
	char profile[64], zone_name[64], by[64];
	struct mst_shared_settings *shared; /* of its start: zone and profile stay what they were */
	const struct mst_manifest *plugin;
	const struct mst_method *method;
	const struct mst_zone *zone;
	struct mst_option_set options;
	char *text, *command, *upload, *name; /* upload: file to read; name: what the operator calls it */
	int64_t created, started, ended, addresses, excluded;
	struct mst_shard **shards;
	size_t shard_count, shard_cap;
	unsigned parallel;            /* as planned; 0: the engine decides */
	struct mst_pace pace;         /* how many of its shards go side by side now */
	struct json_object *refused;  /* array: of the planner's targets line */
	struct json_object *warnings; /* array of text: what workers warned of; NULL: nothing */
	struct mst_pool *pools[MST_POOLS];
	struct mst_process *process; /* planner */
	struct mst_err plan_error;
	bool cancelled; /* no further shard starts */
	bool retried;
	bool stale; /* its document lags behind: written with the next tick */
	bool finish_done, import_failed;
	bool unsaved; /* a write failed: what is stored of it and its shards may be older than this */
	unsigned import_tries;
	int64_t import_after;          /* monotonic ms: not tried again before */
	char import_why[512];          /* of the last failure */
	size_t running;                /* shards */
	struct mst_request *starter;   /* answered once the run is stored */
	int64_t rate_done, rate_since; /* for the progress figure */
};

enum { MST_IMPORT_IDLE = 0, MST_IMPORT_BUSY };

struct mst_engine {
	struct mst_engine_setup setup;
	struct mst_processes *processes;
	struct mst_jobdb *db;
	struct mst_run *runs; /* active ones and, for some minutes, plans */
	struct mst_pool *pools;
	struct mst_shared_settings *shared;
	const struct mst_settings *settings; /* in force; of `shared` */
	struct json_object *import_settings;
	struct mst_process *importer;
	struct mst_run *importing;   /* whose segments it reads */
	struct mst_shard *following; /* the running one of these that it follows; NULL: none */
	bool import_finish;          /* it also settles that run */
	bool pruning;                /* the importer's process removes what is old */
	int64_t prune_at, hourly_at; /* monotonic ms: not before */
	int64_t fence, spooled;      /* bytes of ended segments */
	uint64_t write_failures;     /* of the store thread, as last seen */
	bool saves_again;            /* what a failed write had, on its way */
	size_t checks, pending;      /* requests that wait for something */
	unsigned max_workers, cores;
	bool stopping, reloading, reload_again;
	bool arrange, arrange_locations, arranging_locations;
	int64_t arrange_after; /* monotonic ms */
	int64_t arrange_stamp; /* of the file of locations that the importer reads */
	uv_timer_t tick;
	uv_async_t mail;
	pthread_mutex_t mail_lock;
	struct mst_request *mail_first, **mail_last;
};

/* run.c: making, finding, freeing; documents. */
struct mst_run *mst_run_new(struct mst_engine *engine);
void mst_run_free(struct mst_run *run);
void mst_run_add(struct mst_run *run); /* to the engine's list */
void mst_run_drop(struct mst_run *run);
struct mst_run *mst_run_find(struct mst_engine *engine, const char *key); /* number or uuid; NULL */
bool mst_run_active(const struct mst_run *run);
struct mst_shard *mst_run_shard(struct mst_run *run, const char *id);
struct mst_shard *mst_run_add_shard(struct mst_run *run, const char *id); /* NULL without memory or above the cap */
void mst_text_set(char **at, const char *text);
/* Keeps what a worker warned of with the run: once each, at most MST_MAX_WARNINGS. */
void mst_run_warn(struct mst_run *run, const char *text);
int mst_run_path(const struct mst_run *run, const char *shard, const char *suffix, char *out, size_t size,
                 struct mst_err *err);
void mst_run_sum(const struct mst_run *run, struct mst_run_sum *sum);

/* run_doc.c */
int mst_run_document(const struct mst_run *run, bson_t *out);
void mst_run_save(struct mst_run *run); /* what changes, as a field update; nothing for plans */
/* After a write that failed, all of it again. */
void mst_run_save_again(struct mst_run *run);
void mst_shard_save(struct mst_shard *shard);
void mst_shard_save_whole(struct mst_shard *shard);    /* with what planning said of it */
void mst_shards_save(struct mst_run *run, bool whole); /* all of them in batches */
int mst_run_load(struct mst_run *run, struct mst_store *store, const bson_t *doc,
                 struct mst_err *err); /* with its shards */

/* make.c: checked wishes into runs. */
int mst_run_from_json(struct mst_run *run, struct json_object *wish, struct mst_err *err);
int mst_run_set_method(struct mst_run *run, const char *method, struct mst_err *err);
int mst_run_set_zone(struct mst_run *run, const char *zone, struct mst_err *err);
struct json_object *mst_run_job(const struct mst_run *run, const struct mst_shard *shard, int64_t deadline_ms);

/* secret.c: what the options name in the vault. */
/* MST_E_USAGE when one is not stored; the vault's own faults. Opens the vault only when an option names a secret. */
int mst_run_check_secrets(const struct mst_run *run, struct mst_err *err);
/* mst_process_start with the run's job (for `shard`, may be NULL) and the secrets that its options name, and no others. */
int mst_run_process(const struct mst_run *run, const struct mst_shard *shard, struct mst_process_start *start,
                    const struct mst_process_ops *ops, void *data, struct mst_process **out, struct mst_err *err);

/* plan.c */
void mst_run_plan(struct mst_run *run); /* known stream, planner, then mst_run_begin or the end */
int mst_shard_from_line(struct mst_run *run, struct json_object *line, struct mst_shard **out, struct mst_err *err);
/* segment.c: in a thread of the pool: checkpoint kept, segment synced and renamed; then mst_shard_ended on the loop. */
void mst_shard_to_segment(struct mst_shard *shard);
/* shards.c */
void mst_shard_ended(struct mst_shard *shard, const struct mst_err *err);
void mst_run_begin(struct mst_run *run);
void mst_engine_pump(struct mst_engine *engine); /* starts what may start, ends what is at its end */
void mst_run_cancel(struct mst_run *run, const char *why);
void mst_shard_fail(struct mst_shard *shard, const char *reason);
/* follow.c */
void mst_follow_reset(struct mst_shard *shard); /* a new attempt */
/* Its worker says that everything before `offset` may be imported. */
void mst_follow_told(struct mst_shard *shard, int64_t offset);
struct mst_shard *mst_follow_next(const struct mst_run *run); /* one that is worth a process; NULL */
/* What the importer says of the shard that it follows. */
void mst_follow_line(struct mst_shard *shard, struct json_object *line, const char *state);
/* Its worker has ended: is it imported, or about to be? When only about to be, mst_follow_ended goes on with it. */
bool mst_follow_holds(struct mst_shard *shard);
void mst_follow_ended(struct mst_shard *shard); /* the importer that followed it is gone */
/* importer.c */
void mst_importer_pump(struct mst_engine *engine);
bool mst_importer_wants(const struct mst_run *run);
/* keep.c */
void mst_keep_start(struct mst_engine *engine);              /* while setup.store is there */
void mst_keep_tick(struct mst_engine *engine);               /* every second */
void mst_keep_pump(struct mst_engine *engine, bool wanted);  /* `wanted`: some run waits for the importer */
void mst_keep_spool(struct mst_engine *engine, int64_t now); /* leftovers older than the settings keep */
/* arrange.c */
void mst_arrange_pump(struct mst_engine *engine);
/* reload.c; request NULL: nobody waits */
void mst_engine_reload(struct mst_engine *engine, struct mst_request *request);
/* engine.c: the numbers of the settings as the importer wants them. */
struct json_object *mst_engine_import_settings(const struct mst_settings *settings);
/* pools.c */
int mst_run_pools(struct mst_run *run);
void mst_run_leave_pools(struct mst_run *run);
void mst_run_pace(struct mst_run *run); /* starts anew, from what the plan allows */
unsigned mst_run_slots(const struct mst_run *run);
int64_t mst_run_share(const struct mst_run *run);
int64_t mst_run_limit(const struct mst_run *run); /* packets per second of zone and installation; 0: none */
void mst_run_book(struct mst_run *run, int64_t share, int sign);
/* end.c */
void mst_run_end(struct mst_run *run, int outcome, const char *text);
void mst_run_settle(struct mst_run *run); /* all is imported: outcome, spool directory removed */
/* recover.c */
int mst_engine_recover(struct mst_engine *engine, struct mst_err *err);
int mst_segment_take_over(const char *part, const char *seg, struct mst_err *err);
int64_t mst_spool_usage(const char *spool);

/* request.c: the mailbox. */
struct mst_request {
	struct mst_request *next;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	unsigned users;
	bool done;
	int verb, rc;
	struct json_object *arguments, *answer;
	struct mst_err err;
};
/* Answers (takes `answer` over) and forgets the request. */
void mst_request_answer(struct mst_request *request, struct json_object *answer);
void mst_request_refuse(struct mst_request *request, const struct mst_err *err);
struct mst_request *mst_request_next(struct mst_engine *engine); /* NULL when the mailbox is empty */
/* verbs.c */
void mst_engine_mail(struct mst_engine *engine);
/* check.c */
void mst_engine_check(struct mst_engine *engine, struct mst_request *request);
/* progress.c */
struct json_object *mst_run_progress(struct mst_run *run);

#endif
