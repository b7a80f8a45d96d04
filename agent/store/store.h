/*
 * store - everything under the state directory. Records are written in one way only
 * (common/record). A change to the set of files here needs a line in docs/architecture.md.
 * Depends on: common, model.
 */
#pragma once

#include "agent/model/config.h"
#include "agent/model/event.h"
#include "agent/model/generation.h"
#include "agent/model/snapshot.h"
#include "common/auto.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- opening (store.c, config_load.c) ---- */
/*
 * Read agent.yaml: ERR_USAGE with file:line:column. path NULL: place_settings().
 * config.digest becomes "version-length-crc32c": enough to notice a change, and made without
 * libcrypto, which the daemon must not load.
 */
int config_load(const char *path, struct diags *d, struct config *out, struct err *e);

struct store;
/* Make missing directories (0700), check the version file. create false: ERR_USAGE if it is not
 * there; changes nothing. */
int store_open(const struct config *c, bool create, struct store **out, struct err *e);
void store_close(struct store *s);
AUTO_PTR(store_close, struct store)
#define auto_store AUTO(store_close_at)

/* Under the sync's lock: remove what killed trials and writers left, files of these if over an
 * hour old. */
int store_sweep(const struct store *s, struct err *e);

/* Paths; the caller frees. */
char *store_path(const struct store *s,
		 const char *name); /* below the state directory: "repo.git", "lock" */
char *store_live_dir(const struct store *s, const char *project); /* live/<project> */
char *store_elsewhere_dir(const struct store *s,
			  const char *project); /* live/.elsewhere/<project> */
char *
store_stage_dir(const struct store *s,
		const char *project); /* stage/<project>: may vanish at any time between syncs */
char *store_model_path(const struct store *s, const char *project, const char *digest);

/* ---- source.json: what the last finished sync saw (source_record.c) ---- */
struct source_record {
	char id[OBJECT_ID_SIZE]; /* the source's head */
	char *config_digest;     /* of agent.yaml, and the agent's version */
	bool settled;            /* nothing is waiting for a retry: the same head needs no work */
	int64_t fetched;   /* wall clock of the last time the source answered with something new */
	int failures;      /* syncs in a row that ended with ERR_RETRY */
	char *last_error;  /* or NULL */
	char *plan_digest; /* over the digests of all projects wanted here at that head; or NULL */
	cJSON *held;       /* project -> why its newest content is not applied; NULL: none */
	int64_t moved;     /* wall clock when id became what it is */
	char refused[OBJECT_ID_SIZE]; /* the head that was not accepted, "": none */
	char *refused_why;            /* or NULL */
};
int source_read(const struct store *s, struct source_record *out,
		struct err *e); /* zeroed if there is none, or it is damaged: it only saves work */
int source_write(const struct store *s, const struct source_record *r, struct err *e);
/* "no new commit for 9d ..." where that is longer than source.max_age; NULL: it is not. The caller
 * frees. */
char *source_age_text(const struct source_record *r, const struct config *c);
void source_record_done(struct source_record *r);
#define auto_source AUTO(source_record_done)

/* ---- anchor: the last commit that was verified and accepted (anchor.c) ---- */
struct anchor {
	char id[OBJECT_ID_SIZE]; /* "": there is none */
	char *tag;               /* mode tag: of which it was; or NULL */
	char *who;               /* signed it, or that it was accepted by hand; printable */
	int64_t since;           /* wall clock */
};
int anchor_read(const struct store *s, struct anchor *out, struct err *e); /* ERR_BROKEN: damaged */
int anchor_write(const struct store *s, const struct anchor *a, struct err *e);
void anchor_done(struct anchor *a);
#define auto_anchor AUTO(anchor_done)

/* ---- control.json: auto, suspended, held (control.c) ---- */
enum control_mode { CONTROL_AUTO, CONTROL_SUSPENDED, CONTROL_HELD };
struct control {
	enum control_mode mode;
	char *why;         /* shown by status */
	int64_t since;     /* wall clock */
	bool pinned;       /* held until `resume`, whatever is pushed */
	char *plan_digest; /* held: the host's plan that was left behind; another one lifts the hold
			    */
};
int control_read(const struct store *s, struct control *out, struct err *e);
int control_write(const struct store *s, const struct control *c,
		  struct err *e); /* CONTROL_AUTO removes the file */
void control_done(struct control *c);
#define auto_control AUTO(control_done)
const char *control_mode_name(enum control_mode m);

/* ---- projects/<name>/ (projects.c, intents.c, models.c) ---- */
/* out is initialised; it is replaced if there is a record. */
int active_read(const struct store *s, const char *project, struct active *out, bool *found,
		struct err *e);
int active_write(const struct store *s, const struct active *a,
		 struct err *e); /* the project's point of no return */
int active_remove(const struct store *s, const char *project, struct err *e);
int active_names(const struct store *s, struct strv *out,
		 struct err *e); /* every project with a record directory */

/* The open trial of one project: raw JSON, flow owns the fields. *out NULL: none. Falls back to
 * intent.prev when torn. */
int intent_read(const struct store *s, const char *project, cJSON **out, struct err *e);
int intent_write(const struct store *s, const char *project, const cJSON *intent, struct err *e);
int intent_remove(const struct store *s, const char *project, struct err *e);
int sync_intent_read(const struct store *s, cJSON **out,
		     struct err *e); /* sync.json: the open sync */
int sync_intent_write(const struct store *s, const cJSON *intent, struct err *e);
int sync_intent_remove(const struct store *s, struct err *e);

/* ---- recovery.json: recoveries that were cut off themselves (recovery_record.c) ---- */
enum { RECOVERY_MAX = 3 }; /* from here on nothing is touched any more: safe mode */
struct recovery {
	int died;      /* tries in a row that did not come to an end; one under way counts */
	int64_t since; /* wall clock of the first */
	bool told;     /* safe mode was reported */
};
int recovery_read(const struct store *s, struct recovery *out,
		  struct err *e); /* zeroed if there is none */
int recovery_write(const struct store *s, const struct recovery *r,
		   struct err *e); /* died 0 removes the file */
int recovery_forget(const struct store *s, struct err *e);

/* Degraded projects: projects/<name>/degraded.json {why, since}. */
int degraded_read(const struct store *s, const char *project, char **why, int64_t *since,
		  struct err *e);                             /* *why NULL: not degraded */
bool degraded_is(const struct store *s, const char *project); /* by a look at the file's name */
int degraded_write(const struct store *s, const char *project, const char *why, struct err *e);
int degraded_remove(const struct store *s, const char *project, struct err *e);

/* drift.json: what was last reported, project -> text, so that the same drift is told once. {} if
 * there is none. */
int drift_read(const struct store *s, cJSON **out, struct err *e);
int drift_write(const struct store *s, const cJSON *drift,
		struct err *e); /* an empty object removes the file */

/* Models by digest; immutable. The file is plain canonical JSON, so that Compose can read it. */
int model_write(const struct store *s, const char *project, const cJSON *model,
		char digest[DIGEST_HEX_SIZE], struct err *e);
int model_read(const struct store *s, const char *project, const char *digest, cJSON **out,
	       struct err *e); /* verifies the digest; ERR_BROKEN */
int model_list(const struct store *s, const char *project, struct strv *out,
	       struct err *e); /* digests of those that are kept */
int model_remove(
	const struct store *s, const char *project, const char *digest,
	struct err *e); /* with the last one an otherwise empty project directory goes too */

/* ---- generations/ and current (generations.c, current.c) ---- */
int generation_numbers(const struct store *s, int64_t **out, size_t *n,
		       struct err *e); /* ascending; the caller frees */
int generation_next(const struct store *s, int64_t *out,
		    struct err *e); /* one more than any number ever used */
/* out is empty before. */
int generation_read(const struct store *s, int64_t number, struct generation *out,
		    struct err *e); /* ERR_BROKEN if it does not verify */
int generation_write(const struct store *s, const struct generation *g, struct err *e);
int generation_remove(const struct store *s, int64_t number, struct err *e);
int current_read(const struct store *s, int64_t *number, struct err *e); /* 0: none yet */
int current_switch(const struct store *s, int64_t number,
		   struct err *e); /* the generation's point of no return */

/* ---- marks/ (marks.c): content that failed here ---- */
struct mark {
	char *project, *digest; /* project's digest; file name is from both */
	char *reason; /* in words, with log lines; NULL: it did not fail, only our own death cut it
			 off */
	char commit[OBJECT_ID_SIZE];
	int64_t when;
	int attempts; /* that ended in failure or were cut off by our own death */
	bool manual;  /* left behind by a manual rollback */
	char *policy; /* it failed before anything was touched, under the policy of this digest:
			 with another one it is worth a new look; or NULL */
};
int mark_read(const struct store *s, const char *project, const char *digest, struct mark *out,
	      bool *found, struct err *e);
int mark_write(const struct store *s, const struct mark *m, struct err *e);
int mark_remove(const struct store *s, const char *project, const char *digest, struct err *e);
int marks_of(const struct store *s, const char *project, struct mark **out, size_t *n,
	     struct err *e); /* NULL: all */
void mark_done(struct mark *m);
void marks_done(struct mark *v, size_t n);
#define auto_mark AUTO(mark_done)

/* ---- snapshots/<id>.json (snapshots.c): which copies of volumes exist ---- */
int snapshot_write(const struct store *s, const struct snapshot *x,
		   struct err *e); /* from here on it exists */
int snapshot_read(const struct store *s, const char *id, struct snapshot *out, bool *found,
		  struct err *e); /* out is overwritten when found; ERR_BROKEN if it is damaged */
int snapshot_forget(const struct store *s, const char *id,
		    struct err *e); /* the record only: the copies go with snapshot_drop() */
int snapshot_list(const struct store *s, const char *project /* or NULL: all */,
		  struct snapshot **out, size_t *n, struct err *e); /* oldest first */
void snapshots_done(struct snapshot *v, size_t n);
char *snapshot_new_id(const char *project, int64_t generation); /* the caller frees */

/* ---- the file of `metrics_file:` (metrics_file.c); config.metrics_file is set ---- */
struct metrics_sync {
	bool good;            /* everything wanted holds */
	bool asked, answered; /* the source */
};
/* The whole file, from the records. */
int metrics_write(const struct store *s, const struct config *c, const struct metrics_sync *now,
		  struct err *e);
/* Only what it says of the source; nothing if there is no file yet. Reads no records. */
int metrics_note_source(const struct config *c, bool up, int64_t seen, struct err *e);

/* ---- history.jsonl (history.c, history_read.c) ---- */
/*
 * Append one event, in the form of event_to_json(); the file is rotated at 8 MiB (one old one is
 * kept). Durable when it returns, unless the event's kind says that it may wait for the next one.
 * seq grows strictly, across restarts, rotations and writers: it is the wall clock in ms, or one
 * more than the last when that is higher. It is what receivers keep as their cursor.
 */
int history_add(const struct store *s, enum event ev, const struct event_fields *f,
		const char *message, struct err *e);
/*
 * Before anything is touched: room for what is told until the end, that a full disk cannot take
 * away. Where the file system can promise none there is none.
 */
int history_reserve(const struct store *s, struct err *e);
/*
 * Visit at most max entries with seq > after_seq, oldest first; each() ends it with anything but 0.
 * Entries of older versions have no seq: it counts as 0, so nobody is sent them.
 */
int history_from(const struct store *s, int64_t after_seq, size_t max,
		 int (*each)(const cJSON *entry, void *arg), void *arg, struct err *e);
int history_last_seq(const struct store *s, int64_t *seq, struct err *e); /* 0: no entry has one */
/* Visit the last `limit` entries, oldest first; lines that do not parse are skipped. */
int history_each(const struct store *s, size_t limit, void (*each)(const cJSON *entry, void *arg),
		 void *arg, struct err *e);

/* ---- repeats.json: failures that go on (repeats.c) ---- */
/*
 * What fails: an event, of a project, a receiver or a file system. The same failure is told once,
 * then hourly, then daily; a key is never told more than three times in an hour, whatever its
 * reasons. "The same": reasons that differ in numbers, times and ids only.
 */
struct repeat_key {
	enum event event;
	const char *project, *subject; /* either may be NULL; subject: a receiver, a path */
};
struct repeat_state {
	bool tell;     /* failed: report it now; over: it had been reported, so report its end */
	int64_t since; /* wall clock of the first failure */
	int64_t times; /* it failed until now */
};
int repeat_failed(const struct store *s, const struct repeat_key *k, const char *reason,
		  struct repeat_state *out, struct err *e);
/* It works again: forget it. Costs one look at a file that is mostly not there. */
int repeat_over(const struct store *s, const struct repeat_key *k, struct repeat_state *out,
		struct err *e);
/* Visit the keys that are open now; pointers are valid during the call. */
int repeat_each(const struct store *s, void (*each)(const struct repeat_key *k, void *arg),
		void *arg, struct err *e);
