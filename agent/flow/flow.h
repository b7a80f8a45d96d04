/*
 * flow - a sync from start to end, and what a person can ask for. The steps stand in steps.c in the
 * order the data goes. Only this layer brings git, eval, engine, snapshot, notify and store
 * together. Depends on: everything below.
 */
#pragma once

#include "agent/model/config.h"
#include "agent/model/container.h"
#include "agent/model/diag.h"
#include "agent/model/generation.h"
#include "agent/model/plan.h"
#include "agent/store/store.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- progress: what `sync` shows while it works ---- */
struct progress_line {
	const char *project; /* NULL: the sync itself */
	const char *step;    /* "fetch", "pull", "apply", "health", "undo", ...; at the end
				outcome_name() */
	const char *detail;  /* what it waits for, printable; may be NULL */
};
struct progress {
	void (*show)(const struct progress_line *l,
		     void *arg); /* called in the sync's own process only */
	/* Called at least every 200 ms while something is under way (a live display redraws its
	 * clock); may be NULL. */
	void (*tick)(void *arg);
	void *arg;
};

/* ---- one sync ---- */
enum outcome_kind {
	OUTCOME_DEPLOYED, /* added or changed, healthy, committed */
	OUTCOME_REPAIRED,
	OUTCOME_REMOVED,
	OUTCOME_FAILED,  /* did not become good and went back (or was never touched); marked */
	OUTCOME_HELD,    /* not tried: marked, suspended, behind a hold */
	OUTCOME_BLOCKED, /* not tried: comes after one that failed, or part of an atomic sync that
			    failed */
	OUTCOME_RETRY, /* the world was in the way (registry, engine, disk); will be tried again */
	OUTCOME_DEGRADED, /* going back failed too */
};
const char *outcome_name(enum outcome_kind k);

struct outcome {
	char *project;
	enum outcome_kind kind;
	char *why; /* one line or more, printable; NULL for the plain good ones */
	int64_t ms;
};

struct sync_report {
	bool nothing_new;   /* the source has what we saw last time: nothing was done */
	bool stopped;       /* SIGTERM: the rest goes on at the next start */
	int64_t generation; /* that holds now; 0: none */
	bool made;          /* it is new, or current was switched */
	struct commit_info commit;
	struct outcome *v; /* all but kept projects, in the order they ended */
	size_t n, kept;
	struct strv recovered; /* what recovery did first, in words */
	struct strv warnings;
};
void sync_report_done(struct sync_report *r);
#define auto_sync_report AUTO(sync_report_done)
cJSON *sync_report_to_json(const struct sync_report *r);

struct sync_options {
	bool drift;          /* look at what runs even when the source did not move */
	bool retry;          /* forget marks (and degraded) first ... */
	const char *project; /* ... of this project only; with rollback: only this one. NULL: all */
	bool rollback;       /* target is a generation, offline */
	int64_t target;      /* its number; 0: the previous good one */
	bool pin;            /* rollback: hold until `resume` */
	bool restore_volumes; /* rollback: put the data of that generation back too ... */
	const struct strv *restore_only; /* ... of these volumes; NULL or empty: all */
	bool resume;                     /* lift a hold or suspension first */
	bool trust_first;   /* verify: the first commit may be any that is signed well */
	const char *accept; /* verify: this commit is the anchor from now on; or NULL */
	int lock_wait_ms;   /* another sync may be running: how long to wait */
	const struct progress *progress; /* or NULL */
};

/*
 * Run one sync under the lock. r is filled as far as it came, also on failure (free with
 * sync_report_done). Returns 0 when everything wanted holds or is held on purpose; -1: ERR_FAILED
 * (a deployment failed and went back), ERR_RETRY, ERR_REJECTED (the commit), ERR_BROKEN (degraded),
 * ERR_USAGE.
 */
int flow_sync(const struct config *c, const struct sync_options *o, struct sync_report *r,
	      struct err *e);

/* ---- asking ---- */
struct plan_view {
	struct plan plan;
	struct commit_info commit; /* that the source has now */
	struct strv warnings;
	bool held; /* nothing would be applied: `why` says so */
	char *why;
};
void plan_view_done(struct plan_view *v);
#define auto_plan_view AUTO(plan_view_done)
/* What a sync would do and why. Asks the source and the engine; changes neither them nor the state
 * directory. */
int flow_plan(const struct config *c, struct plan_view *out, struct err *e);

/* As monitoring plugins exit. */
enum status_code { STATUS_OK, STATUS_WARNING, STATUS_CRITICAL, STATUS_UNKNOWN };

struct project_status {
	char *name;
	char *state;  /* "healthy", "running", "starting", "unhealthy", "stopped", "partly",
			 "missing", "unknown", "degraded" */
	char *detail; /* what is wrong with it, or NULL */
	struct commit_info commit;
	int64_t since, generation;
	char *held;                        /* why something newer is not applied, or NULL */
	size_t containers, running, ended; /* ended: one-shots that did their work */
};
struct status {
	int64_t generation, generations;
	struct commit_info commit;
	struct control control;
	struct source_record source;
	char *source_url;
	char *busy; /* who holds the lock, or NULL */
	bool engine_answers;
	char *engine_error;
	bool safe_mode;      /* recovery died too often: nothing is touched any more */
	int recoveries;      /* ... how often */
	bool recovery_open;  /* an unfinished sync waits for the next start */
	bool synced;         /* there was a sync: false, nothing but the source is known */
	bool daemon;         /* is running; source_seen and source_error are its own then */
	int64_t source_seen; /* wall clock of the source's last answer that is known; 0: never */
	char *source_error;  /* why it does not answer now, or why its head was rejected; or NULL */
	int64_t made;        /* wall clock of the generation */
	struct project_status *v;
	size_t n;
	char *next; /* what to do next, in words: "nothing", "mdc-agent retry web", ... */
	enum status_code code;
	char *problem; /* the worst of what is wrong, in words; NULL: nothing is */
};
void status_done(struct status *s);
#define auto_status AUTO(status_done)
int flow_status(const struct config *c, struct status *out,
		struct err *e); /* no lock; changes nothing */
cJSON *status_to_json(const struct status *s);
/* status_sum.c */
bool status_project_runs(const struct project_status *p);
bool status_project_well(const struct project_status *p); /* runs, and nothing newer is held */
const char *status_code_name(enum status_code c);         /* "OK", "WARNING", ... */

struct check_options {
	const char *dir; /* a work tree, any directory, or a bare repository */
	const char *ref; /* a commit of a repository; NULL: HEAD of a bare one, else the files */
	const struct config *config; /* of a host; NULL: defaults */
	const struct policy *policy; /* instead of the config's; or NULL */
	bool with_compose; /* also let Compose read every project when it is installed, and judge
			      what it asks for */
};
/*
 * Lint a config repository; all hosts' projects are looked at. Findings go to d; returns 0 when the
 * repository could be read at all. *projects: how many were found.
 */
int flow_check(const struct check_options *o, struct diags *d, size_t *projects, struct err *e);

/* What `accept` would take: a commit that the source has. */
struct accept_view {
	struct commit_info commit;
	char head[OBJECT_ID_SIZE]; /* of the source now */
	struct anchor before;      /* id "": none */
	bool damaged;              /* its record */
	bool descends;             /* from the anchor; true without one */
	bool signed_well;
	char *signature; /* by whom, or why not */
};
void accept_view_done(struct accept_view *v);
#define auto_accept_view AUTO(accept_view_done)
/* Asks the source; changes nothing. ERR_USAGE: verify is off, or the source has no such commit. */
int flow_accept_view(const struct config *c, const char *id, struct accept_view *out,
		     struct err *e);

/* ---- changing without a sync ---- */
int flow_suspend(const struct config *c, const char *why, struct err *e);

struct gc_report {
	size_t generations, models, images, marks; /* removed */
	size_t snapshots, copies;                  /* copies: without a record, left by a crash */
};
/* Decrypt again what deployed projects mount. Under the lock; without the engine. */
int flow_secrets(const struct config *c, struct err *e);
/* Retention: generations, models, kept image tags, marks of content gone by, repository upkeep.
 * Under the lock. */
int flow_gc(const struct config *c, struct gc_report *r, struct err *e);

/* Ask a running daemon to look at the source now: 0, or ERR_RETRY "no daemon is running" . */
int flow_poke(const struct config *c, struct err *e);
/* What a running daemon says of itself (daemon/status.h); ERR_RETRY "no daemon is running". */
int flow_ask_daemon(const struct config *c, cJSON **out, struct err *e);
