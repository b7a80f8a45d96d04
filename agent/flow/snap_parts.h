/*
 * snap_parts - what the files that take and restore copies share. Private to them.
 * Depends on: trial.h.
 */
#pragma once

#include "agent/flow/snap.h"
#include "agent/flow/trial.h"

/* One snapshot being taken. */
struct taking {
	struct bench *bench;
	const struct settings *settings;
	cJSON *old_model, *new_model; /* new: what runs next; by hand both are the same one */
	struct project_volumes volumes;
	enum quiesce quiesce;
	bool trial_follows; /* containers that will be replaced stay stopped */
	bool convert;       /* a directory becomes a subvolume: all its writers must stop */
	int64_t held_ms;    /* clock when the first was held */
	struct guard *guard;
};
/* Is this one copied? */
bool taking_has(const struct project_volume *v);
bool snap_wanted(const struct settings *s);

/* quiesce.c */
void quiesce_plan(struct taking *t); /* fills intent.snap.holds */
/* Will `up` replace or remove it? Then there is no use in starting it again. */
bool quiesce_replaced(const struct taking *t, const struct user *c);
int quiesce_hold(struct taking *t, struct err *e);
/* Let go of what is held; all: also of what `up` was to replace. Safe to repeat. Tries each. */
int quiesce_let_go(struct engine *g, const struct snap_state *s, bool all, struct err *e);

/* guard.c: a small process that lets go should we die, and a restart does not come at once. */
struct guard;
int guard_start(struct bench *b, struct guard **out, struct err *e);
void guard_end(struct guard *g); /* NULL is fine */
/* Let it do its work although we live on. NULL is fine. */
void guard_leave(struct guard *g);

/* hook.c: run one in its service; which: "before_snapshot". ERR_FAILED when it fails. */
int hook_run(struct bench *b, const struct hook *h, const char *which, const struct uses *uses,
	     struct err *e);

/* take.c: all of it, from the plan to the record. See trial.c for what comes before and after. */
int taking_plan(struct taking *t, bool *any, struct err *e);
int taking_run(struct taking *t, struct err *e);
void taking_done(struct taking *t);
/* Let go of everything, drop what was copied, forget the record. For failure and recovery. */
int taking_abandon(struct bench *b, struct err *e);
/* Something failed: taking_abandon(), told; the guard stays if that fails too. Always -1. */
int taking_give_up(struct taking *t, struct err *e);
/*
 * What a trial does before its new content is touched: a snapshot, if there is anything to copy. On
 * 0 the intent is on disk and says apply (a rollback that takes data along: restore). On failure
 * all is as it was.
 */
int snap_before(struct bench *b, struct err *e);

/* restore_plan.c: what an undo puts back, into the intent. Nothing if there is nothing. */
void restore_plan_undo(struct bench *b);
/* A restore forward, or by hand (intent.snap.by_hand). ERR_USAGE if there is nothing to restore. */
bool restore_fits(const struct snapshot *from, const struct strv *only); /* any of these */
int restore_plan_from(struct bench *b, const struct snapshot *from, const struct strv *only,
		      struct err *e);
/* What a restore that does not go on has built; its source is still in its snapshot. */
void restore_drop_built(struct bench *b);
char *restore_words(const struct bench *b); /* "; its data ..." or ""; the caller frees */

/* restore.c: from where the intent says it is to the end; nothing if nothing is to be restored. */
int restore_run(struct bench *b, struct err *e);
/* The undo is given up: what was exchanged is recorded as what it is. */
void restore_settle(struct bench *b);
const char *exchange_shown(const struct exchange *x); /* its name for people */

/* restore_aside.c: all are exchanged; what was there goes where the plan says. make_room: unless a
 * failed version has filled the disk with it; then it is dropped. */
int restore_keep_aside(struct bench *b, bool make_room, struct err *e);

/* restore_users.c: nobody of this project is left that could run on the volumes; first: those that
 * others run on stay as they are, and are named in snap.left. */
int restore_clear_users(struct bench *b, bool first, struct err *e);
/* Restart policies that were set aside while data was exchanged. */
void restore_policies(struct bench *b);
