/*
 * trial - one project's deployment inside its worker: from the first stop until it is healthy and
 * committed, or back. Everything a restart needs stands in the intent; the same code runs fresh and
 * in recovery. Depends on: sync.h.
 */
#pragma once

#include "agent/flow/snap.h"
#include "agent/flow/sync.h"

/* Phases as they stand in intent.json. A name is never given another meaning. */
#define PHASE_APPLY                                                                                \
	"apply" /* going forward: place files, up, health; re-run once after a crash               \
		 */
#define PHASE_HEALTHY "healthy" /* atomic: good, waits for the others' word */
#define PHASE_UNDO    "undo"    /* going back */
#define PHASE_SNAPSHOT                                                                             \
	"snapshot" /* writers are held and volumes copied; nothing of the new content is in place  \
		    */
#define PHASE_RESTORE "restore" /* data of a rollback's target, or by hand, is put in place */
#define PHASE_REMOVE  "remove"

struct intent {
	char *phase;
	int attempt;
	char *why; /* undo: the reason of the failure */
	bool atomic;
	bool unblamed; /* a failure is not this content's fault, so no mark: a rollback, or another
			  of an atomic sync */
	bool blocked;  /* goes back for another's failure */
	bool adopted; /* took over containers of someone else: there is no old version of ours to go
			 back to */
	bool disk; /* it failed for want of disk, or of the source's objects: counted as an attempt,
		      marked the second time */
	int records;         /* how often this was written: no end of it is no good */
	int resumes;         /* begun again after a death, counted before each */
	char *on_remove;     /* remove: down, stop, keep */
	struct strv failing; /* checks that failed before we touched anything */
	struct snap_state snap;
};

/* What a trial works on. */
struct bench {
	struct sync *sync;
	struct trial *trial;
	struct pool_job *job;
	struct intent intent;
	char *live, *elsewhere; /* directories */
	int64_t begun_ms;
	int lock_fd;    /* the project's lock; Compose inherits it */
	bool uncounted; /* it was taken up without room to record that */
	bool unmarked;  /* it is not recorded yet that this content failed */
	bool placing;   /* new files are going to their place: no engine is in the way then */
	const struct active *ahead; /* whose changed files lie ready (place_ahead()), or NULL */
};
int bench_open(struct pool_job *j, struct bench *b,
	       struct err *e); /* takes the project's lock (a surviving Compose may hold it) */
/* The same for a trial that was begun before: its worker's output and its intent with it. */
int bench_take_up(struct pool_job *j, struct worker_out *o, struct bench *b, struct err *e);
void bench_close(struct bench *b);              /* after either, also when it failed */
int bench_save(struct bench *b, struct err *e); /* write intent.json */
void bench_show(struct bench *b, const char *step, const char *detail);
/* Room for the records of going back, should the disk be full then: taken before anything is
 * touched, given up when it is needed. */
int bench_reserve(struct bench *b, bool take, struct err *e);

/* intent.c */
cJSON *intent_to_json(const struct bench *b);
int intent_load(struct sync *s, const char *project, struct trial *t, struct intent *in,
		struct err *e); /* in->phase NULL: none */
void intent_done(struct intent *in);

/* place.c: make live/ hold exactly these files instead of those. Untracked files are never touched.
 */
int place_files(struct bench *b, const struct active *from, const struct active *to, struct err *e);
/* Only its reading of the repository, while all still runs; the next place_files() to the same
 * record has less to do. Live files stay as they are. */
int place_ahead(struct bench *b, const struct active *from, const struct active *to, struct err *e);
void place_forget(struct bench *b); /* what lies ready is not needed */
/* Remove what `from` tracks. */
int place_nothing(struct bench *b, const struct active *from, struct err *e);

/* apply.c */
int apply_model(struct bench *b, const struct active *a, struct err *e); /* repair, then up */
int apply_down(struct bench *b, struct err *e);
int apply_stop(struct bench *b, struct err *e);
int apply_hashes(struct bench *b, struct active *a, struct err *e); /* what the containers carry */
void explain_failure(struct bench *b, struct err *e); /* adds log lines of what did not come up */

/* health.c */
struct judge {
	struct engine *engine;
	const char *project;
	const struct settings *settings;
	const cJSON *model;         /* expected services; borrowed */
	const struct strv *failing; /* checks not to be blamed on the change; may be NULL */
	struct stop *stop;
	int64_t since; /* wall clock of the trial's begin: restarts of younger containers count */
	bool now_only; /* one look, nothing is waited for */
	void (*waiting)(const char *what, void *arg);
	/* What was seen, once it is over: lines for "evidence" and "log"; may be NULL. */
	void (*saw)(const char *list, const char *line, void *arg);
	void *arg;
};
/* Wait until healthy. ERR_FAILED with the reason and log lines; ERR_RETRY: stop asked for, or the
 * engine is away too long. */
int health_wait(const struct judge *j, struct err *e);
/* Which checks fail right now (before a change), as stable names: "service web", "http URL", "unit
 * X". */
int health_failing(const struct judge *j, struct strv *failing, struct err *e);

/* probes.c: the http and units checks that fail now. good: what the others answered; may be NULL.
 */
int probes_failing(const struct settings *s, struct strv *names, struct str *why,
		   struct strv *good);

/* evidence.c: which containers health saw, in which state, since when. */
struct sight {
	char *service, *id;
	const char *state; /* healthy, running, ended */
	int64_t since_ms;
	int restarts, restarts_before, exit_code;
	bool now; /* in the last look too */
};
struct sights {
	struct sight *v;
	size_t n;
	int64_t begun_ms;
};
void sights_begin(struct sights *s); /* a look begins */
void sights_note(struct sights *s, const struct container *c, int64_t now_ms);
void sights_tell(const struct sights *s, int64_t now_ms, struct strv *out);
void sights_done(struct sights *s);

/* trial.c, undo.c, remove.c, repair.c: worker bodies. Their result is {"end":
 * good|healthy|failed|degraded|retry|stopped, "why", "new"} */
int trial_work(void *arg, struct worker_out *o, cJSON **result, struct err *e);
int trial_resume(void *arg, struct worker_out *o, cJSON **result,
		 struct err *e); /* recovery, from the intent */
int remove_work(void *arg, struct worker_out *o, cJSON **result, struct err *e);
int repair_work(void *arg, struct worker_out *o, cJSON **result, struct err *e);
int stage_work(void *arg, struct worker_out *o, cJSON **result, struct err *e);
/* atomic: the second half */
int finish_commit_work(void *arg, struct worker_out *o, cJSON **result, struct err *e);
int resume_decided(void *arg, struct worker_out *o, cJSON **result, struct err *e);
int finish_undo_work(void *arg, struct worker_out *o, cJSON **result, struct err *e);

/* parts they share */
cJSON *trial_end(const struct bench *b, const char *end,
		 const char *why); /* b NULL: without "new" */
int trial_persist(struct bench *b, int (*go)(struct bench *b, struct err *e),
		  struct err *e);           /* waits for an engine that is away */
bool trial_disk_error(const struct err *e); /* waiting does not help against it */
/* Forward to a good end, or back. The result says which; -1 only when nothing could be recorded. */
int trial_run(struct bench *b, cJSON **result, struct err *e);
int trial_judge(struct bench *b, const struct active *a, struct err *e);
int trial_commit(struct bench *b, struct err *e);
/* Marks, goes back; `why` is consumed. 0 with *result "failed", "degraded" or (engine away, stop)
 * "retry". */
int undo_trial(struct bench *b, struct err *why, cJSON **result);
int undo_resume(struct bench *b, cJSON **result, struct err *e);
int undo_remember(struct bench *b, struct err *e); /* the mark of what failed */
int undo_undecided(struct bench *b, cJSON **result,
		   struct err *e); /* healthy, but the sync was never decided */
int remove_resume(struct bench *b, cJSON **result, struct err *e);
int snapshot_resume(struct bench *b, cJSON **result, struct err *e); /* take.c */
int hand_resume(struct bench *b, cJSON **result, struct err *e);     /* by_hand.c */
/* A polite stop, or the world in the way: the intent stays open. */
cJSON *trial_stopped(struct bench *b, const struct err *why);
void bench_phase(struct bench *b, const char *phase);
