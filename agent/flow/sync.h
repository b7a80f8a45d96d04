/*
 * sync - what one sync knows while it goes through its steps. Private to flow.
 * Depends on: everything below flow.
 */
#pragma once

#include "agent/engine/engine.h"
#include "agent/eval/eval.h"
#include "agent/flow/flow.h"
#include "agent/git/repo.h"
#include "agent/model/plan.h"
#include "agent/store/store.h"
#include "common/json.h"
#include "common/str.h"
#include "common/worker.h"

#include <stdio.h>

/* ---- a person or systemd may ask us to stop (stop.c) ---- */
struct substitutions;

struct stop {
	int signal_fd; /* SIGTERM and SIGINT arrive here; read by the sync's own process only */
	int event_fd;  /* readable once a stop was asked for; workers inherit it */
};
int stop_open(struct stop *s, struct err *e);
bool stop_asked(struct stop *s); /* also in workers */
void stop_close(struct stop *s);

/* ---- one project's part in a sync ---- */
enum trial_state {
	TRIAL_WAITING, /* nothing done yet */
	TRIAL_STAGED,  /* everything it needs is on this host */
	TRIAL_RUNNING,
	TRIAL_HEALTHY, /* atomic: healthy, waits for the others */
	TRIAL_GOOD,    /* committed */
	TRIAL_ENDED,   /* any other end: see outcome */
};

struct trial {
	char *name;
	enum plan_action action; /* add, change, remove or repair */
	enum trial_state state;
	enum outcome_kind outcome; /* once it has ended */
	char *why;
	const struct project *want; /* NULL: remove; borrowed from sync.wanted or sync.target */
	struct active old;          /* what holds; empty if nothing does */
	bool has_old;
	struct active new; /* complete after staging */
	bool prepared;     /* rollback: `new` is a kept record; only its images need a look */
	bool same_model;   /* Compose has nothing to do: settings changed only */
	int attempts;      /* before this one */
	struct strv reasons, services, notes;
	struct strv quiet; /* changes that no container sees: files, settings */
	int64_t begun_ms, took_ms;
	bool busy; /* a worker is on it */
	bool reported;
	char *step; /* that runs now, and since when: details.c */
	int64_t step_ms;
	cJSON *details; /* what history and webhooks tell of it: see event.h; NULL: nothing */
};

struct sync {
	const struct config *config;
	const struct sync_options *options;
	struct sync_report *report;
	struct store *store;
	struct engine *engine; /* sync_engine() opens it on first use */
	struct stop stop;
	int lock_fd;
	bool finished;       /* the rest of the steps has nothing to do */
	char *scratch;       /* dry: a directory that goes away; else NULL */
	bool dry;            /* asking only: nothing is written or reported */
	struct strv doubted; /* were degraded until a person said `retry`: nobody knows what runs */
	bool untold;         /* what was done could not be written into the history */
	bool retry_later;    /* something ended with OUTCOME_RETRY: the source is not settled */
	struct source_record source;
	struct control control;
	char head[OBJECT_ID_SIZE]; /* "" in classic mode */
	bool forced;               /* the new head does not descend from the last one */
	char *tag;                 /* verify.mode tag: the source's, and the object it names */
	char tag_object[OBJECT_ID_SIZE];
	struct anchor accept; /* verify.c: the new anchor, once evaluation passed; id "": none */
	struct commit_info commit;
	struct generation current; /* number 0: none */
	struct projects wanted;
	struct strv others; /* projects of other hosts, by their own word: need not be read again */
	bool atomic;
	char plan_digest[DIGEST_HEX_SIZE];
	struct generation target; /* rollback */
	struct plan plan;
	struct containers running; /* every Compose container, once looked at */
	bool looked;
	struct trial *trials;
	size_t n_trials;
	int64_t number;          /* of the generation this sync makes */
	struct by_hand *by_hand; /* restore_verbs.c: what a verb asked its worker; else NULL */
	int64_t begun_ms;
};

/* The engine, opened and answering, with a Compose that is good enough. */
int sync_engine(struct sync *s, struct err *e);
/* engine_list() of everything, once per sync. */
int sync_look(struct sync *s, struct err *e);
void sync_show(const struct sync *s, const char *project, const char *step, const char *detail);
struct trial *sync_trial(struct sync *s, const char *project); /* or NULL */
void sync_outcome(struct sync *s, const char *project, enum outcome_kind k, const char *why,
		  int64_t ms);
char *sync_repo_dir(const struct sync *s);

/* ---- the steps, in order (steps.c) ---- */
int flow_open(struct sync *s, struct err *e);  /* open.c: lock, records, recovery */
int flow_fetch(struct sync *s, struct err *e); /* fetch.c */
/* flake.c: what the repository's flake says of this host, as JSON, freed by the caller. *out stays
 * NULL where another evaluator is set. ERR_REJECTED: the flake is wrong. */
int flake_evaluate(struct sync *s, const char *repo_dir, char **out, struct err *e);
int flow_verify(struct sync *s, struct err *e);   /* verify.c */
int flow_anchor(struct sync *s, struct err *e);   /* verify.c: it is accepted */
int flow_evaluate(struct sync *s, struct err *e); /* evaluate.c */
int flow_decide(struct sync *s, struct err *e);   /* decide.c: the plan */
int flow_stage(struct sync *s, struct err *e);    /* stage.c */
int flow_deploy(struct sync *s, struct err *e);   /* deploy.c: each project's trial */
int flow_commit(struct sync *s, struct err *e);   /* commit.c: the generation */
int flow_cleanup(struct sync *s, struct err *e);  /* cleanup.c */

/* ---- parts that steps share ---- */
/* open.c: signals, state directory, lock. */
int sync_begin(struct sync *s, const char *what, struct err *e);
/* steps.c: free everything, let go of the lock. */
void sync_close(struct sync *s);
/* recover.c: finish what a killed sync left. *open: there was something. */
int recover_run(struct sync *s, struct err *e);
void recover_forget(struct sync *s); /* what it had read of that sync */
/* safe.c: around a recovery. Counts it; ERR_BROKEN in safe mode. */
int safe_enter(struct sync *s, struct err *e);
void safe_leave(struct sync *s); /* it ended with an error, of its own accord: no death */
/* park.c: degraded, with all that its intent knows. */
int park_project(struct sync *s, const char *project, const char *why, struct err *e);
int park_is(const struct sync *s, const char *project, bool *yes, struct err *e);
/* A person's word: what is parked (of this project; NULL: of all) is finished or undone now. */
int park_take_up(struct sync *s, const char *only, struct err *e);
/* commit.c: put a generation on disk, keep its objects, switch `current`. */
int generation_commit(struct sync *s, struct generation *g, struct err *e);
struct generation_entry *generation_add(struct generation *g,
					const char *name); /* borrowed until the next add */
/* status_sum.c: code, problem and next, from the rest */
void status_sum_up(struct status *s, const struct config *c);
void sync_metrics(struct sync *s, bool good); /* metrics.c: at the end */
bool sync_open_trials(const struct sync *s);  /* sync.c: a trial's intent is still on disk */
/* decide.c: why nothing is applied now, or NULL. */
const char *held_by_control(const struct sync *s);
/* unmanaged.c: Compose projects that are not ours and are to go, into the plan. */
int unmanaged_find(struct sync *s, struct err *e);
/* target.c: give rollback's trials their kept records. */
void target_prepare(struct sync *s);
/* target.c: rollback's wanted set from a kept generation. */
int target_load(struct sync *s, struct err *e);
/* plan_view.c: a sync that only asks: a directory of its own. c->state_dir may be replaced. */
int scratch_open(struct sync *s, struct config *c, struct err *e);
/* plan_view.c: remove it, and all the rest. `was`: the state_dir that was given. */
void scratch_close(struct sync *s, struct config *c, const char *was);
/* age.c: tell when there was no new commit for too long, and when there is one. */
void age_look(struct sync *s);
/* Before the first effect of a rollback: hold what was left behind. */
int target_hold(struct sync *s, struct err *e);
/* intent.c: write sync.json, the open sync; decided: "", "commit" or "undo" (atomic). */
int sync_intent_save(struct sync *s, const char *decided, struct err *e);
/* drift.c: which projects run differently from their record; adds trials when the policy says
 * repair. */
int drift_find(struct sync *s, struct err *e);
bool drift_of(const struct active *a, const struct containers *running, struct str *what);
/* A container that ended with 0 ended well only if nothing is to start it again. */
void drift_refine(struct engine *g, struct containers *l);
/* decide.c: the comparison alone; sync.plan and sync.trials. */
int decide_plan(struct sync *s, struct err *e);
/* disk.c: tell when a file system is nearly full, and when it is not any more. */
void disk_look(struct sync *s);        /* the state directory's */
void disk_look_engine(struct sync *s); /* the engine's; it is open */
bool disk_is_reason(const char *why);
/* So little room is left where path lies that what runs there could not write. */
bool disk_is_full(const char *path);
/* report.c. Also from inside workers. message NULL: the event's meaning. */
void report_event(struct sync *s, enum event ev, const struct event_fields *f, const char *message);
/* A failure that may go on for long: told by the rule of repeats (store.h). It is the same one
 * while event, project, receiver and reason are. */
void report_failure(struct sync *s, enum event ev, const struct event_fields *f,
		    const char *message);
/* The failure `was` of this project or receiver is over: `ev` tells it, if it had been told, with
 * how long it went on. */
bool report_recovery(struct sync *s, enum event was, enum event ev, const struct event_fields *f,
		     const char *message); /* was there anything to tell? */
/* What was told is on disk, so the record that is open may be closed; else ERR_RETRY. */
int report_settled(const struct sync *s, struct err *e);
void report_started(struct sync *s);
/* Only when a person asked for more words (--verbose). */
void report_unchanged(struct sync *s, const char *project, const char *why);
void report_trial(struct sync *s, struct trial *t);

/* pool.c: run a worker for each trial that `next` gives, at most `parallel` at a time. */
struct pool {
	struct trial *(*next)(struct sync *s); /* ready to start, or NULL: none now */
	worker_fn work;                        /* its arg is a struct pool_job */
	void (*ended)(struct sync *s, struct trial *t, const cJSON *result,
		      const struct err *failed);
	int timeout_ms;
	bool stop_cancels; /* on a stop kill the workers (nothing is touched yet), else wait for
			      them */
};
struct pool_job {
	struct sync *sync;
	struct trial *trial;
	worker_fn work;
	struct worker_out *out;       /* set in the worker */
	struct substitutions *hidden; /* in the worker: what must not be said; or NULL */
};
int pool_run(struct sync *s, const struct pool *p, struct err *e);
void job_hide(struct pool_job *j); /* learn what must not be said, from the trial's records */
void job_mask(const struct pool_job *j, struct err *e); /* take it out of what goes on record */
void job_show(struct pool_job *j, const char *step, const char *said); /* from inside a worker */
/* From inside a worker: a line for the trial's details, under "changes", "evidence" or "log". */
void job_tell(struct pool_job *j, const char *list, const char *said);
/* Each line of a text, with "who: " in front. */
void job_tell_lines(struct pool_job *j, const char *list, const char *who, const char *text);

/* details.c: what a trial leaves for the history. All in the sync's own process. */
void details_add(struct trial *t, const char *list, const char *line); /* printable, bounded */
/* A step begins; the one before ends. NULL: the last one ends. */
void details_step(struct trial *t, const char *step, int64_t at_ms);
/* Before it is reported: what only its end tells. */
void details_finish(struct trial *t);
/* The part of a reason before its log lines, one line. The caller frees. */
char *reason_short(const char *why);

/* Limits of a worker that reads what strangers wrote. */
extern const struct worker_limits sync_reader_limits;
/* sync.c: from here on such a worker can do nothing but read, and write below dir (NULL: nowhere).
 * network: it talks to the source. Call it once what is ours is open. */
void sync_confine(const struct sync *s, const char *dir, bool network);

/* What Compose knows the trial's project by; borrowed. */
const char *trial_compose_name(const struct trial *t);
struct trial *trial_add(struct sync *s, const char *name, enum plan_action action);
void trials_done(struct sync *s);
